//! CREATE, ALTER and DROP FUNCTION, and how other statements name a function.

use datafusion::sql::sqlparser::ast::{self, ObjectName};
use datafusion::sql::sqlparser::tokenizer::{Location, Token};

use super::{Definition, RoleName, list, role_name};
use crate::catalog::ParameterMode;
use crate::error::{Error, Result, SqlState};
use crate::function::Volatility;
use crate::statement::parse::position_in;
use crate::statement::reader::Reader;

/// CREATE FUNCTION.
#[derive(Debug, Clone)]
pub struct NewFunction {
    pub name: ObjectName,
    pub replace: bool,
    pub parameters: Vec<NewParameter>,
    /// None: OUT parameters say it, or nothing does.
    pub returns: Option<Returns>,
    pub language: Option<String>,
    pub options: FunctionOptions,
    pub body: Option<FunctionBody>,
}

#[derive(Debug, Clone)]
pub struct NewParameter {
    /// Empty if it has none.
    pub name: String,
    pub data_type: ast::DataType,
    pub mode: ParameterMode,
    pub variadic: bool,
    /// SQL text.
    pub default: Option<String>,
}

/// What RETURNS says.
#[derive(Debug, Clone)]
pub struct Returns {
    pub set: bool,
    /// None is TABLE, whose columns are among the parameters.
    pub data_type: Option<ast::DataType>,
}

/// What AS says.
#[derive(Debug, Clone)]
pub struct FunctionBody {
    pub text: String,
    /// Where in the statement the text begins, in characters from 1; None where quotes within it move its parts.
    pub position: Option<usize>,
}

/// What CREATE and ALTER FUNCTION may say in any order; None is "not said".
#[derive(Debug, Clone, Default, PartialEq)]
pub struct FunctionOptions {
    pub volatility: Option<Volatility>,
    pub strict: Option<bool>,
    pub definer: Option<bool>,
    pub leakproof: Option<bool>,
    pub parallel: Option<String>,
    pub cost: Option<f32>,
    pub rows: Option<f32>,
}

/// A function as statements name it.
#[derive(Debug, Clone)]
pub struct FunctionName {
    pub name: ObjectName,
    /// Types of the arguments that a call gives; None if none are said.
    pub arguments: Option<Vec<ast::DataType>>,
}

/// ALTER FUNCTION.
#[derive(Debug, Clone)]
pub enum FunctionChange {
    Rename(String),
    Owner(RoleName),
    Schema(String),
    Options(FunctionOptions),
}

/// What follows CREATE, if it is a function.
pub(super) fn create(reader: &mut Reader<'_>) -> Result<Option<Definition>> {
    let replace = reader.words(&["or", "replace"]);
    if !reader.word("function") {
        return Ok(None);
    }
    let name = reader.object_name()?;
    let mut parameters = Vec::new();
    reader.expect_token(&Token::LParen)?;
    if !reader.token(&Token::RParen) {
        parameters = list(reader, parameter)?;
        reader.expect_token(&Token::RParen)?;
    }
    let returns = if reader.word("returns") { Some(returned(reader, &mut parameters)?) } else { None };
    let (mut language, mut body) = (None, None);
    let mut options = FunctionOptions::default();
    while !reader.at_end() {
        let place = reader.place();
        if reader.word("language") {
            let said = match reader.peek() {
                Some(Token::Word(_)) => reader.identifier()?,
                _ => reader.string()?,
            };
            once(reader, &mut language, said, place)?;
        } else if reader.word("as") {
            let start = reader.place();
            let quoted = reader.peek().cloned();
            let text = reader.string()?;
            if reader.token(&Token::Comma) {
                return Err(Error::unsupported("CREATE FUNCTION … AS with a file and a symbol"));
            }
            let position = quoted.and_then(|token| text_position(reader.text(), &token, start));
            once(reader, &mut body, FunctionBody { text, position }, place)?;
        } else if reader.word("return") {
            return Err(Error::unsupported("CREATE FUNCTION … RETURN"));
        } else if reader.words(&["begin", "atomic"]) {
            return Err(Error::unsupported("CREATE FUNCTION … BEGIN ATOMIC"));
        } else if reader.word("window") {
            return Err(Error::unsupported("CREATE FUNCTION … WINDOW"));
        } else if reader.word("transform") {
            return Err(Error::unsupported("CREATE FUNCTION … TRANSFORM"));
        } else if !option(reader, &mut options)? {
            return Err(reader.syntax_error());
        }
    }
    Ok(Some(Definition::CreateFunction(Box::new(NewFunction {
        name,
        replace,
        parameters,
        returns,
        language,
        options,
        body,
    }))))
}

/// Where the characters of a literal begin, if they stand there as they are.
fn text_position(text: &str, literal: &Token, start: Location) -> Option<usize> {
    let start = position_in(text, start)?;
    match literal {
        Token::SingleQuotedString(value) if !value.contains('\'') => Some(start + 1),
        Token::DollarQuotedString(value) => Some(start + 2 + value.tag.as_ref().map_or(0, |tag| tag.chars().count())),
        _ => None,
    }
}

fn once<T>(reader: &Reader<'_>, known: &mut Option<T>, said: T, place: Location) -> Result<()> {
    if known.replace(said).is_some() {
        return Err(redundant(reader, place));
    }
    Ok(())
}

fn redundant(reader: &Reader<'_>, place: Location) -> Error {
    Error::new(SqlState::SYNTAX_ERROR, "conflicting or redundant options").at(position_in(reader.text(), place))
}

/// What RETURNS says, behind the word. The columns of a table become parameters.
fn returned(reader: &mut Reader<'_>, parameters: &mut Vec<NewParameter>) -> Result<Returns> {
    if reader.word("table") {
        reader.expect_token(&Token::LParen)?;
        let columns = list(reader, |reader| {
            let name = reader.identifier()?;
            let data_type = reader.parsed(|parser| parser.parse_data_type())?;
            Ok(NewParameter { name, data_type, mode: ParameterMode::Table, variadic: false, default: None })
        })?;
        reader.expect_token(&Token::RParen)?;
        parameters.extend(columns);
        return Ok(Returns { set: true, data_type: None });
    }
    let set = reader.word("setof");
    let data_type = Some(reader.parsed(|parser| parser.parse_data_type())?);
    Ok(Returns { set, data_type })
}

/// `[mode] [name] type [DEFAULT value]`; the mode may also follow the name.
fn parameter(reader: &mut Reader<'_>) -> Result<NewParameter> {
    let mut said = mode(reader);
    let mut unnamed = reader.clone();
    let whole = unnamed.parsed(|parser| parser.parse_data_type());
    let ends = |reader: &Reader<'_>| {
        matches!(reader.peek(), Some(Token::Comma | Token::RParen | Token::Eq)) || reader.peek_word("default")
    };
    let (name, data_type) = match whole {
        Ok(data_type) if ends(&unnamed) => {
            *reader = unnamed;
            (String::new(), data_type)
        }
        _ => {
            let name = reader.identifier()?;
            if said.is_none() {
                said = mode(reader);
            }
            (name, reader.parsed(|parser| parser.parse_data_type())?)
        }
    };
    let default = if reader.word("default") || reader.token(&Token::Eq) {
        let from = reader.place();
        reader.parsed(|parser| parser.parse_expr())?;
        Some(reader.text_between(from, reader.place_behind()).to_owned())
    } else {
        None
    };
    let (mode, variadic) = said.unwrap_or((ParameterMode::In, false));
    Ok(NewParameter { name, data_type, mode, variadic, default })
}

/// What a parameter is, and whether it takes all the arguments that are left.
fn mode(reader: &mut Reader<'_>) -> Option<(ParameterMode, bool)> {
    if reader.words(&["in", "out"]) || reader.word("inout") {
        return Some((ParameterMode::InOut, false));
    }
    if reader.word("in") {
        return Some((ParameterMode::In, false));
    }
    if reader.word("variadic") {
        return Some((ParameterMode::In, true));
    }
    // A type may be called like this.
    let named_out = {
        let mut ahead = reader.clone();
        ahead.word("out") && !matches!(ahead.peek(), Some(Token::Comma | Token::RParen) | None)
    };
    (named_out && reader.word("out")).then_some((ParameterMode::Out, false))
}

/// Reads what CREATE and ALTER have in common; false if it is something else.
fn option(reader: &mut Reader<'_>, options: &mut FunctionOptions) -> Result<bool> {
    let place = reader.place();
    for (word, volatility) in
        [("immutable", Volatility::Immutable), ("stable", Volatility::Stable), ("volatile", Volatility::Volatile)]
    {
        if reader.word(word) {
            once(reader, &mut options.volatility, volatility, place)?;
            return Ok(true);
        }
    }
    if reader.word("strict") || reader.words(&["returns", "null", "on", "null", "input"]) {
        once(reader, &mut options.strict, true, place)?;
    } else if reader.words(&["called", "on", "null", "input"]) {
        once(reader, &mut options.strict, false, place)?;
    } else if reader.words(&["external", "security", "definer"]) || reader.words(&["security", "definer"]) {
        once(reader, &mut options.definer, true, place)?;
    } else if reader.words(&["external", "security", "invoker"]) || reader.words(&["security", "invoker"]) {
        once(reader, &mut options.definer, false, place)?;
    } else if reader.words(&["not", "leakproof"]) {
        once(reader, &mut options.leakproof, false, place)?;
    } else if reader.word("leakproof") {
        once(reader, &mut options.leakproof, true, place)?;
    } else if reader.word("parallel") {
        let said = reader.identifier()?;
        once(reader, &mut options.parallel, said, place)?;
    } else if reader.word("cost") {
        let said = number(reader)?;
        once(reader, &mut options.cost, said, place)?;
    } else if reader.word("rows") {
        let said = number(reader)?;
        once(reader, &mut options.rows, said, place)?;
    } else if reader.word("support") {
        return Err(Error::unsupported("SUPPORT of a function"));
    } else if reader.word("set") || reader.word("reset") {
        return Err(Error::unsupported("SET of a function"));
    } else {
        return Ok(false);
    }
    Ok(true)
}

fn number(reader: &mut Reader<'_>) -> Result<f32> {
    let negative = reader.token(&Token::Minus);
    let Some(Token::Number(digits, _)) = reader.peek() else { return Err(reader.syntax_error()) };
    let value: f32 = digits.parse().map_err(|_| reader.syntax_error())?;
    reader.advance();
    Ok(if negative { -value } else { value })
}

/// A function's name, and the types of its arguments if they are said.
pub(super) fn named(reader: &mut Reader<'_>) -> Result<FunctionName> {
    let name = reader.object_name()?;
    if !reader.token(&Token::LParen) {
        return Ok(FunctionName { name, arguments: None });
    }
    let mut arguments = Vec::new();
    if !reader.token(&Token::RParen) {
        let parameters = list(reader, parameter)?;
        arguments =
            parameters.into_iter().filter(|one| one.mode.is_input()).map(|parameter| parameter.data_type).collect();
        reader.expect_token(&Token::RParen)?;
    }
    Ok(FunctionName { name, arguments: Some(arguments) })
}

/// What follows ALTER FUNCTION.
pub(super) fn alter(reader: &mut Reader<'_>) -> Result<Definition> {
    let function = named(reader)?;
    let change = if reader.words(&["rename", "to"]) {
        FunctionChange::Rename(reader.identifier()?)
    } else if reader.words(&["owner", "to"]) {
        FunctionChange::Owner(role_name(reader)?)
    } else if reader.words(&["set", "schema"]) {
        FunctionChange::Schema(reader.identifier()?)
    } else if reader.word("depends") || reader.words(&["no", "depends"]) {
        return Err(Error::unsupported("ALTER FUNCTION … DEPENDS ON EXTENSION"));
    } else {
        let mut options = FunctionOptions::default();
        let mut any = false;
        while option(reader, &mut options)? {
            any = true;
        }
        if !any {
            return Err(reader.syntax_error());
        }
        reader.word("restrict");
        FunctionChange::Options(options)
    };
    Ok(Definition::AlterFunction { function, change })
}

/// What follows DROP FUNCTION.
pub(super) fn drop(reader: &mut Reader<'_>) -> Result<Definition> {
    let if_exists = reader.words(&["if", "exists"]);
    let functions = list(reader, named)?;
    let cascade = super::grant::cascade(reader);
    Ok(Definition::DropFunctions { functions, if_exists, cascade })
}
