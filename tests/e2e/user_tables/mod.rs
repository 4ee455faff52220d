//! User tables: one table in SQL, and for each user rows of his own, whichever way somebody comes in.

mod others;
mod property;
mod purge;
mod scale;
mod shared_parent;
mod taken_over;

use std::path::{Path, PathBuf};

use tests::Server;
use tokio_postgres::Client;

use crate::database::{connect, run};

const TABLES: &str = "CREATE ROLE alice LOGIN PASSWORD 'alice'; CREATE ROLE bob LOGIN PASSWORD 'bob';
    CREATE USER TABLE notes (id int PRIMARY KEY, tag text UNIQUE, sum int NOT NULL DEFAULT 0 CHECK (sum >= 0));
    CREATE USER TABLE lines (note int, body text); CREATE INDEX ON notes (sum); CREATE INDEX ON lines (note);
    CREATE VIEW seen AS SELECT id, tag, sum FROM notes; GRANT SELECT, INSERT, UPDATE, DELETE ON seen TO PUBLIC;
    CREATE SHARED TABLE kinds (id int PRIMARY KEY, name text); GRANT SELECT ON kinds TO PUBLIC;
    INSERT INTO kinds VALUES (1, 'one'), (2, 'two')";

/// A connection that runs as a role, with or without point plans.
async fn as_user(server: &Server, role: &str, point_plans: bool) -> Client {
    let client = connect(server, "postgres").await;
    let set = format!("SET ROLE {role}; SET kalamdb.point_plans = {point_plans}");
    assert_eq!(run(&client, &set).await, "ok ok");
    client
}

/// A server with the tables, and rows of two users with the same keys.
async fn with_two_users() -> (Server, Client) {
    let server = Server::start();
    let admin = connect(&server, "postgres").await;
    assert!(!run(&admin, TABLES).await.contains(|c: char| c.is_ascii_digit()), "the tables are made");
    for (role, sign) in [("alice", 1), ("bob", 2)] {
        let client = as_user(&server, role, true).await;
        let filled = format!(
            "INSERT INTO notes SELECT n, '{role} ' || n, n * {sign} FROM generate_series(1, {}) AS g (n);
            INSERT INTO lines SELECT n % 3, '{role} line ' || n FROM generate_series(1, {}) AS g (n)",
            10 * sign,
            5 * sign
        );
        assert_eq!(run(&client, &filled).await, "ok ok");
    }
    (server, admin)
}

/// What each of the users is answered, whichever plan is made and wherever the rows lie.
const READS: &[(&str, &str, &str)] = &[
    ("SELECT tag FROM notes WHERE id = 3", r#"[[Some("alice 3")]]"#, r#"[[Some("bob 3")]]"#),
    ("SELECT tag FROM notes WHERE id = 13", "[]", r#"[[Some("bob 13")]]"#),
    ("SELECT id FROM notes WHERE tag = 'bob 3'", "[]", r#"[[Some("3")]]"#),
    (
        "SELECT count(*), min(id), max(id), sum(sum) FROM notes",
        r#"[[Some("10"), Some("1"), Some("10"), Some("55")]]"#,
        r#"[[Some("20"), Some("1"), Some("20"), Some("420")]]"#,
    ),
    (
        "SELECT count(*) FROM notes; SELECT max(id) FROM notes",
        r#"[[Some("10")]] [[Some("10")]]"#,
        r#"[[Some("20")]] [[Some("20")]]"#,
    ),
    (
        "SELECT id FROM notes WHERE id BETWEEN 9 AND 11 ORDER BY id",
        r#"[[Some("9")], [Some("10")]]"#,
        r#"[[Some("9")], [Some("10")], [Some("11")]]"#,
    ),
    ("SELECT id FROM notes ORDER BY id DESC LIMIT 1", r#"[[Some("10")]]"#, r#"[[Some("20")]]"#),
    ("SELECT id FROM notes WHERE sum IN (10, 20) ORDER BY id", r#"[[Some("10")]]"#, r#"[[Some("5")], [Some("10")]]"#),
    ("SELECT id FROM notes WHERE sum > 18 ORDER BY sum LIMIT 1", "[]", r#"[[Some("10")]]"#),
    ("SELECT count(*) FROM lines", r#"[[Some("5")]]"#, r#"[[Some("10")]]"#),
    (
        "SELECT body FROM lines WHERE note = 0 ORDER BY body LIMIT 1",
        r#"[[Some("alice line 3")]]"#,
        r#"[[Some("bob line 3")]]"#,
    ),
    (
        "TABLE lines ORDER BY body LIMIT 1",
        r#"[[Some("1"), Some("alice line 1")]]"#,
        r#"[[Some("1"), Some("bob line 1")]]"#,
    ),
    (
        "SELECT count(*) FROM seen; SELECT tag FROM seen WHERE id = 2",
        r#"[[Some("10")]] [[Some("alice 2")]]"#,
        r#"[[Some("20")]] [[Some("bob 2")]]"#,
    ),
    (
        "WITH w AS (SELECT tag FROM notes WHERE id < 3) SELECT count(*), min(tag) FROM w",
        r#"[[Some("2"), Some("alice 1")]]"#,
        r#"[[Some("2"), Some("bob 1")]]"#,
    ),
    (
        "SELECT (SELECT count(*) FROM lines WHERE note = k.id), name FROM kinds AS k ORDER BY id",
        r#"[[Some("2"), Some("one")], [Some("2"), Some("two")]]"#,
        r#"[[Some("4"), Some("one")], [Some("3"), Some("two")]]"#,
    ),
    (
        "SELECT count(*) FROM kinds WHERE EXISTS (SELECT 1 FROM notes WHERE notes.id = kinds.id + 10)",
        r#"[[Some("0")]]"#,
        r#"[[Some("2")]]"#,
    ),
    (
        "SELECT count(*) FROM notes AS a JOIN notes AS b USING (id) JOIN lines ON note = id",
        r#"[[Some("4")]]"#,
        r#"[[Some("7")]]"#,
    ),
    (
        "SELECT count(*) FROM notes UNION ALL SELECT count(*) FROM lines ORDER BY 1",
        r#"[[Some("5")], [Some("10")]]"#,
        r#"[[Some("10")], [Some("20")]]"#,
    ),
    (
        "WITH RECURSIVE r AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM r, notes WHERE notes.id = n + 1) SELECT max(n) FROM r",
        r#"[[Some("10")]]"#,
        r#"[[Some("20")]]"#,
    ),
    ("SELECT id FROM notes WHERE id = 20 FOR UPDATE", "[]", r#"[[Some("20")]]"#),
    (
        "BEGIN; DECLARE c CURSOR FOR SELECT tag FROM notes ORDER BY id DESC; FETCH 1 FROM c; COMMIT",
        r#"ok ok [[Some("alice 9")]] ok"#,
        r#"ok ok [[Some("bob 9")]] ok"#,
    ),
    ("EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF, SUMMARY OFF) SELECT * FROM notes WHERE id = 13", "", ""),
    ("SELECT count(*) FROM notes TABLESAMPLE SYSTEM (100)", r#"[[Some("10")]]"#, r#"[[Some("20")]]"#),
    ("SELECT _seq > 0, _updated IS NULL FROM notes WHERE id = 20", "[]", r#"[[Some("t"), Some("f")]]"#),
    ("SELECT count(*) FROM notes WHERE _deleted", r#"[[Some("0")]]"#, r#"[[Some("0")]]"#),
    ("SELECT _user FROM notes", "42703", "42703"),
    (
        "SELECT * FROM notes WHERE id = 1",
        r#"[[Some("1"), Some("alice 1"), Some("1")]]"#,
        r#"[[Some("1"), Some("bob 1"), Some("2")]]"#,
    ),
];

#[tokio::test(flavor = "multi_thread")]
async fn every_way_to_read_shows_a_user_his_own_rows() {
    let (server, admin) = with_two_users().await;
    for flushed in [false, true] {
        for point_plans in [true, false] {
            let alice = as_user(&server, "alice", point_plans).await;
            let bob = as_user(&server, "bob", point_plans).await;
            for (sql, of_alice, of_bob) in READS.iter().filter(|(_, expected, _)| !expected.is_empty()) {
                let how = format!("{sql}, point plans: {point_plans}, flushed: {flushed}");
                let sorted = |answer: String| if sql.contains("DECLARE") { first_row_of_text(&answer) } else { answer };
                assert_eq!(sorted(run(&alice, sql).await), sorted((*of_alice).to_owned()), "alice: {how}");
                assert_eq!(sorted(run(&bob, sql).await), sorted((*of_bob).to_owned()), "bob: {how}");
            }
            assert_eq!(run(&admin, "SELECT count(*) FROM notes").await, r#"[[Some("0")]]"#, "a superuser has none");
            let told = "SELECT type, access_level FROM system.tables WHERE name = 'notes'";
            assert_eq!(run(&admin, told).await, r#"[[Some("user"), None]]"#);
        }
        let flush = run(&admin, "STORAGE FLUSH ALL; STORAGE COMPACT ALL").await;
        assert!(!flush.contains("XX"), "{flush}");
    }
    let storage = server.data().join("storage/public");
    let folders = folders_of(&storage, "notes-");
    assert_eq!(folders.len(), 2, "a folder for each user");
    assert!(folders.iter().all(|folder| folder.chars().all(|c| c.is_ascii_digit())), "{folders:?}");
}

/// Rows of cursors are compared without their number, which depends on the number of rows.
fn first_row_of_text(answer: &str) -> String {
    answer.chars().filter(|c| !c.is_ascii_digit()).collect()
}

/// The folders in the folder of a table.
fn folders_of(schema: &Path, table: &str) -> Vec<String> {
    let inside =
        |path: PathBuf| std::fs::read_dir(path).expect("the folder is there").map(|entry| entry.expect("an entry"));
    let table = inside(schema.to_owned()).find(|entry| entry.file_name().to_string_lossy().starts_with(table));
    let folders = inside(table.expect("the table has files").path());
    folders.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_way_to_write_changes_a_users_own_rows() {
    for point_plans in [true, false] {
        for flushed in [false, true] {
            let (server, admin) = with_two_users().await;
            if flushed {
                assert!(!run(&admin, "STORAGE FLUSH ALL").await.contains("XX"));
            }
            let bob = as_user(&server, "bob", point_plans).await;
            let before = run(&bob, "SELECT * FROM notes ORDER BY id; SELECT * FROM lines ORDER BY body").await;
            let alice = as_user(&server, "alice", point_plans).await;
            for (sql, expected) in WRITES {
                assert_eq!(run(&alice, sql).await, *expected, "{sql}, point plans: {point_plans}, flushed: {flushed}");
            }
            let after = run(&bob, "SELECT * FROM notes ORDER BY id; SELECT * FROM lines ORDER BY body").await;
            assert_eq!(before, after, "another user's rows are as they were");
        }
    }
}

const WRITES: &[(&str, &str)] = &[
    ("INSERT INTO notes VALUES (13, 'bob 13', 13) RETURNING tag", r#"[[Some("bob 13")]]"#),
    ("INSERT INTO notes VALUES (13, 'x', 0)", "23505"),
    ("INSERT INTO notes VALUES (14, 'bob 13', 0)", "23505"),
    ("INSERT INTO notes VALUES (14, 'bob 14', -1)", "23514"),
    (
        "INSERT INTO notes VALUES (3, 'n', 7) ON CONFLICT (id) DO UPDATE SET sum = notes.sum + excluded.sum RETURNING tag, sum",
        r#"[[Some("alice 3"), Some("10")]]"#,
    ),
    ("INSERT INTO notes VALUES (15, 'alice 4', 7) ON CONFLICT DO NOTHING", "ok"),
    ("INSERT INTO notes VALUES (15, 'bob 15', 7) ON CONFLICT (tag) DO NOTHING RETURNING id", r#"[[Some("15")]]"#),
    ("UPDATE notes SET sum = sum + 100 WHERE id = 5 RETURNING tag, sum", r#"[[Some("alice 5"), Some("105")]]"#),
    ("UPDATE notes SET sum = 0 WHERE id = 20 RETURNING id", "[]"),
    ("UPDATE notes SET id = 16 WHERE id = 6", "ok"),
    ("UPDATE notes SET tag = 'alice 1' WHERE id = 7", "23505"),
    ("UPDATE notes SET sum = 1 WHERE id > 0; SELECT count(*) FROM notes WHERE sum = 1", r#"ok [[Some("12")]]"#),
    ("UPDATE notes SET sum = k.id FROM kinds AS k WHERE k.id = notes.id", "ok"),
    ("UPDATE seen SET sum = 5 WHERE id = 1 RETURNING tag", r#"[[Some("alice 1")]]"#),
    (
        "INSERT INTO seen VALUES (17, 'through', 1); DELETE FROM seen WHERE id = 17 RETURNING tag",
        r#"ok [[Some("through")]]"#,
    ),
    (
        "MERGE INTO notes USING (VALUES (1), (18)) AS s (i) ON notes.id = s.i WHEN MATCHED THEN UPDATE SET sum = 9 WHEN NOT MATCHED THEN INSERT VALUES (s.i, 'merged', 0)",
        "ok",
    ),
    (
        "SELECT id, sum FROM notes WHERE sum = 9 OR tag = 'merged' ORDER BY id",
        r#"[[Some("1"), Some("9")], [Some("18"), Some("0")]]"#,
    ),
    ("WITH gone AS (DELETE FROM notes WHERE id = 18 RETURNING tag) SELECT tag FROM gone", r#"[[Some("merged")]]"#),
    ("DELETE FROM notes WHERE id = 20", "ok"),
    ("DELETE FROM lines WHERE note = 1 RETURNING body", r#"[[Some("alice line 1")], [Some("alice line 4")]]"#),
    ("SELECT body FROM lines WHERE _deleted ORDER BY body", r#"[[Some("alice line 1")], [Some("alice line 4")]]"#),
    (
        "UPDATE lines SET body = 'new' WHERE note = 2; SELECT DISTINCT body FROM lines WHERE note = 2",
        r#"ok [[Some("new")]]"#,
    ),
    (
        "BEGIN; DELETE FROM notes; SELECT count(*) FROM notes; ROLLBACK; SELECT count(*) FROM notes",
        r#"ok ok [[Some("0")]] ok [[Some("12")]]"#,
    ),
    (
        "BEGIN; TRUNCATE notes; SELECT count(*) FROM notes; INSERT INTO notes VALUES (1); ROLLBACK; SELECT count(*) FROM notes",
        r#"ok ok [[Some("0")]] ok ok [[Some("12")]]"#,
    ),
    ("TRUNCATE lines; SELECT count(*) FROM lines; SELECT count(*) FROM notes", r#"ok [[Some("0")]] [[Some("12")]]"#),
    ("CREATE TEMP TABLE mine AS SELECT * FROM notes; SELECT count(*) FROM mine", r#"ok [[Some("12")]]"#),
    (
        "DELETE FROM notes; SELECT count(*) FROM notes; SELECT count(*) FROM notes WHERE _deleted AND id <= 16",
        r#"ok [[Some("0")]] [[Some("12")]]"#,
    ),
];

#[tokio::test(flavor = "multi_thread")]
async fn what_user_tables_cannot_do_is_refused() {
    let (server, admin) = with_two_users().await;
    for (sql, expected) in [
        ("CREATE USER TABLE p (a int) PARTITION BY RANGE (a)", "0A000"),
        ("CREATE USER TABLE i () INHERITS (kinds)", "0A000"),
        ("CREATE TABLE i () INHERITS (notes)", "0A000"),
        ("CREATE USER TABLE pg_temp.t (a int)", "0A000"),
        ("CREATE USER TABLE a PARTITION OF kinds DEFAULT", "42P17"),
        ("CREATE TABLE child (id int REFERENCES notes)", "0A000"),
        ("CREATE USER TABLE", "42601"),
        ("CREATE USER TABLE t (a int", "42601"),
        ("CREATE SHARED TABLE plain (a int); DROP TABLE plain", "ok ok"),
        ("CREATE USER TABLE IF NOT EXISTS notes (a int)", "ok"),
        ("CREATE USER TABLE notes (a int)", "42P07"),
        ("SELECT relkind, relname FROM pg_class WHERE relname = 'notes'", r#"[[Some("r"), Some("notes")]]"#),
        (
            "SELECT attname FROM pg_attribute WHERE attrelid = 'lines'::regclass AND attnum > 0",
            r#"[[Some("note")], [Some("body")]]"#,
        ),
        ("SET row_security = off", "ok"),
        ("SELECT * FROM notes", "42501"),
        ("INSERT INTO notes VALUES (1)", "42501"),
        ("COPY notes TO STDOUT", "42501"),
        ("RESET row_security; SET kalamdb.all_users = on; SELECT count(*) FROM notes", r#"ok ok [[Some("30")]]"#),
        (
            "SELECT _user, count(*), max(id) FROM notes GROUP BY 1 ORDER BY _user::text",
            r#"[[Some("alice"), Some("10"), Some("10")], [Some("bob"), Some("20"), Some("20")]]"#,
        ),
        ("SELECT _user, tag FROM notes WHERE id = 13", r#"[[Some("bob"), Some("bob 13")]]"#),
        ("SELECT _user FROM notes WHERE tag = 'alice 2'", r#"[[Some("alice")]]"#),
        ("SELECT count(*) FROM notes WHERE id = 3", r#"[[Some("2")]]"#),
        ("INSERT INTO notes VALUES (1)", "42501"),
        ("UPDATE notes SET sum = 0", "42501"),
        ("DELETE FROM notes WHERE id = 1", "42501"),
        ("TRUNCATE notes", "42501"),
        ("CREATE USER TABLE a AS SELECT * FROM notes", "42501"),
        ("SET ROLE alice", "ok"),
        ("SELECT count(*) FROM notes", "42501"),
        ("RESET kalamdb.all_users", "42501"),
        ("RESET ROLE; RESET kalamdb.all_users; SELECT count(*) FROM notes", r#"ok ok [[Some("0")]]"#),
        ("SET ROLE alice", "ok"),
        ("SET kalamdb.all_users = on", "42501"),
    ] {
        assert_eq!(run(&admin, sql).await, expected, "{sql}");
    }
    drop(server);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_prepared_plan_is_the_current_roles() {
    let (server, _admin) = with_two_users().await;
    let client = connect(&server, "postgres").await;
    let count = client.prepare("SELECT count(*) FROM notes").await.expect("it is prepared");
    let by_key = client.prepare("SELECT tag FROM notes WHERE id = $1").await.expect("it is prepared");
    assert_eq!(run(&client, "PREPARE by_tag AS SELECT id FROM notes WHERE tag = $1").await, "ok");
    for (role, rows, other) in
        [("alice", 10, "bob"), ("bob", 20, "alice"), ("postgres", 0, "bob"), ("alice", 10, "bob")]
    {
        assert_eq!(run(&client, &format!("SET ROLE {role}")).await, "ok");
        let found: i64 = client.query_one(&count, &[]).await.expect("rows are counted").get(0);
        assert_eq!(found, rows, "{role}");
        let tag =
            client.query_opt(&by_key, &[&2]).await.expect("a row is looked up").map(|row| row.get::<_, String>(0));
        assert_eq!(tag, (rows > 0).then(|| format!("{role} 2")));
        assert_eq!(run(&client, &format!("EXECUTE by_tag('{other} 2')")).await, "[]");
    }
    // SET LOCAL goes with its transaction, and so does what was planned under it.
    assert_eq!(run(&client, "SET ROLE bob").await, "ok");
    assert_eq!(
        run(&client, "BEGIN; SET LOCAL ROLE alice; SELECT count(*) FROM notes").await,
        r#"ok ok [[Some("10")]]"#
    );
    assert_eq!(run(&client, "ROLLBACK; SELECT count(*) FROM notes").await, r#"ok [[Some("20")]]"#);
    assert_eq!(
        run(&client, "RESET ROLE; SET SESSION AUTHORIZATION alice; SELECT count(*) FROM notes").await,
        r#"ok ok [[Some("10")]]"#
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn foreign_keys_stay_within_a_users_rows() {
    let (server, admin) = with_two_users().await;
    let made = "CREATE USER TABLE parts (id int PRIMARY KEY, note int REFERENCES notes ON DELETE CASCADE ON UPDATE CASCADE,
        kind int REFERENCES kinds, up int REFERENCES parts DEFERRABLE INITIALLY DEFERRED);
        CREATE USER TABLE marks (part int REFERENCES parts (id) ON DELETE SET NULL, n int UNIQUE DEFERRABLE INITIALLY DEFERRED)";
    assert_eq!(run(&admin, made).await, "ok ok");
    for point_plans in [true, false] {
        let alice = as_user(&server, "alice", point_plans).await;
        let bob = as_user(&server, "bob", point_plans).await;
        for (client, sql, expected) in [
            (&alice, "INSERT INTO parts VALUES (1, 13)", "23503"),
            (&bob, "INSERT INTO parts VALUES (1, 13, 1), (2, 2, 2), (3, 2, NULL)", "ok"),
            (&alice, "INSERT INTO parts VALUES (1, 1, 2), (2, 2, NULL)", "ok"),
            (&alice, "INSERT INTO parts VALUES (4, 1, 3)", "23503"),
            (&bob, "INSERT INTO marks VALUES (3, 1), (2, 2)", "ok"),
            (&alice, "INSERT INTO marks VALUES (3, 1)", "23503"),
            (&alice, "INSERT INTO marks VALUES (2, 1)", "ok"),
            (
                &alice,
                "DELETE FROM notes WHERE id = 2; SELECT part, n FROM marks; SELECT id FROM parts",
                r#"ok [[None, Some("1")]] [[Some("1")]]"#,
            ),
            (
                &bob,
                "SELECT part FROM marks ORDER BY n; SELECT count(*) FROM parts",
                r#"[[Some("3")], [Some("2")]] [[Some("3")]]"#,
            ),
            (
                &bob,
                "UPDATE notes SET id = 30 WHERE id = 13; SELECT note FROM parts WHERE id = 1",
                r#"ok [[Some("30")]]"#,
            ),
            (&bob, "UPDATE notes SET id = 13 WHERE id = 30", "ok"),
            (&admin, "DELETE FROM kinds WHERE id = 2", "23503"),
            (&admin, "UPDATE kinds SET id = 3 WHERE id = 2", "23503"),
            (&admin, "TRUNCATE kinds", "0A000"),
            (&admin, "TRUNCATE kinds CASCADE", "0A000"),
            (&alice, "TRUNCATE parts", "0A000"),
            (&alice, "TRUNCATE parts, marks", "ok"),
            (&bob, "SELECT count(*) FROM parts", r#"[[Some("3")]]"#),
            (
                &bob,
                "BEGIN; INSERT INTO parts (id, up) VALUES (7, 8); INSERT INTO parts (id) VALUES (8); COMMIT",
                "ok ok ok ok",
            ),
            (&alice, "BEGIN; INSERT INTO parts (id, up) VALUES (7, 8); COMMIT", "23503"),
            (&bob, "BEGIN; INSERT INTO marks VALUES (NULL, 1); COMMIT", "23505"),
            (&alice, "BEGIN; INSERT INTO marks VALUES (NULL, 1); COMMIT", "ok ok ok"),
            (&bob, "DELETE FROM marks; DELETE FROM parts", "ok ok"),
            (&alice, "DELETE FROM marks; DELETE FROM parts; INSERT INTO notes VALUES (2, 'alice 2', 2)", "ok ok ok"),
        ] {
            assert_eq!(run(client, sql).await, expected, "{sql}, point plans: {point_plans}");
        }
        // A check that waits is the user's who brought it about, whoever commits.
        let both = connect(&server, "postgres").await;
        for (sql, expected) in [
            (
                "SET ROLE bob; BEGIN; INSERT INTO parts (id, up) VALUES (7, 9); SET ROLE alice; INSERT INTO parts (id) VALUES (9); COMMIT",
                "23503",
            ),
            (
                "SET ROLE bob; BEGIN; INSERT INTO parts (id, up) VALUES (7, 9), (9, NULL); SET ROLE alice; COMMIT",
                "ok ok ok ok ok",
            ),
            (
                "SELECT count(*) FROM parts; SET ROLE bob; DELETE FROM parts RETURNING id",
                r#"[[Some("0")]] ok [[Some("7")], [Some("9")]]"#,
            ),
        ] {
            assert_eq!(run(&both, sql).await, expected, "{sql}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn definitions_look_at_all_rows_and_tell_none() {
    let (server, admin) = with_two_users().await;
    let made =
        "CREATE ROLE owner; GRANT CREATE ON SCHEMA public TO owner; GRANT REFERENCES ON notes TO owner; SET ROLE owner;
        CREATE USER TABLE secrets (id int, word text); CREATE DOMAIN label AS text;
        CREATE USER TABLE labels (word label); RESET ROLE";
    assert_eq!(run(&admin, made).await, "ok ok ok ok ok ok ok ok");
    let words =
        "INSERT INTO secrets VALUES (1, 'hidden'), (1, 'hidden'), (99, '7'); INSERT INTO labels VALUES ('hidden')";
    assert_eq!(run(&as_user(&server, "alice", true).await, words).await, "ok ok");
    assert_eq!(run(&as_user(&server, "bob", true).await, "INSERT INTO secrets VALUES (1, '5')").await, "ok");
    let owner = as_user(&server, "owner", true).await;
    for (sql, code) in [
        ("ALTER TABLE secrets ADD PRIMARY KEY (id)", "23505"),
        ("CREATE UNIQUE INDEX ON secrets (word)", "23505"),
        ("ALTER TABLE secrets ALTER word TYPE int USING word::int", "22P02"),
        ("CREATE INDEX ON secrets ((word::int))", "22P02"),
        ("ALTER TABLE secrets ADD CHECK (word::int > 0)", "22P02"),
        ("ALTER TABLE secrets ADD FOREIGN KEY (id) REFERENCES notes", "23503"),
        ("ALTER TABLE secrets ADD UNIQUE (word) DEFERRABLE", "23505"),
        // What a value is taken for says it in other words.
        ("ALTER TABLE secrets ADD CHECK (word::regclass IS NOT NULL)", "42P01"),
        ("ALTER TABLE secrets ADD CHECK (current_setting(word) IS NULL)", "42704"),
        ("ALTER TABLE labels ALTER word TYPE text USING current_setting(word)", "42704"),
        ("ALTER DOMAIN label ADD CHECK (VALUE::int > 0)", "22P02"),
        // What a function is given may be kept, or told to others.
        ("ALTER TABLE secrets ADD CHECK (pg_notify('leak', word) IS NULL)", "0A000"),
        ("ALTER TABLE secrets ADD CHECK (pg_notify('leak', word) IS NULL) NOT VALID", "0A000"),
        ("CREATE USER TABLE told (word text CHECK (pg_notify('leak', word) IS NULL))", "0A000"),
        ("ALTER TABLE secrets ADD CHECK (set_config('my.leak', word, false) IS NULL)", "0A000"),
        ("ALTER TABLE secrets ALTER word TYPE text USING set_config('my.leak', word, false)", "0A000"),
        ("ALTER DOMAIN label ADD CHECK (set_config('my.leak', VALUE, false) IS NULL)", "0A000"),
    ] {
        let error = owner.batch_execute(sql).await.expect_err("another user's rows are in the way");
        let report = error.as_db_error().expect("the server says why");
        assert_eq!(report.code().code(), code, "{sql}");
        let told = format!("{} {:?} {:?}", report.message(), report.detail(), report.hint());
        assert!(!told.contains("hidden") && !told.contains(|c: char| c.is_ascii_digit()), "{sql}: {told}");
    }
    let alice = as_user(&server, "alice", true).await;
    for (client, sql, expected) in [
        (
            &alice,
            "DELETE FROM secrets WHERE word = 'hidden'; INSERT INTO secrets VALUES (1, '5'); UPDATE secrets SET id = 2 WHERE id = 99",
            "ok ok ok",
        ),
        (
            &owner,
            "ALTER TABLE secrets ADD PRIMARY KEY (id), ALTER word TYPE int USING word::int, ADD UNIQUE (word)",
            "ok",
        ),
        (
            &owner,
            "ALTER TABLE secrets ADD COLUMN more int DEFAULT 4; ALTER TABLE secrets RENAME COLUMN word TO number",
            "ok ok",
        ),
        (
            &alice,
            "SELECT * FROM secrets ORDER BY id",
            r#"[[Some("1"), Some("5"), Some("4")], [Some("2"), Some("7"), Some("4")]]"#,
        ),
        (&alice, "SELECT id FROM secrets WHERE number = 7", r#"[[Some("2")]]"#),
        (&owner, "SELECT count(*) FROM secrets", r#"[[Some("0")]]"#),
        (&owner, "CREATE USER TABLE timed (at timestamptz CHECK (at <= clock_timestamp()))", "ok"),
        (&owner, "ALTER TABLE secrets ADD FOREIGN KEY (id) REFERENCES notes", "ok"),
        (&owner, "REINDEX TABLE secrets; CLUSTER secrets USING secrets_pkey; ANALYZE secrets", "ok ok ok"),
        (
            &alice,
            "SELECT * FROM secrets ORDER BY number",
            r#"[[Some("1"), Some("5"), Some("4")], [Some("2"), Some("7"), Some("4")]]"#,
        ),
    ] {
        assert_eq!(run(client, sql).await, expected, "{sql}");
    }
    let clustered = "CREATE INDEX by_body ON lines (body DESC); CLUSTER lines USING by_body";
    assert_eq!(run(&admin, clustered).await, "ok ok");
    let lines = "SELECT count(*), min(body), max(body) FROM lines";
    assert_eq!(run(&alice, lines).await, r#"[[Some("5"), Some("alice line 1"), Some("alice line 5")]]"#);
    assert_eq!(run(&admin, "SET ROLE bob; SELECT * FROM secrets").await, r#"ok [[Some("1"), Some("5"), Some("4")]]"#);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_was_dropped_writes_no_more() {
    let (server, admin) = with_two_users().await;
    let alice = as_user(&server, "alice", true).await;
    assert_eq!(run(&alice, "SELECT count(*) FROM notes").await, r#"[[Some("10")]]"#);
    assert_eq!(run(&admin, "DROP USER alice").await, "ok");
    for sql in ["SELECT count(*) FROM notes", "INSERT INTO notes VALUES (99)", "DELETE FROM seen"] {
        assert_eq!(run(&alice, sql).await, "42704", "{sql}");
    }
    let left = "SET kalamdb.all_users = on; SELECT count(*) FROM notes";
    assert_eq!(run(&admin, left).await, r#"ok [[Some("30")]]"#);
    assert_eq!(run(&admin, "PURGE USER alice").await, "ok");
    assert_eq!(run(&admin, left).await, r#"ok [[Some("20")]]"#);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_materialized_view_has_its_owners_rows_whoever_refreshes_it() {
    let (server, admin) = with_two_users().await;
    assert_eq!(
        run(&admin, "GRANT CREATE ON SCHEMA public TO alice; INSERT INTO notes VALUES (1, 'admin 1', 0)").await,
        "ok ok"
    );
    let alice = as_user(&server, "alice", true).await;
    let made = "CREATE MATERIALIZED VIEW kept AS SELECT tag, current_user::text AS owner FROM notes";
    assert!(!run(&alice, made).await.contains("42"), "the view is made");
    let kept = "SELECT count(*), min(tag), min(owner), max(owner) FROM kept";
    let of_alice = r#"[[Some("10"), Some("alice 1"), Some("alice"), Some("alice")]]"#;
    assert_eq!(run(&alice, kept).await, of_alice);
    assert_eq!(run(&admin, &format!("REFRESH MATERIALIZED VIEW kept; {kept}")).await, format!("ok {of_alice}"));
}
