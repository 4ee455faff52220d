//! What a bound query is as a live one: what its answer is made from, and how it is kept up to date.

use std::fmt::Write;
use std::sync::{Arc, Weak};

use bytes::Bytes;
use parking_lot::Mutex;
use rustc_hash::FxHashMap;
use sha2::{Digest, Sha256};
use storage::{Attending, Change, CommitRecord, CommitSeq, Slice, SliceId, Store, TableId};

use super::event::{ChangeEvent, Form, RowWriter};
use super::key::key_of;
use super::per_change::{PerChange, RowShape};
use super::registry::Registry;
use super::row_form::RowForm;
use super::walk::{Part, walk};
use super::{refused, rules};
use crate::catalog::{Catalog, Table};
use crate::error::Result;
use crate::function::EvalContext;
use crate::plan::ColumnDescription;
use crate::plan::relation::{Query, Relation, RelationUse};

/// A live query's plan, the same for all who follow it.
#[derive(Debug)]
pub(crate) struct LivePlan {
    pub(super) shape: Arc<Shape>,
    pub(super) how: How,
    of_session: bool,
}

/// What queries share that differ in nothing but what their rows must be.
#[derive(Debug)]
pub(crate) struct Shape {
    pub(super) columns: Box<[ColumnDescription]>,
    /// Positions of the columns in which no two rows agree.
    pub(super) key: Option<Box<[usize]>>,
    pub(super) writer: RowWriter,
    /// The tables that have its rows, partitions instead of what they are partitions of.
    pub(super) tables: Box<[Arc<Table>]>,
    /// What it names, directly or through views.
    pub(super) uses: Box<[RelationUse]>,
    /// What lies beneath that, by oid, whether or not it is read.
    pub(super) beneath: Box<[u32]>,
    /// Where a changed row has the columns, if the query is evaluated per change.
    pub(super) row: Option<RowShape>,
}

/// The shapes of the plans that there are.
#[derive(Default)]
pub(super) struct Shapes(Mutex<FxHashMap<[u8; 32], Weak<Shape>>>);

impl Shapes {
    /// The shape that is the same, if there is one, or this from now on.
    fn shared(&self, shape: Shape, form: Form) -> Arc<Shape> {
        // Values are not sure to look different that are.
        if shape.row.as_ref().is_some_and(RowShape::has_values) {
            return Arc::new(shape);
        }
        let digest = shape.digest(form);
        let mut known = self.0.lock();
        if let Some(same) = known.get(&digest).and_then(Weak::upgrade) {
            return same;
        }
        // What nobody has any more goes when there would be need of more room.
        if known.len() == known.capacity() {
            known.retain(|_, shape| shape.strong_count() > 0);
        }
        let shape = Arc::new(shape);
        known.insert(digest, Arc::downgrade(&shape));
        shape
    }
}

impl Shape {
    /// Of all that is in it. Tables are told apart by where they are: they stay there while it lives.
    fn digest(&self, form: Form) -> [u8; 32] {
        let mut text = format!("{form:?}\0{:?}\0{:?}\0{:?}\0", self.columns, self.key, self.beneath);
        // Writing to a String cannot fail.
        for used in &self.uses {
            let _ = write!(
                text,
                "{:p} {:?} {:?} {:?}\0",
                Arc::as_ptr(&used.table),
                used.privileges,
                used.columns,
                used.check_as
            );
        }
        for table in &self.tables {
            let _ = write!(text, "{:p} ", Arc::as_ptr(table));
        }
        let _ = write!(text, "\0{:?}", self.row);
        Sha256::digest(text.as_bytes()).into()
    }
}

/// How changes of the answer are found.
#[derive(Debug)]
pub(super) enum How {
    /// From the changed rows alone.
    PerChange(PerChange),
    /// By running it again.
    Rerun(Arc<Query>),
}

impl LivePlan {
    /// The plan of a bound query, which shares with those in `registry` what it can. 0A000 for a query that cannot be live.
    pub(crate) fn of(query: &Arc<Query>, catalog: &Catalog, form: Form, registry: &Registry) -> Result<Self> {
        let of_session = refused::check(query)?;
        let columns: Box<[ColumnDescription]> = query.outputs.iter().map(ColumnDescription::of).collect();
        let (how, tables, row) = match PerChange::of(query) {
            Some((plan, row, tables)) => (How::PerChange(plan), tables, Some(row)),
            None => (How::Rerun(query.clone()), tables_of(&query.relation), None),
        };
        let key = key_of(query).map(Into::into);
        let beneath = rules::beneath(&query.uses, catalog).into();
        let (writer, uses) = (RowWriter::new(&columns, form)?, query.uses.clone().into());
        let shape = Shape { columns, key, writer, tables, uses, beneath, row };
        Ok(Self { shape: registry.shapes.shared(shape, form), how, of_session })
    }

    /// Whether it is kept up to date by running it again.
    pub(crate) fn is_rerun(&self) -> bool {
        matches!(self.how, How::Rerun(_))
    }

    /// Whether to look at one changed row may take longer than to read it.
    pub(super) fn is_costly(&self) -> bool {
        matches!(&self.how, How::PerChange(how) if how.is_costly())
    }

    /// What changes of rows, all of one commit, do to the answer; None if nothing. Only for what is evaluated per change.
    pub(super) fn event(
        &self,
        changes: &mut dyn Iterator<Item = &Change>,
        context: &EvalContext,
        seq: CommitSeq,
        store: &Store,
    ) -> Result<Option<Bytes>> {
        let (How::PerChange(how), Some(row)) = (&self.how, &self.shape.row) else { return Ok(None) };
        let mut event = self.change_event(seq);
        how.tell(changes, (&self.shape, row), context, store, &mut event)?;
        Ok(event.finish())
    }

    /// An event for what a commit has changed, empty yet.
    pub(super) fn change_event(&self, seq: CommitSeq) -> ChangeEvent {
        match self.shape.writer {
            RowWriter::Json(_) => ChangeEvent::new(seq),
            RowWriter::Rows(_) => ChangeEvent::of_rows(seq, self.shape.key.is_some()),
        }
    }

    /// How rows of its events are read, if who follows it pulls rows.
    pub(crate) fn row_form(&self) -> Option<&Arc<RowForm>> {
        match &self.shape.writer {
            RowWriter::Json(_) => None,
            RowWriter::Rows(form) => Some(form),
        }
    }

    /// Whether it may answer another session of the same role otherwise.
    pub(crate) fn is_of_session(&self) -> bool {
        self.of_session
    }

    /// Adds what it reads, in the forms of now, and what it answers to what makes live queries the same.
    pub(crate) fn write_tables(&self, out: &mut String) {
        // Writing to a String cannot fail.
        for table in self.shape.uses.iter().map(|used| &used.table).chain(&self.shape.tables) {
            let storage = &table.storage;
            let _ = write!(out, "{} {} {} {:?} ", table.oid, table.version, storage.generation.0, storage.slice);
        }
        for column in &self.shape.columns {
            let _ = write!(out, "{} ", column.ty.oid);
        }
    }

    /// A stream table that it reads.
    pub(crate) fn stream(&self) -> Option<&Table> {
        self.shape.tables.iter().map(|table| &**table).find(|table| table.is_stream())
    }

    /// For how many seconds it shows a row at most, if it reads streams.
    pub(crate) fn ttl_seconds(&self) -> Option<u64> {
        self.shape.tables.iter().filter_map(|table| table.ttl_seconds()).min().map(u64::from)
    }

    /// Has the rows kept that come from now on in the ephemeral streams that it reads.
    pub(crate) fn attend(&self, store: &Store) -> Result<Vec<Attending>> {
        let attending = self.shape.tables.iter().filter_map(|table| store.attend(&table.storage).transpose());
        Ok(attending.collect::<storage::Result<_>>()?)
    }

    pub(super) fn reads(&self, table: TableId) -> bool {
        self.shape.tables.iter().any(|own| own.oid == table.0)
    }

    /// Whether a commit exchanged, or took away as a whole, rows that it reads.
    pub(super) fn is_replaced_by(&self, record: &CommitRecord) -> bool {
        let reads_slice = |(table, slice): &(TableId, SliceId)| {
            self.shape.tables.iter().any(|own| {
                own.oid == table.0
                    && match own.storage.slice {
                        Slice::One(of) => of == *slice,
                        Slice::Every => true,
                        Slice::Undivided => false,
                    }
            })
        };
        record.replaced.iter().any(|table| self.reads(*table)) || record.emptied.iter().any(reads_slice)
    }

    /// Whether a changed row is one of those that it reads: of a user table only the rows of whoever follows.
    pub(super) fn reads_row(&self, change: &Change) -> bool {
        self.shape.tables.iter().any(|own| own.oid == change.table.0 && own.storage.means(&change.key))
    }
}

/// The tables that a relation reads, each once.
fn tables_of(relation: &Relation) -> Box<[Arc<Table>]> {
    let mut tables: Vec<Arc<Table>> = Vec::new();
    walk(relation, &mut |part| {
        let Part::Relation(Relation::Scan(scan)) = part else { return };
        let leaves = scan.partitions.as_ref().map_or(std::slice::from_ref(&scan.table), |tree| tree.leaves());
        for table in leaves {
            if !tables.iter().any(|known| known.oid == table.oid) {
                tables.push(table.clone());
            }
        }
    });
    tables.into()
}
