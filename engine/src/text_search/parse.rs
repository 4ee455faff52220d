//! The text form of queries: `'word':*AB & !(other | <2> …)`, and the free form that people type into search boxes.
//!
//! What becomes of a word is the caller's: it stays as it is in a `tsquery`, and is taken apart and stemmed by `to_tsquery`.

use super::query::{Builder, DISTANCE_MAX, Join, Query, Word, distance_error};
use super::weight_of_letter;
use super::words::{Cursor, Language, is_blank, is_operator, next_word};
use crate::error::{Error, Result, SqlState};

/// Operators of one pair of parentheses that wait for their right side, at most.
const WAITING_MAX: usize = 32;

/// What is pushed for a word that has been read: exactly one tree.
pub(super) type Push<'p> = &'p mut dyn FnMut(&mut dyn Sink, &str, u8, bool) -> Result<()>;

/// What a query is put together in.
pub(super) trait Sink {
    fn word(&mut self, word: Word) -> Result<()>;
    /// A word that was dropped.
    fn stop(&mut self);
    fn not(&mut self);
    fn join(&mut self, join: Join);
}

impl Sink for Builder {
    fn word(&mut self, word: Word) -> Result<()> {
        Builder::word(self, word)
    }

    fn stop(&mut self) {
        debug_assert!(false, "words as they are are not dropped");
    }

    fn not(&mut self) {
        Builder::not(self);
    }

    fn join(&mut self, join: Join) {
        Builder::join(self, join);
    }
}

/// Reads the text form of a `tsquery`: 42601 for what is none.
pub(crate) fn parse_query(text: &str) -> Result<Query> {
    let mut builder = Builder::default();
    read(text, Language::Query, &mut builder, &mut |sink, text, weights, prefix| {
        sink.word(Word { text: text.to_owned(), weights, prefix })
    })?;
    Ok(builder.finish())
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Operator {
    Not,
    Join(Join),
}

impl Operator {
    /// How tightly it binds.
    fn priority(self) -> u8 {
        match self {
            Operator::Not => 4,
            Operator::Join(Join::Phrase(_)) => 3,
            Operator::Join(Join::And) => 2,
            Operator::Join(Join::Or) => 1,
        }
    }

    fn apply(self, sink: &mut dyn Sink) {
        match self {
            Operator::Not => sink.not(),
            Operator::Join(join) => sink.join(join),
        }
    }
}

enum Token {
    Word {
        text: String,
        weights: u8,
        prefix: bool,
    },
    /// A word that must be there and is not.
    Missing,
    Operator(Operator),
    Open,
    Close,
    End,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Awaited {
    FirstOperand,
    Operand,
    Operator,
}

struct Reader<'a> {
    cursor: Cursor<'a>,
    language: Language,
    awaited: Awaited,
    /// Parentheses that are open.
    open: usize,
}

/// Reads a query; nothing is pushed for a text without words.
pub(super) fn read(text: &str, language: Language, sink: &mut dyn Sink, push: Push<'_>) -> Result<()> {
    let mut reader = Reader { cursor: Cursor::new(text), language, awaited: Awaited::FirstOperand, open: 0 };
    // For each pair of parentheses the operators that wait for their right side.
    let mut waiting: Vec<Vec<Operator>> = vec![Vec::new()];
    loop {
        let token = reader.next()?;
        let Some(own) = waiting.last_mut() else { return Err(reader.cursor.syntax_error(language)) };
        match token {
            Token::Word { text, weights, prefix } => push(sink, &text, weights, prefix)?,
            Token::Missing => {
                sink.stop();
                break;
            }
            Token::Operator(operator) => {
                settle(own, Some(operator), sink);
                if own.len() == WAITING_MAX {
                    return Err(Error::internal("tsquery stack too small"));
                }
                own.push(operator);
            }
            Token::Open => waiting.push(Vec::new()),
            Token::Close => {
                settle(own, None, sink);
                waiting.pop();
            }
            Token::End => break,
        }
    }
    while let Some(mut own) = waiting.pop() {
        settle(&mut own, None, sink);
    }
    Ok(())
}

/// Applies the operators that bind more tightly than the next one; all if there is none.
fn settle(waiting: &mut Vec<Operator>, next: Option<Operator>, sink: &mut dyn Sink) {
    while let Some(last) = waiting.last() {
        let stays = match next {
            None => false,
            Some(Operator::Not) => Operator::Not.priority() >= last.priority(),
            Some(next) => next.priority() > last.priority(),
        };
        if stays {
            break;
        }
        last.apply(sink);
        waiting.pop();
    }
}

impl Reader<'_> {
    fn next(&mut self) -> Result<Token> {
        match self.language {
            Language::Web => self.next_of_web(),
            _ => self.next_of_query(),
        }
    }

    fn next_of_query(&mut self) -> Result<Token> {
        self.cursor.skip_spaces();
        let syntax_error = |reader: &Self| reader.cursor.syntax_error(Language::Query);
        if self.awaited == Awaited::Operator {
            let operator = match self.cursor.peek() {
                None if self.open > 0 => return Err(syntax_error(self)),
                None => return Ok(Token::End),
                Some(')') => {
                    self.cursor.advance();
                    self.open = self.open.checked_sub(1).ok_or_else(|| syntax_error(self))?;
                    return Ok(Token::Close);
                }
                Some('&') => {
                    self.cursor.advance();
                    Join::And
                }
                Some('|') => {
                    self.cursor.advance();
                    Join::Or
                }
                Some(_) => self.phrase()?.ok_or_else(|| syntax_error(self))?,
            };
            self.awaited = Awaited::Operand;
            return Ok(Token::Operator(Operator::Join(operator)));
        }
        match self.cursor.peek() {
            Some('!') => {
                self.cursor.advance();
                self.awaited = Awaited::Operand;
                return Ok(Token::Operator(Operator::Not));
            }
            Some('(') => {
                self.cursor.advance();
                self.awaited = Awaited::Operand;
                self.open += 1;
                return Ok(Token::Open);
            }
            Some(':') => return Err(syntax_error(self)),
            _ => {}
        }
        match next_word(&mut self.cursor, Language::Query)? {
            Some(word) => {
                self.awaited = Awaited::Operator;
                let (weights, prefix) = self.marks();
                Ok(Token::Word { text: word.text, weights, prefix })
            }
            None if self.awaited == Awaited::FirstOperand => Ok(Token::End),
            None => {
                let words = format!("no operand in tsquery: \"{}\"", self.cursor.text());
                Err(Error::new(SqlState::SYNTAX_ERROR, words))
            }
        }
    }

    /// What may stand behind a word: a colon, and then `*` and letters of weights.
    fn marks(&mut self) -> (u8, bool) {
        let (mut weights, mut prefix) = (0, false);
        if self.cursor.take(':') {
            while let Some(c) = self.cursor.peek() {
                match weight_of_letter(c) {
                    Some(weight) => weights |= 1 << weight,
                    None if c == '*' => prefix = true,
                    None => break,
                }
                self.cursor.advance();
            }
        }
        (weights, prefix)
    }

    /// `<->` or `<N>`; nothing is read if it is neither.
    fn phrase(&mut self) -> Result<Option<Join>> {
        let Some(inner) = self.cursor.rest().strip_prefix('<') else { return Ok(None) };
        let (distance, length) = match inner.strip_prefix('-') {
            Some(_) => (1, 1),
            None => {
                let digits = inner.bytes().take_while(u8::is_ascii_digit).count();
                if digits == 0 {
                    return Ok(None);
                }
                let distance = inner[..digits].parse().ok().filter(|distance| *distance <= DISTANCE_MAX);
                (distance.ok_or_else(distance_error)?, digits)
            }
        };
        if !inner[length..].starts_with('>') {
            return Ok(None);
        }
        self.cursor.at += length + 2;
        Ok(Some(Join::Phrase(distance)))
    }

    fn next_of_web(&mut self) -> Result<Token> {
        loop {
            self.cursor.skip_spaces();
            let next = self.cursor.peek();
            if self.awaited == Awaited::Operator {
                match next {
                    None => return Ok(Token::End),
                    // What is no operator here is passed over.
                    Some(c) if is_operator(c) => {
                        self.cursor.advance();
                        continue;
                    }
                    Some(_) => {}
                }
                self.awaited = Awaited::Operand;
                let or = self.is_or();
                if or {
                    self.cursor.at += 2;
                }
                // Words that follow one another must all be there.
                return Ok(Token::Operator(Operator::Join(if or { Join::Or } else { Join::And })));
            }
            match next {
                Some('-') => {
                    self.cursor.advance();
                    self.awaited = Awaited::Operand;
                    return Ok(Token::Operator(Operator::Not));
                }
                Some('"') => {
                    self.cursor.advance();
                    let rest = self.cursor.rest();
                    let length = rest.find('"').unwrap_or(rest.len());
                    let text = rest[..length].to_owned();
                    self.cursor.at += length;
                    self.cursor.take('"');
                    self.awaited = Awaited::Operator;
                    return Ok(Token::Word { text, weights: 0, prefix: false });
                }
                Some(c) if is_operator(c) => {
                    self.cursor.advance();
                    self.awaited = Awaited::Operand;
                }
                _ => {
                    return match next_word(&mut self.cursor, Language::Web)? {
                        Some(word) => {
                            self.awaited = Awaited::Operator;
                            Ok(Token::Word { text: word.text, weights: 0, prefix: false })
                        }
                        None if self.awaited == Awaited::FirstOperand => Ok(Token::End),
                        None => Ok(Token::Missing),
                    };
                }
            }
        }
    }

    /// Whether the next word is `or`, and something follows it.
    fn is_or(&self) -> bool {
        let rest = self.cursor.rest();
        let Some((word, behind)) = rest.split_at_checked(2) else { return false };
        word.eq_ignore_ascii_case("or")
            && !behind.starts_with(|c: char| matches!(c, '-' | '_') || c.is_alphanumeric())
            && behind.chars().skip(1).any(|c| !is_blank(c))
    }
}
