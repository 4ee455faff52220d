//! A query: words joined by operators, as a tree that is written down operator first, its right side, then its left.
//!
//! Nothing here recurses, however deep a query is: read backwards, the list is what a stack evaluates ([`Query::fold`]).
//! Stored, it sorts as PostgreSQL's `tsquery` does, but for words that differ in nothing but their weights, which are equal there.

use std::sync::LazyLock;

use super::vector::{weight_letter, write_quoted};
use super::{TEXT_BYTES_MAX, WORD_BYTES_END};
use crate::error::{Error, Result, SqlState};

/// The greatest distance of a phrase's words.
pub(crate) const DISTANCE_MAX: u16 = 1 << 14;

/// One of the things that a query is made of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Item {
    Word(Word),
    Not,
    /// Of these, `left` is how far on their left side stands; the right side is next.
    And {
        left: usize,
    },
    Or {
        left: usize,
    },
    /// The left side, and so many places on the right one.
    Phrase {
        left: usize,
        distance: u16,
    },
}

/// A word that is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Word {
    pub(crate) text: String,
    /// A bit for each weight that it may have, D first; none: any.
    pub(crate) weights: u8,
    /// Whether whatever begins with it will do.
    pub(crate) prefix: bool,
}

/// An operator with what it joins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Join {
    And,
    Or,
    Phrase(u16),
}

/// A `tsquery`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Query {
    items: Vec<Item>,
}

/// What one item is to whoever folds a query.
pub(crate) enum Step<'q, T> {
    Word(&'q Word),
    Not(T),
    Join(Join, T, T),
}

/// 22023 for a distance that is none.
#[cold]
pub(crate) fn distance_error() -> Error {
    let words =
        format!("distance in phrase operator must be an integer value between zero and {DISTANCE_MAX} inclusive");
    Error::new(SqlState::INVALID_PARAMETER_VALUE, words)
}

#[cold]
fn too_large() -> Error {
    Error::new(SqlState::PROGRAM_LIMIT_EXCEEDED, "tsquery is too large")
}

/// A query that is put together from its words on.
#[derive(Debug, Default)]
pub(super) struct Builder {
    /// As [`Query`] has it, backwards.
    items: Vec<Item>,
    /// Where each tree that is not joined yet begins.
    starts: Vec<usize>,
    bytes: usize,
}

impl Builder {
    pub(super) fn word(&mut self, word: Word) -> Result<()> {
        if word.text.len() >= WORD_BYTES_END {
            let words = format!("word is too long in tsquery: \"{}\"", word.text);
            return Err(Error::new(SqlState::PROGRAM_LIMIT_EXCEEDED, words));
        }
        if self.bytes >= TEXT_BYTES_MAX {
            let words = format!("value is too big in tsquery: \"{}\"", word.text);
            return Err(Error::new(SqlState::PROGRAM_LIMIT_EXCEEDED, words));
        }
        self.bytes += word.text.len() + 1;
        self.starts.push(self.items.len());
        self.items.push(Item::Word(word));
        Ok(())
    }

    pub(super) fn not(&mut self) {
        self.items.push(Item::Not);
    }

    /// Joins the last two trees.
    pub(super) fn join(&mut self, join: Join) {
        // The right side's start is gone; its length says where the left one is.
        let Some(right) = self.starts.pop() else { return };
        let left = self.items.len() - right + 1;
        self.items.push(match join {
            Join::And => Item::And { left },
            Join::Or => Item::Or { left },
            Join::Phrase(distance) => Item::Phrase { left, distance },
        });
    }

    pub(super) fn finish(mut self) -> Query {
        debug_assert!(self.starts.len() <= 1, "one tree is left");
        self.items.reverse();
        Query { items: self.items }
    }
}

impl Query {
    pub(crate) fn items(&self) -> &[Item] {
        &self.items
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    /// Its words, in the order in which they are stored.
    pub(crate) fn words(&self) -> impl Iterator<Item = &Word> {
        self.items.iter().filter_map(|item| match item {
            Item::Word(word) => Some(word),
            _ => None,
        })
    }

    /// Works out something from the words up; `each` is told where the item stands. None for the empty query.
    pub(crate) fn fold<'q, T>(&'q self, mut each: impl FnMut(usize, Step<'q, T>) -> T) -> Option<T> {
        let mut done: Vec<T> = Vec::new();
        for (at, item) in self.items.iter().enumerate().rev() {
            let step = match item {
                Item::Word(word) => Step::Word(word),
                Item::Not => Step::Not(done.pop()?),
                Item::And { .. } | Item::Or { .. } | Item::Phrase { .. } => {
                    let (right, left) = (done.pop()?, done.pop()?);
                    let join = match item {
                        Item::Or { .. } => Join::Or,
                        Item::Phrase { distance, .. } => Join::Phrase(*distance),
                        _ => Join::And,
                    };
                    Step::Join(join, left, right)
                }
            };
            done.push(each(at, step));
        }
        done.pop()
    }

    /// Whether each item stands within a phrase, where it is asked where it matches and not only whether.
    pub(super) fn within_phrases(&self) -> Vec<bool> {
        let mut within = vec![false; self.items.len()];
        for (at, item) in self.items.iter().enumerate() {
            let inner = within[at] || matches!(item, Item::Phrase { .. });
            let (right, left) = match item {
                Item::Word(_) => continue,
                Item::Not => (at + 1, at + 1),
                Item::And { left } | Item::Or { left } | Item::Phrase { left, .. } => (at + 1, at + left),
            };
            within[right] = inner;
            within[left] = inner;
        }
        within
    }

    /// Both joined; an empty one is none.
    pub(crate) fn join(join: Join, left: Query, right: Query) -> Result<Query> {
        if left.is_empty() || right.is_empty() {
            return Ok(if left.is_empty() { right } else { left });
        }
        let place = right.items.len() + 1;
        let mut items = vec![match join {
            Join::And => Item::And { left: place },
            Join::Or => Item::Or { left: place },
            Join::Phrase(distance) => Item::Phrase { left: place, distance },
        }];
        items.extend(right.items);
        items.extend(left.items);
        let query = Query { items };
        query.check_size()?;
        Ok(query)
    }

    pub(crate) fn negated(mut self) -> Query {
        if !self.is_empty() {
            self.items.insert(0, Item::Not);
        }
        self
    }

    fn check_size(&self) -> Result<()> {
        let bytes: usize = self.words().map(|word| word.text.len() + 1).sum();
        if bytes > TEXT_BYTES_MAX || self.items.len() > ITEMS_MAX { Err(too_large()) } else { Ok(()) }
    }

    /// Items of the same, each word without the rest: how it is sorted.
    pub(crate) fn encode(&self) -> Vec<u8> {
        let bytes: usize = self.words().map(|word| word.text.len() + 1).sum();
        let mut out = Vec::with_capacity(16 + bytes + 6 * self.items.len());
        out.extend_from_slice(&(self.items.len() as u32).to_be_bytes());
        out.extend_from_slice(&((8 + 12 * self.items.len() + bytes) as u32).to_be_bytes());
        for item in &self.items {
            match item {
                Item::Phrase { .. } => out.push(PHRASE),
                Item::Or { .. } => out.push(OR),
                Item::And { .. } => out.push(AND),
                Item::Not => out.push(NOT),
                Item::Word(word) => {
                    out.push(WORD);
                    // The greater number comes first, of numbers with a sign.
                    out.extend_from_slice(&(!(checksum(word.text.as_bytes()) ^ 0x8000_0000)).to_be_bytes());
                    out.extend_from_slice(word.text.as_bytes());
                    out.push(0);
                }
            }
        }
        for at in self.phrases() {
            if let Item::Phrase { distance, .. } = &self.items[at] {
                out.extend_from_slice(&(!distance).to_be_bytes());
            }
        }
        for word in self.words() {
            out.push(word.weights | u8::from(word.prefix) << 4);
        }
        out
    }

    /// The phrases, each behind what it joins, right sides first: in that order their distances are compared.
    fn phrases(&self) -> Vec<usize> {
        enum Task {
            Visit(usize),
            Tell(usize),
        }
        let mut told = Vec::new();
        if !self.items.iter().any(|item| matches!(item, Item::Phrase { .. })) {
            return told;
        }
        let mut tasks = vec![Task::Visit(0)];
        while let Some(task) = tasks.pop() {
            match task {
                Task::Tell(at) => told.push(at),
                Task::Visit(at) => match self.items[at] {
                    Item::Word(_) => {}
                    Item::Not => tasks.push(Task::Visit(at + 1)),
                    Item::And { left } | Item::Or { left } => {
                        tasks.extend([Task::Visit(at + left), Task::Visit(at + 1)]);
                    }
                    Item::Phrase { left, .. } => {
                        tasks.extend([Task::Tell(at), Task::Visit(at + left), Task::Visit(at + 1)]);
                    }
                },
            }
        }
        told
    }

    /// A stored query; the empty one for bytes that are none.
    pub(crate) fn decode(bytes: &[u8]) -> Self {
        Self::decoded(bytes).unwrap_or_default()
    }

    fn decoded(bytes: &[u8]) -> Option<Self> {
        let (count, rest) = bytes.split_first_chunk()?;
        let count = u32::from_be_bytes(*count) as usize;
        let mut rest = rest.get(4..)?;
        let mut items = Vec::with_capacity(count.min(bytes.len()));
        for _ in 0..count {
            let (kind, after) = rest.split_first()?;
            rest = after;
            items.push(match *kind {
                PHRASE => Item::Phrase { left: 0, distance: 0 },
                OR => Item::Or { left: 0 },
                AND => Item::And { left: 0 },
                NOT => Item::Not,
                _ => {
                    let text = rest.get(4..)?;
                    let end = text.iter().position(|byte| *byte == 0)?;
                    rest = &text[end + 1..];
                    let text = std::str::from_utf8(&text[..end]).ok()?.to_owned();
                    Item::Word(Word { text, weights: 0, prefix: false })
                }
            });
        }
        let mut query = Query { items }.with_sides()?;
        for at in query.phrases() {
            let (pair, after) = rest.split_first_chunk()?;
            rest = after;
            if let Item::Phrase { distance, .. } = &mut query.items[at] {
                *distance = !u16::from_be_bytes(*pair);
            }
        }
        for item in &mut query.items {
            if let Item::Word(word) = item {
                let (flags, after) = rest.split_first()?;
                rest = after;
                (word.weights, word.prefix) = (flags & 0xf, flags & 0x10 != 0);
            }
        }
        Some(query)
    }

    /// The same with where the left sides stand; None if it is not one tree.
    fn with_sides(mut self) -> Option<Self> {
        // Where each tree behind an item ends.
        let mut ends: Vec<usize> = Vec::new();
        for at in (0..self.items.len()).rev() {
            let end = match &mut self.items[at] {
                Item::Word(_) => at + 1,
                Item::Not => ends.pop()?,
                Item::And { left } | Item::Or { left } | Item::Phrase { left, .. } => {
                    let (right, whole) = (ends.pop()?, ends.pop()?);
                    *left = right - at;
                    whole
                }
            };
            ends.push(end);
        }
        (ends.len() <= 1).then_some(self)
    }

    /// Reads the binary form.
    pub(crate) fn read_binary(bytes: &[u8]) -> Result<Self> {
        let insufficient = || Error::new(SqlState::PROTOCOL_VIOLATION, "insufficient data left in message");
        let invalid = |words: &'static str| Error::internal(words);
        let (count, mut rest) = bytes.split_first_chunk().ok_or_else(insufficient)?;
        let count = u32::from_be_bytes(*count) as usize;
        if count > ITEMS_MAX {
            return Err(invalid("invalid size of tsquery"));
        }
        let mut take = |length: usize| {
            let (taken, after) = rest.split_at_checked(length).ok_or_else(insufficient)?;
            rest = after;
            Ok::<_, Error>(taken)
        };
        let mut items = Vec::new();
        for _ in 0..count {
            match take(1)?[0] {
                1 => {
                    let (weights, prefix) = (take(1)?[0], take(1)?[0] != 0);
                    if weights > 0xf {
                        return Err(invalid("invalid tsquery: invalid weight bitmap"));
                    }
                    let mut text = Vec::new();
                    loop {
                        match take(1)?[0] {
                            0 => break,
                            byte => text.push(byte),
                        }
                        if text.len() > WORD_BYTES_END {
                            return Err(invalid("invalid tsquery: operand too long"));
                        }
                    }
                    items.push(Item::Word(Word { text: crate::types::text::utf8(&text)?.to_owned(), weights, prefix }));
                }
                2 => items.push(match take(1)?[0] {
                    1 => Item::Not,
                    2 => Item::And { left: 0 },
                    3 => Item::Or { left: 0 },
                    4 => {
                        let pair = take(2)?;
                        Item::Phrase { left: 0, distance: u16::from_be_bytes([pair[0], pair[1]]) }
                    }
                    other => {
                        return Err(Error::internal(format!("invalid tsquery: unrecognized operator type {other}")));
                    }
                }),
                other => return Err(Error::internal(format!("unrecognized tsquery node type: {other}"))),
            }
        }
        if !rest.is_empty() {
            return Err(Error::new(SqlState::INVALID_BINARY_REPRESENTATION, "incorrect binary data format"));
        }
        let query = Query { items }.with_sides().ok_or_else(|| invalid("malformed tsquery: operand not found"))?;
        query.check_size()?;
        Ok(query)
    }

    /// Appends the binary form.
    pub(crate) fn write_binary(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&(self.items.len() as u32).to_be_bytes());
        for item in &self.items {
            match item {
                Item::Word(word) => {
                    out.extend_from_slice(&[1, word.weights, u8::from(word.prefix)]);
                    out.extend_from_slice(word.text.as_bytes());
                    out.push(0);
                }
                Item::Not => out.extend_from_slice(&[2, 1]),
                Item::And { .. } => out.extend_from_slice(&[2, 2]),
                Item::Or { .. } => out.extend_from_slice(&[2, 3]),
                Item::Phrase { distance, .. } => {
                    out.extend_from_slice(&[2, 4]);
                    out.extend_from_slice(&distance.to_be_bytes());
                }
            }
        }
    }

    /// Appends the text form.
    pub(crate) fn write(&self, out: &mut Vec<u8>) {
        enum Task<'q> {
            /// An item, how tightly what is around it binds, and whether it is the right side of a phrase.
            Visit(usize, u8, bool),
            Text(&'static str),
            Distance(u16),
            Word(&'q Word),
        }
        let mut tasks = if self.is_empty() { Vec::new() } else { vec![Task::Visit(0, 0, false)] };
        while let Some(task) = tasks.pop() {
            let (at, outer, is_right_of_phrase) = match task {
                Task::Text(text) => {
                    out.extend_from_slice(text.as_bytes());
                    continue;
                }
                Task::Distance(1) => {
                    out.extend_from_slice(b" <-> ");
                    continue;
                }
                Task::Distance(distance) => {
                    out.extend_from_slice(format!(" <{distance}> ").as_bytes());
                    continue;
                }
                Task::Word(word) => {
                    write_word(word, out);
                    continue;
                }
                Task::Visit(at, outer, right) => (at, outer, right),
            };
            let (own, left, sign) = match &self.items[at] {
                Item::Word(word) => {
                    tasks.push(Task::Word(word));
                    continue;
                }
                Item::Not => (4, None, Task::Text("!")),
                Item::Phrase { left, distance } => (3, Some(left), Task::Distance(*distance)),
                Item::And { left } => (2, Some(left), Task::Text(" & ")),
                Item::Or { left } => (1, Some(left), Task::Text(" | ")),
            };
            let is_phrase = own == 3;
            let in_parentheses = own < outer || (is_phrase && is_right_of_phrase);
            if in_parentheses {
                tasks.push(Task::Text(" )"));
            }
            tasks.push(Task::Visit(at + 1, own, is_phrase));
            tasks.push(sign);
            if let Some(left) = left {
                tasks.push(Task::Visit(at + left, own, false));
            }
            if in_parentheses {
                tasks.push(Task::Text("( "));
            }
        }
    }

    pub(crate) fn text(&self) -> String {
        let mut out = Vec::new();
        self.write(&mut out);
        crate::types::text::into_text(out)
    }

    /// The query without what no index can look up, which is what is excluded; None if nothing is left of it.
    pub(crate) fn indexable(&self) -> Option<Query> {
        let mut stays = vec![false; self.items.len()];
        self.fold(|at, step: Step<'_, bool>| {
            stays[at] = match step {
                Step::Word(_) => true,
                Step::Not(_) => false,
                Step::Join(Join::Or, left, right) => left && right,
                Step::Join(_, left, right) => left || right,
            };
            stays[at]
        });
        // An operator with one side left is that side.
        let mut wanted = vec![false; self.items.len()];
        *wanted.first_mut()? = stays[0];
        let mut items = Vec::new();
        for (at, item) in self.items.iter().enumerate() {
            if !wanted[at] {
                continue;
            }
            let left = match item {
                Item::And { left } | Item::Or { left } | Item::Phrase { left, .. } => at + left,
                _ => {
                    items.push(item.clone());
                    continue;
                }
            };
            if stays[left] && stays[at + 1] {
                items.push(item.clone());
            }
            (wanted[left], wanted[at + 1]) = (stays[left], stays[at + 1]);
        }
        Query { items }.with_sides().filter(|query| !query.is_empty())
    }
}

/// Items of a query, at most: what PostgreSQL has room for.
const ITEMS_MAX: usize = (1 << 30) / 12 - 1;

const PHRASE: u8 = 0;
const OR: u8 = 1;
const AND: u8 = 2;
const NOT: u8 = 3;
const WORD: u8 = 4;

fn write_word(word: &Word, out: &mut Vec<u8>) {
    write_quoted(&word.text, out);
    if word.prefix || word.weights != 0 {
        out.push(b':');
    }
    if word.prefix {
        out.push(b'*');
    }
    for weight in (0..4).rev().filter(|weight| word.weights & 1 << weight != 0) {
        out.push(weight_letter(weight) as u8);
    }
}

/// The checksum by which PostgreSQL sorts words: a CRC of 32 bits whose table is that of reflected bits and whose shifts are not.
fn checksum(bytes: &[u8]) -> u32 {
    static TABLE: LazyLock<[u32; 256]> = LazyLock::new(|| {
        std::array::from_fn(|byte| {
            (0..8).fold(byte as u32, |crc, _| if crc & 1 == 1 { crc >> 1 ^ 0xedb8_8320 } else { crc >> 1 })
        })
    });
    !bytes.iter().fold(!0_u32, |crc, byte| TABLE[usize::from((crc >> 24) as u8 ^ byte)] ^ crc << 8)
}
