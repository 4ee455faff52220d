//! The way of our errors through DataFusion and back.
//!
//! A function that fails inside a DataFusion operator must end the statement with its own SQLSTATE, so it travels
//! as `External` and is found again under whatever DataFusion wrapped around it.

use datafusion::arrow::error::ArrowError;
use datafusion::error::DataFusionError;

use crate::error::{Error, OUTGROWN, SqlState};

/// Our error, as DataFusion carries it.
pub(crate) fn carried(error: Error) -> DataFusionError {
    DataFusionError::External(Box::new(error))
}

/// A value has left what fixed-point columns express (`lower::fixed`): the query has to run without them.
pub(crate) fn outgrown() -> Error {
    storage::Error::NotFixed.into()
}

pub(crate) fn is_outgrown(error: &Error) -> bool {
    error.sql_state() == SqlState::INTERNAL_ERROR && error.message == OUTGROWN
}

/// The statement's error: ours if one is inside, else DataFusion's under the nearest code.
pub(crate) fn failure(error: DataFusionError) -> Error {
    if let Some(ours) = ours_in(&error) {
        return ours.clone();
    }
    match error.find_root() {
        DataFusionError::ResourcesExhausted(reason) => {
            Error::new(SqlState::OUT_OF_MEMORY, "out of memory").with_detail(reason.clone())
        }
        DataFusionError::NotImplemented(what) => Error::unsupported(what),
        DataFusionError::IoError(error) if error.kind() == std::io::ErrorKind::StorageFull => {
            Error::new(SqlState::DISK_FULL, "could not write to a temporary file: no space left on device")
        }
        other => Error::internal(format!("query execution failed: {other}")),
    }
}

fn ours_in(error: &DataFusionError) -> Option<&Error> {
    match error {
        DataFusionError::External(inner) => ours_behind(inner.as_ref()),
        DataFusionError::ArrowError(inner, _) => match inner.as_ref() {
            ArrowError::ExternalError(inner) => ours_behind(inner.as_ref()),
            _ => None,
        },
        DataFusionError::Context(_, inner) | DataFusionError::Diagnostic(_, inner) => ours_in(inner),
        DataFusionError::Shared(inner) => ours_in(inner),
        DataFusionError::Collection(errors) => errors.iter().find_map(ours_in),
        _ => None,
    }
}

fn ours_behind<'a>(error: &'a (dyn std::error::Error + Send + Sync + 'static)) -> Option<&'a Error> {
    match error.downcast_ref::<Error>() {
        Some(ours) => Some(ours),
        None => error.downcast_ref::<DataFusionError>().and_then(ours_in),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_of_ours_survives_every_wrapping() {
        let ours = || carried(Error::new(SqlState::DIVISION_BY_ZERO, "division by zero"));
        for wrapped in [
            ours(),
            ours().context("while planning"),
            DataFusionError::ArrowError(Box::new(ArrowError::ExternalError(Box::new(ours()))), None),
            DataFusionError::Shared(std::sync::Arc::new(ours())),
            DataFusionError::External(Box::new(ours())),
        ] {
            assert_eq!(failure(wrapped).sql_state(), SqlState::DIVISION_BY_ZERO);
        }
    }
}
