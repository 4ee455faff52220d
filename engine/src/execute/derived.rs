//! Computes what indexes see of rows besides columns. It is the one thing that storage asks of this crate.

use std::sync::Arc;

use storage::{Derive, Derived, Store, Value};

use crate::catalog::{Catalog, Derivation, Table, empty_storage};
use crate::error::{Error, Result};
use crate::expr::eval::{RowSource, eval};
use crate::expr::{ColumnVar, Expr};
use crate::function::{AdvisoryLocks, EvalContext, SessionFacts, SessionSequences};
use crate::plan::bind::{Binder, Clause};
use crate::statement::parse_expression;

/// The expressions and conditions of a table's indexes; the column at position `i` is `ColumnVar(i)`.
struct Expressions {
    exprs: Vec<Expr>,
    context: EvalContext,
}

impl Derive for Expressions {
    fn derive(&self, row: &[Value]) -> std::result::Result<Vec<Value>, Box<dyn std::error::Error + Send + Sync>> {
        let source = Row(row);
        let values = self.exprs.iter().map(|expr| eval(expr, &self.context, &source)).collect::<Result<Vec<_>>>();
        values.map_err(Into::into)
    }
}

/// A row's values by position.
struct Row<'a>(&'a [Value]);

impl RowSource for Row<'_> {
    fn value(&self, var: ColumnVar) -> Result<Value> {
        let value = self.0.get(var.0 as usize).cloned();
        value.ok_or_else(|| Error::internal("an index is on a column that is not there"))
    }
}

/// Gives a table's schema what computes the values that its indexes see, and its partition key, if there are any.
pub(crate) fn attach(table: &mut Table, catalog: &Arc<Catalog>, store: &Store) -> Result<()> {
    attach_key(table, catalog, store)?;
    if table.derivations().next().is_none() {
        return Ok(());
    }
    let context = context(catalog, store);
    let exprs = bound(table, catalog, &context)?;
    set_types(table, &exprs);
    table.check_items()?;
    Arc::make_mut(&mut table.storage).derived = Derived::new(Arc::new(Expressions { exprs, context }));
    Ok(())
}

/// The same for the expressions that the table is partitioned by.
fn attach_key(table: &mut Table, catalog: &Arc<Catalog>, store: &Store) -> Result<()> {
    let Some(key) = table.partitioning.key.as_ref().filter(|key| !key.expressions.is_empty()) else { return Ok(()) };
    let context = context(catalog, store);
    let seen = unattached(table);
    let mut binder = Binder::new(catalog, &context, &[]);
    let exprs = key
        .expressions
        .iter()
        .map(|key| binder.over_table(&seen, &parse_expression(&key.text)?, Clause::PartitionKey))
        .collect::<Result<Vec<_>>>()?;
    let derived = Derived::new(Arc::new(Expressions { exprs, context }));
    if let Some(key) = &mut table.partitioning.key {
        key.derived = derived;
    }
    Ok(())
}

/// The table as expressions are bound over it: what is bound must not keep what it is attached to.
fn unattached(table: &Table) -> Arc<Table> {
    let storage = empty_storage(table.oid, table.storage.generation);
    Arc::new(Table { storage, partitioning: Default::default(), ..table.clone() })
}

/// Notes of what types the expressions are, which may change with their columns'.
fn set_types(table: &mut Table, exprs: &[Expr]) {
    let mut types = exprs.iter().map(|expr| expr.ty);
    for index in table.indexes.iter_mut().filter(|index| !index.primary && index.valid) {
        let expressions = index.columns.iter_mut().filter_map(|column| column.expression.as_mut());
        for (expression, ty) in expressions.zip(types.by_ref()) {
            if ty.oid != crate::types::oid::UNKNOWN {
                expression.ty = ty;
            }
        }
        if index.predicate.is_some() {
            types.next();
        }
    }
}

/// The same for every table of a catalog that was read from the store.
pub(crate) fn attach_all(catalog: &mut Catalog, store: &Store) -> Result<()> {
    let by_expressions = |table: &Table| table.partitioning.key.iter().any(|key| !key.expressions.is_empty());
    let is_derived = |table: &&Arc<Table>| table.derivations().next().is_some() || by_expressions(table);
    let derived: Vec<Arc<Table>> = catalog.tables.values().filter(is_derived).cloned().collect();
    for table in derived {
        let mut table = (*table).clone();
        attach(&mut table, &Arc::new(catalog.clone()), store)?;
        catalog.apply(&crate::catalog::Change::Table(table.oid, Some(Arc::new(table))));
    }
    Ok(())
}

/// What the indexes of a table see, bound over its columns by position.
pub(crate) fn bound(table: &Table, catalog: &Arc<Catalog>, context: &EvalContext) -> Result<Vec<Expr>> {
    if table.derivations().next().is_none() {
        return Ok(Vec::new());
    }
    let seen = unattached(table);
    let mut binder = Binder::new(catalog, context, &[]);
    let mut bind = |derivation: Derivation<'_>| match derivation {
        Derivation::Expression(expression) => {
            binder.over_table(&seen, &parse_expression(&expression.text)?, Clause::IndexExpression)
        }
        Derivation::Condition(text) => binder.over_table(&seen, &parse_expression(text)?, Clause::IndexPredicate),
    };
    table.derivations().map(&mut bind).collect()
}

/// A context of nobody's: what is immutable looks at no session.
fn context(catalog: &Arc<Catalog>, store: &Store) -> EvalContext {
    let session = SessionFacts {
        session_user: String::new(),
        current_user: String::new(),
        current_role: auth::RoleId(0),
        database: String::new(),
        temporary: None,
        search_path: vec!["pg_catalog".to_owned()],
        process_id: 0,
        client_address: None,
        server: Arc::default(),
        format: Default::default(),
        sequences: Arc::new(SessionSequences::new(store.clone())),
        advisory: Arc::new(AdvisoryLocks::new(store.clone(), Arc::default())),
        transaction: std::sync::Arc::default(),
        sessions: Default::default(),
        snapshots: Default::default(),
        sleeps: Arc::default(),
        random: Arc::default(),
        cursors: Arc::default(),
        requests: Arc::default(),
        triggers: Arc::default(),
        channels: Arc::default(),
        settings: Arc::default(),
    };
    EvalContext {
        transaction_time: 0,
        statement_time: 0,
        session: Arc::new(session),
        catalog: catalog.clone(),
        read_only: true,
        discreet: false,
        params: Arc::from([]),
        written: Arc::default(),
        kept: None,
        bodies: None,
    }
}
