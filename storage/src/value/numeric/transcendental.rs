//! Roots, exponentials, logarithms and powers.

use super::{Numeric, NumericError, Result};

impl Numeric {
    pub fn sqrt(&self) -> Result<Numeric> { Err(NumericError::Overflow) }
    pub fn exp(&self) -> Result<Numeric> { Err(NumericError::Overflow) }
    pub fn ln(&self) -> Result<Numeric> { Err(NumericError::Overflow) }
    /// The logarithm to `base`.
    pub fn log(&self, base: &Numeric) -> Result<Numeric> { let _ = base; Err(NumericError::Overflow) }
    pub fn power(&self, exponent: &Numeric) -> Result<Numeric> { let _ = exponent; Err(NumericError::Overflow) }
}
