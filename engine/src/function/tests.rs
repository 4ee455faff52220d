//! Expressions and what PostgreSQL 15 says they are: `corpus.txt` has an expression a line and below it, indented, the
//! result as text, or the error's code and words.

use std::sync::Arc;

use datafusion::sql::sqlparser::dialect::PostgreSqlDialect;
use datafusion::sql::sqlparser::parser::Parser;

use crate::catalog::Catalog;
use crate::error::{Error, Result};
use crate::expr::eval::{NoRow, eval};
use crate::function::{CastContext, EvalContext, SessionFacts, read_text, registry, resolve, write_text};
use crate::plan::bind::{Binder, Scope};
use crate::session::settings::Settings;
use crate::types::text::{Format, into_text};
use crate::types::{Type, binary, builtin, oid};

pub(crate) fn context() -> EvalContext {
    EvalContext {
        transaction_time: 1_600_000_000_000_000,
        statement_time: 1_600_000_000_000_000,
        session: Arc::new(SessionFacts {
            session_user: "alice".to_owned(),
            current_user: "alice".to_owned(),
            current_role: auth::RoleId(10),
            database: "kalam".to_owned(),
            search_path: vec!["public".to_owned()],
            process_id: 7,
            client_address: None,
            format: Format::default(),
            settings: Arc::new(Settings::default()),
        }),
        catalog: Arc::new(Catalog::default()),
        params: Vec::new().into(),
    }
}

fn answer(text: &str, context: &EvalContext) -> Result<String> {
    let syntax = |error: datafusion::sql::sqlparser::parser::ParserError| Error::internal(error.to_string());
    let mut parser = Parser::new(&PostgreSqlDialect {}).try_with_sql(text).map_err(syntax)?;
    let ast = parser.parse_expr().map_err(syntax)?;
    let mut binder = Binder::new(&context.catalog, context, &[]);
    let bound = binder.expr(&ast, &Scope::empty())?;
    let bound = if bound.ty.oid == oid::UNKNOWN {
        resolve::coerce(bound, Type::new(oid::TEXT), CastContext::Implicit, context)?
    } else {
        bound
    };
    let value = eval(&bound, context, &NoRow)?;
    if value.is_null() {
        return Ok("NULL".to_owned());
    }
    let mut out = Vec::new();
    write_text(&value, bound.ty.oid, context, &mut out);
    let shown = into_text(out);
    round_trips(&value, bound.ty, &shown, context);
    Ok(shown)
}

/// What is written, in text or in binary, is read back as the same value.
fn round_trips(value: &storage::Value, ty: Type, shown: &str, context: &EvalContext) {
    if !builtin::is_storable(ty.oid) || builtin::is_registered(ty.oid) {
        return;
    }
    let plain = Type::new(ty.oid);
    let again = |value: &storage::Value| {
        let mut out = Vec::new();
        write_text(value, ty.oid, context, &mut out);
        into_text(out)
    };
    let read = read_text(shown, plain, context).unwrap_or_else(|error| panic!("{shown} as text: {error}"));
    assert_eq!(again(&read), shown);
    let mut bytes = Vec::new();
    binary::write_binary(value.as_ref(), ty.oid, &mut bytes);
    let read = binary::parse_binary(&bytes, plain).unwrap_or_else(|error| panic!("{shown} in binary: {error}"));
    assert_eq!(again(&read), shown);
}

#[test]
fn expressions_are_what_postgresql_says() {
    let context = context();
    let corpus = include_str!("tests/corpus.txt");
    let lines: Vec<&str> = corpus.lines().collect();
    let mut wrong = Vec::new();
    for pair in lines.chunks_exact(2) {
        let (text, expected) = (pair[0], pair[1].strip_prefix("  ").unwrap_or(pair[1]));
        let actual = match answer(text, &context) {
            Ok(shown) => shown,
            Err(error) => format!("ERROR {} {}", error.sql_state().0, error.message),
        };
        if actual != expected {
            wrong.push(format!("{text}\n  expected {expected}\n  got      {actual}"));
        }
    }
    assert!(wrong.is_empty(), "{} of {} differ:\n{}", wrong.len(), lines.len() / 2, wrong.join("\n"));
}

#[test]
fn every_operator_and_cast_has_its_function() {
    for (_, name, _, _, function) in super::operator::OPERATORS {
        assert!(registry::function_by_oid(*function).is_some(), "operator {name} has no function {function}");
    }
    for (source, target, _, function) in super::cast::CASTS {
        assert!(*function == 0 || registry::function_by_oid(*function).is_some(), "cast {source} to {target}");
    }
}

#[test]
fn oids_are_unique_but_for_optional_arguments() {
    let mut seen = std::collections::BTreeMap::new();
    for function in registry::functions() {
        let name = seen.entry(function.oid).or_insert(function.name);
        assert_eq!(*name, function.name, "oid {}", function.oid);
    }
}
