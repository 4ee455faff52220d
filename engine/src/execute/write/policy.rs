//! What row-level security asks of a row on its way into a table, or in the way of one: before every other rule, so that no
//! other error tells of a row that may not be there.

use std::sync::Arc;

use futures::StreamExt;
use storage::Value;

use super::row::TargetSource;
use super::{Run, violation};
use crate::error::Result;
use crate::execute::point;
use crate::execute::query::run;
use crate::function::EvalContext;
use crate::plan::write::{ConflictQuery, PolicyMoment};

impl Run<'_> {
    /// Whether policies ask anything of rows. What they ask may take a query, whose future is no part of those of writes that
    /// nobody asks about.
    pub(super) fn is_policed(&self) -> bool {
        !self.write.target.policies.is_empty()
    }

    /// 42501 unless the policies of a moment let the row be. Its columns stand as the target's do.
    pub(super) async fn check_policies(&mut self, moment: PolicyMoment, row: &[Value]) -> Result<()> {
        let target = &self.write.target;
        for check in target.policies.iter().filter(|check| check.moment == moment) {
            let holds = match &check.query {
                None => point::is_true(Some(&check.condition), self.context, &TargetSource::of(target, row))?,
                Some(query) => self.answers(query, row).await?,
            };
            if !holds {
                return Err(violation::policy(&target.table, moment, check.name.as_deref()));
            }
        }
        Ok(())
    }

    /// Whether a query over one row answers anything.
    async fn answers(&mut self, query: &ConflictQuery, row: &[Value]) -> Result<bool> {
        let mut written = self.context.written.to_vec();
        written.resize(written.len().max(query.number + 1), Arc::default());
        written[query.number] = Arc::new(vec![row.to_vec()]);
        let context = EvalContext { written: written.into(), ..self.context.clone() };
        let mut stream = run(&query.query, &context, self.view(), self.environment)?;
        let mut answers = false;
        while let Some(batch) = stream.next().await {
            answers |= !batch?.is_empty();
        }
        Ok(answers)
    }
}
