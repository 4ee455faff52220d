//! `pg_trigger`, triggers as SQL, and what they depend on.

use std::sync::Arc;

use storage::Value;

use super::Reader;
use super::class::PG_CLASS;
use super::definition::{column_name, relation_name};
use super::relation::{NULL, row};
use crate::catalog::{Table, Trigger, TriggerEvent, View};
use crate::deparse;
use crate::function::EvalContext;
use crate::types::text::quote_identifier;

/// `pg_trigger` itself, in `pg_depend` and `pg_description`.
pub(crate) const PG_TRIGGER: u32 = 2620;

pub(super) fn triggers(reader: &Reader<'_>) -> Vec<Vec<Value>> {
    let row = |(table, trigger): (&Arc<Table>, &Trigger)| {
        let mut args = Vec::new();
        for arg in &trigger.args {
            args.extend_from_slice(arg.as_bytes());
            args.push(0);
        }
        row![
            trigger.oid,
            table.oid,
            0u32,
            &trigger.name,
            trigger.function,
            trigger.type_bits(),
            trigger.enabled.letter(),
            false,
            0u32,
            0u32,
            0u32,
            false,
            false,
            i16::try_from(trigger.args.len()).unwrap_or(i16::MAX),
            trigger.columns.clone(),
            Value::Bytea(args.into()),
            trigger.condition.as_ref().map(|_| format!("{{trigger {}}}", trigger.oid)),
            NULL,
            NULL,
        ]
    };
    reader.catalog.all_triggers().map(row).collect()
}

/// `CREATE TRIGGER …`.
pub(crate) fn trigger_definition(context: &EvalContext, table: &Arc<Table>, trigger: &Trigger, pretty: bool) -> String {
    let catalog = &context.catalog;
    let search_path = context.session.search_path.as_slice();
    let mut sql = format!("CREATE TRIGGER {} {}", quote_identifier(&trigger.name), trigger.when());
    for (at, event) in trigger.events.all().enumerate() {
        sql.push_str(if at == 0 { " " } else { " OR " });
        sql.push_str(event.word());
        if event == TriggerEvent::Update && !trigger.columns.is_empty() {
            let columns: Vec<String> = trigger.columns.iter().map(|number| column_name(table, *number)).collect();
            sql.push_str(&format!(" OF {}", columns.join(", ")));
        }
    }
    let relation = relation_name(catalog, pretty.then_some(search_path), table);
    sql.push_str(&format!(" ON {relation} FOR EACH {} ", trigger.level()));
    if let Some(condition) = &trigger.condition {
        sql.push_str(&format!("WHEN ({}) ", condition_shown(context, table, condition, pretty)));
    }
    let function = catalog.functions.get(&trigger.function);
    let function =
        function.map_or_else(|| "?".to_owned(), |function| catalog.sql_function_shown(function, search_path));
    let args: Vec<String> = trigger.args.iter().map(|arg| literal(arg)).collect();
    sql.push_str(&format!("EXECUTE FUNCTION {function}({})", args.join(", ")));
    sql
}

/// The trigger with an oid, and its table.
pub(crate) fn trigger_by_oid(context: &EvalContext, oid: u32) -> Option<(&Arc<Table>, &Trigger)> {
    context.catalog.all_triggers().find(|(_, trigger)| trigger.oid == oid)
}

fn condition_shown(context: &EvalContext, table: &Arc<Table>, condition: &View, pretty: bool) -> String {
    let written = deparse::trigger_condition(context, table, condition, pretty);
    written.unwrap_or_else(|_| super::view_text::expression_as_given(context, condition))
}

/// A string as SQL.
fn literal(text: &str) -> String {
    let doubled = text.replace('\'', "''");
    match doubled.contains('\\') {
        true => format!("E'{}'", doubled.replace('\\', "\\\\")),
        false => format!("'{doubled}'"),
    }
}

/// A trigger goes with its table, and holds on to its function and to the columns that it names.
pub(super) fn dependencies(reader: &Reader<'_>) -> Vec<Vec<Value>> {
    const PG_PROC: u32 = 1255;
    let mut rows = Vec::new();
    for (table, trigger) in reader.catalog.all_triggers() {
        rows.push(row![PG_TRIGGER, trigger.oid, 0, PG_PROC, trigger.function, 0, 'n']);
        rows.push(row![PG_TRIGGER, trigger.oid, 0, PG_CLASS, table.oid, 0, 'a']);
        let mut columns = trigger.columns.clone();
        if let Some(condition) = &trigger.condition {
            let own = condition.relations.iter().filter(|known| known.oid == table.oid);
            columns.extend(own.flat_map(|known| known.used.iter().copied()));
            let called = condition.functions.iter();
            rows.extend(called.map(|function| row![PG_TRIGGER, trigger.oid, 0, PG_PROC, *function, 0, 'n']));
        }
        columns.sort_unstable();
        columns.dedup();
        let columns = columns.into_iter().map(i32::from);
        rows.extend(columns.map(|column| row![PG_TRIGGER, trigger.oid, 0, PG_CLASS, table.oid, column, 'n']));
    }
    rows
}
