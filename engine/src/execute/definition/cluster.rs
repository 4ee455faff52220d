//! CLUSTER: rows are put in the order of an index once, and the index is remembered for the next time.
//!
//! Rows of a table without a primary key lie in the order of their hidden numbers, so they get new ones. Those of a table
//! with one lie under it whatever CLUSTER says, as `docs/COMPATIBILITY.md` owns up to.

use std::sync::Arc;

use datafusion::sql::sqlparser::ast::ObjectName;
use storage::kv::Direction;
use storage::{KeyRange, TableId, TableLock};

use super::DefinitionEnvironment;
use super::validate::ROWS_AT_A_TIME;
use crate::catalog::{Catalog, Index, Table, TableKind};
use crate::error::{Error, Result, SqlState};

impl DefinitionEnvironment<'_> {
    pub(super) async fn cluster(&mut self, target: Option<&(ObjectName, Option<String>)>) -> Result<()> {
        let Some((name, index)) = target else { return self.cluster_all().await };
        let Some(oid) = self.lock_to_alter(name, false, TableLock::AccessExclusive).await? else { return Ok(()) };
        self.lock_beneath(oid, TableLock::AccessExclusive).await?;
        let (catalog, table) = self.locked_table(oid)?;
        if table.kind != TableKind::Table {
            let message = format!("\"{}\" is not a table or materialized view", table.name);
            return Err(Error::new(SqlState::WRONG_OBJECT_TYPE, message));
        }
        let index = match index {
            Some(name) => own_index(&catalog, &table, name)?.clone(),
            None => table.indexes.iter().find(|index| index.clustered).cloned().ok_or_else(|| {
                let message = format!("there is no previously clustered index for table \"{}\"", table.name);
                Error::new(SqlState::UNDEFINED_OBJECT, message)
            })?,
        };
        refuse_unordered(&index)?;
        if table.partitioning.key.is_none() {
            return self.cluster_by(oid, index.oid).await;
        }
        let mut parts = vec![index.oid];
        for below in catalog.descendants(oid) {
            let own = below.indexes.iter().find(|own| own.parent.is_some_and(|parent| parts.contains(&parent)));
            let Some(own) = own.map(|own| own.oid) else { continue };
            parts.push(own);
            let may = self.principal.has_privileges_of(auth::RoleId(below.owner));
            if below.partitioning.key.is_none() && may {
                self.cluster_by(below.oid, own).await?;
            }
        }
        Ok(())
    }

    /// Every table of the role that has been clustered before.
    async fn cluster_all(&mut self) -> Result<()> {
        let catalog = self.catalog();
        let may = |table: &Arc<Table>| self.principal.has_privileges_of(auth::RoleId(table.owner));
        let oids: Vec<u32> = catalog.tables.values().filter(|table| may(table)).map(|table| table.oid).collect();
        for oid in oids {
            let clustered = |catalog: &Catalog| {
                let table = catalog.tables.get(&oid)?;
                table.indexes.iter().find(|index| index.clustered).map(|index| index.oid)
            };
            if clustered(&catalog).is_none() {
                continue;
            }
            self.lock_table(oid, TableLock::AccessExclusive).await?;
            if let Some(index) = clustered(&self.catalog()) {
                self.cluster_by(oid, index).await?;
            }
        }
        Ok(())
    }

    async fn cluster_by(&mut self, oid: u32, index: u32) -> Result<()> {
        let (_, before) = self.locked_table(oid)?;
        let mut after = (*before).clone();
        after.indexes.iter_mut().for_each(|own| own.clustered = own.oid == index);
        let order = before.indexes.iter().find(|own| own.oid == index);
        let Some(order) = order.filter(|_| before.row_key().is_none()) else {
            self.put_table(after)?;
            return Ok(());
        };
        let order = before.index_schema(order)?;
        let generation = self.new_generation()?;
        for index in &mut after.indexes {
            index.generation = Some(self.new_generation()?);
        }
        after.lay_out(generation, &[])?;
        self.derive(&mut after)?;
        let view = self.transaction.newest_view();
        let range = KeyRange::generation(order.generation);
        let mut scan = view.scan_index(&before.storage, &order, &range, Direction::Forward);
        // Of a user table, cut to the slice whose rows are coming.
        let mut into = after.storage.clone();
        loop {
            let rows = scan.next(ROWS_AT_A_TIME)?;
            if rows.is_empty() {
                break;
            }
            for row in rows {
                if !into.slice.is_definite() || !into.means(&row.key) {
                    let slice = before.storage.slice_of(&row.key);
                    into = slice.map_or_else(|| into.clone(), |slice| Arc::new(after.storage.of_slice(slice)));
                }
                let values = row.values(&before.storage)?;
                if !self.transaction.insert_alone(&into, &values)? {
                    return Err(Error::internal("rows that were there do not fit side by side"));
                }
            }
            self.transaction.relieve().await?;
            tokio::task::yield_now().await;
        }
        self.drop_contents(&before);
        self.transaction.replaced(TableId(oid));
        self.redefine(after)?;
        Ok(())
    }

    /// CLUSTER ON, or SET WITHOUT CLUSTER without an index.
    pub(super) fn mark_clustered(&mut self, oid: u32, index: Option<&str>) -> Result<()> {
        let (catalog, table) = self.locked_table(oid)?;
        if table.partitioning.key.is_some() {
            let message = "cannot mark index clustered in partitioned table";
            return Err(Error::new(SqlState::FEATURE_NOT_SUPPORTED, message));
        }
        let index = index.map(|name| own_index(&catalog, &table, name)).transpose()?;
        index.map_or(Ok(()), refuse_unordered)?;
        let index = index.map(|index| index.oid);
        let mut table = (*table).clone();
        table.indexes.iter_mut().for_each(|own| own.clustered = Some(own.oid) == index);
        self.put_table(table)?;
        Ok(())
    }
}

/// The index of that name, which must be the table's.
pub(super) fn own_index<'a>(catalog: &Catalog, table: &'a Table, name: &str) -> Result<&'a Index> {
    let own = table.indexes.iter().find(|index| index.name == name);
    own.ok_or_else(|| match catalog.relation_names.contains_key(&(table.schema, name.to_owned())) {
        true => {
            let message = format!("\"{name}\" is not an index for table \"{}\"", table.name);
            Error::new(SqlState::WRONG_OBJECT_TYPE, message)
        }
        false => {
            let message = format!("index \"{name}\" for table \"{}\" does not exist", table.name);
            Error::new(SqlState::UNDEFINED_OBJECT, message)
        }
    })
}

/// 0A000 for an index that orders no rows, or not all.
fn refuse_unordered(index: &Index) -> Result<()> {
    let name = &index.name;
    let message = if !index.method.orders() {
        format!("cannot cluster on index \"{name}\" because access method does not support clustering")
    } else if index.predicate.is_some() {
        format!("cannot cluster on partial index \"{name}\"")
    } else if !index.valid {
        format!("cannot cluster on invalid index \"{name}\"")
    } else {
        return Ok(());
    };
    Err(Error::new(SqlState::FEATURE_NOT_SUPPORTED, message))
}
