//! Time zones: the offset from UTC at a moment, and what moment a local time is.

use std::sync::Arc;

use chrono::{DateTime, Offset, TimeZone as _};
use chrono_tz::Tz;

use super::clock::offset;
use super::decode::Fault;
use super::posix::PosixZone;
use super::{DAY, SECOND, civil_of_days, day_of_week, days_of_civil, is_leap};
use crate::error::{Error, Result, SqlState};

/// A named zone, or a fixed distance from UTC.
#[derive(Debug, Clone, PartialEq)]
pub enum TimeZone {
    Named(Tz),
    /// Seconds east of UTC, and how SHOW prints it.
    Fixed(i32),
    /// An abbreviation whose meaning a zone's history tells, in capitals.
    Called(Tz, &'static str),
    /// One that is spelled out, with a summer time.
    Posix(Arc<PosixZone>),
}

impl TimeZone {
    pub fn utc() -> Self {
        TimeZone::Named(Tz::UTC)
    }

    /// The zone of that name, in any case; also PostgreSQL's abbreviations, most of which are fixed offsets.
    pub(crate) fn named(name: &str) -> Option<Self> {
        if let Some(called) = called(name) {
            return Some(called);
        }
        if let Some(seconds) = abbreviation(name) {
            return Some(if seconds == 0 { Self::utc() } else { TimeZone::Fixed(seconds) });
        }
        Self::full(name)
    }

    fn full(name: &str) -> Option<Self> {
        let known = name.parse::<Tz>().ok();
        known
            .or_else(|| chrono_tz::TZ_VARIANTS.iter().find(|tz| tz.name().eq_ignore_ascii_case(name)).copied())
            .map(TimeZone::Named)
    }

    /// The zone of a distance from UTC as ISO 8601 says it, eastwards: `+02`, `+0230`, `-02:30`; None if it is none. 22023 if
    /// it is farther than any zone.
    pub(crate) fn of_distance(text: &str) -> Result<Option<Self>> {
        match offset(text) {
            Ok(seconds) => Ok(Some(TimeZone::Fixed(seconds))),
            Err(Fault::ZoneOverflow) => {
                let message = format!("numeric time zone \"{text}\" out of range");
                Err(Error::new(SqlState::INVALID_PARAMETER_VALUE, message))
            }
            Err(_) => Ok(None),
        }
    }

    /// The value of the TimeZone setting: a name, or hours east of UTC.
    pub(crate) fn setting(value: &str) -> Option<Self> {
        let value = value.trim();
        if let Ok(hours) = value.parse::<f64>() {
            return (hours.abs() < 168.0).then_some(TimeZone::Fixed((hours * 3600.0) as i32));
        }
        if let Some(fixed) = Self::posix_fixed(value, 0) {
            return Some(fixed);
        }
        let named = Self::full(value).or_else(|| match Self::named(value)? {
            TimeZone::Called(tz, _) => Some(TimeZone::Named(tz)),
            zone => Some(zone),
        });
        named.or_else(|| Self::posix_changing(value))
    }

    /// What POSIX spells out, with a summer time or without. An abbreviation has so many letters at least.
    pub(crate) fn posix(value: &str, letters_min: usize) -> Option<Self> {
        Self::posix_fixed(value, letters_min).or_else(|| Self::posix_changing(value))
    }

    fn posix_changing(value: &str) -> Option<Self> {
        PosixZone::parse(value).map(|zone| TimeZone::Posix(Arc::new(zone)))
    }

    /// `<+02>-02`, `UTC+5` and `+05:30`: POSIX counts westwards.
    fn posix_fixed(value: &str, letters_min: usize) -> Option<Self> {
        let rest = match value.strip_prefix('<') {
            Some(rest) => rest.split_once('>')?.1,
            None => {
                let letters = value.bytes().take_while(u8::is_ascii_alphabetic).count();
                if letters < letters_min {
                    return None;
                }
                &value[letters..]
            }
        };
        let (sign, digits) = match rest.as_bytes().first()? {
            b'-' => (1, &rest[1..]),
            b'+' => (-1, &rest[1..]),
            b'0'..=b'9' => (-1, rest),
            _ => return None,
        };
        let mut parts = digits.split(':');
        let mut seconds = 0;
        for (unit, most) in [(3600, 167), (60, 59), (1, 59)] {
            if let Some(part) = parts.next() {
                let count: i32 = part.parse().ok().filter(|count| (0..=most).contains(count))?;
                seconds += count * unit;
            }
        }
        parts.next().is_none().then_some(TimeZone::Fixed(sign * seconds))
    }

    /// Seconds east of UTC at a moment, in microseconds since 1970 UTC.
    pub(crate) fn offset_at(&self, moment: i64) -> i32 {
        match self {
            TimeZone::Fixed(seconds) => *seconds,
            TimeZone::Named(Tz::UTC) => 0,
            TimeZone::Called(tz, name) => offset_called(*tz, name, moment),
            TimeZone::Posix(zone) => zone.offset_at(moment.div_euclid(SECOND)),
            TimeZone::Named(tz) => DateTime::from_timestamp(known_second(moment), 0)
                .map_or(0, |moment| tz.offset_from_utc_datetime(&moment.naive_utc()).fix().local_minus_utc()),
        }
    }

    /// The local time of a moment.
    pub(crate) fn local(&self, moment: i64) -> i64 {
        moment.saturating_add(i64::from(self.offset_at(moment)) * SECOND)
    }

    /// Seconds east of UTC at a local time. One that a change of the clocks skips is taken as of before the change,
    /// one that occurs twice as the later, as PostgreSQL does.
    pub(crate) fn offset_of_local(&self, local: i64) -> i32 {
        match self {
            TimeZone::Fixed(seconds) => return *seconds,
            // The zone tells the moment, and that what the abbreviation means.
            TimeZone::Called(tz, name) => {
                let offset = TimeZone::Named(*tz).offset_of_local(local);
                return offset_called(*tz, name, local.saturating_sub(i64::from(offset) * SECOND));
            }
            TimeZone::Named(_) | TimeZone::Posix(_) => {}
        }
        let before = self.offset_at(local.saturating_sub(DAY));
        let after = self.offset_at(local.saturating_add(DAY));
        if before == after {
            return before;
        }
        let holds = |offset: i32| self.offset_at(local.saturating_sub(i64::from(offset) * SECOND)) == offset;
        if holds(after) { after } else { before }
    }

    /// The moment at which clocks show a local time; `None` if that is no timestamp.
    pub(crate) fn moment(&self, local: i64) -> Option<i64> {
        let moment = local.checked_sub(i64::from(self.offset_of_local(local)) * SECOND)?;
        super::is_timestamp(moment).then_some(moment)
    }

    /// What the zone is called at a moment: "CEST", or "+02" where it has no name.
    pub(crate) fn abbreviation_at(&self, moment: i64) -> String {
        match self {
            TimeZone::Named(tz) => DateTime::from_timestamp(known_second(moment), 0)
                .map_or_else(String::new, |moment| moment.with_timezone(tz).format("%Z").to_string()),
            TimeZone::Called(_, name) => (*name).to_owned(),
            TimeZone::Posix(zone) => zone.abbreviation_at(moment.div_euclid(SECOND)).to_owned(),
            TimeZone::Fixed(seconds) => {
                let mut out = Vec::new();
                super::output::write_offset(*seconds, &mut out);
                crate::types::text::into_text(out)
            }
        }
    }
}

/// Seconds east of UTC that an abbreviation means in a zone at a moment: what it meant when it was last in use by then.
/// Where the zone's history does not have it, it means what the zone's clocks show.
fn offset_called(tz: Tz, name: &str, moment: i64) -> i32 {
    /// Nothing was called by a name for a shorter time; and how long ago a name may have been in use.
    const STEP: i64 = 20 * DAY;
    const STEPS_MAX: i64 = 25 * 366 / 20;
    let zone = TimeZone::Named(tz);
    let used = |at: &i64| zone.abbreviation_at(*at) == name;
    let found = (0..STEPS_MAX).map(|step| moment.saturating_sub(step * STEP)).find(used);
    zone.offset_at(found.unwrap_or(moment))
}

/// A second since 1970 for which the library knows the zones as they are at a moment. Its tables end with this century,
/// but their last rules go on: a later year is like an earlier one that begins on the same day of the week.
fn known_second(moment: i64) -> i64 {
    const YEAR_2100: i64 = 4_102_444_800;
    const DAY_SECONDS: i64 = DAY / SECOND;
    // Before the first entry of every zone it matters not how long before.
    let second = moment.div_euclid(SECOND).max(-200_000_000_000);
    if second < YEAR_2100 {
        return second;
    }
    let (year, _, _) = civil_of_days(second / DAY_SECONDS);
    let first = |year: i64| days_of_civil(year, 1, 1);
    let like = |other: &i64| is_leap(*other) == is_leap(year) && day_of_week(first(*other)) == day_of_week(first(year));
    // Every kind of year is met in 28 years without a century's end.
    let known = (2068..2096).find(like).unwrap_or(2068);
    second - (first(year) - first(known)) * DAY_SECONDS
}

/// An abbreviation that has meant different offsets.
fn called(name: &str) -> Option<TimeZone> {
    if !(3..=5).contains(&name.len()) {
        return None;
    }
    let name = name.to_ascii_uppercase();
    let at = CALLED.binary_search_by_key(&name.as_str(), |(called, _)| called).ok()?;
    Some(TimeZone::Called(CALLED[at].1, CALLED[at].0))
}

/// PostgreSQL's abbreviations of zones whose offset has changed, and the zones, sorted.
#[rustfmt::skip]
const CALLED: &[(&str, Tz)] = &[
    ("AMST", Tz::Asia__Yerevan), ("ANAST", Tz::Asia__Anadyr), ("ANAT", Tz::Asia__Anadyr),
    ("ARST", Tz::America__Argentina__Buenos_Aires), ("ART", Tz::America__Argentina__Buenos_Aires),
    ("AZST", Tz::Asia__Baku), ("AZT", Tz::Asia__Baku), ("CKT", Tz::Pacific__Rarotonga),
    ("CLT", Tz::America__Santiago), ("DAVT", Tz::Antarctica__Davis), ("EASST", Tz::Pacific__Easter),
    ("EAST", Tz::Pacific__Easter), ("FKST", Tz::Atlantic__Stanley), ("FKT", Tz::Atlantic__Stanley),
    ("GEST", Tz::Asia__Tbilisi), ("GET", Tz::Asia__Tbilisi), ("GYT", Tz::America__Guyana),
    ("IOT", Tz::Indian__Chagos), ("IRKST", Tz::Asia__Irkutsk), ("IRKT", Tz::Asia__Irkutsk),
    ("KGT", Tz::Asia__Bishkek), ("KOST", Tz::Pacific__Kosrae), ("KRAST", Tz::Asia__Krasnoyarsk),
    ("KRAT", Tz::Asia__Krasnoyarsk), ("LHDT", Tz::Australia__Lord_Howe), ("LINT", Tz::Pacific__Kiritimati),
    ("LKT", Tz::Asia__Colombo), ("MAGST", Tz::Asia__Magadan), ("MAGT", Tz::Asia__Magadan),
    ("MAWT", Tz::Antarctica__Mawson), ("MSK", Tz::Europe__Moscow), ("NOVST", Tz::Asia__Novosibirsk),
    ("NOVT", Tz::Asia__Novosibirsk), ("NUT", Tz::Pacific__Niue), ("OMSST", Tz::Asia__Omsk),
    ("OMST", Tz::Asia__Omsk), ("PETST", Tz::Asia__Kamchatka), ("PETT", Tz::Asia__Kamchatka),
    ("PYT", Tz::America__Asuncion), ("SGT", Tz::Asia__Singapore), ("TKT", Tz::Pacific__Fakaofo),
    ("TMT", Tz::Asia__Ashgabat), ("ULAT", Tz::Asia__Ulaanbaatar), ("VET", Tz::America__Caracas),
    ("VLAST", Tz::Asia__Vladivostok), ("VLAT", Tz::Asia__Vladivostok), ("VOLT", Tz::Europe__Volgograd),
    ("YAKST", Tz::Asia__Yakutsk), ("YAKT", Tz::Asia__Yakutsk), ("YEKT", Tz::Asia__Yekaterinburg),
];

/// Seconds east of UTC of an abbreviation.
pub(super) fn abbreviation(name: &str) -> Option<i32> {
    if name.len() > 5 {
        return None;
    }
    let name = name.to_ascii_lowercase();
    let found = ABBREVIATIONS.binary_search_by_key(&name.as_str(), |(abbreviation, _)| abbreviation);
    found.ok().map(|position| ABBREVIATIONS[position].1)
}

/// Every abbreviation and its seconds east of UTC, sorted.
pub(crate) fn abbreviations() -> &'static [(&'static str, i32)] {
    ABBREVIATIONS
}

/// Whether an abbreviation is of a summer time.
pub(crate) fn is_summer_time(abbreviation: &str) -> bool {
    SUMMER_TIMES.contains(&abbreviation)
}

/// The abbreviations of summer times, sorted.
#[rustfmt::skip]
const SUMMER_TIMES: &[&str] = &[
    "acdt", "acsst", "adt", "aedt", "aesst", "akdt", "almst", "awsst", "azost", "bdst", "brst", "bst", "cadt", "cdt",
    "cest", "cetdst", "chadt", "clst", "clt", "easst", "east", "edt", "eest", "eetdst", "egst", "fjst", "fnst", "idt",
    "kdt", "kgst", "lhdt", "mdt", "mest", "mesz", "metdst", "msd", "must", "ndt", "nzdt", "pdt", "pkst", "pmdt",
    "pyst", "sadt", "ulast", "uyst", "uzst", "wadt", "wdt", "wetdst", "wgst", "yekst",
];

/// PostgreSQL's default set of abbreviations, and seconds east of UTC.
#[rustfmt::skip]
const ABBREVIATIONS: &[(&str, i32)] = &[
    ("acdt", 37800), ("acsst", 37800), ("acst", 34200), ("act", -18000), ("acwst", 31500), ("adt", -10800),
    ("aedt", 39600), ("aesst", 39600), ("aest", 36000), ("aft", 16200), ("akdt", -28800), ("akst", -32400),
    ("almst", 25200), ("almt", 21600), ("amst", 14400), ("amt", -14400), ("anast", 43200), ("anat", 43200),
    ("arst", -10800), ("art", -10800), ("ast", -14400), ("awsst", 32400), ("awst", 28800), ("azost", 0), ("azot",
    -3600), ("azst", 14400), ("azt", 14400), ("bdst", 7200), ("bdt", 21600), ("bnt", 28800), ("bort", 28800),
    ("bot", -14400), ("bra", -10800), ("brst", -7200), ("brt", -10800), ("bst", 3600), ("btt", 21600), ("cadt",
    37800), ("cast", 34200), ("cct", 28800), ("cdt", -18000), ("cest", 7200), ("cet", 3600), ("chadt", 49500),
    ("chast", 45900), ("chut", 36000), ("ckt", -36000), ("clst", -10800), ("clt", -10800), ("cot", -18000), ("cst",
    -21600), ("cxt", 25200), ("davt", 25200), ("ddut", 36000), ("easst", -18000), ("east", -18000), ("eat", 10800),
    ("edt", -14400), ("eest", 10800), ("eet", 7200), ("egst", 0), ("egt", -3600), ("est", -18000), ("fet", 10800),
    ("fjst", 46800), ("fjt", 43200), ("fkst", -10800), ("fkt", -10800), ("fnst", -3600), ("fnt", -7200), ("galt",
    -21600), ("gamt", -32400), ("gest", 14400), ("get", 14400), ("gft", -10800), ("gilt", 43200), ("gmt", 0),
    ("gyt", -14400), ("hkt", 28800), ("hst", -36000), ("ict", 25200), ("idt", 10800), ("iot", 21600), ("irkst",
    28800), ("irkt", 28800), ("irt", 12600), ("ist", 7200), ("jayt", 32400), ("jst", 32400), ("kdt", 36000),
    ("kgst", 21600), ("kgt", 21600), ("kost", 39600), ("krast", 25200), ("krat", 25200), ("kst", 32400), ("lhdt",
    39600), ("lhst", 37800), ("ligt", 36000), ("lint", 50400), ("lkt", 19800), ("magst", 39600), ("magt", 39600),
    ("mart", -34200), ("mawt", 18000), ("mdt", -21600), ("mest", 7200), ("mesz", 7200), ("met", 3600), ("mez",
    3600), ("mht", 43200), ("mmt", 23400), ("mpt", 36000), ("msd", 14400), ("msk", 10800), ("mst", -25200),
    ("must", 18000), ("mut", 14400), ("mvt", 18000), ("myt", 28800), ("ndt", -9000), ("nft", -12600), ("novst",
    25200), ("novt", 25200), ("npt", 20700), ("nst", -12600), ("nut", -39600), ("nzdt", 46800), ("nzst", 43200),
    ("nzt", 43200), ("omsst", 21600), ("omst", 21600), ("pdt", -25200), ("pet", -18000), ("petst", 43200), ("pett",
    43200), ("pgt", 36000), ("pht", 28800), ("pkst", 21600), ("pkt", 18000), ("pmdt", -7200), ("pmst", -10800),
    ("pont", 39600), ("pst", -28800), ("pwt", 32400), ("pyst", -10800), ("pyt", -10800), ("ret", 14400), ("sadt",
    37800), ("sast", 7200), ("sct", 14400), ("sgt", 28800), ("taht", -36000), ("tft", 18000), ("tjt", 18000),
    ("tkt", 46800), ("tmt", 18000), ("tot", 46800), ("trut", 36000), ("tvt", 43200), ("uct", 0), ("ulast", 32400),
    ("ulat", 28800), ("ut", 0), ("utc", 0), ("uyst", -7200), ("uyt", -10800), ("uzst", 21600), ("uzt", 18000),
    ("vet", -14400), ("vlast", 36000), ("vlat", 36000), ("volt", 10800), ("vut", 39600), ("wadt", 28800), ("wakt",
    43200), ("wast", 25200), ("wat", 3600), ("wdt", 32400), ("wet", 0), ("wft", 43200), ("wgst", -7200), ("wgt",
    -10800), ("xjt", 21600), ("yakst", 32400), ("yakt", 32400), ("yapt", 36000), ("yekst", 21600), ("yekt", 18000),
    ("z", 0), ("zulu", 0)
];
