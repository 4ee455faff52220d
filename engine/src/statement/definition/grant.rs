//! The grammar of GRANT and REVOKE. Whether roles or privileges are meant only shows after the first list.

use auth::{ObjectKind, Privilege, Privileges, RevokeBehavior, RevokeScope};
use datafusion::sql::sqlparser::tokenizer::Token;

use super::{
    Deed, DefaultPrivilegeChange, Definition, MembershipChange, PrivilegeChange, PrivilegeObjects, RoleName,
    RoutineKind, function, list, role_name,
};
use crate::error::{Error, Result, SqlState};
use crate::statement::reader::Reader;

fn grantee(reader: &mut Reader<'_>) -> Result<RoleName> {
    reader.word("group");
    role_name(reader)
}

/// What follows GRANT.
pub(super) fn grant(reader: &mut Reader<'_>) -> Result<Definition> {
    let words = granted_words(reader)?;
    if reader.word("on") {
        let ((privileges, columns), objects) = (words.privileges()?, objects(reader)?);
        reader.expect_word("to")?;
        let grantees = list(reader, grantee)?;
        let with_grant_option = reader.words(&["with", "grant", "option"]);
        let granted_by = granted_by(reader)?;
        let deed = Deed::Grant { with_grant_option };
        return Ok(Definition::Privileges(PrivilegeChange {
            privileges,
            columns,
            objects,
            grantees,
            granted_by,
            deed,
        }));
    }
    reader.expect_word("to")?;
    let members = list(reader, grantee)?;
    let admin_option = reader.words(&["with", "admin", "option"]);
    let granted_by = granted_by(reader)?;
    let roles = words.roles(reader)?;
    let alters_group = false;
    Ok(Definition::Membership(MembershipChange { grant: true, roles, members, admin_option, granted_by, alters_group }))
}

/// What follows REVOKE.
pub(super) fn revoke(reader: &mut Reader<'_>) -> Result<Definition> {
    let grant_option = reader.words(&["grant", "option", "for"]);
    let admin_option = !grant_option && reader.words(&["admin", "option", "for"]);
    let words = granted_words(reader)?;
    if !admin_option && reader.word("on") {
        let ((privileges, columns), objects) = (words.privileges()?, objects(reader)?);
        reader.expect_word("from")?;
        let grantees = list(reader, grantee)?;
        let granted_by = granted_by(reader)?;
        let scope = if grant_option { RevokeScope::GrantOption } else { RevokeScope::Privilege };
        let behavior = if cascade(reader) { RevokeBehavior::Cascade } else { RevokeBehavior::Restrict };
        let deed = Deed::Revoke { scope, behavior };
        return Ok(Definition::Privileges(PrivilegeChange {
            privileges,
            columns,
            objects,
            grantees,
            granted_by,
            deed,
        }));
    }
    reader.expect_word("from")?;
    let members = list(reader, grantee)?;
    // PostgreSQL does not look at who it says here.
    granted_by(reader)?;
    // Nothing depends on a membership, so both behaviors are the same.
    cascade(reader);
    let roles = words.roles(reader)?;
    Ok(Definition::Membership(MembershipChange {
        grant: false,
        roles,
        members,
        admin_option,
        granted_by: None,
        alters_group: false,
    }))
}

pub(super) fn cascade(reader: &mut Reader<'_>) -> bool {
    let cascade = reader.word("cascade");
    if !cascade {
        reader.word("restrict");
    }
    cascade
}

fn granted_by(reader: &mut Reader<'_>) -> Result<Option<RoleName>> {
    match reader.words(&["granted", "by"]) {
        true => role_name(reader).map(Some),
        false => Ok(None),
    }
}

/// What follows ALTER DEFAULT PRIVILEGES.
pub(super) fn alter_default(reader: &mut Reader<'_>) -> Result<Definition> {
    let (mut roles, mut schemas) = (Vec::new(), Vec::new());
    loop {
        if reader.words(&["for", "role"]) || reader.words(&["for", "user"]) {
            roles.extend(list(reader, role_name)?);
        } else if reader.words(&["in", "schema"]) {
            schemas.extend(list(reader, Reader::identifier)?);
        } else {
            break;
        }
    }
    let grant = reader.word("grant");
    if !grant {
        reader.expect_word("revoke")?;
    }
    let option = !grant && reader.words(&["grant", "option", "for"]);
    let (privileges, of_columns) = granted_words(reader)?.privileges()?;
    if !of_columns.is_empty() {
        let message = "default privileges cannot be set for columns";
        return Err(Error::new(SqlState("0LP01"), message));
    }
    reader.expect_word("on")?;
    let kind = made(reader)?;
    reader.expect_word(if grant { "to" } else { "from" })?;
    let grantees = list(reader, grantee)?;
    let deed = if grant {
        Deed::Grant { with_grant_option: reader.words(&["with", "grant", "option"]) }
    } else {
        let scope = if option { RevokeScope::GrantOption } else { RevokeScope::Privilege };
        let behavior = if cascade(reader) { RevokeBehavior::Cascade } else { RevokeBehavior::Restrict };
        Deed::Revoke { scope, behavior }
    };
    Ok(Definition::DefaultPrivileges(DefaultPrivilegeChange { roles, schemas, kind, privileges, grantees, deed }))
}

/// What default privileges are on.
fn made(reader: &mut Reader<'_>) -> Result<ObjectKind> {
    for (word, kind) in [
        ("tables", ObjectKind::Table),
        ("sequences", ObjectKind::Sequence),
        ("schemas", ObjectKind::Schema),
        ("functions", ObjectKind::Function),
        ("routines", ObjectKind::Function),
        ("types", ObjectKind::Type),
    ] {
        if reader.word(word) {
            return Ok(kind);
        }
    }
    Err(reader.syntax_error())
}

/// What stands between GRANT and ON or TO: privileges or roles, which only the word after tells.
struct GrantedWords {
    /// Each with the columns that it is for; ALL is none.
    words: Vec<(Option<String>, Vec<String>)>,
}

fn granted_words(reader: &mut Reader<'_>) -> Result<GrantedWords> {
    if reader.word("all") {
        reader.word("privileges");
        return Ok(GrantedWords { words: vec![(None, columns(reader)?)] });
    }
    let words = list(reader, |reader| {
        let word = reader.identifier()?;
        // The one privilege of two words.
        let word = if word == "alter" && reader.word("system") { "alter system".to_owned() } else { word };
        Ok((Some(word), columns(reader)?))
    })?;
    Ok(GrantedWords { words })
}

fn columns(reader: &mut Reader<'_>) -> Result<Vec<String>> {
    if !reader.token(&Token::LParen) {
        return Ok(Vec::new());
    }
    let columns = list(reader, Reader::identifier)?;
    reader.expect_token(&Token::RParen)?;
    Ok(columns)
}

/// Privileges on whole objects, of which none is ALL, and on columns.
type Granted = (Option<Privileges>, Vec<(Option<Privileges>, Vec<String>)>);

impl GrantedWords {
    fn privileges(self) -> Result<Granted> {
        let (mut whole, mut of_columns) = (Some(Privileges::NONE), Vec::new());
        for (word, columns) in self.words {
            let privileges = match word {
                None => None,
                Some(word) => Some(Privileges::from(Privilege::from_keyword(&word).ok_or_else(|| {
                    Error::new(SqlState::SYNTAX_ERROR, format!("unrecognized privilege type \"{word}\""))
                })?)),
            };
            if !columns.is_empty() {
                of_columns.push((privileges, columns));
            } else {
                whole = privileges.and_then(|privileges| Some(whole? | privileges));
            }
        }
        Ok((whole, of_columns))
    }

    fn roles(self, reader: &Reader<'_>) -> Result<Vec<String>> {
        if self.words.iter().any(|(_, columns)| !columns.is_empty()) {
            let message = "column names cannot be included in GRANT/REVOKE ROLE";
            return Err(Error::new(SqlState("0LP01"), message));
        }
        self.words.into_iter().map(|(word, _)| word).collect::<Option<_>>().ok_or_else(|| reader.syntax_error())
    }
}

fn objects(reader: &mut Reader<'_>) -> Result<PrivilegeObjects> {
    if reader.words(&["all", "tables", "in", "schema"]) {
        return list(reader, Reader::identifier).map(PrivilegeObjects::AllTablesIn);
    }
    if reader.words(&["all", "sequences", "in", "schema"]) {
        return list(reader, Reader::identifier).map(PrivilegeObjects::AllSequencesIn);
    }
    let kinds = [
        ("functions", RoutineKind::Function),
        ("procedures", RoutineKind::Procedure),
        ("routines", RoutineKind::Routine),
    ];
    for (what, kind) in kinds {
        if reader.words(&["all", what, "in", "schema"]) {
            let schemas = list(reader, Reader::identifier)?;
            return Ok(PrivilegeObjects::AllFunctionsIn(kind, schemas));
        }
    }
    if let Some(kind) = RoutineKind::said(reader) {
        return list(reader, |reader| function::named(reader, kind)).map(PrivilegeObjects::Functions);
    }
    if reader.word("sequence") {
        return list(reader, Reader::object_name).map(PrivilegeObjects::Sequences);
    }
    if reader.word("schema") {
        return list(reader, Reader::identifier).map(PrivilegeObjects::Schemas);
    }
    if reader.word("database") {
        return list(reader, Reader::identifier).map(PrivilegeObjects::Databases);
    }
    for (what, domains) in [("type", false), ("domain", true)] {
        if reader.word(what) {
            return Ok(PrivilegeObjects::Types { names: list(reader, Reader::object_name)?, domains });
        }
    }
    let unsupported: [&[&str]; 6] = [
        &["language"],
        &["large", "object"],
        &["tablespace"],
        &["foreign", "data", "wrapper"],
        &["foreign", "server"],
        &["parameter"],
    ];
    for what in unsupported {
        if reader.words(what) {
            return Err(Error::unsupported(format!("GRANT or REVOKE ON {}", what.join(" ").to_uppercase())));
        }
    }
    reader.word("table");
    list(reader, Reader::object_name).map(PrivilegeObjects::Tables)
}
