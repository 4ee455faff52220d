//! `system.settings`: what can be set, and what is set in this session.

use storage::Value;

use crate::catalog::pg_catalog::relation::row;
use crate::session::parameter::parameters;
use crate::session::settings::Settings;
use crate::types::json::read_document;

pub(super) fn rows(settings: &Settings) -> Vec<Vec<Value>> {
    let nothing = read_document("{}").unwrap_or(Value::Null);
    let known = parameters().into_iter().map(|(category, parameter)| {
        let value = settings.get(parameter.name).unwrap_or_default();
        let is_changed = value != parameter.default;
        row![
            parameter.name,
            value,
            parameter.default,
            category,
            parameter.scope.name(),
            parameter.description,
            is_changed,
            nothing.clone(),
        ]
    });
    known.collect()
}
