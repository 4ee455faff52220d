//! EXECUTE AS USER: whose rights a statement has, and that they end with it.

use tests::{Answer, Server};
use tokio_postgres::Client;

use super::{PASSWORD, log_in};
use crate::database::{connect, run};

const WHO: &str = "SELECT current_user::text, session_user::text";

/// Roles of each kind, and a table of alice's that only she may read.
async fn made(server: &Server) -> Client {
    let client = connect(server, "postgres").await;
    let mut setup = String::new();
    for (name, kind) in
        [("alice", "user"), ("bob", "user"), ("app", "service"), ("app2", "service"), ("ops", "dba"), ("ops2", "dba")]
    {
        setup.push_str(&format!("CREATE USER {name} WITH PASSWORD '{PASSWORD}' ROLE {kind};"));
    }
    setup.push_str(
        "CREATE SCHEMA hers AUTHORIZATION alice; GRANT USAGE ON SCHEMA hers TO app; SET ROLE alice;
         CREATE TABLE hers.diary (id int PRIMARY KEY, v text) WITH (access_level = 'dba');
         INSERT INTO hers.diary VALUES (1, 'a'), (2, 'b'); RESET ROLE;",
    );
    let answer = run(&client, &setup).await;
    assert!(answer.split(' ').all(|part| part == "ok"), "{answer}");
    client
}

#[tokio::test(flavor = "multi_thread")]
async fn the_matrix_says_who_acts_as_whom() {
    let server = Server::start();
    let system = made(&server).await;
    let who = ["alice", "app", "ops", "postgres"];
    let targets = ["alice", "bob", "app", "app2", "ops", "ops2", "postgres", "pg_read_all_data", "nobody"];
    // Everybody acts as themselves.
    let allowed =
        ["alice", "alice bob app", "alice bob app app2 ops", "alice bob app app2 ops ops2 postgres pg_read_all_data"];
    for (name, allowed) in who.iter().zip(allowed) {
        let client = match *name {
            "postgres" => connect(&server, "postgres").await,
            name => log_in(&server, name, "").await.expect("it may log in"),
        };
        for target in targets {
            let may = allowed.split(' ').any(|one| one == target);
            let refusal = if *name == "postgres" { "42704" } else { "42501" };
            let expected = if may { format!("[[Some(\"{target}\"), Some(\"{name}\")]]") } else { refusal.to_owned() };
            assert_eq!(run(&client, &format!("EXECUTE AS USER '{target}' ({WHO})")).await, expected, "{name}");
            assert_eq!(run(&client, WHO).await, format!("[[Some(\"{name}\"), Some(\"{name}\")]]"));
        }
    }
    // What is refused does not tell whether there is such a role.
    let client = log_in(&server, "app", "").await.expect("it may log in");
    assert_eq!(refusal(&client, "ops").await, refusal(&client, "nobody").await);
    // A member may, as with SET ROLE.
    let carol = format!("CREATE USER carol PASSWORD '{PASSWORD}'; GRANT ops TO carol");
    assert_eq!(run(&system, &carol).await, "ok ok");
    let carol = log_in(&server, "carol", "").await.expect("it may log in");
    assert_eq!(run(&carol, "EXECUTE AS USER ops (SELECT 1)").await, "[[Some(\"1\")]]");
    assert_eq!(run(&carol, "EXECUTE AS USER alice (SELECT 1)").await, "42501");
    assert_eq!(run(&carol, "SET ROLE ops; EXECUTE AS USER alice (SELECT 1)").await, "ok [[Some(\"1\")]]");
}

/// The words of a refusal without the name.
async fn refusal(client: &Client, role: &str) -> String {
    Answer::of(client, &format!("EXECUTE AS USER {role} (SELECT 1)")).await.to_string().replace(role, "…")
}

#[tokio::test(flavor = "multi_thread")]
async fn the_role_ends_with_the_statement() {
    let server = Server::start();
    made(&server).await;
    let app = log_in(&server, "app", "").await.expect("it may log in");
    let own = "[[Some(\"app\"), Some(\"app\")]]";
    for (sql, expected) in [
        ("SELECT v FROM hers.diary WHERE id = 1", "42501"),
        ("EXECUTE AS USER alice (SELECT v FROM hers.diary WHERE id = 1)", "[[Some(\"a\")]]"),
        ("SELECT v FROM hers.diary WHERE id = 1", "42501"),
        ("EXECUTE AS USER 'alice' ( SELECT count(*) FROM hers.diary )", "[[Some(\"2\")]]"),
        ("EXECUTE AS USER \"alice\" (UPDATE hers.diary SET v = 'c' WHERE id = 2)", "ok"),
        ("EXECUTE AS USER alice (INSERT INTO hers.diary VALUES (3, current_user) RETURNING v)", "[[Some(\"alice\")]]"),
        ("EXECUTE AS USER alice (DELETE FROM hers.diary WHERE id = 3)", "ok"),
        ("EXECUTE AS USER bob (SELECT v FROM hers.diary WHERE id = 1)", "42501"),
        ("EXECUTE AS USER alice (CREATE TABLE hers.other (a int))", "ok"),
        ("DROP TABLE hers.other", "42501"),
        ("EXECUTE AS USER alice (DROP TABLE hers.other)", "ok"),
        ("EXECUTE AS USER alice (SELECT 1 / 0)", "22012"),
        ("EXECUTE AS USER alice (SELECT nosuch)", "42703"),
        ("EXECUTE AS USER alice (SELECT pg_sleep(0), current_user::text)", "[[Some(\"\"), Some(\"alice\")]]"),
        ("EXECUTE AS USER alice (EXPLAIN (COSTS OFF, ANALYZE, SUMMARY OFF) SELECT 1 FROM hers.diary WHERE id = 9)", ""),
        ("EXECUTE AS USER alice (SET ROLE postgres)", "0A000"),
        ("EXECUTE AS USER alice (SET SESSION AUTHORIZATION postgres)", "0A000"),
        ("EXECUTE AS USER alice (COMMIT)", "0A000"),
        ("EXECUTE AS USER alice (EXECUTE AS USER bob (SELECT 1))", "0A000"),
        ("EXECUTE AS USER alice (SELECT set_config('role', 'bob', false))", "42501"),
        ("EXECUTE AS USER alice (SELECT set_config('work_mem', '2MB', false))", "[[Some(\"2MB\")]]"),
        ("SHOW work_mem", "[[Some(\"2MB\")]]"),
        ("EXECUTE AS USER alice", "42601"),
        ("EXECUTE AS USER alice SELECT 1", "42601"),
        ("EXECUTE AS USER alice ()", "42601"),
        ("EXECUTE AS USER alice (SELECT 1) x", "42601"),
        ("EXECUTE AS USER alice (SELECT 1", "42601"),
        ("EXECUTE AS USER CURRENT_USER (SELECT 1)", "42601"),
    ] {
        let found = run(&app, sql).await;
        assert!(found == expected || expected.is_empty() && found.contains("Actual"), "{sql}: {found}");
        assert_eq!(run(&app, WHO).await, own, "{sql}");
    }
    let several = format!("{WHO}; EXECUTE AS USER alice ({WHO}); {WHO}");
    assert_eq!(run(&app, &several).await, format!("{own} [[Some(\"alice\"), Some(\"app\")]] {own}"));
}

#[tokio::test(flavor = "multi_thread")]
async fn transactions_and_prepared_statements_keep_roles_apart() {
    let server = Server::start();
    let system = made(&server).await;
    let app = log_in(&server, "app", "").await.expect("it may log in");
    let begun = "BEGIN; EXECUTE AS USER alice (UPDATE hers.diary SET v = 'z' WHERE id = 1); SELECT current_user::text";
    assert_eq!(run(&app, begun).await, "ok ok [[Some(\"app\")]]");
    assert_eq!(run(&app, "EXECUTE AS USER alice (SELECT 1 / 0)").await, "22012");
    assert_eq!(run(&app, "EXECUTE AS USER alice (SELECT 1)").await, "25P02");
    assert_eq!(run(&app, "ROLLBACK; SELECT current_user::text").await, "ok [[Some(\"app\")]]");

    let as_alice = app.prepare("EXECUTE AS USER alice (SELECT v, current_user::text FROM hers.diary WHERE id = $1)");
    let as_alice = as_alice.await.expect("alice may");
    let counted = app.prepare("EXECUTE AS USER alice (SELECT count(*) FROM hers.diary WHERE id <> $1)").await;
    let counted = counted.expect("alice may");
    assert_eq!(as_alice.params().len(), 1);
    for _ in 0..3 {
        let row = app.query_one(&as_alice, &[&1i32]).await.expect("alice may");
        assert_eq!((row.get::<_, &str>(0), row.get::<_, &str>(1)), ("a", "alice"));
        assert_eq!(app.query_one(&counted, &[&1i32]).await.expect("alice may").get::<_, i64>(0), 1);
        let own = app.query_one("SELECT current_user::text", &[]).await.expect("anybody may");
        assert_eq!(own.get::<_, &str>(0), "app");
        assert!(app.query("SELECT v FROM hers.diary WHERE id = $1", &[&1i32]).await.is_err());
    }
    // Neither outlives what it stands on: the right to act, and the rights of whom it acts as.
    assert_eq!(run(&system, "ALTER TABLE hers.diary OWNER TO bob").await, "ok");
    assert!(app.query(&as_alice, &[&1i32]).await.is_err());
    assert_eq!(run(&system, "ALTER TABLE hers.diary OWNER TO alice").await, "ok");
    assert!(app.query(&as_alice, &[&1i32]).await.is_ok());
    assert_eq!(run(&system, "ALTER USER app ROLE user").await, "ok");
    assert!(app.query(&as_alice, &[&1i32]).await.is_err());
    assert_eq!(run(&system, "ALTER USER app ROLE service; ALTER USER alice ROLE service").await, "ok ok");
    assert!(app.query(&as_alice, &[&1i32]).await.is_err());
}
