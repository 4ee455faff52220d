//! Storage parameters, WITH (…): PostgreSQL's own are checked as PostgreSQL does, kept and shown. None of them changes
//! how we store rows.

use datafusion::sql::sqlparser::ast::{self, SqlOption};

use crate::error::{Error, Result, SqlState};
use crate::plan::bind::fold;

#[derive(Debug, Clone, Copy)]
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

const INDEX_PARAMETERS: &[(&str, Kind)] = &[("fillfactor", Kind::Int(10, 100)), ("deduplicate_items", Kind::Bool)];

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

/// 22023 if there are any: a partitioned table, which stores nothing, has no parameters.
pub(super) fn refuse_for_partitioned(options: &[(String, String)]) -> Result<()> {
    let Some((name, _)) = options.first() else { return Ok(()) };
    Err(Error::new(SqlState::INVALID_PARAMETER_VALUE, format!("unrecognized parameter \"{name}\"")))
}

/// Parameters of an index, which the parser leaves as expressions `name = value`.
pub(super) fn of_index(options: &[ast::Expr]) -> Result<Vec<(String, String)>> {
    let mut parameters = Vec::with_capacity(options.len());
    for option in options {
        let (name, value) = match option {
            ast::Expr::BinaryOp { left, op: ast::BinaryOperator::Eq, right } => (left.as_ref(), value_text(right)?),
            name => (name, "true".to_owned()),
        };
        let ast::Expr::Identifier(name) = name else {
            return Err(Error::unsupported(format!("storage parameter {name}")));
        };
        add(&mut parameters, fold(name), value, INDEX_PARAMETERS)?;
    }
    Ok(parameters)
}

/// Puts new values in the place of old ones.
pub(super) fn merge(options: &mut Vec<(String, String)>, new: Vec<(String, String)>) {
    for (name, value) in new {
        match options.iter_mut().find(|(other, _)| *other == name) {
            Some((_, old)) => *old = value,
            None => options.push((name, value)),
        }
    }
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
    let Some((_, kind)) = known.iter().find(|(known, _)| *known == name) else {
        return Err(invalid(format!("unrecognized parameter \"{name}\"")));
    };
    if parameters.iter().any(|(other, _)| *other == name) {
        return Err(invalid(format!("parameter \"{name}\" specified more than once")));
    }
    check(&name, &value, *kind)?;
    parameters.push((name, value));
    Ok(())
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
        Kind::Int(low, high) => match value.parse::<i64>() {
            Ok(number) => bounds((low..=high).contains(&number), low.to_string(), high.to_string()),
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

fn invalid(message: String) -> Error {
    Error::new(SqlState::INVALID_PARAMETER_VALUE, message)
}
