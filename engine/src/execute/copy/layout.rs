//! How the rows of one COPY are written down: its options, checked and completed as PostgreSQL does.

use crate::error::{Error, Result, SqlState};
use crate::statement::{CopyDirection, CopyFormat, CopyHeader, CopyOptions, ForcedColumns};
use crate::types::encoding::Encoding;

/// A checked set of options.
#[derive(Debug, Clone)]
pub(crate) struct Layout {
    pub(crate) binary: bool,
    pub(crate) csv: bool,
    pub(crate) delimiter: u8,
    pub(crate) null: String,
    pub(crate) header: CopyHeader,
    pub(crate) quote: u8,
    pub(crate) escape: u8,
    /// By place among the copied columns.
    pub(crate) force_quote: Vec<bool>,
    pub(crate) force_null: Vec<bool>,
    pub(crate) force_not_null: Vec<bool>,
    /// What the lines are written in.
    pub(crate) encoding: Encoding,
}

impl Layout {
    /// `columns` are the names of the copied columns, in order; `client` is what lines are written in if no option says it.
    pub(crate) fn new(
        options: &CopyOptions,
        direction: CopyDirection,
        columns: &[&str],
        client: Encoding,
    ) -> Result<Self> {
        let (csv, binary) = (options.format == CopyFormat::Csv, options.format == CopyFormat::Binary);
        if binary {
            text_only(options)?;
        }
        if options.header == CopyHeader::Match && direction == CopyDirection::To {
            return Err(Error::new(SqlState::FEATURE_NOT_SUPPORTED, "cannot use \"match\" with HEADER in COPY TO"));
        }
        let encoding = match &options.encoding {
            Some(name) => match Encoding::named(name)? {
                Some((encoding, _)) => encoding,
                None => return Err(invalid("argument to option \"encoding\" must be a valid encoding name")),
            },
            None => client,
        };
        let delimiter = one_byte(options.delimiter.as_deref(), if csv { b',' } else { b'\t' }, "delimiter")?;
        let null = options.null.clone().unwrap_or_else(|| if csv { String::new() } else { "\\N".to_owned() });
        let quote = one_byte(options.quote.as_deref(), b'"', "quote")?;
        let escape = one_byte(options.escape.as_deref(), quote, "escape")?;
        csv_only(csv, options, direction)?;
        if delimiter == b'\n' || delimiter == b'\r' {
            return Err(invalid("COPY delimiter cannot be newline or carriage return"));
        }
        if null.contains(['\n', '\r']) {
            return Err(invalid("COPY null representation cannot use newline or carriage return"));
        }
        if !csv && b"\\.abcdefghijklmnopqrstuvwxyz0123456789".contains(&delimiter) {
            return Err(invalid(format!("COPY delimiter cannot be \"{}\"", delimiter as char)));
        }
        if csv && delimiter == quote {
            return Err(invalid("COPY delimiter and quote must be different"));
        }
        if null.as_bytes().contains(&delimiter) {
            let message = "COPY delimiter must not appear in the NULL specification";
            return Err(Error::new(SqlState::FEATURE_NOT_SUPPORTED, message));
        }
        if csv && null.as_bytes().contains(&quote) {
            return Err(Error::new(
                SqlState::FEATURE_NOT_SUPPORTED,
                "CSV quote character must not appear in the NULL specification",
            ));
        }
        Ok(Self {
            binary,
            csv,
            delimiter,
            null,
            header: options.header,
            quote,
            escape,
            force_quote: forced(options.force_quote.as_ref(), columns, "FORCE_QUOTE")?,
            force_null: forced(options.force_null.as_ref(), columns, "FORCE_NULL")?,
            force_not_null: forced(options.force_not_null.as_ref(), columns, "FORCE_NOT_NULL")?,
            encoding,
        })
    }
}

fn invalid(message: impl Into<std::borrow::Cow<'static, str>>) -> Error {
    Error::new(SqlState::INVALID_PARAMETER_VALUE, message)
}

/// The options that the binary format does not have.
fn text_only(options: &CopyOptions) -> Result<()> {
    let given = [
        (options.delimiter.is_some(), SqlState::SYNTAX_ERROR, "DELIMITER"),
        (options.null.is_some(), SqlState::SYNTAX_ERROR, "NULL"),
        (options.header != CopyHeader::None, SqlState::FEATURE_NOT_SUPPORTED, "HEADER"),
    ];
    match given.into_iter().find(|(given, ..)| *given) {
        Some((_, state, name)) => Err(Error::new(state, format!("cannot specify {name} in BINARY mode"))),
        None => Ok(()),
    }
}

fn csv_only(csv: bool, options: &CopyOptions, direction: CopyDirection) -> Result<()> {
    let out = direction == CopyDirection::To;
    let checks: [(bool, bool, &str); 8] = [
        (options.quote.is_some(), csv, "COPY quote available only in CSV mode"),
        (options.escape.is_some(), csv, "COPY escape available only in CSV mode"),
        (options.force_quote.is_some(), csv, "COPY force quote available only in CSV mode"),
        (options.force_quote.is_some(), out, "COPY force quote only available using COPY TO"),
        (options.force_not_null.is_some(), csv, "COPY force not null available only in CSV mode"),
        (options.force_not_null.is_some(), !out, "COPY force not null only available using COPY FROM"),
        (options.force_null.is_some(), csv, "COPY force null available only in CSV mode"),
        (options.force_null.is_some(), !out, "COPY force null only available using COPY FROM"),
    ];
    match checks.into_iter().find(|(given, allowed, _)| *given && !*allowed) {
        Some((_, _, message)) => Err(Error::new(SqlState::FEATURE_NOT_SUPPORTED, message)),
        None => Ok(()),
    }
}

fn one_byte(given: Option<&str>, default: u8, what: &str) -> Result<u8> {
    match given.map(str::as_bytes) {
        None => Ok(default),
        Some([byte]) => Ok(*byte),
        Some(_) => {
            let message = format!("COPY {what} must be a single one-byte character");
            Err(Error::new(SqlState::FEATURE_NOT_SUPPORTED, message))
        }
    }
}

fn forced(given: Option<&ForcedColumns>, columns: &[&str], option: &str) -> Result<Vec<bool>> {
    match given {
        None => Ok(vec![false; columns.len()]),
        Some(ForcedColumns::All) => Ok(vec![true; columns.len()]),
        Some(ForcedColumns::Named(names)) => {
            if let Some(unknown) = names.iter().find(|name| !columns.contains(&name.as_str())) {
                let message = format!("{option} column \"{unknown}\" not referenced by COPY");
                return Err(Error::new(SqlState::INVALID_COLUMN_REFERENCE, message));
            }
            Ok(columns.iter().map(|column| names.iter().any(|name| name == column)).collect())
        }
    }
}
