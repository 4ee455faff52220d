//! Sizes, as people read them.

use super::super::Function;
use super::super::argument::{int8, numeric, out_of_range, text_of};
use super::super::define::immutable;
use crate::types::oid::*;

pub(in super::super) const FUNCTIONS: &[Function] = &[
    immutable(2288, "pg_size_pretty", &[INT8], TEXT, |_, args| text_of(pretty(i128::from(int8(&args[0])?)))),
    immutable(3166, "pg_size_pretty", &[NUMERIC], TEXT, |_, args| {
        let written = numeric(&args[0])?.to_string();
        let whole = written.split('.').next().unwrap_or_default();
        let size: i128 = whole.parse().map_err(|_| out_of_range("numeric"))?;
        // Fractions of a byte are shown as long as bytes are.
        if size.abs() < UNITS[0].1 { text_of(format!("{written} bytes")) } else { text_of(pretty(size)) }
    }),
];

/// Each unit, the size from which on the next one is used, whether the size is kept doubled until it is rounded, and
/// the unit's power of two.
const UNITS: [(&str, i128, bool, u32); 6] = [
    ("bytes", 10 * 1024, false, 0),
    ("kB", 20 * 1024 - 1, true, 10),
    ("MB", 20 * 1024 - 1, true, 20),
    ("GB", 20 * 1024 - 1, true, 30),
    ("TB", 20 * 1024 - 1, true, 40),
    ("PB", 20 * 1024 - 1, true, 50),
];

/// A number of bytes in the unit that keeps it short.
fn pretty(bytes: i128) -> String {
    let mut size = bytes;
    for (position, &(unit, limit, doubled, power)) in UNITS.iter().enumerate() {
        let next = UNITS.get(position + 1);
        match next {
            Some(&(_, _, next_doubled, next_power)) if size.abs() >= limit => {
                let shift = next_power - power + u32::from(doubled) - u32::from(next_doubled);
                size /= 1 << shift;
            }
            _ => {
                let shown = if doubled { (size + size.signum()) / 2 } else { size };
                return format!("{shown} {unit}");
            }
        }
    }
    bytes.to_string()
}

#[cfg(test)]
mod tests {
    use super::pretty;

    #[test]
    fn sizes_are_rounded_as_postgresql_does() {
        let cases: [(i128, &str); 8] = [
            (0, "0 bytes"),
            (10239, "10239 bytes"),
            (10240, "10 kB"),
            (-10240, "-10 kB"),
            (10485247, "10239 kB"),
            (10485248, "10 MB"),
            (1 << 40, "1024 GB"),
            (i64::MAX as i128, "8192 PB"),
        ];
        for (bytes, expected) in cases {
            assert_eq!(pretty(bytes), expected);
        }
    }
}
