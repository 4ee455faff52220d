//! Transactions that spill, at random, against an ordered map.

use std::collections::BTreeMap;

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

use super::spill::{left_behind, rows_backward};
use super::*;

/// Ids with code and amount.
type Model = BTreeMap<i32, (i32, i32)>;

struct Saved {
    savepoint: Savepoint,
    rows: Model,
    command: u32,
}

struct Run {
    world: World,
    random: StdRng,
    transaction: Transaction,
    rows: Model,
    /// As the current command found them.
    at_command: Model,
    saved: Vec<Saved>,
    command: u32,
}

fn pairs(rows: &Model) -> Vec<(i32, i32)> {
    rows.iter().map(|(id, (_, amount))| (*id, *amount)).collect()
}

impl Run {
    fn id(&mut self) -> i32 {
        self.random.random_range(0..60)
    }

    async fn insert(&mut self) {
        let (id, code, amount) = (self.id(), self.id(), self.id());
        let outcome = self.transaction.insert(&self.world.table, &values([id, code, amount]), Wait::Forever).await;
        let taken = self.rows.contains_key(&id) || self.rows.values().any(|(other, _)| *other == code);
        match outcome.unwrap() {
            InsertOutcome::Inserted(_) => {
                assert!(!taken);
                self.rows.insert(id, (code, amount));
            }
            InsertOutcome::Conflict { .. } => assert!(taken),
        }
    }

    async fn locked(&mut self, id: i32) -> Option<StoredRow> {
        match self.world.lock(&mut self.transaction, id, RowLock::Update).await.unwrap() {
            LockedRow::Current(row) => Some(row),
            LockedRow::Gone => None,
            LockedRow::Skipped => panic!("nobody else is there"),
        }
    }

    async fn update(&mut self) {
        let (id, amount) = (self.id(), self.id());
        let Some(old) = self.locked(id).await else { return assert!(!self.rows.contains_key(&id)) };
        let (old_code, _) = self.rows[&id];
        let (new_id, code) = match self.random.random_range(0..3) {
            0 => (id, old_code),
            1 => (id, self.id()),
            _ => (self.id(), self.id()),
        };
        let taken = self.rows.iter().any(|(other, (its, _))| *other != id && (*other == new_id || *its == code));
        let row = values([new_id, code, amount]);
        match self.transaction.update(&self.world.table, &old, &row, Wait::Forever).await.unwrap() {
            UpdateOutcome::Updated(_) => {
                assert!(!taken);
                self.rows.remove(&id);
                self.rows.insert(new_id, (code, amount));
            }
            UpdateOutcome::Conflict { .. } => assert!(taken),
        }
    }

    async fn delete(&mut self) {
        let id = self.id();
        let old = self.locked(id).await;
        assert_eq!(old.is_some(), self.rows.remove(&id).is_some());
        if let Some(old) = old {
            self.transaction.delete(&self.world.table, &old).unwrap();
        }
    }

    fn begin_command(&mut self) {
        self.transaction.begin_command();
        self.command += 1;
        self.at_command = self.rows.clone();
    }

    fn savepoint(&mut self) {
        let savepoint = self.transaction.savepoint();
        self.saved.push(Saved { savepoint, rows: self.rows.clone(), command: self.command });
    }

    fn leave_savepoint(&mut self) {
        if self.saved.is_empty() {
            return;
        }
        let at = self.random.random_range(0..self.saved.len());
        if self.random.random_ratio(1, 3) {
            self.transaction.release(&self.saved[at].savepoint);
            self.saved.truncate(at);
            return;
        }
        self.transaction.rollback_to(&self.saved[at].savepoint);
        self.saved.truncate(at + 1);
        self.rows = self.saved[at].rows.clone();
        if self.saved[at].command < self.command {
            self.at_command = self.rows.clone();
        }
    }

    async fn spill(&mut self) {
        if self.random.random_ratio(1, 3) {
            tokio::select! { biased; _ = self.transaction.spill() => {}, () = std::future::ready(()) => {} }
        } else {
            self.transaction.spill().await.unwrap();
        }
    }

    fn check(&mut self) {
        let id = self.id();
        assert_eq!(self.world.amount(&self.transaction, id), self.rows.get(&id).map(|(_, amount)| *amount));
        let found = self.transaction.lookup_unique(&self.world.table.indexes[0], &[Value::Int4(id)]).unwrap();
        let owner = self.rows.iter().find(|(_, (code, _))| *code == id).map(|(id, _)| self.world.key(*id));
        assert_eq!(found, owner);
        let (view, newest) = (self.transaction.view(), self.transaction.newest_view());
        for (view, rows) in [(&view, &self.at_command), (&newest, &self.rows)] {
            self.world.check(view);
            assert_eq!(self.world.rows(view), pairs(rows));
            assert_eq!(rows_backward(&self.world, view), pairs(rows));
        }
    }

    async fn step(&mut self) {
        match self.random.random_range(0..100) {
            0..35 => self.insert().await,
            35..60 => self.update().await,
            60..75 => self.delete().await,
            75..82 => self.begin_command(),
            82..88 => self.savepoint(),
            88..92 => self.leave_savepoint(),
            92..95 => self.spill().await,
            _ => self.check(),
        }
    }
}

async fn check(seed: u64) {
    let world = World::new();
    let mut rows = Model::new();
    for round in 0..3 {
        let transaction = world.begin();
        let (random, at_command) = (StdRng::seed_from_u64(seed * 10 + round), rows.clone());
        let world = World { store: world.store.clone(), table: Arc::clone(&world.table) };
        let mut run = Run { world, random, transaction, rows: rows.clone(), at_command, saved: Vec::new(), command: 1 };
        for _ in 0..run.random.random_range(50..250) {
            run.step().await;
        }
        run.begin_command();
        run.check();
        if run.random.random_ratio(3, 4) {
            run.transaction.commit(Durability::Sync).await.unwrap();
            rows = run.rows;
        } else {
            run.transaction.rollback();
        }
        assert_eq!((run.world.committed(), left_behind(&run.world)), (pairs(&rows), 0));
    }
}

#[tokio::test]
async fn a_transaction_that_spills_is_what_the_model_says() {
    for seed in 0..60 {
        println!("seed {seed}");
        check(seed).await;
    }
}
