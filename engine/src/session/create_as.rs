//! CREATE TABLE AS and SELECT INTO: a definition makes the table from what the query's columns are, then the query fills
//! it. The table's contents are new, so that its rows are written aside. Materialized views are filled in the same way.

use std::sync::Arc;

use auth::{Principal, RoleId};
use futures::StreamExt;
use storage::{Duplicate, InsertOutcome, Value, Wait};

use super::Session;
use super::cancel::Interrupt;
use super::cursor::RowSource;
use super::prepared::{CachedPlan, Prepared};
use super::run::{Outcome, no_transaction};
use crate::catalog::class::slice_of_role;
use crate::catalog::{Table, TableClass};
use crate::error::{Error, Result, SqlState};
use crate::execute::Rows;
use crate::execute::definition::not_unique;
use crate::function::{EvalContext, SessionFacts};
use crate::plan::bind::Binder;
use crate::plan::{authorize, choose_stored};
use crate::statement::Statement;
use crate::statement::definition::{Definition, NewTableAs, TableSource};

/// Rows written before what has gathered aside is looked at.
const ROWS_PER_STEP: usize = 1024;

impl Session {
    pub(super) async fn create_table_as(
        &mut self,
        new: &NewTableAs,
        prepared: &Prepared,
        params: Arc<[Value]>,
        interrupt: &Interrupt,
    ) -> Result<String> {
        let (source, params) = match (&new.source, &prepared.carried) {
            (TableSource::Query(_), Some(source)) => (source.clone(), params),
            (TableSource::Query(query), None) => {
                let query = Statement::Query(query.clone());
                (Arc::new(Prepared::new(prepared.text.clone(), Some(query), Vec::new())), params)
            }
            (TableSource::Execute { name, arguments }, _) => self.bind_arguments(name, arguments, prepared)?,
        };
        if !matches!(source.statement, Some(Statement::Query(_))) {
            return Err(Error::new(SqlState::WRONG_OBJECT_TYPE, "prepared statement is not a SELECT"));
        }
        let plan = self.lock_plan(&source, interrupt).await?;
        if plan.params.len() > params.len() {
            return Err(Error::new(SqlState::UNDEFINED_PARAMETER, "there is no parameter $1"));
        }
        let columns = plan.columns.iter().flat_map(|columns| columns.iter());
        let columns = columns.map(|column| (column.name.clone(), column.declared)).collect();
        let context = self.context(self.catalog(), params);
        if new.class != TableClass::Shared && self.settings.active().all_users {
            return Err(Error::new(
                SqlState::INSUFFICIENT_PRIVILEGE,
                format!("cannot fill a {} table while kalamdb.all_users is on", new.class.name()),
            ));
        }
        let definition = Definition::TableOf(new.clone(), columns);
        let made = interrupt.guard(self.run_definition(&definition, prepared)).await?.made;
        let Some(table) = made.filter(|_| new.with_data) else {
            // PostgreSQL runs EXECUTE for no rows, and says so.
            let executed = made.is_some() && matches!(new.source, TableSource::Execute { .. });
            return Ok(if executed { "SELECT 0" } else { "CREATE TABLE AS" }.to_owned());
        };
        // Of a table of each user's own rows it has those of whoever makes it.
        let table = self.made_table(table)?.of_slice(slice_of_role(self.current_role().0));
        let outcome = match plan.plan.waits() {
            true => Box::pin(self.execute_waiting(&plan, &context, interrupt)).await?,
            false => self.execute_plan(&plan, &context, interrupt).await?,
        };
        let Outcome::Rows { source, .. } = outcome else { return Err(Error::internal("a query answers rows")) };
        let count = interrupt.guard(self.fill(&table, source)).await?;
        Ok(format!("SELECT {count}"))
    }

    /// Runs CREATE or REFRESH MATERIALIZED VIEW.
    pub(super) async fn fill_materialized(
        &mut self,
        definition: &Definition,
        prepared: &Prepared,
        interrupt: &Interrupt,
    ) -> Result<String> {
        let defined = interrupt.guard(self.run_definition(definition, prepared)).await?;
        let Some(oid) = defined.made else { return Ok(defined.tag) };
        let table = self.made_table(oid)?;
        let context = self.context_of_owner(&table);
        let plan = Arc::new(self.plan_stored(&table, &context)?);
        for (table, mode) in plan.plan.locks() {
            let wait = self.lock_wait();
            interrupt.guard(self.lock_named(table.0, *mode, wait)).await?;
        }
        let outcome = match plan.plan.waits() {
            true => Box::pin(self.execute_waiting(&plan, &context, interrupt)).await?,
            false => self.execute_plan(&plan, &context, interrupt).await?,
        };
        let Outcome::Rows { source, .. } = outcome else { return Err(Error::internal("a query answers rows")) };
        let count = interrupt.guard(self.fill(&table, source)).await?;
        let fresh = matches!(definition, Definition::CreateMaterialized(_));
        Ok(if fresh { format!("SELECT {count}") } else { defined.tag })
    }

    /// What a materialized view's query is computed with: it runs as the view's owner, whoever refreshes it, as in
    /// PostgreSQL. Of user tables it has the owner's rows.
    fn context_of_owner(&self, table: &Table) -> EvalContext {
        let context = self.context(self.catalog(), Arc::from([]));
        let (current_role, current_user) = (RoleId(table.owner), context.catalog.role_name(table.owner));
        let session = Arc::new(SessionFacts { current_role, current_user, ..(*context.session).clone() });
        EvalContext { session, ..context }
    }

    /// The plan of a materialized view's query, which reads what the view's owner may read.
    fn plan_stored(&self, table: &Table, context: &EvalContext) -> Result<CachedPlan> {
        let catalog = self.catalog();
        let Some(view) = table.stored_query() else { return Err(Error::internal("a table has no query")) };
        let mut binder = Binder::new(&catalog, context, &[]).with_text(&view.text);
        let bound = choose_stored(&mut binder, view)?;
        let owner = Principal::resolve(RoleId(table.owner), catalog.role_name(table.owner), &*catalog);
        let (params, columns) = (Arc::from([]), bound.columns.clone());
        let plan = authorize::authorize(bound, &owner, &catalog)?;
        Ok(CachedPlan { plan, params, columns, catalog_version: catalog.version, epoch: self.epoch })
    }

    fn made_table(&self, oid: u32) -> Result<Arc<Table>> {
        let table = self.catalog().tables.get(&oid).cloned();
        table.ok_or_else(|| Error::internal("the table that was made is not there"))
    }

    /// Writes rows into a table that nobody else knows; answers their number.
    pub(super) async fn fill(&mut self, table: &Table, source: RowSource) -> Result<u64> {
        let mut count = 0;
        match source {
            RowSource::Ready(rows) => {
                if let Some(rows) = rows {
                    count += self.fill_batch(table, rows).await?;
                }
            }
            RowSource::Stream(mut stream) => {
                while let Some(rows) = stream.next().await {
                    count += self.fill_batch(table, rows?).await?;
                }
            }
        }
        Ok(count)
    }

    async fn fill_batch(&mut self, table: &Table, rows: Rows) -> Result<u64> {
        let context = self.context(self.catalog(), Arc::from([]));
        let transaction = &mut self.state.open_mut().ok_or_else(no_transaction)?.transaction;
        let mut count = 0;
        for (at, row) in rows.into_values().into_iter().enumerate() {
            if at.is_multiple_of(ROWS_PER_STEP) {
                transaction.relieve().await?;
                tokio::task::yield_now().await;
            }
            if !transaction.insert_alone(&table.storage, &row)?
                && let InsertOutcome::Conflict { constraint, .. } =
                    transaction.insert(&table.storage, &row, Wait::Forever).await?
            {
                let schema = context.catalog.schemas.get(&table.schema).map_or("", |schema| schema.name.as_str());
                return Err(not_unique(table, schema, &Duplicate { constraint, row }, &context));
            }
            count += 1;
        }
        Ok(count)
    }
}
