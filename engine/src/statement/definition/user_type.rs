//! CREATE, ALTER and DROP of types and domains.

use datafusion::sql::sqlparser::ast::{self, ObjectName};
use datafusion::sql::sqlparser::tokenizer::{Token, TokenWithSpan};

use super::{Definition, RoleName, list, role_name};
use crate::error::{Error, Result};
use crate::statement::reader::Reader;

/// ALTER TYPE and ALTER DOMAIN.
#[derive(Debug, Clone)]
pub enum TypeChange {
    AddValue {
        value: String,
        if_not_exists: bool,
        place: Option<LabelPlace>,
    },
    RenameValue {
        old: String,
        new: String,
    },
    Rename(String),
    Schema(String),
    Owner(RoleName),
    /// None is DROP DEFAULT.
    Default(Option<ast::Expr>),
    NotNull(bool),
    AddCheck {
        name: Option<String>,
        condition: ast::Expr,
        not_valid: bool,
    },
    DropConstraint {
        name: String,
        if_exists: bool,
    },
    RenameConstraint {
        old: String,
        new: String,
    },
    ValidateConstraint(String),
}

/// Where a label is added.
#[derive(Debug, Clone)]
pub enum LabelPlace {
    Before(String),
    After(String),
}

/// CREATE TYPE, behind these words.
pub(super) fn create_type(reader: &mut Reader<'_>) -> Result<Definition> {
    let name = reader.object_name()?;
    if !reader.words(&["as", "enum"]) {
        let what = match reader.word("as") {
            true if reader.word("range") => "CREATE TYPE … AS RANGE",
            true => "a composite type",
            false => "CREATE TYPE of a base type",
        };
        return Err(Error::unsupported(what));
    }
    reader.expect_token(&Token::LParen)?;
    let labels = match reader.peek() {
        Some(Token::RParen) => Vec::new(),
        _ => list(reader, Reader::string)?,
    };
    reader.expect_token(&Token::RParen)?;
    Ok(Definition::CreateEnum { name, labels })
}

/// CREATE DOMAIN, behind these words. What follows the name is what may follow that of a column.
pub(super) fn create_domain(text: &str, reader: &mut Reader<'_>) -> Result<Definition> {
    let start = reader.rest();
    let name = reader.object_name()?;
    reader.word("as");
    let Some(first) = start.first() else { return Err(reader.syntax_error()) };
    let tokens: Vec<TokenWithSpan> = std::iter::once(first).chain(reader.rest()).cloned().collect();
    let mut column = Reader::new(text, &tokens);
    let definition = column.parsed(|parser| parser.parse_column_def())?;
    column.expect_end()?;
    reader.skip_rest();
    Ok(Definition::CreateDomain { name, column: Box::new(definition) })
}

/// ALTER TYPE or ALTER DOMAIN, behind these words.
pub(super) fn alter(reader: &mut Reader<'_>, domain: bool) -> Result<Definition> {
    let name = reader.object_name()?;
    let change = if reader.words(&["rename", "to"]) {
        TypeChange::Rename(reader.identifier()?)
    } else if reader.words(&["set", "schema"]) {
        TypeChange::Schema(reader.identifier()?)
    } else if reader.words(&["owner", "to"]) {
        TypeChange::Owner(role_name(reader)?)
    } else if domain {
        domain_change(reader)?
    } else {
        enum_change(reader)?
    };
    Ok(Definition::AlterType { name, domain, change })
}

fn enum_change(reader: &mut Reader<'_>) -> Result<TypeChange> {
    if reader.words(&["rename", "value"]) {
        let old = reader.string()?;
        reader.expect_word("to")?;
        return Ok(TypeChange::RenameValue { old, new: reader.string()? });
    }
    if reader.words(&["add", "value"]) {
        let if_not_exists = reader.words(&["if", "not", "exists"]);
        let value = reader.string()?;
        let place = if reader.word("before") {
            Some(LabelPlace::Before(reader.string()?))
        } else if reader.word("after") {
            Some(LabelPlace::After(reader.string()?))
        } else {
            None
        };
        return Ok(TypeChange::AddValue { value, if_not_exists, place });
    }
    let foreign = [&["add", "attribute"], &["drop", "attribute"], &["alter", "attribute"], &["rename", "attribute"]];
    if foreign.iter().any(|words| reader.words(words.as_slice())) {
        return Err(Error::unsupported("an attribute of a composite type"));
    }
    if reader.word("set") {
        return Err(Error::unsupported("ALTER TYPE … SET"));
    }
    Err(reader.syntax_error())
}

fn domain_change(reader: &mut Reader<'_>) -> Result<TypeChange> {
    if reader.words(&["set", "default"]) {
        return Ok(TypeChange::Default(Some(reader.parsed(|parser| parser.parse_expr())?)));
    }
    if reader.words(&["drop", "default"]) {
        return Ok(TypeChange::Default(None));
    }
    if reader.words(&["set", "not", "null"]) {
        return Ok(TypeChange::NotNull(true));
    }
    if reader.words(&["drop", "not", "null"]) {
        return Ok(TypeChange::NotNull(false));
    }
    if reader.words(&["rename", "constraint"]) {
        let old = reader.identifier()?;
        reader.expect_word("to")?;
        return Ok(TypeChange::RenameConstraint { old, new: reader.identifier()? });
    }
    if reader.words(&["validate", "constraint"]) {
        return Ok(TypeChange::ValidateConstraint(reader.identifier()?));
    }
    if reader.words(&["drop", "constraint"]) {
        let if_exists = reader.words(&["if", "exists"]);
        let name = reader.identifier()?;
        // Nothing can depend on a domain's check.
        let _ = reader.word("cascade") || reader.word("restrict");
        return Ok(TypeChange::DropConstraint { name, if_exists });
    }
    reader.expect_word("add")?;
    let name = if reader.word("constraint") { Some(reader.identifier()?) } else { None };
    reader.expect_word("check")?;
    reader.expect_token(&Token::LParen)?;
    let condition = reader.parsed(|parser| parser.parse_expr())?;
    reader.expect_token(&Token::RParen)?;
    let not_valid = reader.words(&["not", "valid"]);
    Ok(TypeChange::AddCheck { name, condition, not_valid })
}

/// DROP TYPE or DROP DOMAIN, behind these words.
pub(super) fn drop(reader: &mut Reader<'_>, domain: bool) -> Result<Definition> {
    let if_exists = reader.words(&["if", "exists"]);
    let names: Vec<ObjectName> = list(reader, Reader::object_name)?;
    let cascade = reader.word("cascade");
    if !cascade {
        reader.word("restrict");
    }
    Ok(Definition::DropTypes { names, domain, if_exists, cascade })
}
