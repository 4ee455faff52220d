//! Partitions: `FOR VALUES …` or DEFAULT where `sqlparser` does not look for it, and CREATE TABLE … PARTITION OF with
//! columns, which have no type there although `sqlparser` wants one.

use datafusion::sql::sqlparser::ast::{ForValues, PartitionBoundValue};
use datafusion::sql::sqlparser::tokenizer::{Token, TokenWithSpan};

use super::{Definition, list};
use crate::error::Result;
use crate::statement::reader::Reader;

/// Stands for the type of a column in PARTITION OF, which is its parent's.
const INHERITED: &str = "inherited";
/// What begins a constraint in a list of columns and constraints.
const CONSTRAINTS: [&str; 6] = ["constraint", "check", "unique", "primary", "foreign", "exclude"];

/// Reads CREATE TABLE … PARTITION OF parent (columns and constraints) …; None if the tokens are something else.
pub(super) fn create(text: &str, tokens: &[TokenWithSpan]) -> Result<Option<Definition>> {
    let mut reader = Reader::new(text, tokens);
    if !reader.word("create") {
        return Ok(None);
    }
    let unlogged = reader.word("unlogged");
    if !reader.word("table") {
        return Ok(None);
    }
    reader.words(&["if", "not", "exists"]);
    let is_partition = reader.object_name().is_ok() && reader.words(&["partition", "of"]);
    if !is_partition || reader.object_name().is_err() || reader.peek() != Some(&Token::LParen) {
        return Ok(None);
    }
    let (before, list) = tokens.split_at(tokens.len() - reader.rest().len());
    let mut typed: Vec<TokenWithSpan> = Vec::with_capacity(tokens.len());
    typed.extend(before.iter().filter(|token| !is_word(&token.token, "unlogged")).cloned());
    add_types(list, &mut typed);
    let mut reader = Reader::new(text, &typed);
    let statement = reader.parsed(|parser| parser.parse_statement())?;
    reader.expect_end()?;
    Ok(Some(if unlogged { Definition::UnloggedTable(statement) } else { Definition::Parsed(statement) }))
}

/// Copies tokens that begin with a list in parentheses, with a type after each of its columns' names.
fn add_types(tokens: &[TokenWithSpan], typed: &mut Vec<TokenWithSpan>) {
    let (mut depth, mut begins, mut after_name) = (0usize, false, false);
    let mut ended = false;
    for token in tokens {
        let is_space = matches!(token.token, Token::Whitespace(_));
        let with_options = after_name && ["with", "options"].iter().any(|word| is_word(&token.token, word));
        if ended || is_space || !with_options {
            typed.push(token.clone());
        }
        if ended || is_space || with_options {
            continue;
        }
        after_name = false;
        match &token.token {
            Token::LParen => depth += 1,
            Token::RParen => depth = depth.saturating_sub(1),
            Token::Word(_) if begins && !CONSTRAINTS.iter().any(|word| is_word(&token.token, word)) => {
                typed.push(TokenWithSpan { token: Token::make_word(INHERITED, None), span: token.span });
                after_name = true;
            }
            _ => {}
        }
        begins = depth == 1 && matches!(token.token, Token::LParen | Token::Comma);
        ended = depth == 0;
    }
}

/// Reads CREATE INDEX … ON ONLY, behind CREATE [UNIQUE] INDEX; None if the tokens are another CREATE INDEX.
pub(super) fn create_index_only(text: &str, tokens: &[TokenWithSpan]) -> Result<Option<Definition>> {
    let significant: Vec<usize> =
        (0..tokens.len()).filter(|at| !matches!(tokens[*at].token, Token::Whitespace(_))).collect();
    let pair = significant.windows(2).find(|pair| is_word(&tokens[pair[0]].token, "on"));
    let Some(only) = pair.map(|pair| pair[1]).filter(|at| is_word(&tokens[*at].token, "only")) else { return Ok(None) };
    let mut rest = tokens.to_vec();
    rest.remove(only);
    let mut reader = Reader::new(text, &rest);
    let statement = reader.parsed(|parser| parser.parse_statement())?;
    reader.expect_end()?;
    Ok(Some(Definition::IndexOnly(statement)))
}

/// Reads ALTER INDEX … ATTACH PARTITION; None if the tokens are another ALTER INDEX.
pub(super) fn attach_index(reader: &mut Reader<'_>) -> Result<Option<Definition>> {
    reader.words(&["if", "exists"]);
    let Ok(index) = reader.object_name() else { return Ok(None) };
    if !reader.words(&["attach", "partition"]) {
        return Ok(None);
    }
    Ok(Some(Definition::AttachIndex { index, partition: reader.object_name()? }))
}

fn is_word(token: &Token, expected: &str) -> bool {
    matches!(token, Token::Word(word) if word.quote_style.is_none() && word.value.eq_ignore_ascii_case(expected))
}

pub(super) fn for_values(reader: &mut Reader<'_>) -> Result<ForValues> {
    if reader.word("default") {
        return Ok(ForValues::Default);
    }
    reader.expect_word("for")?;
    reader.expect_word("values")?;
    if reader.word("in") {
        let values = in_parentheses(reader, |reader| reader.parsed(|parser| parser.parse_expr()))?;
        return Ok(ForValues::In(values));
    }
    if reader.word("from") {
        let from = in_parentheses(reader, limit)?;
        reader.expect_word("to")?;
        return Ok(ForValues::From { from, to: in_parentheses(reader, limit)? });
    }
    reader.expect_word("with")?;
    reader.expect_token(&Token::LParen)?;
    reader.expect_word("modulus")?;
    let modulus = number(reader)?;
    reader.expect_token(&Token::Comma)?;
    reader.expect_word("remainder")?;
    let remainder = number(reader)?;
    reader.expect_token(&Token::RParen)?;
    Ok(ForValues::With { modulus, remainder })
}

fn in_parentheses<'a, T>(reader: &mut Reader<'a>, one: impl FnMut(&mut Reader<'a>) -> Result<T>) -> Result<Vec<T>> {
    reader.expect_token(&Token::LParen)?;
    let values = list(reader, one)?;
    reader.expect_token(&Token::RParen)?;
    Ok(values)
}

fn limit(reader: &mut Reader<'_>) -> Result<PartitionBoundValue> {
    if reader.word("minvalue") {
        return Ok(PartitionBoundValue::MinValue);
    }
    if reader.word("maxvalue") {
        return Ok(PartitionBoundValue::MaxValue);
    }
    reader.parsed(|parser| parser.parse_expr()).map(PartitionBoundValue::Expr)
}

fn number(reader: &mut Reader<'_>) -> Result<u64> {
    reader.parsed(|parser| parser.parse_literal_uint())
}
