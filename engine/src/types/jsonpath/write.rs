//! A path as PostgreSQL prints it: keys quoted, and every operator that is not alone in parentheses.

use super::{Arithmetic, Node, Path, Step};
use crate::types::json::write_string;
use crate::types::text::into_text;

pub(super) fn written(path: &Path) -> String {
    let mut out = Vec::new();
    if !path.lax {
        out.extend_from_slice(b"strict ");
    }
    node(&path.root, true, &mut out);
    into_text(out)
}

/// How tightly an operator binds.
fn priority(node: &Node) -> u8 {
    match node {
        Node::Or(..) => 0,
        Node::And(..) => 1,
        Node::Compare { .. } | Node::StartsWith(..) => 2,
        Node::Arithmetic { operator: Arithmetic::Add | Arithmetic::Subtract, .. } => 3,
        Node::Arithmetic { .. } => 4,
        Node::Sign { .. } => 5,
        _ => 6,
    }
}

fn push(text: &str, out: &mut Vec<u8>) {
    out.extend_from_slice(text.as_bytes());
}

/// `brackets`: an operator is put into parentheses.
fn node(this: &Node, brackets: bool, out: &mut Vec<u8>) {
    match this {
        Node::Root => push("$", out),
        Node::Current => push("@", out),
        Node::Last => push("last", out),
        Node::Null => push("null", out),
        Node::Bool(value) => push(if *value { "true" } else { "false" }, out),
        Node::Number(value) => push(&value.to_string(), out),
        Node::String(text) => write_string(text, out),
        Node::Variable(name) => {
            push("$", out);
            write_string(name, out);
        }
        Node::Chain { base, steps } => chain(base, steps, out),
        Node::Sign { minus, operand } => bracketed(brackets, out, |out| {
            push(if *minus { "-" } else { "+" }, out);
            node(operand, priority(operand) <= priority(this), out);
        }),
        Node::Arithmetic { operator, left, right } => binary(this, left, operator.symbol(), right, brackets, out),
        Node::Compare { operator, left, right } => binary(this, left, operator.symbol(), right, brackets, out),
        Node::And(left, right) => binary(this, left, "&&", right, brackets, out),
        Node::Or(left, right) => binary(this, left, "||", right, brackets, out),
        Node::StartsWith(left, right) => binary(this, left, "starts with", right, brackets, out),
        Node::Not(inner) => {
            push("!(", out);
            node(inner, false, out);
            push(")", out);
        }
        Node::IsUnknown(inner) => {
            push("(", out);
            node(inner, false, out);
            push(") is unknown", out);
        }
        Node::Exists(inner) => {
            push("exists (", out);
            node(inner, false, out);
            push(")", out);
        }
        Node::LikeRegex { operand, pattern, flags } => bracketed(brackets, out, |out| {
            node(operand, priority(operand) <= priority(this), out);
            push(" like_regex ", out);
            write_string(pattern, out);
            let letters = [
                (flags.ignore_case, 'i'),
                (flags.dot_all, 's'),
                (flags.multi_line, 'm'),
                (flags.extended, 'x'),
                (flags.quoted, 'q'),
            ];
            let letters: String = letters.iter().filter(|(set, _)| *set).map(|(_, letter)| *letter).collect();
            if !letters.is_empty() {
                push(" flag \"", out);
                push(&letters, out);
                push("\"", out);
            }
        }),
    }
}

fn bracketed(brackets: bool, out: &mut Vec<u8>, write: impl FnOnce(&mut Vec<u8>)) {
    if brackets {
        push("(", out);
    }
    write(out);
    if brackets {
        push(")", out);
    }
}

fn binary(this: &Node, left: &Node, symbol: &str, right: &Node, brackets: bool, out: &mut Vec<u8>) {
    bracketed(brackets, out, |out| {
        node(left, priority(left) <= priority(this), out);
        push(" ", out);
        push(symbol, out);
        push(" ", out);
        node(right, priority(right) <= priority(this), out);
    });
}

fn chain(base: &Node, steps: &[Step], out: &mut Vec<u8>) {
    match base {
        Node::Number(_) => bracketed(true, out, |out| node(base, false, out)),
        _ => node(base, true, out),
    }
    for one in steps {
        step(one, out);
    }
}

fn step(step: &Step, out: &mut Vec<u8>) {
    match step {
        Step::Key(key) => {
            push(".", out);
            write_string(key, out);
        }
        Step::AnyKey => push(".*", out),
        Step::AnyElement => push("[*]", out),
        Step::Elements(ranges) => {
            push("[", out);
            for (index, (from, to)) in ranges.iter().enumerate() {
                if index > 0 {
                    push(",", out);
                }
                node(from, false, out);
                if let Some(to) = to {
                    push(" to ", out);
                    node(to, false, out);
                }
            }
            push("]", out);
        }
        Step::AnyLevel { first, last } => {
            let name = |level: &Option<u32>| level.map_or_else(|| "last".to_owned(), |level| level.to_string());
            match (first, last) {
                (Some(0), None) => push(".**", out),
                (first, last) if first == last => push(&format!(".**{{{}}}", name(first)), out),
                (first, last) => push(&format!(".**{{{} to {}}}", name(first), name(last)), out),
            }
        }
        Step::Filter(predicate) => {
            push("?(", out);
            node(predicate, false, out);
            push(")", out);
        }
        Step::Method(method) => push(&format!(".{}()", method.name()), out),
        Step::Datetime(template) => {
            push(".datetime(", out);
            if let Some(template) = template {
                write_string(template, out);
            }
            push(")", out);
        }
    }
}
