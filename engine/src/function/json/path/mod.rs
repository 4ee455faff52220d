//! `jsonb_path_query` and its kin: the functions that run a jsonpath.

mod datetime;
mod eval;
mod method;
mod place;
mod predicate;

use std::cell::Cell;

use storage::Value;
use storage::value::jsonb::{Json, Node};

use super::doc::{stored, wrong_shape};
use crate::error::{Error, Result, SqlState};
use crate::function::argument::{boolean, text};
use crate::function::define::{immutable, stable, table};
use crate::function::{EvalContext, Function, TableFunction};
use crate::types::json::document;
use crate::types::jsonpath::{Path, parse};
use crate::types::oid::*;

use eval::{Failure, Item, MADE_FIRST, Run};

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

/// The same for the functions that go by the session's time zone.
macro_rules! zoned {
    ($oid:literal $name:literal $returns:ident $eval:ident) => {
        [
            stable($oid, $name, TWO, $returns, $eval),
            stable($oid, $name, THREE, $returns, $eval),
            stable($oid, $name, FOUR, $returns, $eval),
        ]
    };
}

const EXISTS: [Function; 3] = optional!(4005 "jsonb_path_exists" BOOL exists);
const MATCH: [Function; 3] = optional!(4009 "jsonb_path_match" BOOL matches);
const ARRAY: [Function; 3] = optional!(4007 "jsonb_path_query_array" JSONB query_array);
const FIRST: [Function; 3] = optional!(4008 "jsonb_path_query_first" JSONB query_first);
const EXISTS_ZONED: [Function; 3] = zoned!(1177 "jsonb_path_exists_tz" BOOL exists_zoned);
const MATCH_ZONED: [Function; 3] = zoned!(2030 "jsonb_path_match_tz" BOOL matches_zoned);
const ARRAY_ZONED: [Function; 3] = zoned!(1180 "jsonb_path_query_array_tz" JSONB query_array_zoned);
const FIRST_ZONED: [Function; 3] = zoned!(2023 "jsonb_path_query_first_tz" JSONB query_first_zoned);

pub(super) const FUNCTIONS: &[&[Function]] = &[
    &EXISTS,
    &MATCH,
    &ARRAY,
    &FIRST,
    &EXISTS_ZONED,
    &MATCH_ZONED,
    &ARRAY_ZONED,
    &FIRST_ZONED,
    &[
        immutable(4010, "jsonb_path_exists_opr", TWO, BOOL, |_, args| Call::of(args, None)?.silently().exists()),
        immutable(4011, "jsonb_path_match_opr", TWO, BOOL, |_, args| Call::of(args, None)?.silently().matches()),
    ],
];

pub(super) const TABLE_FUNCTIONS: &[TableFunction] = &[
    table(4006, "jsonb_path_query", TWO, &[("jsonb_path_query", JSONB)], query),
    table(4006, "jsonb_path_query", THREE, &[("jsonb_path_query", JSONB)], query),
    table(4006, "jsonb_path_query", FOUR, &[("jsonb_path_query", JSONB)], query),
    table(1179, "jsonb_path_query_tz", TWO, &[("jsonb_path_query_tz", JSONB)], query_zoned),
    table(1179, "jsonb_path_query_tz", THREE, &[("jsonb_path_query_tz", JSONB)], query_zoned),
    table(1179, "jsonb_path_query_tz", FOUR, &[("jsonb_path_query_tz", JSONB)], query_zoned),
];

/// What a call is about: the document, the path, the variables, whether errors are silent, and whose time zone counts.
struct Call<'c> {
    root: Json,
    path: Path,
    variables: Json,
    silent: bool,
    session: Option<&'c EvalContext>,
    made_next: Cell<i64>,
}

impl<'c> Call<'c> {
    fn of(args: &[Value], session: Option<&'c EvalContext>) -> Result<Self> {
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
            silent: args.get(3).is_some_and(|silent| boolean(silent).unwrap_or(false)),
            session,
            made_next: Cell::new(MADE_FIRST),
        })
    }

    fn silently(self) -> Self {
        Self { silent: true, ..self }
    }

    fn run(&self) -> Run<'_> {
        Run::new(&self.root, &self.variables, self.path.lax, &self.made_next, self.session)
    }

    /// All items; `None` if an error is silent.
    fn items(&self) -> Result<Option<Vec<Json>>> {
        let run = self.run();
        let found = run.all(&self.path.root, &self.root);
        let items = self.unless_silent(found)?;
        Ok(items.map(|items| items.into_iter().map(Item::into_json).collect()))
    }

    fn unless_silent<T>(&self, outcome: Result<T, Failure>) -> Result<Option<T>> {
        match outcome {
            Ok(value) => Ok(Some(value)),
            Err(Failure::Soft(_)) if self.silent => Ok(None),
            Err(Failure::Soft(error) | Failure::Hard(error)) => Err(error),
        }
    }

    fn exists(&self) -> Result<Value> {
        let run = self.run();
        let outcome = run.exists(&self.path.root, &self.root);
        Ok(self.unless_silent(outcome)?.map_or(Value::Null, Value::Bool))
    }

    fn matches(&self) -> Result<Value> {
        match self.items()?.as_deref() {
            Some([Json::Bool(value)]) => Ok(Value::Bool(*value)),
            Some([Json::Null]) => Ok(Value::Null),
            _ if self.silent => Ok(Value::Null),
            _ => Err(Error::new(SqlState::SINGLETON_SQL_JSON_ITEM_REQUIRED, "single boolean result is expected")),
        }
    }

    fn query_array(&self) -> Result<Value> {
        document(&Json::Array(self.items()?.unwrap_or_default()))
    }

    fn query_first(&self) -> Result<Value> {
        self.items()?.into_iter().flatten().next().map_or(Ok(Value::Null), |item| document(&item))
    }
}

fn exists(_: &EvalContext, args: &[Value]) -> Result<Value> {
    Call::of(args, None)?.exists()
}

fn exists_zoned(context: &EvalContext, args: &[Value]) -> Result<Value> {
    Call::of(args, Some(context))?.exists()
}

fn matches(_: &EvalContext, args: &[Value]) -> Result<Value> {
    Call::of(args, None)?.matches()
}

fn matches_zoned(context: &EvalContext, args: &[Value]) -> Result<Value> {
    Call::of(args, Some(context))?.matches()
}

fn query_array(_: &EvalContext, args: &[Value]) -> Result<Value> {
    Call::of(args, None)?.query_array()
}

fn query_array_zoned(context: &EvalContext, args: &[Value]) -> Result<Value> {
    Call::of(args, Some(context))?.query_array()
}

fn query_first(_: &EvalContext, args: &[Value]) -> Result<Value> {
    Call::of(args, None)?.query_first()
}

fn query_first_zoned(context: &EvalContext, args: &[Value]) -> Result<Value> {
    Call::of(args, Some(context))?.query_first()
}

type Rows = Box<dyn Iterator<Item = Result<Vec<Value>>> + Send>;

fn query(_: &EvalContext, args: &[Value]) -> Result<Rows> {
    rows(args, None)
}

fn query_zoned(context: &EvalContext, args: &[Value]) -> Result<Rows> {
    rows(args, Some(context))
}

fn rows(args: &[Value], session: Option<&EvalContext>) -> Result<Rows> {
    if args.iter().any(Value::is_null) {
        return Ok(Box::new(std::iter::empty()));
    }
    let items = Call::of(args, session)?.items()?.unwrap_or_default();
    Ok(Box::new(items.into_iter().map(|item| Ok(vec![document(&item)?]))))
}
