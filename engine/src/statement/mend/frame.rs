//! Frames of windows: offsets that the parser misreads, and EXCLUDE, which it does not know.

use datafusion::sql::sqlparser::keywords::Keyword;
use datafusion::sql::sqlparser::tokenizer::Token;

use super::{EXCLUDE_GROUP, EXCLUDE_ROW, EXCLUDE_TIES, Mender, is_space, marked};

impl Mender<'_> {
    /// Where PRECEDING or FOLLOWING stands, if the string here begins the offset of a frame: the parser takes it for an interval.
    pub(super) fn frame_offset_end(&self) -> Option<usize> {
        let Some(Token::Word(before)) = self.before() else { return None };
        let begins = [Keyword::RANGE, Keyword::ROWS, Keyword::GROUPS, Keyword::BETWEEN, Keyword::AND];
        if before.quote_style.is_some() || !begins.contains(&before.keyword) {
            return None;
        }
        let mut depth = 0;
        for at in self.at..self.tokens.len() {
            match &self.tokens[at].token {
                Token::LParen => depth += 1,
                Token::RParen if depth == 0 => return None,
                Token::RParen => depth -= 1,
                Token::Word(word) if depth == 0 && word.quote_style.is_none() => match word.keyword {
                    Keyword::PRECEDING | Keyword::FOLLOWING => return Some(at),
                    Keyword::AND | Keyword::OR => return None,
                    _ => {}
                },
                _ => {}
            }
        }
        None
    }

    /// The end of a window's frame is said at the beginning of the window.
    pub(super) fn exclude(&mut self) {
        let (words, length) = match () {
            () if self.words_follow(&["current", "row"]) => (EXCLUDE_ROW, 3),
            () if self.words_follow(&["group"]) => (EXCLUDE_GROUP, 2),
            () if self.words_follow(&["ties"]) => (EXCLUDE_TIES, 2),
            () if self.words_follow(&["no", "others"]) => ("", 3),
            () => return self.keep_one(),
        };
        let (mut depth, mut has_frame, mut open) = (0, false, None);
        for (at, token) in self.kept.iter().enumerate().rev() {
            match &token.token {
                Token::RParen => depth += 1,
                Token::LParen if depth == 0 => {
                    open = Some(at);
                    break;
                }
                Token::LParen => depth -= 1,
                Token::Word(word) if depth == 0 && word.quote_style.is_none() => {
                    has_frame |= matches!(word.keyword, Keyword::ROWS | Keyword::RANGE | Keyword::GROUPS);
                }
                _ => {}
            }
        }
        let Some(open) = open.filter(|_| has_frame && self.token(length) == Some(&Token::RParen)) else {
            return self.keep_one();
        };
        let span = self.tokens[self.at].span;
        self.at = self.significant(length);
        if words.is_empty() {
            return;
        }
        const CLAUSES: [Keyword; 5] =
            [Keyword::PARTITION, Keyword::ORDER, Keyword::ROWS, Keyword::RANGE, Keyword::GROUPS];
        let first = (open + 1..self.kept.len()).find(|at| !is_space(&self.kept[*at].token)).unwrap_or(open + 1);
        let base = match self.kept.get(first).map(|token| &token.token) {
            Some(Token::Word(word)) if word.quote_style.is_some() || !CLAUSES.contains(&word.keyword) => {
                Some(if word.quote_style.is_some() { word.value.clone() } else { word.value.to_ascii_lowercase() })
            }
            _ => None,
        };
        let name = marked(format!("{words}:{}", base.as_deref().unwrap_or_default()), span);
        match base {
            Some(_) => self.kept[first] = name,
            None => self.kept.insert(first, name),
        }
    }
}
