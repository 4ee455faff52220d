//! LISTEN and NOTIFY by a stock driver. What is told when, and PostgreSQL's rules, are in `tests/wire/notify.txt`.

use std::future::poll_fn;
use std::time::{Duration, Instant};

use tests::{Received, Server, Wire};
use tokio::sync::mpsc::{self, Receiver};
use tokio_postgres::{AsyncMessage, Client, Config, NoTls};

use crate::database::{connect, run};

/// How long something may take that takes moments.
const SOON: Duration = Duration::from_secs(20);

/// A client, and what it has been told: who said it, on which channel, and what.
struct Listener {
    client: Client,
    told: Receiver<(i32, String, String)>,
}

impl Listener {
    async fn connect(config: &Config) -> Self {
        let (client, mut connection) = config.connect(NoTls).await.expect("the server answers");
        let (sender, told) = mpsc::channel(1 << 16);
        tokio::spawn(async move {
            while let Some(Ok(message)) = poll_fn(|context| connection.poll_message(context)).await {
                if let AsyncMessage::Notification(told) = message {
                    let told = (told.process_id(), told.channel().to_owned(), told.payload().to_owned());
                    sender.send(told).await.expect("a listener listens");
                }
            }
        });
        Self { client, told }
    }

    async fn on(server: &Server, channel: &str) -> Self {
        let listener = Self::connect(&server.config()).await;
        listener.client.batch_execute(&format!("LISTEN {channel}")).await.expect("anybody may listen");
        listener
    }

    async fn next(&mut self) -> String {
        let told = tokio::time::timeout(SOON, self.told.recv()).await.expect("something is told soon");
        told.expect("the connection stands").2
    }

    async fn process_id(&self) -> i32 {
        self.client.query_one("SELECT pg_backend_pid()", &[]).await.expect("it has one").get(0)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stock_driver_is_told() {
    let server = Server::start();
    let mut listener = Listener::on(&server, "room").await;
    let sender = Listener::connect(&server.config()).await;
    sender.client.batch_execute("NOTIFY room, 'hello'").await.unwrap();
    let told = tokio::time::timeout(SOON, listener.told.recv()).await.unwrap().unwrap();
    assert_eq!(told, (sender.process_id().await, "room".to_owned(), "hello".to_owned()));
    sender.client.execute("SELECT pg_notify($1, $2)", &[&"room", &"again"]).await.unwrap();
    assert_eq!(listener.next().await, "again");
    // Its own are there when its statement is done, also without waiting for the disk.
    for setting in ["on", "off"] {
        listener.client.batch_execute(&format!("SET synchronous_commit = {setting}; NOTIFY room, 'me'")).await.unwrap();
        assert_eq!(listener.told.try_recv().expect("it has been told").2, "me");
    }
    // So is what others had committed before it asked.
    listener.client.batch_execute("BEGIN").await.unwrap();
    sender.client.batch_execute("NOTIFY room, 'meanwhile'").await.unwrap();
    assert!(listener.told.try_recv().is_err());
    listener.client.batch_execute("COMMIT").await.unwrap();
    assert_eq!(listener.told.try_recv().expect("it has been told").2, "meanwhile");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_channel_belongs_to_its_database() {
    let server = Server::start();
    let mut here = Listener::on(&server, "room").await;
    here.client.batch_execute("CREATE DATABASE other").await.unwrap();
    let other = connect(&server, "other").await;
    run(&other, "NOTIFY room, 'there'").await;
    run(&connect(&server, "postgres").await, "NOTIFY room, 'here'").await;
    assert_eq!(here.next().await, "here");
}

/// Commits so many messages, each with a row.
async fn write(server: &Server, writer: usize, count: usize) {
    let client = connect(server, "postgres").await;
    for number in 0..count {
        let said = format!("{writer}:{number}");
        let insert = format!("INSERT INTO said (message) VALUES ('{said}')");
        let both = match number % 3 {
            0 => format!("{insert} RETURNING pg_notify('room', message)"),
            1 => format!("BEGIN; {insert}; NOTIFY room, '{said}'; NOTIFY room, '{said}'; COMMIT"),
            _ => {
                format!("BEGIN; NOTIFY room, '{said}'; SAVEPOINT s; NOTIFY room, 'no'; ROLLBACK TO s; {insert}; COMMIT")
            }
        };
        client.batch_execute(&both).await.expect("nobody is in the way");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_listener_hears_every_commit_in_the_order_of_the_commits() {
    const WRITERS: usize = 4;
    const COMMITS: usize = 100;
    let server = Server::start();
    let first = connect(&server, "postgres").await;
    run(&first, "CREATE TABLE said (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, message text)").await;
    let mut listeners = Vec::new();
    for _ in 0..8 {
        listeners.push(Listener::on(&server, "room").await);
    }
    let writers = futures_join((0..WRITERS).map(|writer| write(&server, writer, COMMITS)));
    let reading = futures_join(listeners.into_iter().enumerate().map(|(number, mut listener)| async move {
        let mut heard = Vec::new();
        while heard.len() < WRITERS * COMMITS {
            heard.push(listener.next().await);
            // Some have something else to do.
            match number % 4 {
                0 => drop(listener.client.query("SELECT 1", &[]).await.expect("it answers")),
                1 if heard.len() % 50 == 0 => {
                    listener.client.batch_execute("BEGIN; SELECT pg_sleep(0.05); COMMIT").await.expect("it answers");
                }
                _ => {}
            }
        }
        heard
    }));
    let (_, heard) = tokio::join!(writers, reading);
    let rows = first.query("SELECT message FROM said ORDER BY _seq", &[]).await.expect("the rows are there");
    let said: Vec<String> = rows.iter().map(|row| row.get(0)).collect();
    assert_eq!(said.len(), WRITERS * COMMITS);
    for heard in heard {
        assert_eq!(heard, said);
    }
}

/// Runs all at the same time.
async fn futures_join<T>(all: impl Iterator<Item = impl Future<Output = T>>) -> Vec<T> {
    futures::future::join_all(all).await
}

#[tokio::test(flavor = "multi_thread")]
async fn who_does_not_read_is_ended_and_nobody_else() {
    let server = Server::start();
    let mut idle = Wire::connect(&server.config(), &[]).await.expect("the server lets us in");
    idle.send(&tests::encode("Query LISTEN room"));
    idle.flush().await.unwrap();
    let busy = Listener::on(&server, "room").await;
    busy.client.batch_execute("BEGIN").await.unwrap();
    let mut reader = Listener::on(&server, "room").await;
    let sender = connect(&server, "postgres").await;
    let many = "SELECT count(pg_notify('room', repeat('x', 7900) || i)) FROM generate_series(1, 2000) AS g(i)";
    let mut heard = 0;
    for _ in 0..8 {
        assert_eq!(run(&sender, many).await, "[[Some(\"2000\")]]");
        for _ in 0..2000 {
            reader.next().await;
            heard += 1;
        }
    }
    assert_eq!(heard, 16_000);
    // One has not read, not even why it was ended; the other has been told.
    while let Received::Message(_) = idle.receive().await.expect("messages are whole") {}
    let error = busy.client.batch_execute("COMMIT").await.expect_err("it has been ended");
    assert!(error.is_closed() || error.code().is_some_and(|code| code.code() == "53200"), "{error}");
    let log = server.log();
    assert!(log.matches("too many unread notifications").count() == 2, "{log}");
    let too_much = "SELECT count(pg_notify('room', repeat('x', 7900) || i)) FROM generate_series(1, 5000) AS g(i)";
    assert_eq!(run(&sender, too_much).await, "54000");
}

#[tokio::test(flavor = "multi_thread")]
async fn being_told_is_no_activity_of_the_client() {
    let server = Server::start();
    let listener = Listener::on(&server, "room").await;
    listener.client.batch_execute("SET idle_session_timeout = '600ms'").await.unwrap();
    let sender = connect(&server, "postgres").await;
    let begun = Instant::now();
    while !listener.client.is_closed() {
        assert!(begun.elapsed() < SOON, "it has been idle for long");
        run(&sender, "NOTIFY room, 'still there?'").await;
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_listener_keeps_no_server_from_stopping() {
    let mut server = Server::start();
    let mut listener = Listener::on(&server, "room").await;
    run(&connect(&server, "postgres").await, "NOTIFY room, 'last'").await;
    assert_eq!(listener.next().await, "last");
    server.stop();
    assert!(listener.told.recv().await.is_none());
}
