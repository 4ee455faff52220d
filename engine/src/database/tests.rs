//! Statements over a whole database in memory.

use std::sync::Arc;

use storage::{Store, StoreOptions};

use super::{Connect, Database, DatabaseOptions, LoginOptions};
use crate::audit::AuditLimits;
use crate::job::JobsOptions;
use crate::live::LiveLimits;
use crate::session::{Execution, Session};

pub(crate) fn options() -> DatabaseOptions {
    DatabaseOptions {
        audit: AuditLimits::default(),
        data_directory: std::env::temp_dir(),
        initial_password: Some("secret".to_owned()),
        connections_max: 10,
        query_memory_bytes: 64 << 20,
        cache_bytes: 1 << 20,
        cold_cache_bytes: 1 << 20,
        transaction_bytes_max: None,
        transaction_disk_bytes_max: None,
        kept_rows_max: None,
        dropped_user_grace: std::time::Duration::from_secs(3600),
        login: LoginOptions::default(),
        live: LiveLimits::default(),
    }
}

pub(crate) fn connect(database: &Arc<Database>) -> Session {
    let request = Connect {
        user: "postgres".to_owned(),
        database: None,
        options: Vec::new(),
        client_address: None,
        ends: Default::default(),
        process_id: 1,
    };
    database.connect(request).unwrap()
}

async fn session(kept_rows_max: usize) -> (Arc<Database>, Session) {
    let options = DatabaseOptions { kept_rows_max: Some(kept_rows_max), ..options() };
    let store = Store::in_memory(StoreOptions::default());
    let jobs = JobsOptions::new(std::env::temp_dir());
    let database = Database::over(store, options, jobs).await.unwrap().database;
    let session = connect(&database);
    (database, session)
}

/// Runs a statement that answers no rows; its tag.
pub(crate) async fn tag(session: &mut Session, sql: &str) -> String {
    let mut script = session.script(sql).unwrap();
    let Some(Execution::Complete(tag)) = session.run_next(&mut script).await.unwrap() else { panic!("{sql}") };
    session.end_script().await.unwrap();
    tag
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_beyond_those_that_are_kept_are_found_again() {
    let (_database, mut session) = session(7).await;
    let mut check = async |sql: &str, expected: &str| assert_eq!(tag(&mut session, sql).await, expected, "{sql}");
    check("CREATE TABLE t (a int PRIMARY KEY, b int)", "CREATE TABLE").await;
    check("INSERT INTO t SELECT g, 0 FROM generate_series(1, 100) AS g", "INSERT 0 100").await;
    check("UPDATE t SET b = b + 1 WHERE a % 2 = 0", "UPDATE 50").await;
    // Keys move on to where the query still has to come, and none of them is met twice.
    check("UPDATE t SET a = a + 1000", "UPDATE 100").await;
    check("UPDATE t SET a = a - 1000, b = b + 1 WHERE a > 1050", "UPDATE 50").await;
    check("DELETE FROM t WHERE b = 1", "DELETE 50").await;
    check("UPDATE t SET b = 9 WHERE a BETWEEN 51 AND 100", "UPDATE 25").await;
    check("DELETE FROM t WHERE b = 9", "DELETE 25").await;
    check("DELETE FROM t", "DELETE 25").await;
}
