//! CREATE USER TABLE, CREATE STREAM TABLE and CREATE SHARED TABLE: a word before TABLE says whose the rows are.

use datafusion::sql::sqlparser::tokenizer::TokenWithSpan;

use super::{Definition, NewTableAs, TableLike, left_out, parse, without_word};
use crate::catalog::TableClass;
use crate::error::{Error, Result};
use crate::statement::reader::Reader;

/// Reads CREATE TABLE with a class; None if the tokens are something else.
pub(super) fn create(text: &str, tokens: &[TokenWithSpan]) -> Result<Option<Definition>> {
    let mut reader = Reader::new(text, tokens);
    if !reader.word("create") {
        return Ok(None);
    }
    let Some(word) = ["user", "shared", "stream"].into_iter().find(|word| reader.word(word)) else { return Ok(None) };
    if !reader.word("table") {
        return Ok(None);
    }
    // What has a reader of its own: LIKE, AS and PARTITION OF.
    let other = parse(text, &left_out(tokens, word))?;
    let class = match word {
        "user" => TableClass::User,
        "stream" => TableClass::Stream,
        _ => TableClass::Shared,
    };
    match (class, other) {
        (TableClass::Shared, Some(definition)) => Ok(Some(definition)),
        (TableClass::Shared, None) => without_word(text, tokens, word).map(Definition::Parsed).map(Some),
        (_, None) => {
            without_word(text, tokens, word).map(|statement| Definition::TableOfClass(class, statement)).map(Some)
        }
        (_, Some(Definition::TableLike(like))) => {
            Ok(Some(Definition::TableLike(Box::new(TableLike { class, ..*like }))))
        }
        (_, Some(Definition::CreateTableAs(new))) => Ok(Some(Definition::CreateTableAs(NewTableAs { class, ..new }))),
        (_, Some(_)) => {
            let word = word.to_ascii_uppercase();
            Err(Error::unsupported(format!("CREATE {word} TABLE with PARTITION OF")))
        }
    }
}
