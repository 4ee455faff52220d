//! What looks like a secret, in whatever text it stands; and names that only secrets have.

use std::ops::Range;

/// What is in the names of secrets.
const NAMES: [&str; 16] = [
    "passw",
    "passphrase",
    "pwd",
    "secret",
    "token",
    "credential",
    "apikey",
    "api_key",
    "access_key",
    "accesskey",
    "private_key",
    "signature",
    "authorization",
    "bearer",
    "identified",
    "pgpass",
];

/// Settings that are called like secrets and tell none.
const SETTINGS: [&str; 2] = ["password_encryption", "session_authorization"];

/// Whether something of this name is a secret. PASSWORD is known also with two letters wrong.
pub(super) fn is_secret_name(name: &str) -> bool {
    let lower = name.to_ascii_lowercase();
    if SETTINGS.contains(&lower.as_str()) {
        return false;
    }
    NAMES.iter().any(|part| lower.contains(part))
        || lower.split(['-', '.']).any(|part| matches!(part.len(), 6..=10) && is_near(part.as_bytes(), b"password"))
}

/// Whether two insertions, deletions or replacements at most make one word of the other.
fn is_near(word: &[u8], other: &[u8]) -> bool {
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (at, letter) in word.iter().enumerate() {
        let mut diagonal = std::mem::replace(&mut row[0], at + 1);
        for (column, expected) in other.iter().enumerate() {
            let replaced = diagonal + usize::from(letter != expected);
            diagonal = row[column + 1];
            row[column + 1] = replaced.min(row[column] + 1).min(diagonal + 1);
        }
    }
    row[other.len()] <= 2
}

/// How much of an address is looked at.
const ADDRESS_BYTES_MAX: usize = 2048;

/// Marks what looks like a secret: verifiers, tokens, private keys, and passwords within addresses.
pub(super) fn looks(text: &str, add: &mut dyn FnMut(Range<usize>)) {
    let behind = |from: usize, is_in: &dyn Fn(char) -> bool| {
        from + text[from..].find(|c: char| !is_in(c)).unwrap_or(text.len() - from)
    };
    let is_base64 = |c: char| c.is_ascii_alphanumeric() || matches!(c, '+' | '/' | '=' | '-' | '_');
    // What was looked through once is not again, so that the same over and over costs no more than its length.
    let mut seen = 0;
    for start in places(text, "scram-sha-256$") {
        let from = start + "scram-sha-256$".len();
        if from > seen {
            seen = behind(from, &|c| is_base64(c) || matches!(c, ':' | '$'));
            add(from..seen);
        }
    }
    for start in places(text, "md5") {
        let end = behind(start + 3, &|c| c.is_ascii_hexdigit());
        if end - start == 3 + 32 {
            add(start + 3..end);
        }
    }
    let mut seen = 0;
    for start in places(text, "eyj").into_iter().filter(|&start| text[start..].starts_with("eyJ")) {
        if start >= seen {
            seen = behind(start, &|c| is_base64(c) || c == '.');
            if text[start..seen].contains('.') || seen == text.len() && seen - start > 8 {
                add(start..seen);
            }
        }
    }
    let begin = text.find("-----BEGIN");
    let mut seen = 0;
    for start in places(text, "private key-----").into_iter().filter(|&start| begin.is_some_and(|begin| begin < start))
    {
        let from = start + "private key-----".len();
        if from > seen {
            seen = text[from..].find("-----END").map_or(text.len(), |end| from + end);
            add(from..seen);
        }
    }
    for start in places(text, "bearer ") {
        let from = start + "bearer ".len();
        let end = behind(from, &|c| is_base64(c) || matches!(c, '.' | '~'));
        if end - from >= 8 {
            add(from..end);
        }
    }
    for start in places(text, "://") {
        mark_address(text, start + 3, add);
    }
}

/// Marks the password of an address: behind the first colon of what stands before its `@`. One that is cut off at the end
/// of the text, or that is longer than what is looked at, may have had one.
fn mark_address(text: &str, from: usize, add: &mut dyn FnMut(Range<usize>)) {
    let is_end = |c: char| c.is_whitespace() || matches!(c, '\'' | '"' | '<' | '>' | '`');
    let last = text.floor_char_boundary(from.saturating_add(ADDRESS_BYTES_MAX));
    let end = text[from..last].find(is_end).map_or(last, |end| from + end);
    let authority = &text[from..end];
    let Some(colon) = authority.find(':') else { return };
    match authority.rfind('@') {
        // An `@` in the path is none of the authority's.
        Some(at) if at > colon && !authority[..colon].contains('/') => add(from + colon + 1..from + at),
        None if end == last && !authority.contains('/') => {
            let is_port = authority[colon + 1..].bytes().all(|byte| byte.is_ascii_digit());
            if !is_port {
                add(from + colon + 1..end);
            }
        }
        _ => {}
    }
}

/// Marks what follows the names of secrets in texts that are not SQL: `password=…`, `"password": "…"`.
pub(super) fn pairs(text: &str, add: &mut dyn FnMut(Range<usize>)) {
    let is_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.');
    let mut at = 0;
    while let Some(found) = text[at..].find(is_name) {
        let start = at + found;
        let end = start + text[start..].find(|c: char| !is_name(c)).unwrap_or(text.len() - start);
        at = end;
        if end - start <= 128
            && is_secret_name(&text[start..end])
            && let Some(value) = value_behind(text, end)
        {
            at = value.end;
            add(value);
        }
    }
}

/// The value that is linked to a name that ends here.
fn value_behind(text: &str, from: usize) -> Option<Range<usize>> {
    let rest = text[from..].trim_start_matches(['"', '\'', '\\']).trim_start();
    let linked = ["=>", ":=", "=", ":"].iter().find_map(|link| rest.strip_prefix(link))?.trim_start();
    let start = text.len() - linked.len();
    let escaped = linked.strip_prefix('\\').unwrap_or(linked);
    let quote = escaped.chars().next().filter(|first| matches!(first, '"' | '\''));
    let Some(quote) = quote else {
        let is_end = |c: char| c.is_whitespace() || matches!(c, '\'' | '"' | '&' | ';' | ',' | ')' | '}' | ']');
        return Some(start..start + linked.find(is_end).unwrap_or(linked.len()));
    };
    let inner = text.len() - escaped.len() + 1;
    // Within a literal a quote is doubled.
    let inner = if quote == '\'' && text[inner..].starts_with('\'') { inner + 1 } else { inner };
    let mut is_escaped = false;
    let end = text[inner..].find(|c: char| {
        let ends = c == quote && !is_escaped;
        is_escaped = c == '\\' && !is_escaped;
        ends
    });
    Some(inner..end.map_or(text.len(), |end| inner + end))
}

/// Where a text has these letters, in whatever case.
fn places(text: &str, letters: &str) -> Vec<usize> {
    let (text, letters) = (text.as_bytes(), letters.as_bytes());
    let ends = text.len().saturating_sub(letters.len() - 1);
    (0..ends).filter(|&at| text[at..at + letters.len()].eq_ignore_ascii_case(letters)).collect()
}
