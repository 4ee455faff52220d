//! Functions that ask the catalog: `pg_get_indexdef`, `format_type` and their kin.
//!
//! Most take an oid, and are NULL for one that nothing has.

use std::sync::Arc;

use storage::Value;

use super::argument::{boolean, int4, int8, text, text_of};
use super::define::{stable, table, volatile};
use super::{
    EvalContext, Function, TableFunction, Volatility, aggregates, extension_function, function_by_oid, table_functions,
};
use crate::catalog::pg_catalog::definition::{column_name, constraint_definition, index_column_name, index_definition};
use crate::catalog::pg_catalog::expression;
use crate::catalog::pg_catalog::routine::routine_by_oid;
use crate::catalog::pg_catalog::trigger::{trigger_by_oid, trigger_definition};
use crate::catalog::pg_catalog::type_io::type_functions;
use crate::catalog::pg_catalog::view_text::view_definition;
use crate::catalog::pg_catalog::{self, comment_on};
use crate::catalog::user_type::{row_type, table_of_row_type};
use crate::catalog::{Index, ReplicaIdentity, TEMPORARY_SCHEMA, Table, UserTypeKind};
use crate::error::{Error, Result, SqlState};
use crate::types::defined::FIRST_OID;
use crate::types::oid::*;
use crate::types::text::{find_registered, quote_identifier, regclass};
use crate::types::{Type, builtin, display};

mod access_method;
mod acl;
mod describe;
mod keyword;
mod partition;
mod privilege;
mod size;
mod sql_function;
mod standard;
mod updatable;

pub(super) use access_method::FUNCTIONS as ACCESS_METHODS;
pub(super) use acl::{FUNCTIONS as ACLS, TABLE_FUNCTIONS as ACL_TABLES};
pub(super) use describe::FUNCTIONS as DESCRIPTIONS;
pub(super) use keyword::TABLE_FUNCTIONS as KEYWORDS;
pub(crate) use keyword::may_name_type;
pub(super) use partition::{FUNCTIONS as PARTITIONS, TABLE_FUNCTIONS as PARTITION_TABLES};
pub(super) use privilege::FUNCTIONS as PRIVILEGES;
pub(super) use size::FUNCTIONS as SIZES;
pub(crate) use sql_function::{default_shown, kept_body};
pub(super) use standard::FUNCTIONS as STANDARD;
pub(super) use updatable::FUNCTIONS as UPDATABLE;

pub(super) const FUNCTIONS: &[Function] = &[
    stable(1642, "pg_get_userbyid", &[OID], NAME, |context, args| {
        let role = object(&args[0])?.and_then(|oid| context.catalog.roles.get(&oid));
        text_of(role.map_or_else(|| format!("unknown (OID={})", number(&args[0])), |role| role.name.clone()))
    }),
    stable(1081, "format_type", &[OID, INT4], TEXT, format_type).takes_nulls(),
    stable(2079, "pg_table_is_visible", &[OID], BOOL, table_is_visible),
    stable(2080, "pg_type_is_visible", &[OID], BOOL, type_is_visible),
    stable(2081, "pg_function_is_visible", &[OID], BOOL, function_is_visible),
    stable(2082, "pg_operator_is_visible", &[OID], BOOL, |_, args| {
        let oid = object(&args[0])?;
        found(super::operators().find(|operator| Some(operator.oid) == oid))
    }),
    stable(2083, "pg_opclass_is_visible", &[OID], BOOL, visible_if_any),
    stable(3815, "pg_collation_is_visible", &[OID], BOOL, visible_if_any),
    stable(3403, "pg_statistics_obj_is_visible", &[OID], BOOL, nothing),
    stable(1716, "pg_get_expr", &[PG_NODE_TREE, OID], TEXT, expression_sql),
    stable(2509, "pg_get_expr", &[PG_NODE_TREE, OID, BOOL], TEXT, expression_sql),
    stable(1643, "pg_get_indexdef", &[OID], TEXT, index_sql),
    stable(2507, "pg_get_indexdef", &[OID, INT4, BOOL], TEXT, index_sql),
    stable(1387, "pg_get_constraintdef", &[OID], TEXT, constraint_sql),
    stable(2508, "pg_get_constraintdef", &[OID, BOOL], TEXT, constraint_sql),
    stable(1640, "pg_get_viewdef", &[TEXT], TEXT, view_sql),
    stable(2505, "pg_get_viewdef", &[TEXT, BOOL], TEXT, view_sql),
    stable(1641, "pg_get_viewdef", &[OID], TEXT, view_sql),
    stable(2506, "pg_get_viewdef", &[OID, BOOL], TEXT, view_sql),
    stable(3159, "pg_get_viewdef", &[OID, INT4], TEXT, view_sql),
    stable(1662, "pg_get_triggerdef", &[OID], TEXT, trigger_sql),
    stable(2730, "pg_get_triggerdef", &[OID, BOOL], TEXT, trigger_sql),
    // What follows asks for objects that cannot be made here, so there is never one with the oid.
    stable(1573, "pg_get_ruledef", &[OID], TEXT, nothing),
    stable(2504, "pg_get_ruledef", &[OID, BOOL], TEXT, nothing),
    stable(6174, "pg_get_statisticsobjdef_columns", &[OID], TEXT, nothing),
    stable(3415, "pg_get_statisticsobjdef", &[OID], TEXT, nothing),
    stable(6173, "pg_get_statisticsobjdef_expressions", &[OID], TEXT_ARRAY, nothing),
    stable(3808, "pg_get_function_arg_default", &[OID, INT4], TEXT, |context, args| {
        let function = object(&args[0])?.and_then(|oid| sql_function::defined(context, oid));
        let at = usize::try_from(int4(&args[1])?).ok().and_then(|number| number.checked_sub(1));
        let parameter = function.zip(at).and_then(|(function, at)| function.parameters.get(at));
        let default =
            parameter.and_then(|parameter| Some(default_shown(context, parameter.default.as_deref()?, parameter.ty)));
        default.map_or(Ok(Value::Null), text_of)
    }),
    stable(2093, "pg_conversion_is_visible", &[OID], BOOL, nothing),
    stable(3829, "pg_opfamily_is_visible", &[OID], BOOL, visible_if_any),
    stable(3758, "pg_ts_config_is_visible", &[OID], BOOL, visible_if_any),
    stable(3757, "pg_ts_dict_is_visible", &[OID], BOOL, visible_if_any),
    stable(3756, "pg_ts_parser_is_visible", &[OID], BOOL, visible_if_any),
    stable(3768, "pg_ts_template_is_visible", &[OID], BOOL, visible_if_any),
    // Text has the order of its bytes, of which there is only one version.
    stable(3448, "pg_collation_actual_version", &[OID], TEXT, nothing),
    stable(6249, "pg_database_collation_actual_version", &[OID], TEXT, nothing),
    // Files are shared by all tables.
    stable(3034, "pg_relation_filepath", &[REGCLASS], TEXT, nothing),
    stable(6120, "pg_get_replica_identity_index", &[REGCLASS], REGCLASS, |context, args| {
        let table = object(&args[0])?.and_then(|oid| context.catalog.tables.get(&oid));
        let index = table.and_then(|table| match table.replica_identity {
            ReplicaIdentity::Key => table.indexes.iter().find(|index| table.is_primary(index)).map(|index| index.oid),
            ReplicaIdentity::Index(index) => Some(index),
            ReplicaIdentity::Full | ReplicaIdentity::Nothing => None,
        });
        Ok(index.map_or(Value::Null, |index| Value::Int8(i64::from(index))))
    }),
    stable(6197, "pg_get_function_sqlbody", &[OID], TEXT, function_body),
    stable(2162, "pg_get_function_arguments", &[OID], TEXT, function_arguments),
    stable(2232, "pg_get_function_identity_arguments", &[OID], TEXT, function_identity),
    stable(2165, "pg_get_function_result", &[OID], TEXT, function_result),
    stable(2098, "pg_get_functiondef", &[OID], TEXT, function_definition),
    stable(1215, "obj_description", &[OID, NAME], TEXT, |context, args| match text(&args[1])? {
        "pg_class" => relation_comment(context, args),
        "pg_type" => {
            let ty = object(&args[0])?.and_then(|oid| context.catalog.types.get(&oid));
            ty.and_then(|ty| ty.comment.as_deref()).map_or(Ok(Value::Null), text_of)
        }
        class => {
            let comment = object(&args[0])?.and_then(|oid| comment_on(&context.catalog, class, oid, false));
            comment.map_or(Ok(Value::Null), text_of)
        }
    }),
    stable(1348, "obj_description", &[OID], TEXT, relation_comment),
    stable(1216, "col_description", &[OID, INT4], TEXT, column_comment),
    stable(1993, "shobj_description", &[OID, NAME], TEXT, |context, args| {
        let class = text(&args[1])?;
        let comment = object(&args[0])?.and_then(|oid| comment_on(&context.catalog, class, oid, true));
        comment.map_or(Ok(Value::Null), text_of)
    }),
    stable(1597, "pg_encoding_to_char", &[INT4], NAME, |_, args| {
        let position = usize::try_from(int4(&args[0])?).ok();
        text_of(position.and_then(|position| ENCODINGS.get(position)).copied().unwrap_or_default())
    }),
    stable(1264, "pg_char_to_encoding", &[NAME], INT4, |_, args| {
        let name = text(&args[0])?;
        let same = |known: &&&str| {
            known.eq_ignore_ascii_case(name) || (**known == "UTF8" && name.eq_ignore_ascii_case("utf-8"))
        };
        let position = ENCODINGS.iter().position(|known| same(&known));
        Ok(Value::Int4(position.and_then(|position| i32::try_from(position).ok()).unwrap_or(-1)))
    }),
    stable(6121, "pg_relation_is_publishable", &[REGCLASS], BOOL, |context, args| {
        let table = object(&args[0])?.and_then(|oid| context.catalog.tables.get(&oid));
        Ok(table.map_or(Value::Null, |table| Value::Bool(pg_catalog::relation(table.oid).is_none() && !table.unlogged)))
    }),
    stable(3495, "to_regclass", &[TEXT], REGCLASS, |context, args| {
        known(regclass(text(&args[0])?, &context.catalog, &context.session.search_path))
    }),
    stable(3493, "to_regtype", &[TEXT], REGTYPE, |context, args| to_registered(context, args, REGTYPE)),
    stable(4086, "to_regnamespace", &[TEXT], REGNAMESPACE, |context, args| to_registered(context, args, REGNAMESPACE)),
    stable(3494, "to_regproc", &[TEXT], REGPROC, |context, args| to_registered(context, args, REGPROC)),
    stable(3479, "to_regprocedure", &[TEXT], REGPROCEDURE, |context, args| to_registered(context, args, REGPROCEDURE)),
    stable(3492, "to_regoper", &[TEXT], REGOPER, |context, args| to_registered(context, args, REGOPER)),
    stable(3476, "to_regoperator", &[TEXT], REGOPERATOR, |context, args| to_registered(context, args, REGOPERATOR)),
    stable(4195, "to_regcollation", &[TEXT], REGCOLLATION, |context, args| to_registered(context, args, REGCOLLATION)),
    stable(4093, "to_regrole", &[TEXT], REGROLE, |context, args| to_registered(context, args, REGROLE)),
    volatile(3810, "pg_is_in_recovery", &[], BOOL, |_, _| Ok(Value::Bool(false))),
    stable(2854, "pg_my_temp_schema", &[], OID, |context, _| {
        let own = context.session.temporary.as_deref().and_then(|name| context.catalog.schema_named(name));
        Ok(Value::Int8(own.map_or(0, |schema| i64::from(schema.oid))))
    }),
    stable(2855, "pg_is_other_temp_schema", &[OID], BOOL, |context, args| {
        let schema = object(&args[0])?.and_then(|oid| context.catalog.schemas.get(&oid));
        let of_some = schema.filter(|schema| schema.name.starts_with(TEMPORARY_SCHEMA));
        Ok(Value::Bool(of_some.is_some_and(|schema| context.session.temporary.as_deref() != Some(&schema.name))))
    }),
    stable(3778, "pg_tablespace_location", &[OID], TEXT, |_, _| text_of("")),
    stable(2999, "pg_relation_filenode", &[REGCLASS], OID, |context, args| {
        let stored = |oid: &u32| context.catalog.tables.contains_key(oid) && pg_catalog::relation(*oid).is_none();
        Ok(object(&args[0])?.filter(stored).map_or(Value::Null, |oid| Value::Int8(i64::from(oid))))
    }),
];

pub(super) const TABLE_FUNCTIONS: &[TableFunction] = &[table(
    2289,
    "pg_options_to_table",
    &[TEXT_ARRAY],
    &[("option_name", TEXT), ("option_value", TEXT)],
    |_, args| {
        let Value::Array(options) = &args[0] else { return Ok(Box::new(std::iter::empty())) };
        let values = options.values.clone().into_iter();
        Ok(Box::new(values.filter(|value| !value.is_null()).map(|value| {
            let option = text(&value)?;
            let (name, setting) = option.split_once('=').map_or((option, None), |(name, value)| (name, Some(value)));
            Ok(vec![text_of(name)?, setting.map_or(Ok(Value::Null), text_of)?])
        })))
    },
)];

/// PostgreSQL's names of encodings, by number.
const ENCODINGS: [&str; 42] = [
    "SQL_ASCII",
    "EUC_JP",
    "EUC_CN",
    "EUC_KR",
    "EUC_TW",
    "EUC_JIS_2004",
    "UTF8",
    "MULE_INTERNAL",
    "LATIN1",
    "LATIN2",
    "LATIN3",
    "LATIN4",
    "LATIN5",
    "LATIN6",
    "LATIN7",
    "LATIN8",
    "LATIN9",
    "LATIN10",
    "WIN1256",
    "WIN1258",
    "WIN866",
    "WIN874",
    "KOI8R",
    "WIN1251",
    "WIN1252",
    "ISO_8859_5",
    "ISO_8859_6",
    "ISO_8859_7",
    "ISO_8859_8",
    "WIN1250",
    "WIN1253",
    "WIN1254",
    "WIN1255",
    "WIN1257",
    "KOI8U",
    "SJIS",
    "BIG5",
    "GBK",
    "UHC",
    "GB18030",
    "JOHAB",
    "SHIFT_JIS_2004",
];

/// The oid that an argument holds; None if it cannot be one.
fn object(value: &Value) -> Result<Option<u32>> {
    Ok(u32::try_from(int8(value)?).ok())
}

fn number(value: &Value) -> i64 {
    int8(value).unwrap_or_default()
}

fn nothing(_: &EvalContext, _: &[Value]) -> Result<Value> {
    Ok(Value::Null)
}

/// True for an object of a schema that is always searched, NULL for none.
fn found<T>(object: Option<T>) -> Result<Value> {
    Ok(object.map_or(Value::Null, |_| Value::Bool(true)))
}

fn visible_if_any(_: &EvalContext, args: &[Value]) -> Result<Value> {
    found(object(&args[0])?.filter(|oid| *oid != 0))
}

/// The table of an oid, or the index and its table.
fn relation_of(context: &EvalContext, oid: u32) -> Option<(&Arc<Table>, Option<&Index>)> {
    let catalog = &context.catalog;
    if let Some(table) = catalog.tables.get(&oid) {
        return Some((table, None));
    }
    let table = catalog.tables.get(catalog.index_tables.get(&oid)?)?;
    table.indexes.iter().find(|index| index.oid == oid).map(|index| (table, Some(index)))
}

fn format_type(context: &EvalContext, args: &[Value]) -> Result<Value> {
    if args[0].is_null() {
        return Ok(Value::Null);
    }
    let Some(oid) = object(&args[0])? else { return text_of("???") };
    if oid == 0 {
        return text_of("-");
    }
    let modifier = if args[1].is_null() { None } else { Some(int4(&args[1])?) };
    if builtin::info(oid).is_none() {
        return text_of("???");
    }
    // Without a modifier, as opposed to with none, "character" is not short for character(1).
    match (oid, modifier) {
        (BPCHAR, Some(modifier)) if modifier < 0 => text_of("bpchar"),
        (BPCHAR_ARRAY, Some(modifier)) if modifier < 0 => text_of("bpchar[]"),
        (BPCHAR, None) => text_of("character"),
        (BPCHAR_ARRAY, None) => text_of("character[]"),
        _ => {
            let ty = Type::with_modifier(oid, modifier.unwrap_or(-1));
            text_of(context.catalog.type_shown(ty, &context.session.search_path).unwrap_or_else(|| "???".to_owned()))
        }
    }
}

fn type_is_visible(context: &EvalContext, args: &[Value]) -> Result<Value> {
    let Some(oid) = object(&args[0])? else { return Ok(Value::Null) };
    match context.catalog.defined_type(oid) {
        None => match table_of_row_type(oid) {
            Some((table, array)) => Ok(row_type_is_visible(context, oid, table, array)),
            None => found(builtin::info(oid).filter(|info| info.oid < FIRST_OID)),
        },
        Some((ty, array)) => {
            let name = if array { &ty.array_name } else { &ty.name };
            let seen = builtin::by_name(name).is_none()
                && context.catalog.find_type(None, name, &context.session.search_path) == Some(oid);
            Ok(Value::Bool(seen))
        }
    }
}

/// The same for the row type of a table, or the type of its arrays. NULL: there is no such table.
fn row_type_is_visible(context: &EvalContext, oid: u32, table: u32, array: bool) -> Value {
    let Some(table) = context.catalog.tables.get(&table) else { return Value::Null };
    let path = &context.session.search_path;
    let named = |name: &str| context.catalog.find_type(None, name, path);
    let row = row_type(table.oid);
    let seen = named(&table.name) == row && builtin::by_name(&table.name).is_none();
    let hidden = array && named(&format!("_{}", table.name)).is_some_and(|other| other != oid);
    Value::Bool(seen && !hidden)
}

fn table_is_visible(context: &EvalContext, args: &[Value]) -> Result<Value> {
    let catalog = &context.catalog;
    let Some(oid) = object(&args[0])? else { return Ok(Value::Null) };
    if catalog.types.get(&oid).is_some_and(|ty| matches!(ty.kind, UserTypeKind::Composite(_))) {
        return type_is_visible(context, args);
    }
    let Some((table, index)) = relation_of(context, oid) else { return Ok(Value::Null) };
    let name = index.map_or(&table.name, |index| &index.name);
    let mut path = catalog.path(&context.session.search_path);
    let first = path.find_map(|schema| catalog.relation_names.get(&(schema.oid, name.clone())));
    Ok(Value::Bool(first == Some(&oid)))
}

fn trigger_sql(context: &EvalContext, args: &[Value]) -> Result<Value> {
    let found = object(&args[0])?.and_then(|oid| trigger_by_oid(context, oid));
    let pretty = args.get(1).map(boolean).transpose()?.unwrap_or(false);
    found.map_or(Ok(Value::Null), |(table, trigger)| text_of(trigger_definition(context, table, trigger, pretty)))
}

fn index_sql(context: &EvalContext, args: &[Value]) -> Result<Value> {
    let Some((table, Some(index))) = object(&args[0])?.and_then(|oid| relation_of(context, oid)) else {
        return Ok(Value::Null);
    };
    let column = args.get(1).map(int4).transpose()?.unwrap_or(0);
    let pretty = args.get(2).map(boolean).transpose()?.unwrap_or(false);
    if column != 0 {
        let position = usize::try_from(column).ok().and_then(|number| number.checked_sub(1));
        let key = position.and_then(|position| index.columns.get(position));
        let behind = position.and_then(|position| position.checked_sub(index.columns.len()));
        let included = behind.and_then(|behind| index.included.get(behind));
        let included = || included.map_or_else(String::new, |number| column_name(table, *number));
        return text_of(key.map_or_else(included, |column| index_column_name(context, table, column, pretty)));
    }
    text_of(index_definition(context, table, index, pretty))
}

fn expression_sql(context: &EvalContext, args: &[Value]) -> Result<Value> {
    let pretty = args.get(2).map(boolean).transpose()?.unwrap_or(false);
    text_of(expression::stored(context, text(&args[0])?, object(&args[1])?.unwrap_or_default(), pretty))
}

fn constraint_sql(context: &EvalContext, args: &[Value]) -> Result<Value> {
    let pretty = args.get(1).map(boolean).transpose()?.unwrap_or(false);
    let Some(oid) = object(&args[0])? else { return Ok(Value::Null) };
    for table in context.catalog.tables.values() {
        if let Some(constraint) = table.constraints.iter().find(|constraint| constraint.oid == oid) {
            return text_of(constraint_definition(context, table, constraint, pretty));
        }
    }
    for (ty, domain) in context.catalog.types.values().filter_map(|ty| Some((ty, ty.domain()?))) {
        if let Some(check) = domain.checks.iter().find(|check| check.oid == oid) {
            let valid = if check.validated { "" } else { " NOT VALID" };
            let base = builtin::info(ty.oid).map_or(Type::new(ty.oid), |info| info.base);
            let condition = expression::of_domain(context, base, &check.expression, pretty);
            return text_of(format!("CHECK ({condition}){valid}"));
        }
    }
    Ok(Value::Null)
}

fn view_sql(context: &EvalContext, args: &[Value]) -> Result<Value> {
    let oid = match &args[0] {
        Value::Text(name) => Some(regclass(name, &context.catalog, &context.session.search_path)?),
        oid => object(oid)?,
    };
    let Some((table, _)) = oid.and_then(|oid| relation_of(context, oid)) else { return Ok(Value::Null) };
    if let Some(view) = table.stored_query() {
        // A width to wrap at asks for the pretty form too.
        let pretty = match args.get(1) {
            Some(Value::Bool(pretty)) => *pretty,
            other => other.is_some(),
        };
        return text_of(view_definition(context, table, view, pretty)?);
    }
    // A table has no query, and what PostgreSQL defines by one is computed here.
    Ok(Value::Null)
}

/// What the kinds of functions have in common.
struct Routine {
    args: &'static [u32],
    variadic: bool,
    result: String,
}

impl Routine {
    fn of(oid: u32) -> Option<Self> {
        if let Some(function) = function_by_oid(oid) {
            let result = display(Type::new(function.returns));
            return Some(Self { args: function.args, variadic: function.variadic, result });
        }
        if let Some(function) = aggregates().find(|aggregate| aggregate.oid == oid) {
            return Some(Self { args: function.args, variadic: false, result: display(Type::new(function.returns)) });
        }
        if let Some(function) = super::WINDOW_FUNCTIONS.iter().find(|function| function.oid == oid) {
            return Some(Self { args: function.args, variadic: false, result: display(Type::new(function.returns)) });
        }
        if let Some(function) = type_functions().find(|function| function.oid == oid) {
            return Some(Self { args: function.args, variadic: false, result: display(Type::new(function.returns)) });
        }
        let function = table_functions().find(|function| function.oid == oid)?;
        let result = match function.columns {
            [(_, ty)] => display(Type::new(*ty)),
            _ => "record".to_owned(),
        };
        Some(Self { args: function.args, variadic: false, result: format!("SETOF {result}") })
    }
}

fn function_identity(context: &EvalContext, args: &[Value]) -> Result<Value> {
    match object(&args[0])?.and_then(|oid| sql_function::defined(context, oid)) {
        Some(function) => text_of(sql_function::arguments(context, function, false)),
        None => function_arguments(context, args),
    }
}

fn function_arguments(context: &EvalContext, args: &[Value]) -> Result<Value> {
    if let Some(function) = object(&args[0])?.and_then(|oid| sql_function::defined(context, oid)) {
        return text_of(sql_function::arguments(context, function, true));
    }
    let Some(routine) = object(&args[0])?.and_then(Routine::of) else { return Ok(Value::Null) };
    let last = routine.args.len().saturating_sub(1);
    let written: Vec<String> = routine
        .args
        .iter()
        .enumerate()
        .map(|(position, ty)| {
            let mode = if routine.variadic && position == last { "VARIADIC " } else { "" };
            format!("{mode}{}", display(Type::new(*ty)))
        })
        .collect();
    text_of(written.join(", "))
}

fn function_result(context: &EvalContext, args: &[Value]) -> Result<Value> {
    if let Some(function) = object(&args[0])?.and_then(|oid| sql_function::defined(context, oid)) {
        return sql_function::result(context, function).map_or(Ok(Value::Null), text_of);
    }
    object(&args[0])?.and_then(Routine::of).map_or(Ok(Value::Null), |routine| text_of(routine.result))
}

fn function_body(context: &EvalContext, args: &[Value]) -> Result<Value> {
    let function = object(&args[0])?.and_then(|oid| sql_function::defined(context, oid));
    function.and_then(|function| sql_function::kept_body(context, function)).map_or(Ok(Value::Null), text_of)
}

fn function_is_visible(context: &EvalContext, args: &[Value]) -> Result<Value> {
    let oid = object(&args[0])?;
    if let Some(function) = oid.and_then(|oid| sql_function::defined(context, oid)) {
        return Ok(Value::Bool(context.catalog.finds_sql_function(function, &context.session.search_path)));
    }
    match oid.and_then(extension_function) {
        Some(function) => Ok(Value::Bool(context.catalog.finds_extended(function, &context.session.search_path))),
        None => found(oid.and_then(Routine::of)),
    }
}

/// Of those that are built in, what `pg_proc` calls their source is their name.
fn function_definition(context: &EvalContext, args: &[Value]) -> Result<Value> {
    let Some(oid) = object(&args[0])? else { return Ok(Value::Null) };
    if let Some(function) = sql_function::defined(context, oid) {
        return text_of(sql_function::definition(context, function));
    }
    let (Some(routine), Some((name, _))) = (Routine::of(oid), routine_by_oid(oid)) else { return Ok(Value::Null) };
    if aggregates().any(|aggregate| aggregate.oid == oid) {
        let words = format!("\"{name}\" is an aggregate function");
        return Err(Error::new(SqlState::WRONG_OBJECT_TYPE, words));
    }
    let function = function_by_oid(oid);
    let volatility = match function.map(|function| function.volatility) {
        Some(Volatility::Immutable) => "IMMUTABLE ",
        Some(Volatility::Stable) => "STABLE ",
        Some(Volatility::Volatile) | None => "",
    };
    let strict = if function.is_none_or(|function| function.strict) { " STRICT" } else { "" };
    let arguments = match function_arguments(context, args)? {
        Value::Text(arguments) => arguments,
        _ => return Ok(Value::Null),
    };
    text_of(format!(
        "CREATE OR REPLACE FUNCTION pg_catalog.{}({arguments})\n RETURNS {}\n LANGUAGE internal\n {volatility}PARALLEL SAFE{strict}\nAS $function${name}$function$\n",
        quote_identifier(&name),
        routine.result,
    ))
}

fn relation_comment(context: &EvalContext, args: &[Value]) -> Result<Value> {
    let relation = object(&args[0])?.and_then(|oid| relation_of(context, oid));
    let comment = relation.and_then(|(table, index)| match index {
        Some(index) => index.comment.as_deref(),
        None => table.comment.as_deref(),
    });
    comment.map_or(Ok(Value::Null), text_of)
}

fn column_comment(context: &EvalContext, args: &[Value]) -> Result<Value> {
    let table = object(&args[0])?.and_then(|oid| context.catalog.tables.get(&oid));
    let number = u16::try_from(int4(&args[1])?).ok();
    let comment = table.and_then(|table| {
        let position = table.position_of_number(number?)?;
        table.columns[position].comment.as_deref()
    });
    comment.map_or(Ok(Value::Null), text_of)
}

/// What is wrong with a name that nothing has.
const NOT_FOUND: [SqlState; 5] = [
    SqlState::UNDEFINED_FUNCTION,
    SqlState::UNDEFINED_OBJECT,
    SqlState::UNDEFINED_TABLE,
    SqlState::INVALID_SCHEMA_NAME,
    SqlState::AMBIGUOUS_FUNCTION,
];

/// NULL instead of an error for a name that nothing has.
fn known(result: Result<u32>) -> Result<Value> {
    match result {
        Ok(oid) => Ok(Value::Int8(i64::from(oid))),
        Err(error) if NOT_FOUND.iter().any(|state| error.state == Some(*state)) => Ok(Value::Null),
        Err(error) => Err(error),
    }
}

fn to_registered(context: &EvalContext, args: &[Value], ty: u32) -> Result<Value> {
    let name = text(&args[0])?;
    // A number is an oid to the input functions, and just a name to these.
    if name.bytes().all(|byte| byte.is_ascii_digit()) || name == "-" {
        return Ok(Value::Null);
    }
    known(find_registered(name, ty, Some((&context.catalog, &context.session.search_path))))
}

/// The sequence that a column owns, with its schema.
pub(super) fn serial_sequence(context: &EvalContext, args: &[Value]) -> Result<Value> {
    let catalog = &context.catalog;
    let oid = regclass(text(&args[0])?, catalog, &context.session.search_path)?;
    let column = text(&args[1])?;
    let Some(table) = catalog.tables.get(&oid) else { return Ok(Value::Null) };
    let position = table.position_of(column).ok_or_else(|| undefined_column(table, column))?;
    let number = table.columns[position].number;
    let sequence = catalog.sequences_of(oid).find(|(_, owner)| owner.column == number);
    let Some((sequence, _)) = sequence else { return Ok(Value::Null) };
    let schema = catalog.schemas.get(&sequence.schema).map_or("", |schema| schema.name.as_str());
    text_of(format!("{}.{}", quote_identifier(schema), quote_identifier(&sequence.name)))
}

fn undefined_column(table: &Table, column: &str) -> Error {
    Error::new(SqlState::UNDEFINED_COLUMN, format!("column \"{column}\" of relation \"{}\" does not exist", table.name))
}
