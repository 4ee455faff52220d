//! SQL functions, operators, casts and aggregates: one registry, from which the binder resolves, the row evaluator
//! and DataFusion compute, and `pg_proc`, `pg_operator`, `pg_cast` are listed.

use storage::Value;

use crate::error::Result;

pub(crate) mod advisory;
mod aggregate;
pub(crate) mod argument;
mod arithmetic;
pub(crate) mod array;
mod backend;
mod bit_string;
mod bits;
pub(crate) mod body_call;
mod bytes;
mod cast;
mod catalog_info;
pub(crate) mod compare;
mod cursors;
mod datetime;
pub(crate) mod define;
mod degrees;
mod encoding;
mod enumeration;
mod extension;
mod float;
pub(crate) mod geometry;
mod hash;
mod interval;
pub(crate) mod json;
mod lasting;
pub(crate) mod money;
mod network;
mod notify;
mod numeric;
mod operator;
mod order;
pub(crate) mod ordered_set;
mod overlaps;
mod pattern;
mod quick;
mod random;
mod range;
pub(crate) mod record;
mod regex;
mod regexp;
mod registry;
pub mod resolve;
mod sample;
mod send;
pub(crate) mod sequence;
mod server_info;
mod session;
mod setting;
mod sleep;
mod snapshot;
pub(crate) mod spread;
pub(crate) mod string;
mod table;
#[cfg(test)]
pub(crate) mod tests;
mod text_search;
mod to_char;
pub(crate) mod transaction_id;
mod unicode;
mod unique;
mod unsigned;
mod window;
mod zoned_time;

pub use advisory::AdvisoryLocks;
pub(crate) use advisory::advisory_key;
pub(crate) use aggregate::GROUPING;
pub(crate) use cast::{read_text, write_text};
pub(crate) use catalog_info::{default_shown, kept_body, may_name_type};
pub use cursors::NamedHandles;
pub(crate) use cursors::{CursorFacts, LockedKeys, LockedRows, PreparedFacts};
pub(crate) use enumeration::wants_type;
pub(crate) use extension::{AVAILABLE, extension_function};
pub use extension::{Available, available};
pub(crate) use lasting::{LiveUse, live_use};
pub(crate) use quick::is_quick_call;
pub use random::RandomNumbers;
pub use range::RangeJoin;
pub(crate) use range::{make_range_constructors, range_constructors};
pub use registry::{
    aggregates, aggregates_named, cast_between, casts, function_by_oid, functions, functions_named, operators,
    operators_named, table_functions, table_functions_named,
};
pub(crate) use sample::{PICKED, PICKED_AGAIN, check_percentage, check_seed};
pub use sequence::SessionSequences;
pub(crate) use server_info::ServerFacts;
pub(crate) use setting::SettingRequest;
pub use setting::SettingRequests;
pub use sleep::Sleeps;
pub use transaction_id::SessionTransaction;
pub(crate) use transaction_id::TransactionNumbers;
pub use window::{WINDOW_FUNCTIONS, WindowDeclaration};

/// A scalar function: a row of `pg_proc` and how to compute it.
#[derive(Debug)]
pub struct Function {
    /// `pg_proc.oid`, PostgreSQL's own where it has the function.
    pub oid: u32,
    pub name: &'static str,
    /// Argument types by oid. Polymorphic pseudo-types (anyelement, anyarray, "any") are allowed.
    pub args: &'static [u32],
    /// The last argument repeats (VARIADIC).
    pub variadic: bool,
    pub returns: u32,
    /// NULL if any argument is NULL; `eval` is then never called with one.
    pub strict: bool,
    pub volatility: Volatility,
    pub eval: Eval,
    /// Whole-column form, for those that are hot in scans: must agree with `eval` on every row.
    pub batch: Option<Batch>,
}

impl Function {
    /// Whether a call with so many arguments can keep a value beyond its statement, or tell it to others: what is volatile
    /// may do something with what it is given. Refused where rows of all users are looked at for somebody who is not to
    /// see them.
    pub(crate) fn carries_away(&self, args: usize) -> bool {
        self.volatility == Volatility::Volatile && args > 0
    }
}

/// Computes one row.
pub type Eval = fn(&EvalContext, &[Value]) -> Result<Value>;

/// Which arrow-level kernel does the same as `eval`. Lowering knows them; anything else runs `eval` row by row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Batch {
    /// Comparison of values whose Arrow order is PostgreSQL's (integers, text, dates, ...).
    Compare(Comparison),
    /// Comparison after the type's sort key (numeric, floats, char(n)).
    CompareKey(Comparison),
    /// Checked integer or plain float arithmetic.
    Arithmetic(Arithmetic),
    /// A conversion that Arrow's cast kernel does exactly as PostgreSQL (widening of integers, int to float8, ...).
    Widen,
    /// LIKE on text, without an escape.
    Like { negated: bool },
    /// char(n) as text: without the blanks at the end.
    Trim,
    /// Characters of a text from a place on, and perhaps only so many.
    Substring,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Comparison {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Arithmetic {
    Add,
    Subtract,
    Multiply,
    Divide,
    Modulo,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub enum Volatility {
    Immutable,
    Stable,
    Volatile,
}

/// An operator: a row of `pg_operator`.
#[derive(Debug)]
pub struct Operator {
    pub oid: u32,
    pub name: &'static str,
    /// None for a prefix operator.
    pub left: Option<u32>,
    pub right: u32,
    pub function: &'static Function,
}

/// When a cast may be applied (`pg_cast.castcontext`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum CastContext {
    Implicit,
    Assignment,
    Explicit,
}

/// A cast: a row of `pg_cast`.
#[derive(Debug)]
pub struct Cast {
    pub source: u32,
    pub target: u32,
    pub context: CastContext,
    pub method: CastMethod,
}

#[derive(Debug)]
pub enum CastMethod {
    /// The same bytes under another type (varchar to text).
    Binary,
    Function(&'static Function),
    /// Through the text form.
    Text,
}

/// An aggregate: a row of `pg_proc` with kind `a`.
#[derive(Debug)]
pub struct AggregateFunction {
    pub oid: u32,
    pub name: &'static str,
    pub args: &'static [u32],
    pub returns: u32,
    /// Which accumulator computes it.
    pub kind: AggregateKind,
}

/// The accumulators that lowering knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AggregateKind {
    CountStar,
    Count,
    /// sum(int2|int4) is int8, sum(int8) numeric, of floats and numeric their own type.
    Sum,
    Avg,
    Min,
    Max,
    BoolAnd,
    BoolOr,
    StringAgg,
    ArrayAgg,
    /// stddev and variance of samples and populations.
    StddevSamp,
    StddevPop,
    VarSamp,
    VarPop,
    BitAnd,
    BitOr,
    /// Arrays of any values; `document`: jsonb, not json.
    JsonArrayAgg {
        document: bool,
    },
    /// Objects of keys and values.
    JsonObjectAgg {
        document: bool,
    },
    BitXor,
    /// Ranges or multiranges, put together.
    Ranges(RangeJoin),
    /// Over pairs of numbers.
    Regression(Regression),
    /// Which of the groups that its arguments count are not in the grouping set.
    Grouping,
}

/// What is asked about pairs (y, x).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Regression {
    Count,
    AverageX,
    AverageY,
    SquaresX,
    SquaresY,
    Products,
    Slope,
    Intercept,
    Determination,
    Correlation,
    CovariancePop,
    CovarianceSamp,
}

/// A set-returning function: rows of one or more columns.
#[derive(Debug)]
pub struct TableFunction {
    pub oid: u32,
    pub name: &'static str,
    pub args: &'static [u32],
    /// Name and type oid of each result column. None: the query defines them, and three more arguments tell the function
    /// their names, types and modifiers.
    pub columns: &'static [(&'static str, u32)],
    pub eval: TableEval,
}

/// Makes an iterator over the rows; it must not hold them all.
pub type TableEval = fn(&EvalContext, &[Value]) -> Result<Box<dyn Iterator<Item = Result<Vec<Value>>> + Send>>;

/// A function usable with OVER.
#[derive(Debug, Clone, Copy)]
pub enum WindowFunction {
    RowNumber,
    Rank,
    DenseRank,
    PercentRank,
    CumeDist,
    Ntile,
    Lag,
    Lead,
    FirstValue,
    LastValue,
    NthValue,
    Aggregate(&'static AggregateFunction),
}

/// What functions may ask of the world: fixed for one execution of a statement.
#[derive(Debug, Clone)]
pub struct EvalContext {
    /// Microseconds since 1970-01-01 UTC at which the transaction began: `now()`.
    pub transaction_time: i64,
    /// The same for the statement: `statement_timestamp()`.
    pub statement_time: i64,
    pub session: std::sync::Arc<SessionFacts>,
    /// The catalog that names are looked up in (`'t'::regclass`, `format_type`, …), as the statement sees it.
    pub catalog: std::sync::Arc<crate::catalog::Catalog>,
    /// Whether the transaction may write.
    pub read_only: bool,
    /// Whether rows are looked at that whoever asks is not to see: see [`Function::carries_away`].
    pub discreet: bool,
    /// Values of `$1`, `$2`, …
    pub params: std::sync::Arc<[Value]>,
    /// What the writes of the statement's WITH clause have returned, each write's rows at its number.
    pub written: std::sync::Arc<[std::sync::Arc<Vec<Vec<Value>>>]>,
    /// What several queries of the statement are to read and see the same of; None: each keeps what it needs for itself.
    pub(crate) kept: Option<std::sync::Arc<crate::execute::kept::Kept>>,
    /// Where calls of bodies among expressions are answered; None: nowhere.
    pub(crate) bodies: Option<std::sync::Arc<body_call::BodyPort>>,
}

/// Whether a function may have to wait, so that its statement may have to run again, or does something that only counts
/// when the statement has succeeded.
pub(crate) fn waits(function: &Function) -> bool {
    advisory::waits(function)
        || [sleep::FUNCTIONS, setting::FUNCTIONS].iter().any(|own| own.iter().any(|own| own.oid == function.oid))
}

/// What functions see of the session.
#[derive(Debug, Clone)]
pub struct SessionFacts {
    pub session_user: String,
    pub current_user: String,
    pub current_role: auth::RoleId,
    pub database: String,
    pub search_path: Vec<String>,
    /// The schema of the session's temporary relations, once it had one to make.
    pub temporary: Option<std::sync::Arc<str>>,
    pub process_id: i32,
    pub client_address: Option<std::net::IpAddr>,
    pub(crate) server: std::sync::Arc<ServerFacts>,
    pub format: crate::types::text::Format,
    pub sequences: std::sync::Arc<SessionSequences>,
    pub advisory: std::sync::Arc<AdvisoryLocks>,
    pub sleeps: std::sync::Arc<Sleeps>,
    pub random: std::sync::Arc<RandomNumbers>,
    pub transaction: std::sync::Arc<SessionTransaction>,
    pub sessions: std::sync::Arc<crate::session::activity::Sessions>,
    pub(crate) snapshots: std::sync::Arc<crate::session::snapshot::ExportedSnapshots>,
    pub cursors: std::sync::Arc<NamedHandles>,
    pub requests: std::sync::Arc<SettingRequests>,
    pub(crate) triggers: std::sync::Arc<crate::execute::write::TriggersUnderWay>,
    pub channels: std::sync::Arc<crate::live::SessionChannels>,
    /// Settings by name, as SHOW prints them (`current_setting`).
    pub settings: std::sync::Arc<crate::session::settings::Settings>,
}

impl SessionFacts {
    /// A setting as SHOW prints it; None for an unknown name. What the transaction decides is told as it has decided.
    pub(crate) fn setting(&self, name: &str) -> Option<String> {
        self.transaction.parameter(name).or_else(|| self.settings.get(name))
    }

    /// The part of the search path that new relations go to: not the schema that is only searched.
    pub(crate) fn creation_path(&self) -> impl Iterator<Item = &String> {
        let named = self.settings.active().search_path.iter().any(|name| name == "pg_temp");
        let searched = self.temporary.as_deref().filter(|_| !named);
        self.search_path.iter().filter(move |name| searched != Some(name.as_str()))
    }
}
