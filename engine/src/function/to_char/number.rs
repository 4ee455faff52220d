//! Templates of numbers.

use storage::Numeric;

use super::time::ordinal_ending;
use crate::error::{Error, Result, SqlState};
use crate::types::text::{invalid_input, numeric_error};

/// A piece of a template.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Node {
    Nine,
    Zero,
    Point,
    Group,
    /// S: the number's sign, at whichever end it stands.
    Sign,
    Minus,
    Plus,
    PlusMinus,
    Brackets,
    Ordinal {
        upper: bool,
    },
    Roman {
        upper: bool,
    },
    Currency,
    Text(char),
}

#[derive(Default)]
struct Template {
    nodes: Vec<Node>,
    /// Digits before and after the point.
    whole: usize,
    fraction: usize,
    bare: bool,
}

const WORDS: &[(&str, Node)] = &[
    ("MI", Node::Minus),
    ("PL", Node::Plus),
    ("SG", Node::PlusMinus),
    ("PR", Node::Brackets),
    ("G", Node::Group),
    ("D", Node::Point),
    ("S", Node::Sign),
    ("L", Node::Currency),
];

fn parse(template: &str) -> Result<Template> {
    let mut parsed = Template::default();
    let mut rest = template;
    let mut after_point = false;
    while let Some(first) = rest.chars().next() {
        let starts = |word: &str| rest.get(..word.len()).is_some_and(|head| head.eq_ignore_ascii_case(word));
        if first == '"' {
            rest = quoted(&rest[1..], &mut parsed.nodes);
            continue;
        }
        // Outside of quotes a backslash only takes a quotation mark its meaning.
        if rest.starts_with("\\\"") {
            parsed.nodes.push(Node::Text('"'));
            rest = &rest[2..];
            continue;
        }
        if starts("FM") {
            parsed.bare = true;
            rest = &rest[2..];
            continue;
        }
        if starts("EEEE") || starts("V") {
            return Err(Error::unsupported(format_args!(
                "the pattern {} in to_char of numbers",
                if starts("V") { "V" } else { "EEEE" }
            )));
        }
        let (node, length) = if starts("TH") {
            (Node::Ordinal { upper: rest.starts_with("TH") }, 2)
        } else if starts("RN") {
            (Node::Roman { upper: rest.starts_with("RN") }, 2)
        } else if let Some((word, node)) = WORDS.iter().find(|(word, _)| starts(word)) {
            (*node, word.len())
        } else {
            match first {
                '9' => (Node::Nine, 1),
                '0' => (Node::Zero, 1),
                '.' => (Node::Point, 1),
                ',' => (Node::Group, 1),
                other => (Node::Text(other), other.len_utf8()),
            }
        };
        match node {
            Node::Nine | Node::Zero if after_point => parsed.fraction += 1,
            Node::Nine | Node::Zero => parsed.whole += 1,
            Node::Point if after_point => {
                return Err(Error::new(SqlState::SYNTAX_ERROR, "multiple decimal points"));
            }
            Node::Point => after_point = true,
            _ => {}
        }
        parsed.nodes.push(node);
        rest = &rest[length..];
    }
    Ok(parsed)
}

/// Takes text over up to the quotation mark that ends it; a backslash takes the next character its meaning. Answers what
/// follows.
fn quoted<'t>(text: &'t str, nodes: &mut Vec<Node>) -> &'t str {
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match c {
            '"' => break,
            '\\' => nodes.push(Node::Text(chars.next().unwrap_or('\\'))),
            c => nodes.push(Node::Text(c)),
        }
    }
    chars.as_str()
}

/// A number by a template.
pub(super) fn format(value: &Numeric, template: &str) -> Result<String> {
    let template = parse(template)?;
    if let Some(Node::Roman { upper }) = template.nodes.iter().find(|node| matches!(node, Node::Roman { .. })) {
        return Ok(roman(value, *upper, template.bare));
    }
    let rounded = value.round(i32::try_from(template.fraction).unwrap_or(i32::MAX));
    let negative = rounded.signum() < 0 || (value.signum() < 0 && template.fraction > 0 && rounded.is_zero());
    let shown = rounded.abs().to_string();
    let (whole, fraction) = shown.split_once('.').unwrap_or((&shown, ""));
    let overflow = whole.len() > template.whole && whole != "0";
    let whole = if overflow { "#".repeat(template.whole) } else { whole.to_owned() };
    let fraction = if overflow {
        "#".repeat(template.fraction)
    } else {
        format!("{fraction:0<width$}", width = template.fraction)
    };
    Ok(Layout::new(&template, negative, whole, fraction).write())
}

/// A number on its way through a template.
struct Layout<'a> {
    template: &'a Template,
    negative: bool,
    /// As many digits as the template has places; spaces where there are none.
    whole: Vec<char>,
    fraction: Vec<char>,
    /// Fraction digits that are shown though they are zeros at the end.
    fraction_kept: usize,
}

impl<'a> Layout<'a> {
    fn new(template: &'a Template, negative: bool, whole: String, fraction: String) -> Self {
        let digit_nodes = || {
            template
                .nodes
                .iter()
                .take_while(|node| **node != Node::Point)
                .filter(|node| matches!(node, Node::Nine | Node::Zero))
        };
        let first_zero = digit_nodes().position(|node| *node == Node::Zero).unwrap_or(template.whole);
        // A zero before the point is shown only if there is nothing else to show, or the template has a 0 there.
        let nothing = fraction.bytes().all(|digit| digit == b'0');
        let whole =
            if whole == "0" && template.fraction > 0 && !(template.bare && nothing) { String::new() } else { whole };
        let missing = template.whole.saturating_sub(whole.len());
        let padding = (0..missing).map(|place| if place >= first_zero { '0' } else { ' ' });
        let whole: Vec<char> = padding.chain(whole.chars()).collect();
        let last_zero = template
            .nodes
            .iter()
            .skip_while(|node| **node != Node::Point)
            .filter(|node| matches!(node, Node::Nine | Node::Zero))
            .enumerate()
            .filter(|(_, node)| **node == Node::Zero)
            .map(|(place, _)| place + 1)
            .last()
            .unwrap_or(0);
        let fraction: Vec<char> = fraction.chars().collect();
        let significant = fraction.iter().rposition(|digit| *digit != '0').map_or(0, |at| at + 1);
        let fraction_kept = if template.bare { significant.max(last_zero) } else { fraction.len() };
        Self { template, negative, whole, fraction, fraction_kept }
    }

    fn write(&self) -> String {
        let nodes = &self.template.nodes;
        let bare = self.template.bare;
        let explicit =
            nodes.iter().any(|node| matches!(node, Node::Sign | Node::Minus | Node::PlusMinus | Node::Brackets));
        let brackets = nodes.contains(&Node::Brackets);
        let first_digit = nodes.iter().position(|node| matches!(node, Node::Nine | Node::Zero | Node::Point));
        let sign_at = nodes.iter().position(|node| *node == Node::Sign);
        let leading_sign = sign_at.is_some_and(|at| first_digit.is_some_and(|first| at < first));
        // What stands right before the first digit that is shown.
        let mut pending: Option<char> = if brackets {
            Some(if self.negative { '<' } else { ' ' })
        } else if leading_sign {
            Some(if self.negative { '-' } else { '+' })
        } else if !explicit {
            Some(if self.negative { '-' } else { ' ' })
        } else {
            None
        };
        if bare && pending == Some(' ') {
            pending = None;
        }
        let mut out = String::new();
        let (mut place, mut after_point, mut fraction_place) = (0, false, 0);
        for node in nodes {
            match node {
                Node::Nine | Node::Zero if after_point => {
                    if fraction_place < self.fraction_kept {
                        out.extend(self.fraction.get(fraction_place));
                    }
                    fraction_place += 1;
                }
                Node::Nine | Node::Zero => {
                    match self.whole.get(place).copied() {
                        Some(' ') | None => {
                            if !bare {
                                out.push(' ');
                            }
                        }
                        Some(digit) => {
                            out.extend(pending.take());
                            out.push(digit);
                        }
                    }
                    place += 1;
                }
                Node::Point => {
                    out.extend(pending.take());
                    out.push('.');
                    after_point = true;
                }
                Node::Group => {
                    let shown = place > 0 && self.whole.get(place - 1).is_some_and(|digit| *digit != ' ');
                    if shown {
                        out.push(',');
                    } else if !bare {
                        out.push(' ');
                    }
                }
                Node::Sign if leading_sign => {}
                Node::Sign => out.push(if self.negative { '-' } else { '+' }),
                Node::Minus => {
                    if self.negative {
                        out.push('-');
                    } else if !bare {
                        out.push(' ');
                    }
                }
                Node::Plus => {
                    if !self.negative {
                        out.push('+');
                    } else if !bare {
                        out.push(' ');
                    }
                }
                Node::PlusMinus => out.push(if self.negative { '-' } else { '+' }),
                Node::Brackets => {
                    if self.negative {
                        out.push('>');
                    } else if !bare {
                        out.push(' ');
                    }
                }
                Node::Ordinal { upper } => {
                    if !self.negative && self.template.fraction == 0 {
                        let ending = ordinal_ending(&out);
                        out.push_str(&if *upper { ending.to_ascii_uppercase() } else { ending.to_owned() });
                    }
                }
                Node::Roman { .. } => {}
                Node::Currency => out.push(' '),
                Node::Text(c) => out.push(*c),
            }
        }
        out
    }
}

/// Roman numerals, 15 wide; what has none is number signs.
fn roman(value: &Numeric, upper: bool, bare: bool) -> String {
    const PARTS: [(i32, &str); 13] = [
        (1000, "M"),
        (900, "CM"),
        (500, "D"),
        (400, "CD"),
        (100, "C"),
        (90, "XC"),
        (50, "L"),
        (40, "XL"),
        (10, "X"),
        (9, "IX"),
        (5, "V"),
        (4, "IV"),
        (1, "I"),
    ];
    let shown = match value.to_i32() {
        Some(mut number @ 1..=3999) => {
            let mut shown = String::new();
            for (worth, letters) in PARTS {
                while number >= worth {
                    shown.push_str(letters);
                    number -= worth;
                }
            }
            shown
        }
        _ => "#".repeat(15),
    };
    let shown = if upper { shown } else { shown.to_ascii_lowercase() };
    if bare { shown } else { format!("{shown:>15}") }
}

/// Reads a number by a template: what the template groups, signs or quotes is taken out.
pub(super) fn read(text: &str, template: &str) -> Result<Numeric> {
    let template = parse(template)?;
    let mut chars = text.trim().chars().peekable();
    let (mut digits, mut negative) = (String::new(), false);
    for node in &template.nodes {
        while chars.next_if(|c| c.is_whitespace()).is_some() {}
        match node {
            Node::Nine | Node::Zero => {
                if chars.next_if(|c| matches!(c, '-' | '<')).is_some() {
                    negative = true;
                } else {
                    chars.next_if_eq(&'+');
                }
                digits.extend(chars.next_if(char::is_ascii_digit));
            }
            Node::Point => digits.extend(chars.next_if_eq(&'.')),
            Node::Group => {
                chars.next_if_eq(&',');
            }
            Node::Sign | Node::Minus | Node::PlusMinus | Node::Plus | Node::Brackets => {
                negative |= chars.next_if(|c| matches!(c, '-' | '<')).is_some();
                chars.next_if(|c| matches!(c, '+' | '>'));
            }
            Node::Text(_) | Node::Currency | Node::Ordinal { .. } => {
                chars.next_if(|c| !c.is_ascii_digit() && *c != '-');
            }
            Node::Roman { .. } => return Err(Error::unsupported("Roman numerals in to_number")),
        }
    }
    if digits.is_empty() || digits == "." {
        return Err(invalid_input("numeric", text));
    }
    let value = Numeric::parse(&digits).map_err(numeric_error)?;
    Ok(if negative { value.neg() } else { value })
}
