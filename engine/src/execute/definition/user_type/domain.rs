//! Domains: what they say of their values, and trying a new rule on the values that are there.

use std::sync::Arc;

use datafusion::sql::sqlparser::ast::{self, ColumnDef, ColumnOption, ObjectName};
use storage::kv::Direction;
use storage::{KeyRange, TableId, TableLock, Value};

use super::super::DefinitionEnvironment;
use super::super::names::free_name;
use super::super::validate::ROWS_AT_A_TIME;
use crate::catalog::{Catalog, Domain, DomainCheck, Table, UserType, UserTypeKind};
use crate::error::{Error, Result, SqlState};
use crate::expr::Expr;
use crate::expr::eval::eval;
use crate::function::resolve::DomainRow;
use crate::plan::bind::{Binder, Clause, Scope, domain_scope};
use crate::statement::definition::TypeChange;
use crate::types::{self, Type, builtin, display};

/// Runs CREATE DOMAIN.
pub(in crate::execute::definition) async fn create(
    name: &ObjectName,
    column: &ColumnDef,
    environment: &mut DefinitionEnvironment<'_>,
) -> Result<()> {
    let written = environment.qualified(name)?;
    let catalog = environment.catalog();
    let place = environment.place(&catalog, name)?;
    let base = types::from_ast(&column.data_type, &catalog, &environment.context.session.search_path)?;
    if builtin::info(base.oid).is_none_or(|info| !matches!(info.kind, 'b' | 'c' | 'e' | 'd' | 'r' | 'm')) {
        let message = format!("\"{}\" is not a valid base type for a domain", display(base));
        return Err(Error::new(SqlState::DATATYPE_MISMATCH, message));
    }
    types::column_type(base)?;
    environment.hold_type(base).await?;
    // A domain over a domain begins with that one's default.
    let inherited = catalog.types.get(&base.oid).and_then(|ty| ty.domain()).and_then(|over| over.default.clone());
    // As it begins with its collation.
    let collation = catalog.types.get(&base.oid).and_then(|ty| ty.domain()).and_then(|over| over.collation);
    let mut domain =
        Domain { base, not_null: false, collation, default: inherited, checks: Vec::new(), bound: Default::default() };
    environment.read_options(&catalog, &mut domain, (place.schema.oid, &written.name), column)?;
    environment.put_new_type(name, None, UserTypeKind::Domain(domain)).await
}

/// 42601 for a constraint that only tables can have.
fn not_for_domains(option: &ColumnOption) -> Error {
    let refused =
        |what: &str| Error::new(SqlState::SYNTAX_ERROR, format!("{what} constraints not possible for domains"));
    match option {
        ColumnOption::Unique(_) => refused("unique"),
        ColumnOption::PrimaryKey(_) => refused("primary key"),
        ColumnOption::ForeignKey(_) => refused("foreign key"),
        other => Error::new(SqlState::SYNTAX_ERROR, format!("syntax error at or near \"{other}\"")),
    }
}

impl DefinitionEnvironment<'_> {
    fn read_options(
        &mut self,
        catalog: &Arc<Catalog>,
        domain: &mut Domain,
        (schema, name): (u32, &str),
        column: &ColumnDef,
    ) -> Result<()> {
        let conflicting = || Error::new(SqlState::SYNTAX_ERROR, "conflicting NULL/NOT NULL constraints");
        let (mut nullable, mut defaults) = (false, 0);
        for option in &column.options {
            match &option.option {
                ColumnOption::NotNull => domain.not_null = true,
                ColumnOption::Collation(collation) => {
                    domain.collation = self.checked_collation(collation, domain.base)?;
                }
                ColumnOption::Null => nullable = true,
                ColumnOption::Default(value) => {
                    defaults += 1;
                    if defaults > 1 {
                        return Err(Error::new(SqlState::SYNTAX_ERROR, "multiple default expressions"));
                    }
                    domain.default = self.domain_default(catalog, domain.base, value)?;
                }
                ColumnOption::Check(check) => {
                    let given = option.name.as_ref().map(crate::plan::bind::fold);
                    self.add_domain_check(catalog, domain, (schema, name), given.as_deref(), &check.expr)?;
                }
                other => return Err(not_for_domains(other)),
            }
            if nullable && domain.not_null {
                return Err(conflicting());
            }
        }
        Ok(())
    }

    /// A default as the catalog keeps it; None if it is NULL, which is no default at all.
    fn domain_default(&self, catalog: &Arc<Catalog>, base: Type, value: &ast::Expr) -> Result<Option<String>> {
        let mut binder = Binder::new(catalog, self.context, &[]).with_text(self.text);
        let bound = binder.expr_in(value, &Scope::empty(), Clause::Default)?;
        refuse_functions(&binder)?;
        let bound = binder.assign(bound, base, "value", ast::Spanned::span(value))?;
        if bound.as_const().is_some_and(Value::is_null) {
            return Ok(None);
        }
        self.stored_default(catalog, value).map(Some)
    }

    /// Adds a check under the given or a made name; answers it bound.
    fn add_domain_check(
        &mut self,
        catalog: &Arc<Catalog>,
        domain: &mut Domain,
        (schema, name): (u32, &str),
        given: Option<&str>,
        condition: &ast::Expr,
    ) -> Result<(String, Expr)> {
        let mut binder = Binder::new(catalog, self.context, &[]).with_text(self.text);
        let bound = binder.condition(condition, &domain_scope(domain.base), Clause::Check)?;
        refuse_functions(&binder)?;
        let own = |domain: &Domain, wanted: &str| domain.checks.iter().any(|check| check.name == wanted);
        let check = match given {
            Some(given) if own(domain, given) => {
                let message = format!("constraint \"{given}\" for domain \"{name}\" already exists");
                return Err(Error::new(SqlState::DUPLICATE_OBJECT, message));
            }
            Some(given) => given.to_owned(),
            None => free_name(name, "", "check", |wanted| {
                own(domain, wanted) || is_constraint_of_schema(catalog, schema, wanted)
            }),
        };
        let expression = self.with_type_schemas(catalog, condition).to_string();
        let oid = self.store.allocate_oid()?;
        domain.checks.push(DomainCheck { oid, name: check.clone(), expression, validated: true, comment: None });
        // The first of them by name speaks for a value that breaks several.
        domain.checks.sort_by(|a, b| a.name.cmp(&b.name));
        Ok((check, bound))
    }

    /// What ALTER DOMAIN alone can do.
    pub(super) async fn change_domain(&mut self, ty: &UserType, change: &TypeChange) -> Result<()> {
        let UserTypeKind::Domain(before) = &ty.kind else {
            return Err(Error::new(SqlState::WRONG_OBJECT_TYPE, format!("{} is not a domain", ty.name)));
        };
        let catalog = self.catalog();
        let mut domain = before.clone();
        let missing = |name: &str| {
            let message = format!("constraint \"{name}\" of domain \"{}\" does not exist", ty.name);
            Error::new(SqlState::UNDEFINED_OBJECT, message)
        };
        match change {
            TypeChange::Default(None) => domain.default = None,
            TypeChange::Default(Some(value)) => domain.default = self.domain_default(&catalog, domain.base, value)?,
            TypeChange::NotNull(not_null) => {
                if *not_null && !domain.not_null {
                    self.try_on_columns(ty, &Rule::NotNull).await?;
                }
                domain.not_null = *not_null;
            }
            TypeChange::AddCheck { name, condition, not_valid } => {
                let place = (ty.schema, ty.name.as_str());
                let (name, bound) = self.add_domain_check(&catalog, &mut domain, place, name.as_deref(), condition)?;
                self.refuse_telling_rule(ty.oid, &bound)?;
                if *not_valid {
                    for check in domain.checks.iter_mut().filter(|check| check.name == name) {
                        check.validated = false;
                    }
                } else {
                    self.try_on_columns(ty, &Rule::Check(bound)).await?;
                }
            }
            TypeChange::DropConstraint { name, if_exists } => {
                let count = domain.checks.len();
                domain.checks.retain(|check| check.name != *name);
                if domain.checks.len() == count {
                    let error = missing(name);
                    if !if_exists {
                        return Err(error);
                    }
                    self.notice_skipping(None, error.to_string());
                }
            }
            TypeChange::RenameConstraint { old, new } => {
                if domain.checks.iter().any(|check| check.name == *new) {
                    let message = format!("constraint \"{new}\" for domain {} already exists", ty.name);
                    return Err(Error::new(SqlState::DUPLICATE_OBJECT, message));
                }
                let check = domain.checks.iter_mut().find(|check| check.name == *old);
                check
                    .ok_or_else(|| {
                        let message = format!("constraint \"{old}\" for domain {} does not exist", ty.name);
                        Error::new(SqlState::UNDEFINED_OBJECT, message)
                    })?
                    .name = new.clone();
                domain.checks.sort_by(|a, b| a.name.cmp(&b.name));
            }
            TypeChange::ValidateConstraint(name) => {
                let check = domain.checks.iter_mut().find(|check| check.name == *name).ok_or_else(|| missing(name))?;
                let condition = crate::plan::bind::bind_domain_check(&check.expression, before.base, self.context)?;
                check.validated = true;
                self.try_on_columns(ty, &Rule::Check(condition)).await?;
            }
            _ => return Err(Error::internal("this change is none of a domain")),
        }
        self.put_type(UserType { kind: UserTypeKind::Domain(domain), ..ty.clone() })
    }

    /// Tries a new rule on every value of the domain that a table holds, and keeps writers out till the end.
    async fn try_on_columns(&mut self, ty: &UserType, rule: &Rule) -> Result<()> {
        let catalog = self.catalog();
        let concerned = |column: Type| is_over(&catalog, column.oid, ty.oid);
        let tables: Vec<u32> = catalog
            .tables
            .values()
            .filter(|table| table.columns.iter().any(|column| concerned(column.ty)))
            .map(|table| table.oid)
            .collect();
        for table in catalog.tables.values() {
            if let Some(column) = table.columns.iter().find(|column| holds_inside(&catalog, column.ty.oid, ty.oid)) {
                let message = format!(
                    "cannot alter type \"{}\" because column \"{}.{}\" uses it",
                    ty.name, table.name, column.name
                );
                return Err(Error::new(SqlState::FEATURE_NOT_SUPPORTED, message));
            }
        }
        for oid in tables {
            self.lock_table(oid, TableLock::Share).await?;
            let catalog = self.catalog();
            let Some(table) = catalog.tables.get(&oid).cloned() else { continue };
            self.transaction.redefined(TableId(oid));
            for (position, column) in table.columns.iter().enumerate() {
                if is_over(&catalog, column.ty.oid, ty.oid) {
                    self.try_on_column(&table, position, rule).await?;
                }
            }
        }
        Ok(())
    }

    async fn try_on_column(&mut self, table: &Table, position: usize, rule: &Rule) -> Result<()> {
        let schema = &table.storage;
        let view = self.transaction.newest_view();
        let mut scan = view.scan(schema, &KeyRange::generation(schema.generation), Direction::Forward);
        let context = self.context_over(table);
        let column = format!("column \"{}\" of table \"{}\"", table.columns[position].name, table.name);
        loop {
            let rows = scan.next(ROWS_AT_A_TIME)?;
            if rows.is_empty() {
                return Ok(());
            }
            for row in &rows {
                let value = row.value(schema, position)?.to_owned();
                match rule {
                    Rule::NotNull if value.is_null() => {
                        let message = format!("{column} contains null values");
                        return Err(Error::new(SqlState::NOT_NULL_VIOLATION, message));
                    }
                    Rule::Check(condition) => {
                        let holds = eval(condition, &context, &DomainRow(&value));
                        if holds.map_err(|error| self.discreet(table, error))? == Value::Bool(false) {
                            let message = format!("{column} contains values that violate the new constraint");
                            return Err(Error::new(SqlState::CHECK_VIOLATION, message));
                        }
                    }
                    Rule::NotNull => {}
                }
            }
            tokio::task::yield_now().await;
        }
    }
}

/// What is said of a domain's values.
enum Rule {
    NotNull,
    Check(Expr),
}

/// Whether a type is the domain, or a domain over it.
fn is_over(catalog: &Catalog, ty: u32, domain: u32) -> bool {
    let mut ty = ty;
    loop {
        if ty == domain {
            return true;
        }
        match catalog.types.get(&ty).and_then(|ty| ty.domain()) {
            Some(over) => ty = over.base.oid,
            None => return false,
        }
    }
}

/// Whether values of a type have values of the domain inside: elements of an array, fields of a row.
fn holds_inside(catalog: &Catalog, ty: u32, domain: u32) -> bool {
    let holds = |part: u32| is_over(catalog, part, domain) || holds_inside(catalog, part, domain);
    let base = builtin::base_of(ty);
    match builtin::element_of(base) {
        Some(element) => holds(element),
        None => catalog.attributes(base).unwrap_or_default().iter().any(|attribute| holds(attribute.ty.oid)),
    }
}

fn is_constraint_of_schema(catalog: &Catalog, schema: u32, name: &str) -> bool {
    let domains = catalog.types.values().filter(|ty| ty.schema == schema).filter_map(|ty| ty.domain());
    domains.flat_map(|domain| &domain.checks).any(|check| check.name == name)
        || super::super::names::is_constraint_name(catalog, schema, name)
}

/// 0A000 for a call of a function that SQL defined, which a domain would not hold.
fn refuse_functions(binder: &Binder<'_>) -> Result<()> {
    match binder.calls_sql_functions() {
        true => Err(Error::unsupported("a function that SQL defined in a domain")),
        false => Ok(()),
    }
}
