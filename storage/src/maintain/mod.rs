//! What keeps a store in shape beside its transactions: rows on their way from hot to cold, and from many files to few.

mod compact;
mod flush;
mod rewrite;
mod sweep;
mod trash;

pub use rewrite::{Rewrite, RewriteReport};
