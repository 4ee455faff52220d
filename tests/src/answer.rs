//! What a client saw of one statement (or one string of several), in a form that can be compared and printed.

use std::fmt;
use std::time::Duration;

use tokio_postgres::{Client, SimpleQueryMessage};

/// How long a statement may take before it counts as unanswered.
const ANSWER_LIMIT: Duration = Duration::from_secs(60);

/// All results of one simple query.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    pub results: Vec<Outcome>,
}

/// One result.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    Rows(Relation),
    /// What the command tag counts; 0 for a tag without a count.
    Done(u64),
    Error {
        code: String,
        message: String,
    },
    /// The connection ended, or nothing came in time.
    Lost(String),
}

/// Rows with their column names; NULL is None.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Relation {
    pub columns: Vec<String>,
    pub rows: Vec<Vec<Option<String>>>,
}

impl Answer {
    /// Runs `sql` through the simple protocol.
    pub async fn of(client: &Client, sql: &str) -> Self {
        match tokio::time::timeout(ANSWER_LIMIT, client.simple_query(sql)).await {
            Ok(Ok(messages)) => Self { results: results(&messages) },
            Ok(Err(error)) => Self { results: vec![failure(&error)] },
            Err(_) => Self { results: vec![Outcome::Lost("no answer in time".to_owned())] },
        }
    }

    /// Whether the connection is of no more use.
    pub fn is_lost(&self) -> bool {
        self.results.iter().any(|result| matches!(result, Outcome::Lost(_)))
    }

    /// Sorts the rows, for statements that promise no order.
    pub fn sort_rows(&mut self) {
        for result in &mut self.results {
            if let Outcome::Rows(relation) = result {
                relation.rows.sort();
            }
        }
    }

    /// Takes out the words of errors and leaves their code.
    pub fn without_messages(mut self) -> Self {
        for result in &mut self.results {
            if let Outcome::Error { message, .. } = result {
                message.clear();
            }
        }
        self
    }
}

fn results(messages: &[SimpleQueryMessage]) -> Vec<Outcome> {
    let mut results = Vec::new();
    let mut open: Option<Relation> = None;
    for message in messages {
        match message {
            SimpleQueryMessage::RowDescription(columns) => {
                let columns = columns.iter().map(|column| column.name().to_owned()).collect();
                open = Some(Relation { columns, rows: Vec::new() });
            }
            SimpleQueryMessage::Row(row) => {
                let cells = (0..row.len()).map(|column| row.get(column).map(str::to_owned)).collect();
                open.get_or_insert_default().rows.push(cells);
            }
            SimpleQueryMessage::CommandComplete(count) => {
                results.push(open.take().map_or(Outcome::Done(*count), Outcome::Rows));
            }
            _ => {}
        }
    }
    results
}

fn failure(error: &tokio_postgres::Error) -> Outcome {
    match error.as_db_error() {
        Some(error) => Outcome::Error { code: error.code().code().to_owned(), message: error.message().to_owned() },
        None => Outcome::Lost(error.to_string()),
    }
}

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, result) in self.results.iter().enumerate() {
            if number > 0 {
                writeln!(f)?;
            }
            write!(f, "{result}")?;
        }
        Ok(())
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Outcome::Rows(relation) => write!(f, "{relation}"),
            Outcome::Done(0) => write!(f, "ok"),
            Outcome::Done(count) => write!(f, "ok {count}"),
            Outcome::Error { code, message } => write!(f, "ERROR {code}: {message}"),
            Outcome::Lost(reason) => write!(f, "LOST: {reason}"),
        }
    }
}

/// One line a row, NULL told from text.
impl fmt::Display for Relation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.columns.join(" | "))?;
        for row in &self.rows {
            let cells = row.iter().map(|cell| cell.as_deref().unwrap_or("NULL")).collect::<Vec<_>>();
            write!(f, "\n  {}", cells.join(" | "))?;
        }
        if self.rows.is_empty() {
            write!(f, "\n  (no rows)")?;
        }
        Ok(())
    }
}
