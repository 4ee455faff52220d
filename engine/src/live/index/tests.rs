//! Which queries a change of a user table asks.

use std::sync::Arc;

use storage::{Change, CommitRecord, Store, StoreOptions};

use crate::database::Database;
use crate::database::tests::{connect, options, tag};
use crate::job::JobsOptions;

/// How many queries are asked about a change.
fn asked(database: &Database, change: &Change) -> usize {
    let mut count = 0;
    database.live().registry.state.lock().index.find(change, &mut |_| count += 1);
    count
}

#[tokio::test(flavor = "multi_thread")]
async fn a_row_of_a_user_table_asks_the_queries_of_its_owner() {
    let store = Store::in_memory(StoreOptions::default());
    let jobs = JobsOptions::new(std::env::temp_dir());
    let database = Database::over(store, options(), jobs).await.unwrap().database;
    let mut admin = connect(&database);
    tag(&mut admin, "CREATE USER TABLE note (id int PRIMARY KEY, tag text)").await;
    let mut users = Vec::new();
    for role in ["ann", "bob", "eve"] {
        tag(&mut admin, &format!("CREATE ROLE {role}")).await;
        let mut session = connect(&database);
        tag(&mut session, &format!("SET ROLE {role}")).await;
        users.push(session);
    }
    for session in &mut users {
        tag(session, "DECLARE every CURSOR FOR LIVE SELECT id FROM note").await;
        tag(session, "DECLARE some CURSOR FOR LIVE SELECT id FROM note WHERE tag = 'x'").await;
        tag(session, "DECLARE counted CURSOR FOR LIVE SELECT count(*) FROM note").await;
    }
    tag(&mut admin, "SET kalamdb.all_users = on").await;
    tag(&mut admin, "DECLARE everybody CURSOR FOR LIVE SELECT id FROM note").await;

    let mut reader = database.store().changes(database.store().announced());
    for (user, values, expected) in [(0, "(1, 'x')", 4), (1, "(1, 'y')", 3), (2, "(1, 'x')", 4)] {
        tag(&mut users[user], &format!("INSERT INTO note VALUES {values}")).await;
        // What the server keeps for itself is committed, too.
        let record: Arc<CommitRecord> = loop {
            let records = reader.next_batch(1).await.unwrap();
            if let Some(found) = records.into_iter().find(|record| !record.changes.is_empty()) {
                break found;
            }
        };
        assert_eq!(record.changes.len(), 1);
        assert_eq!(asked(&database, &record.changes[0]), expected, "{values}");
    }
    for session in users.iter_mut().chain([&mut admin]) {
        tag(session, "CLOSE ALL").await;
    }
    assert!(database.live().registry.state.lock().index.tables.is_empty());
}
