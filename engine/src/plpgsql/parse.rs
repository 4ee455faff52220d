//! Reading a body: its blocks and the statements that are control.
//!
//! Errors have PostgreSQL's words where its grammar has some, and the position of the token at which it says them.

pub(crate) use fragment::check_statement;

use super::condition;
use super::lexer::{Located, Token, tokens};
use super::tree::*;
use crate::catalog::SqlFunction;
use crate::error::{Error, Result, SqlState};
use crate::types::oid;

mod declare;
mod fragment;
mod raise;
mod target;

/// Deepest nesting of statements.
const NESTING_MAX: usize = 100;

/// `error_in_assignment`
const ERROR_IN_ASSIGNMENT: SqlState = SqlState("22005");

/// Reads the body of a function. 42601 for what is no PL/pgSQL, 0A000 for what of it is not there.
pub(crate) fn parse(function: &SqlFunction) -> Result<Code> {
    let tokens = tokens(&function.body)?;
    let parser = Parser {
        text: &function.body,
        tokens,
        next: 0,
        function,
        data: Vec::new(),
        names: Names::default(),
        scope: 0,
        fragments: Vec::new(),
        around: Vec::new(),
        depth: 0,
    };
    parser.body()
}

/// What is around a statement.
struct Around {
    label: Option<String>,
    is_loop: bool,
}

struct Parser<'t> {
    text: &'t str,
    tokens: Vec<Located>,
    next: usize,
    function: &'t SqlFunction,
    data: Vec<Datum>,
    names: Names,
    /// The innermost scope.
    scope: usize,
    fragments: Vec<Fragment>,
    around: Vec<Around>,
    depth: usize,
}

impl Parser<'_> {
    fn body(mut self) -> Result<Code> {
        let conflict = self.directives()?;
        self.names.scopes.push(Scope { label: Some(self.function.name.clone()), ..Scope::default() });
        for (at, parameter) in self.function.parameters.iter().enumerate() {
            let datum = self.data.len();
            self.data.push(Datum {
                name: parameter.name.clone(),
                line: 0,
                declared: Declared::Parameter(at),
                constant: false,
                not_null: false,
                default: None,
            });
            if !parameter.name.is_empty() {
                self.show(&parameter.name, datum, !is_plain(parameter.ty));
            }
        }
        let trigger = (self.function.returns == oid::TRIGGER).then(|| self.trigger_variables());
        let found = self.variable("found", Declared::Known(oid::BOOL));
        self.around.push(Around { label: Some(self.function.name.clone()), is_loop: false });
        let label = self.label()?;
        let block = self.block(label)?;
        self.symbol(";");
        if self.peek().token != Token::End {
            return Err(self.syntax_error());
        }
        let Self { data, names, fragments, .. } = self;
        Ok(Code { data, names, fragments, block, conflict, found, trigger })
    }

    /// What the function of a trigger knows of it.
    fn trigger_variables(&mut self) -> TriggerVariables {
        let new = self.variable("new", Declared::Record);
        let old = self.variable("old", Declared::Record);
        let told = [
            ("tg_name", oid::NAME),
            ("tg_when", oid::TEXT),
            ("tg_level", oid::TEXT),
            ("tg_op", oid::TEXT),
            ("tg_relid", oid::OID),
            ("tg_relname", oid::NAME),
            ("tg_table_name", oid::NAME),
            ("tg_table_schema", oid::NAME),
            ("tg_nargs", oid::INT4),
            ("tg_argv", oid::TEXT_ARRAY),
        ];
        let told = told.map(|(name, ty)| self.variable(name, Declared::Known(ty)));
        TriggerVariables { new, old, told }
    }

    /// `#variable_conflict …` and the like, before everything else.
    fn directives(&mut self) -> Result<Conflict> {
        let mut conflict = Conflict::default();
        while self.symbol("#") {
            if self.word("variable_conflict") {
                conflict = match () {
                    () if self.word("error") => Conflict::Error,
                    () if self.word("use_variable") => Conflict::Variable,
                    () if self.word("use_column") => Conflict::Column,
                    () => return Err(self.syntax_error()),
                };
            } else if self.word("option") || self.word("print_strict_params") {
                return Err(Error::unsupported("#print_strict_params and #option of a function"));
            } else {
                return Err(self.syntax_error());
            }
        }
        Ok(conflict)
    }

    fn peek(&self) -> &Located {
        &self.tokens[self.next.min(self.tokens.len() - 1)]
    }

    fn peek_at(&self, ahead: usize) -> &Located {
        &self.tokens[(self.next + ahead).min(self.tokens.len() - 1)]
    }

    fn advance(&mut self) {
        self.next = (self.next + 1).min(self.tokens.len() - 1);
    }

    fn word(&mut self, keyword: &str) -> bool {
        let is_it = self.peek().is(keyword);
        if is_it {
            self.advance();
        }
        is_it
    }

    fn symbol(&mut self, symbol: &str) -> bool {
        let is_it = self.peek().is_symbol(symbol);
        if is_it {
            self.advance();
        }
        is_it
    }

    fn expect_word(&mut self, keyword: &str) -> Result<()> {
        if self.word(keyword) { Ok(()) } else { Err(self.syntax_error()) }
    }

    fn expect_symbol(&mut self, symbol: &str) -> Result<()> {
        if self.symbol(symbol) { Ok(()) } else { Err(self.syntax_error()) }
    }

    /// The next identifier.
    fn identifier(&mut self) -> Result<String> {
        let Token::Word { value, .. } = &self.peek().token else { return Err(self.syntax_error()) };
        let value = value.clone();
        self.advance();
        Ok(value)
    }

    /// The line of a place, from 1.
    fn line_of(&self, offset: usize) -> usize {
        // A line break right behind the quotes does not count for the first line in PostgreSQL either.
        1 + self.text[..offset].matches('\n').count()
    }

    fn position_of(&self, offset: usize) -> usize {
        self.text[..offset].chars().count() + 1
    }

    fn error_here(&self, words: &str) -> Error {
        self.error_at(self.next, words)
    }

    /// 42601 at a token.
    fn error_at(&self, token: usize, words: &str) -> Error {
        let found = &self.tokens[token.min(self.tokens.len() - 1)];
        let message = match found.token {
            Token::End => format!("{words} at end of input"),
            _ => format!("{words} at or near \"{}\"", &self.text[found.from..found.to]),
        };
        Error::new(SqlState::SYNTAX_ERROR, message).at(Some(self.position_of(found.from)))
    }

    fn syntax_error(&self) -> Error {
        self.error_here("syntax error")
    }

    /// An error of a code at a token.
    fn refusal(&self, token: usize, state: SqlState, words: impl std::convert::Into<String>) -> Error {
        let found = &self.tokens[token.min(self.tokens.len() - 1)];
        Error::new(state, words.into()).at(Some(self.position_of(found.from)))
    }

    /// Makes a variable that has a name in the innermost scope.
    fn variable(&mut self, name: &str, declared: Declared) -> usize {
        let datum = self.data.len();
        // Of the types that SQL says more is known where they are looked up.
        let has_fields = !matches!(declared, Declared::Known(_) | Declared::Any);
        let line = self.line_of(self.peek().from);
        let name_kept = name.to_owned();
        self.data.push(Datum { name: name_kept, line, declared, constant: false, not_null: false, default: None });
        self.show(name, datum, has_fields);
        datum
    }

    fn show(&mut self, name: &str, datum: usize, has_fields: bool) {
        let variable = Variable { name: name.to_owned(), datum, has_fields };
        self.names.scopes[self.scope].variables.push(variable);
    }

    fn enter(&mut self, label: Option<String>) {
        let outer = Some(self.scope);
        self.scope = self.names.scopes.len();
        self.names.scopes.push(Scope { label, outer, variables: Vec::new() });
    }

    fn leave(&mut self) {
        self.scope = self.names.scopes[self.scope].outer.unwrap_or(0);
    }

    fn place(&self) -> Place {
        Place { scope: self.scope, visible: self.names.scopes[self.scope].variables.len() }
    }

    /// `<<label>>`, if one is there.
    fn label(&mut self) -> Result<Option<String>> {
        if !self.symbol("<<") {
            return Ok(None);
        }
        let label = self.identifier()?;
        self.expect_symbol(">>")?;
        Ok(Some(label))
    }

    /// The label behind an END, which has to be that of the block.
    fn end_label(&mut self, label: Option<&str>) -> Result<()> {
        let at = self.next;
        if !matches!(self.peek().token, Token::Word { .. }) {
            return Ok(());
        }
        let said = self.identifier()?;
        match label {
            None => {
                let words = format!("end label \"{said}\" specified for unlabeled block");
                Err(self.refusal(at, SqlState::SYNTAX_ERROR, words))
            }
            Some(label) if label != said => {
                let words = format!("end label \"{said}\" differs from block's label \"{label}\"");
                Err(self.refusal(at, SqlState::SYNTAX_ERROR, words))
            }
            Some(_) => Ok(()),
        }
    }

    /// `[DECLARE …] BEGIN … [EXCEPTION …] END [label]`
    fn block(&mut self, label: Option<String>) -> Result<Block> {
        self.enter(label.clone());
        let declares = self.declarations()?;
        self.expect_word("begin")?;
        self.around.push(Around { label: label.clone(), is_loop: false });
        let statements = self.statements(&["end", "exception"])?;
        let exception = if self.word("exception") { Some(self.exception()?) } else { None };
        self.expect_word("end")?;
        self.around.pop();
        self.leave();
        self.end_label(label.as_deref())?;
        Ok(Block { label, declares, statements, exception })
    }

    fn exception(&mut self) -> Result<Exception> {
        self.enter(None);
        let state = self.variable("sqlstate", Declared::Known(oid::TEXT));
        let message = self.variable("sqlerrm", Declared::Known(oid::TEXT));
        self.data[state].constant = true;
        self.data[message].constant = true;
        let mut handlers = Vec::new();
        while self.word("when") {
            let mut conditions = Vec::new();
            loop {
                self.condition(&mut conditions)?;
                if !self.word("or") {
                    break;
                }
            }
            self.expect_word("then")?;
            let statements = self.statements(&["when", "end"])?;
            handlers.push(Handler { conditions, statements });
        }
        if handlers.is_empty() {
            return Err(self.syntax_error());
        }
        self.leave();
        Ok(Exception { handlers, state, message })
    }

    fn condition(&mut self, conditions: &mut Vec<Condition>) -> Result<()> {
        let at = self.next;
        let name = self.identifier()?;
        if name == "sqlstate" {
            let Token::Text(code) = &self.peek().token else { return Err(self.syntax_error()) };
            let code = code.clone();
            if !condition::is_state(&code) {
                return Err(self.error_here("invalid SQLSTATE code"));
            }
            self.advance();
            conditions.push(Condition::State(code));
        } else if name == "others" {
            conditions.push(Condition::Others);
        } else {
            let before = conditions.len();
            conditions.extend(condition::codes(&name).map(|code| Condition::State(code.to_owned())));
            if conditions.len() == before {
                let words = format!("unrecognized exception condition \"{name}\"");
                return Err(self.refusal(at, SqlState::UNDEFINED_OBJECT, words));
            }
        }
        // A query that goes on after it was cancelled would have to be told from one that was not.
        let cancels = |one: &Condition| matches!(one, Condition::State(code) if code == SqlState::QUERY_CANCELED.0);
        if conditions.iter().any(cancels) {
            return Err(Error::unsupported("WHEN query_canceled in EXCEPTION"));
        }
        Ok(())
    }

    /// Statements up to one of the words.
    fn statements(&mut self, ends: &[&str]) -> Result<Vec<Statement>> {
        if self.depth >= NESTING_MAX {
            return Err(Error::new(SqlState::STATEMENT_TOO_COMPLEX, "stack depth limit exceeded")
                .with_hint(format!("Statements of a function are nested to a depth of {NESTING_MAX}.")));
        }
        self.depth += 1;
        let mut statements = Vec::new();
        while !ends.iter().any(|end| self.peek().is(end)) {
            if self.peek().token == Token::End {
                return Err(self.syntax_error());
            }
            statements.push(self.statement()?);
        }
        self.depth -= 1;
        Ok(statements)
    }

    fn statement(&mut self) -> Result<Statement> {
        let line = self.line_of(self.peek().from);
        let label = self.label()?;
        let kind = match label {
            Some(label) => self.labelled(label)?,
            None => self.kind()?,
        };
        Ok(Statement { line, kind })
    }

    fn labelled(&mut self, label: String) -> Result<Kind> {
        let label = Some(label);
        if self.peek().is("declare") || self.peek().is("begin") {
            let block = self.block(label)?;
            self.expect_symbol(";")?;
            return Ok(Kind::Block(block));
        }
        self.looped(label)?.ok_or_else(|| self.syntax_error())
    }

    fn kind(&mut self) -> Result<Kind> {
        if let Some(assignment) = self.assignment()? {
            return Ok(assignment);
        }
        if self.peek().is("declare") || self.peek().is("begin") {
            let block = self.block(None)?;
            self.expect_symbol(";")?;
            return Ok(Kind::Block(block));
        }
        if let Some(looped) = self.looped(None)? {
            return Ok(looped);
        }
        let keyword = match &self.peek().token {
            Token::Word { value, quoted: false } => value.clone(),
            Token::Word { .. } => String::new(),
            _ => return Err(self.syntax_error()),
        };
        match keyword.as_str() {
            "if" => self.conditional(),
            "case" => self.case(),
            "exit" | "continue" => self.leave_loop(keyword == "continue"),
            "return" => self.returned(),
            "raise" => self.raise(),
            "assert" => self.assertion(),
            "perform" => self.perform(),
            "execute" => self.execute(),
            "get" => self.diagnostics(),
            "null" if self.peek_at(1).is_symbol(";") => {
                self.advance();
                self.advance();
                Ok(Kind::Null)
            }
            "commit" | "rollback" => {
                self.advance();
                if self.word("and") {
                    let chains = !self.word("no");
                    self.expect_word("chain")?;
                    if chains {
                        return Err(Error::unsupported(format!("{} AND CHAIN in PL/pgSQL", keyword.to_uppercase())));
                    }
                }
                self.expect_symbol(";")?;
                Ok(Kind::EndTransaction { commits: keyword == "commit" })
            }
            "open" | "fetch" | "move" | "close" => {
                Err(Error::unsupported(format!("{} of a cursor in PL/pgSQL", keyword.to_uppercase())))
            }
            "elsif" | "elseif" | "else" | "when" | "then" | "end" | "exception" | "using" | "into" | "to" | "loop" => {
                Err(self.syntax_error())
            }
            _ => self.sql(),
        }
    }

    fn conditional(&mut self) -> Result<Kind> {
        self.advance();
        let mut arms = Vec::new();
        let mut otherwise = Vec::new();
        let ends = ["elsif", "elseif", "else", "end"];
        let condition = self.expression_until("then")?;
        arms.push(Arm { condition, statements: self.statements(&ends)? });
        loop {
            if self.word("elsif") || self.word("elseif") {
                let condition = self.expression_until("then")?;
                arms.push(Arm { condition, statements: self.statements(&ends)? });
                continue;
            }
            if self.word("else") {
                otherwise = self.statements(&["end"])?;
            }
            break;
        }
        self.expect_word("end")?;
        self.expect_word("if")?;
        self.expect_symbol(";")?;
        Ok(Kind::If { arms, otherwise })
    }

    fn case(&mut self) -> Result<Kind> {
        self.advance();
        let mut subject = None;
        if !self.peek().is("when") {
            let value = self.expression_before("when")?;
            // The subject is compared by a name that no body can say otherwise.
            let name = format!("__case__variable_{}__", self.data.len());
            self.enter(None);
            subject = Some((value, self.variable(&name, Declared::Any), name));
        }
        let mut arms = Vec::new();
        let mut otherwise = None;
        let ends = ["when", "else", "end"];
        if !self.peek().is("when") {
            return Err(self.syntax_error());
        }
        while self.word("when") {
            let condition = self.expression_until("then")?;
            if let Some((_, _, name)) = &subject {
                let before = format!("SELECT \"{name}\" IN (");
                let fragment = &mut self.fragments[condition];
                fragment.sql = format!("{before}{})", fragment.text);
            }
            arms.push(Arm { condition, statements: self.statements(&ends)? });
        }
        if self.word("else") {
            otherwise = Some(self.statements(&["end"])?);
        }
        self.expect_word("end")?;
        self.expect_word("case")?;
        self.expect_symbol(";")?;
        if subject.is_some() {
            self.leave();
        }
        Ok(Kind::Case { subject: subject.map(|(value, datum, _)| (value, datum)), arms, otherwise })
    }

    /// LOOP, WHILE, FOR and FOREACH.
    fn looped(&mut self, label: Option<String>) -> Result<Option<Kind>> {
        let known = ["loop", "while", "for", "foreach"];
        let Some(word) = known.into_iter().find(|word| self.peek().is(word)) else { return Ok(None) };
        self.advance();
        self.enter(label.clone());
        let kind = match word {
            "loop" => LoopKind::Forever,
            "while" => LoopKind::While(self.expression_until("loop")?),
            "for" => self.for_loop()?,
            _ => self.foreach_loop()?,
        };
        self.around.push(Around { label: label.clone(), is_loop: true });
        let body = self.statements(&["end"])?;
        self.around.pop();
        self.expect_word("end")?;
        self.expect_word("loop")?;
        self.leave();
        self.end_label(label.as_deref())?;
        self.expect_symbol(";")?;
        Ok(Some(Kind::Loop(Loop { label, kind, body })))
    }

    fn leave_loop(&mut self, continues: bool) -> Result<Kind> {
        let at = self.next;
        self.advance();
        let mut label = None;
        if matches!(self.peek().token, Token::Word { .. }) && !self.peek().is("when") {
            let said_at = self.next;
            let said = self.identifier()?;
            let Some(around) = self.around.iter().rev().find(|around| around.label.as_ref() == Some(&said)) else {
                let words =
                    format!("there is no label \"{said}\" attached to any block or loop enclosing this statement");
                return Err(self.refusal(said_at, SqlState::SYNTAX_ERROR, words));
            };
            if continues && !around.is_loop {
                let words = format!("block label \"{said}\" cannot be used in CONTINUE");
                return Err(self.refusal(said_at, SqlState::SYNTAX_ERROR, words));
            }
            label = Some(said);
        } else if !self.around.iter().any(|around| around.is_loop) {
            let words = match continues {
                true => "CONTINUE cannot be used outside a loop",
                false => "EXIT cannot be used outside a loop, unless it has a label",
            };
            return Err(self.refusal(at, SqlState::SYNTAX_ERROR, words));
        }
        let when = if self.word("when") { Some(self.expression_until(";")?) } else { None };
        if when.is_none() {
            self.expect_symbol(";")?;
        }
        Ok(Kind::Leave { continues, label, when })
    }

    fn returned(&mut self) -> Result<Kind> {
        let at = self.next;
        self.advance();
        let function = self.function;
        let mismatch = |parser: &Self, words: &str| parser.refusal(parser.next, SqlState::DATATYPE_MISMATCH, words);
        let has_results = function.results().next().is_some();
        if self.word("next") {
            if !function.set {
                return Err(self.refusal(
                    at,
                    SqlState::DATATYPE_MISMATCH,
                    "cannot use RETURN NEXT in a non-SETOF function",
                ));
            }
            if has_results {
                if !self.peek().is_symbol(";") {
                    return Err(mismatch(self, "RETURN NEXT cannot have a parameter in function with OUT parameters"));
                }
                self.advance();
                return Ok(Kind::ReturnNext(None));
            }
            return Ok(Kind::ReturnNext(Some(self.expression_until(";")?)));
        }
        if self.word("query") {
            if !function.set {
                return Err(self.refusal(
                    at,
                    SqlState::DATATYPE_MISMATCH,
                    "cannot use RETURN QUERY in a non-SETOF function",
                ));
            }
            if self.word("execute") {
                return Ok(Kind::ReturnQuery(self.computed_query(";")?));
            }
            let fragment = self.statement_text(self.next)?;
            return Ok(Kind::ReturnQuery(QueryText::Fixed(fragment)));
        }
        let refused = match () {
            () if function.set => Some("RETURN cannot have a parameter in function returning set"),
            () if has_results => Some("RETURN cannot have a parameter in function with OUT parameters"),
            () if function.procedure => Some("RETURN cannot have a parameter in a procedure"),
            () if function.returns == oid::VOID => Some("RETURN cannot have a parameter in function returning void"),
            () => None,
        };
        let Some(words) = refused else { return Ok(Kind::Return(Some(self.expression_until(";")?))) };
        if self.symbol(";") {
            return Ok(Kind::Return(None));
        }
        if function.procedure && !has_results {
            return Err(self.refusal(self.next, SqlState::SYNTAX_ERROR, words));
        }
        let error = mismatch(self, words);
        Err(if function.set { error.with_hint("Use RETURN NEXT or RETURN QUERY.") } else { error })
    }
}

/// Whether values of the type have no fields, as far as a built-in type tells.
fn is_plain(ty: u32) -> bool {
    ty != oid::RECORD && ty < crate::types::defined::FIRST_OID
}
