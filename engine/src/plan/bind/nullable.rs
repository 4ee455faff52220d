//! Rows that an outer join may not have found: as a value, such a row is NULL, and not a row of NULLs.
//!
//! A column of the table that is never NULL tells which it is. Where there is none, the relation gets one column more, a
//! *mark*, which the outer join makes NULL with all the others. Only what is asked for as a whole is marked.

use std::sync::Arc;

use storage::Value;

use super::{Binder, Scope};
use crate::expr::{ColumnVar, Expr};
use crate::plan::relation::{Column, Relation};
use crate::types::{Type, oid};

impl Binder<'_> {
    /// Gives each relation of a FROM clause that an outer join may have no row of a mark to be asked for.
    pub(super) fn offer_marks(&mut self, scope: &mut Scope) {
        for relation in &mut scope.relations {
            // What USING has made of several columns is made above the relations that it is of.
            if relation.nullable
                && !relation.columns.is_empty()
                && relation.columns.iter().all(|column| column.var().is_some())
            {
                Arc::make_mut(relation).mark = Some(self.fresh(Type::new(oid::BOOL)));
            }
        }
    }

    /// The FROM clause with the marks that were asked for.
    pub(super) fn with_marks(&mut self, from: Relation, scope: &Scope) -> Relation {
        let mut from = from;
        for relation in &scope.relations {
            let Some(mark) = relation.mark.filter(|mark| self.marks.contains(&mark.var)) else { continue };
            let columns: Vec<ColumnVar> = relation.columns.iter().filter_map(|column| column.var()).collect();
            from = with_mark(from, mark, &columns);
        }
        from
    }
}

/// The relation with a mark on the innermost part that makes all the columns.
fn with_mark(relation: Relation, mark: Column, columns: &[ColumnVar]) -> Relation {
    let makes_all = |part: &Relation| {
        let made = part.outputs();
        columns.iter().all(|column| made.iter().any(|made| made.var == *column))
    };
    match relation {
        Relation::Join { kind, left, right, condition, lateral } if makes_all(&left) => {
            let left = Box::new(with_mark(*left, mark, columns));
            Relation::Join { kind, left, right, condition, lateral }
        }
        Relation::Join { kind, left, right, condition, lateral } if makes_all(&right) => {
            let right = Box::new(with_mark(*right, mark, columns));
            Relation::Join { kind, left, right, condition, lateral }
        }
        other => {
            let mut columns: Vec<(Column, Expr)> =
                other.outputs().into_iter().map(|column| (column, Expr::column(column.var, column.ty))).collect();
            columns.push((mark, Expr::constant(Value::Bool(true), mark.ty)));
            Relation::Project { input: Box::new(other), columns }
        }
    }
}
