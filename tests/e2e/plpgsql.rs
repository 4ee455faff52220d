//! Bodies in PL/pgSQL beyond what a script can compare: those that are stopped, that call too deep, that raise too much,
//! and what of the language is not there.

use tests::{Answer, Server};

use crate::database::{connect, run};

#[tokio::test(flavor = "multi_thread")]
async fn a_loop_without_end_is_stopped_and_not_caught() {
    let server = Server::start();
    let client = connect(&server, "postgres").await;
    assert_eq!(run(&client, "CREATE TABLE t (id int)").await, "ok");
    for body in [
        "LOOP NULL; END LOOP;",
        "WHILE true LOOP PERFORM 1; END LOOP;",
        "LOOP BEGIN LOOP NULL; END LOOP; EXCEPTION WHEN OTHERS THEN NULL; END; END LOOP;",
        "LOOP INSERT INTO t VALUES (1); DELETE FROM t; END LOOP;",
    ] {
        assert_eq!(run(&client, "SET statement_timeout = 200").await, "ok");
        let found = run(&client, &format!("DO $$ BEGIN {body} END $$")).await;
        assert!(found.starts_with("57014"), "{body}: {found}");
        let cancel = client.cancel_token();
        assert_eq!(run(&client, "SET statement_timeout = 0").await, "ok");
        let statement = format!("DO $$ BEGIN {body} END $$");
        let (found, ()) = tokio::join!(run(&client, &statement), async {
            tokio::time::sleep(std::time::Duration::from_millis(200)).await;
            cancel.cancel_query(tokio_postgres::NoTls).await.expect("the server is asked");
        });
        assert!(found.starts_with("57014"), "{body}: {found}");
    }
    assert_eq!(run(&client, "SELECT count(*) FROM t").await, r#"[[Some("0")]]"#);
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_are_as_deep_as_the_server_lets_them_be() {
    let server = Server::start();
    let client = connect(&server, "postgres").await;
    let body = "DECLARE r int; BEGIN IF n = 0 THEN RETURN 0; END IF; r := down(n - 1); RETURN r + 1; END";
    let sql = format!("CREATE FUNCTION down(n int) RETURNS int LANGUAGE plpgsql AS $$ {body} $$");
    assert_eq!(run(&client, &sql).await, "ok");
    assert_eq!(run(&client, "SELECT down(199)").await, r#"[[Some("199")]]"#);
    let found = run(&client, "SELECT down(200)").await;
    assert!(found.starts_with("54001"), "{found}");
    // It is an error like others, and leaves nothing behind.
    let caught = "DO $$ BEGIN PERFORM down(1000); EXCEPTION WHEN statement_too_complex THEN NULL; END $$";
    assert_eq!(run(&client, caught).await, "ok");
    assert_eq!(run(&client, "SELECT down(199)").await, r#"[[Some("199")]]"#);
    // So it is among expressions, over rows and within blocks.
    let body =
        "BEGIN RETURN CASE WHEN n = 0 THEN 0 ELSE (SELECT max(deep(g - 1)) FROM generate_series(n, n) g) + 1 END; END";
    let sql = format!("CREATE FUNCTION deep(n int) RETURNS int LANGUAGE plpgsql AS $$ {body} $$");
    assert_eq!(run(&client, &sql).await, "ok");
    assert_eq!(run(&client, "SELECT deep(150)").await, r#"[[Some("150")]]"#);
    let found = run(&client, "SELECT deep(100000)").await;
    assert!(found.starts_with("54001") || found.starts_with("53400"), "{found}");
    assert_eq!(run(&client, "SELECT deep(150)").await, r#"[[Some("150")]]"#);
    let nested = format!("DO $$ {} NULL; {} $$", "BEGIN ".repeat(90), "END; ".repeat(90));
    assert_eq!(run(&client, &nested).await, "ok");
    let nested = format!("DO $$ {} NULL; {} $$", "BEGIN ".repeat(5000), "END; ".repeat(5000));
    let found = run(&client, &nested).await;
    assert!(found.starts_with("54001"), "{found}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_there_is_refused_by_name() {
    let server = Server::start();
    let client = connect(&server, "postgres").await;
    for (body, what) in [
        ("DECLARE c CURSOR FOR SELECT 1; BEGIN END", "a cursor in PL/pgSQL"),
        ("DECLARE c refcursor; BEGIN END", "a cursor in PL/pgSQL"),
        ("BEGIN COMMIT AND CHAIN; END", "COMMIT AND CHAIN in PL/pgSQL"),
        ("BEGIN EXECUTE 'COMMIT'; END", "EXECUTE of transaction commands is not implemented"),
        ("BEGIN BEGIN NULL; EXCEPTION WHEN query_canceled THEN NULL; END; END", "WHEN query_canceled in EXCEPTION"),
        ("BEGIN VACUUM; END", "VACUUM in PL/pgSQL"),
        ("BEGIN EXECUTE 'DO $x$ BEGIN END $x$'; END", "DO in PL/pgSQL"),
        ("DECLARE x text; BEGIN GET DIAGNOSTICS x = PG_CONTEXT; END", "PG_CONTEXT in GET DIAGNOSTICS"),
    ] {
        let found = Answer::of(&client, &format!("DO $$ {body} $$")).await.to_string();
        assert!(found.contains("0A000") && found.contains(what), "{body}: {found}");
    }
    let function = "CREATE FUNCTION f() RETURNS int LANGUAGE plpgsql AS $$ BEGIN RETURN 1; END $$";
    assert_eq!(run(&client, function).await, "ok");
    assert_eq!(run(&client, "CREATE TABLE t (a int, b int)").await, "ok");
    for sql in [
        "SELECT f() FROM t FOR UPDATE",
        "INSERT INTO t VALUES (1, 2) RETURNING f()",
        "MERGE INTO t USING t s ON t.a = s.a WHEN MATCHED THEN UPDATE SET b = f()",
        "CREATE TABLE u (a int DEFAULT f())",
        "SELECT f(), pg_sleep(0.01)",
        "LIVE SELECT f() FROM t",
        "SELECT * FROM t JOIN f() ON true",
        "COPY (SELECT f()) TO STDOUT",
    ] {
        let found = run(&client, sql).await;
        assert!(found.starts_with("0A000"), "{sql}: {found}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_body_keeps_is_bounded() {
    let server = Server::start();
    let client = connect(&server, "postgres").await;
    let raises = "DO $$ BEGIN LOOP RAISE NOTICE '%', repeat('x', 100000); END LOOP; END $$";
    let found = run(&client, raises).await;
    assert!(found.starts_with("54000"), "{found}");
    // What is not heard is not kept.
    let unheard = "DO $$ BEGIN FOR i IN 1..1000 LOOP RAISE DEBUG '%', repeat('x', 100000); END LOOP; END $$";
    assert_eq!(run(&client, unheard).await, "ok");
    let rows = "CREATE FUNCTION endless() RETURNS SETOF text LANGUAGE plpgsql AS
        $$ BEGIN LOOP RETURN NEXT repeat('x', 1000000); END LOOP; END $$";
    assert_eq!(run(&client, rows).await, "ok");
    let found = run(&client, "SELECT count(*) FROM endless()").await;
    assert!(found.starts_with("53200"), "{found}");
}
