//! Full text search's parser, dictionaries and configurations: `pg_ts_config` and its kin. None of them can be changed.

use storage::Value;

use super::relation::row;
use super::{BOOTSTRAP_ROLE, PG_CATALOG, Reader};
use crate::text_search::{CONFIGURATIONS, DEFAULT_PARSER, DICTIONARIES, Dictionary, TEMPLATES, TOKEN_KINDS};

/// `pg_ts_config`, `pg_ts_dict`, `pg_ts_parser` and `pg_ts_template` themselves.
const CONFIG_CATALOG: u32 = 3602;
const DICTIONARY_CATALOG: u32 = 3600;
const PARSER_CATALOG: u32 = 3601;
const TEMPLATE_CATALOG: u32 = 3764;

pub(super) fn configurations(_: &Reader<'_>) -> Vec<Vec<Value>> {
    let row = |config: &crate::text_search::Configuration| {
        row![config.oid, config.name, PG_CATALOG, BOOTSTRAP_ROLE, DEFAULT_PARSER]
    };
    CONFIGURATIONS.iter().map(row).collect()
}

/// Which dictionary a configuration has for each kind of token that it does not drop.
pub(super) fn mappings(_: &Reader<'_>) -> Vec<Vec<Value>> {
    let of = |config: &'static crate::text_search::Configuration| {
        let kinds = 1..=TOKEN_KINDS.len() as u8;
        kinds.filter_map(|kind| Some(row![config.oid, i32::from(kind), 1i32, config.dictionary_of(kind)?.oid]))
    };
    CONFIGURATIONS.iter().flat_map(of).collect()
}

pub(super) fn dictionaries(_: &Reader<'_>) -> Vec<Vec<Value>> {
    let row = |dictionary: &Dictionary| {
        let options = dictionary.options();
        row![dictionary.oid, dictionary.name, PG_CATALOG, BOOTSTRAP_ROLE, dictionary.template(), options.as_deref()]
    };
    DICTIONARIES.iter().map(row).collect()
}

pub(super) fn parsers(_: &Reader<'_>) -> Vec<Vec<Value>> {
    vec![row![DEFAULT_PARSER, "default", PG_CATALOG, 3717u32, 3718u32, 3719u32, 3720u32, 3721u32]]
}

pub(super) fn templates(_: &Reader<'_>) -> Vec<Vec<Value>> {
    let row =
        |(oid, name, init, lexize, _): &(u32, &str, u32, u32, &str)| row![*oid, *name, PG_CATALOG, *init, *lexize];
    TEMPLATES.iter().map(row).collect()
}

/// What each of them is said to be: the catalog that has it, its oid, and the words.
pub(super) fn comments() -> Vec<(u32, u32, String)> {
    let mut all = vec![(PARSER_CATALOG, DEFAULT_PARSER, "default word parser".to_owned())];
    all.extend(TEMPLATES.iter().map(|(oid, .., words)| (TEMPLATE_CATALOG, *oid, (*words).to_owned())));
    all.extend(CONFIGURATIONS.iter().map(|config| {
        let words = if config.name == "simple" {
            "simple configuration".to_owned()
        } else {
            format!("configuration for {} language", config.name)
        };
        (CONFIG_CATALOG, config.oid, words)
    }));
    all.extend(DICTIONARIES.iter().map(|dictionary| {
        let words = match dictionary.name.strip_suffix("_stem") {
            Some(language) => format!("snowball stemmer for {language} language"),
            None => "simple dictionary: just lower case and check for stopword".to_owned(),
        };
        (DICTIONARY_CATALOG, dictionary.oid, words)
    }));
    all
}
