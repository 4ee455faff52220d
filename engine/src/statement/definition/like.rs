//! CREATE TABLE with LIKE among its columns, of which `sqlparser` knows but one form.
//!
//! What stands around the LIKE clauses stays text, so that the statement can be put together again with the columns of
//! the tables that are named, and read as any other.

use datafusion::sql::sqlparser::ast::ObjectName;
use datafusion::sql::sqlparser::tokenizer::{Token, TokenWithSpan};

use super::{Definition, names_temporary};
use crate::catalog::TableClass;
use crate::error::Result;
use crate::statement::reader::Reader;

/// A CREATE TABLE that takes columns from other tables.
#[derive(Debug, Clone)]
pub struct TableLike {
    pub unlogged: bool,
    pub class: TableClass,
    /// It says TEMPORARY, or names the schema of temporary relations.
    pub temporary: bool,
    /// Up to the parenthesis.
    pub before: String,
    pub elements: Vec<Element>,
    /// From behind the parenthesis.
    pub after: String,
}

/// What stands between two commas.
#[derive(Debug, Clone)]
pub enum Element {
    /// A column or a constraint.
    Written(String),
    Like(Like),
}

/// `LIKE source INCLUDING …`.
#[derive(Debug, Clone)]
pub struct Like {
    pub source: ObjectName,
    pub including: Including,
}

/// What is taken besides names, types and NOT NULL.
#[derive(Debug, Clone, Copy, Default)]
pub struct Including {
    pub comments: bool,
    pub constraints: bool,
    pub defaults: bool,
    pub generated: bool,
    pub identity: bool,
    pub indexes: bool,
}

/// Reads CREATE TABLE name (…, LIKE …, …) …; None if the tokens are something else.
pub(super) fn create(text: &str, tokens: &[TokenWithSpan]) -> Result<Option<Definition>> {
    let mut reader = Reader::new(text, tokens);
    if !reader.word("create") {
        return Ok(None);
    }
    let unlogged = reader.word("unlogged");
    // LOCAL and GLOBAL mean nothing, and stay in the text.
    let scoped = !unlogged && (reader.word("local") || reader.word("global"));
    let temporary = !unlogged && (reader.word("temporary") || reader.word("temp"));
    if scoped && !temporary {
        return Ok(None);
    }
    if !reader.word("table") {
        return Ok(None);
    }
    reader.words(&["if", "not", "exists"]);
    let Some(name) = reader.object_name().ok().filter(|_| reader.peek() == Some(&Token::LParen)) else {
        return Ok(None);
    };
    let (before, list) = tokens.split_at(tokens.len() - reader.rest().len());
    let Some((inside, after)) = in_parentheses(list) else { return Ok(None) };
    let pieces = split(inside);
    let begins_like = |piece: &[TokenWithSpan]| Reader::new(text, piece).peek_word("like");
    if !pieces.iter().any(|piece| begins_like(piece)) {
        return Ok(None);
    }
    let mut elements = Vec::with_capacity(pieces.len());
    for piece in pieces {
        elements.push(match begins_like(piece) {
            true => Element::Like(like(&mut Reader::new(text, piece))?),
            false => Element::Written(written(piece)),
        });
    }
    let before: Vec<TokenWithSpan> = before.iter().filter(|token| !is_unlogged(&token.token)).cloned().collect();
    let (before, after) = (written(&before), written(after));
    let temporary = temporary || names_temporary(&name);
    Ok(Some(Definition::TableLike(Box::new(TableLike {
        unlogged,
        class: TableClass::Shared,
        temporary,
        before,
        elements,
        after,
    }))))
}

fn is_unlogged(token: &Token) -> bool {
    matches!(token, Token::Word(word) if word.quote_style.is_none() && word.value.eq_ignore_ascii_case("unlogged"))
}

fn written(tokens: &[TokenWithSpan]) -> String {
    tokens.iter().map(|token| token.token.to_string()).collect()
}

fn like(reader: &mut Reader<'_>) -> Result<Like> {
    reader.expect_word("like")?;
    let source = reader.object_name()?;
    let mut including = Including::default();
    while !reader.at_end() {
        let include = reader.word("including");
        if !include {
            reader.expect_word("excluding")?;
        }
        match reader.identifier()?.as_str() {
            "all" => including = Including::all(include),
            "comments" => including.comments = include,
            "constraints" => including.constraints = include,
            "defaults" => including.defaults = include,
            "generated" => including.generated = include,
            "identity" => including.identity = include,
            "indexes" => including.indexes = include,
            // Hints that no table here has.
            "compression" | "statistics" | "storage" => {}
            _ => return Err(reader.syntax_error()),
        }
    }
    Ok(Like { source, including })
}

impl Including {
    fn all(include: bool) -> Self {
        let (comments, constraints, defaults) = (include, include, include);
        Self { comments, constraints, defaults, generated: include, identity: include, indexes: include }
    }
}

/// What the parentheses that the tokens begin with enclose, and what follows.
fn in_parentheses(tokens: &[TokenWithSpan]) -> Option<(&[TokenWithSpan], &[TokenWithSpan])> {
    let mut depth = 0usize;
    for (at, token) in tokens.iter().enumerate() {
        match token.token {
            Token::LParen => depth += 1,
            Token::RParen => {
                depth = depth.checked_sub(1)?;
                if depth == 0 {
                    return Some((&tokens[1..at], &tokens[at + 1..]));
                }
            }
            _ => {}
        }
    }
    None
}

/// The pieces between the commas that are in no further parentheses.
fn split(tokens: &[TokenWithSpan]) -> Vec<&[TokenWithSpan]> {
    let mut depth = 0usize;
    tokens
        .split(|token| {
            match token.token {
                Token::LParen | Token::LBracket => depth += 1,
                Token::RParen | Token::RBracket => depth = depth.saturating_sub(1),
                _ => {}
            }
            depth == 0 && token.token == Token::Comma
        })
        .collect()
}
