//! Live queries: `LISTEN channel [(options)] FOR query` and `LIVE [(options)] SELECT …`.

use datafusion::sql::sqlparser::tokenizer::Token;

use super::Statement;
use super::parse::parse_tokens;
use super::reader::Reader;
use super::utility::{setting_value, switch};
use crate::error::{Error, Result, SqlState};
use crate::plan::bind::modify::body_write;

/// A query whose answer a client follows.
#[derive(Debug, Clone)]
pub struct LiveStatement {
    /// None: the server names it.
    pub channel: Option<String>,
    pub options: LiveOptions,
    /// What stands behind FOR, or behind LIVE.
    pub text: String,
    pub query: Box<Statement>,
}

/// What stands in the parentheses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LiveOptions {
    /// The commit up to which the client has followed the answer before.
    pub since: Option<u64>,
    /// The history that `since` is of.
    pub timeline: Option<String>,
    /// Whether the rows that there are now are answered.
    pub initial: bool,
    /// Only so many of them, the last ones.
    pub last_rows: Option<u64>,
}

impl Default for LiveOptions {
    fn default() -> Self {
        Self { since: None, timeline: None, initial: true, last_rows: None }
    }
}

/// What follows the channel of a LISTEN; None if nothing does.
pub(super) fn listen_for(text: &str, reader: &mut Reader, channel: &str) -> Result<Option<Statement>> {
    if !reader.peek_word("for") && reader.peek() != Some(&Token::LParen) {
        return Ok(None);
    }
    let options = options(reader)?;
    reader.expect_word("for")?;
    live(text, reader, Some(channel.to_owned()), options).map(Some)
}

/// LIVE, after that word.
pub(super) fn live_select(text: &str, reader: &mut Reader) -> Result<Statement> {
    // What stands in parentheses may also be the query.
    let starts_query =
        |reader: &Reader| ["select", "with", "values", "table"].iter().any(|word| reader.peek_word(word));
    let mut inside = reader.clone();
    let has_options = inside.token(&Token::LParen) && !starts_query(&inside) && inside.peek() != Some(&Token::LParen);
    let options = if has_options { options(reader)? } else { LiveOptions::default() };
    live(text, reader, None, options)
}

fn live(text: &str, reader: &mut Reader, channel: Option<String>, options: LiveOptions) -> Result<Statement> {
    let (start, refusal) = (reader.place(), reader.syntax_error());
    let query = parse_tokens(text, reader.rest())?;
    reader.skip_rest();
    if !matches!(&query, Statement::Query(query) if body_write(query).is_none()) {
        return Err(refusal);
    }
    let text = reader.text_between(start, reader.place()).trim_end().to_owned();
    Ok(Statement::Live(Box::new(LiveStatement { channel, options, text, query: Box::new(query) })))
}

fn options(reader: &mut Reader) -> Result<LiveOptions> {
    let mut options = LiveOptions::default();
    if !reader.token(&Token::LParen) {
        return Ok(options);
    }
    let mut named: Vec<String> = Vec::new();
    loop {
        let name = reader.identifier()?;
        if named.contains(&name) {
            return Err(Error::new(SqlState::SYNTAX_ERROR, "conflicting or redundant options"));
        }
        let value = if reader.token(&Token::Eq) { Some(setting_value(reader)?) } else { None };
        let value = value.as_deref();
        match name.as_str() {
            "since" => options.since = Some(count(&name, value)?),
            "last_rows" => options.last_rows = Some(count(&name, value)?),
            "timeline" => options.timeline = Some(value.ok_or_else(|| no_value(&name))?.to_owned()),
            "initial" => options.initial = switch(&name, &value.unwrap_or("true").to_lowercase())?,
            _ => {
                let message = format!("unrecognized LISTEN option \"{name}\"");
                return Err(Error::new(SqlState::INVALID_PARAMETER_VALUE, message));
            }
        }
        named.push(name);
        if !reader.token(&Token::Comma) {
            break;
        }
    }
    reader.expect_token(&Token::RParen)?;
    Ok(options)
}

fn no_value(name: &str) -> Error {
    Error::new(SqlState::INVALID_PARAMETER_VALUE, format!("LISTEN option \"{name}\" requires a value"))
}

/// A number that is not negative and that a bigint holds.
fn count(name: &str, value: Option<&str>) -> Result<u64> {
    let value = value.ok_or_else(|| no_value(name))?;
    value.parse().ok().filter(|count| i64::try_from(*count).is_ok()).ok_or_else(|| {
        let message = format!("invalid value for LISTEN option \"{name}\": \"{value}\"");
        Error::new(SqlState::INVALID_PARAMETER_VALUE, message)
    })
}

#[cfg(test)]
mod tests {
    use super::super::parse_single;
    use super::*;

    fn parsed(sql: &str) -> Result<LiveStatement> {
        match parse_single(sql)? {
            Some(Statement::Live(live)) => Ok(*live),
            other => panic!("not a live query: {other:?}"),
        }
    }

    #[test]
    fn options_and_text_are_read() {
        let live = parsed("listen Room7 (since = 47, initial = off, last_rows = 3) for select 1 from t ;").unwrap();
        assert_eq!(live.channel.as_deref(), Some("room7"));
        assert_eq!(live.text, "select 1 from t");
        let options = LiveOptions { since: Some(47), timeline: None, initial: false, last_rows: Some(3) };
        assert_eq!(live.options, options);
        assert_eq!(parsed("LIVE SELECT 1").unwrap().channel, None);
        assert_eq!(parsed("LIVE (SELECT 1)").unwrap().text, "(SELECT 1)");
        assert!(!parsed("LIVE (initial = false) SELECT 1").unwrap().options.initial);
    }

    #[test]
    fn what_is_no_query_or_no_option_is_refused() {
        for (sql, state) in [
            ("LISTEN a FOR DELETE FROM t", SqlState::SYNTAX_ERROR),
            ("LISTEN a FOR", SqlState::SYNTAX_ERROR),
            ("LISTEN a (b = 1) FOR SELECT 1", SqlState::INVALID_PARAMETER_VALUE),
            ("LISTEN a (since = x) FOR SELECT 1", SqlState::INVALID_PARAMETER_VALUE),
            ("LISTEN a (since = -1) FOR SELECT 1", SqlState::INVALID_PARAMETER_VALUE),
            ("LISTEN a (since) FOR SELECT 1", SqlState::INVALID_PARAMETER_VALUE),
            ("LISTEN a (initial = false, initial = true) FOR SELECT 1", SqlState::SYNTAX_ERROR),
        ] {
            assert_eq!(parse_single(sql).unwrap_err().sql_state(), state, "{sql}");
        }
    }
}
