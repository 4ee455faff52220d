//! Storage parameters, WITH (…): PostgreSQL's own are checked as PostgreSQL does, kept and shown. None of them changes
//! how we store rows; those that do are ours (`catalog/table_options.rs`).

use auth::TableRows;
use datafusion::sql::sqlparser::ast::{self, SqlOption};

use super::stream;
use crate::catalog::{AccessMethod, OwnOption, Table};
use crate::error::{Error, Result, SqlState};
use crate::plan::bind::fold;
use crate::statement::definition::StorageParameter;

#[derive(Debug, Clone, Copy, PartialEq)]
enum Kind {
    Bool,
    Int(i64, i64),
    Real(f64, f64),
    Word(&'static [&'static str]),
}

const INT_MAX: i64 = i32::MAX as i64;

const TABLE_PARAMETERS: &[(&str, Kind)] = &[
    ("fillfactor", Kind::Int(10, 100)),
    ("toast_tuple_target", Kind::Int(128, 8160)),
    ("parallel_workers", Kind::Int(0, 1024)),
    ("autovacuum_enabled", Kind::Bool),
    ("vacuum_index_cleanup", Kind::Word(&["auto", "on", "off", "true", "false", "yes", "no", "1", "0"])),
    ("vacuum_truncate", Kind::Bool),
    ("autovacuum_vacuum_threshold", Kind::Int(0, INT_MAX)),
    ("autovacuum_vacuum_scale_factor", Kind::Real(0.0, 100.0)),
    ("autovacuum_vacuum_insert_threshold", Kind::Int(-1, INT_MAX)),
    ("autovacuum_vacuum_insert_scale_factor", Kind::Real(0.0, 100.0)),
    ("autovacuum_analyze_threshold", Kind::Int(0, INT_MAX)),
    ("autovacuum_analyze_scale_factor", Kind::Real(0.0, 100.0)),
    ("autovacuum_vacuum_cost_delay", Kind::Real(0.0, 100.0)),
    ("autovacuum_vacuum_cost_limit", Kind::Int(1, 10000)),
    ("autovacuum_freeze_min_age", Kind::Int(0, 1_000_000_000)),
    ("autovacuum_freeze_max_age", Kind::Int(100_000, 2_000_000_000)),
    ("autovacuum_freeze_table_age", Kind::Int(0, 2_000_000_000)),
    ("autovacuum_multixact_freeze_min_age", Kind::Int(0, 1_000_000_000)),
    ("autovacuum_multixact_freeze_max_age", Kind::Int(10_000, 2_000_000_000)),
    ("autovacuum_multixact_freeze_table_age", Kind::Int(0, 2_000_000_000)),
    ("log_autovacuum_min_duration", Kind::Int(-1, INT_MAX)),
    ("user_catalog_table", Kind::Bool),
];

/// What stands before the dot of parameters of the table that PostgreSQL puts large values into. There is none here:
/// they are kept, and shown nowhere.
const TOAST: &str = "toast";
const NOT_OF_TOAST: [&str; 6] = [
    "fillfactor",
    "toast_tuple_target",
    "parallel_workers",
    "autovacuum_analyze_threshold",
    "autovacuum_analyze_scale_factor",
    "user_catalog_table",
];

/// What indexes of an access method may be given.
fn of_method(method: AccessMethod) -> &'static [(&'static str, Kind)] {
    match method {
        AccessMethod::Btree => &[("fillfactor", Kind::Int(10, 100)), ("deduplicate_items", Kind::Bool)],
        AccessMethod::Hash => &[("fillfactor", Kind::Int(10, 100))],
        AccessMethod::Gin => &[("fastupdate", Kind::Bool), ("gin_pending_list_limit", Kind::Int(64, INT_MAX))],
        AccessMethod::Brin => &[("pages_per_range", Kind::Int(1, 131_072)), ("autosummarize", Kind::Bool)],
    }
}

const VIEW_PARAMETERS: &[(&str, Kind)] = &[
    ("check_option", Kind::Word(&["local", "cascaded"])),
    ("security_barrier", Kind::Bool),
    ("security_invoker", Kind::Bool),
];

/// The same as name and value.
pub(super) fn of_table_as(options: &[(String, String)]) -> Result<Vec<(String, String)>> {
    let mut parameters = Vec::with_capacity(options.len());
    for (name, value) in options {
        add(&mut parameters, name.clone(), value.clone(), TABLE_PARAMETERS)?;
    }
    Ok(parameters)
}

/// Parameters of a view, checked.
pub(super) fn of_view(options: &[(String, String)]) -> Result<Vec<(String, String)>> {
    let mut parameters = Vec::with_capacity(options.len());
    for (name, value) in options {
        add(&mut parameters, name.clone(), value.clone(), VIEW_PARAMETERS)?;
    }
    Ok(parameters)
}

/// Parameters of a table, checked: name and value as text.
pub(super) fn of_table(options: &[SqlOption]) -> Result<Vec<(String, String)>> {
    let mut parameters = Vec::with_capacity(options.len());
    for option in options {
        let (name, value) = name_and_value(option)?;
        add(&mut parameters, name, value, TABLE_PARAMETERS)?;
    }
    Ok(parameters)
}

/// 22023 if there are any but who may use it: a partitioned table, which stores nothing, has no other parameters.
pub(super) fn refuse_for_partitioned(options: &[(String, String)]) -> Result<()> {
    let is_of_storage = |name: &str| OwnOption::named(name) != Some(OwnOption::AccessLevel);
    let Some((name, _)) = options.iter().find(|(name, _)| is_of_storage(name)) else { return Ok(()) };
    Err(Error::new(SqlState::INVALID_PARAMETER_VALUE, format!("unrecognized parameter \"{name}\"")))
}

/// Parameters of an index, which the parser leaves as expressions `name = value`.
pub(super) fn of_index(method: AccessMethod, options: &[ast::Expr]) -> Result<Vec<(String, String)>> {
    let mut parameters = Vec::with_capacity(options.len());
    for option in options {
        let (name, value) = match option {
            ast::Expr::BinaryOp { left, op: ast::BinaryOperator::Eq, right } => (left.as_ref(), value_text(right)?),
            name => (name, "true".to_owned()),
        };
        let name = match name {
            ast::Expr::Identifier(name) => fold(name),
            ast::Expr::CompoundIdentifier(names) => names.iter().map(fold).collect::<Vec<_>>().join("."),
            name => return Err(Error::unsupported(format!("storage parameter {name}"))),
        };
        add(&mut parameters, name, value, of_method(method))?;
    }
    Ok(parameters)
}

/// Parameters of a key's index, checked.
pub(super) fn of_key(given: Vec<(String, String)>) -> Result<Vec<(String, String)>> {
    let mut parameters = Vec::with_capacity(given.len());
    for (name, value) in given {
        add(&mut parameters, name, value, of_method(AccessMethod::Btree))?;
    }
    Ok(parameters)
}

/// Puts new values behind old ones, whose place they take.
pub(super) fn merge(options: &mut Vec<(String, String)>, new: Vec<(String, String)>) {
    options.retain(|(name, _)| new.iter().all(|(other, _)| other != name));
    options.extend(new);
}

/// Parameters of ALTER TABLE … SET, checked.
pub(super) fn of_table_set(given: &[StorageParameter]) -> Result<Vec<(String, String)>> {
    set(given, TABLE_PARAMETERS)
}

/// Parameters of ALTER INDEX … SET, checked.
pub(super) fn of_index_set(method: AccessMethod, given: &[StorageParameter]) -> Result<Vec<(String, String)>> {
    set(given, of_method(method))
}

fn set(given: &[StorageParameter], known: &[(&str, Kind)]) -> Result<Vec<(String, String)>> {
    let mut parameters = Vec::with_capacity(given.len());
    for StorageParameter { name, value } in given {
        add(&mut parameters, name.clone(), value.clone().unwrap_or_else(|| "true".to_owned()), known)?;
    }
    Ok(parameters)
}

/// The names of RESET, which takes no values.
pub(super) fn names_to_reset(given: &[StorageParameter]) -> Result<Vec<String>> {
    if given.iter().any(|parameter| parameter.value.is_some()) {
        return Err(Error::new(SqlState::SYNTAX_ERROR, "RESET must not include values for parameters"));
    }
    Ok(given.iter().map(|parameter| parameter.name.clone()).collect())
}

fn name_and_value(option: &SqlOption) -> Result<(String, String)> {
    match option {
        SqlOption::KeyValue { key, value } => Ok((fold(key), value_text(value)?)),
        SqlOption::Ident(name) => Ok((fold(name), "true".to_owned())),
        other => Err(Error::unsupported(format!("table option {other}"))),
    }
}

fn value_text(value: &ast::Expr) -> Result<String> {
    match value {
        ast::Expr::Value(value) => Ok(match &value.value {
            ast::Value::SingleQuotedString(text) | ast::Value::Number(text, _) => text.clone(),
            ast::Value::Boolean(value) => value.to_string(),
            other => other.to_string(),
        }),
        ast::Expr::Identifier(word) => Ok(fold(word)),
        ast::Expr::UnaryOp { op: ast::UnaryOperator::Minus, expr } => Ok(format!("-{}", value_text(expr)?)),
        other => Err(Error::new(SqlState::SYNTAX_ERROR, format!("syntax error at or near \"{other}\""))),
    }
}

fn add(parameters: &mut Vec<(String, String)>, name: String, value: String, known: &[(&str, Kind)]) -> Result<()> {
    if known == TABLE_PARAMETERS
        && let Some(option) = OwnOption::named(&name)
    {
        refuse_second(parameters, &name)?;
        check_own(option, &value)?;
        parameters.push((name, value));
        return Ok(());
    }
    let plain = match name.split_once('.') {
        None => name.as_str(),
        Some((TOAST, parameter)) if known == TABLE_PARAMETERS => parameter,
        Some((namespace, _)) => {
            return Err(invalid(format!("unrecognized parameter namespace \"{namespace}\"")));
        }
    };
    let of_toast = plain.len() < name.len();
    let Some((_, kind)) =
        known.iter().find(|(known, _)| *known == plain && !(of_toast && NOT_OF_TOAST.contains(known)))
    else {
        return Err(invalid(format!("unrecognized parameter \"{plain}\"")));
    };
    refuse_second(parameters, &name)?;
    check(plain, &value, *kind)?;
    parameters.push((name, value));
    Ok(())
}

fn refuse_second(parameters: &[(String, String)], name: &str) -> Result<()> {
    match parameters.iter().any(|(other, _)| other == name) {
        true => Err(invalid(format!("parameter \"{name}\" specified more than once"))),
        false => Ok(()),
    }
}

fn check_own(option: OwnOption, value: &str) -> Result<()> {
    option
        .check(value)
        .map_err(|valid| invalid(format!("invalid value for option \"{}\": {value}", option.name())).with_detail(valid))
}

/// 0A000 for what no temporary table has: its rows stay where they are. 22023 for the access level of what is no shared
/// table, and for what streams have and others have not.
pub(super) fn check_own_of(table: &Table) -> Result<()> {
    if table.own_option(OwnOption::AccessLevel).is_some() && !matches!(table.rows(), Some(TableRows::Shared(_))) {
        return Err(invalid("access_level is an option of shared tables".to_owned()));
    }
    stream::check_options(table)?;
    match OwnOption::ALL.into_iter().find(|option| table.temporary.is_some() && table.own_option(*option).is_some()) {
        Some(option) => Err(Error::unsupported(format!("{} of a temporary table", option.name()))),
        None => Ok(()),
    }
}

fn check(name: &str, value: &str, kind: Kind) -> Result<()> {
    let bounds = |valid: bool, low: String, high: String| {
        if valid {
            return Ok(());
        }
        Err(invalid(format!("value {value} out of bounds for option \"{name}\""))
            .with_detail(format!("Valid values are between \"{low}\" and \"{high}\".")))
    };
    match kind {
        Kind::Bool => match value.to_ascii_lowercase().as_str() {
            "true" | "false" | "on" | "off" | "yes" | "no" | "1" | "0" | "t" | "f" | "y" | "n" => Ok(()),
            _ => Err(invalid(format!("invalid value for boolean option \"{name}\": {value}"))),
        },
        Kind::Int(low, high) => match value.parse::<f64>() {
            Ok(number) => {
                let fits = number.is_finite() && (low..=high).contains(&(number.round_ties_even() as i64));
                bounds(fits, low.to_string(), high.to_string())
            }
            Err(_) => Err(invalid(format!("invalid value for integer option \"{name}\": {value}"))),
        },
        Kind::Real(low, high) => match value.parse::<f64>() {
            Ok(number) => bounds((low..=high).contains(&number), format!("{low:.6}"), format!("{high:.6}")),
            Err(_) => Err(invalid(format!("invalid value for floating point option \"{name}\": {value}"))),
        },
        Kind::Word(words) => {
            if words.contains(&value.to_ascii_lowercase().as_str()) {
                return Ok(());
            }
            Err(invalid(format!("invalid value for enum option \"{name}\": {value}")).with_detail(match name {
                "check_option" => "Valid values are \"local\" and \"cascaded\".",
                _ => "Valid values are \"on\", \"off\", and \"auto\".",
            }))
        }
    }
}

pub(super) fn invalid(message: String) -> Error {
    Error::new(SqlState::INVALID_PARAMETER_VALUE, message)
}
