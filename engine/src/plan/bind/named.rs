//! Arguments by name: `make_interval(hours => 2)`, also written `hours := 2`.

use std::sync::LazyLock;

use datafusion::sql::sqlparser::ast::{self, BinaryOperator, Expr as Ast};
use datafusion::sql::sqlparser::tokenizer::Span;

use crate::error::{Error, Result, SqlState};

/// A parameter's name, and what it is when nobody says.
type Parameter = (&'static str, Option<Absent>);

#[derive(Clone, Copy)]
enum Absent {
    Zero,
    Text(&'static str),
}

const ZERO: Option<Absent> = Some(Absent::Zero);
const TRUE: Option<Absent> = Some(Absent::Text("true"));
const FALSE: Option<Absent> = Some(Absent::Text("false"));

const PATH: &[Parameter] = &[("target", None), ("path", None), ("vars", Some(Absent::Text("{}"))), ("silent", FALSE)];
const FROM_JSON: &[Parameter] = &[("from_json", None)];

/// The functions whose parameters have names.
#[rustfmt::skip]
const FUNCTIONS: &[(&str, &[Parameter])] = &[
    ("json_array_elements", FROM_JSON),
    ("json_array_elements_text", FROM_JSON),
    ("json_each", FROM_JSON),
    ("json_each_text", FROM_JSON),
    ("json_populate_record", &[("base", None), ("from_json", None), ("use_json_as_text", FALSE)]),
    ("json_populate_recordset", &[("base", None), ("from_json", None), ("use_json_as_text", FALSE)]),
    ("jsonb_array_elements", FROM_JSON),
    ("jsonb_array_elements_text", FROM_JSON),
    ("jsonb_each", FROM_JSON),
    ("jsonb_each_text", FROM_JSON),
    ("jsonb_insert", &[("jsonb_in", None), ("path", None), ("replacement", None), ("insert_after", FALSE)]),
    ("jsonb_path_exists", PATH),
    ("jsonb_path_exists_tz", PATH),
    ("jsonb_path_match", PATH),
    ("jsonb_path_match_tz", PATH),
    ("jsonb_path_query", PATH),
    ("jsonb_path_query_array", PATH),
    ("jsonb_path_query_array_tz", PATH),
    ("jsonb_path_query_first", PATH),
    ("jsonb_path_query_first_tz", PATH),
    ("jsonb_path_query_tz", PATH),
    ("jsonb_set", &[("jsonb_in", None), ("path", None), ("replacement", None), ("create_if_missing", TRUE)]),
    ("jsonb_set_lax", &[
        ("jsonb_in", None), ("path", None), ("replacement", None), ("create_if_missing", TRUE),
        ("null_value_treatment", Some(Absent::Text("use_json_null"))),
    ]),
    ("make_date", &[("year", None), ("month", None), ("day", None)]),
    ("make_interval", &[
        ("years", ZERO), ("months", ZERO), ("weeks", ZERO), ("days", ZERO), ("hours", ZERO), ("mins", ZERO),
        ("secs", ZERO),
    ]),
    ("make_time", &[("hour", None), ("min", None), ("sec", None)]),
    ("make_timestamp", &[
        ("year", None), ("month", None), ("mday", None), ("hour", None), ("min", None), ("sec", None),
    ]),
    ("make_timestamptz", &[
        ("year", None), ("month", None), ("mday", None), ("hour", None), ("min", None), ("sec", None),
        ("timezone", None),
    ]),
    ("parse_ident", &[("str", None), ("strict", TRUE)]),
];

fn literal(value: ast::Value) -> Ast {
    Ast::Value(ast::ValueWithSpan { value, span: Span::empty() })
}

static ZERO_LITERAL: LazyLock<Ast> = LazyLock::new(|| literal(ast::Value::Number("0".into(), false)));

/// The words that parameters are when nobody says, as literals.
static WORDS: LazyLock<Vec<(&'static str, Ast)>> = LazyLock::new(|| {
    let defaults = FUNCTIONS.iter().flat_map(|(_, parameters)| *parameters).filter_map(|(_, absent)| *absent);
    let words = defaults.filter_map(|absent| match absent {
        Absent::Text(word) => Some(word),
        Absent::Zero => None,
    });
    words.map(|word| (word, literal(ast::Value::SingleQuotedString(word.into())))).collect()
});

fn default_literal(absent: Absent) -> Option<&'static Ast> {
    match absent {
        Absent::Zero => Some(&ZERO_LITERAL),
        Absent::Text(word) => WORDS.iter().find(|(known, _)| *known == word).map(|(_, literal)| literal),
    }
}

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

/// Whether a built-in function of that name has named parameters.
pub(super) fn knows(function: &str) -> bool {
    FUNCTIONS.iter().any(|(name, _)| *name == function)
}

/// Puts named arguments behind the others, where their parameters stand.
pub(super) fn place<'e>(function: &str, given: Vec<(&ast::Ident, &'e Ast)>, exprs: &mut Vec<&'e Ast>) -> Result<()> {
    let Some((_, parameters)) = FUNCTIONS.iter().find(|(name, _)| *name == function) else {
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
        let position = parameters.iter().position(|(parameter, _)| *parameter == spelled).ok_or_else(missing)?;
        if places.len() <= position {
            places.resize(position + 1, None);
        }
        if places[position].replace(value).is_some() {
            return Err(missing());
        }
    }
    exprs.clear();
    for (at, place) in places.into_iter().enumerate() {
        let absent = parameters.get(at).and_then(|(_, absent)| *absent);
        match place.or_else(|| absent.and_then(default_literal)) {
            Some(value) => exprs.push(value),
            None => {
                let message = format!("function {function} lacks an argument");
                return Err(Error::new(SqlState::UNDEFINED_FUNCTION, message));
            }
        }
    }
    Ok(())
}
