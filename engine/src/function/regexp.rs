//! Functions of regular expressions: `regexp_*`, `substring(… from pattern)` and SIMILAR TO. Positions count characters.

use std::rc::Rc;

use storage::{Array, ColumnType, Value};

use super::argument::{check_size, int4, invalid, text, text_of};
use super::define::{immutable, table};
use super::regex::{Flags, Regex, compile};
use super::{EvalContext, Function, TableFunction};
use crate::error::{Error, Result, SqlState};
use crate::types::oid::*;

pub(super) const FUNCTIONS: &[Function] = &[
    immutable(6263, "regexp_like", &[TEXT, TEXT], BOOL, like),
    immutable(6264, "regexp_like", &[TEXT, TEXT, TEXT], BOOL, like),
    immutable(3396, "regexp_match", &[TEXT, TEXT], TEXT_ARRAY, first_match),
    immutable(3397, "regexp_match", &[TEXT, TEXT, TEXT], TEXT_ARRAY, first_match),
    immutable(2284, "regexp_replace", &[TEXT, TEXT, TEXT], TEXT, replace),
    immutable(2285, "regexp_replace", &[TEXT, TEXT, TEXT, TEXT], TEXT, replace_with_flags),
    immutable(6253, "regexp_replace", &[TEXT, TEXT, TEXT, INT4], TEXT, replace_from),
    immutable(6252, "regexp_replace", &[TEXT, TEXT, TEXT, INT4, INT4], TEXT, replace_from),
    immutable(6251, "regexp_replace", &[TEXT, TEXT, TEXT, INT4, INT4, TEXT], TEXT, replace_from),
    immutable(2767, "regexp_split_to_array", &[TEXT, TEXT], TEXT_ARRAY, split_to_array),
    immutable(2768, "regexp_split_to_array", &[TEXT, TEXT, TEXT], TEXT_ARRAY, split_to_array),
    immutable(6254, "regexp_count", &[TEXT, TEXT], INT4, count),
    immutable(6255, "regexp_count", &[TEXT, TEXT, INT4], INT4, count),
    immutable(6256, "regexp_count", &[TEXT, TEXT, INT4, TEXT], INT4, count),
    immutable(6257, "regexp_instr", &[TEXT, TEXT], INT4, position),
    immutable(6258, "regexp_instr", &[TEXT, TEXT, INT4], INT4, position),
    immutable(6259, "regexp_instr", &[TEXT, TEXT, INT4, INT4], INT4, position),
    immutable(6260, "regexp_instr", &[TEXT, TEXT, INT4, INT4, INT4], INT4, position),
    immutable(6261, "regexp_instr", &[TEXT, TEXT, INT4, INT4, INT4, TEXT], INT4, position),
    immutable(6262, "regexp_instr", &[TEXT, TEXT, INT4, INT4, INT4, TEXT, INT4], INT4, position),
    immutable(6265, "regexp_substr", &[TEXT, TEXT], TEXT, substring_of_match),
    immutable(6266, "regexp_substr", &[TEXT, TEXT, INT4], TEXT, substring_of_match),
    immutable(6267, "regexp_substr", &[TEXT, TEXT, INT4, INT4], TEXT, substring_of_match),
    immutable(6268, "regexp_substr", &[TEXT, TEXT, INT4, INT4, TEXT], TEXT, substring_of_match),
    immutable(6269, "regexp_substr", &[TEXT, TEXT, INT4, INT4, TEXT, INT4], TEXT, substring_of_match),
    immutable(2073, "substring", &[TEXT, TEXT], TEXT, |_, args| substring(text(&args[0])?, text(&args[1])?)),
    immutable(2074, "substring", &[TEXT, TEXT, TEXT], TEXT, |_, args| {
        substring(text(&args[0])?, &similar(text(&args[1])?, text(&args[2])?)?)
    }),
    immutable(1987, "similar_to_escape", &[TEXT], TEXT, |_, args| text_of(similar(text(&args[0])?, "\\")?)),
    immutable(1986, "similar_to_escape", &[TEXT, TEXT], TEXT, |_, args| {
        text_of(similar(text(&args[0])?, text(&args[1])?)?)
    }),
    immutable(1623, "similar_escape", &[TEXT, TEXT], TEXT, |_, args| match (&args[0], &args[1]) {
        (Value::Null, _) => Ok(Value::Null),
        (pattern, Value::Null) => text_of(similar(text(pattern)?, "\\")?),
        (pattern, escape) => text_of(similar(text(pattern)?, text(escape)?)?),
    })
    .takes_nulls(),
];

pub(super) const TABLE_FUNCTIONS: &[TableFunction] = &[
    table(2763, "regexp_matches", &[TEXT, TEXT], &[("regexp_matches", TEXT_ARRAY)], matches_table),
    table(2764, "regexp_matches", &[TEXT, TEXT, TEXT], &[("regexp_matches", TEXT_ARRAY)], matches_table),
    table(2765, "regexp_split_to_table", &[TEXT, TEXT], &[("regexp_split_to_table", TEXT)], split_table),
    table(2766, "regexp_split_to_table", &[TEXT, TEXT, TEXT], &[("regexp_split_to_table", TEXT)], split_table),
];

type Rows = Box<dyn Iterator<Item = Result<Vec<Value>>> + Send>;
type Captures = Vec<Option<(usize, usize)>>;

/// A text, an expression, and where to look for matches from.
struct Search {
    text: Vec<char>,
    regex: Rc<Regex>,
    from: usize,
    /// Whether the flags ask for all matches.
    global: bool,
}

impl Search {
    fn new(subject: &Value, pattern: &Value, flags: Option<&Value>) -> Result<Self> {
        let (flags, global) = Flags::of(flags.map_or(Ok(""), text)?)?;
        let regex = compile(text(pattern)?, flags)?;
        Ok(Self { text: text(subject)?.chars().collect(), regex, from: 0, global })
    }

    /// Begins at a character, counted from 1.
    fn starting(mut self, start: Option<&Value>) -> Result<Self> {
        self.from = match start.map(int4).transpose()? {
            Some(start) if start <= 0 => return Err(invalid_parameter("start", start)),
            Some(start) => start.unsigned_abs() as usize - 1,
            None => 0,
        };
        Ok(self)
    }

    /// For a function that has no use for the flag `g`.
    fn not_global(self, function: &str, hint: Option<&'static str>) -> Result<Self> {
        if !self.global {
            return Ok(self);
        }
        let error = invalid(format!("{function}() does not support the \"global\" option"));
        Err(match hint {
            Some(hint) => error.with_hint(hint),
            None => error,
        })
    }

    /// All matches; the next one is looked for where the last one ended, or a character further if that had nothing.
    fn matches(&self) -> impl Iterator<Item = Result<Captures>> {
        let mut from = self.from;
        std::iter::from_fn(move || {
            if from > self.text.len() {
                return None;
            }
            let found = match self.regex.find(&self.text, from) {
                Ok(found) => found?,
                Err(error) => {
                    from = usize::MAX;
                    return Some(Err(error));
                }
            };
            let (begin, end) = found[0]?;
            from = if begin == end { end + 1 } else { end };
            Some(Ok(found))
        })
    }

    fn part(&self, part: Option<(usize, usize)>) -> Value {
        match part {
            Some((begin, end)) => Value::Text(self.text[begin..end].iter().collect::<String>().into()),
            None => Value::Null,
        }
    }

    /// What the groups have, or the whole of an expression without groups.
    fn parts(&self, found: &Captures) -> Value {
        let groups = if found.len() > 1 { &found[1..] } else { &found[..] };
        text_array(groups.iter().map(|group| self.part(*group)).collect())
    }

    /// The text between the matches. What matches nothing at an end of the text, or behind a match, parts nothing.
    fn split(&self) -> Result<Vec<Value>> {
        let mut pieces = Vec::new();
        let (mut last, mut valid) = (0, 0);
        for found in self.matches() {
            let Some((begin, end)) = found?[0] else { continue };
            if begin < self.text.len() && end > last {
                pieces.push(self.part(Some((valid, begin))));
                valid = end;
            }
            last = end;
        }
        pieces.push(self.part(Some((valid, self.text.len()))));
        Ok(pieces)
    }
}

fn text_array(values: Vec<Value>) -> Value {
    Value::Array(Box::new(Array::new(ColumnType::Text, values)))
}

fn invalid_parameter(name: &str, value: i32) -> Error {
    invalid(format!("invalid value for parameter \"{name}\": {value}"))
}

fn like(_: &EvalContext, args: &[Value]) -> Result<Value> {
    let (flags, global) = Flags::of(args.get(2).map_or(Ok(""), text)?)?;
    if global {
        return Err(invalid("regexp_like() does not support the \"global\" option"));
    }
    Ok(Value::Bool(compile(text(&args[1])?, flags)?.is_match(text(&args[0])?)?))
}

fn first_match(_: &EvalContext, args: &[Value]) -> Result<Value> {
    let search = Search::new(&args[0], &args[1], args.get(2))?
        .not_global("regexp_match", Some("Use the regexp_matches function instead."))?;
    Ok(search.matches().next().transpose()?.map_or(Value::Null, |found| search.parts(&found)))
}

fn matches_table(_: &EvalContext, args: &[Value]) -> Result<Rows> {
    if args.iter().any(Value::is_null) {
        return Ok(Box::new(std::iter::empty()));
    }
    let search = Search::new(&args[0], &args[1], args.get(2))?;
    let most = if search.global { usize::MAX } else { 1 };
    let matches = search.matches().take(most);
    let rows: Vec<Value> = matches.map(|found| Ok(search.parts(&found?))).collect::<Result<_>>()?;
    Ok(Box::new(rows.into_iter().map(|row| Ok(vec![row]))))
}

fn split_to_array(_: &EvalContext, args: &[Value]) -> Result<Value> {
    let search = Search::new(&args[0], &args[1], args.get(2))?.not_global("regexp_split_to_array", None)?;
    Ok(text_array(search.split()?))
}

fn split_table(_: &EvalContext, args: &[Value]) -> Result<Rows> {
    if args.iter().any(Value::is_null) {
        return Ok(Box::new(std::iter::empty()));
    }
    let search = Search::new(&args[0], &args[1], args.get(2))?.not_global("regexp_split_to_table", None)?;
    Ok(Box::new(search.split()?.into_iter().map(|piece| Ok(vec![piece]))))
}

fn count(_: &EvalContext, args: &[Value]) -> Result<Value> {
    let search =
        Search::new(&args[0], &args[1], args.get(3))?.starting(args.get(2))?.not_global("regexp_count", None)?;
    let mut count: i32 = 0;
    for found in search.matches() {
        found?;
        count = count.saturating_add(1);
    }
    Ok(Value::Int4(count))
}

/// A number that must be positive, or at least not negative.
fn parameter(name: &str, value: Option<&Value>, default: i32, least: i32) -> Result<usize> {
    let value = value.map_or(Ok(default), int4)?;
    if value < least { Err(invalid_parameter(name, value)) } else { Ok(value.unsigned_abs() as usize) }
}

/// Where group `group` of match `number` is.
fn place(search: &Search, number: usize, group: usize) -> Result<Option<(usize, usize)>> {
    let groups = search.regex.groups();
    // Without groups the whole is the first of them.
    if group > groups.max(1) {
        return Ok(None);
    }
    let found = search.matches().nth(number - 1).transpose()?;
    Ok(found.and_then(|found| found[if groups == 0 { 0 } else { group }]))
}

fn position(_: &EvalContext, args: &[Value]) -> Result<Value> {
    let search = Search::new(&args[0], &args[1], args.get(5))?;
    let number = parameter("n", args.get(3), 1, 1);
    let search = search.starting(args.get(2))?;
    let number = number?;
    let end_option = parameter("endoption", args.get(4), 0, 0)?;
    if end_option > 1 {
        return Err(invalid_parameter("endoption", int4(&args[4])?));
    }
    let group = parameter("subexpr", args.get(6), 0, 0)?;
    let search = search.not_global("regexp_instr", None)?;
    let at = match place(&search, number, group)? {
        Some((begin, end)) => 1 + if end_option == 1 { end } else { begin },
        None => 0,
    };
    Ok(Value::Int4(i32::try_from(at).unwrap_or(i32::MAX)))
}

fn substring_of_match(_: &EvalContext, args: &[Value]) -> Result<Value> {
    let search = Search::new(&args[0], &args[1], args.get(4))?.starting(args.get(2))?;
    let number = parameter("n", args.get(3), 1, 1)?;
    let group = parameter("subexpr", args.get(5), 0, 0)?;
    let search = search.not_global("regexp_substr", None)?;
    Ok(search.part(place(&search, number, group)?))
}

/// What the first group has, or the whole of an expression without groups.
fn substring(subject: &str, pattern: &str) -> Result<Value> {
    let regex = compile(pattern, Flags::default())?;
    let search = Search { text: subject.chars().collect(), regex, from: 0, global: false };
    let group = usize::from(search.regex.groups() > 0);
    let found = search.matches().next().transpose()?;
    Ok(search.part(found.and_then(|found| found[group])))
}

fn replace(_: &EvalContext, args: &[Value]) -> Result<Value> {
    replaced(&Search::new(&args[0], &args[1], None)?, text(&args[2])?, Some(1))
}

fn replace_with_flags(_: &EvalContext, args: &[Value]) -> Result<Value> {
    let flags = text(&args[3])?;
    if let Some(digit) = flags.chars().next().filter(char::is_ascii_digit) {
        let message = format!("invalid regular expression option: \"{digit}\"");
        return Err(invalid(message).with_hint(
            "If you meant to use regexp_replace() with a start parameter, cast the fourth argument to integer \
             explicitly.",
        ));
    }
    let search = Search::new(&args[0], &args[1], Some(&args[3]))?;
    replaced(&search, text(&args[2])?, if search.global { None } else { Some(1) })
}

fn replace_from(_: &EvalContext, args: &[Value]) -> Result<Value> {
    let search = Search::new(&args[0], &args[1], args.get(5))?.starting(args.get(3))?;
    let number = parameter("n", args.get(4), 1, 0)?;
    replaced(&search, text(&args[2])?, (number > 0).then_some(number))
}

/// The text with one match replaced, by number from 1, or all of them.
fn replaced(search: &Search, replacement: &str, number: Option<usize>) -> Result<Value> {
    let mut out = String::new();
    let mut copied = 0;
    for (position, found) in search.matches().enumerate() {
        let found = found?;
        let Some((begin, end)) = found[0] else { continue };
        if number.is_some_and(|number| number != position + 1) {
            continue;
        }
        out.extend(&search.text[copied..begin]);
        fill(search, replacement, &found, &mut out);
        check_size(out.len())?;
        copied = end;
        if number.is_some() {
            break;
        }
    }
    out.extend(&search.text[copied.min(search.text.len())..]);
    text_of(out)
}

/// The replacement with `\1` to `\9` and `\&` replaced by what they stand for.
fn fill(search: &Search, replacement: &str, found: &Captures, out: &mut String) {
    let mut chars = replacement.chars().peekable();
    while let Some(c) = chars.next() {
        if c != '\\' {
            out.push(c);
            continue;
        }
        let group = match chars.peek() {
            Some('&') => 0,
            Some(digit @ '1'..='9') => *digit as usize - '0' as usize,
            Some('\\') => {
                chars.next();
                out.push('\\');
                continue;
            }
            // Before anything else it stands for itself.
            _ => {
                out.push('\\');
                continue;
            }
        };
        chars.next();
        if let Some((begin, end)) = found.get(group).copied().flatten() {
            out.extend(&search.text[begin..end]);
        }
    }
}

/// A pattern of SIMILAR TO as a regular expression. Two escaped quotes part it into three, of which the one in the
/// middle is what `substring` gives; the first of them takes as little as it can.
pub(super) fn similar(pattern: &str, escape: &str) -> Result<String> {
    let mut chars = escape.chars();
    let (escape, more) = (chars.next(), chars.next());
    if more.is_some() {
        return Err(Error::new(SqlState::INVALID_ESCAPE_SEQUENCE, "invalid escape string")
            .with_hint("Escape string must be empty or one character."));
    }
    let mut out = String::from("^(?:");
    let (mut escaped, mut quotes) = (false, 0);
    // Inside of brackets: how deep, and how many characters at whose place `]` is no end.
    let mut bracket = Bracket::default();
    for c in pattern.chars() {
        if escaped {
            escaped = false;
            if c == '"' && !bracket.is_open() {
                out.push_str(match quotes {
                    0 => "){1,1}?(",
                    1 => "){1,1}(?:",
                    _ => {
                        return Err(Error::new(
                            SqlState("2200C"),
                            "SQL regular expression may not contain more than two escape-double-quote separators",
                        ));
                    }
                });
                quotes += 1;
            } else {
                out.push('\\');
                out.push(c);
                bracket.literal();
            }
        } else if escape == Some(c) {
            escaped = true;
        } else if bracket.is_open() {
            if c == '\\' {
                out.push('\\');
            }
            out.push(c);
            bracket.inside(c);
        } else {
            match c {
                '[' => {
                    out.push('[');
                    bracket.open();
                }
                '%' => out.push_str(".*"),
                '_' => out.push('.'),
                '(' => out.push_str("(?:"),
                '\\' | '.' | '^' | '$' => out.extend(['\\', c]),
                c => out.push(c),
            }
        }
    }
    out.push_str(")$");
    Ok(out)
}

/// Where a bracket expression of SIMILAR TO stands.
#[derive(Default)]
struct Bracket {
    depth: u32,
    /// 0 right behind the bracket, 1 behind its caret, more later.
    place: u32,
}

impl Bracket {
    fn is_open(&self) -> bool {
        self.depth > 0
    }

    fn open(&mut self) {
        (self.depth, self.place) = (1, 0);
    }

    fn literal(&mut self) {
        self.place = 2;
    }

    fn inside(&mut self, c: char) {
        match c {
            // The first one is a character.
            ']' if self.place > 1 => {
                self.depth -= 1;
                self.place = 2;
            }
            '[' => {
                // A class inside of the brackets.
                self.depth += 1;
                self.place = 2;
            }
            '^' => self.place += 1,
            _ => self.place = 2,
        }
    }
}
