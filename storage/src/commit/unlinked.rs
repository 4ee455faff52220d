//! Segments that the manifest names no more, whose files are still there.

use std::sync::Arc;

use parking_lot::Mutex;

use crate::segment::Segment;

/// They wait for the snapshots that read them, and for backups.
#[derive(Default)]
pub(crate) struct Unlinked {
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    segments: Vec<Arc<Segment>>,
    holds: usize,
}

/// While it lives, no file of a segment is deleted.
pub(crate) struct Hold {
    unlinked: Arc<Unlinked>,
}

impl Unlinked {
    pub(crate) fn add(&self, segments: impl IntoIterator<Item = Arc<Segment>>) {
        self.state.lock().segments.extend(segments);
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.state.lock().segments.is_empty()
    }

    pub(crate) fn hold(self: &Arc<Self>) -> Hold {
        self.state.lock().holds += 1;
        Hold { unlinked: Arc::clone(self) }
    }

    /// Takes those that nobody reads.
    pub(crate) fn take_unread(&self) -> Vec<Arc<Segment>> {
        let mut state = self.state.lock();
        if state.holds > 0 {
            return Vec::new();
        }
        // Only this list has it still.
        let (unread, read) = state.segments.drain(..).partition(|segment| Arc::strong_count(segment) == 1);
        state.segments = read;
        unread
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        self.unlinked.state.lock().holds -= 1;
    }
}
