//! Functions, operators and conversions of `money`.

use storage::{Numeric, Value};

use super::Function;
use super::argument::{division_by_zero, float, int8, integer, numeric, out_of_range, text_of};
use super::define::{immutable, stable};
use crate::error::{Error, Result, SqlState};
use crate::types::money::CENTS;
use crate::types::oid::*;

#[rustfmt::skip]
pub(super) const FUNCTIONS: &[Function] = &[
    immutable(377, "cash_cmp", &[MONEY, MONEY], INT4, |_, args| Ok(Value::Int4(int8(&args[0])?.cmp(&int8(&args[1])?) as i32))),
    immutable(894, "cash_pl", &[MONEY, MONEY], MONEY, |_, args| amount(int8(&args[0])?.checked_add(int8(&args[1])?))),
    immutable(895, "cash_mi", &[MONEY, MONEY], MONEY, |_, args| amount(int8(&args[0])?.checked_sub(int8(&args[1])?))),
    immutable(898, "cashlarger", &[MONEY, MONEY], MONEY, |_, args| Ok(Value::Int8(int8(&args[0])?.max(int8(&args[1])?)))),
    immutable(899, "cashsmaller", &[MONEY, MONEY], MONEY, |_, args| Ok(Value::Int8(int8(&args[0])?.min(int8(&args[1])?)))),
    immutable(863, "int2_mul_cash", &[INT2, MONEY], MONEY, |_, args| times(&args[1], &args[0])),
    immutable(862, "int4_mul_cash", &[INT4, MONEY], MONEY, |_, args| times(&args[1], &args[0])),
    immutable(3399, "int8_mul_cash", &[INT8, MONEY], MONEY, |_, args| times(&args[1], &args[0])),
    immutable(866, "cash_mul_int2", &[MONEY, INT2], MONEY, |_, args| times(&args[0], &args[1])),
    immutable(864, "cash_mul_int4", &[MONEY, INT4], MONEY, |_, args| times(&args[0], &args[1])),
    immutable(3344, "cash_mul_int8", &[MONEY, INT8], MONEY, |_, args| times(&args[0], &args[1])),
    immutable(867, "cash_div_int2", &[MONEY, INT2], MONEY, |_, args| divided(&args[0], &args[1])),
    immutable(865, "cash_div_int4", &[MONEY, INT4], MONEY, |_, args| divided(&args[0], &args[1])),
    immutable(3345, "cash_div_int8", &[MONEY, INT8], MONEY, |_, args| divided(&args[0], &args[1])),
    immutable(848, "flt4_mul_cash", &[FLOAT4, MONEY], MONEY, |_, args| rounded(cents(&args[1])? * float(&args[0])?)),
    immutable(919, "flt8_mul_cash", &[FLOAT8, MONEY], MONEY, |_, args| rounded(cents(&args[1])? * float(&args[0])?)),
    immutable(846, "cash_mul_flt4", &[MONEY, FLOAT4], MONEY, |_, args| rounded(cents(&args[0])? * float(&args[1])?)),
    immutable(896, "cash_mul_flt8", &[MONEY, FLOAT8], MONEY, |_, args| rounded(cents(&args[0])? * float(&args[1])?)),
    immutable(847, "cash_div_flt4", &[MONEY, FLOAT4], MONEY, |_, args| rounded(cents(&args[0])? / divisor(float(&args[1])?)?)),
    immutable(897, "cash_div_flt8", &[MONEY, FLOAT8], MONEY, |_, args| rounded(cents(&args[0])? / divisor(float(&args[1])?)?)),
    immutable(3822, "cash_div_cash", &[MONEY, MONEY], FLOAT8, |_, args| {
        Ok(Value::Float8(cents(&args[0])? / divisor(cents(&args[1])?)?))
    }),
    immutable(935, "cash_words", &[MONEY], TEXT, |_, args| text_of(words(int8(&args[0])?))),
    stable(3811, "money", &[INT4], MONEY, |_, args| whole(integer(&args[0])?)),
    stable(3812, "money", &[INT8], MONEY, |_, args| whole(integer(&args[0])?)),
    stable(3823, "numeric", &[MONEY], NUMERIC, |_, args| {
        Ok(Value::Numeric(Box::new(Numeric::from_parts(i128::from(int8(&args[0])?), 2))))
    }),
    stable(3824, "money", &[NUMERIC], MONEY, |_, args| {
        let amount = numeric(&args[0])?;
        if !amount.is_finite() {
            let what = if amount.is_nan() { "NaN" } else { "infinity" };
            return Err(Error::new(SqlState::FEATURE_NOT_SUPPORTED, format!("cannot convert {what} to bigint")));
        }
        let cents = amount.mul(&Numeric::from_i64(CENTS)).ok().and_then(|cents| cents.round(0).to_i64());
        cents.map(Value::Int8).ok_or_else(|| out_of_range("bigint"))
    }),
];

pub(crate) fn money_out_of_range() -> Error {
    Error::new(SqlState::NUMERIC_VALUE_OUT_OF_RANGE, "money out of range")
}

fn amount(cents: Option<i64>) -> Result<Value> {
    cents.map(Value::Int8).ok_or_else(money_out_of_range)
}

fn times(money: &Value, count: &Value) -> Result<Value> {
    amount(int8(money)?.checked_mul(integer(count)?))
}

fn divided(money: &Value, count: &Value) -> Result<Value> {
    match integer(count)? {
        0 => Err(division_by_zero()),
        count => amount(int8(money)?.checked_div(count)),
    }
}

fn cents(money: &Value) -> Result<f64> {
    Ok(int8(money)? as f64)
}

fn divisor(number: f64) -> Result<f64> {
    if number == 0.0 { Err(division_by_zero()) } else { Ok(number) }
}

/// The nearest whole number of cents; of two, the even one.
fn rounded(cents: f64) -> Result<Value> {
    /// The first float that is too large for 64 bits.
    const END: f64 = (1u64 << 63) as f64;
    let cents = cents.round_ties_even();
    amount((-END..END).contains(&cents).then_some(cents as i64))
}

fn whole(number: i64) -> Result<Value> {
    number.checked_mul(CENTS).map(Value::Int8).ok_or_else(|| out_of_range("bigint"))
}

const SMALL: [&str; 20] = [
    "zero",
    "one",
    "two",
    "three",
    "four",
    "five",
    "six",
    "seven",
    "eight",
    "nine",
    "ten",
    "eleven",
    "twelve",
    "thirteen",
    "fourteen",
    "fifteen",
    "sixteen",
    "seventeen",
    "eighteen",
    "nineteen",
];

const TENS: [&str; 10] = ["", "", "twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"];

/// A number below 1000 in words; "and" stands before what is less than twenty.
fn number_in_words(number: u64) -> String {
    let (hundreds, rest) = ((number / 100) as usize, (number % 100) as usize);
    let small = match (rest, rest % 10) {
        (0..20, _) => SMALL[rest].to_owned(),
        (_, 0) => TENS[rest / 10].to_owned(),
        (_, ones) => format!("{} {}", TENS[rest / 10], SMALL[ones]),
    };
    match (hundreds, rest) {
        (0, _) => small,
        (_, 0) => format!("{} hundred", SMALL[hundreds]),
        (_, 1..20) => format!("{} hundred and {small}", SMALL[hundreds]),
        _ => format!("{} hundred {small}", SMALL[hundreds]),
    }
}

/// An amount in words, as on a cheque: "One dollar and two cents".
fn words(money: i64) -> String {
    const GROUPS: [(u64, &str); 6] = [
        (1_000_000_000_000_000, "quadrillion"),
        (1_000_000_000_000, "trillion"),
        (1_000_000_000, "billion"),
        (1_000_000, "million"),
        (1_000, "thousand"),
        (1, ""),
    ];
    let (dollars, cents) = (money.unsigned_abs() / CENTS as u64, money.unsigned_abs() % CENTS as u64);
    let mut parts = Vec::new();
    if money < 0 {
        parts.push("minus".to_owned());
    }
    for (unit, name) in GROUPS {
        match dollars / unit % 1000 {
            // The groups above end with the space before it.
            0 if name.is_empty() && dollars > 0 => parts.push(String::new()),
            0 => {}
            count if name.is_empty() => parts.push(number_in_words(count)),
            count => parts.push(format!("{} {name}", number_in_words(count))),
        }
    }
    if dollars == 0 {
        parts.push("zero".to_owned());
    }
    parts.push(if dollars == 1 { "dollar and" } else { "dollars and" }.to_owned());
    parts.push(number_in_words(cents));
    parts.push(if cents == 1 { "cent" } else { "cents" }.to_owned());
    let mut words = parts.join(" ");
    if let Some(first) = words.get_mut(..1) {
        first.make_ascii_uppercase();
    }
    words
}
