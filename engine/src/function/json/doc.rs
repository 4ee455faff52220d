//! A json or jsonb value to look into.

use std::cmp::Ordering;

use storage::Value;
use storage::value::jsonb::{self, Json, Node};

use crate::error::{Error, Result, SqlState};
use crate::function::argument::array;
use crate::types::json::{Escapes, Item, Kind, document_text, parse};

/// What a document or a part of it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shape {
    Null,
    Bool,
    Number,
    String,
    Array,
    Object,
}

impl Shape {
    /// As `json_typeof` has it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Shape::Null => "null",
            Shape::Bool => "boolean",
            Shape::Number => "number",
            Shape::String => "string",
            Shape::Array => "array",
            Shape::Object => "object",
        }
    }
}

/// A function's argument, read if it is text.
pub(super) enum Source<'a> {
    Text(Item<'a>),
    Stored(&'a [u8]),
}

/// A document or a part of one.
#[derive(Clone, Copy)]
pub(super) enum Doc<'a> {
    Text(&'a Item<'a>),
    Stored(&'a [u8]),
}

impl<'a> Source<'a> {
    pub(super) fn of(value: &'a Value) -> Result<Self> {
        match value {
            Value::Text(text) => Ok(Source::Text(parse(text, Escapes::Read)?)),
            other => Ok(Source::Stored(stored(other)?)),
        }
    }

    pub(super) fn doc(&self) -> Doc<'_> {
        match self {
            Source::Text(item) => Doc::Text(item),
            Source::Stored(bytes) => Doc::Stored(bytes),
        }
    }
}

/// The bytes of a jsonb.
pub(super) fn stored(value: &Value) -> Result<&[u8]> {
    match value {
        Value::Jsonb(bytes) => Ok(bytes),
        other => Err(Error::internal(format!("a function wants jsonb and got {other:?}"))),
    }
}

/// The tree of a jsonb.
pub(super) fn tree(value: &Value) -> Result<Json> {
    Ok(Node::of(stored(value)?).to_json())
}

impl<'a> Doc<'a> {
    pub(super) fn shape(self) -> Shape {
        match self {
            Doc::Text(item) => match &item.kind {
                Kind::Null => Shape::Null,
                Kind::Bool(_) => Shape::Bool,
                Kind::Number => Shape::Number,
                Kind::String(_) => Shape::String,
                Kind::Array(_) => Shape::Array,
                Kind::Object(_) => Shape::Object,
            },
            Doc::Stored(bytes) => shape(&Node::of(bytes)),
        }
    }

    /// The value of a key, if this is an object that has it.
    pub(super) fn field(self, key: &str) -> Option<Doc<'a>> {
        match self {
            Doc::Text(item) => match &item.kind {
                // Of several, the last.
                Kind::Object(members) => {
                    members.iter().rev().find(|(own, _)| own == key).map(|(_, item)| Doc::Text(item))
                }
                _ => None,
            },
            Doc::Stored(bytes) => match Node::of(bytes) {
                Node::Object(members) => members.get(key).map(Doc::Stored),
                _ => None,
            },
        }
    }

    /// The element at an index, if this is an array that has it. Negative ones count from the end.
    pub(super) fn element(self, index: i32) -> Option<Doc<'a>> {
        let length = self.length()?;
        let index = if index < 0 {
            length.checked_sub(usize::try_from(index.unsigned_abs()).ok()?)?
        } else {
            usize::try_from(index).ok()?
        };
        match self {
            Doc::Text(item) => match &item.kind {
                Kind::Array(items) => items.get(index).map(Doc::Text),
                _ => None,
            },
            Doc::Stored(bytes) => match Node::of(bytes) {
                Node::Array(elements) => elements.get(index).map(Doc::Stored),
                _ => None,
            },
        }
    }

    /// How many elements an array has.
    pub(super) fn length(self) -> Option<usize> {
        match self {
            Doc::Text(Item { kind: Kind::Array(items), .. }) => Some(items.len()),
            Doc::Text(_) => None,
            Doc::Stored(bytes) => match Node::of(bytes) {
                Node::Array(elements) => Some(elements.len()),
                _ => None,
            },
        }
    }

    /// The elements of an array; nothing of anything else.
    pub(super) fn elements(self) -> Vec<Doc<'a>> {
        match self {
            Doc::Text(Item { kind: Kind::Array(items), .. }) => items.iter().map(Doc::Text).collect(),
            Doc::Text(_) => Vec::new(),
            Doc::Stored(bytes) => match Node::of(bytes) {
                Node::Array(elements) => elements.iter().map(Doc::Stored).collect(),
                _ => Vec::new(),
            },
        }
    }

    /// The members of an object; nothing of anything else.
    pub(super) fn members(self) -> Vec<(&'a str, Doc<'a>)> {
        match self {
            Doc::Text(Item { kind: Kind::Object(members), .. }) => {
                members.iter().map(|(key, item)| (key.as_ref(), Doc::Text(item))).collect()
            }
            Doc::Text(_) => Vec::new(),
            Doc::Stored(bytes) => match Node::of(bytes) {
                Node::Object(members) => members.iter().map(|(key, bytes)| (key, Doc::Stored(bytes))).collect(),
                _ => Vec::new(),
            },
        }
    }

    /// This part as a value of the type it is from.
    pub(super) fn value(self) -> Value {
        match self {
            Doc::Text(item) => Value::Text(item.text.into()),
            Doc::Stored(bytes) => Value::Jsonb(bytes.into()),
        }
    }

    /// This part as text: strings without their quotes, nulls as NULL.
    pub(super) fn text(self) -> Value {
        let text = match self {
            Doc::Text(item) => match &item.kind {
                Kind::Null => return Value::Null,
                Kind::String(text) => text.clone().into_owned(),
                _ => item.text.to_owned(),
            },
            Doc::Stored(bytes) => match Node::of(bytes) {
                Node::Null => return Value::Null,
                Node::String(text) => text.to_owned(),
                _ => document_text(bytes),
            },
        };
        Value::Text(text.into())
    }
}

/// What a node of a stored document is.
pub(super) fn shape(node: &Node<'_>) -> Shape {
    match node {
        Node::Null => Shape::Null,
        Node::Bool(_) => Shape::Bool,
        Node::Number(_) => Shape::Number,
        Node::String(_) => Shape::String,
        Node::Array(_) => Shape::Array,
        Node::Object(_) => Shape::Object,
    }
}

/// Whether two documents are equal, whatever the scales of their numbers.
pub(super) fn equal(a: &[u8], b: &[u8]) -> bool {
    a == b || jsonb::compare(a, b) == Ordering::Equal
}

/// The elements of a text array.
pub(super) fn texts(value: &Value) -> Result<Vec<Option<&str>>> {
    let element = |value| match value {
        &Value::Null => Ok(None),
        Value::Text(text) => Ok(Some(&**text)),
        other => Err(Error::internal(format!("a function wants an array of text and got {other:?}"))),
    };
    array(value)?.values.iter().map(element).collect()
}

/// An array's index as a path writes it: what C's `strtoint` takes.
pub(super) fn index_of(text: &str) -> Option<i32> {
    text.trim_start_matches(crate::types::text::is_space).parse().ok()
}

/// 22023: this cannot be done with such a document.
pub(super) fn wrong_shape(message: impl Into<std::borrow::Cow<'static, str>>) -> Error {
    Error::new(SqlState::INVALID_PARAMETER_VALUE, message)
}
