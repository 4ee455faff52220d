//! FOR VALUES: what a partition is to take, read and compared with what the others take.

use datafusion::sql::sqlparser::ast::{self, ForValues, PartitionBoundValue, Spanned};
use storage::Value;

use super::DefinitionEnvironment;
use crate::catalog::Table;
use crate::catalog::partition::{Bound, Conflict, Limit, Strategy};
use crate::catalog::pg_catalog::partition::{key_parts, limits};
use crate::error::{Error, Result, SqlState};
use crate::expr::eval::{NoRow, eval};
use crate::function::{CastContext, resolve};
use crate::plan::bind::{Binder, Clause, Scope};
use crate::types::{self, Type};

impl DefinitionEnvironment<'_> {
    /// The rows that a partition of that name is to take; 42P17 if others take them already.
    pub(super) fn read_bound(&mut self, parent: &Table, name: &str, values: &ForValues) -> Result<Bound> {
        let key = parent.partitioning.key.as_ref().ok_or_else(|| Error::internal("a parent is not partitioned"))?;
        let columns: Vec<(String, Type)> = key_parts(parent, key).map(|part| (part.name, part.ty)).collect();
        let bound = match (key.strategy, values) {
            (Strategy::Hash, ForValues::Default) => {
                let message = "a hash-partitioned table may not have a default partition";
                return Err(Error::new(SqlState::INVALID_TABLE_DEFINITION, message));
            }
            (_, ForValues::Default) => Bound::Default,
            (Strategy::List, ForValues::In(values)) => {
                let column = &columns[0];
                Bound::List(values.iter().map(|value| self.bound_value(column, value)).collect::<Result<_>>()?)
            }
            (Strategy::Range, ForValues::From { from, to }) => {
                let (from, to) = (self.limits(&columns, from, "FROM")?, self.limits(&columns, to, "TO")?);
                Bound::Range { from, to }
            }
            (Strategy::Hash, ForValues::With { modulus, remainder }) => hash_bound(*modulus, *remainder)?,
            (strategy, _) => {
                let kind = strategy.word().to_lowercase();
                let message = format!("invalid bound specification for a {kind} partition");
                return Err(Error::new(SqlState::INVALID_TABLE_DEFINITION, message));
            }
        };
        if let Bound::Range { from, to } = &bound
            && bound.is_empty_range()
        {
            let format = &self.context.session.format;
            let (from, to) = (limits(parent, from, format), limits(parent, to, format));
            let message = format!("empty range bound specified for partition \"{name}\"");
            return Err(Error::new(SqlState::INVALID_OBJECT_DEFINITION, message)
                .with_detail(format!("Specified lower bound {from} is greater than or equal to upper bound {to}.")));
        }
        self.refuse_conflict(parent, name, &bound)?;
        Ok(bound)
    }

    fn limits(&self, columns: &[(String, Type)], limits: &[PartitionBoundValue], what: &str) -> Result<Vec<Limit>> {
        if limits.len() != columns.len() {
            let message = format!("{what} must specify exactly one value per partitioning column");
            return Err(Error::new(SqlState::INVALID_TABLE_DEFINITION, message));
        }
        let mut read = Vec::with_capacity(limits.len());
        for (column, limit) in columns.iter().zip(limits) {
            let limit = match limit {
                PartitionBoundValue::MinValue => Limit::Min,
                PartitionBoundValue::MaxValue => Limit::Max,
                PartitionBoundValue::Expr(value) => Limit::Value(self.bound_value(column, value)?),
            };
            let words = match (read.last(), &limit) {
                (_, Limit::Value(Value::Null)) => {
                    let message = "cannot specify NULL in range bound";
                    return Err(Error::new(SqlState::INVALID_OBJECT_DEFINITION, message));
                }
                (Some(Limit::Min), Limit::Value(_) | Limit::Max) => Some("MINVALUE"),
                (Some(Limit::Max), Limit::Value(_) | Limit::Min) => Some("MAXVALUE"),
                _ => None,
            };
            if let Some(words) = words {
                let message = format!("every bound following {words} must also be {words}");
                return Err(Error::new(SqlState::DATATYPE_MISMATCH, message));
            }
            read.push(limit);
        }
        Ok(read)
    }

    /// The value of an expression in a bound, as one of the key column's.
    fn bound_value(&self, column: &(String, Type), value: &ast::Expr) -> Result<Value> {
        let catalog = &self.context.catalog;
        let mut binder = Binder::new(catalog, self.context, &[]).with_text(self.text);
        let bound = binder.expr_in(value, &Scope::empty(), Clause::PartitionBound)?;
        let position = self.position(value.span());
        let bound = resolve::coerce(bound, column.1, CastContext::Assignment, self.context).map_err(|error| {
            if !matches!(error.sql_state(), SqlState::DATATYPE_MISMATCH | SqlState::CANNOT_COERCE) {
                return error;
            }
            let (name, ty) = (&column.0, types::display(column.1));
            let message = format!("specified value cannot be cast to type {ty} for column \"{name}\"");
            Error::new(SqlState::DATATYPE_MISMATCH, message).at(position)
        })?;
        eval(&bound, self.context, &NoRow)
    }

    fn refuse_conflict(&mut self, parent: &Table, name: &str, bound: &Bound) -> Result<()> {
        let catalog = self.catalog();
        let (names, bounds): (Vec<&str>, Vec<&Bound>) = catalog
            .partitions_of(parent.oid)
            .filter_map(|other| Some((other.name.as_str(), &other.partitioning.of.as_ref()?.bound)))
            .unzip();
        let modulus = |bound: &Bound| match bound {
            Bound::Hash { modulus, .. } => *modulus,
            _ => 0,
        };
        let factor = |detail| {
            let message = "every hash partition modulus must be a factor of the next larger modulus";
            Error::new(SqlState::INVALID_OBJECT_DEFINITION, message).with_detail(detail)
        };
        let new = modulus(bound);
        Err(match bound.conflict(&bounds) {
            None => return Ok(()),
            Some(Conflict::Overlap(at)) => {
                let message = format!("partition \"{name}\" would overlap partition \"{}\"", names[at]);
                Error::new(SqlState::INVALID_OBJECT_DEFINITION, message)
            }
            Some(Conflict::SecondDefault(at)) => {
                let message =
                    format!("partition \"{name}\" conflicts with existing default partition \"{}\"", names[at]);
                Error::new(SqlState::INVALID_OBJECT_DEFINITION, message)
            }
            Some(Conflict::NoFactor(at)) => factor(format!(
                "The new modulus {new} is not a factor of {}, the modulus of existing partition \"{}\".",
                modulus(bounds[at]),
                names[at]
            )),
            Some(Conflict::NotDivisible(at)) => factor(format!(
                "The new modulus {new} is not divisible by {}, the modulus of existing partition \"{}\".",
                modulus(bounds[at]),
                names[at]
            )),
        })
    }
}

fn hash_bound(modulus: u64, remainder: u64) -> Result<Bound> {
    let invalid = |words: &'static str| Error::new(SqlState::INVALID_TABLE_DEFINITION, words);
    let int4 = |value: u64| i32::try_from(value).ok().and_then(|value| u32::try_from(value).ok());
    let modulus = int4(modulus).filter(|modulus| *modulus > 0);
    let modulus =
        modulus.ok_or_else(|| invalid("modulus for hash partition must be an integer value greater than zero"))?;
    let remainder = int4(remainder).filter(|remainder| *remainder < modulus);
    let remainder = remainder.ok_or_else(|| invalid("remainder for hash partition must be less than modulus"))?;
    Ok(Bound::Hash { modulus, remainder })
}
