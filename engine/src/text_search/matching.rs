//! Whether a document matches a query.
//!
//! An answer has three values, because a phrase cannot be known to be there in a document without places. Within phrases it
//! is worked out where something matches: a list of places, of those where it does or of those where it does not.

use storage::value::lexemes::{Lexeme, Lexemes};

use super::query::{Join, Query, Step, Word};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Answer {
    No,
    Maybe,
    Yes,
}

impl From<bool> for Answer {
    fn from(yes: bool) -> Self {
        if yes { Answer::Yes } else { Answer::No }
    }
}

/// Where a part of a phrase matches.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Places {
    /// At the ends of matches of a width; or everywhere else.
    Known {
        at: Vec<u32>,
        width: u32,
        is_elsewhere: bool,
    },
    Unknown,
}

impl Places {
    pub(super) fn at(at: Vec<u32>) -> Self {
        Places::Known { at, width: 0, is_elsewhere: false }
    }

    pub(super) fn is_nowhere(&self) -> bool {
        matches!(self, Places::Known { at, is_elsewhere: false, .. } if at.is_empty())
    }
}

/// What is searched.
pub(super) trait Searched {
    /// Whether it has a word.
    fn has(&self, nth: usize, word: &Word) -> Answer;
    /// Where it has it, in order and each place once.
    fn places(&self, nth: usize, word: &Word) -> Places;
}

/// Whether a stored document matches a query, of which the empty one matches nothing.
pub(crate) fn matches(document: &[u8], query: &Query) -> bool {
    answer(&Stored { lexemes: Lexemes::of(document).collect() }, query) != Answer::No
}

enum Found {
    Answer(Answer),
    Places(Places),
}

impl Found {
    fn answer(self) -> Answer {
        match self {
            Found::Answer(answer) => answer,
            // Whether a phrase is there must be known.
            Found::Places(Places::Unknown) => Answer::No,
            Found::Places(places) => (!places.is_nowhere()).into(),
        }
    }

    fn places(self) -> Places {
        match self {
            Found::Places(places) => places,
            Found::Answer(_) => Places::Unknown,
        }
    }
}

/// The words are told by how many items come before them in the query.
pub(super) fn answer(searched: &impl Searched, query: &Query) -> Answer {
    let within = query.within_phrases();
    let found = query.fold(|at, step: Step<'_, Found>| match step {
        Step::Word(word) if within[at] => Found::Places(searched.places(at, word)),
        Step::Word(word) => Found::Answer(searched.has(at, word)),
        Step::Not(inner) if within[at] => Found::Places(inverted(inner.places())),
        Step::Not(inner) => Found::Answer(match inner.answer() {
            Answer::No => Answer::Yes,
            Answer::Maybe => Answer::Maybe,
            Answer::Yes => Answer::No,
        }),
        Step::Join(Join::Or, left, right) if within[at] => Found::Places(either(left.places(), right.places())),
        Step::Join(Join::And, left, right) if within[at] => Found::Places(both(left.places(), right.places(), None)),
        Step::Join(Join::Phrase(distance), left, right) => {
            Found::Places(both(left.places(), right.places(), Some(u32::from(distance))))
        }
        Step::Join(Join::Or, left, right) => {
            let (left, right) = (left.answer(), right.answer());
            Found::Answer(if left == Answer::Yes || right == Answer::Yes {
                Answer::Yes
            } else if left == Answer::Maybe || right == Answer::Maybe {
                Answer::Maybe
            } else {
                Answer::No
            })
        }
        Step::Join(Join::And, left, right) => {
            let (left, right) = (left.answer(), right.answer());
            Found::Answer(if left == Answer::No || right == Answer::No {
                Answer::No
            } else if left == Answer::Maybe || right == Answer::Maybe {
                Answer::Maybe
            } else {
                Answer::Yes
            })
        }
    });
    found.map_or(Answer::No, Found::answer)
}

fn inverted(places: Places) -> Places {
    match places {
        Places::Known { at, width, is_elsewhere } => Places::Known { at, width, is_elsewhere: !is_elsewhere },
        Places::Unknown => Places::Unknown,
    }
}

/// Where both match: at the same place, or the right one so far behind the left one.
fn both(left: Places, right: Places, distance: Option<u32>) -> Places {
    if left.is_nowhere() || right.is_nowhere() {
        return Places::at(Vec::new());
    }
    let (
        Places::Known { at: left, width: left_width, is_elsewhere: not_left },
        Places::Known { at: right, width: right_width, is_elsewhere: not_right },
    ) = (left, right)
    else {
        return Places::Unknown;
    };
    let (left_shift, right_shift, width) = match distance {
        Some(distance) => (distance + right_width, 0, distance + left_width + right_width),
        None => {
            let width = left_width.max(right_width);
            (width - left_width, width - right_width, width)
        }
    };
    let (left, right) = ((&left[..], left_shift), (&right[..], right_shift));
    let (at, is_elsewhere) = match (not_left, not_right) {
        (true, true) => (merged(left, right, true, true, true), true),
        (true, false) => (merged(left, right, false, false, true), false),
        (false, true) => (merged(left, right, true, false, false), false),
        (false, false) => (merged(left, right, false, true, false), false),
    };
    Places::Known { at, width, is_elsewhere }
}

/// Where one of them matches.
fn either(left: Places, right: Places) -> Places {
    let (
        Places::Known { at: left, width: left_width, is_elsewhere: not_left },
        Places::Known { at: right, width: right_width, is_elsewhere: not_right },
    ) = (left, right)
    else {
        return Places::Unknown;
    };
    // What matches nowhere has no width.
    let left_width = if left.is_empty() && !not_left { 0 } else { left_width };
    let right_width = if right.is_empty() && !not_right { 0 } else { right_width };
    let width = left_width.max(right_width);
    let (left, right) = ((&left[..], width - left_width), (&right[..], width - right_width));
    let (at, is_elsewhere) = match (not_left, not_right) {
        (true, true) => (merged(left, right, false, true, false), true),
        (true, false) => (merged(left, right, true, false, false), true),
        (false, true) => (merged(left, right, false, false, true), true),
        (false, false) => (merged(left, right, true, true, true), false),
    };
    Places::Known { at, width, is_elsewhere }
}

/// The places of two lists, each moved on, that only the left one has, that both have, or that only the right one has.
fn merged(
    (left, left_shift): (&[u32], u32),
    (right, right_shift): (&[u32], u32),
    only_left: bool,
    common: bool,
    only_right: bool,
) -> Vec<u32> {
    let mut left = left.iter().map(|place| place + left_shift).peekable();
    let mut right = right.iter().map(|place| place + right_shift).peekable();
    let mut found = Vec::new();
    loop {
        let (place, wanted) = match (left.peek().copied(), right.peek().copied()) {
            (None, None) => return found,
            (Some(one), None) => (one, only_left),
            (None, Some(other)) => (other, only_right),
            (Some(one), Some(other)) if one < other => (one, only_left),
            (Some(one), Some(other)) if one == other => (one, common),
            (_, Some(other)) => (other, only_right),
        };
        left.next_if_eq(&place);
        right.next_if_eq(&place);
        if wanted {
            found.push(place);
        }
    }
}

/// A stored document.
struct Stored<'d> {
    lexemes: Vec<Lexeme<'d>>,
}

impl<'d> Stored<'d> {
    fn find(&self, word: &str) -> Option<Lexeme<'d>> {
        let at = self.lexemes.binary_search_by(|lexeme| lexeme.word.cmp(word)).ok()?;
        self.lexemes.get(at).copied()
    }

    fn with_prefix(&self, prefix: &str) -> &[Lexeme<'d>] {
        let start = self.lexemes.partition_point(|lexeme| lexeme.word < prefix);
        let count = self.lexemes[start..].partition_point(|lexeme| lexeme.word.starts_with(prefix));
        &self.lexemes[start..start + count]
    }
}

impl Searched for Stored<'_> {
    fn has(&self, _: usize, word: &Word) -> Answer {
        let has = |lexeme: &Lexeme<'_>| {
            // Without places there are no weights to ask for.
            word.weights == 0 || lexeme.places().len() == 0 || lexeme.places().any(|place| has_weight(word, place.1))
        };
        let found = self.find(&word.text).is_some_and(|lexeme| has(&lexeme));
        (found || (word.prefix && self.with_prefix(&word.text).iter().any(has))).into()
    }

    fn places(&self, _: usize, word: &Word) -> Places {
        let of = |lexeme: &Lexeme<'_>| -> Option<Vec<u32>> {
            let places = lexeme.places().filter(|place| word.weights == 0 || has_weight(word, place.1));
            (lexeme.places().len() > 0).then(|| places.map(|(place, _)| u32::from(place)).collect())
        };
        if !word.prefix {
            return match self.find(&word.text) {
                None => Places::at(Vec::new()),
                Some(lexeme) => of(&lexeme).map_or(Places::Unknown, Places::at),
            };
        }
        let mut all = Vec::new();
        for lexeme in self.with_prefix(&word.text) {
            match of(lexeme) {
                Some(places) => all.extend(places),
                None => return Places::Unknown,
            }
        }
        all.sort_unstable();
        all.dedup();
        Places::at(all)
    }
}

pub(super) fn has_weight(word: &Word, weight: u8) -> bool {
    word.weights & 1 << weight != 0
}
