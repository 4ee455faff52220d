//! Functions of queries: how they are made and joined, what they match, how well, and where.

use storage::Value;

use super::documents::of_text;
use super::{config, current, of_query, query, text_array, vector};
use crate::error::{Error, Result, SqlState};
use crate::function::Function;
use crate::function::argument::{array, bytes, float, int4, int8, text, text_of};
use crate::function::define::{immutable, stable};
use crate::text_search::{
    Configuration, DISTANCE_MAX, Headline, Join, Query, Spoken, Weights, dictionary, distance_error, headline, matches,
    rank, rank_by_covers, spoken_query,
};
use crate::types::oid::*;

#[rustfmt::skip]
pub(in crate::function) const FUNCTIONS: &[Function] = &[
    immutable(3746, "to_tsquery", &[REGCONFIG, TEXT], TSQUERY, |_, args| said(config(&args[0])?, &args[1], Spoken::Operators)),
    stable(3750, "to_tsquery", &[TEXT], TSQUERY, |context, args| said(current(context)?, &args[0], Spoken::Operators)),
    immutable(3747, "plainto_tsquery", &[REGCONFIG, TEXT], TSQUERY, |_, args| said(config(&args[0])?, &args[1], Spoken::Words)),
    stable(3751, "plainto_tsquery", &[TEXT], TSQUERY, |context, args| said(current(context)?, &args[0], Spoken::Words)),
    immutable(5006, "phraseto_tsquery", &[REGCONFIG, TEXT], TSQUERY, |_, args| said(config(&args[0])?, &args[1], Spoken::Phrase)),
    stable(5001, "phraseto_tsquery", &[TEXT], TSQUERY, |context, args| said(current(context)?, &args[0], Spoken::Phrase)),
    immutable(5007, "websearch_to_tsquery", &[REGCONFIG, TEXT], TSQUERY, |_, args| said(config(&args[0])?, &args[1], Spoken::Web)),
    stable(5009, "websearch_to_tsquery", &[TEXT], TSQUERY, |context, args| said(current(context)?, &args[0], Spoken::Web)),
    stable(3759, "get_current_ts_config", &[], REGCONFIG, |context, _| Ok(Value::Int8(i64::from(current(context)?.oid)))),

    immutable(3634, "ts_match_vq", &[TSVECTOR, TSQUERY], BOOL, |_, args| fits(&args[0], &args[1])),
    immutable(3635, "ts_match_qv", &[TSQUERY, TSVECTOR], BOOL, |_, args| fits(&args[1], &args[0])),
    stable(3760, "ts_match_tt", &[TEXT, TEXT], BOOL, |context, args| {
        let configuration = current(context)?;
        fits(&of_text(configuration, &args[0])?, &said(configuration, &args[1], Spoken::Words)?)
    }),
    stable(3761, "ts_match_tq", &[TEXT, TSQUERY], BOOL, |context, args| fits(&of_text(current(context)?, &args[0])?, &args[1])),

    immutable(3668, "tsquery_cmp", &[TSQUERY, TSQUERY], INT4, |_, args| Ok(Value::Int4(bytes(&args[0])?.cmp(bytes(&args[1])?) as i32))),
    immutable(3669, "tsquery_and", &[TSQUERY, TSQUERY], TSQUERY, |_, args| joined(Join::And, &args[0], &args[1])),
    immutable(3670, "tsquery_or", &[TSQUERY, TSQUERY], TSQUERY, |_, args| joined(Join::Or, &args[0], &args[1])),
    immutable(3671, "tsquery_not", &[TSQUERY], TSQUERY, |_, args| of_query(&query(&args[0])?.negated())),
    immutable(5003, "tsquery_phrase", &[TSQUERY, TSQUERY], TSQUERY, |_, args| joined(Join::Phrase(1), &args[0], &args[1])),
    immutable(5004, "tsquery_phrase", &[TSQUERY, TSQUERY, INT4], TSQUERY, |_, args| {
        let distance = u16::try_from(int4(&args[2])?).ok().filter(|distance| *distance <= DISTANCE_MAX);
        joined(Join::Phrase(distance.ok_or_else(distance_error)?), &args[0], &args[1])
    }),
    immutable(3672, "numnode", &[TSQUERY], INT4, |_, args| {
        Ok(Value::Int4(i32::try_from(query(&args[0])?.items().len()).unwrap_or(i32::MAX)))
    }),
    immutable(3673, "querytree", &[TSQUERY], TEXT, |_, args| {
        let query = query(&args[0])?;
        text_of(if query.is_empty() { String::new() } else { query.indexable().map_or_else(|| "T".to_owned(), |query| query.text()) })
    }),
    immutable(3691, "tsq_mcontains", &[TSQUERY, TSQUERY], BOOL, |_, args| contains(&args[0], &args[1])),
    immutable(3692, "tsq_mcontained", &[TSQUERY, TSQUERY], BOOL, |_, args| contains(&args[1], &args[0])),

    immutable(3703, "ts_rank", &[FLOAT4_ARRAY, TSVECTOR, TSQUERY, INT4], FLOAT4, |_, args| ranked(&weights(&args[0])?, &args[1..], int4(&args[3])?)),
    immutable(3704, "ts_rank", &[FLOAT4_ARRAY, TSVECTOR, TSQUERY], FLOAT4, |_, args| ranked(&weights(&args[0])?, &args[1..], 0)),
    immutable(3705, "ts_rank", &[TSVECTOR, TSQUERY, INT4], FLOAT4, |_, args| ranked(&Weights::default(), args, int4(&args[2])?)),
    immutable(3706, "ts_rank", &[TSVECTOR, TSQUERY], FLOAT4, |_, args| ranked(&Weights::default(), args, 0)),
    immutable(3707, "ts_rank_cd", &[FLOAT4_ARRAY, TSVECTOR, TSQUERY, INT4], FLOAT4, |_, args| ranked_by_covers(&weights(&args[0])?, &args[1..], int4(&args[3])?)),
    immutable(3708, "ts_rank_cd", &[FLOAT4_ARRAY, TSVECTOR, TSQUERY], FLOAT4, |_, args| ranked_by_covers(&weights(&args[0])?, &args[1..], 0)),
    immutable(3709, "ts_rank_cd", &[TSVECTOR, TSQUERY, INT4], FLOAT4, |_, args| ranked_by_covers(&Weights::default(), args, int4(&args[2])?)),
    immutable(3710, "ts_rank_cd", &[TSVECTOR, TSQUERY], FLOAT4, |_, args| ranked_by_covers(&Weights::default(), args, 0)),

    immutable(3743, "ts_headline", &[REGCONFIG, TEXT, TSQUERY, TEXT], TEXT, |_, args| shown(config(&args[0])?, &args[1..], Some(&args[3]))),
    immutable(3744, "ts_headline", &[REGCONFIG, TEXT, TSQUERY], TEXT, |_, args| shown(config(&args[0])?, &args[1..], None)),
    stable(3754, "ts_headline", &[TEXT, TSQUERY, TEXT], TEXT, |context, args| shown(current(context)?, args, Some(&args[2]))),
    stable(3755, "ts_headline", &[TEXT, TSQUERY], TEXT, |context, args| shown(current(context)?, args, None)),

    immutable(3723, "ts_lexize", &[REGDICTIONARY, TEXT], TEXT_ARRAY, |_, args| {
        let oid = int8(&args[0])?;
        let dictionary = u32::try_from(oid).ok().and_then(dictionary).ok_or_else(|| {
            Error::internal(format!("cache lookup failed for text search dictionary {oid}"))
        })?;
        Ok(text_array(dictionary.lexeme(text(&args[1])?)?))
    }),
];

fn said(configuration: &Configuration, value: &Value, spoken: Spoken) -> Result<Value> {
    of_query(&spoken_query(configuration, text(value)?, spoken)?)
}

fn fits(document: &Value, value: &Value) -> Result<Value> {
    Ok(Value::Bool(matches(bytes(document)?, &query(value)?)))
}

fn joined(join: Join, left: &Value, right: &Value) -> Result<Value> {
    of_query(&Query::join(join, query(left)?, query(right)?)?)
}

/// Whether one query has all words of another.
fn contains(whole: &Value, part: &Value) -> Result<Value> {
    let (whole, part) = (query(whole)?, query(part)?);
    let words: rustc_hash::FxHashSet<&str> = whole.words().map(|word| word.text.as_str()).collect();
    Ok(Value::Bool(part.words().all(|word| words.contains(word.text.as_str()))))
}

/// An array of weights, from D to A.
fn weights(value: &Value) -> Result<Weights> {
    let given = array(value)?;
    let wrong = |words: &'static str| Err(Error::new(SqlState("2202E"), words));
    if given.dimensions().len() != 1 {
        return wrong("array of weight must be one-dimensional");
    }
    if given.values.len() < 4 {
        return wrong("array of weight is too short");
    }
    if given.values.iter().any(Value::is_null) {
        return Err(Error::new(SqlState::NULL_VALUE_NOT_ALLOWED, "array of weight must not contain nulls"));
    }
    let weights = given.values.iter().map(|weight| Ok(float(weight)? as f32)).collect::<Result<Vec<f32>>>()?;
    Weights::of(&weights)
}

fn ranked(weights: &Weights, args: &[Value], method: i32) -> Result<Value> {
    Ok(Value::Float4(rank(weights, &vector(&args[0])?, &query(&args[1])?, method)))
}

fn ranked_by_covers(weights: &Weights, args: &[Value], method: i32) -> Result<Value> {
    Ok(Value::Float4(rank_by_covers(weights, &vector(&args[0])?, &query(&args[1])?, method)))
}

fn shown(configuration: &Configuration, args: &[Value], options: Option<&Value>) -> Result<Value> {
    let how = match options {
        Some(options) => Headline::parse(text(options)?)?,
        None => Headline::default(),
    };
    text_of(headline(configuration, text(&args[0])?, &query(&args[1])?, &how)?)
}
