//! SEARCH and CYCLE behind a query of WITH RECURSIVE, as one more query of the list, which selects what the clause names.

use datafusion::sql::sqlparser::tokenizer::{Token, TokenWithSpan};

use super::{Mender, is_space, is_word, marked};
use crate::error::Result;
use crate::statement::reader::syntax_error_near;

/// The names of such queries.
pub(crate) const SEARCH_DEPTH: &str = "search depth first";
pub(crate) const SEARCH_BREADTH: &str = "search breadth first";
pub(crate) const CYCLE: &str = "cycle";

/// Whether the word may begin such a clause.
pub(super) fn may_begin(word: &str) -> bool {
    word.eq_ignore_ascii_case("search") || word.eq_ignore_ascii_case("cycle")
}

impl Mender<'_> {
    /// Whether SEARCH or CYCLE stands here, behind a query in parentheses.
    pub(super) fn begins_path(&self, word: &str) -> bool {
        if !may_begin(word) || self.before() != Some(&Token::RParen) {
            return false;
        }
        let is_order =
            || self.words_follow(&["depth", "first", "by"]) || self.words_follow(&["breadth", "first", "by"]);
        let is_list = || {
            matches!(self.token(1), Some(Token::Word(_)))
                && self.token(2).is_some_and(|token| *token == Token::Comma || is_word(token, "set"))
        };
        if word.eq_ignore_ascii_case("search") { is_order() } else { is_list() }
    }

    /// `SEARCH … FIRST BY a, b SET c` selects c, a and b; `CYCLE a, b SET m TO 1 DEFAULT 2 USING p` selects m, p, 1, 2, a and b.
    pub(super) fn path(&mut self) -> Result<()> {
        let begin = self.tokens[self.at].clone();
        let cycles = is_word(&begin.token, "cycle");
        let name = match cycles {
            true => CYCLE,
            false if self.words_follow(&["depth"]) => SEARCH_DEPTH,
            false => SEARCH_BREADTH,
        };
        self.at = self.significant(if cycles { 1 } else { 4 });
        let mut columns = vec![self.path_name()?];
        while self.here_token() == Some(&Token::Comma) {
            self.at = self.significant(1);
            columns.push(self.path_name()?);
        }
        self.path_word("set")?;
        let mut selected = vec![vec![self.path_name()?]];
        if cycles {
            let literal = |word: &str| vec![TokenWithSpan { token: Token::make_keyword(word), span: begin.span }];
            let (mut found, mut otherwise) = (literal("TRUE"), literal("FALSE"));
            if self.here_token().is_some_and(|token| is_word(token, "to")) {
                self.at = self.significant(1);
                found = self.path_value("default")?;
                otherwise = self.path_value("using")?;
            } else {
                self.path_word("using")?;
            }
            selected.push(vec![self.path_name()?]);
            selected.extend([found, otherwise]);
        }
        selected.extend(columns.into_iter().map(|column| vec![column]));
        let span = begin.span;
        let mut keep = |token: Token| self.kept.push(TokenWithSpan { token, span });
        keep(Token::Comma);
        self.kept.push(marked(name.to_owned(), span));
        let mut keep = |token: Token| self.kept.push(TokenWithSpan { token, span });
        keep(Token::make_keyword("AS"));
        keep(Token::LParen);
        keep(Token::make_keyword("SELECT"));
        for (at, item) in selected.into_iter().enumerate() {
            if at > 0 {
                self.kept.push(TokenWithSpan { token: Token::Comma, span });
            }
            self.kept.extend(item);
        }
        self.kept.push(TokenWithSpan { token: Token::RParen, span });
        Ok(())
    }

    fn here_token(&self) -> Option<&Token> {
        self.tokens.get(self.at).map(|token| &token.token)
    }

    fn path_name(&mut self) -> Result<TokenWithSpan> {
        match self.tokens.get(self.at) {
            Some(token) if matches!(token.token, Token::Word(_)) => {
                let name = token.clone();
                self.at = self.significant(1);
                Ok(name)
            }
            _ => Err(self.unexpected_here()),
        }
    }

    fn path_word(&mut self, word: &str) -> Result<()> {
        if !self.here_token().is_some_and(|token| is_word(token, word)) {
            return Err(self.unexpected_here());
        }
        self.at = self.significant(1);
        Ok(())
    }

    /// A constant and the word behind it.
    fn path_value(&mut self, end: &str) -> Result<Vec<TokenWithSpan>> {
        let rest = &self.tokens[self.at..];
        let length = rest.iter().position(|token| is_word(&token.token, end) || token.token == Token::RParen);
        let Some(length) = length.filter(|length| *length > 0) else { return Err(self.unexpected_here()) };
        let value = rest[..length].to_vec();
        self.at += length;
        self.path_word(end)?;
        Ok(value)
    }

    fn unexpected_here(&self) -> crate::error::Error {
        match self.tokens[self.at.min(self.tokens.len())..].iter().find(|token| !is_space(&token.token)) {
            Some(token) if token.token != Token::EOF => {
                syntax_error_near(self.text, &token.token.to_string(), token.span.start)
            }
            _ => crate::error::Error::new(crate::error::SqlState::SYNTAX_ERROR, "syntax error at end of input"),
        }
    }
}
