//! Functions and procedures that SQL defines.
//!
//! A function is kept as the text of its body. As in PostgreSQL, what the text names is looked up when the function is
//! called, so that relations come, go and are renamed beneath it; only the types of its arguments and of what it answers
//! hold it. A body said by RETURN or BEGIN ATOMIC is read when the function is made, as a view is, and holds on to what it
//! names. Who keeps a call of it (a view) names it by its oid.

use std::sync::Arc;

use auth::{ObjectAccess, ObjectKind, RoleId};
use serde::{Deserialize, Serialize};

use super::{Catalog, View};
use crate::function::resolve::is_polymorphic;
use crate::function::{Volatility, functions_named};
use crate::types::text::quote_identifier;
use crate::types::{Type, builtin, display};

/// A function or procedure.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SqlFunction {
    pub oid: u32,
    pub schema: u32,
    pub name: String,
    pub owner: u32,
    #[serde(default)]
    pub acl: Option<auth::Acl>,
    #[serde(default)]
    pub comment: Option<String>,
    /// Arguments and named results, in the order in which they were said.
    pub parameters: Vec<Parameter>,
    /// Oid of the type that it returns; that of its rows, if it returns several.
    pub returns: u32,
    /// SETOF and TABLE: it answers any number of rows.
    pub set: bool,
    pub volatility: Volatility,
    /// NULL for any argument is NULL, and the body is not looked at.
    pub strict: bool,
    /// SECURITY DEFINER: its body reads with the rights of the owner.
    pub definer: bool,
    pub leakproof: bool,
    /// `pg_proc.proparallel`.
    pub parallel: char,
    pub cost: f32,
    /// Rows that a planner should expect; zero unless it returns a set.
    pub rows: f32,
    #[serde(default)]
    pub language: Language,
    /// What AS said.
    pub body: String,
    /// What RETURN or BEGIN ATOMIC said; then nothing is in `body`.
    #[serde(default)]
    pub kept: Option<KeptBody>,
    /// CALL runs it, and nothing else.
    #[serde(default)]
    pub procedure: bool,
    /// It is an aggregate: there is no body then.
    #[serde(default)]
    pub aggregate: Option<Box<Aggregation>>,
    /// What SET has said that holds while it runs: names and values as `pg_proc.proconfig` has them.
    #[serde(default)]
    pub settings: Vec<(String, String)>,
}

/// What a body is written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum Language {
    #[default]
    Sql,
    PlPgSql,
}

impl Language {
    /// `pg_language.lanname`.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Sql => "sql",
            Self::PlPgSql => "plpgsql",
        }
    }

    /// `pg_language.oid`.
    pub(crate) fn oid(self) -> u32 {
        match self {
            Self::Sql => 14,
            Self::PlPgSql => 13_563,
        }
    }
}

/// What an aggregate that SQL defined makes of the rows of a group: of a state and a row the next state, of the last
/// state the result. Functions are oids, of built-in ones or others.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Aggregation {
    pub transition: u32,
    /// Oid of the type of the state.
    pub state: u32,
    /// Text of the state before the first row; None is NULL.
    pub initial: Option<String>,
    /// None: the last state is the result.
    pub finish: Option<u32>,
    /// The final function is given NULLs for the arguments, too, so that they tell its type.
    pub finish_extra: bool,
    /// `pg_aggregate.aggfinalmodify`.
    pub finish_modifies: char,
    /// What would make one state of two, were they made apart.
    pub combine: Option<u32>,
    /// What the state is said to need, in bytes.
    pub space: i32,
}

impl Aggregation {
    /// The functions that it calls.
    pub fn functions(&self) -> impl Iterator<Item = u32> {
        [Some(self.transition), self.finish, self.combine].into_iter().flatten()
    }
}

/// A body that was read when the function was made.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct KeptBody {
    /// RETURN: the one query is a SELECT of the expression.
    pub is_expression: bool,
    pub queries: Vec<View>,
}

/// An argument of a function, or a column of what it returns.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Parameter {
    /// Empty if it has none.
    pub name: String,
    pub ty: u32,
    pub mode: ParameterMode,
    /// SQL text of what it is when a call leaves it out.
    pub default: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum ParameterMode {
    In,
    Out,
    InOut,
    /// All the arguments that are left, as an array.
    Variadic,
    /// A column of RETURNS TABLE.
    Table,
}

impl ParameterMode {
    /// Whether a call gives it.
    pub fn is_input(self) -> bool {
        matches!(self, Self::In | Self::InOut | Self::Variadic)
    }

    /// Whether it is among what the function answers.
    pub fn is_result(self) -> bool {
        matches!(self, Self::Out | Self::InOut | Self::Table)
    }

    /// `pg_proc.proargmodes`.
    pub(crate) fn letter(self) -> char {
        match self {
            Self::In => 'i',
            Self::Out => 'o',
            Self::InOut => 'b',
            Self::Variadic => 'v',
            Self::Table => 't',
        }
    }
}

impl SqlFunction {
    /// What a call gives, in order.
    pub fn inputs(&self) -> impl Iterator<Item = &Parameter> {
        self.parameters.iter().filter(|parameter| parameter.mode.is_input())
    }

    pub fn input_types(&self) -> Vec<u32> {
        self.inputs().map(|input| input.ty).collect()
    }

    /// How many of the last arguments a call may leave out.
    pub(crate) fn optional(&self) -> usize {
        self.inputs().filter(|input| input.default.is_some()).count()
    }

    /// What CALL of a procedure gives, in order: something stands in the place of what it answers, too.
    pub(crate) fn call_types(&self) -> Vec<u32> {
        self.parameters.iter().map(|parameter| parameter.ty).collect()
    }

    /// Whether a call may go on with any number of arguments.
    pub(crate) fn is_variadic(&self) -> bool {
        self.parameters.iter().any(|parameter| parameter.mode == ParameterMode::Variadic)
    }

    /// Whether a call tells the types of its arguments.
    pub(crate) fn has_polymorphic_inputs(&self) -> bool {
        self.inputs().any(|input| is_polymorphic(input.ty))
    }

    /// What messages call it.
    pub(crate) fn noun(&self) -> &'static str {
        match (self.procedure, &self.aggregate) {
            (true, _) => "procedure",
            (false, Some(_)) => "aggregate",
            (false, None) => "function",
        }
    }

    /// What a body read before has in it of a relation, or of a column.
    pub(crate) fn reads(&self, relation: u32, column: Option<u16>) -> bool {
        self.kept_queries().any(|query| query.reads(relation, column))
    }

    /// Whether a body read before calls a function, or the aggregate does.
    pub(crate) fn calls(&self, function: u32) -> bool {
        self.kept_queries().any(|query| query.functions.contains(&function))
            || self.aggregate.iter().flat_map(|own| own.functions()).any(|own| own == function)
    }

    pub(crate) fn kept_queries(&self) -> impl Iterator<Item = &View> {
        self.kept.iter().flat_map(|kept| &kept.queries)
    }

    /// The columns that it names of what it returns.
    pub fn results(&self) -> impl Iterator<Item = &Parameter> {
        self.parameters.iter().filter(|parameter| parameter.mode.is_result())
    }

    /// What a decision about the function looks at.
    pub fn access(&self) -> ObjectAccess<'_> {
        ObjectAccess { owner: RoleId(self.owner), kind: ObjectKind::Function, acl: self.acl.as_ref() }
    }

    /// `f(integer,text)`: the name as messages show it.
    pub(crate) fn signature(&self) -> String {
        let types: Vec<String> = self.inputs().map(|input| display(Type::new(input.ty))).collect();
        format!("{}({})", quote_identifier(&self.name), types.join(","))
    }

    /// Whether values of a type go in or come out.
    pub(crate) fn has_type(&self, is_it: impl Fn(u32) -> bool) -> bool {
        let element = |ty: u32| builtin::element_of(ty).unwrap_or(ty);
        self.parameters.iter().map(|parameter| parameter.ty).chain([self.returns]).any(|ty| is_it(element(ty)))
    }
}

impl Catalog {
    /// The functions that SQL defined under a name, wherever they are.
    pub(crate) fn sql_functions_named(&self, name: &str) -> impl Iterator<Item = &Arc<SqlFunction>> {
        let oids = self.function_names.get(name).map_or(&[][..], Vec::as_slice);
        oids.iter().filter_map(|oid| self.functions.get(oid))
    }

    /// Those of a schema, or of the search path's schemas in order. What an earlier schema has hides the same of later ones.
    pub(crate) fn find_sql_functions(
        &self,
        schema: Option<&str>,
        name: &str,
        search_path: &[String],
    ) -> Vec<&Arc<SqlFunction>> {
        if !self.function_names.contains_key(name) {
            return Vec::new();
        }
        let within = |schema: u32| self.sql_functions_named(name).filter(move |function| function.schema == schema);
        if let Some(schema) = schema {
            return self.schema_named(schema).map_or_else(Vec::new, |schema| within(schema.oid).collect());
        }
        let mut found: Vec<&Arc<SqlFunction>> = Vec::new();
        for schema in self.path(search_path) {
            for function in within(schema.oid) {
                let types = function.input_types();
                if !found.iter().any(|known| known.input_types() == types) {
                    found.push(function);
                }
            }
        }
        found
    }

    /// The function of these arguments in a schema.
    pub(crate) fn sql_function_in(&self, schema: u32, name: &str, types: &[u32]) -> Option<&Arc<SqlFunction>> {
        self.sql_functions_named(name).find(|function| function.schema == schema && function.input_types() == types)
    }

    /// Whether a search path names a schema before `pg_catalog`, which it has to name for that.
    pub(crate) fn searches_before_system(&self, schema: u32, search_path: &[String]) -> bool {
        let Some(system) = search_path.iter().position(|name| name == "pg_catalog") else { return false };
        let before = search_path[..system].iter().filter_map(|name| self.schema_named(name));
        before.into_iter().any(|found| found.oid == schema)
    }

    /// Whether the search path finds the function when nobody says its schema.
    pub(crate) fn finds_sql_function(&self, function: &SqlFunction, search_path: &[String]) -> bool {
        let types = function.input_types();
        let built_in = functions_named(&function.name).iter().any(|own| own.args == types)
            && !self.searches_before_system(function.schema, search_path);
        let found = self.find_sql_functions(None, &function.name, search_path);
        !built_in && found.iter().any(|found| found.oid == function.oid)
    }

    /// Its name, with the schema unless the search path finds it without.
    pub(crate) fn sql_function_shown(&self, function: &SqlFunction, search_path: &[String]) -> String {
        let name = quote_identifier(&function.name);
        match self.schemas.get(&function.schema) {
            Some(schema) if !self.finds_sql_function(function, search_path) => {
                format!("{}.{name}", quote_identifier(&schema.name))
            }
            _ => name,
        }
    }
}
