//! Sets of characters: bracket expressions, classes, and single characters in both cases.

use std::sync::{Arc, OnceLock};

/// Ascending ranges of code points that do not touch, and the ASCII part of them as bits.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Set {
    ranges: Vec<(u32, u32)>,
    ascii: u128,
}

/// The classes that brackets name, and those of `\d`, `\s` and `\w`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Class {
    Alnum,
    Alpha,
    Ascii,
    Blank,
    Cntrl,
    Digit,
    Graph,
    Lower,
    Print,
    Punct,
    Space,
    Upper,
    Xdigit,
    Word,
}

const LAST: u32 = char::MAX as u32;

impl Set {
    /// The ranges in any order.
    pub(super) fn of(mut ranges: Vec<(u32, u32)>) -> Self {
        ranges.sort_unstable();
        let mut joined: Vec<(u32, u32)> = Vec::with_capacity(ranges.len());
        for (first, last) in ranges {
            match joined.last_mut() {
                Some((_, end)) if first <= end.saturating_add(1) => *end = last.max(*end),
                _ => joined.push((first, last)),
            }
        }
        let mut ascii = 0;
        for code in 0..128 {
            if joined.iter().any(|(first, last)| (*first..=*last).contains(&code)) {
                ascii |= 1 << code;
            }
        }
        Self { ranges: joined, ascii }
    }

    pub(super) fn ranges(&self) -> &[(u32, u32)] {
        &self.ranges
    }

    pub(super) fn contains(&self, c: char) -> bool {
        let code = u32::from(c);
        if code < 128 {
            return self.ascii >> code & 1 == 1;
        }
        let after = self.ranges.partition_point(|(first, _)| *first <= code);
        after > 0 && self.ranges[after - 1].1 >= code
    }

    pub(super) fn complement(&self) -> Self {
        let mut ranges = Vec::with_capacity(self.ranges.len() + 1);
        let mut next = 0;
        for (first, last) in &self.ranges {
            if *first > next {
                ranges.push((next, first - 1));
            }
            next = last + 1;
        }
        if next <= LAST {
            ranges.push((next, LAST));
        }
        Self::of(ranges)
    }

    pub(super) fn without(&self, c: char) -> Self {
        let code = u32::from(c);
        let mut ranges = Vec::with_capacity(self.ranges.len() + 1);
        for (first, last) in &self.ranges {
            if (*first..=*last).contains(&code) {
                if *first < code {
                    ranges.push((*first, code - 1));
                }
                if *last > code {
                    ranges.push((code + 1, *last));
                }
            } else {
                ranges.push((*first, *last));
            }
        }
        Self::of(ranges)
    }
}

/// A character in both its cases.
pub(super) fn cases(c: char) -> impl Iterator<Item = char> {
    let mut lower = c.to_lowercase();
    let mut upper = c.to_uppercase();
    let only = |first: Option<char>, second: Option<char>| if second.is_some() { None } else { first };
    let lower = only(lower.next(), lower.next());
    let upper = only(upper.next(), upper.next());
    [Some(c), lower, upper].into_iter().flatten()
}

impl Class {
    pub(super) fn named(name: &str) -> Option<Self> {
        Some(match name {
            "alnum" => Class::Alnum,
            "alpha" => Class::Alpha,
            "ascii" => Class::Ascii,
            "blank" => Class::Blank,
            "cntrl" => Class::Cntrl,
            "digit" => Class::Digit,
            "graph" => Class::Graph,
            "lower" => Class::Lower,
            "print" => Class::Print,
            "punct" => Class::Punct,
            "space" => Class::Space,
            "upper" => Class::Upper,
            "xdigit" => Class::Xdigit,
            "word" => Class::Word,
            _ => return None,
        })
    }

    fn has(self, c: char) -> bool {
        match self {
            Class::Alnum => c.is_alphanumeric(),
            Class::Alpha => c.is_alphabetic() || (c.is_numeric() && !c.is_ascii_digit()),
            Class::Ascii => c.is_ascii(),
            Class::Blank => c == ' ' || c == '\t' || (c.is_whitespace() && is_separator(c)),
            Class::Cntrl => c.is_control() || c == '\u{2028}' || c == '\u{2029}',
            Class::Digit => c.is_ascii_digit(),
            Class::Graph => is_printed(c) && !c.is_whitespace(),
            Class::Lower => c.is_lowercase(),
            Class::Print => is_printed(c),
            Class::Punct => is_printed(c) && !c.is_whitespace() && !c.is_alphanumeric(),
            Class::Space => c.is_whitespace() && !is_unbreakable(c) && c != '\u{85}',
            Class::Upper => c.is_uppercase(),
            Class::Xdigit => c.is_ascii_hexdigit(),
            Class::Word => c.is_alphanumeric() || c == '_',
        }
    }

    /// All characters of the class, looked for once.
    pub(super) fn set(self) -> Arc<Set> {
        static SETS: [OnceLock<Arc<Set>>; 14] = [const { OnceLock::new() }; 14];
        SETS[self as usize]
            .get_or_init(|| {
                let mut ranges: Vec<(u32, u32)> = Vec::new();
                for c in ('\0'..=char::MAX).filter(|c| self.has(*c)) {
                    let code = u32::from(c);
                    match ranges.last_mut() {
                        Some((_, last)) if *last + 1 == code => *last = code,
                        _ => ranges.push((code, code)),
                    }
                }
                Arc::new(Set::of(ranges))
            })
            .clone()
    }
}

fn is_unbreakable(c: char) -> bool {
    matches!(c, '\u{a0}' | '\u{2007}' | '\u{202f}')
}

fn is_separator(c: char) -> bool {
    !is_unbreakable(c) && !matches!(c, '\n' | '\r' | '\x0b' | '\x0c' | '\u{85}' | '\u{2028}' | '\u{2029}')
}

fn is_printed(c: char) -> bool {
    !c.is_control() && !matches!(c, '\u{2028}' | '\u{2029}') && !matches!(u32::from(c), 0xe000..=0xf8ff)
}
