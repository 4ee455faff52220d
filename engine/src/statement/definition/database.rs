//! The grammar of CREATE, ALTER and DROP DATABASE.

use datafusion::sql::sqlparser::tokenizer::Token;

use super::{Definition, RoleName, SettingChange, role, role_name};
use crate::error::{Error, Result, SqlState};
use crate::statement::reader::Reader;

/// What CREATE DATABASE says; None is "not said".
#[derive(Debug, Clone, Default)]
pub struct DatabaseOptions {
    pub owner: Option<RoleName>,
    pub template: Option<String>,
}

#[derive(Debug, Clone)]
pub enum DatabaseChange {
    Rename(String),
    Owner(RoleName),
    /// What sessions in it begin with.
    Settings(SettingChange),
}

/// The encodings and locales that every database has.
const ENCODINGS: [&str; 2] = ["utf8", "utf-8"];
const LOCALES: [&str; 5] = ["c", "posix", "c.utf-8", "c.utf8", ""];

/// What follows CREATE DATABASE.
pub(super) fn create(reader: &mut Reader<'_>) -> Result<Definition> {
    let name = reader.identifier()?;
    let mut options = DatabaseOptions::default();
    reader.word("with");
    while !reader.at_end() {
        option(reader, &mut options)?;
    }
    Ok(Definition::CreateDatabase { name, options })
}

fn option(reader: &mut Reader<'_>, options: &mut DatabaseOptions) -> Result<()> {
    let option =
        if reader.words(&["connection", "limit"]) { "connection limit".to_owned() } else { reader.identifier()? };
    reader.token(&Token::Eq);
    if option == "owner" {
        // DEFAULT is whoever makes the database.
        if !reader.word("default") {
            options.owner = Some(role_name(reader)?);
        }
        return Ok(());
    }
    let value = value(reader)?;
    let Some(value) = value else { return Ok(()) };
    let folded = value.to_lowercase();
    let is_known = match option.as_str() {
        "template" => {
            options.template = Some(value);
            return Ok(());
        }
        "encoding" => ENCODINGS.contains(&folded.as_str()) || folded == "6",
        "locale" | "lc_collate" | "lc_ctype" => LOCALES.contains(&folded.as_str()),
        "locale_provider" => folded == "libc",
        "tablespace" => folded == "pg_default",
        "connection limit" => folded == "-1",
        "allow_connections" => ["true", "on", "1"].contains(&folded.as_str()),
        "is_template" => ["false", "off", "0"].contains(&folded.as_str()),
        "strategy" => ["wal_log", "file_copy"].contains(&folded.as_str()),
        _ => {
            let message = format!("option \"{option}\" not recognized");
            return Err(Error::new(SqlState::SYNTAX_ERROR, message));
        }
    };
    if is_known { Ok(()) } else { Err(Error::unsupported(format!("CREATE DATABASE with {option} {value}"))) }
}

/// A word, string or number; None for DEFAULT.
fn value(reader: &mut Reader<'_>) -> Result<Option<String>> {
    if reader.word("default") {
        return Ok(None);
    }
    let sign = if reader.token(&Token::Minus) { "-" } else { "" };
    match reader.peek() {
        Some(Token::Number(digits, _)) => {
            let number = format!("{sign}{digits}");
            reader.advance();
            Ok(Some(number))
        }
        Some(Token::SingleQuotedString(_)) => reader.string().map(Some),
        _ => reader.identifier().map(Some),
    }
}

/// What follows ALTER DATABASE.
pub(super) fn alter(reader: &mut Reader<'_>) -> Result<Definition> {
    let name = reader.identifier()?;
    let change = if reader.words(&["rename", "to"]) {
        DatabaseChange::Rename(reader.identifier()?)
    } else if reader.words(&["owner", "to"]) {
        DatabaseChange::Owner(role_name(reader)?)
    } else if !reader.words(&["set", "tablespace"])
        && let Some(change) = role::setting_change(reader)?
    {
        DatabaseChange::Settings(change)
    } else {
        return Err(Error::unsupported("this form of ALTER DATABASE"));
    };
    Ok(Definition::AlterDatabase { name, change })
}

/// What follows DROP DATABASE.
pub(super) fn drop(reader: &mut Reader<'_>) -> Result<Definition> {
    let if_exists = reader.words(&["if", "exists"]);
    let name = reader.identifier()?;
    reader.word("with");
    let force = reader.token(&Token::LParen);
    if force {
        reader.expect_word("force")?;
        reader.expect_token(&Token::RParen)?;
    }
    Ok(Definition::DropDatabase { name, if_exists, force })
}
