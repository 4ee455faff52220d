//! User tables in definitions, which look at the rows of all users and must tell nobody what is in them; and what such a
//! table cannot be.

use std::sync::Arc;

use super::DefinitionEnvironment;
use crate::catalog::{Catalog, Table, TableColumn};
use crate::error::{Error, Result};
use crate::expr::{Expr, ExprKind, walk};
use crate::function::EvalContext;
use crate::function::resolve::domain_of_call;
use crate::plan::bind::bind_domain_check;
use crate::types::builtin;

/// 0A000 for a user table that is more than a table.
pub(super) fn check_class(table: &Table, catalog: &Catalog) -> Result<()> {
    let partitioning = &table.partitioning;
    let above = table.inherits.iter().chain(partitioning.of.as_ref().map(|of| &of.parent));
    let is_beneath = table.partitioning.of.is_some() || !table.inherits.is_empty();
    let above_divided = above.filter_map(|oid| catalog.tables.get(oid)).find(|above| above.is_divided());
    if above_divided.is_some() || table.is_divided() && (is_beneath || partitioning.key.is_some()) {
        let class = above_divided.map_or(table.class, |above| above.class);
        return Err(Error::unsupported(format!("a {} table that is partitioned or inherits", class.name())));
    }
    if table.is_divided() && table.temporary.is_some() {
        return Err(Error::unsupported(format!("a temporary {} table", table.class.name())));
    }
    Ok(())
}

/// 0A000 for a foreign key whose check would have to know whose rows are meant.
pub(super) fn check_foreign_key(table: &Table, target: &Table) -> Result<()> {
    if target.is_divided() && !table.is_divided() {
        let (from, class, to) = (&table.name, target.class.name(), &target.name);
        let what = format!("a foreign key from shared table \"{from}\" to {class} table \"{to}\"");
        return Err(Error::unsupported(what));
    }
    Ok(())
}

/// Classes of errors whose words never repeat a value: broken rules, which are named, and whatever has to do with the
/// transaction, its means, its end or the disk. Of all others anything may have been computed from a row.
const WORDS_WITHOUT_VALUES: [&str; 7] = ["23", "25", "40", "53", "55", "57", "58"];

/// An error that rows of a table brought about, without their values.
pub(crate) fn without_values(table: &Table, error: Error) -> Error {
    let error = error.without_detail().map_words(|report| (report.hint, report.context) = (None, None));
    match error.sql_state().0.get(..2) {
        Some(class) if WORDS_WITHOUT_VALUES.contains(&class) => error,
        Some("0A") => error
            .reworded(format!("this is not supported over the rows of {} table \"{}\"", table.class.name(), table.name))
            .with_hint("Volatile functions are given values of all users only if a superuser says so."),
        _ => error.reworded(format!("rows of {} table \"{}\" do not allow this", table.class.name(), table.name)),
    }
}

fn telling_check(table: &Table, function: &str) -> Error {
    let (class, name) = (table.class.name(), &table.name);
    Error::unsupported(format!("function {function}() in a check of {class} table \"{name}\""))
}

/// The types that a value of a type is made of: what a domain is over, the elements of an array, the fields of a record.
fn parts_of(catalog: &Catalog, ty: u32) -> Vec<u32> {
    let over = catalog.types.get(&ty).and_then(|ty| ty.domain()).map(|domain| domain.base.oid);
    let fields = catalog.attributes(ty).into_iter().flatten().map(|field| field.ty.oid);
    over.into_iter().chain(builtin::element_of(ty)).chain(fields).collect()
}

/// Whether values of a type may hold values of a domain.
fn holds(catalog: &Catalog, ty: u32, domain: u32) -> bool {
    ty == domain || parts_of(catalog, ty).into_iter().any(|part| holds(catalog, part, domain))
}

impl DefinitionEnvironment<'_> {
    /// Whether rows of the table are looked at that are not to be seen by whoever makes the definition.
    fn is_blind(&self, table: &Table) -> bool {
        table.is_divided() && !self.principal.is_superuser()
    }

    /// An error that rows of a table brought about, without their values if those may be others'.
    pub(super) fn discreet(&self, table: &Table, error: impl Into<Error>) -> Error {
        if self.is_blind(table) { without_values(table, error.into()) } else { error.into() }
    }

    /// 0A000 for a check of a user table that could tell what others write, now or later.
    pub(super) fn refuse_telling_check(&mut self, table: &Table, condition: &Expr) -> Result<()> {
        if !self.is_blind(table) {
            return Ok(());
        }
        let catalog = self.catalog();
        match self.told_by(&catalog, condition)? {
            Some(name) => Err(telling_check(table, name)),
            None => Ok(()),
        }
    }

    /// The same for what the types of columns say of their values, as far as a table did not have these columns `before`.
    pub(super) fn refuse_telling_types(&mut self, table: &Table, before: Option<&Table>) -> Result<()> {
        if !self.is_blind(table) {
            return Ok(());
        }
        let catalog = self.catalog();
        let was_there = |column: &TableColumn| {
            let same = |other: &TableColumn| other.number == column.number && other.ty == column.ty;
            before.is_some_and(|before| before.columns.iter().any(same))
        };
        for column in table.columns.iter().filter(|column| !was_there(column)) {
            if let Some(name) = self.told_by_type(&catalog, column.ty.oid)? {
                return Err(telling_check(table, name));
            }
        }
        Ok(())
    }

    /// The same for a new rule of a domain, in all tables that have values of it.
    pub(super) fn refuse_telling_rule(&mut self, domain: u32, condition: &Expr) -> Result<()> {
        let catalog = self.catalog();
        let divided = catalog.tables.values().filter(|table| table.is_divided());
        for table in divided.filter(|table| table.columns.iter().any(|column| holds(&catalog, column.ty.oid, domain))) {
            self.refuse_telling_check(table, condition)?;
        }
        Ok(())
    }

    /// A function that carries away what an expression is computed from, if there is one.
    fn told_by(&self, catalog: &Arc<Catalog>, expression: &Expr) -> Result<Option<&'static str>> {
        let (mut tells, mut domains) = (None, Vec::new());
        walk::visit(expression, &mut |part| {
            if let ExprKind::Call { function, args } = &part.kind {
                if function.carries_away(args.len()) {
                    tells = Some(function.name);
                }
                domains.extend(domain_of_call(function, args));
            }
        });
        for domain in domains {
            if tells.is_none() {
                tells = self.told_by_type(catalog, domain)?;
            }
        }
        Ok(tells)
    }

    /// The same for the rules of a type.
    fn told_by_type(&self, catalog: &Arc<Catalog>, ty: u32) -> Result<Option<&'static str>> {
        if let Some(domain) = catalog.types.get(&ty).and_then(|ty| ty.domain()) {
            let context = EvalContext { catalog: catalog.clone(), ..self.context.clone() };
            for check in &domain.checks {
                let condition = bind_domain_check(&check.expression, domain.base, &context)?;
                if let Some(name) = self.told_by(catalog, &condition)? {
                    return Ok(Some(name));
                }
            }
        }
        for part in parts_of(catalog, ty) {
            if let Some(name) = self.told_by_type(catalog, part)? {
                return Ok(Some(name));
            }
        }
        Ok(None)
    }

    /// What expressions over the rows of a table are computed with: what they call must not carry values away.
    pub(super) fn context_over(&self, table: &Table) -> EvalContext {
        EvalContext { discreet: self.is_blind(table), ..self.context.clone() }
    }
}
