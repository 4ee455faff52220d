//! The grammar of GRANT and REVOKE. Whether roles or privileges are meant only shows after the first list.

use auth::{Privilege, Privileges, RevokeBehavior, RevokeScope};
use datafusion::sql::sqlparser::tokenizer::Token;

use super::{Deed, Definition, MembershipChange, PrivilegeChange, PrivilegeObjects, RoleName, list, role_name};
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
        let (privileges, objects) = (words.privileges()?, objects(reader)?);
        reader.expect_word("to")?;
        let grantees = list(reader, grantee)?;
        let with_grant_option = reader.words(&["with", "grant", "option"]);
        let granted_by = granted_by(reader)?;
        let deed = Deed::Grant { with_grant_option };
        return Ok(Definition::Privileges(PrivilegeChange { privileges, objects, grantees, granted_by, deed }));
    }
    reader.expect_word("to")?;
    let members = list(reader, grantee)?;
    let admin_option = reader.words(&["with", "admin", "option"]);
    refuse_granted_by(reader)?;
    let roles = words.roles(reader)?;
    Ok(Definition::Membership(MembershipChange { grant: true, roles, members, admin_option }))
}

/// What follows REVOKE.
pub(super) fn revoke(reader: &mut Reader<'_>) -> Result<Definition> {
    let grant_option = reader.words(&["grant", "option", "for"]);
    let admin_option = !grant_option && reader.words(&["admin", "option", "for"]);
    let words = granted_words(reader)?;
    if !admin_option && reader.word("on") {
        let (privileges, objects) = (words.privileges()?, objects(reader)?);
        reader.expect_word("from")?;
        let grantees = list(reader, grantee)?;
        let granted_by = granted_by(reader)?;
        let scope = if grant_option { RevokeScope::GrantOption } else { RevokeScope::Privilege };
        let behavior = if cascade(reader) { RevokeBehavior::Cascade } else { RevokeBehavior::Restrict };
        let deed = Deed::Revoke { scope, behavior };
        return Ok(Definition::Privileges(PrivilegeChange { privileges, objects, grantees, granted_by, deed }));
    }
    reader.expect_word("from")?;
    let members = list(reader, grantee)?;
    refuse_granted_by(reader)?;
    // Nothing depends on a membership, so both behaviors are the same.
    cascade(reader);
    let roles = words.roles(reader)?;
    Ok(Definition::Membership(MembershipChange { grant: false, roles, members, admin_option }))
}

fn cascade(reader: &mut Reader<'_>) -> bool {
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

fn refuse_granted_by(reader: &mut Reader<'_>) -> Result<()> {
    match granted_by(reader)? {
        None => Ok(()),
        Some(_) => Err(Error::unsupported("GRANTED BY for a role")),
    }
}

/// What stands between GRANT and ON or TO: privileges or roles, which only the word after tells.
struct GrantedWords {
    all: bool,
    words: Vec<String>,
}

fn granted_words(reader: &mut Reader<'_>) -> Result<GrantedWords> {
    if reader.word("all") {
        reader.word("privileges");
        refuse_columns(reader)?;
        return Ok(GrantedWords { all: true, words: Vec::new() });
    }
    let words = list(reader, |reader| {
        let word = reader.identifier()?;
        refuse_columns(reader)?;
        // The one privilege of two words.
        Ok(if word == "alter" && reader.word("system") { "alter system".to_owned() } else { word })
    })?;
    Ok(GrantedWords { all: false, words })
}

fn refuse_columns(reader: &mut Reader<'_>) -> Result<()> {
    match reader.token(&Token::LParen) {
        true => Err(Error::unsupported("a privilege on columns")),
        false => Ok(()),
    }
}

impl GrantedWords {
    fn privileges(&self) -> Result<Option<Privileges>> {
        if self.all {
            return Ok(None);
        }
        let one = |word: &String| {
            Privilege::from_keyword(word)
                .ok_or_else(|| Error::new(SqlState::SYNTAX_ERROR, format!("unrecognized privilege type \"{word}\"")))
        };
        self.words.iter().map(one).collect::<Result<Privileges>>().map(Some)
    }

    fn roles(self, reader: &Reader<'_>) -> Result<Vec<String>> {
        if self.all { Err(reader.syntax_error()) } else { Ok(self.words) }
    }
}

fn objects(reader: &mut Reader<'_>) -> Result<PrivilegeObjects> {
    if reader.words(&["all", "tables", "in", "schema"]) {
        return list(reader, Reader::identifier).map(PrivilegeObjects::AllTablesIn);
    }
    if reader.words(&["all", "sequences", "in", "schema"]) {
        return list(reader, Reader::identifier).map(PrivilegeObjects::AllSequencesIn);
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
    let unsupported = [
        "all",
        "function",
        "procedure",
        "routine",
        "language",
        "large",
        "tablespace",
        "type",
        "domain",
        "foreign",
        "parameter",
    ];
    for what in unsupported {
        if reader.word(what) {
            return Err(Error::unsupported(format!("GRANT or REVOKE ON {}", what.to_uppercase())));
        }
    }
    reader.word("table");
    list(reader, Reader::object_name).map(PrivilegeObjects::Tables)
}
