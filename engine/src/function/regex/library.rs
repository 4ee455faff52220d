//! The question whether an expression matches at all, as the regular expression library understands it.

use std::fmt::Write;

use super::set::Set;
use super::syntax::{Assertion, Node};

/// Memory that a compiled expression of the library may take.
const SIZE_MAX: usize = 4 << 20;

/// The same expression for the library, unless it has what the library has not, or has in another way.
pub(super) fn translated(node: &Node) -> Option<regex::Regex> {
    let mut out = String::new();
    write(node, &mut out)?;
    regex::RegexBuilder::new(&out).size_limit(SIZE_MAX).build().ok()
}

fn write(node: &Node, out: &mut String) -> Option<()> {
    match node {
        Node::Empty => out.push_str("(?:)"),
        Node::Set(set) => write_set(set, out)?,
        Node::Assertion(Assertion::TextStart) => out.push_str("\\A"),
        Node::Assertion(Assertion::TextEnd) => out.push_str("\\z"),
        Node::Assertion(Assertion::LineStart) => out.push_str("(?m:^)"),
        Node::Assertion(Assertion::LineEnd) => out.push_str("(?m:$)"),
        Node::Assertion(_) | Node::Look { .. } | Node::BackReference(_) => return None,
        Node::Group(_, body) => {
            out.push_str("(?:");
            write(body, out)?;
            out.push(')');
        }
        Node::Sequence(items) => {
            for item in items {
                write(item, out)?;
            }
        }
        Node::Alternatives(branches) => {
            out.push_str("(?:");
            for (position, branch) in branches.iter().enumerate() {
                if position > 0 {
                    out.push('|');
                }
                write(branch, out)?;
            }
            out.push(')');
        }
        Node::Repeated(body, repeat) => {
            out.push_str("(?:");
            write(body, out)?;
            out.push(')');
            match repeat.max {
                Some(max) => write!(out, "{{{},{max}}}", repeat.min),
                None => write!(out, "{{{},}}", repeat.min),
            }
            .ok()?;
        }
    }
    Some(())
}

fn write_set(set: &Set, out: &mut String) -> Option<()> {
    let mut any = false;
    out.push('[');
    for (first, last) in set.ranges() {
        // What lies between the planes is no character.
        let first = if (0xd800..=0xdfff).contains(first) { 0xe000 } else { *first };
        let last = if (0xd800..=0xdfff).contains(last) { 0xd7ff } else { *last };
        if first <= last {
            any = true;
            write!(out, "\\x{{{first:x}}}-\\x{{{last:x}}}").ok()?;
        }
    }
    out.push(']');
    any.then_some(())
}
