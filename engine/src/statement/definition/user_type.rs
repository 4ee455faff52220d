//! CREATE, ALTER and DROP of types and domains.

use datafusion::sql::sqlparser::ast::{self, ObjectName};
use datafusion::sql::sqlparser::tokenizer::{Token, TokenWithSpan};

use super::{Definition, RoleName, list, role_name};
use crate::error::{Error, Result, SqlState};
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
    AddAttribute {
        name: String,
        data_type: ast::DataType,
    },
    DropAttribute {
        name: String,
        if_exists: bool,
    },
    AlterAttribute {
        name: String,
        data_type: ast::DataType,
    },
    RenameAttribute {
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

impl TypeChange {
    pub fn is_of_attribute(&self) -> bool {
        matches!(
            self,
            Self::AddAttribute { .. }
                | Self::DropAttribute { .. }
                | Self::AlterAttribute { .. }
                | Self::RenameAttribute { .. }
        )
    }
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
        return match reader.word("as") {
            true if reader.word("range") => create_range(name, reader),
            true => {
                reader.expect_token(&Token::LParen)?;
                let attributes = match reader.peek() {
                    Some(Token::RParen) => Vec::new(),
                    _ => list(reader, attribute)?,
                };
                reader.expect_token(&Token::RParen)?;
                Ok(Definition::CreateComposite { name, attributes })
            }
            false => Err(Error::unsupported("CREATE TYPE of a base type")),
        };
    }
    reader.expect_token(&Token::LParen)?;
    let labels = match reader.peek() {
        Some(Token::RParen) => Vec::new(),
        _ => list(reader, Reader::string)?,
    };
    reader.expect_token(&Token::RParen)?;
    Ok(Definition::CreateEnum { name, labels })
}

/// What CREATE TYPE … AS RANGE says in its parentheses, each as it is written.
#[derive(Debug, Clone, Default)]
pub struct RangeOptions {
    pub subtype: Option<ast::DataType>,
    pub operator_class: Option<ObjectName>,
    pub collation: Option<ObjectName>,
    pub canonical: Option<ObjectName>,
    pub difference: Option<ObjectName>,
    pub multirange: Option<ObjectName>,
}

fn create_range(name: ObjectName, reader: &mut Reader<'_>) -> Result<Definition> {
    fn set<T>(option: &mut Option<T>, value: T) -> Result<()> {
        match option.replace(value) {
            None => Ok(()),
            Some(_) => Err(Error::new(SqlState::SYNTAX_ERROR, "conflicting or redundant options")),
        }
    }
    let mut options = RangeOptions::default();
    reader.expect_token(&Token::LParen)?;
    loop {
        let option = reader.identifier()?;
        reader.expect_token(&Token::Eq)?;
        match option.as_str() {
            "subtype" => set(&mut options.subtype, reader.parsed(|parser| parser.parse_data_type())?)?,
            "subtype_opclass" => set(&mut options.operator_class, reader.object_name()?)?,
            "collation" => set(&mut options.collation, reader.object_name()?)?,
            "canonical" => set(&mut options.canonical, reader.object_name()?)?,
            "subtype_diff" => set(&mut options.difference, reader.object_name()?)?,
            "multirange_type_name" => set(&mut options.multirange, reader.object_name()?)?,
            _ => {
                let message = format!("type attribute \"{option}\" not recognized");
                return Err(Error::new(SqlState::SYNTAX_ERROR, message));
            }
        }
        if reader.peek() != Some(&Token::Comma) {
            break;
        }
        reader.expect_token(&Token::Comma)?;
    }
    reader.expect_token(&Token::RParen)?;
    Ok(Definition::CreateRange { name, options: Box::new(options) })
}

/// The name and type of a field of a composite type.
fn attribute(reader: &mut Reader<'_>) -> Result<(String, ast::DataType)> {
    let name = reader.identifier()?;
    let data_type = reader.parsed(|parser| parser.parse_data_type())?;
    if reader.word("collate") {
        // All text is compared by its bytes.
        reader.object_name()?;
    }
    Ok((name, data_type))
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
    if let Some(change) = attribute_change(reader)? {
        let dependents = reader.word("cascade");
        if !dependents {
            reader.word("restrict");
        }
        if reader.peek() == Some(&Token::Comma) {
            return Err(Error::unsupported("several actions of ALTER TYPE"));
        }
        return Ok(change);
    }
    if reader.word("set") {
        return Err(Error::unsupported("ALTER TYPE … SET"));
    }
    Err(reader.syntax_error())
}

fn attribute_change(reader: &mut Reader<'_>) -> Result<Option<TypeChange>> {
    if reader.words(&["rename", "attribute"]) {
        let old = reader.identifier()?;
        reader.expect_word("to")?;
        return Ok(Some(TypeChange::RenameAttribute { old, new: reader.identifier()? }));
    }
    if reader.words(&["add", "attribute"]) {
        let (name, data_type) = attribute(reader)?;
        return Ok(Some(TypeChange::AddAttribute { name, data_type }));
    }
    if reader.words(&["drop", "attribute"]) {
        let if_exists = reader.words(&["if", "exists"]);
        return Ok(Some(TypeChange::DropAttribute { name: reader.identifier()?, if_exists }));
    }
    if reader.words(&["alter", "attribute"]) {
        let name = reader.identifier()?;
        reader.words(&["set", "data"]);
        reader.expect_word("type")?;
        let data_type = reader.parsed(|parser| parser.parse_data_type())?;
        return Ok(Some(TypeChange::AlterAttribute { name, data_type }));
    }
    Ok(None)
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
