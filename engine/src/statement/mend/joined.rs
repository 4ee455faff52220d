//! Joins nested without parentheses: `a JOIN b JOIN c ON x ON y` is `a JOIN (b JOIN c ON x) ON y`. The parser reads only
//! the latter.

use datafusion::sql::sqlparser::keywords::Keyword;
use datafusion::sql::sqlparser::tokenizer::{Token, TokenWithSpan};

use super::is_space;

/// A join whose condition is still to come.
struct Open {
    /// Where what it joins begins.
    from: usize,
    /// Whether another join stands before its condition.
    nested: bool,
}

/// The same tokens with parentheses around nested joins; None if there are none.
pub(super) fn in_parentheses(tokens: &[TokenWithSpan]) -> Option<Vec<TokenWithSpan>> {
    let is_join = |token: &TokenWithSpan| keyword(&token.token) == Some(Keyword::JOIN);
    tokens.iter().filter(|token| is_join(token)).nth(1)?;
    let insertions = insertions(tokens);
    if insertions.is_empty() {
        return None;
    }
    let mut written = Vec::with_capacity(tokens.len() + insertions.len());
    let mut insertions = insertions.into_iter().peekable();
    for (at, token) in tokens.iter().enumerate() {
        while let Some((_, parenthesis)) = insertions.next_if(|(place, _)| *place == at) {
            written.push(TokenWithSpan { token: parenthesis, span: token.span });
        }
        written.push(token.clone());
    }
    Some(written)
}

/// The parentheses that are wanted, and before which tokens.
fn insertions(tokens: &[TokenWithSpan]) -> Vec<(usize, Token)> {
    let mut wanted: Vec<(usize, Token)> = Vec::new();
    // The joins of each level of parentheses.
    let mut levels: Vec<Vec<Open>> = vec![Vec::new()];
    // What stood before, the last of it at the end.
    let mut before: [Option<Keyword>; 3] = [None; 3];
    for (at, TokenWithSpan { token, .. }) in tokens.iter().enumerate() {
        if is_space(token) {
            continue;
        }
        let word = keyword(token);
        match token {
            Token::LParen => levels.push(Vec::new()),
            Token::RParen => {
                levels.pop();
            }
            _ => {
                if let Some(open) = levels.last_mut() {
                    wanted.extend(place(open, (token, word), before, at));
                }
            }
        }
        before = [before[1], before[2], word];
    }
    wanted.sort_by_key(|(at, _)| *at);
    wanted
}

/// Notes what a token says of the joins of its level; answers the parentheses around a nested one that is complete.
fn place(
    open: &mut Vec<Open>,
    (token, word): (&Token, Option<Keyword>),
    before: [Option<Keyword>; 3],
    at: usize,
) -> Vec<(usize, Token)> {
    use Keyword as K;
    match word {
        Some(K::JOIN) => {
            if let Some(outer) = open.last_mut() {
                outer.nested = true;
            }
            if !needs_no_condition(before) {
                open.push(Open { from: at + 1, nested: false });
            }
        }
        Some(K::ON | K::USING) => {
            if let Some(Open { from, nested: true }) = open.pop() {
                return vec![(from, Token::LParen), (at, Token::RParen)];
            }
        }
        Some(
            K::SELECT | K::WHERE | K::GROUP | K::HAVING | K::WINDOW | K::ORDER | K::UNION | K::INTERSECT | K::EXCEPT,
        ) => open.clear(),
        _ if matches!(token, Token::Comma | Token::SemiColon) => open.clear(),
        _ => {}
    }
    Vec::new()
}

/// Whether the words before JOIN say that no condition follows.
fn needs_no_condition(before: [Option<Keyword>; 3]) -> bool {
    matches!(
        before,
        [_, _, Some(Keyword::CROSS | Keyword::NATURAL)]
            | [_, Some(Keyword::NATURAL), Some(Keyword::INNER | Keyword::LEFT | Keyword::RIGHT | Keyword::FULL)]
            | [Some(Keyword::NATURAL), _, Some(Keyword::OUTER)]
    )
}

fn keyword(token: &Token) -> Option<Keyword> {
    match token {
        Token::Word(word) if word.quote_style.is_none() => Some(word.keyword),
        _ => None,
    }
}
