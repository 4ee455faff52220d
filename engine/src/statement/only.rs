//! `ONLY` before a table in FROM, UPDATE and DELETE: `sqlparser` takes it for the table's name.
//!
//! It is taken out of the tokens, and whoever needs to know looks at the text before the name: only a partitioned table
//! means something else without its partitions.

use std::borrow::Cow;

use datafusion::sql::sqlparser::tokenizer::{Location, Token, TokenWithSpan, Whitespace};

use super::parse::position_in;
use crate::error::{Error, Result};

/// What may stand before `ONLY` and a table.
const BEFORE: [&str; 4] = ["from", "join", "update", "using"];
/// Statements that have a grammar of their own for it.
const ELSEWHERE: [&str; 4] = ["alter", "create", "lock", "truncate"];

/// The tokens of a statement without such words.
pub(super) fn without_only(tokens: &[TokenWithSpan]) -> Result<Cow<'_, [TokenWithSpan]>> {
    let is = |token: &Token, word: &str| matches!(token, Token::Word(own) if own.quote_style.is_none() && own.value.eq_ignore_ascii_case(word));
    let mut words = tokens.iter().filter(|token| !matches!(token.token, Token::Whitespace(_)));
    let elsewhere = words.next().is_some_and(|first| ELSEWHERE.iter().any(|word| is(&first.token, word)));
    if elsewhere || !tokens.iter().any(|token| is(&token.token, "only")) {
        return Ok(tokens.into());
    }
    let mut kept: Vec<TokenWithSpan> = Vec::with_capacity(tokens.len());
    let mut before: Option<&Token> = None;
    for (at, token) in tokens.iter().enumerate() {
        let follows =
            before.is_some_and(|before| *before == Token::Comma || BEFORE.iter().any(|word| is(before, word)));
        if !matches!(token.token, Token::Whitespace(_)) {
            before = Some(&token.token);
        }
        if !follows || !is(&token.token, "only") {
            kept.push(token.clone());
            continue;
        }
        // The name is looked for right before, so nothing but space may stand between.
        let rest = tokens[at + 1..].iter().map(|token| &token.token);
        let is_space = |token: &&Token| {
            matches!(token, Token::Whitespace(Whitespace::Space | Whitespace::Tab | Whitespace::Newline))
        };
        if !matches!(rest.clone().find(|token| !is_space(token)), Some(Token::Word(_))) {
            return Err(Error::unsupported("ONLY with parentheses or a comment before the table"));
        }
    }
    Ok(kept.into())
}

/// Whether `ONLY` stands before a name that begins there in the text.
pub(crate) fn is_after_only(text: &str, name: Location) -> bool {
    let Some(position) = position_in(text, name) else { return false };
    let start = text.char_indices().nth(position - 1).map_or(text.len(), |(start, _)| start);
    let before = text[..start].trim_end();
    let Some(rest) = before.len().checked_sub("only".len()).and_then(|at| before.split_at_checked(at)) else {
        return false;
    };
    let stands_alone = !rest.0.ends_with(|last: char| last.is_alphanumeric() || last == '_');
    stands_alone && rest.1.eq_ignore_ascii_case("only") && before.len() < start
}

#[cfg(test)]
mod tests {
    use crate::statement::{Statement, parse_single};

    use super::*;

    #[test]
    fn only_is_read_before_a_table_and_nowhere_else() {
        let check = |sql: &str| assert!(parse_single(sql).is_ok(), "{sql}");
        check("SELECT * FROM ONLY t x JOIN ONLY s.u USING (a), only v");
        check("UPDATE ONLY t SET a = 1");
        check("DELETE FROM ONLY t USING ONLY u");
        check("SELECT * FROM t FETCH FIRST 1 ROW ONLY");
        assert!(parse_single("SELECT * FROM ONLY (t)").is_err());
        let Ok(Some(Statement::Query(query))) = parse_single("SELECT 1 FROM ONLY t") else { panic!("a query") };
        assert_eq!(query.to_string(), "SELECT 1 FROM t");
    }

    #[test]
    fn the_text_before_a_name_tells() {
        let at = |text: &str, column| is_after_only(text, Location { line: 1, column });
        assert!(at("FROM ONLY t", 11));
        assert!(at("FROM only  \"t\"", 12));
        assert!(!at("FROM t", 6));
        assert!(!at("FROM commonly t", 15));
    }
}
