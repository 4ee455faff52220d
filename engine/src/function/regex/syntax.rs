//! What a regular expression says, as a tree.

use std::sync::Arc;

use super::set::Set;
use crate::error::{Error, SqlState};

/// Why an expression cannot be used, in PostgreSQL's words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fault {
    Parentheses,
    Brackets,
    Braces,
    Repetition,
    Range,
    Quantifier,
    Escape,
    Class,
    Element,
    Option,
    BackReference,
    TooComplex,
    /// A basic regular expression, which nobody has asked for yet.
    Basic,
}

impl Fault {
    pub(super) fn error(self) -> Error {
        let words = match self {
            Fault::Parentheses => "parentheses () not balanced",
            Fault::Brackets => "brackets [] not balanced",
            Fault::Braces => "braces {} not balanced",
            Fault::Repetition => "invalid repetition count(s)",
            Fault::Range => "invalid character range",
            Fault::Quantifier => "quantifier operand invalid",
            Fault::Escape => "invalid escape \\ sequence",
            Fault::Class => "invalid character class",
            Fault::Element => "invalid collating element",
            Fault::Option => "invalid embedded option",
            Fault::BackReference => "invalid backreference number",
            Fault::TooComplex => "regular expression is too complex",
            Fault::Basic => return Error::unsupported("a basic regular expression"),
        };
        Error::new(SqlState::INVALID_REGULAR_EXPRESSION, format!("invalid regular expression: {words}"))
    }
}

/// What holds at a place without taking a character.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Assertion {
    TextStart,
    TextEnd,
    LineStart,
    LineEnd,
    WordStart,
    WordEnd,
    WordBoundary,
    NoWordBoundary,
}

/// Whether the longest or the shortest of all matches is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Preference {
    Longest,
    Shortest,
}

/// How often an atom may occur; `max` is `None` without bound.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Repeat {
    pub(super) min: u32,
    pub(super) max: Option<u32>,
    /// A fixed number of times prefers what the atom does.
    pub(super) prefers: Option<Preference>,
}

#[derive(Debug, Clone)]
pub(super) enum Node {
    Empty,
    Set(Arc<Set>),
    Assertion(Assertion),
    /// Whether what follows, or came before, matches.
    Look {
        ahead: bool,
        negative: bool,
        body: Box<Node>,
    },
    /// Parentheses, with their number if they capture.
    Group(Option<usize>, Box<Node>),
    Sequence(Vec<Node>),
    Alternatives(Vec<Node>),
    Repeated(Box<Node>, Repeat),
    BackReference(usize),
}

/// An expression and how many groups it captures.
#[derive(Debug, Clone)]
pub(super) struct Parsed {
    pub(super) node: Node,
    pub(super) groups: usize,
    pub(super) ignore_case: bool,
    pub(super) has_back_references: bool,
}
