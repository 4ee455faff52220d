//! Statements: every verb we know, parsed from text.
//!
//! Queries, writes and definitions are parsed by `sqlparser`; the utility statements (transactions, settings, COPY,
//! VACUUM, …) by a small reader of ours, because there PostgreSQL's grammar is its own and easy.

mod backup;
mod conflict;
mod copy;
mod cursor;
pub mod definition;
pub(crate) mod dialect;
mod execute_as;
mod isolation;
mod job;
mod live;
mod located;
mod locking;
mod maintenance;
pub(crate) mod mend;
mod merge;
mod notify;
mod only;
mod parse;
mod reader;
mod refused;
mod register;
mod storage_move;
mod unicode;
mod utility;

use std::time::Duration;

pub use backup::BackupOrder;
pub use copy::{
    CopyDirection, CopyFormat, CopyHeader, CopyOptions, CopySource, CopyStatement, CopyTarget, ForcedColumns,
};
pub use cursor::{Declaration, Motion};
use datafusion::sql::sqlparser::ast;
pub use definition::Definition;
use definition::{FunctionBody, NewTableAs, TableSource};
pub use execute_as::ExecuteAs;
pub use isolation::IsolationLevel;
pub use job::Listing;
pub use live::{LiveOptions, LiveStatement};
pub(crate) use locking::{LockingClause, locking_words};
pub(crate) use mend::{KeyWords, columns_to_set_in, compression_in};
pub use merge::{Merge, MergeAction, MergeWhen};
pub(crate) use only::is_after_only;
pub(crate) use parse::{offset_in, parse_query, parse_type, place_of_placeholder};
pub use parse::{parse_expression, parse_script, parse_single, position_in};
use storage::TableLock;
pub use storage_move::{MoveKind, MovedTables, StorageMove};

/// One parsed statement.
#[derive(Debug, Clone)]
pub enum Statement {
    Query(Box<ast::Query>),
    Insert(Box<Insert>),
    Update(Box<ast::Update>),
    Delete(Box<ast::Delete>),
    Merge(Box<Merge>),
    /// CREATE, ALTER, DROP, TRUNCATE, GRANT, REVOKE, COMMENT and the like.
    Definition(Box<Definition>),
    Copy(Box<CopyStatement>),
    /// BEGIN or START TRANSACTION, and which of the two is its command tag.
    Begin {
        modes: TransactionModes,
        tag: &'static str,
    },
    Commit {
        chain: bool,
    },
    Rollback {
        chain: bool,
    },
    Savepoint(String),
    Release(String),
    RollbackTo(String),
    /// SET TRANSACTION SNAPSHOT.
    SetSnapshot(String),
    SetTransaction {
        session: bool,
        modes: TransactionModes,
    },
    /// `value` None is DEFAULT.
    Set {
        local: bool,
        name: String,
        value: Option<Vec<String>>,
    },
    Reset(ResetTarget),
    Show(ShowTarget),
    /// `names` None is ALL.
    SetConstraints {
        names: Option<Vec<ast::ObjectName>>,
        deferred: bool,
    },
    SetRole {
        local: bool,
        role: Option<String>,
    },
    SetSessionAuthorization {
        local: bool,
        role: Option<String>,
    },
    Discard(DiscardTarget),
    Prepare {
        name: String,
        types: Vec<ast::DataType>,
        statement: Box<Statement>,
    },
    Execute {
        name: String,
        arguments: Vec<ast::Expr>,
    },
    ExecuteAs(Box<ExecuteAs>),
    PurgeUser {
        name: String,
        if_exists: bool,
    },
    /// None is ALL.
    Deallocate(Option<String>),
    Explain {
        options: ExplainOptions,
        statement: Box<Statement>,
    },
    Declare(Box<Declaration>),
    Live(Box<LiveStatement>),
    /// KILL LIVE QUERY, by id.
    KillLiveQuery(String),
    /// FETCH, or MOVE, which leaves the rows out.
    Fetch {
        name: String,
        motion: Motion,
        moves: bool,
        /// How long to wait for a first row of a live cursor; None: until there is one.
        timeout: Option<Duration>,
    },
    /// None is ALL.
    CloseCursor(Option<String>),
    /// DO: a body that runs once.
    Do(Box<DoBlock>),
    /// CALL of a procedure.
    Call(Box<ast::Function>),
    Maintain(Maintenance),
    StorageMove(StorageMove),
    Backup(BackupOrder),
    /// KILL JOB, by id.
    KillJob(String),
    /// SHOW NAMESPACES, SHOW TABLES, DESCRIBE TABLE … HISTORY.
    ShowListing(Listing),
    /// SHOW STATS FOR TABLE.
    ShowStats(ast::ObjectName),
    Checkpoint,
    Listen(String),
    /// None is every channel.
    Unlisten(Option<String>),
    Notify {
        channel: String,
        payload: String,
    },
    Lock {
        tables: Vec<ast::ObjectName>,
        mode: TableLock,
        no_wait: bool,
    },
}

/// What DO runs.
#[derive(Debug, Clone)]
pub struct DoBlock {
    pub language: Option<String>,
    pub body: FunctionBody,
}

/// VACUUM and ANALYZE.
#[derive(Debug, Clone, Default)]
pub struct Maintenance {
    pub kind: MaintenanceKind,
    pub verbose: bool,
    /// Tables and the columns named with them; none is all tables.
    pub tables: Vec<(ast::ObjectName, Vec<String>)>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum MaintenanceKind {
    #[default]
    Analyze,
    Vacuum,
    VacuumAnalyze,
}

/// INSERT, with the clauses that the parser does not know.
#[derive(Debug, Clone)]
pub struct Insert {
    pub parsed: ast::Insert,
    pub overriding: Option<Overriding>,
    /// What ON CONFLICT names, if that is more than columns; the parsed statement then names nothing.
    pub conflict: Option<ConflictTarget>,
}

/// `(expressions) WHERE condition` of ON CONFLICT.
#[derive(Debug, Clone)]
pub struct ConflictTarget {
    pub expressions: Vec<ast::Expr>,
    pub condition: Option<ast::Expr>,
}

/// What becomes of values that are given for identity columns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Overriding {
    /// They are inserted, even into a column that is generated always.
    System,
    /// The sequence's are inserted instead.
    User,
}

/// What `BEGIN` and `SET TRANSACTION` may say; None is "not said".
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct TransactionModes {
    pub isolation: Option<IsolationLevel>,
    pub read_only: Option<bool>,
    pub deferrable: Option<bool>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ResetTarget {
    All,
    Role,
    SessionAuthorization,
    Name(String),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ShowTarget {
    All,
    Name(String),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DiscardTarget {
    All,
    Plans,
    Sequences,
    Temporary,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ExplainOptions {
    pub analyze: bool,
    pub verbose: bool,
    pub costs: bool,
    pub timing: Option<bool>,
    pub summary: Option<bool>,
    pub buffers: bool,
    pub wal: bool,
    pub format: ExplainFormat,
}

/// What EXPLAIN's answer is written as.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum ExplainFormat {
    #[default]
    Text,
    Json,
    Yaml,
    Xml,
}

impl Default for ExplainOptions {
    fn default() -> Self {
        Self {
            analyze: false,
            verbose: false,
            costs: true,
            timing: None,
            summary: None,
            buffers: false,
            wal: false,
            format: ExplainFormat::Text,
        }
    }
}

impl Statement {
    /// The statement itself, whoever it is executed as.
    pub fn itself(&self) -> &Statement {
        match self {
            Statement::ExecuteAs(order) => &order.statement,
            other => other,
        }
    }

    /// What EXPLAIN explains, unless that was prepared before, and the query of CREATE TABLE AS.
    pub(crate) fn carried(&self) -> Option<Statement> {
        match self {
            Statement::Explain { statement, .. } if !matches!(**statement, Statement::Execute { .. }) => {
                Some((**statement).clone())
            }
            Statement::Definition(definition) => match &**definition {
                Definition::CreateTableAs(NewTableAs { source: TableSource::Query(query), .. }) => {
                    Some(Statement::Query(query.clone()))
                }
                _ => None,
            },
            _ => None,
        }
    }

    /// Whether the statement may run in a failed transaction: those that end it.
    pub fn ends_transaction(&self) -> bool {
        matches!(self, Statement::Commit { .. } | Statement::Rollback { .. } | Statement::RollbackTo(_))
    }

    /// Whether the statement begins, ends or divides a transaction: its text always says the same.
    pub fn controls_transaction(&self) -> bool {
        self.ends_transaction()
            || matches!(self, Statement::Begin { .. } | Statement::Savepoint(_) | Statement::Release(_))
    }
}
