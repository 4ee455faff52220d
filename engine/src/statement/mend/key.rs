//! What `sqlparser` does not know of keys: INCLUDE and WITH of one, NULLS NOT DISTINCT at a column.

use datafusion::sql::sqlparser::keywords::Keyword;
use datafusion::sql::sqlparser::tokenizer::{Token, TokenWithSpan, Whitespace};

use super::super::reader::syntax_error_near;
use super::{Mender, is_word, marked};
use crate::error::{Error, Result, SqlState};
use crate::statement::position_in;

/// What stands behind the columns of a key: the parser is given it as a comment on the key's index, which PostgreSQL does
/// not have.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct KeyWords {
    /// Names as they are meant.
    pub(crate) included: Vec<String>,
    /// Name and value.
    pub(crate) options: Vec<(String, String)>,
}

/// Between the parts of such a comment: no text of a client has this.
const BETWEEN: char = '\0';

impl KeyWords {
    fn write(&self) -> String {
        let mut words = self.included.len().to_string();
        let options = self.options.iter().flat_map(|(name, value)| [name, value]);
        for part in self.included.iter().chain(options) {
            words.push(BETWEEN);
            words.push_str(part);
        }
        words
    }

    pub(crate) fn read(comment: &str) -> Result<Self> {
        let mut parts = comment.split(BETWEEN);
        let count: usize = parts
            .next()
            .and_then(|count| count.parse().ok())
            .ok_or_else(|| Error::internal("a key's words are not what was written"))?;
        let parts: Vec<String> = parts.map(str::to_owned).collect();
        let (included, options) = parts.split_at(count.min(parts.len()));
        let options = options.chunks_exact(2).map(|pair| (pair[0].clone(), pair[1].clone())).collect();
        Ok(Self { included: included.to_vec(), options })
    }
}

/// The method of COMPRESSION that a comment on a column carries.
pub(crate) fn compression_in(comment: &str) -> Option<&str> {
    comment.strip_prefix(BETWEEN)
}

/// The columns of ON DELETE SET that the name of a foreign key's index carries.
pub(crate) fn columns_to_set_in(index: &str) -> Option<Vec<String>> {
    index.strip_prefix(BETWEEN).map(|names| names.split(BETWEEN).map(str::to_owned).collect())
}

impl Mender<'_> {
    /// Whether columns are named behind ON DELETE SET NULL or SET DEFAULT, of which this is DELETE; or the same of UPDATE.
    pub(super) fn sets_columns(&self) -> bool {
        self.before().is_some_and(|token| is_word(token, "on"))
            && (self.words_follow(&["set", "null"]) || self.words_follow(&["set", "default"]))
            && self.token(3) == Some(&Token::LParen)
    }

    /// Those columns, which the parser is given as the name of the key's index; PostgreSQL has none there. A foreign
    /// key at a column has no place for them.
    pub(super) fn columns_to_set(&mut self) -> Result<()> {
        if self.token(0).is_some_and(|token| is_word(token, "update")) {
            let action = if self.words_follow(&["set", "null"]) { "SET NULL" } else { "SET DEFAULT" };
            let words = format!("a column list with {action} is only supported for ON DELETE actions");
            let on = self.kept.iter().rev().find(|token| !super::is_space(&token.token));
            let position = on.and_then(|on| position_in(self.text, on.span.start));
            return Err(Error::new(SqlState::FEATURE_NOT_SUPPORTED, words).at(position));
        }
        self.keep_to(self.significant(3));
        let names: Vec<String> = self.list()?.into_iter().map(|(name, _)| format!("{BETWEEN}{name}")).collect();
        let mut depth = 0_usize;
        let mut place = None;
        for (at, token) in self.kept.iter().enumerate().rev() {
            match &token.token {
                Token::RParen => depth += 1,
                Token::LParen if depth == 0 => break,
                Token::LParen => depth -= 1,
                Token::Comma if depth == 0 => break,
                token if depth == 0 && is_word(token, "key") => {
                    place = Some(at + 1);
                    break;
                }
                _ => {}
            }
        }
        let before = place.and_then(|place| {
            let mut before = self.kept[..place - 1].iter().rev().map(|token| &token.token);
            before.find(|token| !super::is_space(token))
        });
        let Some(place) = place.filter(|_| before.is_some_and(|token| is_word(token, "foreign"))) else {
            return Err(Error::unsupported("ON DELETE SET of columns that are named at a column"));
        };
        let span = self.kept[place - 1].span;
        let space = TokenWithSpan { token: Token::Whitespace(Whitespace::Space), span };
        drop(self.kept.splice(place..place, [space, marked(names.concat(), span)]));
        Ok(())
    }

    /// UNIQUE or PRIMARY KEY, with what follows.
    pub(super) fn key(&mut self) -> Result<()> {
        let unique = self.token(0).is_some_and(|token| is_word(token, "unique"));
        let mut words = 1;
        if unique && self.words_follow(&["nulls", "not", "distinct"]) {
            words = 4;
        } else if unique && self.words_follow(&["nulls", "distinct"]) {
            words = 3;
        } else if !unique {
            if !self.words_follow(&["key"]) {
                self.keep_one();
                return Ok(());
            }
            words = 2;
        }
        if self.token(words) != Some(&Token::LParen) {
            self.column_key(unique, words);
            return Ok(());
        }
        self.keep_to(self.significant(words));
        self.keep_list();
        let mut said = KeyWords::default();
        let span = self.tokens.get(self.at).map(|token| token.span);
        if self.here("include") {
            self.at = self.significant(1);
            said.included = self.list()?.into_iter().map(|(name, _)| name).collect();
        }
        if self.here("with") && self.token(1) == Some(&Token::LParen) {
            self.at = self.significant(1);
            said.options = self.list()?;
        }
        if self.here("comment") {
            let token = &self.tokens[self.significant(0)];
            return Err(syntax_error_near(self.text, &token.token.to_string(), token.span.start));
        }
        if let Some(span) = span.filter(|_| said != KeyWords::default()) {
            let space = || TokenWithSpan { token: Token::Whitespace(Whitespace::Space), span };
            let comment = TokenWithSpan { token: Token::make_keyword("COMMENT"), span };
            self.kept.extend([space(), comment, space(), marked(said.write(), span), space()]);
        }
        Ok(())
    }

    /// A key at a column: NULLS NOT DISTINCT there is a key that is not enforced, which PostgreSQL 15 does not have.
    fn column_key(&mut self, unique: bool, words: usize) {
        let end = self.significant(words);
        if !unique || words == 1 {
            return self.keep_to(self.significant(1));
        }
        let span = self.tokens[self.at].span;
        self.keep_one();
        if words == 4 {
            for word in ["NOT", "ENFORCED"] {
                self.kept.push(TokenWithSpan { token: Token::Whitespace(Whitespace::Space), span });
                self.kept.push(TokenWithSpan { token: Token::make_keyword(word), span });
            }
            self.kept.push(TokenWithSpan { token: Token::Whitespace(Whitespace::Space), span });
        }
        self.at = end;
    }

    /// `WITH (toast.a = 1, b)` of a new table: each parameter gets a name without a dot, and a value.
    pub(super) fn parameters(&mut self) {
        let starts = self.kept.iter().find(|token| !super::is_space(&token.token));
        let (start, at) = (self.kept.len(), self.at);
        if !starts.is_some_and(|token| is_word(&token.token, "create")) || self.token(1) != Some(&Token::LParen) {
            return self.keep_one();
        }
        self.keep_to(self.significant(1));
        let Some(items) = self.list().ok().filter(|_| self.is_unusual(at)) else {
            self.kept.truncate(start);
            self.at = at;
            return self.keep_one();
        };
        let span = self.tokens[at].span;
        let mut token = |token: Token| self.kept.push(TokenWithSpan { token, span });
        token(Token::LParen);
        for (place, (name, value)) in items.into_iter().enumerate() {
            if place > 0 {
                token(Token::Comma);
            }
            token(marked(name, span).token);
            token(Token::Eq);
            token(Token::SingleQuotedString(value));
        }
        token(Token::RParen);
    }

    /// Whether among the parameters taken from a place is one with a dot or without a value.
    fn is_unusual(&self, from: usize) -> bool {
        let tokens = self.tokens[from..self.at].iter().map(|token| &token.token);
        let solid: Vec<&Token> = tokens.filter(|token| !super::is_space(token)).collect();
        let alone = |three: &[&Token]| {
            matches!(
                three,
                [Token::LParen | Token::Comma, Token::Word(_), Token::RParen | Token::Comma | Token::Period]
            )
        };
        solid.windows(3).any(alone)
    }

    /// Whether COMPRESSION is said of a column, behind its type, where a table is made or changed.
    pub(super) fn is_compression(&self) -> bool {
        const NOT_BEHIND: [&str; 12] =
            ["set", "and", "or", "not", "add", "column", "drop", "rename", "alter", "exists", "including", "excluding"];
        let mut words = self.kept.iter().map(|token| &token.token).filter(|token| !super::is_space(token));
        let defines = words.next().is_some_and(|token| is_word(token, "create") || is_word(token, "alter"));
        let table = words.take(4).any(|token| is_word(token, "table"));
        let follows = match self.before() {
            Some(word @ Token::Word(_)) => !NOT_BEHIND.iter().any(|other| is_word(word, other)),
            Some(Token::RParen | Token::RBracket) => true,
            _ => false,
        };
        defines && table && follows && matches!(self.token(1), Some(Token::Word(word)) if word.keyword != Keyword::IS)
    }

    /// `COMPRESSION method`, which the parser is given as a comment on the column.
    pub(super) fn compression(&mut self) {
        let span = self.tokens[self.at].span;
        let method = match self.token(1) {
            Some(Token::Word(word)) if word.quote_style.is_none() => word.value.to_ascii_lowercase(),
            Some(Token::Word(word)) => word.value.clone(),
            _ => return self.keep_one(),
        };
        let comment = TokenWithSpan { token: Token::make_keyword("COMMENT"), span };
        let space = TokenWithSpan { token: Token::Whitespace(Whitespace::Space), span };
        let method = TokenWithSpan { token: Token::SingleQuotedString(format!("{BETWEEN}{method}")), span };
        self.kept.extend([comment, space, method]);
        self.at = self.significant(1) + 1;
    }

    fn here(&self, word: &str) -> bool {
        self.token(0).is_some_and(|token| is_word(token, word))
    }

    /// Takes over what stands in parentheses here.
    fn keep_list(&mut self) {
        let mut depth = 0;
        while let Some(token) = self.tokens.get(self.at) {
            match token.token {
                Token::LParen => depth += 1,
                Token::RParen => depth -= 1,
                _ => {}
            }
            self.keep_one();
            if depth == 0 {
                break;
            }
        }
    }

    /// `(name [= value], …)`.
    fn list(&mut self) -> Result<Vec<(String, String)>> {
        let mut items = Vec::new();
        let mut next = || -> Option<TokenWithSpan> {
            let at = self.significant(0);
            self.at = at + 1;
            self.tokens.get(at).cloned()
        };
        let mut wrong = None;
        let mut token = next();
        let mut open = matches!(token.as_ref().map(|token| &token.token), Some(Token::LParen));
        while open {
            token = next();
            let Some(Token::Word(name)) = token.as_ref().map(|token| &token.token) else {
                wrong = None;
                break;
            };
            let name = name.clone();
            let mut name = if name.quote_style.is_some() { name.value } else { name.value.to_ascii_lowercase() };
            let mut value = "true".to_owned();
            token = next();
            if token.as_ref().is_some_and(|token| token.token == Token::Period) {
                name = format!("{name}.{}", next().map(|part| part.token.to_string()).unwrap_or_default());
                token = next();
            }
            if token.as_ref().is_some_and(|token| token.token == Token::Eq) {
                value.clear();
                token = next();
                while let Some(part) = token.as_ref().filter(|part| !is_end(&part.token)) {
                    value.push_str(&match &part.token {
                        Token::SingleQuotedString(text) => text.clone(),
                        Token::Word(word) if word.quote_style.is_none() => word.value.to_ascii_lowercase(),
                        other => other.to_string(),
                    });
                    token = next();
                }
            }
            items.push((name, value));
            match token.as_ref().map(|token| &token.token) {
                Some(Token::Comma) => {}
                Some(Token::RParen) => return Ok(items),
                _ => open = false,
            }
            wrong.clone_from(&token);
        }
        let wrong = wrong.or(token);
        let (word, place) =
            wrong.map_or(("end of input".to_owned(), None), |wrong| (wrong.token.to_string(), Some(wrong.span.start)));
        Err(match place {
            Some(place) => syntax_error_near(self.text, &word, place),
            None => Error::new(crate::error::SqlState::SYNTAX_ERROR, "syntax error at end of input"),
        })
    }
}

fn is_end(token: &Token) -> bool {
    matches!(token, Token::Comma | Token::RParen)
}

/// Whether a key may begin with the word.
pub(super) fn begins_key(keyword: Keyword) -> bool {
    matches!(keyword, Keyword::UNIQUE | Keyword::PRIMARY)
}

#[cfg(test)]
mod tests {
    use super::KeyWords;

    #[test]
    fn words_of_a_key_are_read_as_they_were_written() {
        let options = vec![("fillfactor".to_owned(), "70".to_owned())];
        let words = KeyWords { included: vec!["a, b".to_owned(), "c".to_owned()], options };
        assert_eq!(KeyWords::read(&words.write()).unwrap(), words);
        assert_eq!(KeyWords::read(&KeyWords::default().write()).unwrap(), KeyWords::default());
    }
}
