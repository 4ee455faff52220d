//! What `sqlparser` cannot read or reads wrongly, and what can be said with other tokens, is said with those before it
//! sees them. Every token keeps its place in the text, so that errors point where they should.
//!
//! A name that only this file can write is quoted with [`MARK`], which no text can.

mod assigned;
mod clause;
mod constraint;
mod definition;
mod escape;
mod frame;
mod joined;
mod key;
mod locked;
mod path;

use std::borrow::Cow;

use datafusion::sql::sqlparser::ast::{Expr, SelectItem};
use datafusion::sql::sqlparser::keywords::Keyword;
use datafusion::sql::sqlparser::tokenizer::{Span, Token, TokenWithSpan, Whitespace, Word};

use super::reader::syntax_error_near;
use super::unicode::{BACKSLASH, decoded, escape_character};
use crate::error::{Error, Result, SqlState};
use crate::function::may_name_type;

pub(crate) use assigned::assigned_part;
pub(crate) use key::{KeyWords, columns_to_set_in, compression_in};
pub(crate) use path::{CYCLE, SEARCH_BREADTH, SEARCH_DEPTH};

/// The quotation mark of names that stand for grammar.
pub(crate) const MARK: char = '`';
/// What EXCLUDE leaves out of a window's frame, before a colon and the name of the window it builds on.
pub(crate) const EXCLUDE_ROW: &str = "exclude current row";
pub(crate) const EXCLUDE_GROUP: &str = "exclude group";
pub(crate) const EXCLUDE_TIES: &str = "exclude ties";
/// The `*` of `(value).*` as the name of a field.
pub(crate) const ALL_FIELDS: &str = "*";
/// `CURRENT OF cursor` as what equals the name of the cursor.
pub(crate) const CURRENT_OF: &str = "current of";
/// The list of a SELECT that has none.
pub(crate) const NO_COLUMNS: &str = "no columns";
/// `ROWS FROM (…)` as the name of a function.
pub(crate) const ROWS_FROM: &str = "rows from";

/// The same statement for `sqlparser`.
pub(super) fn mended<'t>(text: &str, tokens: &'t [TokenWithSpan]) -> Result<Cow<'t, [TokenWithSpan]>> {
    refuse_neighbours(text, tokens)?;
    let tokens = locked::behind_limits(tokens).map_or(Cow::Borrowed(tokens), Cow::Owned);
    match joined::in_parentheses(&tokens) {
        None => with_other_words(text, tokens),
        Some(tokens) => with_other_words(text, tokens.into()),
    }
}

fn with_other_words<'t>(text: &str, tokens: Cow<'t, [TokenWithSpan]>) -> Result<Cow<'t, [TokenWithSpan]>> {
    if !tokens.windows(2).any(|pair| is_suspicious(pair) || is_continued(pair))
        && !(0..tokens.len()).any(|at| selects_nothing(&tokens, at) || definition::begins_list(&tokens, at))
    {
        return Ok(tokens);
    }
    let tokens = &tokens;
    let mut mender = Mender { text, tokens, kept: Vec::with_capacity(tokens.len() + 8), at: 0 };
    while mender.at < tokens.len() {
        mender.step()?;
    }
    Ok(mender.kept.into())
}

fn is_suspicious(pair: &[TokenWithSpan]) -> bool {
    // Maybe the end of a type.
    if is_word(&pair[1].token, "array") {
        return true;
    }
    let Token::Word(word) = &pair[0].token else {
        // Maybe all fields of a value.
        return matches!(pair[0].token, Token::RParen | Token::RBracket) && pair[1].token == Token::Period
            || pair[0].token == Token::Period && pair[1].token == Token::Mul;
    };
    match word.keyword {
        Keyword::TABLE | Keyword::GROUP | Keyword::USING | Keyword::ROWS | Keyword::OPERATOR | Keyword::FETCH => true,
        Keyword::PRECEDING | Keyword::FOLLOWING | Keyword::OF | Keyword::ESCAPE => true,
        Keyword::NO | Keyword::ENFORCED | Keyword::EXCLUDE | Keyword::REFERENCES => true,
        keyword if key::begins_key(keyword) => true,
        Keyword::NoKeyword if word.value.eq_ignore_ascii_case("isnull") => true,
        _ if path::may_begin(&word.value) && is_space(&pair[1].token) => true,
        // U&'…'
        _ if pair[1].token == Token::Ampersand => word.value.eq_ignore_ascii_case("u"),
        // A subscript, which may be assigned to.
        keyword => pair[1].token == Token::LBracket && keyword != Keyword::ARRAY,
    }
}

/// Whether a SELECT without a list stands there. Of one that goes on with FROM the parser knows.
fn selects_nothing(tokens: &[TokenWithSpan], at: usize) -> bool {
    if !matches!(&tokens[at].token, Token::Word(word) if word.keyword == Keyword::SELECT && word.quote_style.is_none())
    {
        return false;
    }
    match tokens[at + 1..].iter().map(|token| &token.token).find(|token| !is_space(token)) {
        None | Some(Token::EOF | Token::SemiColon | Token::RParen) => true,
        Some(Token::Word(word)) if word.quote_style.is_none() => matches!(
            word.keyword,
            Keyword::WHERE
                | Keyword::GROUP
                | Keyword::HAVING
                | Keyword::WINDOW
                | Keyword::UNION
                | Keyword::INTERSECT
                | Keyword::EXCEPT
                | Keyword::ORDER
                | Keyword::LIMIT
                | Keyword::OFFSET
        ),
        _ => false,
    }
}

/// A string and then a line's end: maybe its next part follows.
fn is_continued(pair: &[TokenWithSpan]) -> bool {
    matches!(pair[0].token, Token::SingleQuotedString(_)) && is_space(&pair[1].token)
}

fn is_space(token: &Token) -> bool {
    matches!(token, Token::Whitespace(_))
}

/// Numbers that run into words, and strings beside each other on one line.
fn refuse_neighbours(text: &str, tokens: &[TokenWithSpan]) -> Result<()> {
    for (at, token) in tokens.iter().enumerate() {
        let Some(next) = tokens.get(at + 1) else { break };
        match (&token.token, &next.token) {
            (Token::Number(digits, _), Token::Word(word)) if word.quote_style.is_none() => {
                let words = format!("trailing junk after numeric literal at or near \"{digits}{}\"", word.value);
                let position = super::position_in(text, token.span.start);
                return Err(Error::new(SqlState::SYNTAX_ERROR, words).at(position));
            }
            (Token::SingleQuotedString(_), Token::Whitespace(_)) => {
                let gap = tokens[at + 1..].iter().take_while(|token| is_space(&token.token)).count();
                let breaks = tokens[at + 1..at + 1 + gap].iter().any(|token| breaks_line(&token.token));
                if let Some(TokenWithSpan { token: Token::SingleQuotedString(value), span }) = tokens.get(at + 1 + gap)
                    && !breaks
                {
                    return Err(syntax_error_near(text, &format!("'{value}'"), span.start));
                }
            }
            _ => {}
        }
    }
    Ok(())
}

fn breaks_line(token: &Token) -> bool {
    matches!(token, Token::Whitespace(Whitespace::Newline | Whitespace::SingleLineComment { .. }))
}

struct Mender<'t> {
    text: &'t str,
    tokens: &'t [TokenWithSpan],
    kept: Vec<TokenWithSpan>,
    at: usize,
}

impl Mender<'_> {
    /// Takes the next token, or what begins with it, over.
    fn step(&mut self) -> Result<()> {
        let token = &self.tokens[self.at];
        match &token.token {
            Token::SingleQuotedString(_) => match self.frame_offset_end() {
                Some(end) => self.in_parentheses(end),
                None => self.string(),
            },
            Token::Word(word) if word.keyword != Keyword::ARRAY && self.assigned_part() => {}
            Token::Mul if self.names_altered_table() => self.at += 1,
            Token::Mul if self.is_behind_value() || self.is_argument() || self.is_converted() => {
                self.kept.push(marked(ALL_FIELDS.to_owned(), token.span));
                self.at += 1;
            }
            Token::Word(word) if word.quote_style.is_none() => match word.keyword {
                _ if self.begins_path(&word.value) => return self.path(),
                Keyword::TABLE if self.is_query() => self.table(),
                Keyword::SELECT if selects_nothing(self.tokens, self.at) => {
                    self.keep_one();
                    self.kept.push(marked(NO_COLUMNS.to_owned(), token.span));
                }
                Keyword::AS if definition::begins_list(self.tokens, self.at) => self.definitions(),
                Keyword::GROUP if self.words_follow(&["by", "all"]) => {
                    // ALL is what is meant without it.
                    let all = self.significant(2);
                    self.keep_to(self.significant(1) + 1);
                    self.at = all + 1;
                }
                Keyword::USING => return self.using(),
                Keyword::WHERE if self.names_cursor() => self.current_of(),
                Keyword::WITH => self.parameters(),
                Keyword::NO if self.before() == Some(&Token::RParen) && self.words_follow(&["inherit"]) => {
                    self.no_inherit();
                }
                Keyword::ENFORCED if self.follows_no_check() => {
                    return Err(syntax_error_near(self.text, &word.value, token.span.start));
                }
                Keyword::EXCLUDE if self.begins_exclusion() => {
                    return Err(Error::unsupported("an EXCLUDE constraint"));
                }
                Keyword::EXCLUDE => self.exclude(),
                Keyword::ARRAY if self.is_behind_type() => self.array_type(),
                Keyword::DELETE | Keyword::UPDATE if self.sets_columns() => return self.columns_to_set(),
                keyword if key::begins_key(keyword) => return self.key(),
                Keyword::NoKeyword if self.is_unicode(&word.value) => return self.unicode(),
                Keyword::ROWS if self.words_follow(&["from"]) => self.rows_from(),
                Keyword::FETCH if self.words_follow(&["first"]) || self.words_follow(&["next"]) => {
                    return self.fetch();
                }
                Keyword::ESCAPE => self.escape(),
                Keyword::OPERATOR => self.quantified_operator(),
                Keyword::NoKeyword if self.is_null_test(&word.value) => self.null_test(),
                Keyword::COMPRESSION if self.is_compression() => self.compression(),
                _ => self.keep_one(),
            },
            _ => self.keep_one(),
        }
        Ok(())
    }

    fn keep_one(&mut self) {
        self.keep_to(self.at + 1);
    }

    /// Takes everything before a place over as it is.
    fn keep_to(&mut self, end: usize) {
        self.kept.extend_from_slice(&self.tokens[self.at..end]);
        self.at = end;
    }

    /// Where the token stands that is the `n`th from here, white space left out; the one here is number 0.
    fn significant(&self, n: usize) -> usize {
        let mut others = (self.at..self.tokens.len()).filter(|at| !is_space(&self.tokens[*at].token));
        others.nth(n).unwrap_or(self.tokens.len())
    }

    fn token(&self, n: usize) -> Option<&Token> {
        self.tokens.get(self.significant(n)).map(|token| &token.token)
    }

    fn words_follow(&self, words: &[&str]) -> bool {
        words.iter().enumerate().all(|(index, word)| self.token(index + 1).is_some_and(|token| is_word(token, word)))
    }

    fn before(&self) -> Option<&Token> {
        self.kept.iter().rev().map(|token| &token.token).find(|token| !is_space(token))
    }

    /// Whether a name and a dot stand before as an argument of a function, where `t.*` is one value.
    fn is_argument(&self) -> bool {
        const NO_FUNCTIONS: [&str; 14] = [
            "row", "operator", "in", "any", "all", "some", "exists", "values", "as", "from", "using", "on", "by",
            "over",
        ];
        let mut before = self.kept.iter().rev().map(|token| &token.token).filter(|token| !is_space(token)).peekable();
        if before.next() != Some(&Token::Period) {
            return false;
        }
        while matches!(before.next(), Some(Token::Word(_)))
            && before.next_if(|token| **token == Token::Period).is_some()
        {}
        let (mut depth, mut first) = (0, None);
        while let Some(token) = before.next() {
            match token {
                Token::RParen => depth += 1,
                Token::LParen if depth == 0 => {
                    let queries = first.is_some_and(|first| ["select", "with"].iter().any(|word| is_word(first, word)));
                    let called = matches!(before.next(), Some(name @ Token::Word(_))
                        if !NO_FUNCTIONS.iter().any(|word| is_word(name, word)));
                    return !queries && called;
                }
                Token::LParen => depth -= 1,
                _ => {}
            }
            first = Some(token);
        }
        false
    }

    /// Whether a name and a dot stand before and a conversion or IS behind: `t.*::text` and `t.* IS NULL` are of one value.
    fn is_converted(&self) -> bool {
        self.before() == Some(&Token::Period)
            && self.token(1).is_some_and(|token| *token == Token::DoubleColon || is_word(token, "is"))
    }

    /// Whether ALTER TABLE and a name stand before: `t *` is `t`.
    fn names_altered_table(&self) -> bool {
        let mut words = self.kept.iter().map(|token| &token.token).filter(|token| !is_space(token));
        words.next().is_some_and(|token| is_word(token, "alter"))
            && words.next().is_some_and(|token| is_word(token, "table"))
            && words.all(|token| matches!(token, Token::Word(_) | Token::Period))
            && self.token(1).is_some_and(|token| matches!(token, Token::Word(_)))
    }

    /// Whether what was taken over ends in a value, not a name, and a dot.
    fn is_behind_value(&self) -> bool {
        let mut before = self.kept.iter().rev().map(|token| &token.token).filter(|token| !is_space(token));
        before.next() == Some(&Token::Period) && matches!(before.next(), Some(Token::RParen | Token::RBracket))
    }

    /// Whether what was taken over ends in a type, which ARRAY makes one of arrays. It begins a value behind any other word.
    fn is_behind_type(&self) -> bool {
        const TYPES: [&str; 18] = [
            "bigint",
            "bit",
            "boolean",
            "char",
            "character",
            "dec",
            "decimal",
            "float",
            "int",
            "integer",
            "interval",
            "nchar",
            "numeric",
            "real",
            "smallint",
            "time",
            "timestamp",
            "varchar",
        ];
        let bracketed = self.token(1) == Some(&Token::LBracket);
        match self.before() {
            _ if self.token(1) == Some(&Token::LParen) => false,
            // `DISTINCT ON (a) ARRAY[b]` is a value.
            Some(Token::RParen) => !bracketed,
            Some(Token::Word(word)) => match word.quote_style {
                Some(quote) => quote != MARK,
                None => {
                    let name = word.value.to_ascii_lowercase();
                    TYPES.contains(&name.as_str()) || may_name_type(&name) && name != "by"
                }
            },
            _ => false,
        }
    }

    /// Where the parenthesis is that closes one.
    fn closing(&self, opening: usize) -> Option<usize> {
        let mut depth = 0_usize;
        (opening..self.tokens.len()).find(|at| {
            match self.tokens[*at].token {
                Token::LParen => depth += 1,
                Token::RParen => depth -= 1,
                _ => {}
            }
            depth == 0
        })
    }

    /// `text ARRAY` and `text ARRAY[4]` are `text[]`: how many elements there are is not looked at.
    fn array_type(&mut self) {
        let span = self.tokens[self.at].span;
        self.at += 1;
        if self.token(0) != Some(&Token::LBracket) {
            self.kept.push(TokenWithSpan { token: Token::LBracket, span });
            self.kept.push(TokenWithSpan { token: Token::RBracket, span });
        }
    }

    /// A string and its parts on the lines below.
    fn string(&mut self) {
        let mut whole = self.tokens[self.at].clone();
        while let Some(Token::SingleQuotedString(part)) = self.token(1) {
            if let Token::SingleQuotedString(value) = &mut whole.token {
                value.push_str(part);
            }
            self.at = self.significant(1);
        }
        self.kept.push(whole);
        self.at += 1;
    }

    /// Puts parentheses around what stands before a place.
    fn in_parentheses(&mut self, end: usize) {
        let span = self.tokens[self.at].span;
        self.kept.push(TokenWithSpan { token: Token::LParen, span });
        self.keep_to(end);
        self.kept.push(TokenWithSpan { token: Token::RParen, span });
    }

    /// Whether a word is the U of `U&'…'` or `U&"…"`.
    fn is_unicode(&self, word: &str) -> bool {
        word.eq_ignore_ascii_case("u")
            && self.tokens.get(self.at + 1).is_some_and(|token| token.token == Token::Ampersand)
            && self.tokens.get(self.at + 2).is_some_and(|token| match &token.token {
                Token::SingleQuotedString(_) => true,
                Token::Word(word) => word.quote_style == Some('"'),
                _ => false,
            })
    }

    /// Such a literal, with its UESCAPE.
    fn unicode(&mut self) -> Result<()> {
        self.at += 2;
        let start = self.tokens[self.at].span.start;
        match &self.tokens[self.at].token {
            Token::SingleQuotedString(_) => self.string(),
            _ => self.keep_one(),
        }
        let mut escape = BACKSLASH;
        let keyword = self.significant(0);
        if self.tokens.get(keyword).is_some_and(|token| is_word(&token.token, "uescape")) {
            self.at = keyword + 1;
            let character = self.tokens.get(self.significant(0));
            let span = character.map_or(self.tokens[keyword].span, |character| character.span);
            escape = escape_character(self.text, character.map(|character| &character.token), span)?;
            self.at = self.significant(0) + 1;
        }
        if let Some(TokenWithSpan { token, .. }) = self.kept.last_mut() {
            match token {
                Token::SingleQuotedString(value) => *value = decoded(self.text, value, escape, start)?,
                Token::Word(word) => word.value = decoded(self.text, &word.value, escape, start)?,
                _ => {}
            }
        }
        Ok(())
    }

    /// Whether a word is ISNULL behind a value.
    fn is_null_test(&self, word: &str) -> bool {
        word.eq_ignore_ascii_case("isnull")
            && match self.before() {
                // AS makes it a label.
                Some(Token::Word(word)) => word.keyword != Keyword::AS,
                Some(before) => {
                    matches!(before, Token::RParen | Token::RBracket | Token::Number(..) | Token::SingleQuotedString(_))
                }
                None => false,
            }
    }

    /// `x ISNULL` is `x IS NULL`.
    fn null_test(&mut self) {
        let span = self.tokens[self.at].span;
        for token in [Token::make_keyword("IS"), Token::Whitespace(Whitespace::Space), Token::make_keyword("NULL")] {
            self.kept.push(TokenWithSpan { token, span });
        }
        self.at += 1;
    }

    /// `OPERATOR(pg_catalog.=) ANY` is `= ANY`. Elsewhere such an operator binds otherwise than its plain form.
    fn quantified_operator(&mut self) {
        let named = self.token(1) == Some(&Token::LParen)
            && self.token(2).is_some_and(|token| is_word(token, "pg_catalog"))
            && self.token(3) == Some(&Token::Period)
            && self.token(5) == Some(&Token::RParen);
        let quantifier = ["any", "all", "some"];
        let follows = self.token(6).is_some_and(|token| quantifier.iter().any(|word| is_word(token, word)));
        if !named || !follows {
            self.keep_one();
            return;
        }
        let operator = self.tokens[self.significant(4)].clone();
        let end = self.significant(6);
        self.kept.push(operator);
        self.at = end;
    }
}

fn is_word(token: &Token, expected: &str) -> bool {
    matches!(token, Token::Word(word) if word.quote_style.is_none() && word.value.eq_ignore_ascii_case(expected))
}

/// Whether it is what a SELECT without a list was given.
pub(crate) fn stands_for_nothing(item: &SelectItem) -> bool {
    matches!(item, SelectItem::UnnamedExpr(Expr::Identifier(name)) if name.quote_style == Some(MARK) && name.value == NO_COLUMNS)
}

fn marked(value: String, span: Span) -> TokenWithSpan {
    let word = Word { value, quote_style: Some(MARK), keyword: Keyword::NoKeyword };
    TokenWithSpan { token: Token::Word(word), span }
}

#[cfg(test)]
mod tests {
    use crate::statement::parse_single;

    #[test]
    fn other_tokens_say_the_same() {
        let check = |sql: &str, expected: &str| {
            let Ok(Some(crate::statement::Statement::Query(query))) = parse_single(sql) else { panic!("{sql}") };
            assert_eq!(query.to_string().replace('`', "!"), expected, "{sql}");
        };
        check("TABLE t ORDER BY a", "SELECT * FROM t ORDER BY a");
        check("(TABLE t) UNION ALL TABLE u", "(SELECT * FROM t) UNION ALL SELECT * FROM u");
        check("SELECT 'a'\n  'b' -- and\n 'c'", "SELECT 'abc'");
        check("SELECT a FROM t GROUP BY ALL a", "SELECT a FROM t GROUP BY a");
        check("SELECT a FROM t ORDER BY a USING >, b USING <", "SELECT a FROM t ORDER BY a DESC, b ASC");
        check("SELECT a FROM t ORDER BY a USING OPERATOR(pg_catalog.>)", "SELECT a FROM t ORDER BY a DESC");
        check("SELECT 1 FROM t JOIN u USING (a) AS X", "SELECT 1 FROM t JOIN u USING(a, !x!)");
        check("SELECT a FROM t FOR UPDATE OF t LIMIT 1", "SELECT a FROM t LIMIT 1 FOR UPDATE OF t");
        check("SELECT", "SELECT !no columns!");
        check("SELECT WHERE a UNION ALL (SELECT)", "SELECT !no columns! WHERE a UNION ALL (SELECT !no columns!)");
        check("SELECT FROM t", "SELECT FROM t");
        check("SELECT 1 AS table FROM t", "SELECT 1 AS table FROM t");
        check("SELECT 1 FROM t JOIN u USING (a, b)", "SELECT 1 FROM t JOIN u USING(a, b)");
        assert!(parse_single("SELECT 'a' 'b'").is_err());
        assert!(parse_single("SELECT 12ab").is_err());
        check("SELECT a LIKE b ESCAPE 'x'", "SELECT a LIKE b ESCAPE 'x'");
        check("SELECT a LIKE b||'%' ESCAPE e::text", "SELECT a LIKE pg_catalog.like_escape(b || '%', e::TEXT)");
        check("SELECT a LIKE b AS escape, c", "SELECT a LIKE b AS escape, c");
        check(
            "SELECT a FROM t WHERE a LIKE b ORDER BY escape DESC",
            "SELECT a FROM t WHERE a LIKE b ORDER BY escape DESC",
        );
    }

    #[test]
    fn exclusion_constraints_are_refused_by_name() {
        let refused = |sql: &str| {
            let error = parse_single(sql).expect_err(sql);
            assert_eq!(error.message, "an EXCLUDE constraint is not supported", "{sql}");
        };
        refused("CREATE TABLE t (a int, EXCLUDE USING gist (a WITH =))");
        refused("CREATE TABLE t (EXCLUDE (a WITH =), a int)");
        refused("CREATE TABLE t (a int, CONSTRAINT c EXCLUDE USING btree (a WITH =) WHERE (a > 1) DEFERRABLE)");
        refused("ALTER TABLE t ADD EXCLUDE (a WITH =)");
        refused("ALTER TABLE t ADD CONSTRAINT c EXCLUDE USING gist (a WITH =)");
        assert!(parse_single("CREATE TABLE exclude (exclude int CHECK (exclude IN (1)))").is_ok());
    }
}
