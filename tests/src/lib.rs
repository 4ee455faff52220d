//! What the end-to-end suites stand on.
//!
//! [`Server`] is a KalamDB of one's own: a child process with a temporary data directory, which can be killed and
//! started again. [`Oracle`] is a real PostgreSQL 15, started the same way, to compare answers with. [`Bucket`] is an S3
//! server, and [`client`] runs a program that uses one of Python's clients. [`Answer`] is what
//! a client saw of one statement, in a form that can be compared. [`Wire`] speaks the protocol message by message:
//! [`encode`] makes a client's message of a line of text, and a server's [`Message`] prints itself. [`Knock`] is a
//! connection that has not logged in yet, with TLS or without, and [`SigningKey`] makes tokens to log in with. [`Program`] is a
//! client in another language.

mod answer;
mod backend;
mod frontend;
mod knock;
mod oracle;
mod program;
mod python;
mod scram;
mod server;
mod token;
mod wire;

pub use answer::{Answer, Outcome, Relation};
pub use frontend::encode;
pub use knock::Knock;
pub use oracle::Oracle;
pub use program::{Program, output_differences};
pub use python::{Bucket, Spoken, client, duckdb_reads, node, python};
pub use server::Server;
pub use token::{SigningKey, unsigned_token};
pub use wire::{Message, Received, Wire};
