//! Text becomes a document or a query: its tokens' lexemes with the places where they stand.

use super::configuration::Configuration;
use super::parse::{Push, Sink, read};
use super::query::{Builder, Join, Query, Word};
use super::token::Tokens;
use super::vector::{Lexeme, Vector};
use super::words::Language;
use super::{PLACE_MAX, PLACES_MAX, WORD_BYTES_END};
use crate::error::Result;

/// How a text says what is looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Spoken {
    /// With operators between words.
    Operators,
    /// As words that must all be there.
    Words,
    /// As words that must follow one another.
    Phrase,
    /// As people type into a search box.
    Web,
}

/// The lexemes of a text, each with its place. A word that is dropped has a place too.
fn lexemes(
    configuration: &Configuration,
    text: &str,
    place: &mut u32,
    mut each: impl FnMut(String, u32),
) -> Result<()> {
    for token in Tokens::new(text) {
        let Some(dictionary) = configuration.dictionary_of(token.kind) else { continue };
        // What is longer is not found, and has no place.
        if token.text.len() >= WORD_BYTES_END {
            continue;
        }
        *place = place.saturating_add(1);
        if let Some(lexeme) = dictionary.lexeme(token.text)? {
            each(lexeme, *place);
        }
    }
    Ok(())
}

/// A document that is made of one text or of several. Behind each that has words a place stays free, so that no phrase goes
/// from one into the next.
pub(crate) fn document<'t>(configuration: &Configuration, texts: impl IntoIterator<Item = &'t str>) -> Result<Vector> {
    let mut found: Vec<(String, u16)> = Vec::new();
    let mut place = 0;
    for text in texts {
        let before = found.len();
        lexemes(configuration, text, &mut place, |word, place| {
            found.push((word, place.min(u32::from(PLACE_MAX)) as u16));
        })?;
        place += u32::from(found.len() > before);
    }
    found.sort_unstable();
    let mut gathered: Vec<Lexeme> = Vec::new();
    for (word, place) in found {
        match gathered.last_mut().filter(|last| last.word == word) {
            Some(last) => {
                let newest = last.places.last().map_or(0, |(newest, _)| *newest);
                // One place less than elsewhere is kept.
                if last.places.len() < PLACES_MAX - 1 && newest != PLACE_MAX && newest != place {
                    last.places.push((place, 0));
                }
            }
            None => gathered.push(Lexeme { word, places: vec![(place, 0)] }),
        }
    }
    Ok(Vector { lexemes: gathered })
}

/// A query as it is put together while some of its words turn out to be dropped.
#[derive(Debug, Default)]
struct Draft {
    /// Backwards, as [`Builder`] has it.
    steps: Vec<DraftStep>,
    has_stops: bool,
}

#[derive(Debug)]
enum DraftStep {
    Word(Word),
    Stop,
    Not,
    Join(Join),
}

impl Sink for Draft {
    fn word(&mut self, word: Word) -> Result<()> {
        self.steps.push(DraftStep::Word(word));
        Ok(())
    }

    fn stop(&mut self) {
        self.has_stops = true;
        self.steps.push(DraftStep::Stop);
    }

    fn not(&mut self) {
        self.steps.push(DraftStep::Not);
    }

    fn join(&mut self, join: Join) {
        self.steps.push(DraftStep::Join(join));
    }
}

/// What is left of a part of a draft, and by how many places phrases with it grow to its left and to its right.
struct Left {
    stays: bool,
    before: u32,
    after: u32,
}

impl Draft {
    /// The query without the words that were dropped. Where they stood within phrases, the others stay as far apart.
    fn finish(self) -> Result<Query> {
        let mut done: Vec<Left> = Vec::new();
        let mut builder = Builder::default();
        for step in self.steps {
            match step {
                DraftStep::Word(word) => {
                    builder.word(word)?;
                    done.push(Left { stays: true, before: 0, after: 0 });
                }
                DraftStep::Stop => done.push(Left { stays: false, before: 0, after: 0 }),
                DraftStep::Not => {
                    if done.last().is_some_and(|inner| inner.stays) {
                        builder.not();
                    }
                }
                DraftStep::Join(join) => {
                    let (Some(right), Some(left)) = (done.pop(), done.pop()) else { continue };
                    let phrase = match join {
                        Join::Phrase(distance) => Some(u32::from(distance)),
                        _ => None,
                    };
                    done.push(match (left.stays, right.stays, phrase) {
                        (true, true, Some(distance)) => {
                            let distance = distance + left.after + right.before;
                            builder.join(Join::Phrase(distance.min(u32::from(u16::MAX)) as u16));
                            Left { stays: true, before: left.before, after: right.after }
                        }
                        (true, true, None) => {
                            builder.join(join);
                            Left { stays: true, before: 0, after: 0 }
                        }
                        // The two ends of what is gone are told the same, and count once.
                        (false, false, Some(distance)) => {
                            let gone = left.before + distance + right.before;
                            Left { stays: false, before: gone, after: gone }
                        }
                        (false, false, None) => {
                            let gone = left.before.max(right.before);
                            Left { stays: false, before: gone, after: gone }
                        }
                        (false, true, Some(distance)) => {
                            Left { stays: true, before: left.before + distance + right.before, after: right.after }
                        }
                        (true, false, Some(distance)) => {
                            Left { stays: true, before: left.before, after: left.after + distance + right.after }
                        }
                        (false, true, None) => right,
                        (true, false, None) => left,
                    });
                }
            }
        }
        Ok(builder.finish())
    }
}

/// The query that a text says.
pub(crate) fn spoken_query(configuration: &Configuration, text: &str, spoken: Spoken) -> Result<Query> {
    let join = if spoken == Spoken::Words { Join::And } else { Join::Phrase(1) };
    let push: Push<'_> = &mut |sink, text, weights, prefix| {
        let mut found = Vec::new();
        lexemes(configuration, text, &mut 0, |word, place| found.push((word, place.min(u32::from(PLACE_MAX)))))?;
        push_lexemes(sink, found, join, weights, prefix)
    };
    let mut draft = Draft::default();
    match spoken {
        Spoken::Operators => read(text, Language::Query, &mut draft, push)?,
        Spoken::Web => read(text, Language::Web, &mut draft, push)?,
        Spoken::Words | Spoken::Phrase if text.is_empty() => {}
        Spoken::Words | Spoken::Phrase => push(&mut draft, text, 0, false)?,
    }
    draft.finish()
}

/// The lexemes of one word of a query, joined, with those that were dropped between them.
fn push_lexemes(sink: &mut dyn Sink, found: Vec<(String, u32)>, join: Join, weights: u8, prefix: bool) -> Result<()> {
    if found.is_empty() {
        sink.stop();
        return Ok(());
    }
    let mut last = 0;
    let mut pushed = false;
    for (text, place) in found {
        if last > 0 {
            for _ in last + 1..place {
                sink.stop();
                sink.join(join);
            }
        }
        last = place;
        sink.word(Word { text, weights, prefix })?;
        if pushed {
            sink.join(join);
        }
        pushed = true;
    }
    Ok(())
}
