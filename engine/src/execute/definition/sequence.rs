//! CREATE, ALTER and DROP SEQUENCE, and the sequences that come with serial and identity columns.
//!
//! A restart gives the sequence a new generation, and with it new values, so it vanishes with its transaction like any
//! other definition. What `nextval` takes meanwhile does not.

use std::sync::Arc;

use datafusion::sql::sqlparser::ast::{self, ObjectName, Owner};
use storage::{SequencePosition, SequenceRule, TableId, TableLock};

use super::drop::Request;
use super::names::{self, Place, Relation, refuse_system};
use super::{DefinitionEnvironment, alter, owner_oid};
use crate::catalog::{Catalog, Change, OwnedBy, Sequence, Table, TableColumn, TableKind, empty_storage};
use crate::error::{Error, Result, SqlState};
use crate::plan::bind::fold;
use crate::statement::definition::{RoleName, SequenceChange, SequenceOptions};
use crate::types::{self, Type, oid};

/// What a sequence's relation shows of it.
const COLUMNS: [(&str, u32); 3] = [("last_value", oid::INT8), ("log_cnt", oid::INT8), ("is_called", oid::BOOL)];

/// Runs CREATE SEQUENCE.
pub(super) async fn create(
    name: &ObjectName,
    if_not_exists: bool,
    options: &SequenceOptions,
    unlogged: bool,
    environment: &mut DefinitionEnvironment<'_>,
) -> Result<()> {
    let Some(place) = environment.claim_place(name, if_not_exists).await? else { return Ok(()) };
    let mut sequence = new_sequence(options, None)?;
    if let Some(Some(owner)) = &options.owned_by {
        let role = environment.principal.role().0;
        sequence.owned_by = Some(environment.owning_column(owner, role, place.schema.oid).await?);
    }
    environment.put_sequence(place, sequence, unlogged).await
}

/// Runs ALTER SEQUENCE.
pub(super) async fn alter(
    name: &ObjectName,
    if_exists: bool,
    change: &SequenceChange,
    environment: &mut DefinitionEnvironment<'_>,
) -> Result<()> {
    let Some(oid) = environment.lock_sequence(name, if_exists).await? else { return Ok(()) };
    match change {
        SequenceChange::Options(options) => environment.change_sequence(oid, options).await,
        SequenceChange::Rename(name) => {
            environment.rename_table(oid, &ObjectName::from(vec![ast::Ident::with_quote('"', name)])).await
        }
        SequenceChange::Owner(role) => {
            let owner = owner_of(role)?;
            let (catalog, table) = environment.locked_table(oid)?;
            if owner_oid(environment, &catalog, &owner)? != table.owner {
                environment.refuse_owned(oid, "change owner of").await?;
            }
            environment.change_table_owner(oid, &owner).await
        }
        SequenceChange::Logged(logged) => environment.set_sequence_logged(oid, *logged),
        SequenceChange::Schema(schema) => {
            let (catalog, table) = environment.locked_table(oid)?;
            if names::named_schema(&catalog, schema)?.oid != table.schema {
                environment.refuse_owned(oid, "move").await?;
            }
            environment.set_table_schema(oid, schema).await
        }
    }
}

/// A sequence of a column that is being made.
pub(super) struct ColumnSequence<'a> {
    pub(super) table: u32,
    pub(super) table_name: &'a str,
    pub(super) schema: u32,
    pub(super) owner: u32,
    pub(super) number: u16,
    pub(super) column: &'a str,
    pub(super) ty: Type,
}

/// The role of an OWNER TO that we read ourselves.
pub(super) fn owner_of(role: &RoleName) -> Result<Owner> {
    match role {
        RoleName::Named(name) => Ok(Owner::Ident(ast::Ident::with_quote('"', name))),
        RoleName::Current => Ok(Owner::CurrentUser),
        RoleName::Session => Ok(Owner::SessionUser),
        RoleName::Public => Err(Error::new(SqlState::UNDEFINED_OBJECT, "role \"public\" does not exist")),
    }
}

impl DefinitionEnvironment<'_> {
    /// Makes the sequence of a serial or identity column; answers its oid.
    pub(super) async fn create_column_sequence(
        &mut self,
        column: &ColumnSequence<'_>,
        options: &SequenceOptions,
    ) -> Result<u32> {
        let mut sequence = new_sequence(options, Some(column.ty))?;
        sequence.owned_by = Some(OwnedBy { table: column.table, column: column.number });
        let place = match &options.name {
            Some(name) => self.claim_place(name, false).await?,
            None => None,
        };
        let place = match place {
            Some(place) => place,
            None => self.free_place(column).await?,
        };
        let command = if self.catalog().tables.contains_key(&column.table) { "ALTER TABLE" } else { "CREATE TABLE" };
        self.detail(format!(
            "{command} will create implicit sequence \"{}\" for serial column \"{}.{}\"",
            place.name, column.table_name, column.column
        ));
        self.put_sequence_of(place, sequence, column.owner).await
    }

    /// A place beside the table under the name that PostgreSQL would make.
    async fn free_place(&mut self, column: &ColumnSequence<'_>) -> Result<Place> {
        loop {
            let catalog = self.catalog();
            let taken = |name: &str| catalog.relation_names.contains_key(&(column.schema, name.to_owned()));
            let name = names::free_name(column.table_name, column.column, "seq", taken);
            self.lock_name(column.schema, &name).await?;
            let catalog = self.catalog();
            if !catalog.relation_names.contains_key(&(column.schema, name.clone())) {
                let schema = catalog.schemas.get(&column.schema).cloned();
                let schema = schema.ok_or_else(|| Error::internal("a locked schema is gone"))?;
                return Ok(Place { schema, name, on_commit: None });
            }
        }
    }

    async fn put_sequence(&mut self, place: Place, sequence: Sequence, unlogged: bool) -> Result<()> {
        let owner = self.principal.role().0;
        self.lock_role(owner, false).await?;
        let oid = self.put_sequence_of(place, sequence, owner).await?;
        if unlogged { self.set_sequence_logged(oid, false) } else { Ok(()) }
    }

    /// Notes what is said of how durable a sequence is, which it is anyway.
    fn set_sequence_logged(&mut self, oid: u32, logged: bool) -> Result<()> {
        let (_, table) = self.locked_table(oid)?;
        let name = &table.name;
        if table.temporary.is_some() {
            let message = format!("cannot change logged status of table \"{name}\" because it is temporary");
            return Err(Error::new(SqlState::INVALID_TABLE_DEFINITION, message));
        }
        let mut table = (*table).clone();
        table.unlogged = !logged;
        self.put_table(table)?;
        Ok(())
    }

    async fn put_sequence_of(&mut self, place: Place, sequence: Sequence, owner: u32) -> Result<u32> {
        let oid = self.store.allocate_oid()?;
        let columns = (1..).zip(COLUMNS).map(|(number, (name, ty))| TableColumn {
            number,
            name: name.to_owned(),
            ty: Type::new(ty),
            not_null: true,
            default: None,
            identity: None,
            generated: false,
            local: true,
            comment: None,
            hints: Default::default(),
        });
        let acl = self.new_acl(owner, Some(place.schema.oid), auth::ObjectKind::Sequence);
        let temporary = place.temporary(None);
        self.put_table(Table {
            oid,
            schema: place.schema.oid,
            name: place.name,
            owner,
            acl,
            kind: TableKind::Sequence(sequence),
            column_acls: Default::default(),
            class: Default::default(),
            materialized: None,
            temporary,
            unlogged: false,
            columns: columns.collect(),
            last_column: COLUMNS.len() as u16,
            constraints: Vec::new(),
            indexes: Vec::new(),
            options: Vec::new(),
            comment: None,
            partitioning: Default::default(),
            inherits: Vec::new(),
            replica_identity: Default::default(),
            security: None,
            triggers: Vec::new(),
            version: 0,
            // Values need no place among the rows, so nothing has to be swept if the transaction fails.
            storage: empty_storage(oid, self.store.allocate_generation()?),
        })?;
        Ok(oid)
    }

    /// Finds and locks a sequence; None if there is none and that is no error.
    async fn lock_sequence(&mut self, name: &ObjectName, if_exists: bool) -> Result<Option<u32>> {
        let Some(oid) = self.lock_to_alter(name, if_exists, TableLock::ShareRowExclusive).await? else {
            return Ok(None);
        };
        let (_, table) = self.locked_table(oid)?;
        match table.sequence() {
            Some(_) => Ok(Some(oid)),
            None => Err(not_a_sequence(&table.name)),
        }
    }

    pub(super) async fn change_sequence(&mut self, oid: u32, options: &SequenceOptions) -> Result<()> {
        let (_, table) = self.locked_table(oid)?;
        let mut table = (*table).clone();
        let Some(before) = table.sequence().cloned() else { return Err(not_a_sequence(&table.name)) };
        let mut position = self.context.session.sequences.position(&table, &before)?;
        let mut after = changed(&before, options, &mut position)?;
        match &options.owned_by {
            None => {}
            Some(owner) => {
                self.refuse_identity(&before)?;
                after.owned_by = match owner {
                    None => None,
                    Some(owner) => Some(self.owning_column(owner, table.owner, table.schema).await?),
                };
            }
        }
        if options.restart.is_some() {
            table.storage = empty_storage(oid, self.store.allocate_generation()?);
            self.store.set_value(table.storage.generation, &after.rule, position)?;
        }
        table.kind = TableKind::Sequence(after);
        self.redefine(table)?;
        Ok(())
    }

    /// The column that OWNED BY names.
    async fn owning_column(&mut self, name: &ObjectName, owner: u32, schema: u32) -> Result<OwnedBy> {
        let mut parts = name.0.clone();
        let column = parts.pop().and_then(|part| part.as_ident().map(fold)).unwrap_or_default();
        if parts.is_empty() {
            return Err(Error::new(SqlState::SYNTAX_ERROR, "invalid OWNED BY option")
                .with_hint("Specify OWNED BY table.column or OWNED BY NONE."));
        }
        let name = self.qualified(&ObjectName(parts))?;
        let catalog = self.catalog();
        let table = self.find_table(&catalog, &name)?;
        self.lock_table(table.oid, TableLock::ShareUpdateExclusive).await?;
        let catalog = self.catalog();
        let table = self.find_table(&catalog, &name)?;
        if table.kind != TableKind::Table {
            let message = format!("sequence cannot be owned by relation \"{}\"", table.name);
            return Err(Error::new(SqlState::WRONG_OBJECT_TYPE, message));
        }
        let refused = |what: &str| {
            let message = format!("sequence must {what} as table it is linked to");
            Error::new(SqlState::OBJECT_NOT_IN_PREREQUISITE_STATE, message)
        };
        if table.owner != owner {
            return Err(refused("have same owner"));
        }
        if table.schema != schema {
            return Err(refused("be in same schema"));
        }
        let position = alter::column_of(&table, &column)?;
        Ok(OwnedBy { table: table.oid, column: table.columns[position].number })
    }

    fn refuse_identity(&mut self, sequence: &Sequence) -> Result<()> {
        let catalog = self.catalog();
        match sequence.owned_by.and_then(|owner| identity_column(&catalog, owner)) {
            Some(_) => Err(Error::new(SqlState::FEATURE_NOT_SUPPORTED, "cannot change ownership of identity sequence")),
            None => Ok(()),
        }
    }

    /// 0A000 for a sequence that goes where its table goes.
    async fn refuse_owned(&mut self, oid: u32, deed: &str) -> Result<()> {
        let (catalog, table) = self.locked_table(oid)?;
        let Some(owner) = table.sequence().and_then(|sequence| sequence.owned_by) else { return Ok(()) };
        let Some(owner) = catalog.tables.get(&owner.table) else { return Ok(()) };
        let message = if deed == "move" {
            "cannot move an owned sequence into another schema".to_owned()
        } else {
            format!("cannot {deed} sequence \"{}\"", table.name)
        };
        Err(Error::new(SqlState::FEATURE_NOT_SUPPORTED, message)
            .with_detail(format!("Sequence \"{}\" is linked to table \"{}\".", table.name, owner.name)))
    }

    pub(super) async fn drop_sequences(&mut self, request: &Request<'_>) -> Result<()> {
        let mut oids = Vec::with_capacity(request.names.len());
        for name in request.names {
            let Some(relation) = self.lock_relation_to_drop(name, request.if_exists, "sequence").await? else {
                continue;
            };
            let catalog = self.catalog();
            let owner = relation.sequence().and_then(|sequence| sequence.owned_by);
            if let Some((table, column)) = owner.and_then(|owner| identity_column(&catalog, owner)) {
                let shown = self.shown(&catalog, &relation);
                let column = alter::shown_column(self, &catalog, table, &column.name);
                let message = format!("cannot drop sequence {shown} because {column} requires it");
                return Err(Error::new(SqlState::DEPENDENT_OBJECTS_STILL_EXIST, message)
                    .with_hint(format!("You can drop {column} instead.")));
            }
            oids.push(relation.oid);
        }
        let catalog = self.catalog();
        let mut dependents = self.defaults_using(&catalog, &oids, &[]);
        dependents.extend(self.views_over(&catalog, &oids, None));
        let words = match oids.as_slice() {
            [one] => catalog
                .tables
                .get(one)
                .map_or_else(String::new, |table| format!("sequence {}", self.shown(&catalog, table))),
            _ => "desired object(s)".to_owned(),
        };
        self.cascade_or_refuse(&dependents, &words, request.cascade).await?;
        for oid in oids {
            self.drop_sequence(oid)?;
        }
        Ok(())
    }

    /// Drops a sequence on which nothing depends.
    fn drop_sequence(&mut self, oid: u32) -> Result<()> {
        self.transaction.redefined(TableId(oid));
        self.apply(Change::Table(oid, None))
    }

    /// Drops the sequences of a table that goes, or of one of its columns.
    pub(super) fn drop_owned_sequences(&mut self, table: u32, column: Option<u16>) -> Result<()> {
        let catalog = self.catalog();
        let of_column = |owner: OwnedBy| column.is_none_or(|column| column == owner.column);
        let owned = catalog.sequences_of(table).filter(|(_, owner)| of_column(*owner));
        for oid in owned.map(|(sequence, _)| sequence.oid).collect::<Vec<_>>() {
            self.drop_sequence(oid)?;
        }
        Ok(())
    }

    /// TRUNCATE … RESTART IDENTITY: the sequences of a table begin again if the transaction commits.
    pub(super) fn restart_owned_sequences(&mut self, table: u32) -> Result<()> {
        let catalog = self.catalog();
        let owned: Vec<Table> = catalog.sequences_of(table).map(|(sequence, _)| sequence.clone()).collect();
        for mut sequence in owned {
            self.check_table_owner(&sequence)?;
            sequence.storage = empty_storage(sequence.oid, self.store.allocate_generation()?);
            self.redefine(sequence)?;
        }
        Ok(())
    }

    /// The sequences that the columns of a table own, with a change made to each.
    pub(super) fn change_owned_sequences(&mut self, table: u32, change: impl Fn(&mut Table)) -> Result<()> {
        let catalog = self.catalog();
        let owned: Vec<Table> = catalog.sequences_of(table).map(|(sequence, _)| sequence.clone()).collect();
        for mut sequence in owned {
            change(&mut sequence);
            self.redefine(sequence)?;
        }
        Ok(())
    }

    /// Finds a sequence by name for something else than changing it.
    pub(super) fn find_sequence(&self, catalog: &Catalog, name: &ObjectName) -> Result<Arc<Table>> {
        let table = match self.find(catalog, &self.qualified(name)?)? {
            Some(Relation::Table(table)) => table,
            Some(Relation::Index(table, at)) => return Err(not_a_sequence(&table.indexes[at].name)),
            None => {
                let message = format!("relation \"{}\" does not exist", self.qualified(name)?);
                return Err(Error::new(SqlState::UNDEFINED_TABLE, message));
            }
        };
        refuse_system(&table)?;
        if table.sequence().is_none() {
            return Err(not_a_sequence(&table.name));
        }
        Ok(table)
    }
}

/// The identity column that a sequence serves.
fn identity_column(catalog: &Catalog, owner: OwnedBy) -> Option<(&Arc<Table>, &TableColumn)> {
    let table = catalog.tables.get(&owner.table)?;
    let column = &table.columns[table.position_of_number(owner.column)?];
    column.identity.is_some().then_some((table, column))
}

fn not_a_sequence(name: &str) -> Error {
    Error::new(SqlState::WRONG_OBJECT_TYPE, format!("\"{name}\" is not a sequence"))
}

fn invalid(message: String) -> Error {
    Error::new(SqlState::INVALID_PARAMETER_VALUE, message)
}

/// A sequence as CREATE says it; `column` is the type of the column that it is made for.
fn new_sequence(options: &SequenceOptions, column: Option<Type>) -> Result<Sequence> {
    let nothing = Sequence {
        value_type: oid::INT8,
        rule: SequenceRule { start: 0, increment: 1, min: 0, max: 0, cycle: false },
        cache: 1,
        owned_by: None,
    };
    let value_type = match column {
        Some(ty) if limits(ty.oid).is_none() => {
            return Err(invalid("identity column type must be smallint, integer, or bigint".to_owned()));
        }
        Some(ty) => Some(ty.oid),
        None => value_type(options)?,
    };
    let options = SequenceOptions {
        min: Some(options.min.flatten()),
        max: Some(options.max.flatten()),
        value_type: None,
        ..options.clone()
    };
    let nothing = Sequence { value_type: value_type.unwrap_or(oid::INT8), ..nothing };
    let mut position = SequencePosition { last_value: 0, is_called: false };
    let increment = options.increment.unwrap_or(1);
    // The start follows from the bounds, which are not known yet.
    let mut sequence = bounded(&nothing, increment, &options, nothing.value_type)?;
    sequence.rule.start = options.start.unwrap_or(if increment > 0 { sequence.rule.min } else { sequence.rule.max });
    position.last_value = sequence.rule.start;
    finish(sequence, &options, &mut position)
}

/// A sequence as ALTER changes it.
fn changed(before: &Sequence, options: &SequenceOptions, position: &mut SequencePosition) -> Result<Sequence> {
    let value_type = value_type(options)?.unwrap_or(before.value_type);
    let increment = options.increment.unwrap_or(before.rule.increment);
    let mut options = options.clone();
    if value_type != before.value_type
        && let Some((low, high)) = limits(before.value_type)
    {
        // A bound that was the old type's becomes the new type's, in either direction.
        let (new_low, new_high) = limits(value_type).unwrap_or((i64::MIN, i64::MAX));
        if before.rule.max == high {
            options.max = Some(options.max.flatten().or(Some(new_high)));
        }
        if before.rule.min == low {
            options.min = Some(options.min.flatten().or(Some(new_low)));
        }
    }
    let mut sequence = bounded(before, increment, &options, value_type)?;
    if let Some(start) = options.start {
        sequence.rule.start = start;
    }
    finish(sequence, &options, position)
}

/// The sequence with its type, its increment and its bounds.
fn bounded(before: &Sequence, increment: i64, options: &SequenceOptions, value_type: u32) -> Result<Sequence> {
    if increment == 0 {
        return Err(invalid("INCREMENT must not be zero".to_owned()));
    }
    let (low, high) = limits(value_type).unwrap_or((i64::MIN, i64::MAX));
    let ascending = increment > 0;
    let max = match options.max {
        Some(Some(max)) => max,
        Some(None) => {
            if ascending {
                high
            } else {
                -1
            }
        }
        None => before.rule.max,
    };
    let min = match options.min {
        Some(Some(min)) => min,
        Some(None) => {
            if ascending {
                1
            } else {
                low
            }
        }
        None => before.rule.min,
    };
    for (word, value) in [("MAXVALUE", max), ("MINVALUE", min)] {
        if !(low..=high).contains(&value) {
            let shown = types::display(Type::new(value_type));
            return Err(invalid(format!("{word} ({value}) is out of range for sequence data type {shown}")));
        }
    }
    if min >= max {
        return Err(invalid(format!("MINVALUE ({min}) must be less than MAXVALUE ({max})")));
    }
    let rule = SequenceRule { increment, min, max, cycle: options.cycle.unwrap_or(before.rule.cycle), ..before.rule };
    Ok(Sequence { value_type, rule, ..before.clone() })
}

/// Checks where the sequence starts and stands.
fn finish(mut sequence: Sequence, options: &SequenceOptions, position: &mut SequencePosition) -> Result<Sequence> {
    let SequenceRule { start, min, max, .. } = sequence.rule;
    let within = |word: &str, value: i64| {
        if value < min {
            return Err(invalid(format!("{word} value ({value}) cannot be less than MINVALUE ({min})")));
        }
        if value > max {
            return Err(invalid(format!("{word} value ({value}) cannot be greater than MAXVALUE ({max})")));
        }
        Ok(())
    };
    within("START", start)?;
    if let Some(restart) = options.restart {
        *position = SequencePosition { last_value: restart.unwrap_or(start), is_called: false };
    }
    within("RESTART", position.last_value)?;
    if let Some(cache) = options.cache {
        if cache <= 0 {
            return Err(invalid(format!("CACHE ({cache}) must be greater than zero")));
        }
        sequence.cache = cache;
    }
    Ok(sequence)
}

fn value_type(options: &SequenceOptions) -> Result<Option<u32>> {
    let Some(given) = &options.value_type else { return Ok(None) };
    let refused = || invalid("sequence type must be smallint, integer, or bigint".to_owned());
    let ty = types::ast::built_in(given)?;
    if limits(ty.oid).is_none() { Err(refused()) } else { Ok(Some(ty.oid)) }
}

/// The least and greatest value of an integer type.
fn limits(ty: u32) -> Option<(i64, i64)> {
    match ty {
        oid::INT2 => Some((i64::from(i16::MIN), i64::from(i16::MAX))),
        oid::INT4 => Some((i64::from(i32::MIN), i64::from(i32::MAX))),
        oid::INT8 => Some((i64::MIN, i64::MAX)),
        _ => None,
    }
}
