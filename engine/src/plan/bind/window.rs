//! Window functions: OVER, named windows, frames, and taking the calls out of a SELECT's expressions.

use std::sync::Arc;

use datafusion::sql::sqlparser::ast::{self, Expr as Ast};
use datafusion::sql::sqlparser::tokenizer::Span;

use super::call::{BoundCall, wrong_object};
use super::names::fold;
use super::position::Start;
use super::walk::{any, map_children};
use super::{Binder, Clause, Place};
use crate::error::{Error, Result, SqlState};
use crate::expr::shown::Form;
use crate::expr::{Exclusion, Expr, ExprKind, Frame, FrameBound, FrameUnit, SortKey, WindowCall};
use crate::function::resolve::{self, Callable};
use crate::function::{CastContext, WindowFunction};
use crate::plan::relation::Column;
use crate::statement::mend::{EXCLUDE_GROUP, EXCLUDE_ROW, EXCLUDE_TIES, MARK};
use crate::types::{Type, builtin, display, oid};

/// A window as its definition says; `frame` None is the default.
#[derive(Clone)]
struct Window {
    partition_by: Vec<Expr>,
    order_by: Vec<SortKey>,
    frame: Option<Frame>,
}

impl Binder<'_> {
    /// A call with OVER, whose arguments are bound.
    pub(super) fn window_call(&mut self, call: BoundCall<'_>, over: &ast::WindowType, at: Place<'_>) -> Result<Expr> {
        let BoundCall { name, written, args, filter, resolved } = call;
        let span = name.span;
        let refuse = |binder: &Self, error: Error| Err(error.at(binder.position(span)));
        let function = match resolved.callable {
            Callable::Window(function) => function,
            Callable::Aggregate(function) => WindowFunction::Aggregate(function),
            _ => {
                let words =
                    format!("OVER specified, but {} is not a window function nor an aggregate function", name.name);
                return refuse(self, wrong_object(words));
            }
        };
        if let Some(error) = at.clause.window_refusal() {
            return refuse(self, error);
        }
        if written.distinct {
            return refuse(self, not_implemented("DISTINCT is not implemented for window functions"));
        }
        if !written.order_by.is_empty() {
            return refuse(self, not_implemented("aggregate ORDER BY is not implemented for window functions"));
        }
        let args = resolve::rows_as_json(self.coerce_arguments(args, &resolved.arg_types, &written.exprs, span)?);
        let filter = match filter {
            Some(_) if !matches!(function, WindowFunction::Aggregate(_)) => {
                return refuse(self, not_implemented("FILTER is not implemented for non-aggregate window functions"));
            }
            Some(filter) => Some(self.condition_at(filter, Place { clause: Clause::Filter, ..at })?),
            None => None,
        };
        let place = Place { clause: Clause::WindowDefinition, ..at };
        let named = self.select.named_windows.clone();
        let window = match over {
            ast::WindowType::NamedWindow(ident) => self.named_window(ident, &named, place)?,
            ast::WindowType::WindowSpec(spec) => self.window(spec, &named, place)?,
        };
        self.select.windows = true;
        let Window { partition_by, order_by, frame } = window;
        let framed = frame.is_some();
        let frame = frame.unwrap_or(Frame {
            unit: FrameUnit::Range,
            start: FrameBound::UnboundedPreceding,
            end: FrameBound::CurrentRow,
            exclusion: Exclusion::None,
        });
        let call = WindowCall { function, args, filter, partition_by, order_by, frame };
        let call = Expr::new(ExprKind::Window(Box::new(call)), resolved.return_type);
        if self.is_showing() {
            let name = match over {
                ast::WindowType::NamedWindow(ident) => Some(fold(ident)),
                ast::WindowType::WindowSpec(_) => None,
            };
            return Ok(Expr::shown(Form::Over { name, framed }, vec![call], resolved.return_type));
        }
        Ok(call)
    }

    /// A window by name: one of the definitions, which may build on those before it.
    fn named_window(
        &mut self,
        ident: &ast::Ident,
        named: &[ast::NamedWindowDefinition],
        at: Place<'_>,
    ) -> Result<Window> {
        let name = fold(ident);
        let Some(index) = named.iter().position(|definition| fold(&definition.0) == name) else {
            return Err(Error::new(SqlState::UNDEFINED_OBJECT, format!("window \"{name}\" does not exist"))
                .at(self.position(ident.span)));
        };
        let ast::NamedWindowDefinition(_, definition) = &named[index];
        self.nested(|binder| match definition {
            ast::NamedWindowExpr::NamedWindow(other) => binder.named_window(other, &named[..index], at),
            ast::NamedWindowExpr::WindowSpec(spec) => binder.window(spec, &named[..index], at),
        })
    }

    /// The WINDOW clause of the SELECT being bound.
    pub(super) fn shown_windows(&mut self, at: Place<'_>) -> Result<Vec<(String, WindowCall, bool)>> {
        let named = self.select.named_windows.clone();
        let mut shown = Vec::with_capacity(named.len());
        for definition in named.iter() {
            let builds_on_other = match &definition.1 {
                ast::NamedWindowExpr::NamedWindow(_) => true,
                ast::NamedWindowExpr::WindowSpec(spec) => {
                    spec.window_name.as_ref().is_some_and(|name| without_exclusion(name).0.is_some())
                }
            };
            if builds_on_other {
                return Err(Error::unsupported("a window that builds on another, shown"));
            }
            let Window { partition_by, order_by, frame } = self.named_window(&definition.0, &named, at)?;
            let call = WindowCall { partition_by, order_by, ..super::range_function::row_number() };
            let framed = frame.is_some();
            let call = WindowCall { frame: frame.unwrap_or_else(|| call.frame.clone()), ..call };
            shown.push((fold(&definition.0), call, framed));
        }
        Ok(shown)
    }

    fn window(
        &mut self,
        spec: &ast::WindowSpec,
        named: &[ast::NamedWindowDefinition],
        at: Place<'_>,
    ) -> Result<Window> {
        let ast::WindowSpec { window_name, partition_by, order_by, window_frame } = spec;
        let (window_name, exclusion) = window_name.as_ref().map_or((None, Exclusion::None), without_exclusion);
        let base = match &window_name {
            Some(ident) => Some((self.named_window(ident, named, at)?, fold(ident), ident.span)),
            None => None,
        };
        let mut partition = Vec::with_capacity(partition_by.len());
        for expr in partition_by {
            let bound = self.bind(expr, at)?;
            let bound = self.known(bound)?;
            crate::function::resolve::less_than(bound.ty).map_err(|error| error.at(self.position(expr.start())))?;
            partition.push(bound);
        }
        let mut order = self.sort_keys(order_by, at)?;
        if let Some((base, name, span)) = base {
            let refuse = |binder: &Self, words: String| {
                Err(Error::new(SqlState::WINDOWING_ERROR, words).at(binder.parenthesis_position(span)))
            };
            if !partition.is_empty() {
                return refuse(self, format!("cannot override PARTITION BY clause of window \"{name}\""));
            }
            if !order.is_empty() && !base.order_by.is_empty() {
                return refuse(self, format!("cannot override ORDER BY clause of window \"{name}\""));
            }
            if base.frame.is_some() {
                return refuse(self, format!("cannot copy window \"{name}\" because it has a frame clause"));
            }
            partition = base.partition_by;
            if order.is_empty() {
                order = base.order_by;
            }
        }
        let frame = match window_frame {
            Some(frame) => Some(Frame { exclusion, ..self.frame(frame, &order, at)? }),
            None => None,
        };
        Ok(Window { partition_by: partition, order_by: order, frame })
    }

    fn frame(&mut self, frame: &ast::WindowFrame, order: &[SortKey], at: Place<'_>) -> Result<Frame> {
        let ast::WindowFrame { units, start_bound, end_bound } = frame;
        let unit = match units {
            ast::WindowFrameUnits::Rows => FrameUnit::Rows,
            ast::WindowFrameUnits::Range => FrameUnit::Range,
            ast::WindowFrameUnits::Groups => FrameUnit::Groups,
        };
        let refuse = |words: &'static str| Err(Error::new(SqlState::WINDOWING_ERROR, words));
        let start = self.frame_bound(start_bound, unit, order, at)?;
        let end = match end_bound {
            Some(bound) => self.frame_bound(bound, unit, order, at)?,
            None => FrameBound::CurrentRow,
        };
        use FrameBound as B;
        match (&start, &end) {
            (B::UnboundedFollowing, _) => return refuse("frame start cannot be UNBOUNDED FOLLOWING"),
            (_, B::UnboundedPreceding) => return refuse("frame end cannot be UNBOUNDED PRECEDING"),
            (B::CurrentRow, B::Preceding(_)) => {
                return refuse("frame starting from current row cannot have preceding rows");
            }
            (B::Following(_), B::Preceding(_) | B::CurrentRow) => {
                return refuse("frame starting from following row cannot have preceding rows");
            }
            _ => {}
        }
        if unit == FrameUnit::Groups && order.is_empty() {
            return refuse("GROUPS mode requires an ORDER BY clause");
        }
        Ok(Frame { unit, start, end, exclusion: Exclusion::None })
    }

    fn frame_bound(
        &mut self,
        bound: &ast::WindowFrameBound,
        unit: FrameUnit,
        order: &[SortKey],
        at: Place<'_>,
    ) -> Result<FrameBound> {
        Ok(match bound {
            ast::WindowFrameBound::CurrentRow => FrameBound::CurrentRow,
            ast::WindowFrameBound::Preceding(None) => FrameBound::UnboundedPreceding,
            ast::WindowFrameBound::Following(None) => FrameBound::UnboundedFollowing,
            ast::WindowFrameBound::Preceding(Some(offset)) => {
                FrameBound::Preceding(Box::new(self.frame_offset(offset, unit, order, at)?))
            }
            ast::WindowFrameBound::Following(Some(offset)) => {
                FrameBound::Following(Box::new(self.frame_offset(offset, unit, order, at)?))
            }
        })
    }

    fn frame_offset(&mut self, offset: &Ast, unit: FrameUnit, order: &[SortKey], at: Place<'_>) -> Result<Expr> {
        let span = offset.start();
        let bound = self.bind(offset, Place { clause: Clause::WindowFrame, ..at })?;
        let (bound, word) = match unit {
            FrameUnit::Rows => (self.specific(bound, Type::new(oid::INT8), "ROWS", span)?, "ROWS"),
            FrameUnit::Groups => (self.specific(bound, Type::new(oid::INT8), "GROUPS", span)?, "GROUPS"),
            FrameUnit::Range => (self.range_offset(bound, order, span)?, "RANGE"),
        };
        if any(&bound, &mut |expr| matches!(expr.kind, ExprKind::Column(_))) {
            return Err(Error::new(
                SqlState::INVALID_COLUMN_REFERENCE,
                format!("argument of {word} must not contain variables"),
            )
            .at(self.position(span)));
        }
        Ok(bound)
    }

    /// The offset of RANGE has the type that is added to the sort key's.
    fn range_offset(&mut self, offset: Expr, order: &[SortKey], span: Span) -> Result<Expr> {
        let [key] = order else {
            return Err(Error::new(
                SqlState::WINDOWING_ERROR,
                "RANGE with offset PRECEDING/FOLLOWING requires exactly one ORDER BY column",
            )
            .at(self.position(span)));
        };
        let target = match builtin::base_of(key.expr.ty.oid) {
            oid::DATE | oid::TIMESTAMP | oid::TIMESTAMPTZ | oid::TIME | oid::TIMETZ | oid::INTERVAL => oid::INTERVAL,
            // Any integer does for the smaller ones.
            oid::INT2 | oid::INT4 if matches!(offset.ty.oid, oid::INT2 | oid::INT4 | oid::INT8) => offset.ty.oid,
            oid::FLOAT4 | oid::FLOAT8 => oid::FLOAT8,
            number @ (oid::INT2 | oid::INT4 | oid::INT8 | oid::NUMERIC) => number,
            _ => {
                return Err(not_implemented(format!(
                    "RANGE with offset PRECEDING/FOLLOWING is not supported for column type {}",
                    display(key.expr.ty)
                ))
                .at(self.position(span)));
            }
        };
        let from = offset.ty;
        self.coerce(offset, Type::new(target), CastContext::Implicit).map_err(|error| {
            let error = if from.oid == oid::UNKNOWN {
                error
            } else {
                not_implemented(format!(
                    "RANGE with offset PRECEDING/FOLLOWING is not supported for column type {} and offset type {}",
                    display(key.expr.ty),
                    display(from)
                ))
                .with_hint("Cast the offset value to an appropriate type.")
            };
            error.at(self.position(span))
        })
    }

    /// Takes the window calls out of an expression: each becomes a column of the Window relation.
    pub(super) fn take_windows(&mut self, expr: Expr, calls: &mut Vec<(Column, WindowCall)>) -> Result<Expr> {
        match expr.kind {
            ExprKind::Window(call) => {
                let column = self.fresh(expr.ty);
                calls.push((column, *call));
                Ok(Expr::column(column.var, expr.ty))
            }
            _ => map_children(expr, &mut |child| self.take_windows(child, calls)),
        }
    }
}

/// The named windows of a SELECT: 42P20 for a name that is defined twice.
pub(super) fn named_windows(definitions: &[ast::NamedWindowDefinition]) -> Result<Arc<[ast::NamedWindowDefinition]>> {
    for (index, definition) in definitions.iter().enumerate() {
        let name = fold(&definition.0);
        if definitions[..index].iter().any(|earlier| fold(&earlier.0) == name) {
            return Err(Error::new(SqlState::WINDOWING_ERROR, format!("window \"{name}\" is already defined")));
        }
    }
    Ok(definitions.into())
}

fn not_implemented(words: impl Into<std::borrow::Cow<'static, str>>) -> Error {
    Error::new(SqlState::FEATURE_NOT_SUPPORTED, words)
}

/// The name of the window that this one builds on, and what EXCLUDE says, which stands with it.
fn without_exclusion(ident: &ast::Ident) -> (Option<ast::Ident>, Exclusion) {
    if ident.quote_style != Some(MARK) {
        return (Some(ident.clone()), Exclusion::None);
    }
    let (words, base) = ident.value.split_once(':').unwrap_or((&ident.value, ""));
    let exclusion = match words {
        EXCLUDE_ROW => Exclusion::CurrentRow,
        EXCLUDE_GROUP => Exclusion::Group,
        EXCLUDE_TIES => Exclusion::Ties,
        _ => Exclusion::None,
    };
    let base =
        (!base.is_empty()).then(|| ast::Ident { value: base.to_owned(), quote_style: Some('"'), span: ident.span });
    (base, exclusion)
}
