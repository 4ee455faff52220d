//! What CREATE EXTENSION can bring: functions that nobody can call before.
//!
//! The functions are built in, as all are; an extension only decides in which schema of a database they are found, if in
//! any. Oids of functions are the same in every database.

mod crypto;
mod uuid;

use super::Function;

/// An extension that can be created.
#[derive(Debug)]
pub struct Available {
    pub name: &'static str,
    /// The one version there is of it.
    pub version: &'static str,
    pub comment: &'static str,
    pub functions: &'static [Function],
    /// Functions that PostgreSQL's extension has beyond those.
    pub absent: &'static [&'static str],
}

/// Every extension that can be created, by name.
pub(crate) const AVAILABLE: &[Available] = &[
    Available {
        name: "pgcrypto",
        version: "1.3",
        comment: "cryptographic functions",
        functions: crypto::FUNCTIONS,
        absent: crypto::ABSENT,
    },
    Available {
        name: "uuid-ossp",
        version: "1.1",
        comment: "generate universally unique identifiers (UUIDs)",
        functions: uuid::FUNCTIONS,
        absent: &[],
    },
];

/// The extension of that name that can be created.
pub fn available(name: &str) -> Option<&'static Available> {
    AVAILABLE.iter().find(|extension| extension.name == name)
}

/// The function of that oid, whether or not its extension was created.
pub(crate) fn extension_function(oid: u32) -> Option<&'static Function> {
    AVAILABLE.iter().flat_map(|extension| extension.functions).find(|function| function.oid == oid)
}
