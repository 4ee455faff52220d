//! The audit log: who logged in or failed to, who changed definitions, roles and privileges, acted for somebody else, was
//! denied something or took data out.
//!
//! An [`Event`] about a definition is written by the transaction that defines, so that there is either both or neither.
//! Every other event goes through a queue to one task, which writes what has gathered every [`GATHER`](recorder): who does
//! something never waits for it. What the queue has no room for is counted, and an event tells how many that were; a
//! crash loses what was recorded in the last tenth of a second, and never an event about a definition.
//!
//! Events lie in a keyspace of their own, which nobody can write by SQL (`table`). They are kept for a time and up
//! to a number; what outsiders can cause as often as they like has a room of its own and so pushes nothing else out.
//! `secret` keeps passwords and the like from being written anywhere.

mod event;
mod recorder;
pub(crate) mod secret;
mod table;
#[cfg(test)]
mod tests;

pub(crate) use event::{Action, Event};
pub(crate) use recorder::Audit;
pub use table::AuditLimits;
