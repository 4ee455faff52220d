//! The grammar of CREATE, ALTER and DROP ROLE.

use auth::RoleKind;
use datafusion::sql::sqlparser::tokenizer::Token;

use super::{
    Definition, MembershipChange, RoleChange, RoleName, RoleOptions, SaidKind, SettingChange, list, role_name,
};
use crate::error::{Error, Result, SqlState};
use crate::statement::reader::Reader;

/// What follows CREATE ROLE, or CREATE USER, which may log in unless it says otherwise.
pub(super) fn create(reader: &mut Reader<'_>, user: bool) -> Result<Definition> {
    let name = match reader.peek() {
        Some(Token::SingleQuotedString(_)) => reader.string()?,
        _ => reader.identifier()?,
    };
    reader.word("with");
    let mut options = RoleOptions::default();
    role_options(reader, &mut options, true)?;
    if user {
        options.login = options.login.or(Some(true));
    }
    Ok(Definition::CreateRole { name, options })
}

/// What follows ALTER ROLE.
pub(super) fn alter(reader: &mut Reader<'_>) -> Result<Definition> {
    if reader.word("all") {
        let database = in_database(reader)?;
        let change = setting_change(reader)?.ok_or_else(|| reader.syntax_error())?;
        return Ok(Definition::AlterEveryRole { database, change });
    }
    let role = own_name(reader)?;
    let database = in_database(reader)?;
    let change = if let Some(change) = setting_change(reader)? {
        RoleChange::Settings { database, change }
    } else if database.is_some() {
        return Err(reader.syntax_error());
    } else if reader.words(&["rename", "to"]) {
        RoleChange::Rename(reader.identifier()?)
    } else {
        reader.word("with");
        let mut options = RoleOptions::default();
        role_options(reader, &mut options, false)?;
        RoleChange::Options(options)
    };
    Ok(Definition::AlterRole { role, change })
}

fn in_database(reader: &mut Reader<'_>) -> Result<Option<String>> {
    if reader.words(&["in", "database"]) { reader.identifier().map(Some) } else { Ok(None) }
}

/// Reads SET and RESET with what follows; None if neither is there.
pub(super) fn setting_change(reader: &mut Reader<'_>) -> Result<Option<SettingChange>> {
    if reader.word("set") {
        setting_to(reader).map(Some)
    } else if reader.words(&["reset", "all"]) {
        Ok(Some(SettingChange::ResetAll))
    } else if reader.word("reset") {
        Ok(Some(SettingChange::Set { name: setting_name(reader)?, values: None }))
    } else {
        Ok(None)
    }
}

fn setting_name(reader: &mut Reader<'_>) -> Result<String> {
    if reader.words(&["time", "zone"]) {
        return Ok("timezone".to_owned());
    }
    let mut name = reader.identifier()?;
    while reader.token(&Token::Period) {
        name.push('.');
        name.push_str(&reader.identifier()?);
    }
    Ok(name)
}

fn setting_to(reader: &mut Reader<'_>) -> Result<SettingChange> {
    // SET TIME ZONE goes without TO.
    let is_zone = reader.peek_word("time");
    let name = setting_name(reader)?;
    if reader.words(&["from", "current"]) {
        return Ok(SettingChange::FromCurrent(name));
    }
    let needs_to = !(is_zone && name == "timezone");
    if needs_to && !reader.token(&Token::Eq) {
        reader.expect_word("to")?;
    }
    if reader.word("default") || is_zone && reader.word("local") {
        return Ok(SettingChange::Set { name, values: None });
    }
    let values = list(reader, |reader| match reader.peek() {
        Some(Token::Word(_)) => reader.identifier(),
        Some(Token::Number(..) | Token::Minus) => number(reader),
        _ => reader.string(),
    })?;
    Ok(SettingChange::Set { name, values: Some(values) })
}

/// ALTER GROUP … ADD | DROP USER, an old way to grant and revoke a role.
pub(super) fn alter_group(reader: &mut Reader<'_>) -> Result<Definition> {
    let role = role_name(reader)?;
    if reader.words(&["rename", "to"]) {
        let change = RoleChange::Rename(reader.identifier()?);
        return Ok(Definition::AlterRole { role, change });
    }
    let grant = reader.word("add");
    if !grant {
        reader.expect_word("drop")?;
    }
    reader.expect_word("user")?;
    let RoleName::Named(role) = role else { return Err(Error::unsupported("ALTER GROUP of the current role")) };
    let members = list(reader, role_name)?;
    Ok(Definition::Membership(MembershipChange {
        grant,
        roles: vec![role],
        members,
        admin_option: false,
        granted_by: None,
        alters_group: true,
    }))
}

fn number(reader: &mut Reader<'_>) -> Result<String> {
    let sign = if reader.token(&Token::Minus) { "-" } else { "" };
    match reader.peek() {
        Some(Token::Number(digits, _)) => {
            let number = format!("{sign}{digits}");
            reader.advance();
            Ok(number)
        }
        _ => Err(reader.syntax_error()),
    }
}

/// Reads options up to the end of the statement.
fn role_options(reader: &mut Reader<'_>, options: &mut RoleOptions, creating: bool) -> Result<()> {
    while !reader.at_end() {
        if role_flag(reader, options)? {
            continue;
        }
        if reader.word("encrypted") {
            reader.expect_word("password")?;
            set_once(&mut options.password, Some(reader.string()?))?;
        } else if reader.words(&["unencrypted", "password"]) {
            return Err(Error::new(SqlState::FEATURE_NOT_SUPPORTED, "UNENCRYPTED PASSWORD is no longer supported")
                .with_hint("Remove UNENCRYPTED to store the password in encrypted form instead."));
        } else if reader.word("password") {
            let password = if reader.word("null") { None } else { Some(reader.string()?) };
            set_once(&mut options.password, password)?;
        } else if reader.words(&["connection", "limit"]) {
            let limit = number(reader)?;
            let valid = limit.parse::<i32>().ok().filter(|limit| *limit >= -1);
            let limit = valid.ok_or_else(|| {
                Error::new(SqlState::INVALID_PARAMETER_VALUE, format!("invalid connection limit: {limit}"))
            })?;
            set_once(&mut options.connection_limit, limit)?;
        } else if creating && reader.word("sysid") {
            // An old word that PostgreSQL only takes note of.
            number(reader)?;
        } else if reader.words(&["valid", "until"]) {
            set_once(&mut options.valid_until, reader.string()?)?;
        } else if creating && (reader.words(&["in", "role"]) || reader.words(&["in", "group"])) {
            options.in_roles.extend(list(reader, role_name)?);
        } else if reader.peek_word("role") && said_kind(reader, options, creating)? {
            continue;
        } else if creating && (reader.word("role") || reader.word("user")) {
            options.members.extend(list(reader, role_name)?);
        } else if creating && reader.word("admin") {
            options.admins.extend(list(reader, role_name)?);
        } else {
            return Err(reader.syntax_error());
        }
    }
    Ok(())
}

/// Reads `ROLE service`; false if the clause is PostgreSQL's, a list of members.
fn said_kind(reader: &mut Reader<'_>, options: &mut RoleOptions, creating: bool) -> Result<bool> {
    let mut ahead = reader.clone();
    ahead.word("role");
    let (name, is_text, is_plain) = match ahead.peek() {
        Some(Token::SingleQuotedString(name)) => (name.as_str(), true, false),
        Some(Token::Word(word)) => (word.value.as_str(), false, word.quote_style.is_none()),
        _ => return Ok(false),
    };
    let may_be_member = creating && !is_text;
    let kind = RoleKind::named(name).filter(|_| is_text || is_plain);
    ahead.advance();
    let Some(kind) = kind.filter(|_| !(may_be_member && ahead.peek() == Some(&Token::Comma))) else {
        if may_be_member {
            return Ok(false);
        }
        let message = format!("unrecognized kind of role \"{name}\"");
        return Err(Error::new(SqlState::INVALID_PARAMETER_VALUE, message)
            .with_hint("The kinds of roles are user, service, dba and system."));
    };
    // No role is called `user` without quotes.
    let or_member = may_be_member && kind != RoleKind::User;
    set_once(&mut options.kind, SaidKind { kind, or_member })?;
    *reader = ahead;
    Ok(true)
}

/// A role that a statement is about, which may also be named by a string.
pub(in crate::statement) fn own_name(reader: &mut Reader<'_>) -> Result<RoleName> {
    match reader.peek() {
        Some(Token::SingleQuotedString(_)) => reader.string().map(RoleName::Named),
        _ => role_name(reader),
    }
}

/// Reads LOGIN, NOLOGIN and their kin.
fn role_flag(reader: &mut Reader<'_>, options: &mut RoleOptions) -> Result<bool> {
    let flags = [
        ("superuser", "nosuperuser", &mut options.superuser),
        ("createdb", "nocreatedb", &mut options.createdb),
        ("createrole", "nocreaterole", &mut options.createrole),
        ("inherit", "noinherit", &mut options.inherit),
        ("login", "nologin", &mut options.login),
        ("replication", "noreplication", &mut options.replication),
        ("bypassrls", "nobypassrls", &mut options.bypassrls),
    ];
    for (yes, no, flag) in flags {
        let value = reader.word(yes);
        if value || reader.word(no) {
            set_once(flag, value)?;
            return Ok(true);
        }
    }
    Ok(false)
}

fn set_once<T>(option: &mut Option<T>, value: T) -> Result<()> {
    if option.replace(value).is_some() {
        return Err(Error::new(SqlState::SYNTAX_ERROR, "conflicting or redundant options"));
    }
    Ok(())
}
