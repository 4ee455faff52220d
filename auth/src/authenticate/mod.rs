//! Proving who one is: by a password that is not sent (the verifier that is stored for it, and the SCRAM conversation),
//! or by a signed token. `rule` says which of them is asked for, by where a client comes from; `lockout` slows down who
//! guesses.

mod bearer;
mod lockout;
mod mechanism;
mod message;
mod rule;
mod scram;
mod token;
mod verifier;

pub use bearer::{BearerMessage, bearer_refusal};
pub use lockout::{FailureRecord, LockoutPolicy, Lockouts};
pub use mechanism::{Mechanism, Offer};
pub use rule::{
    AccessMethod, AccessRule, AddressPattern, Caller, Channel, ConnectionKind, DatabasePattern, RuleError, UserPattern,
    decide_access,
};
pub use scram::{SCRAM_MESSAGE_BYTES_MAX, ScramServer};
pub use token::{Algorithm, ClaimedRole, Key, KeyError, KeySet, TOKEN_BYTES_MAX, TokenError, TokenIdentity, Tokens};
pub use verifier::{DEFAULT_ITERATIONS, Verifier};
