//! Taking text apart into tokens, as PostgreSQL's parser `default` does: words, numbers, addresses, paths, markup.
//!
//! It is an automaton that tries the longer reading first: at a dot, say, whether the word goes on as a host or a file. What is tried
//! begins on a stack (`Frame`); if it comes to nothing, what was before goes on with its next rule. Which attempts have failed
//! from where is remembered, so that no text is looked at again and again: the work grows as the text does.

mod rules;

use rules::{Class, ENDS, Effect, State};
use unicode_normalization::char::is_combining_mark;

/// What tokens are called, and described as, by the numbers of their kinds, from 1.
pub(crate) const TOKEN_KINDS: [(&str, &str); 23] = [
    ("asciiword", "Word, all ASCII"),
    ("word", "Word, all letters"),
    ("numword", "Word, letters and digits"),
    ("email", "Email address"),
    ("url", "URL"),
    ("host", "Host"),
    ("sfloat", "Scientific notation"),
    ("version", "Version number"),
    ("hword_numpart", "Hyphenated word part, letters and digits"),
    ("hword_part", "Hyphenated word part, all letters"),
    ("hword_asciipart", "Hyphenated word part, all ASCII"),
    ("blank", "Space symbols"),
    ("tag", "XML tag"),
    ("protocol", "Protocol head"),
    ("numhword", "Hyphenated word, letters and digits"),
    ("asciihword", "Hyphenated word, all ASCII"),
    ("hword", "Hyphenated word, all letters"),
    ("url_path", "URL path"),
    ("file", "File or path name"),
    ("float", "Decimal notation"),
    ("int", "Signed integer"),
    ("uint", "Unsigned integer"),
    ("entity", "XML entity"),
];

/// The kinds of tokens that are told apart here or by who shows text.
pub(crate) mod kind {
    pub(crate) const URL: u8 = 5;
    pub(crate) const HOST: u8 = 6;
    pub(crate) const SCIENTIFIC: u8 = 7;
    pub(crate) const VERSION: u8 = 8;
    pub(crate) const BLANK: u8 = 12;
    pub(crate) const TAG: u8 = 13;
    pub(crate) const PROTOCOL: u8 = 14;
    pub(crate) const NUM_HYPHENATED: u8 = 15;
    pub(crate) const ASCII_HYPHENATED: u8 = 16;
    pub(crate) const HYPHENATED: u8 = 17;
    pub(crate) const URL_PATH: u8 = 18;
    pub(crate) const FLOAT: u8 = 20;
    pub(crate) const INT: u8 = 21;
    pub(crate) const UINT: u8 = 22;
    pub(crate) const ENTITY: u8 = 23;
}

/// A token: the number of its kind and its text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Token<'t> {
    pub(crate) kind: u8,
    pub(crate) text: &'t str,
}

/// Where the automaton stands.
#[derive(Debug, Clone, Copy)]
struct Frame {
    state: State,
    /// The byte that is looked at.
    at: usize,
    /// Where the token began.
    start: usize,
    /// The rule that is tried next: the one behind that which began an attempt.
    rule: usize,
}

/// The tokens of a text, one after another, which put together are the text, but that compounds come before their parts.
#[derive(Debug)]
pub(crate) struct Tokens<'t> {
    text: &'t str,
    frame: Frame,
    /// What goes on where an attempt fails.
    before: Vec<Frame>,
    /// The bit of each attempt and where it began, so that its failure can be remembered.
    begun: Vec<(u32, usize)>,
    /// Within `<script>` and `<style>`, where everything is blank.
    ignores: bool,
    /// A host is wanted, and ends before a path.
    wants_host: bool,
    /// The attempts that failed from a byte on, a bit each.
    failed: Vec<u32>,
    /// Where the last of each of [`ENDS`] is, once somebody has asked.
    last: [Option<Option<usize>>; 3],
}

/// What an automaton has come to.
enum Outcome {
    Token(u8),
    End,
}

impl<'t> Tokens<'t> {
    pub(crate) fn new(text: &'t str) -> Self {
        let frame = Frame { state: State::Base, at: 0, start: 0, rule: 0 };
        Self {
            text,
            frame,
            before: Vec::new(),
            begun: Vec::new(),
            ignores: false,
            wants_host: false,
            failed: Vec::new(),
            last: [None; 3],
        }
    }

    fn peek(&self) -> Option<char> {
        let bytes = self.text.as_bytes();
        match bytes.get(self.frame.at) {
            None => None,
            Some(byte) if byte.is_ascii() => Some(char::from(*byte)),
            Some(_) => self.text[self.frame.at..].chars().next(),
        }
    }

    /// Runs until there is a token, whose text ends where the frame is.
    fn run(&mut self) -> Outcome {
        loop {
            let next = self.peek();
            let rules = self.frame.state.rules();
            let Some(offset) = rules[self.frame.rule..].iter().position(|rule| self.fits(rule.class, next)) else {
                return Outcome::End;
            };
            let nth = self.frame.rule + offset;
            let rule = rules[nth];
            self.frame.rule = 0;
            match rule.effect {
                Effect::Go(state) => {
                    self.enter(state);
                    if !self.step(next) {
                        return Outcome::End;
                    }
                }
                Effect::Again(state) => self.frame.state = state,
                Effect::Try(state) => {
                    let mut kept = self.frame;
                    kept.rule = nth + 1;
                    let next_at = self.frame.at + next.map_or(0, char::len_utf8);
                    if self.has_failed(state, next_at) {
                        self.frame = kept;
                        continue;
                    }
                    self.before.push(kept);
                    self.begun.push((self.bit(state), next_at));
                    self.enter(state);
                    if !self.step(next) {
                        return Outcome::End;
                    }
                }
                Effect::Keep(state) => {
                    self.before.pop();
                    self.begun.pop();
                    self.enter(state);
                    if !self.step(next) {
                        return Outcome::End;
                    }
                }
                Effect::Return => {
                    let Some(before) = self.before.pop() else { return Outcome::End };
                    self.begun.pop();
                    self.frame = Frame { start: before.start, rule: 0, state: before.state, at: self.frame.at };
                    if !self.step(next) {
                        return Outcome::End;
                    }
                }
                Effect::Fail => {
                    let Some(before) = self.before.pop() else { return Outcome::End };
                    if let Some((bit, at)) = self.begun.pop() {
                        self.remember_failure(bit, at);
                    }
                    self.frame = before;
                }
                Effect::Token(kind, state) => {
                    self.before.clear();
                    self.begun.clear();
                    self.frame.state = state;
                    return Outcome::Token(kind);
                }
            }
        }
    }

    /// Goes to the next character; whether there was one.
    fn step(&mut self, next: Option<char>) -> bool {
        self.frame.at += next.map_or(0, char::len_utf8);
        next.is_some()
    }

    fn enter(&mut self, state: State) {
        self.frame.state = state;
        if matches!(state, State::InTag | State::TagEnd) {
            self.look_for_scripts();
        }
    }

    /// What stands in scripts and styles is no text.
    fn look_for_scripts(&mut self) {
        let token = &self.text.as_bytes()[self.frame.start..self.frame.at];
        if token.eq_ignore_ascii_case(b"<script") || token.eq_ignore_ascii_case(b"<style") {
            self.ignores = true;
        } else if token.eq_ignore_ascii_case(b"</script") || token.eq_ignore_ascii_case(b"</style") {
            self.ignores = false;
        }
    }

    fn fits(&mut self, class: Class, next: Option<char>) -> bool {
        let Some(c) = next else {
            return match class {
                Class::End | Class::Any | Class::Without(_) => true,
                Class::StopsHost => std::mem::take(&mut self.wants_host),
                _ => false,
            };
        };
        match class {
            Class::Any => true,
            Class::End => false,
            Class::Is(other) => c == other,
            Class::OneOf(all) => all.contains(c),
            Class::AsciiLetter => c.is_ascii_alphabetic(),
            Class::Letter => is_letter(c),
            Class::Digit => c.is_ascii_digit(),
            Class::HexDigit => c.is_ascii_hexdigit(),
            Class::LetterOrDigit => is_letter(c) || c.is_ascii_digit(),
            Class::Other => !is_letter(c) && !c.is_ascii_digit(),
            Class::Space => super::words::is_blank(c),
            Class::Special => is_special(c),
            Class::UrlCharacter => {
                c.is_ascii_graphic() && !matches!(c, '"' | '<' | '>' | '\\' | '^' | '`' | '{' | '|' | '}')
            }
            Class::Ignored => self.ignores,
            Class::StopsHost => std::mem::take(&mut self.wants_host),
            Class::Host => self.nested(State::Base, kind::HOST, true),
            Class::UrlPath => self.nested(State::UrlPathFirst, kind::URL_PATH, false),
            Class::Without(end) => self.is_without(end),
        }
    }

    /// Whether a token of a kind begins here, which the frame then goes behind.
    fn nested(&mut self, state: State, wanted: u8, wants_host: bool) -> bool {
        let at = self.frame.at;
        let mut inner = Tokens {
            text: self.text,
            frame: Frame { state, at, start: at, rule: 0 },
            before: Vec::new(),
            begun: Vec::new(),
            ignores: self.ignores,
            wants_host,
            // What has been found out of the text holds for both.
            failed: std::mem::take(&mut self.failed),
            last: self.last,
        };
        let found = matches!(inner.run(), Outcome::Token(kind) if kind == wanted);
        let end = inner.frame.at;
        self.failed = inner.failed;
        self.last = inner.last;
        if found {
            self.frame.at = end;
        }
        found
    }

    /// Whether something comes nowhere from here on.
    fn is_without(&mut self, end: &str) -> bool {
        let nth = ENDS.iter().position(|known| *known == end).unwrap_or(0);
        let text = self.text;
        self.last[nth].get_or_insert_with(|| text.rfind(end)).is_none_or(|last| last < self.frame.at)
    }

    fn bit(&self, state: State) -> u32 {
        // A host that is wanted for itself ends elsewhere.
        let bit = rules::attempt_bit(state);
        bit.map_or(0, |bit| 1 << (bit + if self.wants_host { 16 } else { 0 }))
    }

    fn has_failed(&self, state: State, at: usize) -> bool {
        self.failed.get(at).is_some_and(|failed| failed & self.bit(state) != 0)
    }

    fn remember_failure(&mut self, bit: u32, at: usize) {
        if bit == 0 {
            return;
        }
        if self.failed.is_empty() {
            self.failed = vec![0; self.text.len() + 1];
        }
        if let Some(failed) = self.failed.get_mut(at) {
            *failed |= bit;
        }
    }
}

impl<'t> Iterator for Tokens<'t> {
    type Item = Token<'t>;

    fn next(&mut self) -> Option<Token<'t>> {
        if self.frame.at >= self.text.len() {
            return None;
        }
        self.frame.start = self.frame.at;
        self.frame.rule = 0;
        match self.run() {
            Outcome::End => None,
            Outcome::Token(kind) => {
                let text = &self.text[self.frame.start..self.frame.at];
                match kind {
                    // Their parts come next.
                    kind::NUM_HYPHENATED | kind::ASCII_HYPHENATED | kind::HYPHENATED => {
                        self.frame.at = self.frame.start
                    }
                    kind::URL => {
                        self.wants_host = true;
                        self.frame.at = self.frame.start;
                    }
                    _ => {}
                }
                Some(Token { kind, text })
            }
        }
    }
}

/// Of other scripts, digits are letters too.
fn is_letter(c: char) -> bool {
    if c.is_ascii() { c.is_ascii_alphabetic() } else { c.is_alphanumeric() && !is_combining_mark(c) }
}

/// What has no width of its own and belongs to the letter before it.
fn is_special(c: char) -> bool {
    !c.is_ascii()
        && (is_combining_mark(c)
            || matches!(c, '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2064}' | '\u{feff}'))
}
