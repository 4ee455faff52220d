//! A session: one client's conversation with the database.
//!
//! It holds the transaction, the settings, the prepared statements and portals. A statement goes through `run`; its
//! rows leave through a `Cursor`. Whatever ends with an error has, when the error is returned, already been undone.

pub(crate) mod activity;
mod at_once;
mod audit;
mod backup;
mod block;
mod body_call;
mod cancel;
mod constraints;
mod copy;
pub(crate) mod counts;
mod create_as;
mod cursor;
mod declared;
mod execute_as;
mod extended;
mod function_run;
mod jobs;
mod listing;
mod live;
mod live_copy;
mod lock;
mod maintenance;
mod notify;
pub mod parameter;
mod plpgsql;
mod prepared;
mod purge;
mod run;
pub mod settings;
mod simple;
pub(crate) mod snapshot;
mod storage_move;
mod temporary;
mod transaction;
mod transaction_control;
mod trigger;
mod utility;

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

pub use at_once::AtOnce;
use auth::{Principal, RoleId};
pub(crate) use cancel::Interrupt;
pub use cancel::{Canceller, terminated};
pub use copy::{CopyIn, CopyOut};
pub use cursor::Cursor;
pub use extended::{Finished, PortalDescription, StatementDescription};
use prepared::{Portal, Prepared};
use rustc_hash::FxHashMap;
use settings::Settings;
pub use simple::Script;
use storage::Value;
pub(crate) use temporary::TemporaryPlaces;
pub(crate) use transaction::Open;
use transaction::TransactionState;
pub use transaction::TransactionStatus;

use crate::catalog::Catalog;
use crate::database::Database;
use crate::error::Report;
use crate::function::{AdvisoryLocks, EvalContext, ServerFacts, SessionFacts, SessionSequences};
use crate::live::SessionChannels;
use crate::types::encoding::Encoding;
use crate::types::text::{Format, Names};

/// What running a statement gave.
#[derive(Debug)]
pub enum Execution {
    /// The text held no statement.
    Empty,
    /// Done; the command tag.
    Complete(String),
    Rows(Cursor),
    CopyIn(Box<CopyIn>),
    CopyOut(CopyOut),
}

/// A message that is no error.
#[derive(Debug, Clone)]
pub struct Notice {
    pub severity: &'static str,
    pub report: Report,
}

/// One client's session.
#[derive(Debug)]
pub struct Session {
    database: Arc<Database>,
    /// Who logged in, and whether that was a superuser then.
    login_role: RoleId,
    login_superuser: bool,
    process_id: i32,
    client_address: Option<IpAddr>,
    database_oid: u32,
    database_name: Arc<str>,
    /// What a rollback or RESET goes back to: startup parameters and role settings applied.
    initial_settings: Arc<Settings>,
    /// Settings without SET LOCAL.
    session_settings: Arc<Settings>,
    /// Settings in force.
    settings: Arc<Settings>,
    /// What functions see of this session; made again when settings or role change.
    facts: Arc<SessionFacts>,
    /// Who the statements run as, with all memberships; made again when the catalog's roles change.
    principal: Option<(u64, Arc<Principal>)>,
    /// Changes when anything does that plans depend on, besides the catalog.
    epoch: u64,
    last_epoch: u64,
    /// The statement that runs does so as another role.
    acting: Option<Box<execute_as::Acting>>,
    /// How many functions whose bodies are run are around what runs.
    functions_around: usize,
    /// Steps that bodies have taken.
    steps: u32,
    /// Whether what runs may end the transaction.
    ending: plpgsql::Ending,
    /// What the statement is to write whose rows are being computed, if that calls bodies.
    written_next: Option<body_call::WrittenNext>,
    /// The epochs of plans made as other roles, by the session's own epoch and the role.
    personas: FxHashMap<(u64, RoleId), u64>,
    state: TransactionState,
    /// The statement that runs is one of several of a simple query.
    among_others: bool,
    statements: FxHashMap<String, Arc<Prepared>>,
    portals: FxHashMap<String, Portal>,
    /// Cursors that SQL has declared.
    cursors: FxHashMap<String, declared::Declared>,
    /// Plans of simple-protocol statements by their text without literals.
    texts: FxHashMap<Box<str>, Arc<Prepared>>,
    /// Statements of the extended protocol by their text.
    parsed: FxHashMap<Arc<str>, Arc<Prepared>>,
    /// Bodies of functions that were called, by the functions' oids.
    bodies: FxHashMap<u32, Arc<plpgsql::Compiled>>,
    notices: Vec<Notice>,
    /// How many bytes functions have raised since the client was told.
    raised_bytes: usize,
    /// Values of reported parameters as the client last heard them.
    told: Vec<(&'static str, String)>,
    settings_changed: bool,
    canceller: Arc<Canceller>,
    output: Output,
    /// Once it has listened to something.
    ear: Option<Box<notify::Ear>>,
    /// What its transaction is to follow, by the numbers that were gathered.
    joining: Vec<Option<Box<crate::live::Joining>>>,
    /// A stream table that the statement under way reads.
    stream_read: Option<String>,
    /// Once it had temporary relations to make.
    temporary: Option<temporary::TemporaryPlace>,
    /// Holds this session's place among the allowed connections.
    place: activity::Place,
}

/// The format of results, and what it was made from.
#[derive(Debug)]
struct Output {
    /// `u64::MAX`: made from a transaction's own catalog, or not at all yet.
    catalog_version: u64,
    epoch: u64,
    format: Format,
}

/// Statements without literals that a session keeps plans for.
const TEXTS_MAX: usize = 512;
/// Longest text that is kept for its plan.
const TEXT_BYTES_KEPT_MAX: usize = 4096;

impl Session {
    pub(crate) fn new(opening: crate::database::Opening) -> Self {
        let crate::database::Opening {
            database,
            role,
            role_name,
            process_id,
            client_address,
            ends,
            database_oid,
            database_name,
            settings,
            place,
        } = opening;
        let settings = Arc::new(settings);
        let facts = Arc::new(SessionFacts {
            sequences: Arc::new(SessionSequences::new(database.store().clone())),
            advisory: Arc::new(AdvisoryLocks::new(database.store().clone(), place.activity().counts.holder_told())),
            sleeps: Arc::default(),
            random: Arc::default(),
            transaction: Arc::default(),
            sessions: database.sessions().clone(),
            snapshots: database.snapshots().clone(),
            cursors: Arc::default(),
            requests: Arc::default(),
            triggers: Arc::default(),
            channels: Arc::new(SessionChannels::new(database.store().clone(), database_oid, process_id)),
            session_user: role_name.clone(),
            current_user: role_name,
            current_role: role,
            database: database_name.to_string(),
            search_path: settings.active().search_path.clone(),
            temporary: None,
            process_id,
            client_address,
            server: Arc::new(ServerFacts::new(&database, ends)),
            format: settings.active().format.clone(),
            settings: settings.clone(),
        });
        let mut session = Self {
            login_role: role,
            login_superuser: database
                .catalog(database_oid)
                .roles
                .get(&role.0)
                .is_some_and(|role| role.attributes.superuser),
            database,
            process_id,
            client_address,
            database_oid,
            database_name,
            initial_settings: settings.clone(),
            session_settings: settings.clone(),
            settings,
            facts,
            principal: None,
            epoch: 0,
            last_epoch: 0,
            acting: None,
            functions_around: 0,
            steps: 0,
            ending: plpgsql::Ending::default(),
            written_next: None,
            personas: FxHashMap::default(),
            state: TransactionState::Idle,
            among_others: false,
            statements: FxHashMap::default(),
            portals: FxHashMap::default(),
            cursors: FxHashMap::default(),
            texts: FxHashMap::default(),
            parsed: FxHashMap::default(),
            bodies: FxHashMap::default(),
            notices: Vec::new(),
            raised_bytes: 0,
            told: Vec::new(),
            settings_changed: false,
            canceller: place.activity().canceller.clone(),
            output: Output { catalog_version: u64::MAX, epoch: 0, format: Format::default() },
            ear: None,
            joining: Vec::new(),
            stream_read: None,
            temporary: None,
            place,
        };
        session.refresh_facts();
        session.refresh_output();
        session
    }

    /// The parameters that are reported to a client when its session begins.
    pub fn parameters(&mut self) -> Vec<(&'static str, String)> {
        self.told = self.reported_parameters();
        self.settings_changed = false;
        self.told.clone()
    }

    /// Reported parameters whose value the client has not heard yet.
    pub fn take_parameter_changes(&mut self) -> Vec<(&'static str, String)> {
        if !std::mem::take(&mut self.settings_changed) {
            return Vec::new();
        }
        let now = self.reported_parameters();
        let changed = now.iter().filter(|parameter| !self.told.contains(parameter)).cloned().collect();
        self.told = now;
        changed
    }

    fn reported_parameters(&self) -> Vec<(&'static str, String)> {
        let mut reported: Vec<_> = parameter::reported_parameters()
            .map(|parameter| (parameter.name, self.settings.get(parameter.name).unwrap_or_default()))
            .collect();
        reported.sort_by_key(|(name, _)| name.to_ascii_lowercase());
        reported
    }

    /// Notices since the last call.
    pub fn take_notices(&mut self) -> Vec<Notice> {
        if self.notices.is_empty() {
            return Vec::new();
        }
        self.raised_bytes = 0;
        std::mem::take(&mut self.notices)
    }

    pub(crate) fn notice(&mut self, severity: &'static str, report: Report) {
        if settings::notice_rank(severity) >= self.settings.active().client_min_messages {
            self.notices.push(Notice { severity, report });
        }
    }

    /// What ends this session's running statement.
    pub fn canceller(&self) -> Arc<Canceller> {
        self.canceller.clone()
    }

    /// The client is to speak next.
    pub fn rest(&self) {
        self.log_duration();
        self.place.activity().rest(self.status());
    }

    /// What a client has sent begins to be done.
    fn begin_request(&self, text: &str) {
        self.log_duration();
        self.place.activity().begin(text);
    }

    /// Logs what has been done if it took long.
    fn log_duration(&self) {
        let Some(limit) = self.settings.active().log_min_duration else { return };
        let deed = self.place.activity().deed();
        let (None, Some(began_at)) = (deed.rests_in, deed.query_began_at) else { return };
        let took = Duration::from_micros(u64::try_from(self.database.now() - began_at).unwrap_or(0));
        if took >= limit {
            let (process_id, duration_ms) = (self.process_id, took.as_secs_f64() * 1000.0);
            tracing::info!(process_id, duration_ms, statement = %deed.query(), "a statement took long");
        }
    }

    /// Where the session stands, for ReadyForQuery.
    pub fn status(&self) -> TransactionStatus {
        self.state.status()
    }

    /// How long the client may now be silent, if there is a limit.
    pub fn idle_timeout(&self) -> Option<Duration> {
        let active = self.settings.active();
        match self.state {
            TransactionState::Idle | TransactionState::Implicit(_) => active.idle_session_timeout,
            TransactionState::Explicit(_) | TransactionState::Failed(_) => active.idle_in_transaction_session_timeout,
        }
    }

    /// How values are printed for this client.
    pub fn format(&self) -> &Format {
        &self.output.format
    }

    /// What the client writes and reads its text in.
    pub fn encoding(&self) -> Encoding {
        self.settings.active().format.encoding
    }

    /// Brings the output format up to date: settings may have changed, and names of relations with the catalog.
    fn refresh_output(&mut self) {
        let own = self.state.open().and_then(|open| open.catalog.clone());
        let catalog = own.clone().unwrap_or_else(|| self.committed_catalog());
        // A transaction's own catalog changes without a new version.
        if own.is_none() && self.output.catalog_version == catalog.version && self.output.epoch == self.epoch {
            return;
        }
        let catalog_version = if own.is_some() { u64::MAX } else { catalog.version };
        let names = Names { catalog, search_path: self.facts.search_path.clone() };
        let format = Format { names: Some(Arc::new(names)), ..self.settings.active().format.clone() };
        self.output = Output { catalog_version, epoch: self.epoch, format };
    }

    /// The committed catalog of the session's database.
    fn committed_catalog(&self) -> Arc<Catalog> {
        self.database.catalog(self.database_oid)
    }

    /// The catalog as the session's next statement sees it.
    fn catalog(&self) -> Arc<Catalog> {
        match self.state.open().and_then(|open| open.catalog.clone()) {
            Some(own) => own,
            None => self.committed_catalog(),
        }
    }

    /// Who the statements run as.
    fn principal(&mut self, catalog: &Catalog) -> Arc<Principal> {
        if let Some((version, principal)) = &self.principal
            && *version == catalog.version
            && principal.role() == self.current_role()
        {
            return principal.clone();
        }
        let principal = Arc::new(Principal::resolve(self.current_role(), self.facts.current_user.clone(), catalog));
        self.principal = Some((catalog.version, principal.clone()));
        principal
    }

    /// When the transaction began that is open, in microseconds since 1970 UTC.
    fn started_at(&self) -> Option<i64> {
        self.state.open().map(|open| open.started_at)
    }

    /// The moment that `now` and its kin mean as text.
    fn text_now(&self) -> i64 {
        self.started_at().unwrap_or_else(|| self.database.now())
    }

    /// What the functions of a statement may ask.
    fn context(&self, catalog: Arc<Catalog>, params: Arc<[Value]>) -> EvalContext {
        let began = self.started_at();
        // A statement that stands alone begins with its transaction.
        let statement_time = match self.state {
            TransactionState::Implicit(_) => began,
            _ => None,
        };
        let statement_time = statement_time.unwrap_or_else(|| self.database.now());
        EvalContext {
            transaction_time: began.unwrap_or(statement_time),
            statement_time,
            session: self.facts.clone(),
            catalog,
            read_only: self.state.open().is_some_and(|open| open.read_only),
            discreet: false,
            params,
            written: Arc::default(),
            kept: None,
            bodies: None,
        }
    }

    /// An epoch that has never been.
    fn new_epoch(&mut self) -> u64 {
        self.last_epoch += 1;
        self.last_epoch
    }

    /// Puts other settings in force.
    fn use_settings(&mut self, session: Arc<Settings>, local: Arc<Settings>) {
        let shown_all = std::mem::replace(&mut self.settings, local).active().all_users;
        self.session_settings = session;
        self.settings_changed = true;
        self.epoch = self.new_epoch();
        self.refresh_facts();
        if self.settings.active().all_users != shown_all {
            self.audit_all_users();
        }
    }

    fn refresh_facts(&mut self) {
        let catalog = self.catalog();
        let name_of = |role: RoleId| catalog.roles.get(&role.0).map_or_else(String::new, |role| role.name.clone());
        let current_user = name_of(self.current_role());
        let temporary = self.temporary.as_ref().map(temporary::TemporaryPlace::schema);
        let mut search_path: Vec<String> = self
            .settings
            .active()
            .search_path
            .iter()
            .map(|name| match (name.as_str(), &temporary) {
                ("$user", _) => current_user.clone(),
                ("pg_temp", Some(temporary)) => temporary.clone(),
                _ => name.clone(),
            })
            .collect();
        if let Some(temporary) = &temporary
            && !search_path.contains(temporary)
        {
            search_path.insert(0, temporary.clone());
        }
        let application_name = self.settings.get("application_name").unwrap_or_default();
        self.place.activity().tell_settings(application_name, self.current_role());
        self.facts = Arc::new(SessionFacts {
            sequences: self.facts.sequences.clone(),
            advisory: self.facts.advisory.clone(),
            sleeps: self.facts.sleeps.clone(),
            random: self.facts.random.clone(),
            transaction: self.facts.transaction.clone(),
            sessions: self.facts.sessions.clone(),
            snapshots: self.facts.snapshots.clone(),
            cursors: self.facts.cursors.clone(),
            requests: self.facts.requests.clone(),
            triggers: self.facts.triggers.clone(),
            channels: self.facts.channels.clone(),
            session_user: name_of(self.session_role()),
            current_user,
            current_role: self.current_role(),
            database: self.database_name.to_string(),
            search_path,
            temporary: temporary.map(Arc::from),
            process_id: self.process_id,
            client_address: self.client_address,
            server: self.facts.server.clone(),
            format: self.settings.active().format.clone(),
            settings: self.settings.clone(),
        });
        self.principal = None;
    }

    /// Whether the role may do anything at all.
    fn is_superuser(&mut self) -> bool {
        let catalog = self.catalog();
        self.principal(&catalog).is_superuser()
    }

    /// Whose session it is: SET SESSION AUTHORIZATION changes it.
    fn session_role(&self) -> RoleId {
        self.settings.active().session_role.unwrap_or(self.login_role)
    }

    /// Who the statements run as: SET ROLE changes it, and EXECUTE AS USER for one statement.
    fn current_role(&self) -> RoleId {
        if let Some(acting) = &self.acting {
            return acting.role;
        }
        self.settings.active().role.unwrap_or_else(|| self.session_role())
    }
}
