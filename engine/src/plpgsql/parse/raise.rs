//! RAISE, ASSERT and GET DIAGNOSTICS.

use super::super::condition;
use super::super::lexer::Token;
use super::super::tree::*;
use super::Parser;
use crate::error::{Result, SqlState};

impl Parser<'_> {
    pub(super) fn raise(&mut self) -> Result<Kind> {
        let start = self.next;
        self.advance();
        let mut raise = Raise {
            level: Level::Exception,
            format: None,
            parameters: Vec::new(),
            condition: None,
            options: Vec::new(),
        };
        if self.symbol(";") {
            return Ok(Kind::Raise(Box::new(raise)));
        }
        let levels = [
            ("exception", Level::Exception),
            ("warning", Level::Warning),
            ("notice", Level::Notice),
            ("info", Level::Info),
            ("log", Level::Log),
            ("debug", Level::Debug),
        ];
        if let Some((_, level)) = levels.into_iter().find(|(word, _)| self.peek().is(word)) {
            raise.level = level;
            self.advance();
        }
        let found = self.peek().clone();
        match found.token {
            Token::Text(format) => {
                raise.format = Some(format);
                self.advance();
                while self.symbol(",") {
                    raise.parameters.push(self.expression_before_any(&[",", "using", ";"])?);
                }
            }
            Token::Word { value, quoted: false } if value == "using" => {}
            Token::Word { value, .. } if value == "sqlstate" => {
                self.advance();
                let Token::Text(code) = self.peek().token.clone() else { return Err(self.syntax_error()) };
                if !condition::is_state(&code) {
                    return Err(self.error_here("invalid SQLSTATE code"));
                }
                self.advance();
                raise.condition = Some(code);
            }
            Token::Word { value, .. } => {
                if condition::codes(&value).next().is_none() {
                    let words = format!("unrecognized exception condition \"{value}\"");
                    return Err(self.refusal(self.next, SqlState::UNDEFINED_OBJECT, words));
                }
                self.advance();
                raise.condition = Some(value);
            }
            _ => return Err(self.syntax_error()),
        }
        if self.word("using") {
            loop {
                let option = self.raise_option()?;
                if !self.symbol("=") {
                    self.expect_symbol(":=")?;
                }
                let value = self.expression_before_any(&[",", ";"])?;
                raise.options.push((option, value));
                if !self.symbol(",") {
                    break;
                }
            }
        }
        self.expect_symbol(";")?;
        if let Some(format) = &raise.format {
            let wanted = format.replace("%%", "").matches('%').count();
            let words = match raise.parameters.len() {
                given if given < wanted => Some("too few parameters specified for RAISE"),
                given if given > wanted => Some("too many parameters specified for RAISE"),
                _ => None,
            };
            if let Some(words) = words {
                return Err(self.refusal(start, SqlState::SYNTAX_ERROR, words));
            }
        }
        Ok(Kind::Raise(Box::new(raise)))
    }

    fn raise_option(&mut self) -> Result<RaiseOption> {
        let options = [
            RaiseOption::Code,
            RaiseOption::Message,
            RaiseOption::Detail,
            RaiseOption::Hint,
            RaiseOption::Column,
            RaiseOption::Constraint,
            RaiseOption::DataType,
            RaiseOption::Table,
            RaiseOption::Schema,
        ];
        let found = options.into_iter().find(|option| self.peek().is(&option.word().to_ascii_lowercase()));
        let option = found.ok_or_else(|| self.error_here("unrecognized RAISE statement option"))?;
        self.advance();
        Ok(option)
    }

    pub(super) fn assertion(&mut self) -> Result<Kind> {
        self.advance();
        let condition = self.expression_before_any(&[",", ";"])?;
        let message = if self.symbol(",") { Some(self.expression_before(";")?) } else { None };
        self.expect_symbol(";")?;
        Ok(Kind::Assert { condition, message })
    }

    pub(super) fn diagnostics(&mut self) -> Result<Kind> {
        self.advance();
        let stacked = self.word("stacked");
        if !stacked {
            self.word("current");
        }
        self.expect_word("diagnostics")?;
        let mut items = Vec::new();
        loop {
            let target = self.target()?;
            if !self.symbol("=") {
                self.expect_symbol(":=")?;
            }
            let at = self.next;
            let name = self.identifier().unwrap_or_default();
            let (item, of_stack) = match name.as_str() {
                "row_count" => (Diagnostic::RowCount, Some(false)),
                "pg_context" => (Diagnostic::Context, None),
                "pg_exception_context" => (Diagnostic::ErrorContext, Some(true)),
                "pg_exception_detail" => (Diagnostic::ErrorDetail, Some(true)),
                "pg_exception_hint" => (Diagnostic::ErrorHint, Some(true)),
                "returned_sqlstate" => (Diagnostic::State, Some(true)),
                "column_name" => (Diagnostic::Column, Some(true)),
                "constraint_name" => (Diagnostic::Constraint, Some(true)),
                "pg_datatype_name" => (Diagnostic::DataType, Some(true)),
                "message_text" => (Diagnostic::Message, Some(true)),
                "table_name" => (Diagnostic::Table, Some(true)),
                "schema_name" => (Diagnostic::Schema, Some(true)),
                _ => return Err(self.error_at(at, "unrecognized GET DIAGNOSTICS item")),
            };
            if of_stack.is_some_and(|of_stack| of_stack != stacked) {
                let which = if stacked { "STACKED" } else { "CURRENT" };
                let words =
                    format!("diagnostics item {} is not allowed in GET {which} DIAGNOSTICS", name.to_uppercase());
                return Err(self.refusal(at, SqlState::SYNTAX_ERROR, words));
            }
            if item == Diagnostic::Context {
                return Err(crate::error::Error::unsupported("PG_CONTEXT in GET DIAGNOSTICS"));
            }
            items.push((target, item));
            if !self.symbol(",") {
                break;
            }
        }
        self.expect_symbol(";")?;
        Ok(Kind::Diagnostics { stacked, items })
    }
}
