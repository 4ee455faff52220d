//! What dictionaries make of a word: its lexeme, or nothing for a stop word.

use rust_stemmers::{Algorithm, Stemmer};

use super::configuration::{Dictionary, Language};
use super::stop_words::is_stop_word;
use crate::error::{Error, Result};
use crate::function::string::lower;

/// What is longer is no word, and is not stemmed.
const STEMMED_BYTES_MAX: usize = 1000;

impl Dictionary {
    /// The lexeme of a word; None for a stop word. 0A000 for a language that has no stemmer here.
    pub(crate) fn lexeme(&self, word: &str) -> Result<Option<String>> {
        let word = lower(word);
        let Some(language) = self.language else { return Ok(Some(word).filter(|word| !word.is_empty())) };
        let algorithm = algorithm(language)
            .ok_or_else(|| Error::unsupported(format_args!("text search dictionary \"{}\"", self.name)))?;
        if word.len() > STEMMED_BYTES_MAX {
            return Ok(Some(word));
        }
        if word.is_empty() || is_stop_word(language, &word) {
            return Ok(None);
        }
        Ok(Some(stemmed(algorithm, &word)))
    }
}

/// The stem of a word, as the present versions of the algorithms have it.
fn stemmed(algorithm: Algorithm, word: &str) -> String {
    let stem = |word: &str| Stemmer::create(algorithm).stem(word).into_owned();
    let found = match algorithm {
        Algorithm::Russian if word.contains('ё') => stem(&word.replace('ё', "е")),
        // A vowel with two dots is one that follows a consonant.
        Algorithm::French if FRENCH_ENDS.iter().any(|end| word.ends_with(end)) => {
            stem(&word.replace('ë', "He").replace('ï', "Hi")).replace("He", "ë").replace("Hi", "ï").replace('H', "")
        }
        _ => stem(word),
    };
    // No word is all ending.
    if found.is_empty() { word.to_owned() } else { found }
}

const FRENCH_ENDS: [&str; 6] = ["ïque", "ïques", "ïsme", "ïsmes", "ïste", "ïstes"];

/// The languages whose stemmers make of words what PostgreSQL's make of them.
fn algorithm(language: Language) -> Option<Algorithm> {
    Some(match language {
        Language::Arabic => Algorithm::Arabic,
        Language::Danish => Algorithm::Danish,
        Language::Dutch => Algorithm::Dutch,
        Language::English => Algorithm::English,
        Language::Finnish => Algorithm::Finnish,
        Language::French => Algorithm::French,
        Language::German => Algorithm::German,
        Language::Greek => Algorithm::Greek,
        Language::Hungarian => Algorithm::Hungarian,
        Language::Italian => Algorithm::Italian,
        Language::Norwegian => Algorithm::Norwegian,
        Language::Portuguese => Algorithm::Portuguese,
        Language::Romanian => Algorithm::Romanian,
        Language::Russian => Algorithm::Russian,
        Language::Spanish => Algorithm::Spanish,
        Language::Swedish => Algorithm::Swedish,
        Language::Turkish => Algorithm::Turkish,
        _ => return None,
    })
}
