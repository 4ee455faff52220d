//! The two ends of a client's connection, and what is between them: what `inet_server_addr` and `pg_stat_ssl` tell.

use std::net::SocketAddr;

/// What else is known of a client's connection. All of it is unknown for a session that the server itself began.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Ends {
    /// The client's port; -1 says that it came over a Unix socket.
    pub client_port: Option<i32>,
    /// Where the server was reached; None over a Unix socket.
    pub server: Option<SocketAddr>,
    /// How the connection is encrypted; None if it is not.
    pub encryption: Option<Encryption>,
}

/// How a connection is encrypted, in the words of TLS.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Encryption {
    pub version: &'static str,
    pub cipher: &'static str,
    /// Length of the cipher's key.
    pub bits: i32,
}
