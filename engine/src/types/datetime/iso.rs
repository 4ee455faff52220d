//! The form in which nearly all dates and times come: what PostgreSQL itself writes under DateStyle ISO, and RFC 3339.
//!
//! It is read in one go, without the words and orders that [`super::decode`] knows. Whatever is not exactly of this form, or
//! is no day or time, is left to that, which also tells what is wrong with it.

use super::clock::{offset, time_of};
use super::decode::Parts;
use super::{TimeZone, days_in_month};

/// `YYYY-MM-DD`, alone or with a space or `T` and `HH:MM:SS`, a fraction of up to six digits, and `Z` or an offset.
pub(super) fn iso(text: &str) -> Option<Parts> {
    let bytes = text.as_bytes();
    let (date, rest) = bytes.split_first_chunk::<10>()?;
    let [y1, y2, y3, y4, b'-', m1, m2, b'-', d1, d2] = *date else { return None };
    let (year, month, day) = (number(&[y1, y2, y3, y4])?, number(&[m1, m2])?, number(&[d1, d2])?);
    if year == 0 || !(1..=12).contains(&month) || !(1..=days_in_month(year, month)).contains(&day) {
        return None;
    }
    if rest.is_empty() {
        return Some(Parts::of_day(year, month, day, None, None));
    }
    let (time, rest) = rest.split_first_chunk::<9>()?;
    let [b' ' | b'T', h1, h2, b':', m1, m2, b':', s1, s2] = *time else { return None };
    let (fraction, rest) = match rest.split_first() {
        Some((b'.', rest)) => rest.split_at(rest.iter().take_while(|byte| byte.is_ascii_digit()).count()),
        _ => (&[][..], rest),
    };
    let microseconds = match fraction.len() {
        0 if rest.len() + time.len() + date.len() < bytes.len() => return None,
        0 => 0,
        digits @ 1..=6 => number(fraction)? * 10i64.pow(6 - digits as u32),
        _ => return None,
    };
    let time = time_of(number(&[h1, h2])?, number(&[m1, m2])?, number(&[s1, s2])?, microseconds).ok()?;
    let zone = match rest {
        [] => None,
        [b'Z'] => Some(TimeZone::utc()),
        [b'+' | b'-', ..] => Some(TimeZone::Fixed(offset(text.get(bytes.len() - rest.len()..)?).ok()?)),
        _ => return None,
    };
    Some(Parts::of_day(year, month, day, Some(time), zone))
}

/// The number that some digits say.
fn number(digits: &[u8]) -> Option<i64> {
    digits.iter().try_fold(0, |number, digit| digit.is_ascii_digit().then(|| number * 10 + i64::from(digit - b'0')))
}

#[cfg(test)]
mod tests {
    use super::super::decode::decode_any;
    use super::*;
    use crate::types::text::Format;

    const DATES: [&str; 9] = [
        "2024-02-29",
        "2023-02-29",
        "0001-01-01",
        "0000-01-01",
        "9999-12-31",
        "2024-13-01",
        "2024-00-10",
        "2024-1-1x",
        "1970-01-31",
    ];
    const TIMES: [&str; 16] = [
        "",
        " 00:00:00",
        "T23:59:59",
        " 24:00:00",
        " 24:00:01",
        " 23:59:60",
        " 12:34:56.7",
        " 12:34:56.789012",
        " 12:34:56.0000005",
        " 12:34:56.",
        " 12:34",
        "  12:34:56",
        " 12:60:00",
        " 1:2:3",
        "t01:02:03",
        " 12:34:56,5",
    ];
    const ZONES: [&str; 14] =
        ["", "Z", "z", "+00", "-08", "+05:30", "-0330", "+15:59:59", "+16", "+10:", " UTC", "+", " +02", " BC"];

    /// What is read in one go is what the general way makes of it; and the common forms are read in one go.
    #[test]
    fn it_says_what_the_general_way_says() {
        let format = Format::default();
        let mut read = 0;
        for (date, time, zone) in DATES
            .iter()
            .flat_map(|date| TIMES.iter().flat_map(move |time| ZONES.iter().map(move |zone| (date, time, zone))))
        {
            let text = format!("{date}{time}{zone}");
            let Some(parts) = iso(&text) else { continue };
            let general = decode_any(&text, &format, 0).unwrap_or_else(|fault| panic!("{text}: {fault:?}"));
            assert_eq!((parts.date(), parts.time), (general.date(), general.time), "{text}");
            assert_eq!(parts.zone, general.zone, "{text}");
            read += 1;
        }
        assert_eq!(read, 4 * (1 + 6 * 8), "as many as are of the form");
        assert!(iso("2024-02-29 12:34:56.789012+05:30").is_some());
    }
}
