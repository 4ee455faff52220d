//! The shape of a segment's file: its Arrow schema, and where its own index lies.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::datatypes::{Field, Schema};
use parquet::arrow::PARQUET_FIELD_ID_META_KEY;
use parquet::errors::ParquetError;
use serde::{Deserialize, Serialize};

use super::{SegmentColumn, system_columns};
use crate::error::Error;
use crate::row::arrow::arrow_type;
use crate::schema::TableSchema;

/// Under this name the footer says where the index lies.
pub(super) const INDEX_METADATA: &str = "kalamdb.index";

/// Offset and length of what lies between the rows and the footer.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct IndexPlace {
    /// The first key of each block: its length (4 bytes, little-endian), then the key.
    pub(super) keys: (u64, usize),
    /// The filter of each group, as Parquet lays out bloom filters, without a header.
    pub(super) filters: Vec<(u64, usize)>,
}

/// The columns of the file. A column's id stays with it when it is renamed.
pub(super) fn file_schema(table: &TableSchema, columns: &[SegmentColumn]) -> Schema {
    let mut fields = Vec::with_capacity(columns.len() + 3);
    for (column, named) in table.columns.iter().zip(columns) {
        let id = HashMap::from([(PARQUET_FIELD_ID_META_KEY.to_owned(), column.id.0.to_string())]);
        fields.push(Field::new(&named.name, named.encoding.file_type(&column.column_type), true).with_metadata(id));
    }
    for (name, column_type) in system_columns(table) {
        // The table's own column keeps its name.
        let mut name = name.to_owned();
        while columns.iter().any(|column| column.name == name) {
            name.insert(0, '_');
        }
        fields.push(Field::new(name, arrow_type(&column_type), false));
    }
    Schema::new(fields.into_iter().map(Arc::new).collect::<Vec<_>>())
}

/// An error of the library about a segment.
pub(super) fn unreadable(path: &str, reason: impl std::fmt::Display) -> Error {
    Error::Segment { path: path.to_owned(), reason: reason.to_string() }
}

/// An error of ours on its way through the library.
pub(super) fn passed_on(error: Error) -> ParquetError {
    ParquetError::External(Box::new(error))
}
