//! DROP TABLE, DROP INDEX, DROP SEQUENCE, DROP SCHEMA: the object goes with everything that is part of it; what merely depends on it
//! forbids that, or goes too (CASCADE).

use std::sync::Arc;

use datafusion::sql::sqlparser::ast::{AlterTableOperation, DropBehavior, Ident, ObjectName, ObjectType};
use storage::{TableId, TableLock};

use super::names::{self, Relation};
use super::{DefinitionEnvironment, schema};
use crate::catalog::{Catalog, Change, ConstraintKind, REGISTERED, Table, TableKind};
use crate::error::{Error, Report, Result, SqlState};
use crate::plan::bind::QualifiedName;

/// What a DROP says besides the kind of object.
pub(super) struct Request<'a> {
    pub(super) if_exists: bool,
    pub(super) names: &'a [ObjectName],
    pub(super) cascade: bool,
}

/// What of a table depends on something that is dropped.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Part {
    /// By oid.
    Constraint(u32),
    /// The default of a column, by attribute number.
    Default(u16),
    /// A column that is computed from another. It is dropped by whoever drops that.
    Column(u16),
    /// All of it: it is a view.
    Whole,
    /// A column of a type that is dropped.
    Typed(u16),
    /// A function, whose oid stands in the place of the table's.
    Function,
    /// A policy, by oid.
    Policy(u32),
    /// A trigger, by oid.
    Trigger(u32),
}

/// Something that depends on what is dropped.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Dependent {
    pub(super) table: u32,
    pub(super) part: Part,
    /// `constraint c on table t`.
    pub(super) shown: String,
    /// What it depends on, as a message shows it: `table p`.
    pub(super) on: String,
}

/// What the statement is called.
pub(super) fn verb(kind: &ObjectType) -> &'static str {
    match kind {
        ObjectType::Table => "DROP TABLE",
        ObjectType::View => "DROP VIEW",
        ObjectType::MaterializedView => "DROP MATERIALIZED VIEW",
        ObjectType::Index => "DROP INDEX",
        ObjectType::Schema => "DROP SCHEMA",
        ObjectType::Database => "DROP DATABASE",
        ObjectType::Role | ObjectType::User => "DROP ROLE",
        ObjectType::Sequence => "DROP SEQUENCE",
        ObjectType::Type => "DROP TYPE",
        ObjectType::Collation => "DROP COLLATION",
        ObjectType::Stage => "DROP STAGE",
        ObjectType::Stream => "DROP STREAM",
    }
}

/// Runs DROP.
pub(super) async fn run(
    kind: &ObjectType,
    request: &Request<'_>,
    environment: &mut DefinitionEnvironment<'_>,
) -> Result<()> {
    match kind {
        ObjectType::Table => environment.drop_tables(request, "table").await,
        ObjectType::View => environment.drop_tables(request, "view").await,
        ObjectType::MaterializedView => environment.drop_tables(request, "materialized view").await,
        ObjectType::Index => environment.drop_indexes(request).await,
        ObjectType::Sequence => environment.drop_sequences(request).await,
        ObjectType::Schema => schema::drop(request, environment).await,
        other => Err(Error::unsupported(verb(other))),
    }
}

impl DefinitionEnvironment<'_> {
    pub(super) async fn drop_tables(&mut self, request: &Request<'_>, what: &str) -> Result<()> {
        let mut oids = Vec::with_capacity(request.names.len());
        for name in request.names {
            if let Some(table) = self.lock_relation_to_drop(name, request.if_exists, what).await?
                && !oids.contains(&table.oid)
            {
                oids.push(table.oid);
            }
        }
        let named = oids.clone();
        self.add_beneath(&mut oids).await?;
        let catalog = self.catalog();
        let mut dependents = self.heirs_of(&catalog, &named);
        oids.retain(|oid| dependents.iter().all(|heir| heir.table != *oid));
        let all: Vec<u32> = oids.iter().copied().chain(dependents.iter().map(|heir| heir.table)).collect();
        dependents.extend(self.referencing_keys(&catalog, &all));
        let owned: Vec<u32> = all.iter().flat_map(|oid| catalog.sequences_of(*oid)).map(|(own, _)| own.oid).collect();
        dependents.extend(self.defaults_using(&catalog, &owned, &all));
        dependents.extend(self.views_over(&catalog, &all, None));
        self.add_functions_of_rows(&catalog, &all, &mut dependents);
        self.cascade_or_refuse(&dependents, &dropped_words(self, &catalog, &named), request.cascade).await?;
        for oid in oids {
            self.drop_table(oid)?;
        }
        Ok(())
    }

    /// What inherits from these tables, and from that, outside of them.
    fn heirs_of(&self, catalog: &Catalog, named: &[u32]) -> Vec<Dependent> {
        let mut seen = named.to_vec();
        let (mut heirs, mut at) = (Vec::new(), 0);
        while let Some(parent) = seen.get(at).copied() {
            at += 1;
            let Some(parent) = catalog.tables.get(&parent) else { continue };
            for heir in catalog.partitions_of(parent.oid) {
                if heir.partitioning.of.is_some() || seen.contains(&heir.oid) {
                    continue;
                }
                seen.push(heir.oid);
                let shown = format!("table {}", self.shown(catalog, heir));
                let on = format!("table {}", self.shown(catalog, parent));
                heirs.push(Dependent { table: heir.oid, part: Part::Whole, shown, on });
            }
        }
        heirs
    }

    /// Adds the tables beneath these, each locked.
    pub(super) async fn add_beneath(&mut self, oids: &mut Vec<u32>) -> Result<()> {
        for oid in oids.clone() {
            self.lock_beneath(oid, TableLock::AccessExclusive).await?;
            for below in self.catalog().descendants(oid) {
                if !oids.contains(&below.oid) {
                    oids.push(below.oid);
                }
            }
        }
        Ok(())
    }

    /// Finds and locks a table or sequence that is to be dropped; None if there is none and that is no error.
    pub(super) async fn lock_relation_to_drop(
        &mut self,
        name: &ObjectName,
        if_exists: bool,
        what: &str,
    ) -> Result<Option<Arc<Table>>> {
        let name = self.qualified(name)?;
        loop {
            let catalog = self.catalog();
            let Some(relation) = self.find_to_drop(&catalog, &name, if_exists, what)? else { return Ok(None) };
            let table = self.droppable(&catalog, &relation, what)?;
            // Rows may be on their way to a partition through its parent.
            let above = table.partitioning.of.iter().map(|of| of.parent).chain(table.inherits.iter().copied());
            for parent in above {
                self.lock_table(parent, TableLock::AccessExclusive).await?;
            }
            self.lock_table(table.oid, TableLock::AccessExclusive).await?;
            let catalog = self.catalog();
            let now = self.find(&catalog, &name)?;
            if let Some(Relation::Table(now)) = now
                && now.oid == table.oid
            {
                self.lock_name(now.schema, &now.name).await?;
                return Ok(Some(now));
            }
        }
    }

    /// Looks a relation up; says what PostgreSQL says if there is none.
    fn find_to_drop(
        &mut self,
        catalog: &Catalog,
        name: &QualifiedName,
        if_exists: bool,
        what: &str,
    ) -> Result<Option<Relation>> {
        if if_exists
            && let Some(schema) = &name.schema
            && catalog.schema_named(schema).is_none()
        {
            self.notice_skipping(None, format!("schema \"{schema}\" does not exist"));
            return Ok(None);
        }
        if let Some(relation) = self.find(catalog, name)? {
            return Ok(Some(relation));
        }
        let message = format!("{what} \"{}\" does not exist", name.name);
        if if_exists {
            self.notice_skipping(None, message);
            return Ok(None);
        }
        let state = if what == "index" { SqlState::UNDEFINED_OBJECT } else { SqlState::UNDEFINED_TABLE };
        let message = format!("{what} \"{name}\" does not exist");
        Err(Error::new(state, message))
    }

    fn droppable(&self, catalog: &Catalog, relation: &Relation, what: &str) -> Result<Arc<Table>> {
        match relation {
            Relation::Table(table) => {
                names::refuse_system(table)?;
                let kind = table.noun();
                if kind != what {
                    let message = format!("\"{}\" is not a {what}", table.name);
                    return Err(Error::new(SqlState::WRONG_OBJECT_TYPE, message).with_hint(match kind {
                        REGISTERED => "Use UNREGISTER TABLE to remove a registered table.".to_owned(),
                        kind => format!("Use DROP {} to remove a {kind}.", kind.to_uppercase()),
                    }));
                }
                // The owner of the schema may drop what is in it.
                let schema_owner = catalog.schemas.get(&table.schema).map(|schema| schema.owner);
                if !schema_owner.is_some_and(|owner| self.principal.has_privileges_of(auth::RoleId(owner))) {
                    self.check_owner(table.owner, kind, &table.name)?;
                }
                Ok(table.clone())
            }
            Relation::Index(table, at) => {
                let message = format!("\"{}\" is not a {what}", table.indexes[*at].name);
                Err(Error::new(SqlState::WRONG_OBJECT_TYPE, message).with_hint("Use DROP INDEX to remove an index."))
            }
        }
    }

    /// The foreign keys of other tables that point at one of these.
    pub(super) fn referencing_keys(&self, catalog: &Catalog, oids: &[u32]) -> Vec<Dependent> {
        self.foreign_keys(catalog, |table, target, _| {
            let points = !oids.contains(&table.oid) && oids.contains(&target.oid);
            points.then(|| format!("table {}", self.shown(catalog, target)))
        })
    }

    /// The foreign keys for which `on` says what of its target they depend on; it gets both tables and the columns.
    pub(super) fn foreign_keys(
        &self,
        catalog: &Catalog,
        on: impl Fn(&Table, &Table, &[u16]) -> Option<String>,
    ) -> Vec<Dependent> {
        let mut dependents = Vec::new();
        for table in catalog.tables.values() {
            // A partition's foreign key goes with its parent's.
            for constraint in table.constraints.iter().filter(|constraint| constraint.parent.is_none()) {
                let ConstraintKind::ForeignKey { target, target_columns, .. } = &constraint.kind else { continue };
                let Some(target) = catalog.tables.get(target) else { continue };
                let Some(on) = on(table, target, target_columns) else { continue };
                let shown =
                    format!("constraint {} on table {}", names::quoted(&constraint.name), self.shown(catalog, table));
                let part = Part::Constraint(constraint.oid);
                dependents.push((constraint.oid, Dependent { table: table.oid, part, shown, on }));
            }
        }
        dependents.sort_by_key(|(oid, _)| *oid);
        dependents.into_iter().map(|(_, dependent)| dependent).collect()
    }

    /// Drops what depends on something that goes, if CASCADE was said; else refuses. `what` is what goes.
    pub(super) async fn cascade_or_refuse(
        &mut self,
        dependents: &[Dependent],
        what: &str,
        cascade: bool,
    ) -> Result<()> {
        if dependents.is_empty() {
            return Ok(());
        }
        if !cascade {
            let detail: Vec<String> =
                dependents.iter().map(|dependent| format!("{} depends on {}", dependent.shown, dependent.on)).collect();
            let pronoun = if what == "desired object(s)" { "them" } else { "it" };
            let message = format!("cannot drop {what} because other objects depend on {pronoun}");
            return Err(Error::new(SqlState::DEPENDENT_OBJECTS_STILL_EXIST, message)
                .with_detail(detail.join("\n"))
                .with_hint("Use DROP ... CASCADE to drop the dependent objects too."));
        }
        let shown: Vec<String> = dependents.iter().map(|dependent| dependent.shown.clone()).collect();
        self.notice_cascade(&shown);
        for dependent in dependents {
            self.remove_dependent(dependent).await?;
        }
        Ok(())
    }

    /// Locks the table of a constraint that has to go and takes it off, there and beneath.
    pub(super) async fn remove_dependent(&mut self, dependent: &Dependent) -> Result<()> {
        if dependent.part == Part::Function {
            return self.remove_function(dependent.table);
        }
        self.lock_table(dependent.table, TableLock::AccessExclusive).await?;
        self.lock_beneath(dependent.table, TableLock::AccessExclusive).await?;
        if let Part::Typed(number) = dependent.part {
            return Box::pin(self.remove_column(dependent.table, number)).await;
        }
        self.remove_part(dependent.table, dependent.part)?;
        match dependent.part {
            Part::Constraint(constraint) => self.drop_copies(dependent.table, constraint).await,
            Part::Default(_) | Part::Column(_) | Part::Typed(_) | Part::Whole | Part::Function => Ok(()),
            Part::Policy(_) | Part::Trigger(_) => Ok(()),
        }
    }

    /// Drops a column of a table and of those beneath it, with what depends on it.
    async fn remove_column(&mut self, table: u32, number: u16) -> Result<()> {
        let catalog = self.catalog();
        // It may have gone while the lock was awaited.
        let Some(table) = catalog.tables.get(&table) else { return Ok(()) };
        let Some(position) = table.position_of_number(number) else { return Ok(()) };
        let operation = AlterTableOperation::DropColumn {
            has_column_keyword: true,
            column_names: vec![Ident::with_quote('"', table.columns[position].name.as_str())],
            if_exists: true,
            drop_behavior: Some(DropBehavior::Cascade),
        };
        self.alter_with_partitions(table.oid, &operation, false).await
    }

    /// `drop cascades to …`.
    pub(super) fn notice_cascade(&mut self, shown: &[String]) {
        match shown {
            [] => {}
            [one] => self.notice(format!("drop cascades to {one}")),
            many => {
                let detail: Vec<String> = many.iter().map(|one| format!("drop cascades to {one}")).collect();
                self.notices.push(Report {
                    message: format!("drop cascades to {} other objects", many.len()).into(),
                    detail: Some(detail.join("\n")),
                    ..Report::default()
                });
            }
        }
    }

    /// The defaults that take values of these sequences, outside these tables.
    pub(super) fn defaults_using(&self, catalog: &Catalog, sequences: &[u32], tables: &[u32]) -> Vec<Dependent> {
        let mut dependents = Vec::new();
        for table in catalog.tables.values().filter(|table| !tables.contains(&table.oid)) {
            for column in &table.columns {
                let Some(oid) = sequences.iter().find(|oid| column.default_uses(**oid)) else { continue };
                let on = catalog.tables.get(oid).map_or_else(String::new, |sequence| self.shown(catalog, sequence));
                let column_shown = super::alter::shown_column(self, catalog, table, &column.name);
                dependents.push(Dependent {
                    table: table.oid,
                    part: Part::Default(column.number),
                    shown: format!("default value for {column_shown}"),
                    on: format!("sequence {on}"),
                });
            }
        }
        dependents
    }

    /// The views and functions that read one of these relations, or a column of it, and those that read or call them; each
    /// after what it reads. Then the policies that read any of them.
    pub(super) fn views_over(&self, catalog: &Catalog, oids: &[u32], column: Option<u16>) -> Vec<Dependent> {
        let mut found = Vec::new();
        let mut seen = oids.to_vec();
        for oid in oids {
            self.add_views_over(catalog, *oid, column, &mut seen, &mut found);
        }
        // What reads a view of those goes with it.
        let mut policies = self.policies_over(catalog, oids, column);
        let is = |part: Part| found.iter().filter(move |on: &&Dependent| on.part == part).map(|on| on.table);
        let (views, functions): (Vec<u32>, Vec<u32>) = (is(Part::Whole).collect(), is(Part::Function).collect());
        let calling = self.policies_calling(catalog, &functions);
        for policy in self.policies_over(catalog, &views, None).into_iter().chain(calling) {
            if policies.iter().all(|known| known.part != policy.part)
                && !(column.is_none() && oids.contains(&policy.table))
            {
                policies.push(policy);
            }
        }
        let triggers = self.triggers_naming(catalog, oids, column);
        let called = self.triggers_calling(catalog, &functions);
        let gone = |trigger: &Dependent| column.is_none() && oids.contains(&trigger.table);
        found.extend(policies);
        found.extend(triggers.into_iter().chain(called).filter(|trigger| !gone(trigger)));
        found
    }

    pub(super) fn add_views_over(
        &self,
        catalog: &Catalog,
        oid: u32,
        column: Option<u16>,
        seen: &mut Vec<u32>,
        found: &mut Vec<Dependent>,
    ) {
        let Some(relation) = catalog.tables.get(&oid) else { return };
        let name = column.and_then(|number| relation.position_of_number(number)).map(|at| &relation.columns[at].name);
        let on = match name {
            Some(name) => super::alter::shown_column(self, catalog, relation, name),
            None => format!("{} {}", relation.noun(), self.shown(catalog, relation)),
        };
        for view in catalog.views_reading(oid, column) {
            if seen.contains(&view.oid) {
                continue;
            }
            seen.push(view.oid);
            let shown = format!("{} {}", view.noun(), self.shown(catalog, view));
            found.push(Dependent { table: view.oid, part: Part::Whole, shown, on: on.clone() });
            self.add_views_over(catalog, view.oid, None, seen, found);
        }
        self.add_functions(catalog, |function| function.reads(oid, column), &on, (seen, found));
    }

    /// Takes a constraint without an index, or a default, off its table, which is locked.
    pub(super) fn remove_part(&mut self, table: u32, part: Part) -> Result<()> {
        if part == Part::Whole {
            return self.drop_table(table);
        }
        let catalog = self.catalog();
        // It may have gone while the lock was awaited.
        let Some(table) = catalog.tables.get(&table) else { return Ok(()) };
        let mut table = (**table).clone();
        match part {
            Part::Constraint(oid) => table.constraints.retain(|own| own.oid != oid),
            Part::Default(number) => {
                for column in table.columns.iter_mut().filter(|column| column.number == number) {
                    column.default = None;
                }
            }
            Part::Trigger(oid) => table.triggers.retain(|own| own.oid != oid),
            Part::Policy(oid) => table.change_security(|security| security.policies.retain(|own| own.oid != oid)),
            Part::Column(_) | Part::Typed(_) | Part::Whole | Part::Function => return Ok(()),
        }
        self.redefine(table)?;
        Ok(())
    }

    /// Drops a table, which is locked and on which nothing depends.
    pub(super) fn drop_table(&mut self, oid: u32) -> Result<()> {
        let catalog = self.catalog();
        let Some(table) = catalog.tables.get(&oid) else { return Ok(()) };
        if table.kind == TableKind::Table {
            self.drop_contents(table);
        }
        self.drop_owned_sequences(oid, None)?;
        self.transaction.replaced(TableId(oid));
        self.transaction.redefined(TableId(oid));
        self.apply(Change::Table(oid, None))
    }

    async fn drop_indexes(&mut self, request: &Request<'_>) -> Result<()> {
        for name in request.names {
            self.drop_index(name, request).await?;
        }
        Ok(())
    }

    async fn drop_index(&mut self, name: &ObjectName, request: &Request<'_>) -> Result<()> {
        let name = self.qualified(name)?;
        let (table, at) = loop {
            let catalog = self.catalog();
            let Some(relation) = self.find_to_drop(&catalog, &name, request.if_exists, "index")? else { return Ok(()) };
            let Relation::Index(table, at) = relation else {
                let message = format!("\"{}\" is not an index", name.name);
                return Err(
                    Error::new(SqlState::WRONG_OBJECT_TYPE, message).with_hint("Use DROP TABLE to remove a table.")
                );
            };
            let index = table.indexes[at].oid;
            self.check_owner(table.owner, "index", &name.name)?;
            self.lock_table(table.oid, TableLock::AccessExclusive).await?;
            let catalog = self.catalog();
            match self.find(&catalog, &name)? {
                Some(Relation::Index(table, at)) if table.indexes[at].oid == index => break (table, at),
                _ => {}
            }
        };
        let catalog = self.catalog();
        let index = table.indexes[at].clone();
        let shown = self.shown_relation(&catalog, table.schema, &index.name);
        if let Some(parent) = index.parent {
            let owner = catalog.index_tables.get(&parent).and_then(|table| catalog.tables.get(table));
            let name = owner.and_then(|owner| owner.indexes.iter().find(|own| own.oid == parent));
            let parent = name.map_or_else(String::new, |name| {
                format!("index {}", self.shown_relation(&catalog, owner.map_or(0, |owner| owner.schema), &name.name))
            });
            let message = format!("cannot drop index {shown} because {parent} requires it");
            return Err(Error::new(SqlState::DEPENDENT_OBJECTS_STILL_EXIST, message)
                .with_hint(format!("You can drop {parent} instead.")));
        }
        if let Some(constraint) = names::constraint_of(&table, &index) {
            let constraint =
                format!("constraint {} on table {}", names::quoted(&constraint.name), self.shown(&catalog, &table));
            let message = format!("cannot drop index {shown} because {constraint} requires it");
            return Err(Error::new(SqlState::DEPENDENT_OBJECTS_STILL_EXIST, message)
                .with_hint(format!("You can drop {constraint} instead.")));
        }
        let dependents = self.keys_needing(&catalog, &table, index.oid, &format!("index {shown}"));
        self.cascade_or_refuse(&dependents, &format!("index {shown}"), request.cascade).await?;
        self.lock_name(table.schema, &index.name).await?;
        self.remove_index(table.oid, index.oid)?;
        self.remove_copies_of_index(table.oid, index.oid).await
    }

    /// Takes what everything beneath a table has of one of its indexes.
    async fn remove_copies_of_index(&mut self, table: u32, index: u32) -> Result<()> {
        self.lock_beneath(table, TableLock::AccessExclusive).await?;
        let mut gone = vec![index];
        for below in self.catalog().descendants(table) {
            let copy = below.indexes.iter().find(|own| own.parent.is_some_and(|parent| gone.contains(&parent)));
            if let Some(copy) = copy {
                gone.push(copy.oid);
                self.lock_name(below.schema, &copy.name).await?;
                self.remove_index(below.oid, copy.oid)?;
            }
        }
        Ok(())
    }

    /// The foreign keys that no other index than this one would serve.
    pub(super) fn keys_needing(&self, catalog: &Catalog, table: &Table, index: u32, shown: &str) -> Vec<Dependent> {
        self.foreign_keys(catalog, |_, target, columns| {
            let serves = |other: &&crate::catalog::Index| {
                other.unique
                    && !other.deferrable
                    && other.columns.len() == columns.len()
                    && other.columns.iter().all(|column| columns.contains(&column.number))
            };
            let needs = target.oid == table.oid
                && target.indexes.iter().filter(serves).any(|other| other.oid == index)
                && target.indexes.iter().filter(serves).count() == 1;
            needs.then(|| shown.to_owned())
        })
    }

    /// Takes a secondary index off its table, which is locked.
    pub(super) fn remove_index(&mut self, table: u32, index: u32) -> Result<()> {
        let catalog = self.catalog();
        let table = catalog.tables.get(&table).ok_or_else(|| Error::internal("a locked table is gone"))?;
        let mut table = (**table).clone();
        for index in table.indexes.iter().filter(|own| own.oid == index) {
            if let Some(generation) = index.generation {
                self.transaction.dropped(generation);
            }
        }
        table.indexes.retain(|own| own.oid != index);
        table.lay_out(table.storage.generation, &[])?;
        self.redefine(table)?;
        Ok(())
    }
}

/// What goes, as messages say it.
fn dropped_words(environment: &DefinitionEnvironment<'_>, catalog: &Catalog, oids: &[u32]) -> String {
    match oids {
        [one] => catalog
            .tables
            .get(one)
            .map_or_else(String::new, |table| format!("{} {}", table.noun(), environment.shown(catalog, table))),
        _ => "desired object(s)".to_owned(),
    }
}
