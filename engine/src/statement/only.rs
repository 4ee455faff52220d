//! `ONLY` before a table in FROM, UPDATE and DELETE: `sqlparser` takes it for the table's name.
//!
//! It is taken out of the tokens, and whoever needs to know looks at the text before the name: only a table that has
//! others beneath it means something else without them. `t *`, which says that those are meant too, is `t`.

use std::borrow::Cow;

use datafusion::sql::sqlparser::tokenizer::{Location, Token, TokenWithSpan, Whitespace};

use super::parse::position_in;
use super::reader::syntax_error_near;
use crate::error::{Error, Result};

/// What may stand before `ONLY` and a table.
const BEFORE: [&str; 4] = ["from", "join", "update", "using"];
/// Statements that have a grammar of their own for it.
const ELSEWHERE: [&str; 4] = ["alter", "create", "lock", "truncate"];

/// The tokens of a statement without such words.
pub(super) fn without_only<'t>(text: &str, tokens: &'t [TokenWithSpan]) -> Result<Cow<'t, [TokenWithSpan]>> {
    let is = |token: &Token, word: &str| matches!(token, Token::Word(own) if own.quote_style.is_none() && own.value.eq_ignore_ascii_case(word));
    let mut words = tokens.iter().filter(|token| !matches!(token.token, Token::Whitespace(_)));
    let elsewhere = words.next().is_some_and(|first| ELSEWHERE.iter().any(|word| is(&first.token, word)));
    if elsewhere || !tokens.iter().any(|token| is(&token.token, "only")) {
        return Ok(tokens.into());
    }
    let mut kept: Vec<TokenWithSpan> = Vec::with_capacity(tokens.len());
    let (mut before, mut earlier): (Option<&Token>, Option<&Token>) = (None, None);
    // Places of parentheses around a name.
    let mut left_out: Vec<usize> = Vec::new();
    for (at, token) in tokens.iter().enumerate() {
        if left_out.contains(&at) {
            continue;
        }
        let merges =
            before.is_some_and(|before| is(before, "into")) && earlier.is_some_and(|earlier| is(earlier, "merge"));
        let inserts =
            before.is_some_and(|before| is(before, "into")) && earlier.is_some_and(|earlier| is(earlier, "insert"));
        if inserts && is(&token.token, "only") {
            return Err(syntax_error_near(text, &token.token.to_string(), token.span.start));
        }
        let follows = merges
            || before.is_some_and(|before| *before == Token::Comma || BEFORE.iter().any(|word| is(before, word)));
        if !matches!(token.token, Token::Whitespace(_)) {
            earlier = before.replace(&token.token);
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
        match rest
            .clone()
            .position(|token| !is_space(&token))
            .and_then(|next| tokens.get(at + 1 + next).map(|_| at + 1 + next))
        {
            Some(open) if tokens[open].token == Token::LParen => {
                let close = tokens[open..].iter().position(|token| token.token == Token::RParen);
                left_out.extend([Some(open), close.map(|close| open + close)].into_iter().flatten());
            }
            Some(next) if matches!(tokens[next].token, Token::Word(_)) => {}
            _ => return Err(Error::unsupported("ONLY with a comment before the table")),
        }
    }
    Ok(kept.into())
}

/// What a level of parentheses is in.
#[derive(Clone, Copy, PartialEq)]
enum Level {
    /// No query: FROM is a word of a function there.
    Expression,
    Query,
    /// Between FROM and the next clause.
    From,
}

/// The tokens of a statement without the stars behind tables' names.
pub(super) fn without_stars(tokens: &[TokenWithSpan]) -> Cow<'_, [TokenWithSpan]> {
    let is_word = |token: &TokenWithSpan| matches!(token.token, Token::Word(_));
    let significant = || tokens.iter().filter(|token| !matches!(token.token, Token::Whitespace(_)));
    let follows_word = |(one, next): (&TokenWithSpan, &TokenWithSpan)| is_word(one) && next.token == Token::Mul;
    if !significant().zip(significant().skip(1)).any(follows_word) {
        return tokens.into();
    }
    let mut kept: Vec<TokenWithSpan> = Vec::with_capacity(tokens.len());
    let mut levels = vec![Level::Query];
    // Whether a table's name is awaited, or just ended.
    let (mut awaited, mut named) = (false, false);
    for token in tokens {
        let level = levels.last().copied().unwrap_or(Level::Query);
        let mut next_named = false;
        match &token.token {
            Token::Whitespace(_) => next_named = named,
            Token::Mul if named => {
                named = false;
                continue;
            }
            Token::LParen => levels.push(Level::Expression),
            Token::RParen => drop(levels.pop()),
            Token::Comma => awaited = level == Level::From,
            Token::Period => awaited = named,
            Token::Word(word) => {
                let starts = |words: &[&str]| {
                    word.quote_style.is_none() && words.iter().any(|other| word.value.eq_ignore_ascii_case(other))
                };
                if starts(&["select", "delete", "update", "insert"]) {
                    awaited = starts(&["update"]);
                    set_level(&mut levels, Level::Query);
                } else if level != Level::Expression && starts(&["from", "join"])
                    || level == Level::From && starts(&["using"])
                {
                    awaited = true;
                    set_level(&mut levels, Level::From);
                } else if level == Level::From
                    && starts(&["where", "group", "order", "having", "limit", "set", "returning"])
                {
                    set_level(&mut levels, Level::Query);
                } else if !starts(&["only", "lateral"]) {
                    next_named = std::mem::take(&mut awaited);
                }
            }
            _ => awaited = false,
        }
        named = next_named;
        kept.push(token.clone());
    }
    kept.into()
}

fn set_level(levels: &mut [Level], level: Level) {
    if let Some(last) = levels.last_mut() {
        *last = level;
    }
}

/// Whether `ONLY` stands before a name that begins there in the text.
pub(crate) fn is_after_only(text: &str, name: Location) -> bool {
    let Some(position) = position_in(text, name) else { return false };
    let start = text.char_indices().nth(position - 1).map_or(text.len(), |(start, _)| start);
    let before = text[..start].trim_end_matches(|c: char| c.is_whitespace() || c == '(');
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
        check("SELECT * FROM ONLY (t)");
        check("MERGE INTO ONLY t x USING u JOIN v ON u.a = v.a ON x.a = u.a WHEN MATCHED THEN DELETE");
        check("SELECT * FROM t*, u * x JOIN s.v* USING (a) WHERE a * b > 0");
        check("SELECT a, b * c, substring(d from e * f) FROM t");
        check("UPDATE t* SET a = a * b");
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
