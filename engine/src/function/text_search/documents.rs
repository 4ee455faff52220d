//! Functions of documents: how they are made, changed and taken apart.

use storage::Value;
use storage::value::jsonb::Node;

use super::{config, current, of_vector, text_array, vector};
use crate::error::{Error, Result, SqlState};
use crate::function::Function;
use crate::function::argument::{array, bytes, text};
use crate::function::define::{immutable, stable};
use crate::text_search::{Configuration, Lexeme, Vector, document, weight_of_letter};
use crate::types::json::{Escapes, Item, Kind, parse};
use crate::types::oid::*;

#[rustfmt::skip]
pub(in crate::function) const FUNCTIONS: &[Function] = &[
    immutable(3745, "to_tsvector", &[REGCONFIG, TEXT], TSVECTOR, |_, args| of_text(config(&args[0])?, &args[1])),
    stable(3749, "to_tsvector", &[TEXT], TSVECTOR, |context, args| of_text(current(context)?, &args[0])),
    immutable(4211, "to_tsvector", &[REGCONFIG, JSONB], TSVECTOR, |_, args| of_json(config(&args[0])?, &args[1], STRINGS)),
    stable(4209, "to_tsvector", &[JSONB], TSVECTOR, |context, args| of_json(current(context)?, &args[0], STRINGS)),
    immutable(4212, "to_tsvector", &[REGCONFIG, JSON], TSVECTOR, |_, args| of_json(config(&args[0])?, &args[1], STRINGS)),
    stable(4210, "to_tsvector", &[JSON], TSVECTOR, |context, args| of_json(current(context)?, &args[0], STRINGS)),
    immutable(4214, "jsonb_to_tsvector", &[REGCONFIG, JSONB, JSONB], TSVECTOR, |_, args| {
        of_json(config(&args[0])?, &args[1], parts(&args[2])?)
    }),
    stable(4213, "jsonb_to_tsvector", &[JSONB, JSONB], TSVECTOR, |context, args| {
        of_json(current(context)?, &args[0], parts(&args[1])?)
    }),
    immutable(4216, "json_to_tsvector", &[REGCONFIG, JSON, JSONB], TSVECTOR, |_, args| {
        of_json(config(&args[0])?, &args[1], parts(&args[2])?)
    }),
    stable(4215, "json_to_tsvector", &[JSON, JSONB], TSVECTOR, |context, args| {
        of_json(current(context)?, &args[0], parts(&args[1])?)
    }),

    immutable(3622, "tsvector_cmp", &[TSVECTOR, TSVECTOR], INT4, |_, args| {
        Ok(Value::Int4(bytes(&args[0])?.cmp(bytes(&args[1])?) as i32))
    }),
    immutable(3625, "tsvector_concat", &[TSVECTOR, TSVECTOR], TSVECTOR, |_, args| {
        of_vector(&vector(&args[0])?.concat(vector(&args[1])?))
    }),
    immutable(3711, "length", &[TSVECTOR], INT4, |_, args| {
        Ok(Value::Int4(i32::try_from(storage::value::lexemes::Lexemes::of(bytes(&args[0])?).count()).unwrap_or(i32::MAX)))
    }),
    immutable(3623, "strip", &[TSVECTOR], TSVECTOR, |_, args| {
        changed(&args[0], |lexeme| lexeme.places.clear())
    }),
    immutable(3624, "setweight", &[TSVECTOR, CHAR], TSVECTOR, |_, args| {
        let weight = weight(&args[1])?;
        changed(&args[0], |lexeme| lexeme.places.iter_mut().for_each(|place| place.1 = weight))
    }),
    immutable(3320, "setweight", &[TSVECTOR, CHAR, TEXT_ARRAY], TSVECTOR, |_, args| {
        let (weight, words) = (weight(&args[1])?, words(&args[2])?);
        changed(&args[0], |lexeme| {
            if words.contains(&lexeme.word.as_str()) {
                lexeme.places.iter_mut().for_each(|place| place.1 = weight);
            }
        })
    }),
    immutable(3319, "ts_filter", &[TSVECTOR, CHAR_ARRAY], TSVECTOR, |_, args| {
        let mut weights = Vec::new();
        for letter in &array(&args[1])?.values {
            if letter.is_null() {
                return Err(Error::new(SqlState::NULL_VALUE_NOT_ALLOWED, "weight array may not contain nulls"));
            }
            weights.push(weight(letter)?);
        }
        let mut kept = vector(&args[0])?;
        kept.lexemes.iter_mut().for_each(|lexeme| lexeme.places.retain(|place| weights.contains(&place.1)));
        kept.lexemes.retain(|lexeme| !lexeme.places.is_empty());
        of_vector(&kept)
    }),
    immutable(3321, "ts_delete", &[TSVECTOR, TEXT], TSVECTOR, |_, args| {
        let word = text(&args[1])?;
        without(&args[0], &[word])
    }),
    immutable(3323, "ts_delete", &[TSVECTOR, TEXT_ARRAY], TSVECTOR, |_, args| without(&args[0], &words(&args[1])?)),
    immutable(3326, "tsvector_to_array", &[TSVECTOR], TEXT_ARRAY, |_, args| {
        Ok(text_array(vector(&args[0])?.lexemes.into_iter().map(|lexeme| lexeme.word)))
    }),
    immutable(3327, "array_to_tsvector", &[TEXT_ARRAY], TSVECTOR, |_, args| {
        let mut lexemes = Vec::new();
        for value in &array(&args[0])?.values {
            if value.is_null() {
                return Err(no_nulls());
            }
            let word = text(value)?;
            if word.is_empty() {
                return Err(Error::new(SqlState("2200F"), "lexeme array may not contain empty strings"));
            }
            lexemes.push(Lexeme { word: word.to_owned(), places: Vec::new() });
        }
        of_vector(&Vector::gathered(lexemes))
    }),
];

fn no_nulls() -> Error {
    Error::new(SqlState::NULL_VALUE_NOT_ALLOWED, "lexeme array may not contain nulls")
}

/// The words of an array, in their order. Nulls are none.
fn words(value: &Value) -> Result<Vec<&str>> {
    array(value)?.values.iter().filter(|value| !value.is_null()).map(text).collect()
}

/// The weight that a letter says: 22023 for another one.
fn weight(letter: &Value) -> Result<u8> {
    let letter = text(letter)?;
    let weight = letter.chars().next().and_then(weight_of_letter);
    weight.ok_or_else(|| {
        let words = format!("unrecognized weight: \"{letter}\"");
        Error::new(SqlState::INVALID_PARAMETER_VALUE, words)
    })
}

fn changed(value: &Value, change: impl FnMut(&mut Lexeme)) -> Result<Value> {
    let mut vector = vector(value)?;
    vector.lexemes.iter_mut().for_each(change);
    of_vector(&vector)
}

fn without(value: &Value, words: &[&str]) -> Result<Value> {
    let words: rustc_hash::FxHashSet<&str> = words.iter().copied().collect();
    let mut vector = vector(value)?;
    vector.lexemes.retain(|lexeme| !words.contains(lexeme.word.as_str()));
    of_vector(&vector)
}

pub(super) fn of_text(configuration: &Configuration, value: &Value) -> Result<Value> {
    of_vector(&document(configuration, [text(value)?])?)
}

/// What of a document of JSON is searched.
#[derive(Clone, Copy, Default)]
struct Parts {
    strings: bool,
    numbers: bool,
    booleans: bool,
    keys: bool,
}

const STRINGS: Parts = Parts { strings: true, numbers: false, booleans: false, keys: false };

/// The parts that a document names, one or an array: 22023 for what is none.
fn parts(value: &Value) -> Result<Parts> {
    let Value::Jsonb(bytes) = value else { return Err(Error::internal("parts of a document that are none")) };
    let mut parts = Parts::default();
    match Node::of(bytes) {
        Node::Array(elements) => {
            for element in elements.iter() {
                parts.add(&Node::of(element))?;
            }
        }
        Node::Object(_) => {
            let words = "wrong flag type, only arrays and scalars are allowed";
            return Err(Error::new(SqlState::INVALID_PARAMETER_VALUE, words));
        }
        scalar => parts.add(&scalar)?,
    }
    Ok(parts)
}

impl Parts {
    fn add(&mut self, flag: &Node<'_>) -> Result<()> {
        let wrong = |words: String| {
            Err(Error::new(SqlState::INVALID_PARAMETER_VALUE, words)
                .with_hint("Possible values are: \"string\", \"numeric\", \"boolean\", \"key\", and \"all\"."))
        };
        let Node::String(flag) = flag else { return wrong("flag array element is not a string".to_owned()) };
        match flag.to_ascii_lowercase().as_str() {
            "all" => *self = Parts { strings: true, numbers: true, booleans: true, keys: true },
            "key" => self.keys = true,
            "string" => self.strings = true,
            "numeric" => self.numbers = true,
            "boolean" => self.booleans = true,
            _ => return wrong(format!("wrong flag in flag array: \"{flag}\"")),
        }
        Ok(())
    }
}

fn of_json(configuration: &Configuration, value: &Value, parts: Parts) -> Result<Value> {
    let mut texts = Vec::new();
    match value {
        Value::Jsonb(bytes) => of_node(&Node::of(bytes), parts, &mut texts),
        other => of_item(&parse(text(other)?, Escapes::Read)?, parts, &mut texts),
    }
    of_vector(&document(configuration, texts.iter().map(String::as_str))?)
}

/// Documents are not nested deeper than can be walked so.
fn of_node(node: &Node<'_>, parts: Parts, texts: &mut Vec<String>) {
    match node {
        Node::Array(elements) => elements.iter().for_each(|element| of_node(&Node::of(element), parts, texts)),
        Node::Object(members) => {
            for (key, value) in members.iter() {
                if parts.keys {
                    texts.push(key.to_owned());
                }
                of_node(&Node::of(value), parts, texts);
            }
        }
        Node::String(text) if parts.strings => texts.push((*text).to_owned()),
        Node::Number(number) if parts.numbers => texts.push(number.to_string()),
        Node::Bool(value) if parts.booleans => texts.push(value.to_string()),
        _ => {}
    }
}

fn of_item(item: &Item<'_>, parts: Parts, texts: &mut Vec<String>) {
    match &item.kind {
        Kind::Array(items) => items.iter().for_each(|item| of_item(item, parts, texts)),
        Kind::Object(members) => {
            for (key, item) in members {
                if parts.keys {
                    texts.push(key.clone().into_owned());
                }
                of_item(item, parts, texts);
            }
        }
        Kind::String(text) if parts.strings => texts.push(text.clone().into_owned()),
        Kind::Number if parts.numbers => texts.push(item.text.to_owned()),
        Kind::Bool(value) if parts.booleans => texts.push(value.to_string()),
        _ => {}
    }
}
