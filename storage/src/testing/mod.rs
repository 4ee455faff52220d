//! Faults on demand, for tests of everything above the key-value store.

mod disk;
mod fault;
mod files;

pub use disk::CrashDisk;
pub use fault::{Fault, FaultInjector};
pub use files::FaultyFiles;

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::kv::{Batch, Family, KeyValue, SortedRun, contract};

    #[test]
    fn they_keep_the_contract() {
        contract::check(|| Arc::new(FaultInjector::new(Arc::new(CrashDisk::new()))));
    }

    #[test]
    fn a_crash_keeps_what_was_synced_and_a_beginning_of_the_rest() {
        for seed in 0..50 {
            let disk = CrashDisk::new();
            for number in 0..10_u8 {
                let mut batch = Batch::new();
                batch.put(Family::Rows, vec![number], "");
                disk.write(&batch).unwrap();
                if number == 3 {
                    disk.sync().unwrap();
                }
            }
            let after = disk.crash(seed).unwrap();
            let kept: Vec<bool> =
                (0..10_u8).map(|number| after.get(Family::Rows, &[number]).unwrap().is_some()).collect();
            assert!(kept[..4].iter().all(|kept| *kept) && kept.is_sorted_by(|a, b| a >= b), "seed {seed}: {kept:?}");
        }
    }

    #[test]
    fn what_was_ingested_outlives_what_was_logged_before_it() {
        let (mut kept, mut lost) = (0, 0);
        for seed in 0..20 {
            let disk = CrashDisk::new();
            let mut batch = Batch::new();
            batch.put(Family::Rows, "logged", "");
            disk.write(&batch).unwrap();
            let mut run = SortedRun::new();
            assert!(run.push(b"ingested", b""));
            disk.ingest(Family::Rows, &run).unwrap();
            let after = disk.crash(seed).unwrap();
            assert!(after.get(Family::Rows, b"ingested").unwrap().is_some());
            match after.get(Family::Rows, b"logged").unwrap() {
                Some(_) => kept += 1,
                None => lost += 1,
            }
        }
        assert!(kept > 0 && lost > 0);
    }

    #[test]
    fn random_faults_repeat_with_their_seed() {
        let first_fault = |seed| {
            let faults = FaultInjector::new(Arc::new(CrashDisk::new()));
            faults.fail_randomly(seed, 20);
            (0..1000).position(|_| faults.sync().is_err())
        };
        assert_eq!(first_fault(7), first_fault(7));
        assert!(first_fault(7).is_some());
    }
}
