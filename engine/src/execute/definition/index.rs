//! CREATE INDEX and ALTER INDEX.

use std::sync::Arc;

use auth::{Duty, Privileges, TableRows};
use datafusion::sql::sqlparser::ast::{
    self, AlterIndexOperation, CreateIndex, IndexType, ObjectName, OrderByExpr, OrderByOptions,
};
use storage::TableLock;

use super::constraint::check_sortable_type;
use super::derived::{bare, class_of, words_for};
use super::names::{self, Relation};
use super::{DefinitionEnvironment, options, stream};
use crate::catalog::pg_catalog::{collation_named, collation_of_type, has_default_class, no_default_class};
use crate::catalog::{self, AccessMethod, Index, REGISTERED, Table};
use crate::error::{Error, Result, SqlState};
use crate::plan::bind::fold;
use crate::statement::definition::IndexChange;
use crate::types::{self, Type, builtin};

/// PostgreSQL's `INDEX_MAX_KEYS`.
const KEY_COLUMNS_MAX: usize = 32;

/// Runs CREATE INDEX.
///
/// With `only`, the partitions of a table get none: theirs are attached one by one.
pub(super) async fn create(
    create: &CreateIndex,
    only: bool,
    environment: &mut DefinitionEnvironment<'_>,
) -> Result<()> {
    // CONCURRENTLY asks for the same index, made without keeping writers out; ours keeps them out.
    let CreateIndex {
        name,
        table_name,
        using,
        columns,
        unique,
        concurrently,
        if_not_exists,
        include,
        nulls_distinct,
        with,
        predicate,
        index_options,
        alter_options,
    } = create;
    let method = using.as_ref().map_or(Ok(AccessMethod::default()), method_named)?;
    refuse_beside(method, create)?;
    if !index_options.is_empty() || !alter_options.is_empty() {
        return Err(Error::unsupported("an option of this CREATE INDEX that PostgreSQL does not have"));
    }
    let options = options::of_index(method, with)?;
    let table = environment.lock_for_index(table_name).await?;
    if table.is_stream() {
        return Err(stream::unsupported(&table, "an index"));
    }
    if *concurrently && table.partitioning.key.is_some() {
        let message = format!("cannot create index on partitioned table \"{}\" concurrently", table.name);
        return Err(Error::new(SqlState::FEATURE_NOT_SUPPORTED, message));
    }
    environment.lock_beneath(table.oid, TableLock::Share).await?;
    let columns = environment.index_columns(&table, method, columns)?;
    let included = include.iter().map(|name| column_named(&table, name)).collect::<Result<Vec<_>>>()?;
    let predicate = predicate.as_ref().map(|condition| environment.index_predicate(&table, condition)).transpose()?;
    if *unique {
        let numbers: Vec<u16> = columns.iter().map(|column| column.number).collect();
        environment.check_divided_key(&table, &numbers, "UNIQUE")?;
    }
    let seen = (columns.as_slice(), included.as_slice());
    let Some(name) = environment.index_name(&table, name.as_ref(), seen, *if_not_exists).await? else {
        return Ok(());
    };
    let is_parent = table.partitioning.key.is_some();
    let apart = only && is_parent && environment.catalog().partitions_of(table.oid).next().is_some();
    let index = Index {
        oid: 0,
        name,
        primary: false,
        unique: *unique,
        nulls_distinct: nulls_distinct.unwrap_or(true),
        columns,
        included,
        predicate,
        options,
        comment: None,
        parent: None,
        valid: !apart,
        method,
        deferrable: false,
        clustered: false,
        generation: None,
    };
    environment.add_index(&table, index).await?;
    if apart {
        return Ok(());
    }
    environment.inherit_beneath(table.oid).await
}

/// The attribute number of a column that an index names.
fn column_named(table: &Table, name: &ast::Ident) -> Result<u16> {
    let name = fold(name);
    let found = table.position_of(&name).map(|at| table.columns[at].number);
    found.ok_or_else(|| Error::new(SqlState::UNDEFINED_COLUMN, format!("column \"{name}\" does not exist")))
}

/// The access method that USING names. 0A000 for PostgreSQL's others, 42704 for what is none.
fn method_named(named: &IndexType) -> Result<AccessMethod> {
    let name = match named {
        IndexType::Custom(name) => fold(name),
        known => known.to_string().to_lowercase(),
    };
    match name.as_str() {
        "gist" | "spgist" => Err(Error::unsupported(format!("access method {name}"))),
        "heap" => {
            let message = "access method \"heap\" is not of type INDEX";
            Err(Error::new(SqlState::OBJECT_NOT_IN_PREREQUISITE_STATE, message))
        }
        _ => AccessMethod::named(&name)
            .ok_or_else(|| Error::new(SqlState::UNDEFINED_OBJECT, format!("access method \"{name}\" does not exist"))),
    }
}

/// 0A000 for what PostgreSQL's indexes of that method cannot do.
fn refuse_beside(method: AccessMethod, create: &CreateIndex) -> Result<()> {
    if method.orders() {
        return Ok(());
    }
    let ordered = |column: &ast::IndexColumn| {
        let OrderByOptions { asc, nulls_first } = &column.column.options;
        (asc.is_some(), nulls_first.is_some())
    };
    let several = create.columns.len() > 1 && !method.takes_several_columns();
    let refused = [
        (create.unique, "unique indexes"),
        (!create.include.is_empty(), "included columns"),
        (several, "multicolumn indexes"),
        (create.columns.iter().any(|column| ordered(column).0), "ASC/DESC options"),
        (create.columns.iter().any(|column| ordered(column).1), "NULLS FIRST/LAST options"),
    ];
    match refused.iter().find(|(said, _)| *said) {
        None => Ok(()),
        Some((_, what)) => {
            let message = format!("access method \"{}\" does not support {what}", method.name());
            Err(Error::new(SqlState::FEATURE_NOT_SUPPORTED, message))
        }
    }
}

/// Whether values of a type can be in an index of the method, in a class that was named or in the default one.
fn check_type(method: AccessMethod, ty: Type, named: bool) -> Result<()> {
    if !named && !has_default_class(method, ty.oid) && method != AccessMethod::Btree {
        return Err(no_default_class(method, ty));
    }
    match method {
        // A class that was named is for the type.
        AccessMethod::Btree | AccessMethod::Hash if named => Ok(()),
        AccessMethod::Btree | AccessMethod::Hash => check_sortable_type(ty),
        // Some types that have a class in PostgreSQL are in no order.
        AccessMethod::Brin => check_sortable_type(ty).map_err(|_| {
            let shown = types::display(ty);
            Error::unsupported(format_args!("an index by method brin over type {shown}"))
        }),
        AccessMethod::Gin => match builtin::info(builtin::base_of(ty.oid)).filter(|info| info.is_array()) {
            None => Ok(()),
            Some(array) => check_elements(Type::new(array.element)),
        },
    }
}

/// Elements are looked up by their keys, so they must have some.
fn check_elements(ty: Type) -> Result<()> {
    match check_sortable_type(ty) {
        Err(error) if error.sql_state() == SqlState::UNDEFINED_OBJECT => {
            let message = format!("could not identify a comparison function for type {}", types::display(ty));
            Err(Error::new(SqlState::UNDEFINED_FUNCTION, message))
        }
        other => other,
    }
}

impl DefinitionEnvironment<'_> {
    /// Gives a table an index like the one described, which may be another table's, and fills it.
    pub(super) async fn add_index(&mut self, table: &Table, index: Index) -> Result<()> {
        let (oid, generation) = (self.store.allocate_oid()?, Some(self.new_generation()?));
        let mut table = table.clone();
        table.indexes.push(Index { oid, generation, parent: None, comment: None, clustered: false, ..index });
        table.lay_out(table.storage.generation, &[])?;
        self.derive(&mut table)?;
        if table.indexes.last().is_some_and(|index| index.valid) {
            self.fill_last_index(&table).await?;
        }
        self.redefine(table)?;
        Ok(())
    }

    /// 42501 unless the principal may redefine the table, or write all of its rows and make indexes because of what it is.
    fn check_indexer(&self, table: &Table) -> Result<()> {
        let kind = self.principal.kind();
        let writes = || table.open_to(kind).contains(Privileges::INSERT | Privileges::UPDATE | Privileges::DELETE);
        let shared = matches!(table.rows(), Some(TableRows::Shared(_)));
        if shared && kind.has(Duty::CreateShared) && writes() { Ok(()) } else { self.check_table_owner(table) }
    }

    async fn lock_for_index(&mut self, name: &ObjectName) -> Result<Arc<Table>> {
        let name = self.qualified(name)?;
        loop {
            let catalog = self.catalog();
            let table = self.find_indexable(&catalog, &name)?;
            self.check_indexer(&table)?;
            self.lock_table(table.oid, TableLock::Share).await?;
            let catalog = self.catalog();
            let now = self.find_indexable(&catalog, &name)?;
            if now.oid == table.oid {
                return Ok(now);
            }
        }
    }

    fn find_indexable(
        &self,
        catalog: &catalog::Catalog,
        name: &crate::plan::bind::QualifiedName,
    ) -> Result<Arc<Table>> {
        match self.find(catalog, name)? {
            Some(Relation::Index(..)) => {
                let message = format!("cannot create index on relation \"{}\"", name.name);
                Err(Error::new(SqlState::WRONG_OBJECT_TYPE, message)
                    .with_detail("This operation is not supported for indexes."))
            }
            Some(Relation::Table(table)) if table.view().is_some() || table.noun() == REGISTERED => {
                let message = format!("cannot create index on relation \"{}\"", name.name);
                Err(Error::new(SqlState::WRONG_OBJECT_TYPE, message)
                    .with_detail(format!("This operation is not supported for {}s.", table.noun())))
            }
            _ => self.find_table(catalog, name),
        }
    }

    fn index_columns(
        &mut self,
        table: &Table,
        method: AccessMethod,
        columns: &[ast::IndexColumn],
    ) -> Result<Vec<catalog::IndexColumn>> {
        if columns.len() > KEY_COLUMNS_MAX {
            let message = format!("cannot use more than {KEY_COLUMNS_MAX} columns in an index");
            return Err(Error::new(SqlState::TOO_MANY_COLUMNS, message));
        }
        columns.iter().map(|column| self.index_column(table, method, column)).collect()
    }

    fn index_column(
        &mut self,
        table: &Table,
        method: AccessMethod,
        column: &ast::IndexColumn,
    ) -> Result<catalog::IndexColumn> {
        let ast::IndexColumn { column, operator_class } = column;
        let OrderByExpr { expr, options: OrderByOptions { asc, nulls_first }, with_fill } = column;
        if with_fill.is_some() {
            return Err(Error::unsupported("WITH FILL in an index"));
        }
        let descending = *asc == Some(false);
        let nulls_first = nulls_first.unwrap_or(descending);
        let (expr, named) = self.without_collations(table, expr)?;
        let (number, expression, ty) = match expr {
            ast::Expr::Identifier(name) => {
                let number = column_named(table, name)?;
                (number, None, table.columns[table.place(number)?].ty)
            }
            expr => {
                let expression = self.index_expression(table, expr)?;
                let ty = expression.ty;
                (0, Some(expression), ty)
            }
        };
        let class = operator_class.as_ref().map(|class| class_of(method, class, ty)).transpose()?.flatten();
        check_type(method, ty, operator_class.is_some() && expression.is_none())?;
        let own = match &expression {
            None => table.columns[table.place(number)?].collation(),
            Some(_) => collation_of_type(ty.oid),
        };
        let collation = named.filter(|named| *named != own);
        Ok(catalog::IndexColumn { number, descending, nulls_first, expression, class, collation, statistics: None })
    }

    /// What COLLATE is said of, and the collation's oid: its order is that of all indexes.
    fn without_collations<'e>(&mut self, table: &Table, expr: &'e ast::Expr) -> Result<(&'e ast::Expr, Option<u32>)> {
        let expr = bare(expr);
        let ast::Expr::Collate { expr: inner, collation } = expr else { return Ok((expr, None)) };
        self.index_expression(table, expr)?;
        let named = collation_named(&self.qualified(collation)?.name);
        Ok((self.without_collations(table, inner)?.0, named))
    }

    /// The name of a new index, claimed; None if it is taken and that is no error.
    async fn index_name(
        &mut self,
        table: &Table,
        given: Option<&ObjectName>,
        (columns, included): (&[catalog::IndexColumn], &[u16]),
        if_not_exists: bool,
    ) -> Result<Option<String>> {
        let Some(given) = given else {
            let catalog = self.catalog();
            let words = words_for(&catalog, table, columns, included);
            return self.claim_made_name(table, &words, "idx").await.map(Some);
        };
        let given = self.qualified(given)?;
        if given.schema.is_some() {
            return Err(Error::new(SqlState::SYNTAX_ERROR, "syntax error at or near \".\""));
        }
        self.lock_name(table.schema, &given.name).await?;
        if !self.catalog().relation_names.contains_key(&(table.schema, given.name.clone())) {
            return Ok(Some(given.name));
        }
        let message = format!("relation \"{}\" already exists", given.name);
        if if_not_exists {
            self.notice_skipping(Some(SqlState::DUPLICATE_TABLE), message);
            return Ok(None);
        }
        Err(Error::new(SqlState::DUPLICATE_TABLE, message))
    }

    /// Fills the newest secondary index of a table that was laid out with it.
    pub(super) async fn fill_last_index(&mut self, table: &Table) -> Result<()> {
        let Some(index) = table.storage.indexes.last() else { return Ok(()) };
        let built = self.transaction.build_index(&table.storage, index).await;
        match built.map_err(|error| self.discreet(table, error))? {
            None => self.check_late_key(table, index).await,
            Some(duplicate) => Err(self.not_unique(table, &duplicate)),
        }
    }

    /// Renames an index, and the constraint that it enforces. Also `ALTER TABLE … RENAME CONSTRAINT`.
    pub(super) async fn rename_index(&mut self, table: u32, index: u32, name: &str) -> Result<()> {
        let catalog = self.catalog();
        let table = catalog.tables.get(&table).ok_or_else(|| Error::internal("a locked table is gone"))?;
        self.lock_name(table.schema, name).await?;
        if self.catalog().relation_names.contains_key(&(table.schema, name.to_owned())) {
            return Err(Error::new(SqlState::DUPLICATE_TABLE, format!("relation \"{name}\" already exists")));
        }
        let mut table = (**table).clone();
        let Some(at) = table.indexes.iter().position(|own| own.oid == index) else {
            return Err(Error::internal("a locked table's index is gone"));
        };
        let constraint = names::constraint_of(&table, &table.indexes[at]).map(|constraint| constraint.oid);
        for constraint in table.constraints.iter_mut().filter(|own| Some(own.oid) == constraint) {
            constraint.name = name.to_owned();
        }
        table.indexes[at].name = name.to_owned();
        self.redefine(table)?;
        Ok(())
    }
}

impl DefinitionEnvironment<'_> {
    /// Runs the forms of ALTER INDEX that the parser does not know.
    pub(super) async fn change_index(
        &mut self,
        name: &ObjectName,
        if_exists: bool,
        change: &IndexChange,
    ) -> Result<()> {
        let qualified = self.qualified(name)?;
        let catalog = self.catalog();
        if if_exists && self.find(&catalog, &qualified)?.is_none() {
            self.notice_skipping(None, format!("relation \"{}\" does not exist", qualified.name));
            return Ok(());
        }
        let (table, index) = self.lock_index(name, SqlState::WRONG_OBJECT_TYPE).await?;
        if let IndexChange::Rename(new) = change {
            return self.rename_index(table.oid, index.oid, new).await;
        }
        let mut after = (*table).clone();
        let Some(own) = after.indexes.iter_mut().find(|own| own.oid == index.oid) else {
            return Err(Error::internal("a locked table's index is gone"));
        };
        match change {
            IndexChange::Rename(_) => {}
            IndexChange::SetOptions(given) => {
                options::merge(&mut own.options, options::of_index_set(own.method, given)?)
            }
            IndexChange::ResetOptions(given) => {
                let names = options::names_to_reset(given)?;
                own.options.retain(|(name, _)| !names.contains(name));
            }
            IndexChange::SetStatistics { column, target } => {
                let target = self.statistics_target(*target)?;
                let at = usize::try_from(*column).ok().and_then(|number| number.checked_sub(1));
                set_statistics(own, &table, at, *column, target)?;
            }
        }
        self.put_table(after)?;
        Ok(())
    }
}

/// Only an expression of an index has statistics of its own.
fn set_statistics(index: &mut Index, table: &Table, at: Option<usize>, number: i64, target: Option<i16>) -> Result<()> {
    let refused = |words: String| Err(Error::new(SqlState::FEATURE_NOT_SUPPORTED, words));
    let name = &index.name;
    let called = |number: u16| table.position_of_number(number).map_or("", |at| table.columns[at].name.as_str());
    let included = at.and_then(|at| index.included.get(at.checked_sub(index.columns.len())?));
    if let Some(included) = included {
        let column = called(*included);
        return refused(format!("cannot alter statistics on included column \"{column}\" of index \"{name}\""));
    }
    match at.and_then(|at| index.columns.get_mut(at)) {
        None => {
            let message = format!("column number {number} of relation \"{name}\" does not exist");
            Err(Error::new(SqlState::UNDEFINED_COLUMN, message))
        }
        Some(column) if column.expression.is_none() => {
            let column = called(column.number);
            refused(format!("cannot alter statistics on non-expression column \"{column}\" of index \"{name}\""))?;
            Ok(())
        }
        Some(column) => {
            column.statistics = target;
            Ok(())
        }
    }
}

/// Runs ALTER INDEX.
pub(super) async fn alter(
    name: &ObjectName,
    operation: &AlterIndexOperation,
    environment: &mut DefinitionEnvironment<'_>,
) -> Result<()> {
    let AlterIndexOperation::RenameIndex { index_name } = operation;
    let new = environment.qualified(index_name)?;
    if new.schema.is_some() {
        return Err(Error::new(SqlState::SYNTAX_ERROR, "syntax error at or near \".\""));
    }
    let name = environment.qualified(name)?;
    loop {
        let catalog = environment.catalog();
        match environment.find(&catalog, &name)? {
            Some(Relation::Index(table, at)) => {
                let index = table.indexes[at].oid;
                environment.check_owner(table.owner, "index", &name.name)?;
                environment.lock_table(table.oid, TableLock::ShareUpdateExclusive).await?;
                let catalog = environment.catalog();
                match environment.find(&catalog, &name)? {
                    Some(Relation::Index(table, at)) if table.indexes[at].oid == index => {
                        return environment.rename_index(table.oid, index, &new.name).await;
                    }
                    _ => {}
                }
            }
            Some(Relation::Table(_)) => {
                let message = format!("\"{}\" is not an index", name.name);
                return Err(Error::new(SqlState::WRONG_OBJECT_TYPE, message));
            }
            None => {
                return Err(Error::new(SqlState::UNDEFINED_TABLE, format!("relation \"{name}\" does not exist")));
            }
        }
    }
}
