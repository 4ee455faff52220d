//! What keeps a store in shape beside its transactions: rows on their way from hot to cold, and from many files to few.

mod compact;
mod count;
mod empty;
mod evict;
mod flush;
mod reclaim;
mod rewrite;
mod survey;
mod sweep;
mod trash;

pub use compact::Compaction;
pub use evict::Eviction;
pub(crate) use reclaim::Moved;
pub use rewrite::{Progress, Rewrite, RewriteReport};
pub use survey::{SegmentState, TierReport};
