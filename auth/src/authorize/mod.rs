//! What one may do: privileges, the lists that grant them, and the decision.

mod acl;
mod acl_text;
mod decision;
mod matrix;
mod privilege;

pub use acl::{Acl, AclItem, RevokeBehavior, RevokeScope};
pub use decision::{
    Decision, GrantAuthority, ObjectAccess, choose_grantor, decide, held_grant_options, held_privileges,
};
pub use matrix::{AccessLevel, Duty, TableRows, kind_privileges};
pub(crate) use privilege::PRIVILEGE_LETTERS;
pub use privilege::{ObjectKind, Privilege, Privileges, UnknownPrivilege};
