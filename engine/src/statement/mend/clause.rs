//! Clauses of queries and writes: FETCH, TABLE, USING, ROWS FROM and CURRENT OF.

use datafusion::sql::sqlparser::keywords::Keyword;
use datafusion::sql::sqlparser::tokenizer::{Token, TokenWithSpan};

use super::{CURRENT_OF, Mender, ROWS_FROM, is_space, is_word, marked};
use crate::error::{Error, Result, SqlState};
use crate::statement::position_in;

impl Mender<'_> {
    /// `FETCH FIRST (n) ROWS ONLY` is `LIMIT (n)`; the parser knows no parentheses there. Those around a literal can go,
    /// so that WITH TIES may follow.
    pub(super) fn fetch(&mut self) -> Result<()> {
        let opening = self.significant(2);
        let open = self.tokens.get(opening).is_some_and(|token| token.token == Token::LParen);
        let Some(closing) = open.then(|| self.closing(opening)).flatten() else {
            self.keep_one();
            return Ok(());
        };
        let inside: Vec<&TokenWithSpan> =
            self.tokens[opening + 1..closing].iter().filter(|token| !is_space(&token.token)).collect();
        if let [token] = inside.as_slice()
            && matches!(token.token, Token::Number(..) | Token::Placeholder(_))
        {
            let count = (*token).clone();
            self.keep_to(opening);
            self.kept.push(count);
            self.at = closing + 1;
            return Ok(());
        }
        let mut behind = (closing + 1..self.tokens.len()).filter(|at| !is_space(&self.tokens[*at].token));
        let (rows, only) = (behind.next(), behind.next());
        let is_one = |at: Option<usize>, words: &[&str]| {
            at.is_some_and(|at| words.iter().any(|word| is_word(&self.tokens[at].token, word)))
        };
        match only {
            Some(end) if is_one(rows, &["row", "rows"]) && is_one(only, &["only"]) => {
                let span = self.tokens[self.at].span;
                self.kept.push(TokenWithSpan { token: Token::make_keyword("LIMIT"), span });
                self.at = opening;
                self.keep_to(closing + 1);
                self.at = end + 1;
            }
            _ if is_one(rows, &["row", "rows"]) && is_one(only, &["with"]) => {
                return Err(Error::unsupported("an expression in FETCH FIRST … WITH TIES"));
            }
            _ => self.keep_one(),
        }
        Ok(())
    }

    /// Whether TABLE stands where a query may.
    pub(super) fn is_query(&self) -> bool {
        const BEFORE: [&str; 5] = ["union", "intersect", "except", "all", "distinct"];
        let named = matches!(self.token(1), Some(Token::Word(_)));
        named
            && match self.before() {
                None | Some(Token::LParen) => true,
                Some(Token::Word(word)) if word.quote_style.is_none() => {
                    BEFORE.iter().any(|other| word.value.eq_ignore_ascii_case(other))
                        || word.keyword == Keyword::EXPLAIN
                        || word.keyword == Keyword::AS
                            && self.kept.first().is_some_and(|first| is_word(&first.token, "create"))
                }
                _ => false,
            }
    }

    /// `TABLE t` is `SELECT * FROM t`.
    pub(super) fn table(&mut self) {
        let span = self.tokens[self.at].span;
        let words = [Token::make_keyword("SELECT"), Token::Mul, Token::make_keyword("FROM")];
        self.kept.extend(words.map(|token| TokenWithSpan { token, span }));
        self.at += 1;
    }

    /// `ORDER BY x USING <` is ascending; `JOIN … USING (a) AS x` has its name among the columns.
    pub(super) fn using(&mut self) -> Result<()> {
        let operator = self.significant(1);
        let found = match self.tokens.get(operator).map(|token| &token.token) {
            Some(Token::LParen) => {
                self.join_alias();
                return Ok(());
            }
            Some(Token::Word(word)) if word.keyword == Keyword::OPERATOR && word.quote_style.is_none() => {
                // OPERATOR(pg_catalog.<)
                let end = (0..)
                    .map(|n| self.significant(n))
                    .find(|at| self.tokens.get(*at).is_none_or(|token| token.token == Token::RParen));
                end.and_then(|end| Some((end, self.tokens.get(end.checked_sub(1)?)?.token.to_string())))
            }
            Some(
                token @ (Token::Lt | Token::Gt | Token::LtEq | Token::GtEq | Token::Eq | Token::Neq | Token::Plus),
            ) => Some((operator, token.to_string())),
            Some(token @ Token::CustomBinaryOperator(_)) => Some((operator, token.to_string())),
            _ => None,
        };
        let Some((end, name)) = found else {
            self.keep_one();
            return Ok(());
        };
        let direction = match name.as_str() {
            "<" | "~<~" => "ASC",
            ">" | "~>~" => "DESC",
            _ => {
                let words = format!("operator {name} is not a valid ordering operator");
                let position = position_in(self.text, self.tokens[operator].span.start);
                return Err(Error::new(SqlState::WRONG_OBJECT_TYPE, words)
                    .with_hint("Ordering operators must be \"<\" or \">\" members of btree operator families.")
                    .at(position));
            }
        };
        let span = self.tokens[self.at].span;
        self.kept.push(TokenWithSpan { token: Token::make_keyword(direction), span });
        self.at = end + 1;
        Ok(())
    }

    fn join_alias(&mut self) {
        // Names between commas, and nothing else: not the query that MERGE may have here.
        let mut last = 2;
        while let (Some(Token::Word(_)), Some(Token::Comma)) = (self.token(last), self.token(last + 1)) {
            last += 2;
        }
        let (Some(Token::Word(_)), Some(Token::RParen)) = (self.token(last), self.token(last + 1)) else {
            self.keep_one();
            return;
        };
        let close = self.significant(last + 1);
        let mut after = (close + 1..self.tokens.len()).filter(|at| !is_space(&self.tokens[*at].token));
        let alias = match (after.next(), after.next()) {
            (Some(word), Some(name)) if is_word(&self.tokens[word].token, "as") => match &self.tokens[name].token {
                Token::Word(alias) => Some((name, alias.clone(), self.tokens[name].span)),
                _ => None,
            },
            _ => None,
        };
        let Some((end, alias, span)) = alias else {
            self.keep_one();
            return;
        };
        self.keep_to(close);
        let name = if alias.quote_style.is_some() { alias.value } else { alias.value.to_ascii_lowercase() };
        self.kept.push(TokenWithSpan { token: Token::Comma, span });
        self.kept.push(marked(name, span));
        self.kept.push(self.tokens[close].clone());
        self.at = end + 1;
    }

    /// Whether `CURRENT OF cursor` follows in a statement that may say so.
    pub(super) fn names_cursor(&self) -> bool {
        const VERBS: [&str; 5] = ["update", "delete", "with", "prepare", "explain"];
        let verb = self.kept.iter().map(|token| &token.token).find(|token| !is_space(token));
        self.words_follow(&["current", "of"])
            && matches!(self.token(3), Some(Token::Word(_)))
            && verb.is_some_and(|verb| VERBS.iter().any(|word| is_word(verb, word)))
    }

    /// `WHERE CURRENT OF cursor` is a comparison with the cursor's name.
    pub(super) fn current_of(&mut self) {
        let (start, name) = (self.significant(1), self.significant(3));
        let span = self.tokens[start].span;
        self.keep_to(start);
        self.kept.push(marked(CURRENT_OF.to_owned(), span));
        self.kept.push(TokenWithSpan { token: Token::Eq, span });
        self.at = name;
        self.keep_one();
    }

    /// `ROWS FROM (f(), g())` is a function of that name.
    pub(super) fn rows_from(&mut self) {
        if self.token(2) != Some(&Token::LParen) {
            self.keep_one();
            return;
        }
        self.kept.push(marked(ROWS_FROM.to_owned(), self.tokens[self.at].span));
        self.at = self.significant(2);
    }
}
