//! Constraints as they are written, at a column or by themselves, and how keys and checks become part of a table.

use std::sync::Arc;

use datafusion::sql::sqlparser::ast::{
    self, CheckConstraint, ColumnOption, ConstraintCharacteristics, DeferrableInitial, Ident, IndexColumn, IndexOption,
    IndexType, KeyOrIndexDisplay, NullsDistinctOption, OrderByExpr, OrderByOptions, PrimaryKeyConstraint,
    TableConstraint, UniqueConstraint,
};

use super::DefinitionEnvironment;
use super::foreign_key::ForeignKey;
use super::function::with_functions;
use super::{names, options, stream};
use crate::catalog::pg_catalog::no_default_class;
use crate::catalog::{self, AccessMethod, Catalog, Constraint, ConstraintKind, Deferrable, Index, Table, TableColumn};
use crate::error::{Error, Result, SqlState};
use crate::expr::{Expr, walk};
use crate::function::resolve;
use crate::plan::bind::{Binder, Clause, fold, with_known_oid};
use crate::plan::point::ColumnPlaces;
use crate::plan::relation::Relation;
use crate::plan::system_column::SystemColumn;
use crate::statement::KeyWords;
use crate::types;

/// PostgreSQL's `INDEX_MAX_KEYS`.
const KEY_COLUMNS_MAX: usize = 32;

/// A constraint as it is written.
#[derive(Debug)]
pub(super) enum Written<'a> {
    Key(Key),
    Check(Check<'a>),
    ForeignKey(ForeignKey<'a>),
}

/// PRIMARY KEY or UNIQUE.
#[derive(Debug, Clone)]
pub(super) struct Key {
    pub(super) name: Option<String>,
    pub(super) primary: bool,
    pub(super) nulls_distinct: bool,
    pub(super) columns: Vec<String>,
    /// INCLUDE.
    pub(super) included: Vec<String>,
    /// WITH: parameters of the index.
    pub(super) options: Vec<(String, String)>,
    pub(super) deferrable: Option<Deferrable>,
}

#[derive(Debug)]
pub(super) struct Check<'a> {
    pub(super) name: Option<String>,
    pub(super) expression: &'a ast::Expr,
    /// The rows that are there are not looked at.
    pub(super) not_valid: bool,
    /// What inherits from the table does not have it.
    pub(super) no_inherit: bool,
}

/// A check that can be evaluated on rows of its table.
pub(super) struct BoundCheck {
    pub(super) name: String,
    pub(super) condition: Expr,
    pub(super) places: ColumnPlaces,
}

impl<'a> Written<'a> {
    /// A constraint by itself.
    pub(super) fn of_table(constraint: &'a TableConstraint) -> Result<Self> {
        match constraint {
            TableConstraint::PrimaryKey(key) => Ok(Written::Key(primary_key(key, None)?)),
            TableConstraint::Unique(key) => Ok(Written::Key(unique(key, None)?)),
            TableConstraint::Check(check) => Ok(Written::Check(written_check(check, None)?)),
            TableConstraint::ForeignKey(key) => Ok(Written::ForeignKey(ForeignKey::of(key, None, None)?)),
            TableConstraint::Index(_) => Err(Error::unsupported("an index inside CREATE TABLE")),
            TableConstraint::FulltextOrSpatial(_) => Err(Error::unsupported("a full-text or spatial index")),
            TableConstraint::PrimaryKeyUsingIndex(_) | TableConstraint::UniqueUsingIndex(_) => {
                Err(Error::unsupported("a constraint USING INDEX"))
            }
        }
    }

    /// A constraint at a column; None if the option is none.
    pub(super) fn of_column(column: &Ident, name: Option<&Ident>, option: &'a ColumnOption) -> Result<Option<Self>> {
        match option {
            ColumnOption::PrimaryKey(key) => {
                let mut key = primary_key(key, Some(column))?;
                key.name = key.name.or(name.map(fold));
                Ok(Some(Written::Key(key)))
            }
            ColumnOption::Unique(key) => {
                let mut key = unique(key, Some(column))?;
                key.name = key.name.or(name.map(fold));
                Ok(Some(Written::Key(key)))
            }
            ColumnOption::Check(check) => Ok(Some(Written::Check(written_check(check, name)?))),
            ColumnOption::ForeignKey(key) => Ok(Some(Written::ForeignKey(ForeignKey::of(key, name, Some(column))?))),
            _ => Ok(None),
        }
    }
}

fn primary_key(key: &PrimaryKeyConstraint, column: Option<&Ident>) -> Result<Key> {
    let PrimaryKeyConstraint { name, index_name, index_type, columns, index_options, characteristics } = key;
    let (included, options) = index_words(index_name.as_ref(), index_type.as_ref(), index_options)?;
    Ok(Key {
        name: name.as_ref().map(fold),
        primary: true,
        nulls_distinct: true,
        columns: key_columns(columns, column)?,
        included,
        options,
        deferrable: deferrable(characteristics.as_ref())?,
    })
}

fn unique(key: &UniqueConstraint, column: Option<&Ident>) -> Result<Key> {
    let UniqueConstraint {
        name,
        index_name,
        index_type_display,
        index_type,
        columns,
        index_options,
        characteristics,
        nulls_distinct,
    } = key;
    if !matches!(index_type_display, KeyOrIndexDisplay::None) {
        return Err(Error::unsupported("UNIQUE KEY or UNIQUE INDEX as a constraint"));
    }
    let (included, options) = index_words(index_name.as_ref(), index_type.as_ref(), index_options)?;
    // NOT ENFORCED at a column is how the parser is told of NULLS NOT DISTINCT there.
    let not_distinct = column.is_some() && characteristics.is_some_and(|said| said.enforced == Some(false));
    let characteristics = characteristics
        .map(|said| ConstraintCharacteristics { enforced: said.enforced.filter(|_| !not_distinct), ..said });
    Ok(Key {
        name: name.as_ref().map(fold),
        primary: false,
        nulls_distinct: !not_distinct && !matches!(nulls_distinct, NullsDistinctOption::NotDistinct),
        columns: key_columns(columns, column)?,
        included,
        options,
        deferrable: deferrable(characteristics.as_ref())?,
    })
}

fn written_check<'a>(check: &'a CheckConstraint, name: Option<&Ident>) -> Result<Check<'a>> {
    let CheckConstraint { name: own_name, expr, enforced } = check;
    // NOT ENFORCED is how the parser is told of NO INHERIT.
    if *enforced == Some(true) {
        return Err(Error::unsupported("CHECK … ENFORCED"));
    }
    let name = own_name.as_ref().or(name).map(fold);
    Ok(Check { name, expression: expr, not_valid: false, no_inherit: *enforced == Some(false) })
}

/// The columns that an index includes, and its parameters.
type IndexWords = (Vec<String>, Vec<(String, String)>);

/// INCLUDE and WITH of a key, which a comment carries through the parser.
fn index_words(name: Option<&Ident>, kind: Option<&IndexType>, options: &[IndexOption]) -> Result<IndexWords> {
    match (name, kind, options) {
        (None, None, []) => Ok(Default::default()),
        (None, None, [IndexOption::Comment(words)]) => {
            let words = KeyWords::read(words)?;
            Ok((words.included, options::of_key(words.options)?))
        }
        _ => Err(Error::unsupported("naming an index within a constraint")),
    }
}

/// What is said of when a constraint is checked.
pub(super) fn deferrable(characteristics: Option<&ConstraintCharacteristics>) -> Result<Option<Deferrable>> {
    let Some(ConstraintCharacteristics { deferrable, initially, enforced }) = characteristics else { return Ok(None) };
    if enforced.is_some() {
        return Err(Error::unsupported("a constraint [NOT] ENFORCED"));
    }
    match (deferrable, initially) {
        (Some(false), Some(DeferrableInitial::Deferred)) => {
            let message = "constraint declared INITIALLY DEFERRED must be DEFERRABLE";
            Err(Error::new(SqlState::SYNTAX_ERROR, message))
        }
        (_, Some(DeferrableInitial::Deferred)) => Ok(Some(Deferrable::InitiallyDeferred)),
        (Some(true), _) => Ok(Some(Deferrable::InitiallyImmediate)),
        (Some(false) | None, _) => Ok(None),
    }
}

fn key_columns(columns: &[IndexColumn], column: Option<&Ident>) -> Result<Vec<String>> {
    if columns.is_empty() {
        return Ok(column.map(fold).into_iter().collect());
    }
    let mut names = Vec::with_capacity(columns.len());
    for IndexColumn { column, operator_class } in columns {
        let OrderByExpr { expr, options: OrderByOptions { asc, nulls_first }, with_fill } = column;
        let plain = operator_class.is_none() && asc.is_none() && nulls_first.is_none() && with_fill.is_none();
        match expr {
            ast::Expr::Identifier(name) if plain => names.push(fold(name)),
            _ => return Err(Error::new(SqlState::SYNTAX_ERROR, format!("syntax error at or near \"{expr}\""))),
        }
    }
    Ok(names)
}

impl DefinitionEnvironment<'_> {
    /// Adds a key to a table under construction, with its index. The index is empty: the caller fills it, if there are
    /// rows. Answers the index's place in the table.
    pub(super) async fn add_key(&mut self, table: &mut Table, key: &Key) -> Result<usize> {
        if table.is_stream() {
            return Err(stream::unsupported(table, if key.primary { "a primary key" } else { "a unique constraint" }));
        }
        if key.primary && table.primary_key().is_some() {
            let message = format!("multiple primary keys for table \"{}\" are not allowed", table.name);
            return Err(Error::new(SqlState::INVALID_TABLE_DEFINITION, message));
        }
        let numbers = key_numbers(table, key)?;
        self.check_divided_key(table, &numbers, if key.primary { "PRIMARY KEY" } else { "UNIQUE" })?;
        for column in table.columns.iter_mut().filter(|column| numbers.contains(&column.number)) {
            check_sortable(column)?;
            column.not_null |= key.primary;
        }
        let included = included_numbers(table, key)?;
        let columns = names::joined_apart(key.columns.iter().chain(&key.included).cloned());
        let name = match (&key.name, key.primary) {
            (Some(name), _) => self.claim_key_name(table, name).await?,
            (None, true) => self.claim_made_name(table, "", "pkey").await?,
            (None, false) => self.claim_made_name(table, &columns, "key").await?,
        };
        let index = self.store.allocate_oid()?;
        // Rows lie under a primary key that is never broken.
        let lies_under = key.primary && key.deferrable.is_none();
        let generation = if lies_under { None } else { Some(self.new_generation()?) };
        table.indexes.push(Index {
            oid: index,
            name: name.clone(),
            primary: lies_under,
            unique: true,
            nulls_distinct: key.nulls_distinct,
            columns: numbers.iter().map(|number| catalog::IndexColumn::ascending(*number)).collect(),
            included,
            predicate: None,
            options: key.options.clone(),
            comment: None,
            parent: None,
            valid: true,
            method: Default::default(),
            deferrable: key.deferrable.is_some(),
            clustered: false,
            generation,
        });
        let kind = match key.primary {
            true => ConstraintKind::PrimaryKey { columns: numbers, index },
            false => ConstraintKind::Unique { columns: numbers, index },
        };
        let constraint = Constraint::new(self.store.allocate_oid()?, name, kind);
        table.constraints.push(Constraint { deferrable: key.deferrable, ..constraint });
        Ok(table.indexes.len() - 1)
    }

    /// Claims the name that a key was given: of a constraint and of an index.
    async fn claim_key_name(&mut self, table: &Table, name: &str) -> Result<String> {
        self.lock_name(table.schema, name).await?;
        let catalog = self.catalog();
        if catalog.relation_names.contains_key(&(table.schema, name.to_owned())) || is_own_relation(table, name) {
            return Err(Error::new(SqlState::DUPLICATE_TABLE, format!("relation \"{name}\" already exists")));
        }
        refuse_duplicate(table, name)?;
        Ok(name.to_owned())
    }

    /// Makes and claims a name for an index of the table.
    pub(super) async fn claim_made_name(&mut self, table: &Table, columns: &str, label: &str) -> Result<String> {
        loop {
            let catalog = self.catalog();
            let taken = |name: &str| is_taken(&catalog, table, name);
            let name = names::free_name(&table.name, columns, label, taken);
            self.lock_name(table.schema, &name).await?;
            if !is_taken(&self.catalog(), table, &name) {
                return Ok(name);
            }
        }
    }

    /// Adds a check to a table under construction, bound, so that it can be tried on the table's rows.
    pub(super) fn add_check(&mut self, table: &mut Table, check: &Check<'_>) -> Result<BoundCheck> {
        let catalog = self.catalog();
        if check.no_inherit && table.partitioning.key.is_some() {
            let message = format!("cannot add NO INHERIT constraint to partitioned table \"{}\"", table.name);
            return Err(Error::new(SqlState::INVALID_TABLE_DEFINITION, message));
        }
        let seen = Arc::new(table.clone());
        let (condition, places) = self.bind_check(&catalog, &seen, check.expression, self.text)?;
        self.refuse_telling_check(table, &condition)?;
        let name = match &check.name {
            Some(name) => {
                refuse_duplicate_check(&catalog, table, name)?;
                name.clone()
            }
            None => {
                let mut positions: Vec<usize> =
                    walk::columns_of(&condition).into_iter().filter_map(|var| places.place(var)).collect();
                positions.sort_unstable();
                positions.dedup();
                let column = match positions.as_slice() {
                    [one] => table.columns[*one].name.as_str(),
                    _ => "",
                };
                names::free_name(&table.name, column, "check", |name| is_constraint(&catalog, table, name))
            }
        };
        let called = self.functions_in(&catalog, |binder| {
            let (_, scope) = binder.scan(&seen, None);
            binder.condition(check.expression, &scope, Clause::Check)
        })?;
        let expression = with_functions(self.with_type_schemas(&catalog, check.expression), &called).to_string();
        let kind = ConstraintKind::Check { expression };
        let constraint = Constraint::new(self.store.allocate_oid()?, name.clone(), kind);
        let (not_valid, no_inherit) = (check.not_valid, check.no_inherit);
        table.constraints.push(Constraint { not_valid, no_inherit, ..constraint });
        Ok(BoundCheck { name, condition, places })
    }

    /// Binds a check over a table's columns. Errors point into `text`, which is empty for an expression of the catalog.
    pub(super) fn bind_check(
        &self,
        catalog: &Arc<Catalog>,
        table: &Arc<Table>,
        expression: &ast::Expr,
        text: &str,
    ) -> Result<(Expr, ColumnPlaces)> {
        let mut binder = Binder::new(catalog, self.context, &[]).with_text(text).telling_table_oid();
        let (relation, scope) = binder.scan(table, None);
        let condition = binder.condition(expression, &scope, Clause::Check)?;
        let Relation::Scan(scan) = &relation else {
            return Err(Error::internal("a table is not read by a scan"));
        };
        let places = ColumnPlaces::new(scan.columns.iter().map(|(at, column)| (column.var, *at)));
        let condition = match scan.system.get(SystemColumn::TableOid) {
            Some(column) => with_known_oid(condition, column.var, table.oid)?,
            None => condition,
        };
        Ok((condition, places))
    }

    /// A free name for a foreign key, or the given one if that is free.
    pub(super) fn foreign_key_name(&mut self, table: &Table, given: Option<&str>, columns: &str) -> Result<String> {
        let catalog = self.catalog();
        match given {
            Some(name) => {
                refuse_duplicate(table, name)?;
                Ok(name.to_owned())
            }
            None => Ok(names::free_name(&table.name, columns, "fkey", |name| is_constraint(&catalog, table, name))),
        }
    }
}

/// The attribute numbers of the columns that a key includes.
fn included_numbers(table: &Table, key: &Key) -> Result<Vec<u16>> {
    let number = |name: &String| {
        table.position_of(name).map(|at| table.columns[at].number).ok_or_else(|| {
            Error::new(SqlState::UNDEFINED_COLUMN, format!("column \"{name}\" named in key does not exist"))
        })
    };
    key.included.iter().map(number).collect()
}

/// The attribute numbers of a key's columns.
fn key_numbers(table: &Table, key: &Key) -> Result<Vec<u16>> {
    if key.columns.len() > KEY_COLUMNS_MAX {
        let message = format!("cannot use more than {KEY_COLUMNS_MAX} columns in an index");
        return Err(Error::new(SqlState::TOO_MANY_COLUMNS, message));
    }
    let mut numbers = Vec::with_capacity(key.columns.len());
    for name in &key.columns {
        let column = table.position_of(name).map(|at| &table.columns[at]).ok_or_else(|| {
            Error::new(SqlState::UNDEFINED_COLUMN, format!("column \"{name}\" named in key does not exist"))
        })?;
        if numbers.contains(&column.number) {
            let what = if key.primary { "primary key" } else { "unique" };
            let message = format!("column \"{name}\" appears twice in {what} constraint");
            return Err(Error::new(SqlState::DUPLICATE_COLUMN, message));
        }
        numbers.push(column.number);
    }
    Ok(numbers)
}

/// 42704 for a type without an order.
pub(super) fn check_sortable(column: &TableColumn) -> Result<()> {
    check_sortable_type(column.ty)
}

pub(super) fn check_sortable_type(ty: types::Type) -> Result<()> {
    if types::range::has_own_key(types::builtin::base_of(ty.oid)) {
        // Equal ones may be of different bytes.
        return Err(Error::unsupported(format_args!("an index or key over type {}", types::display(ty))));
    }
    if resolve::less_than(ty).is_ok() {
        return Ok(());
    }
    Err(no_default_class(AccessMethod::Btree, ty))
}

/// 42710 if the table has a constraint of that name.
fn refuse_duplicate(table: &Table, name: &str) -> Result<()> {
    if table.constraints.iter().all(|constraint| constraint.name != name) {
        return Ok(());
    }
    let message = format!("constraint \"{name}\" for relation \"{}\" already exists", table.name);
    Err(Error::new(SqlState::DUPLICATE_OBJECT, message))
}

/// The same for a check, whose fellows in CREATE TABLE PostgreSQL compares with words of their own.
fn refuse_duplicate_check(catalog: &Catalog, table: &Table, name: &str) -> Result<()> {
    let is_check = |constraint: &Constraint| matches!(constraint.kind, ConstraintKind::Check { .. });
    let known = catalog.tables.contains_key(&table.oid);
    if !known && table.constraints.iter().any(|constraint| constraint.name == name && is_check(constraint)) {
        return Err(Error::new(SqlState::DUPLICATE_OBJECT, format!("check constraint \"{name}\" already exists")));
    }
    refuse_duplicate(table, name)
}

fn is_own_relation(table: &Table, name: &str) -> bool {
    table.name == name || table.indexes.iter().any(|index| index.name == name)
}

fn is_constraint(catalog: &Catalog, table: &Table, name: &str) -> bool {
    table.constraints.iter().any(|constraint| constraint.name == name)
        || names::is_constraint_name(catalog, table.schema, name)
}

fn is_taken(catalog: &Catalog, table: &Table, name: &str) -> bool {
    is_own_relation(table, name)
        || is_constraint(catalog, table, name)
        || catalog.relation_names.contains_key(&(table.schema, name.to_owned()))
}
