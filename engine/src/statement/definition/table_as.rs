//! CREATE TABLE AS and SELECT INTO.

use datafusion::sql::sqlparser::ast::{self, Ident, ObjectName, SetExpr};
use datafusion::sql::sqlparser::tokenizer::Token;

use super::view::{given_options, query, with_data};
use super::{Definition, list};
use crate::catalog::TableClass;
use crate::error::{Error, Result};
use crate::statement::Statement;
use crate::statement::reader::Reader;
use crate::statement::utility::execute;

/// CREATE TABLE AS, SELECT INTO.
#[derive(Debug, Clone)]
pub struct NewTableAs {
    pub name: ObjectName,
    pub if_not_exists: bool,
    /// Names for the first columns.
    pub columns: Vec<Ident>,
    /// WITH (…): name and value.
    pub options: Vec<(String, String)>,
    pub persistence: Persistence,
    pub class: TableClass,
    pub source: TableSource,
    /// Not WITH NO DATA.
    pub with_data: bool,
    /// What the statement is called where it is refused.
    pub verb: &'static str,
}

/// How long a table and its rows are to last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Persistence {
    #[default]
    Permanent,
    Unlogged,
    Temporary(Option<ast::OnCommit>),
}

/// What a table is made from.
#[derive(Debug, Clone)]
pub enum TableSource {
    Query(Box<ast::Query>),
    /// A prepared statement and its arguments.
    Execute {
        name: String,
        arguments: Vec<ast::Expr>,
    },
}

/// What follows CREATE, if it is a table made from a query. The reader is left anywhere if it is not.
pub(super) fn create(reader: &mut Reader<'_>) -> Result<Option<Definition>> {
    let scope = reader.word("global") || reader.word("local");
    let temporary = reader.word("temp") || reader.word("temporary");
    let unlogged = !temporary && reader.word("unlogged");
    if scope && !temporary || !reader.word("table") {
        return Ok(None);
    }
    let if_not_exists = reader.words(&["if", "not", "exists"]);
    let Ok(name) = reader.object_name() else { return Ok(None) };
    let Some(columns) = column_names(reader)? else { return Ok(None) };
    let mut options = Vec::new();
    if reader.word("with") {
        let Ok(given) = given_options(reader) else { return Ok(None) };
        options = given;
    } else {
        reader.words(&["without", "oids"]);
    }
    let mut on_commit = None;
    if reader.words(&["on", "commit"]) {
        on_commit = Some(if reader.words(&["preserve", "rows"]) {
            ast::OnCommit::PreserveRows
        } else if reader.words(&["delete", "rows"]) {
            ast::OnCommit::DeleteRows
        } else if reader.word("drop") {
            ast::OnCommit::Drop
        } else {
            return Err(reader.syntax_error());
        });
    }
    if !reader.word("as") {
        return Ok(None);
    }
    let source = if reader.word("execute") {
        match execute(reader)? {
            Statement::Execute { name, arguments } => TableSource::Execute { name, arguments },
            _ => return Err(Error::internal("EXECUTE is something else")),
        }
    } else {
        TableSource::Query(query(reader)?.0)
    };
    let with_data = with_data(reader);
    let persistence = match (temporary, unlogged) {
        (true, _) => Persistence::Temporary(on_commit),
        (_, true) => Persistence::Unlogged,
        _ if on_commit.is_some() => return Err(super::on_commit_of_permanent()),
        _ => Persistence::Permanent,
    };
    let verb = "CREATE TABLE AS";
    let class = TableClass::Shared;
    let new = NewTableAs { name, if_not_exists, columns, options, persistence, class, source, with_data, verb };
    Ok(Some(Definition::CreateTableAs(new)))
}

/// Names alone in parentheses, if there are any; None for definitions of columns.
fn column_names(reader: &mut Reader<'_>) -> Result<Option<Vec<Ident>>> {
    if !reader.token(&Token::LParen) {
        return Ok(Some(Vec::new()));
    }
    let Ok(names) = list(reader, |reader| reader.parsed(|parser| parser.parse_identifier())) else { return Ok(None) };
    Ok(reader.token(&Token::RParen).then_some(names))
}

/// SELECT … INTO as what it is; None for any other query.
pub(in crate::statement) fn select_into(mut query: Box<ast::Query>) -> Result<Definition, Box<ast::Query>> {
    let Some(into) = first_select(&mut query.body).and_then(|select| select.into.take()) else { return Err(query) };
    let ast::SelectInto { temporary, unlogged, table: _, name } = into;
    let persistence = match (temporary, unlogged) {
        (true, _) => Persistence::Temporary(None),
        (_, true) => Persistence::Unlogged,
        _ => Persistence::Permanent,
    };
    Ok(Definition::CreateTableAs(NewTableAs {
        name,
        if_not_exists: false,
        columns: Vec::new(),
        options: Vec::new(),
        persistence,
        class: TableClass::Shared,
        source: TableSource::Query(query),
        with_data: true,
        verb: "SELECT INTO",
    }))
}

/// The first SELECT of a query, where INTO may stand.
pub(super) fn first_select(body: &mut SetExpr) -> Option<&mut ast::Select> {
    match body {
        SetExpr::Select(select) => Some(select),
        SetExpr::Query(query) => first_select(&mut query.body),
        SetExpr::SetOperation { left, .. } => first_select(left),
        _ => None,
    }
}
