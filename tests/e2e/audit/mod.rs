//! The audit log, what is kept out of sight, and the schema `system`.

mod events;
mod secrets;
mod system;

use std::time::Duration;

use tests::Server;
use tokio_postgres::Client;

use crate::database::run;

/// Logs in as a role with a password.
async fn log_in(server: &Server, user: &str, password: &str) -> Result<Client, tokio_postgres::Error> {
    let mut config = server.config();
    let (client, connection) = config.user(user).password(password).connect(tokio_postgres::NoTls).await?;
    tokio::spawn(connection);
    Ok(client)
}

/// Asks until the answer is this: what is recorded is written a moment later.
async fn until(client: &Client, sql: &str, expected: &str) {
    let mut answer = String::new();
    for _ in 0..200 {
        answer = run(client, sql).await;
        if answer == expected {
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(answer, expected, "{sql}");
}
