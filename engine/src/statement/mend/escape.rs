//! ESCAPE of LIKE with more than a literal behind it: the pattern and what is behind ESCAPE become arguments of the
//! function that PostgreSQL makes of them.

use datafusion::sql::sqlparser::keywords::Keyword;
use datafusion::sql::sqlparser::tokenizer::{Token, TokenWithSpan};

use super::{Mender, is_space};

impl Mender<'_> {
    /// `x LIKE p ESCAPE 'e'::bytea` is `x LIKE pg_catalog.like_escape(p, 'e'::bytea)`.
    pub(super) fn escape(&mut self) {
        let first = self.significant(1);
        let Some(end) = self.operand_end(first) else { return self.keep_one() };
        let literal = end == first + 1
            && match &self.tokens[first].token {
                Token::Word(word) => word.keyword == Keyword::NULL,
                Token::LParen => false,
                _ => true,
            };
        let Some(pattern) = self.pattern_start().filter(|_| !literal) else { return self.keep_one() };
        let span = self.tokens[self.at].span;
        let here = |token: Token| TokenWithSpan { token, span };
        let call =
            [Token::make_word("pg_catalog", None), Token::Period, Token::make_word("like_escape", None), Token::LParen];
        drop(self.kept.splice(pattern..pattern, call.map(here)));
        self.kept.push(here(Token::Comma));
        self.at = first;
        self.keep_to(end);
        self.kept.push(here(Token::RParen));
    }

    /// Where values end that begin at a place, put together by `||`.
    fn operand_end(&self, first: usize) -> Option<usize> {
        let mut end = self.value_end(first)?;
        loop {
            let next = self.behind_space(end);
            if self.tokens.get(next).is_none_or(|token| token.token != Token::StringConcat) {
                return Some(end);
            }
            end = self.value_end(self.behind_space(next + 1))?;
        }
    }

    /// Where the value ends that begins at a place, its conversions included.
    fn value_end(&self, first: usize) -> Option<usize> {
        let mut end = match &self.tokens.get(first)?.token {
            Token::LParen => self.closing(first)? + 1,
            Token::Word(_) => self.name_end(first)?,
            Token::SingleQuotedString(_)
            | Token::EscapedStringLiteral(_)
            | Token::DollarQuotedString(_)
            | Token::Placeholder(_) => first + 1,
            _ => return None,
        };
        loop {
            let next = self.behind_space(end);
            if self.tokens.get(next).is_none_or(|token| token.token != Token::DoubleColon) {
                return Some(end);
            }
            end = self.name_end(self.behind_space(next + 1))?;
        }
    }

    /// Where a name ends that may be qualified, and have something in parentheses behind it.
    fn name_end(&self, first: usize) -> Option<usize> {
        let mut end = first;
        loop {
            let Token::Word(_) = &self.tokens.get(end)?.token else { return None };
            end += 1;
            match self.tokens.get(end).map(|token| &token.token) {
                Some(Token::Period) => end += 1,
                Some(Token::LParen) => return Some(self.closing(end)? + 1),
                _ => return Some(end),
            }
        }
    }

    fn behind_space(&self, from: usize) -> usize {
        let mut others = (from..self.tokens.len()).filter(|at| !is_space(&self.tokens[*at].token));
        others.next().unwrap_or(self.tokens.len())
    }

    /// Where, in what was taken over, the pattern of LIKE begins that reaches to ESCAPE here.
    fn pattern_start(&self) -> Option<usize> {
        let is_like = |token: &Token| {
            matches!(token, Token::Word(word)
                if word.quote_style.is_none() && matches!(word.keyword, Keyword::LIKE | Keyword::ILIKE))
        };
        let like = self.tokens[..self.at].iter().rposition(|token| is_like(&token.token))?;
        let end = self.operand_end(self.behind_space(like + 1))?;
        let place = self.tokens[like].span;
        let kept = self.kept.iter().rposition(|token| token.span == place)?;
        (self.behind_space(end) == self.at).then_some(kept + 1)
    }
}
