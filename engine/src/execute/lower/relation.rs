//! Relations: each node of a bound relation becomes DataFusion's.

use std::sync::Arc;

use datafusion::arrow::datatypes::{Field, FieldRef, Schema, SchemaRef};
use datafusion::catalog::cte_worktable::CteWorkTable;
use datafusion::datasource::TableProvider;
use datafusion::datasource::provider_as_source;
use datafusion::logical_expr::{Expr as DfExpr, JoinType, LogicalPlan, LogicalPlanBuilder, Sort, SortExpr};
use storage::Value;

use super::fixed::{fixed_point, fixed_type};
use super::fold::fold;
use super::index_lookup::{LateLookup, index_lookup};
use super::{Lowering, column, walk};
use crate::catalog::{Sequence, Table, TableKind};
use crate::error::{Error, Result};
use crate::execute::failure::failure;
use crate::expr::eval::{NoRow, eval};
use crate::expr::{ColumnVar, Expr, ExprKind, SortKey};
use crate::function::{EvalContext, Volatility};
use crate::plan::relation::{Column, JoinKind, Relation, Scan, SetKind};
use crate::plan::system_column::SystemColumn;
use crate::provider::files::RegisteredTable;
use crate::provider::memory::MemoryRows;
use crate::provider::partitioned::PartitionedTable;
use crate::provider::table::StoredTable;

impl Lowering<'_> {
    /// The plan of a relation without subqueries; its columns are the relation's outputs. Numerics may be decimals;
    /// expressions that are lowered next are over its rows.
    pub(super) fn relation(&mut self, relation: &Relation) -> Result<LogicalPlan> {
        let plan = self.node(relation)?;
        self.see(&[&plan]);
        Ok(plan)
    }

    /// As [`Lowering::relation`], with every column as its type says.
    pub(super) fn plain_relation(&mut self, relation: &Relation) -> Result<LogicalPlan> {
        let plan = self.relation(relation)?;
        self.without_fixed(plan)
    }

    fn node(&mut self, relation: &Relation) -> Result<LogicalPlan> {
        match relation {
            Relation::OneRow => LogicalPlanBuilder::empty(true).build().map_err(failure),
            Relation::Scan(scan) => self.scan(scan, None),
            Relation::Values { columns, rows } => self.values(columns, rows),
            Relation::Function { function, args, columns, ordinality } => {
                self.table_function(function, args, columns, *ordinality)
            }
            Relation::Filter { input, predicate } => self.filter(input, predicate),
            Relation::Project { input, columns } => {
                let input = self.relation(input)?;
                let columns = columns
                    .iter()
                    .map(|(column, expr)| {
                        self.is_padded(*column, expr);
                        Ok(self.in_either_form(expr)?.0.alias(column::name(column.var)))
                    })
                    .collect::<Result<Vec<_>>>()?;
                projected(input, columns)
            }
            Relation::ProjectSet { input, functions, ordinality } => self.project_set(input, functions, *ordinality),
            Relation::Join { kind, left, right, condition, lateral } => {
                if let (true, Relation::Function { function, args, columns, ordinality }) = (*lateral, right.as_ref()) {
                    return self.function_over(left, function, args, columns, *ordinality);
                }
                self.join(*kind, left, right, condition.as_ref())
            }
            Relation::Aggregate { input, groups, sets, aggregates } => {
                self.aggregate(input, groups, sets.as_deref(), aggregates)
            }
            Relation::Window { input, calls } => self.window(input, calls),
            Relation::Sort { input, keys } => {
                let input = self.relation(input)?;
                let expr = self.sort_keys(keys)?;
                if expr.is_empty() {
                    return Ok(input);
                }
                Ok(LogicalPlan::Sort(Sort { expr, input: Arc::new(input), fetch: None }))
            }
            Relation::Limit { input, limit, offset, with_ties } => {
                self.limit(input, limit.as_ref(), offset.as_ref(), *with_ties)
            }
            Relation::Distinct { input, on } if on.is_empty() => {
                let plan = self.relation(input)?;
                self.distinct_rows(plan, &input.outputs())
            }
            Relation::Distinct { input, on } => self.distinct_on(input, on),
            Relation::SetOperation { kind, all, columns, left, right } => match kind {
                SetKind::Union => self.union(*all, columns, left, right),
                SetKind::Intersect | SetKind::Except => self.match_rows(*kind, *all, columns, left, right),
            },
            Relation::Shared { plan, columns, source, once } => match once {
                Some(number) => self.once(*number, plan, columns, source),
                None => self.shared(plan, columns, source),
            },
            Relation::Recursive { name, columns, follow, all, base, step } => {
                let compared = (!*all).then(|| &columns[..columns.len().saturating_sub(*follow)]);
                self.recursive(name, columns, compared, base, step)
            }
            Relation::Written { number, columns } => {
                let rows = self.context.written.get(*number).cloned();
                let rows = rows.ok_or_else(|| Error::internal("a write of the WITH clause has not run"))?;
                let provider = MemoryRows::new(schema_of(columns)?, columns, &rows)?;
                self.source(None, Arc::new(provider), columns)
            }
            Relation::WorkingTable { name, columns } => {
                let table = CteWorkTable::new(name, schema_of(columns)?);
                self.source(Some(name), Arc::new(table), columns)
            }
        }
    }

    /// A relation's columns `source` under the numbers of `columns`.
    pub(super) fn shared(&mut self, plan: &Relation, columns: &[Column], source: &[ColumnVar]) -> Result<LogicalPlan> {
        let plan = self.relation(plan)?;
        for (column, source) in columns.iter().zip(source) {
            self.is_padded(*column, &Expr::column(*source, column.ty));
        }
        let columns = columns
            .iter()
            .zip(source)
            .map(|(column, source)| column::reference(*source).alias(column::name(column.var)))
            .collect();
        projected(plan, columns)
    }

    /// Reads a provider whose fields are named after the columns, and leaves out the qualifier that DataFusion gives.
    pub(super) fn source(
        &mut self,
        name: Option<&str>,
        provider: Arc<dyn TableProvider>,
        columns: &[Column],
    ) -> Result<LogicalPlan> {
        self.scans += 1;
        let name = name.map_or_else(|| format!("t{}", self.scans), str::to_owned);
        let scan = LogicalPlanBuilder::scan(
            datafusion::common::TableReference::bare(name),
            provider_as_source(provider),
            None,
        )
        .map_err(failure)?;
        let qualified = scan.schema().columns();
        let columns = qualified
            .into_iter()
            .zip(columns)
            .map(|(source, column)| DfExpr::Column(source).alias(column::name(column.var)))
            .collect::<Vec<_>>();
        scan.project(columns).and_then(LogicalPlanBuilder::build).map_err(failure)
    }

    /// Reads a table; `condition` is what its rows must satisfy, which is tested afterwards.
    pub(super) fn scan(&mut self, scan: &Scan, condition: Option<&Expr>) -> Result<LogicalPlan> {
        if scan.sees_deleted.is_so() && scan.row_identity.is_some() {
            return Err(Error::unsupported("locking or changing rows of a relation whose _deleted is named"));
        }
        let columns = Relation::Scan(scan.clone()).outputs();
        self.note_padded(scan);
        let provider: Arc<dyn TableProvider> = match &scan.table.kind {
            TableKind::System | TableKind::Sequence(_) => {
                if scan.row_identity.is_some() {
                    return Err(Error::internal("a row of a computed relation has no identity"));
                }
                let mut rows = match scan.table.sequence() {
                    Some(sequence) => vec![sequence_row(&scan.table, sequence, &self.context)?],
                    None => self.environment.system_rows(&scan.table, &self.context)?,
                };
                let mut positions: Vec<usize> = scan.columns.iter().map(|(position, _)| *position).collect();
                if scan.system.get(SystemColumn::TableOid).is_some() {
                    positions.push(scan.table.columns.len());
                    rows.iter_mut().for_each(|row| row.push(Value::Int8(scan.table.oid.into())));
                }
                Arc::new(MemoryRows::of_positions(schema_of(&columns)?, &columns, &rows, &positions)?)
            }
            TableKind::View(_) => return Err(Error::internal("a view was not expanded")),
            TableKind::Files(files) => {
                Arc::new(RegisteredTable::new(&files.pattern, scan, schema_of(&columns)?, self.environment)?)
            }
            TableKind::Table => {
                let (schema, view) = (self.stored_schema(&columns)?, &self.view);
                match &scan.partitions {
                    Some(tree) => {
                        let late = |leaf: &Arc<Table>| LateLookup::of(leaf, scan, &self.context);
                        Arc::new(PartitionedTable::new(tree, scan, &schema, view, self.environment, &late))
                    }
                    None => {
                        let lookup = match condition {
                            Some(condition) => index_lookup(scan, condition, &self.context)?,
                            None => None,
                        };
                        let table = StoredTable::new(&scan.table, scan, schema, view.clone(), self.environment);
                        Arc::new(table.found_by(lookup, LateLookup::of(&scan.table, scan, &self.context)))
                    }
                }
            }
        };
        self.source(None, provider, &columns)
    }

    /// The fields of a table's columns, of which numerics may be decimals.
    fn stored_schema(&self, columns: &[Column]) -> Result<SchemaRef> {
        let field = |column: &Column| match fixed_point(column.ty).filter(|_| self.fixed_allowed) {
            Some(fixed) => Ok(Field::new(column::name(column.var), fixed_type(fixed), true).into()),
            None => column::field(*column),
        };
        Ok(Arc::new(Schema::new(columns.iter().map(field).collect::<Result<Vec<FieldRef>>>()?)))
    }

    /// Rows of constants are data; a row with a volatile function or a column of an enclosing query is computed.
    fn values(&mut self, columns: &[Column], rows: &[Vec<Expr>]) -> Result<LogicalPlan> {
        let constant = rows.iter().flatten().all(|expr| {
            !walk::any(expr, &|part| match &part.kind {
                ExprKind::Column(_) | ExprKind::OuterColumn { .. } => true,
                ExprKind::Call { function, .. } => function.volatility == Volatility::Volatile,
                _ => false,
            })
        });
        if constant {
            let rows = rows
                .iter()
                .map(|row| row.iter().map(|expr| self.constant(expr)).collect::<Result<Vec<_>>>())
                .collect::<Result<Vec<_>>>()?;
            let provider = MemoryRows::new(schema_of(columns)?, columns, &rows)?;
            return self.source(None, Arc::new(provider), columns);
        }
        let mut plans = Vec::with_capacity(rows.len());
        for row in rows {
            let exprs = columns
                .iter()
                .zip(row)
                .map(|(column, expr)| Ok(self.expr(expr)?.alias(column::name(column.var))))
                .collect::<Result<Vec<_>>>()?;
            plans.push(projected(LogicalPlanBuilder::empty(true).build().map_err(failure)?, exprs)?);
        }
        super::set::union_all(plans)
    }

    /// The value of an expression without columns.
    pub(super) fn constant(&self, expr: &Expr) -> Result<Value> {
        let expr = fold(expr.clone(), &self.context)?;
        match expr.kind {
            ExprKind::Const(value) => Ok(value),
            _ => eval(&expr, &self.context, &NoRow),
        }
    }

    fn join(
        &mut self,
        kind: JoinKind,
        left: &Relation,
        right: &Relation,
        condition: Option<&Expr>,
    ) -> Result<LogicalPlan> {
        let left = self.relation(left)?;
        let right = self.relation(right)?;
        self.see(&[&left, &right]);
        let left = LogicalPlanBuilder::from(left);
        let join = match kind {
            JoinKind::Inner | JoinKind::Cross => JoinType::Inner,
            JoinKind::Left => JoinType::Left,
            JoinKind::Right => JoinType::Right,
            JoinKind::Full => JoinType::Full,
            JoinKind::Semi => JoinType::LeftSemi,
            JoinKind::Anti => JoinType::LeftAnti,
        };
        let condition = match condition {
            Some(condition) => Some(self.condition(condition)?),
            None => None,
        };
        match (join, condition) {
            (JoinType::Inner, None) => left.cross_join(right),
            (join, condition) => {
                left.join_on(right, join, condition.or_else(|| Some(super::expression::boolean(true))))
            }
        }
        .and_then(LogicalPlanBuilder::build)
        .map_err(failure)
    }

    pub(super) fn sort_keys(&self, keys: &[SortKey]) -> Result<Vec<SortExpr>> {
        let mut sort = Vec::with_capacity(keys.len());
        for key in keys {
            // Sorting by a constant sorts nothing.
            if walk::any(&key.expr, &|part| {
                matches!(part.kind, ExprKind::Column(_) | ExprKind::OuterColumn { .. } | ExprKind::Call { .. })
            }) {
                sort.push(SortExpr::new(self.key(&key.expr)?, !key.descending, key.nulls_first));
            }
        }
        Ok(sort)
    }
}

pub(super) fn projected(input: LogicalPlan, columns: Vec<DfExpr>) -> Result<LogicalPlan> {
    LogicalPlanBuilder::from(input).project(columns).and_then(LogicalPlanBuilder::build).map_err(failure)
}

pub(super) fn schema_of(columns: &[Column]) -> Result<SchemaRef> {
    let fields = columns.iter().map(|column| column::field(*column)).collect::<Result<Vec<_>>>()?;
    Ok(Arc::new(Schema::new(fields)))
}

/// What a sequence's relation shows: the position, and nothing logged ahead that anybody could count on.
fn sequence_row(table: &Table, sequence: &Sequence, context: &EvalContext) -> Result<Vec<Value>> {
    let position = context.session.sequences.position(table, sequence)?;
    Ok(vec![Value::Int8(position.last_value), Value::Int8(0), Value::Bool(position.is_called)])
}
