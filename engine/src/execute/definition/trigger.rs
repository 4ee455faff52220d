//! CREATE, ALTER and DROP TRIGGER, and ALTER TABLE … ENABLE and DISABLE TRIGGER.

use std::sync::Arc;

use auth::{ObjectKind, Privileges, decide};
use datafusion::sql::sqlparser::ast::{AlterTableOperation, Ident, ObjectName};
use storage::TableLock;

use super::drop::{Dependent, Part};
use super::{DefinitionEnvironment, names};
use crate::catalog::{Catalog, SqlFunction, Table, TableKind, Trigger, TriggerEnabled, View};
use crate::error::{Error, Result, SqlState};
use crate::plan::authorize::{denied, denied_relation};
use crate::plan::bind::{Binder, TriggerRows, fold};
use crate::statement::definition::{NewTrigger, TriggerSwitch, TriggersNamed};
use crate::types::oid;
use crate::types::text::cut_name;

/// Runs CREATE TRIGGER.
pub(super) async fn create(new: &NewTrigger, environment: &mut DefinitionEnvironment<'_>) -> Result<()> {
    let oid = environment.lock_to_trigger(&new.table).await?;
    if new.events.truncate && new.for_rows {
        let message = "TRUNCATE FOR EACH ROW triggers are not supported";
        return Err(Error::new(SqlState::FEATURE_NOT_SUPPORTED, message));
    }
    let (_, table) = environment.locked_table(oid)?;
    let columns = columns(&table, &new.columns)?;
    let condition = environment.trigger_condition(oid, new).await?;
    let function = environment.trigger_function(&new.function).await?;
    let (catalog, table) = environment.locked_table(oid)?;
    let name = cut_name(&new.name).to_owned();
    let is_taken = |table: &Table| {
        let message = format!("trigger \"{name}\" for relation \"{}\" already exists", table.name);
        Err(Error::new(SqlState::DUPLICATE_OBJECT, message))
    };
    let old = table.trigger(&name);
    if old.is_some() && !new.replace {
        return is_taken(&table);
    }
    // Rows fire the triggers of what their table is a partition of, too.
    if catalog.ancestors(&table).iter().any(|above| above.trigger(&name).is_some_and(|own| own.for_rows)) {
        return is_taken(&table);
    }
    let is_partition = |below: &&Arc<Table>| below.partitioning.of.is_some() && below.trigger(&name).is_some();
    if new.for_rows
        && let Some(below) = catalog.descendants(oid).iter().find(is_partition)
    {
        return is_taken(below);
    }
    let trigger = Trigger {
        oid: match old {
            Some(old) => old.oid,
            None => environment.store.allocate_oid()?,
        },
        name,
        function: function.oid,
        before: new.before,
        for_rows: new.for_rows,
        events: new.events,
        columns,
        args: new.args.clone(),
        condition,
        enabled: TriggerEnabled::Origin,
        comment: old.and_then(|old| old.comment.clone()),
    };
    environment.change_triggers(&table, |table| table.put_trigger(trigger))
}

/// Runs ALTER TRIGGER … RENAME TO.
pub(super) async fn rename(
    name: &str,
    table: &ObjectName,
    to: &str,
    environment: &mut DefinitionEnvironment<'_>,
) -> Result<()> {
    let Some(oid) = environment.lock_to_alter(table, false, TableLock::AccessExclusive).await? else { return Ok(()) };
    let (_, table) = environment.locked_table(oid)?;
    let to = cut_name(to);
    let mut trigger = named(&table, name)?.clone();
    if table.trigger(to).is_some() {
        let message = format!("trigger \"{to}\" for relation \"{}\" already exists", table.name);
        return Err(Error::new(SqlState::DUPLICATE_OBJECT, message));
    }
    to.clone_into(&mut trigger.name);
    environment.change_triggers(&table, |table| table.put_trigger(trigger))
}

/// Runs DROP TRIGGER.
pub(super) async fn drop(
    name: &str,
    table: &ObjectName,
    if_exists: bool,
    environment: &mut DefinitionEnvironment<'_>,
) -> Result<()> {
    let Some(oid) = environment.lock_to_alter(table, if_exists, TableLock::AccessExclusive).await? else {
        return Ok(());
    };
    let (_, table) = environment.locked_table(oid)?;
    if if_exists && table.trigger(name).is_none() {
        let message = format!("trigger \"{name}\" for relation \"{}\" does not exist", table.name);
        environment.notice_skipping(None, message);
        return Ok(());
    }
    let dropped = named(&table, name)?.oid;
    environment.change_triggers(&table, |table| table.triggers.retain(|own| own.oid != dropped))
}

fn named<'a>(table: &'a Table, name: &str) -> Result<&'a Trigger> {
    table.trigger(name).ok_or_else(|| {
        let message = format!("trigger \"{name}\" for table \"{}\" does not exist", table.name);
        Error::new(SqlState::UNDEFINED_OBJECT, message)
    })
}

/// The attribute numbers of the columns that UPDATE OF names.
fn columns(table: &Table, named: &[String]) -> Result<Vec<u16>> {
    let mut numbers = Vec::with_capacity(named.len());
    for name in named {
        let Some(column) = table.columns.iter().find(|column| column.name == *name) else {
            let message = format!("column \"{name}\" of relation \"{}\" does not exist", table.name);
            return Err(Error::new(SqlState::UNDEFINED_COLUMN, message));
        };
        if numbers.contains(&column.number) {
            let message = format!("column \"{name}\" specified more than once");
            return Err(Error::new(SqlState::DUPLICATE_COLUMN, message));
        }
        numbers.push(column.number);
    }
    Ok(numbers)
}

/// Refuses relations that have no triggers.
fn check_relation(table: &Table) -> Result<()> {
    names::refuse_system(table)?;
    let refused = |message: String| Err(Error::new(SqlState::WRONG_OBJECT_TYPE, message));
    match &table.kind {
        TableKind::Table if table.materialized.is_none() => {}
        TableKind::View(_) => {
            let error = Error::new(SqlState::WRONG_OBJECT_TYPE, format!("\"{}\" is a view", table.name));
            return Err(error.with_detail("Views cannot have row-level BEFORE or AFTER triggers."));
        }
        _ => {
            let detail = format!("This operation is not supported for {}s.", table.noun());
            return refused(format!("relation \"{}\" cannot have triggers", table.name))
                .map_err(|error: Error| error.with_detail(detail));
        }
    }
    match table.is_stream() {
        true => Err(Error::unsupported("a trigger of a stream table")),
        false => Ok(()),
    }
}

impl DefinitionEnvironment<'_> {
    /// Finds and locks a table that is to have a trigger.
    async fn lock_to_trigger(&mut self, name: &ObjectName) -> Result<u32> {
        let name = self.qualified(name)?;
        loop {
            let catalog = self.catalog();
            let table = self.find_table(&catalog, &name)?;
            self.check_may_trigger(&table)?;
            self.lock_table(table.oid, TableLock::ShareRowExclusive).await?;
            self.lock_beneath(table.oid, TableLock::ShareRowExclusive).await?;
            let catalog = self.catalog();
            let now = self.find_table(&catalog, &name)?;
            if now.oid == table.oid {
                self.check_may_trigger(&now)?;
                return Ok(now.oid);
            }
        }
    }

    fn check_may_trigger(&self, table: &Table) -> Result<()> {
        check_relation(table)?;
        // What hides rows from others is its owner's: a trigger sees what is written.
        match table.allows(self.principal, Privileges::TRIGGER, &[]) {
            true => Ok(()),
            false => Err(denied_relation(table)),
        }
    }

    /// The function that a trigger is to call.
    async fn trigger_function(&mut self, name: &ObjectName) -> Result<Arc<SqlFunction>> {
        let name = self.qualified(name)?;
        loop {
            let function = self.find_trigger_function(&name)?;
            self.lock_function_name(function.schema, &function.name).await?;
            let now = self.find_trigger_function(&name)?;
            if now.oid != function.oid {
                continue;
            }
            if !decide(self.principal, &now.access(), Privileges::EXECUTE).is_allowed() {
                return Err(denied(ObjectKind::Function, &now.name));
            }
            if now.returns != oid::TRIGGER {
                let message = format!("function {name} must return type trigger");
                return Err(Error::new(SqlState::INVALID_OBJECT_DEFINITION, message));
            }
            return Ok(now);
        }
    }

    fn find_trigger_function(&mut self, name: &crate::plan::bind::QualifiedName) -> Result<Arc<SqlFunction>> {
        let catalog = self.catalog();
        let path = &self.context.session.search_path;
        let found = catalog.find_sql_functions(name.schema.as_deref(), &name.name, path);
        let mut fitting = found.into_iter().filter(|function| function.inputs().next().is_none());
        fitting
            .next()
            .cloned()
            .ok_or_else(|| Error::new(SqlState::UNDEFINED_FUNCTION, format!("function {name}() does not exist")))
    }

    /// 42710 if a table that is to be a partition has a trigger of the name of one for rows above.
    pub(super) fn check_triggers_beneath(&mut self, parent: &Arc<Table>, table: &Arc<Table>) -> Result<()> {
        let catalog = self.catalog();
        let mut above = catalog.ancestors(parent);
        above.push(parent.clone());
        let mut beneath = catalog.descendants(table.oid);
        beneath.push(table.clone());
        for trigger in above.iter().flat_map(|above| &above.triggers).filter(|trigger| trigger.for_rows) {
            if let Some(other) = beneath.iter().find(|other| other.trigger(&trigger.name).is_some()) {
                let message = format!("trigger \"{}\" for relation \"{}\" already exists", trigger.name, other.name);
                return Err(Error::new(SqlState::DUPLICATE_OBJECT, message));
            }
        }
        Ok(())
    }

    /// What is kept of WHEN.
    async fn trigger_condition(&mut self, oid: u32, new: &NewTrigger) -> Result<Option<View>> {
        let Some(said) = &new.condition else { return Ok(None) };
        let rows = TriggerRows {
            for_rows: new.for_rows,
            before: new.before,
            insert: new.events.insert,
            delete: new.events.delete,
        };
        loop {
            let (catalog, table) = self.locked_table(oid)?;
            let mut binder = Binder::new(&catalog, self.context, &[]).with_text(self.text);
            let (view, uses) = binder.new_trigger_condition(&table, rows, &said.expr, (said.from, said.to))?;
            if self.lock_uses(&catalog, &uses).await? {
                return Ok(Some(view));
            }
        }
    }

    fn change_triggers(&mut self, table: &Arc<Table>, change: impl FnOnce(&mut Table)) -> Result<()> {
        let mut table = (**table).clone();
        change(&mut table);
        self.redefine(table)?;
        Ok(())
    }

    /// Runs ALTER TABLE … ENABLE and DISABLE TRIGGER.
    pub(super) fn switch_triggers(&mut self, oid: u32, switch: &TriggerSwitch) -> Result<()> {
        let (catalog, table) = self.locked_table(oid)?;
        self.check_own(table.owner, table.noun(), &table.name)?;
        match &switch.which {
            TriggersNamed::One(name) => {
                named(&table, name)?;
            }
            TriggersNamed::All if switch.enabled == TriggerEnabled::Never => {
                let in_keys = |other: &Arc<Table>| {
                    other.constraints.iter().any(|constraint| match constraint.kind {
                        crate::catalog::ConstraintKind::ForeignKey { target, .. } => other.oid == oid || target == oid,
                        _ => false,
                    })
                };
                if catalog.tables.values().any(in_keys) {
                    return Err(Error::unsupported("DISABLE TRIGGER ALL of a table with foreign keys"));
                }
            }
            TriggersNamed::All | TriggersNamed::User => {}
        }
        let is_meant = |trigger: &Trigger| match &switch.which {
            TriggersNamed::One(name) => trigger.name == *name,
            TriggersNamed::All | TriggersNamed::User => true,
        };
        self.change_triggers(&table, |table| {
            for trigger in table.triggers.iter_mut().filter(|trigger| is_meant(trigger)) {
                trigger.enabled = switch.enabled;
            }
        })
    }

    /// The same among other changes of a table. False if it is something else.
    pub(super) fn alter_trigger_switch(&mut self, oid: u32, operation: &AlterTableOperation) -> Result<bool> {
        use AlterTableOperation as Op;
        let (name, enabled) = match operation {
            Op::EnableTrigger { name } => (name, TriggerEnabled::Origin),
            Op::EnableAlwaysTrigger { name } => (name, TriggerEnabled::Always),
            Op::EnableReplicaTrigger { name } => (name, TriggerEnabled::Replica),
            Op::DisableTrigger { name } => (name, TriggerEnabled::Never),
            _ => return Ok(false),
        };
        let which = match (spelled(name).as_deref(), enabled) {
            (Some("all"), TriggerEnabled::Origin | TriggerEnabled::Never) => TriggersNamed::All,
            (Some("user"), TriggerEnabled::Origin | TriggerEnabled::Never) => TriggersNamed::User,
            _ => TriggersNamed::One(fold(name)),
        };
        self.switch_triggers(oid, &TriggerSwitch { enabled, which })?;
        Ok(true)
    }

    /// Sets the comment on a trigger.
    pub(super) async fn comment_on_trigger(
        &mut self,
        name: &str,
        table: &ObjectName,
        comment: Option<String>,
    ) -> Result<()> {
        let Some(oid) = self.lock_to_alter(table, false, TableLock::ShareUpdateExclusive).await? else { return Ok(()) };
        let (_, table) = self.locked_table(oid)?;
        let trigger = Trigger { comment, ..named(&table, name)?.clone() };
        let mut table = (*table).clone();
        table.put_trigger(trigger);
        self.put_table(table)?;
        Ok(())
    }

    /// The trigger as messages show it.
    pub(super) fn trigger_shown(&self, catalog: &Catalog, table: &Table, trigger: &Trigger) -> String {
        format!("trigger {} on table {}", names::quoted(&trigger.name), self.shown(catalog, table))
    }

    /// The triggers that name a column of one of these tables, be it in UPDATE OF or in WHEN. Without a column: none, as
    /// triggers go with their table.
    pub(super) fn triggers_naming(&self, catalog: &Catalog, oids: &[u32], column: Option<u16>) -> Vec<Dependent> {
        let Some(number) = column else { return Vec::new() };
        let mut found = Vec::new();
        for table in oids.iter().filter_map(|oid| catalog.tables.get(oid)) {
            let Some(at) = table.position_of_number(number) else { continue };
            let on = super::alter::shown_column(self, catalog, table, &table.columns[at].name);
            for trigger in table.triggers.iter().filter(|trigger| trigger.names(table.oid, number)) {
                let shown = self.trigger_shown(catalog, table, trigger);
                found.push(Dependent { table: table.oid, part: Part::Trigger(trigger.oid), shown, on: on.clone() });
            }
        }
        found
    }

    /// The triggers that call one of these functions.
    pub(super) fn triggers_calling(&self, catalog: &Catalog, functions: &[u32]) -> Vec<Dependent> {
        let calls = |(table, trigger): (&Arc<Table>, &Trigger)| {
            let in_condition = trigger.condition.iter().flat_map(|view| &view.functions);
            let mut called = std::iter::once(&trigger.function).chain(in_condition);
            let function = catalog.functions.get(called.find(|oid| functions.contains(oid))?)?;
            let (shown, on) = (self.trigger_shown(catalog, table, trigger), self.function_shown(catalog, function));
            Some(Dependent { table: table.oid, part: Part::Trigger(trigger.oid), shown, on })
        };
        let mut found: Vec<Dependent> = catalog.all_triggers().filter_map(calls).collect();
        found.sort_by_key(|dependent| match dependent.part {
            Part::Trigger(oid) => oid,
            _ => 0,
        });
        found
    }
}

/// An unquoted word.
fn spelled(name: &Ident) -> Option<String> {
    name.quote_style.is_none().then(|| name.value.to_ascii_lowercase())
}
