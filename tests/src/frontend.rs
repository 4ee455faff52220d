//! The client's messages as a script writes them.
//!
//! ```text
//! Query SELECT 1; SELECT 2                      all behind the word is SQL
//! Parse: SELECT 1                               the unnamed statement
//! Parse s (int4, 0): SELECT $1, $2              one by name, with declared parameter types
//! Bind                                          unnamed portal, unnamed statement, no parameters
//! Bind p from s ('one', x'00000001', NULL)      a binary parameter makes a format code for each
//! Bind (x'01') formats (1, 0) as (1)            format codes of parameters and results, as they are
//! Describe statement s                          or `portal p`; without a name the unnamed one
//! Execute p limit 2
//! Close portal p
//! CopyData '1\tone\n'
//! CopyFail no more
//! Raw 46 00000004                               bytes, type and length among them
//! ```
//! and `Flush`, `Sync`, `CopyDone`, `Terminate`. Strings know the escapes `\n`, `\t`, `\r`, `\\` and `''`.

use tokio_postgres::types::Type;

use crate::wire::framed;

/// The bytes of a message.
///
/// # Panics
/// When the script is wrong.
pub fn encode(line: &str) -> Vec<u8> {
    let end = line.find([' ', ':']).unwrap_or(line.len());
    let (verb, rest) = (&line[..end], line[end..].trim_start());
    let mut words = Words { rest, line };
    let mut body = Vec::new();
    let kind = match verb {
        "Query" => {
            text(&mut body, rest);
            b'Q'
        }
        "Parse" => {
            parse(&mut body, &mut words);
            return framed(b'P', &body);
        }
        "Bind" => {
            bind(&mut body, &mut words);
            return framed(b'B', &body);
        }
        "Describe" | "Close" => {
            body.push(if words.takes("statement") { b'S' } else { b'P' });
            if body[0] == b'P' {
                words.expect("portal");
            }
            text(&mut body, &words.name());
            if verb == "Close" { b'C' } else { b'D' }
        }
        "Execute" => {
            text(&mut body, &words.name_unless("limit"));
            let limit = if words.takes("limit") { words.number() } else { 0 };
            body.extend_from_slice(&limit.to_be_bytes());
            b'E'
        }
        "CopyData" => {
            body = words.value().unwrap_or_default();
            b'd'
        }
        "CopyFail" => {
            text(&mut body, rest);
            return framed(b'f', &body);
        }
        "Raw" => return bytes_of(rest),
        "CopyDone" => b'c',
        "Flush" => b'H',
        "Sync" => b'S',
        "Terminate" => b'X',
        _ => panic!("no message is called {verb}: {line}"),
    };
    if verb != "Query" {
        words.end();
    }
    framed(kind, &body)
}

fn parse(body: &mut Vec<u8>, words: &mut Words<'_>) {
    let name = words.name_unless(":");
    let mut types = Vec::new();
    if words.takes("(") {
        while !words.takes(")") {
            types.push(type_oid(words.word()));
            words.takes(",");
        }
    }
    words.expect(":");
    text(body, &name);
    text(body, words.rest);
    shorts(body, types.len());
    types.iter().for_each(|oid| body.extend_from_slice(&oid.to_be_bytes()));
}

fn bind(body: &mut Vec<u8>, words: &mut Words<'_>) {
    let portal = words.name_unless("from");
    let statement = if words.takes("from") { words.name() } else { String::new() };
    let (mut values, mut codes) = (Vec::new(), Vec::new());
    if words.takes("(") {
        while !words.takes(")") {
            codes.push(i32::from(words.rest.starts_with("x'")));
            values.push(words.value());
            words.takes(",");
        }
    }
    if codes.iter().all(|code| *code == 0) {
        codes.clear();
    }
    if words.takes("formats") {
        codes = words.numbers();
    }
    let results = if words.takes("as") { words.numbers() } else { Vec::new() };
    words.end();
    text(body, &portal);
    text(body, &statement);
    shorts(body, codes.len());
    codes.iter().for_each(|code| body.extend_from_slice(&(*code as i16).to_be_bytes()));
    shorts(body, values.len());
    for value in &values {
        let length = value.as_ref().map_or(-1, |value| value.len() as i32);
        body.extend_from_slice(&length.to_be_bytes());
        body.extend_from_slice(value.as_deref().unwrap_or_default());
    }
    shorts(body, results.len());
    results.iter().for_each(|code| body.extend_from_slice(&(*code as i16).to_be_bytes()));
}

fn text(body: &mut Vec<u8>, text: &str) {
    body.extend_from_slice(text.as_bytes());
    body.push(0);
}

fn shorts(body: &mut Vec<u8>, count: usize) {
    body.extend_from_slice(&(count as u16).to_be_bytes());
}

/// A type by its name or number.
fn type_oid(word: &str) -> u32 {
    const BUILT_IN_MAX: u32 = 10_000;
    let by_name = || (1..BUILT_IN_MAX).find(|oid| Type::from_oid(*oid).is_some_and(|ty| ty.name() == word));
    word.parse().ok().or_else(by_name).unwrap_or_else(|| panic!("no type is called {word}"))
}

fn bytes_of(hex: &str) -> Vec<u8> {
    let digits = hex.chars().filter(|c| !c.is_whitespace()).collect::<String>();
    let byte = |at: usize| u8::from_str_radix(&digits[at..at + 2], 16).expect("bytes are two hexadecimal digits each");
    (0..digits.len()).step_by(2).map(byte).collect()
}

/// What is left of a line.
struct Words<'a> {
    rest: &'a str,
    line: &'a str,
}

impl<'a> Words<'a> {
    fn expect(&mut self, wanted: &str) {
        assert!(self.takes(wanted), "{wanted} expected at \"{}\" in {}", self.rest, self.line);
    }

    fn end(&self) {
        assert!(self.rest.is_empty(), "\"{}\" is too much in {}", self.rest, self.line);
    }

    /// Takes this word or sign, if it comes next.
    fn takes(&mut self, wanted: &str) -> bool {
        let Some(rest) = self.rest.strip_prefix(wanted) else { return false };
        self.rest = rest.trim_start();
        true
    }

    /// Letters, digits and underscores; nothing, if something else comes next.
    fn word(&mut self) -> &'a str {
        let end = self.rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(self.rest.len());
        let word = &self.rest[..end];
        self.rest = self.rest[end..].trim_start();
        word
    }

    fn name(&mut self) -> String {
        self.word().to_owned()
    }

    /// A name that may be missing before the word that follows it.
    fn name_unless(&mut self, next: &str) -> String {
        if self.rest.starts_with(next) { String::new() } else { self.name() }
    }

    fn number(&mut self) -> i32 {
        let sign = if self.takes("-") { -1 } else { 1 };
        let word = self.word();
        sign * word.parse::<i32>().unwrap_or_else(|_| panic!("{word} is no number in {}", self.line))
    }

    fn numbers(&mut self) -> Vec<i32> {
        self.expect("(");
        let mut numbers = Vec::new();
        while !self.takes(")") {
            numbers.push(self.number());
            self.takes(",");
        }
        numbers
    }

    /// `'text'`, `x'hex'` or NULL.
    fn value(&mut self) -> Option<Vec<u8>> {
        if self.takes("NULL") {
            return None;
        }
        let is_hex = self.takes("x");
        assert!(self.rest.starts_with('\''), "a value expected at \"{}\" in {}", self.rest, self.line);
        let mut value = String::new();
        let mut characters = self.rest.char_indices().skip(1).peekable();
        let end = loop {
            match characters.next() {
                None => panic!("a value does not end in {}", self.line),
                Some((_, '\'')) if characters.peek().is_some_and(|(_, next)| *next == '\'') => {
                    characters.next();
                    value.push('\'');
                }
                Some((at, '\'')) => break at,
                Some((_, '\\')) => value.push(match characters.next() {
                    Some((_, 'n')) => '\n',
                    Some((_, 't')) => '\t',
                    Some((_, 'r')) => '\r',
                    Some((_, other)) => other,
                    None => '\\',
                }),
                Some((_, other)) => value.push(other),
            }
        };
        self.rest = self.rest[end + 1..].trim_start();
        Some(if is_hex { bytes_of(&value) } else { value.into_bytes() })
    }
}
