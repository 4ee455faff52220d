//! REGISTER TABLE and UNREGISTER TABLE.

use datafusion::sql::sqlparser::ast::ObjectName;
use storage::GenerationId;

use auth::ObjectKind;

use super::DefinitionEnvironment;
use super::drop::Request;
use crate::catalog::{REGISTERED, RegisteredFiles, Table, TableColumn, TableKind, empty_storage};
use crate::error::{Error, Result, SqlState};
use crate::provider::files::{FileColumn, check_pattern, columns_of, files_of};

impl DefinitionEnvironment<'_> {
    /// Makes a table of the columns that the first of some files has.
    pub(super) async fn register(&mut self, name: &ObjectName, if_not_exists: bool, pattern: &str) -> Result<()> {
        // Whoever may read files of the server may read everything.
        if !self.principal.is_superuser() {
            return Err(Error::new(SqlState::INSUFFICIENT_PRIVILEGE, "must be superuser to register files as a table"));
        }
        check_pattern(pattern)?;
        let Some(place) = self.claim_place(name, if_not_exists).await? else { return Ok(()) };
        let files = files_of(pattern)?;
        let first = files.first().ok_or_else(|| Error::internal("a pattern has no files and no error"))?;
        let columns = table_columns(columns_of(first)?)?;
        let oid = self.store.allocate_oid()?;
        let owner = self.principal.role().0;
        self.lock_role(owner, false).await?;
        let acl = self.new_acl(owner, Some(place.schema.oid), ObjectKind::Table);
        let temporary = place.temporary(None);
        self.put_table(Table {
            oid,
            schema: place.schema.oid,
            name: place.name,
            owner,
            acl,
            kind: TableKind::Files(RegisteredFiles { pattern: pattern.to_owned() }),
            column_acls: Default::default(),
            class: Default::default(),
            materialized: None,
            temporary,
            unlogged: false,
            last_column: columns.len() as u16,
            columns,
            constraints: Vec::new(),
            indexes: Vec::new(),
            options: Vec::new(),
            comment: None,
            partitioning: Default::default(),
            inherits: Vec::new(),
            replica_identity: Default::default(),
            security: None,
            triggers: Vec::new(),
            version: 0,
            storage: empty_storage(oid, GenerationId(0)),
        })?;
        Ok(())
    }

    pub(super) async fn unregister(&mut self, name: &ObjectName, if_exists: bool) -> Result<()> {
        let names = std::slice::from_ref(name);
        self.drop_tables(&Request { if_exists, names, cascade: false }, REGISTERED).await
    }
}

fn table_columns(columns: Vec<FileColumn>) -> Result<Vec<TableColumn>> {
    let mut made: Vec<TableColumn> = Vec::with_capacity(columns.len());
    for (number, FileColumn { name, ty }) in (1..).zip(columns) {
        super::column::check_name(&name)?;
        if made.iter().any(|column| column.name == name) {
            let message = format!("column \"{name}\" specified more than once");
            return Err(Error::new(SqlState::DUPLICATE_COLUMN, message));
        }
        made.push(TableColumn {
            number,
            name,
            ty,
            not_null: false,
            default: None,
            identity: None,
            generated: false,
            local: true,
            comment: None,
            hints: Default::default(),
        });
    }
    Ok(made)
}
