//! Arguments by name: `make_interval(hours => 2)`, also written `hours := 2`.

use std::sync::LazyLock;

use datafusion::sql::sqlparser::ast::{self, BinaryOperator, Expr as Ast};
use datafusion::sql::sqlparser::tokenizer::Span;

use crate::error::{Error, Result, SqlState};

/// The functions whose parameters have names, and whether what is left out is zero.
const FUNCTIONS: &[(&str, &[&str], bool)] = &[
    ("make_date", &["year", "month", "day"], false),
    ("make_interval", &["years", "months", "weeks", "days", "hours", "mins", "secs"], true),
    ("make_time", &["hour", "min", "sec"], false),
    ("make_timestamp", &["year", "month", "mday", "hour", "min", "sec"], false),
    ("make_timestamptz", &["year", "month", "mday", "hour", "min", "sec", "timezone"], false),
    ("parse_ident", &["str", "strict"], false),
];

static ZERO: LazyLock<Ast> = LazyLock::new(|| {
    Ast::Value(ast::ValueWithSpan { value: ast::Value::Number("0".into(), false), span: Span::empty() })
});

/// Name and value of an argument that has a name.
pub(super) fn named(arg: &ast::FunctionArg) -> Option<(&ast::Ident, &Ast)> {
    match arg {
        ast::FunctionArg::Named { name, arg: ast::FunctionArgExpr::Expr(value), .. } => Some((name, value)),
        ast::FunctionArg::ExprNamed { name: Ast::Identifier(name), arg: ast::FunctionArgExpr::Expr(value), .. } => {
            Some((name, value))
        }
        // The parser takes := for an operator.
        ast::FunctionArg::Unnamed(ast::FunctionArgExpr::Expr(Ast::BinaryOp {
            left,
            op: BinaryOperator::Assignment,
            right,
        })) => match &**left {
            Ast::Identifier(name) => Some((name, right)),
            _ => None,
        },
        _ => None,
    }
}

/// Puts named arguments behind the others, where their parameters stand.
pub(super) fn place<'e>(function: &str, given: Vec<(&ast::Ident, &'e Ast)>, exprs: &mut Vec<&'e Ast>) -> Result<()> {
    let Some((_, parameters, zero)) = FUNCTIONS.iter().find(|(name, _, _)| *name == function) else {
        return Err(Error::unsupported(format_args!("a named argument of {function}")));
    };
    let mut places: Vec<Option<&'e Ast>> = exprs.iter().copied().map(Some).collect();
    for (name, value) in given {
        let spelled = if name.quote_style.is_some() { name.value.clone() } else { name.value.to_lowercase() };
        let missing = || {
            Error::new(
                SqlState::UNDEFINED_FUNCTION,
                format!("function {function} has no parameter \"{spelled}\" or it is given twice"),
            )
        };
        let position = parameters.iter().position(|parameter| *parameter == spelled).ok_or_else(missing)?;
        if places.len() <= position {
            places.resize(position + 1, None);
        }
        if places[position].replace(value).is_some() {
            return Err(missing());
        }
    }
    exprs.clear();
    for place in places {
        match place {
            Some(value) => exprs.push(value),
            None if *zero => exprs.push(&ZERO),
            None => {
                let message = format!("function {function} lacks an argument");
                return Err(Error::new(SqlState::UNDEFINED_FUNCTION, message));
            }
        }
    }
    Ok(())
}
