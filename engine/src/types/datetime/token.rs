//! Words of date and time text: cutting it into fields, as PostgreSQL's `ParseDateTime` does.

/// What a field looks like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// Digits, with a fraction perhaps.
    Number,
    /// Has separators: a date, or a zone's name.
    Date,
    /// Has colons.
    Time,
    /// A sign and digits.
    Zone,
    /// Letters.
    Word,
    /// A sign and letters: `-infinity`.
    SignedWord,
}

/// A field, in lower case.
#[derive(Debug, Clone)]
pub(super) struct Field {
    pub(super) kind: Kind,
    pub(super) text: String,
}

/// No date or time has more fields.
const FIELDS_MAX: usize = 25;

/// Cuts text into fields; `None` if it cannot be a date or time. `is_word` tells a keyword, after which a sign or
/// digit begins a new field.
pub(super) fn fields(text: &str, is_word: &dyn Fn(&str) -> bool) -> Option<Vec<Field>> {
    let bytes = text.as_bytes();
    let mut fields = Vec::new();
    let mut at = 0;
    while at < bytes.len() {
        let byte = bytes[at];
        if byte.is_ascii_whitespace() || byte == 0x0b {
            at += 1;
            continue;
        }
        let start = at;
        let kind = match byte {
            b'0'..=b'9' => digits_field(bytes, &mut at),
            b'.' => {
                at += 1;
                skip(bytes, &mut at, |byte| byte.is_ascii_digit());
                Kind::Number
            }
            b'a'..=b'z' | b'A'..=b'Z' => {
                skip(bytes, &mut at, |byte| byte.is_ascii_alphabetic());
                let named = match bytes.get(at) {
                    Some(b'-' | b'/' | b'.') => true,
                    Some(b'+' | b'0'..=b'9') => !is_word(&text[start..at].to_ascii_lowercase()),
                    _ => false,
                };
                if named {
                    skip(bytes, &mut at, |byte| byte.is_ascii_alphanumeric() || b"+-/_.:".contains(&byte));
                    Kind::Date
                } else {
                    Kind::Word
                }
            }
            b'+' | b'-' => {
                at += 1;
                skip(bytes, &mut at, |byte| byte.is_ascii_whitespace());
                match bytes.get(at) {
                    Some(b'0'..=b'9') => {
                        skip(bytes, &mut at, |byte| byte.is_ascii_digit() || b":.-".contains(&byte));
                        Kind::Zone
                    }
                    Some(byte) if byte.is_ascii_alphabetic() => {
                        skip(bytes, &mut at, |byte| byte.is_ascii_alphabetic());
                        Kind::SignedWord
                    }
                    _ => return None,
                }
            }
            byte if byte.is_ascii_punctuation() => {
                at += 1;
                continue;
            }
            _ => return None,
        };
        if fields.len() == FIELDS_MAX {
            return None;
        }
        let text =
            text[start..at].chars().filter(|c| !c.is_ascii_whitespace()).collect::<String>().to_ascii_lowercase();
        fields.push(Field { kind, text });
    }
    Some(fields)
}

fn digits_field(bytes: &[u8], at: &mut usize) -> Kind {
    skip(bytes, at, |byte| byte.is_ascii_digit());
    match bytes.get(*at).copied() {
        Some(b':') => {
            skip(bytes, at, |byte| byte.is_ascii_digit() || byte == b':' || byte == b'.');
            Kind::Time
        }
        Some(separator @ (b'-' | b'/' | b'.')) => {
            *at += 1;
            if bytes.get(*at).is_some_and(u8::is_ascii_digit) {
                skip(bytes, at, |byte| byte.is_ascii_digit());
                if bytes.get(*at) == Some(&separator) {
                    skip(bytes, at, |byte| byte.is_ascii_digit() || byte == separator);
                    Kind::Date
                } else if separator == b'.' {
                    Kind::Number
                } else {
                    Kind::Date
                }
            } else if separator == b'.' && !bytes.get(*at).is_some_and(u8::is_ascii_alphabetic) {
                Kind::Number
            } else {
                skip(bytes, at, |byte| byte.is_ascii_alphanumeric() || byte == separator);
                Kind::Date
            }
        }
        _ => Kind::Number,
    }
}

fn skip(bytes: &[u8], at: &mut usize, take: impl Fn(u8) -> bool) {
    while bytes.get(*at).is_some_and(|byte| take(*byte)) {
        *at += 1;
    }
}
