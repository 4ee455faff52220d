//! Columns of files as columns of tables.

use std::fs::File;
use std::path::Path;
use std::sync::Arc;

use datafusion::arrow::array::ArrayRef;
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use datafusion::parquet::arrow::arrow_reader::{ArrowReaderMetadata, ArrowReaderOptions};
use storage::row::arrow::arrow_type;
use storage::segment::{Encoding, batch_array};

use super::unreadable;
use crate::error::{Error, Result};
use crate::execute::failure::failure;
use crate::types::modifier::{numeric_modifier, numeric_precision};
use crate::types::{Type, builtin, oid};

/// The digits that a decimal of 128 bits has for sure.
const DIGITS_MAX: u8 = 38;

/// A column that a registered table has, as far as files are concerned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct FileColumn {
    pub(crate) name: String,
    pub(crate) ty: Type,
}

/// The columns of a file: 0A000 for one of a type that we have no counterpart for.
pub(crate) fn columns_of(path: &Path) -> Result<Vec<FileColumn>> {
    let schema = schema_of(path)?;
    let column = |field: &Arc<Field>| match sql_type(field.data_type()) {
        Some(ty) => Ok(FileColumn { name: field.name().clone(), ty }),
        None => Err(Error::unsupported(format!("column \"{}\" of type {} in a file", field.name(), field.data_type()))),
    };
    schema.fields().iter().map(column).collect()
}

/// The columns of a file as it has them. Fails unless it has these.
pub(super) fn check(path: &Path, columns: &[FileColumn]) -> Result<SchemaRef> {
    let schema = schema_of(path)?;
    for column in columns {
        let field = schema.field_with_name(&column.name);
        let field = field.map_err(|_| unreadable(path, format!("it has no column \"{}\"", column.name)))?;
        if sql_type(field.data_type()) != Some(column.ty) {
            let wanted = crate::types::display(column.ty);
            let reason = format!("its column \"{}\" is of type {}, not {wanted}", column.name, field.data_type());
            return Err(unreadable(path, reason));
        }
    }
    Ok(schema)
}

fn schema_of(path: &Path) -> Result<SchemaRef> {
    let file = File::open(path).map_err(|error| unreadable(path, error))?;
    let metadata = ArrowReaderMetadata::load(&file, ArrowReaderOptions::new());
    Ok(metadata.map_err(|error| unreadable(path, error))?.schema().clone())
}

/// The type that a column of a file has in SQL.
fn sql_type(data_type: &DataType) -> Option<Type> {
    let plain = match data_type {
        DataType::Boolean => oid::BOOL,
        DataType::Int8 | DataType::UInt8 | DataType::Int16 => oid::INT2,
        DataType::UInt16 | DataType::Int32 => oid::INT4,
        DataType::UInt32 | DataType::Int64 => oid::INT8,
        DataType::Float16 | DataType::Float32 => oid::FLOAT4,
        DataType::Float64 => oid::FLOAT8,
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => oid::TEXT,
        DataType::Binary | DataType::LargeBinary | DataType::BinaryView | DataType::FixedSizeBinary(_) => oid::BYTEA,
        DataType::Date32 | DataType::Date64 => oid::DATE,
        DataType::Time32(_) | DataType::Time64(_) => oid::TIME,
        DataType::Timestamp(_, None) => oid::TIMESTAMP,
        DataType::Timestamp(_, Some(_)) => oid::TIMESTAMPTZ,
        DataType::Dictionary(_, values) => return sql_type(values),
        DataType::UInt64 => return Some(numeric(20, 0)),
        DataType::Decimal32(digits, scale)
        | DataType::Decimal64(digits, scale)
        | DataType::Decimal128(digits, scale)
        | DataType::Decimal256(digits, scale)
            if *digits <= DIGITS_MAX =>
        {
            return u8::try_from(*scale).ok().map(|scale| numeric(*digits, scale));
        }
        _ => return None,
    };
    Some(Type::new(plain))
}

fn numeric(digits: u8, scale: u8) -> Type {
    Type::with_modifier(oid::NUMERIC, numeric_modifier(digits.into(), scale.into()))
}

/// What DataFusion's source makes of the columns of files: our own arrays, but for numerics, which are decimals.
pub(super) fn read_as(columns: &[FileColumn]) -> Result<SchemaRef> {
    let field = |column: &FileColumn| {
        let data_type = match decimal(column.ty) {
            Some((digits, scale)) => DataType::Decimal128(digits, scale as i8),
            None => arrow_type(&builtin::column_type(column.ty)?),
        };
        Ok(Field::new(&column.name, data_type, true))
    };
    Ok(Arc::new(Schema::new(columns.iter().map(field).collect::<Result<Vec<_>>>()?)))
}

fn decimal(ty: Type) -> Option<(u8, u8)> {
    let (digits, scale) = numeric_precision(ty.modifier).filter(|_| ty.oid == oid::NUMERIC)?;
    Some((digits.try_into().ok()?, scale.try_into().ok()?))
}

/// A column that was read as a field's array.
pub(super) fn converted(array: &ArrayRef, column: &FileColumn, wanted: &DataType) -> Result<ArrayRef> {
    if array.data_type() == wanted {
        return Ok(array.clone());
    }
    match decimal(column.ty) {
        Some((precision, scale)) => {
            let encoding = Encoding::Decimal { precision, scale };
            Ok(batch_array(array, encoding, &builtin::column_type(column.ty)?)?)
        }
        None => cast(array.as_ref(), wanted).map_err(|error| failure(error.into())),
    }
}
