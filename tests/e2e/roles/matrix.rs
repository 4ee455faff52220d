//! Every kind of role × access level × statement × way in, held to the matrix as the design has it.

use bytes::Bytes;
use futures::{SinkExt, TryStreamExt, pin_mut};
use tests::Server;
use tokio_postgres::{Client, Error};

use super::{PASSWORD, log_in};
use crate::database::{connect, run};

/// The design's rows, a column for each kind of role.
const KINDS: [&str; 4] = ["user", "service", "dba", "system"];
const LEVELS: [&str; 4] = ["public", "private", "restricted", "dba"];
const SHARED_TABLES: [&str; 4] = ["read / – / – / –", "all / all / read / –", "all", "all"];
const CREATE_SHARED: [&str; 4] = ["no", "yes", "yes", "yes"];
const FLUSH: [&str; 4] = ["no", "flush, compact", "yes", "yes"];

/// What a statement needs.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Needs {
    Read,
    Write,
    /// What the owner may: ALTER and DROP.
    Own,
    Index,
    Flush,
}

/// What the matrix says.
fn is_allowed(kind: usize, level: usize, needs: Needs) -> bool {
    let cells: Vec<&str> = SHARED_TABLES[kind].split(" / ").collect();
    let cell = if let [all] = cells[..] { all } else { cells[level] };
    let (reads, writes) = (cell != "–", cell == "all");
    match needs {
        Needs::Read => reads,
        Needs::Write => writes,
        Needs::Own => KINDS[kind] == "dba" || KINDS[kind] == "system",
        Needs::Index => writes && CREATE_SHARED[kind] == "yes",
        Needs::Flush => reads && FLUSH[kind] != "no",
    }
}

/// Statements of which each runs in a transaction that is rolled back. `$t` is the table.
const STATEMENTS: [(&str, Needs); 34] = [
    ("SELECT v FROM $t WHERE id = 1", Needs::Read),
    ("SELECT id FROM $t WHERE id > 0 ORDER BY id LIMIT 1", Needs::Read),
    ("SELECT count(*), max(v) FROM $t", Needs::Read),
    ("SELECT 1 FROM $t a JOIN $t b USING (id)", Needs::Read),
    ("SELECT (SELECT max(v) FROM $t)", Needs::Read),
    ("WITH x AS (SELECT * FROM $t) SELECT * FROM x", Needs::Read),
    ("TABLE $t", Needs::Read),
    ("EXPLAIN SELECT v FROM $t", Needs::Read),
    ("EXPLAIN ANALYZE SELECT v FROM $t WHERE id = 1", Needs::Read),
    ("DECLARE c CURSOR FOR SELECT * FROM $t", Needs::Read),
    ("CREATE TEMP TABLE copied AS SELECT * FROM $t", Needs::Read),
    ("LOCK TABLE $t IN ACCESS SHARE MODE", Needs::Read),
    ("INSERT INTO $t (v) VALUES ('new')", Needs::Write),
    ("INSERT INTO $t VALUES (7, 'new') ON CONFLICT (id) DO UPDATE SET v = 'newer'", Needs::Write),
    ("INSERT INTO $t SELECT 8, 'new'", Needs::Write),
    ("INSERT INTO $t VALUES (9, 'new') RETURNING v", Needs::Write),
    ("UPDATE $t SET v = 'new' WHERE id = 1", Needs::Write),
    ("UPDATE $t SET v = 'new' WHERE v <> ''", Needs::Write),
    ("DELETE FROM $t WHERE id = 1", Needs::Write),
    ("DELETE FROM $t WHERE v <> ''", Needs::Write),
    ("MERGE INTO $t m USING (SELECT 1 AS id) n ON m.id = n.id WHEN MATCHED THEN DELETE", Needs::Write),
    ("WITH x AS (DELETE FROM $t RETURNING 1) SELECT * FROM x", Needs::Write),
    ("EXPLAIN ANALYZE UPDATE $t SET v = 'new' WHERE id = 1", Needs::Write),
    ("SELECT v FROM $t WHERE id = 1 FOR UPDATE", Needs::Write),
    ("SELECT nextval(pg_get_serial_sequence('$t', 'id'))", Needs::Write),
    ("LOCK TABLE $t", Needs::Write),
    ("TRUNCATE $t", Needs::Write),
    ("ALTER TABLE $t ADD COLUMN w int", Needs::Own),
    ("ALTER TABLE $t RENAME TO renamed", Needs::Own),
    ("ALTER TABLE $t SET (access_level = 'public')", Needs::Own),
    ("COMMENT ON TABLE $t IS 'seen'", Needs::Own),
    ("DROP TABLE $t", Needs::Own),
    ("CREATE INDEX ON $t (v)", Needs::Index),
    ("ALTER SEQUENCE app.t_public_id_seq RESTART", Needs::Own),
];

/// How a statement comes in.
#[derive(Debug, Clone, Copy)]
enum Way {
    Simple,
    Extended,
}

/// The roles, a table of each level that none of them owns, and views of those.
async fn made(server: &Server) -> Client {
    let client = connect(server, "postgres").await;
    let mut setup = "CREATE ROLE boss; CREATE SCHEMA app AUTHORIZATION boss; SET ROLE boss;".to_owned();
    for level in LEVELS {
        setup.push_str(&format!(
            "CREATE TABLE app.t_{level} (id serial PRIMARY KEY, v text) WITH (access_level = '{level}');
             INSERT INTO app.t_{level} (v) VALUES ('a'), ('b');"
        ));
    }
    setup.push_str("RESET ROLE; CREATE ROLE asker LOGIN PASSWORD 'let me in';");
    for kind in KINDS {
        setup.push_str(&format!("CREATE USER of_{kind} WITH PASSWORD '{PASSWORD}' ROLE {kind};"));
        setup.push_str(&format!("CREATE SCHEMA views_{kind} AUTHORIZATION of_{kind};"));
        setup.push_str(&format!("GRANT USAGE ON SCHEMA views_{kind} TO asker;"));
    }
    let answer = run(&client, &setup).await;
    assert!(answer.split(' ').all(|part| part == "ok"), "{answer}");
    client
}

fn code(error: &Error) -> String {
    error.code().map_or_else(|| error.to_string(), |code| code.code().to_owned())
}

/// Runs a statement in a transaction that is rolled back.
async fn attempt(client: &Client, sql: &str, way: Way) -> Result<(), String> {
    client.batch_execute("BEGIN").await.expect("a transaction begins");
    let result = match way {
        Way::Simple => client.simple_query(sql).await.map(drop),
        Way::Extended => client.query(sql, &[]).await.map(drop),
    };
    client.batch_execute("ROLLBACK").await.expect("it is rolled back");
    result.map_err(|error| code(&error))
}

fn check(result: Result<(), String>, allowed: bool, case: &str, wrong: &mut Vec<String>) {
    let expected = if allowed { Ok(()) } else { Err("42501".to_owned()) };
    if result != expected {
        wrong.push(format!("{case}: {result:?}"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn statements_hold_to_the_matrix() {
    let server = Server::start();
    let system = made(&server).await;
    let (mut wrong, mut cases) = (Vec::new(), 0);
    for (kind, name) in KINDS.iter().enumerate() {
        for (way_name, options) in [("point", ""), ("wide", "-c kalamdb.point_plans=off")] {
            let own = log_in(&server, &format!("of_{name}"), options).await.expect("it may log in");
            let became = log_in(&server, "of_system", options).await.expect("it may log in");
            run(&became, &format!("SET ROLE of_{name}")).await;
            for (level, level_name) in LEVELS.iter().enumerate() {
                for (statement, needs) in STATEMENTS {
                    let sql = statement.replace("$t", &format!("app.t_{level_name}"));
                    for (who, client) in [("log-in", &own), ("SET ROLE", &became)] {
                        for way in [Way::Simple, Way::Extended] {
                            let case = format!("{name} {level_name} {way_name} {who} {way:?}: {sql}");
                            let result = attempt(client, &sql, way).await;
                            check(result, is_allowed(kind, level, needs), &case, &mut wrong);
                            cases += 1;
                        }
                    }
                    // The system may do anything as anybody.
                    let is_executable = !["DECLARE", "LOCK"].iter().any(|word| sql.starts_with(word));
                    if is_executable && way_name == "point" {
                        let sql = format!("EXECUTE AS USER 'of_{name}' ({sql})");
                        for way in [Way::Simple, Way::Extended] {
                            let result = attempt(&system, &sql, way).await;
                            let case = format!("{name} {level_name} {way:?}: {sql}");
                            check(result, is_allowed(kind, level, needs), &case, &mut wrong);
                            cases += 1;
                        }
                    }
                }
            }
        }
    }
    println!("{cases} cases");
    assert!(wrong.is_empty(), "{} of {cases} cases:\n{}", wrong.len(), wrong.join("\n"));
}

#[tokio::test(flavor = "multi_thread")]
async fn copies_flushes_views_and_revoked_statements_hold_to_the_matrix() {
    let server = Server::start();
    let system = made(&server).await;
    let asker = log_in(&server, "asker", "").await.expect("it may log in");
    let mut wrong = Vec::new();
    for (kind, name) in KINDS.iter().enumerate() {
        let own = log_in(&server, &format!("of_{name}"), "").await.expect("it may log in");
        for (level, level_name) in LEVELS.iter().enumerate() {
            let case = |what: &str| format!("{name} {level_name} {what}");
            let table = format!("app.t_{level_name}");
            let (reads, writes) = (is_allowed(kind, level, Needs::Read), is_allowed(kind, level, Needs::Write));
            for from in [table.clone(), format!("(SELECT v FROM {table})")] {
                let result = copied_out(&own, &format!("COPY {from} TO STDOUT")).await;
                check(result, reads, &case("COPY TO"), &mut wrong);
            }
            // The driver gives a connection up once the server has refused what it wanted to send.
            let sender = log_in(&server, &format!("of_{name}"), "").await.expect("it may log in");
            let result = copied_in(&sender, &format!("COPY {table} (v) FROM STDIN"), b"copied\n").await;
            check(result, writes, &case("COPY FROM"), &mut wrong);
            let listened = own.simple_query(&format!("LISTEN l FOR SELECT v FROM {table}; UNLISTEN l")).await;
            let listened = listened.map(drop).map_err(|error| code(&error));
            check(listened, reads, &case("LISTEN FOR"), &mut wrong);
            for moved in ["FLUSH", "COMPACT"] {
                let result = own.simple_query(&format!("STORAGE {moved} TABLE {table}")).await.map(drop);
                let result = result.map_err(|error| code(&error));
                check(result, is_allowed(kind, level, Needs::Flush), &case(moved), &mut wrong);
            }
            // Whoever may read the view reads with the rights of its owner.
            let view = format!("views_{name}.v_{level_name}");
            run(&own, &format!("CREATE VIEW {view} AS SELECT id, v FROM {table}; GRANT ALL ON {view} TO asker")).await;
            let exists = kind > 0 || level == 0;
            if exists {
                check(attempt(&asker, &format!("TABLE {view}"), Way::Extended).await, reads, &case("view"), &mut wrong);
                let update = format!("UPDATE {view} SET v = 'new' WHERE id = 1");
                check(attempt(&asker, &update, Way::Simple).await, writes, &case("write view"), &mut wrong);
            }
            let statements = [
                (format!("SELECT v FROM {table} WHERE id = $1"), "SELECT", reads),
                (format!("SELECT count(*) FROM {table} WHERE id <> $1"), "SELECT", reads),
                (format!("UPDATE {table} SET v = v WHERE id = $1"), "SELECT, UPDATE", writes),
            ];
            for (sql, granted, allowed) in statements {
                run(
                    &system,
                    &format!("GRANT {granted} ON {table} TO of_{name}; GRANT USAGE ON SCHEMA app TO of_{name}"),
                )
                .await;
                let prepared = own.prepare(&sql).await.expect("what was granted may be prepared");
                let before = own.query(&prepared, &[&1i32]).await.map(drop).map_err(|error| code(&error));
                check(before, true, &case("granted"), &mut wrong);
                let revoked = format!("REVOKE ALL ON {table} FROM of_{name}; REVOKE ALL ON SCHEMA app FROM of_{name}");
                assert_eq!(run(&system, &revoked).await, "ok ok");
                let after = own.query(&prepared, &[&1i32]).await.map(drop).map_err(|error| code(&error));
                check(after, allowed, &case("revoked"), &mut wrong);
            }
        }
    }
    assert!(wrong.is_empty(), "{} cases:\n{}", wrong.len(), wrong.join("\n"));
}

/// Statements on tables of which each role has rows of its own, and what becomes of them for a user table and for a stream:
/// allowed to all (`a`), to whoever may redefine (`o`), not there at all (`n`).
const OWN_ROWS: [(&str, [char; 2]); 24] = [
    ("SELECT v FROM $t WHERE id = 1", ['a', 'a']),
    ("SELECT count(*), max(v) FROM $t", ['a', 'a']),
    ("SELECT 1 FROM $t a JOIN $t b USING (id)", ['a', 'a']),
    ("WITH x AS (SELECT * FROM $t) SELECT * FROM x", ['a', 'a']),
    ("EXPLAIN ANALYZE SELECT v FROM $t WHERE id = 1", ['a', 'a']),
    ("DECLARE c CURSOR FOR SELECT * FROM $t", ['a', 'n']),
    ("CREATE TEMP TABLE copied AS SELECT * FROM $t", ['a', 'a']),
    ("INSERT INTO $t VALUES (7, 'new')", ['a', 'a']),
    ("INSERT INTO $t SELECT 8, 'new' RETURNING v", ['a', 'a']),
    ("INSERT INTO $t VALUES (9, 'new') ON CONFLICT DO NOTHING", ['a', 'a']),
    ("INSERT INTO $t VALUES (7, 'new') ON CONFLICT (id) DO UPDATE SET v = 'newer'", ['a', 'n']),
    ("UPDATE $t SET v = 'new' WHERE id = 1", ['a', 'n']),
    ("EXPLAIN ANALYZE UPDATE $t SET v = 'new'", ['a', 'n']),
    ("DELETE FROM $t WHERE id = 1", ['a', 'a']),
    ("WITH x AS (DELETE FROM $t RETURNING 1) SELECT * FROM x", ['a', 'a']),
    ("MERGE INTO $t m USING (SELECT 1 AS id) n ON m.id = n.id WHEN MATCHED THEN DELETE", ['a', 'a']),
    ("SELECT v FROM $t WHERE id = 1 FOR UPDATE", ['a', 'a']),
    ("TRUNCATE $t", ['a', 'a']),
    ("ALTER TABLE $t ADD COLUMN w int", ['o', 'o']),
    ("ALTER TABLE $t RENAME TO renamed", ['o', 'o']),
    ("COMMENT ON TABLE $t IS 'seen'", ['o', 'o']),
    ("DROP TABLE $t", ['o', 'o']),
    ("ALTER TABLE $t ALTER v TYPE int USING 1", ['o', 'n']),
    ("LOCK TABLE $t IN ACCESS SHARE MODE", ['a', 'a']),
];

#[tokio::test(flavor = "multi_thread")]
async fn everybody_has_rows_of_his_own_in_user_and_stream_tables() {
    let server = Server::start();
    let system = made(&server).await;
    let tables = "SET ROLE boss; CREATE USER TABLE app.of_user (id int PRIMARY KEY, v text);
        CREATE STREAM TABLE app.of_stream (id int, v text) WITH (ttl_seconds = 86400); RESET ROLE";
    assert_eq!(run(&system, tables).await, "ok ok ok ok");
    let (mut wrong, mut cases) = (Vec::new(), 0);
    for (kind, name) in KINDS.iter().enumerate() {
        // Everybody may look into the schema here.
        assert_eq!(run(&system, &format!("GRANT USAGE ON SCHEMA app TO of_{name}")).await, "ok");
        for (way_name, options) in [("point", ""), ("wide", "-c kalamdb.point_plans=off")] {
            let own = log_in(&server, &format!("of_{name}"), options).await.expect("it may log in");
            for (class, table) in ["app.of_user", "app.of_stream"].iter().enumerate() {
                let emptied = format!("TRUNCATE {table}; INSERT INTO {table} VALUES (1, '{name}')");
                assert_eq!(run(&own, &emptied).await, "ok ok");
                assert_eq!(run(&own, &format!("SELECT v FROM {table}")).await, format!("[[Some(\"{name}\")]]"));
                for (statement, outcomes) in OWN_ROWS {
                    let sql = statement.replace("$t", table);
                    let redefines = KINDS[kind] == "dba" || KINDS[kind] == "system";
                    let expected = match outcomes[class] {
                        'n' if outcomes[0] == 'a' || redefines => Err("0A000".to_owned()),
                        'a' => Ok(()),
                        _ if redefines => Ok(()),
                        _ => Err("42501".to_owned()),
                    };
                    for way in [Way::Simple, Way::Extended] {
                        let result = attempt(&own, &sql, way).await;
                        if result != expected {
                            wrong.push(format!("{name} {way_name} {way:?}: {sql}: {result:?}"));
                        }
                        cases += 1;
                    }
                }
                let copied = copied_out(&own, &format!("COPY {table} TO STDOUT")).await;
                check(copied, true, &format!("{name} {table} COPY TO"), &mut wrong);
                let listened = own.simple_query(&format!("LISTEN l FOR SELECT v FROM {table}; UNLISTEN l")).await;
                check(
                    listened.map(drop).map_err(|error| code(&error)),
                    true,
                    &format!("{name} {table} LISTEN"),
                    &mut wrong,
                );
                let flushed = own.simple_query(&format!("STORAGE FLUSH TABLE {table}")).await.map(drop);
                let expected = match (FLUSH[kind], class) {
                    ("no", _) => Err("42501".to_owned()),
                    (_, 0) => Ok(()),
                    _ => Err("0A000".to_owned()),
                };
                if flushed.map_err(|error| code(&error)) != expected {
                    wrong.push(format!("{name} {table} FLUSH"));
                }
                let sender = log_in(&server, &format!("of_{name}"), "").await.expect("it may log in");
                let sent = copied_in(&sender, &format!("COPY {table} (id, v) FROM STDIN"), b"5\tcopied\n").await;
                check(sent, true, &format!("{name} {table} COPY FROM"), &mut wrong);
            }
        }
        // A role of any kind makes such tables where it may look.
        let own = log_in(&server, &format!("of_{name}"), "").await.expect("it may log in");
        for made in
            ["CREATE USER TABLE app.u_$k (id int)", "CREATE STREAM TABLE app.s_$k (id int) WITH (ttl_seconds = 5)"]
        {
            check(
                attempt(&own, &made.replace("$k", name), Way::Simple).await,
                true,
                &format!("{name}: {made}"),
                &mut wrong,
            );
        }
    }
    println!("{cases} cases");
    assert!(wrong.is_empty(), "{} of {cases} cases:\n{}", wrong.len(), wrong.join("\n"));
}

async fn copied_out(client: &Client, sql: &str) -> Result<(), String> {
    let stream = client.copy_out(sql).await.map_err(|error| code(&error))?;
    pin_mut!(stream);
    while stream.try_next().await.map_err(|error| code(&error))?.is_some() {}
    Ok(())
}

async fn copied_in(client: &Client, sql: &str, rows: &'static [u8]) -> Result<(), String> {
    let sink = client.copy_in(sql).await.map_err(|error| code(&error))?;
    pin_mut!(sink);
    sink.send(Bytes::from_static(rows)).await.map_err(|error| code(&error))?;
    sink.finish().await.map(drop).map_err(|error| code(&error))
}

#[tokio::test(flavor = "multi_thread")]
async fn operators_and_makers_are_who_the_matrix_says() {
    let server = Server::start();
    made(&server).await;
    let directory = tempfile::tempdir().expect("a temporary directory");
    let backup = format!("BACKUP DATABASE TO '{}/$k'", directory.path().display());
    let storage = format!("CREATE STORAGE of_$k TYPE 'filesystem' PATH '{}/s$k'", directory.path().display());
    // Whether user, service, dba and system may.
    let cases: [(&str, &str); 17] = [
        ("SELECT count(*) FROM system.jobs", "--++"),
        ("SELECT count(*) FROM system.segments", "--++"),
        ("SHOW JOBS", "--++"),
        ("SHOW STORAGES", "--++"),
        (&backup, "--++"),
        (&storage, "--++"),
        ("CREATE SCHEMA made_$k", "-+++"),
        ("CREATE TABLE public.made_$k (id int PRIMARY KEY)", "-+++"),
        ("CREATE TABLE app.made_$k (id int PRIMARY KEY)", "-+++"),
        ("CREATE ROLE made_user_$k ROLE user", "--++"),
        ("CREATE USER made_service_$k ROLE service", "--++"),
        ("CREATE USER made_dba_$k ROLE dba", "--++"),
        ("CREATE USER made_system_$k ROLE system", "---+"),
        ("ALTER USER of_system CONNECTION LIMIT 5", "---+"),
        ("ALTER USER of_dba CONNECTION LIMIT 50", "--++"),
        ("ALTER USER of_$k PASSWORD 'let me in'", "+-++"),
        ("GRANT of_dba TO asker", "--++"),
    ];
    let mut wrong = Vec::new();
    for (kind, name) in KINDS.iter().enumerate() {
        let own = log_in(&server, &format!("of_{name}"), "").await.expect("it may log in");
        for (statement, allowed) in cases {
            let sql = statement.replace("$k", name);
            let result = own.simple_query(&sql).await.map(drop).map_err(|error| code(&error));
            check(result, allowed.as_bytes()[kind] == b'+', &format!("{name}: {sql}"), &mut wrong);
        }
    }
    assert!(wrong.is_empty(), "{} cases:\n{}", wrong.len(), wrong.join("\n"));
}
