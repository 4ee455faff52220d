//! Functions and operators of full text search: `to_tsvector`, `@@`, `ts_rank`, …

mod documents;
mod queries;
mod tables;

use storage::{Array, ColumnType, Value};

use super::EvalContext;
use super::argument::{bytes, int8};
use crate::error::Result;
use crate::text_search::{Configuration, Query, Vector, configuration, default_configuration};
use crate::types::oid::*;

pub(super) use documents::FUNCTIONS as DOCUMENTS;
pub(super) use queries::FUNCTIONS as QUERIES;
pub(super) use tables::FUNCTIONS as TABLE_FUNCTIONS;

/// As in [`super::operator::OPERATORS`].
#[rustfmt::skip]
pub(super) const OPERATORS: &[(u32, &str, Option<u32>, u32, u32)] = &[
    (3633, "||", Some(TSVECTOR), TSVECTOR, 3625),
    (3636, "@@", Some(TSVECTOR), TSQUERY, 3634),
    (3637, "@@", Some(TSQUERY), TSVECTOR, 3635),
    (3660, "@@@", Some(TSVECTOR), TSQUERY, 3634),
    (3661, "@@@", Some(TSQUERY), TSVECTOR, 3635),
    (3680, "&&", Some(TSQUERY), TSQUERY, 3669),
    (3681, "||", Some(TSQUERY), TSQUERY, 3670),
    (3682, "!!", None, TSQUERY, 3671),
    (3693, "@>", Some(TSQUERY), TSQUERY, 3691),
    (3694, "<@", Some(TSQUERY), TSQUERY, 3692),
    (3762, "@@", Some(TEXT), TEXT, 3760),
    (3763, "@@", Some(TEXT), TSQUERY, 3761),
    (5005, "<->", Some(TSQUERY), TSQUERY, 5003),
];

/// What `default_text_search_config` names.
fn current(context: &EvalContext) -> Result<&'static Configuration> {
    default_configuration(&context.session.setting("default_text_search_config").unwrap_or_default())
}

/// An argument of type `regconfig`.
fn config(value: &Value) -> Result<&'static Configuration> {
    configuration(int8(value)?)
}

fn vector(value: &Value) -> Result<Vector> {
    Ok(Vector::decode(bytes(value)?))
}

fn query(value: &Value) -> Result<Query> {
    Ok(Query::decode(bytes(value)?))
}

fn of_vector(vector: &Vector) -> Result<Value> {
    Ok(Value::Bytea(vector.encode()?.into()))
}

fn of_query(query: &Query) -> Result<Value> {
    Ok(Value::Bytea(query.encode().into()))
}

fn text_array(texts: impl IntoIterator<Item = String>) -> Value {
    let texts = texts.into_iter().map(|text| Value::Text(text.into())).collect();
    Value::Array(Box::new(Array::new(ColumnType::Text, texts)))
}
