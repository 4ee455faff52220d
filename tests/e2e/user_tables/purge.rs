//! What is left of a user who was purged: nothing, however much there was and wherever it lay.

use tests::Server;
use tokio_postgres::Client;

use super::{as_user, folders_of};
use crate::database::{connect, run};

/// More than are deleted one by one.
const MANY: u32 = 1500;
const FEW: u32 = 5;

const TABLES: &str = "CREATE ROLE first; CREATE ROLE second; CREATE ROLE third; CREATE ROLE small;
    CREATE USER TABLE notes (id int PRIMARY KEY, tag text UNIQUE, sum int); CREATE INDEX ON notes (sum);
    CREATE USER TABLE lines (note int REFERENCES notes, body text); CREATE INDEX ON lines (body)";

async fn filled(admin: &Client, role: &str, rows: u32) {
    let sql = format!(
        "SET ROLE {role}; INSERT INTO notes SELECT n, '{role} ' || n, n % 10 FROM generate_series(1, {rows}) AS g (n);
         INSERT INTO lines SELECT n, 'line ' || n FROM generate_series(1, {rows}) AS g (n);
         DELETE FROM lines WHERE note = 3; RESET ROLE"
    );
    assert_eq!(run(admin, &sql).await, "ok ok ok ok ok");
}

/// How many rows of each table every role has, those that were deleted and are kept included.
async fn counted(client: &Client) -> String {
    let of = |table: &str| {
        format!(
            "SELECT '{table}', _user::text, count(*), count(*) FILTER (WHERE _deleted) FROM {table}
             WHERE _deleted OR NOT _deleted GROUP BY 2 ORDER BY 2"
        )
    };
    let counts = format!("SET kalamdb.all_users = on; {}; {}; RESET kalamdb.all_users", of("lines"), of("notes"));
    run(client, &counts).await.replace("Some", "").replace(['(', ')', '"', '[', ']'], "")
}

fn expected(lines: &[(&str, u32)]) -> String {
    let of = |table: &str, deleted: u32| {
        let line = |(role, rows): &(&str, u32)| format!("{table}, {role}, {rows}, {deleted}");
        lines.iter().map(line).collect::<Vec<_>>().join(", ")
    };
    format!("ok {} {} ok", of("lines", 1), of("notes", 0))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_purged_user_leaves_nothing() {
    let mut server = Server::start();
    let admin = connect(&server, "postgres").await;
    assert_eq!(run(&admin, TABLES).await, "ok ok ok ok ok ok ok ok");
    filled(&admin, "first", MANY).await;
    filled(&admin, "second", MANY).await;
    let flushed = run(&admin, "STORAGE FLUSH ALL").await;
    assert!(!flushed.contains("XX"), "{flushed}");
    filled(&admin, "third", MANY).await;
    filled(&admin, "small", FEW).await;
    // Of the second, there is some in both tiers.
    assert_eq!(
        run(&admin, "SET ROLE second; UPDATE notes SET sum = sum + 1 WHERE id < 100; RESET ROLE").await,
        "ok ok ok"
    );
    let all = [("first", MANY), ("second", MANY), ("small", FEW), ("third", MANY)];
    assert_eq!(counted(&admin).await, expected(&all));

    // Who writes as one who goes meanwhile does not bring anything back.
    let late = as_user(&server, "second", true).await;
    assert_eq!(run(&late, "BEGIN; INSERT INTO notes VALUES (9999, 'late', 0)").await, "ok ok");
    for (role, left) in [
        ("second", &[("first", MANY), ("small", FEW), ("third", MANY)][..]),
        ("third", &[("first", MANY), ("small", FEW)]),
        ("small", &[("first", MANY)]),
    ] {
        assert_eq!(run(&admin, &format!("PURGE USER {role}")).await, "ok", "{role}");
        assert_eq!(counted(&admin).await, expected(left), "{role}");
    }
    assert_eq!(run(&late, "COMMIT").await, "40001");
    assert_eq!(counted(&admin).await, expected(&[("first", MANY)]));
    let rows_deleted = "SELECT sum((result->>'rows_deleted')::int) FROM system.jobs WHERE job_id LIKE 'UC-%'";
    let deleted = (2 * MANY + FEW) * 2;
    assert_eq!(run(&admin, rows_deleted).await, format!("[[Some(\"{deleted}\")]]"));

    // Nor is there anything in the indexes, and everything of the other's is.
    let first = as_user(&server, "first", true).await;
    let found = "SELECT count(*) FROM notes WHERE sum = 7; SELECT id FROM notes WHERE tag = 'first 77';
                 SELECT note FROM lines WHERE body = 'line 78'";
    let of_first = r#"[[Some("150")]] [[Some("77")]] [[Some("78")]]"#;
    assert_eq!(run(&first, found).await, of_first);
    // The files go once nobody reads them.
    let schema = server.data().join("storage").join("public");
    for table in ["notes", "lines"] {
        while folders_with_files(&schema, table) > 1 {
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
    }
    drop((admin, late, first));
    server.kill();
    server.restart();
    let admin = connect(&server, "postgres").await;
    assert_eq!(counted(&admin).await, expected(&[("first", MANY)]));
    assert_eq!(run(&as_user(&server, "first", false).await, found).await, of_first);
    // What was purged is no burden to those who come later.
    assert_eq!(run(&admin, "CREATE ROLE second").await, "ok");
    filled(&admin, "second", FEW).await;
    assert_eq!(counted(&admin).await, expected(&[("first", MANY), ("second", FEW)]));
}

/// How many users have files of a table.
fn folders_with_files(schema: &std::path::Path, table: &str) -> usize {
    let table = std::fs::read_dir(schema)
        .expect("the folder is there")
        .filter_map(Result::ok)
        .find(|entry| entry.file_name().to_string_lossy().starts_with(table))
        .expect("the table has files");
    let has_files = |user: &String| {
        let files = std::fs::read_dir(table.path().join(user)).into_iter().flatten();
        files.count() > 0
    };
    folders_of(schema, &table.file_name().to_string_lossy()).iter().filter(|user| has_files(user)).count()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dropped_table_takes_all_users_files() {
    let server = Server::start();
    let admin = connect(&server, "postgres").await;
    assert_eq!(run(&admin, TABLES).await, "ok ok ok ok ok ok ok ok");
    filled(&admin, "first", MANY).await;
    filled(&admin, "small", FEW).await;
    assert!(!run(&admin, "STORAGE FLUSH ALL").await.contains("XX"));
    let schema = server.data().join("storage").join("public");
    assert_eq!(folders_with_files(&schema, "notes"), 2);
    assert_eq!(run(&admin, "DROP TABLE lines, notes").await, "ok");
    let any_file = || {
        let mut folders = vec![schema.clone()];
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(folder).into_iter().flatten().filter_map(Result::ok) {
                match entry.path().is_dir() {
                    true => folders.push(entry.path()),
                    false => return true,
                }
            }
        }
        false
    };
    while any_file() {
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
}
