//! Proving who one is: the verifier that is stored for a password, and the SCRAM conversation
//! in which a client shows that it knows the password without sending it.

mod message;
mod scram;
mod verifier;

pub use scram::{Mechanism, SCRAM_MESSAGE_BYTES_MAX, ScramServer};
pub use verifier::{DEFAULT_ITERATIONS, Verifier};
