//! The table a write goes to: its columns by name and number, its defaults, its checks and foreign keys.

use std::collections::BTreeMap;
use std::sync::Arc;

use datafusion::sql::sqlparser::ast;
use datafusion::sql::sqlparser::ast::Spanned;
use datafusion::sql::sqlparser::tokenizer::Span;
use storage::{RowIdentity, TableId, TableLock, Value};

use super::super::own_rows::check_writable;
use super::super::row::row;
use super::super::system::{may_be_system, with_known_oid};
use super::super::{Binder, Clause, Place, Scope, ScopeRelation};
use super::part::column_and_way;
use super::through::{Goal, Verb};
use super::{folded, is_default};
use crate::catalog::{Constraint, ConstraintKind, ForeignKeyAction, Identity, Table, TableColumn, TableKind};
use crate::error::{Error, Result, SqlState};
use crate::expr::{ColumnVar, Expr, ExprKind};
use crate::function::sequence::NEXT_IDENTITY;
use crate::plan::point::ColumnPlaces;
use crate::plan::relation::{Column, Output, Query, Relation};
use crate::plan::system_column::{SystemColumn, SystemColumns};
use crate::plan::write::{After, Check, ChildKey, KeyLookup, LateKey, ParentKey, Placement, Returning, Target};
use crate::statement::parse_expression;
use crate::types::{Type, builtin, oid};

impl Binder<'_> {
    /// The target of a write and the names of its columns.
    pub(super) fn target(&mut self, name: &ast::ObjectName, alias: Option<&str>, verb: Verb) -> Result<Goal> {
        let table = self.table(name)?;
        let table = self.own_rows(table)?;
        if verb == Verb::Merge && table.stored_query().is_some() {
            let message = format!("cannot execute MERGE on relation \"{}\"", table.name);
            return Err(Error::new(SqlState::FEATURE_NOT_SUPPORTED, message)
                .with_detail(format!("This operation is not supported for {}s.", table.noun())));
        }
        match &table.kind {
            TableKind::Table if table.materialized.is_some() => {
                let message = format!("cannot change materialized view \"{}\"", table.name);
                return Err(Error::new(SqlState::WRONG_OBJECT_TYPE, message));
            }
            TableKind::Table => {}
            TableKind::Sequence(_) => {
                let message = format!("cannot change sequence \"{}\"", table.name);
                return Err(Error::new(SqlState::WRONG_OBJECT_TYPE, message));
            }
            TableKind::Files(_) => {
                let message = format!("cannot change registered table \"{}\"", table.name);
                return Err(Error::new(SqlState::FEATURE_NOT_SUPPORTED, message)
                    .with_detail("Its rows are in files that are only read."));
            }
            TableKind::View(view) => return self.through_view(table.clone(), view, alias, verb),
            TableKind::System => {
                let message = format!("permission denied: \"{}\" is a system catalog", table.name);
                return Err(Error::new(SqlState::INSUFFICIENT_PRIVILEGE, message));
            }
        }
        let (first_column, mut scope) = self.row_scope(&table, alias);
        self.target_columns = first_column..first_column + table.columns.len() as u32;
        self.target_read = false;
        let mut target = self.target_of(table, first_column)?;
        // What is deleted is not changed.
        let system = match verb {
            Verb::Insert => self.system_columns_of_inserted(&target.table),
            _ => self.system_columns(&target.table),
        };
        let system = system.without(SystemColumn::Deleted);
        scope = scope.with_system(system);
        target.tell_system(system);
        Ok(Goal { names: target.table.clone(), target, scope, through: None })
    }

    /// A target whose columns have the given numbers.
    pub(crate) fn target_of(&mut self, table: Arc<Table>, first_column: u32) -> Result<Target> {
        check_writable(&table)?;
        let mut target = self.target_with_leaves(table, first_column)?;
        target.reached = self.reached(&mut target)?;
        for reached in &mut target.reached {
            let fires = reached.with_leaves().any(|table| table.triggers.is_some());
            reached.fires = fires;
        }
        target.fires = target.with_leaves().any(|table| table.triggers.is_some())
            || target.reached.iter().any(|reached| reached.fires);
        Ok(target)
    }

    fn target_with_leaves(&self, table: Arc<Table>, first_column: u32) -> Result<Target> {
        let placement = self.placement(&table, first_column)?;
        Ok(Target { placement, ..self.target_alone(table, first_column)? })
    }

    fn target_alone(&self, table: Arc<Table>, first_column: u32) -> Result<Target> {
        let checks = self.checks(&table, first_column)?;
        let generated = self.generated(&table, first_column)?;
        let (parents, children) = (self.parents(&table)?, self.children(&table)?);
        let late_keys = late_keys(&table)?;
        let (placement, reached, system) = (None, Vec::new(), SystemColumns::default());
        let policies = Vec::new();
        let triggers = self.target_triggers(&table)?;
        Ok(Target {
            first_column,
            checks,
            policies,
            generated,
            parents,
            late_keys,
            children,
            placement,
            reached,
            table,
            system,
            triggers,
            fires: false,
        })
    }

    /// The tables that the actions of foreign keys lead to from the target, however far. Its children, and theirs, are
    /// told where they stand among them.
    fn reached(&self, target: &mut Target) -> Result<Vec<Target>> {
        let mut reached = Vec::new();
        self.reach_children(target, &mut reached)?;
        let mut next = 0;
        while next < reached.len() {
            // Taken out while others join; its place is kept by an empty one.
            let children = std::mem::take(&mut reached[next].children);
            let mut linked = Vec::with_capacity(children.len());
            for mut child in children {
                self.reach(&mut child, &mut reached)?;
                linked.push(child);
            }
            reached[next].children = linked;
            let mut placement = reached[next].placement.take();
            for leaf in placement.iter_mut().flat_map(|placement| placement.leaves.values_mut()) {
                self.reach_children(leaf, &mut reached)?;
            }
            reached[next].placement = placement;
            next += 1;
        }
        Ok(reached)
    }

    fn reach_children(&self, target: &mut Target, reached: &mut Vec<Target>) -> Result<()> {
        let leaves = target.placement.iter_mut().flat_map(|placement| placement.leaves.values_mut());
        let children = leaves.flat_map(|leaf| leaf.children.iter_mut()).chain(target.children.iter_mut());
        children.into_iter().try_for_each(|child| self.reach(child, reached))
    }

    /// Notes where a child stands among the tables that are reached; it joins them if it is new there.
    fn reach(&self, child: &mut ChildKey, reached: &mut Vec<Target>) -> Result<()> {
        if !child.on_delete.writes() && !child.on_update.writes() {
            return Ok(());
        }
        let known = reached.iter().position(|target| target.table.oid == child.child.oid);
        if known.is_none() {
            reached.push(self.target_with_leaves(child.child.clone(), 0)?);
        }
        child.reached = known.or(Some(reached.len() - 1));
        Ok(())
    }

    /// The partitions around a table; None if there are none.
    fn placement(&self, table: &Arc<Table>, first_column: u32) -> Result<Option<Placement>> {
        let top = self.catalog.ancestors(table).pop().unwrap_or_else(|| table.clone());
        let Some(tree) = self.catalog.partition_tree(&top) else { return Ok(None) };
        let positions = top.columns.iter().map(|column| table.position_of(&column.name));
        let positions = if table.is_arranged_as(&top) { None } else { positions.collect() };
        let (leaves, branches) = (BTreeMap::new(), Vec::new());
        let mut placement = Placement { tree: Arc::new(tree), positions, leaves, branches };
        placement.branches.push(table.oid);
        for below in self.catalog.descendants(table.oid) {
            if below.partitioning.key.is_some() {
                placement.branches.push(below.oid);
            } else if let Some(leaf) = placement.tree.leaf_of(below.storage.generation) {
                placement.leaves.insert(leaf, self.target_alone(below.arranged_as(table), first_column)?);
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
        self.number_inheriting(table);
        let first = columns.first().map_or(0, |(_, column)| column.var.0);
        debug_assert!(columns.iter().enumerate().all(|(at, (_, column))| column.var.0 == first + at as u32));
        (first, Scope::of(ScopeRelation::of_table(table, alias, &columns)))
    }

    fn checks(&self, table: &Arc<Table>, first_column: u32) -> Result<Vec<Check>> {
        let mut checks = Vec::new();
        for constraint in &table.constraints {
            let ConstraintKind::Check { expression } = &constraint.kind else { continue };
            let scope = own_scope(table, first_column).with_system(SystemColumns::table_oid(OWN_TABLE_OID));
            let mut binder = self.for_stored_text();
            let condition = binder.condition(&parse_expression(expression)?, &scope, Clause::Check)?;
            let condition = with_known_oid(condition, OWN_TABLE_OID, table.oid)?;
            checks.push(Check { name: constraint.name.clone(), condition, of_view: false });
        }
        // The first of them by name speaks for a row that breaks several.
        checks.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(checks)
    }

    /// What computes the generated columns of a table.
    fn generated(&self, table: &Arc<Table>, first_column: u32) -> Result<Vec<(usize, Expr)>> {
        let mut generated = Vec::new();
        for (at, column) in table.columns.iter().enumerate() {
            if let Some(text) = column.default.as_ref().filter(|_| column.generated) {
                let mut binder = self.for_stored_text();
                let scope = own_scope(table, first_column);
                let bound = binder.expr_in(&parse_expression(text)?, &scope, Clause::Generation)?;
                generated.push((at, binder.assign(bound, column.ty, &column.name, Span::empty())?));
            }
        }
        Ok(generated)
    }

    /// Binds an expression over a table's row; the column at position `i` is `ColumnVar(i)`.
    pub(crate) fn over_table(&mut self, table: &Arc<Table>, expression: &ast::Expr, clause: Clause) -> Result<Expr> {
        let scope = own_scope(table, 0);
        match clause {
            Clause::IndexPredicate => self.condition(expression, &scope, clause),
            _ => self.expr_in(expression, &scope, clause),
        }
    }

    /// Binds what generates a column, for a column of that type; answers where the table's columns stand, too.
    pub(crate) fn generation(
        &mut self,
        table: &Arc<Table>,
        expression: &ast::Expr,
        column: &TableColumn,
    ) -> Result<(Expr, ColumnPlaces)> {
        let bound = self.expr_in(expression, &own_scope(table, 0), Clause::Generation)?;
        let from = bound.ty;
        let bound = self.assign(bound, column.ty, &column.name, expression.span()).map_err(|error| {
            if error.sql_state() != SqlState::DATATYPE_MISMATCH {
                return error;
            }
            let message = format!(
                "column \"{}\" is of type {} but default expression is of type {}",
                column.name,
                crate::types::display(column.ty),
                crate::types::display(from)
            );
            Error::new(SqlState::DATATYPE_MISMATCH, message)
                .with_hint("You will need to rewrite or cast the expression.")
        })?;
        let places = (0..table.columns.len()).map(|at| (ColumnVar(at as u32), at));
        Ok((bound, ColumnPlaces::new(places)))
    }

    /// A binder for text from the catalog: errors in it have no place in the statement.
    fn for_stored_text(&self) -> Binder<'_> {
        Binder::new(self.catalog, self.context, &[])
    }

    fn parents(&self, table: &Table) -> Result<Vec<ParentKey>> {
        let mut parents = Vec::new();
        for constraint in &table.constraints {
            let ConstraintKind::ForeignKey { columns, target, target_columns, match_full, .. } = &constraint.kind
            else {
                continue;
            };
            let parent =
                self.catalog.tables.get(target).ok_or_else(|| Error::internal("a foreign key points at no table"))?;
            let parent = &parent.of_slice(table.storage.slice);
            let parent_columns = positions(parent, target_columns);
            parents.push(ParentKey {
                oid: constraint.oid,
                name: constraint.name.clone(),
                deferrable: constraint.deferrable,
                match_full: *match_full,
                columns: positions(table, columns),
                lookup: lookup(parent, &parent_columns)?,
                parent_columns,
                parent: parent.clone(),
            });
        }
        Ok(parents)
    }

    fn children(&self, table: &Table) -> Result<Vec<ChildKey>> {
        let mut children = Vec::new();
        for child in self.catalog.tables.values() {
            // A partition's foreign key is its parent's.
            for constraint in child.constraints.iter().filter(|constraint| constraint.parent.is_none()) {
                if matches!(constraint.kind, ConstraintKind::ForeignKey { target, .. } if target == table.oid) {
                    let child = child.of_slice(table.storage.slice);
                    children.push(self.child(table, &child, constraint)?);
                }
            }
        }
        // Their actions take place in the order in which they were defined.
        children.sort_by_key(|child| child.oid);
        Ok(children)
    }

    fn child(&self, table: &Table, child: &Arc<Table>, constraint: &Constraint) -> Result<ChildKey> {
        let ConstraintKind::ForeignKey { columns, target_columns, on_delete, on_update, set_columns, .. } =
            &constraint.kind
        else {
            return Err(Error::internal("a table is referenced by something else than a foreign key"));
        };
        let child_columns = positions(child, columns);
        let defaults = match (*on_delete, *on_update) {
            (ForeignKeyAction::SetDefault, _) | (_, ForeignKeyAction::SetDefault) => {
                child_columns.iter().map(|position| self.default_of(child, *position)).collect::<Result<_>>()?
            }
            _ => Vec::new(),
        };
        let set_columns = if set_columns.is_empty() { columns } else { set_columns };
        Ok(ChildKey {
            oid: constraint.oid,
            name: constraint.name.clone(),
            deferrable: constraint.deferrable,
            set_columns: positions(child, set_columns),
            types: positions(table, target_columns).into_iter().map(|at| table.columns[at].ty).collect(),
            columns: positions(table, target_columns),
            on_delete: *on_delete,
            on_update: *on_update,
            keepers: self.keepers(child),
            child: child.clone(),
            child_columns,
            defaults,
            reached: None,
        })
    }

    fn keepers(&self, table: &Arc<Table>) -> Vec<Arc<Table>> {
        // Those that inherit from a table have none of its keys.
        match self.catalog.partition_tree(table).filter(|_| table.partitioning.key.is_some()) {
            Some(tree) => tree.leaves().to_vec(),
            None => vec![table.clone()],
        }
    }

    /// What a column holds when nobody says.
    pub(crate) fn default_of(&self, table: &Table, position: usize) -> Result<Expr> {
        let column = &table.columns[position];
        // What is generated is computed when the row is complete.
        match column.default.as_ref().filter(|_| !column.generated) {
            None if builtin::is_domain(column.ty.oid) && !column.generated => self.domain_default(column),
            None => Ok(Expr::constant(Value::Null, column.ty)),
            Some(text) => {
                let mut binder = self.for_stored_text();
                let mut bound = binder.expr_in(&parse_expression(text)?, &Scope::empty(), Clause::Default)?;
                if column.identity.is_some()
                    && let ExprKind::Call { function, .. } = &mut bound.kind
                {
                    *function = &NEXT_IDENTITY;
                }
                binder.assign(bound, column.ty, &column.name, Span::empty())
            }
        }
    }

    /// What a column of a domain holds when neither it nor the statement says: the domain's default, or NULL if the
    /// domain allows that.
    fn domain_default(&self, column: &TableColumn) -> Result<Expr> {
        let domain = self.catalog.types.get(&column.ty.oid).and_then(|ty| ty.domain());
        let mut binder = self.for_stored_text();
        let value = match domain.and_then(|domain| domain.default.as_deref()) {
            Some(text) => binder.expr_in(&parse_expression(text)?, &Scope::empty(), Clause::Default)?,
            None => Expr::constant(Value::Null, Type::new(oid::UNKNOWN)),
        };
        binder.assign(value, column.ty, &column.name, Span::empty())
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
            if may_be_system(&column) {
                let message = format!("cannot assign to system column \"{column}\"");
                return Error::new(SqlState::FEATURE_NOT_SUPPORTED, message).at(self.position(name.span));
            }
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
        let mut parts: Vec<(usize, Span)> = Vec::new();
        for ast::Assignment { target, value } in assignments {
            let pairs: Vec<(&ast::ObjectName, &ast::Expr)> = match target {
                ast::AssignmentTarget::ColumnName(name) => vec![(name, value)],
                ast::AssignmentTarget::Tuple(names) => {
                    if let Some(query) = only_query(value) {
                        self.assign_columns(table, names, query, scope, &mut bound)?;
                        continue;
                    }
                    let values = match value {
                        ast::Expr::Nested(value) if names.len() == 1 && row(value).is_none() => vec![value.as_ref()],
                        _ => row(value).ok_or_else(|| {
                            let message =
                                "source for a multiple-column UPDATE item must be a sub-SELECT or ROW() expression";
                            Error::new(SqlState::FEATURE_NOT_SUPPORTED, message).at(self.position(value.span()))
                        })?,
                    };
                    if values.iter().any(|value| is_star(value)) {
                        self.assign_elements(table, names, &values, scope, &mut bound)?;
                        continue;
                    }
                    if values.len() != names.len() {
                        let message = "number of columns does not match number of values";
                        return Err(Error::new(SqlState::SYNTAX_ERROR, message).at(self.position(value.span())));
                    }
                    names.iter().zip(values).collect()
                }
            };
            for (name, value) in pairs {
                let (ident, way) = column_and_way(name)?;
                if way.is_empty() {
                    let position = self.newly_assigned(table, &ident, &bound, is_default(value))?;
                    bound.push((position, self.stored_value(table, position, value, scope, Clause::UpdateSource)?));
                    continue;
                }
                let position = self.target_column(table, &ident)?;
                // Parts that were assigned before are kept.
                let earlier = bound
                    .iter()
                    .position(|(known, _)| *known == position && parts.iter().any(|(part, _)| part == known));
                if earlier.is_none() {
                    self.newly_assigned(table, &ident, &bound, false)?;
                }
                let column = &table.columns[position];
                let whole = match earlier {
                    Some(at) => bound.remove(at).1,
                    None => own_column(scope, position)?,
                };
                let place = (scope, Clause::UpdateSource);
                bound.push((position, self.assigned_part(column, whole, (&ident, &way), value, place)?));
                parts.retain(|(part, _)| *part != position);
                parts.push((position, value.span()));
            }
        }
        for (position, span) in parts {
            let Some(at) = bound.iter().position(|(known, _)| *known == position) else { continue };
            let (_, whole) = bound.remove(at);
            bound.insert(at, (position, self.with_all_parts(&table.columns[position], whole, span)?));
        }
        Ok(bound)
    }

    /// `(a, b) = (SELECT …)`: the columns of its row.
    fn assign_columns(
        &mut self,
        table: &Table,
        names: &[ast::ObjectName],
        query: &ast::Query,
        scope: &Scope,
        bound: &mut Vec<(usize, Expr)>,
    ) -> Result<()> {
        let values = self.column_subqueries(query, names.len(), scope)?;
        for (name, value) in names.iter().zip(values) {
            let (ident, way) = column_and_way(name)?;
            if !way.is_empty() {
                return Err(Error::unsupported("a part of a column assigned by a subquery of several columns"));
            }
            let position = self.newly_assigned(table, &ident, bound, false)?;
            let column = &table.columns[position];
            bound.push((position, self.assign(value, column.ty, &column.name, query.span())?));
        }
        Ok(())
    }

    /// `(a, b) = ROW(v.*)`
    fn assign_elements(
        &mut self,
        table: &Table,
        names: &[ast::ObjectName],
        parts: &[&ast::Expr],
        scope: &Scope,
        bound: &mut Vec<(usize, Expr)>,
    ) -> Result<()> {
        let at = Place { scope, clause: Clause::UpdateSource };
        let mut values = Vec::with_capacity(names.len());
        for part in parts {
            match part {
                ast::Expr::QualifiedWildcard(name, _) => values.extend(self.elements(name, at)?),
                part => values.push(self.bind(part, at)?),
            }
        }
        if values.len() != names.len() {
            let message = "number of columns does not match number of values";
            let span = parts.first().map_or(Span::empty(), |part| part.span());
            return Err(Error::new(SqlState::SYNTAX_ERROR, message).at(self.position(span)));
        }
        for (name, value) in names.iter().zip(values) {
            let (ident, way) = column_and_way(name)?;
            if !way.is_empty() {
                return Err(Error::unsupported("a part of a column assigned by a row of several columns"));
            }
            let position = self.newly_assigned(table, &ident, bound, false)?;
            let column = &table.columns[position];
            bound.push((position, self.assign(value, column.ty, &column.name, ident.span)?));
        }
        Ok(())
    }

    /// Position of a column that is assigned for the first time.
    fn newly_assigned(
        &self,
        table: &Table,
        name: &ast::Ident,
        bound: &[(usize, Expr)],
        to_default: bool,
    ) -> Result<usize> {
        let position = self.target_column(table, name)?;
        let column = &table.columns[position];
        if (column.generated || column.identity == Some(Identity::Always)) && !to_default {
            let message = format!("column \"{}\" can only be updated to DEFAULT", column.name);
            return Err(generated_always(message, column, ""));
        }
        if bound.iter().any(|(other, _)| *other == position) {
            let message = format!("multiple assignments to same column \"{}\"", column.name);
            return Err(Error::new(SqlState::SYNTAX_ERROR, message).at(self.position(name.span)));
        }
        Ok(position)
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
            let result = self.fresh(column.expr.ty);
            outputs.push(Output { name: column.name, column: result, origin: column.origin });
            exprs.push(column.expr);
        }
        let after = match exprs.iter().any(has_subquery) {
            true => Some(self.after(scope, &outputs, &mut exprs)?),
            false => None,
        };
        Ok(Some(Returning { outputs, exprs, after }))
    }

    /// A query that computes RETURNING; the write itself then only answers the columns in sight, whose numbers they keep.
    fn after(&mut self, scope: &Scope, outputs: &[Output], exprs: &mut Vec<Expr>) -> Result<After> {
        let mut columns: Vec<Column> = Vec::new();
        let in_sight = scope.relations.iter().flat_map(|relation| &relation.columns).chain(&scope.columns);
        for column in in_sight {
            if let Some(var) = column.var()
                && !columns.iter().any(|known| known.var == var)
            {
                columns.push(Column { var, ty: column.expr.ty });
            }
        }
        columns
            .extend(scope.relations.iter().flat_map(|relation| relation.system.numbered()).map(|(_, column)| column));
        let raw = columns.iter().map(|column| Expr::column(column.var, column.ty)).collect();
        let computed = outputs.iter().map(|output| output.column).zip(std::mem::replace(exprs, raw)).collect();
        let number = self.new_written_number();
        let input = Box::new(Relation::Written { number, columns });
        let relation = Relation::Project { input, columns: computed };
        let query = Query::within(relation, outputs.to_vec());
        Ok(After { number, query: Box::new(query) })
    }

    /// The parameters' types as they are known when the whole statement is bound.
    pub(super) fn final_params(&self) -> Result<Vec<Type>> {
        self.params()
    }
}

fn is_star(value: &ast::Expr) -> bool {
    matches!(value, ast::Expr::QualifiedWildcard(..))
}

/// The query of a value that is nothing but a subquery.
fn only_query(value: &ast::Expr) -> Option<&ast::Query> {
    match value {
        ast::Expr::Subquery(query) => Some(query),
        ast::Expr::Nested(inner) => only_query(inner),
        _ => None,
    }
}

/// The column of the target, which is the first relation in sight.
fn own_column(scope: &Scope, position: usize) -> Result<Expr> {
    let column = scope.relations.first().and_then(|target| target.columns.get(position));
    column.map(|column| column.expr.clone()).ok_or_else(|| Error::internal("a target without its columns"))
}

/// 428C9 for a value that an identity or generated column may not be given.
pub(super) fn generated_always(message: String, column: &TableColumn, hint: &'static str) -> Error {
    if column.generated {
        let detail = format!("Column \"{}\" is a generated column.", column.name);
        return Error::new(SqlState::GENERATED_ALWAYS, message).with_detail(detail);
    }
    let detail = format!("Column \"{}\" is an identity column defined as GENERATED ALWAYS.", column.name);
    let error = Error::new(SqlState::GENERATED_ALWAYS, message).with_detail(detail);
    if hint.is_empty() { error } else { error.with_hint(hint) }
}

/// Stands for the oid of the table that an expression of the catalog belongs to.
const OWN_TABLE_OID: ColumnVar = ColumnVar(u32::MAX);

/// The names of a table's columns, whose numbers follow each other.
fn own_scope(table: &Arc<Table>, first_column: u32) -> Scope {
    let numbered = (first_column..).zip(&table.columns).enumerate();
    let columns: Vec<(usize, Column)> =
        numbered.map(|(at, (var, column))| (at, Column { var: ColumnVar(var), ty: column.ty })).collect();
    Scope::of(ScopeRelation::of_table(table, None, &columns))
}

/// Whether an expression needs another relation to be computed.
pub(in crate::plan::bind) fn has_subquery(expr: &Expr) -> bool {
    let mut found = false;
    crate::expr::walk::visit(expr, &mut |part| found |= matches!(part.kind, ExprKind::Subquery(_)));
    found
}

fn positions(table: &Table, numbers: &[u16]) -> Vec<usize> {
    numbers.iter().filter_map(|number| table.position_of_number(*number)).collect()
}

/// The keys of deferrable constraints.
fn late_keys(table: &Table) -> Result<Vec<LateKey>> {
    let mut late = Vec::new();
    for constraint in &table.constraints {
        let (Some(deferrable), Some(oid)) = (constraint.deferrable, constraint.kind.key_index()) else { continue };
        // The parents of partitions hold no rows.
        let Some(index) = table.secondary_indexes().find(|index| index.oid == oid) else { continue };
        let index = table.index_schema(index)?;
        let columns = index.columns.iter().map(|column| column.column).collect();
        late.push(LateKey { oid: constraint.oid, deferrable, columns, index });
    }
    Ok(late)
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
    let plain = |index: &&storage::IndexSchema| index.unique && !parent.storage.is_derived(index);
    for index in parent.storage.indexes.iter().filter(plain) {
        let key: Vec<usize> = index.columns.iter().map(|column| column.column).collect();
        if let Some(order) = order_of(&key) {
            return Ok(KeyLookup::Unique { index: index.clone(), order });
        }
    }
    Err(Error::internal("a foreign key points at columns that are not unique"))
}
