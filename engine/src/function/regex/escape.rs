//! What a backslash and what follows it mean in an advanced regular expression.

use super::parse::Parse;
use super::set::Class;
use super::syntax::{Assertion, Fault};

pub(super) enum Escape {
    Character(char),
    /// A class, or everything else.
    Class(Class, bool),
    Assertion(Assertion),
    BackReference(usize),
}

/// Reads what follows a backslash. `groups` have been opened so far: two digits refer to one of them or are octal.
pub(super) fn escape(pattern: &[char], at: &mut usize, groups: usize) -> Parse<Escape> {
    let c = *pattern.get(*at).ok_or(Fault::Escape)?;
    *at += 1;
    let plain = |code: u32| char::from_u32(code).map(Escape::Character).ok_or(Fault::Escape);
    Ok(match c {
        'a' => Escape::Character('\x07'),
        'A' => Escape::Assertion(Assertion::TextStart),
        'b' => Escape::Character('\x08'),
        'B' => Escape::Character('\\'),
        'c' => {
            let control = *pattern.get(*at).ok_or(Fault::Escape)?;
            *at += 1;
            return plain(u32::from(control) & 0o37);
        }
        'd' => Escape::Class(Class::Digit, false),
        'D' => Escape::Class(Class::Digit, true),
        'e' => Escape::Character('\x1b'),
        'f' => Escape::Character('\x0c'),
        'm' | '<' => Escape::Assertion(Assertion::WordStart),
        'M' | '>' => Escape::Assertion(Assertion::WordEnd),
        'n' => Escape::Character('\n'),
        'r' => Escape::Character('\r'),
        's' => Escape::Class(Class::Space, false),
        'S' => Escape::Class(Class::Space, true),
        't' => Escape::Character('\t'),
        'u' => return plain(digits(pattern, at, 16, 4, 4)?),
        'U' => return plain(digits(pattern, at, 16, 8, 8)?),
        'v' => Escape::Character('\x0b'),
        'w' => Escape::Class(Class::Word, false),
        'W' => Escape::Class(Class::Word, true),
        'x' => return plain(digits(pattern, at, 16, 1, 255)?),
        'y' => Escape::Assertion(Assertion::WordBoundary),
        'Y' => Escape::Assertion(Assertion::NoWordBoundary),
        'Z' => Escape::Assertion(Assertion::TextEnd),
        '0' => {
            *at -= 1;
            return plain(octal(pattern, at)?);
        }
        '1'..='9' => {
            *at -= 1;
            let start = *at;
            let number = digits(pattern, at, 10, 1, 255)? as usize;
            if *at == start + 1 || number <= groups {
                return Ok(Escape::BackReference(number));
            }
            *at = start;
            return plain(octal(pattern, at)?);
        }
        c if c.is_ascii_alphanumeric() => return Err(Fault::Escape),
        c => Escape::Character(c),
    })
}

/// Up to three octal digits of a byte.
fn octal(pattern: &[char], at: &mut usize) -> Parse<u32> {
    let code = digits(pattern, at, 8, 1, 3)?;
    if code > 0xff {
        *at -= 1;
        return Ok(code >> 3);
    }
    Ok(code)
}

fn digits(pattern: &[char], at: &mut usize, base: u32, least: usize, most: usize) -> Parse<u32> {
    let (mut code, mut count) = (0_u32, 0);
    while count < most {
        let Some(digit) = pattern.get(*at).and_then(|c| c.to_digit(base)) else { break };
        code = code.checked_mul(base).and_then(|code| code.checked_add(digit)).ok_or(Fault::Escape)?;
        *at += 1;
        count += 1;
    }
    if count < least { Err(Fault::Escape) } else { Ok(code) }
}
