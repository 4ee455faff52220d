//! What one user can find out of what others have in user tables: nothing, by statistics, plans and rules of types.

use super::{as_user, with_two_users};
use crate::database::run;

#[tokio::test(flavor = "multi_thread")]
async fn numbers_tell_nothing_of_others() {
    let (server, admin) = with_two_users().await;
    assert_eq!(
        run(&admin, "CREATE ROLE carol; CREATE STREAM TABLE s (v text) WITH (ttl_seconds = 600)").await,
        "ok ok"
    );
    let (alice, carol) = (as_user(&server, "alice", true).await, as_user(&server, "carol", true).await);
    assert_eq!(run(&alice, "INSERT INTO s SELECT 'row' FROM generate_series(1, 50)").await, "ok");
    run(&admin, "STORAGE FLUSH TABLE notes").await;
    for table in ["notes", "lines", "s"] {
        for query in [
            format!("SELECT reltuples FROM pg_class WHERE oid = '{table}'::regclass"),
            format!("SELECT n_live_tup FROM pg_stat_user_tables WHERE relid = '{table}'::regclass"),
        ] {
            let answer = run(&carol, &query).await;
            assert!(matches!(answer.as_str(), "[[None]]" | r#"[[Some("-1")]]"#), "{query}: {answer}");
            let answer = run(&admin, &query).await;
            assert!(!matches!(answer.as_str(), "[[None]]" | r#"[[Some("-1")]]"#), "{query}: {answer}");
        }
        for function in ["pg_relation_size", "pg_table_size", "pg_indexes_size", "pg_total_relation_size"] {
            let query = format!("SELECT {function}('{table}')");
            assert_eq!(run(&carol, &query).await, r#"[[Some("0")]]"#, "{query}");
        }
        let total = format!("SELECT pg_total_relation_size('{table}') > 0");
        assert_eq!(run(&admin, &total).await, r#"[[Some("t")]]"#, "{table}");
    }
    let of_lines = "SELECT pg_relation_size('lines')";
    assert_ne!(run(&alice, of_lines).await, run(&admin, of_lines).await);
    let explained = run(&carol, "EXPLAIN SELECT count(*) FROM notes WHERE sum > 3").await;
    assert!(explained.contains("Segments: none") && !explained.contains("of 2"), "{explained}");
    let explained = run(&alice, "EXPLAIN SELECT count(*) FROM notes").await;
    assert!(explained.contains("of 1"), "{explained}");
}

#[tokio::test(flavor = "multi_thread")]
async fn rules_of_types_carry_nothing_away() {
    let (server, admin) = with_two_users().await;
    let made = "CREATE ROLE owner; GRANT CREATE ON SCHEMA public TO owner; CREATE SEQUENCE leak; GRANT ALL ON SEQUENCE leak TO PUBLIC";
    assert_eq!(run(&admin, made).await, "ok ok ok ok");
    let owner = as_user(&server, "owner", true).await;
    let tells = "setval('leak', length(VALUE)) > 0";
    for (sql, expected) in [
        (format!("CREATE DOMAIN spy AS text CHECK ({tells}); CREATE DOMAIN over_spy AS spy"), "ok ok"),
        ("CREATE TYPE pair AS (one int, two spy)".to_owned(), "ok"),
        ("CREATE TABLE shared_words (word spy)".to_owned(), "ok"),
        ("CREATE USER TABLE words (word spy)".to_owned(), "0A000"),
        ("CREATE USER TABLE words (word over_spy)".to_owned(), "0A000"),
        ("CREATE USER TABLE words (word spy[])".to_owned(), "0A000"),
        ("CREATE USER TABLE words (word pair)".to_owned(), "0A000"),
        ("CREATE STREAM TABLE words (word spy) WITH (ttl_seconds = 60)".to_owned(), "0A000"),
        ("CREATE USER TABLE words (word text CHECK (word::spy IS NOT NULL))".to_owned(), "0A000"),
        ("CREATE USER TABLE words (LIKE shared_words)".to_owned(), "0A000"),
        ("CREATE DOMAIN plain AS text; CREATE USER TABLE words (id int, word plain)".to_owned(), "ok ok"),
        ("ALTER TABLE words ADD COLUMN more over_spy".to_owned(), "0A000"),
        ("ALTER TABLE words ALTER word TYPE spy".to_owned(), "0A000"),
        (format!("ALTER DOMAIN plain ADD CHECK ({tells})"), "0A000"),
        (format!("ALTER DOMAIN plain ADD CHECK ({tells}) NOT VALID"), "0A000"),
        (
            "ALTER DOMAIN plain ADD CHECK (VALUE <> 'no'); ALTER TABLE words RENAME COLUMN word TO said".to_owned(),
            "ok ok",
        ),
    ] {
        assert_eq!(run(&owner, &sql).await, expected, "{sql}");
    }
    // A superuser may say so, and the owner may go on with such a table.
    assert_eq!(run(&admin, "ALTER TABLE words ADD COLUMN more spy").await, "ok");
    assert_eq!(
        run(&owner, "ALTER TABLE words RENAME COLUMN more TO less; COMMENT ON TABLE words IS 'x'").await,
        "ok ok"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_locks_the_others_out() {
    let (server, admin) = with_two_users().await;
    let alice = as_user(&server, "alice", true).await;
    for mode in ["SHARE UPDATE EXCLUSIVE", "SHARE", "SHARE ROW EXCLUSIVE", "EXCLUSIVE", "ACCESS EXCLUSIVE"] {
        let locked = format!("LOCK TABLE notes IN {mode} MODE");
        assert_eq!(run(&alice, "BEGIN").await, "ok");
        assert_eq!(run(&alice, &locked).await, "42501", "{mode}");
        assert_eq!(run(&alice, "ROLLBACK").await, "ok");
        assert_eq!(run(&admin, &format!("BEGIN; {locked}; ROLLBACK")).await, "ok ok ok", "{mode}");
    }
    assert_eq!(run(&alice, "BEGIN; LOCK TABLE notes IN ROW EXCLUSIVE MODE; ROLLBACK").await, "ok ok ok");
    assert_eq!(run(&admin, "GRANT UPDATE ON notes TO alice").await, "ok");
    assert_eq!(run(&alice, "BEGIN; LOCK TABLE notes IN EXCLUSIVE MODE; ROLLBACK").await, "ok ok ok");
}
