//! The variables of a body of PL/pgSQL: names in its SQL that are parameters of the statement.
//!
//! A parameter is numbered when it is named first. A name that is a column's, too, is ambiguous unless the body says
//! which is meant.

use std::sync::Arc;

use datafusion::sql::sqlparser::ast;
use datafusion::sql::sqlparser::tokenizer::Span;
use storage::Value;

use super::record::field_at;
use super::{Binder, Clause, Place, Scope};
use crate::error::{Error, Result, SqlState};
use crate::expr::{Expr, ExprKind};
use crate::function::record::record;
use crate::plpgsql::{Code, Conflict, Place as From};
use crate::types::{Type, oid};

/// The type that a variable has when a statement is bound.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Shape {
    Scalar(Type),
    /// Of a composite type.
    Row(Type),
    /// A record, whose fields are those of what was assigned to it last.
    Record(Option<Arc<[(String, Type)]>>),
}

impl Shape {
    pub(crate) fn ty(&self) -> Type {
        match self {
            Self::Scalar(ty) | Self::Row(ty) => *ty,
            Self::Record(_) => Type::new(oid::RECORD),
        }
    }
}

/// What the names of a statement may mean besides columns.
pub(crate) struct Variables<'a> {
    code: &'a Code,
    place: From,
    shapes: &'a [Shape],
    /// The data that `$1`, `$2`, … stand for.
    inputs: &'a [usize],
    /// The data that were named, in the order of their parameters.
    used: Vec<usize>,
}

impl<'a> Variables<'a> {
    /// Those in sight from a place.
    pub(crate) fn new(code: &'a Code, place: From, shapes: &'a [Shape], inputs: &'a [usize]) -> Self {
        Self { code, place, shapes, inputs, used: Vec::new() }
    }
}

impl<'a> Binder<'a> {
    /// The names of variables stand for parameters of what is bound.
    pub(crate) fn take_variables(&mut self, variables: Variables<'a>) {
        self.variables = Some(Box::new(variables));
    }

    /// Whether names may be those of variables.
    pub(super) fn has_variables(&self) -> bool {
        self.variables.is_some()
    }

    /// The data that what was bound has as its parameters, in their order.
    pub(crate) fn used_variables(&mut self) -> Vec<usize> {
        self.variables.take().map_or_else(Vec::new, |variables| variables.used)
    }

    /// The variable that a dotted name means; None if it is none, or if the column of that name is meant.
    pub(super) fn variable_named(&mut self, names: &[&str], is_column: bool) -> Option<Result<Expr>> {
        let variables = self.variables.as_deref()?;
        let (datum, own) = variables.code.names.find(variables.place, names)?;
        let field = match &names[own..] {
            [] => None,
            [field] => Some(*field),
            _ => return None,
        };
        let value = match field {
            None => Ok(self.variable(datum)),
            Some(field) => self.variable_field(datum, field),
        };
        match (value, is_column) {
            (Ok(value), false) => Some(Ok(value)),
            (Ok(value), true) => match self.variables.as_deref()?.code.conflict {
                Conflict::Variable => Some(Ok(value)),
                Conflict::Column => None,
                Conflict::Error => {
                    let message = format!("column reference \"{}\" is ambiguous", names.join("."));
                    let detail = "It could refer to either a PL/pgSQL variable or a table column.";
                    Some(Err(Error::new(SqlState::AMBIGUOUS_COLUMN, message).with_detail(detail)))
                }
            },
            (Err(_), true) => None,
            (Err(error), false) => Some(Err(error)),
        }
    }

    /// What `$n` stands for; None if nothing is bound for a body.
    pub(super) fn variable_at(&mut self, at: usize) -> Option<Result<Expr>> {
        let inputs = self.variables.as_deref()?.inputs;
        Some(match inputs.get(at) {
            Some(datum) => Ok(self.variable(*datum)),
            None => Err(Error::new(SqlState::UNDEFINED_PARAMETER, format!("there is no parameter ${}", at + 1))),
        })
    }

    /// The fields of a variable, for `variable.*`.
    pub(super) fn variable_fields(&mut self, names: &[&str]) -> Option<Result<Vec<(String, Expr)>>> {
        let variables = self.variables.as_deref()?;
        let (datum, own) = variables.code.names.find(variables.place, names)?;
        if own != names.len() || matches!(variables.shapes.get(datum), Some(Shape::Scalar(_)) | None) {
            return None;
        }
        let fields = match &variables.shapes[datum] {
            Shape::Record(None) => return Some(Err(not_assigned(&variables.code.data[datum].name))),
            Shape::Record(Some(fields)) => fields.to_vec(),
            Shape::Row(ty) | Shape::Scalar(ty) => {
                let base = crate::types::builtin::base_of(ty.oid);
                let attributes = self.catalog.attributes(base).unwrap_or_default();
                attributes.into_iter().map(|attribute| (attribute.name, attribute.ty)).collect()
            }
        };
        let whole = self.variable_parameter(datum);
        let field = |(at, (name, ty)): (usize, (String, Type))| (name, field_at(whole.clone(), at, ty));
        Some(Ok(fields.into_iter().enumerate().map(field).collect()))
    }

    /// A parameter for the value of a variable.
    fn variable_parameter(&mut self, datum: usize) -> Expr {
        let Some(variables) = self.variables.as_deref_mut() else { return super::nothing() };
        let ty = variables.shapes.get(datum).map_or(Type::new(oid::UNKNOWN), Shape::ty);
        let at = match variables.used.iter().position(|used| *used == datum) {
            Some(at) => at,
            None => {
                variables.used.push(datum);
                self.params.push(Some(ty));
                variables.used.len() - 1
            }
        };
        Expr::new(ExprKind::Param(at), ty)
    }

    fn variable(&mut self, datum: usize) -> Expr {
        let whole = self.variable_parameter(datum);
        let Some(variables) = self.variables.as_deref() else { return whole };
        match variables.shapes.get(datum) {
            Some(Shape::Record(Some(fields))) => {
                let fields = fields.clone();
                let field =
                    |(at, (name, ty)): (usize, &(String, Type))| (name.clone(), field_at(whole.clone(), at, *ty));
                record(oid::RECORD, fields.iter().enumerate().map(field).collect())
            }
            // Nothing was assigned to it yet.
            Some(Shape::Record(None)) => Expr::constant(Value::Null, Type::new(oid::RECORD)),
            _ => whole,
        }
    }

    fn variable_field(&mut self, datum: usize, field: &str) -> Result<Expr> {
        let Some(variables) = self.variables.as_deref() else { return Err(Error::internal("no variables")) };
        let name = &variables.code.data[datum].name;
        let missing = || {
            let message = format!("record \"{name}\" has no field \"{field}\"");
            Error::new(SqlState::UNDEFINED_COLUMN, message)
        };
        let (at, ty) = match variables.shapes.get(datum) {
            Some(Shape::Record(Some(fields))) => {
                let at = fields.iter().position(|(own, _)| own == field).ok_or_else(missing)?;
                (at, fields[at].1)
            }
            Some(Shape::Record(None)) => return Err(not_assigned(name)),
            Some(Shape::Row(ty)) => {
                let (at, attribute) = self.attribute(*ty, field).map_err(|_| missing())?;
                (at, attribute.ty)
            }
            Some(Shape::Scalar(_)) | None => return Err(missing()),
        };
        let whole = self.variable_parameter(datum);
        Ok(field_at(whole, at, ty))
    }
}

/// 55000 for a record that nothing was assigned to.
pub(crate) fn not_assigned(name: &str) -> Error {
    Error::new(SqlState::OBJECT_NOT_IN_PREREQUISITE_STATE, format!("record \"{name}\" is not assigned yet"))
        .with_detail("The tuple structure of a not-yet-assigned record is indeterminate.")
}

impl Binder<'_> {
    /// A value of the type with a part of it replaced: the value is the first parameter, what replaces the part, which has
    /// to be of the type that is answered, the second. The variables that subscripts name are those behind.
    pub(crate) fn with_part_assigned(
        &mut self,
        whole: Type,
        chain: &[ast::AccessExpr],
    ) -> Result<(Expr, Type, Vec<usize>)> {
        if let Some(variables) = self.variables.as_deref_mut() {
            // No variable is named by these.
            variables.used = vec![usize::MAX; 2];
        }
        let part = self.part_type(whole, chain, Span::empty())?;
        self.params = vec![Some(whole), Some(part)];
        let (whole, value) = (Expr::new(ExprKind::Param(0), whole), Expr::new(ExprKind::Param(1), part));
        let scope = Scope::empty();
        let at = Place { scope: &scope, clause: Clause::Values };
        let changed = self.with_part(whole, chain, value, at)?;
        let mut used = self.used_variables();
        Ok((changed, part, used.split_off(used.len().min(2))))
    }
}
