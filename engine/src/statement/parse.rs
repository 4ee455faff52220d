//! Text to statements: splits a script at its semicolons and parses each piece.

use std::borrow::Cow;

use datafusion::sql::sqlparser::ast;
use datafusion::sql::sqlparser::parser::ParserError;
use datafusion::sql::sqlparser::tokenizer::{Location, Token, TokenWithSpan, Tokenizer};

use super::conflict;
use super::definition::{self, Definition};
use super::dialect::Postgres;
use super::located::without_location;
use super::locking::with_known_locks;
use super::mend::mended;
use super::only::{without_only, without_stars};
use super::reader::{Reader, syntax_error_near};
use super::{Insert, Overriding, Statement, merge, refused, utility};
use crate::error::{Error, Result, SqlState};

/// Parses every statement of a simple query. Empty statements are left out, so the result may be empty.
pub fn parse_script(text: &str) -> Result<Vec<Statement>> {
    if let Some(statement) = utility::quick(text) {
        return Ok(vec![statement]);
    }
    let tokens = tokenize(text)?;
    let mut statements = Vec::new();
    let mut rest = tokens.as_slice();
    while !rest.is_empty() {
        let length = definition::statement_length(rest);
        let piece = &rest[..length];
        rest = rest.get(length + 1..).unwrap_or_default();
        if piece.iter().all(|token| matches!(token.token, Token::Whitespace(_))) {
            continue;
        }
        let piece = without_location(piece)?;
        let piece = mended(text, &piece)?;
        let piece = without_stars(&piece);
        let tokens = with_known_locks(without_only(text, &piece)?)?;
        statements.push(parse_tokens(text, &tokens)?);
    }
    Ok(statements)
}

/// Parses the one statement of a Parse message; None if it is empty.
pub fn parse_single(text: &str) -> Result<Option<Statement>> {
    let mut statements = parse_script(text)?;
    match statements.len() {
        0 | 1 => Ok(statements.pop()),
        _ => Err(Error::new(SqlState::SYNTAX_ERROR, "cannot insert multiple commands into a prepared statement")),
    }
}

pub(super) fn tokenize(text: &str) -> Result<Vec<TokenWithSpan>> {
    let dialect = Postgres::default();
    Tokenizer::new(&dialect, text).tokenize_with_location().map_err(|error| {
        let message = error.message.as_str();
        let words: Cow<'static, str> = if message.contains("Unterminated string") {
            "unterminated quoted string".into()
        } else if message.contains("comment") {
            "unterminated /* comment".into()
        } else if message.contains("dollar") {
            "unterminated dollar-quoted string".into()
        } else if message.contains("Expected close delimiter") {
            "unterminated quoted identifier".into()
        } else {
            format!("syntax error: {message}").into()
        };
        let position = position_in(text, error.location);
        // What is not closed reaches to the end of the text.
        let rest = position.and_then(|at| text.char_indices().nth(at - 1)).map(|(at, _)| &text[at..]);
        let words = match rest {
            Some(rest) if rest.starts_with(['\'', '"', '$', 'e', 'E']) => {
                format!("{words} at or near \"{rest}\"").into()
            }
            _ => words,
        };
        Error::new(SqlState::SYNTAX_ERROR, words).at(position)
    })
}

/// Most tokens between two commas at one depth of parentheses. A chain of operators becomes a tree as deep as it is
/// long, which is walked and dropped recursively; this keeps it within the stack.
const CHAIN_TOKENS_MAX: usize = 40_000;

/// 54001 for a text that would make a tree too deep to walk.
fn refuse_long_chains(tokens: &[TokenWithSpan]) -> Result<()> {
    let mut lengths = vec![0usize];
    for token in tokens {
        match token.token {
            Token::Whitespace(_) => continue,
            Token::LParen | Token::LBracket => lengths.push(0),
            Token::RParen | Token::RBracket if lengths.len() > 1 => {
                lengths.pop();
            }
            Token::Comma => {
                if let Some(length) = lengths.last_mut() {
                    *length = 0;
                }
            }
            _ => {
                if let Some(length) = lengths.last_mut() {
                    *length += 1;
                    if *length > CHAIN_TOKENS_MAX {
                        return Err(Error::new(SqlState::STATEMENT_TOO_COMPLEX, "stack depth limit exceeded")
                            .with_hint("The statement chains too many operators."));
                    }
                }
            }
        }
    }
    Ok(())
}

/// Parses one statement, whose tokens hold no semicolon.
pub(super) fn parse_tokens(text: &str, tokens: &[TokenWithSpan]) -> Result<Statement> {
    refuse_long_chains(tokens)?;
    let of_schema = definition::with_schema(tokens);
    let tokens = of_schema.as_deref().unwrap_or(tokens);
    let ordered = definition::sequence::order_identity_options(text, tokens)?;
    let tokens = ordered.as_deref().unwrap_or(tokens);
    let mut reader = Reader::new(text, tokens);
    if let Some(statement) = utility::parse(text, &mut reader)? {
        reader.expect_end()?;
        return Ok(statement);
    }
    if let Some(statement) = merge::parse(text, tokens)? {
        return Ok(statement);
    }
    refused::refuse(text, tokens)?;
    if let Some(definition) = definition::parse(text, tokens)? {
        return Ok(Statement::Definition(Box::new(definition)));
    }
    if let Some((rest, target)) = conflict::target(text, tokens)? {
        return match parse_tokens(text, &rest)? {
            Statement::Insert(mut insert) => {
                insert.conflict = Some(target);
                Ok(Statement::Insert(insert))
            }
            _ => Err(reader.syntax_error()),
        };
    }
    if let Some((at, overriding)) = overriding(tokens) {
        return overriding_insert(text, tokens, at, overriding);
    }
    let statement = reader.parsed(|parser| parser.parse_statement())?;
    reader.expect_end()?;
    classify(statement)
}

/// Where OVERRIDING SYSTEM VALUE or OVERRIDING USER VALUE stands: three words.
fn overriding(tokens: &[TokenWithSpan]) -> Option<(usize, Overriding)> {
    let is_word = |token: &TokenWithSpan, expected: &str| matches!(&token.token, Token::Word(word) if word.quote_style.is_none() && word.value.eq_ignore_ascii_case(expected));
    let at = tokens.iter().position(|token| is_word(token, "overriding"))?;
    let mut words = tokens[at + 1..].iter().filter(|token| !matches!(token.token, Token::Whitespace(_)));
    let (whose, value) = (words.next()?, words.next()?);
    let overriding = match whose {
        whose if is_word(whose, "system") => Overriding::System,
        whose if is_word(whose, "user") => Overriding::User,
        _ => return None,
    };
    is_word(value, "value").then_some((at, overriding))
}

/// Parses an INSERT without its clause at `at`, which the parser does not know.
fn overriding_insert(text: &str, tokens: &[TokenWithSpan], at: usize, overriding: Overriding) -> Result<Statement> {
    let mut words = 0;
    let mut rest = tokens[..at].to_vec();
    rest.extend(
        tokens[at..]
            .iter()
            .filter(|token| {
                words += usize::from(!matches!(token.token, Token::Whitespace(_)));
                words > 3
            })
            .cloned(),
    );
    let mut reader = Reader::new(text, &rest);
    let statement = reader.parsed(|parser| parser.parse_statement())?;
    reader.expect_end()?;
    match classify(statement)? {
        Statement::Insert(mut insert) => {
            insert.overriding = Some(overriding);
            Ok(Statement::Insert(insert))
        }
        _ => Err(syntax_error_near(text, &tokens[at].token.to_string(), tokens[at].span.start)),
    }
}

/// Sorts what `sqlparser` knows into our verbs.
fn classify(statement: ast::Statement) -> Result<Statement> {
    Ok(match statement {
        ast::Statement::Query(query) => match definition::table_as::select_into(query) {
            Ok(definition) => Statement::Definition(Box::new(definition)),
            Err(query) => Statement::Query(query),
        },
        ast::Statement::Insert(insert) => {
            Statement::Insert(Box::new(Insert { parsed: insert, overriding: None, conflict: None }))
        }
        ast::Statement::Update(update) => Statement::Update(Box::new(update)),
        ast::Statement::Delete(delete) => Statement::Delete(Box::new(delete)),
        other => Statement::Definition(Box::new(Definition::Parsed(other))),
    })
}

/// Where `$n` stands first in a text, as errors count.
pub(crate) fn place_of_placeholder(text: &str, number: usize) -> Option<usize> {
    let wanted = format!("${number}");
    let tokens = tokenize(text).ok()?;
    let found = tokens.iter().find(|token| matches!(&token.token, Token::Placeholder(found) if *found == wanted))?;
    position_in(text, found.span.start)
}

/// The parser's error in PostgreSQL's words, with the position of the token it stumbled over.
pub(super) fn parser_error(text: &str, error: ParserError) -> Error {
    let message = match error {
        ParserError::RecursionLimitExceeded => {
            return Error::new(SqlState::STATEMENT_TOO_COMPLEX, "stack depth limit exceeded")
                .with_hint("The statement nests expressions or subqueries too deeply.");
        }
        ParserError::TokenizerError(message) | ParserError::ParserError(message) => message,
    };
    let (message, location) = split_location(&message);
    match message.rsplit_once(", found: ") {
        Some((_, "EOF")) => at_end(text),
        Some((_, token)) => match location {
            Some(location) => {
                let operand = (token == "?").then(|| without_operand(text, location)).flatten();
                operand.unwrap_or_else(|| syntax_error_near(text, token, location))
            }
            None => Error::new(SqlState::SYNTAX_ERROR, format!("syntax error at or near \"{token}\"")),
        },
        None => Error::new(SqlState::SYNTAX_ERROR, format!("syntax error: {message}"))
            .at(location.and_then(|location| position_in(text, location))),
    }
}

fn at_end(text: &str) -> Error {
    Error::new(SqlState::SYNTAX_ERROR, "syntax error at end of input").at(Some(text.chars().count() + 1))
}

/// To PostgreSQL `?` is an operator: where it has no operand, what stands in its place is wrong.
fn without_operand(text: &str, operator: Location) -> Option<Error> {
    let tokens = tokenize(text).ok()?;
    let at = tokens.iter().position(|token| token.span.start == operator)?;
    let next = tokens[at + 1..].iter().find(|token| !matches!(token.token, Token::Whitespace(_)));
    match next {
        None => Some(at_end(text)),
        Some(TokenWithSpan { token: token @ (Token::Comma | Token::RParen | Token::SemiColon), span }) => {
            Some(syntax_error_near(text, &token.to_string(), span.start))
        }
        Some(_) => None,
    }
}

/// Takes the " at Line: l, Column: c" off the end of a parser's message.
fn split_location(message: &str) -> (&str, Option<Location>) {
    let Some((before, after)) = message.rsplit_once(" at Line: ") else { return (message, None) };
    let Some((line, column)) = after.split_once(", Column: ") else { return (message, None) };
    match (line.parse(), column.parse()) {
        (Ok(line), Ok(column)) => (before, Some(Location { line, column })),
        _ => (message, None),
    }
}

/// The 1-based character position of a place in a text; None for an empty span.
pub fn position_in(text: &str, location: Location) -> Option<usize> {
    if location.line == 0 {
        return None;
    }
    let mut lines_left = location.line - 1;
    let mut position = 0;
    for character in text.chars() {
        if lines_left == 0 {
            break;
        }
        position += 1;
        if character == '\n' {
            lines_left -= 1;
        }
    }
    Some(position + location.column as usize)
}

/// Where a place of a text lies, in bytes; None for that of an empty span.
pub(crate) fn offset_in(text: &str, location: Location) -> Option<usize> {
    let position = position_in(text, location)?;
    Some(text.char_indices().nth(position - 1).map_or(text.len(), |(offset, _)| offset))
}

/// Parses a query that the catalog keeps as text (a view's).
pub(crate) fn parse_query(text: &str) -> Result<Box<ast::Query>> {
    match parse_single(text)? {
        Some(Statement::Query(query)) => Ok(query),
        _ => Err(Error::new(SqlState::DATA_CORRUPTED, format!("the query {text} of the catalog cannot be read"))),
    }
}

/// Parses the name of a type.
pub(crate) fn parse_type(text: &str) -> Result<ast::DataType> {
    let tokens = tokenize(text)?;
    let mut reader = Reader::new(text, &tokens);
    let ty = reader.parsed(|parser| parser.parse_data_type())?;
    reader.expect_end()?;
    Ok(ty)
}

/// Parses an expression that the catalog keeps as text (a default, a check).
pub fn parse_expression(text: &str) -> Result<ast::Expr> {
    let tokens = tokenize(text)?;
    let tokens = mended(text, &tokens)?;
    let mut reader = Reader::new(text, &tokens);
    let expr = reader.parsed(|parser| parser.parse_expr())?;
    reader.expect_end()?;
    Ok(expr)
}
