//! The messages of PostgreSQL's protocol 3 as bytes: nothing here reads, writes or waits.
//!
//! `startup` and `frontend` read what a client sent and trust none of it; `backend`, `rows` and `error` write what it
//! is told, straight into the connection's one output buffer.

pub(crate) mod backend;
pub(crate) mod error;
pub(crate) mod frontend;
mod reader;
pub(crate) mod rows;
pub(crate) mod startup;
