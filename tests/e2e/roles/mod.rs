//! Kinds of roles: who may do what, whichever way they come in.

mod acting;
mod life;
mod many;
mod matrix;

use tests::Server;
use tokio_postgres::Client;

/// A connection as one of the roles that a test made, all of which have this password.
pub(crate) const PASSWORD: &str = "let me in";

/// Logs in; the SQLSTATE if that is refused.
pub(crate) async fn log_in(server: &Server, user: &str, options: &str) -> Result<Client, String> {
    let mut config = server.config();
    config.user(user).password(PASSWORD).options(options);
    match config.connect(tokio_postgres::NoTls).await {
        Ok((client, connection)) => {
            tokio::spawn(connection);
            Ok(client)
        }
        Err(error) => Err(error.code().map_or_else(|| error.to_string(), |code| code.code().to_owned())),
    }
}
