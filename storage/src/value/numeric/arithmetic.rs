//! Sums, products, quotients and rounding.

use super::{Numeric, NumericError, Result};

impl Numeric {
    pub fn add(&self, other: &Numeric) -> Result<Numeric> { let _ = other; Err(NumericError::Overflow) }
    pub fn sub(&self, other: &Numeric) -> Result<Numeric> { let _ = other; Err(NumericError::Overflow) }
    pub fn mul(&self, other: &Numeric) -> Result<Numeric> { let _ = other; Err(NumericError::Overflow) }
    pub fn div(&self, other: &Numeric) -> Result<Numeric> { let _ = other; Err(NumericError::Overflow) }
    /// The quotient without its fraction, at scale 0.
    pub fn div_trunc(&self, other: &Numeric) -> Result<Numeric> { let _ = other; Err(NumericError::Overflow) }
    pub fn rem(&self, other: &Numeric) -> Result<Numeric> { let _ = other; Err(NumericError::Overflow) }
    pub fn neg(&self) -> Numeric { self.clone() }
    pub fn abs(&self) -> Numeric { self.clone() }
    /// -1, 0 or 1 as a numeric; NaN for NaN.
    pub fn sign(&self) -> Numeric { self.clone() }
    pub fn floor(&self) -> Numeric { self.clone() }
    pub fn ceil(&self) -> Numeric { self.clone() }
    pub fn round(&self, digits: i32) -> Numeric { let _ = digits; self.clone() }
    pub fn trunc(&self, digits: i32) -> Numeric { let _ = digits; self.clone() }
    /// As a value of numeric(precision, scale).
    pub fn fit(&self, precision: i32, scale: i32) -> Result<Numeric> { let _ = (precision, scale); Ok(self.clone()) }
    /// The least scale that shows all digits.
    pub fn min_scale(&self) -> u16 { 0 }
    /// Without trailing zeros after the decimal point.
    pub fn trim_scale(&self) -> Numeric { self.clone() }
}
