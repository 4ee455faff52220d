//! Expressions that call functions whose bodies are run: computed for several rows together, so that whoever runs the
//! bodies is asked once for all of them, and each part only for the rows that need it.

use futures::FutureExt;
use futures::future::BoxFuture;
use storage::Value;

use super::eval::{RowSource, eval};
use super::{ColumnVar, Expr, ExprKind};
use crate::error::{Error, Result};
use crate::execute::lower::walk::{any, map_parts};
use crate::function::EvalContext;
use crate::function::body_call::{BodyPort, called, is_body_call};

/// Whoever runs bodies.
pub(crate) trait Bodies: Send {
    /// What a body of the statement answers to each of several calls.
    fn answers(&mut self, body: usize, calls: Vec<Vec<Value>>) -> impl Future<Output = Result<Vec<Value>>> + Send;
}

/// The rows that an expression is computed for.
pub(crate) trait RowSet: Sync {
    /// The value of a column on a row.
    fn value(&self, row: usize, var: ColumnVar) -> Result<Value>;
}

/// One row without columns.
pub(crate) struct OnlyRow;

impl RowSet for OnlyRow {
    fn value(&self, _: usize, var: ColumnVar) -> Result<Value> {
        Err(Error::internal(format!("column {} where there is no row", var.0)))
    }
}

/// Whether an expression calls a body.
pub(crate) fn calls_body(expr: &Expr) -> bool {
    any(expr, &|part| matches!(&part.kind, ExprKind::Call { function, .. } if is_body_call(function)))
}

/// The values of an expression on rows of a query, whose thread waits for the bodies.
pub(crate) fn values_in_query(
    expr: &Expr,
    context: &EvalContext,
    rows: &dyn RowSet,
    count: usize,
) -> Result<Vec<Value>> {
    let Some(port) = &context.bodies else {
        // Says why.
        return (0..count).map(|row| eval(expr, context, &Row { rows, row, parts: &[], at: 0 })).collect();
    };
    let all: Vec<usize> = (0..count).collect();
    let mut asking = Asking(port);
    let mut computing = Computing { context, rows, bodies: &mut asking };
    computing.values(expr, &all).now_or_never().ok_or_else(|| Error::internal("a query thread has to wait"))?
}

/// Bodies that are asked for through a port.
struct Asking<'p>(&'p BodyPort);

impl Bodies for Asking<'_> {
    async fn answers(&mut self, body: usize, calls: Vec<Vec<Value>>) -> Result<Vec<Value>> {
        self.0.ask(body, calls)
    }
}

/// An expression being computed.
pub(crate) struct Computing<'a, B> {
    pub(crate) context: &'a EvalContext,
    pub(crate) rows: &'a dyn RowSet,
    pub(crate) bodies: &'a mut B,
}

/// What stands for the parts of an expression that were computed before it.
const FIRST_PART: u32 = u32::MAX;

/// A row of the set, with the parts that were computed before.
struct Row<'a> {
    rows: &'a dyn RowSet,
    row: usize,
    parts: &'a [Vec<Value>],
    /// The row's place among those that the parts were computed for.
    at: usize,
}

impl RowSource for Row<'_> {
    fn value(&self, var: ColumnVar) -> Result<Value> {
        let part = usize::try_from(FIRST_PART - var.0).ok().and_then(|number| self.parts.get(number));
        match part {
            Some(values) => Ok(values.get(self.at).cloned().unwrap_or_default()),
            None => self.rows.value(self.row, var),
        }
    }
}

impl<B: Bodies> Computing<'_, B> {
    /// The value of an expression on each of the chosen rows.
    pub(crate) fn values<'s>(&'s mut self, expr: &'s Expr, chosen: &'s [usize]) -> BoxFuture<'s, Result<Vec<Value>>> {
        async move {
            if chosen.is_empty() {
                return Ok(Vec::new());
            }
            if !calls_body(expr) {
                return self.eval_each(expr, chosen, &[]);
            }
            match &expr.kind {
                ExprKind::Call { function, args } if is_body_call(function) => self.call(args, chosen).await,
                ExprKind::And(parts) => self.connective(parts, false, chosen).await,
                ExprKind::Or(parts) => self.connective(parts, true, chosen).await,
                ExprKind::Case { whens, otherwise } => self.case(whens, otherwise.as_deref(), chosen).await,
                ExprKind::Coalesce(parts) => self.coalesce(parts, chosen).await,
                _ => self.around(expr, chosen).await,
            }
        }
        .boxed()
    }

    fn eval_each(&self, expr: &Expr, chosen: &[usize], parts: &[Vec<Value>]) -> Result<Vec<Value>> {
        let row = |(at, row): (usize, &usize)| Row { rows: self.rows, row: *row, parts, at };
        chosen.iter().enumerate().map(|each| eval(expr, self.context, &row(each))).collect()
    }

    async fn call(&mut self, args: &[Expr], chosen: &[usize]) -> Result<Vec<Value>> {
        let Some((number, args)) = args.split_first() else { return Err(Error::internal("a body has a number")) };
        let (body, _) = called(std::slice::from_ref(number.as_const().unwrap_or(&Value::Null)))?;
        let mut calls = vec![Vec::with_capacity(args.len()); chosen.len()];
        for arg in args {
            let values = self.values(arg, chosen).await?;
            calls.iter_mut().zip(values).for_each(|(call, value)| call.push(value));
        }
        let values = self.bodies.answers(body, calls).await?;
        match values.len() == chosen.len() {
            true => Ok(values),
            false => Err(Error::internal("a body answers a value for each call")),
        }
    }

    /// AND (decided by false) or OR (decided by true).
    async fn connective(&mut self, parts: &[Expr], decides: bool, chosen: &[usize]) -> Result<Vec<Value>> {
        let mut values = vec![Value::Bool(!decides); chosen.len()];
        // Places among the chosen rows, and the rows.
        let mut open: Vec<usize> = (0..chosen.len()).collect();
        for part in parts {
            let rows: Vec<usize> = open.iter().map(|at| chosen[*at]).collect();
            let found = self.values(part, &rows).await?;
            let mut left = Vec::with_capacity(open.len());
            for (at, value) in open.into_iter().zip(found) {
                match value {
                    Value::Bool(value) if value == decides => values[at] = Value::Bool(decides),
                    Value::Bool(_) => left.push(at),
                    _ => {
                        values[at] = Value::Null;
                        left.push(at);
                    }
                }
            }
            open = left;
        }
        Ok(values)
    }

    async fn case(&mut self, whens: &[(Expr, Expr)], otherwise: Option<&Expr>, chosen: &[usize]) -> Result<Vec<Value>> {
        let mut values = vec![Value::Null; chosen.len()];
        let mut open: Vec<usize> = (0..chosen.len()).collect();
        for (when, then) in whens {
            let rows: Vec<usize> = open.iter().map(|at| chosen[*at]).collect();
            let holds = self.values(when, &rows).await?;
            let (mut taken, mut left) = (Vec::new(), Vec::new());
            for (at, holds) in open.into_iter().zip(holds) {
                if matches!(holds, Value::Bool(true)) { taken.push(at) } else { left.push(at) }
            }
            self.put(then, &taken, chosen, &mut values).await?;
            open = left;
        }
        if let Some(otherwise) = otherwise {
            self.put(otherwise, &open, chosen, &mut values).await?;
        }
        Ok(values)
    }

    /// Computes an expression for some of the chosen rows and keeps its values at their places.
    async fn put(&mut self, expr: &Expr, places: &[usize], chosen: &[usize], values: &mut [Value]) -> Result<()> {
        let rows: Vec<usize> = places.iter().map(|at| chosen[*at]).collect();
        let found = self.values(expr, &rows).await?;
        for (at, value) in places.iter().zip(found) {
            values[*at] = value;
        }
        Ok(())
    }

    async fn coalesce(&mut self, parts: &[Expr], chosen: &[usize]) -> Result<Vec<Value>> {
        let mut values = vec![Value::Null; chosen.len()];
        let mut open: Vec<usize> = (0..chosen.len()).collect();
        for part in parts {
            self.put(part, &open, chosen, &mut values).await?;
            open.retain(|at| values[*at].is_null());
        }
        Ok(values)
    }

    /// What is computed of its parts, all of which are needed.
    async fn around(&mut self, expr: &Expr, chosen: &[usize]) -> Result<Vec<Value>> {
        let mut calling = Vec::new();
        let node = map_parts(expr.clone(), &mut |part| {
            if !calls_body(&part) {
                return Ok(part);
            }
            let number =
                u32::try_from(calling.len()).map_err(|_| Error::internal("an expression of too many parts"))?;
            let stands = Expr::column(ColumnVar(FIRST_PART - number), part.ty);
            calling.push(part);
            Ok(stands)
        })?;
        let mut parts = Vec::with_capacity(calling.len());
        for part in &calling {
            parts.push(self.values(part, chosen).await?);
        }
        self.eval_each(&node, chosen, &parts)
    }
}
