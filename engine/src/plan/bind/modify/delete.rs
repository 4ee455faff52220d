//! Binding DELETE.

use datafusion::sql::sqlparser::ast;

use super::super::Binder;
use super::super::policy::Policed;
use super::refuse;
use super::through::Verb;
use super::update::{current_of, refuse_policed, row_of_cursor, target_name};
use crate::error::{Error, Result, SqlState};
use crate::expr::{Expr, ExprKind, walk};
use crate::plan::system_column::SystemColumn;
use crate::plan::write::{Action, Delete, Target, Write};

impl Binder<'_> {
    /// Binds a DELETE.
    pub fn delete(&mut self, delete: &ast::Delete, point_plans: bool) -> Result<Write> {
        let ast::Delete {
            delete_token: _,
            optimizer_hints: _,
            tables,
            from,
            using,
            selection,
            returning,
            output,
            order_by,
            limit,
        } = delete;
        let foreign = !tables.is_empty() || output.is_some() || !order_by.is_empty() || limit.is_some();
        refuse(foreign, "this form of DELETE")?;
        let ast::FromTable::WithFromKeyword(from) = from else {
            return Err(Error::new(SqlState::SYNTAX_ERROR, "syntax error: DELETE needs FROM"));
        };
        let [table] = from.as_slice() else { return Err(Error::unsupported("DELETE from several tables")) };
        let (name, alias) = target_name(table)?;
        let mut goal = self.target(name, alias.as_deref(), Verb::Delete)?;
        let (others, scope) = self.with_others(&goal.scope, using.as_deref().unwrap_or_default())?;
        self.note_written(&goal, Verb::Delete, &[]);
        let cursor = current_of(selection.as_ref());
        let filter = match cursor {
            Some(_) => None,
            None => self.filter(selection.as_ref(), &scope)?,
        };
        let filter = goal.condition(filter);
        let returning = self.bound_returning(returning.as_ref(), &scope)?;
        let policies = self.police(&mut goal, Policed::Delete)?;
        let scan = self.scan_goal(&goal, name);
        // Who finds a row by its key alone does not say what it was stamped with.
        let mut exprs = returning.iter().flat_map(|returning| &returning.exprs);
        let asks_version = exprs.any(|expr| names_version(expr, &goal.target));
        let rows = match cursor {
            Some(cursor) => {
                refuse(asks_version, "RETURNING of a row's version with WHERE CURRENT OF")?;
                refuse_policed(policies.as_ref())?;
                row_of_cursor(&goal, others.is_some(), cursor)?
            }
            None => {
                let target = (scan, policies);
                self.rows_to_change(target, others, filter, Vec::new(), point_plans && !asks_version)?.0
            }
        };
        self.note_beneath(&goal, Verb::Delete);
        let params = self.final_params()?;
        let action = Action::Delete(Box::new(Delete { rows }));
        Ok(Write { target: goal.target, action, returning, uses: self.uses(), params })
    }
}

/// Whether an expression names a system column that tells of a row's version.
fn names_version(expr: &Expr, target: &Target) -> bool {
    let mut found = false;
    walk::visit(expr, &mut |part| {
        if let ExprKind::Column(var) = part.kind {
            found |= target.system.find(var).is_some_and(SystemColumn::is_of_version);
        }
    });
    found
}
