//! How well a document fits a query: by how often its words occur and what they weigh, or by how near to one another they are.
//!
//! The formulas, and where they round to single precision, are those of `ts_rank` and `ts_rank_cd`.

use super::PLACE_MAX;
use super::matching::{Answer, Places, Searched, answer, has_weight};
use super::query::{Item, Query, Word};
use super::vector::{Lexeme, Vector};
use crate::error::{Error, Result, SqlState};

/// What places weigh, from D to A.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Weights([f32; 4]);

const DEFAULT: [f32; 4] = [0.1, 0.2, 0.4, 1.0];

impl Default for Weights {
    fn default() -> Self {
        Self(DEFAULT)
    }
}

impl Weights {
    /// Four numbers up to 1; a negative one stands for the usual weight. 22023 for others.
    pub(crate) fn of(given: &[f32]) -> Result<Self> {
        let mut weights = DEFAULT;
        for (weight, given) in weights.iter_mut().zip(given) {
            // What is no number stands for the usual weight too.
            if *given >= 0.0 {
                *weight = *given;
            }
            if *weight > 1.0 {
                return Err(Error::new(SqlState::INVALID_PARAMETER_VALUE, "weight out of range"));
            }
        }
        Ok(Self(weights))
    }

    fn of_place(&self, place: (u16, u8)) -> f32 {
        self.0[usize::from(place.1 & 3)]
    }
}

/// What a rank is divided by: bits of the argument `normalization`.
mod normalization {
    pub(super) const LOG_LENGTH: i32 = 1;
    pub(super) const LENGTH: i32 = 2;
    pub(super) const DISTANCE: i32 = 4;
    pub(super) const WORDS: i32 = 8;
    pub(super) const LOG_WORDS: i32 = 16;
    pub(super) const ITSELF: i32 = 32;
}

/// How many words a document has, as far as their places are known.
fn length(vector: &Vector) -> usize {
    vector.lexemes.iter().map(|lexeme| lexeme.places.len().max(1)).sum()
}

/// A word's places; one that has none stands at the beginning.
fn places_of(lexeme: &Lexeme) -> &[(u16, u8)] {
    if lexeme.places.is_empty() { &[(0, 0)] } else { &lexeme.places }
}

/// The words of a query, in their order and each once.
fn distinct_words(query: &Query) -> Vec<&Word> {
    let mut words: Vec<&Word> = query.words().collect();
    words.sort_by(|left, right| left.text.cmp(&right.text));
    words.dedup_by(|left, right| left.text == right.text);
    words
}

/// The words of a document that a word of a query stands for.
fn found<'v>(vector: &'v Vector, word: &Word) -> &'v [Lexeme] {
    if word.prefix {
        return vector.with_prefix(&word.text);
    }
    vector.find(&word.text).map_or(&[], std::slice::from_ref)
}

/// `ts_rank`.
pub(crate) fn rank(weights: &Weights, vector: &Vector, query: &Query, method: i32) -> f32 {
    if vector.lexemes.is_empty() || query.is_empty() {
        return 0.0;
    }
    let words = distinct_words(query);
    let all = matches!(query.items().first(), Some(Item::And { .. } | Item::Phrase { .. })) && words.len() >= 2;
    let mut rank = if all { rank_of_all(weights, vector, &words) } else { rank_of_any(weights, vector, &words) };
    if rank < 0.0 {
        rank = 1e-20;
    }
    let count = vector.lexemes.len();
    if method & normalization::LOG_LENGTH != 0 {
        rank = (f64::from(rank) / (((length(vector) + 1) as f64).ln() / 2.0_f64.ln())) as f32;
    }
    if method & normalization::LENGTH != 0 {
        rank /= length(vector) as f32;
    }
    if method & normalization::WORDS != 0 {
        rank /= count as f32;
    }
    if method & normalization::LOG_WORDS != 0 {
        rank = (f64::from(rank) / (((count + 1) as f64).ln() / 2.0_f64.ln())) as f32;
    }
    if method & normalization::ITSELF != 0 {
        rank /= rank + 1.0;
    }
    rank
}

fn rank_of_any(weights: &Weights, vector: &Vector, words: &[&Word]) -> f32 {
    let mut rank = 0.0_f32;
    for word in words {
        for lexeme in found(vector, word) {
            let (mut sum, mut greatest, mut greatest_at) = (0.0_f32, -1.0_f32, 0);
            for (at, place) in places_of(lexeme).iter().enumerate() {
                let weight = weights.of_place(*place);
                sum += weight / ((at + 1) * (at + 1)) as f32;
                if weight > greatest {
                    (greatest, greatest_at) = (weight, at);
                }
            }
            // The sum of 1/n² is never more than π²/6.
            let own = greatest + sum - greatest / ((greatest_at + 1) * (greatest_at + 1)) as f32;
            rank = (f64::from(rank) + f64::from(own) / 1.64493406685) as f32;
        }
    }
    if words.is_empty() { rank } else { rank / words.len() as f32 }
}

/// What two words count that are so many places apart.
fn nearness(distance: u32) -> f32 {
    if distance > 100 {
        return 1e-30;
    }
    (1.0 / (1.005 + 0.05 * f64::from(distance as f32 / 1.5 - 2.0).exp())) as f32
}

/// Where a word stands, and with which weights.
type Standing<'v> = &'v [(u16, u8)];

fn rank_of_all(weights: &Weights, vector: &Vector, words: &[&Word]) -> f32 {
    /// Where a word without places stands.
    const NOWHERE: &[(u16, u8)] = &[(PLACE_MAX, 0)];
    let mut rank = -1.0_f32;
    // Of several words that begin as one of the query does, the last one counts for what comes later.
    let mut before: Vec<Option<(Standing<'_>, bool)>> = Vec::with_capacity(words.len());
    for word in words {
        before.push(None);
        let own = before.len() - 1;
        for lexeme in found(vector, word) {
            let nowhere = lexeme.places.is_empty();
            let places = if nowhere { NOWHERE } else { &lexeme.places[..] };
            before[own] = Some((places, nowhere));
            for (others, others_nowhere) in before[..own].iter().flatten() {
                for place in places {
                    for other in others.iter() {
                        let distance = u32::from(place.0.abs_diff(other.0));
                        if distance == 0 && !nowhere && !others_nowhere {
                            continue;
                        }
                        let distance = if distance == 0 { u32::from(PLACE_MAX) + 1 } else { distance };
                        let product = weights.of_place(*place) * weights.of_place(*other) * nearness(distance);
                        let weight = f64::from(product).sqrt() as f32;
                        rank = if rank < 0.0 {
                            weight
                        } else {
                            (1.0 - (1.0 - f64::from(rank)) * (1.0 - f64::from(weight))) as f32
                        };
                    }
                }
            }
        }
    }
    rank
}

/// A place in a document where words of the query stand.
struct Spot {
    place: (u16, u8),
    lexeme: usize,
    /// Which items of the query they are.
    items: Vec<usize>,
}

/// The words of a query that have been come by, with where.
struct Seen {
    places: Vec<Vec<u32>>,
    backwards: bool,
}

impl Seen {
    fn clear(&mut self, backwards: bool) {
        self.places.iter_mut().for_each(Vec::clear);
        self.backwards = backwards;
    }

    fn see(&mut self, spot: &Spot) {
        let place = u32::from(spot.place.0);
        for item in &spot.items {
            let places = &mut self.places[*item];
            if places.last() != Some(&place) {
                places.push(place);
            }
        }
    }
}

impl Searched for Seen {
    fn has(&self, nth: usize, _: &Word) -> Answer {
        (!self.places[nth].is_empty()).into()
    }

    fn places(&self, nth: usize, _: &Word) -> Places {
        let mut places = self.places[nth].clone();
        if self.backwards {
            places.reverse();
        }
        Places::at(places)
    }
}

/// Where the words of a query stand in a document.
fn spots(vector: &Vector, query: &Query) -> Vec<Spot> {
    let mut all: Vec<((u16, u8), usize, usize)> = Vec::new();
    for (item, word) in query.items().iter().enumerate() {
        let Item::Word(word) = word else { continue };
        let lexemes = found(vector, word);
        // Lexemes are told apart by where they lie.
        let first =
            lexemes.first().map_or(0, |first| vector.lexemes.partition_point(|lexeme| lexeme.word < first.word));
        for (nth, lexeme) in lexemes.iter().enumerate() {
            let places = lexeme.places.iter().filter(|place| word.weights == 0 || has_weight(word, place.1));
            all.extend(places.map(|place| (*place, first + nth, item)));
        }
    }
    all.sort_unstable();
    let mut spots: Vec<Spot> = Vec::new();
    for (place, lexeme, item) in all {
        match spots.last_mut().filter(|last| last.place == place && last.lexeme == lexeme) {
            Some(last) => last.items.push(item),
            None => spots.push(Spot { place, lexeme, items: vec![item] }),
        }
    }
    spots
}

/// The next shortest run of spots, from one on, that matches the query by itself.
fn next_cover(spots: &[Spot], query: &Query, seen: &mut Seen, from: &mut usize) -> Option<(usize, usize)> {
    loop {
        seen.clear(false);
        let last = (*from..spots.len()).find(|at| {
            seen.see(&spots[*at]);
            answer(seen, query) != Answer::No
        })?;
        seen.clear(true);
        let first = (*from..=last).rev().find(|at| {
            seen.see(&spots[*at]);
            answer(seen, query) != Answer::No
        });
        match first {
            Some(first) => {
                *from = first + 1;
                return Some((first, last));
            }
            None => *from += 1,
        }
    }
}

/// `ts_rank_cd`.
pub(crate) fn rank_by_covers(weights: &Weights, vector: &Vector, query: &Query, method: i32) -> f32 {
    let spots = spots(vector, query);
    if spots.is_empty() {
        return 0.0;
    }
    let mut seen = Seen { places: vec![Vec::new(); query.items().len()], backwards: false };
    let (mut rank, mut from, mut covers) = (0.0_f64, 0, 0_usize);
    let (mut distances, mut last_middle) = (0.0_f64, 0.0_f64);
    while let Some((first, last)) = next_cover(&spots, query, &mut seen, &mut from) {
        let inverses: f64 = spots[first..=last].iter().map(|spot| 1.0 / f64::from(weights.of_place(spot.place))).sum();
        let own = (last - first + 1) as f64 / inverses;
        let (start, end) = (i32::from(spots[first].place.0), i32::from(spots[last].place.0));
        let within = (last - first) as i32;
        let others = end - start - within;
        // Where there are more words than places, half as many others are taken to be between them.
        let others = if others < 0 { within / 2 } else { others };
        rank += own / f64::from(1 + others);
        let middle = f64::from(end + start) / 2.0;
        if covers > 0 && middle > last_middle {
            distances += 1.0 / (middle - last_middle);
        }
        last_middle = middle;
        covers += 1;
    }
    let count = vector.lexemes.len() as f64;
    if method & normalization::LOG_LENGTH != 0 {
        rank /= ((length(vector) + 1) as f64).ln();
    }
    if method & normalization::LENGTH != 0 {
        rank /= length(vector) as f64;
    }
    if method & normalization::DISTANCE != 0 && covers > 0 && distances > 0.0 {
        rank /= covers as f64 / distances;
    }
    if method & normalization::WORDS != 0 {
        rank /= count;
    }
    if method & normalization::LOG_WORDS != 0 {
        rank /= (count + 1.0).ln() / 2.0_f64.ln();
    }
    if method & normalization::ITSELF != 0 {
        rank /= rank + 1.0;
    }
    rank as f32
}
