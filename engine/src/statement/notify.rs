//! LISTEN, UNLISTEN and NOTIFY.

use datafusion::sql::sqlparser::tokenizer::Token;

use super::Statement;
use super::live::listen_for;
use super::reader::Reader;
use crate::error::Result;
use crate::plan::bind::NAME_BYTES_MAX;
use crate::types::text::is_key_word;

/// Key words that may name a column, and a channel, all the same.
const COLUMN_WORDS: &[&str] = &[
    "between",
    "bigint",
    "bit",
    "boolean",
    "char",
    "character",
    "coalesce",
    "dec",
    "decimal",
    "exists",
    "extract",
    "float",
    "greatest",
    "grouping",
    "inout",
    "int",
    "integer",
    "interval",
    "least",
    "national",
    "nchar",
    "none",
    "normalize",
    "nullif",
    "numeric",
    "out",
    "overlay",
    "position",
    "precision",
    "real",
    "row",
    "setof",
    "smallint",
    "substring",
    "time",
    "timestamp",
    "treat",
    "trim",
    "values",
    "varchar",
    "xmlattributes",
    "xmlconcat",
    "xmlelement",
    "xmlexists",
    "xmlforest",
    "xmlnamespaces",
    "xmlparse",
    "xmlpi",
    "xmlroot",
    "xmlserialize",
    "xmltable",
];

/// Behind LISTEN: a channel, and perhaps a query to follow under its name.
pub(super) fn listen(text: &str, reader: &mut Reader) -> Result<Statement> {
    let channel = channel(reader)?;
    let live = listen_for(text, reader, &channel)?;
    Ok(live.unwrap_or(Statement::Listen(channel)))
}

/// Behind UNLISTEN.
pub(super) fn unlisten(reader: &mut Reader) -> Result<Statement> {
    if reader.token(&Token::Mul) {
        return Ok(Statement::Unlisten(None));
    }
    Ok(Statement::Unlisten(Some(channel(reader)?)))
}

/// Behind NOTIFY.
pub(super) fn notify(reader: &mut Reader) -> Result<Statement> {
    let channel = channel(reader)?;
    let payload = if reader.token(&Token::Comma) { reader.string()? } else { String::new() };
    Ok(Statement::Notify { channel, payload })
}

/// The name of a channel, which is an identifier as that of a column.
fn channel(reader: &mut Reader) -> Result<String> {
    if let Some(Token::Word(word)) = reader.peek()
        && word.quote_style.is_none()
    {
        let name = word.value.to_ascii_lowercase();
        if is_key_word(&name) && !COLUMN_WORDS.contains(&name.as_str()) {
            return Err(reader.syntax_error());
        }
    }
    Ok(cut(reader.identifier()?))
}

/// An identifier without what is beyond the longest there may be.
fn cut(mut name: String) -> String {
    name.truncate(name.floor_char_boundary(NAME_BYTES_MAX));
    name
}
