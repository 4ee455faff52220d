//! A body ready to be run: its tree, the types of its variables, and the plans of its SQL for as long as they hold.

use std::sync::Arc;

use parking_lot::Mutex;

use super::super::Session;
use super::fragment::Planned;
use crate::catalog::SqlFunction;
use crate::error::Result;
use crate::plan::bind::Shape;
use crate::plan::variable_types::variable_shapes;
use crate::plpgsql::{Code, parse};

/// Most bodies that a session keeps.
const BODIES_MAX: usize = 256;

/// A body of a function, as long as the function is this one.
#[derive(Debug)]
pub(in crate::session) struct Compiled {
    pub(super) function: Arc<SqlFunction>,
    pub(super) code: Code,
    /// What the variables are when the body begins.
    pub(super) shapes: Vec<Shape>,
    /// What `$1`, `$2`, … are.
    pub(super) inputs: Vec<usize>,
    /// The plans of its fragments.
    pub(super) plans: Vec<Mutex<Option<Arc<Planned>>>>,
    catalog_version: u64,
    epoch: u64,
}

impl Session {
    /// The body of a function, from before if nothing has changed since.
    pub(super) fn compiled(&mut self, function: &Arc<SqlFunction>) -> Result<Arc<Compiled>> {
        let is_shared = self.state.open().is_none_or(|open| open.catalog.is_none());
        let catalog = self.catalog();
        if is_shared
            && let Some(known) = self.bodies.get(&function.oid)
            && known.catalog_version == catalog.version
            && known.epoch == self.epoch
            && (Arc::ptr_eq(&known.function, function) || known.function == *function)
        {
            return Ok(known.clone());
        }
        let mut code = parse(function)?;
        let shapes = variable_shapes(&mut code, function, &catalog, &self.facts.search_path)?;
        let parameters = function.parameters.iter().enumerate();
        let inputs = parameters.filter(|(_, parameter)| parameter.mode.is_input()).map(|(at, _)| at).collect();
        let plans = code.fragments.iter().map(|_| Mutex::default()).collect();
        let compiled = Arc::new(Compiled {
            function: function.clone(),
            code,
            shapes,
            inputs,
            plans,
            catalog_version: catalog.version,
            epoch: self.epoch,
        });
        if is_shared && function.oid != 0 {
            if self.bodies.len() >= BODIES_MAX {
                self.bodies.clear();
            }
            self.bodies.insert(function.oid, compiled.clone());
        }
        Ok(compiled)
    }
}
