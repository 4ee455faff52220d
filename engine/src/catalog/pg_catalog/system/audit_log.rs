//! `system.audit_log`: every event that is kept.

use storage::Value;

use crate::audit::Event;
use crate::catalog::pg_catalog::relation::row;
use crate::error::Result;
use crate::provider::live::LiveSources;
use crate::types::json::read_document;
use crate::types::network::Network;

pub(super) fn rows(live: &LiveSources) -> Result<Vec<Vec<Value>>> {
    live.audit.events()?.into_iter().map(row).collect()
}

fn row(event: Event) -> Result<Vec<Value>> {
    let details = read_document(&serde_json::Value::Object(event.details).to_string())?;
    Ok(row![
        Value::Timestamptz(event.time),
        (!event.user.is_empty()).then_some(event.user),
        event.acting_as,
        event.client.map(|address| Value::Bytea(Network::of(address).encode().into())),
        (!event.request_id.is_empty()).then_some(event.request_id),
        event.database,
        event.action.name(),
        event.target,
        if event.sqlstate.is_none() { "success" } else { "failure" },
        event.sqlstate,
        details,
    ])
}
