//! What is in a document: `@>`, `<@`, `?`, `?|` and `?&`.

use storage::Value;
use storage::value::jsonb::Node;

use super::doc::{equal, stored, texts};
use crate::error::Result;
use crate::function::Function;
use crate::function::argument::text;
use crate::function::define::immutable;
use crate::types::oid::*;

pub(super) const FUNCTIONS: &[Function] = &[
    immutable(4046, "jsonb_contains", &[JSONB, JSONB], BOOL, |_, args| holds(&args[0], &args[1])),
    immutable(4050, "jsonb_contained", &[JSONB, JSONB], BOOL, |_, args| holds(&args[1], &args[0])),
    immutable(4047, "jsonb_exists", &[JSONB, TEXT], BOOL, |_, args| {
        Ok(Value::Bool(has_key(&Node::of(stored(&args[0])?), text(&args[1])?)))
    }),
    immutable(4048, "jsonb_exists_any", &[JSONB, TEXT_ARRAY], BOOL, |_, args| {
        let root = Node::of(stored(&args[0])?);
        Ok(Value::Bool(texts(&args[1])?.into_iter().flatten().any(|key| has_key(&root, key))))
    }),
    immutable(4049, "jsonb_exists_all", &[JSONB, TEXT_ARRAY], BOOL, |_, args| {
        let root = Node::of(stored(&args[0])?);
        Ok(Value::Bool(texts(&args[1])?.into_iter().flatten().all(|key| has_key(&root, key))))
    }),
];

/// Whether a text is a key, an element or the whole of the document.
fn has_key(root: &Node<'_>, key: &str) -> bool {
    let is_key = |bytes| matches!(Node::of(bytes), Node::String(text) if text == key);
    match root {
        Node::Object(members) => members.get(key).is_some(),
        Node::Array(elements) => elements.iter().any(is_key),
        Node::String(text) => *text == key,
        _ => false,
    }
}

fn holds(whole: &Value, part: &Value) -> Result<Value> {
    let (whole, part) = (stored(whole)?, stored(part)?);
    // An array holds a scalar as if that were an array of one.
    if let Node::Array(elements) = Node::of(whole)
        && Node::of(part).is_scalar()
    {
        return Ok(Value::Bool(elements.iter().any(|element| equal(element, part))));
    }
    Ok(Value::Bool(contains(whole, part)))
}

/// Whether every member and element of a part is in the whole, at the same place in objects and anywhere in arrays.
fn contains(whole: &[u8], part: &[u8]) -> bool {
    match (Node::of(whole), Node::of(part)) {
        (Node::Object(whole), Node::Object(part)) => {
            part.iter().all(|(key, value)| whole.get(key).is_some_and(|own| contains(own, value)))
        }
        (Node::Array(whole), Node::Array(part)) => {
            part.iter().all(|wanted| whole.iter().any(|element| contains(element, wanted)))
        }
        (Node::Object(_) | Node::Array(_), _) | (_, Node::Object(_) | Node::Array(_)) => false,
        _ => equal(whole, part),
    }
}
