//! Reading a regular expression, as section 9.7.3 of PostgreSQL's manual has it.

use std::sync::Arc;

use super::bracket;
use super::escape::{Escape, escape};
use super::flags::{Flags, Language};
use super::set::{Set, cases};
use super::syntax::{Assertion, Fault, Node, Parsed, Preference, Repeat};

pub(super) type Parse<T> = Result<T, Fault>;

/// No quantifier counts further.
const REPEAT_MAX: u32 = 255;
/// Parentheses inside of parentheses, which the parser follows by calling itself.
const DEPTH_MAX: usize = 200;

pub(super) struct Parser<'a> {
    pub(super) pattern: &'a [char],
    pub(super) at: usize,
    pub(super) flags: Flags,
    groups: usize,
    /// Groups that are closed, by number from 1: what may be referred to.
    closed: Vec<bool>,
    depth: usize,
    in_look: bool,
    has_back_references: bool,
}

/// Reads an expression.
pub(super) fn parse(pattern: &[char], flags: Flags) -> Parse<Parsed> {
    let mut parser = Parser {
        pattern,
        at: 0,
        flags,
        groups: 0,
        closed: vec![false],
        depth: 0,
        in_look: false,
        has_back_references: false,
    };
    parser.prefixes()?;
    let node =
        if parser.flags.language == Language::Literal { parser.literal() } else { parser.alternatives(false)? };
    Ok(Parsed {
        node,
        groups: parser.groups,
        ignore_case: parser.flags.ignore_case,
        has_back_references: parser.has_back_references,
    })
}

impl Parser<'_> {
    pub(super) fn peek(&self) -> Option<char> {
        self.pattern.get(self.at).copied()
    }

    pub(super) fn take(&mut self, wanted: char) -> bool {
        let found = self.peek() == Some(wanted);
        self.at += usize::from(found);
        found
    }

    pub(super) fn take_all(&mut self, wanted: &str) -> bool {
        let found = self.pattern[self.at..].iter().copied().take(wanted.len()).eq(wanted.chars());
        if found {
            self.at += wanted.len();
        }
        found
    }

    pub(super) fn is_advanced(&self) -> bool {
        self.flags.language == Language::Advanced
    }

    /// `***:`, `***=` and `(?flags)` at the start.
    fn prefixes(&mut self) -> Parse<()> {
        if self.flags.language == Language::Literal {
            return Ok(());
        }
        if self.take_all("***") {
            match self.peek() {
                Some(':') => self.flags.language = Language::Advanced,
                Some('=') => {
                    self.flags.language = Language::Literal;
                    self.at += 1;
                    return Ok(());
                }
                _ => return Err(Fault::Quantifier),
            }
            self.at += 1;
        }
        if !self.is_advanced() {
            return Ok(());
        }
        let has_options = self.pattern[self.at..].starts_with(&['(', '?'])
            && self.pattern.get(self.at + 2).is_some_and(char::is_ascii_alphabetic);
        if has_options {
            self.at += 2;
            while let Some(letter) = self.peek().filter(char::is_ascii_alphabetic) {
                if letter == 'b' {
                    return Err(Fault::Basic);
                }
                self.flags.take(letter).ok_or(Fault::Option)?;
                self.at += 1;
            }
            if !self.take(')') {
                return Err(Fault::Option);
            }
        }
        Ok(())
    }

    fn literal(&mut self) -> Node {
        let rest = &self.pattern[self.at..];
        Node::Sequence(rest.iter().map(|c| self.character(*c)).collect())
    }

    /// One character, in both cases if that is wanted.
    fn character(&self, c: char) -> Node {
        let one = |c: char| (u32::from(c), u32::from(c));
        let ranges = if self.flags.ignore_case { cases(c).map(one).collect() } else { vec![one(c)] };
        Node::Set(Arc::new(Set::of(ranges)))
    }

    /// Branches parted by `|`, up to the end or to a closing parenthesis.
    fn alternatives(&mut self, inside: bool) -> Parse<Node> {
        let mut branches = vec![self.branch(inside)?];
        while self.take('|') {
            branches.push(self.branch(inside)?);
        }
        if inside && !self.take(')') {
            return Err(Fault::Parentheses);
        }
        let first = branches.pop().unwrap_or(Node::Empty);
        if branches.is_empty() {
            return Ok(first);
        }
        branches.push(first);
        Ok(Node::Alternatives(branches))
    }

    fn branch(&mut self, inside: bool) -> Parse<Node> {
        let mut items = Vec::new();
        loop {
            self.skip_ignored()?;
            match self.peek() {
                None | Some('|') => break,
                Some(')') if inside => break,
                // Without an opening one it is an error, or itself in an extended expression.
                Some(')') if self.is_advanced() => return Err(Fault::Parentheses),
                Some(_) => items.push(self.quantified()?),
            }
        }
        Ok(match items.len() {
            0 => Node::Empty,
            1 => items.remove(0),
            _ => Node::Sequence(items),
        })
    }

    /// White space and comments of an expanded expression, and `(?#…)` of any.
    fn skip_ignored(&mut self) -> Parse<()> {
        loop {
            let start = self.at;
            if self.flags.expanded {
                while self.peek().is_some_and(char::is_whitespace) {
                    self.at += 1;
                }
                if self.peek() == Some('#') {
                    while self.peek().is_some_and(|c| c != '\n') {
                        self.at += 1;
                    }
                }
            }
            if self.is_advanced() && self.take_all("(?#") {
                while self.peek().is_some_and(|c| c != ')') {
                    self.at += 1;
                }
                self.at += usize::from(self.at < self.pattern.len());
            }
            if self.at == start {
                return Ok(());
            }
        }
    }

    /// An atom and its quantifier, or a constraint, which takes none.
    fn quantified(&mut self) -> Parse<Node> {
        let atom = self.atom()?;
        if matches!(atom, Node::Assertion(_) | Node::Look { .. }) {
            return Ok(atom);
        }
        self.skip_ignored()?;
        let Some(repeat) = self.quantifier()? else { return Ok(atom) };
        Ok(Node::Repeated(Box::new(atom), repeat))
    }

    fn quantifier(&mut self) -> Parse<Option<Repeat>> {
        let (min, max) = match self.peek() {
            Some('*') => (0, None),
            Some('+') => (1, None),
            Some('?') => (0, Some(1)),
            Some('{') if self.begins_bound() => return self.bound().map(Some),
            _ => return Ok(None),
        };
        self.at += 1;
        Ok(Some(Repeat { min, max, prefers: Some(self.preference()) }))
    }

    /// A question mark behind a quantifier wants little.
    fn preference(&mut self) -> Preference {
        if self.is_advanced() && self.take('?') { Preference::Shortest } else { Preference::Longest }
    }

    /// A brace that no digit follows is itself.
    fn begins_bound(&self) -> bool {
        self.pattern.get(self.at + 1).is_some_and(char::is_ascii_digit)
    }

    fn bound(&mut self) -> Parse<Repeat> {
        self.at += 1;
        let min = self.count()?;
        let (max, fixed) = match self.peek() {
            Some(',') => {
                self.at += 1;
                let max = if self.peek().is_some_and(|c| c.is_ascii_digit()) { Some(self.count()?) } else { None };
                (max, false)
            }
            _ => (Some(min), true),
        };
        if max.is_some_and(|max| max < min) {
            return Err(Fault::Repetition);
        }
        if !self.take('}') {
            return Err(if self.peek().is_none() { Fault::Braces } else { Fault::Repetition });
        }
        let preference = self.preference();
        Ok(Repeat { min, max, prefers: (!fixed).then_some(preference) })
    }

    fn count(&mut self) -> Parse<u32> {
        let mut count = 0;
        while let Some(digit) = self.peek().and_then(|c| c.to_digit(10)) {
            count = count * 10 + digit;
            if count > REPEAT_MAX {
                return Err(Fault::Repetition);
            }
            self.at += 1;
        }
        Ok(count)
    }

    fn atom(&mut self) -> Parse<Node> {
        let Some(c) = self.peek() else { return Ok(Node::Empty) };
        self.at += 1;
        let (multiline, stop) = (self.flags.anchor_at_newline, self.flags.stop_at_newline);
        Ok(match c {
            '^' if multiline => Node::Assertion(Assertion::LineStart),
            '^' => Node::Assertion(Assertion::TextStart),
            '$' if multiline => Node::Assertion(Assertion::LineEnd),
            '$' => Node::Assertion(Assertion::TextEnd),
            '*' | '+' | '?' => return Err(Fault::Quantifier),
            '{' if self.pattern.get(self.at).is_some_and(char::is_ascii_digit) => return Err(Fault::Quantifier),
            '.' => {
                let all = Set::of(vec![(0, u32::from(char::MAX))]);
                Node::Set(Arc::new(if stop { all.without('\n') } else { all }))
            }
            '[' if self.take_all("[:<:]]") => Node::Assertion(Assertion::WordStart),
            '[' if self.take_all("[:>:]]") => Node::Assertion(Assertion::WordEnd),
            '[' => Node::Set(Arc::new(bracket::read(self)?)),
            '(' => self.parenthesis()?,
            '\\' => self.escaped()?,
            c => self.character(c),
        })
    }

    fn parenthesis(&mut self) -> Parse<Node> {
        self.depth += 1;
        if self.depth > DEPTH_MAX {
            return Err(Fault::TooComplex);
        }
        let node = if !(self.is_advanced() && self.peek() == Some('?')) {
            self.group()?
        } else if self.take_all("?:") {
            Node::Group(None, Box::new(self.alternatives(true)?))
        } else {
            let (ahead, negative) = match () {
                () if self.take_all("?=") => (true, false),
                () if self.take_all("?!") => (true, true),
                () if self.take_all("?<=") => (false, false),
                () if self.take_all("?<!") => (false, true),
                () => return Err(Fault::Quantifier),
            };
            let outside = std::mem::replace(&mut self.in_look, true);
            let body = Box::new(self.alternatives(true)?);
            self.in_look = outside;
            Node::Look { ahead, negative, body }
        };
        self.depth -= 1;
        Ok(node)
    }

    fn group(&mut self) -> Parse<Node> {
        // Inside of a constraint nothing is captured.
        if self.in_look {
            return Ok(Node::Group(None, Box::new(self.alternatives(true)?)));
        }
        self.groups += 1;
        let number = self.groups;
        self.closed.push(false);
        let body = self.alternatives(true)?;
        self.closed[number] = true;
        Ok(Node::Group(Some(number), Box::new(body)))
    }

    fn escaped(&mut self) -> Parse<Node> {
        if !self.is_advanced() {
            let c = self.peek().ok_or(Fault::Escape)?;
            self.at += 1;
            return Ok(self.character(c));
        }
        let assertion = |assertion| Ok(Node::Assertion(assertion));
        match escape(self.pattern, &mut self.at, self.groups)? {
            Escape::Character(c) => Ok(self.character(c)),
            Escape::Class(class, false) => Ok(Node::Set(class.set())),
            Escape::Class(class, true) => {
                let set = class.set().complement();
                Ok(Node::Set(Arc::new(set)))
            }
            Escape::Assertion(found) => assertion(found),
            Escape::BackReference(number) => {
                if self.in_look || !self.closed.get(number).copied().unwrap_or(false) {
                    return Err(Fault::BackReference);
                }
                self.has_back_references = true;
                Ok(Node::BackReference(number))
            }
        }
    }
}
