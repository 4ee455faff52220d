//! FOR UPDATE and FOR SHARE: which scans they lock.

use std::sync::Arc;

use datafusion::sql::sqlparser::ast::{self, NonBlock};

use super::names::fold;
use super::query::Bound;
use super::with::leaves;
use super::{Binder, Scope};
use crate::catalog::partition::PartitionTree;
use crate::catalog::{Table, TableKind};
use crate::error::{Error, Result, SqlState};
use crate::execute::lower::walk::reads_working_table;
use crate::expr::{Computed, Expr, ExprKind};
use crate::plan::relation::{LockWait, Locking, Query, Relation, RelationUse, RowIdentity};
use crate::plan::write::{WithWork, WithWrite};
use crate::statement::LockingClause;
use crate::types::Type;

/// A table of a FROM clause whose rows a locking clause may lock.
pub(super) struct LockableScan {
    pub name: String,
    pub table: Arc<Table>,
    /// What is beneath the table, if it is partitioned.
    pub partitions: Option<Arc<PartitionTree>>,
    pub identity: RowIdentity,
    /// On the side of an outer join that may be missing.
    pub nullable: bool,
    /// The view that is named instead of the table, and those beneath it.
    pub through: Vec<Arc<Table>>,
}

impl Binder<'_> {
    /// The tables that locking clauses name; None is every one.
    pub(super) fn locked_names_of(clauses: &[ast::LockClause]) -> Result<Option<Vec<String>>> {
        let mut names = Vec::new();
        for clause in clauses {
            match LockingClause::of(clause)?.tables {
                None => return Ok(None),
                Some(tables) => names.extend(tables.into_iter().map(fold)),
            }
        }
        Ok(Some(names))
    }

    /// Whether a locking clause means an item of FROM that goes by this name.
    pub(super) fn is_locked(&self, name: &str) -> bool {
        let is_named = |names: &Vec<String>| names.iter().any(|own| own == name);
        self.lockable.is_some() && self.locked_names.as_ref().is_none_or(is_named)
    }

    /// The same by the names in sight of it.
    pub(super) fn is_locked_scan(&self, names: &Scope) -> bool {
        names.relations.first().is_some_and(|relation| self.is_locked(&relation.name))
    }

    pub(super) fn lockable_count(&self) -> usize {
        self.lockable.as_ref().map_or(0, Vec::len)
    }

    pub(super) fn mark_nullable(&mut self, from: usize, to: usize) {
        if let Some(scans) = &mut self.lockable {
            let to = to.min(scans.len());
            scans[from..to].iter_mut().for_each(|scan| scan.nullable = true);
        }
    }

    /// The locks that the clauses ask for; `refusal` is what in the SELECT has no row to lock.
    pub(super) fn locking(
        &mut self,
        clauses: &[ast::LockClause],
        scans: Vec<LockableScan>,
        refusal: Option<&str>,
    ) -> Result<Vec<Locking>> {
        let mut locks: Vec<Locking> = Vec::new();
        for clause in clauses {
            let LockingClause { strength, words, tables } = LockingClause::of(clause)?;
            if let Some(refusal) = refusal {
                return Err(not_allowed(format!("{words} is not allowed {refusal}")));
            }
            let wait = match &clause.nonblock {
                None => LockWait::Wait,
                Some(NonBlock::Nowait) => LockWait::NoWait,
                Some(NonBlock::SkipLocked) => LockWait::SkipLocked,
            };
            let chosen: Vec<&LockableScan> = match tables {
                None => scans.iter().collect(),
                Some(names) => {
                    names.into_iter().map(|name| self.locked_scan(name, &scans, words)).collect::<Result<_>>()?
                }
            };
            for scan in chosen {
                if scan.nullable {
                    return Err(not_allowed(format!(
                        "{words} cannot be applied to the nullable side of an outer join"
                    )));
                }
                match scan.table.kind {
                    TableKind::Table if scan.table.materialized.is_some() => {
                        let message = format!("cannot lock rows in materialized view \"{}\"", scan.table.name);
                        return Err(Error::new(SqlState::WRONG_OBJECT_TYPE, message));
                    }
                    TableKind::Table => {}
                    TableKind::Sequence(_) => {
                        let message = format!("cannot lock rows in sequence \"{}\"", scan.table.name);
                        return Err(Error::new(SqlState::WRONG_OBJECT_TYPE, message));
                    }
                    TableKind::View(_) | TableKind::System | TableKind::Files(_) => {
                        return Err(Error::unsupported(format!("{words} on a relation without rows of its own")));
                    }
                }
                self.note_locked(scan);
                match locks.iter_mut().find(|lock| lock.identity.key.var == scan.identity.key.var) {
                    // Two clauses for one table: the stronger lock, and the less patient wait.
                    Some(lock) => {
                        lock.strength = lock.strength.max(strength);
                        lock.wait = impatient(lock.wait, wait);
                    }
                    None => {
                        locks.push(Locking {
                            table: scan.table.clone(),
                            partitions: scan.partitions.clone(),
                            identity: scan.identity,
                            strength,
                            wait,
                        });
                    }
                }
            }
        }
        Ok(locks)
    }

    /// A query within a statement that locks its rows runs before the statement, once: its place is taken by the rows that
    /// it finds. Whether it is `used` may turn out later.
    pub(super) fn locked_first(&mut self, bound: Bound, used: bool) -> Result<Bound> {
        if bound.locking.is_empty() {
            return Ok(bound);
        }
        self.refuse_to_show("FOR UPDATE in a subquery")?;
        if !self.locks_within {
            return Err(Error::unsupported("FOR UPDATE in a subquery here"));
        }
        let Bound { mut relation, outputs, locking, .. } = bound;
        if reads_working_table(&relation) || !self.outer.is_empty() && leaves(&mut relation)? {
            return Err(Error::unsupported("FOR UPDATE in a subquery that names columns of an enclosing query"));
        }
        let number = self.new_written_number();
        let mut named = outputs.clone();
        for output in &mut named {
            output.column = self.fresh(output.column.ty);
        }
        let columns = named.iter().map(|output| output.column).collect();
        let query = Query { locking, ..Query::within(relation, outputs) };
        self.written.push(WithWrite { number, work: WithWork::Lock(Box::new(query)), is_named: used });
        let relation = Relation::Written { number, columns };
        Ok(Bound { relation, outputs: named, hidden: false, locking: Vec::new() })
    }

    /// The rows of such a query as one value, which is known when the statement itself begins. None: the query is another.
    pub(super) fn locked_value(&self, bound: &Bound, ty: Type, computed: fn(usize) -> Computed) -> Option<Expr> {
        let Relation::Written { number, columns } = &bound.relation else { return None };
        let locks = self.written.iter().any(|written| written.number == *number && !written.writes());
        (locks && columns.len() == 1).then(|| Expr::new(ExprKind::Computed(computed(*number)), ty))
    }

    /// Notes that rows of a table are locked, by itself or through a view.
    fn note_locked(&mut self, scan: &LockableScan) {
        let privileges = auth::Privileges::UPDATE;
        let mut relations = scan.through.iter().chain([&scan.table]);
        if let Some(named) = relations.next() {
            self.note_use(named, privileges, &[]);
        }
        for (table, above) in relations.zip(&scan.through) {
            let (table, columns, check_as) = (table.clone(), Vec::new(), above.checks_beneath_as());
            self.uses.push(RelationUse { table, privileges, columns, check_as });
        }
    }

    fn locked_scan<'s>(&self, ident: &ast::Ident, scans: &'s [LockableScan], words: &str) -> Result<&'s LockableScan> {
        let folded = fold(ident);
        scans.iter().find(|scan| scan.name == folded).ok_or_else(|| {
            let there = self.ranges.iter().any(|range| range.name == folded);
            let error = if there {
                Error::unsupported(format!("{words} of something that is not a table"))
            } else {
                Error::new(
                    SqlState::UNDEFINED_TABLE,
                    format!("relation \"{folded}\" in {words} clause not found in FROM clause"),
                )
            };
            error.at(self.position(ident.span))
        })
    }
}

/// The clause as errors name it.
pub(super) fn words(clause: &ast::LockClause) -> &'static str {
    LockingClause::of(clause).map_or("FOR UPDATE", |clause| clause.words)
}

fn impatient(a: LockWait, b: LockWait) -> LockWait {
    match (a, b) {
        (LockWait::NoWait, _) | (_, LockWait::NoWait) => LockWait::NoWait,
        (LockWait::SkipLocked, _) | (_, LockWait::SkipLocked) => LockWait::SkipLocked,
        _ => LockWait::Wait,
    }
}

fn not_allowed(words: String) -> Error {
    Error::new(SqlState::FEATURE_NOT_SUPPORTED, words)
}
