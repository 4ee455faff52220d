//! Binding against a small catalog: what PostgreSQL 15 says of each statement, we say too.
//!
//! `oracle.txt` holds statements and PostgreSQL's answer beneath each: the columns with their types (a star marks one
//! that comes straight from a table's column), `<-` and the parameters' types, or the error with its code, `@` its
//! position, detail and hint. `ours.txt` holds those that we answer otherwise, on purpose.

use std::collections::BTreeMap;
use std::sync::Arc;

use storage::id::{ColumnId, GenerationId, SchemaVersion, TableId};
use storage::{RowIdentity, TableSchema};

use super::Binder;
use crate::catalog::{Catalog, Constraint, ConstraintKind, Schema, Table, TableColumn, TableKind};
use crate::error::{Error, Result};
use crate::expr::{ExprKind, SubqueryKind};
use crate::function::{EvalContext, SessionFacts};
use crate::plan::relation::{Query, Relation};
use crate::session::settings::Settings;
use crate::statement::{Statement, parse_script};
use crate::types::{Type, column_type, display, oid};

const NUMERIC_10_2: Type = Type::with_modifier(oid::NUMERIC, (10 << 16 | 2) + 4);
const VARCHAR_5: Type = Type::with_modifier(oid::VARCHAR, 9);

fn table(number: u32, name: &str, columns: &[(&str, Type)], key: &[u16]) -> Table {
    let definitions = columns.iter().zip(1..).map(|((name, ty), number)| TableColumn {
        number,
        name: (*name).to_owned(),
        ty: *ty,
        not_null: false,
        default: None,
        identity: None,
        generated: false,
        local: true,
        comment: None,
        hints: Default::default(),
    });
    let stored = columns.iter().zip(1..).map(|((_, ty), id)| storage::schema::Column {
        id: ColumnId(id),
        column_type: column_type(*ty).expect("a type that rows hold"),
        missing: storage::Value::Null,
    });
    let storage = TableSchema {
        table: TableId(number),
        generation: GenerationId(number),
        version: SchemaVersion(1),
        columns: stored.collect(),
        identity: RowIdentity::Hidden,
        slice: Default::default(),
        stream: None,
        indexes: Vec::new(),
        layouts: Vec::new(),
        cache: Default::default(),
        derived: Default::default(),
    };
    let key = ConstraintKind::PrimaryKey { columns: key.to_vec(), index: number + 1000 };
    Table {
        oid: number,
        schema: 2200,
        name: name.to_owned(),
        owner: 10,
        acl: None,
        kind: TableKind::Table,
        column_acls: Default::default(),
        class: Default::default(),
        materialized: None,
        temporary: None,
        unlogged: false,
        columns: definitions.collect(),
        last_column: columns.len() as u16,
        constraints: vec![Constraint::new(number + 2000, format!("{name}_pkey"), key)],
        indexes: Vec::new(),
        options: Vec::new(),
        comment: None,
        partitioning: Default::default(),
        inherits: Vec::new(),
        replica_identity: Default::default(),
        security: None,
        triggers: Vec::new(),
        version: 1,
        storage: Arc::new(storage),
    }
}

fn catalog() -> Arc<Catalog> {
    let plain = Type::new;
    let t = [
        ("id", plain(oid::INT4)),
        ("a", plain(oid::INT4)),
        ("b", plain(oid::TEXT)),
        ("j", plain(oid::JSON)),
        ("n", NUMERIC_10_2),
        ("c", VARCHAR_5),
        ("d", plain(oid::DATE)),
        ("ts", plain(oid::TIMESTAMPTZ)),
        ("arr", plain(oid::INT4_ARRAY)),
        ("flag", plain(oid::BOOL)),
    ];
    let u = [("id", plain(oid::INT4)), ("a", plain(oid::INT8)), ("c", plain(oid::TEXT))];
    let v = [("x", plain(oid::INT4)), ("y", plain(oid::INT4))];
    let tables = [table(16384, "t", &t, &[1]), table(16385, "u", &u, &[]), table(16386, "v", &v, &[1, 2])];
    let names = tables.iter().map(|table| ((table.schema, table.name.clone()), table.oid)).collect();
    let schema = |oid, name: &str| {
        Arc::new(Schema { oid, database: 0, name: name.to_owned(), owner: 10, acl: None, comment: None })
    };
    Arc::new(Catalog {
        schemas: Arc::new(BTreeMap::from([(11, schema(11, "pg_catalog")), (2200, schema(2200, "public"))])),
        tables: Arc::new(tables.into_iter().map(|table| (table.oid, Arc::new(table))).collect()),
        relation_names: Arc::new(names),
        ..Catalog::default()
    })
}

fn context(catalog: &Arc<Catalog>) -> EvalContext {
    let settings = Settings::default();
    let session = SessionFacts {
        session_user: "postgres".to_owned(),
        current_user: "postgres".to_owned(),
        current_role: auth::RoleId(10),
        database: "postgres".to_owned(),
        temporary: None,
        search_path: vec!["public".to_owned()],
        process_id: 1,
        client_address: None,
        server: Default::default(),
        sequences: Arc::default(),
        advisory: Arc::default(),
        transaction: std::sync::Arc::default(),
        sessions: Default::default(),
        snapshots: Default::default(),
        sleeps: Arc::default(),
        random: Arc::default(),
        cursors: Arc::default(),
        requests: Arc::default(),
        triggers: Arc::default(),
        channels: Arc::default(),
        format: settings.active().format.clone(),
        settings: Arc::new(settings),
    };
    EvalContext {
        read_only: false,
        discreet: false,
        transaction_time: 0,
        statement_time: 0,
        session: Arc::new(session),
        catalog: catalog.clone(),
        params: Arc::new([]),
        written: Arc::default(),
        kept: None,
        bodies: None,
    }
}

fn bind(sql: &str) -> Result<Query> {
    let catalog = catalog();
    let context = context(&catalog);
    let statements = parse_script(sql)?;
    let [Statement::Query(query)] = statements.as_slice() else {
        return Err(Error::internal("not one query"));
    };
    Binder::new(&catalog, &context, &[]).with_text(sql).query(query)
}

/// A query's description, or its error, as the files of answers write it.
fn described(sql: &str) -> String {
    match bind(sql) {
        Ok(query) => {
            let columns: Vec<String> = query
                .outputs
                .iter()
                .map(|output| {
                    let star = if output.origin.is_some() { "*" } else { "" };
                    format!("{} {}{star}", output.name, display(output.column.ty))
                })
                .collect();
            let params: Vec<String> = query.params.iter().map(|ty| display(*ty)).collect();
            let arrow = if params.is_empty() { "" } else { " <- " };
            format!("{}{arrow}{}", columns.join(", "), params.join(", "))
        }
        Err(error) => {
            let position = error.position.map(|position| format!(" @{position}")).unwrap_or_default();
            let more = error.detail.iter().chain(&error.hint).map(|text| format!(" | {text}")).collect::<String>();
            format!("{} {}{position}{more}", error.sql_state().0, error.message)
        }
    }
}

fn check_file(answers: &str) {
    let mut lines = answers.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    let mut wrong = String::new();
    while let (Some(sql), Some(expected)) = (lines.next(), lines.next()) {
        let found = described(sql);
        if found != expected.trim() {
            wrong.push_str(&format!("{sql}\n  expected {}\n  found    {found}\n", expected.trim()));
        }
    }
    assert!(wrong.is_empty(), "\n{wrong}");
}

#[test]
fn answers_as_postgresql() {
    check_file(include_str!("tests/oracle.txt"));
}

#[test]
fn answers_of_our_own() {
    check_file(include_str!("tests/ours.txt"));
}

/// Walks down through the inputs of a relation.
fn chain(relation: &Relation) -> Vec<&'static str> {
    let (name, input) = match relation {
        Relation::Filter { input, .. } => ("filter", input),
        Relation::Project { input, .. } => ("project", input),
        Relation::ProjectSet { input, .. } => ("project set", input),
        Relation::Aggregate { input, .. } => ("aggregate", input),
        Relation::Window { input, .. } => ("window", input),
        Relation::Sort { input, .. } => ("sort", input),
        Relation::Limit { input, .. } => ("limit", input),
        Relation::Distinct { input, .. } => ("distinct", input),
        Relation::OneRow => return vec!["one row"],
        Relation::Scan(_) => return vec!["scan"],
        Relation::Join { .. } => return vec!["join"],
        _ => return vec!["other"],
    };
    let mut names = vec![name];
    names.extend(chain(input));
    names
}

#[test]
fn clauses_stack_in_order() {
    let query = bind(
        "select a, count(*), rank() over (order by count(*)) from t where id > 1 group by a having count(*) > 2 \
         order by max(b) limit 3",
    )
    .expect("a query");
    assert_eq!(chain(&query.relation), ["limit", "sort", "project", "window", "filter", "aggregate", "filter", "scan"]);
    assert_eq!(query.outputs.len(), 3);
    assert_eq!(query.relation.outputs().len(), 4, "the sort key is hidden behind the outputs");
}

#[test]
fn equal_aggregates_are_computed_once() {
    let query = bind("select count(*), count(*) + 1 from t having count(*) > 1").expect("a query");
    let Relation::Project { input, .. } = &query.relation else { panic!("a projection") };
    let Relation::Filter { input, .. } = &**input else { panic!("HAVING") };
    let Relation::Aggregate { aggregates, .. } = &**input else { panic!("an aggregation") };
    assert_eq!(aggregates.len(), 1);
}

#[test]
fn correlated_subqueries_name_the_outer_column() {
    let query = bind("select (select u.id from u where u.id = t.id limit 1) from t").expect("a query");
    let Relation::Project { columns, .. } = &query.relation else { panic!("a projection") };
    let ExprKind::Subquery(subquery) = &columns[0].1.kind else { panic!("a subquery") };
    assert!(subquery.correlated && matches!(subquery.kind, SubqueryKind::Scalar));
    let query = bind("select (select max(id) from u) from t").expect("a query");
    let Relation::Project { columns, .. } = &query.relation else { panic!("a projection") };
    let ExprKind::Subquery(subquery) = &columns[0].1.kind else { panic!("a subquery") };
    assert!(!subquery.correlated);
}

#[test]
fn uses_name_the_columns_that_are_read() {
    let query = bind("select b from t where a > 1 for update").expect("a query");
    let read: Vec<_> = query.uses.iter().map(|used| (used.privileges, used.columns.clone())).collect();
    assert_eq!(read, [(auth::Privileges::SELECT, vec![3, 2]), (auth::Privileges::UPDATE, vec![])]);
    assert_eq!(query.locking.len(), 1);
    let outputs = query.relation.outputs();
    assert!(outputs.iter().any(|column| column.var == query.locking[0].identity.key.var));
}

#[test]
fn deep_expressions_end_in_an_error() {
    let chain = format!("select {}", vec!["1"; 5000].join(" + "));
    assert_eq!(bind(&chain).err().map(|error| error.sql_state().0), Some("54001"));
    let logical = format!("select {}", vec!["true"; 5000].join(" and "));
    assert!(bind(&logical).is_ok());
    let casts = format!("select 1{}", "::int".repeat(1000));
    assert_eq!(bind(&casts).err().map(|error| error.sql_state().0), Some("54001"));
}
