//! `FOR UPDATE LIMIT 1` as `LIMIT 1 FOR UPDATE`: either may stand first, and the parser knows one order.

use datafusion::sql::sqlparser::keywords::Keyword;
use datafusion::sql::sqlparser::tokenizer::{Token, TokenWithSpan};

use super::is_space;

/// The tokens with what counts rows before what locks them; None if that is so already.
pub(super) fn behind_limits(tokens: &[TokenWithSpan]) -> Option<Vec<TokenWithSpan>> {
    let mut moved: Option<Vec<TokenWithSpan>> = None;
    let mut at = 0;
    while at < tokens.len() {
        if begins_lock(tokens, at) {
            let end = end_of_query(tokens, at);
            if let Some(limit) = outermost(tokens, at, end, counts_rows) {
                let next = outermost(tokens, limit, end, begins_lock).unwrap_or(end);
                let now = moved.get_or_insert_with(|| tokens.to_vec());
                now[at..next].rotate_left(limit - at);
                at = next;
                continue;
            }
        }
        at += 1;
    }
    moved
}

fn keyword(tokens: &[TokenWithSpan], at: usize) -> Option<Keyword> {
    match &tokens.get(at)?.token {
        Token::Word(word) if word.quote_style.is_none() => Some(word.keyword),
        _ => None,
    }
}

/// Whether `FOR UPDATE` or one of its kin begins here.
fn begins_lock(tokens: &[TokenWithSpan], at: usize) -> bool {
    let next = || (at + 1..tokens.len()).find(|next| !is_space(&tokens[*next].token));
    keyword(tokens, at) == Some(Keyword::FOR)
        && next()
            .and_then(|next| keyword(tokens, next))
            .is_some_and(|word| matches!(word, Keyword::UPDATE | Keyword::SHARE | Keyword::NO | Keyword::KEY))
}

fn counts_rows(tokens: &[TokenWithSpan], at: usize) -> bool {
    matches!(keyword(tokens, at), Some(Keyword::LIMIT | Keyword::OFFSET | Keyword::FETCH))
}

/// Where the parentheses around a place close, or the statement ends.
fn end_of_query(tokens: &[TokenWithSpan], from: usize) -> usize {
    let mut depth = 0;
    for (at, token) in tokens.iter().enumerate().skip(from) {
        match token.token {
            Token::LParen => depth += 1,
            Token::RParen if depth == 0 => return at,
            Token::RParen => depth -= 1,
            Token::SemiColon if depth == 0 => return at,
            _ => {}
        }
    }
    tokens.len()
}

/// The first place behind `from`, in no parentheses, that is wanted.
fn outermost(
    tokens: &[TokenWithSpan],
    from: usize,
    end: usize,
    wanted: impl Fn(&[TokenWithSpan], usize) -> bool,
) -> Option<usize> {
    let mut depth = 0;
    (from + 1..end).find(|at| {
        match tokens[*at].token {
            Token::LParen => depth += 1,
            Token::RParen => depth -= 1,
            _ => {}
        }
        depth == 0 && wanted(tokens, *at)
    })
}
