//! The automaton's rules: for each state, what each class of characters leads to. The first rule that fits counts.

use super::kind;

/// A class of characters, or a question that is asked where one stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Class {
    Any,
    End,
    Is(char),
    OneOf(&'static str),
    AsciiLetter,
    Letter,
    Digit,
    HexDigit,
    LetterOrDigit,
    /// Neither a letter nor a digit.
    Other,
    Space,
    /// A mark that belongs to the letter before it.
    Special,
    UrlCharacter,
    /// Anything within a script.
    Ignored,
    /// A host was wanted and is there.
    StopsHost,
    /// A host begins here.
    Host,
    /// A path of a URL begins here.
    UrlPath,
    /// What was begun does not end, since its end comes nowhere behind this.
    Without(&'static str),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Effect {
    /// To a state, past the character.
    Go(State),
    /// To a state, with the same character.
    Again(State),
    /// The same as an attempt: if it fails, the next rule is tried.
    Try(State),
    /// The attempt was right: there is no way back before it. Then to a state, past the character.
    Keep(State),
    /// The attempt is over: to the state before it, past the character.
    Return,
    /// The attempt has failed.
    Fail,
    /// A token of a kind ends before the character; the next begins in a state.
    Token(u8, State),
}

#[derive(Debug, Clone, Copy)]
pub(super) struct Rule {
    pub(super) class: Class,
    pub(super) effect: Effect,
}

/// What the automaton is in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    Base,
    NumWord,
    AsciiWord,
    Word,
    UnsignedInt,
    SignedIntFirst,
    SignedInt,
    Space,
    UnsignedDecimalFirst,
    UnsignedDecimal,
    DecimalFirst,
    Decimal,
    /// Behind the second dot of a number with a sign, which versions do not have.
    DecimalDot,
    NoDecimal,
    VersionFirst,
    Version,
    MantissaFirst,
    MantissaSign,
    Mantissa,
    EntityFirst,
    Entity,
    EntityNumberFirst,
    EntityNumber,
    EntityHexFirst,
    EntityHex,
    EntityEnd,
    TagFirst,
    XmlBegin,
    TagCloseFirst,
    TagName,
    TagBeginEnd,
    InTag,
    TagQuote,
    TagDoubleQuote,
    TagBackslash,
    TagEnd,
    CommentFirst,
    CommentLast,
    Comment,
    CommentCloseFirst,
    CommentCloseLast,
    CommentEnd,
    HostFirstDomain,
    HostDomainSecond,
    HostDomain,
    PortFirst,
    Port,
    HostFirst,
    Host,
    Email,
    FileFirst,
    FileTwiddle,
    PathFirst,
    PathFirstFirst,
    PathSecond,
    File,
    FileNext,
    UrlPathFirst,
    UrlPathStart,
    UrlPath,
    Url,
    ProtocolFirst,
    ProtocolSecond,
    ProtocolEnd,
    HyphenAsciiWordFirst,
    HyphenAsciiWord,
    HyphenWordFirst,
    HyphenWord,
    HyphenNumWordFirst,
    HyphenNumWord,
    HyphenDigits,
    Parts,
    PartsHyphen,
    PartsInt,
    AsciiPart,
    WordPart,
    NumPart,
}

const fn go(class: Class, state: State) -> Rule {
    Rule { class, effect: Effect::Go(state) }
}

const fn attempt(class: Class, state: State) -> Rule {
    Rule { class, effect: Effect::Try(state) }
}

const fn keep(class: Class, state: State) -> Rule {
    Rule { class, effect: Effect::Keep(state) }
}

const fn fail(class: Class) -> Rule {
    Rule { class, effect: Effect::Fail }
}

const fn token(class: Class, kind: u8, next: State) -> Rule {
    Rule { class, effect: Effect::Token(kind, next) }
}

const ASCII_WORD: u8 = 1;
const WORD: u8 = 2;
const NUM_WORD: u8 = 3;
const EMAIL: u8 = 4;
const NUM_PART: u8 = 9;
const WORD_PART: u8 = 10;
const ASCII_PART: u8 = 11;
const FILE: u8 = 19;

/// What is remembered of failed attempts; those that are short need not be.
pub(super) fn attempt_bit(state: State) -> Option<u32> {
    Some(match state {
        State::HostFirst => 0,
        State::HostFirstDomain => 1,
        State::Host => 2,
        State::FileFirst => 3,
        State::FileNext => 4,
        State::FileTwiddle => 5,
        State::HyphenAsciiWordFirst => 6,
        State::HyphenWordFirst => 7,
        State::HyphenNumWordFirst => 8,
        State::Email => 9,
        State::EntityFirst => 10,
        State::PortFirst => 11,
        State::Url => 12,
        _ => return None,
    })
}

/// What ends comments and values of attributes; the order is that of [`super::Tokens`]'s `last`.
pub(super) const ENDS: [&str; 3] = ["-->", "'", "\""];

impl State {
    #[rustfmt::skip]
    pub(super) fn rules(self) -> &'static [Rule] {
        use Class::*;
        use State as S;
        const TAG_CHARACTERS: &str = "=-_#/:.&?%~";
        match self {
            S::Base => const { &[
                attempt(Is('<'), S::TagFirst),
                go(Ignored, S::Space),
                go(AsciiLetter, S::AsciiWord), go(Letter, S::Word), go(Digit, S::UnsignedInt),
                attempt(OneOf("-+"), S::SignedIntFirst), attempt(Is('&'), S::EntityFirst),
                attempt(Is('~'), S::FileTwiddle), attempt(Is('/'), S::FileFirst), attempt(Is('.'), S::PathFirstFirst),
                go(Any, S::Space),
            ] },
            S::NumWord => const { &[
                go(LetterOrDigit, S::NumWord), go(Special, S::NumWord),
                attempt(Is('@'), S::Email), attempt(Is('/'), S::FileFirst), attempt(Is('.'), S::FileNext),
                attempt(Is('-'), S::HyphenNumWordFirst),
                token(Any, NUM_WORD, S::Base),
            ] },
            S::AsciiWord => const { &[
                go(AsciiLetter, S::AsciiWord),
                attempt(Is('.'), S::HostFirstDomain), attempt(Is('.'), S::FileNext),
                attempt(Is('-'), S::HostFirst), attempt(Is('-'), S::HyphenAsciiWordFirst), attempt(Is('_'), S::HostFirst),
                attempt(Is('@'), S::Email), attempt(Is(':'), S::ProtocolFirst), attempt(Is('/'), S::FileFirst),
                attempt(Digit, S::Host), go(Digit, S::NumWord), go(Letter, S::Word), go(Special, S::Word),
                token(Any, ASCII_WORD, S::Base),
            ] },
            S::Word => const { &[
                go(Letter, S::Word), go(Special, S::Word), go(Digit, S::NumWord),
                attempt(Is('-'), S::HyphenWordFirst),
                token(Any, WORD, S::Base),
            ] },
            S::UnsignedInt => const { &[
                go(Digit, S::UnsignedInt),
                attempt(Is('.'), S::HostFirstDomain), attempt(Is('.'), S::UnsignedDecimalFirst),
                attempt(OneOf("eE"), S::MantissaFirst), attempt(Is('-'), S::HostFirst), attempt(Is('_'), S::HostFirst),
                attempt(Is('@'), S::Email), attempt(AsciiLetter, S::Host),
                go(Letter, S::NumWord), go(Special, S::NumWord), attempt(Is('/'), S::FileFirst),
                token(Any, kind::UINT, S::Base),
            ] },
            S::SignedIntFirst => const { &[go(Digit, S::SignedInt), fail(Any)] },
            S::SignedInt => const { &[
                go(Digit, S::SignedInt), attempt(Is('.'), S::DecimalFirst), attempt(OneOf("eE"), S::MantissaFirst),
                token(Any, kind::INT, S::Base),
            ] },
            S::Space => const { &[
                token(End, kind::BLANK, S::Base), token(Is('<'), kind::BLANK, S::Base), go(Ignored, S::Space),
                token(OneOf("-+&/"), kind::BLANK, S::Base), go(Other, S::Space),
                token(Any, kind::BLANK, S::Base),
            ] },
            S::UnsignedDecimalFirst => const { &[keep(Digit, S::UnsignedDecimal), fail(Any)] },
            S::UnsignedDecimal => const { &[
                go(Digit, S::UnsignedDecimal), attempt(Is('.'), S::VersionFirst), attempt(OneOf("eE"), S::MantissaFirst),
                token(Any, kind::FLOAT, S::Base),
            ] },
            S::DecimalFirst => const { &[keep(Digit, S::Decimal), fail(Any)] },
            S::Decimal => const { &[
                go(Digit, S::Decimal), attempt(Is('.'), S::DecimalDot), attempt(OneOf("eE"), S::MantissaFirst),
                token(Any, kind::FLOAT, S::Base),
            ] },
            S::DecimalDot => const { &[keep(Digit, S::NoDecimal), fail(Any)] },
            S::NoDecimal => const { &[fail(Any)] },
            S::VersionFirst => const { &[keep(Digit, S::Version), fail(Any)] },
            S::Version => const { &[
                go(Digit, S::Version), attempt(Is('.'), S::VersionFirst), token(Any, kind::VERSION, S::Base),
            ] },
            S::MantissaFirst => const { &[keep(Digit, S::Mantissa), go(OneOf("+-"), S::MantissaSign), fail(Any)] },
            S::MantissaSign => const { &[keep(Digit, S::Mantissa), fail(Any)] },
            S::Mantissa => const { &[go(Digit, S::Mantissa), token(Any, kind::SCIENTIFIC, S::Base)] },
            S::EntityFirst => const { &[
                go(Is('#'), S::EntityNumberFirst), go(AsciiLetter, S::Entity), go(OneOf(":_"), S::Entity), fail(Any),
            ] },
            S::Entity => const { &[
                go(LetterOrDigit, S::Entity), go(OneOf(":_.-"), S::Entity), go(Is(';'), S::EntityEnd), fail(Any),
            ] },
            S::EntityNumberFirst => const { &[
                go(OneOf("xX"), S::EntityHexFirst), go(Digit, S::EntityNumber), fail(Any),
            ] },
            S::EntityNumber => const { &[go(Digit, S::EntityNumber), go(Is(';'), S::EntityEnd), fail(Any)] },
            S::EntityHexFirst => const { &[go(HexDigit, S::EntityHex), fail(Any)] },
            S::EntityHex => const { &[go(HexDigit, S::EntityHex), go(Is(';'), S::EntityEnd), fail(Any)] },
            S::EntityEnd => const { &[token(Any, kind::ENTITY, S::Base)] },
            S::TagFirst => const { &[
                attempt(Is('/'), S::TagCloseFirst), attempt(Is('!'), S::CommentFirst), attempt(Is('?'), S::XmlBegin),
                attempt(AsciiLetter, S::TagName), attempt(OneOf(":_"), S::TagName), fail(Any),
            ] },
            S::XmlBegin => const { &[go(Is('x'), S::InTag), fail(Any)] },
            S::TagCloseFirst => const { &[go(AsciiLetter, S::TagName), fail(Any)] },
            S::TagName => const { &[
                go(Is('/'), S::TagBeginEnd), go(Is('>'), S::TagEnd), go(Space, S::InTag),
                go(LetterOrDigit, S::TagName), go(OneOf(":_.-"), S::TagName), fail(Any),
            ] },
            S::TagBeginEnd => const { &[go(Is('>'), S::TagEnd), fail(Any)] },
            S::InTag => const { &[
                go(Is('>'), S::TagEnd), go(Is('\''), S::TagQuote), go(Is('"'), S::TagDoubleQuote),
                go(AsciiLetter, S::InTag), go(Digit, S::InTag), go(OneOf(TAG_CHARACTERS), S::InTag), go(Space, S::InTag), fail(Any),
            ] },
            S::TagQuote => const { &[
                fail(Without(ENDS[1])), attempt(Is('\\'), S::TagBackslash), go(Is('\''), S::InTag), go(Any, S::TagQuote),
            ] },
            S::TagDoubleQuote => const { &[
                fail(Without(ENDS[2])), attempt(Is('\\'), S::TagBackslash), go(Is('"'), S::InTag),
                go(Any, S::TagDoubleQuote),
            ] },
            S::TagBackslash => const { &[fail(End), Rule { class: Any, effect: Effect::Return }] },
            S::TagEnd => const { &[token(Any, kind::TAG, S::Base)] },
            S::CommentFirst => const { &[go(Is('-'), S::CommentLast), go(OneOf("Dd"), S::InTag), fail(Any)] },
            S::CommentLast => const { &[go(Is('-'), S::Comment), fail(Any)] },
            S::Comment => const { &[fail(Without(ENDS[0])), go(Is('-'), S::CommentCloseFirst), go(Any, S::Comment)] },
            S::CommentCloseFirst => const { &[
                fail(End), go(Is('-'), S::CommentCloseLast), go(Any, S::Comment),
            ] },
            S::CommentCloseLast => const { &[
                fail(End), go(Is('-'), S::CommentCloseLast), go(Is('>'), S::CommentEnd), go(Any, S::Comment),
            ] },
            S::CommentEnd => const { &[token(Any, kind::TAG, S::Base)] },
            S::HostFirstDomain => const { &[go(AsciiLetter, S::HostDomainSecond), go(Digit, S::Host), fail(Any)] },
            S::HostDomainSecond => const { &[
                go(AsciiLetter, S::HostDomain), attempt(Digit, S::Host), attempt(Is('-'), S::HostFirst),
                attempt(Is('_'), S::HostFirst), attempt(Is('.'), S::HostFirstDomain), attempt(Is('@'), S::Email), fail(Any),
            ] },
            S::HostDomain => const { &[
                token(End, kind::HOST, S::Base),
                go(AsciiLetter, S::HostDomain), attempt(Digit, S::Host), attempt(Is(':'), S::PortFirst),
                attempt(Is('-'), S::HostFirst), attempt(Is('_'), S::HostFirst), attempt(Is('.'), S::HostFirstDomain),
                attempt(Is('@'), S::Email), fail(Digit), token(StopsHost, kind::HOST, S::UrlPathStart),
                attempt(Is('/'), S::Url), token(Any, kind::HOST, S::Base),
            ] },
            S::PortFirst => const { &[go(Digit, S::Port), fail(Any)] },
            S::Port => const { &[
                token(End, kind::HOST, S::Base), go(Digit, S::Port), token(StopsHost, kind::HOST, S::UrlPathStart),
                attempt(Is('/'), S::Url), token(Any, kind::HOST, S::Base),
            ] },
            S::HostFirst => const { &[go(Digit, S::Host), go(AsciiLetter, S::Host), fail(Any)] },
            S::Host => const { &[
                attempt(Digit, S::Host), attempt(AsciiLetter, S::Host), attempt(Is('@'), S::Email),
                attempt(Is('.'), S::HostFirstDomain), attempt(Is('-'), S::HostFirst), attempt(Is('_'), S::HostFirst), fail(Any),
            ] },
            S::Email => const { &[fail(End), fail(StopsHost), token(Host, EMAIL, S::Base), fail(Any)] },
            S::FileFirst => const { &[
                go(AsciiLetter, S::File), go(Digit, S::File), go(Is('.'), S::PathFirst), go(Is('_'), S::File),
                attempt(Is('~'), S::FileTwiddle), fail(Any),
            ] },
            S::FileTwiddle => const { &[
                go(AsciiLetter, S::File), go(Digit, S::File), go(Is('_'), S::File), go(Is('/'), S::FileFirst), fail(Any),
            ] },
            S::PathFirst => const { &[
                go(AsciiLetter, S::File), go(Digit, S::File), go(Is('_'), S::File), go(Is('.'), S::PathSecond),
                go(Is('/'), S::FileFirst), fail(Any),
            ] },
            S::PathFirstFirst => const { &[go(Is('.'), S::PathSecond), go(Is('/'), S::FileFirst), fail(Any)] },
            S::PathSecond => const { &[
                token(End, FILE, S::Base), attempt(Is('/'), S::FileFirst), token(Is('/'), FILE, S::Base),
                token(Space, FILE, S::Base), fail(Any),
            ] },
            S::File => const { &[
                go(AsciiLetter, S::File), go(Digit, S::File), attempt(Is('.'), S::FileNext), go(Is('_'), S::File),
                go(Is('-'), S::File), attempt(Is('/'), S::FileFirst), token(Any, FILE, S::Base),
            ] },
            S::FileNext => const { &[
                keep(AsciiLetter, S::File), keep(Digit, S::File), keep(Is('_'), S::File), fail(Any),
            ] },
            S::UrlPathFirst => const { &[go(UrlCharacter, S::UrlPath), fail(Any)] },
            S::UrlPathStart => const { &[go(Any, S::UrlPath)] },
            S::UrlPath => const { &[go(UrlCharacter, S::UrlPath), token(Any, kind::URL_PATH, S::Base)] },
            S::Url => const { &[fail(End), token(UrlPath, kind::URL, S::Base), fail(Any)] },
            S::ProtocolFirst => const { &[go(Is('/'), S::ProtocolSecond), fail(Any)] },
            S::ProtocolSecond => const { &[go(Is('/'), S::ProtocolEnd), fail(Any)] },
            S::ProtocolEnd => const { &[token(Any, kind::PROTOCOL, S::Base)] },
            S::HyphenAsciiWordFirst => const { &[
                go(AsciiLetter, S::HyphenAsciiWord), go(Letter, S::HyphenWord), go(Digit, S::HyphenDigits), fail(Any),
            ] },
            S::HyphenAsciiWord => const { &[
                go(AsciiLetter, S::HyphenAsciiWord), go(Letter, S::HyphenWord), go(Special, S::HyphenWord),
                go(Digit, S::HyphenNumWord), attempt(Is('-'), S::HyphenAsciiWordFirst),
                token(Any, kind::ASCII_HYPHENATED, S::Parts),
            ] },
            S::HyphenWordFirst => const { &[go(Letter, S::HyphenWord), go(Digit, S::HyphenDigits), fail(Any)] },
            S::HyphenWord => const { &[
                go(Letter, S::HyphenWord), go(Special, S::HyphenWord), go(Digit, S::HyphenNumWord),
                attempt(Is('-'), S::HyphenWordFirst), token(Any, kind::HYPHENATED, S::Parts),
            ] },
            S::HyphenNumWordFirst => const { &[go(Letter, S::HyphenNumWord), go(Digit, S::HyphenDigits), fail(Any)] },
            S::HyphenNumWord => const { &[
                go(LetterOrDigit, S::HyphenNumWord), go(Special, S::HyphenNumWord),
                attempt(Is('-'), S::HyphenNumWordFirst), token(Any, kind::NUM_HYPHENATED, S::Parts),
            ] },
            S::HyphenDigits => const { &[
                go(Digit, S::HyphenDigits), go(Letter, S::HyphenNumWord), go(Special, S::HyphenNumWord), fail(Any),
            ] },
            S::Parts => const { &[
                go(AsciiLetter, S::AsciiPart), go(Letter, S::WordPart), attempt(Digit, S::PartsInt), go(Digit, S::NumPart),
                attempt(Is('-'), S::PartsHyphen), Rule { class: Any, effect: Effect::Again(S::Base) },
            ] },
            S::PartsHyphen => const { &[
                token(LetterOrDigit, kind::BLANK, S::Parts), token(Special, kind::BLANK, S::Parts), fail(Any),
            ] },
            S::PartsInt => const { &[
                go(Digit, S::PartsInt), fail(Letter), fail(Special),
                Rule { class: Any, effect: Effect::Again(S::UnsignedInt) },
            ] },
            S::AsciiPart => const { &[
                token(End, ASCII_PART, S::Base), go(AsciiLetter, S::AsciiPart), go(Letter, S::WordPart),
                go(Special, S::WordPart), go(Digit, S::NumPart), token(Any, ASCII_PART, S::Parts),
            ] },
            S::WordPart => const { &[
                token(End, WORD_PART, S::Base), go(Letter, S::WordPart), go(Special, S::WordPart), go(Digit, S::NumPart),
                token(Any, WORD_PART, S::Parts),
            ] },
            S::NumPart => const { &[
                token(End, NUM_PART, S::Base), go(LetterOrDigit, S::NumPart), go(Special, S::NumPart),
                token(Any, NUM_PART, S::Parts),
            ] },
        }
    }
}
