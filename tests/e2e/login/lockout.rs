//! Who guesses is slowed down, and does not see it.

use std::time::{Duration, Instant};

use tests::{Knock, Server};
use tokio_postgres::NoTls;

use super::{fail_scram, failure, outcome};

const LIMIT: Duration = Duration::from_secs(60);

#[tokio::test(flavor = "multi_thread")]
async fn a_user_is_locked_for_an_address_and_comes_in_again() {
    let server = Server::start_with(|_| "lockout_after_failures = 3\nlockout_seconds_max = 2\n".to_owned());
    let admin = server.connect().await;
    admin
        .batch_execute("CREATE ROLE ann LOGIN PASSWORD 'pw'; CREATE ROLE bob LOGIN PASSWORD 'pw'")
        .await
        .expect("roles");
    let mut config = server.config();
    config.user("ann").password("pw");
    drop(config.connect(NoTls).await.expect("nothing has failed yet"));
    // At the same time, so that none can pass the others.
    let guesses = (0..3).map(async |_| {
        let mut knock = Knock::plain(&server.config()).await.expect("the server listens");
        outcome(&fail_scram(&mut knock, "ann").await)
    });
    for told in futures::future::join_all(guesses).await {
        assert_eq!(told, failure("ann"));
    }
    let locked = config.connect(NoTls).await.err().expect("ann is locked");
    let report = locked.as_db_error().expect("the server tells why");
    assert_eq!((report.code().code(), report.message()), ("28P01", "password authentication failed for user \"ann\""));
    drop(config.user("bob").connect(NoTls).await.expect("bob is not locked"));
    config.user("ann");
    let deadline = Instant::now() + LIMIT;
    while config.connect(NoTls).await.is_err() {
        assert!(Instant::now() < deadline, "the lock does not end");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    // The success has made an end of it.
    let mut knock = Knock::plain(&server.config()).await.expect("the server listens");
    fail_scram(&mut knock, "ann").await;
    drop(config.connect(NoTls).await.expect("one failure is free"));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_client_is_told_is_the_same_whoever_it_names() {
    let server = Server::start_with(|_| "lockout_after_failures = 2\n".to_owned());
    let admin = server.connect().await;
    let roles = "CREATE ROLE ann LOGIN PASSWORD 'pw'; CREATE ROLE expired LOGIN PASSWORD 'pw' VALID UNTIL '2001-01-01';
                 CREATE ROLE nologin PASSWORD 'pw'; CREATE ROLE bare LOGIN";
    admin.batch_execute(roles).await.expect("roles");
    let users = ["ann", "expired", "nologin", "bare", "nobody", "\u{e9}"];
    for user in users {
        let mut challenges = Vec::new();
        // Before the lock, at its beginning and after it.
        for _ in 0..4 {
            let mut knock = Knock::plain(&server.config()).await.expect("the server listens");
            let challenge = super::challenge(&mut knock, user).await;
            let told = knock.answer(super::wrong_answer(&challenge).as_bytes()).await.expect("an error comes");
            assert_eq!(outcome(&told), failure(user));
            let (_, fixed) = challenge.split_once(',').expect("a challenge has parts");
            challenges.push(fixed.to_owned());
        }
        challenges.dedup();
        assert_eq!(challenges.len(), 1, "the salt of {user} changes: {challenges:?}");
        // Salt and iterations have one form.
        let form: String = challenges[0].chars().map(|c| if c.is_alphanumeric() { 'x' } else { c }).collect();
        assert_eq!((form.len(), challenges[0].ends_with("==,i=4096")), (2 + 24 + 1 + 6, true), "{}", challenges[0]);
    }
    // The right password of a role that may not log in tells why, as in PostgreSQL, and the right one that has expired
    // does not.
    let server = Server::start();
    let admin = server.connect().await;
    admin.batch_execute(roles).await.expect("roles");
    let mut config = server.config();
    for (user, words) in [
        ("nologin", "role \"nologin\" is not permitted to log in"),
        ("expired", "password authentication failed for user \"expired\""),
        ("bare", "password authentication failed for user \"bare\""),
        ("nobody", "password authentication failed for user \"nobody\""),
    ] {
        let error = config.user(user).password("pw").connect(NoTls).await.err().expect("nobody comes in");
        assert_eq!(error.as_db_error().expect("the server tells why").message(), words);
    }
}
