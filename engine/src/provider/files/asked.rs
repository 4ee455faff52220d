//! What of registered files need not be read: a condition on their columns goes to the source, which leaves out groups and
//! pages of rows by what the file says of them, and decodes other columns only where the condition holds.
//!
//! Only comparisons with constants go there, of types whose order files and we have in common; floating-point numbers have
//! not, because of NaN. The condition stays in the plan, too.

use std::sync::Arc;

use datafusion::arrow::datatypes::{DataType, Schema, SchemaRef, TimeUnit};
use datafusion::catalog::Session;
use datafusion::common::{Column, DFSchema, Result as DfResult};
use datafusion::logical_expr::expr::InList;
use datafusion::logical_expr::utils::{conjunction, split_conjunction};
use datafusion::logical_expr::{BinaryExpr, Expr, Operator};
use datafusion::physical_expr::PhysicalExpr;

/// A condition on columns of files.
#[derive(Debug, Clone)]
pub(super) struct Asked {
    /// On the columns as they are read.
    pub(super) predicate: Arc<dyn PhysicalExpr>,
    columns: Vec<String>,
}

/// A name's column in the files, with its type as it is read.
pub(super) type InFiles<'a> = dyn Fn(&str) -> Option<(String, DataType)> + 'a;

/// Whether a part of a filter can go to the source.
pub(super) fn is_asked(filter: &Expr, in_files: &InFiles<'_>) -> bool {
    split_conjunction(filter).into_iter().any(|part| condition(part, in_files).is_some())
}

impl Asked {
    /// What the filters say of columns that are read as `schema` says.
    pub(super) fn of(
        filters: &[Expr],
        schema: &SchemaRef,
        in_files: &InFiles<'_>,
        state: &dyn Session,
    ) -> DfResult<Option<Self>> {
        let parts = filters.iter().flat_map(|filter| split_conjunction(filter));
        let parts: Vec<Expr> = parts.filter_map(|part| condition(part, in_files)).collect();
        let Some(condition) = conjunction(parts) else { return Ok(None) };
        let columns = condition.column_refs().into_iter().map(|column| column.name.clone()).collect();
        let named = DFSchema::try_from(Schema::clone(schema))?;
        Ok(Some(Self { predicate: state.create_physical_expr(condition, &named)?, columns }))
    }

    /// Whether a file has the columns in types that compare as those do that they are read as.
    pub(super) fn suits(&self, file: &Schema, read: &Schema) -> bool {
        self.columns.iter().all(|name| {
            let types = file.field_with_name(name).ok().zip(read.field_with_name(name).ok());
            types.is_some_and(|(file, read)| {
                let (file, read) = (file.data_type(), read.data_type());
                file == read || is_whole(file) && is_whole(read) || is_text(file) && is_text(read)
            })
        })
    }
}

/// The condition, on columns of the files, if the source can answer it.
fn condition(part: &Expr, in_files: &InFiles<'_>) -> Option<Expr> {
    match part {
        Expr::BinaryExpr(BinaryExpr { left, op: Operator::Or, right }) => {
            Some(condition(left, in_files)?.or(condition(right, in_files)?))
        }
        Expr::BinaryExpr(BinaryExpr { left, op, right }) => {
            let (column, op, constant) = match (left.as_ref(), right.as_ref()) {
                (Expr::Column(column), constant @ Expr::Literal(..)) => (column, *op, constant),
                (constant @ Expr::Literal(..), Expr::Column(column)) => (column, op.swap()?, constant),
                _ => return None,
            };
            let compares = matches!(
                op,
                Operator::Eq | Operator::NotEq | Operator::Lt | Operator::LtEq | Operator::Gt | Operator::GtEq
            );
            let (name, data_type) = in_files(&column.name).filter(|_| compares)?;
            let column = Expr::Column(Column::from_name(name));
            is_of(constant, &data_type)
                .then(|| Expr::BinaryExpr(BinaryExpr::new(Box::new(column), op, Box::new(constant.clone()))))
        }
        Expr::InList(InList { expr, list, negated: false }) => {
            let Expr::Column(column) = expr.as_ref() else { return None };
            let (name, data_type) = in_files(&column.name)?;
            let column = Expr::Column(Column::from_name(name));
            list.iter().all(|item| is_of(item, &data_type)).then(|| column.in_list(list.clone(), false))
        }
        Expr::IsNull(inner) | Expr::IsNotNull(inner) => {
            let Expr::Column(column) = inner.as_ref() else { return None };
            let column = Expr::Column(Column::from_name(in_files(&column.name)?.0));
            Some(if matches!(part, Expr::IsNull(_)) { column.is_null() } else { column.is_not_null() })
        }
        _ => None,
    }
}

/// Whether it is a constant of the type, and the type one whose values compare here as in files.
fn is_of(constant: &Expr, data_type: &DataType) -> bool {
    let Expr::Literal(constant, _) = constant else { return false };
    let compares = is_whole(data_type)
        || is_text(data_type)
        || matches!(
            data_type,
            DataType::Boolean
                | DataType::Date32
                | DataType::Decimal128(..)
                | DataType::Timestamp(TimeUnit::Microsecond, _)
        );
    compares && !constant.is_null() && constant.data_type() == *data_type
}

fn is_whole(data_type: &DataType) -> bool {
    data_type.is_integer()
}

fn is_text(data_type: &DataType) -> bool {
    matches!(data_type, DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View)
}

#[cfg(test)]
mod tests {
    use std::io::{Seek, SeekFrom, Write};
    use std::path::Path;

    use datafusion::arrow::array::{ArrayRef, Int64Array, RecordBatch, StringArray};
    use datafusion::execution::TaskContext;
    use datafusion::parquet::arrow::ArrowWriter;
    use datafusion::parquet::file::metadata::ParquetMetaData;
    use datafusion::parquet::file::properties::WriterProperties;
    use datafusion::physical_plan::ExecutionPlan;
    use datafusion::prelude::{SessionContext, col, lit};
    use futures::StreamExt;

    use super::super::columns::{FileColumn, read_as};
    use super::super::exec::FilesExec;
    use super::*;
    use crate::types::{Type, oid};

    /// A hundred rows in groups of ten: a number, and what it is in words.
    fn write(path: &Path) -> ParquetMetaData {
        let numbers: ArrayRef = Arc::new(Int64Array::from_iter_values(0..100));
        let words: ArrayRef =
            Arc::new(StringArray::from_iter_values((0..100).map(|number| format!("word {number:03}"))));
        let batch = RecordBatch::try_from_iter([("number", numbers), ("word", words)]).unwrap();
        let properties = WriterProperties::builder().set_max_row_group_row_count(Some(10)).build();
        let file = std::fs::File::create(path).unwrap();
        let mut writer = ArrowWriter::try_new(file, batch.schema(), Some(properties)).unwrap();
        writer.write(&batch).unwrap();
        writer.close().unwrap()
    }

    async fn count(path: &Path, filter: Option<Expr>) -> Result<usize, String> {
        let columns = [("number", oid::INT8), ("word", oid::TEXT)];
        let columns = columns.map(|(name, ty)| FileColumn { name: name.into(), ty: Type::new(ty) }).to_vec();
        let schema = read_as(&columns).unwrap();
        let in_files = |name: &str| Some((name.to_owned(), schema.field_with_name(name).ok()?.data_type().clone()));
        let filters: Vec<Expr> = filter.into_iter().collect();
        assert!(filters.iter().all(|filter| is_asked(filter, &in_files)));
        let asked = Asked::of(&filters, &schema, &in_files, &SessionContext::new().state()).unwrap();
        let exec = FilesExec::new(vec![path.to_owned()], columns, schema.clone(), asked, None, 1);
        let mut stream = exec.execute(0, Arc::new(TaskContext::default())).unwrap();
        let mut rows = 0;
        while let Some(batch) = stream.next().await {
            rows += batch.map_err(|error| error.to_string())?.num_rows();
        }
        Ok(rows)
    }

    #[tokio::test]
    async fn groups_without_wanted_rows_are_not_read() {
        let path = std::env::temp_dir().join(format!("kalamdb-asked-{}.parquet", std::process::id()));
        let metadata = write(&path);
        let text = |text: &str| lit(datafusion::common::ScalarValue::Utf8View(Some(text.into())));
        let filters = [
            (col("number").eq(lit(42_i64)), 1),
            (lit(42_i64).lt(col("number")), 57),
            (col("number").in_list(vec![lit(41_i64), lit(48_i64), lit(200_i64)], false), 2),
            (col("number").lt(lit(50_i64)).and(col("number").gt_eq(lit(45_i64))), 5),
            (col("word").eq(text("word 042")), 1),
            (col("number").eq(lit(42_i64)).or(col("word").eq(text("word 043"))), 2),
        ];
        for (filter, rows) in filters.clone() {
            assert_eq!(count(&path, Some(filter.clone())).await, Ok(rows), "{filter}");
        }
        assert_eq!(count(&path, None).await, Ok(100));
        // What lies in the second group is no longer readable.
        let mut file = std::fs::OpenOptions::new().write(true).open(&path).unwrap();
        for column in metadata.row_group(1).columns() {
            let (start, length) = column.byte_range();
            file.seek(SeekFrom::Start(start)).unwrap();
            file.write_all(&vec![0xff; length as usize]).unwrap();
        }
        assert!(count(&path, None).await.is_err());
        for (filter, rows) in filters {
            assert_eq!(count(&path, Some(filter.clone())).await, Ok(rows), "{filter}");
        }
        std::fs::remove_file(&path).unwrap();
    }
}
