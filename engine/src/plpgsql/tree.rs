//! The tree of a body: blocks of statements, and the variables that their SQL may name.

/// A body that was read.
#[derive(Debug)]
pub(crate) struct Code {
    /// Everything that has a value: parameters first, in their order.
    pub(crate) data: Vec<Datum>,
    pub(crate) names: Names,
    pub(crate) fragments: Vec<Fragment>,
    pub(crate) block: Block,
    /// What a name means that is both a variable's and a column's.
    pub(crate) conflict: Conflict,
    /// FOUND.
    pub(crate) found: usize,
    /// Of a function that triggers call.
    pub(crate) trigger: Option<TriggerVariables>,
}

/// The variables by which the function of a trigger is told why it runs.
#[derive(Debug, Clone, Copy)]
pub(crate) struct TriggerVariables {
    pub(crate) new: usize,
    pub(crate) old: usize,
    /// TG_NAME, TG_WHEN, TG_LEVEL, TG_OP, TG_RELID, TG_RELNAME, TG_TABLE_NAME, TG_TABLE_SCHEMA, TG_NARGS and TG_ARGV.
    pub(crate) told: [usize; 10],
}

/// `#variable_conflict`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Conflict {
    #[default]
    Error,
    Variable,
    Column,
}

/// A variable.
#[derive(Debug)]
pub(crate) struct Datum {
    pub(crate) name: String,
    /// Where it was declared, for errors.
    pub(crate) line: usize,
    pub(crate) declared: Declared,
    pub(crate) constant: bool,
    pub(crate) not_null: bool,
    pub(crate) default: Option<FragmentId>,
}

/// The type of a variable as it was said.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Declared {
    /// That of the function's parameter of this place.
    Parameter(usize),
    /// A built-in one, by its oid.
    Known(u32),
    /// SQL text.
    Type(String),
    /// `name%TYPE`, of a variable.
    Like(usize),
    /// `relation.column%TYPE`.
    Column(Vec<String>),
    /// `relation%ROWTYPE`.
    Row(Vec<String>),
    Record,
    /// Whatever is assigned to it: the subject of a CASE.
    Any,
}

/// The number of a piece of SQL.
pub(crate) type FragmentId = usize;

/// A piece of SQL within a body.
#[derive(Debug)]
pub(crate) struct Fragment {
    /// A statement: an expression has become a SELECT of it.
    pub(crate) sql: String,
    /// As it was written.
    pub(crate) text: String,
    /// The assignment whose value it is, as it was written.
    pub(crate) assigns: Option<String>,
    pub(crate) place: Place,
}

/// Where names are looked up from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) scope: usize,
    /// How many of the scope's variables are declared there already.
    pub(crate) visible: usize,
}

/// The scopes of a body, each within another that comes before it.
#[derive(Debug, Default)]
pub(crate) struct Names {
    pub(crate) scopes: Vec<Scope>,
}

/// The names that a block, a loop or the function itself has.
#[derive(Debug, Default)]
pub(crate) struct Scope {
    pub(crate) label: Option<String>,
    pub(crate) outer: Option<usize>,
    pub(crate) variables: Vec<Variable>,
}

/// A name of a scope.
#[derive(Debug)]
pub(crate) struct Variable {
    pub(crate) name: String,
    pub(crate) datum: usize,
    /// Whether its value may have fields.
    pub(crate) has_fields: bool,
}

impl Names {
    /// The variable that dotted names mean, and how many of them are its own: the others are fields.
    pub(crate) fn find(&self, place: Place, names: &[&str]) -> Option<(usize, usize)> {
        let (first, rest) = names.split_first()?;
        let (mut at, mut visible) = (place.scope, place.visible);
        loop {
            let scope = self.scopes.get(at)?;
            let seen = &scope.variables[..visible.min(scope.variables.len())];
            let find = |name: &str, alone: bool| {
                seen.iter().rev().find(|known| known.name == name && (alone || known.has_fields))
            };
            if let Some(found) = find(first, rest.is_empty()) {
                return Some((found.datum, 1));
            }
            if let Some(second) = rest.first()
                && scope.label.as_deref() == Some(*first)
                && let Some(found) = find(second, rest.len() == 1)
            {
                return Some((found.datum, 2));
            }
            at = scope.outer?;
            visible = usize::MAX;
        }
    }
}

#[derive(Debug)]
pub(crate) struct Block {
    pub(crate) label: Option<String>,
    /// Variables that begin anew with it.
    pub(crate) declares: Vec<usize>,
    pub(crate) statements: Vec<Statement>,
    pub(crate) exception: Option<Exception>,
}

/// EXCEPTION of a block.
#[derive(Debug)]
pub(crate) struct Exception {
    pub(crate) handlers: Vec<Handler>,
    /// SQLSTATE and SQLERRM within the handlers.
    pub(crate) state: usize,
    pub(crate) message: usize,
}

#[derive(Debug)]
pub(crate) struct Handler {
    pub(crate) conditions: Vec<Condition>,
    pub(crate) statements: Vec<Statement>,
}

/// What a handler is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Condition {
    /// Everything but a cancelled query and a failed assertion.
    Others,
    /// A code; one that ends in 000 is its whole class.
    State(String),
}

impl Condition {
    /// Whether an error of the code is meant.
    pub(crate) fn is_met(&self, code: &str) -> bool {
        match self {
            Self::Others => code != ASSERT_FAILURE,
            Self::State(own) if own.ends_with("000") => own.get(..2) == code.get(..2),
            Self::State(own) => own == code,
        }
    }
}

/// `assert_failure`
const ASSERT_FAILURE: &str = "P0004";

#[derive(Debug)]
pub(crate) struct Statement {
    pub(crate) line: usize,
    pub(crate) kind: Kind,
}

#[derive(Debug)]
pub(crate) enum Kind {
    Block(Block),
    Assign {
        target: Target,
        value: FragmentId,
    },
    If {
        arms: Vec<Arm>,
        otherwise: Vec<Statement>,
    },
    Case {
        /// The value that is compared, and the variable that keeps it.
        subject: Option<(FragmentId, usize)>,
        arms: Vec<Arm>,
        /// None: it is an error that no arm is taken.
        otherwise: Option<Vec<Statement>>,
    },
    Loop(Loop),
    /// EXIT and CONTINUE.
    Leave {
        continues: bool,
        label: Option<String>,
        when: Option<FragmentId>,
    },
    Return(Option<FragmentId>),
    ReturnNext(Option<FragmentId>),
    ReturnQuery(QueryText),
    Raise(Box<Raise>),
    Assert {
        condition: FragmentId,
        message: Option<FragmentId>,
    },
    Perform(FragmentId),
    Execute {
        text: FragmentId,
        into: Option<Into>,
        using: Vec<FragmentId>,
    },
    Sql {
        fragment: FragmentId,
        into: Option<Into>,
    },
    /// COMMIT, or else ROLLBACK.
    EndTransaction {
        commits: bool,
    },
    /// GET [STACKED] DIAGNOSTICS.
    Diagnostics {
        stacked: bool,
        items: Vec<(Target, Diagnostic)>,
    },
    Null,
}

/// A condition and what is done if it holds.
#[derive(Debug)]
pub(crate) struct Arm {
    pub(crate) condition: FragmentId,
    pub(crate) statements: Vec<Statement>,
}

#[derive(Debug)]
pub(crate) struct Loop {
    pub(crate) label: Option<String>,
    pub(crate) kind: LoopKind,
    pub(crate) body: Vec<Statement>,
}

#[derive(Debug)]
pub(crate) enum LoopKind {
    Forever,
    While(FragmentId),
    Integers { variable: usize, lower: FragmentId, upper: FragmentId, step: Option<FragmentId>, reverse: bool },
    Rows { into: Into, query: QueryText },
    Elements { into: Into, slice: usize, array: FragmentId },
}

/// A query that stands there, or whose text is computed.
#[derive(Debug)]
pub(crate) enum QueryText {
    Fixed(FragmentId),
    Computed { text: FragmentId, using: Vec<FragmentId> },
}

/// What is assigned to.
#[derive(Debug, Clone)]
pub(crate) struct Target {
    pub(crate) datum: usize,
    /// The field of a record that is assigned to as a whole.
    pub(crate) field: Option<String>,
    /// Text of a name with subscripts and fields, behind which there is more than that.
    pub(crate) part: Option<String>,
    pub(crate) place: Place,
}

/// Where the columns of a row go.
#[derive(Debug)]
pub(crate) struct Into {
    pub(crate) strict: bool,
    /// A record or a variable of a composite type takes the row as it is.
    pub(crate) whole: bool,
    pub(crate) targets: Vec<Target>,
}

#[derive(Debug)]
pub(crate) struct Raise {
    pub(crate) level: Level,
    /// A format with as many `%` as there are parameters; None if only a condition is said, or nothing.
    pub(crate) format: Option<String>,
    pub(crate) parameters: Vec<FragmentId>,
    /// A condition's name or code.
    pub(crate) condition: Option<String>,
    pub(crate) options: Vec<(RaiseOption, FragmentId)>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Level {
    Debug,
    Log,
    Info,
    Notice,
    Warning,
    Exception,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RaiseOption {
    Code,
    Message,
    Detail,
    Hint,
    Column,
    Constraint,
    DataType,
    Table,
    Schema,
}

impl RaiseOption {
    /// As it is written.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Code => "ERRCODE",
            Self::Message => "MESSAGE",
            Self::Detail => "DETAIL",
            Self::Hint => "HINT",
            Self::Column => "COLUMN",
            Self::Constraint => "CONSTRAINT",
            Self::DataType => "DATATYPE",
            Self::Table => "TABLE",
            Self::Schema => "SCHEMA",
        }
    }
}

/// An item of GET DIAGNOSTICS.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Diagnostic {
    RowCount,
    Context,
    ErrorContext,
    ErrorDetail,
    ErrorHint,
    State,
    Column,
    Constraint,
    DataType,
    Message,
    Table,
    Schema,
}
