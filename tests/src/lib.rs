//! What the end-to-end suites stand on.
//!
//! [`Server`] is a KalamDB of one's own: a child process with a temporary data directory, which can be killed and
//! started again. [`Oracle`] is a real PostgreSQL 15, started the same way, to compare answers with. [`Answer`] is what
//! a client saw of one statement, in a form that can be compared.

mod answer;
mod oracle;
mod server;

pub use answer::{Answer, Outcome, Relation};
pub use oracle::Oracle;
pub use server::Server;
