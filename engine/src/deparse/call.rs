//! Calls of functions and aggregates.

use super::Writer;
use crate::catalog::Extension;
use crate::error::Result;
use crate::expr::{AggregateCall, Expr, SortKey};
use crate::function::{AggregateKind, functions_named};
use crate::types::text::quote_identifier;

impl Writer<'_> {
    pub(super) fn call(&mut self, name: &str, args: &[Expr]) -> Result<()> {
        self.function(name, args)
    }

    /// A call of an extension's function, with the schema unless the search path finds it without.
    pub(super) fn function_of(&mut self, extension: &Extension, name: &str, args: &[Expr]) -> Result<()> {
        let context = self.context;
        let mut path = context.catalog.path(&context.session.search_path);
        let found = path.find(|schema| !context.catalog.extension_functions(schema.oid, name).is_empty());
        let hidden = !functions_named(name).is_empty() || found.is_none_or(|schema| schema.oid != extension.schema);
        if hidden && let Some(schema) = context.catalog.schemas.get(&extension.schema) {
            self.push(&quote_identifier(&schema.name));
            self.push(".");
        }
        self.function(name, args)
    }

    /// `name(args)`; a construct of the grammar's is given in capitals.
    pub(super) fn function<'e>(&mut self, name: &str, args: impl IntoIterator<Item = &'e Expr>) -> Result<()> {
        let name =
            if name.bytes().all(|byte| byte.is_ascii_uppercase()) { name.to_owned() } else { quote_identifier(name) };
        self.push(&name);
        self.push("(");
        self.list(args, ", ", |writer, arg| writer.expr(arg, true))?;
        self.push(")");
        Ok(())
    }

    /// `own`: the name of one that SQL defined, as it is written.
    pub(super) fn aggregate(&mut self, call: &AggregateCall, own: Option<&str>) -> Result<()> {
        let AggregateCall { function, args, distinct, filter, order_by } = call;
        if function.kind == AggregateKind::Grouping {
            return self.call("GROUPING", args);
        }
        match own {
            Some(name) => self.push(name),
            None => self.push(&quote_identifier(function.name)),
        }
        self.push("(");
        if *distinct {
            self.push("DISTINCT ");
        }
        if function.kind == AggregateKind::CountStar || args.is_empty() {
            self.push("*");
        }
        self.list(args, ", ", |writer, arg| writer.expr(arg, true))?;
        if !order_by.is_empty() {
            self.push(" ORDER BY ");
            self.sort_keys(order_by)?;
        }
        self.push(")");
        self.filter(filter.as_ref())
    }

    pub(super) fn filter(&mut self, filter: Option<&Expr>) -> Result<()> {
        let Some(filter) = filter else { return Ok(()) };
        self.push(" FILTER (WHERE ");
        self.expr(filter, false)?;
        self.push(")");
        Ok(())
    }

    pub(super) fn sort_keys(&mut self, keys: &[SortKey]) -> Result<()> {
        self.list(keys, ", ", |writer, key| {
            writer.sort_expr(&key.expr)?;
            writer.push(match (key.descending, key.nulls_first) {
                (false, false) => "",
                (false, true) => " NULLS FIRST",
                (true, true) => " DESC",
                (true, false) => " DESC NULLS LAST",
            });
            Ok(())
        })
    }
}
