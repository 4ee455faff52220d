//! Calls of functions that SQL defined: the body is bound in the place of the call.
//!
//! A body that is one expression (`SELECT a + b`) is put in as that expression, with the arguments in the place of their
//! names. Any other query is a subquery of one row over them, or in FROM a lateral one. An argument that must be computed
//! once, because it is volatile or much work, becomes a column that the body names. What would be computed less often
//! than PostgreSQL computes it, or more often, is refused. A body that writes, or has several statements, is not bound
//! here: it is run before the statement that calls it (`run`).

use std::sync::Arc;

use auth::{Principal, Privileges, RoleId, decide};
use datafusion::sql::sqlparser::ast::{self, Expr as Ast};
use datafusion::sql::sqlparser::tokenizer::Span;
use parking_lot::Mutex;

use super::names::QualifiedName;
use super::record::field_at;
use super::{Binder, Clause, Place, Scope};
use crate::catalog::{Parameter, SqlFunction, View};
use crate::error::{Error, Result, SqlState};
use crate::expr::shown::Form;
use crate::expr::{Expr, ExprKind};
use crate::function::record::record;
use crate::function::resolve::{self, Defined, Resolved};
use crate::function::{CastContext, Volatility};
use crate::plan::authorize::{check_reach, check_schema, denied};
use crate::plan::function_run::CalledBody;
use crate::plan::relation::{CheckAs, RelationUse};
use crate::statement::parse_expression;
use crate::types::{Type, builtin, display, oid};

mod aggregate;
mod argument;
mod body;
mod concrete;
mod rows;
mod run;
mod value;

pub(crate) use aggregate::AggregatePart;
use argument::{names_columns, seen_from};
pub(crate) use body::{BodyPart, body_parts, check_part, writing_verb};
use body::{BodyQuery, Shape, path_of, shape_of};
use concrete::element_declared;
use value::alone;

/// Most bodies that are bound for one statement. Calls of calls may multiply.
const BODIES_MAX: usize = 1000;

/// Most parts of an expression that an argument named more than once adds.
const COPIED_PARTS_MAX: usize = 100;

/// What the names of arguments stand for while a body is bound.
pub(super) struct Body {
    /// The function's name, which may stand before an argument's.
    function: String,
    arguments: Vec<(String, Expr)>,
    /// How often each was named.
    used: Vec<usize>,
    /// Borders between the body and the place that the arguments are of.
    borders: usize,
}

impl Body {
    /// With these in the place of the arguments.
    fn of(function: &SqlFunction, args: Vec<Expr>, borders: usize) -> Self {
        let used = vec![0; args.len()];
        let names = function.inputs().map(|input| input.name.clone());
        Self { function: function.name.clone(), arguments: names.zip(args).collect(), used, borders }
    }

    /// With the parameters of a statement in their place.
    fn of_parameters(function: &SqlFunction) -> Self {
        let types = function.input_types().into_iter().enumerate();
        let args = types.map(|(at, ty)| Expr::new(ExprKind::Param(at), Type::new(ty))).collect();
        Self::of(function, args, 0)
    }
}

/// What is around a body that is bound, and what came of the bodies so far.
#[derive(Default)]
pub(super) struct Calls {
    /// Oids of the functions whose bodies are being bound.
    around: Vec<u32>,
    /// With whose rights, if not those of the session.
    acts_as: Option<u32>,
    bodies: usize,
    /// Nothing will run: whether the functions may be called is asked when they are.
    checked_only: bool,
    /// What volatile functions read: they see what their statement has written.
    volatile_reads: Vec<u32>,
    /// Names are looked up on a search path of a function's own.
    own_path: bool,
    /// A table whose policies are in force, if one was met.
    policed: Option<String>,
    /// The bodies that expressions of the statement call, where they may.
    run: Option<Arc<Mutex<Vec<Arc<CalledBody>>>>>,
}

impl Calls {
    /// What a text of the catalog that is bound inside knows.
    pub(super) fn inside(&self, checked_only: bool) -> Self {
        Self {
            around: self.around.clone(),
            acts_as: self.acts_as,
            bodies: self.bodies,
            checked_only: self.checked_only || checked_only,
            volatile_reads: Vec::new(),
            own_path: self.own_path,
            policed: None,
            run: self.run.clone(),
        }
    }

    /// Takes over what came of it.
    pub(super) fn take(&mut self, inside: Self) {
        self.bodies = inside.bodies;
        self.volatile_reads.extend(inside.volatile_reads);
        self.policed = self.policed.take().or(inside.policed);
    }
}

/// A body bound for a call.
struct BoundBody<T> {
    bound: T,
    /// How often each argument was named.
    used: Vec<usize>,
    /// Whether it calls a volatile function.
    volatile: bool,
}

/// What a function answers, as columns.
type Columns = Vec<(String, Type)>;

/// An argument that a call by name leaves out.
pub(super) static LEFT_OUT: std::sync::LazyLock<Ast> =
    std::sync::LazyLock::new(|| Ast::Value(ast::ValueWithSpan { value: ast::Value::Null, span: Span::empty() }));

fn is_left_out(expr: &Ast) -> bool {
    std::ptr::eq(expr, &*LEFT_OUT)
}

impl Binder<'_> {
    /// The functions that a call may mean.
    pub(super) fn sql_functions(&self, name: &QualifiedName) -> Result<Vec<Arc<SqlFunction>>> {
        if self.catalog.functions.is_empty() {
            return Ok(Vec::new());
        }
        if let Some(oid) = self.marked_function(name) {
            let kept = self.catalog.functions.get(&oid).cloned();
            let kept = kept.ok_or_else(|| Error::internal("what calls a function outlived it"))?;
            let is_kept = self.inside.is_some() || self.showing.is_some() || self.text.is_empty();
            if let Some(schema) = self.catalog.schemas.get(&kept.schema).filter(|_| !is_kept) {
                check_schema(&self.current_principal(), schema, Privileges::USAGE)?;
            }
            return Ok(vec![kept]);
        }
        // What a stored text calls besides is built in. Nobody puts a function of his own in its place.
        if self.inside.is_some() {
            return Ok(Vec::new());
        }
        let mut found: Vec<Arc<SqlFunction>> = self
            .catalog
            .find_sql_functions(name.schema.as_deref(), &name.name, &self.context.session.search_path)
            .into_iter()
            .cloned()
            .collect();
        if let Some(schema) = found.first().and_then(|function| self.catalog.schemas.get(&function.schema)) {
            let principal = self.current_principal();
            match name.schema {
                Some(_) => {
                    check_schema(&principal, schema, Privileges::USAGE)
                        .map_err(|error| error.at(self.position(name.span)))?;
                }
                None => found.retain(|function| {
                    let schema = self.catalog.schemas.get(&function.schema);
                    schema.is_some_and(|schema| schema.allows(&principal, Privileges::USAGE))
                }),
            }
        }
        Ok(found)
    }

    /// The function by its oid, where a view keeps the call of it.
    fn marked_function(&self, name: &QualifiedName) -> Option<u32> {
        name.schema.as_deref()?.strip_prefix(KEPT)?.parse().ok()
    }

    /// The name of a function: `routine."oid".name` is what a view keeps, and a default or a check.
    pub(super) fn function_name(&self, name: &ast::ObjectName) -> Result<QualifiedName> {
        if let [mark, oid, own] = name.0.as_slice()
            && let (Some(mark), Some(oid), Some(own)) = (mark.as_ident(), oid.as_ident(), own.as_ident())
            && mark.value == ROUTINE
            && oid.value.parse().is_ok_and(|oid| self.catalog.functions.contains_key(&oid))
        {
            let schema = Some(format!("{KEPT}{}", oid.value));
            return Ok(QualifiedName { schema, name: super::names::fold(own), span: mark.span });
        }
        self.name(name)
    }

    /// Which function is meant where SQL has defined some of that name.
    pub(super) fn resolve_defined(
        &self,
        name: &QualifiedName,
        types: &[Type],
        (searched, calling): (bool, bool),
        extended: &[&'static crate::function::Function],
        functions: &[Arc<SqlFunction>],
    ) -> Result<Resolved> {
        let of = |function: &Arc<SqlFunction>| Defined {
            oid: function.oid,
            schema: function.schema,
            before_system: self.catalog.searches_before_system(function.schema, &self.context.session.search_path),
            args: declared(function, calling),
            variadic: function.is_variadic(),
            optional: function.optional(),
            returns: function.returns,
        };
        let defined: Vec<Defined> = functions.iter().map(of).collect();
        let searched = searched && self.marked_function(name).is_none();
        resolve::function_among_defined(&name.name, types, searched, extended, &defined)
    }

    pub(super) fn sql_function(&self, oid: u32) -> Result<Arc<SqlFunction>> {
        self.catalog.functions.get(&oid).cloned().ok_or_else(|| Error::internal("a function that was found is gone"))
    }

    /// Puts named arguments behind the others, where the parameters of a function of that name stand.
    pub(super) fn place_by_name<'e>(
        &self,
        name: &QualifiedName,
        given: &[(&ast::Ident, &'e Ast)],
        exprs: &[&'e Ast],
    ) -> Result<Option<Vec<&'e Ast>>> {
        let functions = self.sql_functions(name)?;
        for function in &functions {
            let inputs: Vec<_> = match function.procedure {
                true => function.parameters.iter().collect(),
                false => function.inputs().collect(),
            };
            let mut places: Vec<Option<&'e Ast>> = exprs.iter().copied().map(Some).collect();
            if places.len() > inputs.len() {
                continue;
            }
            places.resize(inputs.len(), None);
            let fits = given.iter().all(|(ident, value)| {
                let spelled = super::names::fold(ident);
                let at = inputs.iter().position(|input| input.name == spelled);
                at.is_some_and(|at| places[at].replace(value).is_none())
            });
            if !fits || places.iter().zip(&inputs).any(|(place, input)| place.is_none() && input.default.is_none()) {
                continue;
            }
            return Ok(Some(places.into_iter().map(|place| place.unwrap_or(&*LEFT_OUT)).collect()));
        }
        if functions.is_empty() || super::named::knows(&name.name) {
            return Ok(None);
        }
        let listed: Vec<String> = exprs
            .iter()
            .map(ToString::to_string)
            .chain(given.iter().map(|(ident, value)| format!("{} => {value}", super::names::fold(ident))))
            .collect();
        let message = format!("function {name}({}) does not exist", listed.join(", "));
        Err(Error::new(SqlState::UNDEFINED_FUNCTION, message)
            .with_hint(
                "No function matches the given name and argument types. You might need to add explicit type casts.",
            )
            .at(self.position(name.span)))
    }

    /// The arguments of a call as the function declares them, those that were left out too.
    pub(super) fn sql_arguments(
        &mut self,
        function: &SqlFunction,
        args: Vec<Expr>,
        types: &[Type],
        written: &[&Ast],
        span: Span,
    ) -> Result<Vec<Expr>> {
        let mut args = self.coerce_arguments(args, types, written, span)?;
        if function.is_variadic() {
            args = self.gathered(function, args);
        }
        let given = args.len();
        if self.is_showing() {
            return match written.iter().any(|expr| is_left_out(expr)) || function.is_variadic() {
                true => Err(Error::unsupported("a call by name, or with VARIADIC, that is shown")),
                false => Ok(args),
            };
        }
        for (at, input) in function.inputs().enumerate() {
            let left_out = at >= given || written.get(at).is_some_and(|expr| is_left_out(expr));
            let Some(default) = input.default.as_deref().filter(|_| left_out) else { continue };
            let value = self.parameter_default(default, Type::new(input.ty))?;
            if at < args.len() { args[at] = value } else { args.push(value) }
        }
        Ok(args)
    }

    /// What an argument is when a call leaves it out.
    pub(crate) fn parameter_default(&mut self, text: &str, ty: Type) -> Result<Expr> {
        let parsed = parse_expression(text)?;
        let mut inner = Binder::new(self.catalog, self.context, &[]);
        inner.next_var = self.next_var;
        let bound = inner.expr_in(&parsed, &Scope::empty(), Clause::Default)?;
        let bound = inner.coerce(bound, ty, CastContext::Assignment).map_err(Error::without_position)?;
        if inner.calls_sql_functions() {
            return Err(Error::unsupported("a function that SQL defined in the default of an argument"));
        }
        self.next_var = inner.next_var;
        Ok(bound)
    }

    /// A call as it is shown.
    pub(super) fn shown_sql_call(&self, function: &SqlFunction, args: Vec<Expr>) -> Expr {
        let name = self.catalog.sql_function_shown(function, &self.context.session.search_path);
        Expr::shown(Form::Function(name), args, Type::new(function.returns))
    }

    /// Whether what is bound will not run as it is: a new view, or the body of a new function. What such a text calls
    /// is looked into when it is called, as in PostgreSQL: what the bodies name may come later.
    pub(super) fn is_recorded(&self) -> bool {
        self.record.is_some() || self.calls.checked_only
    }

    /// A call in a text that is recorded: of the right type, and nothing else. The fields of a row are known by name.
    pub(super) fn kept_call(&self, function: &SqlFunction, args: Vec<Expr>) -> Expr {
        if function.returns == oid::RECORD && function.results().next().is_some() {
            let field = |(at, result): (usize, &Parameter)| {
                let call = Expr { ty: Type::new(result.ty), ..self.shown_sql_call(function, args.clone()) };
                (result_name(at, result), call)
            };
            return record(function.returns, function.results().enumerate().map(field).collect());
        }
        self.shown_sql_call(function, args)
    }

    /// A call among expressions.
    pub(super) fn sql_call(
        &mut self,
        function: &Arc<SqlFunction>,
        args: Vec<Expr>,
        span: Span,
        at: Place<'_>,
    ) -> Result<Expr> {
        self.check_call(function, at.clause).map_err(|error| self.at_call(error, span))?;
        if self.is_showing() {
            return Ok(self.shown_sql_call(function, args));
        }
        if self.is_recorded() && !function.set {
            return Ok(self.kept_call(function, args));
        }
        if function.set {
            return self.set_in_list(function, &args, span, at).map_err(|error| error.at(self.position(span)));
        }
        let query = match shape_of(function)? {
            Shape::Query(query) => query,
            Shape::Statements => {
                return self.value_of_run(function, args).map_err(|error| error.at(self.position(span)));
            }
        };
        let value = match alone(&query.query) {
            Some(expression) => self.expression_call(function, &query, expression, &args, at)?,
            None => None,
        };
        let value = match value {
            Some(value) => value,
            None => self.query_call(function, &query, &args, at)?,
        };
        Ok(value)
    }

    /// An error at the place of a call. PostgreSQL does not tell where something was denied.
    pub(super) fn at_call(&self, error: Error, span: Span) -> Error {
        if error.sql_state() == SqlState::INSUFFICIENT_PRIVILEGE { error } else { error.at(self.position(span)) }
    }

    /// 42809 for a procedure among expressions or in FROM.
    pub(super) fn refuse_procedure(&self, function: &SqlFunction, name: &QualifiedName, args: &[Expr]) -> Result<()> {
        if !function.procedure {
            return Ok(());
        }
        let types: Vec<String> = args.iter().map(|arg| display(Type::new(arg.ty.oid))).collect();
        let message = format!("{name}({}) is a procedure", types.join(", "));
        Err(Error::new(SqlState::WRONG_OBJECT_TYPE, message)
            .with_hint("To call a procedure, use CALL.")
            .at(self.position(name.span)))
    }

    /// The tables that volatile functions read.
    pub(crate) fn reads_volatile(&self) -> bool {
        !self.calls.volatile_reads.is_empty()
    }

    /// Whether the function may be called here.
    fn check_call(&self, function: &SqlFunction, clause: Clause) -> Result<()> {
        let runs = !self.is_showing() && !self.is_recorded();
        // Without a list everybody may.
        if runs && function.acl.is_some() {
            let principal = self.current_principal();
            if !decide(&principal, &function.access(), Privileges::EXECUTE).is_allowed() {
                return Err(denied(auth::ObjectKind::Function, &function.name));
            }
        }
        if let Some(place) = kept_place(clause) {
            return Err(Error::unsupported(format!("the function {} in {place}", function.name)));
        }
        if runs && self.calls.around.contains(&function.oid) {
            return Err(Error::unsupported(format!("the function {}, which calls itself,", function.name)));
        }
        if self.calls.bodies >= BODIES_MAX {
            return Err(super::expr::too_complex());
        }
        Ok(())
    }

    /// Whether what stands there is computed once for the statement.
    fn runs_once(&self, at: Place<'_>) -> bool {
        at.scope.relations.is_empty()
            && at.scope.columns.is_empty()
            && self.outer.is_empty()
            && self.body.is_none()
            && self.inside.is_none()
    }

    /// Nothing of what is bound will run, and bodies of functions are not looked into.
    pub(crate) fn checking_only(mut self) -> Self {
        self.calls.checked_only = true;
        self
    }

    /// Whether nothing of what is bound will run.
    pub(super) fn only_checks(&self) -> bool {
        self.calls.checked_only
    }

    /// Notes that a table's policies are in force.
    pub(super) fn note_policed(&mut self, table: &str) {
        self.calls.policed.get_or_insert_with(|| table.to_owned());
    }

    /// The name of a table whose policies are in force in what was bound, if there is one.
    pub(crate) fn policed_table(&self) -> Option<&str> {
        self.calls.policed.as_deref()
    }

    /// Whether a function that SQL defined was called.
    pub(crate) fn calls_sql_functions(&self) -> bool {
        self.calls.bodies > 0
    }

    /// 0A000 if a volatile function reads what the statement writes: it would have to see the rows written before it.
    pub(crate) fn check_volatile_reads(&self) -> Result<()> {
        let written = |used: &&RelationUse| !(used.privileges - Privileges::SELECT).is_empty();
        let mut written = self.uses.iter().filter(written);
        match written.find(|used| self.calls.volatile_reads.contains(&used.table.oid)) {
            Some(used) => {
                let what = format!("a volatile function that reads the table {}, which is written,", used.table.name);
                Err(Error::unsupported(what).with_hint("Declare the function as STABLE."))
            }
            None => Ok(()),
        }
    }

    /// Binds something of a body, in a binder of its own that knows the arguments.
    fn with_body<T>(
        &mut self,
        function: &Arc<SqlFunction>,
        kept: Option<&View>,
        args: Vec<Expr>,
        borders: usize,
        bind: impl Fn(&mut Binder<'_>) -> Result<T>,
    ) -> Result<BoundBody<T>> {
        let body = Body::of(function, args, borders);
        let on_path = path_of(function, self.context)?;
        self.nested(|outer| {
            let text = kept.map_or(function.body.as_str(), |view| &view.text);
            let context = on_path.as_ref().unwrap_or(outer.context);
            let mut inner = Binder::new(outer.catalog, context, &[]).with_text(text);
            inner.inside = kept;
            inner.next_var = outer.next_var;
            inner.depth = outer.depth;
            inner.expanding = outer.expanding.clone();
            inner.policing = outer.policing.clone();
            inner.body = Some(Box::new(body));
            inner.calls = outer.calls.inside(false);
            inner.calls.around.push(function.oid);
            inner.calls.bodies += 1;
            inner.calls.own_path |= on_path.is_some();
            if function.definer {
                inner.calls.acts_as = Some(function.owner);
            }
            let bound = bind(&mut inner)?;
            let used = inner.body.take().map_or_else(Vec::new, |body| body.used);
            outer.next_var = inner.next_var;
            outer.waits |= inner.waits;
            outer.keeps_rows |= inner.keeps_rows;
            outer.calls.take(std::mem::take(&mut inner.calls));
            let (uses, volatile) = (std::mem::take(&mut inner.uses), inner.calls_volatile);
            outer.calls_volatile |= volatile;
            outer.take_uses(function, uses)?;
            Ok(BoundBody { bound, used, volatile })
        })
    }

    /// What a body reads is read with the rights of whoever calls it, or of its owner; never with those of a view's around.
    fn take_uses(&mut self, function: &SqlFunction, uses: Vec<RelationUse>) -> Result<()> {
        let owner = CheckAs::Role(function.owner);
        let principal = match function.definer {
            true => self.principal_of(function.owner),
            false => self.current_principal(),
        };
        for used in uses {
            if function.volatility == Volatility::Volatile {
                self.calls.volatile_reads.push(used.table.oid);
            }
            if used.check_as == CheckAs::Caller {
                check_reach(&used.table, used.privileges, &principal, self.catalog)?;
            }
            let check_as = match used.check_as {
                CheckAs::Role(role) => CheckAs::Role(role),
                CheckAs::Caller | CheckAs::Session if function.definer => owner,
                CheckAs::Caller | CheckAs::Session => CheckAs::Session,
            };
            self.uses.push(RelationUse { check_as, ..used });
        }
        Ok(())
    }

    pub(super) fn principal_of(&self, role: u32) -> Principal {
        Principal::resolve(RoleId(role), self.catalog.role_name(role), &**self.catalog)
    }

    /// With whose rights a body is bound, if not those of the session.
    pub(super) fn acts_as(&self) -> Option<u32> {
        self.calls.acts_as
    }

    /// 0A000 for what answers something about the current role in a body that runs as its owner.
    pub(super) fn check_asks_of_role(&self, function: &str) -> Result<()> {
        let asks = |name: &str| {
            name.starts_with("has_")
                || matches!(name, "current_user" | "pg_has_role" | "row_security_active" | "current_setting")
        };
        if self.calls.acts_as.is_some() && asks(function) {
            return Err(Error::unsupported(format!("{function} in a function with SECURITY DEFINER")));
        }
        let asks_of_path = |name: &str| {
            name.ends_with("_is_visible")
                || name.starts_with("to_reg")
                || name.starts_with("pg_get_")
                || name.starts_with("current_schema")
                || matches!(name, "current_setting" | "set_config" | "format_type")
        };
        if self.calls.own_path && asks_of_path(function) {
            return Err(Error::unsupported(format!("{function} in a function with SET search_path")));
        }
        Ok(())
    }

    /// 0A000 for a conversion that looks at the search path when it is computed, in a body that has one of its own.
    pub(super) fn check_names_by_path(&self, expr: &Expr, target: Type) -> Result<()> {
        if !self.calls.own_path || expr.as_const().is_some() {
            return Ok(());
        }
        let has_names =
            |ty: u32| builtin::info(ty).is_some_and(|info| info.name.trim_start_matches('_').starts_with("reg"));
        let is_number = |ty: u32| matches!(ty, oid::OID | oid::INT4 | oid::INT8);
        let (from, to) = (expr.ty.oid, target.oid);
        if has_names(from) && !has_names(to) && !is_number(to) || has_names(to) && !has_names(from) && !is_number(from)
        {
            let what = format!("{} to {} in a function with SET search_path", display(expr.ty), display(target));
            return Err(Error::unsupported(what));
        }
        Ok(())
    }

    /// What an argument stands for, by its place; None if nothing is bound for a call.
    pub(super) fn argument_at(&mut self, at: usize) -> Option<Result<Expr>> {
        let body = self.body.as_deref_mut()?;
        let Some((_, value)) = body.arguments.get(at) else {
            let message = format!("there is no parameter ${}", at + 1);
            return Some(Err(Error::new(SqlState::UNDEFINED_PARAMETER, message)));
        };
        let value = value.clone();
        body.used[at] += 1;
        let borders = body.borders + self.outer.len();
        if names_columns(&value) {
            self.outer.iter_mut().for_each(|level| level.crossed = true);
        }
        Some(seen_from(value, borders))
    }

    /// What the name of an argument stands for.
    pub(super) fn argument_named(&mut self, name: &str) -> Option<Result<Expr>> {
        let at = self.body.as_deref()?.arguments.iter().position(|(own, _)| own == name)?;
        self.argument_at(at)
    }

    /// `function.argument`, and `argument.field`.
    pub(super) fn argument_qualified(&mut self, qualifier: &str, name: &str) -> Option<Result<Expr>> {
        let body = self.body.as_deref()?;
        if body.function == qualifier
            && let Some(found) = self.argument_named(name)
        {
            return Some(found);
        }
        let whole = match self.argument_named(qualifier)? {
            Ok(whole) => whole,
            Err(error) => return Some(Err(error)),
        };
        Some(self.attribute(whole.ty, name).map(|(at, attribute)| field_at(whole, at, attribute.ty)))
    }
}

/// What stands before the oid and the name of a function in a view's text.
pub(crate) const ROUTINE: &str = "routine";

/// What its schema is called while the text is bound.
const KEPT: &str = "routine\u{1}";

/// Where an expression is computed for a row by itself, so that a body has to be one, too.
fn expression_place(clause: Clause) -> Option<&'static str> {
    match clause {
        Clause::Check => Some("a check constraint"),
        Clause::Default => Some("a default"),
        _ => None,
    }
}

/// Where a call would be kept as text that does not say which function it means, in the words of a refusal.
fn kept_place(clause: Clause) -> Option<&'static str> {
    Some(match clause {
        Clause::Generation => "a generated column",
        Clause::IndexExpression | Clause::IndexPredicate => "an index",
        Clause::PartitionBound => "a partition bound",
        Clause::PartitionKey => "a partition key",
        _ => return None,
    })
}

/// `invalid_function_definition`.
const MISMATCH: SqlState = SqlState("42P13");

/// 42P13 in PostgreSQL's words.
fn mismatch(function: &SqlFunction, detail: String) -> Error {
    let returns = display(Type::new(function.returns));
    Error::new(MISMATCH, format!("return type mismatch in function declared to return {returns}"))
        .with_detail(detail)
        .with_context(format!("SQL function \"{}\"", function.name))
}

/// An error in a body has no place in the statement that calls it.
fn inlining(function: &SqlFunction, error: Error) -> Error {
    if error.sql_state() == MISMATCH {
        return error;
    }
    error.without_position().within(format!("SQL function \"{}\" during inlining", function.name))
}

/// The types that a call gives; the last of a function of any number of arguments is that of one of them.
fn declared(function: &SqlFunction, calling: bool) -> Vec<u32> {
    let mut types = if calling && function.procedure { function.call_types() } else { function.input_types() };
    if let Some(last) = types.last_mut().filter(|_| function.is_variadic()) {
        *last = element_declared(*last);
    }
    types
}

/// What a named result is called as a column.
fn result_name(at: usize, result: &Parameter) -> String {
    if result.name.is_empty() { format!("column{}", at + 1) } else { result.name.clone() }
}

fn is_row_type(ty: Type) -> bool {
    ty.oid == oid::RECORD || builtin::is_composite(builtin::base_of(ty.oid))
}
