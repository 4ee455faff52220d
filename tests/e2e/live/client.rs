//! A client of the stock driver that keeps what it was notified of.

use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt;
use tokio::sync::mpsc::{Receiver, channel};
use tokio_postgres::{AsyncMessage, Client, Config, NoTls};

/// Notifications that may wait to be looked at; a test that lets more wait reads no further, as a slow client would.
const WAITING_MAX: usize = 100_000;

/// A connection and its notifications.
pub(super) struct Watcher {
    pub(super) client: Arc<Client>,
    notified: Receiver<(String, String)>,
    connection: tokio::task::JoinHandle<()>,
}

impl Watcher {
    pub(super) async fn connect(config: &Config) -> Self {
        let (client, mut connection) = config.connect(NoTls).await.expect("the server answers");
        let (sender, notified) = channel(WAITING_MAX);
        let connection = tokio::spawn(async move {
            let mut messages = futures::stream::poll_fn(move |context| connection.poll_message(context));
            while let Some(Ok(message)) = messages.next().await {
                if let AsyncMessage::Notification(told) = message
                    && sender.send((told.channel().to_owned(), told.payload().to_owned())).await.is_err()
                {
                    return;
                }
            }
        });
        Self { client: Arc::new(client), notified, connection }
    }

    /// The next notification's channel and payload, unless none comes in time.
    pub(super) async fn next(&mut self, limit: Duration) -> Option<(String, String)> {
        tokio::time::timeout(limit, self.notified.recv()).await.ok().flatten()
    }

    /// Goes without saying so.
    pub(super) fn vanish(self) {
        self.connection.abort();
    }
}
