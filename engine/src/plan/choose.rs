//! Binds a statement and chooses how it runs.

use std::sync::Arc;

use storage::{TableId, TableLock};

use super::bind::Binder;
use super::bind::modify::body_write;
use super::function_run::{Ahead, AheadRows};
use super::relation::{Column, Output, Query, Relation, RelationUse};
use super::short::Short;
use super::write::{Action, InsertSource, RowsToChange, WithWork, WithWrite, Write};
use super::{BoundStatement, ColumnDescription, Plan, point};
use crate::catalog::{TableKind, View};
use crate::error::{Error, Result, SqlState};
use crate::expr::Expr;
use crate::statement::Statement;

/// Binds a SELECT, INSERT, UPDATE, DELETE or CALL. `point_plans` off sends every query down the wide road.
pub fn choose(binder: &mut Binder<'_>, statement: &Statement, point_plans: bool) -> Result<BoundStatement> {
    if matches!(statement, Statement::Query(_) | Statement::Insert(_) | Statement::Update(_) | Statement::Delete(_)) {
        binder.allow_locks_within();
    }
    let mut bound = match statement {
        Statement::Declare(declaration) => {
            let bound = choose(binder, &declaration.query, point_plans)?;
            if bound.with_writes.iter().any(|with| !with.writes()) {
                return Err(Error::unsupported("a cursor over a query with FOR UPDATE in a subquery"));
            }
            if !bound.with_writes.is_empty() {
                let message = "DECLARE CURSOR must not contain data-modifying statements in WITH";
                return Err(Error::new(SqlState::FEATURE_NOT_SUPPORTED, message));
            }
            return Ok(bound);
        }
        Statement::ExecuteAs(order) => return choose(binder, &order.statement, point_plans),
        Statement::Live(live) => {
            let bound = choose_live(binder, &live.query, point_plans)?;
            if !binder.take_written().is_empty() {
                return Err(Error::unsupported("a write in WITH of a live query"));
            }
            if let Some(table) = binder.policed_table() {
                let what =
                    format!("a live query over table \"{table}\", whose row-level security policies are in force,");
                return Err(Error::unsupported(what));
            }
            if binder.calls_sql_functions() {
                return Err(Error::unsupported("a function that SQL defined in a live query"));
            }
            bound
        }
        Statement::Query(query) if body_write(query).is_some() => {
            bound_write(binder.write_after_with(query, point_plans)?, point_plans)
        }
        Statement::Query(query) => {
            binder.allow_writes();
            let query = binder.query(query)?;
            // Point plans would see what the WITH clause writes.
            let point_plans = point_plans && !binder.has_written() && !binder.has_runs();
            let has_bodies = binder.has_bodies();
            let mut bound = bound_query(query, point_plans && !has_bodies);
            if let Plan::Query(query) = &bound.plan
                && point_plans
                && has_bodies
                && let Some(row) = point::one_row(query)
            {
                bound.plan = Plan::OneRow(Box::new(row));
            }
            bound
        }
        Statement::Insert(insert) => bound_write(binder.insert(insert)?, point_plans),
        Statement::Update(update) => bound_write(binder.update(update, point_plans)?, point_plans),
        Statement::Delete(delete) => bound_write(binder.delete(delete, point_plans)?, point_plans),
        Statement::Merge(merge) => bound_write(binder.merge_rows(merge)?, point_plans),
        Statement::Call(call) => {
            let mut bound = bound_query(binder.call_procedure(call)?, false);
            bound.columns = bound.columns.filter(|columns| !columns.is_empty());
            bound
        }
        _ => return Err(Error::internal("only queries and writes have plans")),
    };
    for mut written in binder.take_written() {
        match &mut written.work {
            WithWork::Write(write) => add_write_locks(&mut bound.locks, write),
            WithWork::Lock(query) => {
                let tables = query.locking.iter().map(|locking| TableId(locking.table.oid));
                tables.for_each(|table| add_lock(&mut bound.locks, table, TableLock::RowShare));
                query.few = point_plans.then(|| Short::of_locked(query)).flatten().map(Arc::new);
            }
        }
        bound.with_writes.push(written);
    }
    bound.locks.sort_by_key(|(table, _)| *table);
    if bound.with_writes.iter().any(WithWrite::writes) || matches!(bound.plan, Plan::Write(_)) {
        binder.check_volatile_reads()?;
    }
    binder.lock_partitions(&mut bound.locks);
    bound.waits = binder.waits();
    bound.keeps_rows = binder.keeps_rows();
    let rest = match &bound.plan {
        Plan::Query(query) | Plan::Short { query, .. } => Some(&query.relation),
        _ => None,
    };
    bound.runs = binder.take_runs(rest)?;
    bound.bodies = binder.take_bodies();
    if !bound.runs.is_empty() || !bound.bodies.is_empty() {
        bound.ahead = ahead(binder, &mut bound.plan)?;
        check_around_bodies(&bound)?;
    }
    Ok(bound)
}

/// What a write is to compute before it writes, as its expressions call bodies.
fn ahead(binder: &mut Binder<'_>, plan: &mut Plan) -> Result<Option<Ahead>> {
    let Plan::Write(write) = plan else { return Ok(None) };
    let tables = write.target.with_leaves().map(|target| target.table.oid).collect();
    let is_temporary = write.target.table.temporary.is_some();
    let verb = match write.action {
        Action::Insert(_) => "INSERT",
        Action::Update(_) => "UPDATE",
        Action::Delete(_) => "DELETE",
        Action::Merge(_) | Action::OfKeys => "MERGE",
    };
    let number = binder.new_written_number();
    let output = |column: &Column| Output { name: String::new(), column: *column, origin: None };
    let insert = match &mut write.action {
        Action::Insert(insert) => insert,
        action => {
            let Some(RowsToChange::Query { query, key, version, short, .. }) = rows_to_change(action) else {
                return Err(Error::unsupported(format!("a function whose body is run in such a {verb}")));
            };
            *short = None;
            let mut columns = vec![*key, *version];
            columns.extend(query.outputs.iter().map(|output| output.column));
            let outputs = columns.iter().map(output).collect();
            let relation = std::mem::replace(&mut query.relation, Relation::Written { number, columns });
            let rows = AheadRows::Query(Arc::new(Query::within(relation, outputs)));
            return Ok(Some(Ahead { number, rows, tables, verb, is_temporary }));
        }
    };
    let (rows, columns, row) = match &mut insert.source {
        InsertSource::Rows(rows) => {
            let types = rows.first().map(|row| row.iter().map(|expr| expr.ty).collect::<Vec<_>>()).unwrap_or_default();
            let columns: Vec<Column> = types.into_iter().map(|ty| binder.fresh_column(ty)).collect();
            let row = columns.iter().map(|column| Expr::column(column.var, column.ty)).collect();
            (AheadRows::Values(std::mem::take(rows)), columns, row)
        }
        InsertSource::Query { query, .. } if !query.locking.is_empty() => {
            return Err(Error::unsupported("a function whose body is run beside FOR UPDATE or FOR SHARE"));
        }
        InsertSource::Query { query, row } => {
            let columns = query.outputs.iter().map(|output| output.column).collect();
            let found = std::mem::replace(&mut **query, Query::within(Relation::OneRow, Vec::new()));
            (AheadRows::Query(Arc::new(found)), columns, std::mem::take(row))
        }
    };
    let outputs = columns.iter().map(output).collect();
    let query = Box::new(Query::within(Relation::Written { number, columns }, outputs));
    insert.source = InsertSource::Query { query, row };
    Ok(Some(Ahead { number, rows, tables, verb, is_temporary }))
}

/// 0A000 for what does not go together with bodies that are run.
fn check_around_bodies(bound: &BoundStatement) -> Result<()> {
    let locks = match &bound.plan {
        Plan::Query(query) | Plan::Short { query, .. } => !query.locking.is_empty(),
        Plan::PointSelect(select) => select.lock.is_some(),
        Plan::OneRow(_) | Plan::Write(_) => false,
    };
    let returns_more = match &bound.plan {
        Plan::Write(write) => write.returning.as_ref().is_some_and(|returning| returning.after.is_some()),
        _ => false,
    };
    let refused = |what: &str| Err(Error::unsupported(format!("a function whose body is run beside {what}")));
    match () {
        () if bound.with_writes.iter().any(WithWrite::writes) => refused("a write in WITH"),
        () if !bound.with_writes.is_empty() => refused("FOR UPDATE in a subquery"),
        () if locks => refused("FOR UPDATE or FOR SHARE"),
        () if returns_more => refused("a subquery in RETURNING"),
        () if bound.waits => refused("a function that waits"),
        () => Ok(()),
    }
}

/// Binds a query whose relation is wanted beside its rows.
fn choose_live(binder: &mut Binder<'_>, statement: &Statement, point_plans: bool) -> Result<BoundStatement> {
    let Statement::Query(query) = statement else { return Err(Error::internal("a live query is no query")) };
    binder.allow_writes();
    let mut bound = bound_query(binder.query(query)?, false);
    if let Plan::Query(query) = &bound.plan
        && let Some(short) = point_plans.then(|| Short::of(query)).flatten()
    {
        bound.plan = Plan::Short { short: Box::new(short), query: query.clone() };
    }
    Ok(bound)
}

/// Binds the query of a materialized view.
pub fn choose_stored<'a>(binder: &mut Binder<'a>, view: &'a View) -> Result<BoundStatement> {
    let query = binder.stored_query(view)?;
    let mut bound = bound_query(query, false);
    binder.lock_partitions(&mut bound.locks);
    bound.waits = binder.waits();
    bound.keeps_rows = binder.keeps_rows();
    Ok(bound)
}

fn bound_query(mut query: Query, point_plans: bool) -> BoundStatement {
    query.few = point_plans.then(|| Short::of_locked(&query)).flatten().map(Arc::new);
    let columns: Arc<[ColumnDescription]> = query.outputs.iter().map(ColumnDescription::of).collect();
    let locking: Vec<u32> = query.locking.iter().map(|locking| locking.table.oid).collect();
    let locks = table_locks(&query.uses, |used| {
        if locking.contains(&used.table.oid) { TableLock::RowShare } else { TableLock::AccessShare }
    });
    let (params, uses) = (query.params.clone(), query.uses.clone());
    let point = || {
        let select = point::select(&query).map(|select| Plan::PointSelect(Box::new(select)));
        select.or_else(|| point::one_row(&query).map(|row| Plan::OneRow(Box::new(row))))
    };
    let point = point_plans.then(point).flatten();
    let plan = match point {
        Some(plan) => plan,
        None => match point_plans.then(|| Short::of(&query)).flatten() {
            Some(short) => Plan::Short { short: Box::new(short), query: Arc::new(query) },
            None => Plan::Query(Arc::new(query)),
        },
    };
    BoundStatement {
        plan,
        params,
        columns: Some(columns),
        uses,
        locks,
        with_writes: Vec::new(),
        runs: Vec::new(),
        bodies: Vec::new(),
        ahead: None,
        waits: false,
        keeps_rows: false,
    }
}

fn bound_write(mut write: Write, point_plans: bool) -> BoundStatement {
    if point_plans
        && let Some(RowsToChange::Query { query, key, version, short, .. }) = rows_to_change(&mut write.action)
    {
        let mut columns = vec![*key, *version];
        columns.extend(query.outputs.iter().map(|output| output.column));
        *short = Short::of_relation(&query.relation, &columns).map(Box::new);
    }
    let columns =
        write.returning.as_ref().map(|returning| returning.outputs.iter().map(ColumnDescription::of).collect());
    let target = write.target.table.oid;
    let mut locks = table_locks(&write.uses, |used| {
        if used.table.oid == target { TableLock::RowExclusive } else { TableLock::AccessShare }
    });
    add_write_locks(&mut locks, &write);
    locks.sort_by_key(|(table, _)| *table);
    BoundStatement {
        params: write.params.clone(),
        columns,
        uses: write.uses.clone(),
        locks,
        with_writes: Vec::new(),
        runs: Vec::new(),
        bodies: Vec::new(),
        ahead: None,
        waits: false,
        keeps_rows: false,
        plan: Plan::Write(Box::new(write)),
    }
}

fn rows_to_change(action: &mut Action) -> Option<&mut RowsToChange> {
    match action {
        Action::Insert(_) | Action::Merge(_) | Action::OfKeys => None,
        Action::Update(update) => Some(&mut update.rows),
        Action::Delete(delete) => Some(&mut delete.rows),
    }
}

/// The locks on what a write touches: its target, and the tables that foreign keys lead to.
fn add_write_locks(locks: &mut Vec<(TableId, TableLock)>, write: &Write) {
    add_lock(locks, TableId(write.target.table.oid), TableLock::RowExclusive);
    // The actions of foreign keys change other tables.
    for reached in &write.target.reached {
        add_lock(locks, TableId(reached.table.oid), TableLock::RowExclusive);
    }
    // Checking a foreign key reads the other table and locks rows of it.
    let roots = write.target.reached.iter().chain([&write.target]);
    for target in roots.flat_map(|root| root.with_leaves()) {
        let others = target.parents.iter().map(|parent| &parent.parent);
        for table in others.chain(target.children.iter().map(|child| &child.child)) {
            add_lock(locks, TableId(table.oid), TableLock::RowShare);
        }
    }
}

/// One lock a table, the strongest that any use asks for, in an order that all sessions share.
fn table_locks(uses: &[RelationUse], mode: impl Fn(&RelationUse) -> TableLock) -> Vec<(TableId, TableLock)> {
    let mut locks = Vec::new();
    for used in uses.iter().filter(|used| used.table.kind == TableKind::Table) {
        add_lock(&mut locks, TableId(used.table.oid), mode(used));
    }
    locks.sort_by_key(|(table, _)| *table);
    locks
}

fn add_lock(locks: &mut Vec<(TableId, TableLock)>, table: TableId, mode: TableLock) {
    match locks.iter_mut().find(|(other, _)| *other == table) {
        Some((_, held)) if *held < mode => *held = mode,
        Some(_) => {}
        None => locks.push((table, mode)),
    }
}
