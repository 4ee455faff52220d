//! REINDEX.

use datafusion::sql::sqlparser::ast::ObjectName;
use datafusion::sql::sqlparser::tokenizer::Token;

use super::Definition;
use crate::error::{Error, Result, SqlState};
use crate::statement::reader::Reader;
use crate::statement::utility::{setting_value, switch};

/// What is built anew.
#[derive(Debug, Clone)]
pub struct Reindex {
    pub kind: ReindexKind,
    pub name: ObjectName,
    /// Nobody is to be kept waiting. Here it is done as without the word.
    pub concurrently: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReindexKind {
    Index,
    Table,
    Schema,
    Database,
    System,
}

impl Reindex {
    /// What it is called, if it must be a transaction of its own.
    pub fn stands_alone(&self) -> Option<&'static str> {
        match self.kind {
            ReindexKind::Schema => Some("REINDEX SCHEMA"),
            ReindexKind::Database => Some("REINDEX DATABASE"),
            ReindexKind::System => Some("REINDEX SYSTEM"),
            ReindexKind::Index | ReindexKind::Table => self.concurrently.then_some("REINDEX CONCURRENTLY"),
        }
    }
}

/// What follows REINDEX.
pub(super) fn reindex(reader: &mut Reader<'_>) -> Result<Definition> {
    let mut concurrently = reader.token(&Token::LParen) && options(reader)?;
    let kinds = [
        ("index", ReindexKind::Index),
        ("table", ReindexKind::Table),
        ("schema", ReindexKind::Schema),
        ("database", ReindexKind::Database),
        ("system", ReindexKind::System),
    ];
    let Some((_, kind)) = kinds.into_iter().find(|(word, _)| reader.word(word)) else {
        return Err(reader.syntax_error());
    };
    concurrently |= reader.word("concurrently");
    Ok(Definition::Reindex(Reindex { kind, name: reader.object_name()?, concurrently }))
}

/// The options in parentheses: whether CONCURRENTLY is among them.
fn options(reader: &mut Reader<'_>) -> Result<bool> {
    let mut concurrently = false;
    loop {
        let option = reader.identifier()?;
        if option == "tablespace" {
            return Err(Error::unsupported("REINDEX with TABLESPACE"));
        }
        if option != "verbose" && option != "concurrently" {
            let message = format!("unrecognized REINDEX option \"{option}\"");
            return Err(Error::new(SqlState::SYNTAX_ERROR, message));
        }
        let on = match reader.peek() {
            Some(Token::Comma | Token::RParen) => true,
            _ => switch(&option, &setting_value(reader)?.to_lowercase())?,
        };
        if option == "concurrently" {
            concurrently = on;
        }
        if !reader.token(&Token::Comma) {
            break;
        }
    }
    reader.expect_token(&Token::RParen)?;
    Ok(concurrently)
}
