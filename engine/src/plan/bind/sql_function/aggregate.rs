//! Calls of aggregates that SQL defined.
//!
//! `array_agg` gathers the rows of a group, in the order that the call says. What the aggregate's functions make of them
//! is an expression over that array ([`Fold`]), with the bodies of these functions in it.

use std::sync::Arc;

use datafusion::sql::sqlparser::ast;

use super::super::call::{Arguments, BoundCall};
use super::super::names::QualifiedName;
use super::super::{Binder, Clause, Place, Scope};
use super::argument::has_subquery;
use super::{ROUTINE, is_row_type};
use crate::catalog::pg_catalog::routine::routine_by_oid;
use crate::catalog::{Aggregation, Language, Parameter, ParameterMode, SqlFunction};
use crate::error::{Error, Result};
use crate::expr::called::calls_body;
use crate::expr::walk::is_volatile;
use crate::expr::{AggregateCall, Expr, ExprKind, Fold};
use crate::function::record::record;
use crate::function::resolve::{Callable, Resolved};
use crate::function::{Volatility, aggregates_named, functions, functions_named, read_text};
use crate::plan::relation::Column;
use crate::types::text::quote_identifier;
use crate::types::{Type, builtin, oid};

/// A function that an aggregate is to call.
pub(crate) struct AggregatePart {
    pub(crate) oid: u32,
    pub(crate) name: String,
    pub(crate) returns: u32,
    pub(crate) strict: bool,
}

impl Binder<'_> {
    /// Which function takes values of these types, polymorphic ones if the aggregate's are.
    pub(crate) fn aggregate_part(&self, name: &QualifiedName, types: &[u32]) -> Result<AggregatePart> {
        let defined = self.sql_functions(name)?;
        let part = |own: &SqlFunction| AggregatePart {
            oid: own.oid,
            name: own.name.clone(),
            returns: own.returns,
            strict: own.strict,
        };
        if let Some(own) = defined.iter().find(|own| own.input_types() == types && own.aggregate.is_none()) {
            return Ok(part(own));
        }
        let is_built_in = name.schema.as_deref().is_none_or(|schema| schema == "pg_catalog");
        let exact = functions_named(&name.name).iter().find(|own| own.args == types).filter(|_| is_built_in);
        if let Some(own) = exact {
            let name = own.name.to_owned();
            return Ok(AggregatePart { oid: own.oid, name, returns: own.returns, strict: own.strict });
        }
        let column = |(at, ty): (usize, &u32)| Expr::column(crate::expr::ColumnVar(at as u32), Type::new(*ty));
        let args: Vec<Expr> = types.iter().enumerate().map(column).collect();
        let resolved = self.resolve_function(name, &args, false)?;
        let returns = resolved.return_type.oid;
        match resolved.callable {
            Callable::Function(own) => {
                Ok(AggregatePart { oid: own.oid, name: own.name.to_owned(), returns, strict: own.strict })
            }
            Callable::Sql(oid) => Ok(AggregatePart { returns, ..part(&*self.sql_function(oid)?) }),
            _ => Err(Error::unsupported(format!("an aggregate of {name}"))),
        }
    }

    /// Whether a name is that of an aggregate that SQL defined.
    pub(in crate::plan::bind) fn names_own_aggregate(&self, name: &QualifiedName) -> Result<bool> {
        Ok(self.sql_functions(name)?.iter().any(|function| function.aggregate.is_some()))
    }

    /// The aggregate that SQL defined, if a call means one.
    pub(in crate::plan::bind) fn own_aggregate_of(&self, resolved: &Resolved) -> Option<u32> {
        let Callable::Sql(oid) = resolved.callable else { return None };
        self.catalog.functions.get(&oid)?.aggregate.is_some().then_some(oid)
    }

    /// A call of such an aggregate, over a window or a group.
    pub(in crate::plan::bind) fn own_aggregate(
        &mut self,
        call: BoundCall<'_>,
        oid: u32,
        over: Option<&ast::WindowType>,
        at: Place<'_>,
    ) -> Result<Expr> {
        let BoundCall { name, written, args, filter, resolved } = call;
        let span = name.span;
        let function = self.concrete(oid, &resolved, false)?;
        let Some(aggregate) = function.aggregate.as_deref() else {
            return Err(Error::internal("a function that is no aggregate is called as one"));
        };
        self.check_call(&function, at.clause).map_err(|error| self.at_call(error, span))?;
        let args = self.coerce_arguments(args, &resolved.arg_types, &written.exprs, span)?;
        let types: Vec<Type> = args.iter().map(|arg| arg.ty).collect();
        let plain = match types.as_slice() {
            [only] => builtin::element_of(only.oid).is_none() && !is_row_type(*only),
            _ => false,
        };
        let shown =
            self.is_showing().then(|| self.catalog.sql_function_shown(&function, &self.context.session.search_path));
        if (shown.is_some() || self.record.is_some()) && over.is_some() {
            return Err(Error::unsupported("an aggregate that SQL defined over a window in a view"));
        }
        if written.distinct && !plain {
            let what = format!("DISTINCT for the aggregate {}", function.name);
            return Err(Error::unsupported(what).at(self.position(span)));
        }
        let gathered = match (plain || shown.is_some(), args) {
            (true, args) => args,
            (false, args) => vec![as_row(args)],
        };
        let array_agg = QualifiedName { schema: Some("pg_catalog".to_owned()), name: "array_agg".to_owned(), span };
        let rows = if shown.is_some() {
            let Arguments { distinct, order_by, .. } = written;
            self.shown_aggregate((distinct, order_by), gathered, filter, at)?
        } else {
            let resolved = self.resolve_function(&array_agg, &gathered, false)?;
            let exprs = written.exprs.first().copied().into_iter().collect();
            let written = Arguments { star: false, exprs, ..written };
            let call = BoundCall { name: array_agg, written, args: gathered, filter, resolved };
            match over {
                Some(over) => self.window_call(call, over, at)?,
                None => self.apply(call, at)?,
            }
        };
        let state = self.fresh(Type::new(aggregate.state));
        let inputs: Vec<Column> = types.iter().map(|ty| self.fresh(*ty)).collect();
        let value = |column: &Column| Expr::column(column.var, column.ty);
        let of_row: Vec<Expr> = [&state].into_iter().chain(&inputs).map(value).collect();
        let transition = self.part_called(&function, aggregate.transition, of_row.clone(), state.ty)?;
        let returns = Type::new(function.returns);
        let finish = match aggregate.finish {
            None => value(&state),
            Some(finish) => {
                let given = if aggregate.finish_extra { of_row } else { vec![value(&state)] };
                self.part_called(&function, finish, given, returns)?
            }
        };
        let initial = match &aggregate.initial {
            None => storage::Value::Null,
            Some(text) => read_text(text, state.ty, self.context)?,
        };
        let strict = self.is_strict(aggregate);
        let fold = Fold {
            aggregate: function.oid,
            rows,
            plain,
            state: state.var,
            inputs: inputs.iter().map(|input| input.var).collect(),
            initial,
            strict,
            transition,
            finish,
            shown,
        };
        Ok(Expr::new(ExprKind::Fold(Box::new(fold)), returns))
    }

    /// The call as it is to be written back.
    fn shown_aggregate(
        &mut self,
        (distinct, order_by): (bool, &[ast::OrderByExpr]),
        args: Vec<Expr>,
        filter: Option<&ast::Expr>,
        at: Place<'_>,
    ) -> Result<Expr> {
        let order_by = self.sort_keys(order_by, Place { clause: Clause::AggregateArgument, ..at })?;
        let filter =
            filter.map(|filter| self.condition_at(filter, Place { clause: Clause::Filter, ..at })).transpose()?;
        self.select.aggregates = true;
        let gathering = aggregates_named("array_agg").first().copied();
        let function = gathering.ok_or_else(|| Error::internal("array_agg is gone"))?;
        let call = AggregateCall { function, args, distinct, filter, order_by };
        Ok(Expr::new(ExprKind::Aggregate(Box::new(call)), Type::new(oid::RECORD_ARRAY)))
    }

    fn is_strict(&self, aggregate: &Aggregation) -> bool {
        match self.catalog.functions.get(&aggregate.transition) {
            Some(own) => own.strict,
            None => functions().any(|own| own.oid == aggregate.transition && own.strict),
        }
    }

    /// A call of one of the aggregate's functions, as an expression over the columns that are given.
    fn part_called(&mut self, aggregate: &SqlFunction, called: u32, args: Vec<Expr>, returns: Type) -> Result<Expr> {
        let numbers: Vec<String> = (1..=args.len()).map(|number| format!("${number}")).collect();
        let (prefix, name) = match self.catalog.functions.get(&called) {
            Some(own) => (format!("{ROUTINE}.\"{called}\""), own.name.clone()),
            None => {
                let known = routine_by_oid(called).ok_or_else(|| Error::internal("a built-in function is gone"))?;
                ("pg_catalog".to_owned(), known.0.into_owned())
            }
        };
        let declared =
            |arg: &Expr| Parameter { name: String::new(), ty: arg.ty.oid, mode: ParameterMode::In, default: None };
        let step = SqlFunction {
            parameters: args.iter().map(declared).collect(),
            returns: returns.oid,
            volatility: Volatility::Immutable,
            language: Language::Sql,
            body: format!("SELECT {prefix}.{}({})", quote_identifier(&name), numbers.join(", ")),
            aggregate: None,
            acl: None,
            ..aggregate.clone()
        };
        let scope = Scope::empty();
        let place = Place { scope: &scope, clause: Clause::Select };
        let value =
            self.sql_call(&Arc::new(step), args, datafusion::sql::sqlparser::tokenizer::Span::empty(), place)?;
        if has_subquery(&value) || calls_body(&value) {
            let what = format!("the aggregate {}, whose function {name} is more than an expression,", aggregate.name);
            return Err(Error::unsupported(what));
        }
        if is_volatile(&value) {
            let what = format!("the aggregate {}, whose function {name} is volatile,", aggregate.name);
            return Err(Error::unsupported(what));
        }
        Ok(value)
    }
}

/// The arguments as one row.
fn as_row(args: Vec<Expr>) -> Expr {
    let named = |(at, arg): (usize, Expr)| (format!("f{}", at + 1), arg);
    record(oid::RECORD, args.into_iter().enumerate().map(named).collect())
}
