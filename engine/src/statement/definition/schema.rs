//! CREATE SCHEMA with what is to be made in it.

use datafusion::sql::sqlparser::ast;
use datafusion::sql::sqlparser::keywords::Keyword;
use datafusion::sql::sqlparser::tokenizer::{Token, TokenWithSpan};

use super::Definition;
use crate::error::{Error, Result, SqlState};
use crate::statement::Statement;
use crate::statement::parse::parse_tokens;
use crate::statement::reader::Reader;

/// The tokens of CREATE, ALTER or DROP NAMESPACE as those of SCHEMA, which is the same; None for all others.
pub(in crate::statement) fn with_schema(tokens: &[TokenWithSpan]) -> Option<Vec<TokenWithSpan>> {
    let mut solid = tokens.iter().enumerate().filter(|(_, token)| !matches!(token.token, Token::Whitespace(_)));
    let is_word = |token: &Token, words: &[&str]| {
        matches!(token, Token::Word(word) if word.quote_style.is_none()
            && words.iter().any(|known| word.value.eq_ignore_ascii_case(known)))
    };
    solid.next().filter(|(_, token)| is_word(&token.token, &["create", "alter", "drop"]))?;
    let (at, _) = solid.next().filter(|(_, token)| is_word(&token.token, &["namespace"]))?;
    let mut tokens = tokens.to_vec();
    tokens[at].token = Token::make_keyword("SCHEMA");
    Some(tokens)
}

/// Reads such a statement; None if it is another, or nothing is to be made.
pub(super) fn create(text: &str, tokens: &[TokenWithSpan]) -> Result<Option<Definition>> {
    if !Reader::new(text, tokens).words(&["create", "schema"]) {
        return Ok(None);
    }
    let places = elements(tokens);
    let Some(first) = places.first() else { return Ok(None) };
    let mut head = Reader::new(text, &tokens[..*first]);
    let parsed = head.parsed(|parser| parser.parse_statement())?;
    head.expect_end()?;
    let ast::Statement::CreateSchema { schema_name, if_not_exists, .. } = parsed else { return Ok(None) };
    if if_not_exists {
        let message = "CREATE SCHEMA IF NOT EXISTS cannot include schema elements";
        return Err(Error::new(SqlState::FEATURE_NOT_SUPPORTED, message));
    }
    let ends = places.iter().skip(1).copied().chain([tokens.len()]);
    let mut made = Vec::with_capacity(places.len());
    for (start, end) in places.iter().copied().zip(ends) {
        let element = &tokens[start..end];
        let definition = match parse_tokens(text, element)? {
            Statement::Definition(definition) => *definition,
            _ => return Err(Reader::new(text, element).syntax_error()),
        };
        let rank = rank(&definition).ok_or_else(|| Reader::new(text, element).syntax_error())?;
        made.push((rank, definition));
    }
    made.sort_by_key(|(rank, _)| *rank);
    let elements = made.into_iter().map(|(_, definition)| definition).collect();
    Ok(Some(Definition::CreateSchema { name: schema_name, elements }))
}

/// Where the tokens of each element begin.
fn elements(tokens: &[TokenWithSpan]) -> Vec<usize> {
    let (mut places, mut depth, mut before) = (Vec::new(), 0_usize, None);
    for (at, token) in tokens.iter().enumerate() {
        match &token.token {
            Token::Whitespace(_) => continue,
            Token::LParen => depth += 1,
            Token::RParen => depth = depth.saturating_sub(1),
            Token::Word(word) if word.quote_style.is_none() && depth == 0 => {
                let begins = match word.keyword {
                    Keyword::CREATE => before.is_some(),
                    // WITH GRANT OPTION is the end of one.
                    Keyword::GRANT => before != Some(Keyword::WITH),
                    _ => false,
                };
                if begins {
                    places.push(at);
                }
                before = Some(word.keyword);
                continue;
            }
            _ => {}
        }
        before = before.map(|_| Keyword::NoKeyword);
    }
    places
}

/// In which order PostgreSQL makes the kinds of things; None for what cannot be made with a schema.
fn rank(definition: &Definition) -> Option<u8> {
    Some(match definition {
        Definition::CreateSequence { .. } => 0,
        Definition::Parsed(ast::Statement::CreateTable(_))
        | Definition::UnloggedTable(_)
        | Definition::TableOfClass(..)
        | Definition::TableLike(_) => 1,
        Definition::CreateView(_) => 2,
        Definition::Parsed(ast::Statement::CreateIndex(_)) => 3,
        Definition::Privileges(_) => 4,
        _ => return None,
    })
}
