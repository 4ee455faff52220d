//! Ranges beside a plain set of numbers.

use proptest::prelude::*;
use storage::Value;

use super::text::parse_range;
use super::*;
use crate::types::text::Format;

fn range(text: &str, kind: RangeKind) -> Range {
    parse_range(text, kind, &Format::default(), 0).unwrap()
}

fn shown(range: &Range) -> String {
    let mut out = Vec::new();
    write(&range.encode(), &Format::default(), &mut out);
    String::from_utf8(out).unwrap()
}

#[test]
fn text_comes_back_as_postgresql_writes_it() {
    for (text, kind, expected) in [
        (" [ 1 , 5 ] ", RangeKind::Int4, "[1,6)"),
        ("(1,5)", RangeKind::Int8, "[2,5)"),
        ("(1,2)", RangeKind::Int4, "empty"),
        ("[3,3]", RangeKind::Int4, "[3,4)"),
        ("(3,3]", RangeKind::Int4, "empty"),
        ("(,)", RangeKind::Int4, "(,)"),
        ("[,5]", RangeKind::Int4, "(,6)"),
        ("[1.50,2.0]", RangeKind::Numeric, "[1.50,2.0]"),
        ("(\"1\",\\2)", RangeKind::Numeric, "(1,2)"),
        ("EMPTY", RangeKind::Date, "empty"),
        ("[2026-01-01,infinity]", RangeKind::Date, "[2026-01-01,infinity]"),
        ("[2026-01-01,2026-01-02)", RangeKind::Timestamp, "[\"2026-01-01 00:00:00\",\"2026-01-02 00:00:00\")"),
    ] {
        assert_eq!(shown(&range(text, kind)), expected, "{text}");
    }
    for wrong in ["", "1,2", "[1,2", "[1", "[1,2,3]", "[1,2] x", "empty x", "[1 2]", "[5,1]", "[1,2147483647]"] {
        assert!(parse_range(wrong, RangeKind::Int4, &Format::default(), 0).is_err(), "{wrong}");
    }
}

#[test]
fn numerics_that_are_equal_have_one_key_and_keep_their_digits() {
    let (short, long) = (range("[1.0,2]", RangeKind::Numeric), range("[1.00,2.000]", RangeKind::Numeric));
    assert_eq!(short, long);
    assert_eq!(sort_key(&short.encode()), sort_key(&long.encode()));
    assert_eq!((shown(&short).as_str(), shown(&long).as_str()), ("[1.0,2]", "[1.00,2.000]"));
}

/// Numbers that the model looks at.
const LEAST: i32 = -8;
const GREATEST: i32 = 8;

fn set(range: &Range) -> Vec<i32> {
    let within = |number: &i32| range.span.as_ref().is_some_and(|span| span.contains(&Point::Number((*number).into())));
    (LEAST..=GREATEST).filter(within).collect()
}

fn any_range() -> impl Strategy<Value = Range> {
    let end = || proptest::option::of(LEAST..=GREATEST);
    (end(), end(), any::<bool>(), any::<bool>()).prop_filter_map("the wrong way round", |(from, to, low, high)| {
        let bound = |value: Option<i32>, inclusive| Bound { value: value.map(Value::Int4), inclusive };
        Range::new(RangeKind::Int4, bound(from, low), bound(to, high)).ok()
    })
}

proptest! {
    #[test]
    fn bytes_come_back_and_sort_as_ranges(a in any_range(), b in any_range()) {
        prop_assert_eq!(&Range::decode(&a.encode()).unwrap(), &a);
        prop_assert_eq!(a.encode().cmp(&b.encode()), a.span.cmp(&b.span));
        let text = shown(&a);
        prop_assert_eq!(&range(&text, RangeKind::Int4), &a);
    }

    #[test]
    fn ranges_are_the_sets_of_what_lies_in_them(a in any_range(), b in any_range()) {
        let (left, right) = (set(&a), set(&b));
        let both = a.span.as_ref().zip(b.span.as_ref());
        let common: Vec<i32> = left.iter().filter(|number| right.contains(number)).copied().collect();
        let found = Range { kind: RangeKind::Int4, span: both.and_then(|(a, b)| a.common(b)) };
        prop_assert_eq!(set(&found), common);
        let (all_a, all_b) = (Multirange::of_range(a), Multirange::of_range(b));
        let members = |multirange: &Multirange| -> Vec<i32> {
            (LEAST..=GREATEST).filter(|number| multirange.contains(&Point::Number((*number).into()))).collect()
        };
        let either: Vec<i32> = (LEAST..=GREATEST).filter(|n| left.contains(n) || right.contains(n)).collect();
        prop_assert_eq!(members(&all_a.union(&all_b)), either);
        let only: Vec<i32> = left.iter().filter(|number| !right.contains(number)).copied().collect();
        let minus = all_a.minus(&all_b);
        prop_assert_eq!(members(&minus), only);
        prop_assert_eq!(Multirange::decode(&minus.encode()).unwrap(), minus);
    }
}
