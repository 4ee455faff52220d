//! DECLARE: variables, constants and aliases.

use super::super::lexer::Token;
use super::super::tree::*;
use super::Parser;
use crate::error::{Error, Result, SqlState};

impl Parser<'_> {
    /// The declarations before BEGIN, each seen by those behind it.
    pub(super) fn declarations(&mut self) -> Result<Vec<usize>> {
        let mut declares = Vec::new();
        if !self.word("declare") {
            return Ok(declares);
        }
        while !self.peek().is("begin") {
            if self.word("declare") {
                continue;
            }
            if self.peek().is_symbol("<<") {
                let words = "block label must be placed before DECLARE, not after";
                return Err(self.refusal(self.next, SqlState::SYNTAX_ERROR, words));
            }
            declares.extend(self.declaration()?);
        }
        Ok(declares)
    }

    fn declaration(&mut self) -> Result<Option<usize>> {
        let at = self.next;
        let line = self.line_of(self.peek().from);
        let name = self.identifier()?;
        let scope = &self.names.scopes[self.scope];
        if scope.variables.iter().any(|known| known.name == name) {
            return Err(self.error_at(at, "duplicate declaration"));
        }
        if self.word("alias") {
            self.expect_word("for")?;
            let (datum, has_fields) = self.aliased()?;
            self.expect_symbol(";")?;
            self.show(&name, datum, has_fields);
            return Ok(None);
        }
        if self.peek().is("cursor") || self.peek().is("scroll") || self.peek().is("no") && self.peek_at(1).is("scroll")
        {
            return Err(Error::unsupported("a cursor in PL/pgSQL"));
        }
        let constant = self.word("constant");
        let declared = self.declared_type()?;
        if declared == Declared::Type("refcursor".to_owned()) {
            return Err(Error::unsupported("a cursor in PL/pgSQL"));
        }
        if self.peek().is("collate") {
            return Err(Error::unsupported("COLLATE of a variable in PL/pgSQL"));
        }
        let not_null = match self.word("not") {
            true => {
                self.expect_word("null")?;
                true
            }
            false => false,
        };
        let has_default = self.symbol(":=") || self.symbol("=") || self.word("default");
        let default = match has_default {
            true => Some(self.expression_until(";")?),
            false => {
                self.expect_symbol(";")?;
                None
            }
        };
        if not_null && default.is_none() {
            let words = format!("variable \"{name}\" must have a default value, since it's declared NOT NULL");
            return Err(self.refusal(at, SqlState::NULL_VALUE_NOT_ALLOWED, words));
        }
        let datum = self.variable(&name, declared);
        let own = &mut self.data[datum];
        (own.line, own.constant, own.not_null, own.default) = (line, constant, not_null, default);
        Ok(Some(datum))
    }

    /// What an alias stands for: a variable, or `$n`.
    fn aliased(&mut self) -> Result<(usize, bool)> {
        let at = self.next;
        let found = self.peek().clone();
        if found.token == Token::Parameter {
            self.advance();
            let number: usize = self.text[found.from + 1..found.to].parse().unwrap_or(0);
            let inputs: Vec<usize> = self.input_data();
            let datum = number.checked_sub(1).and_then(|at| inputs.get(at)).copied();
            let datum = datum.ok_or_else(|| self.no_variable(at))?;
            return Ok((datum, true));
        }
        let mut names = vec![self.identifier()?];
        while self.symbol(".") {
            names.push(self.identifier()?);
        }
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        match self.names.find(self.place(), &names) {
            Some((datum, used)) if used == names.len() => Ok((datum, true)),
            _ => Err(self.no_variable(at)),
        }
    }

    fn no_variable(&self, at: usize) -> Error {
        let found = &self.tokens[at];
        let words = format!("variable \"{}\" does not exist", &self.text[found.from..found.to]);
        self.refusal(at, SqlState::UNDEFINED_OBJECT, words)
    }

    /// The data of the parameters that a call gives, in order: `$1`, `$2`, …
    fn input_data(&self) -> Vec<usize> {
        let parameters = self.function.parameters.iter().enumerate();
        parameters.filter(|(_, parameter)| parameter.mode.is_input()).map(|(at, _)| at).collect()
    }

    /// A type, up to what may follow it in a declaration.
    fn declared_type(&mut self) -> Result<Declared> {
        let start = self.next;
        let from = self.peek().from;
        if self.peek().is("record") && !self.peek_at(1).is_symbol("%") {
            self.advance();
            return Ok(Declared::Record);
        }
        let mut names = Vec::new();
        if let Token::Word { .. } = self.peek().token {
            names.push(self.identifier()?);
            while self.peek().is_symbol(".") && matches!(self.peek_at(1).token, Token::Word { .. }) {
                self.advance();
                names.push(self.identifier()?);
            }
        }
        if self.peek().is_symbol("%") && self.peek_at(1).is("type") {
            let parts: Vec<&str> = names.iter().map(String::as_str).collect();
            let percent = self.next;
            self.next += 2;
            return match self.names.find(self.place(), &parts) {
                Some((datum, used)) if used == parts.len() => Ok(Declared::Like(datum)),
                _ if names.len() > 1 => Ok(Declared::Column(names)),
                _ => Err(self.error_at(percent, "syntax error")),
            };
        }
        if self.peek().is_symbol("%") && self.peek_at(1).is("rowtype") {
            self.advance();
            self.advance();
            return Ok(Declared::Row(names));
        }
        self.next = start;
        let mut depth = 0usize;
        loop {
            let token = self.peek();
            if depth == 0 {
                let ends = [";", ":=", "="].iter().any(|end| token.is_symbol(end))
                    || ["collate", "not", "default"].iter().any(|end| token.is(end));
                if ends {
                    break;
                }
            }
            match &token.token {
                Token::End if depth > 0 => return Err(self.error_here("mismatched parentheses")),
                Token::End => return Err(self.error_here("incomplete data type declaration")),
                Token::Symbol(";") => return Err(self.error_here("mismatched parentheses")),
                Token::Symbol("(" | "[") => depth += 1,
                Token::Symbol(")" | "]") => {
                    depth = depth.checked_sub(1).ok_or_else(|| self.error_here("mismatched parentheses"))?;
                }
                _ => {}
            }
            self.advance();
        }
        if self.next == start {
            return Err(self.error_here("missing data type declaration"));
        }
        let to = self.tokens[self.next - 1].to;
        Ok(Declared::Type(self.text[from..to].to_owned()))
    }
}
