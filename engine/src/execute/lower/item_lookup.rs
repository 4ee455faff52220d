//! What a condition says of the items that a row must have in an index of method `gin`.
//!
//! Looked up are jsonb's `@>`, `?`, `?|` and `?&`, the `@>`, `&&` and `=` of arrays, and the `@@` of documents that are searched, with what is asked for known before
//! the query runs, and `<@` the other way round. What asks for no item at all, as `@> '{}'` does, finds no row by items.
//! A row that has the items need not satisfy the condition: that is tested on it all the same.

use storage::{Item, ItemQuery, Items, Value};

use crate::error::Result;
use crate::expr::eval::{NoRow, eval};
use crate::expr::{Expr, ExprKind};
use crate::function::resolve::keeps_elements;
use crate::function::{EvalContext, Function};
use crate::plan::bind::same;
use crate::plan::point::is_value;
use crate::text_search::{Join, Query, Step};
use crate::types::{Type, builtin, column_type, oid};

/// `pg_proc.oid` of the functions behind the operators.
mod function {
    pub(super) const JSONB_CONTAINS: u32 = 4046;
    pub(super) const JSONB_CONTAINED: u32 = 4050;
    pub(super) const JSONB_EXISTS: u32 = 4047;
    pub(super) const JSONB_EXISTS_ANY: u32 = 4048;
    pub(super) const JSONB_EXISTS_ALL: u32 = 4049;
    pub(super) const ARRAY_CONTAINS: u32 = 2748;
    pub(super) const ARRAY_CONTAINED: u32 = 2749;
    pub(super) const ARRAY_OVERLAPS: u32 = 2747;
    pub(super) const ARRAY_EQUAL: u32 = 744;
    pub(super) const DOCUMENT_MATCHES: u32 = 3634;
    pub(super) const MATCHES_DOCUMENT: u32 = 3635;
}

/// A column of an index of items: what it is on, over the columns of a scan, and what of it has entries.
pub(super) struct ItemColumn {
    pub(super) key: Option<Expr>,
    pub(super) items: Items,
}

/// The items that a row must have for all of the conjuncts to hold, and how many of them say something of that.
pub(super) fn item_query(
    columns: &[ItemColumn],
    conjuncts: &[&Expr],
    context: &EvalContext,
) -> Result<Option<(usize, ItemQuery)>> {
    let mut parts = Vec::new();
    for conjunct in conjuncts {
        parts.extend(query_of(columns, conjunct, context)?);
    }
    Ok((!parts.is_empty()).then(|| (parts.len(), all(parts))))
}

fn all(mut parts: Vec<ItemQuery>) -> ItemQuery {
    if parts.len() == 1 { parts.remove(0) } else { ItemQuery::All(parts) }
}

/// The same for one condition; None if it says nothing of items.
fn query_of(columns: &[ItemColumn], condition: &Expr, context: &EvalContext) -> Result<Option<ItemQuery>> {
    match &condition.kind {
        ExprKind::And(parts) => {
            let parts: Vec<&Expr> = parts.iter().collect();
            Ok(item_query(columns, &parts, context)?.map(|(_, query)| query))
        }
        // Each of them must say what it asks for, or rows would be missed that only the others find.
        ExprKind::Or(parts) => {
            let parts =
                parts.iter().map(|part| query_of(columns, part, context)).collect::<Result<Option<Vec<_>>>>()?;
            Ok(parts.map(ItemQuery::Any))
        }
        ExprKind::Call { function, args } => match args.as_slice() {
            [left, right] => call(columns, function, left, right, context),
            _ => Ok(None),
        },
        _ => Ok(None),
    }
}

fn call(
    columns: &[ItemColumn],
    called: &Function,
    left: &Expr,
    right: &Expr,
    context: &EvalContext,
) -> Result<Option<ItemQuery>> {
    use function::*;
    let (oid, key, asked) = match called.oid {
        JSONB_CONTAINED => (JSONB_CONTAINS, right, left),
        ARRAY_CONTAINED => (ARRAY_CONTAINS, right, left),
        MATCHES_DOCUMENT => (DOCUMENT_MATCHES, right, left),
        ARRAY_EQUAL if is_value(left) => (ARRAY_EQUAL, right, left),
        JSONB_CONTAINS | JSONB_EXISTS | JSONB_EXISTS_ANY | JSONB_EXISTS_ALL | ARRAY_CONTAINS | ARRAY_OVERLAPS
        | ARRAY_EQUAL | DOCUMENT_MATCHES => (called.oid, left, right),
        _ => return Ok(None),
    };
    let (oid, key, asked) = match oid {
        // It is the same either way round.
        ARRAY_OVERLAPS if is_value(key) => (oid, asked, key),
        _ => (oid, key, asked),
    };
    if !is_value(asked) {
        return Ok(None);
    }
    let key = plain(key);
    let on_key = |column: &&ItemColumn| column.key.as_ref().is_some_and(|own| is_on(own, key));
    let mut found = columns.iter().enumerate().filter(|(_, column)| on_key(column)).peekable();
    if found.peek().is_none() {
        return Ok(None);
    }
    // What cannot be computed says so when a row is looked at.
    let Ok(asked) = eval(asked, context, &NoRow) else { return Ok(None) };
    let queries = found.filter_map(|(at, column)| {
        if oid == DOCUMENT_MATCHES {
            return words_asked_for(at, column.items, &asked);
        }
        let items = asked_for(oid, column.items, &asked, key.ty)?;
        let has = |item: Item| ItemQuery::Has { column: at, item };
        Some(match oid {
            JSONB_EXISTS_ANY | ARRAY_OVERLAPS => ItemQuery::Any(items.into_iter().map(has).collect()),
            _ => all(items.into_iter().map(has).collect()),
        })
    });
    // Of several columns with the same values, one with another class may say more.
    Ok(queries.max_by_key(ItemQuery::items))
}

/// The items that an operator asks for; None if it asks for none of that kind.
fn asked_for(oid: u32, items: Items, asked: &Value, key: Type) -> Option<Vec<Item>> {
    use function::*;
    let found = match (oid, items) {
        (JSONB_CONTAINS, Items::Members | Items::Paths) => items.of(asked),
        (JSONB_EXISTS, Items::Members) => vec![Item::key(text(asked)?)],
        (JSONB_EXISTS_ANY | JSONB_EXISTS_ALL, Items::Members) => {
            let Value::Array(keys) = asked else { return None };
            keys.values.iter().filter_map(text).map(Item::key).collect()
        }
        (ARRAY_CONTAINS | ARRAY_OVERLAPS | ARRAY_EQUAL, Items::Elements) => {
            let Value::Array(array) = asked else { return None };
            let element = builtin::info(builtin::base_of(key.oid))?.element;
            if !is_equal_by_key(element) || column_type(Type::new(element)).ok()? != array.element {
                return None;
            }
            items.of(asked)
        }
        _ => return None,
    };
    (!found.is_empty()).then_some(found)
}

/// How deep what is asked for may be nested.
const DEPTH_MAX: usize = 64;

/// The words that a query asks for, joined as they are there. What it excludes, and words of which only the beginning is said,
/// find no row.
fn words_asked_for(column: usize, items: Items, asked: &Value) -> Option<ItemQuery> {
    let (Items::Lexemes, Value::Bytea(bytes)) = (items, asked) else { return None };
    let query = Query::decode(bytes);
    let found = query.fold(|_, step: Step<'_, Option<(ItemQuery, usize)>>| match step {
        Step::Word(word) if word.prefix => None,
        Step::Word(word) => Some((ItemQuery::Has { column, item: Item::lexeme(&word.text) }, 0)),
        Step::Not(_) => None,
        Step::Join(Join::Or, left, right) => both_asked_for(left?, right?, false),
        Step::Join(_, left, right) => match (left, right) {
            (Some(left), Some(right)) => both_asked_for(left, right, true),
            (one, other) => one.or(other),
        },
    });
    found.flatten().map(|(query, _)| query)
}

/// Two parts as one, as flat as can be, with how deep it is.
fn both_asked_for(
    (left, left_depth): (ItemQuery, usize),
    (right, right_depth): (ItemQuery, usize),
    all: bool,
) -> Option<(ItemQuery, usize)> {
    let parts = |query| match query {
        ItemQuery::All(parts) if all => (parts, 0),
        ItemQuery::Any(parts) if !all => (parts, 0),
        other => (vec![other], 1),
    };
    let ((mut most, most_deeper), (mut others, others_deeper)) = (parts(left), parts(right));
    let depth = (left_depth + most_deeper).max(right_depth + others_deeper);
    if depth > DEPTH_MAX {
        return None;
    }
    if most.len() < others.len() {
        std::mem::swap(&mut most, &mut others);
    }
    most.append(&mut others);
    Some((if all { ItemQuery::All(most) } else { ItemQuery::Any(most) }, depth))
}

/// Whether values that are equal have one key: char(n) is equal without its trailing spaces, but lies in keys with them,
/// and a record may have one in it.
fn is_equal_by_key(element: u32) -> bool {
    let base = builtin::base_of(element);
    base != oid::BPCHAR && builtin::info(base).is_some_and(|info| info.kind != 'c' && base != oid::RECORD)
}

fn text(value: &Value) -> Option<&str> {
    match value {
        Value::Text(text) => Some(text),
        _ => None,
    }
}

/// What is looked into, without conversions that leave its elements what they are.
fn plain(key: &Expr) -> &Expr {
    match &key.kind {
        ExprKind::Call { function, args } if keeps_elements(function, args) => plain(&args[0]),
        _ => key,
    }
}

/// Whether they are the same, under whichever type with the same values.
fn is_on(own: &Expr, key: &Expr) -> bool {
    match (&own.kind, &key.kind) {
        (ExprKind::Column(own), ExprKind::Column(key)) => own == key,
        _ => same(plain(own), key),
    }
}
