//! Where and how a new relation is kept: `TABLESPACE name` and `USING method`, which `sqlparser` does not read.
//!
//! There is one place, `pg_default`, and one method for tables, `heap`, as PostgreSQL calls its usual ones. Naming them says what holds
//! anyway, so the words are left out of the statement; any other name is refused.

use std::borrow::Cow;

use datafusion::sql::sqlparser::keywords::Keyword;
use datafusion::sql::sqlparser::tokenizer::{Token, TokenWithSpan};

use crate::error::{Error, Result, SqlState};

/// What is being defined.
#[derive(Clone, Copy, PartialEq)]
enum Kind {
    /// CREATE TABLE or MATERIALIZED VIEW.
    Table,
    Index,
    /// ALTER TABLE, which may add a constraint.
    Alteration,
}

/// The tokens of a statement without such clauses. 42704 for a tablespace or method that there is not.
pub(super) fn without_location(tokens: &[TokenWithSpan]) -> Result<Cow<'_, [TokenWithSpan]>> {
    let begins = |token: &TokenWithSpan| match &token.token {
        Token::Word(word) => matches!(word.keyword, Keyword::TABLESPACE | Keyword::USING),
        _ => false,
    };
    if !tokens.iter().any(begins) {
        return Ok(tokens.into());
    }
    let Some(kind) = kind_of(tokens) else { return Ok(tokens.into()) };
    let significant: Vec<usize> =
        (0..tokens.len()).filter(|at| !matches!(tokens[*at].token, Token::Whitespace(_))).collect();
    let token = |n: usize| significant.get(n).map(|at| &tokens[*at].token);
    let (mut depth, mut partitioned, mut left_out) = (0usize, false, Vec::new());
    for n in 0..significant.len() {
        let Some(here) = token(n) else { break };
        let word = |ahead: usize, expected: &str| token(n + ahead).is_some_and(|token| is_word(token, expected));
        match here {
            Token::LParen => depth += 1,
            Token::RParen => depth = depth.saturating_sub(1),
            // Behind these stands a query or a condition.
            _ if depth == 0 && kind == Kind::Table && word(0, "as") => break,
            _ if depth == 0 && kind == Kind::Index && word(0, "where") => break,
            _ if depth == 0 && word(0, "partition") && word(1, "by") => partitioned = true,
            _ if word(0, "using") && word(1, "index") && word(2, "tablespace") => {
                if let Some(name) = token(n + 3).and_then(name_in) {
                    check_tablespace(&name)?;
                    left_out.extend(n..n + 4);
                }
            }
            _ if depth == 0 && kind != Kind::Alteration && word(0, "tablespace") => {
                let clause = n.checked_sub(1).and_then(token).is_some_and(may_precede) && !left_out.contains(&n);
                if let (true, Some(name)) = (clause, token(n + 1).and_then(name_in)) {
                    check_tablespace(&name)?;
                    left_out.extend(n..n + 2);
                }
            }
            _ if depth == 0 && kind == Kind::Table && word(0, "using") && token(n + 2) != Some(&Token::LParen) => {
                if let Some(method) = token(n + 1).and_then(name_in) {
                    check_method(&method, partitioned)?;
                    left_out.extend(n..n + 2);
                }
            }
            _ => {}
        }
    }
    let left_out: Vec<usize> = left_out.into_iter().map(|n| significant[n]).collect();
    let kept = tokens.iter().enumerate().filter(|(at, _)| !left_out.contains(at)).map(|(_, token)| token.clone());
    Ok(kept.collect())
}

fn kind_of(tokens: &[TokenWithSpan]) -> Option<Kind> {
    let mut words = tokens.iter().map(|token| &token.token).filter(|token| !matches!(token, Token::Whitespace(_)));
    let first = words.next()?;
    if is_word(first, "alter") {
        return words.next().filter(|token| is_word(token, "table")).map(|_| Kind::Alteration);
    }
    if !is_word(first, "create") {
        return None;
    }
    for token in words.take(4) {
        match token {
            token if is_word(token, "table") || is_word(token, "materialized") => return Some(Kind::Table),
            token if is_word(token, "index") => return Some(Kind::Index),
            Token::Word(_) => {}
            _ => return None,
        }
    }
    None
}

/// Whether TABLESPACE may be a clause behind this, and not the name of something.
fn may_precede(token: &Token) -> bool {
    const NAMED_NEXT: [&str; 6] = ["table", "index", "view", "exists", "on", "concurrently"];
    match token {
        Token::RParen => true,
        Token::Word(_) => !NAMED_NEXT.iter().any(|word| is_word(token, word)),
        _ => false,
    }
}

fn check_tablespace(name: &str) -> Result<()> {
    match name {
        "pg_default" => Ok(()),
        "pg_global" => Err(Error::new(
            SqlState::INVALID_PARAMETER_VALUE,
            "only shared relations can be placed in pg_global tablespace",
        )),
        _ => Err(Error::new(SqlState::UNDEFINED_OBJECT, format!("tablespace \"{name}\" does not exist"))),
    }
}

fn check_method(name: &str, partitioned: bool) -> Result<()> {
    if partitioned {
        return Err(Error::new(
            SqlState::FEATURE_NOT_SUPPORTED,
            "specifying a table access method is not supported on a partitioned table",
        ));
    }
    match name {
        "heap" => Ok(()),
        "btree" | "hash" | "gist" | "gin" | "spgist" | "brin" => Err(Error::new(
            SqlState::OBJECT_NOT_IN_PREREQUISITE_STATE,
            format!("access method \"{name}\" is not of type TABLE"),
        )),
        _ => Err(Error::new(SqlState::UNDEFINED_OBJECT, format!("access method \"{name}\" does not exist"))),
    }
}

fn name_in(token: &Token) -> Option<String> {
    match token {
        Token::Word(word) if word.quote_style.is_some() => Some(word.value.clone()),
        Token::Word(word) => Some(word.value.to_lowercase()),
        _ => None,
    }
}

fn is_word(token: &Token, expected: &str) -> bool {
    matches!(token, Token::Word(word) if word.quote_style.is_none() && word.value.eq_ignore_ascii_case(expected))
}
