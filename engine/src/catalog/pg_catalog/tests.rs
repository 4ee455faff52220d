//! Rows against the columns they are declared to have.

use std::collections::BTreeSet;
use std::sync::Arc;

use auth::{Acl, ObjectKind, RoleAttributes, RoleId};
use storage::row::arrow::array_from_values;

use super::*;
use crate::catalog::{
    Constraint, ConstraintKind, ForeignKeyAction, Index, IndexColumn, Role, Schema, TableColumn, TableKind,
    empty_storage,
};
use crate::function::SessionFacts;
use crate::types::{Type, column_type, oid};

/// A catalog in which every relation with rows of its own has one.
fn catalog() -> Catalog {
    let mut catalog = Catalog::default();
    catalog.add_system_relations();
    let acl = Some(Acl::default_for(ObjectKind::Schema, RoleId(BOOTSTRAP_ROLE)));
    let schema =
        Schema { oid: 2200, database: 0, name: "public".to_owned(), owner: BOOTSTRAP_ROLE, acl, comment: None };
    catalog.apply(&Change::Schema(2200, Some(Arc::new(schema))));
    let attributes = RoleAttributes { superuser: true, login: true, ..RoleAttributes::default() };
    let settings = vec![("work_mem".to_owned(), "1MB".to_owned())];
    let role = Role { attributes, member_of: vec![3373], settings, ..Role::plain(BOOTSTRAP_ROLE, "postgres") };
    catalog.apply(&Change::Role(BOOTSTRAP_ROLE, Some(Arc::new(role))));
    catalog.apply(&Change::Table(20000, Some(Arc::new(table()))));
    catalog
}

/// `CREATE TABLE "T" (id int PRIMARY KEY, name varchar(5) DEFAULT 'x', parent int REFERENCES "T", CHECK (id > 0))`.
fn table() -> Table {
    let column = |number, name: &str, ty, default: Option<&str>| TableColumn {
        number,
        name: name.to_owned(),
        ty,
        not_null: number == 1,
        default: default.map(str::to_owned),
        identity: None,
        generated: false,
        local: true,
        comment: Some("a column".to_owned()),
        hints: Default::default(),
    };
    let constraint = |oid, name: &str, kind| Constraint::new(oid, name.to_owned(), kind);
    let foreign = ConstraintKind::ForeignKey {
        columns: vec![3],
        target: 20000,
        target_columns: vec![1],
        on_delete: ForeignKeyAction::Cascade,
        on_update: ForeignKeyAction::NoAction,
        match_full: false,
        set_columns: Vec::new(),
    };
    Table {
        oid: 20000,
        schema: 2200,
        name: "T".to_owned(),
        owner: BOOTSTRAP_ROLE,
        acl: None,
        kind: TableKind::Table,
        column_acls: Default::default(),
        class: Default::default(),
        materialized: None,
        temporary: None,
        unlogged: false,
        columns: vec![
            column(1, "id", Type::new(oid::INT4), None),
            column(2, "name", Type::with_modifier(oid::VARCHAR, 9), Some("'x'")),
            column(3, "parent", Type::new(oid::INT4), None),
        ],
        last_column: 3,
        constraints: vec![
            constraint(20002, "T_pkey", ConstraintKind::PrimaryKey { columns: vec![1], index: 20001 }),
            constraint(20003, "T_check", ConstraintKind::Check { expression: "id > 0".to_owned() }),
            constraint(20004, "T_parent_fkey", foreign),
        ],
        indexes: vec![Index {
            oid: 20001,
            name: "T_pkey".to_owned(),
            primary: true,
            unique: true,
            nulls_distinct: true,
            columns: vec![IndexColumn::ascending(1)],
            included: Vec::new(),
            predicate: None,
            options: Vec::new(),
            comment: None,
            parent: None,
            valid: true,
            method: Default::default(),
            deferrable: false,
            clustered: false,
            generation: None,
        }],
        options: vec![("fillfactor".to_owned(), "70".to_owned())],
        comment: Some("a table".to_owned()),
        partitioning: Default::default(),
        inherits: Vec::new(),
        replica_identity: Default::default(),
        security: None,
        triggers: Vec::new(),
        version: 1,
        storage: empty_storage(20000, GenerationId(1)),
    }
}

fn context(catalog: Catalog) -> EvalContext {
    EvalContext {
        read_only: false,
        discreet: false,
        transaction_time: 0,
        statement_time: 0,
        session: Arc::new(SessionFacts {
            session_user: "postgres".to_owned(),
            current_user: "postgres".to_owned(),
            current_role: RoleId(BOOTSTRAP_ROLE),
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
            format: Default::default(),
            settings: Default::default(),
        }),
        catalog: Arc::new(catalog),
        params: Vec::new().into(),
        written: Arc::default(),
        kept: None,
        bodies: None,
    }
}

#[test]
fn every_row_fits_its_relation() {
    let context = context(catalog());
    // Those that are queries have no rows of their own.
    let is_computed =
        |table: &&Arc<Table>| relation(table.oid).is_some_and(|relation| matches!(relation.source, Source::Rows(_)));
    for table in TABLES.iter().filter(is_computed) {
        let rows = rows(table, &context, &|_| Some(3)).unwrap();
        for row in &rows {
            assert_eq!(row.len(), table.columns.len(), "{}", table.name);
        }
        for (position, column) in table.columns.iter().enumerate() {
            let ty = column_type(column.ty).unwrap();
            let values = rows.iter().map(|row| &row[position]);
            assert!(array_from_values(&ty, values).is_ok(), "{}.{}", table.name, column.name);
            let complete = !column.not_null || rows.iter().all(|row| !row[position].is_null());
            assert!(complete, "{}.{} has a NULL", table.name, column.name);
        }
    }
}

#[test]
fn every_relation_has_an_oid_of_its_own() {
    let mut names = std::collections::BTreeMap::new();
    for relation in relations() {
        if let Some(other) = names.insert(relation.oid, relation.name) {
            panic!("{other} and {} have the same oid", relation.name);
        }
    }
}

#[test]
fn oids_are_unique() {
    let context = context(catalog());
    for name in ["pg_class", "pg_proc", "pg_type", "pg_operator", "pg_constraint", "pg_opclass", "pg_amop"] {
        let table = TABLES.iter().find(|table| table.name == name).unwrap();
        let rows = rows(table, &context, &|_| None).unwrap();
        let oids: BTreeSet<String> = rows.iter().map(|row| format!("{:?}", row[0])).collect();
        assert_eq!(oids.len(), rows.len(), "{name}");
    }
}

#[test]
fn objects_are_written_back_as_sql() {
    let catalog = catalog();
    let table = table();
    let context = context(catalog);
    assert_eq!(
        definition::index_definition(&context, &table, &table.indexes[0], false),
        "CREATE UNIQUE INDEX \"T_pkey\" ON public.\"T\" USING btree (id)"
    );
    let written = |position: usize, pretty| {
        definition::constraint_definition(&context, &table, &table.constraints[position], pretty)
    };
    assert_eq!(written(0, true), "PRIMARY KEY (id)");
    assert_eq!(written(1, true), "CHECK (id > 0)");
    assert_eq!(written(1, false), "CHECK ((id > 0))");
    assert_eq!(written(2, true), "FOREIGN KEY (parent) REFERENCES \"T\"(id) ON DELETE CASCADE");
}
