//! Values that only indexes have: computed from a row by whoever knows how, and kept nowhere but in index entries.

use std::borrow::Cow;
use std::sync::Arc;

use crate::error::{Error, Result};
use crate::schema::{IndexSchema, TableSchema};
use crate::value::Value;

/// Computes, from a row's columns, what indexes see behind them. The same row must always come to the same.
pub trait Derive: Send + Sync {
    /// The values, in the order in which the table's indexes name them.
    fn derive(&self, row: &[Value]) -> std::result::Result<Vec<Value>, Box<dyn std::error::Error + Send + Sync>>;
}

/// How a table's derived values are computed, if it has any.
#[derive(Clone, Default)]
pub struct Derived(Option<Arc<dyn Derive>>);

impl Derived {
    pub fn new(derive: Arc<dyn Derive>) -> Self {
        Self(Some(derive))
    }

    pub fn is_none(&self) -> bool {
        self.0.is_none()
    }

    /// What is computed from a row; nothing if nothing is.
    pub fn compute(&self, row: &[Value]) -> Result<Vec<Value>> {
        self.0.as_ref().map_or(Ok(Vec::new()), |derive| derive.derive(row).map_err(Error::Derive))
    }

    /// The same for rows whose columns stand elsewhere: what is computed finds its `i`th column at `places[i]`.
    pub fn rearranged(&self, places: Vec<usize>) -> Self {
        Self(self.0.clone().map(|derive| -> Arc<dyn Derive> { Arc::new(Rearranged { derive, places }) }))
    }
}

struct Rearranged {
    derive: Arc<dyn Derive>,
    places: Vec<usize>,
}

impl Derive for Rearranged {
    fn derive(&self, row: &[Value]) -> std::result::Result<Vec<Value>, Box<dyn std::error::Error + Send + Sync>> {
        let own: Vec<Value> = self.places.iter().map(|place| row.get(*place).cloned().unwrap_or_default()).collect();
        self.derive.derive(&own)
    }
}

impl std::fmt::Debug for Derived {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(if self.is_none() { "nothing" } else { "computed" })
    }
}

/// What is computed follows from the catalog, which is compared elsewhere.
impl PartialEq for Derived {
    fn eq(&self, _other: &Self) -> bool {
        true
    }
}

impl TableSchema {
    /// A row as the table's indexes see it: its columns, then what is derived from them.
    pub fn indexed<'a>(&self, row: &'a [Value]) -> Result<Cow<'a, [Value]>> {
        let Some(derive) = &self.derived.0 else { return Ok(Cow::Borrowed(row)) };
        let mut values = row.to_vec();
        values.extend(derive.derive(row).map_err(Error::Derive)?);
        Ok(Cow::Owned(values))
    }

    /// Whether the index has something else than the columns of every row, in their order.
    pub fn is_derived(&self, index: &IndexSchema) -> bool {
        index.has_items() || self.sees_more(index)
    }

    /// Whether the index sees more than columns of the row.
    pub(crate) fn sees_more(&self, index: &IndexSchema) -> bool {
        index.condition.is_some() || index.columns.iter().any(|column| column.column >= self.columns.len())
    }
}

impl IndexSchema {
    /// Whether a row has an entry for each of its items, and not one for itself.
    pub fn has_items(&self) -> bool {
        self.columns.first().is_some_and(|column| column.items.is_some())
    }

    /// Whether a row, as indexes see it, has an entry.
    pub(crate) fn takes(&self, indexed: &[Value]) -> bool {
        self.condition.is_none_or(|at| matches!(indexed.get(at), Some(Value::Bool(true))))
    }
}
