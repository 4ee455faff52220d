//! User and stream tables that are made after another table, or from a query.

use super::{as_user, with_two_users};
use crate::database::run;

#[tokio::test(flavor = "multi_thread")]
async fn a_user_table_is_made_like_another() {
    let (server, admin) = with_two_users().await;
    for (sql, expected) in [
        (
            "CREATE TABLE model (id int PRIMARY KEY, word text NOT NULL DEFAULT 'none' UNIQUE, n int CHECK (n > 0))",
            "ok",
        ),
        ("CREATE INDEX ON model (n); INSERT INTO model VALUES (1, 'a', 1)", "ok ok"),
        ("CREATE USER TABLE copied (LIKE model INCLUDING ALL, more int DEFAULT 7)", "ok"),
        ("CREATE USER TABLE IF NOT EXISTS copied (LIKE model)", "ok"),
        ("CREATE USER TABLE of_own (LIKE notes INCLUDING INDEXES) WITH (flush_policy = 'rows:500')", "ok"),
        ("CREATE TABLE shared_of_own (LIKE notes INCLUDING ALL)", "ok"),
        ("CREATE STREAM TABLE passing (LIKE model INCLUDING DEFAULTS) WITH (ttl_seconds = 60)", "ok"),
        ("CREATE STREAM TABLE passing_keys (LIKE model INCLUDING INDEXES) WITH (ttl_seconds = 60)", "0A000"),
        ("CREATE STREAM TABLE no_time (LIKE model)", "22023"),
        ("SHOW tables", "ok"),
        (
            "SELECT string_agg(indexdef, '; ' ORDER BY indexdef) FROM pg_indexes WHERE tablename = 'copied'",
            r#"[[Some("CREATE INDEX copied_n_idx ON public.copied USING btree (n); CREATE UNIQUE INDEX copied_pkey ON public.copied USING btree (id); CREATE UNIQUE INDEX copied_word_key ON public.copied USING btree (word)")]]"#,
        ),
    ] {
        let answer = run(&admin, sql).await;
        if sql != "SHOW tables" {
            assert_eq!(answer, expected, "{sql}");
        }
    }
    let (alice, bob) = (as_user(&server, "alice", true).await, as_user(&server, "bob", false).await);
    for (client, sql, expected) in [
        (&alice, "INSERT INTO copied (id, n) VALUES (1, 1); INSERT INTO passing (id, n) VALUES (1, 1)", "ok ok"),
        (
            &bob,
            "INSERT INTO copied (id, n) VALUES (1, 2); SELECT id, word, n, more FROM copied",
            r#"ok [[Some("1"), Some("none"), Some("2"), Some("7")]]"#,
        ),
        (&bob, "INSERT INTO copied VALUES (2, 'none', 1)", "23505"),
        (&bob, "INSERT INTO copied VALUES (2, 'x', 0)", "23514"),
        (&bob, "SELECT count(*) FROM passing", r#"[[Some("0")]]"#),
        (
            &alice,
            "SELECT n FROM copied WHERE word = 'none'; SELECT word FROM passing",
            r#"[[Some("1")]] [[Some("none")]]"#,
        ),
        (&alice, "INSERT INTO of_own VALUES (1, 'x', 1), (1, 'y', 1)", "23505"),
        (&alice, "SELECT * FROM shared_of_own", "42501"),
    ] {
        assert_eq!(run(client, sql).await, expected, "{sql}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_user_table_made_from_a_query_has_the_rows_of_its_maker() {
    let (server, admin) = with_two_users().await;
    let alice = as_user(&server, "alice", true).await;
    let bob = as_user(&server, "bob", true).await;
    let few = "SELECT count(*), min(tag), max(tag) FROM taken";
    for (client, sql, expected) in [
        (&alice, "CREATE USER TABLE taken AS SELECT id, tag FROM notes WHERE id <= 3", "ok"),
        (&alice, few, r#"[[Some("3"), Some("alice 1"), Some("alice 3")]]"#),
        (&bob, few, r#"[[Some("0"), None, None]]"#),
        (&bob, "INSERT INTO taken SELECT id, tag FROM notes; SELECT count(*) FROM taken", r#"ok [[Some("20")]]"#),
        (
            &alice,
            "ALTER TABLE taken ADD PRIMARY KEY (id); SELECT tag FROM taken WHERE id = 2",
            r#"ok [[Some("alice 2")]]"#,
        ),
        (&bob, "SELECT tag FROM taken WHERE id = 2", r#"[[Some("bob 2")]]"#),
        (&admin, "SELECT count(*) FROM taken", r#"[[Some("0")]]"#),
        (
            &bob,
            "BEGIN; CREATE USER TABLE gone AS SELECT 1 AS one; SELECT one FROM gone; ROLLBACK",
            r#"ok ok [[Some("1")]] ok"#,
        ),
        (&bob, "SELECT one FROM gone", "42P01"),
        (&bob, "CREATE USER TABLE empty AS SELECT * FROM notes WITH NO DATA; SELECT * FROM empty", "ok []"),
        (
            &bob,
            "PREPARE p AS SELECT $1::int AS n; CREATE USER TABLE of_p AS EXECUTE p(5); SELECT n FROM of_p",
            r#"ok ok [[Some("5")]]"#,
        ),
        (&bob, "CREATE STREAM TABLE passing WITH (ttl_seconds = 60) AS SELECT id FROM notes WHERE id < 4", "ok"),
        (&bob, "SELECT count(*) FROM passing", r#"[[Some("3")]]"#),
        (&alice, "SELECT count(*) FROM passing", r#"[[Some("0")]]"#),
        (&bob, "CREATE STREAM TABLE no_time AS SELECT 1", "22023"),
        (&admin, "STORAGE FLUSH TABLE taken", "rows"),
        (&alice, "SELECT tag FROM taken WHERE id = 3", r#"[[Some("alice 3")]]"#),
    ] {
        let answer = run(client, sql).await;
        if expected != "rows" {
            assert_eq!(answer, expected, "{sql}");
        }
    }
}
