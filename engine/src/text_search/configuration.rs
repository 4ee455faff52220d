//! Configurations and dictionaries: which dictionary makes lexemes of which kind of token.
//!
//! They are PostgreSQL's built-in ones; SQL makes no others. Each language has a dictionary and a configuration with its name, in
//! which words are the dictionary's business and all else stays as it is. Languages without a stemmer here are known by name only.

use crate::error::{Error, Result, SqlState};

/// The parser `default`.
pub(crate) const DEFAULT_PARSER: u32 = 3722;

/// What dictionaries are made of in PostgreSQL: oid, name, the oids of two functions, and what it is for.
pub(crate) const TEMPLATES: [(u32, &str, u32, u32, &str); 5] = [
    (SIMPLE_TEMPLATE, "simple", 3725, 3726, "simple dictionary: just lower case and check for stopword"),
    (3730, "synonym", 3728, 3729, "synonym dictionary: replace word by its synonym"),
    (3733, "ispell", 3731, 3732, "ispell dictionary"),
    (3742, "thesaurus", 3740, 3741, "thesaurus dictionary: phrase by phrase substitution"),
    (SNOWBALL_TEMPLATE, "snowball", 13148, 13149, "snowball stemmer"),
];

const SIMPLE_TEMPLATE: u32 = 3727;
const SNOWBALL_TEMPLATE: u32 = 13150;

/// The language of a dictionary that stems.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Language {
    Arabic,
    Armenian,
    Basque,
    Catalan,
    Danish,
    Dutch,
    English,
    Finnish,
    French,
    German,
    Greek,
    Hindi,
    Hungarian,
    Indonesian,
    Irish,
    Italian,
    Lithuanian,
    Nepali,
    Norwegian,
    Portuguese,
    Romanian,
    Russian,
    Serbian,
    Spanish,
    Swedish,
    Tamil,
    Turkish,
    Yiddish,
}

impl Language {
    /// In the order of their names, which is that of the oids.
    pub(crate) const ALL: [Language; 28] = {
        use Language::*;
        [
            Arabic, Armenian, Basque, Catalan, Danish, Dutch, English, Finnish, French, German, Greek, Hindi,
            Hungarian, Indonesian, Irish, Italian, Lithuanian, Nepali, Norwegian, Portuguese, Romanian, Russian,
            Serbian, Spanish, Swedish, Tamil, Turkish, Yiddish,
        ]
    };

    /// Whether PostgreSQL's dictionary names a list of stop words.
    fn has_stop_words(self) -> bool {
        use Language::*;
        !matches!(
            self,
            Arabic
                | Armenian
                | Basque
                | Catalan
                | Greek
                | Hindi
                | Indonesian
                | Irish
                | Lithuanian
                | Romanian
                | Serbian
                | Tamil
                | Yiddish
        )
    }
}

/// A dictionary.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Dictionary {
    pub(crate) oid: u32,
    pub(crate) name: &'static str,
    /// None: `simple`, which only makes letters small.
    pub(crate) language: Option<Language>,
}

/// A configuration: words of ASCII letters go to one dictionary, other words to another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Configuration {
    pub(crate) oid: u32,
    pub(crate) name: &'static str,
    ascii: u32,
    words: u32,
}

const SIMPLE: u32 = 3765;
const ENGLISH: u32 = 13163;

macro_rules! languages {
    ($($name:literal $stem:literal $language:ident $oid:literal $ascii:expr;)*) => {
        /// All dictionaries.
        pub(crate) const DICTIONARIES: &[Dictionary] = &[
            Dictionary { oid: SIMPLE, name: "simple", language: None },
            $(Dictionary { oid: $oid, name: $stem, language: Some(Language::$language) },)*
        ];

        /// All configurations.
        pub(crate) const CONFIGURATIONS: &[Configuration] = &[
            Configuration { oid: 3748, name: "simple", ascii: SIMPLE, words: SIMPLE },
            $(Configuration { oid: $oid + 1, name: $name, ascii: $ascii, words: $oid },)*
        ];
    };
}

languages! {
    "arabic" "arabic_stem" Arabic 13151 13151;
    "armenian" "armenian_stem" Armenian 13153 13153;
    "basque" "basque_stem" Basque 13155 13155;
    "catalan" "catalan_stem" Catalan 13157 13157;
    "danish" "danish_stem" Danish 13159 13159;
    "dutch" "dutch_stem" Dutch 13161 13161;
    "english" "english_stem" English 13163 13163;
    "finnish" "finnish_stem" Finnish 13165 13165;
    "french" "french_stem" French 13167 13167;
    "german" "german_stem" German 13169 13169;
    "greek" "greek_stem" Greek 13171 13171;
    "hindi" "hindi_stem" Hindi 13173 ENGLISH;
    "hungarian" "hungarian_stem" Hungarian 13175 13175;
    "indonesian" "indonesian_stem" Indonesian 13177 13177;
    "irish" "irish_stem" Irish 13179 13179;
    "italian" "italian_stem" Italian 13181 13181;
    "lithuanian" "lithuanian_stem" Lithuanian 13183 13183;
    "nepali" "nepali_stem" Nepali 13185 13185;
    "norwegian" "norwegian_stem" Norwegian 13187 13187;
    "portuguese" "portuguese_stem" Portuguese 13189 13189;
    "romanian" "romanian_stem" Romanian 13191 13191;
    "russian" "russian_stem" Russian 13193 ENGLISH;
    "serbian" "serbian_stem" Serbian 13195 13195;
    "spanish" "spanish_stem" Spanish 13197 13197;
    "swedish" "swedish_stem" Swedish 13199 13199;
    "tamil" "tamil_stem" Tamil 13201 13201;
    "turkish" "turkish_stem" Turkish 13203 13203;
    "yiddish" "yiddish_stem" Yiddish 13205 13205;
}

impl Dictionary {
    pub(crate) fn template(&self) -> u32 {
        if self.language.is_some() { SNOWBALL_TEMPLATE } else { SIMPLE_TEMPLATE }
    }

    /// `dictinitoption`.
    pub(crate) fn options(&self) -> Option<String> {
        let language = self.language?;
        let name = self.name.strip_suffix("_stem")?;
        let stops = if language.has_stop_words() { format!(", stopwords = '{name}'") } else { String::new() };
        Some(format!("language = '{name}'{stops}"))
    }
}

impl Configuration {
    /// The dictionary for tokens of a kind, if they are not dropped.
    pub(crate) fn dictionary_of(&self, kind: u8) -> Option<&'static Dictionary> {
        dictionary(match kind {
            1 | 11 | 16 => self.ascii,
            2 | 10 | 17 => self.words,
            3..=9 | 15 | 18..=22 => SIMPLE,
            _ => return None,
        })
    }
}

pub(crate) fn dictionary(oid: u32) -> Option<&'static Dictionary> {
    DICTIONARIES.iter().find(|dictionary| dictionary.oid == oid)
}

pub(crate) fn dictionary_named(name: &str) -> Option<&'static Dictionary> {
    DICTIONARIES.iter().find(|dictionary| dictionary.name == name)
}

pub(crate) fn configuration_named(name: &str) -> Option<&'static Configuration> {
    CONFIGURATIONS.iter().find(|configuration| configuration.name == name)
}

/// The configuration of that oid; an error in PostgreSQL's words if there is none.
pub(crate) fn configuration(oid: i64) -> Result<&'static Configuration> {
    let found = CONFIGURATIONS.iter().find(|configuration| i64::from(configuration.oid) == oid);
    found.ok_or_else(|| Error::internal(format!("cache lookup failed for text search configuration {oid}")))
}

/// What `default_text_search_config` names.
pub(crate) fn default_configuration(setting: &str) -> Result<&'static Configuration> {
    let name = setting.strip_prefix("pg_catalog.").unwrap_or(setting);
    configuration_named(name).ok_or_else(|| {
        let words = format!("text search configuration \"{setting}\" does not exist");
        Error::new(SqlState::UNDEFINED_OBJECT, words)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn languages_and_dictionaries_are_in_one_order() {
        let known: Vec<_> = DICTIONARIES.iter().filter_map(|dictionary| dictionary.language).collect();
        assert_eq!(known, Language::ALL);
        let english = configuration_named("english").unwrap();
        assert_eq!(english.dictionary_of(1), dictionary_named("english_stem"));
        assert_eq!(english.dictionary_of(3), dictionary_named("simple"));
        assert_eq!(english.dictionary_of(12), None);
    }
}
