//! Definitions over a store in memory, one transaction each, and what the catalog says afterwards.

use std::sync::Arc;

use auth::{Principal, RoleId};
use storage::kv::Direction;
use storage::{Durability, Isolation, KeyRange, Store, StoreOptions, Value, Wait};

use super::{DefinitionEnvironment, OtherDatabases, run};
use crate::catalog::{Catalog, ConstraintKind, FIRST_DATABASE, Table, store};
use crate::error::{Report, Result};
use crate::function::{EvalContext, SessionFacts};
use crate::session::settings::Settings;
use crate::statement::{Statement, parse_single};

struct Bench {
    store: Store,
    catalog: Arc<Catalog>,
}

impl Bench {
    async fn new() -> Self {
        let store = Store::in_memory(StoreOptions::default());
        store::bootstrap(&store, "").await.expect("the first catalog is written");
        let catalog = store::load(&store).expect("the first catalog is read").of(FIRST_DATABASE);
        Self { store, catalog }
    }

    fn context(&self) -> EvalContext {
        let facts = SessionFacts {
            session_user: "postgres".to_owned(),
            current_user: "postgres".to_owned(),
            current_role: RoleId::BOOTSTRAP,
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
            settings: Arc::new(Settings::default()),
        };
        EvalContext {
            read_only: false,
            discreet: false,
            transaction_time: 0,
            statement_time: 0,
            session: Arc::new(facts),
            catalog: self.catalog.clone(),
            params: Arc::from([]),
            written: Arc::default(),
            kept: None,
            bodies: None,
        }
    }

    /// Runs one definition in a transaction of its own.
    async fn run(&mut self, sql: &str) -> Result<Vec<Report>> {
        let Some(Statement::Definition(definition)) = parse_single(sql)? else { panic!("{sql} is no definition") };
        let context = self.context();
        let principal = Principal::resolve(RoleId::BOOTSTRAP, "postgres", self.catalog.as_ref());
        let mut transaction = self.store.begin(Isolation::ReadCommitted);
        transaction.begin_command();
        let mut changes = Vec::new();
        let committed = self.catalog.clone();
        let newest = || committed.clone();
        let mut environment = DefinitionEnvironment {
            transaction: &mut transaction,
            newest: &newest,
            catalog: None,
            changes: &mut changes,
            principal: &principal,
            context: &context,
            text: sql,
            store: &self.store,
            others: &Alone,
            wait: Wait::No,
            notices: Vec::new(),
            details: Vec::new(),
            into_temporary: false,
            class: Default::default(),
            ends_with_commits: false,
            made: None,
        };
        run(&definition, &mut environment).await?;
        let notices = std::mem::take(&mut environment.notices);
        transaction.commit(Durability::Sync).await?;
        let mut catalog = (*self.catalog).clone();
        changes.iter().for_each(|change| catalog.apply(change));
        catalog.version += 1;
        self.catalog = Arc::new(catalog);
        Ok(notices)
    }

    async fn refused(&mut self, sql: &str) -> (&'static str, String, Option<String>) {
        let error = self.run(sql).await.expect_err(sql);
        (error.sql_state().0, error.message.to_string(), error.detail.clone())
    }

    fn table(&self, name: &str) -> &Table {
        self.catalog.find_table(None, name, &["public".to_owned()]).expect(name)
    }

    async fn insert(&self, name: &str, rows: &[&[Option<i32>]]) {
        let mut transaction = self.store.begin(Isolation::ReadCommitted);
        transaction.begin_command();
        for row in rows {
            let row: Vec<Value> = row.iter().map(|cell| cell.map_or(Value::Null, Value::Int4)).collect();
            transaction.insert(&self.table(name).storage, &row, Wait::No).await.expect("the row is new");
        }
        transaction.commit(Durability::Sync).await.expect("the rows are committed");
    }

    fn rows(&self, name: &str) -> Vec<Vec<Value>> {
        let schema = &self.table(name).storage;
        let range = KeyRange::generation(schema.generation);
        let rows = self.store.view().scan(schema, &range, Direction::Forward).next(100).expect("the rows are read");
        rows.iter().map(|row| row.values(schema).expect("the row decodes")).collect()
    }

    /// What a restart would read is what is in memory.
    fn check_stored(&self) {
        let stored = store::load(&self.store).expect("the catalog is read").of(FIRST_DATABASE);
        assert_eq!(stored.tables, self.catalog.tables);
        assert_eq!(stored.schemas, self.catalog.schemas);
        assert_eq!(stored.roles, self.catalog.roles);
        assert_eq!(stored.relation_names, self.catalog.relation_names);
    }
}

fn ints(rows: &[&[Option<i32>]]) -> Vec<Vec<Value>> {
    rows.iter().map(|row| row.iter().map(|cell| cell.map_or(Value::Null, Value::Int4)).collect()).collect()
}

#[tokio::test]
async fn constraints_are_named_as_postgresql_names_them() {
    let mut bench = Bench::new().await;
    bench
        .run("CREATE TABLE a (x int PRIMARY KEY, y int UNIQUE UNIQUE, z int CHECK (z > 0 AND y > 0) CHECK (z < 10) CHECK (true))")
        .await
        .unwrap();
    bench
        .run("CREATE TABLE b (x int REFERENCES a, y int REFERENCES a (y), FOREIGN KEY (x) REFERENCES a)")
        .await
        .unwrap();
    let names = |table: &Table| table.constraints.iter().map(|one| one.name.clone()).collect::<Vec<_>>();
    assert_eq!(names(bench.table("a")), ["a_check", "a_z_check", "a_check1", "a_pkey", "a_y_key"]);
    assert_eq!(names(bench.table("b")), ["b_x_fkey", "b_y_fkey", "b_x_fkey1"]);
    bench.check_stored();
}

#[tokio::test]
async fn a_table_that_others_point_at_is_not_dropped_alone() {
    let mut bench = Bench::new().await;
    bench.run("CREATE TABLE a (x int PRIMARY KEY)").await.unwrap();
    bench.run("CREATE TABLE b (x int REFERENCES a)").await.unwrap();
    let (state, message, detail) = bench.refused("DROP TABLE a").await;
    assert_eq!((state, message.as_str()), ("2BP01", "cannot drop table a because other objects depend on it"));
    assert_eq!(detail.as_deref(), Some("constraint b_x_fkey on table b depends on table a"));
    assert_eq!(bench.refused("TRUNCATE a").await.0, "0A000");
    let notices = bench.run("DROP TABLE a CASCADE").await.unwrap();
    assert_eq!(notices[0].message, "drop cascades to constraint b_x_fkey on table b");
    assert!(bench.table("b").constraints.is_empty());
    bench.check_stored();
}

#[tokio::test]
async fn a_primary_key_is_added_to_rows_and_taken_away() {
    let mut bench = Bench::new().await;
    bench.run("CREATE TABLE t (a int, b int)").await.unwrap();
    bench.run("CREATE INDEX ON t (b DESC)").await.unwrap();
    bench.insert("t", &[&[Some(2), Some(1)], &[Some(1), Some(1)]]).await;
    let (state, message, detail) = bench.refused("ALTER TABLE t ADD UNIQUE (b)").await;
    assert_eq!((state, message.as_str()), ("23505", "could not create unique index \"t_b_key\""));
    assert_eq!(detail.as_deref(), Some("Key (b)=(1) is duplicated."));
    bench.run("ALTER TABLE t ADD PRIMARY KEY (a)").await.unwrap();
    assert_eq!(bench.rows("t"), ints(&[&[Some(1), Some(1)], &[Some(2), Some(1)]]));
    assert!(bench.table("t").columns[0].not_null);
    bench.run("ALTER TABLE t DROP CONSTRAINT t_pkey").await.unwrap();
    assert!(bench.table("t").constraints.is_empty());
    assert_eq!(bench.rows("t").len(), 2);
    bench.insert("t", &[&[None, Some(5)]]).await;
    let (state, message, _) = bench.refused("ALTER TABLE t ADD PRIMARY KEY (a)").await;
    assert_eq!((state, message.as_str()), ("23502", "column \"a\" of relation \"t\" contains null values"));
    bench.check_stored();
}

#[tokio::test]
async fn columns_come_and_go_under_the_rows() {
    let mut bench = Bench::new().await;
    bench.run("CREATE TABLE t (a int PRIMARY KEY, b int CHECK (b > 0))").await.unwrap();
    bench.insert("t", &[&[Some(1), Some(7)]]).await;
    bench.run("ALTER TABLE t ADD COLUMN c int NOT NULL DEFAULT 40 + 2").await.unwrap();
    assert_eq!(bench.rows("t"), ints(&[&[Some(1), Some(7), Some(42)]]));
    bench.run("ALTER TABLE t RENAME b TO d").await.unwrap();
    let ConstraintKind::Check { expression } = &bench.table("t").constraints[0].kind else { panic!("no check") };
    assert_eq!(expression, "\"d\" > 0");
    bench.run("ALTER TABLE t DROP COLUMN d").await.unwrap();
    assert_eq!(bench.table("t").constraints.len(), 1);
    assert_eq!(bench.rows("t"), ints(&[&[Some(1), Some(42)]]));
    bench.run("ALTER TABLE t ALTER a TYPE bigint").await.unwrap();
    assert_eq!(bench.rows("t"), [[Value::Int8(1), Value::Int4(42)]]);
    bench.run("TRUNCATE t").await.unwrap();
    assert!(bench.rows("t").is_empty());
    bench.check_stored();
}

#[tokio::test]
async fn roles_are_not_dropped_while_they_matter() {
    let mut bench = Bench::new().await;
    bench.run("CREATE USER u PASSWORD 'a long one'").await.unwrap();
    bench.run("CREATE ROLE r ADMIN u").await.unwrap();
    assert_eq!(bench.refused("GRANT u TO r").await.1, "role \"u\" is a member of role \"r\"");
    bench.run("CREATE TABLE t (a int)").await.unwrap();
    bench.run("GRANT SELECT ON t TO u").await.unwrap();
    let (state, message, detail) = bench.refused("DROP ROLE u").await;
    assert_eq!((state, message.as_str()), ("2BP01", "role \"u\" cannot be dropped because some objects depend on it"));
    assert_eq!(detail.as_deref(), Some("privileges for table t"));
    bench.run("REVOKE ALL ON t FROM u").await.unwrap();
    bench.run("DROP ROLE r, u").await.unwrap();
    bench.check_stored();
}

/// There is one database.
struct Alone;

impl OtherDatabases for Alone {
    fn catalog(&self, _database: u32) -> Arc<Catalog> {
        Arc::default()
    }

    fn sessions(&self, _database: u32) -> usize {
        0
    }

    fn password_length_min(&self) -> usize {
        4
    }

    fn end_sessions(&self, _database: u32) {}
}
