//! What a statement computes once: relations with a number, whose rows several places read.
//!
//! A relation with a number that only one place reads, and that once, is lowered where it stands, as any other. Else its
//! rows are kept, and every place reads those.

use std::collections::HashMap;
use std::sync::Arc;

use datafusion::logical_expr::LogicalPlan;

use super::relation::schema_of;
use super::{Lowering, walk};
use crate::error::{Error, Result};
use crate::execute::kept::KeptRows;
use crate::expr::ColumnVar;
use crate::plan::relation::{Column, Relation};
use crate::provider::kept::KeptTable;

impl Lowering<'_> {
    /// The plan of a relation with a number; its columns are those of `columns`.
    pub(super) fn once(
        &mut self,
        number: u32,
        plan: &Relation,
        columns: &[Column],
        source: &[ColumnVar],
    ) -> Result<LogicalPlan> {
        if !self.keeps_all && !self.read_often.contains(&number) {
            let plan = self.without_subqueries(plan.clone())?;
            self.note_read_often(&plan);
            return self.shared(&plan, columns, source);
        }
        // Whoever runs it again would see the same rows, and others after them.
        self.volatile.set(true);
        let source: Vec<Column> =
            source.iter().zip(columns).map(|(var, column)| Column { var: *var, ty: column.ty }).collect();
        let schema = schema_of(columns)?;
        let kept = self.kept.clone();
        let rows = kept.rows(number, || {
            let mut inner = Lowering::new(&self.context, self.view.clone(), self.environment).numerics_only();
            (inner.kept, inner.keeps_all) = (self.kept.clone(), self.keeps_all);
            inner.read_often = self.read_often.clone();
            // The relation has columns that were invented here.
            inner.invented = self.invented;
            let plan = inner.query(plan, &source)?;
            Ok(KeptRows::new(schema.clone(), plan, self.environment))
        })?;
        if rows.schema().fields().len() != source.len() {
            return Err(Error::internal("rows that are computed once have other columns than were asked for"));
        }
        self.source(None, Arc::new(KeptTable(rows)), columns)
    }

    /// Finds what is read in several places, or again and again.
    pub(super) fn note_read_often(&mut self, relation: &Relation) {
        let mut read = HashMap::new();
        count(relation, 1, &mut read);
        self.read_often.extend(read.into_iter().filter(|(_, times)| *times > 1).map(|(number, _)| number));
    }
}

/// Adds how often the relation reads what has a number, if it is read so often itself.
fn count(relation: &Relation, times: usize, into: &mut HashMap<u32, usize>) {
    match relation {
        Relation::Shared { plan, once: Some(number), .. } => {
            let read = into.entry(*number).or_default();
            *read += times;
            if *read == times {
                count(plan, times, into);
            }
        }
        Relation::Shared { plan, once: None, .. } => count(plan, times, into),
        // Each round reads what its step names.
        Relation::Recursive { base, step, .. } => {
            count(base, times, into);
            count(step, 2, into);
        }
        _ => walk::inputs(relation, &mut |input| count(input, times, into)),
    }
    // Untying a subquery may double what it reads.
    walk::subqueries(relation, &mut |subquery| count(subquery, 2, into));
}
