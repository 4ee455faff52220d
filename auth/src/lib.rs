//! Who somebody is, and what they may do.
//!
//! A login, in the order in which it happens:
//!
//! 1. [`decide_access`] finds the rule for where the client comes from, and with it what is asked for.
//! 2. The catalog hands out the [`Verifier`] of the role that the client named, or the caller makes
//!    [`Verifier::mock`] when there is none, so that a stranger sees the same conversation.
//! 3. [`ScramServer::client_first`] and [`ScramServer::client_final`] carry the SCRAM-SHA-256
//!    exchange as bytes in, bytes out; the last `Ok` is the proof of identity. Or the client has a
//!    signed token, alone or in a [`BearerMessage`], and [`Tokens::verify`] says whom it speaks of.
//! 4. [`Lockouts::settle`] has the last word: too many failures make the right password wrong for a while.
//! 5. [`RoleAttributes`] say whether the role may log in now, and [`Principal::resolve`] works out,
//!    once, whose privileges it has.
//!
//! A statement, for each object that it names: [`decide`] looks at the object's owner and [`Acl`]
//! and answers [`Decision::Allowed`] or [`Decision::Denied`]. GRANT and REVOKE ask
//! [`choose_grantor`] who acts, then change a copy of the [`Acl`]. What nobody was granted may still be open to
//! a role because of its [`RoleKind`]: [`kind_privileges`] and [`Duty`] are that matrix.
//!
//! Everything here is a pure function of its arguments (only salts and nonces are drawn at random); [`Lockouts`]
//! changes itself and nothing else, and time is an argument.
//! This crate knows nothing of SQL text, sockets or where roles are stored.

mod authenticate;
mod authorize;
mod error;
mod identity;

pub use authenticate::{
    AccessMethod, AccessRule, AddressPattern, Algorithm, BearerMessage, Caller, Channel, ClaimedRole, ConnectionKind,
    DEFAULT_ITERATIONS, DatabasePattern, FailureRecord, Key, KeyError, KeySet, LockoutPolicy, Lockouts, Mechanism,
    Offer, RuleError, SCRAM_MESSAGE_BYTES_MAX, ScramServer, TOKEN_BYTES_MAX, TokenError, TokenIdentity, Tokens,
    UserPattern, Verifier, bearer_refusal, decide_access,
};
pub use authorize::{
    AccessLevel, Acl, AclItem, Decision, Duty, GrantAuthority, ObjectAccess, ObjectKind, Privilege, Privileges,
    RevokeBehavior, RevokeScope, TableRows, UnknownPrivilege, choose_grantor, decide, held_grant_options,
    held_privileges, kind_privileges,
};
pub use error::{AuthenticationError, AuthorizationError};
pub use identity::{
    Principal, RoleAttributes, RoleGraph, RoleId, RoleKind, has_privileges_of, is_granted, is_member_of,
};
