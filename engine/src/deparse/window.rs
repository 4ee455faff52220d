//! Calls over windows, and what a window is.

use super::{Writer, unwritable};
use crate::error::Result;
use crate::expr::{Exclusion, FrameBound, FrameUnit, WindowCall};
use crate::function::{AggregateKind, WINDOW_FUNCTIONS, WindowFunction};

impl Writer<'_> {
    pub(super) fn window_call(&mut self, call: &WindowCall, window: Option<&str>, framed: bool) -> Result<()> {
        match call.function {
            WindowFunction::Aggregate(function) if function.kind == AggregateKind::CountStar => self.push("count(*)"),
            WindowFunction::Aggregate(function) => self.call(function.name, &call.args)?,
            other => {
                let same = |kind: WindowFunction| std::mem::discriminant(&kind) == std::mem::discriminant(&other);
                let known = WINDOW_FUNCTIONS.iter().find(|declaration| same(declaration.function));
                let name = known.ok_or_else(|| unwritable("a window function without a name"))?.name;
                self.call(name, &call.args)?;
            }
        }
        self.filter(call.filter.as_ref())?;
        self.push(" OVER ");
        match window {
            Some(name) => {
                self.push(&crate::types::text::quote_identifier(name));
                Ok(())
            }
            None => self.window(call, framed),
        }
    }

    /// `(PARTITION BY … ORDER BY … frame)`.
    pub(super) fn window(&mut self, call: &WindowCall, framed: bool) -> Result<()> {
        let start = self.out.len() + 1;
        self.push("(");
        let gap = |writer: &mut Self| {
            if writer.out.len() > start {
                writer.push(" ");
            }
        };
        if !call.partition_by.is_empty() {
            self.push("PARTITION BY ");
            self.list(&call.partition_by, ", ", |writer, expr| writer.sort_expr(expr))?;
        }
        if !call.order_by.is_empty() {
            gap(self);
            self.push("ORDER BY ");
            self.sort_keys(&call.order_by)?;
        }
        if framed {
            gap(self);
            self.frame(call)?;
        }
        self.push(")");
        Ok(())
    }

    fn frame(&mut self, call: &WindowCall) -> Result<()> {
        let frame = &call.frame;
        self.push(match frame.unit {
            FrameUnit::Rows => "ROWS BETWEEN ",
            FrameUnit::Range => "RANGE BETWEEN ",
            FrameUnit::Groups => "GROUPS BETWEEN ",
        });
        self.bound(&frame.start)?;
        self.push(" AND ");
        self.bound(&frame.end)?;
        self.push(match frame.exclusion {
            Exclusion::None => "",
            Exclusion::CurrentRow => " EXCLUDE CURRENT ROW",
            Exclusion::Group => " EXCLUDE GROUP",
            Exclusion::Ties => " EXCLUDE TIES",
        });
        Ok(())
    }

    fn bound(&mut self, bound: &FrameBound) -> Result<()> {
        match bound {
            FrameBound::UnboundedPreceding => self.push("UNBOUNDED PRECEDING"),
            FrameBound::CurrentRow => self.push("CURRENT ROW"),
            FrameBound::UnboundedFollowing => self.push("UNBOUNDED FOLLOWING"),
            FrameBound::Preceding(offset) => {
                self.expr(offset, false)?;
                self.push(" PRECEDING");
            }
            FrameBound::Following(offset) => {
                self.expr(offset, false)?;
                self.push(" FOLLOWING");
            }
        }
        Ok(())
    }
}
