//! CREATE TABLE.

use std::sync::Arc;

use auth::ObjectKind;
use datafusion::sql::sqlparser::ast::{self, CreateTable, CreateTableOptions, HiveDistributionStyle};

use super::constraint::{Check, Key, Written};
use super::foreign_key::ForeignKey;
use super::names::Place;
use super::{DefinitionEnvironment, options};
use crate::catalog::{Table, TableClass, TableKind, empty_storage};
use crate::error::{Error, Result, SqlState};
use crate::statement::definition::on_commit_of_permanent;

/// What a CREATE TABLE asks for, of what we can do.
struct Request<'a> {
    columns: &'a [ast::ColumnDef],
    constraints: &'a [ast::TableConstraint],
    options: Vec<(String, String)>,
    unlogged: bool,
    class: TableClass,
    /// TEMPORARY, and ON COMMIT with it.
    temporary: bool,
    on_commit: Option<ast::OnCommit>,
    /// PARTITION BY.
    partition_by: Option<&'a ast::Expr>,
    /// PARTITION OF: the parent and what the table takes of it.
    partition_of: Option<(&'a ast::ObjectName, &'a ast::ForValues)>,
    /// INHERITS.
    inherits: &'a [ast::ObjectName],
}

/// What a new table has its first columns of.
#[derive(Clone, Copy)]
enum Above<'a> {
    Partitioned(&'a Table),
    /// INHERITS; none is a table by itself.
    Inherited(&'a [Arc<Table>]),
}

/// The constraints of a table, in the order in which PostgreSQL makes them.
#[derive(Default)]
struct Constraints<'a> {
    checks: Vec<Check<'a>>,
    keys: Vec<Key>,
    foreign_keys: Vec<ForeignKey<'a>>,
}

/// Runs CREATE TABLE.
pub(super) async fn create(
    create: &CreateTable,
    (unlogged, class): (bool, TableClass),
    environment: &mut DefinitionEnvironment<'_>,
) -> Result<()> {
    let request = Request { unlogged, class, ..Request::of(create)? };
    environment.class = class;
    let on_commit = match request.temporary {
        true => environment.make_temporary(request.on_commit.as_ref()),
        false => None,
    };
    let Some(mut place) = environment.claim_place(&create.name, create.if_not_exists).await? else { return Ok(()) };
    environment.hold_storage(&request.options).await?;
    place.on_commit = on_commit;
    if request.on_commit.is_some() && place.temporary(None).is_none() {
        return Err(on_commit_of_permanent());
    }
    let Some((parent, values)) = request.partition_of else {
        let parents = environment.lock_parents(request.inherits, place.temporary(None).is_some()).await?;
        let table = environment.build_table(&request, place, Above::Inherited(&parents)).await?;
        environment.put_table(table)?;
        for parent in parents {
            environment.redefine((*parent).clone())?;
        }
        return Ok(());
    };
    let parent = environment.lock_partitioned(parent).await?;
    refuse_mixed_partition(&parent, place.temporary(None).is_some())?;
    let table = environment.build_table(&request, place, Above::Partitioned(&parent)).await?;
    environment.put_partition(&parent, table, values).await
}

impl<'a> Request<'a> {
    /// Takes the statement apart; a clause that we do not know what to do with is refused.
    fn of(create: &'a CreateTable) -> Result<Self> {
        refuse_foreign_clauses(create)?;
        let CreateTable { temporary, global, columns, constraints, table_options, query, like, on_commit, .. } = create;
        let CreateTable { partition_by, inherits, partition_of, for_values, .. } = create;
        let refused = [
            (global.is_some() && !*temporary, "CREATE GLOBAL or LOCAL TABLE"),
            (query.is_some(), "this form of CREATE TABLE AS"),
            (like.is_some(), "CREATE TABLE … LIKE"),
        ];
        if let Some((_, what)) = refused.iter().find(|(said, _)| *said) {
            return Err(Error::unsupported(what));
        }
        let options = match table_options {
            CreateTableOptions::None => Vec::new(),
            CreateTableOptions::With(given) => options::of_table(given)?,
            CreateTableOptions::Options(given)
            | CreateTableOptions::Plain(given)
            | CreateTableOptions::TableProperties(given) => {
                let first = given.first().map_or_else(String::new, ToString::to_string);
                return Err(Error::unsupported(format!("table option {first}")));
            }
        };
        if partition_by.is_some() {
            options::refuse_for_partitioned(&options)?;
        }
        let partition_by = partition_by.as_deref();
        let partition_of = partition_of.as_ref().zip(for_values.as_ref());
        let (temporary, on_commit) = (*temporary, *on_commit);
        let inherits = inherits.as_deref().unwrap_or_default();
        if partition_by.is_some() && !inherits.is_empty() {
            let message = "cannot create partitioned table as inheritance child";
            return Err(Error::new(SqlState::INVALID_OBJECT_DEFINITION, message));
        }
        Ok(Request {
            columns,
            constraints,
            options,
            unlogged: false,
            class: TableClass::Shared,
            temporary,
            on_commit,
            partition_by,
            partition_of,
            inherits,
        })
    }
}

/// 42P16 for a partition that would last longer or less long than its parent.
fn refuse_mixed_partition(parent: &Table, temporary: bool) -> Result<()> {
    let words = match (parent.temporary.is_some(), temporary) {
        (true, false) => "cannot create a permanent relation as partition of temporary relation",
        (false, true) => "cannot create a temporary relation as partition of permanent relation",
        _ => return Ok(()),
    };
    Err(Error::new(SqlState::WRONG_OBJECT_TYPE, format!("{words} \"{}\"", parent.name)))
}

/// Refuses what other databases' CREATE TABLE can say. Exhaustive, so that no clause is passed over in silence.
fn refuse_foreign_clauses(create: &CreateTable) -> Result<()> {
    let CreateTable {
        or_replace,
        temporary: _,
        external,
        dynamic,
        global: _,
        if_not_exists: _,
        transient,
        volatile,
        iceberg,
        snapshot,
        name: _,
        columns: _,
        constraints: _,
        hive_distribution,
        hive_formats,
        table_options: _,
        file_format,
        location,
        query: _,
        without_rowid,
        like: _,
        clone,
        version,
        comment,
        on_commit: _,
        on_cluster,
        primary_key,
        order_by,
        partition_by: _,
        cluster_by,
        clustered_by,
        inherits: _,
        partition_of: _,
        for_values: _,
        strict,
        copy_grants,
        enable_schema_evolution,
        change_tracking,
        data_retention_time_in_days,
        max_data_extension_time_in_days,
        default_ddl_collation,
        with_aggregation_policy,
        with_row_access_policy,
        with_storage_lifecycle_policy,
        with_tags,
        external_volume,
        base_location,
        catalog,
        catalog_sync,
        storage_serialization_policy,
        target_lag,
        warehouse,
        refresh_mode,
        initialize,
        require_user,
        diststyle,
        distkey,
        sortkey,
        backup,
    } = create;
    let hive = !matches!(hive_distribution, HiveDistributionStyle::NONE)
        || hive_formats.as_ref().is_some_and(|formats| *formats != ast::HiveFormat::default());
    let kinds = *or_replace || *external || *dynamic || *transient || *volatile || *iceberg || *snapshot || *strict;
    let places = file_format.is_some() || location.is_some() || external_volume.is_some() || base_location.is_some();
    let sources = clone.is_some() || version.is_some() || comment.is_some() || on_cluster.is_some();
    let orders = primary_key.is_some() || order_by.is_some() || cluster_by.is_some() || clustered_by.is_some();
    let policies = *copy_grants
        || enable_schema_evolution.is_some()
        || change_tracking.is_some()
        || data_retention_time_in_days.is_some()
        || max_data_extension_time_in_days.is_some()
        || default_ddl_collation.is_some()
        || with_aggregation_policy.is_some()
        || with_row_access_policy.is_some()
        || with_storage_lifecycle_policy.is_some()
        || with_tags.is_some();
    let external = catalog.is_some()
        || catalog_sync.is_some()
        || storage_serialization_policy.is_some()
        || target_lag.is_some()
        || warehouse.is_some()
        || refresh_mode.is_some()
        || initialize.is_some();
    let distribution =
        *require_user || diststyle.is_some() || distkey.is_some() || sortkey.is_some() || backup.is_some();
    if hive || kinds || places || sources || orders || policies || external || distribution || *without_rowid {
        return Err(Error::unsupported("a clause of this CREATE TABLE that PostgreSQL does not have"));
    }
    Ok(())
}

impl DefinitionEnvironment<'_> {
    /// The same for CREATE OR REPLACE: None if there is something to be replaced.
    pub(super) async fn claim_or_replace(&mut self, name: &ast::ObjectName, replace: bool) -> Result<Option<Place>> {
        let before = self.notices.len();
        let place = self.claim_place(name, replace).await;
        self.notices.truncate(before);
        place
    }

    /// Claims a relation's name in its schema; None if it is taken and that is no error.
    pub(super) async fn claim_place(&mut self, name: &ast::ObjectName, if_not_exists: bool) -> Result<Option<Place>> {
        loop {
            let catalog = self.catalog();
            let place = self.place(&catalog, name)?;
            self.lock_schema(place.schema.oid, false).await?;
            self.lock_name(place.schema.oid, &place.name).await?;
            let catalog = self.catalog();
            if self.place(&catalog, name)?.schema.oid != place.schema.oid {
                continue;
            }
            let key = (place.schema.oid, place.name.clone());
            if !catalog.relation_names.contains_key(&key) {
                if let Some(ty) = catalog.type_names.get(&key) {
                    // PostgreSQL keeps a composite type as a relation.
                    if catalog.attributes(*ty).is_some() {
                        let message = format!("relation \"{}\" already exists", place.name);
                        return Err(Error::new(SqlState::DUPLICATE_TABLE, message));
                    }
                    // A relation has a row type of its name.
                    let message = format!("type \"{}\" already exists", place.name);
                    return Err(Error::new(SqlState::DUPLICATE_OBJECT, message).with_hint(
                        "A relation has an associated type of the same name, so you must use a name that doesn't conflict with any existing type.",
                    ));
                }
                return Ok(Some(place));
            }
            let message = format!("relation \"{}\" already exists", place.name);
            if if_not_exists {
                self.notice_skipping(Some(SqlState::DUPLICATE_TABLE), message);
                return Ok(None);
            }
            return Err(Error::new(SqlState::DUPLICATE_TABLE, message));
        }
    }

    async fn build_table(&mut self, request: &Request<'_>, place: Place, above: Above<'_>) -> Result<Table> {
        let catalog = self.catalog();
        let (oid, generation) = (self.store.allocate_oid()?, self.new_generation()?);
        let owner = self.principal.role().0;
        self.lock_role(owner, false).await?;
        let acl = self.new_acl(owner, Some(place.schema.oid), ObjectKind::Table);
        let temporary = place.temporary(place.on_commit);
        let mut table = Table {
            oid,
            schema: place.schema.oid,
            name: place.name,
            owner,
            acl,
            kind: TableKind::Table,
            column_acls: Default::default(),
            class: request.class,
            materialized: None,
            temporary,
            unlogged: request.unlogged,
            columns: Vec::with_capacity(request.columns.len()),
            last_column: 0,
            constraints: Vec::new(),
            indexes: Vec::new(),
            options: request.options.clone(),
            comment: None,
            partitioning: Default::default(),
            inherits: Vec::new(),
            replica_identity: Default::default(),
            security: None,
            triggers: Vec::new(),
            version: 0,
            storage: empty_storage(oid, generation),
        };
        match above {
            Above::Partitioned(parent) => self.take_columns(&mut table, parent),
            Above::Inherited(parents) => self.inherit_columns(&mut table, parents, request.columns)?,
        }
        let inherited = table.columns.len();
        let mut constraints = Constraints::default();
        let mut named: Vec<String> = Vec::new();
        for definition in request.columns {
            let column = match above {
                Above::Partitioned(_) => self.override_column(&catalog, &mut table, definition)?,
                Above::Inherited(_) => self.read_column(&catalog, &table.name, definition)?,
            };
            if named.contains(&column.name) {
                let message = format!("column \"{}\" specified more than once", column.name);
                return Err(Error::new(SqlState::DUPLICATE_COLUMN, message));
            }
            named.push(column.name.clone());
            if matches!(above, Above::Inherited(_)) {
                match table.position_of(&column.name).filter(|position| *position < inherited) {
                    Some(position) => self.merge_column(&catalog, &mut table, position, &column)?,
                    None => drop(self.add_column(&catalog, &mut table, &column).await?),
                }
            }
            column.constraints.into_iter().for_each(|constraint| constraints.add(constraint));
        }
        for constraint in request.constraints {
            constraints.add(Written::of_table(constraint)?);
        }
        self.check_generated(&catalog, &table)?;
        table.partitioning.key = request.partition_by.map(|by| self.partition_key(&table, by)).transpose()?;
        if let Above::Inherited(parents) = above {
            self.inherit_own_checks(&mut table, parents, &mut constraints.checks)?;
        }
        self.add_constraints(&mut table, constraints).await?;
        table.lay_out(generation, &[])?;
        Ok(table)
    }

    async fn add_constraints(&mut self, table: &mut Table, constraints: Constraints<'_>) -> Result<()> {
        for check in &constraints.checks {
            self.add_check(table, check)?;
        }
        // The primary key's index comes first, whatever the order in which the keys are written.
        let (primary, unique): (Vec<&Key>, Vec<&Key>) = constraints.keys.iter().partition(|key| key.primary);
        for key in primary.into_iter().chain(unique) {
            self.add_key(table, key).await?;
        }
        for key in &constraints.foreign_keys {
            self.add_foreign_key(table, key).await?;
        }
        Ok(())
    }
}

impl<'a> Constraints<'a> {
    fn add(&mut self, constraint: Written<'a>) {
        match constraint {
            Written::Check(check) => self.checks.push(check),
            Written::ForeignKey(key) => self.foreign_keys.push(key),
            Written::Key(key) => self.add_key(key),
        }
    }

    /// A key that says the same as another is left out; its name is not.
    fn add_key(&mut self, key: Key) {
        let same = |other: &&mut Key| {
            other.columns == key.columns
                && other.nulls_distinct == key.nulls_distinct
                && !(other.primary && key.primary)
        };
        match self.keys.iter_mut().find(same) {
            Some(other) => {
                other.primary |= key.primary;
                other.name = other.name.take().or(key.name);
            }
            None => self.keys.push(key),
        }
    }
}
