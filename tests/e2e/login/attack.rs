//! What strangers send before they have logged in.

use std::time::{Duration, Instant};

use tests::{Knock, Server};

use super::{certificate, failure, outcome};

const INVALID_MECHANISM: &str = "ErrorResponse FATAL 08P01: client selected an invalid SASL authentication mechanism";

/// Each of the connections meets this end, and the server goes on.
#[tokio::test(flavor = "multi_thread")]
async fn odd_conversations_end_with_an_error() {
    let server = Server::start();
    let mechanism =
        |name: &str, first: &[u8]| [name.as_bytes(), b"\0", &(first.len() as i32).to_be_bytes()[..], first].concat();
    let malformed = |detail: &str| format!("ErrorResponse FATAL 08P01: malformed SCRAM message\n  detail: {detail}");
    for (body, expected) in [
        (mechanism("SCRAM-SHA-256-PLUS", b"p=tls-server-end-point,,n=,r=x"), INVALID_MECHANISM.to_owned()),
        (mechanism("OAUTHBEARER", b"n,,\x01auth=Bearer x\x01\x01"), INVALID_MECHANISM.to_owned()),
        (mechanism("", b"n,,n=,r=x"), INVALID_MECHANISM.to_owned()),
        (mechanism("SCRAM-SHA-1", b"n,,n=,r=x"), INVALID_MECHANISM.to_owned()),
        (mechanism("SCRAM-SHA-256", b""), malformed("The message is empty.")),
        (mechanism("SCRAM-SHA-256", &[b'x'; 2000]), failure("postgres")),
        (
            mechanism("SCRAM-SHA-256", b"n,a=postgres,n=,r=x"),
            "ErrorResponse FATAL 0A000: client uses authorization identity, but it is not supported".to_owned(),
        ),
        (
            mechanism("SCRAM-SHA-256", b"n,,m=x,n=,r=x"),
            "ErrorResponse FATAL 0A000: client requires an unsupported SCRAM extension".to_owned(),
        ),
        (b"SCRAM-SHA-256".to_vec(), "ErrorResponse FATAL 08P01: invalid string in message".to_owned()),
        (
            [b"SCRAM-SHA-256\0".as_slice(), &100_i32.to_be_bytes(), b"n,,"].concat(),
            "ErrorResponse FATAL 08P01: insufficient data left in message".to_owned(),
        ),
        (
            [b"SCRAM-SHA-256\0".as_slice(), &(-2_i32).to_be_bytes()].concat(),
            "ErrorResponse FATAL 08P01: insufficient data left in message".to_owned(),
        ),
    ] {
        let mut knock = Knock::plain(&server.config()).await.expect("the server listens");
        knock.startup("postgres", "postgres").await.expect("the server answers");
        assert_eq!(outcome(&knock.answer(&body).await.expect("an error comes")), expected);
        assert!(knock.receive().await.is_err(), "the connection goes on");
    }
    // Without a first message the client is asked for it.
    let mut knock = Knock::plain(&server.config()).await.expect("the server listens");
    knock.startup("postgres", "postgres").await.expect("the server answers");
    let asked = [b"SCRAM-SHA-256\0".as_slice(), &(-1_i32).to_be_bytes()].concat();
    let asked = knock.answer(&asked).await.expect("a request comes");
    assert_eq!((outcome(&asked).as_str(), asked.body.len()), ("request 11", 4));
    assert_eq!(outcome(&knock.answer(b"n,,n=,r=x").await.expect("a challenge comes")), "request 11");

    // A message of another type, and one that announces more than any may have.
    for (bytes, words) in [
        (&b"Q\0\0\0\x0dSELECT 1\0"[..], "expected SASL response, got message type 81"),
        (b"p\x3f\xff\xff\xff", "invalid message length"),
        (b"p\0\0\0\x03", "invalid message length"),
    ] {
        let mut knock = Knock::plain(&server.config()).await.expect("the server listens");
        knock.startup("postgres", "postgres").await.expect("the server answers");
        knock.send(bytes).await.expect("it can be sent");
        let told = outcome(&knock.receive().await.expect("an error comes"));
        assert_eq!(told, format!("ErrorResponse FATAL 08P01: {words}"));
    }
    server.connect().await.batch_execute("SELECT 1").await.expect("the server goes on");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_removed_offer_of_channel_binding_is_noticed() {
    let server = Server::start();
    let mut knock = Knock::tls(&server.config(), &certificate(&server)).await.expect("the server speaks TLS");
    let request = knock.startup("postgres", "postgres").await.expect("the server answers");
    assert_eq!(&request.body[4..], b"SCRAM-SHA-256-PLUS\0SCRAM-SHA-256\0\0");
    let told = outcome(&knock.choose("SCRAM-SHA-256", b"y,,n=,r=x").await.expect("an error comes"));
    assert!(told.starts_with("ErrorResponse FATAL 28000: SCRAM channel binding negotiation error"), "{told}");
    let mut knock = Knock::tls(&server.config(), &certificate(&server)).await.expect("the server speaks TLS");
    knock.startup("postgres", "postgres").await.expect("the server answers");
    let told = outcome(&knock.choose("SCRAM-SHA-256-PLUS", b"n,,n=,r=x").await.expect("an error comes"));
    assert!(told.starts_with("ErrorResponse FATAL 08P01: malformed SCRAM message"), "{told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn encryption_is_asked_for_once() {
    let server = Server::start();
    const SSL: [u8; 8] = [0, 0, 0, 8, 4, 210, 22, 47];
    const GSS: [u8; 8] = [0, 0, 0, 8, 4, 210, 22, 48];
    let mut knock = Knock::plain(&server.config()).await.expect("the server listens");
    knock.send(&[GSS, GSS].concat()).await.expect("it can be sent");
    // The first is refused by one byte, which is no message.
    knock.skip(1).await.expect("an answer comes");
    let told = outcome(&knock.receive().await.expect("an error comes"));
    let words = "ErrorResponse FATAL 0A000: unsupported frontend protocol 1234.5680: server supports 3.0 to 3.";
    assert!(told.starts_with(words), "{told}");
    let mut knock = Knock::tls(&server.config(), &certificate(&server)).await.expect("the server speaks TLS");
    knock.send(&SSL).await.expect("it can be sent");
    let told = outcome(&knock.receive().await.expect("an error comes"));
    assert!(told.contains("unsupported frontend protocol 1234.5679"), "{told}");
}

/// Clients that only knock leave room for those who come in, and are sent away when their time is up.
#[tokio::test(flavor = "multi_thread")]
async fn those_who_do_not_log_in_leave_room_for_others() {
    let limits = "max_connections = 4\nauthentication_timeout_seconds = 3\n";
    let server = Server::start_with(|_| limits.to_owned());
    let _admin = server.connect().await;
    let begun = Instant::now();
    let mut waiting = Vec::new();
    let mut turned_away = 0;
    for number in 0..40 {
        let mut knock = Knock::plain(&server.config()).await.expect("the server listens");
        let told = outcome(&knock.startup(&format!("user{number}"), "postgres").await.expect("the server answers"));
        match told.as_str() {
            "request 10" => waiting.push(knock),
            "ErrorResponse FATAL 53300: sorry, too many clients already" => turned_away += 1,
            other => panic!("{other}"),
        }
    }
    // One address has half of the places, whatever the number of sessions.
    assert_eq!((waiting.len(), turned_away), (32, 8));
    for mut knock in waiting {
        let told = outcome(&knock.receive().await.expect("an error comes"));
        assert_eq!(told, "ErrorResponse FATAL 57014: canceling authentication due to timeout");
    }
    assert!(begun.elapsed() >= Duration::from_secs(3));
    let (_one, _two, _three) = (server.connect().await, server.connect().await, server.connect().await);
    let error = server.config().connect(tokio_postgres::NoTls).await.err().expect("all sessions are taken");
    assert_eq!(error.code().map(|code| code.code()), Some("53300"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flood_of_cancel_requests_is_borne() {
    let server = Server::start();
    let client = server.connect().await;
    let floods = (0..8).map(async |flood: i32| {
        for number in 0..200_i32 {
            let mut knock = Knock::plain(&server.config()).await.expect("the server listens");
            let request = [16_i32, (1234 << 16) | 5678, number % 4, flood].map(i32::to_be_bytes).concat();
            knock.send(&request).await.expect("it can be sent");
            assert!(knock.receive().await.is_err(), "a cancel request has no answer");
        }
    });
    let flood = futures::future::join_all(floods);
    let work = async {
        for _ in 0..50 {
            client.batch_execute("SELECT count(*) FROM generate_series(1, 1000)").await.expect("nothing is cancelled");
        }
    };
    futures::future::join(flood, work).await;
}
