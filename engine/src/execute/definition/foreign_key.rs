//! Foreign keys: found their target, checked that they can be enforced, tried on the rows that are there.

use std::ops::Bound;
use std::sync::Arc;

use auth::{ObjectKind, Privileges};
use datafusion::sql::sqlparser::ast::{
    ConstraintReferenceMatchKind, ForeignKeyConstraint, Ident, ObjectName, ReferentialAction,
};
use storage::key::{index_range, primary_key_from};
use storage::kv::Direction;
use storage::{IndexSchema, KeyRange, ReadView, Slice, StoredRow, TableId, TableLock, Value};

use super::constraint::deferrable;
use super::{DefinitionEnvironment, discreet, names, stream, validate};
use crate::catalog::{Catalog, Constraint, ConstraintKind, Deferrable, ForeignKeyAction, TEMPORARY_SCHEMA, Table};
use crate::error::{Error, Result, SqlState};
use crate::execute::write::{self, key_text};
use crate::function::{CastContext, resolve};
use crate::plan::authorize::denied;
use crate::plan::bind::{QualifiedName, fold};
use crate::statement::columns_to_set_in;
use crate::types::{self, Type, builtin};

/// REFERENCES or FOREIGN KEY as it is written.
#[derive(Debug)]
pub(super) struct ForeignKey<'a> {
    name: Option<String>,
    columns: Vec<String>,
    target: &'a ObjectName,
    target_columns: Vec<String>,
    on_delete: ForeignKeyAction,
    on_update: ForeignKeyAction,
    match_full: bool,
    /// The columns that ON DELETE SET NULL or SET DEFAULT names; none is all.
    set_columns: Vec<String>,
    deferrable: Option<Deferrable>,
    /// The rows that are there are not looked at.
    pub(super) not_valid: bool,
}

/// A foreign key that has been added to its table.
pub(super) struct Added {
    pub(super) name: String,
    /// Attribute numbers of the table and of the target.
    pub(super) columns: Vec<u16>,
    pub(super) target: u32,
    pub(super) target_columns: Vec<u16>,
    pub(super) match_full: bool,
}

impl<'a> ForeignKey<'a> {
    pub(super) fn of(key: &'a ForeignKeyConstraint, name: Option<&Ident>, column: Option<&Ident>) -> Result<Self> {
        let ForeignKeyConstraint {
            name: own_name,
            index_name,
            columns,
            foreign_table,
            referred_columns,
            on_delete,
            on_update,
            match_kind,
            characteristics,
        } = key;
        let set_columns = match index_name {
            None => Vec::new(),
            Some(index) => columns_to_set_in(&index.value)
                .ok_or_else(|| Error::unsupported("naming an index within a constraint"))?,
        };
        if matches!(match_kind, Some(ConstraintReferenceMatchKind::Partial)) {
            return Err(Error::new(SqlState::FEATURE_NOT_SUPPORTED, "MATCH PARTIAL not yet implemented"));
        }
        let columns =
            if columns.is_empty() { column.into_iter().collect() } else { columns.iter().collect::<Vec<_>>() };
        Ok(Self {
            name: own_name.as_ref().or(name).map(fold),
            columns: columns.into_iter().map(fold).collect(),
            target: foreign_table,
            target_columns: referred_columns.iter().map(fold).collect(),
            on_delete: action(on_delete.as_ref()),
            on_update: action(on_update.as_ref()),
            match_full: matches!(match_kind, Some(ConstraintReferenceMatchKind::Full)),
            set_columns,
            deferrable: deferrable(characteristics.as_ref())?,
            not_valid: false,
        })
    }
}

fn action(action: Option<&ReferentialAction>) -> ForeignKeyAction {
    match action {
        None | Some(ReferentialAction::NoAction) => ForeignKeyAction::NoAction,
        Some(ReferentialAction::Restrict) => ForeignKeyAction::Restrict,
        Some(ReferentialAction::Cascade) => ForeignKeyAction::Cascade,
        Some(ReferentialAction::SetNull) => ForeignKeyAction::SetNull,
        Some(ReferentialAction::SetDefault) => ForeignKeyAction::SetDefault,
    }
}

impl DefinitionEnvironment<'_> {
    /// Adds a foreign key to a table under construction. The target is locked against writes.
    pub(super) async fn add_foreign_key(&mut self, table: &mut Table, key: &ForeignKey<'_>) -> Result<Added> {
        if table.is_stream() {
            return Err(stream::unsupported(table, "a foreign key"));
        }
        let target = self.lock_target(table, key).await?;
        // A table may point at itself, and then it is still under construction.
        let target = target.as_deref().unwrap_or(table);
        discreet::check_foreign_key(table, target)?;
        if target.partitioning.key.is_some() {
            return Err(Error::unsupported("a foreign key that references a partitioned table"));
        }
        let (columns, target_columns) = matched_columns(table, target, key)?;
        self.check_references(target, &target_columns)?;
        let set_columns = columns_to_set(table, &columns, key)?;
        let shown = names::joined(key.columns.iter().map(String::as_str));
        let target_oid = target.oid;
        let incomparable = incomparable_pair(table, target, &columns, &target_columns)?;
        let name = self.foreign_key_name(table, key.name.as_deref(), &shown)?;
        if let Some(detail) = incomparable {
            let message = format!("foreign key constraint \"{name}\" cannot be implemented");
            return Err(Error::new(SqlState::DATATYPE_MISMATCH, message).with_detail(detail));
        }
        refuse_actions_on_generated(table, &columns, key)?;
        let kind = ConstraintKind::ForeignKey {
            columns: columns.clone(),
            target: target_oid,
            target_columns: target_columns.clone(),
            on_delete: key.on_delete,
            on_update: key.on_update,
            match_full: key.match_full,
            set_columns,
        };
        table.constraints.push(Constraint {
            deferrable: key.deferrable,
            not_valid: key.not_valid,
            ..Constraint::new(self.store.allocate_oid()?, name.clone(), kind)
        });
        Ok(Added { name, columns, target: target_oid, target_columns, match_full: key.match_full })
    }

    /// The target, locked; None is the table itself.
    async fn lock_target(&mut self, table: &Table, key: &ForeignKey<'_>) -> Result<Option<Arc<Table>>> {
        let name = self.qualified(key.target)?;
        loop {
            let catalog = self.catalog();
            let is_new = !catalog.tables.contains_key(&table.oid);
            if is_new && name.name == table.name && self.is_found_in(&catalog, &name, table.schema) {
                return Ok(None);
            }
            let target = self.find_table(&catalog, &name)?;
            names::require_table(&target, |name| format!("referenced relation \"{name}\" is not a table"))?;
            refuse_mixed(table, &target)?;
            if target.oid == table.oid {
                return Ok(None);
            }
            self.transaction.lock_table(TableId(target.oid), TableLock::ShareRowExclusive, self.wait).await?;
            let catalog = self.catalog();
            let now = self.find_table(&catalog, &name)?;
            if now.oid == target.oid {
                return Ok(Some(now));
            }
        }
    }

    /// Whether a name is looked for in a schema before any other that has it.
    fn is_found_in(&self, catalog: &Catalog, name: &QualifiedName, schema: u32) -> bool {
        let own = catalog.schemas.get(&schema).map_or("", |own| own.name.as_str());
        match &name.schema {
            Some(named) => own == named,
            // It is looked into first, and may have been made by this statement.
            None if own.starts_with(TEMPORARY_SCHEMA) => true,
            None => {
                let mut path = catalog.path(&self.context.session.search_path);
                let has = |other: u32| catalog.relation_names.contains_key(&(other, name.name.clone()));
                path.find(|other| other.oid == schema || has(other.oid)).is_some_and(|found| found.oid == schema)
            }
        }
    }

    fn check_references(&self, target: &Table, columns: &[u16]) -> Result<()> {
        match target.allows(self.principal, Privileges::REFERENCES, columns) {
            true => Ok(()),
            false => Err(denied(ObjectKind::Table, &target.name)),
        }
    }

    /// 23503 if a row of the table has no parent.
    pub(super) async fn validate_foreign_key(&mut self, table: &Table, added: &Added) -> Result<()> {
        let catalog = self.catalog();
        let target = match added.target == table.oid {
            true => table,
            false => {
                catalog.tables.get(&added.target).ok_or_else(|| Error::internal("a foreign key's target is gone"))?
            }
        };
        let positions = places(table, &added.columns)?;
        // Beneath a user table each row's parent is in the row's own slice; rows come slice by slice.
        let target = &Arc::new(target.clone());
        let slice_of = |row: &StoredRow| {
            let slice = table.storage.slice_of(&row.key).filter(|_| target.is_divided());
            slice.map_or(Slice::Undivided, Slice::One)
        };
        let mut parent = Parent::of(target.clone(), &added.target_columns)?;
        let view = self.transaction.newest_view();
        let mut scan = view.scan(&table.storage, &KeyRange::generation(table.storage.generation), Direction::Forward);
        loop {
            let rows = scan.next(validate::ROWS_AT_A_TIME)?;
            if rows.is_empty() {
                return Ok(());
            }
            for row in rows {
                let slice = slice_of(&row);
                if parent.table.storage.slice != slice {
                    parent = Parent::of(target.of_slice(slice), &added.target_columns)?;
                }
                let mut key = Vec::with_capacity(positions.len());
                for at in &positions {
                    key.push(row.value(&table.storage, *at)?.to_owned());
                }
                let nulls = key.iter().filter(|value| value.is_null()).count();
                if added.match_full && nulls > 0 && nulls < key.len() {
                    let error = write::mixed_nulls(table, &added.name, self.schema_of(table));
                    return Err(error);
                }
                if nulls > 0 || parent.exists(&view, &key)? {
                    continue;
                }
                let error = self.no_parent(&catalog, table, target, &added.name, &positions, &key);
                return Err(self.discreet(table, error));
            }
            tokio::task::yield_now().await;
        }
    }

    fn no_parent(
        &self,
        catalog: &Catalog,
        table: &Table,
        target: &Table,
        constraint: &str,
        positions: &[usize],
        key: &[Value],
    ) -> Error {
        let message =
            format!("insert or update on table \"{}\" violates foreign key constraint \"{constraint}\"", table.name);
        let key = match write::tells_rows(table, self.context) {
            true => format!(" {}", key_text(table, positions, key, self.context)),
            false => String::new(),
        };
        let schema = catalog.schemas.get(&table.schema).map_or("", |schema| schema.name.as_str());
        Error::new(SqlState::FOREIGN_KEY_VIOLATION, message)
            .with_detail(format!("Key{key} is not present in table \"{}\".", target.name))
            .with_table(schema, &table.name)
            .with_constraint(constraint)
    }
}

/// How a parent is looked up. `order[i]` is the place, in the foreign key, of the value for the key's `i`th column.
struct Parent {
    table: Arc<Table>,
    /// None is the primary key.
    index: Option<IndexSchema>,
    positions: Vec<usize>,
    order: Vec<usize>,
}

impl Parent {
    fn of(table: Arc<Table>, columns: &[u16]) -> Result<Self> {
        let index = table
            .indexes
            .iter()
            .find(|index| enforces(&table, index, columns))
            .ok_or_else(|| Error::internal("a foreign key's target has lost its key"))?;
        let numbers: Vec<u16> = index.columns.iter().map(|column| column.number).collect();
        let order = numbers.iter().filter_map(|number| columns.iter().position(|column| column == number)).collect();
        let schema = if index.primary { None } else { Some(table.index_schema(index)?) };
        let positions = places(&table, &numbers)?;
        Ok(Self { table, index: schema, positions, order })
    }

    fn exists(&self, view: &ReadView, key: &[Value]) -> Result<bool> {
        let (schema, columns) = (&self.table.storage, &self.table.columns);
        let fitted = self.order.iter().zip(&self.positions);
        let fitted: Option<Vec<Value>> = fitted
            .map(|(from, at)| write::other_side(&key[*from], columns[*at].ty, &schema.columns[*at].column_type))
            .collect();
        let Some(values) = fitted else { return Ok(false) };
        match &self.index {
            None => Ok(view.get(schema, &primary_key_from(schema, &values))?.is_some()),
            Some(index) => {
                let range = index_range(index, &values, Bound::Unbounded, Bound::Unbounded);
                Ok(!view.scan_index(schema, index, &range, Direction::Forward).next_keys(1)?.is_empty())
            }
        }
    }
}

/// Whether the index makes exactly these columns unique, as the index of a constraint or by itself.
fn enforces(table: &Table, index: &crate::catalog::Index, columns: &[u16]) -> bool {
    debug_assert!(table.indexes.iter().any(|own| own.oid == index.oid), "an index of another table");
    index.unique
        && !index.deferrable
        && index.valid
        && index.is_plain()
        && index.columns.len() == columns.len()
        && index.columns.iter().all(|column| columns.contains(&column.number))
}

fn places(table: &Table, numbers: &[u16]) -> Result<Vec<usize>> {
    numbers.iter().map(|number| table.place(*number)).collect()
}

/// The attribute numbers on both sides.
fn matched_columns(table: &Table, target: &Table, key: &ForeignKey<'_>) -> Result<(Vec<u16>, Vec<u16>)> {
    let number = |table: &Table, name: &str| {
        table.position_of(name).map(|at| table.columns[at].number).ok_or_else(|| {
            let message = format!("column \"{name}\" referenced in foreign key constraint does not exist");
            Error::new(SqlState::UNDEFINED_COLUMN, message)
        })
    };
    let columns = key.columns.iter().map(|name| number(table, name)).collect::<Result<Vec<_>>>()?;
    let target_columns = if key.target_columns.is_empty() {
        let primary = target.primary_key().ok_or_else(|| {
            let message = format!("there is no primary key for referenced table \"{}\"", target.name);
            Error::new(SqlState::UNDEFINED_OBJECT, message)
        })?;
        primary.to_vec()
    } else {
        key.target_columns.iter().map(|name| number(target, name)).collect::<Result<Vec<_>>>()?
    };
    let message = |words: &'static str| Error::new(SqlState::INVALID_FOREIGN_KEY, words);
    if columns.len() != target_columns.len() {
        return Err(message("number of referencing and referenced columns for foreign key disagree"));
    }
    let repeated = (1..target_columns.len()).any(|at| target_columns[..at].contains(&target_columns[at]));
    if repeated {
        return Err(message("foreign key referenced-columns list must not contain duplicates"));
    }
    let late = target.constraints.iter().filter(|constraint| constraint.deferrable.is_some());
    let same = |own: &[u16]| own.len() == target_columns.len() && own.iter().all(|own| target_columns.contains(own));
    if let Some(late) = late.map(|constraint| &constraint.kind).find(|kind| same(kind.key_columns())) {
        let what = match late {
            // Only who names no columns means the primary key.
            ConstraintKind::PrimaryKey { .. } if key.target_columns.is_empty() => "primary key",
            _ => "unique constraint",
        };
        let message = format!("cannot use a deferrable {what} for referenced table \"{}\"", target.name);
        return Err(Error::new(SqlState::OBJECT_NOT_IN_PREREQUISITE_STATE, message));
    }
    if !target.indexes.iter().any(|index| enforces(target, index, &target_columns)) {
        let words =
            format!("there is no unique constraint matching given keys for referenced table \"{}\"", target.name);
        return Err(Error::new(SqlState::INVALID_FOREIGN_KEY, words));
    }
    Ok((columns, target_columns))
}

/// The numbers of the columns that ON DELETE SET names. 42703 for one that is not there, 42P10 for one that is not of the
/// key.
fn columns_to_set(table: &Table, columns: &[u16], key: &ForeignKey<'_>) -> Result<Vec<u16>> {
    let mut numbers = Vec::with_capacity(key.set_columns.len());
    for name in &key.set_columns {
        let Some(at) = table.position_of(name) else {
            let message = format!("column \"{name}\" referenced in foreign key constraint does not exist");
            return Err(Error::new(SqlState::UNDEFINED_COLUMN, message));
        };
        let number = table.columns[at].number;
        if !columns.contains(&number) {
            let message = format!("column \"{name}\" referenced in ON DELETE SET action must be part of foreign key");
            return Err(Error::new(SqlState::INVALID_COLUMN_REFERENCE, message));
        }
        if !numbers.contains(&number) {
            numbers.push(number);
        }
    }
    Ok(numbers)
}

/// 42601 for an action that would set a column which is computed.
fn refuse_actions_on_generated(table: &Table, columns: &[u16], key: &ForeignKey<'_>) -> Result<()> {
    use ForeignKeyAction::{Cascade, SetDefault, SetNull};
    if !table.columns.iter().any(|column| column.generated && columns.contains(&column.number)) {
        return Ok(());
    }
    let event = match (key.on_update, key.on_delete) {
        (SetNull | SetDefault | Cascade, _) => "UPDATE",
        (_, SetNull | SetDefault) => "DELETE",
        _ => return Ok(()),
    };
    let message = format!("invalid ON {event} action for foreign key constraint containing generated column");
    Err(Error::new(SqlState::SYNTAX_ERROR, message))
}

/// Says which pair of columns has no common equality.
fn incomparable_pair(table: &Table, target: &Table, columns: &[u16], target_columns: &[u16]) -> Result<Option<String>> {
    let column = |table: &Table, number: u16| table.position_of_number(number).map(|at| table.columns[at].clone());
    for (number, target_number) in columns.iter().zip(target_columns) {
        let (Some(from), Some(to)) = (column(table, *number), column(target, *target_number)) else { continue };
        if !is_compared(from.ty, to.ty) {
            return Ok(Some(format!(
                "Key columns \"{}\" and \"{}\" are of incompatible types: {} and {}.",
                from.name,
                to.name,
                types::display(from.ty),
                types::display(to.ty)
            )));
        }
        if !write::is_matched(from.ty, to.ty) {
            let (from, to) = (types::display(from.ty), types::display(to.ty));
            return Err(Error::unsupported(format!("a foreign key of type {from} that references {to}")));
        }
    }
    Ok(None)
}

/// Whether there is an equality for a referenced column and a column of the key: one of just these types, or one to which the
/// referenced column comes as it is.
fn is_compared(key: Type, referenced: Type) -> bool {
    let (key, referenced) = (builtin::base_type(key), builtin::base_type(referenced));
    let layout = |ty| types::column_type(ty).ok();
    resolve::operator("=", Some(referenced), key).is_ok_and(|operator| {
        let (left, right) = (operator.left.unwrap_or_default(), operator.right);
        key.oid == referenced.oid
            || (left == referenced.oid && right == key.oid)
            || (layout(Type::new(left)) == layout(referenced)
                && resolve::can_coerce(key.oid, right, CastContext::Implicit))
    })
}

/// 42P16 for a foreign key between a temporary table and one that stays.
fn refuse_mixed(table: &Table, target: &Table) -> Result<()> {
    let words = match (table.temporary.is_some(), target.temporary.is_some()) {
        (true, false) => "constraints on temporary tables may reference only temporary tables",
        (false, true) => "constraints on permanent tables may reference only permanent tables",
        _ => return Ok(()),
    };
    Err(Error::new(SqlState::INVALID_TABLE_DEFINITION, words))
}
