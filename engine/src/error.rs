//! Every error a statement can end with, in PostgreSQL's words and with its SQLSTATE.

use std::borrow::Cow;

pub type Result<T, E = Error> = std::result::Result<T, E>;

/// A five-character SQLSTATE (PostgreSQL manual, appendix A).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SqlState(pub &'static str);

/// Names the error's code for the client; one function a code keeps call sites readable.
macro_rules! states {
    ($($name:ident = $code:literal;)*) => {
        impl SqlState { $(pub const $name: SqlState = SqlState($code);)* }
    };
}

states! {
    WARNING = "01000";
    PROTOCOL_VIOLATION = "08P01";
    TRANSACTION_RESOLUTION_UNKNOWN = "08007";
    FEATURE_NOT_SUPPORTED = "0A000";
    CARDINALITY_VIOLATION = "21000";
    STRING_DATA_RIGHT_TRUNCATION = "22001";
    NUMERIC_VALUE_OUT_OF_RANGE = "22003";
    INVALID_DATETIME_FORMAT = "22007";
    DATETIME_FIELD_OVERFLOW = "22008";
    DIVISION_BY_ZERO = "22012";
    INVALID_ESCAPE_SEQUENCE = "22025";
    INVALID_ARGUMENT_FOR_LOGARITHM = "2201E";
    INVALID_ARGUMENT_FOR_POWER_FUNCTION = "2201F";
    INVALID_ROW_COUNT_IN_LIMIT = "2201W";
    INVALID_ROW_COUNT_IN_OFFSET = "2201X";
    INVALID_REGULAR_EXPRESSION = "2201B";
    SEQUENCE_GENERATOR_LIMIT_EXCEEDED = "2200H";
    DATA_EXCEPTION = "22000";
    INVALID_PARAMETER_VALUE = "22023";
    SUBSTRING_ERROR = "22011";
    INVALID_TEXT_REPRESENTATION = "22P02";
    INVALID_BINARY_REPRESENTATION = "22P03";
    BAD_COPY_FILE_FORMAT = "22P04";
    INVALID_SQL_JSON_SUBSCRIPT = "22033";
    INVALID_ARGUMENT_FOR_SQL_JSON_DATETIME_FUNCTION = "22031";
    NON_NUMERIC_SQL_JSON_ITEM = "22036";
    SINGLETON_SQL_JSON_ITEM_REQUIRED = "22038";
    SQL_JSON_ARRAY_NOT_FOUND = "22039";
    SQL_JSON_MEMBER_NOT_FOUND = "2203A";
    SQL_JSON_NUMBER_NOT_FOUND = "2203B";
    SQL_JSON_OBJECT_NOT_FOUND = "2203C";
    UNTRANSLATABLE_CHARACTER = "22P05";
    CHARACTER_NOT_IN_REPERTOIRE = "22021";
    NULL_VALUE_NOT_ALLOWED = "22004";
    ARRAY_SUBSCRIPT_ERROR = "2202E";
    NOT_NULL_VIOLATION = "23502";
    FOREIGN_KEY_VIOLATION = "23503";
    UNIQUE_VIOLATION = "23505";
    CHECK_VIOLATION = "23514";
    INVALID_CURSOR_STATE = "24000";
    ACTIVE_SQL_TRANSACTION = "25001";
    NO_ACTIVE_SQL_TRANSACTION = "25P01";
    IN_FAILED_SQL_TRANSACTION = "25P02";
    READ_ONLY_SQL_TRANSACTION = "25006";
    IDLE_IN_TRANSACTION_SESSION_TIMEOUT = "25P03";
    INVALID_SQL_STATEMENT_NAME = "26000";
    INVALID_PASSWORD = "28P01";
    INVALID_AUTHORIZATION = "28000";
    DEPENDENT_OBJECTS_STILL_EXIST = "2BP01";
    INVALID_CURSOR_NAME = "34000";
    SAVEPOINT_EXCEPTION = "3B001";
    INVALID_CATALOG_NAME = "3D000";
    INVALID_SCHEMA_NAME = "3F000";
    SERIALIZATION_FAILURE = "40001";
    DEADLOCK_DETECTED = "40P01";
    SYNTAX_ERROR = "42601";
    INSUFFICIENT_PRIVILEGE = "42501";
    CANNOT_COERCE = "42846";
    GROUPING_ERROR = "42803";
    WINDOWING_ERROR = "42P20";
    INVALID_RECURSION = "42P19";
    INVALID_FOREIGN_KEY = "42830";
    INVALID_NAME = "42602";
    NAME_TOO_LONG = "42622";
    RESERVED_NAME = "42939";
    DATATYPE_MISMATCH = "42804";
    INDETERMINATE_DATATYPE = "42P18";
    WRONG_OBJECT_TYPE = "42809";
    UNDEFINED_COLUMN = "42703";
    UNDEFINED_FUNCTION = "42883";
    UNDEFINED_TABLE = "42P01";
    UNDEFINED_PARAMETER = "42P02";
    UNDEFINED_OBJECT = "42704";
    DUPLICATE_COLUMN = "42701";
    DUPLICATE_CURSOR = "42P03";
    DUPLICATE_DATABASE = "42P04";
    DUPLICATE_PREPARED_STATEMENT = "42P05";
    DUPLICATE_SCHEMA = "42P06";
    DUPLICATE_TABLE = "42P07";
    DUPLICATE_ALIAS = "42712";
    DUPLICATE_OBJECT = "42710";
    AMBIGUOUS_COLUMN = "42702";
    AMBIGUOUS_FUNCTION = "42725";
    AMBIGUOUS_ALIAS = "42P09";
    COLLATION_MISMATCH = "42P21";
    INVALID_COLUMN_REFERENCE = "42P10";
    GENERATED_ALWAYS = "428C9";
    INVALID_COLUMN_DEFINITION = "42611";
    INVALID_CURSOR_DEFINITION = "42P11";
    INVALID_TABLE_DEFINITION = "42P16";
    INVALID_OBJECT_DEFINITION = "42P17";
    WITH_CHECK_OPTION_VIOLATION = "44000";
    INSUFFICIENT_RESOURCES = "53000";
    DISK_FULL = "53100";
    OUT_OF_MEMORY = "53200";
    TOO_MANY_CONNECTIONS = "53300";
    CONFIGURATION_LIMIT_EXCEEDED = "53400";
    PROGRAM_LIMIT_EXCEEDED = "54000";
    STATEMENT_TOO_COMPLEX = "54001";
    TOO_MANY_COLUMNS = "54011";
    TOO_MANY_ARGUMENTS = "54023";
    OBJECT_NOT_IN_PREREQUISITE_STATE = "55000";
    OBJECT_IN_USE = "55006";
    CANT_CHANGE_RUNTIME_PARAM = "55P02";
    LOCK_FILE_EXISTS = "F0001";
    LOCK_NOT_AVAILABLE = "55P03";
    QUERY_CANCELED = "57014";
    ADMIN_SHUTDOWN = "57P01";
    CANNOT_CONNECT_NOW = "57P03";
    IO_ERROR = "58030";
    INTERNAL_ERROR = "XX000";
    DATA_CORRUPTED = "XX001";
    UNDEFINED_FILE = "58P01";
}

/// What a query that has to run again without fixed-point columns ends with; nobody else sees it.
pub(crate) const OUTGROWN: &str = "a numeric does not have the digits of its column";

/// An error with everything PostgreSQL's ErrorResponse can carry.
///
/// One struct and not an enum of hundreds: the words and codes are PostgreSQL's, and nobody here branches on
/// an error but by its code.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{}", .0.message)]
pub struct Error(Box<Report>);

/// The parts of an error report (PostgreSQL manual, "Error and Notice Message Fields").
#[derive(Debug, Clone, Default)]
pub struct Report {
    pub state: Option<SqlState>,
    pub message: Cow<'static, str>,
    pub detail: Option<String>,
    pub hint: Option<String>,
    /// 1-based character position in the statement's text.
    pub position: Option<usize>,
    pub context: Option<String>,
    pub schema: Option<String>,
    pub table: Option<String>,
    pub column: Option<String>,
    pub data_type: Option<String>,
    pub constraint: Option<String>,
    /// Where in PostgreSQL's own source such an error comes from, for those by which drivers know what to do.
    pub routine: Option<&'static str>,
}

impl std::ops::Deref for Error {
    type Target = Report;
    fn deref(&self) -> &Report {
        &self.0
    }
}

impl Error {
    pub fn new(state: SqlState, message: impl Into<Cow<'static, str>>) -> Self {
        Self(Box::new(Report { state: Some(state), message: message.into(), ..Report::default() }))
    }

    /// The error of a report that was put together elsewhere.
    pub(crate) fn of(report: Report) -> Self {
        Self(Box::new(report))
    }

    /// 0A000, naming what is not supported: "`what` is not supported".
    pub fn unsupported(what: impl std::fmt::Display) -> Self {
        Self::new(SqlState::FEATURE_NOT_SUPPORTED, format!("{what} is not supported"))
    }

    /// A broken invariant of ours that still must not take the server down.
    pub fn internal(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(SqlState::INTERNAL_ERROR, message)
    }

    pub fn sql_state(&self) -> SqlState {
        self.0.state.unwrap_or(SqlState::INTERNAL_ERROR)
    }

    pub fn with_detail(mut self, detail: impl Into<String>) -> Self {
        self.0.detail = Some(detail.into());
        self
    }

    pub fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.0.hint = Some(hint.into());
        self
    }

    /// The same code with other words, and without anything that may quote a value.
    pub fn reworded(mut self, message: impl Into<Cow<'static, str>>) -> Self {
        self.0.message = message.into();
        self.without_detail()
    }

    pub fn without_detail(mut self) -> Self {
        self.0.detail = None;
        self
    }

    /// Sets the position unless a deeper place has set it already.
    pub fn at(mut self, position: Option<usize>) -> Self {
        self.0.position = self.0.position.or(position);
        self
    }

    /// The same in other words.
    pub(crate) fn map_words(mut self, change: impl FnOnce(&mut Report)) -> Self {
        change(&mut self.0);
        self
    }

    /// The same without a place in the statement: it happened in a text of the catalog.
    pub fn without_position(mut self) -> Self {
        self.0.position = None;
        self
    }

    /// Says where it happened unless a deeper place has said so already.
    pub fn with_context(mut self, context: impl Into<String>) -> Self {
        self.0.context.get_or_insert_with(|| context.into());
        self
    }

    /// Adds what is around what the context says already: the innermost comes first.
    pub fn within(mut self, outer: impl Into<String>) -> Self {
        let outer = outer.into();
        self.0.context = Some(match self.0.context.take() {
            Some(inner) => format!("{inner}\n{outer}"),
            None => outer,
        });
        self
    }

    /// For statements that look relations up without telling where they stand, as utility statements of PostgreSQL do.
    pub(crate) fn without_relation_place(mut self) -> Self {
        if self.sql_state() == SqlState::UNDEFINED_TABLE {
            self.0.position = None;
        }
        self
    }

    pub fn with_routine(mut self, routine: &'static str) -> Self {
        self.0.routine = Some(routine);
        self
    }

    pub fn with_data_type(mut self, schema: &str, data_type: &str) -> Self {
        self.0.schema = Some(schema.to_owned());
        self.0.data_type = Some(data_type.to_owned());
        self
    }

    pub fn with_table(mut self, schema: &str, table: &str) -> Self {
        self.0.schema = Some(schema.to_owned());
        self.0.table = Some(table.to_owned());
        self
    }

    pub fn with_column(mut self, column: &str) -> Self {
        self.0.column = Some(column.to_owned());
        self
    }

    pub fn with_constraint(mut self, constraint: &str) -> Self {
        self.0.constraint = Some(constraint.to_owned());
        self
    }
}

impl From<storage::error::Error> for Error {
    /// Exhaustive on purpose: a new storage error must choose its code.
    fn from(error: storage::error::Error) -> Self {
        use storage::error::Error as S;
        let message = error.to_string();
        let state = match error {
            S::WriteConflict | S::SerializationFailure | S::RelationChanged | S::MoveLost => {
                SqlState::SERIALIZATION_FAILURE
            }
            S::Deadlock => SqlState::DEADLOCK_DETECTED,
            S::LockNotAvailable => SqlState::LOCK_NOT_AVAILABLE,
            S::TransactionTooLarge { .. } => SqlState::PROGRAM_LIMIT_EXCEEDED,
            S::CommitOutcomeUnknown { .. } => SqlState::TRANSACTION_RESOLUTION_UNKNOWN,
            S::DirectoryInUse { .. } => SqlState::LOCK_FILE_EXISTS,
            S::WritesRefused { .. } | S::Io(_) => SqlState::IO_ERROR,
            S::Format { .. } | S::Corrupt { .. } | S::Segment { .. } => SqlState::DATA_CORRUPTED,
            S::Backup { .. } => SqlState::OBJECT_NOT_IN_PREREQUISITE_STATE,
            S::NotFixed => return Self::internal(OUTGROWN),
            // It is this crate that computes index entries.
            S::Derive(source) => return source.downcast::<Self>().map_or_else(|_| Self::internal(message), |own| *own),
        };
        Self::new(state, message)
    }
}
