//! The grammar of CREATE, ALTER and DROP POLICY.

use datafusion::sql::sqlparser::ast::{self, ObjectName};
use datafusion::sql::sqlparser::tokenizer::{Location, Token};

use super::{Definition, RoleName, grant, list, role_name};
use crate::catalog::PolicyCommand;
use crate::error::{Error, Result, SqlState};
use crate::statement::only::without_only;
use crate::statement::reader::Reader;

/// CREATE POLICY.
#[derive(Debug, Clone)]
pub struct NewPolicy {
    pub name: String,
    pub table: ObjectName,
    pub restrictive: bool,
    /// None is ALL.
    pub command: Option<PolicyCommand>,
    pub roles: Vec<RoleName>,
    pub using: Option<PolicyExpression>,
    pub check: Option<PolicyExpression>,
}

/// An expression and where its text begins and ends.
#[derive(Debug, Clone)]
pub struct PolicyExpression {
    pub expr: Box<ast::Expr>,
    pub from: Location,
    pub to: Location,
}

/// ALTER POLICY.
#[derive(Debug, Clone)]
pub enum PolicyChange {
    Rename(String),
    /// What is not said stays.
    Set {
        roles: Option<Vec<RoleName>>,
        using: Option<PolicyExpression>,
        check: Option<PolicyExpression>,
    },
}

/// What follows CREATE POLICY.
pub(super) fn create(reader: &mut Reader<'_>) -> Result<Definition> {
    let name = reader.identifier()?;
    reader.expect_word("on")?;
    let table = reader.object_name()?;
    let restrictive = match reader.word("as") {
        false => false,
        true => kind(reader)?,
    };
    let command = match reader.word("for") {
        false => None,
        true => command(reader)?,
    };
    let roles = match reader.word("to") {
        false => vec![RoleName::Public],
        true => list(reader, role_name)?,
    };
    let (using, check) = (using(reader)?, check(reader)?);
    let policy = NewPolicy { name, table, restrictive, command, roles, using, check };
    Ok(Definition::CreatePolicy(Box::new(policy)))
}

fn kind(reader: &mut Reader<'_>) -> Result<bool> {
    let refused = |word: &str| {
        Error::new(SqlState::SYNTAX_ERROR, format!("unrecognized row security option \"{word}\""))
            .with_hint("Only PERMISSIVE or RESTRICTIVE policies are supported currently.")
    };
    match reader.identifier()?.as_str() {
        "permissive" => Ok(false),
        "restrictive" => Ok(true),
        other => Err(refused(other)),
    }
}

fn command(reader: &mut Reader<'_>) -> Result<Option<PolicyCommand>> {
    use PolicyCommand as Command;
    if reader.word("all") {
        return Ok(None);
    }
    let known = [Command::Select, Command::Insert, Command::Update, Command::Delete];
    let said = known.into_iter().find(|command| reader.word(command.word()));
    said.map(Some).ok_or_else(|| reader.syntax_error())
}

fn using(reader: &mut Reader<'_>) -> Result<Option<PolicyExpression>> {
    if reader.word("using") { expression(reader).map(Some) } else { Ok(None) }
}

fn check(reader: &mut Reader<'_>) -> Result<Option<PolicyExpression>> {
    if !reader.word("with") {
        return Ok(None);
    }
    reader.expect_word("check")?;
    expression(reader).map(Some)
}

/// `(expression)`
pub(super) fn expression(reader: &mut Reader<'_>) -> Result<PolicyExpression> {
    reader.expect_token(&Token::LParen)?;
    let from = reader.place();
    let kept = without_only(reader.text(), reader.rest())?;
    let mut inner = reader.over(&kept);
    let expr = Box::new(inner.parsed(|parser| parser.parse_expr())?);
    let to = inner.place_behind();
    reader.skip_behind(to);
    reader.expect_token(&Token::RParen)?;
    Ok(PolicyExpression { expr, from, to })
}

/// What follows ALTER POLICY.
pub(super) fn alter(reader: &mut Reader<'_>) -> Result<Definition> {
    let if_exists = reader.words(&["if", "exists"]);
    let name = reader.identifier()?;
    reader.expect_word("on")?;
    let table = reader.object_name()?;
    let change = if reader.words(&["rename", "to"]) {
        PolicyChange::Rename(reader.identifier()?)
    } else if if_exists {
        return Err(reader.syntax_error());
    } else {
        let roles = match reader.word("to") {
            false => None,
            true => Some(list(reader, role_name)?),
        };
        PolicyChange::Set { roles, using: using(reader)?, check: check(reader)? }
    };
    Ok(Definition::AlterPolicy { name, table, if_exists, change: Box::new(change) })
}

/// What follows DROP POLICY.
pub(super) fn drop(reader: &mut Reader<'_>) -> Result<Definition> {
    let if_exists = reader.words(&["if", "exists"]);
    let name = reader.identifier()?;
    reader.expect_word("on")?;
    let table = reader.object_name()?;
    // Nothing depends on a policy.
    grant::cascade(reader);
    Ok(Definition::DropPolicy { name, table, if_exists })
}
