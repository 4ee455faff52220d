//! Foreign keys of user tables on shared ones: what becomes of the shared row becomes of every user's rows that point at
//! it, and whoever changes it learns nothing of them.

use tokio_postgres::Client;

use super::{as_user, with_two_users};
use crate::database::run;

/// Rooms are shared; each user has seats in them, and coats that hang on his own seats.
const MADE: &str = "CREATE TABLE rooms (id int PRIMARY KEY, name text); GRANT ALL ON rooms TO PUBLIC;
    INSERT INTO rooms SELECT n, 'room ' || n FROM generate_series(0, 9) AS g (n);
    CREATE USER TABLE seats (id int PRIMARY KEY, room int DEFAULT 0 REFERENCES rooms ON DELETE CASCADE ON UPDATE CASCADE);
    CREATE USER TABLE coats (seat int REFERENCES seats ON DELETE CASCADE, room int REFERENCES rooms ON DELETE SET NULL);
    CREATE USER TABLE hats (id int PRIMARY KEY, room int DEFAULT 0 REFERENCES rooms ON DELETE SET DEFAULT);
    CREATE USER TABLE keys (seat int REFERENCES seats, word text, room int NOT NULL REFERENCES rooms ON DELETE SET NULL)";

/// Both users have the same seats, in other rooms.
const FILLED: [(&str, &str); 2] = [
    (
        "alice",
        "INSERT INTO seats VALUES (1, 1), (2, 2), (3, 2); INSERT INTO coats VALUES (1, 5), (2, 5); INSERT INTO hats VALUES (1, 3)",
    ),
    (
        "bob",
        "INSERT INTO seats VALUES (1, 2), (2, 1), (3, 4); INSERT INTO coats VALUES (1, 5), (2, 6); INSERT INTO hats VALUES (1, 4)",
    ),
];

const ALL: &str = "SELECT string_agg(id || ':' || room, ' ' ORDER BY id) FROM seats;
    SELECT string_agg(seat || ':' || coalesce(room::text, '-'), ' ' ORDER BY seat) FROM coats;
    SELECT string_agg(id || ':' || room, ' ' ORDER BY id) FROM hats";

async fn all(client: &Client) -> String {
    let answer = run(client, ALL).await;
    answer.replace("[[Some(\"", "").replace("\")]]", "").replace("[[None]]", "none")
}

#[tokio::test(flavor = "multi_thread")]
async fn what_becomes_of_a_shared_row_becomes_of_every_users() {
    for (indexed, flushed, point_plans) in
        [(false, false, true), (true, false, false), (true, true, true), (false, true, false)]
    {
        let (server, admin) = with_two_users().await;
        assert_eq!(run(&admin, MADE).await, "ok ok ok ok ok ok ok");
        if indexed {
            let indexes =
                "CREATE INDEX ON seats (room); CREATE INDEX ON coats (room, seat); CREATE INDEX ON coats (seat)";
            assert_eq!(run(&admin, indexes).await, "ok ok ok");
        }
        let alice = as_user(&server, "alice", point_plans).await;
        let bob = as_user(&server, "bob", point_plans).await;
        for ((_, rows), client) in FILLED.iter().zip([&alice, &bob]) {
            assert_eq!(run(client, rows).await, "ok ok ok");
        }
        if flushed {
            run(&admin, "STORAGE FLUSH TABLE seats; STORAGE FLUSH TABLE coats; STORAGE FLUSH TABLE hats").await;
        }
        for (who, sql, expected, of_alice, of_bob) in [
            // Alice's seat 1 and bob's seat 2 are in room 1: each takes along what hangs on it, and nothing of the other's.
            (&alice, "DELETE FROM rooms WHERE id = 1", "ok", "2:2 3:2 2:5 1:3", "1:2 3:4 1:5 1:4"),
            (&bob, "UPDATE rooms SET id = 22 WHERE id = 2", "ok", "2:22 3:22 2:5 1:3", "1:22 3:4 1:5 1:4"),
            (&bob, "DELETE FROM rooms WHERE id = 5", "ok", "2:22 3:22 2:- 1:3", "1:22 3:4 1:- 1:4"),
            (&admin, "DELETE FROM rooms WHERE id IN (3, 4)", "ok", "2:22 3:22 2:- 1:0", "1:22 1:- 1:0"),
            (
                &admin,
                "BEGIN; DELETE FROM rooms WHERE id = 22; ROLLBACK",
                "ok ok ok",
                "2:22 3:22 2:- 1:0",
                "1:22 1:- 1:0",
            ),
            (
                &admin,
                "BEGIN; SAVEPOINT s; DELETE FROM rooms WHERE id = 22; ROLLBACK TO s; DELETE FROM rooms WHERE id = 7; COMMIT",
                "ok ok ok ok ok ok",
                "2:22 3:22 2:- 1:0",
                "1:22 1:- 1:0",
            ),
            // The default is the very room that goes.
            (&admin, "DELETE FROM rooms WHERE id = 0", "23503", "2:22 3:22 2:- 1:0", "1:22 1:- 1:0"),
            (
                &alice,
                "WITH gone AS (DELETE FROM rooms WHERE id = 22 RETURNING id) SELECT id FROM gone",
                r#"[[Some("22")]]"#,
                "none none 1:0",
                "none none 1:0",
            ),
        ] {
            let case = format!("{sql}, indexed: {indexed}, flushed: {flushed}, point plans: {point_plans}");
            assert_eq!(run(who, sql).await, expected, "{case}");
            assert_eq!(all(&alice).await, of_alice, "{case}, alice");
            assert_eq!(all(&bob).await, of_bob, "{case}, bob");
        }
        let trash = "SELECT count(*) FROM seats WHERE _deleted";
        assert_eq!(run(&alice, trash).await, r#"[[Some("3")]]"#, "what a foreign key deletes is kept as well");
        assert_eq!(run(&bob, trash).await, r#"[[Some("3")]]"#);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_stands_in_the_way_is_another_users() {
    let (server, admin) = with_two_users().await;
    assert_eq!(run(&admin, MADE).await, "ok ok ok ok ok ok ok");
    let alice = as_user(&server, "alice", true).await;
    let bob = as_user(&server, "bob", true).await;
    assert_eq!(run(&bob, "INSERT INTO seats VALUES (1, 1)").await, "ok");
    assert_eq!(run(&alice, "INSERT INTO seats VALUES (1, 2); INSERT INTO keys VALUES (1, 'hidden', 3)").await, "ok ok");
    for (room, code) in [(2, "23503"), (3, "23502")] {
        let sql = format!("DELETE FROM rooms WHERE id = {room}");
        for (client, sees) in [(&bob, false), (&alice, true)] {
            let error = client.batch_execute(&sql).await.expect_err("rows are in the way");
            let report = error.as_db_error().expect("the server says why");
            assert_eq!(report.code().code(), code, "{sql}");
            assert_eq!(report.detail().is_some(), sees, "{sql}: {:?}", report.detail());
        }
    }
    // Bob's seat has the number of the one that alice's key is for.
    assert_eq!(run(&bob, "DELETE FROM rooms WHERE id = 1; SELECT count(*) FROM seats").await, r#"ok [[Some("0")]]"#);
    assert_eq!(
        run(&alice, "SELECT count(*) FROM seats; SELECT word FROM keys").await,
        r#"[[Some("1")]] [[Some("hidden")]]"#
    );
    // Who points at the row in a transaction of his own is waited for.
    assert_eq!(run(&bob, "BEGIN; INSERT INTO seats VALUES (9, 8)").await, "ok ok");
    assert_eq!(run(&alice, "SET lock_timeout = '50ms'").await, "ok");
    assert_eq!(run(&alice, "DELETE FROM rooms WHERE id = 8").await, "55P03");
    assert_eq!(run(&bob, "COMMIT").await, "ok");
    assert_eq!(run(&alice, "DELETE FROM rooms WHERE id = 8").await, "ok");
    assert_eq!(run(&bob, "SELECT count(*) FROM seats").await, r#"[[Some("0")]]"#);
}
