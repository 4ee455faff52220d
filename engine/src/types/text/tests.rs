use super::*;
use crate::types::datetime::TimeZone;

fn shown(text: &str, ty: u32, format: &Format) -> String {
    let value = parse(text, Type::new(ty), format).unwrap_or_else(|error| panic!("{text}: {error}"));
    let mut out = Vec::new();
    write(value.as_ref(), ty, format, &mut out);
    into_text(out)
}

#[test]
fn settings_change_the_text() {
    let mut format = Format::default();
    format.set("TimeZone", "America/New_York").unwrap();
    assert_eq!(shown("2020-07-01 12:00+00", oid::TIMESTAMPTZ, &format), "2020-07-01 08:00:00-04");
    assert_eq!(shown("2020-01-01 12:00", oid::TIMESTAMPTZ, &format), "2020-01-01 12:00:00-05");
    format.set("TimeZone", "5.5").unwrap();
    assert_eq!(shown("2020-07-01 12:00+00", oid::TIMESTAMPTZ, &format), "2020-07-01 17:30:00+05:30");
    format.set("DateStyle", "ISO, DMY").unwrap();
    assert_eq!(shown("1/8/1999", oid::DATE, &format), "1999-08-01");
    format.set("IntervalStyle", "iso_8601").unwrap();
    assert_eq!(shown("1 year 2 mons -3 days 04:05:06.7", oid::INTERVAL, &format), "P1Y2M-3DT4H5M6.7S");
    format.set("IntervalStyle", "postgres_verbose").unwrap();
    assert_eq!(shown("-1 year 2 mons -3 days", oid::INTERVAL, &format), "@ 10 mons 3 days ago");
    format.set("IntervalStyle", "sql_standard").unwrap();
    assert_eq!(shown("1 year 2 mons", oid::INTERVAL, &format), "1-2");
    assert_eq!(shown("1 day -04:05:06", oid::INTERVAL, &format), "+0-0 +1 -4:05:06");
    format.set("bytea_output", "escape").unwrap();
    assert_eq!(shown("\\x00415c", oid::BYTEA, &format), "\\000A\\\\");
    format.set("extra_float_digits", "0").unwrap();
    assert_eq!(shown("0.30000000000000004", oid::FLOAT8, &format), "0.3");
    assert!(format.set("TimeZone", "Nowhere/Land").is_err());
    assert_eq!(format.time_zone, TimeZone::Fixed(19_800));
}

#[test]
fn vectors_have_no_braces() {
    let format = Format::default();
    assert_eq!(shown("1 2  3", oid::INT2VECTOR, &format), "1 2 3");
    assert_eq!(shown("{1,NULL,3}", oid::INT4_ARRAY, &format), "{1,NULL,3}");
}
