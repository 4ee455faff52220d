//! Functions in FROM: set-returning ones, and scalar ones as a relation of one row.

use datafusion::sql::sqlparser::ast;
use datafusion::sql::sqlparser::tokenizer::Span;

use super::from::{Alias, FromItem};
use super::json::is_populating;
use super::named::{named, place};
use super::names::QualifiedName;
use super::position::Start;
use super::{Binder, Clause, Place, Scope, ScopeColumn, ScopeRelation};
use crate::error::{Error, Result, SqlState};
use crate::expr::{Exclusion, Expr, ExprKind, Frame, FrameBound, FrameUnit, WindowCall};
use crate::function::resolve::{self, Callable, Resolved};
use crate::function::{CastContext, WindowFunction};
use crate::plan::relation::{Column, Relation};
use crate::statement::mend::{MARK, ROWS_FROM};
use crate::types::{Type, builtin, oid};

/// A function in FROM and its arguments.
type ListedCall<'e> = (QualifiedName, Vec<&'e ast::Expr>);

/// Numbers rows as they come.
pub(super) fn row_number() -> WindowCall {
    WindowCall {
        function: WindowFunction::RowNumber,
        args: Vec::new(),
        filter: None,
        partition_by: Vec::new(),
        order_by: Vec::new(),
        frame: Frame {
            unit: FrameUnit::Rows,
            start: FrameBound::UnboundedPreceding,
            end: FrameBound::CurrentRow,
            exclusion: Exclusion::None,
        },
    }
}

impl Binder<'_> {
    pub(super) fn range_function(
        &mut self,
        name: &ast::ObjectName,
        args: &[ast::FunctionArg],
        with_ordinality: bool,
        alias: Option<&ast::TableAlias>,
        left: &Scope,
        refusal: Option<&'static str>,
    ) -> Result<FromItem> {
        if let [ast::ObjectNamePart::Identifier(ident)] = name.0.as_slice()
            && ident.quote_style == Some(MARK)
            && ident.value == ROWS_FROM
        {
            let calls = self.listed_calls(args, ident.span)?;
            return self.rows_from(&calls, with_ordinality, alias, left, refusal);
        }
        let spelt = name;
        let name = self.function_name(spelt)?;
        let mut exprs = Vec::with_capacity(args.len());
        let mut given = Vec::new();
        for arg in args {
            if let Some(named) = named(arg) {
                given.push(named);
                continue;
            }
            if !given.is_empty() {
                let words = "positional argument cannot follow named argument";
                return Err(Error::new(SqlState::SYNTAX_ERROR, words).at(self.position(name.span)));
            }
            match arg {
                ast::FunctionArg::Unnamed(ast::FunctionArgExpr::Expr(expr)) if self.is_output(expr) => {}
                ast::FunctionArg::Unnamed(ast::FunctionArgExpr::Expr(expr)) => exprs.push(expr),
                ast::FunctionArg::Unnamed(_) => {
                    return Err(Error::unsupported("a row as an argument").at(self.position(name.span)));
                }
                ast::FunctionArg::Named { .. } | ast::FunctionArg::ExprNamed { .. } => {
                    return Err(Error::unsupported("a named argument").at(self.position(name.span)));
                }
            }
        }
        if !given.is_empty() {
            match self.place_by_name(&name, &given, &exprs)? {
                Some(placed) => exprs = placed,
                None => place(&name.name, given, &mut exprs).map_err(|error| error.at(self.position(name.span)))?,
            }
        }
        self.function_item((name, Some(spelt)), &exprs, with_ordinality, alias, left, refusal)
    }

    /// UNNEST, which the parser tells apart.
    pub(super) fn unnest(
        &mut self,
        arrays: &[ast::Expr],
        with_ordinality: bool,
        alias: Option<&ast::TableAlias>,
        left: &Scope,
        refusal: Option<&'static str>,
    ) -> Result<FromItem> {
        let span = arrays.first().map_or(Span::empty(), |array| array.start());
        let name = QualifiedName { schema: None, name: "unnest".to_owned(), span };
        if arrays.len() > 1 {
            let calls: Vec<ListedCall<'_>> = arrays.iter().map(|array| (name.clone(), vec![array])).collect();
            return self.rows_from(&calls, with_ordinality, alias, left, refusal);
        }
        let exprs: Vec<&ast::Expr> = arrays.iter().collect();
        self.function_item((name, None), &exprs, with_ordinality, alias, left, refusal)
    }

    /// The functions in `ROWS FROM (…)`.
    fn listed_calls<'e>(&self, args: &'e [ast::FunctionArg], span: Span) -> Result<Vec<ListedCall<'e>>> {
        let mut calls = Vec::with_capacity(args.len());
        for arg in args {
            let ast::FunctionArg::Unnamed(ast::FunctionArgExpr::Expr(ast::Expr::Function(function))) = arg else {
                return Err(Error::unsupported("this item of ROWS FROM").at(self.position(span)));
            };
            let ast::FunctionArguments::List(list) = &function.args else {
                return Err(Error::unsupported("this item of ROWS FROM").at(self.position(span)));
            };
            let exprs = list.args.iter().map(|arg| match arg {
                ast::FunctionArg::Unnamed(ast::FunctionArgExpr::Expr(expr)) => Ok(expr),
                _ => Err(Error::unsupported("this argument in ROWS FROM").at(self.position(span))),
            });
            calls.push((self.name(&function.name)?, exprs.collect::<Result<_>>()?));
        }
        Ok(calls)
    }

    /// Functions side by side; the shorter ones go on with NULL.
    fn rows_from(
        &mut self,
        calls: &[ListedCall<'_>],
        with_ordinality: bool,
        alias: Option<&ast::TableAlias>,
        left: &Scope,
        refusal: Option<&'static str>,
    ) -> Result<FromItem> {
        self.refuse_to_show("ROWS FROM")?;
        let alias = alias.map(Alias::of).transpose()?;
        let ((relation, columns), lateral) = self.lateral(left, refusal, |binder| {
            let mut functions = Vec::with_capacity(calls.len());
            let mut named = Vec::with_capacity(calls.len() + 1);
            for (name, exprs) in calls {
                let scope = Scope::empty();
                let place = Place { scope: &scope, clause: Clause::FromFunction };
                let args = exprs.iter().map(|expr| binder.bind(expr, place)).collect::<Result<Vec<_>>>()?;
                let resolved = binder.resolve_function(name, &args, false)?;
                let function = match resolved.callable {
                    Callable::Table(function) if function.columns.len() == 1 => function,
                    _ => {
                        let what = format!("{} beside other functions in FROM", name.name);
                        return Err(Error::unsupported(what).at(binder.position(name.span)));
                    }
                };
                let args = binder.coerce_arguments(args, &resolved.arg_types, exprs, name.span)?;
                let column = binder.fresh(resolved.return_type);
                named.push(ScopeColumn::new(function.columns[0].0, column, None));
                functions.push((vec![column], function, args));
            }
            let ordinality = with_ordinality.then(|| binder.fresh(Type::new(oid::INT8)));
            named.extend(ordinality.map(|column| ScopeColumn::new("ordinality", column, None)));
            Ok((Relation::ProjectSet { input: Box::new(Relation::OneRow), functions, ordinality }, named))
        })?;
        let alias = alias.unwrap_or_else(|| Alias::plain(calls.first().map_or("", |(name, _)| &name.name)));
        let scalar = columns.len() == 1 && is_scalar(columns[0].expr.ty);
        let scope = Scope::of(ScopeRelation { scalar, ..self.aliased(&alias, columns, None)? });
        Ok(FromItem { relation, scope, lateral })
    }

    fn function_item(
        &mut self,
        (name, spelt): (QualifiedName, Option<&ast::ObjectName>),
        exprs: &[&ast::Expr],
        with_ordinality: bool,
        alias: Option<&ast::TableAlias>,
        left: &Scope,
        refusal: Option<&'static str>,
    ) -> Result<FromItem> {
        let (alias, definitions) = self.record_alias(alias)?;
        if definitions.is_some() {
            self.refuse_to_show("a list of column definitions")?;
        }
        let mut scalar = false;
        let ((relation, mut columns), lateral) = self.lateral(left, refusal, |binder| {
            let scope = Scope::empty();
            let place = Place { scope: &scope, clause: Clause::FromFunction };
            let mut args = Vec::with_capacity(exprs.len());
            for expr in exprs {
                args.push(binder.argument(&name.name, expr, place)?);
            }
            if let Some(definitions) = definitions.is_none().then(|| binder.populated(&name, &args)).flatten() {
                return binder.populated_set(&name, exprs, args, definitions, with_ordinality);
            }
            if let Some(definitions) = &definitions
                && is_populating(&name.name)
                && args.len() == 2
                && args[0].ty.oid == oid::RECORD
            {
                return binder.populated_set(&name, exprs, args, definitions.clone(), with_ordinality);
            }
            let resolved = binder.resolve_function(&name, &args, false)?;
            binder.notes_waiting(&resolved);
            scalar = definitions.is_none() && !with_ordinality && is_scalar(resolved.return_type);
            if let Callable::Sql(oid) = resolved.callable {
                if let Some(spelt) = spelt {
                    binder.record_function(spelt, oid);
                }
                return binder.sql_item(&name, oid, exprs, (args, definitions), &resolved, with_ordinality);
            }
            if let Some(definitions) = definitions {
                return binder.record_relation(
                    &name,
                    exprs,
                    (args, Vec::new()),
                    resolved,
                    definitions,
                    with_ordinality,
                );
            }
            binder.function_relation(&name, exprs, args, resolved, with_ordinality)
        })?;
        // The one column of a function takes the alias for its name, unless the function has named it.
        let unnamed = columns.len() == 1 + usize::from(with_ordinality) && columns[0].name == name.name;
        if let (true, Some(alias)) = (unnamed, &alias) {
            columns[0].name.clone_from(&alias.name);
        }
        let alias = alias.unwrap_or_else(|| Alias::plain(&name.name));
        let scalar = scalar && columns.len() == 1;
        let scope = Scope::of(ScopeRelation { scalar, ..self.aliased(&alias, columns, None)? });
        if self.is_showing() {
            self.show_function(&relation, with_ordinality, &alias.name, &scope.columns, lateral)?;
        }
        Ok(FromItem { relation, scope, lateral })
    }

    /// A function that SQL defined.
    fn sql_item(
        &mut self,
        name: &QualifiedName,
        oid: u32,
        exprs: &[&ast::Expr],
        (args, definitions): (Vec<Expr>, Option<super::json::Definitions>),
        resolved: &Resolved,
        with_ordinality: bool,
    ) -> Result<(Relation, Vec<ScopeColumn>)> {
        let function = self.concrete(oid, resolved, false)?;
        self.refuse_procedure(&function, name, &args)?;
        let args = self.sql_arguments(&function, args, &resolved.arg_types, exprs, name.span)?;
        let definitions: Option<Vec<(String, Type)>> =
            definitions.map(|list| list.into_iter().map(|(name, ty, _)| (name, ty)).collect());
        if self.is_showing() {
            let columns = self.result_columns(&function, definitions)?;
            let (relation, mut named) = self.kept_rows(&function, args, columns);
            if with_ordinality {
                let column = self.fresh(Type::new(oid::INT8));
                named.push(ScopeColumn::new("ordinality", column, None));
            }
            return Ok((relation, named));
        }
        if with_ordinality {
            // The rows would have to be numbered in the order of the body.
            let what = format!("WITH ORDINALITY of the function {}", function.name);
            return Err(Error::unsupported(what).at(self.position(name.span)));
        }
        self.sql_relation(&function, args, definitions, name.span)
    }

    fn function_relation(
        &mut self,
        name: &QualifiedName,
        exprs: &[&ast::Expr],
        args: Vec<Expr>,
        resolved: Resolved,
        with_ordinality: bool,
    ) -> Result<(Relation, Vec<ScopeColumn>)> {
        let span = name.span;
        let refuse = |binder: &Self, error: Error| Err(error.at(binder.position(span)));
        let scalar = match resolved.callable {
            Callable::Table(function) if function.columns.is_empty() => {
                let words = "a column definition list is required for functions returning \"record\"";
                return refuse(self, Error::new(SqlState::SYNTAX_ERROR, words));
            }
            Callable::Table(function) => {
                let args = self.coerce_arguments(args, &resolved.arg_types, exprs, span)?;
                let single = function.columns.len() == 1;
                let unnamed = single && function.columns[0].0 == function.name;
                let columns: Vec<Column> = function
                    .columns
                    .iter()
                    .map(|(_, ty)| {
                        let of_several = || resolve::column_type(*ty, &resolved.arg_types);
                        self.fresh(if single { resolved.return_type } else { of_several() })
                    })
                    .collect();
                let mut named: Vec<ScopeColumn> = function
                    .columns
                    .iter()
                    .zip(&columns)
                    .map(|((column, _), var)| {
                        ScopeColumn::new(if unnamed { function.name } else { column }, *var, None)
                    })
                    .collect();
                let ordinality = with_ordinality.then(|| self.fresh(Type::new(oid::INT8)));
                named.extend(ordinality.map(|column| ScopeColumn::new("ordinality", column, None)));
                return Ok((Relation::Function { function, args, columns, ordinality }, named));
            }
            Callable::Function(function) => {
                let domain = args.first().map(|arg| arg.ty).filter(|ty| builtin::is_domain(ty.oid));
                let domain = domain.filter(|_| resolve::fills_row(function) && !self.is_showing());
                let mut args = self.coerce_arguments(args, &resolved.arg_types, exprs, span)?;
                if resolve::takes_json_forms(function) && !self.is_showing() {
                    args = resolve::json_forms(function, args);
                }
                let call = Expr::new(ExprKind::Call { function, args }, resolved.return_type);
                match domain {
                    Some(domain) => self.coerce_at(call, domain, CastContext::Explicit, span)?,
                    None => call,
                }
            }
            Callable::Cast(target) => {
                let arg = args.into_iter().next().ok_or_else(|| Error::internal("a cast has an argument"))?;
                self.coerce_at(arg, target, CastContext::Explicit, span)?
            }
            Callable::Aggregate(_) => {
                return refuse(
                    self,
                    Error::new(SqlState::GROUPING_ERROR, "aggregate functions are not allowed in functions in FROM"),
                );
            }
            Callable::Sql(_) => return Err(Error::internal("functions that SQL defined are bound above")),
            Callable::Window(_) => {
                let words = format!("window function {} requires an OVER clause", name.name);
                return refuse(self, super::call::wrong_object(words));
            }
        };
        self.scalar_relation(scalar, name, with_ordinality)
    }

    /// CURRENT_DATE and the other functions without parentheses, as one row.
    pub(super) fn keyword_item(
        &mut self,
        name: &QualifiedName,
        with_ordinality: bool,
        alias: Option<&ast::TableAlias>,
    ) -> Result<FromItem> {
        let (alias, definitions) = self.record_alias(alias)?;
        if definitions.is_some() {
            let words = "a column definition list is only allowed for functions returning \"record\"";
            return Err(Error::new(SqlState::SYNTAX_ERROR, words).at(self.position(name.span)));
        }
        let value = self.keyword(&name.name, name.span)?;
        let (relation, mut columns) = self.scalar_relation(value, name, with_ordinality)?;
        let alias = alias.unwrap_or_else(|| Alias::plain(&name.name));
        if let [only] = columns.as_mut_slice() {
            only.name.clone_from(&alias.name);
        }
        let scope = Scope::of(self.aliased(&alias, columns, None)?);
        if self.is_showing() {
            self.show_function(&relation, with_ordinality, &alias.name, &scope.columns, false)?;
        }
        Ok(FromItem::plain(relation, scope))
    }

    /// A value as the one row of a relation.
    fn scalar_relation(
        &mut self,
        scalar: Expr,
        name: &QualifiedName,
        with_ordinality: bool,
    ) -> Result<(Relation, Vec<ScopeColumn>)> {
        let span = name.span;
        let column = self.fresh(scalar.ty);
        let mut input = Relation::OneRow;
        let (mut columns, mut named) = (Vec::new(), Vec::new());
        if builtin::is_composite(builtin::base_of(scalar.ty.oid)) {
            // A row is as many columns as it has fields.
            input = Relation::Project { input: Box::new(input), columns: vec![(column, scalar)] };
            for (field, value) in self.fields(&Expr::column(column.var, column.ty), span)? {
                let column = self.fresh(value.ty);
                columns.push((column, value));
                named.push(ScopeColumn::new(field, column, None));
            }
        } else {
            columns.push((column, scalar));
            named.push(ScopeColumn::new(name.name.as_str(), column, None));
        }
        if with_ordinality {
            let ordinality = self.fresh(Type::new(oid::INT8));
            columns.push((ordinality, Expr::constant(storage::Value::Int8(1), ordinality.ty)));
            named.push(ScopeColumn::new("ordinality", ordinality, None));
        }
        Ok((Relation::Project { input: Box::new(input), columns }, named))
    }
}

/// Whether values of a type are no rows, so that a function's row is the value that it answers.
fn is_scalar(ty: Type) -> bool {
    ty.oid != oid::RECORD && !builtin::is_composite(builtin::base_of(ty.oid))
}
