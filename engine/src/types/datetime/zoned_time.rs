//! `time with time zone`: a time of day and how far from UTC it is meant, packed into one number.
//!
//! The number orders as PostgreSQL orders these values: by the time that it is in UTC, then from east to west. So it
//! serves as it is in rows, keys and batches.

use super::{DAY, SECOND};

/// A time with its zone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ZonedTime {
    /// Microseconds since midnight, where it is that time.
    pub(crate) time: i64,
    /// Seconds east of UTC.
    pub(crate) offset: i32,
}

/// Zones are less than sixteen hours from UTC.
pub(crate) const OFFSET_END: i32 = 16 * 3600;
const OFFSET_BITS: u32 = 18;
/// Makes the distance west of UTC positive.
const OFFSET_SHIFT: i64 = 1 << (OFFSET_BITS - 1);

impl ZonedTime {
    pub(crate) fn new(time: i64, offset: i32) -> Self {
        Self { time, offset }
    }

    /// The time in UTC, which may lie before midnight or past the next.
    pub(crate) fn utc(self) -> i64 {
        self.time - i64::from(self.offset) * SECOND
    }

    /// The same moment of the day in another zone.
    pub(crate) fn in_zone(self, offset: i32) -> Self {
        Self { time: (self.utc() + i64::from(offset) * SECOND).rem_euclid(DAY), offset }
    }

    pub(crate) fn packed(self) -> i64 {
        self.utc() << OFFSET_BITS | (OFFSET_SHIFT - i64::from(self.offset))
    }

    pub(crate) fn of(packed: i64) -> Self {
        let west = (packed & ((1 << OFFSET_BITS) - 1)) - OFFSET_SHIFT;
        let time = (packed >> OFFSET_BITS) - west * SECOND;
        Self { time, offset: i32::try_from(-west).unwrap_or(0) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packed_times_come_back_and_have_their_order() {
        let ordered = [(0, 57_599), (3600, 7200), (1, 0), (0, -57_599), (DAY, -57_599)];
        let times = ordered.map(|(time, offset)| ZonedTime::new(time, offset));
        for time in times {
            assert_eq!(ZonedTime::of(time.packed()), time);
        }
        for (a, b) in [((0, 0), (1, 0)), ((3600 * SECOND, 3600), (0, 0)), ((0, 57_599), (DAY, -57_599))] {
            let (a, b) = (ZonedTime::new(a.0, a.1), ZonedTime::new(b.0, b.1));
            assert!(a.packed() < b.packed(), "{a:?} {b:?}");
        }
    }
}
