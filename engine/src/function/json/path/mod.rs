//! `jsonb_path_query` and its kin: the functions that run a jsonpath.

mod eval;
mod method;
mod predicate;

use storage::Value;
use storage::value::jsonb::{Json, Node};

use super::doc::{stored, wrong_shape};
use crate::error::{Error, Result, SqlState};
use crate::function::argument::{boolean, text};
use crate::function::define::{immutable, table};
use crate::function::{EvalContext, Function, TableFunction};
use crate::types::json::document;
use crate::types::jsonpath::{Path, parse};
use crate::types::oid::*;

use eval::{Failure, Run};

const TWO: &[u32] = &[JSONB, JSONPATH];
const THREE: &[u32] = &[JSONB, JSONPATH, JSONB];
const FOUR: &[u32] = &[JSONB, JSONPATH, JSONB, BOOL];

/// The functions with and without their optional arguments.
macro_rules! optional {
    ($oid:literal $name:literal $returns:ident $eval:ident) => {
        [
            immutable($oid, $name, TWO, $returns, $eval),
            immutable($oid, $name, THREE, $returns, $eval),
            immutable($oid, $name, FOUR, $returns, $eval),
        ]
    };
}

const EXISTS: [Function; 3] = optional!(4005 "jsonb_path_exists" BOOL exists);
const MATCH: [Function; 3] = optional!(4009 "jsonb_path_match" BOOL matches);
const ARRAY: [Function; 3] = optional!(4007 "jsonb_path_query_array" JSONB query_array);
const FIRST: [Function; 3] = optional!(4008 "jsonb_path_query_first" JSONB query_first);

pub(super) const FUNCTIONS: &[&[Function]] = &[
    &EXISTS,
    &MATCH,
    &ARRAY,
    &FIRST,
    &[
        immutable(4010, "jsonb_path_exists_opr", TWO, BOOL, |_, args| exists_in(args, true)),
        immutable(4011, "jsonb_path_match_opr", TWO, BOOL, |_, args| matches_in(args, true)),
    ],
];

pub(super) const TABLE_FUNCTIONS: &[TableFunction] = &[
    table(4006, "jsonb_path_query", TWO, &[("jsonb_path_query", JSONB)], query),
    table(4006, "jsonb_path_query", THREE, &[("jsonb_path_query", JSONB)], query),
    table(4006, "jsonb_path_query", FOUR, &[("jsonb_path_query", JSONB)], query),
];

/// What a call is about: the document, the path, the variables and whether errors are silent.
struct Call {
    root: Json,
    path: Path,
    variables: Json,
    silent: bool,
}

impl Call {
    fn of(args: &[Value], silent: bool) -> Result<Self> {
        let variables = match args.get(2) {
            Some(variables) => Node::of(stored(variables)?).to_json(),
            None => Json::Object(Vec::new()),
        };
        if !matches!(variables, Json::Object(_)) {
            return Err(wrong_shape("\"vars\" argument is not an object")
                .with_detail("Jsonpath parameters should be encoded as key-value pairs of \"vars\" object."));
        }
        Ok(Self {
            root: Node::of(stored(&args[0])?).to_json(),
            path: parse(text(&args[1])?)?,
            variables,
            silent: silent || args.get(3).is_some_and(|silent| boolean(silent).unwrap_or(false)),
        })
    }

    fn run(&self) -> Run<'_> {
        Run::new(&self.root, &self.variables, self.path.lax)
    }

    /// All items; `None` if an error is silent.
    fn items(&self) -> Result<Option<Vec<Json>>> {
        let run = self.run();
        let found = run.all(&self.path.root, &self.root);
        let items = self.unless_silent(found)?;
        Ok(items.map(|items| items.into_iter().map(|item| item.into_owned()).collect()))
    }

    fn unless_silent<T>(&self, outcome: Result<T, Failure>) -> Result<Option<T>> {
        match outcome {
            Ok(value) => Ok(Some(value)),
            Err(Failure::Soft(_)) if self.silent => Ok(None),
            Err(Failure::Soft(error) | Failure::Hard(error)) => Err(error),
        }
    }
}

fn exists(_: &EvalContext, args: &[Value]) -> Result<Value> {
    exists_in(args, false)
}

fn exists_in(args: &[Value], silent: bool) -> Result<Value> {
    let call = Call::of(args, silent)?;
    let run = call.run();
    let outcome = run.exists(&call.path.root, &call.root);
    Ok(call.unless_silent(outcome)?.map_or(Value::Null, Value::Bool))
}

fn matches(_: &EvalContext, args: &[Value]) -> Result<Value> {
    matches_in(args, false)
}

fn matches_in(args: &[Value], silent: bool) -> Result<Value> {
    let call = Call::of(args, silent)?;
    match call.items()?.as_deref() {
        Some([Json::Bool(value)]) => Ok(Value::Bool(*value)),
        Some([Json::Null]) => Ok(Value::Null),
        _ if call.silent => Ok(Value::Null),
        _ => Err(Error::new(SqlState::SINGLETON_SQL_JSON_ITEM_REQUIRED, "single boolean result is expected")),
    }
}

fn query_array(_: &EvalContext, args: &[Value]) -> Result<Value> {
    let items = Call::of(args, false)?.items()?;
    document(&Json::Array(items.unwrap_or_default()))
}

fn query_first(_: &EvalContext, args: &[Value]) -> Result<Value> {
    let items = Call::of(args, false)?.items()?;
    items.into_iter().flatten().next().map_or(Ok(Value::Null), |item| document(&item))
}

type Rows = Box<dyn Iterator<Item = Result<Vec<Value>>> + Send>;

fn query(_: &EvalContext, args: &[Value]) -> Result<Rows> {
    if args.iter().any(Value::is_null) {
        return Ok(Box::new(std::iter::empty()));
    }
    let items = Call::of(args, false)?.items()?.unwrap_or_default();
    Ok(Box::new(items.into_iter().map(|item| Ok(vec![document(&item)?]))))
}
