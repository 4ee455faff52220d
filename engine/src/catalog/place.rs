//! Storages: places for the files of cold rows, other than the data directory. They belong to all databases, as
//! PostgreSQL's tablespaces do.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use storage::segment::{Files, LocalFiles, ObjectFiles, PlaceId, S3Credentials, S3Options};

use super::{Catalog, OwnOption, Table};
use crate::error::{Error, Result, SqlState};

/// What the data directory is called as a storage.
pub(crate) const USUAL_STORAGE: &str = "local";

/// Folder of a table's files within its storage, if nothing else was said.
const USUAL_TEMPLATE: &str = "{namespace}/{table}-{oid}";

const USUAL_REGION: &str = "us-east-1";

/// What variables of the environment begin with that tell who asks.
const USUAL_CREDENTIALS: &str = "AWS";

/// `CREATE STORAGE`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StoragePlace {
    pub oid: u32,
    pub name: String,
    pub owner: u32,
    pub kind: PlaceKind,
    /// A folder, or `s3://bucket/prefix`.
    pub path: String,
    /// As they were given; checked.
    pub options: Vec<(String, String)>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum PlaceKind {
    Filesystem,
    S3,
}

/// What WITH (…) may say of a storage.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PlaceOption {
    PathTemplate,
    Endpoint,
    Region,
    Credentials,
}

impl PlaceKind {
    pub fn name(self) -> &'static str {
        match self {
            PlaceKind::Filesystem => "filesystem",
            PlaceKind::S3 => "s3",
        }
    }

    pub fn named(name: &str) -> Result<Self> {
        [PlaceKind::Filesystem, PlaceKind::S3]
            .into_iter()
            .find(|kind| kind.name().eq_ignore_ascii_case(name))
            .ok_or_else(|| invalid(format!("invalid type of storage: \"{name}\"")))
    }

    /// Whether a path can be one of this kind's.
    pub fn check_path(self, path: &str) -> Result<()> {
        let (is_one, hint) = match self {
            PlaceKind::Filesystem => (path.starts_with('/'), "It must be an absolute path."),
            PlaceKind::S3 => (bucket_and_prefix(path).is_some(), "It must be s3://bucket or s3://bucket/prefix."),
        };
        if is_one { Ok(()) } else { Err(invalid(format!("invalid path of a storage: \"{path}\"")).with_hint(hint)) }
    }
}

impl PlaceOption {
    const ALL: [PlaceOption; 4] =
        [PlaceOption::PathTemplate, PlaceOption::Endpoint, PlaceOption::Region, PlaceOption::Credentials];

    fn name(self) -> &'static str {
        match self {
            PlaceOption::PathTemplate => "path_template",
            PlaceOption::Endpoint => "endpoint",
            PlaceOption::Region => "region",
            PlaceOption::Credentials => "credentials",
        }
    }

    /// The option of that name, if this kind of storage has it.
    pub fn named(name: &str, kind: PlaceKind) -> Result<Self> {
        let has_it = |option: &PlaceOption| kind == PlaceKind::S3 || *option == PlaceOption::PathTemplate;
        let found = Self::ALL.into_iter().find(|option| option.name() == name);
        found.filter(has_it).ok_or_else(|| invalid(format!("unrecognized parameter \"{name}\"")))
    }

    pub fn check(self, value: &str) -> Result<()> {
        let hint = match self {
            PlaceOption::PathTemplate if expand(value, |_| Some("x".to_owned())).is_none() => {
                "It may name {namespace}, {table} and {oid}, and must name the last two or one of them."
            }
            PlaceOption::Endpoint if !value.starts_with("http://") && !value.starts_with("https://") => {
                "It must be a URL that begins with http:// or https://."
            }
            PlaceOption::Credentials if !is_variable(value) => {
                "It is what the names of environment variables begin with: \"AWS\" stands for AWS_ACCESS_KEY_ID, \
                 AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN. Secrets themselves are never stored."
            }
            _ => return Ok(()),
        };
        // What was given may be a secret.
        Err(invalid(format!("invalid value for option \"{}\"", self.name())).with_hint(hint))
    }
}

impl StoragePlace {
    pub fn place(&self) -> PlaceId {
        PlaceId(self.oid)
    }

    fn option(&self, option: PlaceOption) -> Option<&str> {
        self.options.iter().find(|(name, _)| name == option.name()).map(|(_, value)| value.as_str())
    }

    /// The template of the folders of tables.
    pub fn template(&self) -> &str {
        self.option(PlaceOption::PathTemplate).unwrap_or(USUAL_TEMPLATE)
    }

    /// The place itself, as the options and the environment say. Nothing is read there yet.
    pub fn open(&self) -> Result<Arc<dyn Files>> {
        match self.kind {
            PlaceKind::Filesystem => Ok(Arc::new(LocalFiles::new(self.path.clone().into()))),
            PlaceKind::S3 => {
                let (bucket, prefix) = bucket_and_prefix(&self.path).ok_or_else(|| invalid("invalid path"))?;
                let options = S3Options {
                    bucket: bucket.to_owned(),
                    prefix: prefix.to_owned(),
                    endpoint: self.option(PlaceOption::Endpoint).map(str::to_owned),
                    region: self.option(PlaceOption::Region).unwrap_or(USUAL_REGION).to_owned(),
                    credentials: credentials(self.option(PlaceOption::Credentials))?,
                };
                Ok(Arc::new(ObjectFiles::s3(options)?))
            }
        }
    }
}

/// Who asks, as the environment says. Nothing said and nothing there: what the machine itself is allowed.
fn credentials(prefix: Option<&str>) -> Result<Option<S3Credentials>> {
    let variable = |name: &str| {
        let name = format!("{}_{name}", prefix.unwrap_or(USUAL_CREDENTIALS));
        std::env::var(&name).map_err(|_| name)
    };
    match (variable("ACCESS_KEY_ID"), variable("SECRET_ACCESS_KEY")) {
        (Ok(access_key_id), Ok(secret_access_key)) => {
            let session_token = variable("SESSION_TOKEN").ok();
            Ok(Some(S3Credentials { access_key_id, secret_access_key, session_token }))
        }
        (Err(_), Err(_)) if prefix.is_none() => Ok(None),
        (Err(name), _) | (_, Err(name)) => {
            let message = format!("environment variable {name} of the server is not set");
            Err(Error::new(SqlState::OBJECT_NOT_IN_PREREQUISITE_STATE, message))
        }
    }
}

/// Of `s3://bucket/some/where`.
fn bucket_and_prefix(path: &str) -> Option<(&str, &str)> {
    let rest = path.strip_prefix("s3://")?.trim_end_matches('/');
    let (bucket, prefix) = rest.split_once('/').unwrap_or((rest, ""));
    let is_plain = |part: &str| !part.is_empty() && part != "." && part != "..";
    (is_plain(bucket) && (prefix.is_empty() || prefix.split('/').all(is_plain))).then_some((bucket, prefix))
}

fn is_variable(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_')
}

/// A template with what its names stand for. None if it is not one, or no table's own.
fn expand(template: &str, of: impl Fn(&str) -> Option<String>) -> Option<String> {
    let mut out = String::new();
    let mut is_own = false;
    let mut rest = template;
    while let Some((before, behind)) = rest.split_once('{') {
        let (name, behind) = behind.split_once('}')?;
        if !["namespace", "table", "oid"].contains(&name) {
            return None;
        }
        is_own |= name != "namespace";
        out.push_str(before);
        out.push_str(&of(name)?);
        rest = behind;
    }
    out.push_str(rest);
    let is_plain = |part: &str| !matches!(part, "" | "." | "..") && !part.contains(['@', '\\', '}']);
    (is_own && out.split('/').all(is_plain)).then_some(out)
}

impl Catalog {
    pub fn storage_named(&self, name: &str) -> Option<&Arc<StoragePlace>> {
        self.storages.values().find(|storage| storage.name == name)
    }

    /// The storage that new files of a table go to, if it is not the data directory.
    pub fn storage_of(&self, table: &Table) -> Result<Option<&Arc<StoragePlace>>> {
        let name = table.own_option(OwnOption::Storage).filter(|name| *name != USUAL_STORAGE);
        let Some(name) = name else { return Ok(None) };
        self.storage_named(name).map(Some).ok_or_else(|| no_storage(name))
    }

    /// Where a table's files lie within the storage.
    pub fn folder_of(&self, table: &Table, storage: Option<&StoragePlace>) -> Result<String> {
        let schema = self.schemas.get(&table.schema).map_or("", |schema| schema.name.as_str());
        let template = storage.map_or(USUAL_TEMPLATE, StoragePlace::template);
        let folder = expand(template, |name| match name {
            "namespace" => Some(file_name(schema)),
            "table" => Some(file_name(&table.name)),
            "oid" => Some(table.oid.to_string()),
            _ => None,
        });
        folder.ok_or_else(|| Error::internal("a path template was not checked"))
    }
}

pub(crate) fn no_storage(name: &str) -> Error {
    Error::new(SqlState::UNDEFINED_OBJECT, format!("storage \"{name}\" does not exist"))
}

fn invalid(message: impl Into<std::borrow::Cow<'static, str>>) -> Error {
    Error::new(SqlState::INVALID_PARAMETER_VALUE, message)
}

/// A name as part of a path: what a file's name may not have, or may have only in some places, stands as `%` and its code.
fn file_name(name: &str) -> String {
    let mut out = String::with_capacity(name.len());
    for byte in name.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'_' | b'-' => out.push(char::from(byte)),
            other => out.push_str(&format!("%{other:02X}")),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_becomes_a_part_of_a_path() {
        assert_eq!(file_name("Orders_2"), "Orders_2");
        assert_eq!(file_name("../a b/ä"), "%2E%2E%2Fa%20b%2F%C3%A4");
    }

    #[test]
    fn a_template_names_a_folder_within_its_place() {
        let filled = |template| expand(template, |name| Some(format!("<{name}>")));
        assert_eq!(filled("a/{namespace}/{table}").unwrap(), "a/<namespace>/<table>");
        for wrong in ["", "{namespace}", "a", "{table}/..", "/{table}", "{table}/", "{user}", "{table", "{{table}}"] {
            assert_eq!(filled(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn an_address_of_a_bucket_is_taken_apart() {
        assert_eq!(bucket_and_prefix("s3://b"), Some(("b", "")));
        assert_eq!(bucket_and_prefix("s3://b/c/d/"), Some(("b", "c/d")));
        for wrong in ["s3://", "b/c", "s3://b//c", "s3://b/../c", "http://b"] {
            assert_eq!(bucket_and_prefix(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn a_secret_is_no_name_of_variables_and_is_not_repeated() {
        let error = PlaceOption::Credentials.check("wJalrXUtnFEMI/K7MDENG").unwrap_err();
        assert!(!error.to_string().contains("wJalr"));
        assert!(PlaceOption::Credentials.check("BACKUP_AWS").is_ok());
    }
}
