//! One client's connection, from its first byte to its last.
//!
//! It begins in a straight line: `startup` (encryption, startup message), `authentication`, a session of the engine.
//! Then it is a loop over messages, and `State` says where it stands. Messages are taken from the input buffer as long
//! as there are whole ones; answers gather in the output buffer and are sent when the client may be waiting for them:
//! at Sync, Flush, an error and the end of a simple query, or when there are many. So a batch from Parse to Sync is answered by
//! one write, however its messages arrive, and a client that sends several batches ahead reads nothing before the first is whole.
//!
//! What ends a connection is an `Ending`, carried by `?`; an error of a statement is an answer and ends nothing.

mod authentication;
pub(crate) mod cancel;
mod copy;
mod extended;
pub(crate) mod pending;
mod push;
mod result;
mod simple;
mod startup;
mod stream;

use std::io;
use std::net::IpAddr;
use std::sync::Arc;

use authentication::Attempt;
use cancel::Registration;
use engine::session::{AtOnce, Canceller, Cursor, Script, Session, TransactionStatus, terminated};
use engine::{Connect, Error, SqlState};
use startup::Opening;
pub(crate) use stream::Accepted;
use stream::{ENOUGH_OUTPUT_BYTES, Io, Step};
use tokio::time::{Instant, timeout_at};

use crate::server::Server;
use crate::shutdown::Phase;
use crate::wire::backend;
use crate::wire::error::{Severity, report, report_in};
use crate::wire::frontend::{Expected, Frame, Message, next_frame};
use crate::wire::startup::{ProtocolVersion, StartupMessage};

/// Why a connection ends.
#[derive(Debug)]
pub(crate) enum Ending {
    /// The client said goodbye or closed its end.
    Closed,
    /// The socket failed.
    Io(io::Error),
    /// Ours: the client is told why.
    Fatal(Error),
}

/// The result of whatever may end the connection.
type Flow<T> = Result<T, Ending>;

impl From<io::Error> for Ending {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe | io::ErrorKind::UnexpectedEof => Ending::Closed,
            _ => Ending::Io(error),
        }
    }
}

/// Where a connection stands between two messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// ReadyForQuery was the last word.
    Idle,
    /// Inside a batch of the extended protocol, before its Sync.
    Batch,
    /// Inside a batch that has met an error: all is skipped up to Sync.
    Skipping,
    /// The client sends the data of a COPY.
    CopyIn,
}

/// What is left of a message that could not be answered at once.
#[derive(Debug)]
enum Left {
    All,
    /// The rows of an Execute.
    Rows(Cursor),
    /// Statements of a simple query, after the rows of one that has run.
    Script(Script, Option<Cursor>),
    /// Only ReadyForQuery, and what comes before it.
    Ready,
}

/// A connection whose client is known.
struct Connection {
    io: Io,
    session: Session,
    state: State,
    canceller: Arc<Canceller>,
    registration: Registration,
    server: Arc<Server>,
}

/// Serves one client until one of the two ends it.
pub(crate) async fn serve(accepted: Accepted, server: Arc<Server>) {
    let address = accepted.address();
    let mut io = Io::new(accepted.into_stream(), server.limits.write_timeout);
    let deadline = Instant::now() + server.limits.authentication_timeout;
    let begun = tokio::select! {
        biased;
        begun = begin(&mut io, &server, address, deadline) => begun,
        () = server.shutdown.reached(Phase::Draining) => Err(Ending::Fatal(shutting_down())),
    };
    let ending = match begun {
        Ok(None) => return,
        Ok(Some((session, registration))) => {
            let process_id = registration.process_id;
            let canceller = session.canceller();
            let mut connection = Connection { io, session, state: State::Idle, canceller, registration, server };
            let ending = connection.converse().await;
            log_ending(process_id, &ending);
            connection.session.end().await;
            // The session goes here, and with it its locks: a farewell may take a while.
            io = connection.io;
            ending
        }
        Err(ending) => {
            log_failed_start(address, &ending);
            ending
        }
    };
    if let Ending::Fatal(error) = ending {
        report(&mut io.output, Severity::Fatal, &error);
        io.close().await;
    }
}

fn log_ending(process_id: i32, ending: &Ending) {
    match ending {
        Ending::Closed => tracing::info!(process_id, "connection ended"),
        Ending::Io(error) => tracing::info!(process_id, %error, "connection lost"),
        Ending::Fatal(error) => {
            tracing::info!(process_id, state = error.sql_state().0, %error, "connection ended by the server");
        }
    }
}

fn log_failed_start(address: Option<IpAddr>, ending: &Ending) {
    match ending {
        // Whoever only looks whether a server is here does this.
        Ending::Closed => tracing::debug!(?address, "connection ended before a session began"),
        Ending::Io(error) => tracing::info!(?address, %error, "connection lost before a session began"),
        // The message may hold what a stranger has sent, and is quoted.
        Ending::Fatal(error) => {
            tracing::info!(?address, state = error.sql_state().0, error = ?error.to_string(), "connection refused");
        }
    }
}

/// The straight line up to the first ReadyForQuery; None for a cancel request, which gets no answer.
async fn begin(
    io: &mut Io,
    server: &Arc<Server>,
    address: Option<IpAddr>,
    deadline: Instant,
) -> Flow<Option<(Session, Registration)>> {
    let Some(_pending) = server.pending.enter(address) else {
        return Err(Ending::Fatal(too_many_clients()));
    };
    // A client that has not even said who it is gets no answer when its time is up.
    let opening =
        timeout_at(deadline, startup::negotiate(io, server.tls.as_ref())).await.map_err(|_| Ending::Closed)??;
    let startup = match opening {
        Opening::Session(startup) => startup,
        Opening::Cancel { process_id, key } => {
            server.peers.cancel(process_id, &key);
            return Ok(None);
        }
    };
    let place = timeout_at(deadline, log_in(io, server, address, startup)).await;
    place
        .map_err(|_| Ending::Fatal(Error::new(SqlState::QUERY_CANCELED, "canceling authentication due to timeout")))?
        .map(Some)
}

async fn log_in(
    io: &mut Io,
    server: &Arc<Server>,
    address: Option<IpAddr>,
    startup: StartupMessage,
) -> Flow<(Session, Registration)> {
    let version = startup.version.min(ProtocolVersion::NEWEST);
    if version != startup.version || !startup.unknown_extensions.is_empty() {
        backend::negotiate_protocol_version(&mut io.output, version, &startup.unknown_extensions);
    }
    let registration = server.peers.register(version);
    if server.database.is_full() {
        return Err(Ending::Fatal(too_many_clients()));
    }
    let attempt = Attempt {
        server,
        user: &startup.user,
        database: startup.database.as_ref().unwrap_or(&startup.user),
        address,
        process_id: registration.process_id,
    };
    let proven = authentication::authenticate(io, &attempt).await;
    if let Err(Ending::Fatal(error)) = &proven {
        let database = startup.database.as_deref();
        server.database.login_failed(attempt.user, database, address, &error.message, error.sql_state());
    }
    proven?;
    backend::authentication_ok(&mut io.output);
    let (process_id, tls) = (registration.process_id, io.stream.is_tls());
    let Attempt { user, database, .. } = attempt;
    tracing::info!(process_id, ?address, tls, ?user, ?database, "connection authenticated");
    let mut session = server
        .database
        .connect(Connect {
            user: startup.user,
            database: startup.database,
            options: startup.parameters,
            client_address: address,
            ends: io.stream.ends(),
            process_id,
        })
        .map_err(Ending::Fatal)?;
    registration.set_canceller(session.canceller());
    for (name, value) in session.parameters() {
        backend::parameter_status(&mut io.output, name, &value, session.encoding());
    }
    backend::backend_key_data(&mut io.output, registration.process_id, &registration.key);
    for notice in session.take_notices() {
        report_in(session.encoding(), &mut io.output, Severity::Notice(notice.severity), &notice.report);
    }
    backend::ready_for_query(&mut io.output, TransactionStatus::Idle);
    io.flush().await?;
    Ok((session, registration))
}

impl Connection {
    /// Takes messages until the connection ends.
    async fn converse(&mut self) -> Ending {
        loop {
            if let Err(ending) = self.take_messages().await {
                return ending;
            }
        }
    }

    /// Answers all messages that are there, sends what is to be sent, and waits for more.
    async fn take_messages(&mut self) -> Flow<()> {
        while let Some(mut frame) = next_frame(&mut self.io.input, Expected::Command).map_err(Ending::Fatal)? {
            let encoding = self.session.encoding();
            let message = match frame.decode_text(encoding).and_then(|()| Message::decode(&frame)) {
                Ok(message) => message,
                Err(error) => {
                    self.refuse_frame(&frame, &error).await?;
                    continue;
                }
            };
            match self.answer_at_once(&message) {
                AtOnce::Done(answered) => answered?,
                AtOnce::MayWait(left) => Box::pin(self.answer_left(message, left)).await?,
            }
            match self.state {
                State::Idle => self.send_ready().await?,
                _ => self.relieve().await?,
            }
        }
        // What an idle client is told is sent while it is waited for, and a batch is answered at its Sync.
        if !matches!(self.state, State::Idle | State::Batch) {
            self.io.flush().await?;
        }
        self.io.shrink();
        self.wait().await
    }

    /// Answers a message as far as nothing has to be waited for.
    fn answer_at_once(&mut self, message: &Message<'_>) -> AtOnce<Flow<()>, Left> {
        match message {
            Message::Terminate => AtOnce::Done(Err(Ending::Closed)),
            Message::Sync => self.sync_at_once(),
            // PostgreSQL, too, forgets everything but Sync after an error.
            _ if self.state == State::Skipping => AtOnce::Done(Ok(())),
            Message::Query(sql) => self.query_at_once(sql),
            Message::FunctionCall => {
                self.session.fail();
                self.ready_after(Err(Error::unsupported("the function call protocol")))
            }
            // What is left of a COPY that has failed.
            Message::CopyData(_) | Message::CopyDone | Message::CopyFail(_) => AtOnce::Done(Ok(())),
            Message::Flush => AtOnce::MayWait(Left::All),
            other => self.extended_at_once(other),
        }
    }

    /// Answers what is left of a message.
    async fn answer_left(&mut self, message: Message<'_>, left: Left) -> Flow<()> {
        match (message, left) {
            (_, Left::Ready) => self.ready().await,
            (_, Left::Script(script, begun)) => self.query(script, begun).await,
            (Message::Execute { portal, max_rows }, left) => self.run_portal(portal, max_rows, left).await,
            (Message::Sync, _) => self.sync().await,
            _ => Ok(self.io.flush().await?),
        }
    }

    /// A frame whose fields make no sense is an error of its statement: where the next one begins is still known.
    async fn refuse_frame(&mut self, frame: &Frame, error: &Error) -> Flow<()> {
        if self.state == State::Skipping {
            return Ok(());
        }
        self.session.fail();
        match frame.kind {
            b'Q' => {
                self.fail_statement(error)?;
                self.ready().await?;
                self.send_ready().await
            }
            _ => self.fail_batch(error),
        }
    }

    /// Waits until more bytes have come, or something else that a waiting connection must react to.
    async fn wait(&mut self) -> Flow<()> {
        // A client in the middle of a message is slow, not idle.
        let is_idle = self.state == State::Idle && self.io.input.is_empty();
        let idle_limit = if is_idle { self.session.idle_timeout() } else { None };
        let idle_until = idle_limit.map(|limit| Instant::now() + limit);
        let outbox = self.session.outbox().cloned();
        let in_batch = self.state == State::Batch;
        loop {
            let idle = async {
                match idle_until {
                    Some(moment) => tokio::time::sleep_until(moment).await,
                    None => std::future::pending().await,
                }
            };
            let may_be_told = self.may_be_told() && self.io.output.is_empty();
            tokio::select! {
                biased;
                step = self.io.step(!in_batch) => match step? {
                    Step::Filled => return Ok(()),
                    Step::Closed => return Err(Ending::Closed),
                    Step::Sent => {}
                },
                () = self.registration.wake.notified() => return self.woken(),
                () = self.canceller.terminated() => return Err(Ending::Fatal(terminated())),
                told = push::told(outbox.as_deref(), may_be_told) => {
                    told?;
                    outbox.iter().for_each(|outbox| {
                        self.add_notifications(outbox);
                    });
                }
                () = idle => return Err(Ending::Fatal(self.idle_too_long())),
            }
        }
    }

    /// The server shuts down, or the client wants its COPY cancelled, which `copy` looks after.
    fn woken(&self) -> Flow<()> {
        let ends_at = if self.state == State::CopyIn { Phase::Forced } else { Phase::Draining };
        if self.server.shutdown.phase() >= ends_at { Err(Ending::Fatal(shutting_down())) } else { Ok(()) }
    }

    fn idle_too_long(&self) -> Error {
        if self.session.status() == TransactionStatus::Idle {
            Error::new(SqlState("57P05"), "terminating connection due to idle-session timeout")
        } else {
            Error::new(
                SqlState::IDLE_IN_TRANSACTION_SESSION_TIMEOUT,
                "terminating connection due to idle-in-transaction timeout",
            )
        }
    }

    /// Ends a simple query or a batch after its last error, if there is nothing to wait for.
    fn ready_after(&mut self, outcome: Result<(), Error>) -> AtOnce<Flow<()>, Left> {
        if let Err(error) = outcome
            && let Err(ending) = self.fail_statement(&error)
        {
            return AtOnce::Done(Err(ending));
        }
        if self.canceller.is_terminated() {
            return AtOnce::MayWait(Left::Ready);
        }
        // Who listens is told first what has happened up to now.
        if self.session.outbox().is_some() {
            return AtOnce::MayWait(Left::Ready);
        }
        self.send_notices();
        self.say_ready();
        AtOnce::Done(Ok(()))
    }

    /// Ends a simple query or a batch: what the client must know first, then ReadyForQuery.
    async fn ready(&mut self) -> Flow<()> {
        self.send_notices();
        // Who has ended the own session, or was ended while a statement ran, gets no further word than that.
        if self.canceller.is_terminated() {
            return Err(Ending::Fatal(terminated()));
        }
        self.tell().await?;
        self.say_ready();
        Ok(())
    }

    fn say_ready(&mut self) {
        for (name, value) in self.session.take_parameter_changes() {
            backend::parameter_status(&mut self.io.output, name, &value, self.session.encoding());
        }
        backend::ready_for_query(&mut self.io.output, self.session.status());
        self.session.rest();
        self.state = State::Idle;
    }

    /// Sends what ends with ReadyForQuery. A session that is to end does so now.
    async fn send_ready(&mut self) -> Flow<()> {
        self.io.flush().await?;
        if self.canceller.is_terminated() {
            return Err(Ending::Fatal(terminated()));
        }
        if self.server.shutdown.phase() >= Phase::Draining {
            return Err(Ending::Fatal(shutting_down()));
        }
        Ok(())
    }

    fn send_notices(&mut self) {
        for notice in self.session.take_notices() {
            report_in(self.session.encoding(), &mut self.io.output, Severity::Notice(notice.severity), &notice.report);
        }
    }

    /// Answers the error of a statement; the engine has already undone it.
    fn fail_statement(&mut self, error: &Error) -> Flow<()> {
        self.send_notices();
        self.session.answered(error);
        let (process_id, state) = (self.registration.process_id, error.sql_state());
        tracing::debug!(process_id, state = state.0, %error, "statement failed");
        // What the server's end has cancelled is not the client's doing.
        if state == SqlState::QUERY_CANCELED && self.server.shutdown.phase() == Phase::Forced {
            return Err(Ending::Fatal(shutting_down()));
        }
        // Whose session was ended is told so once, by the last message.
        if state == SqlState::ADMIN_SHUTDOWN && self.canceller.is_terminated() {
            return Err(Ending::Fatal(terminated()));
        }
        report_in(self.session.encoding(), &mut self.io.output, Severity::Error, error);
        Ok(())
    }

    /// Sends the answers if they have become many.
    async fn relieve(&mut self) -> Flow<()> {
        if self.io.output.len() >= ENOUGH_OUTPUT_BYTES {
            self.io.flush().await?;
        }
        Ok(())
    }
}

fn too_many_clients() -> Error {
    Error::new(SqlState::TOO_MANY_CONNECTIONS, "sorry, too many clients already")
}

fn shutting_down() -> Error {
    Error::new(SqlState::ADMIN_SHUTDOWN, "terminating connection due to administrator command")
}
