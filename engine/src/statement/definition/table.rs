//! ALTER TABLE, ALTER INDEX and CLUSTER, as far as the parser does not know them.

use datafusion::sql::sqlparser::ast::{self, ObjectName};
use datafusion::sql::sqlparser::tokenizer::Token;

use super::sequence;
use super::trigger::{self, TriggerSwitch};
use super::{Definition, SequenceOptions, list, partition};
use crate::catalog::Deferrable;
use crate::error::{Error, Result, SqlState};
use crate::statement::reader::Reader;
use crate::statement::utility::setting_value;

/// The forms of ALTER TABLE that are read here.
#[derive(Debug, Clone)]
pub enum TableChange {
    SetSchema(String),
    SetOptions(Vec<StorageParameter>),
    ResetOptions(Vec<StorageParameter>),
    /// CLUSTER ON.
    ClusterOn(String),
    WithoutCluster,
    ReplicaIdentity(ReplicaIdentityChange),
    AttachPartition {
        partition: ObjectName,
        values: ast::ForValues,
    },
    DetachPartition(ObjectName),
    Inherit(ObjectName),
    /// SET LOGGED, or UNLOGGED if false.
    Logged(bool),
    NoInherit(ObjectName),
    /// SET WITHOUT OIDS, which tables are anyway.
    WithoutOids,
    /// ENABLE or DISABLE TRIGGER.
    Triggers(TriggerSwitch),
    /// ALTER CONSTRAINT: when it is checked.
    Constraint {
        name: String,
        deferrable: Option<Deferrable>,
    },
    /// ALTER COLUMN in a form that the parser does not know.
    Column {
        column: String,
        change: ColumnChange,
    },
}

/// The forms of ALTER COLUMN that are read here.
#[derive(Debug, Clone)]
pub enum ColumnChange {
    DropExpression {
        if_exists: bool,
    },
    DropIdentity {
        if_exists: bool,
    },
    /// ADD GENERATED … AS IDENTITY.
    AddIdentity {
        always: bool,
        options: Box<SequenceOptions>,
    },
    /// SET GENERATED and changes of the sequence.
    SetIdentity {
        always: Option<bool>,
        options: Box<SequenceOptions>,
    },
    /// TYPE … COLLATE.
    SetType {
        data_type: ast::DataType,
        collation: ObjectName,
        using: Option<Box<ast::Expr>>,
    },
    SetStatistics(i64),
    SetStorage(String),
    SetCompression(String),
    /// SET (…) and RESET (…): what ANALYZE of PostgreSQL is told, which nothing here goes by.
    Hint,
}

impl ColumnChange {
    /// Whether it changes nothing but what is shown.
    pub(crate) fn is_hint(&self) -> bool {
        match self {
            Self::SetStatistics(_) | Self::SetStorage(_) | Self::SetCompression(_) | Self::Hint => true,
            Self::DropExpression { .. } | Self::DropIdentity { .. } => false,
            Self::AddIdentity { .. } | Self::SetIdentity { .. } | Self::SetType { .. } => false,
        }
    }
}

/// A storage parameter: its name, with what stands before the dot if one does, and its value.
#[derive(Debug, Clone)]
pub struct StorageParameter {
    pub name: String,
    pub value: Option<String>,
}

/// What REPLICA IDENTITY says.
#[derive(Debug, Clone)]
pub enum ReplicaIdentityChange {
    Default,
    Full,
    Nothing,
    Index(String),
}

/// The forms of ALTER INDEX that are read here.
#[derive(Debug, Clone)]
pub enum IndexChange {
    Rename(String),
    SetOptions(Vec<StorageParameter>),
    ResetOptions(Vec<StorageParameter>),
    /// SET STATISTICS of a column, by its number.
    SetStatistics {
        column: i64,
        target: i64,
    },
}

/// What follows ALTER TABLE; None if the parser knows it.
pub(super) fn alter(reader: &mut Reader<'_>) -> Result<Option<Definition>> {
    let if_exists = reader.words(&["if", "exists"]);
    reader.word("only");
    let name = reader.object_name()?;
    reader.token(&Token::Mul);
    let change = if reader.words(&["set", "schema"]) {
        TableChange::SetSchema(reader.identifier()?)
    } else if reader.word("reset") {
        TableChange::ResetOptions(parameters(reader)?)
    } else if reader.words(&["set", "without", "cluster"]) {
        TableChange::WithoutCluster
    } else if reader.words(&["set", "without", "oids"]) {
        TableChange::WithoutOids
    } else if reader.words(&["alter", "constraint"]) {
        TableChange::Constraint { name: reader.identifier()?, deferrable: deferrable(reader)? }
    } else if reader.words(&["cluster", "on"]) {
        TableChange::ClusterOn(reader.identifier()?)
    } else if reader.words(&["replica", "identity"]) {
        TableChange::ReplicaIdentity(replica_identity(reader)?)
    } else if sets_parameters(reader) {
        TableChange::SetOptions(parameters(reader)?)
    } else if reader.words(&["attach", "partition"]) {
        let partition = reader.object_name()?;
        TableChange::AttachPartition { partition, values: partition::for_values(reader)? }
    } else if reader.words(&["detach", "partition"]) {
        let partition = reader.object_name()?;
        if reader.word("concurrently") || reader.word("finalize") {
            return Err(Error::unsupported("DETACH PARTITION CONCURRENTLY"));
        }
        TableChange::DetachPartition(partition)
    } else if reader.words(&["set", "logged"]) {
        TableChange::Logged(true)
    } else if reader.words(&["set", "unlogged"]) {
        TableChange::Logged(false)
    } else if reader.word("inherit") {
        TableChange::Inherit(reader.object_name()?)
    } else if reader.words(&["no", "inherit"]) {
        TableChange::NoInherit(reader.object_name()?)
    } else if let Some(switch) = alone(reader, trigger::switch)? {
        TableChange::Triggers(switch)
    } else if let Some((column, change)) = alter_column(reader)? {
        TableChange::Column { column, change }
    } else {
        return Ok(None);
    };
    Ok(Some(Definition::AlterTable { name, if_exists, change }))
}

/// What is read to the end of the statement; None if something follows, which the parser reads.
fn alone<T>(reader: &mut Reader<'_>, read: impl Fn(&mut Reader<'_>) -> Result<Option<T>>) -> Result<Option<T>> {
    let mut own = reader.clone();
    let found = read(&mut own)?.filter(|_| own.at_end());
    if found.is_some() {
        *reader = own;
    }
    Ok(found)
}

/// `[NOT] DEFERRABLE`, `INITIALLY DEFERRED` and `INITIALLY IMMEDIATE`, in any order.
fn deferrable(reader: &mut Reader<'_>) -> Result<Option<Deferrable>> {
    let (mut deferrable, mut deferred) = (None, None);
    loop {
        let conflict = if reader.words(&["not", "deferrable"]) {
            deferrable.replace(false) == Some(true)
        } else if reader.word("deferrable") {
            deferrable.replace(true) == Some(false)
        } else if reader.words(&["initially", "deferred"]) {
            deferred.replace(true) == Some(false)
        } else if reader.words(&["initially", "immediate"]) {
            deferred.replace(false) == Some(true)
        } else {
            break;
        };
        if conflict {
            return Err(Error::new(SqlState::SYNTAX_ERROR, "conflicting constraint properties"));
        }
        if deferrable == Some(false) && deferred == Some(true) {
            let words = "constraint declared INITIALLY DEFERRED must be DEFERRABLE";
            return Err(Error::new(SqlState::SYNTAX_ERROR, words));
        }
    }
    Ok(match (deferrable, deferred) {
        (_, Some(true)) => Some(Deferrable::InitiallyDeferred),
        (Some(true), _) => Some(Deferrable::InitiallyImmediate),
        _ => None,
    })
}

/// TYPE … COLLATE; None without a collation, which the parser reads.
fn type_with_collation(reader: &mut Reader<'_>) -> Result<Option<ColumnChange>> {
    let mut own = reader.clone();
    if !own.words(&["set", "data", "type"]) && !own.word("type") {
        return Ok(None);
    }
    let Ok(data_type) = own.parsed(|parser| parser.parse_data_type()) else { return Ok(None) };
    if !own.word("collate") {
        return Ok(None);
    }
    let collation = own.object_name()?;
    let using = if own.word("using") { Some(Box::new(own.parsed(|parser| parser.parse_expr())?)) } else { None };
    *reader = own;
    Ok(Some(ColumnChange::SetType { data_type, collation, using }))
}

/// The forms of ALTER COLUMN that the parser does not know; None if it is another.
fn alter_column(reader: &mut Reader<'_>) -> Result<Option<(String, ColumnChange)>> {
    if !reader.word("alter") {
        return Ok(None);
    }
    reader.word("column");
    let column = reader.identifier()?;
    if let Some(change) = type_with_collation(reader)? {
        return Ok(Some((column, change)));
    }
    let change = if reader.words(&["drop", "expression"]) {
        ColumnChange::DropExpression { if_exists: reader.words(&["if", "exists"]) }
    } else if reader.words(&["drop", "identity"]) {
        ColumnChange::DropIdentity { if_exists: reader.words(&["if", "exists"]) }
    } else if reader.words(&["set", "statistics"]) {
        ColumnChange::SetStatistics(statistics(reader)?)
    } else if reader.words(&["add", "generated"]) {
        let always = reader.word("always");
        if !always && !reader.words(&["by", "default"]) || !reader.words(&["as", "identity"]) {
            return Err(reader.syntax_error());
        }
        let mut options = SequenceOptions::default();
        if reader.token(&Token::LParen) {
            while !reader.token(&Token::RParen) {
                sequence::option(reader, &mut options)?;
            }
        }
        ColumnChange::AddIdentity { always, options: Box::new(options) }
    } else if reader.words(&["set", "storage"]) {
        ColumnChange::SetStorage(reader.identifier()?)
    } else if reader.words(&["set", "compression"]) {
        ColumnChange::SetCompression(reader.identifier()?)
    } else if reader.word("reset") || sets_parameters(reader) {
        parameters(reader)?;
        ColumnChange::Hint
    } else {
        let (mut always, mut options, mut changes) = (None, SequenceOptions::default(), false);
        loop {
            if reader.words(&["set", "generated"]) {
                always = Some(reader.word("always"));
                if always == Some(false) {
                    reader.expect_word("by")?;
                    reader.expect_word("default")?;
                }
            } else if reader.peek_word("restart") || (reader.word("set") && is_sequence_option(reader)) {
                sequence::option(reader, &mut options)?;
            } else if changes {
                break;
            } else {
                return Ok(None);
            }
            changes = true;
        }
        ColumnChange::SetIdentity { always, options: Box::new(options) }
    };
    Ok(Some((column, change)))
}

fn is_sequence_option(reader: &Reader<'_>) -> bool {
    ["increment", "minvalue", "maxvalue", "no", "cycle", "start", "restart", "cache"]
        .iter()
        .any(|word| reader.peek_word(word))
}

fn statistics(reader: &mut Reader<'_>) -> Result<i64> {
    let negative = reader.token(&Token::Minus);
    match reader.advance() {
        Some(Token::Number(digits, _)) => {
            let target = digits.parse::<i64>().map_err(|_| reader.syntax_error())?;
            Ok(if negative { -target } else { target })
        }
        _ => Err(reader.syntax_error()),
    }
}

fn replica_identity(reader: &mut Reader<'_>) -> Result<ReplicaIdentityChange> {
    if reader.word("default") {
        return Ok(ReplicaIdentityChange::Default);
    }
    if reader.word("full") {
        return Ok(ReplicaIdentityChange::Full);
    }
    if reader.word("nothing") {
        return Ok(ReplicaIdentityChange::Nothing);
    }
    reader.expect_word("using")?;
    reader.expect_word("index")?;
    reader.identifier().map(ReplicaIdentityChange::Index)
}

/// Takes SET before parameters in parentheses.
fn sets_parameters(reader: &mut Reader<'_>) -> bool {
    let mut ahead = reader.clone();
    let sets = ahead.word("set") && ahead.peek() == Some(&Token::LParen);
    if sets {
        *reader = ahead;
    }
    sets
}

/// `(name [= value], …)`.
pub(super) fn parameters(reader: &mut Reader<'_>) -> Result<Vec<StorageParameter>> {
    reader.expect_token(&Token::LParen)?;
    let parameters = list(reader, |reader| {
        let mut name = reader.identifier()?;
        if reader.token(&Token::Period) {
            name = format!("{name}.{}", reader.identifier()?);
        }
        let value = if reader.token(&Token::Eq) { Some(setting_value(reader)?) } else { None };
        Ok(StorageParameter { name, value })
    })?;
    reader.expect_token(&Token::RParen)?;
    Ok(parameters)
}

/// What follows ALTER INDEX; None if the parser knows it.
pub(super) fn alter_index(reader: &mut Reader<'_>) -> Result<Option<Definition>> {
    let mut ahead = reader.clone();
    let if_exists = ahead.words(&["if", "exists"]);
    let Ok(name) = ahead.object_name() else { return Ok(None) };
    let change = if if_exists && ahead.words(&["rename", "to"]) {
        IndexChange::Rename(ahead.identifier()?)
    } else if ahead.word("reset") {
        IndexChange::ResetOptions(parameters(&mut ahead)?)
    } else if sets_parameters(&mut ahead) {
        IndexChange::SetOptions(parameters(&mut ahead)?)
    } else if ahead.word("alter") {
        ahead.word("column");
        let column = statistics(&mut ahead)?;
        if !ahead.words(&["set", "statistics"]) {
            return Err(ahead.syntax_error());
        }
        IndexChange::SetStatistics { column, target: statistics(&mut ahead)? }
    } else {
        return partition::attach_index(reader);
    };
    *reader = ahead;
    Ok(Some(Definition::AlterIndex { name, if_exists, change }))
}

/// What follows CLUSTER.
pub(super) fn cluster(reader: &mut Reader<'_>) -> Result<Definition> {
    if reader.token(&Token::LParen) {
        reader.expect_word("verbose")?;
        if !reader.token(&Token::RParen) {
            setting_value(reader)?;
            reader.expect_token(&Token::RParen)?;
        }
    } else {
        reader.word("verbose");
    }
    if reader.at_end() {
        return Ok(Definition::Cluster { target: None });
    }
    let name = reader.object_name()?;
    if reader.word("using") {
        return Ok(Definition::Cluster { target: Some((name, Some(reader.identifier()?))) });
    }
    // The older form names the index first.
    if reader.word("on") {
        let index = name.0.last().and_then(|part| part.as_ident()).map(crate::plan::bind::fold);
        return Ok(Definition::Cluster { target: Some((reader.object_name()?, index)) });
    }
    Ok(Definition::Cluster { target: Some((name, None)) })
}
