//! A connection's beginning: encryption if the client wants it, then the startup message, or a cancel request, which
//! needs no more than that.

use bytes::BytesMut;
use engine::{Error, SqlState};
use tokio::net::TcpStream;

use super::stream::{Io, Stream};
use super::{Ending, Flow};
use crate::tls::Tls;
use crate::wire::startup::{
    GSS_ENCRYPTION_REQUEST, Packet, SSL_REQUEST, StartupMessage, next_packet, unsupported_version,
};

/// First byte of a TLS handshake; no packet of ours begins with it.
const TLS_HANDSHAKE: u8 = 0x16;

/// What a client came for.
pub(super) enum Opening {
    Session(StartupMessage),
    Cancel { process_id: i32, key: Vec<u8> },
}

/// Answers requests for encryption until the client says what it came for.
pub(super) async fn negotiate(io: &mut Io, tls: Option<&Tls>) -> Flow<Opening> {
    if let (Stream::Tcp(stream), Some(tls)) = (&io.stream, tls) {
        let mut first = [0];
        if stream.peek(&mut first).await? == 1 && first[0] == TLS_HANDSHAKE {
            start_direct_tls(io, tls).await?;
        }
    }
    // Each kind of encryption is asked for once, and none inside TLS.
    let (mut may_ask_tls, mut may_ask_gss) = (!io.stream.is_tls(), !io.stream.is_tls());
    loop {
        let body = receive_packet(io).await?;
        match Packet::decode(&body).map_err(Ending::Fatal)? {
            // No TLS on a Unix socket, as in PostgreSQL.
            Packet::SslRequest if std::mem::take(&mut may_ask_tls) => match tls {
                Some(tls) if matches!(io.stream, Stream::Tcp(_)) => {
                    start_tls(io, tls).await?;
                    may_ask_gss = false;
                }
                _ => refuse_encryption(io).await?,
            },
            Packet::GssEncryptionRequest if std::mem::take(&mut may_ask_gss) => refuse_encryption(io).await?,
            // Asked for again, these are versions of the protocol like any others.
            Packet::SslRequest => return Err(Ending::Fatal(unsupported_version(SSL_REQUEST))),
            Packet::GssEncryptionRequest => return Err(Ending::Fatal(unsupported_version(GSS_ENCRYPTION_REQUEST))),
            Packet::Cancel { process_id, key } => return Ok(Opening::Cancel { process_id, key }),
            Packet::Startup(startup) => return Ok(Opening::Session(startup)),
        }
    }
}

async fn receive_packet(io: &mut Io) -> Flow<BytesMut> {
    loop {
        match next_packet(&mut io.input) {
            Ok(Some(packet)) => return Ok(packet),
            Ok(None) if io.fill().await? => {}
            Ok(None) => return Err(Ending::Closed),
            Err(_) => {
                tracing::info!("invalid length of startup packet");
                return Err(Ending::Closed);
            }
        }
    }
}

async fn refuse_encryption(io: &mut Io) -> Flow<()> {
    io.output.push(b'N');
    Ok(io.flush().await?)
}

/// Agrees to TLS. Whatever has arrived in the clear behind the request was not sent by an honest client, and must not
/// be taken for a part of the encrypted conversation.
async fn start_tls(io: &mut Io, tls: &Tls) -> Flow<()> {
    if !io.input.is_empty() {
        let detail = "This could be either a client-software bug or evidence of an attempted man-in-the-middle attack.";
        let error = Error::new(SqlState::PROTOCOL_VIOLATION, "received unencrypted data after SSL request");
        return Err(Ending::Fatal(error.with_detail(detail)));
    }
    io.output.push(b'S');
    io.flush().await?;
    handshake(io, tls).await
}

/// TLS without asking first must say by ALPN that it is PostgreSQL's protocol that follows.
async fn start_direct_tls(io: &mut Io, tls: &Tls) -> Flow<()> {
    handshake(io, tls).await?;
    match &io.stream {
        Stream::Tls(stream) if stream.get_ref().1.alpn_protocol().is_some() => Ok(()),
        _ => {
            tracing::info!("a direct TLS connection without ALPN is refused");
            Err(Ending::Closed)
        }
    }
}

async fn handshake(io: &mut Io, tls: &Tls) -> Flow<()> {
    let stream: TcpStream = match std::mem::replace(&mut io.stream, Stream::Gone) {
        Stream::Tcp(stream) => stream,
        other => {
            io.stream = other;
            return Ok(());
        }
    };
    io.stream = Stream::Tls(Box::new(tls.accept(stream).await?));
    Ok(())
}
