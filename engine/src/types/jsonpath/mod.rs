//! The language of `jsonpath`: its tree, how its text becomes one and how one is written.
//!
//! A value of type jsonpath is stored as its canonical text, which [`parse`] reads again whenever it is run.

mod lexer;
mod parse;
#[cfg(test)]
mod tests;
mod write;

use std::fmt;

use storage::Numeric;

pub use parse::parse;

/// A path: how forgiving it is, and what it computes.
#[derive(Debug, Clone, PartialEq)]
pub struct Path {
    /// Missing parts are no error, arrays are unwrapped and scalars wrapped as it takes.
    pub lax: bool,
    pub root: Node,
}

/// An expression or a predicate.
#[derive(Debug, Clone, PartialEq)]
pub enum Node {
    /// `$`
    Root,
    /// `@`
    Current,
    /// `last`
    Last,
    Null,
    Bool(bool),
    Number(Numeric),
    String(String),
    /// `$name`
    Variable(String),
    /// Something and the accessors behind it.
    Chain {
        base: Box<Node>,
        steps: Vec<Step>,
    },
    Sign {
        minus: bool,
        operand: Box<Node>,
    },
    Arithmetic {
        operator: Arithmetic,
        left: Box<Node>,
        right: Box<Node>,
    },
    Compare {
        operator: Compare,
        left: Box<Node>,
        right: Box<Node>,
    },
    And(Box<Node>, Box<Node>),
    Or(Box<Node>, Box<Node>),
    Not(Box<Node>),
    IsUnknown(Box<Node>),
    Exists(Box<Node>),
    /// The second is a string or a variable.
    StartsWith(Box<Node>, Box<Node>),
    LikeRegex {
        operand: Box<Node>,
        pattern: String,
        flags: RegexFlags,
    },
}

/// An accessor.
#[derive(Debug, Clone, PartialEq)]
pub enum Step {
    /// `.key`
    Key(String),
    /// `.*`
    AnyKey,
    /// `[*]`
    AnyElement,
    /// `[1, 3 to last]`
    Elements(Vec<(Node, Option<Node>)>),
    /// `.**{first to last}`; `None` is the deepest level.
    AnyLevel {
        first: Option<u32>,
        last: Option<u32>,
    },
    /// `? (predicate)`
    Filter(Node),
    Method(Method),
    /// `.datetime(template)`
    Datetime(Option<String>),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    Abs,
    Size,
    Type,
    Floor,
    Double,
    Ceiling,
    KeyValue,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Arithmetic {
    Add,
    Subtract,
    Multiply,
    Divide,
    Modulo,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Compare {
    Equal,
    NotEqual,
    Less,
    Greater,
    LessOrEqual,
    GreaterOrEqual,
}

/// The letters behind a regular expression.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct RegexFlags {
    /// `i`
    pub ignore_case: bool,
    /// `s`
    pub dot_all: bool,
    /// `m`
    pub multi_line: bool,
    /// `x`
    pub extended: bool,
    /// `q`
    pub quoted: bool,
}

impl Method {
    pub fn name(self) -> &'static str {
        match self {
            Method::Abs => "abs",
            Method::Size => "size",
            Method::Type => "type",
            Method::Floor => "floor",
            Method::Double => "double",
            Method::Ceiling => "ceiling",
            Method::KeyValue => "keyvalue",
        }
    }

    fn named(name: &str) -> Option<Self> {
        const ALL: [Method; 7] =
            [Method::Abs, Method::Size, Method::Type, Method::Floor, Method::Double, Method::Ceiling, Method::KeyValue];
        ALL.into_iter().find(|method| method.name() == name)
    }
}

impl Arithmetic {
    pub fn symbol(self) -> &'static str {
        match self {
            Arithmetic::Add => "+",
            Arithmetic::Subtract => "-",
            Arithmetic::Multiply => "*",
            Arithmetic::Divide => "/",
            Arithmetic::Modulo => "%",
        }
    }
}

impl Compare {
    pub fn symbol(self) -> &'static str {
        match self {
            Compare::Equal => "==",
            Compare::NotEqual => "!=",
            Compare::Less => "<",
            Compare::Greater => ">",
            Compare::LessOrEqual => "<=",
            Compare::GreaterOrEqual => ">=",
        }
    }
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&write::written(self))
    }
}
