//! The composition root: one store, one catalog, one query environment, and the sessions on top of them.

mod ends;
mod login;

use std::collections::HashSet;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use auth::{DEFAULT_ITERATIONS, RoleId, Verifier};
pub use ends::{Encryption, Ends};
pub(crate) use login::Logins;
pub use login::{Admission, LoginOptions};
use rand::Rng;
use storage::backup::Stop;
use storage::{Durability, Environment, GenerationId, Isolation, Store, StoreOptions};
use tokio::sync::watch;
use uuid::Builder;

use crate::audit::{Action, Audit, AuditLimits, Event};
use crate::catalog::pg_catalog::system::{Figure, figures};
use crate::catalog::{Catalog, Catalogs, Change, Role, history, store};
use crate::error::{Error, Result, SqlState};
use crate::execute::definition::OtherDatabases;
use crate::execute::purge;
use crate::execute::query::{QueryEnvironment, QueryOptions};
use crate::job::{Jobs, JobsOptions, schedule};
use crate::live::{Live, LiveLimits};
use crate::provider::live::LiveSources;
use crate::session::activity::{Place, Sessions};
use crate::session::parameter::{ALL_USERS, SESSION_LIVE_QUERIES_MAX, TIMELINE, USER_LIVE_QUERIES_MAX};
use crate::session::settings::Settings;
use crate::session::snapshot::ExportedSnapshots;
use crate::session::{Open, Session, TemporaryPlaces};

/// How a database is opened.
#[derive(Debug, Clone)]
pub struct DatabaseOptions {
    pub data_directory: PathBuf,
    /// The first start's password for `postgres`; one is made up if there is none.
    pub initial_password: Option<String>,
    /// Sessions at a time.
    pub connections_max: usize,
    /// Memory for queries in bytes; beyond it they spill to disk.
    pub query_memory_bytes: usize,
    /// Memory for what was read from disk in bytes.
    pub cache_bytes: usize,
    /// Memory for what was read of cold rows in bytes.
    pub cold_cache_bytes: usize,
    /// Memory that one transaction may take for its locks and writes, in bytes, and disk for what goes beyond. None: as
    /// storage has it.
    pub transaction_bytes_max: Option<usize>,
    pub transaction_disk_bytes_max: Option<u64>,
    /// Rows that a write keeps in memory before it changes them. None: as many as is usual.
    pub kept_rows_max: Option<usize>,
    /// How long what is left of a dropped role is kept.
    pub dropped_user_grace: Duration,
    pub login: LoginOptions,
    pub audit: AuditLimits,
    pub live: LiveLimits,
}

/// An open database, and the password it made up if this was its first start.
#[derive(Debug)]
pub struct Opened {
    pub database: Arc<Database>,
    pub generated_password: Option<String>,
}

/// Who wants a session, and of what kind.
#[derive(Debug, Clone)]
pub struct Connect {
    pub user: String,
    /// None: the one named as the user.
    pub database: Option<String>,
    /// Startup parameters that are settings.
    pub options: Vec<(String, String)>,
    pub client_address: Option<IpAddr>,
    pub ends: Ends,
    pub process_id: i32,
}

/// A database: everything that its sessions share.
pub struct Database {
    store: Store,
    catalogs: ArcSwap<Catalogs>,
    /// One transaction with definitions commits at a time, so that each builds on the catalog of the one before.
    defining: tokio::sync::Mutex<()>,
    queries: QueryEnvironment,
    logins: Arc<Logins>,
    sessions: Arc<Sessions>,
    snapshots: Arc<ExportedSnapshots>,
    connections_max: usize,
    temporary_places: Arc<TemporaryPlaces>,
    /// Whether a copy waits to take the place of everything.
    exchanged: watch::Sender<bool>,
    jobs: Arc<Jobs>,
    dropped_user_grace: Duration,
    live: Arc<Live>,
    audit: Arc<Audit>,
    sources: Arc<LiveSources>,
}

impl std::fmt::Debug for Database {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Database").field("sessions", &self.sessions).finish_non_exhaustive()
    }
}

/// What a session begins with.
pub(crate) struct Opening {
    pub(crate) database: Arc<Database>,
    pub(crate) role: RoleId,
    pub(crate) role_name: String,
    pub(crate) process_id: i32,
    pub(crate) client_address: Option<IpAddr>,
    pub(crate) ends: Ends,
    pub(crate) database_oid: u32,
    pub(crate) database_name: Arc<str>,
    pub(crate) settings: Settings,
    pub(crate) place: Place,
}

/// Bytes of a name that are told of somebody who may be nobody.
const NAME_BYTES_MAX: usize = 63;

/// Characters of a made-up password: 20 of 57 are 116 bits.
const PASSWORD_LENGTH: usize = 20;
const PASSWORD_ALPHABET: &[u8] = b"ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz23456789";

impl Database {
    /// Opens the database in a directory, making it at the first start.
    pub async fn open(options: DatabaseOptions) -> Result<Opened> {
        let usual = StoreOptions::default();
        let store_options = StoreOptions {
            cache_bytes: options.cache_bytes,
            segment_cache_bytes: options.cold_cache_bytes,
            transaction_bytes_max: options.transaction_bytes_max.unwrap_or(usual.transaction_bytes_max),
            transaction_disk_bytes_max: options.transaction_disk_bytes_max.unwrap_or(usual.transaction_disk_bytes_max),
            ..usual
        };
        let store = Store::open(&options.data_directory, store_options)?;
        let jobs = JobsOptions::new(options.data_directory.clone());
        Self::over(store, options, jobs).await
    }

    pub(crate) async fn over(store: Store, options: DatabaseOptions, jobs: JobsOptions) -> Result<Opened> {
        let mut generated_password = None;
        if !store::is_bootstrapped(&store.view())? {
            let password = options.initial_password.clone().unwrap_or_else(|| {
                let made_up = random_password();
                generated_password = Some(made_up.clone());
                made_up
            });
            let verifier = Verifier::from_password(&password, DEFAULT_ITERATIONS);
            store::bootstrap(&store, &verifier.to_string()).await?;
        }
        store::discard_temporary(&store).await?;
        store::complete(&store).await?;
        let mut catalogs = store::load(&store)?;
        for catalog in catalogs.all_mut() {
            crate::execute::derived::attach_all(catalog, &store)?;
        }
        let tables = catalogs.all().flat_map(|catalog| catalog.tables.values());
        let sequences = tables.filter(|table| table.sequence().is_some());
        let sequences: HashSet<GenerationId> = sequences.map(|sequence| sequence.storage.generation).collect();
        store.sweep_sequences(|generation| sequences.contains(&generation))?;
        mount_storages(&store, &catalogs.any());
        let login_secret = store::login_secret(&store.view())?;
        let usual = QueryOptions::default();
        let query_options = QueryOptions {
            memory_bytes: options.query_memory_bytes,
            spill_directory: options.data_directory.join("spill"),
            kept_rows_max: options.kept_rows_max.unwrap_or(usual.kept_rows_max),
            ..usual
        };
        let queries = QueryEnvironment::new(query_options)?;
        let jobs = Arc::new(Jobs::open(&store, jobs)?);
        let audit = Arc::new(Audit::open(&store, options.audit, queries.handle())?);
        let logins = Arc::new(Logins::new(login_secret, options.login));
        let sessions = Arc::<Sessions>::default();
        let live = Arc::new(Live::start(options.live)?);
        let sources = Arc::new(LiveSources {
            store: store.clone(),
            live: Arc::downgrade(&live),
            jobs: jobs.clone(),
            audit: audit.clone(),
            logins: logins.clone(),
            sessions: sessions.clone(),
            memory: queries.memory_pool(),
            started_at: store.environment().now_us(),
        });
        queries.set_sources(sources.clone());
        let database = Database {
            queries,
            catalogs: ArcSwap::from_pointee(catalogs),
            defining: tokio::sync::Mutex::new(()),
            logins,
            sessions,
            snapshots: Arc::default(),
            connections_max: options.connections_max,
            temporary_places: Arc::default(),
            exchanged: watch::Sender::new(false),
            jobs,
            dropped_user_grace: options.dropped_user_grace,
            live,
            audit,
            sources,
            store,
        };
        let database = Arc::new(database);
        database.live.registry.begin(&database);
        database.jobs.resume(&database)?;
        schedule::start(&database);
        Ok(Opened { database, generated_password })
    }

    /// Begins a session for a client that has proven who it is.
    pub fn connect(self: &Arc<Self>, request: Connect) -> Result<Session> {
        let session = self.log_in(&request);
        match &session {
            Ok(session) => session.audit_login(),
            Err(error) => self.login_failed(
                &request.user,
                request.database.as_deref(),
                request.client_address,
                &error.message,
                error.sql_state(),
            ),
        }
        session
    }

    /// Tells the audit log that somebody could not log in, and why: what the client is told says less.
    pub fn login_failed(
        &self,
        user: &str,
        database: Option<&str>,
        client: Option<IpAddr>,
        reason: &str,
        state: SqlState,
    ) {
        let now = self.now();
        let event = Event {
            user: user[..user.floor_char_boundary(NAME_BYTES_MAX)].to_owned(),
            client,
            request_id: self.audit.attempt(now),
            ..Event::of_nobody(Action::LoginFailed, now)
        };
        let event = event.failed(state.0).on(database.unwrap_or(user));
        self.audit.record(event.with_text("reason", reason));
    }

    fn log_in(self: &Arc<Self>, request: &Connect) -> Result<Session> {
        let catalog = self.catalogs.load().any();
        let role = role_named(&catalog, &request.user)?;
        // Before anything is said of databases.
        if !role.attributes.login {
            let message = format!("role \"{}\" is not permitted to log in", role.name);
            return Err(Error::new(SqlState::INVALID_AUTHORIZATION, message));
        }
        self.begin_session(request)
    }

    /// Begins a session as a role, which may be one that nobody logs in as.
    fn begin_session(self: &Arc<Self>, request: &Connect) -> Result<Session> {
        let catalog = self.catalogs.load().any();
        let role = role_named(&catalog, &request.user)?;
        let database_name = request.database.clone().unwrap_or_else(|| request.user.clone());
        let Some(database) = catalog.databases.values().find(|database| database.name == database_name) else {
            let message = format!("database \"{database_name}\" does not exist");
            return Err(Error::new(SqlState::INVALID_CATALOG_NAME, message));
        };
        if !database.allows_connections() {
            let message = format!("database \"{database_name}\" is not currently accepting connections");
            return Err(Error::new(SqlState::OBJECT_NOT_IN_PREREQUISITE_STATE, message));
        }
        let client = (request.process_id, request.client_address, request.ends);
        let place = self.sessions.enter(self.connections_max, client, (database.oid, RoleId(role.oid)));
        let place =
            place.ok_or_else(|| Error::new(SqlState::TOO_MANY_CONNECTIONS, "sorry, too many clients already"))?;
        let others = self.sessions.count_of(RoleId(role.oid)).saturating_sub(1);
        if !role.attributes.may_open_session(others) {
            let message = format!("too many connections for role \"{}\"", role.name);
            return Err(Error::new(SqlState::TOO_MANY_CONNECTIONS, message));
        }
        let mut settings = opening_settings(catalog.settings_everywhere(), database, &role, &request.options)?;
        self.tell_configuration(&mut settings);
        Ok(Session::new(Opening {
            database: self.clone(),
            role: RoleId(role.oid),
            role_name: role.name.clone(),
            process_id: request.process_id,
            client_address: request.client_address,
            ends: request.ends,
            database_oid: database.oid,
            database_name: database_name.into(),
            settings,
            place,
        }))
    }

    /// What SHOW tells of the server's configuration and of its data.
    fn tell_configuration(&self, settings: &mut Settings) {
        let (limits, usual) = (self.live.limits, LiveLimits::default());
        settings.set_internal(TIMELINE, &format!("{:032x}", self.store.timeline()));
        if limits.session_queries_max != usual.session_queries_max {
            settings.set_internal(SESSION_LIVE_QUERIES_MAX, &limits.session_queries_max.to_string());
        }
        if limits.user_queries_max != usual.user_queries_max {
            settings.set_internal(USER_LIVE_QUERIES_MAX, &limits.user_queries_max.to_string());
        }
    }

    /// What the database tells of itself in numbers, always the same ones in the same order.
    pub fn figures(&self) -> Vec<Figure> {
        figures(&self.sources)
    }

    /// Whoever waits for changes to come waits no more (57P01): the server is about to stop.
    pub fn stop_waiting(&self) {
        self.live.stop();
    }

    /// Ends the jobs, lets running commits finish and closes the store.
    pub async fn shutdown(&self) {
        self.jobs.close().await;
        self.live.close();
        self.audit.close().await;
        let store = self.store.clone();
        // Flushing blocks; a failure to join means the flush panicked, and the log still holds every commit.
        let _ = tokio::task::spawn_blocking(move || store.shutdown()).await;
    }

    /// Returns when a restore is to take the place of this database: it must be closed and opened again.
    pub async fn exchanged(&self) {
        // The sender is `self`, so the channel outlives the wait.
        let _ = self.exchanged.subscribe().wait_for(|exchanged| *exchanged).await;
    }

    /// Says that a copy waits to take the place of everything.
    pub(crate) fn exchange(&self) {
        self.exchanged.send_replace(true);
    }

    /// Fills an empty data directory from a backup, which is looked at as a whole first; answers how many files and bytes
    /// that were. Takes its time.
    pub fn restore(from: &Path, data: &Path) -> Result<(u64, u64)> {
        let report = storage::backup::restore(from, data, &Environment::system(), &Stop::default())?;
        Ok((report.files, report.bytes))
    }

    /// Deletes for good the rows that roles, by their oids, have in user tables; answers how many. It can be repeated.
    pub async fn purge_rows_of(self: &Arc<Self>, roles: &[u32]) -> Result<u64> {
        purge::purge_rows_of(self, roles).await
    }

    /// The committed catalog of a database.
    pub(crate) fn catalog(&self, database: u32) -> Arc<Catalog> {
        self.catalogs.load().of(database)
    }

    /// The committed catalogs of all databases.
    pub(crate) fn catalogs(&self) -> Arc<Catalogs> {
        self.catalogs.load_full()
    }

    pub(crate) fn dropped_user_grace(&self) -> Duration {
        self.dropped_user_grace
    }

    pub(crate) fn jobs(&self) -> &Arc<Jobs> {
        &self.jobs
    }

    pub(crate) fn live(&self) -> &Arc<Live> {
        &self.live
    }

    pub(crate) fn audit(&self) -> &Arc<Audit> {
        &self.audit
    }

    /// When it was opened, in microseconds since 1970-01-01 UTC.
    pub(crate) fn started_at(&self) -> i64 {
        self.sources.started_at
    }

    pub(crate) fn store(&self) -> &Store {
        &self.store
    }

    pub(crate) fn sessions(&self) -> &Arc<Sessions> {
        &self.sessions
    }

    pub(crate) fn snapshots(&self) -> &Arc<ExportedSnapshots> {
        &self.snapshots
    }

    pub(crate) fn query_environment(&self) -> &QueryEnvironment {
        &self.queries
    }

    pub(crate) fn temporary_places(&self) -> Arc<TemporaryPlaces> {
        self.temporary_places.clone()
    }

    /// An id that nothing else has, of a kind that the prefix says; later ones come later in order.
    pub(crate) fn new_id(&self, prefix: &str) -> String {
        let mut random = [0; 10];
        self.store.environment().fill_random(&mut random);
        let millis = u64::try_from(self.now() / 1000).unwrap_or_default();
        format!("{prefix}-{}", Builder::from_unix_timestamp_millis(millis, &random).into_uuid())
    }

    /// Microseconds since 1970-01-01 UTC.
    pub(crate) fn now(&self) -> i64 {
        self.store.environment().now_us()
    }

    /// Commits steps that concern all databases and that nobody has a transaction for.
    pub(crate) async fn commit_changes(self: &Arc<Self>, changes: &[Change]) -> Result<()> {
        let _one_at_a_time = self.defining.lock().await;
        let mut transaction = self.store.begin(Isolation::ReadCommitted);
        transaction.begin_command();
        let before = self.catalogs.load().any();
        for change in changes {
            store::save(&mut transaction, change, &before)?;
        }
        transaction.when_published(self.to_be_published(before.database, changes)?);
        transaction.commit(Durability::Sync).await?;
        Ok(())
    }

    /// Commits a transaction that has changed the catalog of a database. The new catalog is in place before the transaction's locks
    /// are released, so whoever waited for one resolves names against it.
    pub(crate) async fn commit_definitions(
        self: &Arc<Self>,
        database: u32,
        open: &mut Open,
        durability: Durability,
        by: &str,
    ) -> Result<()> {
        let _one_at_a_time = self.defining.lock().await;
        let before = self.catalog(database);
        let names = open.catalog.as_deref().unwrap_or(&before);
        history::record(&mut open.transaction, (&before, names), &open.changes, (self.now(), by))?;
        open.transaction.when_published(self.to_be_published(database, &open.changes)?);
        open.transaction.commit(durability).await?;
        Ok(())
    }

    /// What puts the catalogs in place that a commit of these steps makes.
    fn to_be_published(self: &Arc<Self>, database: u32, changes: &[Change]) -> Result<Box<dyn FnOnce() + Send>> {
        let catalogs = Arc::new(self.catalogs.load().after(database, changes)?);
        let roles: Vec<u32> = changes.iter().filter_map(Change::role).map(|(oid, _)| oid).collect();
        let this = self.clone();
        Ok(Box::new(move || {
            if !roles.is_empty() {
                catalogs.any().roles.settle(&roles);
            }
            this.catalogs.store(catalogs);
        }))
    }
}

impl OtherDatabases for Database {
    fn catalog(&self, database: u32) -> Arc<Catalog> {
        Database::catalog(self, database)
    }

    fn sessions(&self, database: u32) -> usize {
        self.sessions.count_in(database)
    }

    fn password_length_min(&self) -> usize {
        self.logins.password_length_min()
    }

    fn end_sessions(&self, database: u32) {
        let sessions = self.sessions.all().into_iter().filter(|session| session.database == database);
        sessions.for_each(|session| session.canceller.terminate());
    }
}

/// Makes the storages known, and deletes what a crash left there as soon as it may be. One that cannot be opened is
/// missed by what needs it, not by the others.
fn mount_storages(store: &Store, catalog: &Catalog) {
    for storage in catalog.storages.values() {
        match storage.open() {
            Ok(files) => store.mount(storage.place(), files),
            Err(error) => tracing::error!(%error, storage = storage.name, "a storage cannot be used"),
        }
    }
    let store = store.clone();
    tokio::task::spawn_blocking(move || {
        if let Err(error) = store.sweep_places() {
            tracing::warn!(%error, "files that a crash left behind could not be forgotten");
        }
    });
}

fn role_named(catalog: &Catalog, name: &str) -> Result<Arc<Role>> {
    let missing = || Error::new(SqlState::INVALID_AUTHORIZATION, format!("role \"{name}\" does not exist"));
    catalog.roles.find_named(name)?.ok_or_else(missing)
}

/// Settings of all sessions, the database, the role, and the role in the database, then those of the startup message.
fn opening_settings(
    everywhere: &[(String, String)],
    database: &crate::catalog::Database,
    role: &Role,
    options: &[(String, String)],
) -> Result<Settings> {
    let mut settings = Settings::default();
    settings.set_internal("session_authorization", &role.name);
    settings.set_internal("is_superuser", if role.attributes.superuser { "on" } else { "off" });
    let inside = role.database_settings.iter().find(|(of, _)| *of == database.oid);
    let inside = inside.map_or(&[][..], |(_, settings)| settings);
    let stored = [
        ("global", everywhere),
        ("database", &database.settings[..]),
        ("user", &role.settings[..]),
        ("database user", inside),
    ];
    for (source, values) in stored {
        for (name, value) in values {
            // Whoever said it was allowed to. What is no longer possible keeps nobody out. The rows of others are for
            // superusers alone.
            let allowed = role.attributes.superuser || !name.eq_ignore_ascii_case(ALL_USERS);
            if let Err(error) = settings.begin_with(name, value, allowed, source) {
                tracing::warn!(%error, role = role.name, database = database.name, "a setting is passed over");
            }
        }
    }
    for (name, value) in options {
        settings.begin_with(name, value, role.attributes.superuser, "client")?;
    }
    Ok(settings)
}

fn random_password() -> String {
    let mut random = rand::rng();
    (0..PASSWORD_LENGTH).map(|_| PASSWORD_ALPHABET[random.random_range(0..PASSWORD_ALPHABET.len())] as char).collect()
}

#[cfg(test)]
pub(crate) mod tests;
