//! Where each column lies in rows of each layout, worked out once for a schema.

use std::sync::{Arc, OnceLock};

use super::slot::{self, VARIABLE_SLOT_BYTES};
use super::{HEADER_BYTES, Result, damaged};
use crate::error::Error;
use crate::id::SchemaVersion;
use crate::schema::{Layout, TableSchema};
use crate::value::{ColumnType, ValueRef};

/// The places of a schema's columns, worked out at first use.
///
/// Two schemas are equal whatever their caches hold, and a clone begins with an empty one, because a schema is
/// cloned to be changed.
#[derive(Default)]
pub struct LayoutCache(OnceLock<Arc<Maps>>);

impl LayoutCache {
    /// The maps of `table`, which must be the schema that holds this cache.
    #[inline]
    pub(super) fn of(&self, table: &TableSchema) -> &Arc<Maps> {
        let maps = self.0.get_or_init(|| Arc::new(Maps::new(table)));
        debug_assert!(
            maps.version == table.version && maps.current.places.len() == table.columns.len(),
            "a schema was changed in place after rows were read by it"
        );
        maps
    }
}

impl Clone for LayoutCache {
    fn clone(&self) -> Self {
        Self::default()
    }
}

impl PartialEq for LayoutCache {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl std::fmt::Debug for LayoutCache {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("LayoutCache")
    }
}

/// The maps of all layouts that rows of a table may have.
pub(super) struct Maps {
    version: SchemaVersion,
    pub(super) current: RowMap,
    older: Vec<(SchemaVersion, RowMap)>,
}

impl Maps {
    fn new(table: &TableSchema) -> Self {
        let maps = |layout: &Layout| RowMap::new(table, layout);
        let current = table.layouts.iter().find(|layout| layout.version == table.version);
        debug_assert!(current.is_some(), "a schema lacks the layout of its own version");
        let older = table.layouts.iter().filter(|layout| layout.version != table.version);
        Self {
            version: table.version,
            current: current.map(maps).unwrap_or_else(|| maps(&as_columns_are(table))),
            older: older.map(|layout| (layout.version, maps(layout))).collect(),
        }
    }

    /// The map for rows written under `version`.
    #[inline]
    pub(super) fn map(&self, version: SchemaVersion) -> Result<&RowMap> {
        if version == self.version {
            return Ok(&self.current);
        }
        match self.older.iter().find(|(older, _)| *older == version) {
            Some((_, map)) => Ok(map),
            None => {
                Err(Error::Corrupt { reason: format!("a row names layout {}, which its table never had", version.0) })
            }
        }
    }
}

/// The layout in which every column has its slot, in the columns' order.
fn as_columns_are(table: &TableSchema) -> Layout {
    let slots = table.columns.iter().map(|column| (column.id, column.column_type.clone())).collect();
    Layout { version: table.version, slots }
}

/// One layout, seen from the current columns.
pub(super) struct RowMap {
    /// By position of the column.
    places: Box<[Place]>,
    /// Position of the column that each slot holds, and its place; `None` for a column that was dropped.
    pub(super) slots: Box<[(Option<usize>, SlotPlace)]>,
    /// Where the variable bytes begin.
    pub(super) variable_at: usize,
}

#[derive(Clone, Copy)]
enum Place {
    Slot(SlotPlace),
    /// The layout held this column with a narrower type of whole numbers.
    Narrow(SlotPlace),
    /// The layout is older than the column.
    Missing,
    /// The layout held this column with another type, which needs a rewrite that did not happen.
    OtherType,
}

/// Where one column lies. All offsets count from the row's first byte.
#[derive(Clone, Copy)]
pub(super) struct SlotPlace {
    pub(super) null_at: u32,
    pub(super) null_bit: u8,
    pub(super) at: u32,
    /// The width of a fixed value; zero marks a variable one.
    pub(super) width: u8,
    /// The slot of the variable column before this variable one; zero for the first.
    previous_at: u32,
}

/// What a row holds in a column.
pub(super) enum Found<'a> {
    Bytes(&'a [u8]),
    /// Of a narrower type than the column has now.
    Narrow(i64),
    Null,
    Missing,
}

impl RowMap {
    fn new(table: &TableSchema, layout: &Layout) -> Self {
        let mut places = vec![Place::Missing; table.columns.len()];
        let mut slots = Vec::with_capacity(layout.slots.len());
        let mut at = HEADER_BYTES + layout.slots.len().div_ceil(8);
        let mut previous_at = 0;
        for (index, (id, column_type)) in layout.slots.iter().enumerate() {
            let width = slot::width(column_type);
            let place = SlotPlace {
                null_at: (HEADER_BYTES + index / 8) as u32,
                null_bit: 1 << (index % 8),
                at: at as u32,
                width: width.unwrap_or(0) as u8,
                previous_at,
            };
            if width.is_none() {
                previous_at = at as u32;
            }
            at += width.unwrap_or(VARIABLE_SLOT_BYTES);
            let position = table.columns.iter().position(|column| column.id == *id);
            if let Some(position) = position {
                let wanted = &table.columns[position].column_type;
                places[position] = match column_type {
                    same if same == wanted => Place::Slot(place),
                    narrow if narrow.widens_to(wanted) => Place::Narrow(place),
                    _ => Place::OtherType,
                };
            }
            slots.push((position, place));
        }
        Self { places: places.into(), slots: slots.into(), variable_at: at }
    }

    /// What `row`, which has this layout, holds in the column at `position`.
    #[inline]
    pub(super) fn read<'a>(&self, row: &'a [u8], position: usize) -> Result<Found<'a>> {
        let place = match self.places.get(position) {
            Some(Place::Slot(place)) => place,
            Some(Place::Narrow(place)) => return narrow(row, place),
            Some(Place::Missing) => return Ok(Found::Missing),
            Some(Place::OtherType) => return Err(damaged("a row's layout holds the column with another type")),
            None => return Err(damaged("a column was asked for that the table does not have")),
        };
        match row.get(place.null_at as usize) {
            Some(nulls) if nulls & place.null_bit != 0 => return Ok(Found::Null),
            Some(_) => {}
            None => return Err(truncated()),
        }
        let at = place.at as usize;
        if place.width > 0 {
            return row.get(at..at + usize::from(place.width)).map(Found::Bytes).ok_or_else(truncated);
        }
        let start = if place.previous_at == 0 { 0 } else { offset(row, place.previous_at as usize)? };
        let end = offset(row, at)?;
        let bytes = row.get(self.variable_at..).and_then(|variable| variable.get(start..end));
        bytes.map(Found::Bytes).ok_or_else(truncated)
    }
}

/// A whole number of fewer bytes than its column has now.
#[cold]
fn narrow<'a>(row: &[u8], place: &SlotPlace) -> Result<Found<'a>> {
    let nulls = row.get(place.null_at as usize).ok_or_else(truncated)?;
    if nulls & place.null_bit != 0 {
        return Ok(Found::Null);
    }
    let at = place.at as usize;
    let bytes = row.get(at..at + usize::from(place.width)).ok_or_else(truncated)?;
    match place.width {
        2 => slot::fixed(bytes).map(|bytes| Found::Narrow(i16::from_le_bytes(bytes).into())),
        _ => slot::fixed(bytes).map(|bytes| Found::Narrow(i32::from_le_bytes(bytes).into())),
    }
}

/// A whole number as a value of a column's type.
pub(super) fn whole(number: i64, column_type: &ColumnType) -> ValueRef<'static> {
    match column_type {
        ColumnType::Int2 => ValueRef::Int2(number as i16),
        ColumnType::Int4 => ValueRef::Int4(number as i32),
        _ => ValueRef::Int8(number),
    }
}

/// The end of a variable value, as its slot gives it.
#[inline]
fn offset(row: &[u8], at: usize) -> Result<usize> {
    match row.get(at..).and_then(<[u8]>::first_chunk) {
        Some(bytes) => Ok(u32::from_le_bytes(*bytes) as usize),
        None => Err(truncated()),
    }
}

#[cold]
fn truncated() -> Error {
    damaged("a row is shorter than its layout")
}
