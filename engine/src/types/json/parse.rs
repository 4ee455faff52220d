//! The grammar of JSON: a text as a tree of items that know where they are written.

use std::borrow::Cow;

use storage::value::jsonb::NESTING_MAX;

use super::lexer::{Lexer, Token};
use super::too_deep;
use crate::error::Result;

/// What is done with `\uXXXX` in strings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Escapes {
    /// Only that there are four digits, as for values of type json, which keep their text.
    Checked,
    /// Read, so that it must stand for a character.
    Read,
}

/// A value in a text.
#[derive(Debug, Clone)]
pub struct Item<'a> {
    /// As it is written.
    pub text: &'a str,
    pub kind: Kind<'a>,
}

#[derive(Debug, Clone)]
pub enum Kind<'a> {
    Null,
    Bool(bool),
    Number,
    String(Cow<'a, str>),
    Array(Vec<Item<'a>>),
    /// In the order of the text; a key may be there several times.
    Object(Vec<(Cow<'a, str>, Item<'a>)>),
}

/// Reads a text: 22P02 with PostgreSQL's details if it is not JSON.
pub fn parse(text: &str, escapes: Escapes) -> Result<Item<'_>> {
    let mut lexer = Lexer::new(text, escapes)?;
    let item = value(&mut lexer, 0)?;
    if lexer.token != Token::End {
        return Err(lexer.unexpected("end of input"));
    }
    Ok(item)
}

fn value<'a>(lexer: &mut Lexer<'a>, depth: usize) -> Result<Item<'a>> {
    if depth > NESTING_MAX {
        return Err(too_deep());
    }
    let start = lexer.start;
    let kind = match lexer.token {
        Token::Null => Kind::Null,
        Token::True => Kind::Bool(true),
        Token::False => Kind::Bool(false),
        Token::Number => Kind::Number,
        Token::String => Kind::String(std::mem::take(&mut lexer.string)),
        Token::ArrayStart => Kind::Array(elements(lexer, depth)?),
        Token::ObjectStart => Kind::Object(members(lexer, depth)?),
        _ => return Err(lexer.unexpected("JSON value")),
    };
    // The closing bracket or the scalar itself.
    lexer.advance()?;
    Ok(Item { text: lexer.since(start), kind })
}

/// Ends on the closing bracket.
fn elements<'a>(lexer: &mut Lexer<'a>, depth: usize) -> Result<Vec<Item<'a>>> {
    let mut items = Vec::new();
    lexer.advance()?;
    if lexer.token == Token::ArrayEnd {
        return Ok(items);
    }
    loop {
        items.push(value(lexer, depth + 1)?);
        match lexer.token {
            Token::Comma => lexer.advance()?,
            Token::ArrayEnd => return Ok(items),
            _ => return Err(lexer.unexpected("\",\" or \"]\"")),
        }
    }
}

/// Ends on the closing brace.
fn members<'a>(lexer: &mut Lexer<'a>, depth: usize) -> Result<Vec<(Cow<'a, str>, Item<'a>)>> {
    let mut members = Vec::new();
    lexer.advance()?;
    match lexer.token {
        Token::ObjectEnd => return Ok(members),
        Token::String => {}
        _ => return Err(lexer.unexpected("string or \"}\"")),
    }
    loop {
        if lexer.token != Token::String {
            return Err(lexer.unexpected("string"));
        }
        let key = std::mem::take(&mut lexer.string);
        lexer.advance()?;
        if lexer.token != Token::Colon {
            return Err(lexer.unexpected("\":\""));
        }
        lexer.advance()?;
        members.push((key, value(lexer, depth + 1)?));
        match lexer.token {
            Token::Comma => lexer.advance()?,
            Token::ObjectEnd => return Ok(members),
            _ => return Err(lexer.unexpected("\",\" or \"}\"")),
        }
    }
}
