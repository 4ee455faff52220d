//! The extended protocol as a stock driver uses it: binary parameters and results, statements that are kept, pipelines,
//! portals, transactions, cancellation.

use std::time::Duration;

use futures::future::join_all;
use futures::{StreamExt, pin_mut};
use tests::Server;
use tokio_postgres::error::SqlState;
use tokio_postgres::types::Type;
use tokio_postgres::{Client, NoTls};

async fn prepared(client: &Client) {
    client
        .batch_execute(
            "CREATE TABLE item (id integer PRIMARY KEY, big bigint, small smallint, ratio double precision, single real,
             name text, code varchar(10), data bytea, flag boolean, tags text[], numbers integer[])",
        )
        .await
        .expect("the table is made");
}

#[tokio::test(flavor = "multi_thread")]
async fn extended_values_travel_both_ways() {
    let server = Server::start();
    let client = server.connect().await;
    prepared(&client).await;
    let insert =
        client.prepare("INSERT INTO item VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)").await.unwrap();
    let expected = [
        Type::INT4,
        Type::INT8,
        Type::INT2,
        Type::FLOAT8,
        Type::FLOAT4,
        Type::TEXT,
        Type::VARCHAR,
        Type::BYTEA,
        Type::BOOL,
        Type::TEXT_ARRAY,
        Type::INT4_ARRAY,
    ];
    assert_eq!(insert.params(), expected);
    let tags = vec![Some("a"), None, Some("b c")];
    let count = client
        .execute(
            &insert,
            &[
                &1_i32,
                &i64::MAX,
                &-7_i16,
                &f64::MIN_POSITIVE,
                &1.5_f32,
                &"é'\"",
                &"code",
                &&b"\0\xff"[..],
                &true,
                &tags,
                &vec![1, 2],
            ],
        )
        .await
        .unwrap();
    assert_eq!(count, 1);
    let nothing: Option<i32> = None;
    let empty: Option<Vec<i32>> = None;
    let count = client
        .execute(
            "INSERT INTO item (id, big, name, numbers) VALUES ($1, $2::int4, $3, $4)",
            &[&2_i32, &nothing, &None::<&str>, &empty],
        )
        .await
        .unwrap();
    assert_eq!(count, 1);

    let rows = client.query("SELECT * FROM item WHERE id = ANY ($1) ORDER BY id", &[&vec![1, 2, 3]]).await.unwrap();
    assert_eq!(rows.len(), 2);
    let row = &rows[0];
    assert_eq!((row.get::<_, i32>("id"), row.get::<_, i64>("big"), row.get::<_, i16>("small")), (1, i64::MAX, -7));
    assert_eq!((row.get::<_, f64>("ratio"), row.get::<_, f32>("single")), (f64::MIN_POSITIVE, 1.5));
    assert_eq!((row.get::<_, &str>("name"), row.get::<_, &str>("code")), ("é'\"", "code"));
    assert_eq!((row.get::<_, &[u8]>("data"), row.get::<_, bool>("flag")), (&b"\0\xff"[..], true));
    assert_eq!(row.get::<_, Vec<Option<&str>>>("tags"), tags);
    assert_eq!(row.get::<_, Vec<i32>>("numbers"), [1, 2]);
    assert_eq!((rows[1].get::<_, Option<i64>>("big"), rows[1].get::<_, Option<&str>>("name")), (None, None));
}

#[tokio::test(flavor = "multi_thread")]
async fn extended_errors_leave_the_connection_usable() {
    let server = Server::start();
    let client = server.connect().await;
    prepared(&client).await;
    let code = |error: tokio_postgres::Error| error.code().cloned();
    assert_eq!(code(client.prepare("SELECT nowhere").await.unwrap_err()), Some(SqlState::UNDEFINED_COLUMN));
    assert_eq!(code(client.prepare("SELEC 1").await.unwrap_err()), Some(SqlState::SYNTAX_ERROR));
    assert_eq!(code(client.prepare("SELECT 1; SELECT 2").await.unwrap_err()), Some(SqlState::SYNTAX_ERROR));
    let divide = client.prepare("SELECT 10 / $1::int4").await.unwrap();
    assert_eq!(code(client.query(&divide, &[&0_i32]).await.unwrap_err()), Some(SqlState::DIVISION_BY_ZERO));
    assert_eq!(client.query_one(&divide, &[&5_i32]).await.unwrap().get::<_, i32>(0), 2);
    client.execute("INSERT INTO item (id) VALUES ($1)", &[&1_i32]).await.unwrap();
    let again = client.execute("INSERT INTO item (id) VALUES ($1)", &[&1_i32]).await;
    assert_eq!(code(again.unwrap_err()), Some(SqlState::UNIQUE_VIOLATION));
    assert_eq!(client.query_one("SELECT count(*) FROM item", &[]).await.unwrap().get::<_, i64>(0), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn extended_pipelines_portals_and_transactions() {
    let server = Server::start();
    let mut client = server.connect().await;
    prepared(&client).await;
    let insert = client.prepare("INSERT INTO item (id, name) VALUES ($1, $2)").await.unwrap();
    // Sent at once, answered one after the other.
    let numbers = (0..500).collect::<Vec<i32>>();
    let answers = join_all(numbers.iter().map(|id| {
        let (client, insert) = (&client, &insert);
        async move { client.execute(insert, &[id, &"x"]).await }
    }))
    .await;
    assert!(answers.into_iter().all(|answer| answer.is_ok_and(|count| count == 1)));

    let transaction = client.transaction().await.unwrap();
    let portal = transaction.bind("SELECT id FROM item ORDER BY id", &[]).await.unwrap();
    let first = transaction.query_portal(&portal, 200).await.unwrap();
    let second = transaction.query_portal(&portal, 200).await.unwrap();
    let rest = transaction.query_portal(&portal, 200).await.unwrap();
    assert_eq!((first.len(), second.len(), rest.len()), (200, 200, 100));
    assert_eq!((first[0].get::<_, i32>(0), second[0].get::<_, i32>(0), rest[99].get::<_, i32>(0)), (0, 200, 499));
    transaction.execute("DELETE FROM item", &[]).await.unwrap();
    transaction.rollback().await.unwrap();

    let rows = client.query_raw("SELECT id FROM item", std::iter::empty::<i32>()).await.unwrap();
    pin_mut!(rows);
    let mut count = 0;
    while let Some(row) = rows.next().await {
        row.unwrap();
        count += 1;
    }
    assert_eq!(count, 500);
}

#[tokio::test(flavor = "multi_thread")]
async fn extended_statements_can_be_cancelled() {
    let server = Server::start();
    let (client, holder) = (server.connect().await, server.connect().await);
    prepared(&client).await;
    holder.batch_execute("INSERT INTO item (id) VALUES (1); COMMIT; BEGIN; UPDATE item SET big = 1").await.unwrap();
    let token = client.cancel_token();
    // One that computes and one that waits for a lock.
    let endless = "SELECT count(*) FROM generate_series(1, 3000) a, generate_series(1, 30000000) b WHERE a.a + b.b < 0";
    for statement in [endless, "UPDATE item SET big = 2"] {
        let (answer, ()) = tokio::join!(client.query(statement, &[]), async {
            tokio::time::sleep(Duration::from_millis(300)).await;
            token.cancel_query(NoTls).await.unwrap();
        });
        assert_eq!(answer.unwrap_err().code(), Some(&SqlState::QUERY_CANCELED), "{statement}");
        client.query_one("SELECT 1", &[]).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stranger_is_refused_and_a_stop_is_clean() {
    let mut server = Server::start();
    for (user, password) in [("postgres", "wrong"), ("nobody", "wrong")] {
        let mut config = server.config();
        let error = config.user(user).password(password).connect(NoTls).await.err().expect("a stranger stays outside");
        assert_eq!(error.code(), Some(&SqlState::INVALID_PASSWORD));
    }
    let client = server.connect().await;
    prepared(&client).await;
    client.execute("INSERT INTO item (id) VALUES (1)", &[]).await.unwrap();
    server.restart();
    let client = server.connect().await;
    assert_eq!(client.query_one("SELECT count(*) FROM item", &[]).await.unwrap().get::<_, i64>(0), 1);
}
