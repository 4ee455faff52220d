//! `DateStyle`: how dates look, and which number of `1/2/2003` is the month.

use std::fmt;

use crate::error::{Error, Result, SqlState};

/// In which order a date of numbers has its parts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DateOrder {
    YearMonthDay,
    DayMonthYear,
    MonthDayYear,
}

/// How dates and timestamps are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DateOutput {
    Iso,
    Sql,
    Postgres,
    German,
}

/// The value of DateStyle. All styles can be read at any time; only the order changes what text means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DateStyle {
    pub output: DateOutput,
    pub order: DateOrder,
}

impl Default for DateStyle {
    fn default() -> Self {
        Self { output: DateOutput::Iso, order: DateOrder::MonthDayYear }
    }
}

impl fmt::Display for DateStyle {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self.output {
            DateOutput::Iso => "ISO, ",
            DateOutput::Sql => "SQL, ",
            DateOutput::Postgres => "Postgres, ",
            DateOutput::German => "German, ",
        })?;
        formatter.write_str(match self.order {
            DateOrder::YearMonthDay => "YMD",
            DateOrder::DayMonthYear => "DMY",
            DateOrder::MonthDayYear => "MDY",
        })
    }
}

impl DateStyle {
    /// The style that a setting's value names: a list of an output style, an order, or both. What is not named stays
    /// as it is, but German dates bring their order with them.
    pub(crate) fn setting(value: &str, current: DateStyle) -> Result<DateStyle> {
        let (mut output, mut order) = (None, None);
        let mut agrees = true;
        for word in words(value).ok_or_else(|| invalid(value, "List syntax is invalid.".to_owned()))? {
            if let Some(named) = output_named(&word) {
                agrees &= output.replace(named).is_none_or(|before| before == named);
            } else if let Some(named) = order_named(&word) {
                agrees &= order.replace(named).is_none_or(|before| before == named);
            } else if word.eq_ignore_ascii_case("default") {
                let default = DateStyle::default();
                output.get_or_insert(default.output);
                order.get_or_insert(default.order);
            } else {
                return Err(invalid(value, format!("Unrecognized key word: \"{word}\".")));
            }
        }
        if !agrees {
            return Err(invalid(value, "Conflicting \"datestyle\" specifications.".to_owned()));
        }
        if output == Some(DateOutput::German) {
            order.get_or_insert(DateOrder::DayMonthYear);
        }
        Ok(DateStyle { output: output.unwrap_or(current.output), order: order.unwrap_or(current.order) })
    }
}

fn invalid(value: &str, detail: String) -> Error {
    let message = format!("invalid value for parameter \"DateStyle\": \"{value}\"");
    Error::new(SqlState::INVALID_PARAMETER_VALUE, message).with_detail(detail)
}

/// The words of a list; `None` where a word is missing. Nothing at all is an empty list.
fn words(value: &str) -> Option<Vec<String>> {
    if value.trim().is_empty() {
        return Some(Vec::new());
    }
    let unquoted = |word: &str| match word.strip_prefix('"').and_then(|word| word.strip_suffix('"')) {
        Some(quoted) => quoted.to_owned(),
        None => word.to_lowercase(),
    };
    value.split(',').map(str::trim).map(|word| (!word.is_empty()).then(|| unquoted(word))).collect()
}

fn starts_with(word: &str, start: &str) -> bool {
    word.get(..start.len()).is_some_and(|head| head.eq_ignore_ascii_case(start))
}

fn output_named(word: &str) -> Option<DateOutput> {
    Some(match word {
        _ if word.eq_ignore_ascii_case("iso") => DateOutput::Iso,
        _ if word.eq_ignore_ascii_case("sql") => DateOutput::Sql,
        _ if starts_with(word, "postgres") => DateOutput::Postgres,
        _ if word.eq_ignore_ascii_case("german") => DateOutput::German,
        _ => return None,
    })
}

fn order_named(word: &str) -> Option<DateOrder> {
    Some(match word {
        _ if word.eq_ignore_ascii_case("ymd") => DateOrder::YearMonthDay,
        _ if word.eq_ignore_ascii_case("dmy") || starts_with(word, "euro") => DateOrder::DayMonthYear,
        _ if ["mdy", "us"].iter().any(|us| word.eq_ignore_ascii_case(us)) || starts_with(word, "noneuro") => {
            DateOrder::MonthDayYear
        }
        _ => return None,
    })
}
