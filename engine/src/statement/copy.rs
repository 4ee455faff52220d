//! COPY's grammar: the current one with options in parentheses, and the older ones that clients still send.

use datafusion::sql::sqlparser::ast;
use datafusion::sql::sqlparser::tokenizer::Token;

use super::live::live_select;
use super::reader::Reader;
use super::{LiveStatement, Statement};
use crate::error::{Error, Result, SqlState};

/// A COPY statement.
#[derive(Debug, Clone)]
pub struct CopyStatement {
    pub source: CopySource,
    pub direction: CopyDirection,
    pub target: CopyTarget,
    pub options: CopyOptions,
    /// COPY … FROM … WHERE.
    pub filter: Option<ast::Expr>,
}

#[derive(Debug, Clone)]
pub enum CopySource {
    /// `columns` empty: all.
    Table {
        name: ast::ObjectName,
        columns: Vec<String>,
    },
    Query(Box<ast::Query>),
    /// The rows of a query, and from then on what changes of them.
    Live(Box<LiveStatement>),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CopyDirection {
    /// Into the table.
    From,
    /// Out of the table or query.
    To,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CopyTarget {
    /// STDIN or STDOUT: the client.
    Client,
    File(String),
    Program(String),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CopyFormat {
    Text,
    Csv,
    Binary,
}

/// What HEADER says of the first line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CopyHeader {
    None,
    Present,
    /// It must name the columns.
    Match,
}

/// Columns named by FORCE_QUOTE, FORCE_NULL, FORCE_NOT_NULL.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ForcedColumns {
    All,
    Named(Vec<String>),
}

/// Options as given; what was not said takes the format's default.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CopyOptions {
    pub format: CopyFormat,
    pub delimiter: Option<String>,
    pub null: Option<String>,
    pub header: CopyHeader,
    pub quote: Option<String>,
    pub escape: Option<String>,
    pub force_quote: Option<ForcedColumns>,
    pub force_null: Option<ForcedColumns>,
    pub force_not_null: Option<ForcedColumns>,
    pub encoding: Option<String>,
    /// Rows are to be as good as old at once, which all are here. It says where the table must come from.
    pub freeze: bool,
}

impl CopyOptions {
    /// The columns that FORCE_QUOTE, FORCE_NOT_NULL and FORCE_NULL name.
    pub fn forced_columns(&self) -> impl Iterator<Item = &String> {
        let forced = [&self.force_quote, &self.force_not_null, &self.force_null];
        forced.into_iter().flatten().flat_map(|forced| match forced {
            ForcedColumns::All => &[][..],
            ForcedColumns::Named(names) => names.as_slice(),
        })
    }
}

impl Default for CopyOptions {
    fn default() -> Self {
        Self {
            format: CopyFormat::Text,
            delimiter: None,
            null: None,
            header: CopyHeader::None,
            quote: None,
            escape: None,
            force_quote: None,
            force_null: None,
            force_not_null: None,
            encoding: None,
            freeze: false,
        }
    }
}

pub(super) fn parse_copy(text: &str, reader: &mut Reader) -> Result<CopyStatement> {
    let mut options = CopyOptions::default();
    let source = if let Some(live) = live_source(text, reader)? {
        CopySource::Live(live)
    } else if reader.token(&Token::LParen) {
        let query = reader.parsed(|parser| parser.parse_query())?;
        reader.expect_token(&Token::RParen)?;
        CopySource::Query(query)
    } else {
        if reader.word("binary") {
            options.format = CopyFormat::Binary;
        }
        let name = reader.object_name()?;
        let columns = if reader.peek() == Some(&Token::LParen) { column_list(reader)? } else { Vec::new() };
        CopySource::Table { name, columns }
    };
    let direction = if reader.word("from") {
        CopyDirection::From
    } else if reader.word("to") {
        CopyDirection::To
    } else {
        return Err(reader.syntax_error());
    };
    if direction == CopyDirection::From && !matches!(source, CopySource::Table { .. }) {
        return Err(reader.syntax_error());
    }
    let target = if reader.word("stdin") || reader.word("stdout") {
        CopyTarget::Client
    } else if reader.word("program") {
        CopyTarget::Program(reader.string()?)
    } else {
        CopyTarget::File(reader.string()?)
    };
    reader.word("with");
    if reader.token(&Token::LParen) {
        let mut seen = Vec::new();
        loop {
            option(reader, &mut options, &mut seen)?;
            if !reader.token(&Token::Comma) {
                break;
            }
        }
        reader.expect_token(&Token::RParen)?;
    } else {
        legacy_options(reader, &mut options)?;
    }
    let filter = if reader.word("where") {
        if direction == CopyDirection::To {
            return Err(reader.syntax_error());
        }
        Some(reader.parsed(|parser| parser.parse_expr())?)
    } else {
        None
    };
    Ok(CopyStatement { source, direction, target, options, filter })
}

/// `(LIVE SELECT …)`, if that is what comes.
fn live_source(text: &str, reader: &mut Reader) -> Result<Option<Box<LiveStatement>>> {
    let mut inside = reader.clone();
    if !inside.token(&Token::LParen) || !inside.word("live") {
        return Ok(None);
    }
    let rest = inside.rest();
    let mut depth = 0usize;
    let end = rest.iter().position(|token| {
        match token.token {
            Token::LParen => depth += 1,
            Token::RParen if depth == 0 => return true,
            Token::RParen => depth -= 1,
            _ => {}
        }
        false
    });
    let Some(end) = end else {
        inside.skip_rest();
        return Err(inside.syntax_error());
    };
    let statement = live_select(text, &mut inside.over(&rest[..end]))?;
    reader.skip_behind(rest[end].span.end);
    match statement {
        Statement::Live(live) => Ok(Some(live)),
        _ => Err(Error::internal("LIVE begins a live query")),
    }
}

fn column_list(reader: &mut Reader) -> Result<Vec<String>> {
    reader.expect_token(&Token::LParen)?;
    let mut columns = Vec::new();
    loop {
        columns.push(reader.identifier()?);
        if !reader.token(&Token::Comma) {
            break;
        }
    }
    reader.expect_token(&Token::RParen)?;
    Ok(columns)
}

fn option(reader: &mut Reader, options: &mut CopyOptions, seen: &mut Vec<String>) -> Result<()> {
    let name = reader.identifier()?;
    if seen.contains(&name) {
        return Err(Error::new(SqlState::SYNTAX_ERROR, "conflicting or redundant options"));
    }
    seen.push(name.clone());
    match name.as_str() {
        "format" => {
            let format = word_or_string(reader)?;
            options.format = match format.as_str() {
                "text" => CopyFormat::Text,
                "csv" => CopyFormat::Csv,
                "binary" => CopyFormat::Binary,
                _ => {
                    return Err(Error::new(
                        SqlState::INVALID_PARAMETER_VALUE,
                        format!("COPY format \"{format}\" not recognized"),
                    ));
                }
            };
        }
        "freeze" => options.freeze = boolean(reader)?,
        "delimiter" => options.delimiter = Some(reader.string()?),
        "null" => options.null = Some(reader.string()?),
        "header" => {
            options.header = if reader.word("match") {
                CopyHeader::Match
            } else if boolean(reader).map_err(|error| {
                let message = "header requires a Boolean value or \"match\"";
                if error.position.is_some() { error } else { Error::new(SqlState::SYNTAX_ERROR, message) }
            })? {
                CopyHeader::Present
            } else {
                CopyHeader::None
            };
        }
        "quote" => options.quote = Some(reader.string()?),
        "escape" => options.escape = Some(reader.string()?),
        "force_quote" => options.force_quote = Some(forced_columns(reader)?),
        "force_null" => options.force_null = Some(forced_columns(reader)?),
        "force_not_null" => options.force_not_null = Some(forced_columns(reader)?),
        "encoding" => options.encoding = Some(word_or_string(reader)?),
        _ => return Err(Error::new(SqlState::SYNTAX_ERROR, format!("option \"{name}\" not recognized"))),
    }
    Ok(())
}

fn word_or_string(reader: &mut Reader) -> Result<String> {
    match reader.peek() {
        Some(Token::Word(_)) => reader.identifier(),
        _ => reader.string(),
    }
}

fn boolean(reader: &mut Reader) -> Result<bool> {
    let value = match reader.peek() {
        Some(Token::Comma | Token::RParen) => return Ok(true),
        Some(Token::Number(digits, _)) => {
            let value = digits.clone();
            reader.advance();
            value
        }
        _ => word_or_string(reader)?.to_lowercase(),
    };
    match value.as_str() {
        "true" | "on" | "1" => Ok(true),
        "false" | "off" | "0" => Ok(false),
        _ => Err(Error::new(SqlState::SYNTAX_ERROR, "option requires a Boolean value")),
    }
}

fn forced_columns(reader: &mut Reader) -> Result<ForcedColumns> {
    if reader.token(&Token::Mul) {
        return Ok(ForcedColumns::All);
    }
    Ok(ForcedColumns::Named(column_list(reader)?))
}

/// `[BINARY] [DELIMITER [AS] 'x'] [NULL [AS] 'x'] [CSV [HEADER] [QUOTE [AS] 'x'] [ESCAPE [AS] 'x'] …]`
fn legacy_options(reader: &mut Reader, options: &mut CopyOptions) -> Result<()> {
    loop {
        if reader.word("binary") {
            options.format = CopyFormat::Binary;
        } else if reader.word("csv") {
            options.format = CopyFormat::Csv;
        } else if reader.word("freeze") {
            options.freeze = true;
        } else if reader.word("header") {
            options.header = CopyHeader::Present;
        } else if reader.word("delimiter") || reader.word("delimiters") {
            reader.word("as");
            options.delimiter = Some(reader.string()?);
        } else if reader.word("null") {
            reader.word("as");
            options.null = Some(reader.string()?);
        } else if reader.word("quote") {
            reader.word("as");
            options.quote = Some(reader.string()?);
        } else if reader.word("escape") {
            reader.word("as");
            options.escape = Some(reader.string()?);
        } else if reader.word("encoding") {
            options.encoding = Some(reader.string()?);
        } else if reader.words(&["force", "quote"]) {
            options.force_quote = Some(legacy_columns(reader)?);
        } else if reader.words(&["force", "not", "null"]) {
            options.force_not_null = Some(legacy_columns(reader)?);
        } else if reader.words(&["force", "null"]) {
            options.force_null = Some(legacy_columns(reader)?);
        } else {
            return Ok(());
        }
    }
}

fn legacy_columns(reader: &mut Reader) -> Result<ForcedColumns> {
    if reader.token(&Token::Mul) {
        return Ok(ForcedColumns::All);
    }
    let mut columns = vec![reader.identifier()?];
    while reader.token(&Token::Comma) {
        columns.push(reader.identifier()?);
    }
    Ok(ForcedColumns::Named(columns))
}
