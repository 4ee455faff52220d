//! Full text search: documents (`tsvector`), queries (`tsquery`), and how text becomes either.
//!
//! Text is taken apart into tokens (`token`), each token's kind has a dictionary in a configuration (`configuration`), which
//! makes a lexeme of it or drops it (`dictionary`), and `document` gathers lexemes with their places. A query is an expression over
//! lexemes (`query`), read by `parse`, and tested on a document by `matching`; `rank` says how well a document fits, and `headline` shows where.
//!
//! What PostgreSQL's manual says in chapters 12 and 9.13 is what is meant here.

mod configuration;
mod dictionary;
mod document;
mod headline;
mod matching;
mod parse;
mod query;
mod rank;
mod stop_words;
mod token;
mod vector;
mod words;

#[cfg(test)]
mod tests;

pub(crate) use configuration::{
    CONFIGURATIONS, Configuration, DEFAULT_PARSER, DICTIONARIES, Dictionary, TEMPLATES, configuration,
    configuration_named, default_configuration, dictionary, dictionary_named,
};
pub(crate) use document::{Spoken, document, spoken_query};
pub(crate) use headline::{Headline, headline};
pub(crate) use matching::matches;
pub(crate) use parse::parse_query;
pub(crate) use query::{DISTANCE_MAX, Join, Query, Step, distance_error};
pub(crate) use rank::{Weights, rank, rank_by_covers};
pub(crate) use token::{TOKEN_KINDS, Token, Tokens};
pub(crate) use vector::{
    Lexeme, Vector, weight_letter, weight_of_letter, write as write_vector, write_binary as write_vector_binary,
};

/// Bytes of a word, one more than the longest.
pub(crate) const WORD_BYTES_END: usize = 2048;
/// Bytes of all words of a document or query, at most.
pub(crate) const TEXT_BYTES_MAX: usize = (1 << 20) - 1;
/// The last place in a document; those beyond it are it.
pub(crate) const PLACE_MAX: u16 = (1 << 14) - 1;
/// Places of a word that are kept.
pub(crate) const PLACES_MAX: usize = 256;
