//! Column definitions of a function without an alias: `f(…) AS (a int)` is `f(…) AS f (a int)`.

use datafusion::sql::sqlparser::keywords::Keyword;
use datafusion::sql::sqlparser::tokenizer::{Token, TokenWithSpan};

use super::{Mender, is_space};

/// Whether AS stands there between a closing parenthesis and a list of names with types. What WITH, CREATE VIEW and PREPARE
/// have there is a query.
pub(super) fn begins_list(tokens: &[TokenWithSpan], at: usize) -> bool {
    if !matches!(&tokens[at].token, Token::Word(word) if word.keyword == Keyword::AS && word.quote_style.is_none()) {
        return false;
    }
    let before = tokens[..at].iter().rev().map(|token| &token.token).find(|token| !is_space(token));
    let mut behind = tokens[at + 1..].iter().map(|token| &token.token).filter(|token| !is_space(token));
    let is_query = |keyword: Keyword| {
        matches!(
            keyword,
            Keyword::SELECT
                | Keyword::VALUES
                | Keyword::WITH
                | Keyword::TABLE
                | Keyword::INSERT
                | Keyword::UPDATE
                | Keyword::DELETE
                | Keyword::MERGE
        )
    };
    before == Some(&Token::RParen)
        && behind.next() == Some(&Token::LParen)
        && matches!(behind.next(), Some(Token::Word(name)) if name.quote_style.is_some() || !is_query(name.keyword))
        && matches!(behind.next(), Some(Token::Word(_)))
}

impl Mender<'_> {
    /// Gives the function its own name for an alias.
    pub(super) fn definitions(&mut self) {
        let span = self.tokens[self.at].span;
        self.keep_to(self.at + 1);
        let mut depth = 0_usize;
        let before = self.kept.iter().rev().skip(1).map(|token| &token.token).filter(|token| !is_space(token));
        let mut before = before.skip_while(|token| {
            match token {
                Token::RParen => depth += 1,
                Token::LParen => depth -= 1,
                _ => {}
            }
            depth > 0
        });
        // The opening parenthesis, and the function's name.
        if let Some(name @ Token::Word(_)) = before.nth(1).cloned() {
            self.kept.push(TokenWithSpan { token: name, span });
        }
    }
}
