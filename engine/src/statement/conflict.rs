//! The target of ON CONFLICT where it is more than a list of columns: expressions, operator classes, a condition.

use datafusion::sql::sqlparser::ast;
use datafusion::sql::sqlparser::tokenizer::{Token, TokenWithSpan};

use super::ConflictTarget;
use super::reader::Reader;
use crate::error::Result;

/// Reads such a target, and answers it with the tokens of the statement without it. None: the parser knows what there is.
pub(super) fn target(text: &str, tokens: &[TokenWithSpan]) -> Result<Option<(Vec<TokenWithSpan>, ConflictTarget)>> {
    let Some(begin) = begin(tokens) else { return Ok(None) };
    let mut reader = Reader::new(text, &tokens[begin..]);
    reader.expect_token(&Token::LParen)?;
    let mut expressions = Vec::new();
    loop {
        expressions.push(reader.parsed(|parser| parser.parse_create_index_expr())?);
        if !reader.token(&Token::Comma) {
            break;
        }
    }
    reader.expect_token(&Token::RParen)?;
    let condition = match reader.word("where") {
        true => Some(reader.parsed(|parser| parser.parse_expr())?),
        false => None,
    };
    let expressions: Vec<ast::Expr> = expressions.into_iter().map(|column| column.column.expr).collect();
    if condition.is_none() && expressions.iter().all(|expr| matches!(expr, ast::Expr::Identifier(_))) {
        return Ok(None);
    }
    let mut rest = tokens[..begin].to_vec();
    rest.extend_from_slice(reader.rest());
    Ok(Some((rest, ConflictTarget { expressions, condition })))
}

/// Where the parenthesis after ON CONFLICT stands, in an INSERT.
fn begin(tokens: &[TokenWithSpan]) -> Option<usize> {
    let is_word = |at: &usize, expected: &str| matches!(&tokens[*at].token, Token::Word(word) if word.quote_style.is_none() && word.value.eq_ignore_ascii_case(expected));
    let mut solid = (0..tokens.len()).filter(|at| !matches!(tokens[*at].token, Token::Whitespace(_)));
    let first = solid.next()?;
    if !is_word(&first, "insert") && !is_word(&first, "with") {
        return None;
    }
    let solid: Vec<usize> = solid.collect();
    let found = solid.windows(3).find(|three| is_word(&three[0], "on") && is_word(&three[1], "conflict"))?;
    matches!(tokens[found[2]].token, Token::LParen).then_some(found[2])
}
