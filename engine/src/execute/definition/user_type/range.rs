//! Ranges, each with its multirange: two types that are made and dropped together.

use datafusion::sql::sqlparser::ast::{Ident, ObjectName};

use super::super::DefinitionEnvironment;
use crate::catalog::pg_catalog::{ClassFor, class_for, collation_of_type, other_types};
use crate::catalog::{AccessMethod, RangeType, UserTypeKind};
use crate::error::{Error, Result, SqlState};
use crate::function::functions_named;
use crate::plan::bind::QualifiedName;
use crate::statement::definition::RangeOptions;
use crate::types::range::RangeKind;
use crate::types::text::cut_name;
use crate::types::{self, Type, builtin, display, oid};

/// Runs CREATE TYPE … AS RANGE.
pub(in crate::execute::definition) async fn create(
    name: &ObjectName,
    options: &RangeOptions,
    environment: &mut DefinitionEnvironment<'_>,
) -> Result<()> {
    let subtype = options
        .subtype
        .as_ref()
        .ok_or_else(|| Error::new(SqlState::SYNTAX_ERROR, "type attribute \"subtype\" is required"))?;
    let subtype = types::from_ast(subtype, &environment.catalog(), &environment.context.session.search_path)?;
    check_subtype(subtype)?;
    if options.canonical.is_some() {
        return Err(Error::unsupported("CREATE TYPE … AS RANGE with CANONICAL"));
    }
    let collation = match &options.collation {
        Some(_) if collation_of_type(subtype.oid) == 0 => {
            let message = "range collation specified but subtype does not support collation";
            return Err(Error::new(SqlState::WRONG_OBJECT_TYPE, message));
        }
        Some(collation) => environment.checked_collation(collation, subtype)?,
        None => None,
    };
    if let Some(class) = &options.operator_class {
        let class = environment.qualified(class)?;
        match class_for(AccessMethod::Btree, &class.name, subtype.oid) {
            ClassFor::Own => {}
            ClassFor::Other => return Err(Error::unsupported(format_args!("operator class {class} of a range"))),
            ClassFor::OtherTypes => return Err(other_types(&class.to_string(), subtype)),
            ClassFor::Nothing => {
                let message = format!("operator class \"{class}\" does not exist for access method \"btree\"");
                return Err(Error::new(SqlState::UNDEFINED_OBJECT, message));
            }
        }
    }
    let difference = match &options.difference {
        Some(name) => Some(environment.difference(name, subtype)?),
        None => None,
    };
    let (range, multirange) = (environment.store.allocate_oid()?, environment.store.allocate_oid()?);
    let kind = RangeType { subtype: subtype.oid, multirange, collation, difference };
    environment.put_new_type(name, Some(range), UserTypeKind::Range(kind)).await?;
    let own = environment.qualified(name)?;
    let many = options.multirange.clone().unwrap_or_else(|| multirange_name(name, &own.name));
    let kind = UserTypeKind::Multirange { range, subtype: subtype.oid };
    environment.put_new_type(&many, Some(multirange), kind).await.map_err(|error| {
        if options.multirange.is_some() || error.sql_state() != SqlState::DUPLICATE_OBJECT {
            return error;
        }
        error
            .with_detail(format!("Failed while creating a multirange type for type \"{}\".", own.name))
            .with_hint("You can manually specify a multirange type name using the \"multirange_type_name\" attribute.")
    })
}

/// 42804 or 42704 for what has no order, 0A000 for what ranges cannot be over here.
fn check_subtype(subtype: Type) -> Result<()> {
    let shown = display(Type::new(subtype.oid));
    if builtin::info(subtype.oid).is_none_or(|info| info.kind == 'p') {
        return Err(Error::new(SqlState::DATATYPE_MISMATCH, format!("range subtype cannot be {shown}")));
    }
    if matches!(subtype.oid, oid::JSON | oid::XML | oid::POINT | oid::BOX | oid::JSONPATH) {
        let message = format!("data type {shown} has no default operator class for access method \"btree\"");
        return Err(Error::new(SqlState::UNDEFINED_OBJECT, message).with_hint(
            "You must specify an operator class for the range type or define a default operator class for the subtype.",
        ));
    }
    match RangeKind::defined_over(subtype.oid) {
        Some(_) => Ok(()),
        None => Err(Error::unsupported(format_args!("a range over type {shown}"))),
    }
}

/// What PostgreSQL calls the multirange of a range: with "multi" before "range", or at the end.
fn multirange_name(written: &ObjectName, name: &str) -> ObjectName {
    let own = match name.find("range") {
        Some(at) => format!("{}multi{}", &name[..at], &name[at..]),
        None => format!("{}_multirange", cut_name(name)),
    };
    let mut parts = written.0.clone();
    parts.pop();
    let mut name = ObjectName::from(vec![Ident::with_quote('"', cut_name(&own))]);
    parts.append(&mut name.0);
    ObjectName(parts)
}

impl DefinitionEnvironment<'_> {
    /// The function that tells how far two bounds are apart.
    fn difference(&mut self, name: &ObjectName, subtype: Type) -> Result<u32> {
        let QualifiedName { name, .. } = self.qualified(name)?;
        let found = functions_named(&name).iter().find(|function| *function.args == [subtype.oid, subtype.oid]);
        let Some(found) = found else {
            let shown = display(subtype);
            let message = format!("function {name}({shown}, {shown}) does not exist");
            return Err(Error::new(SqlState::UNDEFINED_FUNCTION, message));
        };
        if found.returns != oid::FLOAT8 {
            let message = format!("range subtype diff function {name} must return type double precision");
            return Err(Error::new(SqlState::INVALID_OBJECT_DEFINITION, message));
        }
        Ok(found.oid)
    }
}
