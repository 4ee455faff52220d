//! The grammar of CREATE AGGREGATE.

use datafusion::sql::sqlparser::ast::{self, ObjectName};
use datafusion::sql::sqlparser::tokenizer::Token;

use super::function::{NewParameter, data_type, parameter};
use super::{Definition, list};
use crate::catalog::ParameterMode;
use crate::error::{Error, Result, SqlState};
use crate::statement::reader::Reader;

/// CREATE AGGREGATE.
#[derive(Debug, Clone)]
pub struct NewAggregate {
    pub name: ObjectName,
    pub replace: bool,
    pub parameters: Vec<NewParameter>,
    pub transition: Option<ObjectName>,
    pub state: Option<ast::DataType>,
    pub initial: Option<String>,
    pub finish: Option<ObjectName>,
    pub finish_extra: bool,
    /// `pg_aggregate.aggfinalmodify`.
    pub finish_modifies: char,
    pub combine: Option<ObjectName>,
    pub space: i32,
    pub parallel: Option<String>,
    /// What was said that nobody knows, to be told.
    pub unknown: Vec<String>,
}

/// What is said of aggregates that run in several parts, or as they slide over a window, or that order their input.
const REFUSED: [&str; 13] = [
    "serialfunc",
    "deserialfunc",
    "msfunc",
    "minvfunc",
    "mstype",
    "msspace",
    "mfinalfunc",
    "mfinalfunc_extra",
    "mfinalfunc_modify",
    "minitcond",
    "sortop",
    "hypothetical",
    "serialtype",
];

/// What follows CREATE, if it is an aggregate.
pub(super) fn create(reader: &mut Reader<'_>) -> Result<Option<Definition>> {
    let replace = reader.words(&["or", "replace"]);
    if !reader.word("aggregate") {
        return Ok(None);
    }
    let name = reader.object_name()?;
    let mut new = NewAggregate {
        name,
        replace,
        parameters: Vec::new(),
        transition: None,
        state: None,
        initial: None,
        finish: None,
        finish_extra: false,
        finish_modifies: 'r',
        combine: None,
        space: 0,
        parallel: None,
        unknown: Vec::new(),
    };
    reader.expect_token(&Token::LParen)?;
    // Of old the types of the arguments stood among the rest.
    let is_old = is_definition(reader);
    if !is_old {
        if !reader.token(&Token::Mul) && !reader.peek_word("order") {
            new.parameters = list(reader, parameter)?;
        }
        if reader.peek_word("order") {
            return Err(Error::unsupported("CREATE AGGREGATE … ORDER BY"));
        }
        reader.expect_token(&Token::RParen)?;
        reader.expect_token(&Token::LParen)?;
    }
    let mut base = None;
    list(reader, |reader| definition(reader, &mut new, &mut base))?;
    reader.expect_token(&Token::RParen)?;
    reader.expect_end()?;
    if is_old {
        new.parameters = match base {
            None => return Err(Error::new(SqlState("42P13"), "aggregate input type must be specified")),
            Some(BaseType::Any) => Vec::new(),
            Some(BaseType::Of(data_type)) => {
                vec![NewParameter { name: String::new(), data_type, mode: ParameterMode::In, default: None }]
            }
        };
    }
    Ok(Some(Definition::CreateAggregate(Box::new(new))))
}

/// What `basetype` says.
enum BaseType {
    /// There are no arguments.
    Any,
    Of(ast::DataType),
}

/// Whether `name =` comes next.
fn is_definition(reader: &Reader<'_>) -> bool {
    let mut ahead = reader.clone();
    ahead.identifier().is_ok() && ahead.token(&Token::Eq)
}

/// `name = value`, or a name alone.
fn definition(reader: &mut Reader<'_>, new: &mut NewAggregate, base: &mut Option<BaseType>) -> Result<()> {
    let word = reader.identifier()?;
    let has_value = reader.token(&Token::Eq);
    let needs = || {
        let message = format!("{word} requires a parameter");
        if has_value { Ok(()) } else { Err(Error::new(SqlState::SYNTAX_ERROR, message)) }
    };
    match word.as_str() {
        "sfunc" | "sfunc1" => {
            needs()?;
            new.transition = Some(reader.object_name()?);
        }
        "stype" | "stype1" => {
            needs()?;
            new.state = Some(data_type(reader)?);
        }
        "basetype" => {
            needs()?;
            *base = Some(match any_type(reader) {
                true => BaseType::Any,
                false => BaseType::Of(data_type(reader)?),
            });
        }
        "initcond" | "initcond1" => {
            needs()?;
            new.initial = Some(text(reader)?);
        }
        "finalfunc" => {
            needs()?;
            new.finish = Some(reader.object_name()?);
        }
        "finalfunc_extra" => new.finish_extra = !has_value || boolean(reader)?,
        "finalfunc_modify" => {
            needs()?;
            new.finish_modifies = match text(reader)?.to_ascii_lowercase().as_str() {
                "read_only" => 'r',
                "shareable" => 's',
                "read_write" => 'w',
                _ => {
                    let message = "parameter \"finalfunc_modify\" must be READ_ONLY, SHAREABLE, or READ_WRITE";
                    return Err(Error::new(SqlState::SYNTAX_ERROR, message));
                }
            };
        }
        "combinefunc" => {
            needs()?;
            new.combine = Some(reader.object_name()?);
        }
        "sspace" => {
            needs()?;
            let said = text(reader)?;
            new.space = said
                .parse()
                .map_err(|_| Error::new(SqlState::SYNTAX_ERROR, format!("{word} requires an integer value")))?;
        }
        "parallel" => {
            needs()?;
            new.parallel = Some(text(reader)?);
        }
        refused if REFUSED.contains(&refused) => {
            return Err(Error::unsupported(format!("CREATE AGGREGATE … {}", word.to_uppercase())));
        }
        _ => {
            if has_value {
                reader.advance();
            }
            new.unknown.push(word);
        }
    }
    Ok(())
}

/// Whether what comes is `ANY`, in quotes or without.
fn any_type(reader: &mut Reader<'_>) -> bool {
    if reader.word("any") {
        return true;
    }
    let is_any = match reader.peek() {
        Some(Token::Word(word)) => word.value.eq_ignore_ascii_case("any"),
        Some(Token::SingleQuotedString(value)) => value.eq_ignore_ascii_case("any"),
        _ => false,
    };
    if is_any {
        reader.advance();
    }
    is_any
}

/// A word, a number or a literal.
fn text(reader: &mut Reader<'_>) -> Result<String> {
    let sign = if reader.token(&Token::Minus) { "-" } else { "" };
    match reader.peek() {
        Some(Token::Word(_)) => reader.identifier(),
        Some(Token::Number(digits, _)) => {
            let said = format!("{sign}{digits}");
            reader.advance();
            Ok(said)
        }
        _ => reader.string(),
    }
}

fn boolean(reader: &mut Reader<'_>) -> Result<bool> {
    match text(reader)?.to_ascii_lowercase().as_str() {
        "true" | "on" | "1" => Ok(true),
        "false" | "off" | "0" => Ok(false),
        _ => Err(Error::new(SqlState::SYNTAX_ERROR, "finalfunc_extra requires a Boolean value")),
    }
}
