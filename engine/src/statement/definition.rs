//! Definitions. `sqlparser` knows most of them; roles and privileges, and a few forms of others, it reads in another
//! grammar than PostgreSQL's or not at all, so those are read here.

use auth::{ObjectKind, Privileges, RevokeBehavior, RevokeScope, RoleKind};
use datafusion::sql::sqlparser::ast::{self, ObjectName};
use datafusion::sql::sqlparser::tokenizer::{Token, TokenWithSpan};

use super::reader::Reader;
use crate::catalog::TableClass;
use crate::error::{Error, Result, SqlState};
use crate::types::Type;

mod aggregate;
mod comment;
mod database;
mod extension;
mod function;
mod grant;
mod like;
mod partition;
mod place;
mod policy;
mod reindex;
mod role;
mod schema;
pub(super) mod sequence;
mod table;
pub(super) mod table_as;
mod table_class;
#[cfg(test)]
mod tests;
mod trigger;
mod user_type;
mod view;

pub use aggregate::NewAggregate;
pub use comment::Commented;
pub use database::{DatabaseChange, DatabaseOptions};
pub use extension::NewExtension;
pub use function::{
    BodyQuery, FunctionBody, FunctionChange, FunctionName, FunctionOptions, NewBody, NewFunction, NewParameter,
    Returns, RoutineKind, TYPE_OF_COLUMN,
};
pub(super) use function::{body_text, statement_length};
pub use like::{Element, Including, Like, TableLike};
pub use place::PlaceDefinition;
pub use policy::{NewPolicy, PolicyChange, PolicyExpression};
pub use reindex::{Reindex, ReindexKind};
pub(super) use role::own_name;
pub(super) use schema::with_schema;
pub use sequence::{SequenceChange, SequenceOptions};
pub use table::{ColumnChange, IndexChange, ReplicaIdentityChange, StorageParameter, TableChange};
pub use table_as::{NewTableAs, Persistence, TableSource};
pub use trigger::{NewTrigger, TriggerSwitch, TriggersNamed};
pub use user_type::{LabelPlace, RangeOptions, TypeChange};
pub use view::{NewMaterialized, NewView, Refresh, ViewChange};

/// A definition.
#[derive(Debug, Clone)]
pub enum Definition {
    /// As `sqlparser` reads it.
    Parsed(ast::Statement),
    /// The same without its UNLOGGED.
    UnloggedTable(ast::Statement),
    /// CREATE USER TABLE, without the word.
    TableOfClass(TableClass, ast::Statement),
    TableLike(Box<TableLike>),
    CreateRole {
        name: String,
        options: RoleOptions,
    },
    AlterRole {
        role: RoleName,
        change: RoleChange,
    },
    /// ALTER ROLE ALL: what sessions of all roles begin with, in one database or in all.
    AlterEveryRole {
        database: Option<String>,
        change: SettingChange,
    },
    DropRoles {
        roles: Vec<RoleName>,
        if_exists: bool,
    },
    ReassignOwned {
        roles: Vec<RoleName>,
        to: RoleName,
    },
    DropOwned {
        roles: Vec<RoleName>,
        cascade: bool,
    },
    Membership(MembershipChange),
    Privileges(PrivilegeChange),
    DefaultPrivileges(DefaultPrivilegeChange),
    CreateDatabase {
        name: String,
        options: DatabaseOptions,
    },
    AlterDatabase {
        name: String,
        change: DatabaseChange,
    },
    DropDatabase {
        name: String,
        if_exists: bool,
        /// Ends the sessions that use it.
        force: bool,
    },
    CreateExtension(NewExtension),
    DropExtensions {
        names: Vec<String>,
        if_exists: bool,
        cascade: bool,
    },
    CreateFunction(Box<NewFunction>),
    CreateAggregate(Box<NewAggregate>),
    AlterFunction {
        function: FunctionName,
        change: FunctionChange,
    },
    DropFunctions {
        kind: RoutineKind,
        functions: Vec<FunctionName>,
        if_exists: bool,
        cascade: bool,
    },
    CreatePolicy(Box<NewPolicy>),
    AlterPolicy {
        name: String,
        table: ObjectName,
        if_exists: bool,
        change: Box<PolicyChange>,
    },
    DropPolicy {
        name: String,
        table: ObjectName,
        if_exists: bool,
    },
    CreateTrigger(Box<NewTrigger>),
    RenameTrigger {
        name: String,
        table: ObjectName,
        to: String,
    },
    DropTrigger {
        name: String,
        table: ObjectName,
        if_exists: bool,
    },
    /// CREATE, ALTER or DROP STORAGE.
    Storage(PlaceDefinition),
    /// REGISTER TABLE … FROM.
    Register {
        name: ObjectName,
        if_not_exists: bool,
        pattern: String,
    },
    Unregister {
        name: ObjectName,
        if_exists: bool,
    },
    CreateSequence {
        name: ObjectName,
        persistence: Persistence,
        if_not_exists: bool,
        options: SequenceOptions,
    },
    AlterSequence {
        name: ObjectName,
        if_exists: bool,
        change: SequenceChange,
    },
    /// CREATE INDEX ON ONLY, as `sqlparser` reads it without ONLY.
    IndexOnly(ast::Statement),
    /// DROP INDEX CONCURRENTLY, as `sqlparser` reads it without the word: here it is done as without it.
    DropConcurrently(ast::Statement),
    /// ALTER INDEX … ATTACH PARTITION.
    AttachIndex {
        index: ObjectName,
        partition: ObjectName,
    },
    /// The forms of ALTER INDEX that are read here.
    AlterIndex {
        name: ObjectName,
        if_exists: bool,
        change: IndexChange,
    },
    Reindex(Reindex),
    /// CLUSTER of a table, by an index if one is named; None is every table that has been clustered.
    Cluster {
        target: Option<(ObjectName, Option<String>)>,
    },
    AlterTable {
        name: ObjectName,
        if_exists: bool,
        change: TableChange,
    },
    CreateTableAs(NewTableAs),
    /// The table of a CREATE TABLE AS whose query answers columns of these names and types.
    TableOf(NewTableAs, Vec<(String, Type)>),
    /// Drops every temporary relation of the session.
    DiscardTemporary,
    /// Does what ON COMMIT says for the temporary tables of the session.
    EndTemporary,
    /// CREATE SCHEMA with what is made in it.
    CreateSchema {
        name: ast::SchemaName,
        elements: Vec<Definition>,
    },
    CreateView(NewView),
    CreateMaterialized(NewMaterialized),
    Refresh(Refresh),
    AlterView {
        name: ObjectName,
        materialized: bool,
        if_exists: bool,
        change: ViewChange,
    },
    CreateEnum {
        name: ObjectName,
        labels: Vec<String>,
    },
    CreateRange {
        name: ObjectName,
        options: Box<RangeOptions>,
    },
    CreateComposite {
        name: ObjectName,
        attributes: Vec<(String, ast::DataType)>,
    },
    CreateDomain {
        name: ObjectName,
        /// What is said behind the name, as if it were of a column.
        column: Box<ast::ColumnDef>,
    },
    Comment {
        on: Commented,
        text: Option<String>,
    },
    /// ALTER DOMAIN, if `domain`, which takes no other type.
    AlterType {
        name: ObjectName,
        domain: bool,
        change: TypeChange,
    },
    DropTypes {
        names: Vec<ObjectName>,
        domain: bool,
        if_exists: bool,
        cascade: bool,
    },
}

impl Definition {
    /// What it is called, if it must be a transaction of its own.
    pub fn stands_alone(&self) -> Option<&'static str> {
        match self {
            Definition::CreateDatabase { .. } => Some("CREATE DATABASE"),
            Definition::DropDatabase { .. } => Some("DROP DATABASE"),
            Definition::Storage(definition) => Some(definition.verb()),
            Definition::Reindex(reindex) => reindex.stands_alone(),
            Definition::Cluster { target: None } => Some("CLUSTER"),
            Definition::Parsed(ast::Statement::CreateIndex(create)) if create.concurrently => {
                Some("CREATE INDEX CONCURRENTLY")
            }
            Definition::DropConcurrently(_) => Some("DROP INDEX CONCURRENTLY"),
            _ => None,
        }
    }
}

/// A role as a statement names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RoleName {
    Named(String),
    Current,
    Session,
    /// Everybody; not a role, and not allowed everywhere.
    Public,
}

/// What CREATE and ALTER ROLE may say; None is "not said".
#[derive(Debug, Clone, Default)]
pub struct RoleOptions {
    pub superuser: Option<bool>,
    pub createdb: Option<bool>,
    pub createrole: Option<bool>,
    pub inherit: Option<bool>,
    pub login: Option<bool>,
    pub replication: Option<bool>,
    pub bypassrls: Option<bool>,
    pub connection_limit: Option<i32>,
    /// Some(None) is PASSWORD NULL.
    pub password: Option<Option<String>>,
    pub valid_until: Option<String>,
    pub kind: Option<SaidKind>,
    /// Roles to become a member of.
    pub in_roles: Vec<RoleName>,
    /// Roles to become members.
    pub members: Vec<RoleName>,
    /// The same with the right to grant the role on.
    pub admins: Vec<RoleName>,
}

/// `ROLE service`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SaidKind {
    pub kind: RoleKind,
    /// It may also be PostgreSQL's clause that names a member, and is if there is a role of that name.
    pub or_member: bool,
}

/// ALTER ROLE.
#[derive(Debug, Clone)]
pub enum RoleChange {
    Options(RoleOptions),
    Rename(String),
    /// What its sessions begin with: all of them, or those in a database.
    Settings {
        database: Option<String>,
        change: SettingChange,
    },
}

/// SET and RESET of what sessions begin with.
#[derive(Debug, Clone)]
pub enum SettingChange {
    /// `values` None is DEFAULT, which is RESET.
    Set {
        name: String,
        values: Option<Vec<String>>,
    },
    /// The value that the session has.
    FromCurrent(String),
    ResetAll,
}

/// GRANT and REVOKE of roles.
#[derive(Debug, Clone)]
pub struct MembershipChange {
    pub grant: bool,
    pub roles: Vec<String>,
    pub members: Vec<RoleName>,
    /// WITH ADMIN OPTION, or ADMIN OPTION FOR.
    pub admin_option: bool,
    /// Who GRANT says grants it.
    pub granted_by: Option<RoleName>,
    /// Said as ALTER GROUP.
    pub alters_group: bool,
}

/// GRANT and REVOKE of privileges.
#[derive(Debug, Clone)]
pub struct PrivilegeChange {
    /// None is ALL; nothing, if only columns are meant.
    pub privileges: Option<Privileges>,
    /// The same on some columns.
    pub columns: Vec<(Option<Privileges>, Vec<String>)>,
    pub objects: PrivilegeObjects,
    pub grantees: Vec<RoleName>,
    pub granted_by: Option<RoleName>,
    pub deed: Deed,
}

/// ALTER DEFAULT PRIVILEGES.
#[derive(Debug, Clone)]
pub struct DefaultPrivilegeChange {
    /// Whose things; nobody named is the current role.
    pub roles: Vec<RoleName>,
    /// None named is wherever they are made.
    pub schemas: Vec<String>,
    pub kind: ObjectKind,
    /// None is ALL.
    pub privileges: Option<Privileges>,
    pub grantees: Vec<RoleName>,
    pub deed: Deed,
}

/// What is done with the privileges.
#[derive(Debug, Clone, Copy)]
pub enum Deed {
    Grant { with_grant_option: bool },
    Revoke { scope: RevokeScope, behavior: RevokeBehavior },
}

/// What the privileges are on.
#[derive(Debug, Clone)]
pub enum PrivilegeObjects {
    Tables(Vec<ObjectName>),
    AllTablesIn(Vec<String>),
    Sequences(Vec<ObjectName>),
    AllSequencesIn(Vec<String>),
    Functions(Vec<FunctionName>),
    AllFunctionsIn(RoutineKind, Vec<String>),
    Types { names: Vec<ObjectName>, domains: bool },
    Schemas(Vec<String>),
    Databases(Vec<String>),
}

impl Definition {
    /// Whether it makes a temporary relation, as far as the statement says so.
    pub(crate) fn is_temporary(&self) -> bool {
        match self {
            Definition::Parsed(ast::Statement::CreateTable(create))
            | Definition::TableOfClass(_, ast::Statement::CreateTable(create)) => {
                create.temporary || names_temporary(&create.name)
            }
            Definition::TableLike(new) => new.temporary,
            Definition::CreateSequence { name, persistence, .. } => {
                matches!(persistence, Persistence::Temporary(_)) || names_temporary(name)
            }
            Definition::CreateView(view) => view.temporary || names_temporary(&view.name),
            Definition::CreateTableAs(new) | Definition::TableOf(new, _) => {
                matches!(new.persistence, Persistence::Temporary(_)) || names_temporary(&new.name)
            }
            _ => false,
        }
    }
}

/// `pg_temp.x`
fn names_temporary(name: &ObjectName) -> bool {
    let first = name.0.first().and_then(|part| part.as_ident());
    name.0.len() == 2 && first.is_some_and(|ident| crate::plan::bind::fold(ident) == "pg_temp")
}

/// Reads a definition whose grammar is ours; None if the tokens are something else.
pub(super) fn parse(text: &str, tokens: &[TokenWithSpan]) -> Result<Option<Definition>> {
    if let Some(definition) = table_class::create(text, tokens)? {
        return Ok(Some(definition));
    }
    if let Some(definition) = like::create(text, tokens)? {
        return Ok(Some(definition));
    }
    if let Some(definition) = partition::create(text, tokens)? {
        return Ok(Some(definition));
    }
    if let Some(definition) = schema::create(text, tokens)? {
        return Ok(Some(definition));
    }
    let mut reader = Reader::new(text, tokens);
    let definition = if reader.words(&["grant"]) {
        grant::grant(&mut reader)?
    } else if reader.words(&["revoke"]) {
        grant::revoke(&mut reader)?
    } else if reader.words(&["create"]) {
        match create(text, tokens, &mut reader)? {
            Some(definition) => definition,
            None => return Ok(None),
        }
    } else if reader.words(&["alter"]) {
        match alter(&mut reader)? {
            Some(definition) => definition,
            None => return Ok(None),
        }
    } else if reader.words(&["reassign", "owned", "by"]) {
        let roles = list(&mut reader, role_name)?;
        reader.expect_word("to")?;
        Definition::ReassignOwned { roles, to: role_name(&mut reader)? }
    } else if reader.words(&["refresh"]) {
        view::refresh(&mut reader)?
    } else if reader.words(&["comment"]) {
        return comment::comment(&mut reader);
    } else if reader.words(&["reindex"]) {
        reindex::reindex(&mut reader)?
    } else if reader.words(&["cluster"]) {
        table::cluster(&mut reader)?
    } else if reader.words(&["drop"]) {
        return drop(text, tokens, &mut reader);
    } else {
        return Ok(None);
    };
    if !matches!(definition, Definition::UnloggedTable(_)) {
        reader.expect_end()?;
    }
    Ok(Some(definition))
}

fn create(text: &str, tokens: &[TokenWithSpan], reader: &mut Reader<'_>) -> Result<Option<Definition>> {
    let mut of_query = reader.clone();
    if let Some(definition) = table_as::create(&mut of_query)? {
        of_query.expect_end()?;
        *reader = of_query;
        return Ok(Some(definition));
    }
    if reader.words(&["unlogged", "table"]) {
        return without_word(text, tokens, "unlogged").map(Definition::UnloggedTable).map(Some);
    }
    if reader.word("database") {
        return database::create(reader).map(Some);
    }
    if reader.word("extension") {
        return extension::create(reader).map(Some);
    }
    for create in [function::create, aggregate::create] {
        let mut of_routine = reader.clone();
        if let Some(definition) = create(&mut of_routine)? {
            *reader = of_routine;
            return Ok(Some(definition));
        }
    }
    if reader.word("storage") {
        return place::create(reader).map(Some);
    }
    if reader.word("policy") {
        return policy::create(reader).map(Some);
    }
    if let Some(definition) = trigger::create(reader)? {
        return Ok(Some(definition));
    }
    if reader.word("sequence") {
        return sequence::create(reader, Persistence::Permanent).map(Some);
    }
    if reader.words(&["temporary", "sequence"]) || reader.words(&["temp", "sequence"]) {
        return sequence::create(reader, Persistence::Temporary(None)).map(Some);
    }
    if reader.words(&["unlogged", "sequence"]) {
        return sequence::create(reader, Persistence::Unlogged).map(Some);
    }
    if reader.word("type") {
        return user_type::create_type(reader).map(Some);
    }
    if reader.word("domain") {
        return user_type::create_domain(text, reader).map(Some);
    }
    if reader.word("index") || reader.words(&["unique", "index"]) {
        let only = partition::create_index_only(text, tokens)?;
        if only.is_some() {
            reader.skip_rest();
        }
        return Ok(only);
    }
    if reader.words(&["materialized", "view"]) {
        return view::create_materialized(reader).map(Some);
    }
    if reader.words(&["unlogged", "materialized", "view"]) {
        return Err(Error::new(SqlState::FEATURE_NOT_SUPPORTED, "materialized views cannot be unlogged"));
    }
    let mut of_view = reader.clone();
    if let Some(definition) = view::create(&mut of_view)? {
        *reader = of_view;
        return Ok(Some(definition));
    }
    let user = reader.word("user");
    if user && reader.word("mapping") {
        return Err(Error::unsupported("CREATE USER MAPPING"));
    }
    if user && reader.word("table") {
        return Err(Error::unsupported("CREATE USER TABLE"));
    }
    if !user && !reader.word("role") && !reader.word("group") {
        return Ok(None);
    }
    role::create(reader, user).map(Some)
}

fn alter(reader: &mut Reader<'_>) -> Result<Option<Definition>> {
    if reader.word("table") {
        return table::alter(reader);
    }
    if reader.word("sequence") {
        return sequence::alter(reader).map(Some);
    }
    if reader.word("view") {
        return view::alter(reader, false).map(Some);
    }
    if reader.words(&["materialized", "view"]) {
        return view::alter(reader, true).map(Some);
    }
    if reader.word("index") {
        return table::alter_index(reader);
    }
    if reader.word("group") {
        return role::alter_group(reader).map(Some);
    }
    if reader.word("database") {
        return database::alter(reader).map(Some);
    }
    if let Some(kind) = RoutineKind::said(reader) {
        return function::alter(reader, kind).map(Some);
    }
    if reader.word("storage") {
        return place::alter(reader).map(Some);
    }
    if reader.word("policy") {
        return policy::alter(reader).map(Some);
    }
    if reader.word("trigger") {
        return trigger::alter(reader).map(Some);
    }
    if reader.word("type") {
        return user_type::alter(reader, false).map(Some);
    }
    if reader.word("domain") {
        return user_type::alter(reader, true).map(Some);
    }
    if reader.words(&["default", "privileges"]) {
        return grant::alter_default(reader).map(Some);
    }
    for what in ["system", "extension"] {
        if reader.word(what) {
            return Err(Error::unsupported(format!("ALTER {}", what.to_uppercase())));
        }
    }
    if !reader.word("role") && !reader.word("user") {
        return Ok(None);
    }
    role::alter(reader).map(Some)
}

fn drop(text: &str, tokens: &[TokenWithSpan], reader: &mut Reader<'_>) -> Result<Option<Definition>> {
    if reader.words(&["index", "concurrently"]) {
        let statement = without_word(text, tokens, "concurrently")?;
        if let ast::Statement::Drop { names, cascade, .. } = &statement
            && (names.len() > 1 || *cascade)
        {
            let what = if *cascade { "CASCADE" } else { "dropping multiple objects" };
            let message = format!("DROP INDEX CONCURRENTLY does not support {what}");
            return Err(Error::new(SqlState::FEATURE_NOT_SUPPORTED, message));
        }
        return Ok(Some(Definition::DropConcurrently(statement)));
    }
    if reader.word("database") {
        let definition = database::drop(reader)?;
        reader.expect_end()?;
        return Ok(Some(definition));
    }
    if reader.word("extension") {
        let definition = extension::drop(reader)?;
        reader.expect_end()?;
        return Ok(Some(definition));
    }
    if let Some(kind) = RoutineKind::said(reader) {
        let definition = function::drop(reader, kind)?;
        reader.expect_end()?;
        return Ok(Some(definition));
    }
    if reader.word("storage") {
        let definition = place::drop(reader)?;
        reader.expect_end()?;
        return Ok(Some(definition));
    }
    if reader.word("policy") {
        let definition = policy::drop(reader)?;
        reader.expect_end()?;
        return Ok(Some(definition));
    }
    if reader.word("trigger") {
        let definition = trigger::drop(reader)?;
        reader.expect_end()?;
        return Ok(Some(definition));
    }
    if reader.words(&["owned", "by"]) {
        let roles = list(reader, role_name)?;
        let cascade = grant::cascade(reader);
        reader.expect_end()?;
        return Ok(Some(Definition::DropOwned { roles, cascade }));
    }
    let domain = reader.word("domain");
    if domain || reader.word("type") {
        let definition = user_type::drop(reader, domain)?;
        reader.expect_end()?;
        return Ok(Some(definition));
    }
    if !reader.word("role") && !reader.word("user") && !reader.word("group") {
        return Ok(None);
    }
    let if_exists = reader.words(&["if", "exists"]);
    let roles = list(reader, role::own_name)?;
    reader.expect_end()?;
    Ok(Some(Definition::DropRoles { roles, if_exists }))
}

/// Parses the statement without the first such word.
fn without_word(text: &str, tokens: &[TokenWithSpan], word: &str) -> Result<ast::Statement> {
    let rest = left_out(tokens, word);
    let mut reader = Reader::new(text, &rest);
    let statement = reader.parsed(|parser| parser.parse_statement())?;
    reader.expect_end()?;
    Ok(statement)
}

/// The tokens without the first such word.
fn left_out(tokens: &[TokenWithSpan], word: &str) -> Vec<TokenWithSpan> {
    let is_it = |token: &TokenWithSpan| matches!(&token.token, Token::Word(own) if own.quote_style.is_none() && own.value.eq_ignore_ascii_case(word));
    let mut rest = tokens.to_vec();
    if let Some(at) = rest.iter().position(is_it) {
        rest.remove(at);
    }
    rest
}

/// The options of an identity column, which the parser knows in part.
pub(crate) fn identity_options(options: &[ast::SequenceOptions]) -> Result<SequenceOptions> {
    let text = options.iter().map(ToString::to_string).collect::<String>();
    let tokens = super::parse::tokenize(&text)?;
    sequence::options(&mut Reader::new(&text, &tokens))
}

/// 42P16 for ON COMMIT where nothing happens then.
pub(crate) fn on_commit_of_permanent() -> Error {
    Error::new(SqlState::INVALID_TABLE_DEFINITION, "ON COMMIT can only be used on temporary tables")
}

/// One or more, with commas between.
fn list<'a, T>(reader: &mut Reader<'a>, mut one: impl FnMut(&mut Reader<'a>) -> Result<T>) -> Result<Vec<T>> {
    let mut all = vec![one(reader)?];
    while reader.token(&Token::Comma) {
        all.push(one(reader)?);
    }
    Ok(all)
}

fn role_name(reader: &mut Reader<'_>) -> Result<RoleName> {
    if reader.word("current_user") || reader.word("current_role") {
        return Ok(RoleName::Current);
    }
    if reader.word("session_user") {
        return Ok(RoleName::Session);
    }
    if reader.word("public") {
        return Ok(RoleName::Public);
    }
    reader.identifier().map(RoleName::Named)
}
