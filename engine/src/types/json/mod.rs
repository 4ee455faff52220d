//! JSON as text: how it is read, with PostgreSQL's words for what is wrong with it, and how documents are written.
//!
//! `json` is the text as it was given, so whoever looks into it reads it as [`Item`]s, which know their own text. `jsonb`
//! is a document of `storage::value::jsonb`, which is walked as it is stored.

mod lexer;
mod parse;
#[cfg(test)]
mod tests;
mod write;

pub use parse::{Escapes, Item, Kind, parse};
pub use write::{write_document, write_pretty, write_string};

use storage::Value;
use storage::value::jsonb::{Json, TooDeep};

use crate::error::{Error, Result, SqlState};
use crate::types::text::{into_text, numeric_error};

/// 22P02 unless the text is JSON.
pub fn check(text: &str) -> Result<()> {
    parse(text, Escapes::Checked).map(|_| ())
}

/// The document that a text describes, as a value.
pub fn read_document(text: &str) -> Result<Value> {
    document(&tree(&parse(text, Escapes::Read)?)?)
}

/// A tree as a value of type jsonb.
pub fn document(json: &Json) -> Result<Value> {
    json.to_bytes().map(Value::Jsonb).map_err(|TooDeep| too_deep())
}

/// The tree of what was read from a text.
pub fn tree(item: &Item<'_>) -> Result<Json> {
    Ok(match &item.kind {
        Kind::Null => Json::Null,
        Kind::Bool(value) => Json::Bool(*value),
        Kind::Number => Json::Number(storage::Numeric::parse(item.text).map_err(numeric_error)?),
        Kind::String(text) => Json::String(text.clone().into_owned()),
        Kind::Array(items) => Json::Array(items.iter().map(tree).collect::<Result<_>>()?),
        Kind::Object(members) => {
            let members = members.iter().map(|(key, item)| Ok((key.clone().into_owned(), tree(item)?)));
            Json::object(members.collect::<Result<_>>()?)
        }
    })
}

/// The text form of a document.
pub fn document_text(bytes: &[u8]) -> String {
    let mut out = Vec::with_capacity(bytes.len() * 2);
    write_document(bytes, &mut out);
    into_text(out)
}

/// 54001, as where PostgreSQL's own recursion ends.
#[cold]
pub fn too_deep() -> Error {
    Error::new(SqlState::STATEMENT_TOO_COMPLEX, "stack depth limit exceeded")
}
