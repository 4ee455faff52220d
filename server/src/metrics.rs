//! Numbers for a monitor: HTTP/1.1 with one page, `/metrics`, in Prometheus's text format.
//!
//! Whoever can reach the address may read them: no names and no statements are among them. A request is a few lines, one
//! to a connection; what is larger or slower than that is cut off.

use std::fmt::Write;
use std::io;
use std::sync::{Arc, Weak};
use std::time::Duration;

use engine::Figure;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;

use crate::server::Server;
use crate::shutdown::Phase;

/// Requests that are answered at a time; others wait to be accepted.
const REQUESTS_MAX: usize = 8;

/// Bytes of a request.
const REQUEST_BYTES_MAX: usize = 8192;

/// How long a client may take, to ask and to read.
const PATIENCE: Duration = Duration::from_secs(5);

/// How long to wait when the system has no room for another socket.
const EXHAUSTED_PAUSE: Duration = Duration::from_millis(100);

/// Answers until the server drains; then the address is free for the next one.
pub(crate) fn serve(listener: TcpListener, server: &Arc<Server>) {
    tokio::spawn(answer_all(listener, Arc::clone(server)));
}

async fn answer_all(listener: TcpListener, server: Arc<Server>) {
    let places = Arc::new(Semaphore::new(REQUESTS_MAX));
    let accept = async || {
        let place = Arc::clone(&places).acquire_owned().await;
        (place, listener.accept().await)
    };
    loop {
        let (place, accepted) = tokio::select! {
            biased;
            () = server.shutdown.reached(Phase::Draining) => return,
            accepted = accept() => accepted,
        };
        let stream = match accepted {
            Ok((stream, _)) => stream,
            Err(error) => {
                tracing::warn!(%error, "could not accept a connection for metrics");
                tokio::time::sleep(EXHAUSTED_PAUSE).await;
                continue;
            }
        };
        let server = Arc::downgrade(&server);
        tokio::spawn(async move {
            if let Ok(Err(error)) = tokio::time::timeout(PATIENCE, answer(stream, server)).await {
                tracing::debug!(%error, "a request for metrics was not answered");
            }
            drop(place);
        });
    }
}

async fn answer(mut stream: TcpStream, server: Weak<Server>) -> io::Result<()> {
    let mut request = Vec::new();
    while !request.windows(4).any(|end| end == b"\r\n\r\n") {
        let mut piece = [0; 1024];
        let read = stream.read(&mut piece).await?;
        if read == 0 || request.len() + read > REQUEST_BYTES_MAX {
            return Ok(());
        }
        request.extend_from_slice(&piece[..read]);
    }
    let (status, body) = respond(&request, || server.upgrade().map(|server| server.database.figures()));
    let kind = "Content-Type: text/plain; version=0.0.4; charset=utf-8";
    let head = format!("HTTP/1.1 {status}\r\n{kind}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n", body.len());
    let sends_body = !request.starts_with(b"HEAD ");
    stream.write_all(head.as_bytes()).await?;
    if sends_body {
        stream.write_all(body.as_bytes()).await?;
    }
    stream.shutdown().await
}

/// Status line and body for a request.
fn respond(request: &[u8], figures: impl FnOnce() -> Option<Vec<Figure>>) -> (&'static str, String) {
    let first = request.split(|byte| *byte == b'\r').next().unwrap_or_default();
    let mut words = first.split(|byte| *byte == b' ');
    let (method, target) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    let path = target.split(|byte| *byte == b'?').next().unwrap_or_default();
    match (method, path) {
        (b"GET" | b"HEAD", b"/metrics") => match figures() {
            Some(figures) => ("200 OK", page(&figures)),
            None => ("503 Service Unavailable", "the server ends\n".to_owned()),
        },
        (b"GET" | b"HEAD", _) => ("404 Not Found", "there is only /metrics\n".to_owned()),
        _ => ("405 Method Not Allowed", "there is only GET\n".to_owned()),
    }
}

/// The numbers in Prometheus's text format.
fn page(figures: &[Figure]) -> String {
    let mut page = String::with_capacity(figures.len() * 160);
    for Figure { name, value, kind, description, .. } in figures {
        let kind = kind.name();
        // Writing to a string does not fail.
        let _ = write!(
            page,
            "# HELP kalamdb_{name} {description}.\n# TYPE kalamdb_{name} {kind}\nkalamdb_{name} {value}\n"
        );
    }
    page
}

#[cfg(test)]
mod tests {
    use engine::FigureKind;

    use super::*;

    #[test]
    fn requests_are_answered_as_they_are_asked() {
        let figure = Figure { name: "x", value: 7, kind: FigureKind::Counter, unit: "", description: "Xs" };
        let respond = |request: &str| respond(request.as_bytes(), || Some(vec![figure]));
        let page = "# HELP kalamdb_x Xs.\n# TYPE kalamdb_x counter\nkalamdb_x 7\n".to_owned();
        assert_eq!(respond("GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n"), ("200 OK", page.clone()));
        assert_eq!(respond("GET /metrics?a=b HTTP/1.0\r\n\r\n"), ("200 OK", page));
        assert_eq!(respond("GET / HTTP/1.1\r\n\r\n").0, "404 Not Found");
        assert_eq!(respond("POST /metrics HTTP/1.1\r\n\r\n").0, "405 Method Not Allowed");
        assert_eq!(respond("\r\n\r\n").0, "405 Method Not Allowed");
    }
}
