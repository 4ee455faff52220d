//! Constraints: NO INHERIT behind a check, and EXCLUDE, which is refused by its name.

use datafusion::sql::sqlparser::tokenizer::{Token, TokenWithSpan, Whitespace};

use super::{Mender, is_space, is_word};

impl Mender<'_> {
    /// `CHECK (…) NO INHERIT` is one that is not enforced, which PostgreSQL 15 does not have.
    pub(super) fn no_inherit(&mut self) {
        let end = self.significant(1);
        for (at, word) in [(self.at, "NOT"), (end, "ENFORCED")] {
            self.kept.push(TokenWithSpan { token: Token::make_keyword(word), span: self.tokens[at].span });
            self.kept.push(TokenWithSpan { token: Token::Whitespace(Whitespace::Space), span: self.tokens[at].span });
        }
        self.at = end + 1;
    }

    /// Whether EXCLUDE begins a constraint of CREATE or ALTER TABLE, a name of its own before it or not.
    pub(super) fn begins_exclusion(&self) -> bool {
        let verb = self.kept.iter().map(|token| &token.token).find(|token| !is_space(token));
        let defines = verb.is_some_and(|verb| is_word(verb, "create") || is_word(verb, "alter"));
        let begins = self.token(1) == Some(&Token::LParen) || self.words_follow(&["using"]);
        if !defines || !begins {
            return false;
        }
        let mut before = self.kept.iter().rev().map(|token| &token.token).filter(|token| !is_space(token));
        match before.next() {
            Some(Token::Comma | Token::LParen) => {
                let count = |paren: Token| self.kept.iter().filter(|token| token.token == paren).count();
                count(Token::LParen) == count(Token::RParen) + 1
            }
            Some(word) if is_word(word, "add") => true,
            Some(Token::Word(_)) => before.next().is_some_and(|token| is_word(token, "constraint")),
            _ => false,
        }
    }

    /// Whether NOT stands before, and what ends a constraint.
    pub(super) fn follows_no_check(&self) -> bool {
        const ENDS: [&str; 5] = ["unique", "key", "deferrable", "deferred", "immediate"];
        let mut before = self.kept.iter().rev().map(|token| &token.token).filter(|token| !is_space(token));
        let ends = |token: &Token| *token == Token::RParen || ENDS.iter().any(|word| is_word(token, word));
        before.next().is_some_and(|token| is_word(token, "not")) && before.next().is_some_and(ends)
    }
}
