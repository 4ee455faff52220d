//! The grammar of jsonpath, by descent: one function for each level of precedence.

use storage::Numeric;
use storage::value::jsonb::NESTING_MAX;

use super::lexer::{Placed, Token, syntax, tokens};
use super::{Arithmetic, Compare, Method, Node, Path, RegexFlags, Step};
use crate::error::{Error, Result, SqlState};
use crate::types::json::too_deep;

/// Reads a path: 42601 in PostgreSQL's words if it is none.
pub fn parse(text: &str) -> Result<Path> {
    let tokens = tokens(text)?;
    if tokens.is_empty() {
        return Err(Error::new(
            SqlState::INVALID_TEXT_REPRESENTATION,
            format!("invalid input syntax for type jsonpath: \"{text}\""),
        ));
    }
    let mut parser = Parser { text, tokens, at: 0, depth: 0, filters: 0, subscripts: 0 };
    let lax = !parser.take_word("strict");
    if lax {
        parser.take_word("lax");
    }
    let root = parser.disjunction()?;
    if parser.at < parser.tokens.len() {
        return Err(parser.unexpected());
    }
    Ok(Path { lax, root })
}

struct Parser<'a> {
    text: &'a str,
    tokens: Vec<Placed>,
    at: usize,
    depth: usize,
    /// How many filters and subscripts are around: `@` and `last` need one.
    filters: usize,
    subscripts: usize,
}

impl Node {
    fn is_predicate(&self) -> bool {
        matches!(
            self,
            Node::Compare { .. }
                | Node::And(..)
                | Node::Or(..)
                | Node::Not(_)
                | Node::IsUnknown(_)
                | Node::Exists(_)
                | Node::StartsWith(..)
                | Node::LikeRegex { .. }
        )
    }
}

impl Parser<'_> {
    fn peek(&self) -> Option<&Token> {
        self.tokens.get(self.at).map(|(token, _)| token)
    }

    fn is_symbol(&self, symbol: &str) -> bool {
        matches!(self.peek(), Some(Token::Symbol(own)) if *own == symbol)
    }

    fn take(&mut self, symbol: &str) -> bool {
        let found = self.is_symbol(symbol);
        self.at += usize::from(found);
        found
    }

    fn expect(&mut self, symbol: &str) -> Result<()> {
        if self.take(symbol) { Ok(()) } else { Err(self.unexpected()) }
    }

    /// Keywords are words in any case, but for the three that JSON has.
    fn is_word(&self, at: usize, word: &str) -> bool {
        match self.tokens.get(at) {
            Some((Token::Word(own), _)) if matches!(word, "true" | "false" | "null") => own == word,
            Some((Token::Word(own), _)) => own.eq_ignore_ascii_case(word),
            _ => false,
        }
    }

    fn take_word(&mut self, word: &str) -> bool {
        let found = self.is_word(self.at, word);
        self.at += usize::from(found);
        found
    }

    fn unexpected(&self) -> Error {
        let near = self.tokens.get(self.at).map(|(_, start)| {
            let end = self.tokens.get(self.at + 1).map_or(self.text.len(), |(_, end)| *end);
            self.text.get(*start..end).unwrap_or_default().trim_end()
        });
        syntax("syntax error", near)
    }

    fn nested<T>(&mut self, step: impl FnOnce(&mut Self) -> Result<T>) -> Result<T> {
        if self.depth >= NESTING_MAX {
            return Err(too_deep());
        }
        self.depth += 1;
        let result = step(self);
        self.depth -= 1;
        result
    }

    fn predicate(&self, node: Node) -> Result<Node> {
        if node.is_predicate() { Ok(node) } else { Err(self.unexpected()) }
    }

    fn value(&self, node: Node) -> Result<Node> {
        if node.is_predicate() { Err(self.unexpected()) } else { Ok(node) }
    }

    fn disjunction(&mut self) -> Result<Node> {
        let mut left = self.nested(Self::conjunction)?;
        while self.is_symbol("||") {
            left = self.predicate(left)?;
            self.at += 1;
            let right = self.conjunction()?;
            left = Node::Or(Box::new(left), Box::new(self.predicate(right)?));
        }
        Ok(left)
    }

    fn conjunction(&mut self) -> Result<Node> {
        let mut left = self.negation()?;
        while self.is_symbol("&&") {
            left = self.predicate(left)?;
            self.at += 1;
            let right = self.negation()?;
            left = Node::And(Box::new(left), Box::new(self.predicate(right)?));
        }
        Ok(left)
    }

    fn negation(&mut self) -> Result<Node> {
        if !self.take("!") {
            return self.comparison();
        }
        let inner = if self.is_word(self.at, "exists") {
            self.primary()?
        } else {
            self.expect("(")?;
            let inner = self.disjunction()?;
            self.expect(")")?;
            inner
        };
        Ok(Node::Not(Box::new(self.predicate(inner)?)))
    }

    fn comparison(&mut self) -> Result<Node> {
        let left = self.sum()?;
        if left.is_predicate() {
            if self.is_word(self.at, "is") && self.is_word(self.at + 1, "unknown") {
                self.at += 2;
                return Ok(Node::IsUnknown(Box::new(left)));
            }
            return Ok(left);
        }
        let operator = match self.peek() {
            Some(Token::Symbol("==" | "=")) => Compare::Equal,
            Some(Token::Symbol("!=" | "<>")) => Compare::NotEqual,
            Some(Token::Symbol("<")) => Compare::Less,
            Some(Token::Symbol(">")) => Compare::Greater,
            Some(Token::Symbol("<=")) => Compare::LessOrEqual,
            Some(Token::Symbol(">=")) => Compare::GreaterOrEqual,
            Some(Token::Word(word)) if word.eq_ignore_ascii_case("starts") => return self.starts_with(left),
            Some(Token::Word(word)) if word.eq_ignore_ascii_case("like_regex") => return self.like_regex(left),
            _ => return Ok(left),
        };
        self.at += 1;
        let right = self.sum()?;
        Ok(Node::Compare { operator, left: Box::new(left), right: Box::new(self.value(right)?) })
    }

    fn starts_with(&mut self, left: Node) -> Result<Node> {
        self.at += 1;
        if !self.take_word("with") {
            return Err(self.unexpected());
        }
        let initial = match self.peek() {
            Some(Token::String(text)) => Node::String(text.clone()),
            Some(Token::Variable(name)) => Node::Variable(name.clone()),
            _ => return Err(self.unexpected()),
        };
        self.at += 1;
        Ok(Node::StartsWith(Box::new(left), Box::new(initial)))
    }

    fn string(&mut self) -> Result<String> {
        let Some(Token::String(text)) = self.peek() else { return Err(self.unexpected()) };
        let text = text.clone();
        self.at += 1;
        Ok(text)
    }

    fn like_regex(&mut self, left: Node) -> Result<Node> {
        self.at += 1;
        let pattern = self.string()?;
        let mut flags = RegexFlags::default();
        if self.take_word("flag") {
            for letter in self.string()?.chars() {
                match letter {
                    'i' => flags.ignore_case = true,
                    's' => flags.dot_all = true,
                    'm' => flags.multi_line = true,
                    'x' => flags.extended = true,
                    'q' => flags.quoted = true,
                    other => {
                        return Err(Error::new(SqlState::SYNTAX_ERROR, "invalid input syntax for type jsonpath")
                            .with_detail(format!("Unrecognized flag character \"{other}\" in LIKE_REGEX predicate.")));
                    }
                }
            }
        }
        if flags.extended && !flags.quoted {
            let words = "XQuery \"x\" flag (expanded regular expressions) is not implemented";
            return Err(Error::new(SqlState::FEATURE_NOT_SUPPORTED, words));
        }
        Ok(Node::LikeRegex { operand: Box::new(left), pattern, flags })
    }

    fn sum(&mut self) -> Result<Node> {
        let mut left = self.product()?;
        loop {
            let operator = match self.peek() {
                Some(Token::Symbol("+")) => Arithmetic::Add,
                Some(Token::Symbol("-")) => Arithmetic::Subtract,
                _ => return Ok(left),
            };
            left = self.value(left)?;
            self.at += 1;
            let right = self.product()?;
            left = Node::Arithmetic { operator, left: Box::new(left), right: Box::new(self.value(right)?) };
        }
    }

    fn product(&mut self) -> Result<Node> {
        let mut left = self.signed()?;
        loop {
            let operator = match self.peek() {
                Some(Token::Symbol("*")) => Arithmetic::Multiply,
                Some(Token::Symbol("/")) => Arithmetic::Divide,
                Some(Token::Symbol("%")) => Arithmetic::Modulo,
                _ => return Ok(left),
            };
            left = self.value(left)?;
            self.at += 1;
            let right = self.signed()?;
            left = Node::Arithmetic { operator, left: Box::new(left), right: Box::new(self.value(right)?) };
        }
    }

    fn signed(&mut self) -> Result<Node> {
        let minus = match self.peek() {
            Some(Token::Symbol("+")) => false,
            Some(Token::Symbol("-")) => true,
            _ => return self.accessed(),
        };
        self.at += 1;
        let operand = self.nested(Self::signed)?;
        Ok(match self.value(operand)? {
            Node::Number(value) => Node::Number(if minus { value.neg() } else { value }),
            operand => Node::Sign { minus, operand: Box::new(operand) },
        })
    }

    /// A primary and the accessors behind it.
    fn accessed(&mut self) -> Result<Node> {
        let base = self.primary()?;
        let mut steps = Vec::new();
        while let Some(step) = self.step()? {
            steps.push(step);
        }
        if steps.is_empty() {
            return Ok(base);
        }
        Ok(match base {
            Node::Chain { base, steps: mut before } => {
                before.append(&mut steps);
                Node::Chain { base, steps: before }
            }
            base => Node::Chain { base: Box::new(base), steps },
        })
    }

    fn primary(&mut self) -> Result<Node> {
        let Some(token) = self.peek().cloned() else { return Err(self.unexpected()) };
        let node = match token {
            Token::Symbol("$") => Node::Root,
            Token::Symbol("@") if self.filters > 0 => Node::Current,
            Token::Symbol("@") => {
                return Err(Error::new(SqlState::SYNTAX_ERROR, "@ is not allowed in root expressions"));
            }
            Token::Symbol("(") => {
                self.at += 1;
                let inner = self.disjunction()?;
                self.expect(")")?;
                return Ok(inner);
            }
            Token::String(text) => Node::String(text),
            Token::Variable(name) => Node::Variable(name),
            Token::Number(value) | Token::Integer(value) => Node::Number(value),
            Token::Word(_) if self.is_word(self.at, "null") => Node::Null,
            Token::Word(_) if self.is_word(self.at, "true") => Node::Bool(true),
            Token::Word(_) if self.is_word(self.at, "false") => Node::Bool(false),
            Token::Word(_) if self.is_word(self.at, "last") => {
                if self.subscripts == 0 {
                    let words = "LAST is allowed only in array subscripts";
                    return Err(Error::new(SqlState::SYNTAX_ERROR, words));
                }
                Node::Last
            }
            Token::Word(_) if self.is_word(self.at, "exists") => {
                self.at += 1;
                self.expect("(")?;
                let inner = self.disjunction()?;
                let inner = self.value(inner)?;
                self.expect(")")?;
                return Ok(Node::Exists(Box::new(inner)));
            }
            _ => return Err(self.unexpected()),
        };
        self.at += 1;
        Ok(node)
    }

    fn step(&mut self) -> Result<Option<Step>> {
        if self.take("[") {
            return self.elements().map(Some);
        }
        if self.take("?") {
            self.expect("(")?;
            self.filters += 1;
            let predicate = self.disjunction()?;
            self.filters -= 1;
            let predicate = self.predicate(predicate)?;
            self.expect(")")?;
            return Ok(Some(Step::Filter(predicate)));
        }
        if !self.take(".") {
            return Ok(None);
        }
        if self.take("*") {
            return Ok(Some(Step::AnyKey));
        }
        if self.take("**") {
            return self.levels().map(Some);
        }
        let Some(token) = self.peek().cloned() else { return Err(self.unexpected()) };
        self.at += 1;
        match token {
            Token::String(key) => Ok(Some(Step::Key(key))),
            Token::Word(word) if self.is_symbol("(") => self.method(&word).map(Some),
            Token::Word(key) => Ok(Some(Step::Key(key))),
            _ => {
                self.at -= 1;
                Err(self.unexpected())
            }
        }
    }

    fn method(&mut self, word: &str) -> Result<Step> {
        let lower = word.to_ascii_lowercase();
        let method = Method::named(&lower);
        if method.is_none() && lower != "datetime" {
            return Err(self.unexpected());
        }
        self.expect("(")?;
        let step = match method {
            Some(method) => Step::Method(method),
            None if self.is_symbol(")") => Step::Datetime(None),
            None => Step::Datetime(Some(self.string()?)),
        };
        self.expect(")")?;
        Ok(step)
    }

    fn elements(&mut self) -> Result<Step> {
        if self.take("*") {
            self.expect("]")?;
            return Ok(Step::AnyElement);
        }
        let mut ranges = Vec::new();
        self.subscripts += 1;
        loop {
            let from = self.subscript()?;
            let to = if self.take_word("to") { Some(self.subscript()?) } else { None };
            ranges.push((from, to));
            if !self.take(",") {
                break;
            }
        }
        self.subscripts -= 1;
        self.expect("]")?;
        Ok(Step::Elements(ranges))
    }

    fn subscript(&mut self) -> Result<Node> {
        let node = self.nested(Self::sum)?;
        self.value(node)
    }

    fn levels(&mut self) -> Result<Step> {
        if !self.take("{") {
            return Ok(Step::AnyLevel { first: Some(0), last: None });
        }
        let first = self.level()?;
        let last = if self.take_word("to") { self.level()? } else { first };
        self.expect("}")?;
        Ok(Step::AnyLevel { first, last })
    }

    fn level(&mut self) -> Result<Option<u32>> {
        if self.take_word("last") {
            return Ok(None);
        }
        let level = match self.peek() {
            Some(Token::Integer(value)) => Numeric::to_i32(value),
            _ => None,
        };
        let level = level.and_then(|level| u32::try_from(level).ok()).ok_or_else(|| self.unexpected())?;
        self.at += 1;
        Ok(Some(level))
    }
}
