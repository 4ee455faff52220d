//! Extensions that were created in a database: each puts functions into a schema.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::pg_catalog::PG_CATALOG;
use super::pg_catalog::routine::routines_named;
use super::{Catalog, Schema};
use crate::function::{Available, Function, available, extension_function};

/// The extension that every database has from the beginning.
pub(crate) const PROCEDURAL: &str = "plpgsql";

/// `CREATE EXTENSION`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Extension {
    pub oid: u32,
    pub name: String,
    /// Where its functions are.
    pub schema: u32,
    pub owner: u32,
    pub version: String,
    pub comment: Option<String>,
}

impl Extension {
    /// What it brings; None for one that another version of the server knew.
    pub(crate) fn brings(&self) -> Option<&'static Available> {
        available(&self.name)
    }

    pub(crate) fn functions(&self) -> &'static [Function] {
        self.brings().map_or(&[], |brings| brings.functions)
    }
}

impl Catalog {
    pub fn extension_named(&self, name: &str) -> Option<&Arc<Extension>> {
        self.extensions.values().find(|extension| extension.name == name)
    }

    /// The functions of that name that extensions have put into a schema.
    pub(crate) fn extension_functions(&self, schema: u32, name: &str) -> Vec<&'static Function> {
        let within = self.extensions.values().filter(|extension| extension.schema == schema);
        within.flat_map(|extension| extension.functions()).filter(|function| function.name == name).collect()
    }

    /// Whether the search path finds a function of an extension.
    pub(crate) fn finds_extended(&self, function: &Function, search_path: &[String]) -> bool {
        let Some(extension) = self.extension_of(function.oid) else { return false };
        let hides = |schema: &Schema| match schema.oid {
            PG_CATALOG => routines_named(function.name)
                .iter()
                .any(|(oid, args)| *oid != function.oid && args == function.args && extension_function(*oid).is_none()),
            other => self.extension_functions(other, function.name).iter().any(|own| own.args == function.args),
        };
        let mut path = self.path(search_path).take_while(|schema| schema.oid == extension.schema || !hides(schema));
        path.any(|schema| schema.oid == extension.schema)
    }

    /// The extension that has the function, if it was created.
    pub(crate) fn extension_of(&self, function: u32) -> Option<&Arc<Extension>> {
        self.extensions.values().find(|extension| extension.functions().iter().any(|own| own.oid == function))
    }
}
