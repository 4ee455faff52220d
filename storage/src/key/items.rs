//! Items: the things in a value that an index has entries for, one each: elements of an array, keys and scalars of a document.
//!
//! The entry of an item is: generation ‖ slice ‖ column of the index ‖ item ‖ row key, so that the rows that have an item
//! are a range, in the order of their keys. Two values of which one holds the other share the items of the smaller one;
//! the reverse does not hold, and long items are told apart by a hash: whoever finds a row by its items looks at the value.

use serde::{Deserialize, Serialize};

use super::append_start;
use super::encode::{encode_bytes, encode_value};
use crate::schema::IndexSchema;
use crate::slice::Slice;
use crate::value::Value;
use crate::value::jsonb::Node;
use crate::value::lexemes::Lexemes;

/// What of a column's values has entries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Items {
    /// Each element of an array but NULLs.
    Elements,
    /// Each key and each scalar of a document, wherever it stands. A string in an array is as good as a key.
    Members,
    /// Each scalar of a document together with the keys that lead to it.
    Paths,
    /// Each word of a document to be searched.
    Lexemes,
}

/// One of them, as a key has it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Item(Box<[u8]>);

/// An item of more bytes is told by a hash, as PostgreSQL does for documents.
const BYTES_MAX: usize = 125;

/// What an item begins with.
const ELEMENT: u8 = 1;
const KEY: u8 = 2;
const TEXT: u8 = 3;
const NUMBER: u8 = 4;
const BOOL: u8 = 5;
const NULL: u8 = 6;
const PATH: u8 = 7;
const LEXEME: u8 = 8;
/// Added if a hash follows.
const HASHED: u8 = 0x80;

impl Item {
    /// The item of a key in [`Items::Members`], or of a string in an array.
    pub fn key(text: &str) -> Self {
        Self::of(KEY, |out| encode_bytes(text.as_bytes(), out))
    }

    /// The item of a word in [`Items::Lexemes`].
    pub fn lexeme(word: &str) -> Self {
        Self::of(LEXEME, |out| encode_bytes(word.as_bytes(), out))
    }

    fn element(value: &Value) -> Self {
        Self::of(ELEMENT, |out| encode_value(value, out))
    }

    /// None begins another: what a kind is followed by ends by itself, or is a hash.
    fn of(kind: u8, append: impl FnOnce(&mut Vec<u8>)) -> Self {
        let mut bytes = vec![kind];
        append(&mut bytes);
        if bytes.len() > BYTES_MAX {
            let hash = hashed(BASIS, &bytes);
            bytes.truncate(1);
            bytes[0] |= HASHED;
            bytes.extend_from_slice(&hash.to_be_bytes());
        }
        Self(bytes.into())
    }
}

impl Items {
    /// The items of a value, in their order and each once. What is none of these has none.
    pub fn of(self, value: &Value) -> Vec<Item> {
        let mut items = match (self, value) {
            (Items::Elements, Value::Array(array)) => {
                array.values.iter().filter(|element| !element.is_null()).map(Item::element).collect()
            }
            (Items::Members, Value::Jsonb(bytes)) => {
                let mut items = Vec::new();
                members(&Node::of(bytes), true, &mut items);
                items
            }
            (Items::Paths, Value::Jsonb(bytes)) => {
                let mut items = Vec::new();
                paths(&Node::of(bytes), BASIS, &mut items);
                items
            }
            (Items::Lexemes, Value::Bytea(bytes)) => {
                Lexemes::of(bytes).map(|lexeme| Item::lexeme(lexeme.word)).collect()
            }
            _ => Vec::new(),
        };
        items.sort_unstable();
        items.dedup();
        items
    }
}

/// `in_array`: it is an element, or the whole document.
fn members(node: &Node<'_>, in_array: bool, items: &mut Vec<Item>) {
    match node {
        Node::Array(elements) => elements.iter().for_each(|element| members(&Node::of(element), true, items)),
        Node::Object(object) => {
            for (key, value) in object.iter() {
                items.push(Item::key(key));
                members(&Node::of(value), false, items);
            }
        }
        Node::String(text) if in_array => items.push(Item::key(text)),
        scalar => items.push(Item::of(kind_of(scalar), |out| append_scalar(scalar, out))),
    }
}

/// `hash` is that of the keys that lead to the node.
fn paths(node: &Node<'_>, hash: u64, items: &mut Vec<Item>) {
    match node {
        Node::Array(elements) => elements.iter().for_each(|element| paths(&Node::of(element), hash, items)),
        Node::Object(object) => {
            for (key, value) in object.iter() {
                let mut bytes = vec![KEY];
                encode_bytes(key.as_bytes(), &mut bytes);
                paths(&Node::of(value), hashed(hash, &bytes), items);
            }
        }
        scalar => {
            let mut bytes = vec![kind_of(scalar)];
            append_scalar(scalar, &mut bytes);
            let hash = hashed(hash, &bytes);
            items.push(Item::of(PATH, |out| out.extend_from_slice(&hash.to_be_bytes())));
        }
    }
}

fn kind_of(scalar: &Node<'_>) -> u8 {
    match scalar {
        Node::String(_) => TEXT,
        Node::Number(_) => NUMBER,
        Node::Bool(_) => BOOL,
        _ => NULL,
    }
}

/// Equal numbers of other scales become the same bytes.
fn append_scalar(scalar: &Node<'_>, out: &mut Vec<u8>) {
    match scalar {
        Node::String(text) => encode_bytes(text.as_bytes(), out),
        Node::Number(number) => number.append_sort_key(out),
        Node::Bool(value) => out.push(u8::from(*value)),
        _ => {}
    }
}

const BASIS: u64 = 0xcbf2_9ce4_8422_2325;

/// FNV-1a, which lies in keys and therefore never changes. Two items with one hash only cost looking at more rows.
fn hashed(hash: u64, bytes: &[u8]) -> u64 {
    bytes.iter().fold(hash, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3))
}

/// The keys of a row's entries in an index of items, in their order and each once. Of the row only the index's columns are
/// looked at.
pub(crate) fn item_keys(index: &IndexSchema, row: &[Value], row_key: &[u8]) -> Vec<Vec<u8>> {
    let mut keys = Vec::new();
    for (at, column) in index.columns.iter().enumerate() {
        let Some(items) = column.items else { continue };
        for item in items.of(&row[column.column]) {
            let mut key = Vec::with_capacity(16 + item.0.len() + row_key.len());
            append_item_start(index, index.slice.of_key(row_key), at, &item, &mut key);
            key.extend_from_slice(row_key);
            keys.push(key);
        }
    }
    keys
}

/// Appends what the keys of all rows in a slice begin with that have an item in a column of the index.
pub(crate) fn append_item_start(index: &IndexSchema, slice: Slice, column: usize, item: &Item, out: &mut Vec<u8>) {
    append_start(index.generation, slice, out);
    // No index has so many columns that a byte would not tell them apart (`INDEX_MAX_KEYS` is 32).
    out.push(column as u8);
    out.extend_from_slice(&item.0);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::value::jsonb::Json;
    use crate::value::{Array, ColumnType, Numeric};

    fn document(json: &Json) -> Value {
        Value::Jsonb(json.to_bytes().unwrap())
    }

    fn text(text: &str) -> Json {
        Json::String(text.to_owned())
    }

    fn number(text: &str) -> Json {
        Json::Number(text.parse::<Numeric>().unwrap())
    }

    fn object(members: &[(&str, Json)]) -> Json {
        Json::object(members.iter().map(|(key, value)| ((*key).to_owned(), value.clone())).collect())
    }

    #[test]
    fn a_document_has_the_items_of_what_it_holds() {
        let whole = object(&[
            ("a", Json::Array(vec![number("1.00"), text("x"), object(&[("b", Json::Null)])])),
            ("c", object(&[("d", Json::Bool(true)), ("long", text(&"y".repeat(300)))])),
        ]);
        let parts = [
            object(&[("a", Json::Array(vec![number("1")]))]),
            object(&[("a", Json::Array(vec![object(&[("b", Json::Null)]), text("x")]))]),
            object(&[("c", object(&[("d", Json::Bool(true))]))]),
            object(&[("c", object(&[("long", text(&"y".repeat(300)))]))]),
            object(&[("c", object(&[]))]),
        ];
        for kind in [Items::Members, Items::Paths] {
            let all = kind.of(&document(&whole));
            for part in &parts {
                let own = kind.of(&document(part));
                assert!(own.iter().all(|item| all.contains(item)), "{kind:?} of {part:?}");
            }
        }
    }

    #[test]
    fn what_stands_elsewhere_is_another_path_and_the_same_member() {
        let (one, other) = (object(&[("a", number("1"))]), object(&[("b", object(&[("a", number("1"))]))]));
        let (one, other) = (document(&one), document(&other));
        assert!(Items::Members.of(&one).iter().all(|item| Items::Members.of(&other).contains(item)));
        assert!(Items::Paths.of(&one).iter().all(|item| !Items::Paths.of(&other).contains(item)));
    }

    #[test]
    fn a_scalar_is_what_an_array_has_as_an_element() {
        let (scalar, array) = (document(&text("x")), document(&Json::Array(vec![text("x"), number("2")])));
        for kind in [Items::Members, Items::Paths] {
            assert!(kind.of(&scalar).iter().all(|item| kind.of(&array).contains(item)), "{kind:?}");
        }
        assert!(Items::Members.of(&array).contains(&Item::key("x")));
        // A string that is a value is no key.
        assert!(!Items::Members.of(&document(&object(&[("a", text("x"))]))).contains(&Item::key("x")));
    }

    #[test]
    fn an_array_has_each_element_once_and_no_nulls() {
        let array = |values: Vec<Value>| Value::Array(Box::new(Array::new(ColumnType::Int4, values)));
        let items = Items::Elements.of(&array(vec![Value::Int4(2), Value::Null, Value::Int4(1), Value::Int4(2)]));
        assert_eq!(items.len(), 2);
        assert_eq!(Items::Elements.of(&array(vec![Value::Int4(1)])), items[..1]);
        assert!(Items::Elements.of(&array(vec![Value::Null])).is_empty());
        assert!(Items::Elements.of(&Value::Null).is_empty());
    }

    #[test]
    fn no_item_begins_another() {
        let texts = ["", "a", "ab", "a\u{0}", "a\u{0}b"].map(str::to_owned);
        let long = [124, 125, 126, 300].map(|length| "z".repeat(length));
        let items: Vec<Item> = texts.iter().chain(&long).map(|text| Item::key(text)).collect();
        for (at, one) in items.iter().enumerate() {
            for other in items[at + 1..].iter() {
                assert!(!one.0.starts_with(&other.0) && !other.0.starts_with(&one.0), "{one:?} and {other:?}");
            }
        }
    }
}
