//! What a partition takes: `FOR VALUES …` or DEFAULT, where `sqlparser` does not look for it.

use datafusion::sql::sqlparser::ast::{ForValues, PartitionBoundValue};
use datafusion::sql::sqlparser::tokenizer::Token;

use super::list;
use crate::error::Result;
use crate::statement::reader::Reader;

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
