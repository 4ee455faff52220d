//! The types of the variables that a body of PL/pgSQL declares.

use crate::catalog::user_type::row_type;
use crate::catalog::{Catalog, SqlFunction};
use crate::error::{Error, Result, SqlState};
use crate::function::resolve::is_polymorphic;
use crate::plan::bind::Shape;
use crate::plpgsql::{Code, Declared, parse};
use crate::statement::parse_type;
use crate::types::{self, Type, builtin, display, oid};

/// Reads the body of a function as far as it can be without running it. 42601 and others for one that could not run.
pub(crate) fn check_code(function: &SqlFunction, catalog: &Catalog, search_path: &[String]) -> Result<()> {
    let mut code = parse(function)?;
    if function.parameters.iter().any(|one| is_polymorphic(one.ty)) {
        // What the types stand for only a call tells.
        return Ok(());
    }
    variable_shapes(&mut code, function, catalog, search_path).map(drop)
}

/// The types of a body's variables when it begins. Which names have fields is known from here on.
pub(crate) fn variable_shapes(
    code: &mut Code,
    function: &SqlFunction,
    catalog: &Catalog,
    search_path: &[String],
) -> Result<Vec<Shape>> {
    let mut shapes: Vec<Shape> = Vec::with_capacity(code.data.len());
    for datum in &code.data {
        let shape = match &datum.declared {
            Declared::Parameter(at) => {
                let ty = function.parameters.get(*at).map_or(oid::UNKNOWN, |parameter| parameter.ty);
                shape_of(Type::new(ty), catalog)
            }
            Declared::Known(ty) => Shape::Scalar(Type::new(*ty)),
            Declared::Any => Shape::Scalar(Type::new(oid::TEXT)),
            Declared::Record => Shape::Record(None),
            Declared::Like(other) => shapes[*other].clone(),
            Declared::Type(text) => {
                let parsed = parse_type(text)?;
                let ty = types::ast::from_ast(&parsed, catalog, search_path)?;
                if builtin::info(ty.oid).is_some_and(|info| info.kind == 'p') {
                    let message = format!("variable \"{}\" has pseudo-type {}", datum.name, display(ty));
                    return Err(Error::new(SqlState::FEATURE_NOT_SUPPORTED, message));
                }
                shape_of(ty, catalog)
            }
            Declared::Row(names) => row_shape(names, catalog, search_path)?,
            Declared::Column(names) => column_shape(names, catalog, search_path)?,
        };
        shapes.push(shape);
    }
    for scope in &mut code.names.scopes {
        for variable in &mut scope.variables {
            variable.has_fields = !matches!(shapes[variable.datum], Shape::Scalar(_));
        }
    }
    Ok(shapes)
}

/// `relation%ROWTYPE`
fn row_shape(names: &[String], catalog: &Catalog, search_path: &[String]) -> Result<Shape> {
    let (schema, name) = schema_and_name(names);
    let shown = names.join(".");
    let table = catalog.find_table(schema, name, search_path).ok_or_else(|| undefined(&shown))?;
    let ty = row_type(table.oid).and_then(|ty| catalog.known_row_type(ty));
    let ty = ty.ok_or_else(|| Error::unsupported(format!("%ROWTYPE of \"{shown}\", which is no table,")))?;
    Ok(Shape::Row(Type::new(ty)))
}

/// `relation.column%TYPE`
fn column_shape(names: &[String], catalog: &Catalog, search_path: &[String]) -> Result<Shape> {
    let (column, relation) = names.split_last().ok_or_else(|| Error::internal("a name has parts"))?;
    let (schema, name) = schema_and_name(relation);
    let table = catalog.find_table(schema, name, search_path);
    let found = table.and_then(|table| table.columns.iter().find(|own| own.name == *column));
    // Then it is read as the name of a type, which has no %.
    let found = found.ok_or_else(|| Error::new(SqlState::SYNTAX_ERROR, "syntax error at or near \"%\""))?;
    Ok(shape_of(found.ty, catalog))
}

fn undefined(relation: &str) -> Error {
    Error::new(SqlState::UNDEFINED_TABLE, format!("relation \"{relation}\" does not exist"))
}

fn schema_and_name(names: &[String]) -> (Option<&str>, &str) {
    match names {
        [schema, name, ..] => (Some(schema), name),
        [name] => (None, name),
        [] => (None, ""),
    }
}

fn shape_of(ty: Type, catalog: &Catalog) -> Shape {
    match ty.oid {
        oid::RECORD => Shape::Record(None),
        other if catalog.attributes(builtin::base_of(other)).is_some() => Shape::Row(ty),
        _ => Shape::Scalar(ty),
    }
}
