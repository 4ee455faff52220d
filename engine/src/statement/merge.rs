//! MERGE, whose grammar `sqlparser` knows only in part.

use datafusion::sql::sqlparser::ast;
use datafusion::sql::sqlparser::parser::Parser;
use datafusion::sql::sqlparser::tokenizer::{Span, Token, TokenWithSpan};

use super::reader::Reader;
use super::{Overriding, Statement};
use crate::error::Result;

/// A MERGE statement.
#[derive(Debug, Clone)]
pub struct Merge {
    pub with: Option<ast::With>,
    pub target: ast::TableFactor,
    pub source: ast::TableWithJoins,
    pub on: ast::Expr,
    pub whens: Vec<MergeWhen>,
}

/// WHEN [NOT] MATCHED … THEN.
#[derive(Debug, Clone)]
pub struct MergeWhen {
    pub matched: bool,
    pub condition: Option<ast::Expr>,
    pub action: MergeAction,
}

#[derive(Debug, Clone)]
pub enum MergeAction {
    Nothing,
    Delete,
    Update(Vec<ast::Assignment>),
    /// `values` None is DEFAULT VALUES.
    Insert {
        columns: Vec<ast::ObjectName>,
        overriding: Option<Overriding>,
        values: Option<(Vec<ast::Expr>, Span)>,
    },
}

/// Parses a statement if it is a MERGE, which WITH may precede.
pub(super) fn parse(text: &str, tokens: &[TokenWithSpan]) -> Result<Option<Statement>> {
    let mut reader = Reader::new(text, tokens);
    if reader.word("merge") {
        return merge(&mut reader, None).map(Some);
    }
    if !reader.peek_word("with") {
        return Ok(None);
    }
    let Some(at) = merge_after_with(tokens) else { return Ok(None) };
    // The WITH clause alone is no statement that the parser knows; in front of a query it is.
    let mut query = tokens[..at].to_vec();
    for word in ["SELECT", "1"] {
        let token = if word == "1" { Token::Number(word.to_owned(), false) } else { Token::make_keyword(word) };
        query.push(TokenWithSpan { token, span: tokens[at].span });
    }
    let query = Reader::new(text, &query).parsed(|parser| parser.parse_query())?;
    let mut reader = Reader::new(text, &tokens[at..]);
    reader.expect_word("merge")?;
    merge(&mut reader, query.with).map(Some)
}

/// Where MERGE stands behind a WITH clause, outside all parentheses.
fn merge_after_with(tokens: &[TokenWithSpan]) -> Option<usize> {
    let mut depth = 0usize;
    let mut before: Option<&Token> = None;
    for (at, token) in tokens.iter().enumerate() {
        match &token.token {
            Token::Whitespace(_) => continue,
            Token::LParen => depth += 1,
            Token::RParen => depth = depth.saturating_sub(1),
            Token::Word(word)
                if depth == 0
                    && word.quote_style.is_none()
                    && word.value.eq_ignore_ascii_case("merge")
                    && before == Some(&Token::RParen) =>
            {
                return Some(at);
            }
            _ => {}
        }
        before = Some(&token.token);
    }
    None
}

/// After the word MERGE.
fn merge(reader: &mut Reader, with: Option<ast::With>) -> Result<Statement> {
    reader.expect_word("into")?;
    let target = reader.parsed(|parser| parser.parse_table_factor())?;
    reader.expect_word("using")?;
    let source = reader.parsed(|parser| parser.parse_table_and_joins())?;
    reader.expect_word("on")?;
    let on = reader.parsed(|parser| parser.parse_expr())?;
    let mut whens = Vec::new();
    while reader.word("when") {
        whens.push(when(reader)?);
    }
    if whens.is_empty() {
        return Err(reader.syntax_error());
    }
    reader.expect_end()?;
    Ok(Statement::Merge(Box::new(Merge { with, target, source, on, whens })))
}

fn when(reader: &mut Reader) -> Result<MergeWhen> {
    let matched = !reader.word("not");
    reader.expect_word("matched")?;
    let condition = if reader.word("and") { Some(reader.parsed(|parser| parser.parse_expr())?) } else { None };
    reader.expect_word("then")?;
    let action = if reader.words(&["do", "nothing"]) {
        MergeAction::Nothing
    } else if matched && reader.word("delete") {
        MergeAction::Delete
    } else if matched && reader.words(&["update", "set"]) {
        MergeAction::Update(reader.parsed(|parser| parser.parse_comma_separated(Parser::parse_assignment))?)
    } else if !matched && reader.word("insert") {
        insert(reader)?
    } else {
        return Err(reader.syntax_error());
    };
    Ok(MergeWhen { matched, condition, action })
}

fn insert(reader: &mut Reader) -> Result<MergeAction> {
    let mut columns = Vec::new();
    if reader.token(&Token::LParen) {
        loop {
            columns.push(reader.object_name()?);
            if !reader.token(&Token::Comma) {
                break;
            }
        }
        reader.expect_token(&Token::RParen)?;
    }
    let mut overriding = None;
    if reader.word("overriding") {
        overriding = Some(if reader.word("system") {
            Overriding::System
        } else if reader.word("user") {
            Overriding::User
        } else {
            return Err(reader.syntax_error());
        });
        reader.expect_word("value")?;
    }
    if columns.is_empty() && reader.words(&["default", "values"]) {
        return Ok(MergeAction::Insert { columns, overriding, values: None });
    }
    reader.expect_word("values")?;
    let span = reader.rest().first().map_or(Span::empty(), |token| token.span);
    reader.expect_token(&Token::LParen)?;
    let values = reader.parsed(|parser| parser.parse_comma_separated(Parser::parse_expr))?;
    reader.expect_token(&Token::RParen)?;
    Ok(MergeAction::Insert { columns, overriding, values: Some((values, span)) })
}
