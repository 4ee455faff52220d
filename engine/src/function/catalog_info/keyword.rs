//! `pg_get_keywords`: the words that PostgreSQL's grammar knows (PostgreSQL 15 manual, appendix C).
//!
//! Drivers and tools ask for them to know what they have to quote.

use storage::Value;

use super::super::TableFunction;
use super::super::argument::text_of;
use super::super::define::table;
use crate::types::oid::*;

pub(in super::super) const TABLE_FUNCTIONS: &[TableFunction] = &[table(
    1686,
    "pg_get_keywords",
    &[],
    &[("word", TEXT), ("catcode", CHAR), ("barelabel", BOOL), ("catdesc", TEXT), ("baredesc", TEXT)],
    |_, _| {
        let mut all: Vec<(&str, &Kind)> =
            KINDS.iter().flat_map(|kind| kind.words.split(' ').map(move |word| (word, kind))).collect();
        all.sort_unstable_by_key(|(word, _)| *word);
        Ok(Box::new(all.into_iter().map(|(word, kind)| {
            let is_bare = !NEEDS_AS.split(' ').any(|other| other == word);
            let bare = if is_bare { "can be bare label" } else { "requires AS" };
            Ok(vec![
                text_of(word)?,
                text_of(kind.letter)?,
                Value::Bool(is_bare),
                text_of(kind.words_for_it)?,
                text_of(bare)?,
            ])
        })))
    },
)];

/// Whether the grammar lets a word, in small letters, stand for any type: it is no keyword, or one that may name anything.
pub(crate) fn may_name_type(word: &str) -> bool {
    let is_listed = |words: &str| words.split(' ').any(|other| other == word);
    ![COLUMN_NAMES, FUNCTION_NAMES, RESERVED].into_iter().any(is_listed)
}

/// Words that may stand in the same places.
struct Kind {
    letter: &'static str,
    words_for_it: &'static str,
    words: &'static str,
}

static KINDS: [Kind; 4] = [
    Kind { letter: "U", words_for_it: "unreserved", words: UNRESERVED },
    Kind { letter: "C", words_for_it: "unreserved (cannot be function or type name)", words: COLUMN_NAMES },
    Kind { letter: "T", words_for_it: "reserved (can be function or type name)", words: FUNCTION_NAMES },
    Kind { letter: "R", words_for_it: "reserved", words: RESERVED },
];

/// Words that may name anything.
const UNRESERVED: &str = "\
    abort absolute access action add admin after aggregate also alter always asensitive assertion assignment at \
    atomic attach attribute backward before begin breadth by cache call called cascade cascaded catalog chain \
    characteristics checkpoint class close cluster columns comment comments commit committed compression \
    configuration conflict connection constraints content continue conversion copy cost csv cube current cursor \
    cycle data database day deallocate declare defaults deferred definer delete delimiter delimiters depends \
    depth detach dictionary disable discard document domain double drop each enable encoding encrypted enum \
    escape event exclude excluding exclusive execute explain expression extension external family filter \
    finalize first following force forward function functions generated global granted groups handler header \
    hold hour identity if immediate immutable implicit import include including increment index indexes inherit \
    inherits inline input insensitive insert instead invoker isolation key label language large last leakproof \
    level listen load local location lock locked logged mapping match matched materialized maxvalue merge method \
    minute minvalue mode month move name names new next nfc nfd nfkc nfkd no normalized nothing notify nowait \
    nulls object of off oids old operator option options ordinality others over overriding owned owner parallel \
    parameter parser partial partition passing password plans policy preceding prepare prepared preserve prior \
    privileges procedural procedure procedures program publication quote range read reassign recheck recursive \
    ref referencing refresh reindex relative release rename repeatable replace replica reset restart restrict \
    return returns revoke role rollback rollup routine routines rows rule savepoint schema schemas scroll search \
    second security sequence sequences serializable server session set sets share show simple skip snapshot sql \
    stable standalone start statement statistics stdin stdout storage stored strict strip subscription support \
    sysid system tables tablespace temp template temporary text ties transaction transform trigger truncate \
    trusted type types uescape unbounded uncommitted unencrypted unknown unlisten unlogged until update vacuum \
    valid validate validator value varying version view views volatile whitespace within without work wrapper \
    write xml year yes zone";

/// Words that may name columns and tables.
const COLUMN_NAMES: &str = "\
    between bigint bit boolean char character coalesce dec decimal exists extract float greatest grouping inout \
    int integer interval least national nchar none normalize nullif numeric out overlay position precision real \
    row setof smallint substring time timestamp treat trim values varchar xmlattributes xmlconcat xmlelement \
    xmlexists xmlforest xmlnamespaces xmlparse xmlpi xmlroot xmlserialize xmltable";

/// Words that may name functions and types.
const FUNCTION_NAMES: &str = "\
    authorization binary collation concurrently cross current_schema freeze full ilike inner is isnull join left \
    like natural notnull outer overlaps right similar tablesample verbose";

/// Words that name nothing unless quoted.
const RESERVED: &str = "\
    all analyse analyze and any array as asc asymmetric both case cast check collate column constraint create \
    current_catalog current_date current_role current_time current_timestamp current_user default deferrable \
    desc distinct do else end except false fetch for foreign from grant group having in initially intersect into \
    lateral leading limit localtime localtimestamp not null offset on only or order placing primary references \
    returning select session_user some symmetric table then to trailing true union unique user using variadic \
    when where window with";

/// Words that are a column's label only after AS.
const NEEDS_AS: &str = "\
    array as char character create day except fetch filter for from grant group having hour intersect into \
    isnull limit minute month notnull offset on order over overlaps precision returning second to union varying \
    where window with within without year";
