//! How a path finds items.
//!
//! Items are handed on one by one, so that whoever only asks whether there is one stops at the first. What is wrong with
//! the document is a soft failure: predicates make "unknown" of it and silent calls nothing at all.

use std::borrow::Cow;
use std::cell::Cell;
use std::ops::ControlFlow;

use storage::Numeric;
use storage::value::jsonb::Json;

use super::datetime::shown;
use crate::error::{Error, SqlState};
use crate::function::EvalContext;
use crate::function::to_char::Moment;
use crate::types::jsonpath::{Arithmetic, Node, Step};
use crate::types::text::numeric_error;

/// An item.
#[derive(Debug, Clone)]
pub(super) enum Item<'a> {
    /// A part of the document or of the variables, or of an object that `.keyvalue()` has made.
    Part(&'a Json),
    /// Something computed.
    Made(Json),
    /// A date or time, which is a string only outside of the path.
    Time(Moment),
}

impl Item<'_> {
    /// The item, unless it is a date or time.
    pub(super) fn json(&self) -> Option<&Json> {
        match self {
            Item::Part(json) => Some(json),
            Item::Made(json) => Some(json),
            Item::Time(_) => None,
        }
    }

    /// What the item is outside of the path.
    pub(super) fn into_json(self) -> Json {
        match self {
            Item::Part(json) => json.clone(),
            Item::Made(json) => json,
            Item::Time(moment) => Json::String(shown(&moment)),
        }
    }

    /// The item without what it is a part of.
    pub(super) fn into_owned<'b>(self) -> Item<'b> {
        match self {
            Item::Part(json) => Item::Made(json.clone()),
            Item::Made(json) => Item::Made(json),
            Item::Time(moment) => Item::Time(moment),
        }
    }
}

/// Why a path was not run to its end.
#[derive(Debug)]
pub(super) enum Failure {
    /// The document is not what the path expects.
    Soft(Error),
    /// The call itself is wrong.
    Hard(Error),
}

pub(super) type Outcome<T> = Result<T, Failure>;

/// Takes an item and says whether to go on.
pub(super) type Sink<'s, 'a> = &'s mut dyn FnMut(Item<'a>) -> Outcome<ControlFlow<()>>;

/// The document, variables, or what `.keyvalue()` has made, of which items are parts, and its number among those.
#[derive(Clone, Copy)]
pub(super) struct Base<'a> {
    pub(super) document: &'a Json,
    pub(super) number: i64,
}

/// The numbers of the document and of the variables; what is made in a run has those that follow.
const DOCUMENT: i64 = 0;
const VARIABLES: i64 = 1;
pub(super) const MADE_FIRST: i64 = 2;

/// One run of a path.
#[derive(Clone, Copy)]
pub(super) struct Run<'a> {
    root: &'a Json,
    variables: &'a Json,
    pub(super) base: Base<'a>,
    /// The number of what is made next.
    pub(super) made_next: &'a Cell<i64>,
    /// Whose time zone has dates and times that say none; `None`: such are refused.
    pub(super) session: Option<&'a EvalContext>,
    pub(super) lax: bool,
    /// Whether parts that are missing are no failure; always so in lax mode, and below `**`.
    forgiving: bool,
    /// Whether only existence is asked for.
    asks: bool,
    /// What `last` counts.
    array_size: Option<usize>,
}

pub(super) fn soft(state: SqlState, message: impl Into<Cow<'static, str>>) -> Failure {
    Failure::Soft(Error::new(state, message))
}

const GO_ON: ControlFlow<()> = ControlFlow::Continue(());

impl<'a> Run<'a> {
    pub(super) fn new(
        root: &'a Json,
        variables: &'a Json,
        lax: bool,
        made_next: &'a Cell<i64>,
        session: Option<&'a EvalContext>,
    ) -> Self {
        let base = Base { document: root, number: DOCUMENT };
        Self { root, variables, base, made_next, session, lax, forgiving: lax, asks: false, array_size: None }
    }

    /// The same over the parts of something else.
    pub(super) fn within<'b>(&self, base: Base<'b>) -> Run<'b>
    where
        'a: 'b,
    {
        Run { base, ..*self }
    }

    /// All items.
    pub(super) fn all(&self, node: &Node, current: &'a Json) -> Outcome<Vec<Item<'a>>> {
        self.collect(node, Item::Part(current), false)
    }

    /// Whether there is an item. Strict mode looks at all, to see that nothing fails.
    pub(super) fn exists(&self, node: &Node, current: &'a Json) -> Outcome<bool> {
        self.any(node, Item::Part(current))
    }

    pub(super) fn any(&self, node: &Node, current: Item<'a>) -> Outcome<bool> {
        if !self.lax {
            return Ok(!self.collect(node, current, false)?.is_empty());
        }
        let mut found = false;
        let asking = Run { asks: true, ..*self };
        let _ = asking.node(node, &[], current, &mut |_| {
            found = true;
            Ok(ControlFlow::Break(()))
        })?;
        Ok(found)
    }

    /// All items; with `unwrap`, in lax mode, the elements of arrays instead of them.
    pub(super) fn collect(&self, node: &Node, current: Item<'a>, unwrap: bool) -> Outcome<Vec<Item<'a>>> {
        let mut items = Vec::new();
        let unwrap = unwrap && self.lax;
        let wanting = Run { asks: false, ..*self };
        let _ = wanting.node(node, &[], current, &mut |item| {
            match elements(&item) {
                Some(elements) if unwrap => items.extend(elements),
                _ => items.push(item),
            }
            Ok(GO_ON)
        })?;
        Ok(items)
    }

    /// A node's items, each through the steps behind it.
    pub(super) fn node(
        &self,
        node: &Node,
        steps: &[Step],
        current: Item<'a>,
        sink: Sink<'_, 'a>,
    ) -> Outcome<ControlFlow<()>> {
        let constant = |json: Json| Item::Made(json);
        let item = match node {
            Node::Root => {
                let base = Base { document: self.root, number: DOCUMENT };
                return Run { base, ..*self }.steps(steps, Item::Part(self.root), self.lax, sink);
            }
            Node::Current => current,
            Node::Last => {
                let size = self.array_size.unwrap_or(0) as i64;
                constant(Json::Number(Numeric::from_i64(size - 1)))
            }
            Node::Null => constant(Json::Null),
            Node::Bool(value) => constant(Json::Bool(*value)),
            Node::Number(value) => constant(Json::Number(value.clone())),
            Node::String(text) => constant(Json::String(text.clone())),
            Node::Variable(name) => {
                let base = Base { document: self.variables, number: VARIABLES };
                return Run { base, ..*self }.steps(steps, self.variable(name)?, self.lax, sink);
            }
            Node::Chain { base, steps: own } => {
                debug_assert!(steps.is_empty(), "a chain is not the base of another");
                return self.node(base, own, current, sink);
            }
            Node::Sign { minus, operand } => {
                for item in self.collect(operand, current.clone(), true)? {
                    let Some(Json::Number(value)) = item.json() else {
                        // PostgreSQL looks for a number and no further.
                        if self.asks && steps.is_empty() {
                            continue;
                        }
                        let words = format!(
                            "operand of unary jsonpath operator {} is not a numeric value",
                            if *minus { "-" } else { "+" }
                        );
                        return Err(soft(SqlState::SQL_JSON_NUMBER_NOT_FOUND, words));
                    };
                    let value = if *minus { value.neg() } else { value.clone() };
                    if self.steps(steps, Item::Made(Json::Number(value)), self.lax, sink)?.is_break() {
                        return Ok(ControlFlow::Break(()));
                    }
                }
                return Ok(GO_ON);
            }
            Node::Arithmetic { operator, left, right } => {
                Item::Made(Json::Number(self.arithmetic(*operator, left, right, current)?))
            }
            predicate => Item::Made(self.truth(predicate, &current)?.map_or(Json::Null, Json::Bool)),
        };
        self.steps(steps, item, self.lax, sink)
    }

    fn variable(&self, name: &str) -> Outcome<Item<'a>> {
        let found = match self.variables {
            Json::Object(members) => Json::find(members, name).ok().map(|at| &members[at].1),
            _ => None,
        };
        found.map(Item::Part).ok_or_else(|| {
            let words = format!("could not find jsonpath variable \"{name}\"");
            Failure::Hard(Error::new(SqlState::UNDEFINED_OBJECT, words))
        })
    }

    fn arithmetic(&self, operator: Arithmetic, left: &Node, right: &Node, current: Item<'a>) -> Outcome<Numeric> {
        let operand = |node: &Node, side: &str| {
            let items = self.collect(node, current.clone(), true)?;
            let single = if let [item] = items.as_slice() { item.json() } else { None };
            match single {
                Some(Json::Number(value)) => Ok(value.clone()),
                _ => Err(soft(
                    SqlState::SINGLETON_SQL_JSON_ITEM_REQUIRED,
                    format!("{side} operand of jsonpath operator {} is not a single numeric value", operator.symbol()),
                )),
            }
        };
        let (left, right) = (operand(left, "left")?, operand(right, "right")?);
        let result = match operator {
            Arithmetic::Add => left.add(&right),
            Arithmetic::Subtract => left.sub(&right),
            Arithmetic::Multiply => left.mul(&right),
            Arithmetic::Divide => left.div(&right),
            Arithmetic::Modulo => left.rem(&right),
        };
        result.map_err(|error| Failure::Soft(numeric_error(error)))
    }

    /// An item through the steps; `unwrap`: where a step wants no array, it takes the elements.
    pub(super) fn steps(
        &self,
        steps: &[Step],
        item: Item<'a>,
        unwrap: bool,
        sink: Sink<'_, 'a>,
    ) -> Outcome<ControlFlow<()>> {
        let Some((step, rest)) = steps.split_first() else { return sink(item) };
        match step {
            Step::Key(key) => match member(&item, key) {
                Some(value) => self.steps(rest, value, self.lax, sink),
                None if matches!(item.json(), Some(Json::Object(_))) => self.forgive(|| {
                    let words = format!("JSON object does not contain key \"{key}\"");
                    soft(SqlState::SQL_JSON_MEMBER_NOT_FOUND, words)
                }),
                None => self.unwrapped(steps, &item, unwrap, sink, || {
                    let words = "jsonpath member accessor can only be applied to an object";
                    soft(SqlState::SQL_JSON_MEMBER_NOT_FOUND, words)
                }),
            },
            Step::AnyKey => match values(&item) {
                Some(values) => self.each(rest, values, sink),
                None => self.unwrapped(steps, &item, unwrap, sink, || {
                    let words = "jsonpath wildcard member accessor can only be applied to an object";
                    soft(SqlState::SQL_JSON_OBJECT_NOT_FOUND, words)
                }),
            },
            Step::AnyElement => match elements(&item) {
                Some(elements) => self.each(rest, elements, sink),
                None if self.lax => self.steps(rest, item, self.lax, sink),
                None => self.forgive(|| {
                    let words = "jsonpath wildcard array accessor can only be applied to an array";
                    soft(SqlState::SQL_JSON_ARRAY_NOT_FOUND, words)
                }),
            },
            Step::Elements(ranges) => self.elements_at(ranges, rest, item, sink),
            Step::AnyLevel { first, last } => self.levels(*first, *last, rest, item, sink),
            Step::Filter(predicate) => match elements(&item) {
                Some(elements) if unwrap => self.repeat(steps, elements, sink),
                _ if self.truth(predicate, &item)? == Some(true) => self.steps(rest, item, self.lax, sink),
                _ => Ok(GO_ON),
            },
            Step::Method(method) => self.method(*method, steps, rest, item, unwrap, sink),
            Step::Datetime(template) => match elements(&item) {
                Some(elements) if unwrap => self.repeat(steps, elements, sink),
                _ => self.datetime(template.as_deref(), rest, &item, sink),
            },
        }
    }

    /// Nothing where parts may be missing, else a failure.
    pub(super) fn forgive(&self, failure: impl FnOnce() -> Failure) -> Outcome<ControlFlow<()>> {
        if self.forgiving { Ok(GO_ON) } else { Err(failure()) }
    }

    /// The same steps for each element of an array; anything else is not what the step takes.
    fn unwrapped(
        &self,
        steps: &[Step],
        item: &Item<'a>,
        unwrap: bool,
        sink: Sink<'_, 'a>,
        failure: impl FnOnce() -> Failure,
    ) -> Outcome<ControlFlow<()>> {
        match elements(item) {
            Some(elements) if unwrap => self.repeat(steps, elements, sink),
            _ => self.forgive(failure),
        }
    }

    /// The steps for each item, which is not unwrapped again.
    pub(super) fn repeat(&self, steps: &[Step], items: Vec<Item<'a>>, sink: Sink<'_, 'a>) -> Outcome<ControlFlow<()>> {
        for item in items {
            if self.steps(steps, item, false, sink)?.is_break() {
                return Ok(ControlFlow::Break(()));
            }
        }
        Ok(GO_ON)
    }

    fn each(&self, steps: &[Step], items: Vec<Item<'a>>, sink: Sink<'_, 'a>) -> Outcome<ControlFlow<()>> {
        for item in items {
            if self.steps(steps, item, self.lax, sink)?.is_break() {
                return Ok(ControlFlow::Break(()));
            }
        }
        Ok(GO_ON)
    }

    fn elements_at(
        &self,
        ranges: &[(Node, Option<Node>)],
        rest: &[Step],
        item: Item<'a>,
        sink: Sink<'_, 'a>,
    ) -> Outcome<ControlFlow<()>> {
        let elements = match elements(&item) {
            Some(elements) => elements,
            None if self.lax => vec![item.clone()],
            None => {
                return self.forgive(|| {
                    let words = "jsonpath array accessor can only be applied to an array";
                    soft(SqlState::SQL_JSON_ARRAY_NOT_FOUND, words)
                });
            }
        };
        let inside = Run { array_size: Some(elements.len()), ..*self };
        let size = elements.len() as i64;
        for (from, to) in ranges {
            let first = inside.index(from, &item)?;
            let last = to.as_ref().map_or(Ok(first), |to| inside.index(to, &item))?;
            if !self.forgiving && (first < 0 || first > last || last >= size) {
                let words = "jsonpath array subscript is out of bounds";
                return Err(soft(SqlState::INVALID_SQL_JSON_SUBSCRIPT, words));
            }
            for at in first.max(0)..=last.min(size - 1) {
                let Some(element) = usize::try_from(at).ok().and_then(|at| elements.get(at)) else { continue };
                if self.steps(rest, element.clone(), self.lax, sink)?.is_break() {
                    return Ok(ControlFlow::Break(()));
                }
            }
        }
        Ok(GO_ON)
    }

    fn index(&self, node: &Node, current: &Item<'a>) -> Outcome<i64> {
        let items = self.collect(node, current.clone(), false)?;
        let number = match items.as_slice() {
            [item] => match item.json() {
                Some(Json::Number(value)) => Some(value.trunc(0)),
                _ => None,
            },
            _ => None,
        };
        let number = number.ok_or_else(|| {
            let words = "jsonpath array subscript is not a single numeric value";
            soft(SqlState::INVALID_SQL_JSON_SUBSCRIPT, words)
        })?;
        number.to_i32().map(i64::from).ok_or_else(|| {
            let words = "jsonpath array subscript is out of integer range";
            soft(SqlState::INVALID_SQL_JSON_SUBSCRIPT, words)
        })
    }

    /// `.**`: the item itself is level 0, what it holds level 1, and so on.
    fn levels(
        &self,
        first: Option<u32>,
        last: Option<u32>,
        rest: &[Step],
        item: Item<'a>,
        sink: Sink<'_, 'a>,
    ) -> Outcome<ControlFlow<()>> {
        if first == Some(0) {
            let forgiving = Run { forgiving: true, ..*self };
            if forgiving.steps(rest, item.clone(), self.lax, sink)?.is_break() {
                return Ok(ControlFlow::Break(()));
            }
        }
        self.below(1, (first, last), rest, &item, sink)
    }

    fn below(
        &self,
        level: u32,
        bounds: (Option<u32>, Option<u32>),
        rest: &[Step],
        item: &Item<'a>,
        sink: Sink<'_, 'a>,
    ) -> Outcome<ControlFlow<()>> {
        let (first, last) = (bounds.0.unwrap_or(u32::MAX), bounds.1.unwrap_or(u32::MAX));
        if level > last {
            return Ok(GO_ON);
        }
        let leaves_only = bounds == (None, None);
        for child in elements(item).or_else(|| values(item)).unwrap_or_default() {
            let leaf = !matches!(child.json(), Some(Json::Array(_) | Json::Object(_)));
            if level >= first || leaves_only && leaf {
                let forgiving = Run { forgiving: true, ..*self };
                if forgiving.steps(rest, child.clone(), self.lax, sink)?.is_break() {
                    return Ok(ControlFlow::Break(()));
                }
            }
            if level < last && !leaf && self.below(level + 1, bounds, rest, &child, sink)?.is_break() {
                return Ok(ControlFlow::Break(()));
            }
        }
        Ok(GO_ON)
    }
}

/// The elements of an array.
pub(super) fn elements<'a>(item: &Item<'a>) -> Option<Vec<Item<'a>>> {
    match item {
        Item::Part(Json::Array(elements)) => Some(elements.iter().map(Item::Part).collect()),
        Item::Made(Json::Array(elements)) => Some(elements.iter().cloned().map(Item::Made).collect()),
        _ => None,
    }
}

/// The values of an object's members.
fn values<'a>(item: &Item<'a>) -> Option<Vec<Item<'a>>> {
    match item {
        Item::Part(Json::Object(members)) => Some(members.iter().map(|(_, value)| Item::Part(value)).collect()),
        Item::Made(Json::Object(members)) => Some(members.iter().map(|(_, value)| Item::Made(value.clone())).collect()),
        _ => None,
    }
}

fn member<'a>(item: &Item<'a>, key: &str) -> Option<Item<'a>> {
    match item {
        Item::Part(Json::Object(members)) => Json::find(members, key).ok().map(|at| Item::Part(&members[at].1)),
        Item::Made(Json::Object(members)) => Json::find(members, key).ok().map(|at| Item::Made(members[at].1.clone())),
        _ => None,
    }
}
