//! Arguments as JSON: what is said of a value's type where functions that make JSON of anything are called.

use storage::Value;

use crate::expr::{Expr, ExprKind};
use crate::function::Function;
use crate::function::json::build::{ARRAY_TO_JSON, ROW_TO_JSON, VALUE_TO_JSON, VALUE_TO_KEY};
use crate::function::json::record::FILLS_ROW;
use crate::types::{Type, oid};

/// Functions, by oid, that make JSON of arguments of any type, and of which.
pub(crate) fn takes_json_forms(function: &Function) -> bool {
    fills_row(function) || matches!(function.oid, 3153..=3156 | 3176 | 3787 | 3198 | 3200 | 3271 | 3273)
}

/// Whether the function fills a row from a document.
pub(crate) fn fills_row(function: &Function) -> bool {
    FILLS_ROW.contains(&function.oid)
}

/// The arguments of a function that [`takes_json_forms`], ready for it.
pub(crate) fn json_forms(function: &Function, mut args: Vec<Expr>) -> Vec<Expr> {
    match function.oid {
        // array_to_json and row_to_json with a second argument: whether to break lines.
        3154 | 3156 if args.len() == 2 => {
            let Some(pretty) = args.pop() else { return args };
            let Some(value) = args.pop() else { return args };
            let form =
                if function.oid == 3154 { array_form(value, pretty.clone()) } else { row_form(value, pretty.clone()) };
            vec![form, pretty]
        }
        // What the row's type is.
        _ if fills_row(function) => {
            let ty = args.first().map_or(oid::RECORD, |row| row.ty.oid);
            args.push(Expr::constant(Value::Int8(i64::from(ty)), Type::new(oid::OID)));
            args
        }
        // Keys and values in turn.
        3200 | 3273 => {
            let form = |(index, arg)| if index % 2 == 0 { key_form(arg) } else { json_form(arg) };
            args.into_iter().enumerate().map(form).collect()
        }
        _ => args.into_iter().map(json_form).collect(),
    }
}

/// JSON text of the expression's value.
pub(crate) fn json_form(expr: Expr) -> Expr {
    if is_row(&expr) {
        return row_as_json(expr);
    }
    if expr.ty.oid == oid::JSON {
        return expr;
    }
    with_type(&VALUE_TO_JSON, expr, Vec::new())
}

/// A row that is JSON already, under that type.
fn row_as_json(expr: Expr) -> Expr {
    let kind = match expr.kind {
        ExprKind::Case { whens, otherwise } => {
            let whens = whens.into_iter().map(|(when, then)| (when, row_as_json(then))).collect();
            ExprKind::Case { whens, otherwise }
        }
        kind => kind,
    };
    Expr::new(kind, Type::new(oid::JSON))
}

/// Rows as JSON, which they can be told from by `is_row`; all else as it is.
pub(crate) fn rows_as_json(args: Vec<Expr>) -> Vec<Expr> {
    args.into_iter().map(|arg| if is_row(&arg) { json_form(arg) } else { arg }).collect()
}

/// Text of the expression's value as a key.
pub(crate) fn key_form(expr: Expr) -> Expr {
    with_type(&VALUE_TO_KEY, expr, Vec::new())
}

fn array_form(expr: Expr, pretty: Expr) -> Expr {
    with_type(&ARRAY_TO_JSON, expr, vec![pretty])
}

fn row_form(expr: Expr, pretty: Expr) -> Expr {
    match expr.kind {
        ExprKind::Call { function, mut args } if is_row_function(function) => {
            if let Some(first) = args.first_mut() {
                *first = pretty;
            }
            Expr::new(ExprKind::Call { function, args }, Type::new(oid::JSON))
        }
        _ if expr.ty.oid == oid::JSON => expr,
        _ => with_type(&ARRAY_TO_JSON, expr, vec![pretty]),
    }
}

/// A row of named values. Its type is `record` until it becomes JSON.
pub(crate) fn json_row(fields: Vec<(String, Expr)>) -> Expr {
    let mut args = vec![Expr::constant(Value::Bool(false), Type::new(oid::BOOL))];
    for (name, value) in fields {
        args.push(Expr::constant(Value::Text(name.into()), Type::new(oid::TEXT)));
        args.push(json_form(value));
    }
    Expr::new(ExprKind::Call { function: &ROW_TO_JSON, args }, Type::new(oid::RECORD))
}

/// Whether an expression is a row or JSON made of one.
pub(crate) fn is_row(expr: &Expr) -> bool {
    matches!(&expr.kind, ExprKind::Call { function, .. } if is_row_function(function))
        || matches!(&expr.kind, ExprKind::Case { whens, .. } if whens.iter().any(|(_, then)| is_row(then)))
}

fn is_row_function(function: &'static Function) -> bool {
    std::ptr::eq(function, &ROW_TO_JSON)
}

fn with_type(function: &'static Function, expr: Expr, more: Vec<Expr>) -> Expr {
    let ty = Expr::constant(Value::Int8(i64::from(expr.ty.oid)), Type::new(oid::OID));
    let args = [expr, ty].into_iter().chain(more).collect();
    Expr::new(ExprKind::Call { function, args }, Type::new(function.returns))
}
