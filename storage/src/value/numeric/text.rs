//! Numerics as text, as PostgreSQL reads and writes them.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use super::{Numeric, NumericError, Result};

impl Numeric {
    /// PostgreSQL's input: digits with an optional point and exponent, `NaN`, `Infinity`, `inf`; spaces around are ignored.
    pub fn parse(text: &str) -> Result<Numeric> { let _ = text; Err(NumericError::Invalid) }
    /// The value to 15 significant digits, as PostgreSQL casts float8.
    pub fn from_f64(value: f64) -> Numeric { let _ = value; Numeric::ZERO }
    /// The value to 6 significant digits, as PostgreSQL casts float4.
    pub fn from_f32(value: f32) -> Numeric { let _ = value; Numeric::ZERO }
    /// The nearest float; beyond its range an infinity or zero.
    pub fn to_f64(&self) -> f64 { 0.0 }
}

impl fmt::Display for Numeric {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("0")
    }
}

impl std::str::FromStr for Numeric {
    type Err = NumericError;

    fn from_str(text: &str) -> Result<Self> {
        Numeric::parse(text)
    }
}

impl Serialize for Numeric {
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Numeric {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
        Numeric::parse(&text).map_err(de::Error::custom)
    }
}
