//! Stop words: those that occur everywhere and find nothing.
//!
//! The lists are those of NLTK, which come from the same authors as the stemmers do and differ from PostgreSQL's in little: what that
//! little is stands here. The English list is one of PostgreSQL's own.

use std::sync::LazyLock;

use rustc_hash::FxHashSet;

use super::configuration::Language;

const ENGLISH: &str = "\
    a about above after again against all am an and any are as at be because been before being below between both but by \
    can did do does doing don down during each few for from further had has have having he her here hers herself him \
    himself his how i if in into is it its itself just me more most my myself no nor not now of off on once only or other \
    our ours ourselves out over own s same she should so some such t than that the their theirs them themselves then \
    there these they this those through to too under until up very was we were what when where which while who whom why \
    will with you your yours yourself yourselves";

/// Words that only NLTK has, and those that only PostgreSQL has.
fn differences(language: Language) -> (&'static str, &'static str) {
    match language {
        Language::French => ("ils les", ""),
        Language::German => ("unseres dass unseren unsere unserem", "unse unsem unsen unses"),
        Language::Hungarian => ("elõ elõször elsõ õ õket õk elõtt", "elő először első ő őket ők előtt"),
        Language::Portuguese => ("haver ser é estar", ""),
        Language::Spanish => ("vosotras vosotros", "vosostros vosostras"),
        _ => ("", ""),
    }
}

/// The code under which a list is found; None for a language whose dictionary drops nothing.
fn code(language: Language) -> Option<&'static str> {
    Some(match language {
        Language::Danish => "da",
        Language::Dutch => "nl",
        Language::Finnish => "fi",
        Language::French => "fr",
        Language::German => "de",
        Language::Hungarian => "hu",
        Language::Italian => "it",
        Language::Norwegian => "no",
        Language::Portuguese => "pt",
        Language::Russian => "ru",
        Language::Spanish => "es",
        Language::Swedish => "sv",
        Language::Turkish => "tr",
        _ => return None,
    })
}

type Words = FxHashSet<&'static str>;

static LISTS: LazyLock<Vec<(Language, Words)>> = LazyLock::new(|| {
    let list = |language: &Language| {
        if *language == Language::English {
            return Some((*language, ENGLISH.split_whitespace().collect()));
        }
        let (not, also) = differences(*language);
        let mut words: Words = stop_words::lookup(code(*language)?)?.iter().copied().collect();
        for word in not.split_whitespace() {
            words.remove(word);
        }
        words.extend(also.split_whitespace());
        Some((*language, words))
    };
    Language::ALL.iter().filter_map(list).collect()
});

/// Whether a word, in lower case, is a stop word of a language.
pub(super) fn is_stop_word(language: Language, word: &str) -> bool {
    LISTS.iter().find(|(own, _)| *own == language).is_some_and(|(_, words)| words.contains(word))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_have_as_many_words_as_postgresql_has() {
        let counts =
            [(Language::English, 127), (Language::German, 231), (Language::French, 155), (Language::Portuguese, 203)];
        for (language, count) in counts {
            let (_, words) = LISTS.iter().find(|(own, _)| *own == language).unwrap();
            assert_eq!(words.len(), count, "{language:?}");
        }
    }
}
