//! FROM: tables, subqueries and VALUES, with their aliases; what stands to the left is in sight of LATERAL.

use std::sync::Arc;

use auth::{Principal, Privileges};
use datafusion::sql::sqlparser::ast::{self, SetExpr, TableFactor};
use datafusion::sql::sqlparser::tokenizer::Span;

use super::expr::too_complex;
use super::locking::LockableScan;
use super::names::{QualifiedName, fold};
use super::position::Start;
use super::query::{Bound, Unknowns};
use super::walk::map_outer_relation;
use super::{Binder, Range, Scope, ScopeColumn, ScopeRelation};
use crate::catalog::partition::PartitionTree;
use crate::catalog::{Schema, Table, ViewRelation};
use crate::error::{Error, Result, SqlState};
use crate::plan::authorize::{check_reach, check_schema};
use crate::plan::relation::{Column, JoinKind, Relation, RowIdentity, Scan};
use crate::plan::shown::ShownSource;
use crate::plan::system_column::{SeesDeleted, SystemColumns};
use crate::statement::is_after_only;
use crate::types::{Type, oid};

/// Most items of all the FROM clauses around one place. Joins nest as deep as a FROM clause is long.
const RANGES_MAX: usize = 1000;

/// A bound item of FROM.
pub(super) struct FromItem {
    pub relation: Relation,
    pub scope: Scope,
    /// Whether it names columns of the items to its left.
    pub lateral: bool,
}

impl FromItem {
    pub(super) fn plain(relation: Relation, scope: Scope) -> Self {
        Self { relation, scope, lateral: false }
    }
}

impl Binder<'_> {
    /// A FROM clause (also UPDATE … FROM and DELETE … USING).
    pub fn from(&mut self, tables: &[ast::TableWithJoins]) -> Result<(Relation, Scope)> {
        let enclosing = self.showing.as_mut().map(|recorder| std::mem::take(&mut recorder.from));
        let mut whole: Option<(Relation, Scope)> = None;
        for table in tables {
            let left = whole.as_ref().map(|(_, scope)| scope.clone()).unwrap_or_default();
            let item = self.joined(table, &left)?;
            whole = Some(match whole {
                None => (item.relation, item.scope),
                Some((relation, mut scope)) => {
                    self.refuse_same_names(&scope, &item.scope)?;
                    scope.extend(item.scope);
                    let join = Relation::Join {
                        kind: JoinKind::Cross,
                        left: Box::new(relation),
                        right: Box::new(item.relation),
                        condition: None,
                        lateral: item.lateral,
                    };
                    (join, scope)
                }
            });
        }
        if let (Some(recorder), Some(enclosing)) = (&mut self.showing, enclosing) {
            let own = std::mem::replace(&mut recorder.from, enclosing);
            recorder.clauses.push(own);
        }
        Ok(whole.unwrap_or((Relation::OneRow, Scope::empty())))
    }

    /// Binds one item; `left` is what LATERAL sees, `refusal` why it must not be named (RIGHT and FULL joins).
    pub(super) fn factor(
        &mut self,
        factor: &TableFactor,
        left: &Scope,
        refusal: Option<&'static str>,
    ) -> Result<FromItem> {
        if self.ranges.len() >= RANGES_MAX {
            return Err(too_complex());
        }
        match factor {
            TableFactor::Table {
                name,
                alias,
                args,
                with_hints,
                version,
                with_ordinality,
                partitions,
                json_path,
                sample,
                index_hints,
            } => {
                let foreign = !with_hints.is_empty()
                    || version.is_some()
                    || !partitions.is_empty()
                    || json_path.is_some()
                    || !index_hints.is_empty();
                if foreign {
                    return Err(Error::unsupported("an option of a table in FROM").at(self.position(name.start())));
                }
                let alias = alias.as_ref();
                match args {
                    Some(ast::TableFunctionArgs { args, settings: None }) => {
                        self.range_function(name, args, *with_ordinality, alias, left, refusal)
                    }
                    Some(_) => Err(Error::unsupported("SETTINGS of a table function")),
                    None if Self::is_keyword(name) => self.keyword_item(&self.name(name)?, *with_ordinality, alias),
                    None if *with_ordinality => {
                        Err(Error::new(SqlState::SYNTAX_ERROR, "WITH ORDINALITY can only be used with a function")
                            .at(self.position(name.start())))
                    }
                    None => {
                        let item = self.named_relation(name, alias)?;
                        match sample {
                            Some(_) if self.is_showing() => Err(Error::unsupported("TABLESAMPLE, shown")),
                            Some(sample) => self.sampled(item, sample, name.start()),
                            None => Ok(item),
                        }
                    }
                }
            }
            TableFactor::Function { lateral: _, name, args, with_ordinality, alias } => {
                self.range_function(name, args, *with_ordinality, alias.as_ref(), left, refusal)
            }
            TableFactor::UNNEST { alias, array_exprs, with_offset, with_offset_alias, with_ordinality } => {
                if *with_offset || with_offset_alias.is_some() {
                    return Err(Error::unsupported("UNNEST WITH OFFSET"));
                }
                self.unnest(array_exprs, *with_ordinality, alias.as_ref(), left, refusal)
            }
            TableFactor::Derived { lateral, subquery, alias, sample } => {
                if sample.is_some() {
                    return Err(Error::unsupported("TABLESAMPLE"));
                }
                self.derived(*lateral, subquery, alias.as_ref(), left, refusal)
            }
            TableFactor::NestedJoin { table_with_joins, alias } => {
                let item = self.nested(|binder| binder.joined(table_with_joins, left))?;
                match alias {
                    None => Ok(item),
                    Some(alias) => {
                        let alias = Alias::of(alias)?;
                        let columns = match self.is_showing() {
                            true => self.seen_as(item.scope.columns)?,
                            false => item.scope.columns,
                        };
                        let relation = self.aliased(&alias, columns, None)?;
                        if self.is_showing() {
                            self.show_named_join(&alias.name, !alias.columns.is_empty(), &relation.columns)?;
                        }
                        Ok(FromItem { scope: Scope::of(relation), ..item })
                    }
                }
            }
            TableFactor::TableFunction { .. } => Err(Error::unsupported("TABLE(…) in FROM")),
            TableFactor::JsonTable { .. } | TableFactor::OpenJsonTable { .. } => Err(Error::unsupported("JSON_TABLE")),
            TableFactor::XmlTable { .. } => Err(Error::unsupported("XMLTABLE")),
            TableFactor::Pivot { .. } | TableFactor::Unpivot { .. } => Err(Error::unsupported("PIVOT")),
            TableFactor::MatchRecognize { .. } => Err(Error::unsupported("MATCH_RECOGNIZE")),
            TableFactor::SemanticView { .. } => Err(Error::unsupported("SEMANTIC_VIEW")),
        }
    }

    /// A table or the name of a WITH query.
    fn named_relation(&mut self, name: &ast::ObjectName, alias: Option<&ast::TableAlias>) -> Result<FromItem> {
        let qualified = self.name(name)?;
        let alias = alias.map(Alias::of).transpose()?;
        if qualified.schema.is_none()
            && let Some((relation, columns)) = self.with_query(&qualified)?
        {
            let is_aliased = alias.is_some();
            let alias = alias.unwrap_or_else(|| Alias::plain(&qualified.name));
            let scope = Scope::of(self.aliased(&alias, columns, None)?);
            if self.is_showing() {
                let kinds = (is_aliased, !alias.columns.is_empty());
                let source = ShownSource::Named(qualified.name.clone());
                self.show_item(source, &alias.name, kinds, &scope.columns)?;
            }
            return Ok(FromItem::plain(relation, scope));
        }
        let marked = self.marked(&qualified)?;
        let table = match &marked {
            Some((table, _)) => table.clone(),
            None => self.table_of(&qualified)?,
        };
        let table = self.own_rows(table)?;
        self.record_name(name, &table);
        let own_name = alias.as_ref().map(|alias| alias.name.as_str());
        let (relation, scope) = match &mut self.lockable {
            Some(_) if marked.is_none() && table.view().is_some() => self.locked_view(&table, own_name)?,
            _ if table.view().is_some() || marked.is_some() => {
                self.relation_of(&table, marked.as_ref().map(|(_, known)| known), own_name, qualified.span)?
            }
            Some(_) => {
                let (relation, scope, identity) = self.scan_rows(&table, own_name, qualified.span);
                let name = scope.relations[0].name.clone();
                let partitions = match &relation {
                    Relation::Scan(scan) => scan.partitions.clone(),
                    _ => None,
                };
                if let Some(scans) = &mut self.lockable {
                    let (table, nullable, through) = (table.clone(), false, Vec::new());
                    scans.push(LockableScan { name, table, partitions, identity, nullable, through });
                }
                (relation, scope)
            }
            None => self.scan_table(&table, own_name, qualified.span),
        };
        let locked = self.is_locked_scan(&scope);
        let relation = self.guarded(relation, &table, locked)?;
        let only = self.is_showing() && is_after_only(self.text, qualified.span.start);
        let source = ShownSource::Table { oid: table.oid, only };
        let is_aliased = alias.is_some();
        let Some(alias) = alias.filter(|alias| !alias.columns.is_empty()) else {
            if self.is_showing() {
                let name = scope.relations.first().map_or("", |relation| relation.name.as_str());
                self.show_item(source, name, (is_aliased, false), &scope.columns)?;
                self.show_system(scope.relations.first().map(|relation| relation.system).unwrap_or_default())?;
            }
            return Ok(FromItem::plain(relation, scope));
        };
        // scan() has noted the range already.
        self.ranges.pop();
        let first = scope.relations.first();
        let (system, sees_deleted) =
            first.map(|relation| (relation.system, relation.sees_deleted.clone())).unwrap_or_default();
        let named = self.aliased(&alias, scope.columns, Some(&table))?;
        if self.is_showing() {
            self.show_item(source, &alias.name, (true, true), &named.columns)?;
            self.show_system(system)?;
        }
        Ok(FromItem::plain(relation, Scope::of(named.with_system(system, sees_deleted))))
    }

    /// A view whose rows a locking clause may lock.
    fn locked_view(&mut self, table: &Arc<Table>, alias: Option<&str>) -> Result<(Relation, Scope)> {
        let Some(view) = table.view() else { return Err(Error::internal("a view has no query")) };
        let (relation, names, lockable) = self.lockable_view(table, view, alias)?;
        if let Some(scans) = &mut self.lockable {
            scans.push(lockable);
        }
        self.ranges.push(Range { name: names.name.clone(), table: Some(table.oid) });
        Ok((relation, Scope::of(names)))
    }

    /// A view under its name or an alias, or a relation of a view's text under the names it has there.
    fn relation_of(
        &mut self,
        table: &Arc<Table>,
        known: Option<&ViewRelation>,
        alias: Option<&str>,
        name: Span,
    ) -> Result<(Relation, Scope)> {
        if self.lockable.is_some() {
            return Err(Error::unsupported("FOR UPDATE or FOR SHARE in a view"));
        }
        let (relation, columns, system, sees_deleted) = match table.view() {
            Some(view) => {
                self.note_use(table, auth::Privileges::SELECT, &[]);
                let (relation, columns) = self.expanded(table, view)?;
                (relation, columns, SystemColumns::default(), SeesDeleted::default())
            }
            None => {
                let scan = self.scan_alone(table, name);
                let (columns, system, sees_deleted) = (scan.columns.clone(), scan.system, scan.sees_deleted.clone());
                (Relation::Scan(scan), columns, system, sees_deleted)
            }
        };
        let names = match known {
            Some(known) => self.known_names(table, known, alias, &columns),
            None => ScopeRelation::of_table(table, alias, &columns),
        };
        let names = names.with_system(system, sees_deleted);
        self.ranges.push(Range { name: names.name.clone(), table: Some(table.oid) });
        Ok((relation, Scope::of(names)))
    }

    /// The table of that name: 42P01 if there is none.
    pub fn table(&mut self, name: &ast::ObjectName) -> Result<Arc<Table>> {
        let name = self.name(name)?;
        self.table_of(&name)
    }

    /// What is beneath a table that a statement names; None with ONLY, and where there is nothing.
    pub(super) fn partitions(&self, table: &Arc<Table>, name: Span) -> Option<Arc<PartitionTree>> {
        let has_parts = table.partitioning.key.is_some() || self.catalog.is_inherited_from(table);
        if !has_parts || self.reads_only || is_after_only(self.text, name.start) {
            return None;
        }
        self.catalog.partition_tree(table).map(Arc::new)
    }

    fn table_of(&mut self, name: &QualifiedName) -> Result<Arc<Table>> {
        let path = &self.context.session.search_path;
        let found = match &name.schema {
            Some(schema) => self.catalog.find_table(Some(schema), &name.name, path),
            None => self.find_on_path(&name.name),
        };
        if let Some(table) = found {
            if table.temporary.is_some() {
                self.check_own(table)?;
            }
            return Ok(table.clone());
        }
        // Whoever may not look into a schema does not hear what is not there.
        if let Some(schema) = name.schema.as_deref().and_then(|schema| self.catalog.schema_named(schema)) {
            check_schema(&self.current_principal(), schema, Privileges::USAGE)?;
        }
        let mut error = Error::new(SqlState::UNDEFINED_TABLE, format!("relation \"{name}\" does not exist"));
        if name.schema.is_none() && self.later_with_queries.contains(&name.name) {
            error = error
                .with_detail(format!(
                    "There is a WITH item named \"{}\", but it cannot be referenced from this part of the query.",
                    name.name
                ))
                .with_hint("Use WITH RECURSIVE, or re-order the WITH items to remove forward references.");
        }
        Err(error.at(self.position(name.span)))
    }

    /// The first table of that name on the search path, whose schemas are passed over if the role may not look into them.
    fn find_on_path(&self, name: &str) -> Option<&Arc<Table>> {
        let session = &self.context.session;
        let mut found = self
            .catalog
            .path(&session.search_path)
            .filter_map(|schema| Some((schema, self.catalog.table_in(schema.oid, name)?)));
        let reached = |(schema, table): &(&Arc<Schema>, &Arc<Table>)| {
            let is_own =
                schema.owner == session.current_role.0 && self.acts_as().is_none() || table.temporary.is_some();
            is_own || schema.is_system() || {
                let principal = self.current_principal();
                check_reach(table, Privileges::SELECT, &principal, self.catalog).is_ok()
            }
        };
        found.find(reached).map(|(_, table)| table)
    }

    /// Who names things.
    pub(super) fn current_principal(&self) -> Principal {
        if let Some(role) = self.acts_as() {
            return self.principal_of(role);
        }
        let session = &self.context.session;
        Principal::resolve(session.current_role, session.current_user.as_str(), &**self.catalog)
    }

    /// 0A000 for a temporary table of another session.
    fn check_own(&self, table: &Table) -> Result<()> {
        let schema = self.catalog.schemas.get(&table.schema).map(|schema| schema.name.as_str());
        if schema == self.context.session.temporary.as_deref() {
            return Ok(());
        }
        let message = "cannot access temporary tables of other sessions";
        Err(Error::new(SqlState::FEATURE_NOT_SUPPORTED, message))
    }

    /// Reads a table under its name or an alias; it is noted as read.
    pub fn scan(&mut self, table: &Arc<Table>, alias: Option<&str>) -> (Relation, Scope) {
        self.scan_table(table, alias, Span::empty())
    }

    /// The same with the row's identity, for those who will lock it.
    fn scan_rows(&mut self, table: &Arc<Table>, alias: Option<&str>, name: Span) -> (Relation, Scope, RowIdentity) {
        let (mut relation, scope) = self.scan_table(table, alias, name);
        let identity =
            RowIdentity { key: self.fresh(Type::new(oid::BYTEA)), version: self.fresh(Type::new(oid::INT8)) };
        if let Relation::Scan(scan) = &mut relation {
            scan.row_identity = Some(identity);
        }
        (relation, scope, identity)
    }

    fn scan_table(&mut self, table: &Arc<Table>, alias: Option<&str>, name: Span) -> (Relation, Scope) {
        let scan = self.scan_alone(table, name);
        let relation =
            ScopeRelation::of_table(table, alias, &scan.columns).with_system(scan.system, scan.sees_deleted.clone());
        self.ranges.push(Range { name: relation.name.clone(), table: Some(table.oid) });
        (Relation::Scan(scan), Scope::of(relation))
    }

    /// Takes numbers for what those that inherit from a table have besides its columns, which were numbered just now: a
    /// write meets whole rows.
    pub(super) fn number_inheriting(&mut self, table: &Table) {
        if !self.catalog.is_inherited_from(table) {
            return;
        }
        let widest = self.catalog.descendants(table.oid).iter().map(|below| below.columns.len()).max().unwrap_or(0);
        for _ in table.columns.len()..widest {
            self.fresh(Type::new(oid::UNKNOWN));
        }
    }

    /// Reads a table, whatever it will be called; it is noted as read.
    fn scan_alone(&mut self, table: &Arc<Table>, name: Span) -> Scan {
        self.note_use(table, auth::Privileges::SELECT, &[]);
        self.scanned.push(table.oid);
        let columns: Vec<(usize, Column)> =
            table.columns.iter().enumerate().map(|(position, column)| (position, self.fresh(column.ty))).collect();
        self.number_inheriting(table);
        let (partitions, system) = (self.partitions(table, name), self.system_columns(table));
        let sees_deleted = SeesDeleted::of(system);
        Scan { table: table.clone(), columns, partitions, row_identity: None, system, sees_deleted }
    }

    fn derived(
        &mut self,
        lateral: bool,
        query: &ast::Query,
        alias: Option<&ast::TableAlias>,
        left: &Scope,
        refusal: Option<&'static str>,
    ) -> Result<FromItem> {
        let Some(alias) = alias else {
            let (words, example) = match &*query.body {
                SetExpr::Values(_) => ("VALUES in FROM must have an alias", "(VALUES ...)"),
                _ => ("subquery in FROM must have an alias", "(SELECT ...)"),
            };
            return Err(Error::new(SqlState::SYNTAX_ERROR, words)
                .with_hint(format!("For example, FROM {example} [AS] foo."))
                .at(self.parenthesis_position(query.start())));
        };
        let alias = Alias::of(alias)?;
        if self.lockable.is_some() {
            return Err(Error::unsupported("FOR UPDATE or FOR SHARE over a subquery in FROM"));
        }
        let bind = |binder: &mut Self| {
            let bound = binder.bind_query(query, Unknowns::Text)?;
            let bound = binder.locked_first(bound, true)?;
            Ok(binder.exact(bound))
        };
        let written_lateral = lateral;
        let (bound, lateral) = if lateral { self.lateral(left, refusal, bind)? } else { (bind(self)?, false) };
        let Bound { relation, outputs, .. } = bound;
        let columns =
            outputs.into_iter().map(|output| ScopeColumn::new(output.name, output.column, output.origin)).collect();
        let scope = Scope::of(self.aliased(&alias, columns, None)?);
        if self.is_showing() {
            let query = Box::new(self.last_shown()?);
            let source = ShownSource::Query { query, lateral: written_lateral };
            self.show_item(source, &alias.name, (true, !alias.columns.is_empty()), &scope.columns)?;
        }
        Ok(FromItem { relation, scope, lateral })
    }

    /// Binds something that may name columns to its left, and tells whether it did. If it did not, the border that
    /// was put there for them is taken away again.
    pub(super) fn lateral<T: RelationHolder>(
        &mut self,
        left: &Scope,
        refusal: Option<&'static str>,
        bind: impl FnOnce(&mut Self) -> Result<T>,
    ) -> Result<(T, bool)> {
        if left.relations.is_empty() {
            return Ok((bind(self)?, false));
        }
        let (mut bound, level) = self.enter(left, refusal, bind)?;
        if level.crossed && !level.named {
            // References beyond this border come one step nearer.
            map_outer_relation(bound.relation(), 1, &mut |reference| {
                let beyond = reference.depth > reference.borders;
                Ok((reference.var, reference.depth - usize::from(beyond)))
            })?;
        }
        Ok((bound, level.named))
    }

    /// Names a relation and its columns; `table` is the table behind it.
    pub(super) fn aliased(
        &mut self,
        alias: &Alias,
        mut columns: Vec<ScopeColumn>,
        table: Option<&Arc<Table>>,
    ) -> Result<ScopeRelation> {
        if alias.columns.len() > columns.len() {
            return Err(Error::new(
                SqlState::INVALID_COLUMN_REFERENCE,
                format!(
                    "table \"{}\" has {} columns available but {} columns specified",
                    alias.name,
                    columns.len(),
                    alias.columns.len()
                ),
            ));
        }
        for (column, name) in columns.iter_mut().zip(&alias.columns) {
            column.name.clone_from(name);
        }
        self.ranges.push(Range { name: alias.name.clone(), table: table.map(|table| table.oid) });
        Ok(ScopeRelation {
            name: alias.name.clone(),
            table: table.cloned(),
            aliased: true,
            nullable: false,
            scalar: false,
            mark: None,
            columns,
            system: SystemColumns::default(),
            sees_deleted: SeesDeleted::default(),
        })
    }

    /// 42712 when two items of one FROM clause have the same name.
    pub(super) fn refuse_same_names(&self, left: &Scope, right: &Scope) -> Result<()> {
        for relation in &right.relations {
            let same = left.relations.iter().any(|other| {
                let tables = !other.aliased && !relation.aliased;
                let elsewhere = match (&other.table, &relation.table) {
                    (Some(a), Some(b)) => tables && a.oid != b.oid,
                    _ => false,
                };
                other.name == relation.name && !elsewhere
            });
            if same {
                return Err(Error::new(
                    SqlState::DUPLICATE_ALIAS,
                    format!("table name \"{}\" specified more than once", relation.name),
                ));
            }
        }
        Ok(())
    }
}

/// Something bound that has a relation in it.
pub(super) trait RelationHolder {
    fn relation(&mut self) -> &mut Relation;
}

impl RelationHolder for Bound {
    fn relation(&mut self) -> &mut Relation {
        &mut self.relation
    }
}

impl RelationHolder for (Relation, Vec<ScopeColumn>) {
    fn relation(&mut self) -> &mut Relation {
        &mut self.0
    }
}

/// An alias with its column names, folded.
pub(super) struct Alias {
    pub name: String,
    pub columns: Vec<String>,
    pub span: Span,
}

impl Alias {
    pub(super) fn of(alias: &ast::TableAlias) -> Result<Self> {
        let ast::TableAlias { explicit: _, name, columns, at } = alias;
        if at.is_some() {
            return Err(Error::unsupported("AT in an alias"));
        }
        let columns = columns
            .iter()
            .map(|ast::TableAliasColumnDef { name, data_type }| match data_type {
                None => Ok(fold(name)),
                Some(_) => Err(Error::unsupported("a column definition list")),
            })
            .collect::<Result<_>>()?;
        Ok(Self { name: fold(name), columns, span: name.span })
    }

    pub(super) fn plain(name: &str) -> Self {
        Self { name: name.to_owned(), columns: Vec::new(), span: Span::empty() }
    }
}
