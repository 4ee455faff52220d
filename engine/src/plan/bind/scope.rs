//! What names mean at one place of a query: the relations of its FROM clause and their columns.
//!
//! Two views of the same columns, because joins part them: a qualified name looks into a relation, an unqualified
//! name and `*` look at the columns in sight, where JOIN … USING has merged two into one.

use std::sync::Arc;

use crate::catalog::Table;
use crate::expr::{ColumnVar, Expr, ExprKind};
use crate::plan::relation::Column;
use crate::plan::system_column::{SeesDeleted, SystemColumns};

/// The names in sight.
#[derive(Debug, Clone, Default)]
pub struct Scope {
    /// What qualified names can name.
    pub(crate) relations: Vec<Arc<ScopeRelation>>,
    /// What unqualified names and `*` see, in order.
    pub(crate) columns: Vec<ScopeColumn>,
}

/// A relation of a FROM clause.
#[derive(Debug, Clone)]
pub struct ScopeRelation {
    /// Alias, or the table's name.
    pub name: String,
    /// The table behind it, if it is one.
    pub table: Option<Arc<Table>>,
    /// Whether `name` is an alias that hides the table's own name.
    pub aliased: bool,
    /// Whether an outer join may have no row of it.
    pub nullable: bool,
    /// Whether a row of it is the value of its one column: what a function of no row type answers.
    pub scalar: bool,
    /// If so, a column that is NULL just where there is none, once somebody asks for it.
    pub mark: Option<Column>,
    pub columns: Vec<ScopeColumn>,
    /// Its system columns, as far as the statement names them.
    pub system: SystemColumns,
    /// To be told that `_deleted` is named.
    pub sees_deleted: SeesDeleted,
}

/// A column that can be named.
#[derive(Debug, Clone)]
pub struct ScopeColumn {
    pub name: String,
    /// Nearly always a plain column; the merged column of a FULL JOIN … USING is a COALESCE.
    pub expr: Expr,
    /// Oid and attribute number of the table's column it is.
    pub origin: Option<(u32, u16)>,
}

impl ScopeColumn {
    /// A plain column.
    pub fn new(name: impl Into<String>, column: Column, origin: Option<(u32, u16)>) -> Self {
        Self { name: name.into(), expr: Expr::column(column.var, column.ty), origin }
    }

    /// Its number, when it is a plain column.
    pub fn var(&self) -> Option<ColumnVar> {
        match self.expr.kind {
            ExprKind::Column(var) => Some(var),
            _ => None,
        }
    }
}

impl Scope {
    /// No names at all.
    pub fn empty() -> Self {
        Self::default()
    }

    /// The names of one relation.
    pub fn of(relation: ScopeRelation) -> Self {
        Self { columns: relation.columns.clone(), relations: vec![Arc::new(relation)] }
    }

    /// The names of one relation that is written to, with the numbers of its system columns.
    pub(super) fn with_system(mut self, columns: SystemColumns) -> Self {
        for relation in &mut self.relations {
            Arc::make_mut(relation).system = columns;
        }
        self
    }

    /// Adds another scope's names beside these.
    pub fn extend(&mut self, other: Scope) {
        self.relations.extend(other.relations);
        self.columns.extend(other.columns);
    }

    /// An outer join may have no row for these names.
    pub(super) fn make_nullable(&mut self) {
        for relation in &mut self.relations {
            Arc::make_mut(relation).nullable = true;
        }
    }

    /// The relation of that name; the first, if there are several.
    pub fn relation(&self, name: &str) -> Option<&Arc<ScopeRelation>> {
        self.relations.iter().find(|relation| relation.name == name)
    }
}

impl ScopeRelation {
    /// A table under its own name or an alias; `columns` are those of a scan, by position in the table.
    pub fn of_table(table: &Arc<Table>, alias: Option<&str>, columns: &[(usize, Column)]) -> Self {
        let columns = columns
            .iter()
            .map(|(position, column)| {
                let definition = &table.columns[*position];
                ScopeColumn::new(definition.name.as_str(), *column, Some((table.oid, definition.number)))
            })
            .collect();
        Self {
            name: alias.unwrap_or(&table.name).to_owned(),
            table: Some(table.clone()),
            aliased: alias.is_some(),
            nullable: false,
            scalar: false,
            mark: None,
            columns,
            system: SystemColumns::default(),
            sees_deleted: SeesDeleted::default(),
        }
    }

    /// The columns of that name.
    pub fn columns_named<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a ScopeColumn> {
        self.columns.iter().filter(move |column| column.name == name)
    }
}
