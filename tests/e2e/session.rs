//! A session that runs a script in a schema of its own, and goes on with a new connection when one is lost.

use tests::Answer;
use tokio_postgres::{Client, Config};

/// One server under test and the session in which a script runs.
pub(crate) struct Session<'a> {
    config: &'a Config,
    schema: &'a str,
    client: Client,
}

impl<'a> Session<'a> {
    pub(crate) async fn open(config: &'a Config, schema: &'a str) -> Self {
        let client = connect(config).await;
        let made = Answer::of(&client, &format!("CREATE SCHEMA \"{schema}\"; SET search_path = \"{schema}\"")).await;
        assert!(!made.to_string().contains("ERROR"), "{made}");
        Self { config, schema, client }
    }

    pub(crate) async fn run(&mut self, sql: &str) -> Answer {
        let answer = Answer::of(&self.client, sql).await;
        if answer.is_lost() {
            self.client = connect(self.config).await;
            Answer::of(&self.client, &format!("SET search_path = \"{}\"", self.schema)).await;
        }
        answer
    }
}

pub(crate) async fn connect(config: &Config) -> Client {
    let (client, connection) = config.connect(tokio_postgres::NoTls).await.expect("the server answers");
    tokio::spawn(connection);
    client
}
