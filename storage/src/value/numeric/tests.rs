//! Numerics against results taken from PostgreSQL 15.

use std::cmp::Ordering;
use std::hash::{BuildHasher, RandomState};

use num_bigint::BigInt;
use proptest::prelude::*;

use super::{Base10000, Numeric, NumericError};
use crate::value::samples::any_numeric;

/// Operation, operands and PostgreSQL's answer, one case to a line, as COPY writes them.
const RESULTS: &str = include_str!("tests/results.txt");

fn number(text: &str) -> Numeric {
    text.parse().unwrap_or_else(|error| panic!("{text:?}: {error}"))
}

fn wire_bytes(value: &Numeric) -> String {
    let wire = value.to_base10000();
    let header = [wire.digits.len() as u16, wire.weight as u16, wire.sign, wire.dscale];
    let words = header.into_iter().chain(wire.digits.iter().map(|digit| *digit as u16));
    words.map(|word| format!("{word:04x}")).collect()
}

/// What we answer: a text, or `ERROR` and the message.
fn answer(operation: &str, a: &str, b: &str) -> String {
    let shown = |result: Result<Numeric, NumericError>| match result {
        Ok(value) => value.to_string(),
        Err(error) => format!("ERROR {error}"),
    };
    let whole = |value: Option<String>| value.unwrap_or_else(|| "ERROR out of range".to_owned());
    let (x, y) = match (Numeric::parse(a), Numeric::parse(b)) {
        (x, y) if operation == "parse" => return shown(x.and(y.or(Ok(Numeric::ZERO))).and(Numeric::parse(a))),
        (x, y) => (x.unwrap_or_default(), y.unwrap_or_default()),
    };
    match operation {
        "add" => shown(x.add(&y)),
        "sub" => shown(x.sub(&y)),
        "mul" => shown(x.mul(&y)),
        "div" => shown(x.div(&y)),
        "mod" => shown(x.rem(&y)),
        "divt" => shown(x.div_trunc(&y)),
        "cmp" => (x.cmp(&y) as i8).to_string(),
        "round" => x.round(b.parse().unwrap()).to_string(),
        "trunc" => x.trunc(b.parse().unwrap()).to_string(),
        "floor" => x.floor().to_string(),
        "ceil" => x.ceil().to_string(),
        "sqrt" => shown(x.sqrt()),
        "exp" => shown(x.exp()),
        "ln" => shown(x.ln()),
        "log" => shown(x.log(&y)),
        "power" => shown(x.power(&y)),
        "fit" => {
            let (precision, scale) = b.split_once(',').unwrap();
            shown(x.fit(precision.parse().unwrap(), scale.parse().unwrap()))
        }
        "minscale" if !x.is_finite() => "\\N".to_owned(),
        "minscale" => x.min_scale().to_string(),
        "trim" => x.trim_scale().to_string(),
        "int2" => whole(x.to_i16().map(|v| v.to_string())),
        "int4" => whole(x.to_i32().map(|v| v.to_string())),
        "int8" => whole(x.to_i64().map(|v| v.to_string())),
        "f8" => Numeric::from_f64(a.parse().unwrap()).to_string(),
        "f4" => Numeric::from_f32(a.parse().unwrap()).to_string(),
        "tof8" => format!("{:e}", x.to_f64()),
        "send" => wire_bytes(&x),
        _ => x.to_string(),
    }
}

/// Whether our answer is PostgreSQL's.
fn agrees(operation: &str, ours: &str, theirs: &str) -> bool {
    match (operation, theirs.strip_prefix("ERROR ")) {
        ("int2" | "int4" | "int8", Some(_)) => ours.starts_with("ERROR"),
        // What is out of a float's range is an infinity or zero here.
        ("tof8", Some(_)) => ["inf", "-inf", "0e0", "-0e0"].contains(&ours),
        ("tof8", None) => {
            ours.parse::<f64>().unwrap().to_bits() == theirs.parse::<f64>().unwrap().to_bits() || ours == theirs
        }
        // The message without its code; that a text is no number says what text in PostgreSQL.
        (_, Some(error)) => {
            let ours = ours.strip_prefix("ERROR ").unwrap_or("");
            !ours.is_empty() && error[6..].starts_with(ours)
        }
        _ => ours == theirs,
    }
}

#[test]
fn results_are_postgresqls_to_the_last_digit() {
    let mut wrong = Vec::new();
    for line in RESULTS.lines() {
        let mut fields = line.split('\t').map(|field| match field {
            "\\N" => "\\N".to_owned(),
            field => field.replace("\\t", "\t").replace("\\n", "\n"),
        });
        let mut field = || fields.next().unwrap();
        let (operation, a, b, expected) = (field(), field(), field(), field());
        let ours = answer(&operation, &a, &b);
        if !agrees(&operation, &ours, &expected) {
            wrong.push(format!("{operation} {a:?} {b:?}\n  expected {expected}\n  answered {ours}"));
        }
    }
    assert!(wrong.is_empty(), "{} wrong:\n{}", wrong.len(), wrong.join("\n"));
}

proptest! {
    #[test]
    fn bytes_come_back_and_sort_as_values(a in any_numeric(), b in any_numeric()) {
        let (a_bytes, b_bytes) = (a.to_bytes(), b.to_bytes());
        let back = Numeric::from_bytes(&a_bytes).unwrap();
        prop_assert_eq!(back.to_string(), a.to_string());
        prop_assert_eq!(Numeric::sort_key(&a_bytes).cmp(Numeric::sort_key(&b_bytes)), a.cmp(&b));
        let followed = [Numeric::sort_key(&a_bytes), &b_bytes].concat();
        prop_assert_eq!(Numeric::sort_key_length(&followed), Some(Numeric::sort_key(&a_bytes).len()));
        // A bare key makes the same value, with its least scale.
        let bare = [Numeric::sort_key(&a_bytes), &[0, 0]].concat();
        prop_assert_eq!(Numeric::from_bytes(&bare).unwrap().to_string(), a.trim_scale().to_string());
    }

    #[test]
    fn texts_and_wire_forms_come_back(a in any_numeric()) {
        prop_assert_eq!(number(&a.to_string()).to_string(), a.to_string());
        prop_assert_eq!(Numeric::from_base10000(&a.to_base10000()).unwrap().to_string(), a.to_string());
        let json = serde_json::to_string(&a).unwrap();
        prop_assert_eq!(serde_json::from_str::<Numeric>(&json).unwrap().to_string(), a.to_string());
    }

    #[test]
    fn equal_values_hash_alike(a in any_numeric()) {
        let state = RandomState::new();
        let widened = a.add(&number("0.0000000000")).unwrap();
        prop_assert_eq!(&widened, &a);
        prop_assert_eq!(state.hash_one(&widened), state.hash_one(&a));
    }

    /// The fast path for small values against whole-number arithmetic.
    #[test]
    fn sums_and_products_are_exact(a: i128, b: i128, a_scale in 0u16..50, b_scale in 0u16..50) {
        let (x, y) = (Numeric::from_parts(a, a_scale), Numeric::from_parts(b, b_scale));
        let big = |value: i128, zeros: u16| BigInt::from(value) * BigInt::from(10).pow(u32::from(zeros));
        let scale = a_scale.max(b_scale);
        let sum = big(a, scale - a_scale) + big(b, scale - b_scale);
        prop_assert_eq!(x.add(&y).unwrap(), Numeric::from_big(sum, scale).unwrap());
        let product = BigInt::from(a) * BigInt::from(b);
        prop_assert_eq!(x.mul(&y).unwrap(), Numeric::from_big(product, a_scale + b_scale).unwrap());
        prop_assert_eq!(x.sub(&x).unwrap(), Numeric::ZERO);
        prop_assert_eq!(x.neg().neg().to_string(), x.to_string());
    }

    /// Bytes that are no numeric are refused, never a panic.
    #[test]
    fn any_bytes_are_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..40)) {
        if let Ok(value) = Numeric::from_bytes(&bytes) {
            value.to_string();
        }
    }

    #[test]
    fn any_text_is_read_or_refused(text in "[ +-]?[0-9.]{0,9}[eE]?[+-]?[0-9]{0,9}|.{0,9}") {
        if let Ok(value) = Numeric::parse(&text) {
            prop_assert_eq!(number(&value.to_string()).to_string(), value.to_string());
        }
    }
}

#[test]
fn the_greatest_and_the_least() {
    let greatest = number("9e131071");
    assert_eq!(greatest.add(&greatest), Err(NumericError::Overflow));
    assert_eq!(greatest.mul(&number("2")), Err(NumericError::Overflow));
    assert_eq!(Numeric::parse("1e131072").err(), Some(NumericError::Overflow));
    assert_eq!(Numeric::parse("1e-16384").err(), Some(NumericError::Overflow));
    let least = number("1e-16383");
    assert_eq!(least.scale(), 16383);
    assert_eq!(least.mul(&number("0.4")).unwrap().to_string(), format!("0.{}", "0".repeat(16383)));
    assert!(least > Numeric::ZERO && least.neg() < Numeric::ZERO && greatest > least);
    assert_eq!(Numeric::from_bytes(&greatest.to_bytes()).unwrap(), greatest);
    assert_eq!(Numeric::from_bytes(&least.to_bytes()).unwrap(), least);
    let minimum = Numeric::from_i128(i128::MIN);
    assert_eq!(minimum.neg().to_string(), "170141183460469231731687303715884105728");
    assert_eq!(minimum.div(&Numeric::from_i64(-1)).unwrap(), minimum.neg());
    assert_eq!(minimum.abs().neg(), minimum);
    assert_eq!(minimum.to_i64(), None);
}

#[test]
fn special_values_order_and_mix() {
    let sorted = ["-Infinity", "-1e1000", "-0.5", "0", "1e-1000", "0.5", "1e1000", "Infinity", "NaN"].map(number);
    for (a, a_at) in sorted.iter().zip(0..) {
        for (b, b_at) in sorted.iter().zip(0..) {
            assert_eq!(a.cmp(b), i32::cmp(&a_at, &b_at), "{a} {b}");
        }
    }
    assert_eq!(Numeric::NAN.cmp(&Numeric::NAN), Ordering::Equal);
    let [infinity, nan, zero] = [Numeric::INFINITY, Numeric::NAN, Numeric::ZERO];
    assert!(infinity.sub(&infinity).unwrap().is_nan());
    assert!(infinity.mul(&zero).unwrap().is_nan());
    assert_eq!(infinity.div(&zero), Err(NumericError::DivisionByZero));
    assert!(nan.div(&zero).unwrap().is_nan());
    assert!(nan.rem(&zero).unwrap().is_nan());
    assert_eq!(Numeric::ONE.div(&infinity).unwrap(), zero);
    assert_eq!(infinity.to_i64(), None);
    assert_eq!(nan.fit(3, 1).unwrap(), nan);
}

#[test]
fn a_field_says_what_it_would_hold() {
    let error = number("1000").fit(4, 1).unwrap_err();
    assert_eq!(
        error.detail().unwrap(),
        "A field with precision 4, scale 1 must round to an absolute value less than 10^3."
    );
    let error = number("1").fit(2, 2).unwrap_err();
    assert_eq!(
        error.detail().unwrap(),
        "A field with precision 2, scale 2 must round to an absolute value less than 1."
    );
    let error = Numeric::INFINITY.fit(2, 2).unwrap_err();
    assert_eq!(error.detail().unwrap(), "A field with precision 2, scale 2 cannot hold an infinite value.");
}

#[test]
fn a_wire_form_is_checked_and_cut_to_its_scale() {
    let wire = |digits: &[i16], weight, sign, dscale| Base10000 { digits: digits.to_vec(), weight, sign, dscale };
    let read = |wire: Base10000| Numeric::from_base10000(&wire).map(|value| value.to_string());
    assert_eq!(read(wire(&[1, 2345], 0, 0, 2)).unwrap(), "1.23");
    assert_eq!(read(wire(&[0, 0, 5], 2, 0x4000, 0)).unwrap(), "-5");
    assert_eq!(read(wire(&[1], i16::MIN, 0, 3)).unwrap(), "0.000");
    assert_eq!(read(wire(&[1], i16::MAX, 0, 0)).unwrap().len(), 131_069);
    assert_eq!(read(wire(&[10_000], 0, 0, 0)), Err(NumericError::Invalid));
    assert_eq!(read(wire(&[-1], 0, 0, 0)), Err(NumericError::Invalid));
    assert_eq!(read(wire(&[1], 0, 0x1234, 0)), Err(NumericError::Invalid));
    assert_eq!(read(wire(&[], 0, 0xD000, 0)).unwrap(), "Infinity");
}

/// Run by hand with --nocapture.
#[test]
#[ignore = "a measurement"]
fn speed() {
    let (a, b) = (number("12345.67"), number("89.0123"));
    let bytes = a.to_bytes();
    let time = |name: &str, work: &mut dyn FnMut()| {
        let start = std::time::Instant::now();
        (0..1_000_000).for_each(|_| work());
        println!("{name}: {:.1} ns", start.elapsed().as_nanos() as f64 / 1e6);
    };
    use std::hint::black_box;
    time("add", &mut || drop(black_box(black_box(&a).add(&b))));
    time("mul", &mut || drop(black_box(black_box(&a).mul(&b))));
    time("div", &mut || drop(black_box(black_box(&a).div(&b))));
    time("eq", &mut || assert!(black_box(&a) != black_box(&b)));
    time("to_bytes", &mut || drop(black_box(black_box(&a).to_bytes())));
    time("from_bytes", &mut || drop(black_box(Numeric::from_bytes(black_box(&bytes)))));
    time("to_string", &mut || drop(black_box(black_box(&a).to_string())));
    time("parse", &mut || drop(black_box(Numeric::parse(black_box("12345.67")))));
    println!("sizes: {} {}", size_of::<Numeric>(), size_of::<crate::value::ValueRef<'static>>());
}
