//! What the catalog answers of functions that SQL defined: their arguments, results and definitions as SQL.

use crate::catalog::pg_catalog::view_text::query_text;
use crate::catalog::{ParameterMode, SqlFunction};
use crate::deparse;
use crate::function::string::quote_literal;
use crate::function::{EvalContext, Volatility};
use crate::plan::bind::Clause;
use crate::session::settings::split_names;
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
                ParameterMode::Variadic => "VARIADIC ".to_owned(),
                // What a procedure is called with includes what it answers, so each says what it is.
                ParameterMode::In if function.procedure => "IN ".to_owned(),
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

/// What it returns; None for a procedure.
pub(super) fn result(context: &EvalContext, function: &SqlFunction) -> Option<String> {
    if function.procedure {
        return None;
    }
    let columns: Vec<String> = function
        .parameters
        .iter()
        .filter(|parameter| parameter.mode == ParameterMode::Table)
        .map(|column| format!("{} {}", quote_identifier(&column.name), type_name(context, column.ty)))
        .collect();
    if !columns.is_empty() {
        return Some(format!("TABLE({})", columns.join(", ")));
    }
    let set = if function.set { "SETOF " } else { "" };
    Some(format!("{set}{}", type_name(context, function.returns)))
}

/// The body of a function that was read when the function was made, as SQL.
pub(crate) fn kept_body(context: &EvalContext, function: &SqlFunction) -> Option<String> {
    let kept = function.kept.as_ref()?;
    if let Ok(written) = deparse::body(context, function, kept) {
        return Some(written);
    }
    let texts: Vec<String> = kept.queries.iter().filter_map(|query| query_text(context, query).ok()).collect();
    Some(match kept.is_expression {
        true => format!("RETURN ({})", texts.join("")),
        false => format!("BEGIN ATOMIC\n {}\nEND", texts.join(";\n ") + ";"),
    })
}

/// The statement that makes it.
pub(super) fn definition(context: &EvalContext, function: &SqlFunction) -> String {
    let schema = context.catalog.schemas.get(&function.schema).map_or("", |schema| schema.name.as_str());
    let mut text = format!(
        "CREATE OR REPLACE {} {}.{}({})\n",
        function.noun().to_uppercase(),
        quote_identifier(schema),
        quote_identifier(&function.name),
        arguments(context, function, true),
    );
    if let Some(result) = result(context, function) {
        text.push_str(&format!(" RETURNS {result}\n"));
    }
    text.push_str(&format!(" LANGUAGE {}\n", function.language.name()));
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
    for (name, value) in &function.settings {
        text.push_str(&format!(" SET {name} TO {}\n", setting_shown(value)));
    }
    if let Some(body) = kept_body(context, function) {
        return format!("{text}{body}\n");
    }
    let mut tag = format!("${}", function.noun());
    while function.body.contains(&tag) {
        tag.push('x');
    }
    text.push_str(&format!("AS {tag}${}{tag}$\n", function.body));
    text
}

/// A list of names as SET takes it, each as a literal.
fn setting_shown(value: &str) -> String {
    let names = split_names(value);
    let quoted: Vec<String> = names.iter().map(|name| quote_literal(name)).collect();
    if quoted.is_empty() { "''".to_owned() } else { quoted.join(", ") }
}
