//! User tables in definitions, which look at the rows of all users and must tell nobody what is in them; and what such a
//! table cannot be.

use super::DefinitionEnvironment;
use crate::catalog::{Catalog, ForeignKeyAction, Table};
use crate::error::{Error, Result};
use crate::expr::{Expr, ExprKind, walk};
use crate::function::EvalContext;

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

/// 0A000 for a foreign key whose check, or action, would have to know whose rows are meant.
pub(super) fn check_foreign_key(
    table: &Table,
    target: &Table,
    on_delete: ForeignKeyAction,
    on_update: ForeignKeyAction,
) -> Result<()> {
    if target.is_divided() && !table.is_divided() {
        let (from, class, to) = (&table.name, target.class.name(), &target.name);
        let what = format!("a foreign key from shared table \"{from}\" to {class} table \"{to}\"");
        return Err(Error::unsupported(what));
    }
    if table.is_divided() && !target.is_divided() && (on_delete.writes() || on_update.writes()) {
        let target = &target.name;
        return Err(Error::unsupported(format!(
            "a foreign key of a user table with an action other than NO ACTION or RESTRICT on shared table \"{target}\""
        )));
    }
    Ok(())
}

/// Classes of errors whose words never repeat a value: broken rules, which are named, and whatever has to do with the
/// transaction, its means, its end or the disk. Of all others anything may have been computed from a row.
const WORDS_WITHOUT_VALUES: [&str; 7] = ["23", "25", "40", "53", "55", "57", "58"];

impl DefinitionEnvironment<'_> {
    /// Whether rows of the table are looked at that are not to be seen by whoever makes the definition.
    fn is_blind(&self, table: &Table) -> bool {
        table.is_divided() && !self.principal.is_superuser()
    }

    /// An error that rows of a table brought about, without their values if those may be others'.
    pub(super) fn discreet(&self, table: &Table, error: impl Into<Error>) -> Error {
        let error = error.into();
        if !self.is_blind(table) {
            return error;
        }
        let error = error.without_detail().map_words(|report| (report.hint, report.context) = (None, None));
        match error.sql_state().0.get(..2) {
            Some(class) if WORDS_WITHOUT_VALUES.contains(&class) => error,
            Some("0A") => error
                .reworded(format!(
                    "this is not supported over the rows of {} table \"{}\"",
                    table.class.name(),
                    table.name
                ))
                .with_hint("Volatile functions are given values of all users only if a superuser says so."),
            _ => error.reworded(format!("rows of {} table \"{}\" do not allow this", table.class.name(), table.name)),
        }
    }

    /// 0A000 for a check of a user table that could tell what others write, now or later.
    pub(super) fn refuse_telling_check(&self, table: &Table, condition: &Expr) -> Result<()> {
        let mut tells = None;
        walk::visit(condition, &mut |part| match &part.kind {
            ExprKind::Call { function, args } if function.carries_away(args.len()) => tells = Some(function.name),
            _ => {}
        });
        match tells.filter(|_| self.is_blind(table)) {
            Some(name) => Err(Error::unsupported(format!(
                "function {name}() in a check of {} table \"{}\"",
                table.class.name(),
                table.name
            ))),
            None => Ok(()),
        }
    }

    /// What expressions over the rows of a table are computed with: what they call must not carry values away.
    pub(super) fn context_over(&self, table: &Table) -> EvalContext {
        EvalContext { discreet: self.is_blind(table), ..self.context.clone() }
    }
}
