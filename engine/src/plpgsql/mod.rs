//! PL/pgSQL: from the text of a body to a tree that a session can run.
//!
//! `lexer` cuts the text into tokens, `parse` makes the tree of `tree` of them. What is SQL within a body is kept as text, a
//! [`Fragment`], with the place that its names are looked up from; whoever runs the body gives it to the binder, to which
//! the names of variables are parameters. Nothing here knows the catalog or runs anything: types are kept as they were
//! said. `condition` knows the names of errors.

pub(crate) mod condition;
mod lexer;
mod parse;
#[cfg(test)]
mod tests;
mod tree;

pub(crate) use parse::{check_statement, parse};
pub(crate) use tree::{
    Block, Code, Conflict, Declared, Diagnostic, Exception, Fragment, FragmentId, Handler, Into, Kind, Level, Loop,
    LoopKind, Place, QueryText, Raise, RaiseOption, Statement, Target,
};
