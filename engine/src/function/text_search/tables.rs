//! What text is taken apart into, and documents, as rows.

use storage::{Array, ColumnType, Value};

use super::{config, current, text_array, vector};
use crate::error::{Error, Result, SqlState};
use crate::function::argument::{int8, text};
use crate::function::define::table;
use crate::function::{EvalContext, TableFunction};
use crate::text_search::{Configuration, DEFAULT_PARSER, TOKEN_KINDS, Tokens, weight_letter};
use crate::types::oid::*;

type Rows = Box<dyn Iterator<Item = Result<Vec<Value>>> + Send>;

const TOKEN: &[(&str, u32)] = &[("tokid", INT4), ("token", TEXT)];
const KIND: &[(&str, u32)] = &[("tokid", INT4), ("alias", TEXT), ("description", TEXT)];
const DEBUG: &[(&str, u32)] = &[
    ("alias", TEXT),
    ("description", TEXT),
    ("token", TEXT),
    ("dictionaries", REGDICTIONARY_ARRAY),
    ("dictionary", REGDICTIONARY),
    ("lexemes", TEXT_ARRAY),
];

pub(in crate::function) const FUNCTIONS: &[TableFunction] = &[
    table(
        3322,
        "unnest",
        &[TSVECTOR],
        &[("lexeme", TEXT), ("positions", INT2_ARRAY), ("weights", TEXT_ARRAY)],
        |_, args| rows(args, |args| unnested(&args[0])),
    ),
    table(3716, "ts_parse", &[TEXT, TEXT], TOKEN, |_, args| rows(args, |args| parsed(by_name(&args[0])?, &args[1]))),
    table(3715, "ts_parse", &[OID, TEXT], TOKEN, |_, args| rows(args, |args| parsed(by_oid(&args[0])?, &args[1]))),
    table(3714, "ts_token_type", &[TEXT], KIND, |_, args| rows(args, |args| by_name(&args[0]).map(|()| kinds()))),
    table(3713, "ts_token_type", &[OID], KIND, |_, args| rows(args, |args| by_oid(&args[0]).map(|()| kinds()))),
    table(6183, "ts_debug", &[REGCONFIG, TEXT], DEBUG, |_, args| {
        rows(args, |args| explained(config(&args[0])?, &args[1]))
    }),
    table(6184, "ts_debug", &[TEXT], DEBUG, |context: &EvalContext, args| {
        rows(args, |args| explained(current(context)?, &args[0]))
    }),
];

/// No rows for NULL.
fn rows(args: &[Value], make: impl FnOnce(&[Value]) -> Result<Vec<Vec<Value>>>) -> Result<Rows> {
    let rows = if args.iter().any(Value::is_null) { Vec::new() } else { make(args)? };
    Ok(Box::new(rows.into_iter().map(Ok)))
}

fn no_parser(name: &str) -> Error {
    Error::new(SqlState::UNDEFINED_OBJECT, format!("text search parser \"{name}\" does not exist"))
}

fn by_name(name: &Value) -> Result<()> {
    match text(name)? {
        "default" | "pg_catalog.default" => Ok(()),
        other => Err(no_parser(other)),
    }
}

fn by_oid(oid: &Value) -> Result<()> {
    match int8(oid)? {
        oid if oid == i64::from(DEFAULT_PARSER) => Ok(()),
        other => Err(Error::internal(format!("cache lookup failed for text search parser {other}"))),
    }
}

fn unnested(value: &Value) -> Result<Vec<Vec<Value>>> {
    let row = |lexeme: crate::text_search::Lexeme| {
        let (positions, weights) = if lexeme.places.is_empty() {
            (Value::Null, Value::Null)
        } else {
            let positions = lexeme.places.iter().map(|(place, _)| Value::Int2(*place as i16)).collect();
            let weights = lexeme.places.iter().map(|(_, weight)| weight_letter(*weight).to_string());
            (Value::Array(Box::new(Array::new(ColumnType::Int2, positions))), text_array(weights))
        };
        vec![Value::Text(lexeme.word.into()), positions, weights]
    };
    Ok(vector(value)?.lexemes.into_iter().map(row).collect())
}

fn parsed((): (), value: &Value) -> Result<Vec<Vec<Value>>> {
    let row =
        |token: crate::text_search::Token<'_>| vec![Value::Int4(i32::from(token.kind)), Value::Text(token.text.into())];
    Ok(Tokens::new(text(value)?).map(row).collect())
}

fn kinds() -> Vec<Vec<Value>> {
    let row = |(number, (alias, description)): (i32, &(&str, &str))| {
        vec![Value::Int4(number), Value::Text((*alias).into()), Value::Text((*description).into())]
    };
    (1..).zip(&TOKEN_KINDS).map(row).collect()
}

/// Each token with its dictionary and what that makes of it.
fn explained(configuration: &Configuration, value: &Value) -> Result<Vec<Vec<Value>>> {
    let row = |token: crate::text_search::Token<'_>| {
        let (alias, description) = TOKEN_KINDS[usize::from(token.kind) - 1];
        let dictionary = configuration.dictionary_of(token.kind);
        let oid = dictionary.map(|dictionary| Value::Int8(i64::from(dictionary.oid)));
        let lexemes = match dictionary {
            Some(dictionary) => text_array(dictionary.lexeme(token.text)?),
            None => Value::Null,
        };
        let all = Value::Array(Box::new(Array::new(ColumnType::Int8, oid.iter().cloned().collect())));
        let words = [alias, description, token.text].map(|text| Value::Text(text.into()));
        Ok(words.into_iter().chain([all, oid.unwrap_or(Value::Null), lexemes]).collect())
    };
    Tokens::new(text(value)?).map(row).collect()
}
