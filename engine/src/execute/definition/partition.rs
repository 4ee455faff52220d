//! PARTITION BY and PARTITION OF: what a table is split by, and what a partition takes of it.
//!
//! The parent is locked in the strongest mode, which is more than PostgreSQL asks for: nobody else then reads or writes by
//! the partitions that were there before, so a statement never misses rows of one that came meanwhile.

use std::sync::Arc;

use datafusion::sql::sqlparser::ast::{self, ForValues, FunctionArg, FunctionArgExpr, FunctionArguments, ObjectName};
use storage::kv::Direction;
use storage::{KeyRange, TableLock};

use super::constraint::{check_sortable, check_sortable_type};
use super::derived::bare;
use super::{DefinitionEnvironment, validate};
use crate::catalog::partition::{Bound, Misplaced, PartitionKey, PartitionOf, Strategy};
use crate::catalog::{Catalog, IndexExpression, Table, TableColumn};
use crate::error::{Error, Result, SqlState};
use crate::expr::walk;
use crate::plan::bind::{Binder, Clause, fold};
use crate::types;

/// PostgreSQL's `PARTITION_MAX_KEYS`.
const KEY_COLUMNS_MAX: usize = 32;

/// What PostgreSQL advises for a column without an order.
const NO_ORDER: &str =
    "You must specify a btree operator class or define a default btree operator class for the data type.";

impl DefinitionEnvironment<'_> {
    /// What PARTITION BY says of a table under construction.
    pub(super) fn partition_key(&mut self, table: &Table, by: &ast::Expr) -> Result<PartitionKey> {
        let ast::Expr::Function(ast::Function { name, args: FunctionArguments::List(list), .. }) = by else {
            return Err(Error::new(SqlState::SYNTAX_ERROR, format!("syntax error at or near \"{by}\"")));
        };
        let strategy = strategy(name)?;
        if strategy == Strategy::List && list.args.len() > 1 {
            let message = "cannot use \"list\" partition strategy with more than one column";
            return Err(Error::new(SqlState::INVALID_OBJECT_DEFINITION, message));
        }
        if list.args.len() > KEY_COLUMNS_MAX {
            let message = format!("cannot partition using more than {KEY_COLUMNS_MAX} columns");
            return Err(Error::new(SqlState::TOO_MANY_COLUMNS, message));
        }
        let (mut columns, mut expressions) = (Vec::with_capacity(list.args.len()), Vec::new());
        for arg in &list.args {
            let FunctionArg::Unnamed(FunctionArgExpr::Expr(part)) = arg else {
                return Err(Error::new(SqlState::SYNTAX_ERROR, format!("syntax error at or near \"{arg}\"")));
            };
            match bare(part) {
                ast::Expr::Identifier(column) => columns.push(self.key_column(table, column)?),
                expression => {
                    expressions.push(self.key_expression(table, expression)?);
                    columns.push(0);
                }
            }
        }
        Ok(PartitionKey { strategy, columns, expressions, derived: Default::default() })
    }

    /// The attribute number of a column that a table can be partitioned by.
    fn key_column(&self, table: &Table, column: &ast::Ident) -> Result<u16> {
        let name = fold(column);
        let at = self.position(column.span);
        if crate::plan::bind::is_system_column(&name) {
            let message = format!("cannot use system column \"{name}\" in partition key");
            return Err(Error::new(SqlState::INVALID_OBJECT_DEFINITION, message).at(at));
        }
        let column = table.position_of(&name).map(|at| &table.columns[at]).ok_or_else(|| {
            let message = format!("column \"{name}\" named in partition key does not exist");
            Error::new(SqlState::UNDEFINED_COLUMN, message).at(at)
        })?;
        check_sortable(column).map_err(|error| error.with_hint(NO_ORDER))?;
        refuse_generated(column)?;
        Ok(column.number)
    }

    fn key_expression(&mut self, table: &Table, expression: &ast::Expr) -> Result<IndexExpression> {
        let invalid = |message: &'static str| Err(Error::new(SqlState::INVALID_OBJECT_DEFINITION, message));
        let catalog = self.catalog();
        let mut binder = Binder::new(&catalog, self.context, &[]).with_text(self.text);
        let bound = binder.over_table(&Arc::new(table.clone()), expression, Clause::PartitionKey)?;
        // Columns stand for their positions in the table.
        for var in walk::columns_of(&bound) {
            table.columns.get(var.0 as usize).map_or(Ok(()), refuse_generated)?;
        }
        if !walk::is_immutable(&bound) {
            return invalid("functions in partition key expression must be marked IMMUTABLE");
        }
        if walk::columns_of(&bound).is_empty() {
            return invalid("cannot use constant expression as partition key");
        }
        types::column_type(bound.ty)?;
        check_sortable_type(bound.ty).map_err(|error| error.with_hint(NO_ORDER))?;
        Ok(IndexExpression { text: expression.to_string(), ty: bound.ty })
    }

    /// Finds and locks the table that is to have a new partition, with its default partition, which may lose rows to it.
    pub(super) async fn lock_partitioned(&mut self, name: &ObjectName) -> Result<Arc<Table>> {
        let table = self.lock_alone(name).await?;
        super::names::require_table(&table, |name| {
            format!("inherited relation \"{name}\" is not a table or foreign table")
        })?;
        if table.partitioning.key.is_none() {
            let message = format!("\"{}\" is not partitioned", table.name);
            return Err(Error::new(SqlState::INVALID_OBJECT_DEFINITION, message));
        }
        self.lock_default(table.oid).await?;
        Ok(table)
    }

    /// Finds a table of the own and keeps everybody else away from it.
    pub(super) async fn lock_alone(&mut self, name: &ObjectName) -> Result<Arc<Table>> {
        let name = self.qualified(name)?;
        loop {
            let catalog = self.catalog();
            let table = self.find_table(&catalog, &name)?;
            self.check_table_owner(&table)?;
            self.lock_table(table.oid, TableLock::AccessExclusive).await?;
            let catalog = self.catalog();
            let now = self.find_table(&catalog, &name)?;
            if now.oid == table.oid {
                return Ok(now);
            }
        }
    }

    /// Locks the default partition of a table and what is beneath it.
    pub(super) async fn lock_default(&mut self, parent: u32) -> Result<()> {
        let catalog = self.catalog();
        let Some(default) = default_of(&catalog, parent) else { return Ok(()) };
        self.lock_table(default.oid, TableLock::AccessExclusive).await?;
        self.lock_beneath(default.oid, TableLock::AccessExclusive).await
    }

    /// Locks every partition beneath a table, which is locked in that mode itself.
    pub(super) async fn lock_beneath(&mut self, table: u32, mode: TableLock) -> Result<()> {
        for below in self.catalog().descendants(table) {
            self.lock_table(below.oid, mode).await?;
        }
        Ok(())
    }

    /// Gives a table under construction the columns of its parent.
    pub(super) fn take_columns(&self, table: &mut Table, parent: &Table) {
        table.columns = (1..)
            .zip(&parent.columns)
            .map(|(number, column)| {
                // Values of an identity column are made by the table that rows are sent to.
                let default = column.default.clone().filter(|_| column.identity.is_none());
                TableColumn { number, comment: None, default, identity: None, ..column.clone() }
            })
            .collect();
        table.last_column = u16::try_from(table.columns.len()).unwrap_or(u16::MAX);
    }

    /// Puts a new, empty table into the catalog as a partition.
    pub(super) async fn put_partition(&mut self, parent: &Table, mut table: Table, values: &ForValues) -> Result<()> {
        let oid = table.oid;
        let bound = self.read_bound(parent, &table.name, values)?;
        table.partitioning.of = Some(PartitionOf { parent: parent.oid, bound });
        self.put_table(table)?;
        self.redefine(parent.clone())?;
        self.check_default(parent).await?;
        self.inherit(oid).await
    }

    /// 23514 if the default partition has rows that now belong to another.
    pub(super) async fn check_default(&mut self, parent: &Table) -> Result<()> {
        let catalog = self.catalog();
        let Some(default) = default_of(&catalog, parent.oid) else { return Ok(()) };
        if !self.has_misplaced_row(default).await? {
            return Ok(());
        }
        let message = format!(
            "updated partition constraint for default partition \"{}\" would be violated by some row",
            default.name
        );
        Err(Error::new(SqlState::CHECK_VIOLATION, message).with_table(self.schema_of(default), &default.name))
    }

    /// Whether a partition has a row, itself or beneath it, that the tables above it keep elsewhere. It is locked, so the
    /// newest state is what counts.
    pub(super) async fn has_misplaced_row(&mut self, partition: &Arc<Table>) -> Result<bool> {
        let catalog = self.catalog();
        let top = catalog.ancestors(partition).pop().unwrap_or_else(|| partition.clone());
        let Some(tree) = catalog.partition_tree(&top) else { return Ok(false) };
        let view = self.transaction.newest_view();
        for keeper in catalog.descendants(partition.oid).into_iter().chain([partition.clone()]) {
            let Some(leaf) = tree.leaf_of(keeper.storage.generation) else { continue };
            let schema = &tree.leaves()[leaf].storage;
            let mut scan = view.scan(schema, &KeyRange::generation(schema.generation), Direction::Forward);
            loop {
                let rows = scan.next(validate::ROWS_AT_A_TIME)?;
                if rows.is_empty() {
                    break;
                }
                for row in &rows {
                    let values = row.values(schema)?;
                    match tree.place(|position| &values[position]) {
                        Ok(place) if place == leaf => {}
                        Ok(_) | Err(Misplaced::Nowhere { .. }) => return Ok(true),
                        Err(Misplaced::Failed(error)) => return Err(error.into()),
                    }
                }
                tokio::task::yield_now().await;
            }
        }
        Ok(false)
    }

    /// 0A000 unless a unique index over these columns of a partitioned table includes those that divide its rows: each
    /// partition has an index of its own, which knows nothing of the others.
    pub(super) fn check_divided_key(&self, table: &Table, numbers: &[u16], what: &str) -> Result<()> {
        let Some(key) = &table.partitioning.key else { return Ok(()) };
        if !key.expressions.is_empty() {
            let message = format!("unsupported {what} constraint with partition key definition");
            return Err(Error::new(SqlState::FEATURE_NOT_SUPPORTED, message)
                .with_detail(format!("{what} constraints cannot be used when partition keys include expressions.")));
        }
        let Some(missing) = key.columns.iter().find(|number| !numbers.contains(number)) else { return Ok(()) };
        let column = &table.columns[table.place(*missing)?].name;
        let message = "unique constraint on partitioned table must include all partitioning columns";
        Err(Error::new(SqlState::FEATURE_NOT_SUPPORTED, message).with_detail(format!(
            "{what} constraint on table \"{}\" lacks column \"{column}\" which is part of the partition key.",
            table.name
        )))
    }
}

/// 42P17 for a column that is computed from the others.
fn refuse_generated(column: &TableColumn) -> Result<()> {
    if !column.generated {
        return Ok(());
    }
    let message = "cannot use generated column in partition key";
    let detail = format!("Column \"{}\" is a generated column.", column.name);
    Err(Error::new(SqlState::INVALID_OBJECT_DEFINITION, message).with_detail(detail))
}

/// The default partition of a table.
fn default_of(catalog: &Catalog, parent: u32) -> Option<&Arc<Table>> {
    let is_default = |of: &PartitionOf| of.bound == Bound::Default;
    catalog.partitions_of(parent).find(|partition| partition.partitioning.of.as_ref().is_some_and(is_default))
}

fn strategy(name: &ObjectName) -> Result<Strategy> {
    let word = name.0.last().and_then(|part| part.as_ident()).map(fold).unwrap_or_default();
    match word.as_str() {
        "range" => Ok(Strategy::Range),
        "list" => Ok(Strategy::List),
        "hash" => Ok(Strategy::Hash),
        _ => {
            let message = format!("unrecognized partitioning strategy \"{word}\"");
            Err(Error::new(SqlState::INVALID_PARAMETER_VALUE, message))
        }
    }
}
