//! The place an expression stands in, which decides what it may contain.

use crate::error::{Error, SqlState};

/// What PostgreSQL advises when a set-returning function stands where it may not.
pub(super) const SET_HINT: &str = "You might be able to move the set-returning function into a LATERAL FROM item.";

/// A clause, as PostgreSQL's messages name it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Clause {
    Select,
    Where,
    JoinOn,
    FromFunction,
    GroupBy,
    Having,
    OrderBy,
    DistinctOn,
    Filter,
    AggregateArgument,
    WindowArgument,
    WindowDefinition,
    WindowFrame,
    Limit,
    Offset,
    Values,
    Returning,
    UpdateSource,
    MergeWhen,
    Check,
    Default,
    Generation,
    IndexExpression,
    IndexPredicate,
    CopyWhere,
    AlterUsing,
    ExecuteArgument,
    CallArgument,
    PartitionBound,
    PartitionKey,
    Policy,
    TriggerWhen,
}

impl Clause {
    /// The words after "not allowed in".
    pub(crate) fn name(self) -> &'static str {
        match self {
            Clause::Select => "SELECT",
            Clause::Where => "WHERE",
            Clause::JoinOn => "JOIN conditions",
            Clause::FromFunction => "functions in FROM",
            Clause::GroupBy => "GROUP BY",
            Clause::Having => "HAVING",
            Clause::OrderBy => "ORDER BY",
            Clause::DistinctOn => "DISTINCT ON",
            Clause::Filter => "FILTER",
            Clause::AggregateArgument => "aggregate arguments",
            Clause::WindowArgument => "window function arguments",
            Clause::WindowDefinition => "window definitions",
            Clause::WindowFrame => "window frames",
            Clause::Limit => "LIMIT",
            Clause::Offset => "OFFSET",
            Clause::Values => "VALUES",
            Clause::Returning => "RETURNING",
            Clause::UpdateSource => "UPDATE",
            Clause::MergeWhen => "MERGE WHEN conditions",
            Clause::Check => "check constraints",
            Clause::Default => "DEFAULT expressions",
            Clause::Generation => "column generation expressions",
            Clause::IndexExpression => "index expressions",
            Clause::IndexPredicate => "index predicates",
            Clause::CopyWhere => "COPY FROM WHERE conditions",
            Clause::AlterUsing => "transform expressions",
            Clause::ExecuteArgument => "EXECUTE parameters",
            Clause::CallArgument => "CALL arguments",
            Clause::PartitionBound => "partition bound",
            Clause::PartitionKey => "partition key expressions",
            Clause::Policy => "policy expressions",
            Clause::TriggerWhen => "trigger WHEN conditions",
        }
    }

    /// The words after "argument of", for conditions.
    pub(crate) fn condition_name(self) -> &'static str {
        match self {
            Clause::JoinOn => "JOIN/ON",
            Clause::Check => "CHECK",
            Clause::IndexPredicate => "WHERE",
            Clause::MergeWhen | Clause::TriggerWhen => "WHEN",
            Clause::Policy => "POLICY",
            other => other.name(),
        }
    }

    /// Whether aggregates of this query level may stand here, and the refusal if not.
    pub(crate) fn aggregate_refusal(self) -> Option<Error> {
        match self {
            Clause::Select | Clause::Having | Clause::OrderBy | Clause::DistinctOn => None,
            Clause::WindowArgument | Clause::WindowDefinition => None,
            Clause::AggregateArgument => {
                Some(Error::new(SqlState::GROUPING_ERROR, "aggregate function calls cannot be nested"))
            }
            _ => Some(Error::new(
                SqlState::GROUPING_ERROR,
                format!("aggregate functions are not allowed in {}", self.name()),
            )),
        }
    }

    /// Whether window functions may stand here, and the refusal if not.
    pub(crate) fn window_refusal(self) -> Option<Error> {
        match self {
            Clause::Select | Clause::OrderBy | Clause::DistinctOn => None,
            Clause::AggregateArgument => Some(Error::new(
                SqlState::GROUPING_ERROR,
                "aggregate function calls cannot contain window function calls",
            )),
            Clause::WindowArgument => {
                Some(Error::new(SqlState::WINDOWING_ERROR, "window function calls cannot be nested"))
            }
            _ => Some(Error::new(
                SqlState::WINDOWING_ERROR,
                format!("window functions are not allowed in {}", self.name()),
            )),
        }
    }

    /// Whether set-returning functions may stand here, and the refusal if not.
    pub(crate) fn set_refusal(self) -> Option<Error> {
        let refused = |words: String| Error::new(SqlState::FEATURE_NOT_SUPPORTED, words);
        Some(match self {
            Clause::Select | Clause::OrderBy | Clause::DistinctOn | Clause::GroupBy => return None,
            Clause::FromFunction => refused("set-returning functions must appear at top level of FROM".to_owned()),
            Clause::AggregateArgument | Clause::WindowArgument => {
                let caller = if self == Clause::AggregateArgument { "aggregate" } else { "window" };
                refused(format!("{caller} function calls cannot contain set-returning function calls"))
                    .with_hint(SET_HINT)
            }
            _ => refused(format!("set-returning functions are not allowed in {}", self.name())),
        })
    }

    /// The refusal of a subquery where there is no query to run it in.
    pub(crate) fn subquery_refusal(self) -> Option<Error> {
        let place = match self {
            Clause::Check => "check constraint",
            Clause::Default => "DEFAULT expression",
            Clause::Generation => "column generation expression",
            Clause::IndexExpression => "index expression",
            Clause::IndexPredicate => "index predicate",
            Clause::CopyWhere => "COPY FROM WHERE condition",
            Clause::AlterUsing => "transform expression",
            Clause::ExecuteArgument => "EXECUTE parameter",
            Clause::CallArgument => "CALL argument",
            Clause::PartitionBound => "partition bound",
            Clause::PartitionKey => "partition key expression",
            Clause::TriggerWhen => "trigger WHEN condition",
            _ => return None,
        };
        Some(Error::new(SqlState::FEATURE_NOT_SUPPORTED, format!("cannot use subquery in {place}")))
    }

    /// The refusal of a column where there is no row.
    pub(crate) fn column_refusal(self) -> Option<Error> {
        let place = match self {
            Clause::Default => "DEFAULT expression",
            Clause::PartitionBound => "partition bound expression",
            _ => return None,
        };
        Some(Error::new(SqlState::FEATURE_NOT_SUPPORTED, format!("cannot use column reference in {place}")))
    }
}
