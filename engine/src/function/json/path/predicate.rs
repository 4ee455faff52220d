//! Predicates of paths: true, false or unknown.

use std::cmp::Ordering;

use storage::value::jsonb::Json;

use super::datetime::order;
use super::eval::{Failure, Item, Outcome, Run};
use crate::error::Error;
use crate::function::regex::{Flags, compile};
use crate::types::jsonpath::{Compare, Node, RegexFlags};

/// `None` is unknown.
type Truth = Option<bool>;

impl<'a> Run<'a> {
    pub(super) fn truth(&self, predicate: &Node, current: &Item<'a>) -> Outcome<Truth> {
        match predicate {
            Node::And(left, right) => match self.truth(left, current)? {
                Some(false) => Ok(Some(false)),
                left => Ok(match self.truth(right, current)? {
                    Some(true) => left,
                    right => right,
                }),
            },
            Node::Or(left, right) => match self.truth(left, current)? {
                Some(true) => Ok(Some(true)),
                left => Ok(match self.truth(right, current)? {
                    Some(false) => left,
                    right => right,
                }),
            },
            Node::Not(inner) => Ok(self.truth(inner, current)?.map(|truth| !truth)),
            Node::IsUnknown(inner) => Ok(Some(self.truth(inner, current)?.is_none())),
            Node::Exists(inner) => unless_soft(self.any(inner, current.clone())),
            Node::Compare { operator, left, right } => {
                let Some(right) = unless_soft(self.collect(right, current.clone(), true))? else { return Ok(None) };
                self.pairs(left, &right, current, |a, b| self.compare(*operator, a, b))
            }
            Node::StartsWith(left, initial) => {
                let Some(initial) = unless_soft(self.collect(initial, current.clone(), false))? else {
                    return Ok(None);
                };
                self.pairs(left, &initial, current, |a, b| {
                    Ok(match (a.json(), b.json()) {
                        (Some(Json::String(text)), Some(Json::String(initial))) => {
                            Some(text.starts_with(initial.as_str()))
                        }
                        _ => None,
                    })
                })
            }
            Node::LikeRegex { operand, pattern, flags } => {
                let regex = compile(pattern, regex_flags(*flags)?).map_err(Failure::Hard)?;
                let nothing = [Item::Made(Json::Null)];
                self.pairs(operand, &nothing, current, |a, _| match a.json() {
                    Some(Json::String(text)) => regex.is_match(text).map(Some).map_err(Failure::Hard),
                    _ => Ok(None),
                })
            }
            _ => Err(Failure::Hard(Error::internal("a path's expression stands for a predicate"))),
        }
    }

    /// Whether any pair of the left side's items and the right ones satisfies. In lax mode the first decides; in strict
    /// mode an unknown one makes all unknown.
    fn pairs(
        &self,
        left: &Node,
        right: &[Item<'a>],
        current: &Item<'a>,
        test: impl Fn(&Item<'a>, &Item<'a>) -> Outcome<Truth>,
    ) -> Outcome<Truth> {
        let Some(left) = unless_soft(self.collect(left, current.clone(), true))? else { return Ok(None) };
        let (mut found, mut unknown) = (false, false);
        for a in &left {
            for b in right {
                match test(a, b)? {
                    None if !self.lax => return Ok(None),
                    None => unknown = true,
                    Some(true) if self.lax => return Ok(Some(true)),
                    Some(true) => found = true,
                    Some(false) => {}
                }
            }
        }
        Ok(if found {
            Some(true)
        } else if unknown {
            None
        } else {
            Some(false)
        })
    }
}

impl Run<'_> {
    fn compare(&self, operator: Compare, a: &Item<'_>, b: &Item<'_>) -> Outcome<Truth> {
        let order = match (a, b) {
            (Item::Time(a), Item::Time(b)) => order(a, b, self.session)?,
            _ => match (a.json(), b.json()) {
                (Some(Json::Null), Some(Json::Null)) => Some(Ordering::Equal),
                // Null differs from everything else, and is neither less nor greater.
                (Some(Json::Null), _) | (_, Some(Json::Null)) => return Ok(Some(operator == Compare::NotEqual)),
                (Some(Json::Bool(a)), Some(Json::Bool(b))) => Some(a.cmp(b)),
                (Some(Json::Number(a)), Some(Json::Number(b))) => Some(a.cmp(b)),
                (Some(Json::String(a)), Some(Json::String(b))) => Some(a.as_bytes().cmp(b.as_bytes())),
                _ => None,
            },
        };
        Ok(order.map(|order| match operator {
            Compare::Equal => order.is_eq(),
            Compare::NotEqual => order.is_ne(),
            Compare::Less => order.is_lt(),
            Compare::Greater => order.is_gt(),
            Compare::LessOrEqual => order.is_le(),
            Compare::GreaterOrEqual => order.is_ge(),
        }))
    }
}

/// The flags as regular expressions have them: without `s` a dot matches no newline, with `m` there are lines.
fn regex_flags(flags: RegexFlags) -> Outcome<Flags> {
    let lines = match (flags.dot_all, flags.multi_line) {
        (true, true) => 'w',
        (true, false) => 's',
        (false, true) => 'n',
        (false, false) => 'p',
    };
    let mut letters = String::from(lines);
    if flags.ignore_case {
        letters.push('i');
    }
    if flags.quoted {
        letters.push('q');
    }
    Flags::of(&letters).map(|(flags, _)| flags).map_err(Failure::Hard)
}

/// A soft failure of an operand makes its predicate unknown.
fn unless_soft<T>(outcome: Outcome<T>) -> Outcome<Option<T>> {
    match outcome {
        Ok(value) => Ok(Some(value)),
        Err(Failure::Soft(_)) => Ok(None),
        Err(hard) => Err(hard),
    }
}
