//! Running what was planned: queries through DataFusion, point plans and writes row by row over storage.
//!
//! Whatever runs, its rows come out as a [`RowStream`] that the server pulls.

use std::pin::Pin;

use futures::Stream;

use crate::error::Result;

pub(crate) mod copy;
pub mod definition;
pub(crate) mod derived;
pub(crate) mod environment;
pub(crate) mod failure;
mod forget_values;
mod great_limit;
mod in_order;
mod join_order;
pub(crate) mod kept;
pub(crate) mod locking;
pub(crate) mod lower;
mod one_by_one;
pub(crate) mod point;
pub(crate) mod purge;
pub mod query;
mod rows;
pub(crate) mod short;
mod turns;
mod whole_sort;
pub(crate) mod write;

pub use rows::{Batch, Rows, RowsCells};

/// The rows of a running statement, pulled by whoever wants them. Dropping it stops the work.
pub type RowStream = Pin<Box<dyn Stream<Item = Result<Rows>> + Send>>;
