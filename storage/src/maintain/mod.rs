//! What keeps a store in shape beside its transactions: rows on their way from hot to cold.

mod flush;
mod sweep;

pub use flush::{Flush, FlushReport};
