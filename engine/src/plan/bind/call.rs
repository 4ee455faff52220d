//! Function calls: scalar functions, aggregates, set-returning functions, casts written as calls, and the
//! constructs that look like calls (COALESCE, GREATEST, …).

use datafusion::sql::sqlparser::ast::{self, Expr as Ast};
use datafusion::sql::sqlparser::tokenizer::Span;

use super::names::QualifiedName;
use super::position::{Sides, Start};
use super::variadic::array_of_arguments;
use super::walk::{any, map_outer};
use super::within_group::WithinGroup;
use super::{Binder, Clause, Place, SetCall};
use crate::catalog::Extension;
use crate::error::{Error, Result, SqlState};
use crate::expr::shown::Syntax;
use crate::expr::{AggregateCall, Expr, ExprKind, SortKey};
use crate::function::record::record;
use crate::function::resolve::{self, Callable, Resolved};
use crate::function::{
    AggregateFunction, CastContext, Function, GROUPING, TableFunction, Volatility, aggregates_named,
    range_constructors, waits, wants_type,
};
use crate::plan::relation::Column;
use crate::types::{Type, builtin, display, oid};

/// A call's arguments as they were written.
pub(super) struct Arguments<'e> {
    pub(super) star: bool,
    pub(super) distinct: bool,
    pub(super) exprs: Vec<&'e Ast>,
    pub(super) order_by: &'e [ast::OrderByExpr],
}

/// A call whose arguments are bound.
pub(super) struct BoundCall<'e> {
    pub(super) name: QualifiedName,
    pub(super) written: Arguments<'e>,
    pub(super) args: Vec<Expr>,
    pub(super) filter: Option<&'e Ast>,
    pub(super) resolved: Resolved,
}

/// The two forms of `array_to_string`, which print elements whose type they are not told.
const PRINT_ELEMENTS: [u32; 2] = [395, 384];

impl Binder<'_> {
    pub(super) fn call(&mut self, call: &ast::Function, at: Place<'_>) -> Result<Expr> {
        let ast::Function { name, uses_odbc_syntax, parameters, args, filter, null_treatment, over, within_group } =
            call;
        let span = name.start();
        let refuse = |binder: &Self, what: &str| Err(Error::unsupported(what).at(binder.position(span)));
        if *uses_odbc_syntax {
            return refuse(self, "the ODBC escape {fn …}");
        }
        if !matches!(parameters, ast::FunctionArguments::None) {
            return refuse(self, "a parametric aggregate");
        }
        if null_treatment.is_some() {
            return refuse(self, "IGNORE NULLS or RESPECT NULLS");
        }
        let plain = match name.0.as_slice() {
            [ast::ObjectNamePart::Identifier(ident)] if ident.quote_style.is_none() => {
                Some(ident.value.to_ascii_lowercase())
            }
            _ => None,
        };
        let list = match args {
            ast::FunctionArguments::None if name.0.len() > 1 => {
                // The parser takes `t.user` for a call of USER.
                let parts = name.0.iter().filter_map(|part| part.as_ident().cloned()).collect::<Vec<_>>();
                return self.qualified(&parts, at);
            }
            ast::FunctionArguments::None => {
                return self.keyword(plain.as_deref().unwrap_or_default(), span);
            }
            ast::FunctionArguments::Subquery(query) if plain.as_deref() == Some("array") => {
                return self.array_subquery(query, at);
            }
            ast::FunctionArguments::Subquery(_) => {
                return refuse(self, "a subquery without parentheses as an argument");
            }
            ast::FunctionArguments::List(list) => list,
        };
        let spelt = name;
        let written = self.arguments(plain.as_deref(), spelt, list, span)?;
        if !within_group.is_empty() {
            if over.is_some() {
                return refuse(self, "OVER for an ordered-set aggregate");
            }
            let name = self.name(name)?;
            let call = WithinGroup { name, written, keys: within_group, filter: filter.as_deref() };
            return self.within_group(call, at);
        }
        if over.is_none()
            && filter.is_none()
            && let Some(plain) = &plain
        {
            if let ("normalize", [value, Ast::Identifier(form)]) = (plain.as_str(), written.exprs.as_slice())
                && form.quote_style.is_none()
            {
                return self.normalized(value, &form.value, span, at);
            }
            if let Some(construct) = self.construct(plain, &written, span, at)? {
                return Ok(construct);
            }
            if let Some(time) = self.keyword_with_precision(plain, &written.exprs, span)? {
                return Ok(time);
            }
        }
        let name = self.function_name(spelt)?;
        if over.is_none()
            && filter.is_none()
            && !written.distinct
            && written.order_by.is_empty()
            && let Some((last, fixed)) = written.exprs.split_last()
            && let Some(array) = array_of_arguments(last)
        {
            return self.variadic_call(&name, fixed, array, at);
        }
        let inner = match over {
            Some(_) => Clause::WindowArgument,
            None if aggregates_named(&name.name).is_empty() && !self.names_own_aggregate(&name)? => at.clause,
            None => Clause::AggregateArgument,
        };
        let mut bound = Vec::with_capacity(written.exprs.len());
        for expr in &written.exprs {
            bound.push(self.argument(&name.name, expr, Place { clause: inner, ..at })?);
        }
        let resolved = self.resolve_function(&name, &bound, written.star)?;
        self.notes_waiting(&resolved);
        if let Callable::Sql(oid) = resolved.callable {
            self.record_function(spelt, oid);
        }
        let own = self.own_aggregate_of(&resolved);
        let call = BoundCall { name, written, args: bound, filter: filter.as_deref(), resolved };
        if let Some(oid) = own {
            return self.own_aggregate(call, oid, over.as_ref(), at);
        }
        match over {
            Some(over) => self.window_call(call, over, at),
            None => self.apply(call, at),
        }
    }

    /// Notes whether what is called may have to wait.
    pub(super) fn notes_waiting(&mut self, resolved: &Resolved) {
        if let Callable::Function(function) = resolved.callable {
            self.waits |= waits(function);
            self.calls_volatile |= function.volatility == Volatility::Volatile;
        }
    }

    /// Takes a call's parentheses apart.
    pub(super) fn arguments<'e>(
        &self,
        name: Option<&str>,
        spelt: &ast::ObjectName,
        list: &'e ast::FunctionArgumentList,
        span: Span,
    ) -> Result<Arguments<'e>> {
        let ast::FunctionArgumentList { duplicate_treatment, args, clauses } = list;
        let refuse = |what: &str| Err(Error::unsupported(what).at(self.position(span)));
        let distinct = matches!(duplicate_treatment, Some(ast::DuplicateTreatment::Distinct));
        let mut written = Arguments { star: false, distinct, exprs: Vec::with_capacity(args.len()), order_by: &[] };
        let mut given = Vec::new();
        for arg in args {
            if let Some(named) = super::named::named(arg) {
                given.push(named);
                continue;
            }
            if !given.is_empty() {
                return Err(Error::new(SqlState::SYNTAX_ERROR, "positional argument cannot follow named argument")
                    .at(self.position(span)));
            }
            match arg {
                ast::FunctionArg::Unnamed(ast::FunctionArgExpr::Expr(expr)) if self.is_output(expr) => {}
                ast::FunctionArg::Unnamed(ast::FunctionArgExpr::Expr(expr)) => written.exprs.push(expr),
                ast::FunctionArg::Unnamed(ast::FunctionArgExpr::Wildcard) if args.len() == 1 => written.star = true,
                ast::FunctionArg::Unnamed(ast::FunctionArgExpr::WildcardWithOptions(options))
                    if args.len() == 1 && *options == Default::default() =>
                {
                    written.star = true;
                }
                ast::FunctionArg::Unnamed(_) => return refuse("a row as an argument"),
                ast::FunctionArg::Named { .. } | ast::FunctionArg::ExprNamed { .. } => {
                    return refuse("a named argument");
                }
            }
        }
        if !given.is_empty() {
            match self.place_by_name(&self.function_name(spelt)?, &given, &written.exprs)? {
                Some(placed) => written.exprs = placed,
                None => super::named::place(name.unwrap_or_default(), given, &mut written.exprs)
                    .map_err(|error| error.at(self.position(span)))?,
            }
        }
        for clause in clauses {
            match clause {
                ast::FunctionArgumentClause::OrderBy(keys) => written.order_by = keys,
                ast::FunctionArgumentClause::IgnoreOrRespectNulls(_) => return refuse("IGNORE NULLS or RESPECT NULLS"),
                ast::FunctionArgumentClause::Limit(_) => return refuse("LIMIT in an argument list"),
                ast::FunctionArgumentClause::OnOverflow(_) => return refuse("ON OVERFLOW"),
                ast::FunctionArgumentClause::Having(_) => return refuse("HAVING in an argument list"),
                ast::FunctionArgumentClause::Separator(_) => return refuse("SEPARATOR in an argument list"),
                ast::FunctionArgumentClause::JsonNullClause(_) => return refuse("NULL ON NULL"),
                ast::FunctionArgumentClause::JsonReturningClause(_) => return refuse("RETURNING in an argument list"),
            }
        }
        Ok(written)
    }

    /// COALESCE and its kin, which are grammar and not functions.
    fn construct(&mut self, name: &str, written: &Arguments<'_>, span: Span, at: Place<'_>) -> Result<Option<Expr>> {
        if !["coalesce", "greatest", "least", "nullif", "row", "grouping"].contains(&name) {
            return Ok(None);
        }
        if written.star || written.distinct || !written.order_by.is_empty() {
            return Err(Error::new(SqlState::SYNTAX_ERROR, format!("syntax error in {}", name.to_uppercase()))
                .at(self.position(span)));
        }
        match name {
            "row" => return Err(Error::unsupported("a row constructor here").at(self.position(span))),
            "grouping" => return self.grouping(written, span, at).map(Some),
            _ => {}
        }
        let refusal = if name == "coalesce" { self.sets_refused.replace("COALESCE") } else { self.sets_refused };
        let mut args = Vec::with_capacity(written.exprs.len());
        for expr in &written.exprs {
            args.push((self.bind(expr, at)?, expr.start()));
        }
        self.sets_refused = refusal;
        if args.is_empty() || name == "nullif" && args.len() != 2 {
            return Err(Error::new(SqlState::SYNTAX_ERROR, "syntax error at or near \")\"").at(self.position(span)));
        }
        if name == "nullif" {
            return self.null_if(args, span).map(Some);
        }
        let (args, ty) = self.unify(args, &name.to_uppercase())?;
        let kind = match name {
            "coalesce" => ExprKind::Coalesce(args),
            _ => {
                let less = resolve::less_than(ty).map_err(|error| error.at(self.position(span)))?;
                ExprKind::Extreme { greatest: name == "greatest", less, args }
            }
        };
        Ok(Some(Expr::new(kind, ty)))
    }

    /// `GROUPING(a, b)`: an aggregate of no rows, whose value each grouping set decides.
    fn grouping(&mut self, written: &Arguments<'_>, span: Span, at: Place<'_>) -> Result<Expr> {
        if at.clause.aggregate_refusal().is_some() {
            let words = format!("grouping operations are not allowed in {}", at.clause.name());
            return Err(Error::new(SqlState::GROUPING_ERROR, words).at(self.position(span)));
        }
        if written.exprs.len() >= 32 {
            return Err(Error::new(SqlState::TOO_MANY_ARGUMENTS, "GROUPING must have fewer than 32 arguments")
                .at(self.position(span)));
        }
        let mut args = Vec::with_capacity(written.exprs.len());
        for expr in &written.exprs {
            args.push(self.bind(expr, at)?);
        }
        self.select.aggregates = true;
        let call = AggregateCall { function: &GROUPING, args, distinct: false, filter: None, order_by: Vec::new() };
        Ok(Expr::new(ExprKind::Aggregate(Box::new(call)), Type::new(oid::INT4)))
    }

    fn null_if(&mut self, args: Vec<(Expr, Span)>, span: Span) -> Result<Expr> {
        let mut args = args.into_iter();
        let (Some((left, left_span)), Some((right, right_span))) = (args.next(), args.next()) else {
            return Err(Error::internal("NULLIF has two arguments"));
        };
        let sides = Sides { words: "nullif", left: span, right: left_span };
        let (equal, left_type, right_type) = self.comparison("=", left.ty, right.ty, sides)?;
        let left = self.coerce_at(left, left_type, CastContext::Implicit, left_span)?;
        let right = self.coerce_at(right, right_type, CastContext::Implicit, right_span)?;
        let ty = left.ty;
        Ok(Expr::new(ExprKind::NullIf { equal, left: Box::new(left), right: Box::new(right) }, ty))
    }

    /// The functions of extensions that a name means. What the catalog keeps finds them on whatever search path.
    fn extension_functions(&self, name: &QualifiedName) -> Vec<&'static Function> {
        if self.catalog.extensions.is_empty() {
            return Vec::new();
        }
        let within = |schema: u32| self.catalog.extension_functions(schema, &name.name);
        if let Some(schema) = &name.schema {
            return self.catalog.schema_named(schema).map_or_else(Vec::new, |schema| within(schema.oid));
        }
        let path = self.catalog.path(&self.context.session.search_path);
        let found = path.map(|schema| within(schema.oid)).find(|found| !found.is_empty());
        found.unwrap_or_else(|| match self.text.is_empty() || self.inside.is_some() || self.showing.is_some() {
            true => self.catalog.schemas.keys().flat_map(|schema| within(*schema)).collect(),
            false => Vec::new(),
        })
    }

    /// What makes ranges of the type that has the name, if SQL defined it.
    fn range_constructors(&self, name: &QualifiedName) -> &'static [Function] {
        if self.catalog.types.is_empty() {
            return &[];
        }
        let found = self.catalog.find_type(name.schema.as_deref(), &name.name, &self.context.session.search_path);
        found.map_or(&[], range_constructors)
    }

    /// An extension of this database that has a function of that name in PostgreSQL, but not here.
    fn extension_lacking(&self, name: &str) -> Option<&Extension> {
        let lacks = |extension: &&Extension| extension.brings().is_some_and(|brings| brings.absent.contains(&name));
        self.catalog.extensions.values().map(|extension| &**extension).find(lacks)
    }

    /// Which function a name and arguments mean.
    pub(super) fn resolve_function(&self, name: &QualifiedName, args: &[Expr], star: bool) -> Result<Resolved> {
        let types: Vec<Type> = args.iter().map(|arg| arg.ty).collect();
        let position = |error: Error| error.at(self.position(name.span));
        let mut extended = self.extension_functions(name);
        extended.extend(self.range_constructors(name));
        let defined = self.sql_functions(name)?;
        let in_catalog = match name.schema.as_deref() {
            None | Some("pg_catalog") | Some("information_schema") => true,
            Some(_) if !defined.is_empty() => false,
            Some(schema) if self.catalog.schema_named(schema).is_none() => {
                return Err(position(Error::new(
                    SqlState::INVALID_SCHEMA_NAME,
                    format!("schema \"{schema}\" does not exist"),
                )));
            }
            Some(_) => false,
        };
        self.check_asks_of_role(&name.name).map_err(position)?;
        let resolved = match (in_catalog, extended.as_slice()) {
            (searched, extended) if !defined.is_empty() => {
                Some(self.resolve_defined(name, &types, (searched, false), extended, &defined))
            }
            (true, []) => Some(resolve::function(&name.name, &types)),
            (true, extended) => Some(resolve::extended_function(&name.name, &types, extended)),
            (false, []) => None,
            (false, own) => Some(resolve::function_of_extension(&name.name, &types, own)),
        };
        if !matches!(resolved, Some(Ok(_)))
            && let Some(extension) = self.extension_lacking(&name.name)
        {
            let what = format!("function {} of extension {}", name.name, extension.name);
            return Err(position(Error::unsupported(what)));
        }
        match resolved {
            Some(Ok(resolved)) => {
                let aggregate =
                    matches!(resolved.callable, Callable::Aggregate(_)) || self.own_aggregate_of(&resolved).is_some();
                if star && !aggregate {
                    return Err(position(wrong_object(format!(
                        "{0}(*) specified, but {0} is not an aggregate function",
                        name.name
                    ))));
                }
                if aggregate && !star && args.is_empty() {
                    return Err(position(wrong_object(format!(
                        "{}(*) must be used to call a parameterless aggregate function",
                        name.name
                    ))));
                }
                Ok(resolved)
            }
            Some(Err(error)) if name.schema.is_none() || error.sql_state() != SqlState::UNDEFINED_FUNCTION => {
                Err(position(error))
            }
            _ => {
                let types: Vec<String> = types.iter().map(|ty| display(*ty)).collect();
                Err(position(
                    Error::new(
                        SqlState::UNDEFINED_FUNCTION,
                        format!("function {name}({}) does not exist", types.join(", ")),
                    )
                    .with_hint(
                        "No function matches the given name and argument types. You might need to add explicit type casts.",
                    ),
                ))
            }
        }
    }

    /// A call without OVER.
    pub(super) fn apply(&mut self, call: BoundCall<'_>, at: Place<'_>) -> Result<Expr> {
        let BoundCall { name, written, args, filter, resolved } = call;
        let span = name.span;
        if let Callable::Aggregate(function) = resolved.callable {
            return self.aggregate(function, &resolved, (name, written, args), filter, at);
        }
        let what = if written.distinct {
            Some("DISTINCT")
        } else if !written.order_by.is_empty() {
            Some("ORDER BY")
        } else {
            filter.map(|_| "FILTER")
        };
        if let Some(what) = what {
            let words = format!("{what} specified, but {} is not an aggregate function", name.name);
            return Err(wrong_object(words).at(self.position(span)));
        }
        match resolved.callable {
            Callable::Function(function) => {
                let (mut args, mut resolved) = (args, resolved);
                if self.is_showing() {
                    let last = function.args.last().filter(|_| function.variadic);
                    let declared = function.args.iter().chain(last.into_iter().cycle());
                    let types: Vec<Type> = resolved
                        .arg_types
                        .iter()
                        .zip(declared)
                        .map(|(ty, declared)| if *declared == oid::ANY { Type::new(oid::ANY) } else { *ty })
                        .collect();
                    let args = self.coerce_arguments(args, &types, &written.exprs, span)?;
                    let call = Expr::new(ExprKind::Call { function, args }, resolved.return_type);
                    // So the constructs of SQL's are read that have words between their arguments.
                    let syntax = match name.schema {
                        Some(_) => Syntax::of_function(&name.name),
                        None => (name.name == "normalize").then_some(Syntax::Normalize(None)),
                    };
                    return Ok(match syntax {
                        Some(syntax) => self.written_as(call, || syntax),
                        None => call,
                    });
                }
                if PRINT_ELEMENTS.contains(&function.oid)
                    && let Some(first) = args.first()
                    && builtin::element_of(builtin::base_of(first.ty.oid)).is_some_and(builtin::has_own_text)
                {
                    let texts = Type::new(oid::TEXT_ARRAY);
                    args[0] = self.coerce_at(args[0].clone(), texts, CastContext::Explicit, span)?;
                    resolved.arg_types[0] = texts;
                }
                // A domain's row is filled as one of the type beneath, and then has to keep the rules.
                let domain = args.first().map(|arg| arg.ty).filter(|ty| builtin::is_domain(ty.oid));
                let domain = domain.filter(|_| resolve::fills_row(function));
                let mut args = self.coerce_arguments(args, &resolved.arg_types, &written.exprs, span)?;
                if resolve::takes_json_forms(function) {
                    args = resolve::json_forms(function, args);
                }
                if wants_type(function) {
                    let ty = resolved.arg_types.first().map_or(0, |ty| ty.oid);
                    args.push(Expr::constant(storage::Value::Int8(i64::from(ty)), Type::new(oid::OID)));
                }
                let call = Expr::new(ExprKind::Call { function, args }, resolved.return_type);
                match domain {
                    Some(domain) => self.coerce_at(call, domain, CastContext::Explicit, span),
                    None => Ok(call),
                }
            }
            Callable::Sql(oid) => {
                let function = self.concrete(oid, &resolved, false)?;
                self.refuse_procedure(&function, &name, &args)?;
                let args = self.sql_arguments(&function, args, &resolved.arg_types, &written.exprs, span)?;
                self.sql_call(&function, args, span, at)
            }
            Callable::Cast(target) => {
                let mut args = args;
                let arg = args.pop().ok_or_else(|| Error::internal("a cast has an argument"))?;
                self.coerce_at(arg, target, CastContext::Explicit, span)
            }
            Callable::Table(function) => {
                let args = self.coerce_arguments(args, &resolved.arg_types, &written.exprs, span)?;
                self.set_call(function, args, resolved.return_type, span, at)
            }
            Callable::Window(_) => {
                let words = format!("window function {} requires an OVER clause", name.name);
                Err(wrong_object(words).at(self.position(span)))
            }
            Callable::Aggregate(_) => Err(Error::internal("aggregates are bound above")),
        }
    }

    pub(super) fn coerce_arguments(
        &mut self,
        args: Vec<Expr>,
        types: &[Type],
        written: &[&Ast],
        span: Span,
    ) -> Result<Vec<Expr>> {
        let mut coerced = Vec::with_capacity(args.len());
        for (index, arg) in args.into_iter().enumerate() {
            let target = types.get(index).copied().unwrap_or(arg.ty);
            let span = written.get(index).map_or(span, |expr| expr.start());
            coerced.push(if target.oid == oid::ANY {
                if self.is_showing() { arg } else { self.known(arg)? }
            } else {
                self.coerce_at(arg, target, CastContext::Implicit, span)?
            });
        }
        Ok(coerced)
    }

    /// A scalar function of ours under its name.
    pub(super) fn named_call(&mut self, name: &str, args: Vec<(Expr, Span)>, span: Span) -> Result<Expr> {
        let types: Vec<Type> = args.iter().map(|(arg, _)| arg.ty).collect();
        let resolved = resolve::function(name, &types).map_err(|error| error.at(self.position(span)))?;
        let Callable::Function(function) = resolved.callable else {
            return Err(Error::unsupported(format!("{name} as a function")).at(self.position(span)));
        };
        let mut coerced = Vec::with_capacity(args.len());
        for ((arg, span), ty) in args.into_iter().zip(&resolved.arg_types) {
            coerced.push(self.coerce_at(arg, *ty, CastContext::Implicit, span)?);
        }
        Ok(Expr::new(ExprKind::Call { function, args: coerced }, resolved.return_type))
    }

    fn aggregate(
        &mut self,
        function: &'static AggregateFunction,
        resolved: &Resolved,
        (name, written, args): (QualifiedName, Arguments<'_>, Vec<Expr>),
        filter: Option<&Ast>,
        at: Place<'_>,
    ) -> Result<Expr> {
        let span = name.span;
        self.refuse_outer_aggregate(&args, span)?;
        if let Some(error) = at.clause.aggregate_refusal() {
            return Err(error.at(self.position(span)));
        }
        let given = if written.distinct { args.clone() } else { Vec::new() };
        let args = self.coerce_arguments(args, &resolved.arg_types, &written.exprs, span)?;
        let args = if self.is_showing() { args } else { resolve::rows_as_json(args) };
        let mut order_by = self.sort_keys(written.order_by, Place { clause: Clause::AggregateArgument, ..at })?;
        if written.distinct {
            // What an argument was before it was converted is that argument.
            for key in &mut order_by {
                if let Some(at) = given.iter().position(|given| super::equal::same(given, &key.expr)) {
                    key.expr = args[at].clone();
                }
            }
            if args.iter().any(resolve::is_row) {
                return Err(Error::unsupported("DISTINCT over rows").at(self.position(span)));
            }
            for arg in &args {
                resolve::equality(arg.ty).map_err(|error| error.at(self.position(span)))?;
            }
            let foreign = order_by.iter().position(|key| !args.iter().any(|arg| super::equal::same(arg, &key.expr)));
            if let Some(index) = foreign {
                return Err(Error::new(
                    SqlState::INVALID_COLUMN_REFERENCE,
                    "in an aggregate with DISTINCT, ORDER BY expressions must appear in argument list",
                )
                .at(self.position(written.order_by[index].expr.start())));
            }
        }
        let filter = match filter {
            Some(filter) => Some(self.condition_at(filter, Place { clause: Clause::Filter, ..at })?),
            None => None,
        };
        let within = args.iter().chain(&filter).chain(order_by.iter().map(|key| &key.expr));
        self.refuse_outer_aggregate(within, span)?;
        self.select.aggregates = true;
        let call = AggregateCall { function, args, distinct: written.distinct, filter, order_by };
        Ok(Expr::new(ExprKind::Aggregate(Box::new(call)), resolved.return_type))
    }

    /// An aggregate that sees only an enclosing query's columns is that query's aggregate, which is not bound here.
    fn refuse_outer_aggregate<'e>(&self, args: impl IntoIterator<Item = &'e Expr>, span: Span) -> Result<()> {
        let mut outer = false;
        let mut own = false;
        for arg in args {
            any(arg, &mut |expr| {
                outer |= matches!(expr.kind, ExprKind::OuterColumn { .. });
                own |= matches!(expr.kind, ExprKind::Column(_));
                false
            });
            if any(arg, &mut |expr| matches!(&expr.kind, ExprKind::Subquery(subquery) if subquery.correlated)) {
                // What a subquery names beyond itself is this query's or an enclosing one's.
                map_outer(arg.clone(), 0, &mut |reference| {
                    outer |= reference.depth > reference.borders;
                    own |= reference.depth == reference.borders;
                    Ok((reference.var, reference.depth))
                })?;
            }
        }
        if outer && !own {
            return Err(Error::unsupported("an aggregate over the columns of an outer query").at(self.position(span)));
        }
        Ok(())
    }

    /// Sort keys that are plain expressions: in aggregates and windows a number is not a position.
    pub(super) fn sort_keys(&mut self, keys: &[ast::OrderByExpr], at: Place<'_>) -> Result<Vec<SortKey>> {
        let mut bound = Vec::with_capacity(keys.len());
        for key in keys {
            let (descending, nulls_first) = super::order::direction(key)?;
            let expr = self.bind(&key.expr, at)?;
            let expr = self.known(expr)?;
            resolve::less_than(expr.ty).map_err(|error| error.at(self.position(key.expr.start())))?;
            bound.push(SortKey { expr, descending, nulls_first });
        }
        Ok(bound)
    }

    /// A set-returning function among expressions: the SELECT runs it, the expression sees its column.
    fn set_call(
        &mut self,
        function: &'static TableFunction,
        args: Vec<Expr>,
        ty: Type,
        span: Span,
        at: Place<'_>,
    ) -> Result<Expr> {
        if let Some(error) = at.clause.set_refusal() {
            return Err(error.at(self.position(span)));
        }
        if let Some(construct) = self.sets_refused {
            let words = format!("set-returning functions are not allowed in {construct}");
            return Err(Error::new(SqlState::FEATURE_NOT_SUPPORTED, words)
                .with_hint(super::clause::SET_HINT)
                .at(self.position(span)));
        }
        if self.select.sql_set.is_some() || self.select.runs {
            return Err(
                Error::unsupported("set-returning functions beside one that SQL defined").at(self.position(span))
            );
        }
        if function.columns.is_empty() {
            return Err(Error::unsupported(format!("{} in a SELECT list", function.name)).at(self.position(span)));
        }
        let single = function.columns.len() == 1;
        if !single {
            self.refuse_to_show("a set-returning function of several columns in a list")?;
        }
        let known =
            self.sets.iter().find(|set| set.function.oid == function.oid && super::equal::all_same(&set.args, &args));
        let columns = match known {
            Some(set) => set.columns.clone(),
            None => {
                let arguments: Vec<Type> = args.iter().map(|arg| arg.ty).collect();
                let types = function.columns.iter().map(|(_, declared)| match single {
                    true => ty,
                    false => resolve::column_type(*declared, &arguments),
                });
                let columns: Vec<Column> = types.map(|ty| self.fresh(ty)).collect();
                self.sets.push(SetCall { columns: columns.clone(), function, args });
                columns
            }
        };
        Ok(match columns.as_slice() {
            [column] => Expr::column(column.var, column.ty),
            // Several are a row.
            several => {
                let named = function.columns.iter().zip(several);
                record(
                    oid::RECORD,
                    named
                        .map(|((name, _), column)| ((*name).to_owned(), Expr::column(column.var, column.ty)))
                        .collect(),
                )
            }
        })
    }
}

pub(super) fn wrong_object(words: String) -> Error {
    Error::new(SqlState::WRONG_OBJECT_TYPE, words)
}
