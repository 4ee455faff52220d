//! Fingerprints of simple-protocol texts: the statement with its literals taken out as parameters.
//!
//! Clients that write values into the text send the same statement over and over. What is left when the literals are
//! gone, with their types, finds the plan made for the first of them. Only texts that may become point plans, or that
//! begin and end transactions, are fingerprinted. Where a literal says more than a value (ORDER BY 1, LIMIT 10) it stays
//! in the text; where a word gives it a type of its own (INTERVAL '1 day'), the text takes the long way.

use std::fmt::Write as _;

use storage::Value;

use crate::types::oid;

/// A text without its literals.
#[derive(Debug, PartialEq)]
pub(crate) struct Fingerprint {
    /// The text with `$1`, `$2`, … where literals stood; their types are appended, as they are part of the identity.
    pub(crate) text: String,
    /// Type oids; 0 for string literals, whose type the context decides.
    pub(crate) types: Vec<u32>,
    pub(crate) values: Vec<Value>,
}

/// Longest text and most literals that are fingerprinted.
const TEXT_BYTES_MAX: usize = 2048;
const LITERALS_MAX: usize = 64;

/// Words after which, or around which, a literal is not just a value, or the statement is no point plan anyway.
const UNSUITABLE: &[&str] = &[
    "group",
    "having",
    "union",
    "except",
    "intersect",
    "with",
    "join",
    "interval",
    "date",
    "time",
    "timestamp",
    "timestamptz",
    "timetz",
    "cast",
    "case",
    "select_into",
    "over",
    "distinct",
    "any",
    "array",
    "extract",
    "bit",
    "zone",
    "explain",
    "prepare",
    "execute",
    "numeric",
    "decimal",
    "varchar",
    "char",
    "character",
    "escape",
    "collate",
    "row",
];

/// Words after which literals stay in the text: places in a list of columns, and counts of rows.
const KEEPING: &[&str] = &["order", "limit", "offset", "fetch"];

/// What a text that is fingerprinted begins with.
const VERBS: &[&str] =
    &["select", "insert", "update", "delete", "begin", "start", "commit", "end", "rollback", "abort"];

/// The fingerprint of a text; None if it is not of the kind that is kept.
pub(crate) fn fingerprint(sql: &str) -> Option<Fingerprint> {
    if sql.len() > TEXT_BYTES_MAX || !sql.is_ascii() {
        return None;
    }
    let mut scanner =
        Scanner { bytes: sql.as_bytes(), at: 0, out: Fingerprint::sized(sql.len()), first: true, keeps: false };
    scanner.run()?;
    let mut out = scanner.out;
    if out.values.is_empty() {
        return Some(out);
    }
    // A comment at the end cannot hold anything back: the types follow on a line of their own.
    out.text.push_str("\n--");
    for ty in &out.types {
        let _ = write!(out.text, " {ty}");
    }
    Some(out)
}

impl Fingerprint {
    fn sized(bytes: usize) -> Self {
        Self { text: String::with_capacity(bytes + 16), types: Vec::with_capacity(4), values: Vec::with_capacity(4) }
    }
}

struct Scanner<'a> {
    bytes: &'a [u8],
    at: usize,
    out: Fingerprint,
    /// No word has been read yet.
    first: bool,
    /// Literals stay in the text from here on.
    keeps: bool,
}

impl Scanner<'_> {
    fn run(&mut self) -> Option<()> {
        while let Some(&byte) = self.bytes.get(self.at) {
            match byte {
                b'a'..=b'z' | b'A'..=b'Z' | b'_' => self.word()?,
                b'0'..=b'9' => self.number()?,
                b'\'' => self.string()?,
                b'"' => self.quoted_name()?,
                b';' => return self.only_white_space_left(),
                // Comments, casts, parameters and dollar quotes are rare in such texts; they take the long way.
                b'$' | b'[' | b'\\' => return None,
                b':' => return None,
                b'-' if self.peek(1) == Some(b'-') => return None,
                b'/' if self.peek(1) == Some(b'*') => return None,
                b'.' if self.peek(1).is_some_and(|next| next.is_ascii_digit()) => return None,
                _ => {
                    self.out.text.push(byte as char);
                    self.at += 1;
                }
            }
        }
        Some(())
    }

    fn peek(&self, ahead: usize) -> Option<u8> {
        self.bytes.get(self.at + ahead).copied()
    }

    fn only_white_space_left(&self) -> Option<()> {
        self.bytes[self.at + 1..].iter().all(|byte| byte.is_ascii_whitespace()).then_some(())
    }

    fn word(&mut self) -> Option<()> {
        let start = self.at;
        while self.peek(0).is_some_and(|byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'$') {
            self.at += 1;
        }
        // E'…', B'…' and the like are literals of another grammar.
        if self.peek(0) == Some(b'\'') {
            return None;
        }
        let word = std::str::from_utf8(&self.bytes[start..self.at]).ok()?;
        if std::mem::take(&mut self.first) {
            if !is_among(word, VERBS) {
                return None;
            }
        } else if word.len() <= 12 && is_among(word, UNSUITABLE) {
            return None;
        }
        self.keeps |= word.len() <= 6 && is_among(word, KEEPING);
        self.out.text.push_str(word);
        Some(())
    }

    fn quoted_name(&mut self) -> Option<()> {
        let rest = &self.bytes[self.at + 1..];
        let end = self.at + 1 + rest.iter().position(|byte| *byte == b'"')?;
        self.out.text.push_str(std::str::from_utf8(&self.bytes[self.at..=end]).ok()?);
        self.at = end + 1;
        Some(())
    }

    /// An integer of int4's or int8's size, as PostgreSQL types it, or a number with decimals; others take the long way.
    fn number(&mut self) -> Option<()> {
        let start = self.at;
        self.digits();
        let has_point = self.peek(0) == Some(b'.') && self.peek(1).is_some_and(|byte| byte.is_ascii_digit());
        if has_point {
            self.at += 1;
            self.digits();
        }
        // Another point, an exponent, or a word stuck to the number.
        if self.peek(0).is_some_and(|byte| byte == b'.' || byte == b'_' || byte.is_ascii_alphabetic()) {
            return None;
        }
        let digits = std::str::from_utf8(&self.bytes[start..self.at]).ok()?;
        if self.keeps {
            self.out.text.push_str(digits);
            return Some(());
        }
        if has_point {
            return self.literal(oid::NUMERIC, Value::Numeric(Box::new(digits.parse().ok()?)));
        }
        let value: i64 = digits.parse().ok()?;
        // The negative of this one is an int4, itself it is not.
        if value == 1 << 31 {
            return None;
        }
        match i32::try_from(value) {
            Ok(value) => self.literal(oid::INT4, Value::Int4(value)),
            Err(_) => self.literal(oid::INT8, Value::Int8(value)),
        }
    }

    fn digits(&mut self) {
        while self.peek(0).is_some_and(|byte| byte.is_ascii_digit()) {
            self.at += 1;
        }
    }

    fn string(&mut self) -> Option<()> {
        let start = self.at;
        let mut value = String::new();
        self.at += 1;
        loop {
            match self.peek(0)? {
                b'\'' if self.peek(1) == Some(b'\'') => {
                    value.push('\'');
                    self.at += 2;
                }
                b'\'' => {
                    self.at += 1;
                    break;
                }
                // Continued strings and escapes are told apart by what follows; a NUL is refused elsewhere.
                0 => return None,
                byte => {
                    value.push(byte as char);
                    self.at += 1;
                }
            }
        }
        if self.keeps {
            self.out.text.push_str(std::str::from_utf8(&self.bytes[start..self.at]).ok()?);
            return Some(());
        }
        self.literal(0, Value::Text(value.into()))
    }

    fn literal(&mut self, ty: u32, value: Value) -> Option<()> {
        if self.out.values.len() >= LITERALS_MAX {
            return None;
        }
        self.out.types.push(ty);
        self.out.values.push(value);
        // Adjacent literals must not run together with their surroundings.
        let _ = write!(self.out.text, "${}", self.out.values.len());
        Some(())
    }
}

fn is_among(word: &str, words: &[&str]) -> bool {
    words.iter().any(|one| word.eq_ignore_ascii_case(one))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn literals_become_parameters() {
        let print = fingerprint("UPDATE t SET a = a + -12 WHERE b = 'it''s' AND c=3000000000;").expect("kept");
        assert_eq!(print.text, "UPDATE t SET a = a + -$1 WHERE b = $2 AND c=$3\n-- 23 0 20");
        assert_eq!(print.types, [oid::INT4, 0, oid::INT8]);
        assert_eq!(print.values, [Value::Int4(12), Value::Text("it's".into()), Value::Int8(3_000_000_000)]);
    }

    #[test]
    fn numbers_with_decimals_are_numeric() {
        let print = fingerprint("INSERT INTO t VALUES (9.90, 1)").expect("kept");
        assert_eq!(print.text, "INSERT INTO t VALUES ($1, $2)\n-- 1700 23");
        assert_eq!(print.values, [Value::Numeric(Box::new("9.90".parse().expect("a number"))), Value::Int4(1)]);
    }

    #[test]
    fn places_and_counts_stay_in_the_text() {
        let print = fingerprint("SELECT a FROM t WHERE b = 7 ORDER BY 1, a = 'it''s' LIMIT 10").expect("kept");
        assert_eq!(print.text, "SELECT a FROM t WHERE b = $1 ORDER BY 1, a = 'it''s' LIMIT 10\n-- 23");
    }

    #[test]
    fn texts_without_literals_are_themselves() {
        for sql in ["BEGIN", "commit", "ROLLBACK TO a", "SELECT now()"] {
            let print = fingerprint(sql).expect("kept");
            assert_eq!((print.text.as_str(), print.values.len()), (sql, 0));
        }
    }

    #[test]
    fn texts_whose_literals_say_more_are_left_alone() {
        for sql in [
            "SELECT interval '1 day'",
            "SELECT 1::int8",
            "SELECT 1.5e3",
            "SELECT .5",
            "SELECT 1.",
            "SELECT -2147483648",
            "SELECT 1; SELECT 2",
            "SELECT $1",
            "SELECT a -- 1\n FROM t WHERE a = 1",
            "CREATE TABLE t (a int)",
        ] {
            assert_eq!(fingerprint(sql), None, "{sql}");
        }
    }
}
