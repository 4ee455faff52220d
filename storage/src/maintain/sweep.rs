//! Deleting the files of segments that are no more, and reclaiming the room of rows that have been moved to segments.

use std::sync::Arc;

use crate::error::Result;
use crate::kv::{Batch, Family};
use crate::store::{Store, meta};

impl Store {
    /// Whether [`Store::sweep`] has something to look at.
    pub fn has_to_sweep(&self) -> bool {
        self.has_unlinked_segments() || self.has_moved()
    }

    /// Deletes the files of segments that the manifest names no more and no snapshot reads, and reclaims the room of moved
    /// rows that none shows. What is still read, or cannot be deleted now, is left to the next call or the next start.
    pub fn sweep(&self) -> Result<()> {
        self.sweep_segments()?;
        self.reclaim_moved()
    }

    fn sweep_segments(&self) -> Result<()> {
        let unread = self.unlinked().take_unread();
        if unread.is_empty() {
            return Ok(());
        }
        let mut batch = Batch::with_capacity(unread.len());
        for segment in &unread {
            match self.files().delete(&segment.info().path) {
                Ok(()) => batch.delete(Family::Meta, meta::unlink_key(segment.info().id)),
                Err(error) => {
                    tracing::warn!(%error, "a file of rows that are no more cannot be deleted");
                    self.unlinked().add([Arc::clone(segment)]);
                }
            }
        }
        self.write_own(|kv| kv.write(&batch))
    }
}
