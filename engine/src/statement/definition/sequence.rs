//! CREATE and ALTER SEQUENCE, whose options come in any order.

use datafusion::sql::sqlparser::ast::{self, ObjectName};
use datafusion::sql::sqlparser::tokenizer::{Token, TokenWithSpan};

use super::{Definition, Persistence, RoleName, role_name};
use crate::error::{Error, Result, SqlState};
use crate::statement::parse::tokenize;
use crate::statement::reader::Reader;

/// What CREATE and ALTER SEQUENCE may say; None is "not said".
#[derive(Debug, Clone, Default)]
pub struct SequenceOptions {
    pub value_type: Option<ast::DataType>,
    pub increment: Option<i64>,
    /// Some(None) is NO MINVALUE.
    pub min: Option<Option<i64>>,
    /// Some(None) is NO MAXVALUE.
    pub max: Option<Option<i64>>,
    pub start: Option<i64>,
    /// Some(None) is RESTART without a value.
    pub restart: Option<Option<i64>>,
    pub cache: Option<i64>,
    pub cycle: Option<bool>,
    /// Some(None) is OWNED BY NONE.
    pub owned_by: Option<Option<ObjectName>>,
    /// SEQUENCE NAME, which only an identity column may say.
    pub name: Option<ObjectName>,
}

/// ALTER SEQUENCE.
#[derive(Debug, Clone)]
pub enum SequenceChange {
    Options(SequenceOptions),
    Rename(String),
    Owner(RoleName),
    Schema(String),
    /// SET LOGGED, or UNLOGGED.
    Logged(bool),
}

/// What follows CREATE SEQUENCE.
pub(super) fn create(reader: &mut Reader<'_>, persistence: Persistence) -> Result<Definition> {
    let if_not_exists = reader.words(&["if", "not", "exists"]);
    let name = reader.object_name()?;
    let options = options(reader)?;
    if options.restart.is_some() || options.name.is_some() {
        return Err(Error::new(SqlState::SYNTAX_ERROR, "invalid sequence option RESTART"));
    }
    Ok(Definition::CreateSequence { name, persistence, if_not_exists, options })
}

/// What follows ALTER SEQUENCE.
pub(super) fn alter(reader: &mut Reader<'_>) -> Result<Definition> {
    let if_exists = reader.words(&["if", "exists"]);
    let name = reader.object_name()?;
    let change = if reader.words(&["rename", "to"]) {
        SequenceChange::Rename(reader.identifier()?)
    } else if reader.words(&["owner", "to"]) {
        SequenceChange::Owner(role_name(reader)?)
    } else if reader.words(&["set", "schema"]) {
        SequenceChange::Schema(reader.identifier()?)
    } else if reader.words(&["set", "logged"]) {
        SequenceChange::Logged(true)
    } else if reader.words(&["set", "unlogged"]) {
        SequenceChange::Logged(false)
    } else {
        if reader.at_end() {
            return Err(reader.syntax_error());
        }
        SequenceChange::Options(options(reader)?)
    };
    Ok(Definition::AlterSequence { name, if_exists, change })
}

/// The tokens of a definition with the options of its identity columns in the order that the parser expects.
pub(in crate::statement) fn order_identity_options(
    text: &str,
    tokens: &[TokenWithSpan],
) -> Result<Option<Vec<TokenWithSpan>>> {
    let is_word = |token: &TokenWithSpan, expected: &str| matches!(&token.token, Token::Word(word) if word.quote_style.is_none() && word.value.eq_ignore_ascii_case(expected));
    if !tokens.iter().any(|token| is_word(token, "identity")) {
        return Ok(None);
    }
    let mut ordered = Vec::with_capacity(tokens.len());
    let mut rest = tokens;
    while let Some((first, after)) = rest.split_first() {
        ordered.push(first.clone());
        rest = after;
        if !is_word(first, "identity") {
            continue;
        }
        let spaces = rest.iter().take_while(|token| matches!(token.token, Token::Whitespace(_))).count();
        if rest.get(spaces).is_none_or(|token| token.token != Token::LParen) {
            continue;
        }
        let Some(close) = rest.iter().position(|token| token.token == Token::RParen) else { continue };
        let given = options(&mut Reader::new(text, &rest[spaces + 1..close]))?;
        if given.name.is_some() && tokens.first().is_some_and(|token| is_word(token, "alter")) {
            // ADD GENERATED is read here, and so is the name.
            continue;
        }
        let place = rest[spaces].span;
        ordered.push(rest[spaces].clone());
        let words = tokenize(&given.in_order()?)?;
        ordered.extend(words.into_iter().map(|word| TokenWithSpan::new(word.token, place)));
        ordered.push(rest[close].clone());
        rest = &rest[close + 1..];
    }
    Ok(Some(ordered))
}

impl SequenceOptions {
    /// The options of an identity column as the parser reads them.
    fn in_order(&self) -> Result<String> {
        if self.name.is_some() {
            return Err(Error::unsupported("SEQUENCE NAME for an identity column"));
        }
        if self.value_type.is_some() || self.owned_by.is_some() || self.restart.is_some() {
            return Err(Error::new(SqlState::SYNTAX_ERROR, "invalid sequence option for an identity column"));
        }
        let bound = |word: &str, bound: Option<Option<i64>>| match bound {
            None => String::new(),
            Some(None) => format!("NO {word} "),
            Some(Some(value)) => format!("{word} {value} "),
        };
        let number =
            |words: &str, value: Option<i64>| value.map_or_else(String::new, |value| format!("{words} {value} "));
        Ok([
            number("INCREMENT BY", self.increment),
            bound("MINVALUE", self.min),
            bound("MAXVALUE", self.max),
            number("START WITH", self.start),
            number("CACHE", self.cache),
            self.cycle.map_or("", |cycle| if cycle { "CYCLE" } else { "NO CYCLE" }).to_owned(),
        ]
        .concat())
    }
}

/// Options up to the end or a closing parenthesis.
pub(super) fn options(reader: &mut Reader<'_>) -> Result<SequenceOptions> {
    let mut options = SequenceOptions::default();
    while !reader.at_end() && reader.peek() != Some(&Token::RParen) {
        option(reader, &mut options)?;
    }
    Ok(options)
}

pub(super) fn option(reader: &mut Reader<'_>, options: &mut SequenceOptions) -> Result<()> {
    if reader.word("as") {
        let ty = reader.parsed(|parser| parser.parse_data_type())?;
        set(&mut options.value_type, ty)
    } else if reader.word("increment") {
        reader.word("by");
        let increment = integer(reader)?;
        set(&mut options.increment, increment)
    } else if reader.word("minvalue") {
        let min = integer(reader)?;
        set(&mut options.min, Some(min))
    } else if reader.word("maxvalue") {
        let max = integer(reader)?;
        set(&mut options.max, Some(max))
    } else if reader.words(&["no", "minvalue"]) {
        set(&mut options.min, None)
    } else if reader.words(&["no", "maxvalue"]) {
        set(&mut options.max, None)
    } else if reader.words(&["no", "cycle"]) {
        set(&mut options.cycle, false)
    } else if reader.word("cycle") {
        set(&mut options.cycle, true)
    } else if reader.word("start") {
        reader.word("with");
        let start = integer(reader)?;
        set(&mut options.start, start)
    } else if reader.word("restart") {
        let given =
            reader.word("with") || matches!(reader.peek(), Some(Token::Number(..) | Token::Minus | Token::Plus));
        let restart = if given { Some(integer(reader)?) } else { None };
        set(&mut options.restart, restart)
    } else if reader.word("cache") {
        let cache = integer(reader)?;
        set(&mut options.cache, cache)
    } else if reader.words(&["owned", "by"]) {
        let owner = if reader.word("none") { None } else { Some(reader.object_name()?) };
        set(&mut options.owned_by, owner)
    } else if reader.words(&["sequence", "name"]) {
        let name = reader.object_name()?;
        set(&mut options.name, name)
    } else {
        Err(reader.syntax_error())
    }
}

fn set<T>(option: &mut Option<T>, value: T) -> Result<()> {
    if option.replace(value).is_some() {
        return Err(Error::new(SqlState::SYNTAX_ERROR, "conflicting or redundant options"));
    }
    Ok(())
}

fn integer(reader: &mut Reader<'_>) -> Result<i64> {
    let negative = reader.token(&Token::Minus);
    if !negative {
        reader.token(&Token::Plus);
    }
    let Some(Token::Number(digits, _)) = reader.peek() else { return Err(reader.syntax_error()) };
    let text = if negative { format!("-{digits}") } else { digits.clone() };
    let value = text.parse().map_err(|_| {
        let message = format!("value \"{text}\" is out of range for type bigint");
        Error::new(SqlState::NUMERIC_VALUE_OUT_OF_RANGE, message)
    })?;
    reader.advance();
    Ok(value)
}
