//! CREATE and ALTER VIEW.

use datafusion::sql::sqlparser::ast::{self, Ident, ObjectName};
use datafusion::sql::sqlparser::tokenizer::{Location, Token};

use super::table_as::first_select;
use super::{Definition, RoleName, list, role_name};
use crate::error::{Error, Result, SqlState};
use crate::statement::only::without_only;
use crate::statement::parse::parse_query;
use crate::statement::reader::Reader;
use crate::statement::utility::setting_value;

/// CREATE VIEW.
#[derive(Debug, Clone)]
pub struct NewView {
    pub name: ObjectName,
    pub replace: bool,
    pub temporary: bool,
    /// Names for the first columns.
    pub columns: Vec<Ident>,
    /// WITH (…): name and value; and WITH CHECK OPTION, which is one of them.
    pub options: Vec<(String, String)>,
    pub query: Box<ast::Query>,
    /// Where the query's text begins and ends.
    pub from: Location,
    pub to: Location,
    /// The text that these places are in, if it is not the statement's.
    pub text: Option<String>,
}

/// CREATE MATERIALIZED VIEW.
#[derive(Debug, Clone)]
pub struct NewMaterialized {
    pub view: NewView,
    pub if_not_exists: bool,
    /// Not WITH NO DATA.
    pub with_data: bool,
}

/// REFRESH MATERIALIZED VIEW.
#[derive(Debug, Clone)]
pub struct Refresh {
    pub name: ObjectName,
    pub concurrently: bool,
    /// Not WITH NO DATA.
    pub with_data: bool,
}

/// ALTER VIEW.
#[derive(Debug, Clone)]
pub enum ViewChange {
    Rename(ObjectName),
    RenameColumn(Ident, Ident),
    Owner(RoleName),
    Schema(String),
    Column(Ident, Box<ast::AlterColumnOperation>),
    SetOptions(Vec<(String, String)>),
    ResetOptions(Vec<String>),
}

/// What follows CREATE, if it is a view.
pub(super) fn create(reader: &mut Reader<'_>) -> Result<Option<Definition>> {
    let replace = reader.words(&["or", "replace"]);
    let plain = |reader: &mut Reader<'_>| {
        ["temp", "temporary"].iter().any(|word| reader.words(&[word, "view"])).then_some((true, false))
    };
    let recursive = |reader: &mut Reader<'_>| {
        let temporary = ["temp", "temporary"].iter().any(|word| reader.words(&[word, "recursive", "view"]));
        (temporary || reader.words(&["recursive", "view"])).then_some((temporary, true))
    };
    let found = plain(reader).or_else(|| recursive(reader)).or_else(|| reader.word("view").then_some((false, false)));
    let Some((temporary, recursive)) = found else { return Ok(None) };
    let mut view = NewView { replace, temporary, ..stated(reader)? };
    if first_select(&mut view.query.body).is_some_and(|select| select.into.is_some()) {
        return Err(Error::new(SqlState::FEATURE_NOT_SUPPORTED, "views must not contain SELECT INTO"));
    }
    if recursive {
        make_recursive(reader, &mut view)?;
    }
    if reader.word("with") {
        let local = reader.word("local");
        if !local {
            reader.word("cascaded");
        }
        reader.expect_word("check")?;
        reader.expect_word("option")?;
        view.options.push(("check_option".to_owned(), if local { "local" } else { "cascaded" }.to_owned()));
    }
    Ok(Some(Definition::CreateView(view)))
}

/// What follows CREATE MATERIALIZED VIEW.
pub(super) fn create_materialized(reader: &mut Reader<'_>) -> Result<Definition> {
    let if_not_exists = reader.words(&["if", "not", "exists"]);
    let mut view = stated(reader)?;
    if first_select(&mut view.query.body).is_some_and(|select| select.into.is_some()) {
        return Err(Error::new(SqlState::SYNTAX_ERROR, "SELECT ... INTO is not allowed here"));
    }
    Ok(Definition::CreateMaterialized(NewMaterialized { view, if_not_exists, with_data: with_data(reader) }))
}

/// What follows REFRESH.
pub(super) fn refresh(reader: &mut Reader<'_>) -> Result<Definition> {
    reader.expect_word("materialized")?;
    reader.expect_word("view")?;
    let concurrently = reader.word("concurrently");
    let name = reader.object_name()?;
    let with_data = with_data(reader);
    if concurrently && !with_data {
        let message = "CONCURRENTLY and WITH NO DATA options cannot be used together";
        return Err(Error::new(SqlState::SYNTAX_ERROR, message));
    }
    Ok(Definition::Refresh(Refresh { name, concurrently, with_data }))
}

/// WITH [NO] DATA.
pub(super) fn with_data(reader: &mut Reader<'_>) -> bool {
    let with_data = !reader.words(&["with", "no", "data"]);
    if with_data {
        reader.words(&["with", "data"]);
    }
    with_data
}

/// The name of a view, the names of its columns, its options and its query.
fn stated(reader: &mut Reader<'_>) -> Result<NewView> {
    let name = reader.object_name()?;
    let columns = if reader.token(&Token::LParen) {
        let columns = list(reader, |reader| reader.parsed(|parser| parser.parse_identifier()))?;
        reader.expect_token(&Token::RParen)?;
        columns
    } else {
        Vec::new()
    };
    let options = if reader.word("with") { given_options(reader)? } else { Vec::new() };
    reader.expect_word("as")?;
    let (query, from, to) = query(reader)?;
    Ok(NewView { name, replace: false, temporary: false, columns, options, query, from, to, text: None })
}

/// The query of a recursive view, which its text alone does not say.
fn make_recursive(reader: &Reader<'_>, view: &mut NewView) -> Result<()> {
    if view.columns.is_empty() {
        return Err(reader.syntax_error());
    }
    let given = reader.text_between(view.from, view.to);
    let name = view.name.0.last().map_or_else(String::new, ToString::to_string);
    let columns = view.columns.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
    let own = format!("WITH RECURSIVE {name} ({columns}) AS ({given}) SELECT {columns} FROM {name}");
    view.query = parse_query(&own)?;
    (view.from, view.to) = (Location { line: 1, column: 1 }, end_of(&own));
    view.text = Some(own);
    Ok(())
}

fn end_of(text: &str) -> Location {
    let last = text.rsplit('\n').next().unwrap_or_default();
    Location { line: text.matches('\n').count() as u64 + 1, column: last.chars().count() as u64 + 1 }
}

/// A query, which ends where the parser stops, and where its text lies.
pub(super) fn query(reader: &mut Reader<'_>) -> Result<(Box<ast::Query>, Location, Location)> {
    let begins = ["select", "with", "values", "table"].iter().any(|word| reader.peek_word(word));
    if !begins && reader.peek() != Some(&Token::LParen) {
        return Err(reader.syntax_error());
    }
    let from = reader.place();
    let kept = without_only(reader.text(), reader.rest())?;
    let mut inner = reader.over(&kept);
    let query = inner.parsed(|parser| parser.parse_query())?;
    let to = inner.place_behind();
    reader.skip_behind(to);
    Ok((query, from, to))
}

/// `(name = value, name)`.
pub(super) fn given_options(reader: &mut Reader<'_>) -> Result<Vec<(String, String)>> {
    reader.expect_token(&Token::LParen)?;
    let options = list(reader, |reader| {
        let name = reader.identifier()?;
        let value = if reader.token(&Token::Eq) { setting_value(reader)? } else { "true".to_owned() };
        Ok((name, value))
    })?;
    reader.expect_token(&Token::RParen)?;
    Ok(options)
}

/// What follows ALTER VIEW, or ALTER MATERIALIZED VIEW.
pub(super) fn alter(reader: &mut Reader<'_>, materialized: bool) -> Result<Definition> {
    let if_exists = reader.words(&["if", "exists"]);
    let name = reader.object_name()?;
    let change = if reader.words(&["rename", "to"]) {
        ViewChange::Rename(reader.object_name()?)
    } else if reader.word("rename") {
        reader.word("column");
        let old = reader.parsed(|parser| parser.parse_identifier())?;
        reader.expect_word("to")?;
        ViewChange::RenameColumn(old, reader.parsed(|parser| parser.parse_identifier())?)
    } else if reader.words(&["owner", "to"]) {
        ViewChange::Owner(role_name(reader)?)
    } else if reader.words(&["set", "schema"]) {
        ViewChange::Schema(reader.identifier()?)
    } else if reader.word("set") {
        ViewChange::SetOptions(given_options(reader)?)
    } else if reader.word("reset") {
        reader.expect_token(&Token::LParen)?;
        let names = list(reader, Reader::identifier)?;
        reader.expect_token(&Token::RParen)?;
        ViewChange::ResetOptions(names)
    } else if reader.word("alter") {
        reader.word("column");
        let column = reader.parsed(|parser| parser.parse_identifier())?;
        let operation = if reader.words(&["drop", "default"]) {
            ast::AlterColumnOperation::DropDefault
        } else if reader.words(&["set", "default"]) {
            ast::AlterColumnOperation::SetDefault { value: reader.parsed(|parser| parser.parse_expr())? }
        } else {
            return Err(reader.syntax_error());
        };
        ViewChange::Column(column, Box::new(operation))
    } else {
        return Err(reader.syntax_error());
    };
    Ok(Definition::AlterView { name, materialized, if_exists, change })
}
