//! Ways in, and ways to be kept out.

mod attack;
mod lockout;
mod rules;
mod timing;
mod tokens;

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use tests::{Knock, Message, Server};

/// A proof that fits no password.
const WRONG_PROOF: [u8; 32] = [7; 32];

/// Where the server leaves the certificate that it has made.
fn certificate(server: &Server) -> PathBuf {
    server.data().join("server.crt")
}

/// The code of an authentication request, or an error's SQLSTATE and words.
fn outcome(message: &Message) -> String {
    match message.kind {
        b'R' => format!("request {}", i32::from_be_bytes(message.body[..4].try_into().expect("a request has a code"))),
        _ => message.to_string(),
    }
}

/// What a login that fails is told, whatever the reason.
fn failure(user: &str) -> String {
    format!("ErrorResponse FATAL 28P01: password authentication failed for user \"{user}\"")
}

/// Plays SCRAM with a wrong password on a connection that has just been made, up to the error.
async fn fail_scram(knock: &mut Knock, user: &str) -> Message {
    let challenge = challenge(knock, user).await;
    knock.answer(wrong_answer(&challenge).as_bytes()).await.expect("an error comes")
}

/// Begins SCRAM; the server's challenge.
async fn challenge(knock: &mut Knock, user: &str) -> String {
    assert_eq!(outcome(&knock.startup(user, "postgres").await.expect("the server answers")), "request 10");
    let challenge = knock.choose("SCRAM-SHA-256", b"n,,n=,r=a-nonce").await.expect("a challenge comes");
    assert_eq!(outcome(&challenge), "request 11");
    String::from_utf8(challenge.body[4..].to_vec()).expect("a challenge is text")
}

fn wrong_answer(challenge: &str) -> String {
    let nonce = challenge.split(',').next().expect("a challenge has a nonce");
    format!("c=biws,{nonce},p={}", STANDARD.encode(WRONG_PROOF))
}

/// Runs psql with a password; libpq's settings as a connection string.
async fn psql(server: &Server, settings: &str, password: &str, sql: &str) -> Output {
    let config = server.config();
    let target = format!("host=127.0.0.1 port={} {settings}", config.get_ports()[0]);
    let mut command = Command::new("psql");
    command.args(["-X", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-d", &target, "-c", sql]);
    command.env("PGPASSWORD", password).env("PGCONNECT_TIMEOUT", "30");
    let run = tokio::task::spawn_blocking(move || command.output());
    run.await.expect("it does not panic").expect("psql is installed")
}

#[track_caller]
fn says(output: &Output, expected: &str) {
    let (stdout, stderr) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success() && stdout.trim() == expected, "{stdout}{stderr}");
}

#[track_caller]
fn refused(output: &Output, words: &str) {
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success() && stderr.contains(words), "{stderr}");
}

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO).as_secs()
}

/// Writes a file that only its owner can read; its path as TOML has it.
fn secret_file(directory: &Path, name: &str, contents: &[u8]) -> String {
    use std::os::unix::fs::PermissionsExt;
    let path = directory.join(name);
    std::fs::write(&path, contents).expect("a file in a directory of one's own");
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).expect("it is ours");
    format!("'{}'", path.display())
}
