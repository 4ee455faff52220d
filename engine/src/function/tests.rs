//! Expressions and what PostgreSQL 15 says they are: `corpus.txt` has an expression a line and below it, indented, the
//! result as text, or the error's code and words.

use std::sync::Arc;

use datafusion::sql::sqlparser::dialect::PostgreSqlDialect;
use datafusion::sql::sqlparser::parser::Parser;

use storage::{Array, ColumnType, Interval, Numeric, Value};

use crate::catalog::Catalog;
use crate::error::{Error, Result};
use crate::expr::eval::{NoRow, eval};
use crate::function::{CastContext, EvalContext, SessionFacts, read_text, registry, resolve, write_text};
use crate::plan::bind::{Binder, Scope};
use crate::session::settings::Settings;
use crate::types::text::{Format, into_text};
use crate::types::{Type, binary, builtin, datetime, oid};

pub(crate) fn context() -> EvalContext {
    EvalContext {
        read_only: false,
        discreet: false,
        transaction_time: 1_600_000_000_000_000,
        statement_time: 1_600_000_000_000_000,
        session: Arc::new(SessionFacts {
            session_user: "alice".to_owned(),
            current_user: "alice".to_owned(),
            current_role: auth::RoleId(10),
            database: "kalam".to_owned(),
            temporary: None,
            search_path: vec!["public".to_owned()],
            process_id: 7,
            client_address: None,
            server: Default::default(),
            sequences: Arc::default(),
            advisory: Arc::default(),
            transaction: std::sync::Arc::default(),
            sessions: Default::default(),
            snapshots: Default::default(),
            sleeps: Arc::default(),
            random: Arc::default(),
            cursors: Arc::default(),
            requests: Arc::default(),
            triggers: Arc::default(),
            channels: Arc::default(),
            format: Format::default(),
            settings: Arc::new(Settings::default()),
        }),
        catalog: Arc::new(Catalog::default()),
        params: Vec::new().into(),
        written: Arc::default(),
        kept: None,
        bodies: None,
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
fn round_trips(value: &Value, ty: Type, shown: &str, context: &EvalContext) {
    if !builtin::is_storable(ty.oid) || builtin::is_registered(ty.oid) {
        return;
    }
    let plain = Type::new(ty.oid);
    let again = |value: &Value| {
        let mut out = Vec::new();
        write_text(value, ty.oid, context, &mut out);
        into_text(out)
    };
    let read = read_text(shown, plain, context).unwrap_or_else(|error| panic!("{shown} as text: {error}"));
    assert_eq!(again(&read), shown);
    let mut bytes = Vec::new();
    binary::write_binary(value.as_ref(), ty.oid, &Format::default(), &mut bytes).expect("UTF-8 says all");
    let read = binary::parse_binary(&bytes, plain, 1, &Format::default())
        .unwrap_or_else(|error| panic!("{shown} in binary: {error}"));
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
    for (_, name, _, _, function) in super::operator::OPERATORS.iter().chain(super::operator::GEOMETRIC) {
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

/// Values at the edges of each type's range.
fn odd_values(ty: u32) -> Vec<Value> {
    let text = |text: &str| Value::Text(text.into());
    let numeric = |text: &str| Value::Numeric(Box::new(Numeric::parse(text).unwrap()));
    let interval = |months, days, microseconds| Value::Interval(Interval { months, days, microseconds });
    match ty {
        oid::BOOL => vec![Value::Bool(true), Value::Bool(false)],
        oid::INT2 => [0, 1, -1, i16::MIN, i16::MAX].map(Value::Int2).into(),
        oid::INT4 => [0, 1, -1, 7, i32::MIN, i32::MAX].map(Value::Int4).into(),
        oid::INT8 | oid::OID => [0, 1, -1, i64::MIN, i64::MAX, 9].map(Value::Int8).into(),
        oid::FLOAT4 => [0.0, -1.5, f32::NAN, f32::MAX, f32::NEG_INFINITY].map(Value::Float4).into(),
        oid::FLOAT8 => [0.0, -1.5, f64::NAN, f64::MAX, f64::MIN_POSITIVE, f64::INFINITY].map(Value::Float8).into(),
        oid::NUMERIC => ["0", "-1.50", "NaN", "-Infinity", "1e30", "0.0001"].map(numeric).into(),
        oid::TEXT | oid::VARCHAR | oid::BPCHAR | oid::NAME | oid::CHAR | oid::ANY | oid::CSTRING => {
            ["", "é%_\\", "%", "FMDDth \"x", "\u{10ffff}a ", "week", "9,99.S", "2020-13-45 25:61:61", "(", "-"]
                .map(text)
                .into()
        }
        oid::BYTEA => vec![Value::Bytea([].into()), Value::Bytea([0, 255, 92].into())],
        oid::DATE => [0, i32::MIN, i32::MAX, -2_440_588, 2_145_042_905].map(Value::Date).into(),
        oid::TIME => [0, 86_400_000_000, 1].map(Value::Time).into(),
        oid::TIMESTAMP => TIMES.map(Value::Timestamp).into(),
        oid::TIMESTAMPTZ => TIMES.map(Value::Timestamptz).into(),
        oid::INTERVAL => vec![
            interval(0, 0, 0),
            interval(i32::MAX, i32::MAX, i64::MAX),
            interval(i32::MIN, i32::MIN, i64::MIN),
            interval(1, -1, 1),
        ],
        oid::UUID => vec![Value::Uuid([0; 16]), Value::Uuid([255; 16])],
        oid::ANYARRAY | oid::ANYCOMPATIBLEARRAY | oid::INT4_ARRAY => vec![
            Value::Array(Box::new(Array::new(ColumnType::Int4, vec![]))),
            Value::Array(Box::new(Array::new(ColumnType::Int4, vec![Value::Int4(3), Value::Null]))),
        ],
        oid::ANYELEMENT | oid::ANYNONARRAY | oid::ANYCOMPATIBLE => vec![Value::Int4(3), Value::Int4(-1)],
        _ => Vec::new(),
    }
}

const TIMES: [i64; 6] =
    [0, i64::MIN, i64::MAX, datetime::TIMESTAMP_MIN, datetime::TIMESTAMP_MAX, 1_583_020_799_999_999];

/// Calls `run` with every combination of the arguments' odd values, or with as many as `most`.
fn combinations(args: &[u32], most: usize, run: &mut dyn FnMut(&[Value])) {
    let choices: Vec<Vec<Value>> = args.iter().map(|ty| odd_values(*ty)).collect();
    let total: usize = choices.iter().map(Vec::len).product();
    let stride = (total / most).max(1) | 1;
    for number in (0..total).step_by(stride) {
        let mut rest = number;
        let values: Vec<Value> = choices
            .iter()
            .map(|choice| {
                let value = choice[rest % choice.len()].clone();
                rest /= choice.len();
                value
            })
            .collect();
        run(&values);
    }
}

/// Whatever the arguments, there is a value or an error, and the value can be shown.
#[test]
fn no_function_panics() {
    let context = context();
    for function in registry::functions() {
        // Their results may be as great as memory.
        if ["repeat", "lpad", "rpad", "array_fill"].contains(&function.name) {
            continue;
        }
        combinations(function.args, 2000, &mut |values| {
            if let Ok(value) = (function.eval)(&context, values) {
                let mut out = Vec::new();
                write_text(&value, function.returns, &context, &mut out);
                binary::write_binary(value.as_ref(), function.returns, &Format::default(), &mut out)
                    .expect("UTF-8 says all");
            }
        });
    }
    for function in registry::table_functions() {
        combinations(function.args, 500, &mut |values| {
            if let Ok(rows) = (function.eval)(&context, values) {
                for row in rows.take(100).map_while(Result::ok) {
                    assert_eq!(row.len(), function.columns.len());
                }
            }
        });
    }
}

/// Whatever the text or bytes, reading them is a value or an error.
#[test]
fn no_input_panics() {
    let context = context();
    let seeds = [
        "2020-02-29 10:20:30.5+02 BC",
        "1 year -2 mons 3 days 04:05:06.7 ago",
        "P1Y2M3DT4H5M6.5S",
        "{1,\"a\\\"b\",NULL}",
        "-1.5e10",
        "\\x00ff",
        "Infinity",
        "J2451187",
        "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11",
        "2020-Feb-29 10:20 PM America/New_York",
        "é",
    ];
    let types = [
        "bool",
        "int2",
        "int4",
        "int8",
        "float4",
        "float8",
        "numeric",
        "text",
        "bytea",
        "date",
        "time",
        "timestamp",
        "timestamptz",
        "interval",
        "uuid",
        "oid",
        "_int4",
        "_text",
        "int2vector",
        "regtype",
        "regclass",
        "json",
        "char",
        "name",
    ];
    let mut state = 1_u64;
    let mut random = move || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as usize
    };
    for _ in 0..4000 {
        let mut bytes = seeds[random() % seeds.len()].as_bytes().to_vec();
        for _ in 0..random() % 4 {
            let other = seeds[random() % seeds.len()].as_bytes();
            let (at, from) = (random() % (bytes.len() + 1), random() % other.len());
            match random() % 3 {
                0 => bytes.truncate(at),
                1 => bytes.insert(at, b"0123456789-+:./ ,{}\"\\'TPZe"[random() % 25]),
                _ => drop(bytes.splice(at.., other[from..].iter().copied())),
            }
        }
        let text = String::from_utf8_lossy(&bytes);
        for name in types {
            let ty = Type::new(builtin::by_name(name).unwrap().oid);
            let _ = read_text(&text, ty, &context);
            let _ = binary::parse_binary(&bytes, ty, 1, &Format::default());
            let _ = binary::parse_binary(&bytes[..bytes.len().min(8)], ty, 1, &Format::default());
        }
    }
}
