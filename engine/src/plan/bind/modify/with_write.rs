//! Writes around and inside WITH: `WITH … INSERT`, and `WITH name AS (INSERT … RETURNING …) …`.

use datafusion::sql::sqlparser::ast::{self, SetExpr};

use super::super::Binder;
use crate::error::{Error, Result, SqlState};
use crate::plan::relation::{Output, Relation};
use crate::plan::write::{WithWork, WithWrite, Write};

/// The write that a query's body is, if it is one.
pub(crate) fn body_write(query: &ast::Query) -> Option<&ast::Statement> {
    match query.body.as_ref() {
        SetExpr::Insert(write) | SetExpr::Update(write) | SetExpr::Delete(write) | SetExpr::Merge(write) => Some(write),
        _ => None,
    }
}

impl Binder<'_> {
    /// Binds a statement that is a write behind a WITH clause.
    pub(crate) fn write_after_with(&mut self, query: &ast::Query, point_plans: bool) -> Result<Write> {
        if let Some(with) = &query.with {
            self.with(with, true)?;
        }
        let write = body_write(query).ok_or_else(|| Error::internal("a query is no write"))?;
        // What the WITH clause has written must not be met again, for which point plans do not look.
        let point_plans = point_plans && !self.has_written();
        self.any_write(write, point_plans)
    }

    fn any_write(&mut self, write: &ast::Statement, point_plans: bool) -> Result<Write> {
        match write {
            ast::Statement::Insert(insert) => self.insert_parsed(insert, None, None),
            ast::Statement::Update(update) => self.update(update, point_plans),
            ast::Statement::Delete(delete) => self.delete(delete, point_plans),
            _ => Err(Error::unsupported("this statement after WITH")),
        }
    }

    /// Binds a write that a WITH clause names. Answers what it returns, whose rows are there when it has run.
    pub(in crate::plan::bind) fn named_write(
        &mut self,
        query: &ast::Query,
        top: bool,
    ) -> Result<(Relation, Vec<Output>)> {
        if !top {
            let message = "WITH clause containing a data-modifying statement must be at the top level";
            return Err(Error::new(SqlState::FEATURE_NOT_SUPPORTED, message));
        }
        let write = body_write(query).ok_or_else(|| Error::internal("a query is no write"))?;
        if matches!(write, ast::Statement::Merge(_)) {
            return Err(Error::new(SqlState::FEATURE_NOT_SUPPORTED, "MERGE not supported in WITH query"));
        }
        let visible = self.ctes.len();
        let (lockable, open) = (self.lockable.take(), std::mem::replace(&mut self.params_open, true));
        let bound = self.nested(|binder| {
            if let Some(with) = &query.with {
                binder.with(with, false)?;
            }
            binder.any_write(write, false)
        });
        (self.lockable, self.params_open) = (lockable, open);
        self.ctes.truncate(visible);
        let write = bound?;
        let outputs = write.returning.as_ref().map(|returning| returning.outputs.clone()).unwrap_or_default();
        let columns = outputs.iter().map(|output| output.column).collect();
        let number = self.new_written_number();
        let relation = Relation::Written { number, columns };
        self.written.push(WithWrite { number, work: WithWork::Write(Box::new(write)), is_named: false });
        Ok((relation, outputs))
    }
}
