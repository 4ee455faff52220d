//! Bracket expressions: `[a-z]`, `[^[:alpha:]_]`.

use super::escape::{Escape, escape};
use super::parse::{Parse, Parser};
use super::set::{Class, Set, cases};
use super::syntax::Fault;

/// A range may have so many characters whose other case is looked for.
const CASES_MAX: u32 = 0x2_0000;

enum Item {
    Character(char),
    Class(Class, bool),
    /// `[=x=]`: a character that begins no range.
    Equivalent(char),
}

/// Reads what follows an opening bracket.
pub(super) fn read(parser: &mut Parser<'_>) -> Parse<Set> {
    let negated = parser.take('^');
    let mut ranges = Vec::new();
    let mut first = true;
    loop {
        let c = parser.peek().ok_or(Fault::Brackets)?;
        if c == ']' && !first {
            parser.at += 1;
            break;
        }
        if c == '-' && !first && !is_last(parser) {
            return Err(Fault::Range);
        }
        first = false;
        part(parser, &mut ranges)?;
    }
    let set = Set::of(ranges);
    if !negated {
        return Ok(set);
    }
    let set = set.complement();
    Ok(if parser.flags.stop_at_newline { set.without('\n') } else { set })
}

/// Whether the character here is the last before the closing bracket.
fn is_last(parser: &Parser<'_>) -> bool {
    parser.pattern.get(parser.at + 1) == Some(&']')
}

fn part(parser: &mut Parser<'_>, ranges: &mut Vec<(u32, u32)>) -> Parse<()> {
    let ignore_case = parser.flags.ignore_case;
    let start = match item(parser)? {
        Item::Class(class, negated) => {
            let class = match class {
                Class::Upper | Class::Lower if ignore_case => Class::Alpha,
                class => class,
            };
            let set = class.set();
            ranges.extend_from_slice(if negated { set.complement() } else { (*set).clone() }.ranges());
            // A class begins no range.
            if parser.peek() == Some('-') && !is_last(parser) {
                return Err(Fault::Range);
            }
            return Ok(());
        }
        Item::Equivalent(c) => {
            add(c, c, ignore_case, ranges)?;
            return Ok(());
        }
        Item::Character(c) => c,
    };
    if parser.peek() != Some('-') || is_last(parser) {
        return add(start, start, ignore_case, ranges);
    }
    parser.at += 1;
    let Item::Character(end) = item(parser)? else { return Err(Fault::Range) };
    if end < start {
        return Err(Fault::Range);
    }
    add(start, end, ignore_case, ranges)
}

fn add(first: char, last: char, ignore_case: bool, ranges: &mut Vec<(u32, u32)>) -> Parse<()> {
    let (from, to) = (u32::from(first), u32::from(last));
    ranges.push((from, to));
    if ignore_case {
        if to - from > CASES_MAX {
            return Err(Fault::TooComplex);
        }
        ranges.extend((first..=last).flat_map(cases).map(|c| (u32::from(c), u32::from(c))));
    }
    Ok(())
}

fn item(parser: &mut Parser<'_>) -> Parse<Item> {
    let c = parser.peek().ok_or(Fault::Brackets)?;
    parser.at += 1;
    match (c, parser.peek()) {
        ('\\', _) if parser.is_advanced() => match escape(parser.pattern, &mut parser.at, 0)? {
            Escape::Character(c) => Ok(Item::Character(c)),
            Escape::Class(class, negated) => Ok(Item::Class(class, negated)),
            Escape::Assertion(_) | Escape::BackReference(_) => Err(Fault::Escape),
        },
        ('[', Some(kind @ (':' | '.' | '='))) => {
            parser.at += 1;
            let name = named(parser, kind)?;
            match kind {
                ':' => Class::named(&name).map(|class| Item::Class(class, false)).ok_or(Fault::Class),
                '.' => element(&name).map(Item::Character),
                _ => element(&name).map(Item::Equivalent),
            }
        }
        _ => Ok(Item::Character(c)),
    }
}

/// The name up to `:]` or its like.
fn named(parser: &mut Parser<'_>, kind: char) -> Parse<String> {
    let mut name = String::new();
    loop {
        let c = parser.peek().ok_or(Fault::Brackets)?;
        parser.at += 1;
        if c == kind && parser.take(']') {
            return Ok(name);
        }
        name.push(c);
    }
}

/// A collating element: a character, or the name of one.
fn element(name: &str) -> Parse<char> {
    let mut chars = name.chars();
    if let (Some(only), None) = (chars.next(), chars.next()) {
        return Ok(only);
    }
    let found = ELEMENTS.iter().find(|(known, _)| *known == name);
    found.map(|(_, c)| *c).ok_or(Fault::Element)
}

/// The POSIX names of characters.
#[rustfmt::skip]
const ELEMENTS: &[(&str, char)] = &[
    ("NUL", '\0'), ("SOH", '\x01'), ("STX", '\x02'), ("ETX", '\x03'), ("EOT", '\x04'), ("ENQ", '\x05'),
    ("ACK", '\x06'), ("BEL", '\x07'), ("alert", '\x07'), ("BS", '\x08'), ("backspace", '\x08'), ("HT", '\t'),
    ("tab", '\t'), ("LF", '\n'), ("newline", '\n'), ("VT", '\x0b'), ("vertical-tab", '\x0b'), ("FF", '\x0c'),
    ("form-feed", '\x0c'), ("CR", '\r'), ("carriage-return", '\r'), ("ESC", '\x1b'), ("space", ' '),
    ("exclamation-mark", '!'), ("quotation-mark", '"'), ("number-sign", '#'), ("dollar-sign", '$'),
    ("percent-sign", '%'), ("ampersand", '&'), ("apostrophe", '\''), ("left-parenthesis", '('),
    ("right-parenthesis", ')'), ("asterisk", '*'), ("plus-sign", '+'), ("comma", ','), ("hyphen", '-'),
    ("hyphen-minus", '-'), ("period", '.'), ("full-stop", '.'), ("slash", '/'), ("solidus", '/'), ("zero", '0'),
    ("one", '1'), ("two", '2'), ("three", '3'), ("four", '4'), ("five", '5'), ("six", '6'), ("seven", '7'),
    ("eight", '8'), ("nine", '9'), ("colon", ':'), ("semicolon", ';'), ("less-than-sign", '<'), ("equals-sign", '='),
    ("greater-than-sign", '>'), ("question-mark", '?'), ("commercial-at", '@'), ("left-square-bracket", '['),
    ("backslash", '\\'), ("reverse-solidus", '\\'), ("right-square-bracket", ']'), ("circumflex", '^'),
    ("circumflex-accent", '^'), ("underscore", '_'), ("low-line", '_'), ("grave-accent", '`'), ("left-brace", '{'),
    ("left-curly-bracket", '{'), ("vertical-line", '|'), ("right-brace", '}'), ("right-curly-bracket", '}'),
    ("tilde", '~'), ("DEL", '\x7f'),
];
