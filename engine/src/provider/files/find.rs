//! From a pattern to files: `*` and `?` stand in the name of the file, nothing else does.

use std::fs;
use std::path::{Path, PathBuf};

use super::unreadable;
use crate::error::{Error, Result, SqlState};

/// 22023 for a pattern that does not say where files lie.
pub(crate) fn check_pattern(pattern: &str) -> Result<()> {
    let invalid = |message: &'static str| Err(Error::new(SqlState::INVALID_PARAMETER_VALUE, message));
    let path = Path::new(pattern);
    if !path.is_absolute() {
        return invalid("the path of a registered table must be absolute");
    }
    if path.parent().is_some_and(|folder| folder.to_string_lossy().contains(['*', '?'])) {
        return invalid("only the name of a file may be a pattern, not that of a folder");
    }
    if path.file_name().is_none() { invalid("the path of a registered table must name files") } else { Ok(()) }
}

/// The files, in the order of their names; an error if there is none.
pub(crate) fn files_of(pattern: &str) -> Result<Vec<PathBuf>> {
    let path = Path::new(pattern);
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    if !name.contains(['*', '?']) {
        return match path.is_file() {
            true => Ok(vec![path.to_owned()]),
            false => Err(missing(path, "no such file")),
        };
    }
    let folder = path.parent().unwrap_or(Path::new("/"));
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).map_err(|error| missing(folder, error))? {
        let entry = entry.map_err(|error| unreadable(folder, error))?;
        let is_meant = matches(name.as_bytes(), entry.file_name().as_encoded_bytes());
        if is_meant && entry.path().is_file() {
            files.push(entry.path());
        }
    }
    files.sort();
    if files.is_empty() { Err(missing(path, "no file has such a name")) } else { Ok(files) }
}

/// 58P01, PostgreSQL's code for a file that is not there.
fn missing(path: &Path, reason: impl std::fmt::Display) -> Error {
    Error::new(SqlState::UNDEFINED_FILE, format!("could not read file \"{}\": {reason}", path.display()))
}

/// Whether a name is what a pattern says: `*` is any text, `?` any one byte.
fn matches(pattern: &[u8], name: &[u8]) -> bool {
    // Where to go on if what stands behind the last star does not fit here.
    let (mut at, mut from, mut again) = (0, 0, None);
    while from < name.len() {
        match pattern.get(at) {
            Some(b'*') => {
                again = Some((at, from));
                at += 1;
            }
            Some(byte) if *byte == b'?' || *byte == name[from] => (at, from) = (at + 1, from + 1),
            _ => match again {
                Some((star, begun)) => {
                    again = Some((star, begun + 1));
                    (at, from) = (star + 1, begun + 1);
                }
                None => return false,
            },
        }
    }
    pattern[at..].iter().all(|byte| *byte == b'*')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_match_patterns() {
        for (pattern, name, expected) in [
            ("*.parquet", "a.parquet", true),
            ("*.parquet", "a.parquet.tmp", false),
            ("a*b*c", "a1b2b3c", true),
            ("a*b*c", "a1b2b3", false),
            ("?.p*", "x.parquet", true),
            ("?.p*", "xy.parquet", false),
            ("*", "", true),
            ("**", "x", true),
            ("", "x", false),
        ] {
            assert_eq!(matches(pattern.as_bytes(), name.as_bytes()), expected, "{pattern} {name}");
        }
    }

    #[test]
    fn patterns_say_where_files_lie() {
        for wrong in ["a.parquet", "/a*/b.parquet", "/", ""] {
            assert!(check_pattern(wrong).is_err(), "{wrong}");
        }
        assert!(check_pattern("/a/*.parquet").is_ok());
    }
}
