//! `TRIM(BOTH FROM text)`: `sqlparser` wants to know what is trimmed. Without the FROM it takes spaces, as SQL does.

use std::borrow::Cow;

use datafusion::sql::sqlparser::tokenizer::{Token, TokenWithSpan};

/// The tokens of a statement without such a FROM.
pub(super) fn without_from(tokens: Cow<'_, [TokenWithSpan]>) -> Cow<'_, [TokenWithSpan]> {
    let is = |token: &Token, words: &[&str]| matches!(token, Token::Word(own) if own.quote_style.is_none() && words.iter().any(|word| own.value.eq_ignore_ascii_case(word)));
    if !tokens.iter().any(|token| is(&token.token, &["trim"])) {
        return tokens;
    }
    // The last three tokens that are no space, the latest last.
    let mut before: [Option<&Token>; 3] = [None; 3];
    let mut kept = Vec::with_capacity(tokens.len());
    for token in tokens.iter() {
        if matches!(token.token, Token::Whitespace(_)) {
            kept.push(token.clone());
            continue;
        }
        let sides = ["both", "leading", "trailing"];
        let opens = |name: Option<&Token>, parenthesis: Option<&Token>| {
            name.is_some_and(|name| is(name, &["trim"])) && parenthesis == Some(&Token::LParen)
        };
        let [first, second, third] = before;
        let sided = opens(first, second) && third.is_some_and(|side| is(side, &sides));
        before = [second, third, Some(&token.token)];
        if !(is(&token.token, &["from"]) && (sided || opens(second, third))) {
            kept.push(token.clone());
        }
    }
    kept.into()
}
