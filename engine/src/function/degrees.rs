//! Trigonometry in degrees. Results are scaled so that they are exact where a school book has them exact: the sine of
//! 30 degrees is 0.5 and nothing else.

use storage::Value;

use super::Function;
use super::argument::{float, out_of_range};
use super::define::immutable;
use crate::error::Result;
use crate::types::oid::*;

/// A function of one float8.
macro_rules! degrees {
    ($oid:literal $name:literal $compute:expr) => {
        immutable($oid, $name, &[FLOAT8], FLOAT8, |_, args| $compute(float(&args[0])?).map(Value::Float8))
    };
}

pub(super) const FUNCTIONS: &[Function] = &[
    degrees!(2735 "sind" |angle| periodic(angle, sine)),
    degrees!(2736 "cosd" |angle| periodic(angle, cosine)),
    degrees!(2737 "tand" |angle| periodic(angle, |angle| ratio(angle, tangent))),
    degrees!(2738 "cotd" |angle| periodic(angle, |angle| ratio(angle, cotangent))),
    degrees!(2731 "asind" |value| inverse(value, arc_sine)),
    degrees!(2732 "acosd" |value| inverse(value, arc_cosine)),
    degrees!(2733 "atand" |value: f64| Ok::<f64, crate::error::Error>(value.atan() / 1f64.atan() * 45.0)),
    immutable(2734, "atan2d", &[FLOAT8, FLOAT8], FLOAT8, |_, args| {
        let (y, x) = (float(&args[0])?, float(&args[1])?);
        Ok(Value::Float8(y.atan2(x) / 1f64.atan() * 45.0))
    }),
];

/// The function of an angle within one turn.
fn periodic(angle: f64, compute: fn(f64) -> f64) -> Result<f64> {
    if angle.is_infinite() {
        return Err(out_of_range("input is"));
    }
    Ok(if angle.is_nan() { angle } else { compute(angle % 360.0) })
}

fn inverse(value: f64, compute: fn(f64) -> f64) -> Result<f64> {
    if value.is_nan() {
        return Ok(value);
    }
    if (-1.0..=1.0).contains(&value) { Ok(compute(value)) } else { Err(out_of_range("input is")) }
}

/// From 0 to 30 degrees.
fn small_sine(angle: f64) -> f64 {
    angle.to_radians_exactly().sin() / 30f64.to_radians_exactly().sin() / 2.0
}

/// From 0 to 60 degrees.
fn small_cosine(angle: f64) -> f64 {
    let fall = |angle: f64| 1.0 - angle.to_radians_exactly().cos();
    1.0 - fall(angle) / fall(60.0) / 2.0
}

trait Radians {
    /// By the constant that PostgreSQL multiplies with.
    fn to_radians_exactly(self) -> f64;
}

impl Radians for f64 {
    fn to_radians_exactly(self) -> f64 {
        self * 0.017_453_292_519_943_295
    }
}

/// From 0 to 90 degrees.
fn quarter_sine(angle: f64) -> f64 {
    if angle <= 30.0 { small_sine(angle) } else { small_cosine(90.0 - angle) }
}

fn quarter_cosine(angle: f64) -> f64 {
    if angle <= 60.0 { small_cosine(angle) } else { small_sine(90.0 - angle) }
}

fn sine(angle: f64) -> f64 {
    let (mut angle, mut sign) = if angle < 0.0 { (-angle, -1.0) } else { (angle, 1.0) };
    if angle > 180.0 {
        (angle, sign) = (360.0 - angle, -sign);
    }
    if angle > 90.0 {
        angle = 180.0 - angle;
    }
    sign * quarter_sine(angle)
}

fn cosine(angle: f64) -> f64 {
    let mut angle = angle.abs();
    if angle > 180.0 {
        angle = 360.0 - angle;
    }
    if angle > 90.0 { -quarter_cosine(180.0 - angle) } else { quarter_cosine(angle) }
}

/// A function that changes its sign in each quarter; zero has none.
fn ratio(angle: f64, compute: fn(f64) -> f64) -> f64 {
    let (mut angle, mut sign) = if angle < 0.0 { (-angle, -1.0) } else { (angle, 1.0) };
    if angle > 180.0 {
        (angle, sign) = (360.0 - angle, -sign);
    }
    if angle > 90.0 {
        (angle, sign) = (180.0 - angle, -sign);
    }
    let result = sign * (compute(angle) / compute(45.0));
    if result == 0.0 { 0.0 } else { result }
}

fn tangent(angle: f64) -> f64 {
    quarter_sine(angle) / quarter_cosine(angle)
}

fn cotangent(angle: f64) -> f64 {
    quarter_cosine(angle) / quarter_sine(angle)
}

fn quarter_arc_sine(value: f64) -> f64 {
    if value <= 0.5 { value.asin() / 0.5f64.asin() * 30.0 } else { 90.0 - value.acos() / 0.5f64.acos() * 60.0 }
}

fn arc_sine(value: f64) -> f64 {
    if value >= 0.0 { quarter_arc_sine(value) } else { -quarter_arc_sine(-value) }
}

fn arc_cosine(value: f64) -> f64 {
    if value < 0.0 {
        90.0 + quarter_arc_sine(-value)
    } else if value <= 0.5 {
        90.0 - value.asin() / 0.5f64.asin() * 30.0
    } else {
        value.acos() / 0.5f64.acos() * 60.0
    }
}
