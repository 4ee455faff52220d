//! The table a write goes to: its columns by name and number, its defaults, its checks and foreign keys.

use std::collections::BTreeMap;
use std::sync::Arc;

use datafusion::sql::sqlparser::ast;
use datafusion::sql::sqlparser::ast::Spanned;
use datafusion::sql::sqlparser::tokenizer::Span;
use storage::{RowIdentity, TableId, TableLock, Value};

use super::super::{Binder, Clause, Scope, ScopeRelation};
use super::{folded, is_default};
use crate::catalog::{ConstraintKind, Identity, Table, TableColumn, TableKind};
use crate::error::{Error, Result, SqlState};
use crate::expr::Expr;
use crate::plan::relation::{Column, Output};
use crate::plan::write::{Check, ChildKey, KeyLookup, ParentKey, Placement, Returning, Target};
use crate::statement::parse_expression;
use crate::types::Type;

impl Binder<'_> {
    /// The target of a write and the names of its columns.
    pub(super) fn target(&mut self, name: &ast::ObjectName, alias: Option<&str>) -> Result<(Target, Scope)> {
        let table = self.table(name)?;
        match table.kind {
            TableKind::Table => {}
            TableKind::Sequence(_) => {
                let message = format!("cannot change sequence \"{}\"", table.name);
                return Err(Error::new(SqlState::WRONG_OBJECT_TYPE, message));
            }
            TableKind::System => {
                let message = format!("permission denied: \"{}\" is a system catalog", table.name);
                return Err(Error::new(SqlState::INSUFFICIENT_PRIVILEGE, message));
            }
        }
        let (first_column, scope) = self.row_scope(&table, alias);
        let target = self.target_of(table, first_column)?;
        Ok((target, scope))
    }

    /// A target whose columns have the given numbers.
    pub(crate) fn target_of(&mut self, table: Arc<Table>, first_column: u32) -> Result<Target> {
        let placement = self.placement(&table, first_column)?;
        Ok(Target { placement, ..self.target_alone(table, first_column)? })
    }

    fn target_alone(&self, table: Arc<Table>, first_column: u32) -> Result<Target> {
        let checks = self.checks(&table, first_column)?;
        let (parents, children) = (self.parents(&table)?, self.children(&table));
        Ok(Target { first_column, checks, parents, children, placement: None, table })
    }

    /// The partitions around a table; None if there are none.
    fn placement(&self, table: &Arc<Table>, first_column: u32) -> Result<Option<Placement>> {
        let top = self.catalog.ancestors(table).pop().unwrap_or_else(|| table.clone());
        let Some(tree) = self.catalog.partition_tree(&top) else { return Ok(None) };
        let mut placement = Placement { tree: Arc::new(tree), leaves: BTreeMap::new(), branches: Vec::new() };
        if table.partitioning.key.is_none() {
            return Ok(Some(placement));
        }
        placement.branches.push(table.oid);
        for below in self.catalog.descendants(table.oid) {
            if below.partitioning.key.is_some() {
                placement.branches.push(below.oid);
            } else if let Some(leaf) = placement.tree.leaf_of(below.storage.generation) {
                placement.leaves.insert(leaf, self.target_alone(below, first_column)?);
            }
        }
        Ok(Some(placement))
    }

    /// Adds the locks on everything beneath tables that are locked. They are taken together with the table's own, also
    /// where only some partitions will be read: which ones, parameters may decide.
    pub(crate) fn lock_partitions(&self, locks: &mut Vec<(TableId, TableLock)>) {
        let named = locks.clone();
        for (table, mode) in named {
            for below in self.catalog.descendants(table.0) {
                match locks.iter_mut().find(|(other, _)| *other == TableId(below.oid)) {
                    Some((_, held)) => *held = mode.max(*held),
                    None => locks.push((TableId(below.oid), mode)),
                }
            }
        }
        locks.sort_by_key(|(table, _)| *table);
    }

    /// Numbers for all columns of a table, one after the other, and their names.
    pub(super) fn row_scope(&mut self, table: &Arc<Table>, alias: Option<&str>) -> (u32, Scope) {
        let columns: Vec<(usize, Column)> =
            table.columns.iter().enumerate().map(|(at, column)| (at, self.fresh(column.ty))).collect();
        let first = columns.first().map_or(0, |(_, column)| column.var.0);
        debug_assert!(columns.iter().enumerate().all(|(at, (_, column))| column.var.0 == first + at as u32));
        (first, Scope::of(ScopeRelation::of_table(table, alias, &columns)))
    }

    fn checks(&self, table: &Arc<Table>, first_column: u32) -> Result<Vec<Check>> {
        let mut checks = Vec::new();
        for constraint in &table.constraints {
            let ConstraintKind::Check { expression } = &constraint.kind else { continue };
            let columns: Vec<(usize, Column)> = table
                .columns
                .iter()
                .enumerate()
                .map(|(at, column)| {
                    (at, Column { var: crate::expr::ColumnVar(first_column + at as u32), ty: column.ty })
                })
                .collect();
            let scope = Scope::of(ScopeRelation::of_table(table, None, &columns));
            let mut binder = self.for_stored_text();
            let condition = binder.condition(&parse_expression(expression)?, &scope, Clause::Check)?;
            checks.push(Check { name: constraint.name.clone(), condition });
        }
        // The first of them by name speaks for a row that breaks several.
        checks.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(checks)
    }

    /// A binder for text from the catalog: errors in it have no place in the statement.
    fn for_stored_text(&self) -> Binder<'_> {
        Binder::new(self.catalog, self.context, &[])
    }

    fn parents(&self, table: &Table) -> Result<Vec<ParentKey>> {
        let mut parents = Vec::new();
        for constraint in &table.constraints {
            let ConstraintKind::ForeignKey { columns, target, target_columns, .. } = &constraint.kind else { continue };
            let parent =
                self.catalog.tables.get(target).ok_or_else(|| Error::internal("a foreign key points at no table"))?;
            let parent_columns = positions(parent, target_columns);
            parents.push(ParentKey {
                name: constraint.name.clone(),
                columns: positions(table, columns),
                lookup: lookup(parent, &parent_columns)?,
                parent_columns,
                parent: parent.clone(),
            });
        }
        Ok(parents)
    }

    fn children(&self, table: &Table) -> Vec<ChildKey> {
        let mut children = Vec::new();
        for child in self.catalog.tables.values() {
            // A partition's foreign key is its parent's.
            for constraint in child.constraints.iter().filter(|constraint| constraint.parent.is_none()) {
                let ConstraintKind::ForeignKey { columns, target, target_columns, on_delete, on_update } =
                    &constraint.kind
                else {
                    continue;
                };
                if *target == table.oid {
                    children.push(ChildKey {
                        name: constraint.name.clone(),
                        child_columns: positions(child, columns),
                        columns: positions(table, target_columns),
                        on_delete: *on_delete,
                        on_update: *on_update,
                        keepers: self.keepers(child),
                        child: child.clone(),
                    });
                }
            }
        }
        children
    }

    fn keepers(&self, table: &Arc<Table>) -> Vec<Arc<Table>> {
        match self.catalog.partition_tree(table) {
            Some(tree) => tree.leaves().to_vec(),
            None => vec![table.clone()],
        }
    }

    /// What a column holds when nobody says.
    pub(crate) fn default_of(&mut self, table: &Table, position: usize) -> Result<Expr> {
        let column = &table.columns[position];
        match &column.default {
            None => Ok(Expr::constant(Value::Null, column.ty)),
            Some(text) => {
                let mut binder = self.for_stored_text();
                let bound = binder.expr_in(&parse_expression(text)?, &Scope::empty(), Clause::Default)?;
                binder.assign(bound, column.ty, &column.name, Span::empty())
            }
        }
    }

    /// A value to be stored in a column; DEFAULT is the column's.
    pub(super) fn stored_value(
        &mut self,
        table: &Table,
        position: usize,
        value: &ast::Expr,
        scope: &Scope,
        clause: Clause,
    ) -> Result<Expr> {
        if is_default(value) {
            return self.default_of(table, position);
        }
        let column = &table.columns[position];
        let bound = self.expr_in(value, scope, clause)?;
        self.assign(bound, column.ty, &column.name, value.span())
    }

    /// Position of a column that a write names.
    pub(super) fn target_column(&self, table: &Table, name: &ast::Ident) -> Result<usize> {
        let column = folded(name);
        table.position_of(&column).ok_or_else(|| {
            let message = format!("column \"{column}\" of relation \"{}\" does not exist", table.name);
            Error::new(SqlState::UNDEFINED_COLUMN, message).at(self.position(name.span))
        })
    }

    /// SET's left and right sides.
    pub(super) fn assignments(
        &mut self,
        table: &Table,
        assignments: &[ast::Assignment],
        scope: &Scope,
    ) -> Result<Vec<(usize, Expr)>> {
        let mut bound: Vec<(usize, Expr)> = Vec::with_capacity(assignments.len());
        for ast::Assignment { target, value } in assignments {
            let pairs: Vec<(&ast::ObjectName, &ast::Expr)> = match target {
                ast::AssignmentTarget::ColumnName(name) => vec![(name, value)],
                ast::AssignmentTarget::Tuple(names) => {
                    let values = match value {
                        ast::Expr::Tuple(values) => values.iter().collect(),
                        ast::Expr::Nested(value) if names.len() == 1 => vec![value.as_ref()],
                        _ => return Err(Error::unsupported("assignment of a subquery to several columns")),
                    };
                    if values.len() != names.len() {
                        let message = "number of columns does not match number of values";
                        return Err(Error::new(SqlState::SYNTAX_ERROR, message).at(self.position(value.span())));
                    }
                    names.iter().zip(values).collect()
                }
            };
            for (name, value) in pairs {
                let position = self.assigned_column(table, name)?;
                let column = &table.columns[position];
                if column.identity == Some(Identity::Always) && !is_default(value) {
                    let message = format!("column \"{}\" can only be updated to DEFAULT", column.name);
                    return Err(generated_always(message, column, ""));
                }
                if bound.iter().any(|(other, _)| *other == position) {
                    let message = format!("multiple assignments to same column \"{}\"", table.columns[position].name);
                    return Err(Error::new(SqlState::SYNTAX_ERROR, message).at(self.position(name.span())));
                }
                bound.push((position, self.stored_value(table, position, value, scope, Clause::UpdateSource)?));
            }
        }
        Ok(bound)
    }

    fn assigned_column(&self, table: &Table, name: &ast::ObjectName) -> Result<usize> {
        match name.0.as_slice() {
            [part] => match part.as_ident() {
                Some(ident) => self.target_column(table, ident),
                None => Err(Error::unsupported("an assignment to something other than a column")),
            },
            [first, ..] => {
                let first = first.as_ident().map(folded).unwrap_or_default();
                let message = format!("column \"{first}\" of relation \"{}\" does not exist", table.name);
                Err(Error::new(SqlState::UNDEFINED_COLUMN, message).at(self.position(name.span())))
            }
            [] => Err(Error::internal("an assignment without a name")),
        }
    }

    /// RETURNING.
    pub(super) fn bound_returning(
        &mut self,
        items: Option<&Vec<ast::SelectItem>>,
        scope: &Scope,
    ) -> Result<Option<Returning>> {
        let Some(items) = items else { return Ok(None) };
        let columns = self.returning(items, scope)?;
        let (mut outputs, mut exprs) = (Vec::with_capacity(columns.len()), Vec::with_capacity(columns.len()));
        for column in columns {
            if has_subquery(&column.expr) {
                return Err(Error::unsupported("a subquery in RETURNING"));
            }
            let result = self.fresh(column.expr.ty);
            outputs.push(Output { name: column.name, column: result, origin: column.origin });
            exprs.push(column.expr);
        }
        Ok(Some(Returning { outputs, exprs }))
    }

    /// The parameters' types as they are known when the whole statement is bound.
    pub(super) fn final_params(&self) -> Result<Vec<Type>> {
        self.params()
    }
}

/// 428C9 for a value that an identity column may not be given.
pub(super) fn generated_always(message: String, column: &TableColumn, hint: &'static str) -> Error {
    let detail = format!("Column \"{}\" is an identity column defined as GENERATED ALWAYS.", column.name);
    let error = Error::new(SqlState::GENERATED_ALWAYS, message).with_detail(detail);
    if hint.is_empty() { error } else { error.with_hint(hint) }
}

/// Whether an expression needs another relation to be computed.
pub(super) fn has_subquery(expr: &Expr) -> bool {
    let mut found = false;
    crate::expr::walk::visit(expr, &mut |part| found |= matches!(part.kind, crate::expr::ExprKind::Subquery(_)));
    found
}

fn positions(table: &Table, numbers: &[u16]) -> Vec<usize> {
    numbers.iter().filter_map(|number| table.position_of_number(*number)).collect()
}

/// How the parent of a key over these columns is found.
fn lookup(parent: &Table, columns: &[usize]) -> Result<KeyLookup> {
    let order_of = |key: &[usize]| -> Option<Vec<usize>> {
        if key.len() != columns.len() {
            return None;
        }
        key.iter().map(|position| columns.iter().position(|column| column == position)).collect()
    };
    if let RowIdentity::PrimaryKey(key) = &parent.storage.identity
        && let Some(order) = order_of(key)
    {
        return Ok(KeyLookup::PrimaryKey { order });
    }
    for index in parent.storage.indexes.iter().filter(|index| index.unique) {
        let key: Vec<usize> = index.columns.iter().map(|column| column.column).collect();
        if let Some(order) = order_of(&key) {
            return Ok(KeyLookup::Unique { index: index.clone(), order });
        }
    }
    Err(Error::internal("a foreign key points at columns that are not unique"))
}
