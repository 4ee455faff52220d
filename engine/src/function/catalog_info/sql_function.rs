//! What the catalog answers of functions that SQL defined: their arguments, results and definitions as SQL.

use crate::catalog::{ParameterMode, SqlFunction};
use crate::deparse;
use crate::function::{EvalContext, Volatility};
use crate::plan::bind::Clause;
use crate::types::Type;
use crate::types::text::quote_identifier;

/// The function of an oid, if SQL defined it.
pub(super) fn defined(context: &EvalContext, oid: u32) -> Option<&SqlFunction> {
    context.catalog.functions.get(&oid).map(|function| &**function)
}

fn type_name(context: &EvalContext, ty: u32) -> String {
    let shown = context.catalog.type_shown(Type::new(ty), &context.session.search_path);
    match ty {
        crate::types::oid::BPCHAR => "character".to_owned(),
        _ => shown.unwrap_or_else(|| "???".to_owned()),
    }
}

/// What an argument is when a call leaves it out, as SQL.
pub(crate) fn default_shown(context: &EvalContext, text: &str, ty: u32) -> String {
    let written = deparse::expression(context, None, text, (Clause::Default, Some(Type::new(ty))), false);
    written.map_or_else(|_| text.to_owned(), |written| written.text)
}

/// The arguments, with their defaults if `full`.
pub(super) fn arguments(context: &EvalContext, function: &SqlFunction, full: bool) -> String {
    let listed = function.parameters.iter().filter(|parameter| parameter.mode != ParameterMode::Table);
    let written: Vec<String> = listed
        .map(|parameter| {
            let mut text = match parameter.mode {
                ParameterMode::Out => "OUT ".to_owned(),
                ParameterMode::InOut => "INOUT ".to_owned(),
                ParameterMode::In | ParameterMode::Table => String::new(),
            };
            if !parameter.name.is_empty() {
                text.push_str(&quote_identifier(&parameter.name));
                text.push(' ');
            }
            text.push_str(&type_name(context, parameter.ty));
            if let Some(default) = parameter.default.as_deref().filter(|_| full) {
                text.push_str(" DEFAULT ");
                text.push_str(&default_shown(context, default, parameter.ty));
            }
            text
        })
        .collect();
    written.join(", ")
}

/// What it returns.
pub(super) fn result(context: &EvalContext, function: &SqlFunction) -> String {
    let columns: Vec<String> = function
        .parameters
        .iter()
        .filter(|parameter| parameter.mode == ParameterMode::Table)
        .map(|column| format!("{} {}", quote_identifier(&column.name), type_name(context, column.ty)))
        .collect();
    if !columns.is_empty() {
        return format!("TABLE({})", columns.join(", "));
    }
    let set = if function.set { "SETOF " } else { "" };
    format!("{set}{}", type_name(context, function.returns))
}

/// The statement that makes it.
pub(super) fn definition(context: &EvalContext, function: &SqlFunction) -> String {
    let schema = context.catalog.schemas.get(&function.schema).map_or("", |schema| schema.name.as_str());
    let mut text = format!(
        "CREATE OR REPLACE FUNCTION {}.{}({})\n RETURNS {}\n LANGUAGE sql\n",
        quote_identifier(schema),
        quote_identifier(&function.name),
        arguments(context, function, true),
        result(context, function)
    );
    let mut options = String::new();
    options.push_str(match function.volatility {
        Volatility::Immutable => " IMMUTABLE",
        Volatility::Stable => " STABLE",
        Volatility::Volatile => "",
    });
    options.push_str(match function.parallel {
        's' => " PARALLEL SAFE",
        'r' => " PARALLEL RESTRICTED",
        _ => "",
    });
    for (said, words) in
        [(function.strict, " STRICT"), (function.definer, " SECURITY DEFINER"), (function.leakproof, " LEAKPROOF")]
    {
        if said {
            options.push_str(words);
        }
    }
    if function.cost != 100.0 {
        options.push_str(&format!(" COST {}", function.cost));
    }
    if function.set && function.rows != 1000.0 {
        options.push_str(&format!(" ROWS {}", function.rows));
    }
    if !options.is_empty() {
        text.push_str(&options);
        text.push('\n');
    }
    let mut tag = "$function".to_owned();
    while function.body.contains(&tag) {
        tag.push('x');
    }
    text.push_str(&format!("AS {tag}${}{tag}$\n", function.body));
    text
}
