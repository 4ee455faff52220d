//! EXECUTE AS USER 'alice' ( statement ): one statement with another role as the current one.

use datafusion::sql::sqlparser::tokenizer::{Token, TokenWithSpan};

use super::Statement;
use super::definition::{RoleName, own_name};
use super::parse::parse_tokens;
use super::reader::Reader;
use crate::error::{Error, Result};

/// Whose rights a statement runs with.
#[derive(Debug, Clone)]
pub struct ExecuteAs {
    pub user: String,
    pub statement: Statement,
}

/// What follows EXECUTE AS USER.
pub(super) fn execute_as(text: &str, reader: &mut Reader) -> Result<Statement> {
    let RoleName::Named(user) = own_name(reader)? else { return Err(reader.syntax_error()) };
    let Some(inner) = within_parentheses(reader.rest()) else {
        // The error is that of whichever parenthesis is missing.
        reader.expect_token(&Token::LParen)?;
        reader.skip_rest();
        return Err(reader.syntax_error());
    };
    let statement = parse_tokens(text, inner)?;
    reader.skip_rest();
    match statement {
        Statement::Query(_)
        | Statement::Insert(_)
        | Statement::Update(_)
        | Statement::Delete(_)
        | Statement::Merge(_)
        | Statement::Explain { .. }
        | Statement::Definition(_) => Ok(Statement::ExecuteAs(Box::new(ExecuteAs { user, statement }))),
        _ => Err(Error::unsupported(
            "a statement other than a query, a write, EXPLAIN or a definition in EXECUTE AS USER",
        )),
    }
}

/// What stands between the first token, which is a parenthesis, and the last.
fn within_parentheses(tokens: &[TokenWithSpan]) -> Option<&[TokenWithSpan]> {
    let is_word = |token: &TokenWithSpan| !matches!(token.token, Token::Whitespace(_));
    let (first, last) = (tokens.iter().position(is_word)?, tokens.iter().rposition(is_word)?);
    let encloses = first < last && tokens[first].token == Token::LParen && tokens[last].token == Token::RParen;
    encloses.then(|| &tokens[first + 1..last])
}
