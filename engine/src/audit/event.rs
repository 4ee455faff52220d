//! One event: who did what, from where, to what, and how it ended. It is recorded as JSON: names of fields and actions stay.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::secret::without_secrets;

/// Bytes of a statement that are looked at, and those that are kept of it.
const STATEMENT_READ_MAX: usize = 8192;
const STATEMENT_KEPT_MAX: usize = 4096;

/// Bytes of any other text that are kept.
const TEXT_MAX: usize = 256;

/// What was done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Action {
    Login,
    LoginFailed,
    /// Something other than a role or a privilege was made, altered or dropped.
    Ddl,
    RoleChange,
    PrivilegeChange,
    /// A session acts as another role from now on.
    Impersonation,
    /// What was asked for takes a privilege that the role does not have.
    Denied,
    /// Data went out of the database: COPY TO, BACKUP.
    Export,
    /// A setting was changed that shows what others own.
    Setting,
    /// Events could not be recorded.
    Lost,
}

impl Action {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Action::Login => "login",
            Action::LoginFailed => "login_failed",
            Action::Ddl => "ddl",
            Action::RoleChange => "role_change",
            Action::PrivilegeChange => "privilege_change",
            Action::Impersonation => "impersonation",
            Action::Denied => "denied",
            Action::Export => "export",
            Action::Setting => "setting",
            Action::Lost => "lost",
        }
    }

    /// Whether it can be caused without limit by whoever may do nothing.
    pub(super) fn is_noise(self) -> bool {
        matches!(self, Action::LoginFailed | Action::Denied)
    }
}

/// An event of the audit log. Times are microseconds since 1970-01-01 UTC.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Event {
    pub(crate) time: i64,
    /// Who logged in; for a login that failed, whom the client claimed to be.
    pub(crate) user: String,
    /// The role that the statement ran as.
    pub(crate) acting_as: Option<String>,
    /// None: through the Unix socket, or nobody's doing.
    pub(crate) client: Option<IpAddr>,
    /// One for each message of a client that asks for something, and for each attempt to log in.
    pub(crate) request_id: String,
    pub(crate) database: Option<String>,
    pub(crate) action: Action,
    pub(crate) target: Option<String>,
    /// None: it was done.
    pub(crate) sqlstate: Option<String>,
    pub(crate) details: Map<String, Value>,
}

impl Event {
    /// An event that nobody in particular has caused.
    pub(crate) fn of_nobody(action: Action, time: i64) -> Self {
        Self {
            time,
            user: String::new(),
            acting_as: None,
            client: None,
            request_id: String::new(),
            database: None,
            action,
            target: None,
            sqlstate: None,
            details: Map::new(),
        }
    }

    pub(crate) fn on(mut self, target: impl AsRef<str>) -> Self {
        self.target = Some(shortened(target.as_ref()));
        self
    }

    pub(crate) fn failed(mut self, sqlstate: &str) -> Self {
        self.sqlstate = Some(sqlstate.to_owned());
        self
    }

    pub(crate) fn with(mut self, name: &str, detail: impl Into<Value>) -> Self {
        self.details.insert(name.to_owned(), detail.into());
        self
    }

    /// With a detail of whatever text: short, and without secrets.
    pub(crate) fn with_text(self, name: &str, text: &str) -> Self {
        self.with(name, shortened(&without_secrets(text)))
    }

    /// With the text of the statement, as far as it is kept.
    pub(crate) fn with_statement(self, text: &str) -> Self {
        let read = &text[..text.floor_char_boundary(STATEMENT_READ_MAX)];
        let struck = without_secrets(read);
        let kept = &struck[..struck.floor_char_boundary(STATEMENT_KEPT_MAX)];
        self.with("statement", kept)
    }

    /// Whether another tells the same of the same moment.
    pub(super) fn repeats(&self, other: &Event) -> bool {
        self.action == other.action
            && self.user == other.user
            && self.acting_as == other.acting_as
            && self.client == other.client
            && self.database == other.database
            && self.target == other.target
            && self.sqlstate == other.sqlstate
            && self.details == other.details
    }
}

/// The beginning of a text.
pub(super) fn shortened(text: &str) -> String {
    text[..text.floor_char_boundary(TEXT_MAX)].to_owned()
}
