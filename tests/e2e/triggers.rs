//! Triggers beyond what a script can compare: COPY, several sessions, functions that are stopped or call each other too deep,
//! and what is not there.

use std::time::Duration;

use bytes::Bytes;
use futures::SinkExt;
use tests::{Answer, Server};
use tokio_postgres::Client;

use crate::database::{connect, run};

/// Runs what has to succeed.
async fn all(client: &Client, statements: &[&str]) {
    for sql in statements {
        let answer = Answer::of(client, sql).await.to_string();
        assert!(!answer.contains("ERROR"), "{sql}: {answer}");
    }
}

const TELL: &str = "CREATE FUNCTION tell() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    IF TG_LEVEL = 'STATEMENT' THEN INSERT INTO told (line) VALUES (concat_ws(' ', TG_WHEN, TG_LEVEL)); RETURN NULL; END IF;
    INSERT INTO told (line) VALUES (concat_ws(' ', TG_WHEN, TG_LEVEL, NEW.id, NEW.v)); RETURN NEW; END $$";

async fn copy(client: &Client, data: &str) -> Result<u64, tokio_postgres::Error> {
    let mut sink = Box::pin(client.copy_in::<_, Bytes>("COPY t FROM STDIN").await?);
    // In pieces that end anywhere.
    for piece in data.as_bytes().chunks(7) {
        sink.feed(Bytes::copy_from_slice(piece)).await?;
        sink.flush().await?;
    }
    sink.as_mut().finish().await
}

#[tokio::test(flavor = "multi_thread")]
async fn copy_fires_them() {
    let server = Server::start();
    let client = connect(&server, "postgres").await;
    let double = "CREATE FUNCTION double() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
        IF NEW.v = 0 THEN RETURN NULL; END IF;
        IF NEW.v < 0 THEN RAISE EXCEPTION 'no % please', NEW.v; END IF;
        NEW.v := NEW.v * 2; RETURN NEW; END $$";
    all(
        &client,
        &[
            "CREATE TABLE told (n serial, line text)",
            "CREATE TABLE t (id int PRIMARY KEY, v int, w int GENERATED ALWAYS AS (v + 1) STORED)",
            TELL,
            double,
            "CREATE TRIGGER a BEFORE INSERT ON t FOR EACH ROW EXECUTE FUNCTION double()",
            "CREATE TRIGGER b AFTER INSERT ON t FOR EACH ROW EXECUTE FUNCTION tell()",
            "CREATE TRIGGER c BEFORE INSERT ON t FOR EACH STATEMENT EXECUTE FUNCTION tell()",
            "CREATE TRIGGER d AFTER INSERT ON t FOR EACH STATEMENT EXECUTE FUNCTION tell()",
        ],
    )
    .await;
    assert_eq!(copy(&client, "1\t10\n2\t0\n3\t30\n").await.expect("rows are copied"), 2);
    assert_eq!(
        run(&client, "SELECT * FROM t ORDER BY id").await,
        r#"[[Some("1"), Some("20"), Some("21")], [Some("3"), Some("60"), Some("61")]]"#
    );
    let lines = "SELECT string_agg(line, ', ' ORDER BY n) FROM told";
    let told = "BEFORE STATEMENT, AFTER ROW 1 20, AFTER ROW 3 60, AFTER STATEMENT";
    assert_eq!(run(&client, lines).await, format!(r#"[[Some("{told}")]]"#));
    // An error takes everything back, and the session goes on.
    let refused = copy(&client, "4\t40\n5\t-5\n6\t60\n").await.expect_err("a trigger refuses a row");
    assert!(refused.to_string().contains("db error"), "{refused}");
    assert!(copy(&client, "7\t70\n1\t1\n").await.is_err(), "a key is there already");
    assert_eq!(run(&client, "SELECT count(*) FROM t").await, r#"[[Some("2")]]"#);
    assert_eq!(run(&client, lines).await, format!(r#"[[Some("{told}")]]"#));
    assert_eq!(copy(&client, "").await.expect("nothing is copied"), 0);
    assert_eq!(copy(&client, "8\t1\n").await.expect("rows are copied"), 1);
    assert_eq!(run(&client, "SELECT v, w FROM t WHERE id = 8").await, r#"[[Some("2"), Some("3")]]"#);
}

#[tokio::test(flavor = "multi_thread")]
async fn they_are_as_deep_as_the_server_lets_them_be() {
    let server = Server::start();
    let client = connect(&server, "postgres").await;
    all(
        &client,
        &[
            "CREATE TABLE t (id int PRIMARY KEY)",
            "CREATE FUNCTION next() RETURNS trigger LANGUAGE plpgsql AS
            $$ BEGIN IF NEW.id > 0 THEN INSERT INTO t VALUES (NEW.id - 1); END IF; RETURN NEW; END $$",
            "CREATE TRIGGER next BEFORE INSERT ON t FOR EACH ROW EXECUTE FUNCTION next()",
        ],
    )
    .await;
    assert_eq!(run(&client, "INSERT INTO t VALUES (199)").await, "ok");
    assert_eq!(run(&client, "SELECT count(*) FROM t").await, r#"[[Some("200")]]"#);
    all(&client, &["TRUNCATE t"]).await;
    let found = run(&client, "INSERT INTO t VALUES (200)").await;
    assert!(found.starts_with("54001"), "{found}");
    assert_eq!(run(&client, "SELECT count(*), pg_trigger_depth() FROM t").await, r#"[[Some("0"), Some("0")]]"#);
    assert_eq!(run(&client, "INSERT INTO t VALUES (199)").await, "ok");
}

#[tokio::test(flavor = "multi_thread")]
async fn one_that_does_not_end_is_stopped() {
    let server = Server::start();
    let client = connect(&server, "postgres").await;
    all(&client, &[
        "CREATE ROLE owner; CREATE ROLE other; GRANT CREATE ON SCHEMA public TO owner",
        "CREATE TABLE t (id int, who text)",
        "GRANT ALL ON t TO other",
        "SET ROLE owner",
        "CREATE FUNCTION endless() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS
            $$ BEGIN IF NEW.id = 0 THEN LOOP NULL; END LOOP; END IF; NEW.who := current_user; RETURN NEW; END $$",
        "RESET ROLE",
        "CREATE TRIGGER a BEFORE INSERT ON t FOR EACH ROW EXECUTE FUNCTION endless()",
        "SET ROLE other",
    ])
    .await;
    for _ in 0..3 {
        let cancel = client.cancel_token();
        let (found, ()) = tokio::join!(run(&client, "INSERT INTO t VALUES (1), (0)"), async {
            tokio::time::sleep(Duration::from_millis(200)).await;
            cancel.cancel_query(tokio_postgres::NoTls).await.expect("the server is asked");
        });
        assert!(found.starts_with("57014"), "{found}");
        // Nothing of the function's rights or settings is left.
        assert_eq!(
            run(&client, "SELECT current_user, current_setting('search_path'), pg_trigger_depth()").await,
            r#"[[Some("other"), Some("\"$user\", public"), Some("0")]]"#
        );
        all(&client, &["SET statement_timeout = 100"]).await;
        let found = run(&client, "INSERT INTO t VALUES (0)").await;
        assert!(found.starts_with("57014"), "{found}");
        all(&client, &["RESET statement_timeout"]).await;
    }
    assert_eq!(run(&client, "INSERT INTO t VALUES (5) RETURNING who").await, r#"[[Some("owner")]]"#);
    assert_eq!(run(&client, "SELECT count(*) FROM t").await, r#"[[Some("1")]]"#);
}

#[tokio::test(flavor = "multi_thread")]
async fn writers_at_the_same_time_lose_no_count() {
    let server = Server::start();
    let admin = connect(&server, "postgres").await;
    all(
        &admin,
        &[
            "CREATE TABLE total (id int PRIMARY KEY, n int)",
            "INSERT INTO total VALUES (1, 0)",
            "CREATE TABLE t (id serial PRIMARY KEY, v int)",
            "CREATE FUNCTION count_up() RETURNS trigger LANGUAGE plpgsql AS
            $$ BEGIN UPDATE total SET n = n + 1 WHERE id = 1; RETURN NULL; END $$",
            "CREATE TRIGGER a AFTER INSERT ON t FOR EACH ROW EXECUTE FUNCTION count_up()",
        ],
    )
    .await;
    let mut writers = Vec::new();
    for _ in 0..4 {
        let client = connect(&server, "postgres").await;
        writers.push(tokio::spawn(async move {
            for n in 0..25 {
                assert_eq!(run(&client, &format!("INSERT INTO t (v) VALUES ({n}), ({n})")).await, "ok");
            }
        }));
    }
    for writer in writers {
        writer.await.expect("a writer ends");
    }
    assert_eq!(run(&admin, "SELECT n, (SELECT count(*) FROM t) FROM total").await, r#"[[Some("200"), Some("200")]]"#);
}

#[tokio::test(flavor = "multi_thread")]
async fn they_are_there_after_a_restart_and_follow_their_function() {
    let mut server = Server::start();
    let client = connect(&server, "postgres").await;
    let stamp = |what: &str| {
        format!(
            "CREATE OR REPLACE FUNCTION stamp() RETURNS trigger LANGUAGE plpgsql AS
             $$ BEGIN NEW.note := '{what}'; RETURN NEW; END $$"
        )
    };
    all(
        &client,
        &[
            "CREATE TABLE t (id int PRIMARY KEY, note text)",
            &stamp("first"),
            "CREATE TRIGGER a BEFORE INSERT OR UPDATE ON t FOR EACH ROW WHEN (NEW.id <> 0) EXECUTE FUNCTION stamp()",
        ],
    )
    .await;
    let insert = client.prepare("INSERT INTO t (id) VALUES ($1) RETURNING note").await.expect("it is prepared");
    let note = async |client: &Client, insert: &tokio_postgres::Statement, id: i32| {
        client.query_one(insert, &[&id]).await.expect("a row is inserted").get::<_, Option<String>>(0)
    };
    assert_eq!(note(&client, &insert, 1).await.as_deref(), Some("first"));
    let other = connect(&server, "postgres").await;
    all(&other, &[&stamp("second")]).await;
    assert_eq!(note(&client, &insert, 2).await.as_deref(), Some("second"));
    assert_eq!(note(&client, &insert, 0).await, None);
    all(&other, &["ALTER TABLE t DISABLE TRIGGER a"]).await;
    assert_eq!(note(&client, &insert, 3).await, None);
    all(&other, &["ALTER TABLE t ENABLE TRIGGER a"]).await;
    drop((client, other));
    server.restart();
    let client = connect(&server, "postgres").await;
    assert_eq!(run(&client, "INSERT INTO t (id) VALUES (5) RETURNING note").await, r#"[[Some("second")]]"#);
    all(&client, &["STORAGE FLUSH TABLE t"]).await;
    assert_eq!(run(&client, "UPDATE t SET note = 'x' WHERE id = 5 RETURNING note").await, r#"[[Some("second")]]"#);
    assert_eq!(
        run(&client, "UPDATE t SET note = 'x' RETURNING id, note").await,
        r#"[[Some("0"), Some("x")], [Some("1"), Some("second")], [Some("2"), Some("second")], [Some("3"), Some("second")], [Some("5"), Some("second")]]"#
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn each_user_writes_his_own_rows() {
    let server = Server::start();
    let admin = connect(&server, "postgres").await;
    all(
        &admin,
        &[
            "CREATE USER TABLE notes (id int PRIMARY KEY, body text, who text)",
            "CREATE USER TABLE log (id int, who text)",
            "CREATE FUNCTION logs() RETURNS trigger LANGUAGE plpgsql AS
            $$ BEGIN INSERT INTO log VALUES (NEW.id, current_user); NEW.who := current_user; RETURN NEW; END $$",
            "CREATE TRIGGER a BEFORE INSERT OR UPDATE ON notes FOR EACH ROW EXECUTE FUNCTION logs()",
            "CREATE ROLE ann LOGIN PASSWORD 'x'; CREATE ROLE ben",
        ],
    )
    .await;
    for role in ["ann", "ben"] {
        all(
            &admin,
            &[&format!("SET ROLE {role}"), "INSERT INTO notes VALUES (1, 'mine')", "UPDATE notes SET body = 'changed'"],
        )
        .await;
        assert_eq!(
            run(&admin, "SELECT n.id, n.who, (SELECT count(*) FROM log) FROM notes n").await,
            format!(r#"[[Some("1"), Some("{role}"), Some("2")]]"#)
        );
        all(&admin, &["RESET ROLE"]).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_there_is_refused_by_name() {
    let server = Server::start();
    let client = connect(&server, "postgres").await;
    all(
        &client,
        &[
            "CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NEW; END $$",
            "CREATE TABLE t (id int PRIMARY KEY)",
            "CREATE TABLE child (id int REFERENCES t)",
            "CREATE STREAM TABLE s (id int) WITH (ttl_seconds = 60)",
        ],
    )
    .await;
    for (sql, what) in [
        ("CREATE CONSTRAINT TRIGGER a AFTER INSERT ON t FOR EACH ROW EXECUTE FUNCTION f()", "CONSTRAINT TRIGGER"),
        ("CREATE TRIGGER a INSTEAD OF INSERT ON t FOR EACH ROW EXECUTE FUNCTION f()", "INSTEAD OF"),
        ("CREATE TRIGGER a AFTER INSERT ON t REFERENCING NEW TABLE AS n EXECUTE FUNCTION f()", "REFERENCING"),
        ("CREATE TRIGGER a BEFORE INSERT ON s FOR EACH ROW EXECUTE FUNCTION f()", "stream table"),
        ("ALTER TABLE t DISABLE TRIGGER ALL", "foreign keys"),
        ("CREATE EVENT TRIGGER a ON ddl_command_end EXECUTE FUNCTION f()", "EVENT TRIGGER"),
    ] {
        let found = Answer::of(&client, sql).await.to_string();
        assert!(found.contains("0A000") && found.contains(what), "{sql}: {found}");
    }
}
