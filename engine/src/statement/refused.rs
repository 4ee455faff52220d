//! Statements about what we do not have: refused by name, before their grammar is looked at.

use datafusion::sql::sqlparser::tokenizer::TokenWithSpan;

use super::reader::Reader;
use crate::error::{Error, Result};

/// Kinds of objects that cannot be made, changed or dropped.
const KINDS: &[&[&str]] = &[
    &["access", "method"],
    &["cast"],
    &["collation"],
    &["conversion"],
    &["event", "trigger"],
    &["foreign", "data", "wrapper"],
    &["foreign", "table"],
    &["language"],
    &["operator"],
    &["publication"],
    &["rule"],
    &["server"],
    &["statistics"],
    &["subscription"],
    &["tablespace"],
    &["text", "search"],
    &["transform"],
    &["user", "mapping"],
];

/// 0A000 for a statement that is about such an object.
pub(super) fn refuse(text: &str, tokens: &[TokenWithSpan]) -> Result<()> {
    let mut reader = Reader::new(text, tokens);
    let Some(verb) = ["create", "alter", "drop"].into_iter().find(|verb| reader.word(verb)) else { return Ok(()) };
    if verb == "create" {
        reader.words(&["or", "replace"]);
        reader.word("trusted");
        reader.word("procedural");
    }
    match KINDS.iter().find(|kind| reader.words(kind)) {
        Some(kind) => Err(Error::unsupported(format!("{verb} {}", kind.join(" ")).to_uppercase())),
        None => Ok(()),
    }
}
