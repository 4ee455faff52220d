//! Regular expressions as PostgreSQL has them: POSIX in that the longest of the leftmost matches counts, Perl in its
//! escapes, look-around and quantifiers that want little.
//!
//! `parse` makes a tree of the text, `program` a machine that finds where a match begins and ends, and `dissect` tells
//! what each group captured. Whether there is a match at all does not depend on what the quantifiers want, so that
//! question goes to the regular expression library where it can be put to it (`library`).

mod bracket;
mod dissect;
mod escape;
mod flags;
mod library;
mod parse;
mod program;
mod set;
mod syntax;
#[cfg(test)]
mod tests;
mod tree;

use std::cell::RefCell;
use std::rc::Rc;

pub(crate) use flags::Flags;

use crate::error::Result;
use dissect::{BUDGET, Captures, Dissector};
use tree::Tree;

/// Compiled expressions that a thread keeps.
const KEPT: usize = 32;
/// An expression with more steps is compiled each time.
const KEPT_STEPS_MAX: usize = 20_000;

#[derive(Debug)]
pub(crate) struct Regex {
    tree: Tree,
    groups: usize,
    ignore_case: bool,
    has_back_references: bool,
    /// Of all machines together.
    steps: usize,
    library: Option<::regex::Regex>,
}

/// Expressions that were used last, by their text and flags.
type Kept = Vec<((Box<str>, Flags), Rc<Regex>)>;

thread_local! {
    static LAST: RefCell<Kept> = const { RefCell::new(Vec::new()) };
}

/// The compiled expression, or 2201B in PostgreSQL's words.
pub(crate) fn compile(pattern: &str, flags: Flags) -> Result<Rc<Regex>> {
    LAST.with_borrow_mut(|kept| {
        let known = kept.iter().position(|((text, with), _)| **text == *pattern && *with == flags);
        if let Some(position) = known {
            kept[..=position].rotate_right(1);
            return Ok(kept[0].1.clone());
        }
        let regex = Rc::new(Regex::new(pattern, flags)?);
        if regex.steps <= KEPT_STEPS_MAX {
            kept.truncate(KEPT - 1);
            kept.insert(0, ((pattern.into(), flags), regex.clone()));
        }
        Ok(regex)
    })
}

impl Regex {
    fn new(pattern: &str, flags: Flags) -> Result<Self> {
        let chars: Vec<char> = pattern.chars().collect();
        let parsed = parse::parse(&chars, flags).map_err(syntax::Fault::error)?;
        let (tree, steps) = tree::build(&parsed).map_err(syntax::Fault::error)?;
        Ok(Self {
            tree,
            steps,
            groups: parsed.groups,
            ignore_case: parsed.ignore_case,
            has_back_references: parsed.has_back_references,
            library: library::translated(&parsed.node),
        })
    }

    /// How many groups capture.
    pub(crate) fn groups(&self) -> usize {
        self.groups
    }

    /// Whether the expression matches somewhere in the text.
    pub(crate) fn is_match(&self, text: &str) -> Result<bool> {
        if let Some(library) = &self.library {
            return Ok(library.is_match(text));
        }
        let text: Vec<char> = text.chars().collect();
        if self.has_back_references {
            return Ok(self.find(&text, 0)?.is_some());
        }
        Ok(self.tree.program.matches(&text))
    }

    /// The first match that begins at `from` or later: the whole, and what each group has. 2201B for an expression
    /// that takes too long.
    pub(crate) fn find(&self, text: &[char], from: usize) -> Result<Option<Captures>> {
        let mut dissector =
            Dissector { text, ignore_case: self.ignore_case, captures: vec![None; self.groups + 1], budget: BUDGET };
        let mut from = from;
        while let Some(begin) = self.tree.program.leftmost(text, from) {
            if let Some(end) = self.match_at(&mut dissector, begin) {
                let mut captures = dissector.captures;
                captures[0] = Some((begin, end));
                return Ok(Some(captures));
            }
            if dissector.is_exhausted() {
                return Err(syntax::Fault::TooComplex.error());
            }
            // Only what references back refer to can have refused it.
            if begin == text.len() {
                break;
            }
            from = begin + 1;
        }
        Ok(None)
    }

    /// The end of the match that begins here, the best one that can be taken apart.
    fn match_at(&self, dissector: &mut Dissector<'_>, begin: usize) -> Option<usize> {
        let program = &self.tree.program;
        let (mut least, mut limit) = (begin, dissector.text.len());
        loop {
            let end = if self.tree.is_shortest() {
                dissector.shortest(program, begin, least, limit)?
            } else {
                dissector.longest(program, begin, limit)?
            };
            dissector.captures.fill(None);
            if dissector.dissect(&self.tree, begin, end) {
                return Some(end);
            }
            if self.tree.is_shortest() {
                if end == limit {
                    return None;
                }
                least = end + 1;
            } else {
                limit = end.checked_sub(1).filter(|limit| *limit >= begin)?;
            }
        }
    }
}
