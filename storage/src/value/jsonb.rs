//! Documents: trees of nulls, booleans, numbers, strings, arrays and objects, as bytes that are walked without being
//! taken apart first.
//!
//! A node is a byte for its kind and what belongs to it; where it ends is said from outside. Arrays have a count, where
//! each element ends, and the elements. Objects have a count, where each key ends, where each value ends, the keys and the
//! values. Keys are unique, the shorter ones first and then by their bytes, so that one is found by bisection.
//!
//! Documents compare as PostgreSQL's jsonb does: objects are above arrays, arrays above booleans, those above numbers,
//! strings and nulls; more members or elements are above fewer. An empty array that is a whole document is below all.
//! Numbers keep their display scale in the bytes, so equal documents may differ in them: compare sort keys.

use std::cmp::Ordering;

use super::Numeric;
use crate::key::encode_bytes;

/// Deepest nesting of a document, so that walking one never runs out of stack.
pub const NESTING_MAX: usize = 512;

const NULL: u8 = 0;
const FALSE: u8 = 1;
const TRUE: u8 = 2;
const STRING: u8 = 3;
const NUMBER: u8 = 4;
const ARRAY: u8 = 5;
const OBJECT: u8 = 6;

/// First bytes in sort keys, in the order of the kinds.
mod rank {
    pub(super) const EMPTY_ARRAY: u8 = 1;
    pub(super) const NULL: u8 = 2;
    pub(super) const STRING: u8 = 3;
    pub(super) const NUMBER: u8 = 4;
    pub(super) const BOOL: u8 = 5;
    pub(super) const ARRAY: u8 = 6;
    pub(super) const OBJECT: u8 = 7;
}

/// A document to be built or changed.
#[derive(Debug, Clone, PartialEq, Default)]
pub enum Json {
    #[default]
    Null,
    Bool(bool),
    Number(Numeric),
    String(String),
    Array(Vec<Json>),
    /// Its keys are unique and in the order of [`compare_keys`].
    Object(Vec<(String, Json)>),
}

/// The document or one of its members nests too deep.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TooDeep;

/// One node of a document's bytes.
#[derive(Debug, Clone)]
pub enum Node<'a> {
    Null,
    Bool(bool),
    Number(Numeric),
    String(&'a str),
    Array(Elements<'a>),
    Object(Members<'a>),
}

/// The elements of an array.
#[derive(Debug, Clone, Copy)]
pub struct Elements<'a> {
    ends: &'a [u8],
    body: &'a [u8],
}

/// The members of an object.
#[derive(Debug, Clone, Copy)]
pub struct Members<'a> {
    keys: Elements<'a>,
    values: Elements<'a>,
}

/// The order in which an object holds its keys: by length, then by bytes.
pub fn compare_keys(a: &str, b: &str) -> Ordering {
    a.len().cmp(&b.len()).then_with(|| a.as_bytes().cmp(b.as_bytes()))
}

impl Json {
    /// An object of these members. Of several with one key the last one stays.
    pub fn object(mut members: Vec<(String, Json)>) -> Json {
        members.reverse();
        // The sort is stable, so the last of equal keys comes first and is the one that is kept.
        members.sort_by(|(a, _), (b, _)| compare_keys(a, b));
        members.dedup_by(|(later, _), (kept, _)| later == kept);
        Json::Object(members)
    }

    /// Where a key is among sorted members, or where it would go.
    pub fn find(members: &[(String, Json)], key: &str) -> Result<usize, usize> {
        members.binary_search_by(|(own, _)| compare_keys(own, key))
    }

    /// The bytes of the document.
    pub fn to_bytes(&self) -> Result<Box<[u8]>, TooDeep> {
        let mut out = Vec::with_capacity(64);
        self.append(&mut out, 0)?;
        Ok(out.into())
    }

    fn append(&self, out: &mut Vec<u8>, depth: usize) -> Result<(), TooDeep> {
        if depth > NESTING_MAX {
            return Err(TooDeep);
        }
        match self {
            Json::Null => out.push(NULL),
            Json::Bool(value) => out.push(if *value { TRUE } else { FALSE }),
            Json::Number(value) => {
                out.push(NUMBER);
                value.append_bytes(out);
            }
            Json::String(text) => {
                out.push(STRING);
                out.extend_from_slice(text.as_bytes());
            }
            Json::Array(elements) => {
                out.push(ARRAY);
                append_count(elements.len(), out);
                let ends = reserve_ends(elements.len(), out);
                append_parts(elements.iter(), ends, out, |element, out| element.append(out, depth + 1))?;
            }
            Json::Object(members) => {
                out.push(OBJECT);
                append_count(members.len(), out);
                let key_ends = reserve_ends(members.len(), out);
                let value_ends = reserve_ends(members.len(), out);
                append_parts(members.iter(), key_ends, out, |(key, _), out| {
                    out.extend_from_slice(key.as_bytes());
                    Ok(())
                })?;
                append_parts(members.iter(), value_ends, out, |(_, value), out| value.append(out, depth + 1))?;
            }
        }
        Ok(())
    }
}

fn append_count(count: usize, out: &mut Vec<u8>) {
    out.extend_from_slice(&(count as u32).to_le_bytes());
}

/// Leaves room for where so many parts end.
fn reserve_ends(count: usize, out: &mut Vec<u8>) -> usize {
    let at = out.len();
    out.resize(at + 4 * count, 0);
    at
}

/// Appends the parts one after the other and notes where each ends, counted from the first one's beginning.
fn append_parts<T>(
    parts: impl Iterator<Item = T>,
    ends: usize,
    out: &mut Vec<u8>,
    append: impl Fn(T, &mut Vec<u8>) -> Result<(), TooDeep>,
) -> Result<(), TooDeep> {
    let start = out.len();
    for (index, part) in parts.enumerate() {
        append(part, out)?;
        let end = (out.len() - start) as u32;
        out[ends + 4 * index..][..4].copy_from_slice(&end.to_le_bytes());
    }
    Ok(())
}

impl<'a> Node<'a> {
    /// The root of a document's bytes. Damaged bytes, which checksums keep away, are read as null.
    pub fn of(bytes: &'a [u8]) -> Self {
        Self::read(bytes).unwrap_or(Node::Null)
    }

    fn read(bytes: &'a [u8]) -> Option<Self> {
        let (kind, rest) = bytes.split_first()?;
        Some(match *kind {
            FALSE => Node::Bool(false),
            TRUE => Node::Bool(true),
            STRING => Node::String(std::str::from_utf8(rest).ok()?),
            NUMBER => Node::Number(Numeric::from_bytes(rest).ok()?),
            ARRAY => {
                let (count, rest) = split_count(rest)?;
                let (ends, body) = rest.split_at_checked(4 * count)?;
                Node::Array(Elements { ends, body })
            }
            OBJECT => {
                let (count, rest) = split_count(rest)?;
                let (key_ends, rest) = rest.split_at_checked(4 * count)?;
                let (value_ends, rest) = rest.split_at_checked(4 * count)?;
                let keys = key_ends.last_chunk::<4>().map_or(0, |end| u32::from_le_bytes(*end) as usize);
                let (keys, values) = rest.split_at_checked(keys)?;
                Node::Object(Members {
                    keys: Elements { ends: key_ends, body: keys },
                    values: Elements { ends: value_ends, body: values },
                })
            }
            _ => Node::Null,
        })
    }

    /// The tree of this node, with memory of its own.
    pub fn to_json(&self) -> Json {
        match self {
            Node::Null => Json::Null,
            Node::Bool(value) => Json::Bool(*value),
            Node::Number(value) => Json::Number(value.clone()),
            Node::String(text) => Json::String((*text).to_owned()),
            Node::Array(elements) => Json::Array(elements.iter().map(|bytes| Node::of(bytes).to_json()).collect()),
            Node::Object(members) => {
                Json::Object(members.iter().map(|(key, value)| (key.to_owned(), Node::of(value).to_json())).collect())
            }
        }
    }

    pub fn is_scalar(&self) -> bool {
        !matches!(self, Node::Array(_) | Node::Object(_))
    }

    fn append_sort_key(&self, whole: bool, out: &mut Vec<u8>) {
        match self {
            Node::Null => out.push(rank::NULL),
            Node::Bool(value) => out.extend_from_slice(&[rank::BOOL, u8::from(*value)]),
            Node::Number(value) => {
                out.push(rank::NUMBER);
                value.append_sort_key(out);
            }
            Node::String(text) => {
                out.push(rank::STRING);
                encode_bytes(text.as_bytes(), out);
            }
            Node::Array(elements) if whole && elements.is_empty() => out.push(rank::EMPTY_ARRAY),
            Node::Array(elements) => {
                out.push(rank::ARRAY);
                out.extend_from_slice(&(elements.len() as u32).to_be_bytes());
                elements.iter().for_each(|element| Node::of(element).append_sort_key(false, out));
            }
            Node::Object(members) => {
                out.push(rank::OBJECT);
                out.extend_from_slice(&(members.len() as u32).to_be_bytes());
                for (key, value) in members.iter() {
                    encode_bytes(key.as_bytes(), out);
                    Node::of(value).append_sort_key(false, out);
                }
            }
        }
    }
}

/// Appends bytes that compare as the documents do, and none of which begins another.
pub fn append_sort_key(document: &[u8], out: &mut Vec<u8>) {
    Node::of(document).append_sort_key(true, out);
}

/// The order of two documents.
pub fn compare(a: &[u8], b: &[u8]) -> Ordering {
    let (mut left, mut right) = (Vec::with_capacity(a.len()), Vec::with_capacity(b.len()));
    append_sort_key(a, &mut left);
    append_sort_key(b, &mut right);
    left.cmp(&right)
}

impl<'a> Elements<'a> {
    pub fn len(&self) -> usize {
        self.ends.len() / 4
    }

    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// The bytes of an element, which are a document themselves.
    pub fn get(&self, index: usize) -> Option<&'a [u8]> {
        let end = |index: usize| {
            let bytes = self.ends.get(4 * index..)?.first_chunk::<4>()?;
            Some(u32::from_le_bytes(*bytes) as usize)
        };
        let start = if index == 0 { 0 } else { end(index - 1)? };
        self.body.get(start..end(index)?)
    }

    pub fn iter(self) -> impl Iterator<Item = &'a [u8]> {
        (0..self.len()).filter_map(move |index| self.get(index))
    }
}

impl<'a> Members<'a> {
    pub fn len(&self) -> usize {
        self.keys.len()
    }

    pub fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    fn key(&self, index: usize) -> &'a str {
        self.keys.get(index).and_then(|key| std::str::from_utf8(key).ok()).unwrap_or_default()
    }

    /// The bytes of a key's value.
    pub fn get(&self, key: &str) -> Option<&'a [u8]> {
        let (mut low, mut high) = (0, self.len());
        while low < high {
            let middle = low + (high - low) / 2;
            match compare_keys(self.key(middle), key) {
                Ordering::Less => low = middle + 1,
                Ordering::Greater => high = middle,
                Ordering::Equal => return self.values.get(middle),
            }
        }
        None
    }

    pub fn iter(self) -> impl Iterator<Item = (&'a str, &'a [u8])> {
        (0..self.len()).filter_map(move |index| Some((self.key(index), self.values.get(index)?)))
    }
}

fn split_count(bytes: &[u8]) -> Option<(usize, &[u8])> {
    let (count, rest) = bytes.split_first_chunk::<4>()?;
    Some((u32::from_le_bytes(*count) as usize, rest))
}
