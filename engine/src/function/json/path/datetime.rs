//! Dates and times in paths: what `.datetime()` makes of strings, how they compare and how they leave a path.

use std::cmp::Ordering;
use std::ops::ControlFlow;

use super::eval::{Failure, Item, Outcome, Run, Sink, soft};
use crate::error::{Error, SqlState};
use crate::function::EvalContext;
use crate::function::to_char::{Moment, Template};
use crate::types::datetime::{self, DAY, DateStyle, SECOND, TimeZone, ZonedTime, is_timestamp};
use crate::types::jsonpath::Step;
use crate::types::text::into_text;
use storage::value::jsonb::Json;

/// The forms that are known without a template, in the order in which they are tried.
const FORMS: [&str; 19] = [
    "yyyy-mm-dd",
    "HH24:MI:SS.USTZH:TZM",
    "HH24:MI:SS.USTZH",
    "HH24:MI:SSTZH:TZM",
    "HH24:MI:SSTZH",
    "HH24:MI:SS.US",
    "HH24:MI:SS",
    "yyyy-mm-dd HH24:MI:SS.USTZH:TZM",
    "yyyy-mm-dd HH24:MI:SS.USTZH",
    "yyyy-mm-dd HH24:MI:SSTZH:TZM",
    "yyyy-mm-dd HH24:MI:SSTZH",
    "yyyy-mm-dd\"T\"HH24:MI:SS.USTZH:TZM",
    "yyyy-mm-dd\"T\"HH24:MI:SS.USTZH",
    "yyyy-mm-dd\"T\"HH24:MI:SSTZH:TZM",
    "yyyy-mm-dd\"T\"HH24:MI:SSTZH",
    "yyyy-mm-dd HH24:MI:SS.US",
    "yyyy-mm-dd HH24:MI:SS",
    "yyyy-mm-dd\"T\"HH24:MI:SS.US",
    "yyyy-mm-dd\"T\"HH24:MI:SS",
];

impl<'a> Run<'a> {
    pub(super) fn datetime(
        &self,
        template: Option<&str>,
        rest: &[Step],
        item: &Item<'a>,
        sink: Sink<'_, 'a>,
    ) -> Outcome<ControlFlow<()>> {
        let Some(Json::String(text)) = item.json() else {
            let words = "jsonpath item method .datetime() can only be applied to a string";
            return Err(soft(SqlState::INVALID_ARGUMENT_FOR_SQL_JSON_DATETIME_FUNCTION, words));
        };
        let moment = match template {
            Some(template) => Template::of(template).map_err(Failure::Hard)?.read(text).map_err(Failure::Soft)?,
            None => known_form(text)?,
        };
        self.steps(rest, Item::Time(moment), self.lax, sink)
    }
}

fn known_form(text: &str) -> Outcome<Moment> {
    for form in FORMS {
        if let Ok(moment) = Template::of(form).map_err(Failure::Hard)?.read(text) {
            return Ok(moment);
        }
    }
    let words = format!("datetime format is not recognized: \"{text}\"");
    Err(Failure::Soft(
        Error::new(SqlState::INVALID_ARGUMENT_FOR_SQL_JSON_DATETIME_FUNCTION, words)
            .with_hint("Use a datetime template argument to specify the input data format."),
    ))
}

/// What `.type()` calls it.
pub(super) fn kind(moment: &Moment) -> &'static str {
    match moment {
        Moment::Date(_) => "date",
        Moment::Time(_) => "time without time zone",
        Moment::ZonedTime(_) => "time with time zone",
        Moment::Timestamp(_) => "timestamp without time zone",
        Moment::Timestamptz(..) => "timestamp with time zone",
    }
}

/// The string that it is outside of paths.
pub(super) fn shown(moment: &Moment) -> String {
    let mut out = Vec::with_capacity(32);
    match moment {
        Moment::Date(day) => datetime::write_date(*day, DateStyle::default(), &mut out),
        Moment::Time(time) => datetime::write_time(*time, &mut out),
        Moment::ZonedTime(time) => {
            datetime::write_timetz(*time, &mut out);
            if time.offset % 3600 == 0 {
                out.extend_from_slice(b":00");
            }
        }
        Moment::Timestamp(time) => datetime::write_timestamp_xsd(*time, None, &mut out),
        Moment::Timestamptz(moment, offset) => {
            datetime::write_timestamp_xsd(*moment, Some(&TimeZone::Fixed(*offset)), &mut out);
        }
    }
    into_text(out)
}

/// How two of them are in order; `None`: they are of kinds that do not compare. What has no zone is of the session's where it
/// meets what has one, if there is a session to ask (the functions that end in `_tz`).
pub(super) fn order(a: &Moment, b: &Moment, session: Option<&EvalContext>) -> Outcome<Option<Ordering>> {
    let zoned = |local: i128, from: &str| -> Outcome<i128> {
        let zone = &session.ok_or_else(|| without_zone(from, "timestamptz"))?.session.format.time_zone;
        Ok(match i64::try_from(local) {
            Ok(at) if is_timestamp(at) => local - i128::from(zone.offset_of_local(at)) * i128::from(SECOND),
            _ => local,
        })
    };
    let zoned_time = |time: i64| -> Outcome<i64> {
        let session = session.ok_or_else(|| without_zone("time", "timetz"))?;
        let offset = session.session.format.time_zone.offset_at(session.transaction_time);
        Ok(ZonedTime::new(time, offset).packed())
    };
    let midnight = |day: i32| i128::from(day) * i128::from(DAY);
    Ok(Some(match (a, b) {
        (Moment::Date(a), Moment::Date(b)) => a.cmp(b),
        (Moment::Date(a), Moment::Timestamp(b)) => midnight(*a).cmp(&i128::from(*b)),
        (Moment::Date(a), Moment::Timestamptz(b, _)) => zoned(midnight(*a), "date")?.cmp(&i128::from(*b)),
        (Moment::Timestamp(a), Moment::Timestamp(b)) => a.cmp(b),
        (Moment::Timestamp(a), Moment::Timestamptz(b, _)) => zoned(i128::from(*a), "timestamp")?.cmp(&i128::from(*b)),
        (Moment::Timestamptz(a, _), Moment::Timestamptz(b, _)) => a.cmp(b),
        (Moment::Time(a), Moment::Time(b)) => a.cmp(b),
        (Moment::Time(a), Moment::ZonedTime(b)) => zoned_time(*a)?.cmp(&b.packed()),
        (Moment::ZonedTime(a), Moment::ZonedTime(b)) => a.packed().cmp(&b.packed()),
        (Moment::Timestamp(_) | Moment::Timestamptz(..), Moment::Date(_))
        | (Moment::Timestamptz(..), Moment::Timestamp(_))
        | (Moment::ZonedTime(_), Moment::Time(_)) => return Ok(order(b, a, session)?.map(Ordering::reverse)),
        (Moment::Time(_) | Moment::ZonedTime(_), _) | (_, Moment::Time(_) | Moment::ZonedTime(_)) => return Ok(None),
    }))
}

fn without_zone(from: &str, to: &str) -> Failure {
    let words = format!("cannot convert value from {from} to {to} without time zone usage");
    Failure::Hard(
        Error::new(SqlState::FEATURE_NOT_SUPPORTED, words).with_hint("Use *_tz() function for time zone support."),
    )
}
