//! `substring` between constant places, over a whole column.

use std::sync::{Arc, LazyLock};

use datafusion::arrow::array::{Array, ArrayRef, AsArray, StringViewBuilder};
use datafusion::arrow::datatypes::DataType;
use datafusion::common::Result as DfResult;
use datafusion::logical_expr::{ColumnarValue, ScalarFunctionArgs, ScalarUDFImpl, Signature, Volatility};
use storage::Value;

use super::fixed::on_first;
use crate::error::Error;
use crate::execute::failure::carried;
use crate::expr::Expr;
use crate::function::string::slice;

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Substring {
    start: i32,
    length: Option<i32>,
}

static SIGNATURE: LazyLock<Signature> = LazyLock::new(|| Signature::any(1, Volatility::Immutable));

impl Substring {
    /// Where to look, if that is constant and can be had of any text.
    pub(super) fn of(args: &[Expr]) -> Option<Self> {
        let number = |arg: &Expr| match arg.as_const() {
            Some(Value::Int4(number)) => Some(*number),
            _ => None,
        };
        match args {
            [_, start] => Some(Self { start: number(start)?, length: None }),
            [_, start, length] => {
                let length = number(length).filter(|length| *length >= 0)?;
                Some(Self { start: number(start)?, length: Some(length) })
            }
            _ => None,
        }
    }

    fn compute(&self, texts: &ArrayRef) -> DfResult<ArrayRef> {
        let Some(texts) = texts.as_string_view_opt() else {
            return Err(carried(Error::internal("a text came in another form")));
        };
        let mut parts = StringViewBuilder::with_capacity(texts.len());
        for text in texts {
            match text {
                Some(text) => parts.append_value(slice(text, self.start, self.length).map_err(carried)?),
                None => parts.append_null(),
            }
        }
        Ok(Arc::new(parts.finish()))
    }
}

impl ScalarUDFImpl for Substring {
    fn name(&self) -> &str {
        "substring"
    }

    fn signature(&self) -> &Signature {
        &SIGNATURE
    }

    fn return_type(&self, _arguments: &[DataType]) -> DfResult<DataType> {
        Ok(DataType::Utf8View)
    }

    fn schema_name(&self, arguments: &[datafusion::logical_expr::Expr]) -> DfResult<String> {
        let arguments: Vec<String> = arguments.iter().map(|argument| argument.schema_name().to_string()).collect();
        Ok(format!("substring({}, {}, {:?})", arguments.join(", "), self.start, self.length))
    }

    fn is_strict(&self) -> bool {
        true
    }

    fn invoke_with_args(&self, arguments: ScalarFunctionArgs) -> DfResult<ColumnarValue> {
        on_first(&arguments.args, |texts| self.compute(texts))
    }
}
