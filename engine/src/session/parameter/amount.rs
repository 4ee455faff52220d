//! Numbers with units: how settings of memory and time are written, and how SHOW prints them.

use crate::error::{Error, Result, SqlState};

/// What a parameter counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    None,
    Bytes,
    Kilobytes,
    /// Of 8 kB.
    Blocks,
    Megabytes,
    Milliseconds,
    Seconds,
    Minutes,
}

/// Words that may follow a number, with how many bytes or milliseconds each is; the largest first.
const MEMORY: &[(&str, f64)] =
    &[("TB", 1_099_511_627_776.0), ("GB", 1_073_741_824.0), ("MB", 1_048_576.0), ("kB", 1024.0), ("B", 1.0)];
const TIME: &[(&str, f64)] =
    &[("d", 86_400_000.0), ("h", 3_600_000.0), ("min", 60_000.0), ("s", 1000.0), ("ms", 1.0), ("us", 0.001)];

impl Unit {
    /// As `pg_settings.unit` has it.
    pub fn name(self) -> Option<&'static str> {
        Some(match self {
            Unit::None => return None,
            Unit::Bytes => "B",
            Unit::Kilobytes => "kB",
            Unit::Blocks => "8kB",
            Unit::Megabytes => "MB",
            Unit::Milliseconds => "ms",
            Unit::Seconds => "s",
            Unit::Minutes => "min",
        })
    }

    fn words(self) -> &'static [(&'static str, f64)] {
        match self {
            Unit::None => &[],
            Unit::Bytes | Unit::Kilobytes | Unit::Blocks | Unit::Megabytes => MEMORY,
            Unit::Milliseconds | Unit::Seconds | Unit::Minutes => TIME,
        }
    }

    /// How many bytes or milliseconds it is.
    fn size(self) -> f64 {
        match self {
            Unit::None | Unit::Bytes | Unit::Milliseconds => 1.0,
            Unit::Kilobytes => 1024.0,
            Unit::Blocks => 8192.0,
            Unit::Megabytes => 1_048_576.0,
            Unit::Seconds => 1000.0,
            Unit::Minutes => 60_000.0,
        }
    }

    /// The number that a word says in this unit; None: it says none.
    pub fn number(self, word: &str) -> Option<f64> {
        let word = word.trim();
        let digits = word.strip_prefix(['-', '+']).unwrap_or(word);
        let (number, rest) = match digits.strip_prefix("0x").or_else(|| digits.strip_prefix("0X")) {
            Some(hex) => {
                let end = hex.find(|c: char| !c.is_ascii_hexdigit()).unwrap_or(hex.len());
                (i64::from_str_radix(&hex[..end], 16).ok()? as f64, &hex[end..])
            }
            None => {
                let end = decimal(digits);
                (digits[..end].parse().ok()?, &digits[end..])
            }
        };
        let number: f64 = if word.starts_with('-') { -number } else { number };
        let rest = rest.trim();
        if rest.is_empty() {
            return Some(number);
        }
        let (_, size) = self.words().iter().find(|(name, _)| *name == rest)?;
        // A fraction of a larger unit is rounded to the next smaller one: 1.1 GB are 1126 MB.
        let smaller = self.words().iter().find(|(_, other)| other < size).map(|(_, smaller)| *smaller);
        let exact = match smaller {
            Some(smaller) if number.fract() != 0.0 => (number * size / smaller).round() * smaller,
            _ => number * size,
        };
        Some(exact / self.size())
    }

    /// A number of this unit as SHOW prints it: in the largest that says it exactly.
    pub fn show(self, number: f64, print: Print) -> String {
        if number <= 0.0 || self == Unit::None {
            return print(number);
        }
        let fits = |size: f64| {
            let count = number * self.size() / size;
            ((count.round() / count) - 1.0).abs() <= 1e-8
        };
        match self.words().iter().find(|(_, size)| fits(*size)).or(self.words().last()) {
            Some((name, size)) => format!("{}{name}", print(number * self.size() / size)),
            None => print(number),
        }
    }

    /// 22023, if the number is not in the range.
    pub fn within(self, name: &str, number: f64, (least, greatest): (f64, f64), print: Print) -> Result<()> {
        if (least..=greatest).contains(&number) {
            return Ok(());
        }
        let unit = self.name().map_or_else(String::new, |unit| format!(" {unit}"));
        let words = format!(
            "{}{unit} is outside the valid range for parameter \"{name}\" ({} .. {})",
            print(number),
            print(least),
            print(greatest)
        );
        Err(Error::new(SqlState::INVALID_PARAMETER_VALUE, words))
    }

    /// What to write instead of a unit that nobody knows.
    pub fn hint(self, word: &str) -> Option<&'static str> {
        let has_unit = word.trim().starts_with(|c: char| c.is_ascii_digit() || c == '-' || c == '+')
            && word.trim().ends_with(|c: char| c.is_ascii_alphabetic());
        match self.words() {
            words if !has_unit || words.is_empty() => None,
            words if std::ptr::eq(words, MEMORY) => {
                Some("Valid units for this parameter are \"B\", \"kB\", \"MB\", \"GB\", and \"TB\".")
            }
            _ => Some("Valid units for this parameter are \"us\", \"ms\", \"s\", \"min\", \"h\", and \"d\"."),
        }
    }
}

/// Where a decimal number ends: digits, a fraction, an exponent.
fn decimal(text: &str) -> usize {
    let bytes = text.as_bytes();
    let digits = |from: usize| from + bytes[from..].iter().take_while(|byte| byte.is_ascii_digit()).count();
    let mut end = digits(0);
    if bytes.get(end) == Some(&b'.') {
        end = digits(end + 1);
    }
    if matches!(bytes.get(end), Some(b'e' | b'E')) {
        let sign = end + 1 + usize::from(matches!(bytes.get(end + 1), Some(b'-' | b'+')));
        if sign < digits(sign.min(bytes.len())) {
            end = digits(sign);
        }
    }
    end
}

/// How a number is printed: the next two functions.
type Print = fn(f64) -> String;

/// A whole number.
pub fn whole(number: f64) -> String {
    format!("{number:.0}")
}

/// Six digits at most, as C's `%g` prints them.
pub fn real(number: f64) -> String {
    if number == 0.0 {
        return "0".to_owned();
    }
    let scientific = format!("{number:.5e}");
    let (digits, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    let trimmed = |text: String| match text.contains('.') {
        true => text.trim_end_matches('0').trim_end_matches('.').to_owned(),
        false => text,
    };
    if !(-4..6).contains(&exponent) {
        let sign = if exponent < 0 { '-' } else { '+' };
        return format!("{}e{sign}{:02}", trimmed(digits.to_owned()), exponent.abs());
    }
    trimmed(format!("{number:.*}", usize::try_from(5 - exponent).unwrap_or(0)))
}
