//! The parts of a text that show best how it fits a query, with the words that were looked for marked.
//!
//! A *cover* is a part of the text that matches the query by itself. Either the best one is shown, made longer or shorter as is
//! asked for, or several, as fragments.

use super::configuration::Configuration;
use super::matching::{Answer, Places, Searched, answer};
use super::query::{Item, Query, Word};
use super::token::{Tokens, kind};
use super::{PLACE_MAX, WORD_BYTES_END};
use crate::error::{Error, Result, SqlState};

/// How a headline is made and marked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Headline {
    start: String,
    stop: String,
    delimiter: String,
    words_max: i32,
    words_min: i32,
    /// Bytes of words that no headline begins or ends with.
    short: i32,
    fragments_max: i32,
    all: bool,
}

impl Default for Headline {
    fn default() -> Self {
        Self {
            start: "<b>".to_owned(),
            stop: "</b>".to_owned(),
            delimiter: " ... ".to_owned(),
            words_max: 35,
            words_min: 15,
            short: 3,
            fragments_max: 0,
            all: false,
        }
    }
}

fn invalid(words: impl Into<std::borrow::Cow<'static, str>>) -> Error {
    Error::new(SqlState::INVALID_PARAMETER_VALUE, words)
}

impl Headline {
    /// Options as `name = value, …`: 22023 for what is none.
    pub(crate) fn parse(options: &str) -> Result<Self> {
        let mut headline = Self::default();
        for (name, value) in assignments(options)? {
            let number =
                || value.trim().parse::<i32>().map_err(|_| crate::types::text::invalid_input("integer", &value));
            match name.to_ascii_lowercase().as_str() {
                "maxwords" => headline.words_max = number()?,
                "minwords" => headline.words_min = number()?,
                "shortword" => headline.short = number()?,
                "maxfragments" => headline.fragments_max = number()?,
                "startsel" => headline.start = value,
                "stopsel" => headline.stop = value,
                "fragmentdelimiter" => headline.delimiter = value,
                "highlightall" => {
                    headline.all =
                        matches!(value.to_ascii_lowercase().as_str(), "1" | "on" | "true" | "t" | "y" | "yes");
                }
                _ => return Err(invalid(format!("unrecognized headline parameter: \"{name}\""))),
            }
        }
        if headline.all {
            return Ok(headline);
        }
        if headline.words_min >= headline.words_max {
            return Err(invalid("MinWords should be less than MaxWords"));
        }
        if headline.words_min <= 0 {
            return Err(invalid("MinWords should be positive"));
        }
        if headline.short < 0 {
            return Err(invalid("ShortWord should be >= 0"));
        }
        if headline.fragments_max < 0 {
            return Err(invalid("MaxFragments should be >= 0"));
        }
        Ok(headline)
    }
}

/// The assignments of a list of options. Values may stand between quotes, in which they are doubled to be meant.
fn assignments(options: &str) -> Result<Vec<(String, String)>> {
    let malformed = || Error::new(SqlState::SYNTAX_ERROR, format!("invalid parameter list format: \"{options}\""));
    let mut rest = options.trim_start();
    let mut found = Vec::new();
    while !rest.is_empty() {
        let (name, after) = part(rest, |c| c == '=' || c.is_whitespace() || c == ',').ok_or_else(malformed)?;
        let after = after.trim_start().strip_prefix('=').ok_or_else(malformed)?.trim_start();
        let (value, after) = part(after, |c| c == ',' || c.is_whitespace()).ok_or_else(malformed)?;
        found.push((name, value));
        rest = after.trim_start();
        if let Some(next) = rest.strip_prefix(',') {
            rest = next.trim_start();
        } else if !rest.is_empty() {
            return Err(malformed());
        }
    }
    Ok(found)
}

/// A name or a value, and what follows it.
fn part(text: &str, ends: impl Fn(char) -> bool) -> Option<(String, &str)> {
    let quote = text.chars().next().filter(|c| matches!(c, '"' | '\''));
    let Some(quote) = quote else {
        let end = text.find(ends).unwrap_or(text.len());
        return (end > 0).then(|| (text[..end].to_owned(), &text[end..]));
    };
    let mut value = String::new();
    let mut rest = &text[1..];
    loop {
        let end = rest.find(quote)?;
        value.push_str(&rest[..end]);
        rest = &rest[end + 1..];
        if !rest.starts_with(quote) {
            return Some((value, rest));
        }
        value.push(quote);
        rest = &rest[1..];
    }
}

/// A token of the text. A token that is several words of the query is there once for each.
#[derive(Debug, Clone, Copy)]
struct Piece<'t> {
    kind: u8,
    text: &'t str,
    place: u32,
    /// The item of the query that it is.
    item: Option<usize>,
    is_repeated: bool,
    is_shown: bool,
    is_marked: bool,
    is_skipped: bool,
    is_space: bool,
}

impl Piece<'_> {
    fn is_wanted(&self) -> bool {
        self.item.is_some() && !self.is_repeated
    }

    /// Compounds are not words beside their parts.
    fn is_word(&self) -> bool {
        !matches!(self.kind, kind::BLANK | kind::TAG) && !is_compound(self.kind)
    }

    fn ends_badly(&self, short: i32) -> bool {
        let unfit = !self.is_word()
            || matches!(
                self.kind,
                kind::SCIENTIFIC | kind::VERSION | kind::FLOAT | kind::INT | kind::UINT | kind::PROTOCOL | kind::ENTITY
            );
        (unfit || i32::try_from(self.text.len()).is_ok_and(|length| length <= short)) && !self.is_wanted()
    }
}

fn is_compound(kind: u8) -> bool {
    matches!(kind, kind::URL | kind::NUM_HYPHENATED | kind::ASCII_HYPHENATED | kind::HYPHENATED)
}

fn pieces<'t>(configuration: &Configuration, text: &'t str, query: &Query) -> Result<Vec<Piece<'t>>> {
    let mut pieces = Vec::new();
    let mut place: u32 = 0;
    for token in Tokens::new(text) {
        if token.text.len() >= WORD_BYTES_END && configuration.dictionary_of(token.kind).is_some() {
            continue;
        }
        let mut piece = Piece {
            kind: token.kind,
            text: token.text,
            place: 0,
            item: None,
            is_repeated: false,
            is_shown: false,
            is_marked: false,
            is_skipped: false,
            is_space: false,
        };
        let Some(dictionary) = configuration.dictionary_of(token.kind) else {
            pieces.push(piece);
            continue;
        };
        place = place.saturating_add(1);
        piece.place = place.min(u32::from(PLACE_MAX));
        if let Some(lexeme) = dictionary.lexeme(token.text)? {
            for (at, item) in query.items().iter().enumerate() {
                let Item::Word(word) = item else { continue };
                let is_it = if word.prefix { lexeme.starts_with(&word.text) } else { lexeme == word.text };
                if is_it {
                    if piece.item.is_some() {
                        pieces.push(piece);
                        piece.is_repeated = true;
                    }
                    piece.item = Some(at);
                }
            }
        }
        pieces.push(piece);
    }
    Ok(pieces)
}

/// The words of the query within a part of the text, by the items that they are.
struct Window {
    places: Vec<Vec<u32>>,
}

impl Window {
    fn add(&mut self, piece: &Piece<'_>) {
        if let Some(places) = piece.item.and_then(|item| self.places.get_mut(item))
            && places.last().is_none_or(|last| *last < piece.place)
        {
            places.push(piece.place);
        }
    }
}

impl Searched for Window {
    fn has(&self, nth: usize, _: &Word) -> Answer {
        (!self.places[nth].is_empty()).into()
    }

    fn places(&self, nth: usize, _: &Word) -> Places {
        Places::at(self.places[nth].clone())
    }
}

/// The next cover from a piece on: its first and its last piece.
fn next_cover(pieces: &[Piece<'_>], query: &Query, from: usize, length_max: usize) -> Option<(usize, usize)> {
    let next_item = |from: usize| (from..pieces.len()).find(|at| pieces[*at].item.is_some());
    let mut window = Window { places: vec![Vec::new(); query.items().len()] };
    let mut first = next_item(from);
    while let Some(start) = first {
        window.places.iter_mut().for_each(Vec::clear);
        let mut end = Some(start);
        while let Some(last) = end.filter(|last| last - start < length_max || *last == start) {
            window.add(&pieces[last]);
            if answer(&window, query) != Answer::No {
                return Some((start, last));
            }
            end = next_item(last + 1);
        }
        first = next_item(start + 1);
    }
    None
}

/// The text, or as much of it as is shown.
pub(crate) fn headline(configuration: &Configuration, text: &str, query: &Query, how: &Headline) -> Result<String> {
    let mut pieces = pieces(configuration, text, query)?;
    let length_max = usize::try_from(how.words_max).unwrap_or(0).saturating_mul(10).max(100);
    if how.all {
        let end = pieces.len();
        mark(&mut pieces, 0, end, true);
    } else if how.fragments_max == 0 {
        let (first, last) = best_part(&pieces, query, how, length_max);
        mark(&mut pieces, first, last + 1, false);
    } else {
        let length_max = length_max.saturating_mul(usize::try_from(how.fragments_max).unwrap_or(1));
        mark_fragments(&mut pieces, query, how, length_max);
    }
    Ok(written(&pieces, how))
}

/// Marks the pieces from one up to another as shown.
fn mark(pieces: &mut [Piece<'_>], first: usize, end: usize, all: bool) {
    let end = end.min(pieces.len());
    for piece in &mut pieces[first.min(end)..end] {
        piece.is_marked |= piece.item.is_some();
        if !all && piece.kind == kind::TAG {
            piece.is_space = true;
        } else if is_compound(piece.kind) {
            piece.is_skipped = true;
        }
        piece.is_shown = !piece.is_repeated;
    }
}

/// The first words of a text, as many as are asked for at least: the last piece of them.
fn first_words(pieces: &[Piece<'_>], how: &Headline) -> usize {
    let (mut count, mut last) = (0, 0);
    for (at, piece) in pieces.iter().enumerate() {
        if count >= how.words_min {
            break;
        }
        count += i32::from(piece.is_word());
        last = at;
    }
    last
}

/// The first and last piece of the best single part.
fn best_part(pieces: &[Piece<'_>], query: &Query, how: &Headline, length_max: usize) -> (usize, usize) {
    /// A part, whether it has the whole cover, and how many wanted words.
    struct Part {
        first: usize,
        last: usize,
        is_whole: bool,
        wanted: i32,
    }
    let bad_end = |at: usize| pieces[at].ends_badly(how.short);
    let mut best: Option<Part> = None;
    let mut from = 0;
    while let Some((start, end)) = next_cover(pieces, query, from, length_max) {
        from = start + 1;
        let (mut words, mut wanted, mut first, mut last) = (0, 0, start, start);
        let mut at = start;
        while at <= end && words < how.words_max {
            words += i32::from(pieces[at].is_word());
            wanted += i32::from(pieces[at].is_wanted());
            last = at;
            at += 1;
        }
        if words < how.words_max {
            // There is room behind it, from its last piece on.
            at -= 1;
            while at < pieces.len() && words < how.words_max {
                if at > end {
                    words += i32::from(pieces[at].is_word());
                    wanted += i32::from(pieces[at].is_wanted());
                }
                last = at;
                if !bad_end(at) && words >= how.words_min {
                    break;
                }
                at += 1;
            }
            if words < how.words_min {
                // The text ends; there may be room before it.
                first = 0;
                for before in (0..start).rev() {
                    words += i32::from(pieces[before].is_word());
                    wanted += i32::from(pieces[before].is_wanted());
                    if words >= how.words_max || (!bad_end(before) && words >= how.words_min) {
                        first = before;
                        break;
                    }
                }
            }
        } else {
            // It ends earlier if it would end badly.
            at = at.min(end);
            while words > how.words_min && bad_end(at) && at > first {
                words -= i32::from(pieces[at].is_word());
                wanted -= i32::from(pieces[at].is_wanted());
                last = at - 1;
                at -= 1;
            }
        }
        let is_whole = first <= start && last >= end;
        let is_better = best.as_ref().is_none_or(|best| {
            (is_whole, wanted) > (best.is_whole, best.wanted)
                || ((is_whole, wanted) == (best.is_whole, best.wanted) && !bad_end(last) && bad_end(best.last))
        });
        if is_better {
            best = Some(Part { first, last, is_whole, wanted });
        }
    }
    best.map_or_else(|| (0, first_words(pieces, how)), |best| (best.first, best.last))
}

/// A part that may be shown.
struct Fragment {
    first: usize,
    last: usize,
    words: i32,
    wanted: i32,
    is_out: bool,
}

/// The first part of a cover that is not longer than is asked for, beginning and ending with wanted words.
fn fragment(pieces: &[Piece<'_>], start: usize, end: usize, words_max: i32) -> Fragment {
    let first = (start..=end).find(|at| pieces[*at].is_wanted()).unwrap_or(end);
    let (mut words, mut wanted, mut last) = (0, 0, end);
    let mut at = first;
    while at <= end && words < words_max {
        words += i32::from(pieces[at].is_word());
        wanted += i32::from(pieces[at].is_wanted());
        at += 1;
    }
    if end > at {
        last = at;
        for back in (first..=at).rev() {
            last = back;
            if pieces[back].is_wanted() {
                break;
            }
            words -= i32::from(pieces[back].is_word());
        }
    }
    Fragment { first, last, words, wanted, is_out: false }
}

fn mark_fragments(pieces: &mut [Piece<'_>], query: &Query, how: &Headline, length_max: usize) {
    let mut fragments = Vec::new();
    let mut from = 0;
    while let Some((start, end)) = next_cover(pieces, query, from, length_max) {
        from = start + 1;
        let mut next = start;
        while next <= end {
            let found = fragment(pieces, next, end, how.words_max);
            next = found.last + 1;
            fragments.push(found);
        }
    }
    let mut any = false;
    for _ in 0..how.fragments_max {
        // The most wanted words, and of those the fewest words.
        let candidates = fragments.iter().enumerate().filter(|(_, fragment)| !fragment.is_out && fragment.wanted > 0);
        let best = candidates.min_by_key(|(_, fragment)| (-fragment.wanted, fragment.words)).map(|(at, _)| at);
        let Some(best) = best else { break };
        any = true;
        let (first, last) = stretched(pieces, &fragments[best], how);
        mark(pieces, first, last + 1, false);
        for fragment in &mut fragments {
            fragment.is_out |= fragment.first <= last && fragment.last >= first;
        }
        fragments[best].is_out = true;
    }
    if !any {
        let last = first_words(pieces, how);
        mark(pieces, 0, last + 1, false);
    }
}

/// A fragment with as much before and behind it as there is room for.
fn stretched(pieces: &[Piece<'_>], fragment: &Fragment, how: &Headline) -> (usize, usize) {
    let (mut first, mut last, mut words) = (fragment.first, fragment.last, fragment.words);
    if words >= how.words_max {
        return (first, last);
    }
    let room = (how.words_max - words) / 2;
    let (mut taken, mut reached) = (0, first);
    while reached > 0 && taken < room && !pieces[reached - 1].is_shown {
        reached -= 1;
        taken += i32::from(pieces[reached].is_word());
    }
    words += taken;
    while reached < first && pieces[reached].ends_badly(how.short) {
        words -= i32::from(pieces[reached].is_word());
        reached += 1;
    }
    first = reached;
    reached = last;
    while reached + 1 < pieces.len() && words < how.words_max && !pieces[reached + 1].is_shown {
        reached += 1;
        words += i32::from(pieces[reached].is_word());
    }
    while reached > last && pieces[reached].ends_badly(how.short) {
        reached -= 1;
    }
    last = reached;
    (first, last)
}

fn written(pieces: &[Piece<'_>], how: &Headline) -> String {
    let mut text = String::new();
    let (mut is_within, mut fragments) = (false, 0);
    for piece in pieces.iter().filter(|piece| !piece.is_repeated) {
        if !piece.is_shown {
            is_within = false;
            continue;
        }
        if !is_within {
            is_within = true;
            fragments += 1;
            if fragments > 1 {
                text.push_str(&how.delimiter);
            }
        }
        if piece.is_space {
            text.push(' ');
        } else if !piece.is_skipped {
            if piece.is_marked {
                text.push_str(&how.start);
            }
            text.push_str(piece.text);
            if piece.is_marked {
                text.push_str(&how.stop);
            }
        }
    }
    text
}
