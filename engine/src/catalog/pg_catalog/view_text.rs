//! Views written back as SQL by `deparse`. Where it cannot, the view's own text is shown, with the relations and columns
//! under the names they have now.

use std::ops::ControlFlow;

use datafusion::sql::sqlparser::ast::{self, Ident, ObjectName, SetExpr, TableFactor, VisitMut, VisitorMut};

use crate::catalog::{Catalog, Table, View, ViewRelation};
use crate::deparse;
use crate::error::Result;
use crate::function::EvalContext;
use crate::plan::bind::{ROUTINE, Types, column_name};
use crate::statement::mend::stands_for_nothing;
use crate::statement::parse_query;
use crate::types::oid::REGCLASS;
use crate::types::text::{quote_identifier, registered_name};

/// The query of a view, as `pg_get_viewdef` answers it.
pub(crate) fn view_definition(context: &EvalContext, table: &Table, view: &View, pretty: bool) -> Result<String> {
    let columns: Vec<String> = table.columns.iter().map(|column| column.name.clone()).collect();
    if let Ok(written) = deparse::view(context, view, &columns, pretty) {
        return Ok(written);
    }
    let (catalog, search_path) = (&*context.catalog, context.session.search_path.as_slice());
    let mut query = parse_query(&view.text)?;
    let mut names = Names { catalog, search_path, view };
    let _: ControlFlow<()> = VisitMut::visit(&mut *query, &mut names);
    name_columns(&mut query.body, table, Types { catalog, search_path });
    Ok(format!(" {};", laid_out(&query)))
}

/// A query that is kept as a view's is, with the names that things have now.
pub(crate) fn query_text(context: &EvalContext, view: &View) -> Result<String> {
    let mut query = parse_query(&view.text)?;
    let mut names = Names { catalog: &context.catalog, search_path: &context.session.search_path, view };
    let _: ControlFlow<()> = VisitMut::visit(&mut *query, &mut names);
    Ok(query.to_string())
}

/// The one expression of a text that answers nothing else, with the names that relations have now.
pub(super) fn expression_as_given(context: &EvalContext, view: &View) -> String {
    let Ok(mut query) = parse_query(&view.text) else { return String::new() };
    let (catalog, search_path) = (&*context.catalog, context.session.search_path.as_slice());
    let mut names = Names { catalog, search_path, view };
    let _: ControlFlow<()> = VisitMut::visit(&mut *query, &mut names);
    match &*query.body {
        SetExpr::Select(select) => select.projection.first().map_or_else(String::new, ToString::to_string),
        _ => String::new(),
    }
}

struct Names<'a> {
    catalog: &'a Catalog,
    search_path: &'a [String],
    view: &'a View,
}

impl VisitorMut for Names<'_> {
    type Break = ();

    fn pre_visit_table_factor(&mut self, factor: &mut TableFactor) -> ControlFlow<()> {
        if let TableFactor::Table { name, alias, .. } = factor
            && let Some(known) = self.view.relation_named(name)
            && let Some(table) = self.catalog.tables.get(&known.oid)
        {
            let shown = registered_name(table.oid, REGCLASS, Some((self.catalog, self.search_path)));
            *name = ObjectName::from(vec![Ident::new(shown.unwrap_or_else(|| quote_identifier(&table.name)))]);
            rename(alias, known, table);
        }
        if let TableFactor::Table { name, args: Some(_), .. } | TableFactor::Function { name, .. } = factor {
            self.name_function(name);
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_expr(&mut self, expr: &mut ast::Expr) -> ControlFlow<()> {
        if let ast::Expr::Function(call) = expr {
            self.name_function(&mut call.name);
        }
        ControlFlow::Continue(())
    }
}

impl Names<'_> {
    /// A function that SQL defined has a mark, its oid and its name in the text.
    fn name_function(&self, name: &mut ObjectName) {
        if let [mark, oid, _] = name.0.as_slice()
            && mark.as_ident().is_some_and(|mark| mark.value == ROUTINE)
            && let Some(oid) = oid.as_ident().and_then(|oid| oid.value.parse::<u32>().ok())
            && let Some(function) = self.catalog.functions.get(&oid)
        {
            *name = ObjectName::from(vec![Ident::new(self.catalog.sql_function_shown(function, self.search_path))]);
        }
    }
}

/// Gives a relation that was renamed, or whose columns were, the names that the text has for them.
fn rename(alias: &mut Option<ast::TableAlias>, known: &ViewRelation, table: &Table) {
    let now = |number: u16| table.position_of_number(number).map(|at| table.columns[at].name.as_str());
    let renamed = known.columns.iter().any(|(number, name)| now(*number).is_some_and(|now| now != name));
    if alias.is_none() && (renamed || known.name != table.name) {
        let name = Ident::new(quote_identifier(&known.name));
        *alias = Some(ast::TableAlias { explicit: false, name, columns: Vec::new(), at: None });
    }
    if let Some(alias) = alias
        && renamed
        && alias.columns.is_empty()
    {
        let kept = known.columns.iter().filter(|(number, _)| now(*number).is_some());
        let column =
            |name: &String| ast::TableAliasColumnDef { name: Ident::new(quote_identifier(name)), data_type: None };
        alias.columns = kept.map(|(_, name)| column(name)).collect();
    }
}

/// Says the view's names of its columns, where the query has others.
fn name_columns(body: &mut SetExpr, table: &Table, types: Types<'_>) {
    match body {
        SetExpr::Select(select) => {
            for (item, column) in select.projection.iter_mut().zip(&table.columns) {
                let alias = || Ident::new(quote_identifier(&column.name));
                match item {
                    ast::SelectItem::ExprWithAlias { alias: own, .. }
                        if crate::plan::bind::fold(own) != column.name =>
                    {
                        *own = alias();
                    }
                    ast::SelectItem::UnnamedExpr(expr) if column_name(expr, types) != column.name => {
                        *item = ast::SelectItem::ExprWithAlias { expr: expr.clone(), alias: alias() };
                    }
                    _ => {}
                }
            }
        }
        SetExpr::Query(query) => name_columns(&mut query.body, table, types),
        SetExpr::SetOperation { left, .. } => name_columns(left, table, types),
        _ => {}
    }
}

/// A plain SELECT with its clauses on lines of their own, as PostgreSQL lays them out; other queries on one line.
fn laid_out(query: &ast::Query) -> String {
    let SetExpr::Select(select) = &*query.body else { return query.to_string() };
    let bare = ast::Select {
        projection: Vec::new(),
        from: Vec::new(),
        selection: None,
        group_by: ast::GroupByExpr::Expressions(Vec::new(), Vec::new()),
        having: None,
        ..(**select).clone()
    };
    let plain = query.with.is_none()
        && query.locks.is_empty()
        && query.fetch.is_none()
        && select.distinct.is_none()
        && select.named_window.is_empty()
        && matches!(bare.to_string().trim(), "SELECT");
    if !plain {
        return query.to_string();
    }
    let list = |items: Vec<String>| items.join(",\n    ");
    let items = select.projection.iter().filter(|item| !stands_for_nothing(item));
    let mut text = format!("SELECT {}", list(items.map(ToString::to_string).collect()));
    if !select.from.is_empty() {
        let from: Vec<String> = select.from.iter().map(ToString::to_string).collect();
        text.push_str(&format!("\n   FROM {}", from.join(",\n    ")));
    }
    if let Some(selection) = &select.selection {
        text.push_str(&format!("\n  WHERE {selection}"));
    }
    let grouped = select.group_by.to_string();
    if !matches!(&select.group_by, ast::GroupByExpr::Expressions(groups, _) if groups.is_empty()) {
        text.push_str(&format!("\n  {grouped}"));
    }
    if let Some(having) = &select.having {
        text.push_str(&format!("\n HAVING {having}"));
    }
    if let Some(order) = &query.order_by {
        text.push_str(&format!("\n  {order}"));
    }
    if let Some(limit) = &query.limit_clause {
        text.push_str(&format!("\n {}", limit.to_string().trim()));
    }
    text
}
