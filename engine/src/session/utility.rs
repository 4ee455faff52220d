//! Statements about the session itself: settings, roles, SQL-level prepared statements, EXPLAIN, maintenance.

use std::sync::Arc;

use auth::RoleId;
use storage::Value;

use super::Session;
use super::cancel::Interrupt;
use super::declared::Fetched;
use super::extended::{duplicate_statement, is_planned};
use super::parameter::parameter;
use super::prepared::Prepared;
use super::run::{Outcome, no_transaction};
use super::settings::{NO_ROLE, ROLE, SESSION_AUTHORIZATION, Settings};
use crate::error::{Error, Result, SqlState};
use crate::expr::eval;
use crate::function::resolve::coerce;
use crate::function::{CastContext, SettingRequest};
use crate::plan::bind::{Binder, Clause, Scope};
use crate::plan::{ColumnDescription, Plan, explain, explain_document};
use crate::statement::{
    BackupOrder, DiscardTarget, ExplainFormat, ExplainOptions, IsolationLevel, ResetTarget, ShowTarget, Statement,
    TransactionModes,
};
use crate::types::text::parse_bool;
use crate::types::{Type, oid};

/// A setting as PostgreSQL spells its name.
pub(super) fn canonical_name(name: &str) -> String {
    parameter(name).map_or_else(|| name.to_owned(), |parameter| parameter.name.to_owned())
}

pub(super) fn show_all_columns() -> Vec<ColumnDescription> {
    ["name", "setting", "description"].map(|name| ColumnDescription::new(name, Type::new(oid::TEXT))).into()
}

impl Session {
    pub(super) async fn run_utility(
        &mut self,
        statement: &Statement,
        prepared: &Prepared,
        params: Arc<[Value]>,
        interrupt: &Interrupt,
    ) -> Result<Outcome> {
        let complete = |tag: &str| Ok(Outcome::Complete(tag.to_owned()));
        match statement {
            Statement::Set { local, name, value } => {
                // A setting is given back when its transaction fails, also one that ends with the simple query.
                self.begin_implicit();
                self.set(*local, name, value.as_deref())?;
                complete("SET")
            }
            Statement::Reset(target) => {
                self.begin_implicit();
                self.reset(target)?;
                complete("RESET")
            }
            Statement::Do(block) => {
                self.begin_implicit();
                Box::pin(self.do_block(block, interrupt)).await?;
                complete("DO")
            }
            Statement::Show(target) => self.show(target),
            Statement::SetRole { local, role } => {
                self.begin_implicit();
                self.set_role(*local, role.as_deref())?;
                complete("SET")
            }
            Statement::SetSessionAuthorization { local, role } => {
                self.begin_implicit();
                self.set_session_authorization(*local, role.as_deref())?;
                complete("SET")
            }
            Statement::Discard(target) => {
                if matches!(target, DiscardTarget::Temporary) {
                    self.discard_temporary().await?;
                }
                let tag = self.discard(*target)?;
                if matches!(target, DiscardTarget::All) {
                    self.discard_temporary().await?;
                }
                complete(tag)
            }
            Statement::Prepare { name, types, statement } => {
                self.prepare(name, types, statement, &prepared.text)?;
                complete("PREPARE")
            }
            Statement::Execute { name, arguments } => {
                let (inner, params) = self.bind_arguments(name, arguments, prepared)?;
                Box::pin(self.run(&inner, params, interrupt)).await
            }
            Statement::Deallocate(name) => {
                self.deallocate(name.as_deref())?;
                complete(if name.is_some() { "DEALLOCATE" } else { "DEALLOCATE ALL" })
            }
            Statement::Explain { options, statement } => {
                self.explain(*options, statement, (prepared, params), interrupt).await
            }
            Statement::Fetch { name, motion, moves, timeout } => {
                let what = Fetched { motion: *motion, moves: *moves, timeout: *timeout };
                self.fetch(name, what, interrupt).await
            }
            Statement::CloseCursor(name) => {
                self.close_cursor(name.as_deref()).map(|tag| Outcome::Complete(tag.to_owned()))
            }
            Statement::Maintain(maintenance) => {
                interrupt.guard(self.maintain(maintenance)).await.map(|tag| Outcome::Complete(tag.to_owned()))
            }
            Statement::StorageMove(order) => self.move_storage(order, interrupt).await,
            Statement::PurgeUser { name, if_exists } => {
                self.purge_user(name, *if_exists, prepared, interrupt).await?;
                complete("PURGE USER")
            }
            Statement::Backup(order) => {
                let outcome = self.copy_database(order, interrupt).await?;
                if let BackupOrder::Backup(path) = order {
                    self.audit_export(path, &prepared.text);
                }
                Ok(outcome)
            }
            Statement::KillJob(id) => {
                self.kill_job(id)?;
                complete("KILL JOB")
            }
            Statement::ShowListing(listing) => self.show_listing(listing),
            Statement::KillLiveQuery(live_id) => {
                self.kill_live_query(live_id)?;
                complete("KILL LIVE QUERY")
            }
            Statement::ShowStats(table) => interrupt.guard(self.show_stats(table)).await,
            Statement::Checkpoint => {
                self.database.store().flush()?;
                complete("CHECKPOINT")
            }
            Statement::SetConstraints { names, deferred } => {
                self.begin_implicit();
                self.set_constraints(names.as_deref(), *deferred, interrupt).await?;
                complete("SET CONSTRAINTS")
            }
            Statement::Listen(_) | Statement::Unlisten(_) | Statement::Notify { .. } => {
                complete(self.gather_talk(statement)?)
            }
            Statement::Lock { tables, mode, no_wait } => {
                self.lock_tables(tables, *mode, *no_wait, interrupt).await?;
                complete("LOCK TABLE")
            }
            _ => Err(Error::internal("the statement has no way to run")),
        }
    }

    fn set(&mut self, local: bool, name: &str, value: Option<&[String]>) -> Result<()> {
        if let "transaction_isolation" | "transaction_read_only" | "transaction_deferrable" = name {
            let modes = match value {
                Some([word]) => transaction_mode(name, word)?,
                _ => return Err(Error::unsupported(format!("SET {name} (use SET TRANSACTION)"))),
            };
            return self.set_transaction(false, modes).map(drop);
        }
        if name.eq_ignore_ascii_case(ROLE) {
            return match value {
                Some([role]) if role != NO_ROLE => self.set_role(local, Some(role)),
                Some([_]) | None => self.set_role(local, None),
                Some(_) => Err(Error::new(SqlState::INVALID_PARAMETER_VALUE, "SET role takes only one argument")),
            };
        }
        if name.eq_ignore_ascii_case(SESSION_AUTHORIZATION) {
            return match value {
                Some([role]) => self.set_session_authorization(local, Some(role)),
                None => self.set_session_authorization(local, None),
                Some(_) => {
                    let message = "SET session_authorization takes only one argument";
                    Err(Error::new(SqlState::INVALID_PARAMETER_VALUE, message))
                }
            };
        }
        let superuser = self.is_superuser();
        // The default is the value that the session began with.
        let initial = match value {
            Some(_) => None,
            None => self
                .initial_settings
                .get(name)
                .filter(|initial| parameter(name).is_some_and(|parameter| parameter.default != initial)),
        };
        let source = self.initial_settings.source(name);
        self.change_settings(local, &|settings| match (value, &initial, source) {
            (Some(words), ..) => settings.set(name, words, superuser),
            (None, Some(initial), Some(source)) => settings.begin_with(name, initial, superuser, source),
            (None, Some(initial), None) => settings.set_flat(name, initial, superuser),
            (None, None, _) => settings.reset(name, superuser),
        })
    }

    /// Does what `set_config` has asked for.
    pub(super) fn set_requested(&mut self, requests: Vec<SettingRequest>) -> Result<()> {
        for SettingRequest { name, value, local } in requests {
            if local && !self.in_block() {
                // It lasts for this statement, which is over.
                continue;
            }
            if [ROLE, SESSION_AUTHORIZATION].iter().any(|role| name.eq_ignore_ascii_case(role)) {
                if self.acting.is_some() {
                    let message = format!("cannot set parameter \"{name}\" in EXECUTE AS USER");
                    return Err(Error::new(SqlState::INSUFFICIENT_PRIVILEGE, message));
                }
                self.set(local, &name, value.map(|value| vec![value]).as_deref())?;
                continue;
            }
            let superuser = self.is_superuser();
            self.change_settings(local, &|settings| match &value {
                Some(value) => settings.set_flat(&name, value, superuser),
                None => settings.reset(&name, superuser),
            })?;
        }
        Ok(())
    }

    /// Changes the settings of the session, or of its transaction.
    fn change_settings(&mut self, local: bool, change: &dyn Fn(&mut Settings) -> Result<()>) -> Result<()> {
        let change = |settings: &Settings| -> Result<Arc<Settings>> {
            let mut changed = settings.clone();
            change(&mut changed)?;
            Ok(Arc::new(changed))
        };
        if local {
            if !self.in_block() {
                self.warn(SqlState::NO_ACTIVE_SQL_TRANSACTION, "SET LOCAL can only be used in transaction blocks");
                return Ok(());
            }
            let changed = change(&self.settings)?;
            self.use_settings(self.session_settings.clone(), changed);
            return Ok(());
        }
        let (session, local) = (change(&self.session_settings)?, change(&self.settings)?);
        let same = Arc::ptr_eq(&self.session_settings, &self.settings);
        self.use_settings(session.clone(), if same { session } else { local });
        Ok(())
    }

    fn reset(&mut self, target: &ResetTarget) -> Result<()> {
        match target {
            ResetTarget::All => {
                let initial = |settings: &Settings| Arc::new(self.initial_settings.with_role_of(settings));
                let (session, local) = (initial(&self.session_settings), initial(&self.settings));
                let same = Arc::ptr_eq(&self.session_settings, &self.settings);
                self.use_settings(session.clone(), if same { session } else { local });
                Ok(())
            }
            ResetTarget::Role => self.set_role(false, None),
            ResetTarget::SessionAuthorization => self.set_session_authorization(false, None),
            ResetTarget::Name(name) => self.set(false, name, None),
        }
    }

    fn show(&mut self, target: &ShowTarget) -> Result<Outcome> {
        let text = |value: &str| Value::Text(value.into());
        match target {
            ShowTarget::All => {
                let rows = self
                    .settings
                    .all()
                    .into_iter()
                    .map(|(name, value, description)| vec![text(name), text(&value), text(description)])
                    .collect();
                Ok(Outcome::ready(show_all_columns(), rows, "SHOW"))
            }
            ShowTarget::Name(name) => {
                let value = self.transaction_parameter(name).or_else(|| self.settings.get(name)).ok_or_else(|| {
                    Error::new(SqlState::UNDEFINED_OBJECT, format!("unrecognized configuration parameter \"{name}\""))
                })?;
                let column = ColumnDescription::new(canonical_name(name), Type::new(oid::TEXT));
                Ok(Outcome::ready(vec![column], vec![vec![text(&value)]], "SHOW"))
            }
        }
    }

    fn role_named(&self, name: &str) -> Result<RoleId> {
        let catalog = self.catalog();
        let role = catalog.role_named(name);
        role.map(|role| RoleId(role.oid))
            .ok_or_else(|| Error::new(SqlState::INVALID_PARAMETER_VALUE, format!("role \"{name}\" does not exist")))
    }

    fn set_role(&mut self, local: bool, role: Option<&str>) -> Result<()> {
        let Some(name) = role.filter(|role| *role != NO_ROLE) else { return self.become_role(local, None) };
        let wanted = self.role_named(name)?;
        let catalog = self.catalog();
        let session = auth::Principal::resolve(self.session_role(), "", &*catalog);
        if !session.is_superuser() && !auth::is_member_of(self.session_role(), wanted, &*catalog) {
            let message = format!("permission denied to set role \"{name}\"");
            return Err(Error::new(SqlState::INSUFFICIENT_PRIVILEGE, message));
        }
        self.become_role(local, Some((wanted, name)))?;
        self.audit_impersonation(name, "SET ROLE");
        Ok(())
    }

    /// Whoever logged in as a superuser may take the place of any role, and take their own again; None is their own.
    fn set_session_authorization(&mut self, local: bool, role: Option<&str>) -> Result<()> {
        let catalog = self.catalog();
        let (role, name) = match role {
            Some(name) => (self.role_named(name)?, name.to_owned()),
            None => (self.login_role, catalog.role_name(self.login_role.0)),
        };
        let own = role == self.login_role;
        if !own && !self.login_superuser {
            let message = "permission denied to set session authorization";
            return Err(Error::new(SqlState::INSUFFICIENT_PRIVILEGE, message));
        }
        let is_superuser = auth::Principal::resolve(role, "", &*catalog).is_superuser();
        self.change_settings(local, &|settings| {
            settings.set_session_role((!own).then_some(role), &name, is_superuser);
            Ok(())
        })?;
        if !own {
            self.audit_impersonation(&name, "SET SESSION AUTHORIZATION");
        }
        Ok(())
    }

    /// Lets the statements run as another role, or again as whose session it is.
    fn become_role(&mut self, local: bool, role: Option<(RoleId, &str)>) -> Result<()> {
        let catalog = self.catalog();
        let id = role.map_or(self.session_role(), |(id, _)| id);
        let is_superuser = auth::Principal::resolve(id, "", &*catalog).is_superuser();
        self.change_settings(local, &|settings| {
            settings.set_role(role, is_superuser);
            Ok(())
        })
    }

    fn discard(&mut self, target: DiscardTarget) -> Result<&'static str> {
        Ok(match target {
            DiscardTarget::All => {
                self.check_alone("DISCARD ALL")?;
                self.cursors.clear();
                self.facts.cursors.tell(Vec::new());
                self.statements.clear();
                self.facts.cursors.deallocate(None);
                self.texts.clear();
                self.parsed.clear();
                self.facts.sequences.forget();
                self.facts.advisory.unlock_all();
                if self.ear.is_some() {
                    self.gather_talk(&Statement::Unlisten(None))?;
                }
                self.set_session_authorization(false, None)?;
                self.reset(&ResetTarget::All)?;
                "DISCARD ALL"
            }
            DiscardTarget::Plans => {
                self.epoch = self.new_epoch();
                "DISCARD PLANS"
            }
            DiscardTarget::Sequences => {
                self.facts.sequences.forget();
                "DISCARD SEQUENCES"
            }
            DiscardTarget::Temporary => "DISCARD TEMP",
        })
    }

    fn prepare(
        &mut self,
        name: &str,
        types: &[datafusion::sql::sqlparser::ast::DataType],
        statement: &Statement,
        text: &Arc<str>,
    ) -> Result<()> {
        if self.statements.contains_key(name) {
            return Err(duplicate_statement(name));
        }
        let catalog = self.catalog();
        let declared = types
            .iter()
            .map(|ty| crate::types::ast::from_ast(ty, &catalog, &self.facts.search_path).map(|ty| ty.oid))
            .collect::<Result<Vec<u32>>>()?;
        let prepared = Arc::new(Prepared::new(text.clone(), Some(statement.clone()), declared));
        let plan = self.plan_for(&prepared)?;
        prepared.fix(&plan);
        self.tell_prepared(name, &prepared, true);
        self.statements.insert(name.to_owned(), prepared);
        Ok(())
    }

    /// Evaluates EXECUTE's arguments as the types of the statement's parameters.
    pub(super) fn bind_arguments(
        &mut self,
        name: &str,
        arguments: &[datafusion::sql::sqlparser::ast::Expr],
        outer: &Prepared,
    ) -> Result<(Arc<Prepared>, Arc<[Value]>)> {
        let inner = self.statement_named(name)?;
        let types = if is_planned(&inner) { self.plan_for(&inner)?.params.clone() } else { Arc::from([]) };
        // PostgreSQL does not look at the arguments of a statement without parameters.
        if types.is_empty() {
            return Ok((inner, Arc::from([])));
        }
        if types.len() != arguments.len() {
            let message = format!("wrong number of parameters for prepared statement \"{name}\"");
            let detail = format!("Expected {} parameters but got {}.", types.len(), arguments.len());
            return Err(Error::new(SqlState::SYNTAX_ERROR, message).with_detail(detail));
        }
        let catalog = self.catalog();
        let context = self.context(catalog.clone(), Arc::from([]));
        let mut binder = Binder::new(&catalog, &context, &[]).with_text(&outer.text);
        let evaluate = |(argument, ty): (&datafusion::sql::sqlparser::ast::Expr, &Type)| {
            let bound = binder.expr_in(argument, &Scope::empty(), Clause::ExecuteArgument)?;
            let bound = coerce(bound, *ty, CastContext::Assignment, &context)?;
            eval::eval(&bound, &context, &eval::NoRow)
        };
        let params = arguments.iter().zip(types.iter()).map(evaluate).collect::<Result<Arc<[Value]>>>()?;
        Ok((inner, params))
    }

    fn deallocate(&mut self, name: Option<&str>) -> Result<()> {
        match name {
            None => {
                self.statements.clear();
                self.facts.cursors.deallocate(None);
            }
            Some(name) => {
                self.statement_named(name)?;
                self.close_statement(name);
            }
        }
        Ok(())
    }

    async fn explain(
        &mut self,
        options: ExplainOptions,
        statement: &Statement,
        (outer, params): (&Prepared, Arc<[Value]>),
        interrupt: &Interrupt,
    ) -> Result<Outcome> {
        self.begin_implicit();
        let (inner, params) = match (statement, &outer.carried) {
            (Statement::Execute { name, arguments }, _) => self.bind_arguments(name, arguments, outer)?,
            (_, Some(inner)) => (inner.clone(), params),
            (other, None) => {
                let inner = Prepared::new(outer.text.clone(), Some(other.clone()), Vec::new());
                (Arc::new(inner), params)
            }
        };
        let plan = self.plan_for(&inner)?;
        if !plan.plan.with_writes().is_empty() {
            let what = "EXPLAIN of a statement that writes in WITH or locks rows in a subquery";
            return Err(Error::unsupported(what));
        }
        if !plan.plan.runs().is_empty() {
            return Err(Error::unsupported("EXPLAIN of a call of a function whose body is more than one query"));
        }
        let context = self.checked_context(&plan, &inner, params.clone(), self.catalog())?;
        let database = self.database.clone();
        let view = self.state.open().ok_or_else(no_transaction)?.transaction.view();
        let before = options.buffers.then(|| database.store().figures());
        let started = std::time::Instant::now();
        // What locks rows or waits is run as it always is.
        let by_itself = match plan.plan.plan() {
            Plan::Query(query) => query.locking.is_empty() && !plan.plan.waits(),
            _ => false,
        };
        let run = options.analyze && by_itself;
        let described = explain::describe(plan.plan.plan(), &context, view, database.query_environment(), options, run);
        let explain::Description { mut lines, rows } = interrupt.guard(described).await?;
        if options.analyze {
            let (rows, took) = match rows {
                Some(rows) => (rows, started.elapsed()),
                None => {
                    let started = std::time::Instant::now();
                    (self.count_rows(&inner, params, interrupt).await?, started.elapsed())
                }
            };
            lines.push(format!("Actual Rows: {rows}"));
            if let Some(before) = before {
                lines.push(explain::reads(&before, &database.store().figures()));
            }
            if options.summary.unwrap_or(true) {
                lines.push(format!("Execution Time: {:.3} ms", took.as_secs_f64() * 1000.0));
            }
        }
        let lines = explain_document::written(lines, options.format);
        let rows = lines.into_iter().map(|line| vec![Value::Text(line.into())]).collect();
        Ok(Outcome::ready(vec![explain_column(options)], rows, "EXPLAIN"))
    }

    /// Runs a statement for real and counts what it answers.
    async fn count_rows(&mut self, inner: &Arc<Prepared>, params: Arc<[Value]>, interrupt: &Interrupt) -> Result<u64> {
        match Box::pin(self.run(inner, params, interrupt)).await? {
            Outcome::Rows { columns, source, tag } => {
                let mut cursor = super::Cursor {
                    columns,
                    formats: Arc::from([]),
                    source,
                    tag,
                    sent: 0,
                    room: None,
                    exhausted: false,
                    portal: None,
                    interrupt: interrupt.clone(),
                    ends_transaction: false,
                };
                while cursor.next().await?.is_some() {}
                Ok(cursor.sent)
            }
            Outcome::Complete(tag) => Ok(tag.rsplit(' ').next().and_then(|count| count.parse().ok()).unwrap_or(0)),
            _ => Ok(0),
        }
    }
}

/// The one column of what EXPLAIN answers.
pub(super) fn explain_column(options: ExplainOptions) -> ColumnDescription {
    let ty = match options.format {
        ExplainFormat::Text | ExplainFormat::Yaml => oid::TEXT,
        ExplainFormat::Json => oid::JSON,
        ExplainFormat::Xml => oid::XML,
    };
    ColumnDescription::new("QUERY PLAN", Type::new(ty))
}

/// What setting one of the transaction's own settings asks for.
fn transaction_mode(name: &str, word: &str) -> Result<TransactionModes> {
    let invalid = || {
        let words = format!("invalid value for parameter \"{name}\": \"{word}\"");
        Error::new(SqlState::INVALID_PARAMETER_VALUE, words)
    };
    let boolean = || {
        let words = format!("parameter \"{name}\" requires a Boolean value");
        parse_bool(word).ok_or_else(|| Error::new(SqlState::INVALID_PARAMETER_VALUE, words))
    };
    Ok(match name {
        "transaction_isolation" => {
            let level = IsolationLevel::named(word).ok_or_else(invalid)?;
            TransactionModes { isolation: Some(level), ..TransactionModes::default() }
        }
        "transaction_read_only" => TransactionModes { read_only: Some(boolean()?), ..TransactionModes::default() },
        _ => TransactionModes { deferrable: Some(boolean()?), ..TransactionModes::default() },
    })
}
