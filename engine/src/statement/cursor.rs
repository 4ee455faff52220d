//! DECLARE, FETCH, MOVE and CLOSE: the statements about cursors.

use std::time::Duration;

use datafusion::sql::sqlparser::tokenizer::Token;

use super::Statement;
use super::parse::parse_tokens;
use super::reader::Reader;
use super::utility::setting_value;
use crate::error::{Error, Result, SqlState};
use crate::plan::bind::modify::body_write;
use crate::session::parameter::amount::Unit;

/// DECLARE.
#[derive(Debug, Clone)]
pub struct Declaration {
    pub name: String,
    pub binary: bool,
    /// SCROLL or NO SCROLL; None is "not said".
    pub scroll: Option<bool>,
    pub insensitive: bool,
    /// WITH HOLD: the cursor outlives its transaction.
    pub hold: bool,
    pub query: Box<Statement>,
}

/// Where FETCH and MOVE go. Counts may be negative, which turns them round; None is ALL.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Motion {
    Forward(Option<i64>),
    Backward(Option<i64>),
    Absolute(i64),
    Relative(i64),
}

/// DECLARE, after that word.
pub(super) fn declare(text: &str, reader: &mut Reader) -> Result<Statement> {
    let name = reader.identifier()?;
    let (mut binary, mut insensitive, mut asensitive) = (false, false, false);
    let (mut scroll, mut no_scroll) = (false, false);
    while !reader.word("cursor") {
        if reader.word("binary") {
            binary = true;
        } else if reader.word("insensitive") {
            insensitive = true;
        } else if reader.word("asensitive") {
            asensitive = true;
        } else if reader.words(&["no", "scroll"]) {
            no_scroll = true;
        } else if reader.word("scroll") {
            scroll = true;
        } else {
            return Err(reader.syntax_error());
        }
    }
    let hold = reader.words(&["with", "hold"]);
    if !hold {
        reader.words(&["without", "hold"]);
    }
    reader.expect_word("for")?;
    let contradiction = |a: &str, b: &str| {
        Err(Error::new(SqlState::INVALID_CURSOR_DEFINITION, format!("cannot specify both {a} and {b}")))
    };
    let start = reader.syntax_error();
    let query = parse_tokens(text, reader.rest())?;
    while reader.advance().is_some() {}
    let is_query = matches!(&query, Statement::Query(query) if body_write(query).is_none());
    // `DECLARE … FOR LIVE SELECT`; LISTEN has a channel, and no cursor.
    let is_live = matches!(&query, Statement::Live(live) if live.channel.is_none());
    if !is_query && !is_live {
        return Err(start);
    }
    if scroll && no_scroll {
        return contradiction("SCROLL", "NO SCROLL");
    }
    if insensitive && asensitive {
        return contradiction("ASENSITIVE", "INSENSITIVE");
    }
    let scroll = (scroll || no_scroll).then_some(scroll);
    let declaration = Declaration { name, binary, scroll, insensitive, hold, query: Box::new(query) };
    Ok(Statement::Declare(Box::new(declaration)))
}

/// FETCH or MOVE, after that word.
pub(super) fn fetch(reader: &mut Reader, moves: bool) -> Result<Statement> {
    let motion = motion(reader)?;
    let _ = reader.word("from") || reader.word("in");
    let name = reader.identifier()?;
    let timeout = if !moves && reader.word("with") { Some(timeout(reader)?) } else { None };
    Ok(Statement::Fetch { name, motion, moves, timeout })
}

/// `(timeout = '1s')`: how long a FETCH from a live cursor waits for a first row.
fn timeout(reader: &mut Reader) -> Result<Duration> {
    let invalid = |message: String| Error::new(SqlState::INVALID_PARAMETER_VALUE, message);
    reader.expect_token(&Token::LParen)?;
    let name = reader.identifier()?;
    if name != "timeout" {
        return Err(invalid(format!("unrecognized FETCH option \"{name}\"")));
    }
    reader.expect_token(&Token::Eq)?;
    let value = setting_value(reader)?;
    reader.expect_token(&Token::RParen)?;
    let milliseconds = Unit::Milliseconds.number(&value).map(f64::round);
    match milliseconds.filter(|number| (0.0..=f64::from(i32::MAX)).contains(number)) {
        Some(milliseconds) => Ok(Duration::from_millis(milliseconds as u64)),
        None => {
            let error = invalid(format!("invalid value for FETCH option \"timeout\": \"{value}\""));
            Err(match Unit::Milliseconds.hint(&value).filter(|_| milliseconds.is_none()) {
                Some(hint) => error.with_hint(hint),
                None => error,
            })
        }
    }
}

/// A direction, if there is one: a word that ends the statement is the cursor's name.
fn motion(reader: &mut Reader) -> Result<Motion> {
    let next = Motion::Forward(Some(1));
    let mut behind = reader.clone();
    behind.advance();
    if behind.at_end() || behind.peek_word("with") {
        return Ok(next);
    }
    Ok(if reader.word("next") {
        next
    } else if reader.word("prior") {
        Motion::Backward(Some(1))
    } else if reader.word("first") {
        Motion::Absolute(1)
    } else if reader.word("last") {
        Motion::Absolute(-1)
    } else if reader.word("absolute") {
        Motion::Absolute(count(reader)?.ok_or_else(|| reader.syntax_error())?)
    } else if reader.word("relative") {
        Motion::Relative(count(reader)?.ok_or_else(|| reader.syntax_error())?)
    } else if reader.word("all") {
        Motion::Forward(None)
    } else if reader.word("forward") {
        Motion::Forward(optional_count(reader)?)
    } else if reader.word("backward") {
        Motion::Backward(optional_count(reader)?)
    } else {
        Motion::Forward(Some(count(reader)?.unwrap_or(1)))
    })
}

fn optional_count(reader: &mut Reader) -> Result<Option<i64>> {
    if reader.word("all") { Ok(None) } else { Ok(Some(count(reader)?.unwrap_or(1))) }
}

/// A signed number, if there is one.
fn count(reader: &mut Reader) -> Result<Option<i64>> {
    let minus = reader.token(&Token::Minus);
    let signed = minus || reader.token(&Token::Plus);
    let Some(Token::Number(digits, _)) = reader.peek() else {
        return if signed { Err(reader.syntax_error()) } else { Ok(None) };
    };
    // As in PostgreSQL, where a count is an int.
    let Ok(number) = digits.parse::<i32>() else { return Err(reader.syntax_error()) };
    reader.advance();
    Ok(Some(i64::from(if minus { -number } else { number })))
}

/// CLOSE, after that word.
pub(super) fn close(reader: &mut Reader) -> Result<Statement> {
    if reader.word("all") {
        return Ok(Statement::CloseCursor(None));
    }
    Ok(Statement::CloseCursor(Some(reader.identifier()?)))
}
