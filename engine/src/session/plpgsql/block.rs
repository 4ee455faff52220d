//! DO: a body without a function, which runs once.

use std::sync::Arc;

use super::super::Session;
use super::super::cancel::Interrupt;
use crate::catalog::{Language, SqlFunction};
use crate::error::{Error, Result, SqlState};
use crate::function::Volatility;
use crate::plan::variable_types::check_code;
use crate::statement::DoBlock;
use crate::types::oid;

/// What errors call the body.
const NAME: &str = "inline_code_block";

impl Session {
    pub(in crate::session) async fn do_block(&mut self, block: &DoBlock, interrupt: &Interrupt) -> Result<()> {
        match block.language.as_deref() {
            None | Some("plpgsql") => {}
            Some(known @ ("sql" | "c" | "internal")) => {
                let message = format!("language \"{known}\" does not support inline code execution");
                return Err(Error::new(SqlState::FEATURE_NOT_SUPPORTED, message));
            }
            Some(other) => {
                let message = format!("language \"{other}\" does not exist");
                return Err(Error::new(SqlState::UNDEFINED_OBJECT, message));
            }
        }
        let function = Arc::new(SqlFunction {
            oid: 0,
            schema: 0,
            name: NAME.to_owned(),
            owner: self.current_role().0,
            acl: None,
            comment: None,
            parameters: Vec::new(),
            returns: oid::VOID,
            set: false,
            volatility: Volatility::Volatile,
            strict: false,
            definer: false,
            leakproof: false,
            parallel: 'u',
            cost: 1.0,
            rows: 0.0,
            language: Language::PlPgSql,
            body: block.body.text.clone(),
            kept: None,
            procedure: false,
            aggregate: None,
            settings: Vec::new(),
        });
        check_code(&function, &self.catalog(), &self.facts.search_path).map_err(|error| {
            let inside = error.position;
            let place = block.body.position.zip(inside).map(|(start, inside)| start + inside - 1);
            error.without_position().at(place)
        })?;
        self.run_inline(&function, interrupt).await
    }
}
