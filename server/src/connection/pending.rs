//! Connections whose client has not logged in yet: how many there may be, in all and from one address, so that those
//! who only knock leave room for those who come in.

use std::net::IpAddr;
use std::sync::Arc;

use parking_lot::Mutex;
use rustc_hash::FxHashMap;

/// Allowed whatever the number of sessions: a cancel request must find a place too.
const PENDING_LEAST: usize = 64;

/// Those that there are.
pub(crate) struct Pending {
    max: usize,
    table: Mutex<Table>,
}

#[derive(Default)]
struct Table {
    count: usize,
    /// None: the Unix socket.
    by_address: FxHashMap<Option<IpAddr>, usize>,
}

/// One of them; no longer when it is dropped.
pub(crate) struct PendingPlace {
    pending: Arc<Pending>,
    address: Option<IpAddr>,
}

impl Pending {
    /// As many as sessions, one half of them from one address at the most.
    pub(crate) fn new(sessions_max: usize) -> Self {
        Self { max: sessions_max.max(PENDING_LEAST), table: Mutex::default() }
    }

    /// The most there can be.
    pub(crate) fn max(&self) -> usize {
        self.max
    }

    /// A place, if there is one.
    pub(crate) fn enter(self: &Arc<Self>, address: Option<IpAddr>) -> Option<PendingPlace> {
        let mut table = self.table.lock();
        let from_there = table.by_address.get(&address).copied().unwrap_or(0);
        if table.count >= self.max || from_there >= self.max / 2 {
            return None;
        }
        table.count += 1;
        table.by_address.insert(address, from_there + 1);
        Some(PendingPlace { pending: self.clone(), address })
    }
}

impl Drop for PendingPlace {
    fn drop(&mut self) {
        let mut table = self.pending.table.lock();
        table.count -= 1;
        match table.by_address.get_mut(&self.address) {
            Some(count) if *count > 1 => *count -= 1,
            _ => {
                table.by_address.remove(&self.address);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_address_takes_no_more_than_half() {
        let pending = Arc::new(Pending::new(1));
        assert_eq!(pending.max(), PENDING_LEAST);
        let here = Some(IpAddr::from([127, 0, 0, 1]));
        let there = Some(IpAddr::from([127, 0, 0, 2]));
        let mut places: Vec<_> = (0..PENDING_LEAST / 2).map(|_| pending.enter(here).unwrap()).collect();
        assert!(pending.enter(here).is_none());
        places.extend((0..PENDING_LEAST / 2).map(|_| pending.enter(there).unwrap()));
        assert!(pending.enter(None).is_none());
        drop(places);
        assert!(pending.enter(here).is_some());
        assert_eq!(pending.table.lock().by_address.len(), 0);
    }
}
