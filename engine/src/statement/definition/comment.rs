//! The grammar of COMMENT ON what `sqlparser` knows no comment on.

use datafusion::sql::sqlparser::ast::ObjectName;

use super::{Definition, FunctionName, RoutineKind, function};
use crate::error::{Error, Result};
use crate::statement::reader::Reader;

/// What a comment is on.
#[derive(Debug, Clone)]
pub enum Commented {
    Schema(String),
    Database(String),
    Role(String),
    Extension(String),
    Function(FunctionName),
    Constraint { name: String, table: ObjectName },
    DomainConstraint { name: String, domain: ObjectName },
    Policy { name: String, table: ObjectName },
    Trigger { name: String, table: ObjectName },
}

/// Kinds of objects that only the system has, so that nobody comments on them.
const BUILT_IN: [&[&str]; 13] = [
    &["access", "method"],
    &["cast"],
    &["collation"],
    &["conversion"],
    &["event", "trigger"],
    &["language"],
    &["large", "object"],
    &["operator"],
    &["publication"],
    &["rule"],
    &["statistics"],
    &["tablespace"],
    &["text", "search"],
];

/// What follows COMMENT; None if `sqlparser` reads it.
pub(super) fn comment(reader: &mut Reader<'_>) -> Result<Option<Definition>> {
    reader.expect_word("on")?;
    let on = if reader.word("schema") {
        Commented::Schema(reader.identifier()?)
    } else if reader.word("database") {
        Commented::Database(reader.identifier()?)
    } else if reader.word("role") {
        Commented::Role(reader.identifier()?)
    } else if reader.word("extension") {
        Commented::Extension(reader.identifier()?)
    } else if let Some(kind) = RoutineKind::said(reader) {
        Commented::Function(function::named(reader, kind)?)
    } else if reader.word("policy") {
        let name = reader.identifier()?;
        reader.expect_word("on")?;
        Commented::Policy { name, table: reader.object_name()? }
    } else if reader.word("trigger") {
        let name = reader.identifier()?;
        reader.expect_word("on")?;
        Commented::Trigger { name, table: reader.object_name()? }
    } else if reader.word("constraint") {
        let name = reader.identifier()?;
        reader.expect_word("on")?;
        match reader.word("domain") {
            true => Commented::DomainConstraint { name, domain: reader.object_name()? },
            false => Commented::Constraint { name, table: reader.object_name()? },
        }
    } else {
        return match BUILT_IN.iter().find(|words| reader.words(words)) {
            Some(words) => Err(Error::unsupported(format!("COMMENT ON {}", words.join(" ").to_uppercase()))),
            None => Ok(None),
        };
    };
    reader.expect_word("is")?;
    let text = match reader.word("null") {
        true => None,
        false => Some(reader.string()?),
    };
    reader.expect_end()?;
    Ok(Some(Definition::Comment { on, text: text.filter(|text| !text.is_empty()) }))
}
