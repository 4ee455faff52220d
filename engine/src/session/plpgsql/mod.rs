//! Running bodies of PL/pgSQL: a call keeps the variables, and a stack of what is under way in the body.
//!
//! The stack is the call's own and not Rust's: however deep blocks and loops lie in one another, a step of a call is as
//! deep as any other. What is SQL goes the way of the session's statements (`fragment`), with variables as parameters.
//! A block with EXCEPTION is a savepoint (`undo`).
//!
//! A caller has one way in, `Session::run_code`: a function, the columns that are wanted of each row that it answers, and the
//! values of its inputs in their order, of the types that the function declares. It has checked that the function may be called,
//! how deep calls are, and whether NULL calls it at all; it has also put the role and the settings of the function in force
//! (`function_run`). `Session::compiled` reads the body, once for a function as long as the catalog stays: `Compiled::inputs`
//! says which variable takes which input, `Compiled::shapes` what the variables are before anything runs, and
//! `Code::found` where FOUND is. What else a body is to find set is assigned to its variables between `Call::new` and the first
//! block, as `begin_call` does. Only a procedure or DO may end the transaction, and only if nothing around needs it (`end`).

mod answer;
mod assign;
mod block;
mod compile;
mod control;
mod end;
mod fragment;
mod raise;
mod trigger;
mod undo;

use std::sync::Arc;

pub(super) use compile::Compiled;
pub(super) use end::Ending;
use futures::future::BoxFuture;
use storage::Value;
use undo::Undo;

use super::Session;
use super::cancel::Interrupt;
use crate::catalog::SqlFunction;
use crate::error::{Error, Result, SqlState};
use crate::execute::RowStream;
use crate::function::Volatility;
use crate::plan::ColumnDescription;
use crate::plan::bind::Shape;
use crate::plpgsql::{Block, Kind, Loop, LoopKind, QueryText, Statement};
use crate::types::{Type, oid};

/// Rows of values.
pub(super) type ValueRows = Vec<Vec<Value>>;

/// Steps of calls after which a session lets others have their turn.
const STEPS_AT_ONCE: u32 = 256;

/// A call under way.
struct Call<'f> {
    compiled: &'f Compiled,
    /// What the caller takes of each row that is answered.
    columns: &'f [(String, Type)],
    /// Of each variable.
    values: Vec<Value>,
    shapes: Vec<Shape>,
    under_way: Vec<UnderWay<'f>>,
    /// What has been answered, and how many bytes that are.
    rows: ValueRows,
    row_bytes: usize,
    /// ROW_COUNT.
    row_count: u64,
    /// Whether each statement sees what those before it have written.
    is_volatile: bool,
    /// What runs, for errors.
    line: usize,
    what: &'static str,
    has_returned: bool,
    /// RAISE has raised the error that is handled once more.
    raises_again: bool,
    /// What is returned means nothing: it is for a statement that a trigger runs.
    answers_nothing: bool,
}

/// What is under way in a body.
enum UnderWay<'f> {
    Statements {
        all: &'f [Statement],
        next: usize,
    },
    /// A block, whose statements lie above it.
    Block {
        block: &'f Block,
        undo: Option<Box<Undo>>,
    },
    /// The error that the statements above handle.
    Handler(Box<Error>),
    Loop {
        of: &'f Loop,
        progress: Progress,
        has_run: bool,
    },
}

/// How far a loop is.
enum Progress {
    Conditional,
    Integers { next: Option<i32>, last: i32, step: i32, variable: usize },
    Rows(Box<Pulled>),
    Elements { values: std::vec::IntoIter<Value>, ty: Type },
}

/// The rows of a query as they are asked for.
struct Pulled {
    columns: Arc<[ColumnDescription]>,
    stream: RowStream,
    /// The statement that errors on the way tell of, if they tell of it.
    text: Option<Box<str>>,
    ready: std::vec::IntoIter<Vec<Value>>,
}

/// Where a body goes on.
enum Flow {
    Next,
    Leave { continues: bool, label: Option<String> },
    Return,
}

impl Session {
    /// Runs a body; answers rows as the call has its columns.
    ///
    /// The future is one of a known type, so that what a statement may run does not hold itself.
    pub(in crate::session) fn run_code<'a>(
        &'a mut self,
        function: &'a Arc<SqlFunction>,
        columns: &'a [(String, Type)],
        args: Vec<Value>,
        interrupt: &'a Interrupt,
    ) -> BoxFuture<'a, Result<ValueRows>> {
        Box::pin(self.run_body_of_code(function, columns, args, interrupt))
    }

    async fn run_body_of_code(
        &mut self,
        function: &Arc<SqlFunction>,
        columns: &[(String, Type)],
        args: Vec<Value>,
        interrupt: &Interrupt,
    ) -> Result<ValueRows> {
        let compiled = self.compiled(function).map_err(|error| {
            error.without_position().within(format!("compilation of PL/pgSQL function \"{}\"", function.name))
        })?;
        let mut call = Call::new(&compiled, columns);
        self.begin_call(&mut call, args)?;
        self.run_call(&mut call, interrupt).await?;
        self.finish_call(call)
    }

    /// Runs a body whose variables have their first values.
    async fn run_call<'f>(&mut self, call: &mut Call<'f>, interrupt: &Interrupt) -> Result<()> {
        let code = &call.compiled.code;
        call.line = 0;
        let entered = self.enter_block(call, &code.block, interrupt).await;
        if let Err(error) = entered {
            self.catch(call, error)?;
        }
        while !call.under_way.is_empty() {
            self.steps = self.steps.wrapping_add(1);
            if self.steps.is_multiple_of(STEPS_AT_ONCE) {
                tokio::task::yield_now().await;
                interrupt.check()?;
            }
            match self.step(call, interrupt).await {
                Ok(flow) => self.follow(call, flow)?,
                Err(error) => self.catch(call, error)?,
            }
        }
        Ok(())
    }

    /// Gives the variables their first values.
    fn begin_call(&mut self, call: &mut Call<'_>, args: Vec<Value>) -> Result<()> {
        let compiled = call.compiled;
        for (datum, value) in compiled.inputs.iter().zip(args) {
            let ty = compiled.shapes[*datum].ty();
            self.assign(call, *datum, value, ty)?;
        }
        call.values[compiled.code.found] = Value::Bool(false);
        Ok(())
    }

    /// What the call has answered.
    fn finish_call(&mut self, call: Call<'_>) -> Result<ValueRows> {
        let function = &call.compiled.function;
        if function.returns == oid::VOID && !function.set && !function.procedure {
            // Nothing is a value, and no NULL.
            return Ok(vec![vec![Value::Text("".into())]]);
        }
        if function.set || function.returns == oid::VOID {
            return Ok(call.rows);
        }
        if function.results().next().is_some() {
            return Ok(vec![call.result_values()]);
        }
        if !call.has_returned {
            return Err(Error::new(SqlState("2F005"), "control reached end of function without RETURN")
                .within(format!("PL/pgSQL function {}", call.title())));
        }
        Ok(call.rows)
    }

    /// One step of what is under way.
    async fn step(&mut self, call: &mut Call<'_>, interrupt: &Interrupt) -> Result<Flow> {
        let statement = match call.under_way.last_mut() {
            None => return Ok(Flow::Next),
            Some(UnderWay::Statements { all, next }) => {
                let (all, at) = (*all, *next);
                *next += 1;
                all.get(at)
            }
            Some(UnderWay::Loop { .. }) => {
                self.next_turn(call, interrupt).await?;
                return Ok(Flow::Next);
            }
            Some(UnderWay::Block { .. } | UnderWay::Handler(_)) => None,
        };
        match statement {
            Some(statement) => {
                call.line = statement.line;
                call.what = title(&statement.kind);
                Box::pin(self.run_statement(call, statement, interrupt)).await
            }
            None => {
                self.end_top(call)?;
                Ok(Flow::Next)
            }
        }
    }

    /// Ends what is on top of the stack, well.
    fn end_top(&mut self, call: &mut Call<'_>) -> Result<()> {
        match call.under_way.pop() {
            Some(UnderWay::Block { undo: Some(undo), .. }) => self.keep_since(&undo),
            Some(UnderWay::Loop { of, has_run, .. }) => {
                if !matches!(of.kind, LoopKind::Forever | LoopKind::While(_)) {
                    call.values[call.compiled.code.found] = Value::Bool(has_run);
                }
                Ok(())
            }
            _ => Ok(()),
        }
    }

    /// Goes on where a statement has said.
    fn follow(&mut self, call: &mut Call<'_>, flow: Flow) -> Result<()> {
        match flow {
            Flow::Next => Ok(()),
            Flow::Return => {
                while !call.under_way.is_empty() {
                    self.end_top(call)?;
                }
                Ok(())
            }
            Flow::Leave { continues, label } => loop {
                let is_it = match call.under_way.last() {
                    None => return Ok(()),
                    Some(UnderWay::Loop { of, .. }) => label.is_none() || of.label == label,
                    Some(UnderWay::Block { block, .. }) => label.is_some() && block.label == label,
                    Some(_) => false,
                };
                if is_it && continues {
                    return Ok(());
                }
                self.end_top(call)?;
                if is_it {
                    return Ok(());
                }
            },
        }
    }

    /// Looks for a handler of an error; without one, the error is the call's.
    fn catch(&mut self, call: &mut Call<'_>, error: Error) -> Result<()> {
        let error = error.without_position();
        // An error that is raised again tells of its place already.
        let error = if std::mem::take(&mut call.raises_again) { error } else { error.within(call.place()) };
        while let Some(top) = call.under_way.last_mut() {
            let UnderWay::Block { block, undo } = top else {
                call.under_way.pop();
                continue;
            };
            let (block, undo) = (*block, undo.take());
            let Some((undo, exception)) = undo.zip(block.exception.as_ref()) else {
                call.under_way.pop();
                continue;
            };
            let handler = control::handler_for(exception, &error);
            let Some(handler) = handler else {
                // Whoever catches it farther out goes back farther.
                call.under_way.pop();
                continue;
            };
            self.undo(*undo)?;
            call.values[exception.state] = Value::Text(error.sql_state().0.into());
            call.values[exception.message] = Value::Text(error.message.as_ref().into());
            call.under_way.push(UnderWay::Handler(Box::new(error)));
            call.under_way.push(UnderWay::Statements { all: &handler.statements, next: 0 });
            return Ok(());
        }
        Err(error)
    }

    /// Begins a block: its variables get their defaults, and with EXCEPTION what it does can be undone.
    async fn enter_block<'f>(&mut self, call: &mut Call<'f>, block: &'f Block, interrupt: &Interrupt) -> Result<()> {
        for datum in &block.declares {
            let own = &call.compiled.code.data[*datum];
            call.shapes[*datum] = call.compiled.shapes[*datum].clone();
            let (line, what) = (std::mem::replace(&mut call.line, own.line), call.what);
            call.what = "";
            match own.default {
                Some(default) => {
                    let (value, ty) = self.value_of(call, default, interrupt).await?;
                    self.assign(call, *datum, value, ty)?;
                }
                None => self.assign_nothing(call, *datum)?,
            }
            (call.line, call.what) = (line, what);
        }
        let undo = match block.exception {
            Some(_) => Some(Box::new(self.mark()?)),
            None => None,
        };
        call.under_way.push(UnderWay::Block { block, undo });
        call.under_way.push(UnderWay::Statements { all: &block.statements, next: 0 });
        Ok(())
    }
}

impl<'f> Call<'f> {
    fn new(compiled: &'f Compiled, columns: &'f [(String, Type)]) -> Self {
        let function = &compiled.function;
        Self {
            compiled,
            columns,
            values: vec![Value::Null; compiled.code.data.len()],
            shapes: compiled.shapes.clone(),
            under_way: Vec::new(),
            rows: Vec::new(),
            row_bytes: 0,
            row_count: 0,
            is_volatile: function.procedure || function.volatility == Volatility::Volatile,
            line: 0,
            what: "",
            has_returned: false,
            raises_again: false,
            answers_nothing: false,
        }
    }

    /// What errors call the function.
    fn title(&self) -> String {
        match self.compiled.function.oid {
            0 => self.compiled.function.name.clone(),
            _ => self.compiled.function.signature(),
        }
    }

    /// Where the call is, for errors.
    fn place(&self) -> String {
        match self.what {
            "" => format!(
                "PL/pgSQL function {} line {} during statement block local variable initialization",
                self.title(),
                self.line
            ),
            what => format!("PL/pgSQL function {} line {} at {what}", self.title(), self.line),
        }
    }

    /// The values of what the function names of its results.
    fn result_values(&self) -> Vec<Value> {
        let parameters = self.compiled.function.parameters.iter().enumerate();
        let results = parameters.filter(|(_, parameter)| parameter.mode.is_result());
        results.map(|(datum, _)| self.values[datum].clone()).collect()
    }
}

/// What errors call a statement.
fn title(kind: &Kind) -> &'static str {
    match kind {
        Kind::Block(_) => "statement block",
        Kind::Assign { .. } => "assignment",
        Kind::If { .. } => "IF",
        Kind::Case { .. } => "CASE",
        Kind::Loop(of) => match &of.kind {
            LoopKind::Forever => "LOOP",
            LoopKind::While(_) => "WHILE",
            LoopKind::Integers { .. } => "FOR with integer loop variable",
            LoopKind::Rows { query: QueryText::Fixed(_), .. } => "FOR over SELECT rows",
            LoopKind::Rows { .. } => "FOR over EXECUTE statement",
            LoopKind::Elements { .. } => "FOREACH over array",
        },
        Kind::Leave { continues: true, .. } => "CONTINUE",
        Kind::Leave { .. } => "EXIT",
        Kind::Return(_) => "RETURN",
        Kind::ReturnNext(_) => "RETURN NEXT",
        Kind::ReturnQuery(_) => "RETURN QUERY",
        Kind::Raise(_) => "RAISE",
        Kind::Assert { .. } => "ASSERT",
        Kind::Perform(_) => "PERFORM",
        Kind::Execute { .. } => "EXECUTE",
        Kind::Sql { .. } => "SQL statement",
        Kind::Diagnostics { stacked: true, .. } => "GET STACKED DIAGNOSTICS",
        Kind::Diagnostics { .. } => "GET DIAGNOSTICS",
        Kind::EndTransaction { commits: true } => "COMMIT",
        Kind::EndTransaction { .. } => "ROLLBACK",
        Kind::Null => "NULL",
    }
}
