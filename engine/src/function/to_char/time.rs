//! Templates of dates and times: their words, and what each shows.

use storage::Interval;

use crate::error::{Error, Result, SqlState};
use crate::types::datetime::{Civil, DAY, HOUR, MINUTE, SECOND, TimeZone, day_of_week, day_of_year, iso_week};

/// A word of a template. Those whose case matters say so in their own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Word {
    Hour12,
    Hour24,
    Minute,
    Second,
    Millisecond,
    Microsecond,
    /// So many digits of the fraction of a second.
    Fraction(usize),
    SecondOfDay,
    Meridiem {
        dots: bool,
        upper: bool,
    },
    Year(usize),
    YearWithComma,
    IsoYear(usize),
    Era {
        dots: bool,
        upper: bool,
    },
    MonthName(Case),
    MonthShort(Case),
    Month,
    DayName(Case),
    DayShort(Case),
    DayOfYear,
    IsoDayOfYear,
    Day,
    DayOfWeek,
    IsoDayOfWeek,
    WeekOfMonth,
    WeekOfYear,
    IsoWeek,
    Century,
    Julian,
    Quarter,
    RomanMonth {
        upper: bool,
    },
    Zone {
        upper: bool,
    },
    ZoneHours,
    ZoneMinutes,
    Offset,
    /// FX, which matters to reading only.
    Fixed,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Case {
    Upper,
    Title,
    Lower,
}

/// A piece of a template.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Piece<'a> {
    /// `bare`: without padding (FM); `ordinal`: followed by `th`, in capitals or not.
    Word {
        word: Word,
        written: &'a str,
        bare: bool,
        ordinal: Option<bool>,
    },
    Text(char),
    /// A character between double quotes.
    Quoted(char),
}

/// Words as templates have them, the longer before those they begin with.
const WORDS: &[(&str, Word)] = &[
    ("HH24", Word::Hour24),
    ("HH12", Word::Hour12),
    ("HH", Word::Hour12),
    ("MI", Word::Minute),
    ("SSSSS", Word::SecondOfDay),
    ("SSSS", Word::SecondOfDay),
    ("SS", Word::Second),
    ("MS", Word::Millisecond),
    ("US", Word::Microsecond),
    ("FF1", Word::Fraction(1)),
    ("FF2", Word::Fraction(2)),
    ("FF3", Word::Fraction(3)),
    ("FF4", Word::Fraction(4)),
    ("FF5", Word::Fraction(5)),
    ("FF6", Word::Fraction(6)),
    ("FX", Word::Fixed),
    ("Y,YYY", Word::YearWithComma),
    ("YYYY", Word::Year(4)),
    ("YYY", Word::Year(3)),
    ("YY", Word::Year(2)),
    ("IYYY", Word::IsoYear(4)),
    ("IYY", Word::IsoYear(3)),
    ("IY", Word::IsoYear(2)),
    ("IDDD", Word::IsoDayOfYear),
    ("ID", Word::IsoDayOfWeek),
    ("IW", Word::IsoWeek),
    ("I", Word::IsoYear(1)),
    ("Y", Word::Year(1)),
    ("MM", Word::Month),
    ("DDD", Word::DayOfYear),
    ("DD", Word::Day),
    ("D", Word::DayOfWeek),
    ("WW", Word::WeekOfYear),
    ("W", Word::WeekOfMonth),
    ("CC", Word::Century),
    ("J", Word::Julian),
    ("Q", Word::Quarter),
    ("TZH", Word::ZoneHours),
    ("TZM", Word::ZoneMinutes),
    ("OF", Word::Offset),
];

/// Words whose case decides that of what they show.
const CASED_WORDS: &[(&str, Word)] = &[
    ("A.M.", Word::Meridiem { dots: true, upper: true }),
    ("P.M.", Word::Meridiem { dots: true, upper: true }),
    ("a.m.", Word::Meridiem { dots: true, upper: false }),
    ("p.m.", Word::Meridiem { dots: true, upper: false }),
    ("AM", Word::Meridiem { dots: false, upper: true }),
    ("PM", Word::Meridiem { dots: false, upper: true }),
    ("am", Word::Meridiem { dots: false, upper: false }),
    ("pm", Word::Meridiem { dots: false, upper: false }),
    ("A.D.", Word::Era { dots: true, upper: true }),
    ("B.C.", Word::Era { dots: true, upper: true }),
    ("a.d.", Word::Era { dots: true, upper: false }),
    ("b.c.", Word::Era { dots: true, upper: false }),
    ("AD", Word::Era { dots: false, upper: true }),
    ("BC", Word::Era { dots: false, upper: true }),
    ("ad", Word::Era { dots: false, upper: false }),
    ("bc", Word::Era { dots: false, upper: false }),
    ("MONTH", Word::MonthName(Case::Upper)),
    ("Month", Word::MonthName(Case::Title)),
    ("month", Word::MonthName(Case::Lower)),
    ("MON", Word::MonthShort(Case::Upper)),
    ("Mon", Word::MonthShort(Case::Title)),
    ("mon", Word::MonthShort(Case::Lower)),
    ("DAY", Word::DayName(Case::Upper)),
    ("Day", Word::DayName(Case::Title)),
    ("day", Word::DayName(Case::Lower)),
    ("DY", Word::DayShort(Case::Upper)),
    ("Dy", Word::DayShort(Case::Title)),
    ("dy", Word::DayShort(Case::Lower)),
    ("RM", Word::RomanMonth { upper: true }),
    ("rm", Word::RomanMonth { upper: false }),
];

const ZONES: &[(&str, Word)] = &[("TZ", Word::Zone { upper: true }), ("tz", Word::Zone { upper: false })];

pub(super) const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];
pub(super) const DAYS: [&str; 7] = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];
pub(super) const ROMAN: [&str; 12] = ["I", "II", "III", "IV", "V", "VI", "VII", "VIII", "IX", "X", "XI", "XII"];

/// Cuts a template into its pieces.
pub(super) fn pieces(template: &str) -> Vec<Piece<'_>> {
    let mut pieces = Vec::new();
    let mut rest = template;
    while let Some(first) = rest.chars().next() {
        if first == '"' {
            rest = quoted(&rest[1..], &mut pieces);
            continue;
        }
        let bare = ["FM", "fm"].iter().find_map(|prefix| rest.strip_prefix(prefix));
        let translated = ["TM", "tm"].iter().find_map(|prefix| rest.strip_prefix(prefix));
        let candidate = bare.or(translated).unwrap_or(rest);
        if let Some((word, after)) = word(candidate) {
            let written = &candidate[..candidate.len() - after.len()];
            let (ordinal, after) = match after {
                after if after.starts_with("TH") => (Some(true), &after[2..]),
                after if after.starts_with("th") => (Some(false), &after[2..]),
                after => (None, after),
            };
            // Names in the language of lc_time are not padded; the language is always the same.
            let is_name = matches!(word, Word::MonthName(_) | Word::DayName(_));
            let bare = bare.is_some() || (translated.is_some() && is_name);
            pieces.push(Piece::Word { word, written, bare, ordinal });
            rest = after;
            continue;
        }
        rest = candidate;
        if bare.or(translated).is_none() {
            // A backslash is special only before a quote.
            if rest.starts_with("\\\"") {
                rest = &rest[1..];
            }
            let text = rest.chars().next().unwrap_or(first);
            pieces.push(Piece::Text(text));
            rest = &rest[text.len_utf8()..];
        }
    }
    pieces
}

/// Takes the characters up to a closing quote, and answers what follows it.
fn quoted<'a>(text: &'a str, pieces: &mut Vec<Piece<'_>>) -> &'a str {
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match c {
            '"' => break,
            '\\' => pieces.push(Piece::Quoted(chars.next().unwrap_or(c))),
            c => pieces.push(Piece::Quoted(c)),
        }
    }
    chars.as_str()
}

fn word(text: &str) -> Option<(Word, &str)> {
    let cased = CASED_WORDS.iter().find(|(name, _)| text.starts_with(name));
    if let Some((name, word)) = cased {
        return Some((*word, &text[name.len()..]));
    }
    let found = WORDS.iter().find(|(name, _)| {
        text.get(..name.len()).is_some_and(|head| head == *name || head == name.to_ascii_lowercase())
    });
    let (name, word) = found.or_else(|| ZONES.iter().find(|(name, _)| text.starts_with(name)))?;
    Some((*word, &text[name.len()..]))
}

/// What a template is filled from.
struct Filled<'a> {
    civil: Civil,
    days: i64,
    /// Hours are not those of a day, and there is no day.
    interval: Option<Interval>,
    zone: Option<(&'a TimeZone, i64)>,
}

/// A local time by a template; `zone` and the moment, if it has them.
pub(super) fn of_local(template: &str, time: i64, zone: Option<(&TimeZone, i64)>) -> Result<String> {
    let filled = Filled { civil: Civil::of(time), days: time.div_euclid(DAY), interval: None, zone };
    filled.fill(template)
}

pub(super) fn of_interval(template: &str, value: Interval) -> Result<String> {
    let civil = Civil {
        year: i64::from(value.months / 12),
        month: i64::from(value.months % 12),
        day: i64::from(value.days),
        time: value.microseconds,
    };
    Filled { civil, days: 0, interval: Some(value), zone: None }.fill(template)
}

impl Filled<'_> {
    fn fill(&self, template: &str) -> Result<String> {
        let mut out = String::with_capacity(template.len() + 8);
        for piece in pieces(template) {
            match piece {
                Piece::Text(c) | Piece::Quoted(c) => out.push(c),
                Piece::Word { word, written: _, bare, ordinal } => {
                    let shown = self.word(word, bare)?;
                    out.push_str(&shown);
                    if let (Some(upper), true) = (ordinal, shown.ends_with(|c: char| c.is_ascii_digit())) {
                        let ending = ordinal_ending(&shown);
                        out.push_str(&if upper { ending.to_ascii_uppercase() } else { ending.to_owned() });
                    }
                }
            }
        }
        Ok(out)
    }

    fn number(&self, value: i64, width: usize, bare: bool) -> String {
        if bare {
            return value.to_string();
        }
        let sign = if value < 0 { "-" } else { "" };
        format!("{sign}{:0width$}", value.unsigned_abs())
    }

    fn word(&self, word: Word, bare: bool) -> Result<String> {
        let civil = &self.civil;
        let time = civil.time;
        let hour = time / HOUR;
        let calendar = |word: Word| {
            if self.interval.is_some() {
                let _ = word;
                return Err(Error::new(
                    SqlState::INVALID_DATETIME_FORMAT,
                    "invalid format specification for an interval value",
                )
                .with_hint("Intervals are not tied to specific calendar dates."));
            }
            Ok(())
        };
        let historical = |year: i64| if self.interval.is_some() || year > 0 { year } else { 1 - year };
        Ok(match word {
            Word::Hour12 => self.number(if hour % 12 == 0 { 12 } else { hour % 12 }, 2, bare),
            Word::Hour24 => self.number(hour, 2, bare),
            Word::Minute => self.number(time / MINUTE % 60, 2, bare),
            Word::Second => self.number(time / SECOND % 60, 2, bare),
            Word::Millisecond => self.number(time % SECOND / 1000, 3, false),
            Word::Microsecond => self.number(time % SECOND, 6, false),
            Word::Fraction(digits) => format!("{:06}", (time % SECOND).abs())[..digits].to_owned(),
            Word::Fixed => String::new(),
            Word::SecondOfDay => self.number(time / SECOND, 1, true),
            Word::Meridiem { dots, upper } => {
                cased(if hour % 24 >= 12 { ["pm", "p.m."] } else { ["am", "a.m."] }, dots, upper)
            }
            Word::Era { dots, upper } => {
                calendar(word)?;
                cased(if civil.year > 0 { ["ad", "a.d."] } else { ["bc", "b.c."] }, dots, upper)
            }
            Word::Year(digits) => self.year(historical(civil.year), digits, bare),
            Word::YearWithComma => {
                let year = historical(civil.year);
                format!("{},{:03}", year / 1000, year % 1000)
            }
            Word::IsoYear(digits) => {
                calendar(word)?;
                self.year(historical(iso_week(self.days).0), digits, bare)
            }
            Word::MonthName(case) => {
                calendar(word)?;
                name(MONTHS[(civil.month - 1) as usize], case, if bare { 0 } else { 9 })
            }
            Word::MonthShort(case) => {
                calendar(word)?;
                name(&MONTHS[(civil.month - 1) as usize][..3], case, 0)
            }
            Word::Month => self.number(civil.month, 2, bare),
            Word::DayName(case) => {
                calendar(word)?;
                name(DAYS[day_of_week(self.days) as usize], case, if bare { 0 } else { 9 })
            }
            Word::DayShort(case) => {
                calendar(word)?;
                name(&DAYS[day_of_week(self.days) as usize][..3], case, 0)
            }
            Word::DayOfYear => self.number(
                if self.interval.is_some() { self.interval_days() } else { day_of_year(self.days) },
                3,
                bare,
            ),
            Word::IsoDayOfYear => {
                calendar(word)?;
                self.number((iso_week(self.days).1 - 1) * 7 + (day_of_week(self.days) + 6) % 7 + 1, 3, bare)
            }
            Word::Day => self.number(civil.day, 2, bare),
            Word::DayOfWeek => {
                calendar(word)?;
                (day_of_week(self.days) + 1).to_string()
            }
            Word::IsoDayOfWeek => {
                calendar(word)?;
                ((day_of_week(self.days) + 6) % 7 + 1).to_string()
            }
            Word::WeekOfMonth => ((civil.day - 1) / 7 + 1).to_string(),
            Word::WeekOfYear => {
                let day = if self.interval.is_some() { self.interval_days() } else { day_of_year(self.days) };
                self.number((day - 1) / 7 + 1, 2, bare)
            }
            Word::IsoWeek => {
                calendar(word)?;
                self.number(iso_week(self.days).1, 2, bare)
            }
            Word::Century => {
                let year = civil.year;
                let century = if self.interval.is_some() {
                    year / 100
                } else if year > 0 {
                    (year - 1) / 100 + 1
                } else {
                    year / 100 - 1
                };
                self.number(century, 2, bare)
            }
            Word::Julian => (self.days + 2_440_588).to_string(),
            Word::Quarter => {
                if civil.month == 0 {
                    String::new()
                } else {
                    ((civil.month - 1) / 3 + 1).to_string()
                }
            }
            Word::RomanMonth { upper } => {
                // An interval of whole years is in its last month, or in the first if it goes back.
                let position = match (civil.month, civil.year) {
                    (0, 0) => return Ok(String::new()),
                    (0, year) => {
                        if year > 0 {
                            11
                        } else {
                            0
                        }
                    }
                    (month, _) if month < 0 => 12 + month,
                    (month, _) => month - 1,
                };
                let roman = ROMAN[position as usize];
                let roman = if upper { roman.to_owned() } else { roman.to_ascii_lowercase() };
                if bare { roman } else { format!("{roman:<4}") }
            }
            Word::Zone { upper } => {
                calendar(word)?;
                let zone = self.zone.map(|(zone, moment)| zone.abbreviation_at(moment)).unwrap_or_default();
                if upper { zone } else { zone.to_ascii_lowercase() }
            }
            Word::ZoneHours => {
                let offset = self.offset();
                format!("{}{:02}", if offset < 0 { '-' } else { '+' }, offset.abs() / 3600)
            }
            Word::ZoneMinutes => format!("{:02}", self.offset().abs() / 60 % 60),
            Word::Offset => {
                calendar(word)?;
                let offset = self.offset();
                let minutes = offset.abs() / 60 % 60;
                let sign = if offset < 0 { '-' } else { '+' };
                let hours = format!("{sign}{:02}", offset.abs() / 3600);
                if minutes == 0 { hours } else { format!("{hours}:{minutes:02}") }
            }
        })
    }

    fn offset(&self) -> i32 {
        self.zone.map_or(0, |(zone, moment)| zone.offset_at(moment))
    }

    fn interval_days(&self) -> i64 {
        self.civil.year * 360 + self.civil.month * 30 + self.civil.day
    }

    /// The last digits of a year.
    fn year(&self, year: i64, digits: usize, bare: bool) -> String {
        match digits {
            4 => self.number(year, 4, bare),
            3 => self.number(year % 1000, 3, bare),
            2 => self.number(year % 100, 2, bare),
            _ => self.number(year % 10, 1, bare),
        }
    }
}

fn cased([plain, dotted]: [&str; 2], dots: bool, upper: bool) -> String {
    let word = if dots { dotted } else { plain };
    if upper { word.to_ascii_uppercase() } else { word.to_owned() }
}

fn name(name: &str, case: Case, width: usize) -> String {
    let name = match case {
        Case::Upper => name.to_ascii_uppercase(),
        Case::Title => name.to_owned(),
        Case::Lower => name.to_ascii_lowercase(),
    };
    format!("{name:<width$}")
}

/// "st", "nd", "rd" or "th".
pub(super) fn ordinal_ending(number: &str) -> &'static str {
    let mut digits = number.bytes().rev().filter(u8::is_ascii_digit);
    let (last, before) = (digits.next(), digits.next());
    match (before, last) {
        (Some(b'1'), _) => "th",
        (_, Some(b'1')) => "st",
        (_, Some(b'2')) => "nd",
        (_, Some(b'3')) => "rd",
        _ => "th",
    }
}
