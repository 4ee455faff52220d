//! Row level security (PostgreSQL 15 manual, sections 5.8 and 41.5): the policies of a table, put on every statement that
//! names it.
//!
//! - What is read becomes a filter right over the scan ([`Binder::guarded`]), behind a barrier that nothing passes: no
//!   condition of the statement sees a row that the policies hide, and so none can tell of it by an error. Only comparisons
//!   that cannot fail are put beneath the barrier ([`filtered`]), where they find keys. Tables become scans of statements
//!   in `named_relation` and nowhere else.
//! - What is written is asked for by `police`: a filter over the target, and checks of the rows that are written.
//! - Whose policies: those of whoever the table is read as, which is the owner of the view around, the owner of a SECURITY
//!   DEFINER function around, or the role that the session acts as. The expressions see the session's `current_user` all
//!   the same, as in PostgreSQL.
//! - Definitions and foreign keys do not come by here: they see all rows, and errors about them tell no values
//!   (`execute/write/violation.rs`).
//!
//! A plan is made for one role, one catalog and one set of settings (`Session::epoch`), so that it never outlives a policy.

use std::sync::Arc;

use auth::RoleId;
use datafusion::sql::sqlparser::ast::{self, SetExpr};
use datafusion::sql::sqlparser::tokenizer::Location;
use storage::Value;

use super::modify::Goal;
use super::view::{Record, barrier};
use super::{Binder, Clause, Scope, ScopeRelation};
use crate::catalog::view::MARK;
use crate::catalog::{PolicyCommand, ReadAs, Table, View, ViewRelation};
use crate::error::{Error, Result, SqlState};
use crate::expr::{ColumnVar, Expr, ExprKind};
use crate::function::{Batch, EvalContext, SessionFacts};
use crate::plan::point::is_value;
use crate::plan::relation::{CheckAs, Column, JoinKind, Output, Query, Relation, RelationUse, Scan};
use crate::plan::write::{ConflictQuery, PolicyCheck, PolicyMoment};
use crate::statement::parse_query;
use crate::types::{Type, oid};

/// What a write does to its target's rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Policed {
    /// `updates`: what is in the way of a new row.
    Insert {
        updates: bool,
    },
    Update,
    Delete,
    Merge,
}

/// A bound policy: whether it is restrictive, its name, and its expression.
struct BoundPolicy {
    restrictive: bool,
    name: String,
    condition: Expr,
}

/// 42501 for who would rather have an error than miss rows.
fn affected(table: &Table) -> Error {
    let message = format!("query would be affected by row-level security policy for table \"{}\"", table.name);
    Error::new(SqlState::INSUFFICIENT_PRIVILEGE, message)
}

impl Binder<'_> {
    /// As whom tables that are named here are read and written.
    fn reader(&self) -> RoleId {
        let other = self.reads_as.or(self.acts_as());
        other.map_or(self.context.session.current_role, RoleId)
    }

    /// Whether a table's policies are in force here. 42501 if they are and `row_security` is off.
    pub(super) fn is_policed(&mut self, table: &Table) -> Result<bool> {
        if table.security.is_none() || self.is_showing() || self.record.is_some() || self.only_checks() {
            return Ok(false);
        }
        let reader = self.reader();
        if table.security_for(reader, self.catalog).is_none() {
            return Ok(false);
        }
        if !self.context.session.settings.active().row_security {
            let owns = auth::has_privileges_of(reader, RoleId(table.owner), &**self.catalog);
            let hint = "To disable the policy for the table's owner, use ALTER TABLE NO FORCE ROW LEVEL SECURITY.";
            return Err(if owns { affected(table).with_hint(hint) } else { affected(table) });
        }
        if self.policing.contains(&table.oid) {
            let message = format!("infinite recursion detected in policy for relation \"{}\"", table.name);
            return Err(Error::new(SqlState::INVALID_OBJECT_DEFINITION, message));
        }
        self.note_policed(&table.name);
        Ok(true)
    }

    /// What is read of a table, as far as its policies let it be seen. `locked`: its rows are to be locked, too.
    pub(super) fn guarded(&mut self, relation: Relation, table: &Arc<Table>, locked: bool) -> Result<Relation> {
        if table.security.is_none() || !self.is_policed(table)? {
            return Ok(relation);
        }
        let Relation::Scan(scan) = relation else {
            return Err(Error::internal("a table with policies is read as something else than a scan"));
        };
        let columns = scan.columns.clone();
        let mut conditions = vec![self.visible(table, &columns, PolicyCommand::Select)?];
        if locked {
            conditions.push(self.visible(table, &columns, PolicyCommand::Update)?);
        }
        Ok(behind(scan, all_of(conditions)))
    }

    /// What the rows of a scan must be to be locked by somebody, if policies say anything about that.
    pub(super) fn lockable_as(&mut self, reads_as: Option<u32>, scan: &Scan) -> Result<Option<Expr>> {
        let own = std::mem::replace(&mut self.reads_as, reads_as);
        let table = scan.table.clone();
        let condition = self.is_policed(&table).and_then(|policed| match policed {
            true => self.visible(&table, &scan.columns, PolicyCommand::Update).map(Some),
            false => Ok(None),
        });
        self.reads_as = own;
        condition
    }

    /// What a row must be to be there for a command: all that restricts, and something that permits.
    fn visible(&mut self, table: &Arc<Table>, columns: &[(usize, Column)], command: PolicyCommand) -> Result<Expr> {
        let (restrictive, permissive): (Vec<_>, Vec<_>) =
            self.bound_policies(table, columns, command, true)?.into_iter().partition(|policy| policy.restrictive);
        let permitted = any_of(permissive.into_iter().map(|policy| policy.condition).collect());
        let restricted = restrictive.into_iter().map(|policy| policy.condition);
        Ok(all_of(restricted.chain([permitted]).collect()))
    }

    /// The expressions of the policies that are about what a command does. `using`: those about rows that are there, of all
    /// of them; else what a written row must be.
    fn bound_policies(
        &mut self,
        table: &Arc<Table>,
        columns: &[(usize, Column)],
        command: PolicyCommand,
        using: bool,
    ) -> Result<Vec<BoundPolicy>> {
        let reader = self.reader();
        let mut bound = Vec::new();
        for policy in table.policies() {
            if !policy.is_for(command, reader, self.catalog) {
                continue;
            }
            let own = policy.check.as_ref().filter(|_| !using).or(policy.using.as_ref());
            let Some(expression) = own else { continue };
            let condition = self.policy_expression(table, columns, expression)?;
            bound.push(BoundPolicy { restrictive: policy.restrictive, name: policy.name.clone(), condition });
        }
        Ok(bound)
    }

    /// Binds an expression of a policy over a row of its table.
    fn policy_expression(&mut self, table: &Arc<Table>, columns: &[(usize, Column)], view: &View) -> Result<Expr> {
        let query = parse_query(&view.text)?;
        let expression = only_item(&query)?;
        let known = view.relations.iter().find(|known| known.oid == table.oid).ok_or_else(lost)?;
        let context = read_as(self.context, view)?;
        let bound = self.nested(|outer| {
            let mut inner = Binder::new(outer.catalog, &context, &[]).with_text(&view.text);
            inner.next_var = outer.next_var;
            inner.depth = outer.depth;
            inner.inside = Some(view);
            inner.expanding = outer.expanding.clone();
            inner.policing = outer.policing.clone();
            inner.policing.push(table.oid);
            inner.reads_as = outer.reads_as;
            inner.calls = outer.calls.inside(false);
            let scope = Scope::of(inner.known_names(table, known, None, columns));
            let bound = inner.condition(expression, &scope, Clause::Policy)?;
            outer.next_var = inner.next_var;
            outer.waits |= inner.waits;
            outer.keeps_rows |= inner.keeps_rows;
            outer.calls_volatile |= inner.calls_volatile;
            let uses = std::mem::take(&mut inner.uses);
            outer.calls.take(std::mem::take(&mut inner.calls));
            // What else a policy reads is read by whoever its table is read as. Its own row is no use of the table.
            let reader = outer.reads_as.map_or(CheckAs::Session, CheckAs::Role);
            for used in uses {
                if used.is(table.oid, auth::Privileges::SELECT) {
                    continue;
                }
                let check_as = if used.check_as == CheckAs::Caller { reader } else { used.check_as };
                outer.uses.push(RelationUse { check_as, ..used });
            }
            Ok(bound)
        });
        // Errors in a policy have no place in the statement.
        bound.map_err(Error::without_position)
    }

    /// Puts the policies of its target on a write, once everything else of it is bound. Answers what rows that are there
    /// must be to be found.
    pub(super) fn police(&mut self, goal: &mut Goal, deed: Policed) -> Result<Option<Expr>> {
        let table = goal.target.table.clone();
        if table.security.is_none() {
            return Ok(None);
        }
        // MERGE joins it.
        let reads = deed == Policed::Merge || self.reads_target(goal);
        // A view writes as its owner, too.
        let reads_as = goal.written_as(self.reads_as);
        let own = std::mem::replace(&mut self.reads_as, reads_as);
        let condition = self.police_as_reader(goal, &table, (deed, reads));
        self.reads_as = own;
        condition
    }

    fn police_as_reader(
        &mut self,
        goal: &mut Goal,
        table: &Arc<Table>,
        (deed, reads): (Policed, bool),
    ) -> Result<Option<Expr>> {
        use PolicyCommand as Command;
        use PolicyMoment as Moment;
        if !self.is_policed(table)? {
            return Ok(None);
        }
        let numbered = (goal.target.first_column..).zip(&table.columns).enumerate();
        let columns: Vec<(usize, Column)> =
            numbered.map(|(at, (var, column))| (at, Column { var: ColumnVar(var), ty: column.ty })).collect();
        // Each with the command whose policies are meant, and whether rows are looked at as rows that are there.
        let mut asked: Vec<(Moment, Command, bool)> = Vec::new();
        match deed {
            Policed::Insert { updates } => {
                asked.push((Moment::Insert, Command::Insert, false));
                asked.push((Moment::Insert, Command::Select, true));
                if updates {
                    asked.push((Moment::InTheWay, Command::Update, true));
                    asked.push((Moment::InTheWay, Command::Select, true));
                    asked.push((Moment::Update, Command::Update, false));
                    asked.push((Moment::Update, Command::Select, true));
                }
            }
            Policed::Update => {
                asked.push((Moment::Update, Command::Update, false));
                asked.push((Moment::Update, Command::Select, true));
            }
            Policed::Delete => {}
            Policed::Merge => {
                asked.push((Moment::MergedUpdate, Command::Update, true));
                asked.push((Moment::MergedDelete, Command::Delete, true));
                asked.push((Moment::Insert, Command::Insert, false));
                asked.push((Moment::Update, Command::Update, false));
                asked.push((Moment::Update, Command::Select, true));
            }
        }
        for (moment, command, using) in asked {
            if command == Command::Select && !reads {
                continue;
            }
            let checks = self.policy_checks(table, &columns, moment, (command, using))?;
            goal.target.policies.extend(checks);
        }
        let mut conditions = Vec::new();
        if reads && !matches!(deed, Policed::Insert { .. }) {
            conditions.push(self.visible(table, &columns, Command::Select)?);
        }
        match deed {
            Policed::Update => conditions.push(self.visible(table, &columns, Command::Update)?),
            Policed::Delete => conditions.push(self.visible(table, &columns, Command::Delete)?),
            Policed::Insert { .. } | Policed::Merge => {}
        }
        Ok((!conditions.is_empty()).then(|| all_of(conditions)))
    }

    /// What policies ask of a row at a moment of a write: what permits together, and each that restricts by its name.
    fn policy_checks(
        &mut self,
        table: &Arc<Table>,
        columns: &[(usize, Column)],
        moment: PolicyMoment,
        (command, using): (PolicyCommand, bool),
    ) -> Result<Vec<PolicyCheck>> {
        let (restrictive, permissive): (Vec<_>, Vec<_>) =
            self.bound_policies(table, columns, command, using)?.into_iter().partition(|policy| policy.restrictive);
        let has_permissive = !permissive.is_empty();
        let permitted = any_of(permissive.into_iter().map(|policy| policy.condition).collect());
        let mut named = vec![(None, permitted)];
        // Where nothing permits, nobody hears what restricts.
        named.extend(
            restrictive.into_iter().filter(|_| has_permissive).map(|policy| (Some(policy.name), policy.condition)),
        );
        let mut checks = Vec::with_capacity(named.len());
        for (name, condition) in named {
            if matches!(condition.as_const(), Some(Value::Bool(true))) {
                continue;
            }
            let query = match super::modify::has_subquery(&condition) {
                true => Some(Box::new(self.policy_query(columns, condition.clone()))),
                false => None,
            };
            checks.push(PolicyCheck { moment, name, condition, query });
        }
        Ok(checks)
    }

    /// A query over one row, which answers something if the row is what it must be.
    fn policy_query(&mut self, columns: &[(usize, Column)], predicate: Expr) -> ConflictQuery {
        let number = self.new_written_number();
        let input = Relation::Written { number, columns: columns.iter().map(|(_, column)| *column).collect() };
        let input = Box::new(Relation::Filter { input: Box::new(input), predicate });
        let column = self.fresh(Type::new(oid::BOOL));
        let relation = Relation::Project { input, columns: vec![(column, truth(true))] };
        let outputs = vec![Output { name: String::new(), column, origin: None }];
        let query = Query::within(relation, outputs);
        ConflictQuery { number, query, carried: Vec::new() }
    }

    /// Whether the statement reads columns of the rows that it writes.
    fn reads_target(&self, goal: &Goal) -> bool {
        let reads = |relation: u32| self.uses.iter().any(|used| used.is(relation, auth::Privileges::SELECT));
        match goal.named_view() {
            Some(view) => reads(view),
            None => {
                let oid = goal.target.table.oid;
                let names_system = goal.target.system.numbered().next().is_some();
                self.target_read || names_system || reads(oid) && !self.scanned.contains(&oid)
            }
        }
    }

    /// Binds an expression of a new policy, which stands in the statement's text between these places. Answers what it
    /// reads, too.
    pub(crate) fn new_policy(
        &mut self,
        table: &Arc<Table>,
        expression: &ast::Expr,
        (from, to): (Location, Location),
    ) -> Result<(View, Vec<RelationUse>)> {
        self.record = Some(Record::default());
        let columns: Vec<(usize, Column)> =
            table.columns.iter().enumerate().map(|(at, column)| (at, self.fresh(column.ty))).collect();
        let scope = Scope::of(ScopeRelation::of_table(table, None, &columns));
        self.condition(expression, &scope, Clause::Policy)?;
        let record = self.record.take().unwrap_or_default();
        if !self.params()?.is_empty() {
            return Err(Error::new(SqlState::UNDEFINED_PARAMETER, "there is no parameter $1"));
        }
        let uses = self.uses();
        let mut view = self.view_of(record, &uses, from, to)?;
        let at = match view.relations.iter().position(|known| known.oid == table.oid) {
            Some(at) => at,
            None => {
                view.relations.push(self.view_relation(table, &uses));
                view.relations.len() - 1
            }
        };
        view.text = format!("SELECT ({}\n) FROM {MARK}.\"{at}\"", view.text);
        view.read_as = Some(self.read_now());
        Ok((view, uses))
    }

    /// What a text that is given now is read with ever after.
    pub(super) fn read_now(&self) -> ReadAs {
        let session = &self.context.session;
        let setting = |name: &&str| Some(((*name).to_owned(), session.settings.get(name)?));
        let settings = READ_BY.iter().filter_map(setting).collect();
        ReadAs { search_path: session.search_path.clone(), settings }
    }

    /// Binds an expression of a policy to be shown: the columns of its table are numbered from zero. `as_given`: types are
    /// looked up where they were, and no more where the session looks.
    pub(crate) fn shown_policy(&mut self, table: &Arc<Table>, view: &View, as_given: bool) -> Result<Expr> {
        let given = if as_given { Some(read_as(self.context, view)?) } else { None };
        let context = given.as_ref().unwrap_or(self.context);
        let query = parse_query(&view.text)?;
        let known: &ViewRelation = view.relations.iter().find(|known| known.oid == table.oid).ok_or_else(lost)?;
        let mut inner = Binder::new(self.catalog, context, &[]).with_text(&view.text).showing();
        inner.inside = Some(view);
        let columns: Vec<(usize, Column)> =
            table.columns.iter().enumerate().map(|(at, column)| (at, inner.fresh(column.ty))).collect();
        let scope = Scope::of(inner.known_names(table, known, None, &columns));
        inner.condition(only_item(&query)?, &scope, Clause::Policy)
    }
}

/// The settings by which literals are read.
const READ_BY: [&str; 3] = ["DateStyle", "IntervalStyle", "TimeZone"];

/// What a policy's text is bound with: no setting of the session makes it mean something else.
pub(super) fn read_as(context: &EvalContext, view: &View) -> Result<EvalContext> {
    let Some(ReadAs { search_path, settings }) = &view.read_as else { return Ok(context.clone()) };
    let mut format = context.session.format.clone();
    for (name, value) in settings {
        format.set(name, value)?;
    }
    let session = SessionFacts { search_path: search_path.clone(), format, ..(*context.session).clone() };
    Ok(EvalContext { session: Arc::new(session), ..context.clone() })
}

pub(super) fn lost() -> Error {
    Error::internal("a policy's text has lost its expression")
}

/// The one expression of `SELECT (expression) FROM table`.
pub(super) fn only_item(query: &ast::Query) -> Result<&ast::Expr> {
    let SetExpr::Select(select) = &*query.body else { return Err(lost()) };
    match select.projection.as_slice() {
        [ast::SelectItem::UnnamedExpr(ast::Expr::Nested(expression))] => Ok(expression),
        [ast::SelectItem::UnnamedExpr(expression)] => Ok(expression),
        _ => Err(lost()),
    }
}

fn truth(value: bool) -> Expr {
    Expr::constant(Value::Bool(value), Type::new(oid::BOOL))
}

/// The conjunction, on one level, in order.
pub(super) fn all_of(conditions: Vec<Expr>) -> Expr {
    let mut parts = Vec::with_capacity(conditions.len());
    for condition in conditions {
        match condition.kind {
            ExprKind::And(inner) => parts.extend(inner),
            ExprKind::Const(Value::Bool(true)) => {}
            kind => parts.push(Expr::new(kind, condition.ty)),
        }
    }
    match parts.len() {
        0 => truth(true),
        1 => parts.swap_remove(0),
        _ => Expr::new(ExprKind::And(parts), Type::new(oid::BOOL)),
    }
}

/// The disjunction; of nothing it is false.
fn any_of(mut conditions: Vec<Expr>) -> Expr {
    let is_true = |condition: &Expr| matches!(condition.as_const(), Some(Value::Bool(true)));
    match conditions.len() {
        0 => truth(false),
        _ if conditions.iter().any(is_true) => truth(true),
        1 => conditions.swap_remove(0),
        _ => Expr::new(ExprKind::Or(conditions), Type::new(oid::BOOL)),
    }
}

/// A scan of which only the rows that satisfy policies are seen, and nothing of the others.
pub(super) fn behind(scan: Scan, policies: Expr) -> Relation {
    if matches!(policies.as_const(), Some(Value::Bool(true))) {
        return Relation::Scan(scan);
    }
    barrier(Relation::Filter { input: Box::new(Relation::Scan(scan)), predicate: policies })
}

/// Whether a relation is a scan behind policies.
pub(super) fn is_behind(relation: &Relation) -> bool {
    let Relation::Limit { input, .. } = relation else { return false };
    let Relation::Filter { input: scan, .. } = &**input else { return false };
    relation.is_barrier() && matches!(&**scan, Relation::Scan(scan) if scan.table.security.is_some())
}

/// The scan behind policies, and those.
pub(super) fn taken_from_behind(relation: Relation) -> Option<(Scan, Expr)> {
    let Relation::Limit { input, .. } = relation else { return None };
    let Relation::Filter { input: scan, predicate } = *input else { return None };
    match *scan {
        Relation::Scan(scan) => Some((scan, predicate)),
        _ => None,
    }
}

/// Rows of a relation that satisfy a condition. What of it compares columns of a table that lies behind policies with
/// values, so that it cannot fail, is asked beneath the barrier, where it may find a key.
pub(super) fn filtered(mut relation: Relation, predicate: Expr) -> Relation {
    if !has_barrier(&relation) {
        return Relation::Filter { input: Box::new(relation), predicate };
    }
    let ty = predicate.ty;
    let parts = match predicate.kind {
        ExprKind::And(parts) => parts,
        kind => vec![Expr::new(kind, ty)],
    };
    let mut left = Vec::with_capacity(parts.len());
    for part in parts {
        left.extend(sink(&mut relation, part));
    }
    match left.len() {
        0 => relation,
        _ => Relation::Filter { input: Box::new(relation), predicate: all_of(left) },
    }
}

/// Whether a table of a FROM clause lies behind policies.
fn has_barrier(relation: &Relation) -> bool {
    match relation {
        Relation::Limit { .. } => relation.is_barrier(),
        Relation::Join { left, right, .. } => has_barrier(left) || has_barrier(right),
        _ => false,
    }
}

/// Puts a condition beneath the barrier over its table; gives it back if it must not go there.
fn sink(relation: &mut Relation, part: Expr) -> Option<Expr> {
    if is_behind(relation) {
        let Relation::Limit { input, .. } = relation else { return Some(part) };
        let Relation::Filter { input, predicate } = &mut **input else { return Some(part) };
        let Relation::Scan(scan) = &**input else { return Some(part) };
        if !cannot_fail(&part, scan) {
            return Some(part);
        }
        let policies = std::mem::replace(predicate, truth(true));
        *predicate = all_of(vec![part, policies]);
        return None;
    }
    match relation {
        Relation::Join { kind: JoinKind::Inner | JoinKind::Cross, left, right, .. } => {
            let part = sink(left, part)?;
            sink(right, part)
        }
        Relation::Join { kind: JoinKind::Left, left, .. } => sink(left, part),
        _ => Some(part),
    }
}

/// Types whose values can always be compared with one another.
const COMPARABLE: [u32; 14] = [
    oid::BOOL,
    oid::INT2,
    oid::INT4,
    oid::INT8,
    oid::OID,
    oid::FLOAT4,
    oid::FLOAT8,
    oid::NUMERIC,
    oid::TEXT,
    oid::BYTEA,
    oid::UUID,
    oid::DATE,
    oid::TIMESTAMP,
    oid::TIMESTAMPTZ,
];

/// Whether a condition compares columns of a scan with values or with one another, which never fails on any row. The
/// values may be computed beforehand, so nothing they do tells of a row.
fn cannot_fail(part: &Expr, scan: &Scan) -> bool {
    let is_own = |expr: &Expr| match expr.kind {
        ExprKind::Column(var) => scan.columns.iter().any(|(_, column)| column.var == var),
        _ => false,
    };
    let is_side = |expr: &Expr| is_own(expr) || is_value(expr);
    match &part.kind {
        ExprKind::Call { function, args } => {
            matches!(function.batch, Some(Batch::Compare(_) | Batch::CompareKey(_)))
                && function.args.iter().all(|ty| COMPARABLE.contains(ty))
                && args.iter().any(is_own)
                && args.iter().all(is_side)
        }
        ExprKind::ArrayCompare { function, left, array, .. } => {
            matches!(function.batch, Some(Batch::Compare(_) | Batch::CompareKey(_)))
                && function.args.iter().all(|ty| COMPARABLE.contains(ty))
                && is_own(left)
                && is_value(array)
        }
        ExprKind::IsNull { expr, .. } => is_own(expr),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::expr::walk;

    fn column(var: u32) -> Expr {
        Expr::column(ColumnVar(var), Type::new(oid::BOOL))
    }

    #[test]
    fn nothing_that_permits_is_false_and_nothing_that_restricts_is_true() {
        assert_eq!(any_of(Vec::new()).as_const(), Some(&Value::Bool(false)));
        assert_eq!(all_of(Vec::new()).as_const(), Some(&Value::Bool(true)));
        assert_eq!(any_of(vec![column(1), truth(true)]).as_const(), Some(&Value::Bool(true)));
        assert_eq!(all_of(vec![truth(true), truth(false)]).as_const(), Some(&Value::Bool(false)));
    }

    #[test]
    fn a_conjunction_keeps_its_order_on_one_level() {
        let inner = all_of(vec![column(1), column(2)]);
        let whole = all_of(vec![inner, column(3)]);
        let ExprKind::And(parts) = whole.kind else { panic!("a conjunction") };
        let vars: Vec<_> = parts.iter().flat_map(walk::columns_of).map(|var| var.0).collect();
        assert_eq!(vars, [1, 2, 3]);
    }
}
