//! What is assigned to: by an assignment, INTO, and the loops that go over something.

use super::super::lexer::Token;
use super::super::tree::*;
use super::{ERROR_IN_ASSIGNMENT, Parser};
use crate::error::{Error, Result, SqlState};
use crate::types::oid;

impl Parser<'_> {
    /// `target := value`, if a variable stands there and an assignment follows it.
    pub(super) fn assignment(&mut self) -> Result<Option<Kind>> {
        let start = self.next;
        let is_parameter = self.peek().token == Token::Parameter;
        if !is_parameter && !matches!(self.peek().token, Token::Word { .. }) {
            return Ok(None);
        }
        let Some((end, subscripted)) = self.path_end(start) else { return Ok(None) };
        let assigns = self.tokens[end].is_symbol(":=") || self.tokens[end].is_symbol("=");
        if !assigns {
            return Ok(None);
        }
        let Some(target) = self.target_at(start, end, subscripted)? else { return Ok(None) };
        self.next = end + 1;
        let value = self.expression_until(";")?;
        let (from, to) = (self.tokens[start].from, self.tokens[self.next - 2].to);
        self.fragments[value].assigns = Some(self.text[from..to].to_owned());
        Ok(Some(Kind::Assign { target, value }))
    }

    /// Behind the last token of a name with fields and subscripts, and whether it has subscripts.
    fn path_end(&self, start: usize) -> Option<(usize, bool)> {
        let mut at = start + 1;
        let mut subscripted = false;
        loop {
            let token = self.tokens.get(at)?;
            if token.is_symbol(".") && matches!(self.tokens.get(at + 1)?.token, Token::Word { .. }) {
                at += 2;
            } else if token.is_symbol("[") {
                let mut depth = 0usize;
                loop {
                    match self.tokens.get(at)?.token {
                        Token::Symbol("[") => depth += 1,
                        Token::Symbol("]") => depth -= 1,
                        Token::End | Token::Symbol(";") => return None,
                        _ => {}
                    }
                    at += 1;
                    if depth == 0 {
                        break;
                    }
                }
                subscripted = true;
            } else {
                return Some((at, subscripted));
            }
        }
    }

    /// The variable of a name, and what of it is meant; None if it is no variable's.
    fn target_at(&self, start: usize, end: usize, subscripted: bool) -> Result<Option<Target>> {
        let mut names = Vec::new();
        let mut at = start;
        let place = self.place();
        let first = &self.tokens[start];
        let found = if first.token == Token::Parameter {
            let number: usize = self.text[first.from + 1..first.to].parse().unwrap_or(0);
            let mut inputs = self.function.parameters.iter().enumerate().filter(|(_, one)| one.mode.is_input());
            number.checked_sub(1).and_then(|at| inputs.nth(at)).map(|(datum, _)| (datum, 1))
        } else {
            while at < end {
                let Token::Word { value, .. } = &self.tokens[at].token else { break };
                names.push(value.clone());
                match self.tokens.get(at + 1) {
                    Some(next) if next.is_symbol(".") && at + 2 < end => at += 2,
                    _ => break,
                }
            }
            let parts: Vec<&str> = names.iter().map(String::as_str).collect();
            self.names.find(place, &parts)
        };
        let Some((datum, used)) = found else { return Ok(None) };
        let own = &self.data[datum];
        if own.constant {
            let words = format!("variable \"{}\" is declared CONSTANT", own.name);
            return Err(self.refusal(start, ERROR_IN_ASSIGNMENT, words));
        }
        let is_record = self.declares_record(datum);
        let fields = names.get(used..).unwrap_or_default();
        let (field, part) = match fields {
            [] if !subscripted => (None, None),
            [only] if !subscripted => (Some(only.clone()), None),
            _ if is_record => {
                return Err(Error::unsupported("an assignment to a part of a field of a record")
                    .at(Some(self.position_of(first.from))));
            }
            _ => {
                // The names before the variable's own are labels.
                let from = self.tokens[start + 2 * (used - 1)].from;
                (None, Some(self.text[from..self.tokens[end - 1].to].to_owned()))
            }
        };
        Ok(Some(Target { datum, field, part, place }))
    }

    fn declares_record(&self, datum: usize) -> bool {
        let mut at = datum;
        loop {
            match &self.data[at].declared {
                Declared::Record => return true,
                Declared::Like(other) => at = *other,
                Declared::Parameter(at) => return self.function.parameters[*at].ty == oid::RECORD,
                _ => return false,
            }
        }
    }

    /// 42601 if an assignment stands there to what is no variable.
    pub(super) fn refuse_unknown_target(&self) -> Result<()> {
        let Some((end, _)) = self.path_end(self.next) else { return Ok(()) };
        let assigns = self.tokens[end].is_symbol(":=") || self.tokens[end].is_symbol("=");
        let single = end == self.next + 1;
        if assigns || single && self.tokens[end].is_symbol("[") {
            return Err(self.not_variable(self.next, end));
        }
        Ok(())
    }

    fn not_variable(&self, start: usize, end: usize) -> Error {
        let names = self.tokens[start..end].iter().filter_map(|token| match &token.token {
            Token::Word { value, .. } => Some(value.as_str()),
            _ => None,
        });
        let words = format!("\"{}\" is not a known variable", names.collect::<Vec<_>>().join("."));
        self.refusal(start, SqlState::SYNTAX_ERROR, words)
    }

    /// One variable, or a field of one.
    pub(super) fn target(&mut self) -> Result<Target> {
        let start = self.next;
        if !matches!(self.peek().token, Token::Word { .. } | Token::Parameter) {
            return Err(self.syntax_error());
        }
        let Some((end, subscripted)) = self.path_end(start) else { return Err(self.syntax_error()) };
        if subscripted {
            let bracket = (start..end).find(|at| self.tokens[*at].is_symbol("[")).unwrap_or(start);
            return Err(self.error_at(bracket, "syntax error"));
        }
        let Some(target) = self.target_at(start, end, false)? else { return Err(self.not_variable(start, end)) };
        self.next = end;
        Ok(target)
    }

    /// What follows INTO: `[STRICT]` and variables.
    pub(super) fn into(&mut self) -> Result<Into> {
        let strict = self.word("strict");
        let mut into = self.targets()?;
        into.strict = strict;
        Ok(into)
    }

    /// One variable that takes a row, or several that take a column each.
    fn targets(&mut self) -> Result<Into> {
        let mut targets = Vec::new();
        loop {
            let at = self.next;
            let target = self.target()?;
            let is_row = target.field.is_none() && target.part.is_none() && self.declares_record(target.datum);
            if is_row && (!targets.is_empty() || self.peek().is_symbol(",")) {
                let words = "record variable cannot be part of multiple-item INTO list";
                return Err(self.refusal(at, SqlState::SYNTAX_ERROR, words));
            }
            targets.push(target);
            if !self.symbol(",") {
                break;
            }
        }
        let whole = targets.len() == 1 && targets[0].field.is_none();
        Ok(Into { strict: false, whole, targets })
    }

    /// What stands between FOR and its body.
    pub(super) fn for_loop(&mut self) -> Result<LoopKind> {
        let start = self.next;
        let is_single = matches!(self.peek().token, Token::Word { .. }) && self.peek_at(1).is("in");
        // What follows IN tells which loop it is.
        let behind = match is_single {
            true => start + 2,
            false => {
                let mut at = start;
                while !self.tokens[at].is("in") && self.tokens[at].token != Token::End {
                    at += 1;
                }
                at + 1
            }
        };
        let reverse = self.tokens.get(behind).is_some_and(|token| token.is("reverse"));
        let is_computed = self.tokens.get(behind).is_some_and(|token| token.is("execute"));
        if !is_computed && self.has_range(behind + usize::from(reverse)) {
            if !is_single {
                let words = "integer FOR loop must have only one target variable";
                return Err(self.refusal(start, SqlState::SYNTAX_ERROR, words));
            }
            let name = self.identifier()?;
            self.next = behind + usize::from(reverse);
            let lower = self.expression_until("..")?;
            let upper = self.expression_before_any(&["by", "loop"])?;
            let step = if self.word("by") { Some(self.expression_before("loop")?) } else { None };
            self.expect_word("loop")?;
            let variable = self.variable(&name, Declared::Known(oid::INT4));
            return Ok(LoopKind::Integers { variable, lower, upper, step, reverse });
        }
        if reverse {
            let words = "cannot specify REVERSE in query FOR loop";
            return Err(self.refusal(behind, SqlState::SYNTAX_ERROR, words));
        }
        let known = self.path_end(start).map(|(end, subscripted)| self.target_at(start, end, subscripted));
        if is_single && matches!(known, Some(Ok(None)) | None) {
            let words = "loop variable of loop over rows must be a record variable or list of scalar variables";
            return Err(self.refusal(start, SqlState::DATATYPE_MISMATCH, words));
        }
        let into = self.targets()?;
        self.expect_word("in")?;
        if self.word("execute") {
            let query = self.computed_query("loop")?;
            return Ok(LoopKind::Rows { into, query });
        }
        let first = self.next;
        self.skip_to(&["loop"])?;
        if self.next == first {
            return Err(self.error_here("missing SQL statement"));
        }
        let (from, to) = (self.tokens[first].from, self.tokens[self.next - 1].to);
        let begins_query =
            ["select", "with", "values", "table", "insert", "update", "delete", "merge", "show", "explain"];
        let is_query = begins_query.iter().any(|word| self.tokens[first].is(word)) || self.tokens[first].is_symbol("(");
        if let Token::Word { .. } = self.tokens[first].token
            && !is_query
            && (self.tokens[first + 1].is("loop") || self.tokens[first + 1].is_symbol("("))
        {
            return Err(Error::unsupported("FOR over a cursor in PL/pgSQL"));
        }
        self.advance();
        let fragment = self.fragment(from, self.text[from..to].to_owned(), "")?;
        Ok(LoopKind::Rows { into, query: QueryText::Fixed(fragment) })
    }

    /// Whether `..` stands between a token and LOOP.
    fn has_range(&self, from: usize) -> bool {
        let mut depth = 0isize;
        for token in self.tokens.get(from..).unwrap_or_default() {
            match token.token {
                Token::Symbol("..") if depth == 0 => return true,
                Token::Symbol("(" | "[") => depth += 1,
                Token::Symbol(")" | "]") => depth -= 1,
                Token::Symbol(";") => return false,
                _ if token.is("loop") => return false,
                _ => {}
            }
        }
        false
    }

    /// What stands between FOREACH and its body.
    pub(super) fn foreach_loop(&mut self) -> Result<LoopKind> {
        let start = self.next;
        let known = self.path_end(start).map(|(end, subscripted)| self.target_at(start, end, subscripted));
        if matches!(known, Some(Ok(None)) | None) {
            let words = "loop variable of FOREACH must be a known variable or list of variables";
            return Err(self.refusal(start, SqlState::SYNTAX_ERROR, words));
        }
        let into = self.targets()?;
        let mut slice = 0;
        if self.word("slice") {
            let found = self.peek().clone();
            let digits = &self.text[found.from..found.to];
            slice = digits.parse().map_err(|_| self.syntax_error())?;
            self.advance();
        }
        self.expect_word("in")?;
        self.expect_word("array")?;
        let array = self.expression_until("loop")?;
        Ok(LoopKind::Elements { into, slice, array })
    }
}
