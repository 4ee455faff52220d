//! A cursor over one statement's tokens, for the statements whose grammar is ours.

use datafusion::sql::sqlparser::ast;
use datafusion::sql::sqlparser::parser::Parser;
use datafusion::sql::sqlparser::tokenizer::{Location, Token, TokenWithSpan};

use super::dialect::Postgres;
use super::parse::{offset_in, parser_error, position_in};
use crate::error::{Error, Result, SqlState};

/// Deepest nesting of expressions and subqueries that is parsed; deeper is 54001.
const NESTING_MAX: usize = 128;

/// Reads tokens, white space left out, from the front.
#[derive(Clone)]
pub(super) struct Reader<'a> {
    text: &'a str,
    tokens: &'a [TokenWithSpan],
    next: usize,
}

impl<'a> Reader<'a> {
    pub(super) fn new(text: &'a str, tokens: &'a [TokenWithSpan]) -> Self {
        let mut reader = Self { text, tokens, next: 0 };
        reader.skip_white_space();
        reader
    }

    fn skip_white_space(&mut self) {
        while matches!(self.tokens.get(self.next), Some(token) if matches!(token.token, Token::Whitespace(_))) {
            self.next += 1;
        }
    }

    pub(super) fn peek(&self) -> Option<&'a Token> {
        self.tokens.get(self.next).map(|token| &token.token)
    }

    pub(super) fn advance(&mut self) -> Option<&'a Token> {
        let token = self.tokens.get(self.next)?;
        self.next += 1;
        self.skip_white_space();
        Some(&token.token)
    }

    pub(super) fn at_end(&self) -> bool {
        self.next >= self.tokens.len()
    }

    /// Consumes an unquoted word if it is the given one, whatever its case.
    pub(super) fn word(&mut self, expected: &str) -> bool {
        if self.peek_word(expected) {
            self.advance();
            return true;
        }
        false
    }

    pub(super) fn peek_word(&self, expected: &str) -> bool {
        matches!(self.peek(), Some(Token::Word(word)) if word.quote_style.is_none() && word.value.eq_ignore_ascii_case(expected))
    }

    /// Consumes all the given words, or none.
    pub(super) fn words(&mut self, expected: &[&str]) -> bool {
        let start = self.next;
        if expected.iter().all(|word| self.word(word)) {
            return true;
        }
        self.next = start;
        false
    }

    pub(super) fn expect_word(&mut self, expected: &str) -> Result<()> {
        if self.word(expected) { Ok(()) } else { Err(self.syntax_error()) }
    }

    pub(super) fn token(&mut self, expected: &Token) -> bool {
        if self.peek() == Some(expected) {
            self.advance();
            return true;
        }
        false
    }

    pub(super) fn expect_token(&mut self, expected: &Token) -> Result<()> {
        if self.token(expected) { Ok(()) } else { Err(self.syntax_error()) }
    }

    pub(super) fn expect_end(&self) -> Result<()> {
        if self.at_end() { Ok(()) } else { Err(self.syntax_error()) }
    }

    /// An identifier, folded to lower case unless quoted.
    pub(super) fn identifier(&mut self) -> Result<String> {
        match self.peek() {
            Some(Token::Word(word)) if word.value.is_empty() => {
                let message = "zero-length delimited identifier at or near \"\"\"\"";
                let start = self.tokens.get(self.next).map(|token| token.span.start);
                let position = start.and_then(|start| position_in(self.text, start));
                Err(Error::new(SqlState::SYNTAX_ERROR, message).at(position))
            }
            Some(Token::Word(word)) => {
                self.advance();
                Ok(if word.quote_style.is_some() { word.value.clone() } else { word.value.to_ascii_lowercase() })
            }
            _ => Err(self.syntax_error()),
        }
    }

    /// A possibly qualified name.
    pub(super) fn object_name(&mut self) -> Result<ast::ObjectName> {
        self.parsed(|parser| parser.parse_object_name(false))
    }

    /// A string literal of any spelling.
    pub(super) fn string(&mut self) -> Result<String> {
        let value = match self.peek() {
            Some(Token::SingleQuotedString(value) | Token::EscapedStringLiteral(value)) => value.clone(),
            Some(Token::DollarQuotedString(value)) => value.value.clone(),
            _ => return Err(self.syntax_error()),
        };
        self.advance();
        Ok(value)
    }

    /// Something that `sqlparser` parses, from here on.
    pub(super) fn parsed<T>(
        &mut self,
        parse: impl FnOnce(&mut Parser) -> Result<T, datafusion::sql::sqlparser::parser::ParserError>,
    ) -> Result<T> {
        let dialect = Postgres::default();
        let rest = self.tokens[self.next..].to_vec();
        let mut parser = Parser::new(&dialect).with_recursion_limit(NESTING_MAX).with_tokens_with_locations(rest);
        let value = parse(&mut parser).map_err(|error| parser_error(self.text, error))?;
        // The parser's next token, found again among ours by where it begins.
        let next = parser.peek_token();
        self.next = match next.token {
            Token::EOF => self.tokens.len(),
            _ => self.tokens.iter().position(|token| token.span.start == next.span.start).unwrap_or(self.tokens.len()),
        };
        Ok(value)
    }

    /// The text between two places.
    pub(super) fn text_between(&self, from: Location, to: Location) -> &'a str {
        let place = |location| offset_in(self.text, location).unwrap_or(self.text.len());
        self.text.get(place(from)..place(to)).unwrap_or_default()
    }

    /// Where the next token begins; at the end, where the last one ends.
    pub(super) fn place(&self) -> Location {
        match self.tokens.get(self.next) {
            Some(token) => token.span.start,
            None => self.tokens.last().map_or(Location { line: 0, column: 0 }, |token| token.span.end),
        }
    }

    /// Where the token before the next one ends.
    pub(super) fn place_behind(&self) -> Location {
        let behind = self.tokens[..self.next].iter().rev();
        let mut words = behind.filter(|token| !matches!(token.token, Token::Whitespace(_)));
        words.next().map_or(Location { line: 0, column: 0 }, |token| token.span.end)
    }

    /// A reader of other tokens of the same text.
    pub(super) fn over<'t>(&self, tokens: &'t [TokenWithSpan]) -> Reader<'t>
    where
        'a: 't,
    {
        Reader::new(self.text, tokens)
    }

    /// Goes on behind a place.
    pub(super) fn skip_behind(&mut self, place: Location) {
        let before = |token: &TokenWithSpan| (token.span.end.line, token.span.end.column) <= (place.line, place.column);
        self.next = self.tokens.iter().position(|token| !before(token)).unwrap_or(self.tokens.len());
        self.skip_white_space();
    }

    /// The text of the statement that the tokens are of.
    pub(super) fn text(&self) -> &'a str {
        self.text
    }

    /// The tokens that are left.
    pub(super) fn rest(&self) -> &'a [TokenWithSpan] {
        &self.tokens[self.next..]
    }

    /// Goes to the end: the tokens that were left have been read elsewhere.
    pub(super) fn skip_rest(&mut self) {
        self.next = self.tokens.len();
    }

    /// 42601 at the next token.
    pub(super) fn syntax_error(&self) -> Error {
        match self.tokens.get(self.next) {
            Some(token) => syntax_error_near(self.text, &token.token.to_string(), token.span.start),
            None => Error::new(SqlState::SYNTAX_ERROR, "syntax error at end of input")
                .at(Some(self.text.chars().count() + 1)),
        }
    }
}

/// 42601 in PostgreSQL's words, pointing at a token.
pub(super) fn syntax_error_near(text: &str, token: &str, start: Location) -> Error {
    Error::new(SqlState::SYNTAX_ERROR, format!("syntax error at or near \"{token}\"")).at(position_in(text, start))
}
