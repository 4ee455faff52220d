//! Committed changes, for whoever follows them.

mod feed;

pub(crate) use feed::Feed;
pub use feed::{Change, ChangeReader, CommitRecord, FeedEnd};
