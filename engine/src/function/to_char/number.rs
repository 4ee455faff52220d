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
    /// Digits behind V: by so many powers of ten the number is greater.
    shift: usize,
    /// EEEE
    scientific: bool,
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

const SILENT: [&str; 3] = ["SP", "B", "C"];

fn parse(template: &str) -> Result<Template> {
    let mut parsed = Template::default();
    let mut rest = template;
    let (mut after_point, mut after_shift) = (false, false);
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
        if parsed.scientific {
            return Err(Error::new(SqlState::SYNTAX_ERROR, "\"EEEE\" must be the last pattern used"));
        }
        if starts("EEEE") {
            parsed.scientific = true;
            rest = &rest[4..];
            continue;
        }
        if starts("V") {
            if after_point {
                return Err(both_shift_and_point());
            }
            after_shift = true;
            rest = &rest[1..];
            continue;
        }
        // Words that change nothing.
        if let Some(word) = SILENT.iter().find(|word| starts(word)) {
            rest = &rest[word.len()..];
            continue;
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
        check_together(node, &parsed.nodes)?;
        match node {
            Node::Nine | Node::Zero if after_point => parsed.fraction += 1,
            Node::Nine | Node::Zero => {
                parsed.whole += 1;
                parsed.shift += usize::from(after_shift);
            }
            Node::Point if after_shift => return Err(both_shift_and_point()),
            Node::Point if after_point => {
                return Err(Error::new(SqlState::SYNTAX_ERROR, "multiple decimal points"));
            }
            Node::Point => after_point = true,
            _ => {}
        }
        parsed.nodes.push(node);
        rest = &rest[length..];
    }
    let plain = |node: &Node| matches!(node, Node::Nine | Node::Zero | Node::Point);
    if parsed.scientific && (parsed.bare || parsed.shift > 0 || !parsed.nodes.iter().all(plain)) {
        return Err(Error::new(SqlState::SYNTAX_ERROR, "\"EEEE\" is incompatible with other formats")
            .with_detail("\"EEEE\" may only be used together with digit and decimal point patterns."));
    }
    Ok(parsed)
}

/// 42601 for two pieces that both say where the sign goes, and for digits behind what closes the brackets.
fn check_together(node: Node, before: &[Node]) -> Result<()> {
    let has = |one: Node| before.contains(&one);
    let other_sign = has(Node::Minus) || has(Node::Plus) || has(Node::PlusMinus);
    let words = match node {
        Node::Nine if has(Node::Brackets) => "\"9\" must be ahead of \"PR\"",
        Node::Zero if has(Node::Brackets) => "\"0\" must be ahead of \"PR\"",
        Node::Sign if has(Node::Sign) => "cannot use \"S\" twice",
        Node::Sign if other_sign || has(Node::Brackets) => "cannot use \"S\" and \"PL\"/\"MI\"/\"SG\"/\"PR\" together",
        Node::Minus if has(Node::Sign) => "cannot use \"S\" and \"MI\" together",
        Node::Plus if has(Node::Sign) => "cannot use \"S\" and \"PL\" together",
        Node::PlusMinus if has(Node::Sign) => "cannot use \"S\" and \"SG\" together",
        Node::Brackets if has(Node::Sign) || other_sign => "cannot use \"PR\" and \"S\"/\"PL\"/\"MI\"/\"SG\" together",
        _ => return Ok(()),
    };
    Err(Error::new(SqlState::SYNTAX_ERROR, words))
}

fn both_shift_and_point() -> Error {
    Error::new(SqlState::SYNTAX_ERROR, "cannot use \"V\" and decimal point together")
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

/// A float by a template, of which no more digits are shown than its type is sure of.
pub(super) fn format_float(value: f64, template: &str, digits: usize) -> Result<String> {
    let mut template = parse(template)?;
    if template.scientific && value.is_finite() {
        let shown = format!("{:.*e}", template.fraction, value.abs());
        let (significand, exponent) = shown.split_once('e').unwrap_or((&shown, "0"));
        return Ok(with_exponent(value < 0.0, significand, exponent.parse().unwrap_or(0)));
    }
    if template.scientific || !value.is_finite() {
        let value = Numeric::from_f64(value);
        let whole = value.abs().to_string().len();
        template.fraction =
            template.fraction.min(if template.scientific { usize::MAX } else { digits.saturating_sub(whole) });
        return laid_out(&value, template);
    }
    let shifted = value * 10_f64.powi(i32::try_from(template.shift).unwrap_or(i32::MAX));
    let whole = format!("{:.0}", shifted.abs()).len();
    template.fraction = template.fraction.min(digits.saturating_sub(whole));
    template.shift = 0;
    laid_out(&Numeric::parse(&format!("{:.*}", template.fraction, shifted)).map_err(numeric_error)?, template)
}

/// A number by a template.
pub(super) fn format(value: &Numeric, template: &str) -> Result<String> {
    laid_out(value, parse(template)?)
}

fn laid_out(value: &Numeric, mut template: Template) -> Result<String> {
    if template.scientific {
        return scientific(value, &template);
    }
    let shifted = match template.shift {
        0 => None,
        shift => Some(value.mul(&power_of_ten(shift)?).map_err(numeric_error)?),
    };
    let value = shifted.as_ref().unwrap_or(value);
    if let Some(Node::Roman { upper }) = template.nodes.iter().find(|node| matches!(node, Node::Roman { .. })) {
        return Ok(roman(value, *upper, template.bare));
    }
    let rounded = value.round(i32::try_from(template.fraction).unwrap_or(i32::MAX));
    let finite = value.is_finite();
    let negative = rounded.signum() < 0 || (value.signum() < 0 && template.fraction > 0 && rounded.is_zero());
    let shown = rounded.abs().to_string();
    let (whole, fraction) = shown.split_once('.').unwrap_or((&shown, ""));
    let overflow = whole.len() > template.whole && whole != "0";
    let whole = if overflow { "#".repeat(template.whole) } else { whole.to_owned() };
    if !finite && !overflow {
        // A word has no digits behind it.
        template.fraction = 0;
    }
    let fraction = if overflow {
        "#".repeat(template.fraction)
    } else {
        format!("{fraction:0<width$}", width = template.fraction)
    };
    Ok(Layout::new(&template, negative, whole, fraction, overflow).write())
}

fn power_of_ten(exponent: usize) -> Result<Numeric> {
    Numeric::parse(&format!("1e{exponent}")).map_err(numeric_error)
}

/// `d.ddde+xx`, with as many digits as the template has behind its point.
fn scientific(value: &Numeric, template: &Template) -> Result<String> {
    if !value.is_finite() {
        // As wide as a sign, the digits, the point and an exponent of two digits.
        let mut marks = vec!['#'; template.whole + template.fraction + 6];
        marks[0] = ' ';
        if let Some(point) = marks.get_mut(template.whole + 1) {
            *point = '.';
        }
        return Ok(marks.into_iter().collect());
    }
    let shown = value.abs().to_string();
    let (whole, fraction) = shown.split_once('.').unwrap_or((&shown, ""));
    let digits = format!("{whole}{fraction}");
    let first = digits.find(|digit| digit != '0');
    let exponent = match first.map(i64::try_from) {
        Some(Ok(first)) => i64::try_from(whole.len()).unwrap_or(0) - 1 - first,
        _ => 0,
    };
    // One digit more than is shown decides how the last is rounded.
    let mut known = digits.chars().skip(first.unwrap_or(0)).take(template.fraction + 2);
    let leading = known.next().unwrap_or('0');
    let scaled = Numeric::parse(&format!("{leading}.{}", known.collect::<String>())).map_err(numeric_error)?;
    // As in PostgreSQL, 9.9999 becomes 10.000e+00.
    let significand = scaled.round(i32::try_from(template.fraction).unwrap_or(i32::MAX)).to_string();
    Ok(with_exponent(value.signum() < 0, &significand, exponent))
}

fn with_exponent(negative: bool, significand: &str, exponent: i64) -> String {
    let sign = if negative { '-' } else { ' ' };
    format!("{sign}{significand}e{}{:02}", if exponent < 0 { '-' } else { '+' }, exponent.abs())
}

/// A number on its way through a template.
struct Layout<'a> {
    template: &'a Template,
    negative: bool,
    /// As many digits as the template has places; spaces where there are none.
    whole: Vec<char>,
    fraction: Vec<char>,
    /// Whether the template has a place for it all.
    overflow: bool,
    /// Fraction digits that are shown though they are zeros at the end.
    fraction_kept: usize,
}

impl<'a> Layout<'a> {
    fn new(template: &'a Template, negative: bool, whole: String, fraction: String, overflow: bool) -> Self {
        let digit_nodes = || {
            template
                .nodes
                .iter()
                .take_while(|node| **node != Node::Point)
                .filter(|node| matches!(node, Node::Nine | Node::Zero))
        };
        let first_zero = digit_nodes().position(|node| *node == Node::Zero).unwrap_or(template.whole);
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
        // A zero before the point is shown only if there is nothing else to show, or the template has a 0 there.
        let nothing = fraction.bytes().all(|digit| digit == b'0');
        let kept = !nothing || last_zero > 0 || !template.bare;
        let whole = if whole == "0" && template.fraction > 0 && kept { String::new() } else { whole };
        let missing = template.whole.saturating_sub(whole.len());
        let padding = (0..missing).map(|place| if place >= first_zero { '0' } else { ' ' });
        let whole: Vec<char> = padding.chain(whole.chars()).collect();
        let fraction: Vec<char> = fraction.chars().collect();
        let significant = fraction.iter().rposition(|digit| *digit != '0').map_or(0, |at| at + 1);
        let fraction_kept = if template.bare { significant.max(last_zero) } else { fraction.len() };
        Self { template, negative, whole, fraction, overflow, fraction_kept }
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
                    if self.template.fraction > 0 || self.overflow {
                        out.push('.');
                    }
                    after_point = true;
                }
                // Behind the last digit that is shown.
                Node::Group if bare && after_point && fraction_place >= self.fraction_kept => {}
                Node::Group => {
                    let shown =
                        after_point || place > 0 && self.whole.get(place - 1).is_some_and(|digit| *digit != ' ');
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
    if template.scientific {
        return Err(Error::new(SqlState::FEATURE_NOT_SUPPORTED, "\"EEEE\" not supported for input"));
    }
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
                chars.next_if(|c| !c.is_ascii_digit() && !matches!(c, '-' | '+' | '.' | ','));
            }
            Node::Roman { .. } => return Err(Error::unsupported("Roman numerals in to_number")),
        }
    }
    if digits.is_empty() || digits == "." {
        return Err(invalid_input("numeric", text));
    }
    let mut value = Numeric::parse(&digits).map_err(numeric_error)?;
    if template.shift > 0 {
        value = value.div(&power_of_ten(template.shift)?).map_err(numeric_error)?;
    }
    Ok(if negative { value.neg() } else { value })
}
