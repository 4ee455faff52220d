//! Pieces of SQL within a body, which are kept as text. That they are SQL is looked at where they end.

use super::super::lexer::Token;
use super::super::tree::*;
use super::Parser;
use crate::error::{Error, Result, SqlState};
use crate::statement::{Statement, parse_single};

/// What stands before an expression to make it a statement.
const SELECT: &str = "SELECT ";

impl Parser<'_> {
    /// An expression up to a word or symbol, which is taken.
    pub(super) fn expression_until(&mut self, end: &str) -> Result<FragmentId> {
        let fragment = self.expression_before(end)?;
        self.advance();
        Ok(fragment)
    }

    /// An expression up to a word or symbol, which is not taken.
    pub(super) fn expression_before(&mut self, end: &str) -> Result<FragmentId> {
        self.expression_before_any(&[end])
    }

    /// An expression up to one of several words or symbols.
    pub(super) fn expression_before_any(&mut self, ends: &[&str]) -> Result<FragmentId> {
        let start = self.next;
        self.skip_to(ends)?;
        if self.next == start {
            return Err(self.error_here("missing expression"));
        }
        let (from, to) = (self.tokens[start].from, self.tokens[self.next - 1].to);
        self.fragment(from, self.text[from..to].to_owned(), SELECT)
    }

    /// Goes to one of the words or symbols that stands in no parentheses.
    pub(super) fn skip_to(&mut self, ends: &[&str]) -> Result<()> {
        let mut depth = 0usize;
        let start = self.next;
        // Words of CASE within an expression are its own.
        let mut cases = 0usize;
        loop {
            let token = self.peek();
            let nothing = (self.next == start).then_some("missing expression");
            if depth == 0 && cases == 0 && ends.iter().any(|end| token.is(end) || token.is_symbol(end)) {
                return Ok(());
            }
            match &token.token {
                Token::End | Token::Symbol(";") if depth > 0 => {
                    return Err(self.error_here("mismatched parentheses"));
                }
                // PostgreSQL looks for three ends at most, and takes the end of the text for one that it does not look for.
                Token::End if ends.len() < 3 => return Err(self.error_here(nothing.unwrap_or("syntax error"))),
                Token::End | Token::Symbol(";") => {
                    let shown: Vec<String> = ends.iter().map(|end| end.to_uppercase()).collect();
                    let words = format!("missing \"{}\" at end of SQL expression", shown.join(" or "));
                    return Err(self.refusal(self.next, SqlState::SYNTAX_ERROR, words));
                }
                Token::Symbol("(" | "[") => depth += 1,
                Token::Symbol(")" | "]") => {
                    depth = depth.checked_sub(1).ok_or_else(|| self.error_here("mismatched parentheses"))?;
                }
                Token::Word { value, quoted: false } if value == "case" => cases += 1,
                Token::Word { value, quoted: false } if value == "end" => cases = cases.saturating_sub(1),
                _ => {}
            }
            self.advance();
        }
    }

    /// A statement from a token up to its semicolon, which is taken.
    pub(super) fn statement_text(&mut self, start: usize) -> Result<FragmentId> {
        self.skip_statement(start, "syntax error")?;
        if self.next == start {
            return Err(self.error_here("missing SQL statement"));
        }
        let (from, to) = (self.tokens[start].from, self.tokens[self.next - 1].to);
        self.advance();
        self.fragment(from, self.text[from..to].to_owned(), "")
    }

    fn skip_statement(&mut self, start: usize, unended: &str) -> Result<()> {
        self.next = start;
        let mut depth = 0usize;
        loop {
            match self.peek().token {
                Token::Symbol(";") if depth == 0 => return Ok(()),
                Token::End | Token::Symbol(";") if depth > 0 => {
                    return Err(self.error_here("mismatched parentheses"));
                }
                Token::End => return Err(self.error_here(unended)),
                Token::Symbol("(" | "[") => depth += 1,
                Token::Symbol(")" | "]") => {
                    depth = depth.checked_sub(1).ok_or_else(|| self.error_here("mismatched parentheses"))?;
                }
                _ => {}
            }
            self.advance();
        }
    }

    /// PERFORM: its rest is the rest of a SELECT.
    pub(super) fn perform(&mut self) -> Result<Kind> {
        self.advance();
        let start = self.next;
        self.skip_statement(start, "syntax error")?;
        if self.next == start {
            return Err(Error::unsupported("PERFORM of nothing").at(Some(self.position_of(self.peek().from))));
        }
        let (from, to) = (self.tokens[start].from, self.tokens[self.next - 1].to);
        self.advance();
        self.fragment(from, self.text[from..to].to_owned(), SELECT).map(Kind::Perform)
    }

    /// A statement of SQL, from whose text INTO is taken.
    pub(super) fn sql(&mut self) -> Result<Kind> {
        let start = self.next;
        self.refuse_unknown_target()?;
        self.skip_statement(start, "unexpected end of function definition")?;
        let end = self.next;
        let mut into = None;
        let mut cut = None;
        let begins_with = |word: &str| self.tokens[start].is(word);
        let may_store = !begins_with("create") && !begins_with("import");
        for at in start + 1..end {
            let before = &self.tokens[at - 1];
            let is_own = self.tokens[at].is("into") && !before.is("insert") && !before.is("merge");
            if !is_own || !may_store {
                continue;
            }
            if into.is_some() {
                return Err(self.refusal(at, SqlState::SYNTAX_ERROR, "INTO specified more than once"));
            }
            self.next = at + 1;
            into = Some(self.into()?);
            cut = Some((self.tokens[at].from, self.tokens[self.next - 1].to));
        }
        self.next = end;
        self.advance();
        let (from, to) = (self.tokens[start].from, self.tokens[end - 1].to);
        let mut text = self.text[from..to].to_owned();
        if let Some((begins, ends)) = cut {
            // What follows stays where it was.
            let blank: String = text[begins - from..ends - from].chars().map(|_| ' ').collect();
            text.replace_range(begins - from..ends - from, &blank);
        }
        let fragment = self.fragment(from, text, "")?;
        Ok(Kind::Sql { fragment, into })
    }

    /// EXECUTE.
    pub(super) fn execute(&mut self) -> Result<Kind> {
        self.advance();
        let text = self.expression_before_any(&["into", "using", ";"])?;
        let (mut into, mut using) = (None, Vec::new());
        loop {
            let at = self.next;
            if self.word("into") {
                if into.is_some() {
                    return Err(self.error_at(at, "syntax error"));
                }
                into = Some(self.into()?);
            } else if self.word("using") {
                if !using.is_empty() {
                    return Err(self.error_at(at, "syntax error"));
                }
                using = self.using(&["into", "using", ";"])?;
            } else {
                self.expect_symbol(";")?;
                return Ok(Kind::Execute { text, into, using });
            }
        }
    }

    /// The values behind USING, up to one of the words.
    fn using(&mut self, ends: &[&str]) -> Result<Vec<FragmentId>> {
        let mut using = Vec::new();
        let mut all = vec![","];
        all.extend_from_slice(ends);
        loop {
            using.push(self.expression_before_any(&all)?);
            if !self.symbol(",") {
                return Ok(using);
            }
        }
    }

    /// What follows EXECUTE where rows are wanted, up to a word or symbol, which is taken.
    pub(super) fn computed_query(&mut self, end: &str) -> Result<QueryText> {
        let text = self.expression_before_any(&["using", end])?;
        let using = if self.word("using") { self.using(&[end])? } else { Vec::new() };
        self.advance();
        Ok(QueryText::Computed { text, using })
    }

    /// Keeps a text, if it is SQL.
    pub(super) fn fragment(&mut self, from: usize, text: String, before: &str) -> Result<FragmentId> {
        let position = self.position_of(from);
        let added = before.chars().count();
        let sql = format!("{before}{text}");
        let statement = parse_single(&sql).map_err(|error| {
            let inside = error.position;
            let place = inside.and_then(|inside| inside.checked_sub(added)).filter(|inside| *inside > 0);
            error.without_position().at(place.map(|inside| position + inside - 1))
        })?;
        check_statement(&sql, statement.as_ref()).map_err(|error| error.at(Some(position)))?;
        let fragment = Fragment { sql, text, assigns: None, place: self.place() };
        self.fragments.push(fragment);
        Ok(self.fragments.len() - 1)
    }
}

/// 0A000 for statements that no body runs.
pub(crate) fn check_statement(text: &str, statement: Option<&Statement>) -> Result<()> {
    let Some(statement) = statement else {
        return Err(Error::new(SqlState::SYNTAX_ERROR, "syntax error at end of input"));
    };
    match statement {
        Statement::Query(_)
        | Statement::Insert(_)
        | Statement::Update(_)
        | Statement::Delete(_)
        | Statement::Merge(_)
        | Statement::Call(_)
        | Statement::Definition(_)
        | Statement::Set { .. }
        | Statement::Reset(_)
        | Statement::SetConstraints { .. }
        | Statement::Notify { .. }
        | Statement::Lock { .. } => Ok(()),
        Statement::Begin { .. } | Statement::Savepoint(_) | Statement::Release(_) | Statement::RollbackTo(_) => {
            Err(Error::new(SqlState::FEATURE_NOT_SUPPORTED, "unsupported transaction command in PL/pgSQL"))
        }
        _ => {
            let verb = text.split_whitespace().next().unwrap_or_default().to_uppercase();
            Err(Error::unsupported(format!("{verb} in PL/pgSQL")))
        }
    }
}
