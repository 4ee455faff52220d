//! The checks of domains, in which `VALUE` is the value that has to be of the domain.

use super::{Binder, Clause, Scope, ScopeColumn, ScopeRelation};
use crate::error::Result;
use crate::expr::{ColumnVar, Expr};
use crate::function::EvalContext;
use crate::plan::relation::Column;
use crate::plan::system_column::{SeesDeleted, SystemColumns};
use crate::statement::parse_expression;
use crate::types::Type;

/// What stands for `VALUE` in a bound check.
pub(crate) fn domain_value() -> ColumnVar {
    ColumnVar(0)
}

/// What a domain's check may name: its value alone.
pub(crate) fn domain_scope(base: Type) -> Scope {
    let column = ScopeColumn::new("value", Column { var: domain_value(), ty: base }, None);
    Scope::of(ScopeRelation {
        name: String::new(),
        table: None,
        aliased: true,
        nullable: false,
        scalar: false,
        mark: None,
        columns: vec![column],
        system: SystemColumns::default(),
        sees_deleted: SeesDeleted::default(),
    })
}

/// Binds a check as the catalog keeps it, for values of the type that the domain is over.
pub(crate) fn bind_domain_check(expression: &str, base: Type, context: &EvalContext) -> Result<Expr> {
    let parsed = parse_expression(expression)?;
    Binder::new(&context.catalog, context, &[]).condition(&parsed, &domain_scope(base), Clause::Check)
}
