//! How the tables of functions are written: a line is a row of `pg_proc`, then its evaluator.

use super::{AggregateFunction, AggregateKind, Batch, Eval, Function, TableEval, TableFunction, Volatility};

/// A strict, immutable function: what most are.
pub(crate) const fn immutable(
    oid: u32,
    name: &'static str,
    args: &'static [u32],
    returns: u32,
    eval: Eval,
) -> Function {
    Function {
        oid,
        name,
        args,
        variadic: false,
        returns,
        strict: true,
        volatility: Volatility::Immutable,
        eval,
        batch: None,
    }
}

/// A strict function whose result may change from statement to statement.
pub(crate) const fn stable(oid: u32, name: &'static str, args: &'static [u32], returns: u32, eval: Eval) -> Function {
    let mut function = immutable(oid, name, args, returns, eval);
    function.volatility = Volatility::Stable;
    function
}

/// A strict function whose result may change from call to call.
pub(crate) const fn volatile(oid: u32, name: &'static str, args: &'static [u32], returns: u32, eval: Eval) -> Function {
    let mut function = immutable(oid, name, args, returns, eval);
    function.volatility = Volatility::Volatile;
    function
}

impl Function {
    /// NULL arguments are its own business.
    pub(crate) const fn takes_nulls(mut self) -> Self {
        self.strict = false;
        self
    }

    /// The last argument repeats.
    pub(crate) const fn variadic(mut self) -> Self {
        self.variadic = true;
        self
    }

    pub(crate) const fn batched(mut self, batch: Batch) -> Self {
        self.batch = Some(batch);
        self
    }
}

pub(crate) const fn aggregate(
    oid: u32,
    name: &'static str,
    args: &'static [u32],
    returns: u32,
    kind: AggregateKind,
) -> AggregateFunction {
    AggregateFunction { oid, name, args, returns, kind }
}

pub(crate) const fn table(
    oid: u32,
    name: &'static str,
    args: &'static [u32],
    columns: &'static [(&'static str, u32)],
    eval: TableEval,
) -> TableFunction {
    TableFunction { oid, name, args, columns, eval }
}
