//! CREATE, ALTER and DROP of functions and procedures, and how other statements name one.

use datafusion::sql::sqlparser::ast::{self, ObjectName};
use datafusion::sql::sqlparser::tokenizer::{Location, Token, TokenWithSpan};

use super::{Definition, RoleName, SettingChange, list, role, role_name};
use crate::catalog::ParameterMode;
use crate::error::{Error, Result, SqlState};
use crate::function::Volatility;
use crate::statement::Statement;
use crate::statement::parse::{parse_tokens, position_in};
use crate::statement::reader::Reader;

/// What a statement calls a routine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RoutineKind {
    Function,
    Procedure,
    Aggregate,
    /// Any of them.
    Routine,
}

impl RoutineKind {
    /// As a message has it.
    pub fn noun(self) -> &'static str {
        match self {
            Self::Function => "function",
            Self::Procedure => "procedure",
            Self::Aggregate => "aggregate",
            Self::Routine => "routine",
        }
    }

    /// The kind that a statement says behind its verb.
    pub(super) fn said(reader: &mut Reader<'_>) -> Option<Self> {
        let kinds = [Self::Function, Self::Procedure, Self::Aggregate, Self::Routine];
        kinds.into_iter().find(|kind| reader.word(kind.noun()))
    }
}

/// CREATE FUNCTION and CREATE PROCEDURE.
#[derive(Debug, Clone)]
pub struct NewFunction {
    pub procedure: bool,
    pub name: ObjectName,
    pub replace: bool,
    pub parameters: Vec<NewParameter>,
    /// None: OUT parameters say it, or nothing does.
    pub returns: Option<Returns>,
    pub language: Option<String>,
    pub options: FunctionOptions,
    pub body: Option<NewBody>,
}

#[derive(Debug, Clone)]
pub struct NewParameter {
    /// Empty if it has none.
    pub name: String,
    /// Of `column%TYPE` the column's name with the modifier [`TYPE_OF_COLUMN`].
    pub data_type: ast::DataType,
    pub mode: ParameterMode,
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

/// What stands in the place of a type's length where a column is named that has the type.
pub const TYPE_OF_COLUMN: &str = "%TYPE";

/// The body of a new function.
#[derive(Debug, Clone)]
pub enum NewBody {
    Text(FunctionBody),
    /// RETURN: a SELECT of the expression, which stands at the place.
    Return(BodyQuery),
    /// BEGIN ATOMIC … END.
    Atomic(Vec<BodyQuery>),
}

/// A query of a body that is read with its CREATE FUNCTION, and where it stands in its text.
#[derive(Debug, Clone)]
pub struct BodyQuery {
    pub query: Box<ast::Query>,
    pub from: Location,
    pub to: Location,
}

/// What AS says.
#[derive(Debug, Clone)]
pub struct FunctionBody {
    pub text: String,
    /// Where in the statement the text begins, in characters from 1; None where quotes within it move its parts.
    pub position: Option<usize>,
}

/// What CREATE and ALTER FUNCTION may say in any order; None is "not said".
#[derive(Debug, Clone, Default)]
pub struct FunctionOptions {
    pub volatility: Option<Volatility>,
    pub strict: Option<bool>,
    pub definer: Option<bool>,
    pub leakproof: Option<bool>,
    pub parallel: Option<String>,
    pub cost: Option<f32>,
    pub rows: Option<f32>,
    /// SET and RESET, in order.
    pub settings: Vec<SettingChange>,
}

/// A function as statements name it.
#[derive(Debug, Clone)]
pub struct FunctionName {
    pub kind: RoutineKind,
    pub name: ObjectName,
    /// Types of the arguments that a call gives; None if none are said.
    pub arguments: Option<Vec<ast::DataType>>,
    /// The same with those that are only answered.
    pub all_arguments: Vec<ast::DataType>,
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
    let procedure = reader.word("procedure");
    if !procedure && !reader.word("function") {
        return Ok(None);
    }
    let name = reader.object_name()?;
    let mut parameters = Vec::new();
    reader.expect_token(&Token::LParen)?;
    if !reader.token(&Token::RParen) {
        parameters = list(reader, parameter)?;
        reader.expect_token(&Token::RParen)?;
    }
    let returns = if !procedure && reader.word("returns") { Some(returned(reader, &mut parameters)?) } else { None };
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
            let text = body_text(reader)?;
            if reader.token(&Token::Comma) {
                return Err(Error::unsupported("CREATE FUNCTION … AS with a file and a symbol"));
            }
            once(reader, &mut body, NewBody::Text(text), place)?;
        } else if reader.word("return") {
            let returned = returned_query(reader)?;
            once(reader, &mut body, NewBody::Return(returned), place)?;
        } else if reader.words(&["begin", "atomic"]) {
            let queries = atomic(reader)?;
            once(reader, &mut body, NewBody::Atomic(queries), place)?;
        } else if reader.word("window") {
            return Err(Error::unsupported("CREATE FUNCTION … WINDOW"));
        } else if reader.word("transform") {
            return Err(Error::unsupported("CREATE FUNCTION … TRANSFORM"));
        } else if !option(reader, &mut options)? {
            return Err(reader.syntax_error());
        }
        // Nothing follows a body that is read.
        if matches!(body, Some(NewBody::Return(_) | NewBody::Atomic(_))) {
            reader.expect_end()?;
        }
        if procedure && options.is_of_functions() {
            let message = "invalid attribute in procedure definition";
            return Err(Error::new(SqlState("42P13"), message).at(position_in(reader.text(), place)));
        }
    }
    Ok(Some(Definition::CreateFunction(Box::new(NewFunction {
        procedure,
        name,
        replace,
        parameters,
        returns,
        language,
        options,
        body,
    }))))
}

impl FunctionOptions {
    /// Whether something is said that procedures do not have.
    pub(crate) fn is_of_functions(&self) -> bool {
        let Self { volatility, strict, leakproof, parallel, cost, rows, .. } = self;
        volatility.is_some()
            || strict.is_some()
            || leakproof.is_some()
            || parallel.is_some()
            || cost.is_some()
            || rows.is_some()
    }
}

/// The expression behind RETURN, as a SELECT of it.
fn returned_query(reader: &mut Reader<'_>) -> Result<BodyQuery> {
    let from = reader.place();
    let expr = reader.parsed(|parser| parser.parse_expr())?;
    let mut query = crate::statement::parse_query("SELECT 1")?;
    if let ast::SetExpr::Select(select) = query.body.as_mut() {
        select.projection = vec![ast::SelectItem::UnnamedExpr(expr)];
    }
    Ok(BodyQuery { query, from, to: reader.place_behind() })
}

/// The statements behind BEGIN ATOMIC, and END.
fn atomic(reader: &mut Reader<'_>) -> Result<Vec<BodyQuery>> {
    let mut queries = Vec::new();
    while !reader.word("end") {
        let (from, rest) = (reader.place(), reader.rest());
        let Some(end) = rest.iter().position(|token| token.token == Token::SemiColon) else {
            reader.skip_rest();
            return Err(reader.syntax_error());
        };
        let piece = &rest[..end];
        let last = piece.iter().rfind(|token| !matches!(token.token, Token::Whitespace(_)));
        let Some(to) = last.map(|token| token.span.end) else { return Err(reader.syntax_error()) };
        match parse_tokens(reader.text(), piece)? {
            Statement::Query(query) => queries.push(BodyQuery { query, from, to }),
            Statement::Insert(_) | Statement::Update(_) | Statement::Delete(_) | Statement::Merge(_) => {
                return Err(Error::unsupported("a write in BEGIN ATOMIC"));
            }
            _ => return Err(Error::unsupported("anything but a query in BEGIN ATOMIC")),
        }
        reader.skip_behind(rest[end].span.end);
    }
    Ok(queries)
}

/// How many of the tokens are of one statement: to the semicolon, or behind that of `BEGIN ATOMIC … END`.
pub(in crate::statement) fn statement_length(tokens: &[TokenWithSpan]) -> usize {
    let is_end = |token: &TokenWithSpan| token.token == Token::SemiColon;
    let length = |from: usize| tokens[from..].iter().position(is_end).map_or(tokens.len(), |at| from + at);
    let first = length(0);
    let words = |tokens: &[TokenWithSpan]| {
        let words = tokens.iter().filter(|token| !matches!(token.token, Token::Whitespace(_)));
        words.map(|token| token.token.to_string().to_ascii_lowercase()).collect::<Vec<_>>()
    };
    let begins = |tokens: &[TokenWithSpan], word: &str| {
        let mut words = tokens.iter().filter(|token| !matches!(token.token, Token::Whitespace(_)));
        words
            .next()
            .is_some_and(|token| matches!(&token.token, Token::Word(own) if own.value.eq_ignore_ascii_case(word)))
    };
    if !begins(tokens, "create") {
        return first;
    }
    let said = words(&tokens[..first]);
    let makes = said[1..].iter().take(3).any(|word| word == "function" || word == "procedure");
    if !makes || !said.windows(2).any(|pair| pair == ["begin", "atomic"]) {
        return first;
    }
    // BEGIN ATOMIC END has no statement.
    if said.last().is_some_and(|word| word == "end") && said[said.len() - 2] == "atomic" {
        return first;
    }
    let mut end = first;
    while end < tokens.len() {
        let begin = end + 1;
        end = length(begin);
        if begins(&tokens[begin..end], "end") {
            return end;
        }
    }
    tokens.len()
}

/// A body as a literal.
pub(in crate::statement) fn body_text(reader: &mut Reader<'_>) -> Result<FunctionBody> {
    let start = reader.place();
    let quoted = reader.peek().cloned();
    let text = reader.string()?;
    let position = quoted.and_then(|token| text_position(reader.text(), &token, start));
    Ok(FunctionBody { text, position })
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
            let data_type = data_type(reader)?;
            Ok(NewParameter { name, data_type, mode: ParameterMode::Table, default: None })
        })?;
        reader.expect_token(&Token::RParen)?;
        parameters.extend(columns);
        return Ok(Returns { set: true, data_type: None });
    }
    let set = reader.word("setof");
    let data_type = Some(data_type(reader)?);
    Ok(Returns { set, data_type })
}

/// A type, or `column%TYPE`.
pub(super) fn data_type(reader: &mut Reader<'_>) -> Result<ast::DataType> {
    let mut of_column = reader.clone();
    if let Ok(name) = of_column.object_name()
        && name.0.len() > 1
        && of_column.token(&Token::Mod)
        && of_column.word("type")
    {
        *reader = of_column;
        return Ok(ast::DataType::Custom(name, vec![TYPE_OF_COLUMN.to_owned()]));
    }
    reader.parsed(|parser| parser.parse_data_type())
}

/// `[mode] [name] type [DEFAULT value]`; the mode may also follow the name.
pub(super) fn parameter(reader: &mut Reader<'_>) -> Result<NewParameter> {
    let mut said = mode(reader);
    let mut unnamed = reader.clone();
    let whole = data_type(&mut unnamed);
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
            (name, data_type(reader)?)
        }
    };
    let default = if reader.word("default") || reader.token(&Token::Eq) {
        let from = reader.place();
        reader.parsed(|parser| parser.parse_expr())?;
        Some(reader.text_between(from, reader.place_behind()).to_owned())
    } else {
        None
    };
    Ok(NewParameter { name, data_type, mode: said.unwrap_or(ParameterMode::In), default })
}

/// What a parameter is.
fn mode(reader: &mut Reader<'_>) -> Option<ParameterMode> {
    if reader.words(&["in", "out"]) || reader.word("inout") {
        return Some(ParameterMode::InOut);
    }
    if reader.word("in") {
        return Some(ParameterMode::In);
    }
    if reader.word("variadic") {
        return Some(ParameterMode::Variadic);
    }
    // A type may be called like this.
    let named_out = {
        let mut ahead = reader.clone();
        ahead.word("out") && !matches!(ahead.peek(), Some(Token::Comma | Token::RParen) | None)
    };
    (named_out && reader.word("out")).then_some(ParameterMode::Out)
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
    } else if let Some(change) = role::setting_change(reader)? {
        options.settings.push(change);
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

/// A routine's name, and the types of its arguments if they are said.
pub(super) fn named(reader: &mut Reader<'_>, kind: RoutineKind) -> Result<FunctionName> {
    let name = reader.object_name()?;
    if !reader.token(&Token::LParen) {
        return Ok(FunctionName { kind, name, arguments: None, all_arguments: Vec::new() });
    }
    let mut parameters = Vec::new();
    if !reader.token(&Token::RParen) {
        if kind != RoutineKind::Aggregate || !reader.token(&Token::Mul) {
            parameters = list(reader, parameter)?;
        }
        reader.expect_token(&Token::RParen)?;
    }
    let inputs = parameters.iter().filter(|one| one.mode.is_input());
    let arguments = inputs.map(|parameter| parameter.data_type.clone()).collect();
    let all_arguments = parameters.into_iter().map(|parameter| parameter.data_type).collect();
    Ok(FunctionName { kind, name, arguments: Some(arguments), all_arguments })
}

/// What follows ALTER and the kind of routine.
pub(super) fn alter(reader: &mut Reader<'_>, kind: RoutineKind) -> Result<Definition> {
    let function = named(reader, kind)?;
    let change = if reader.words(&["rename", "to"]) {
        FunctionChange::Rename(reader.identifier()?)
    } else if reader.words(&["owner", "to"]) {
        FunctionChange::Owner(role_name(reader)?)
    } else if reader.words(&["set", "schema"]) {
        FunctionChange::Schema(reader.identifier()?)
    } else if reader.word("depends") || reader.words(&["no", "depends"]) {
        return Err(Error::unsupported(format!("ALTER {} … DEPENDS ON EXTENSION", kind.noun().to_uppercase())));
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

/// What follows DROP and the kind of routine.
pub(super) fn drop(reader: &mut Reader<'_>, kind: RoutineKind) -> Result<Definition> {
    let if_exists = reader.words(&["if", "exists"]);
    let functions = list(reader, |reader| named(reader, kind))?;
    let cascade = super::grant::cascade(reader);
    Ok(Definition::DropFunctions { kind, functions, if_exists, cascade })
}
