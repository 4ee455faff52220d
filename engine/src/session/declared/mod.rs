//! Cursors that SQL declares: a query whose rows are fetched a few at a time.
//!
//! A cursor sees the snapshot of its declaration. One that scrolls keeps the rows that have come; one that only goes
//! forward keeps none. WITH HOLD computes what is left when its transaction commits. `walk` knows where a cursor stands,
//! `spool` keeps its rows. A `live` cursor goes on with what changes.
//!
//! To the protocol a cursor is a portal: it is described, executed and closed as any. The other way round, a portal that has a
//! name is a cursor to FETCH, MOVE and CLOSE, one that only goes forward (`adopt`).

mod adopt;
mod live;
mod scroll;
mod spool;
mod walk;

use std::sync::Arc;
use std::time::Duration;

use live::LiveCursor;
pub(super) use live::live_rows;
use spool::Spool;
use storage::Value;
use walk::{Shared, Span, Walk};

use super::cancel::Interrupt;
use super::cursor::{RowSource, Tag};
use super::extended::{PortalDescription, spread_formats};
use super::prepared::{PortalState, Prepared};
use super::run::{Outcome, aborted};
use super::{Session, TransactionStatus};
use crate::error::{Error, Result, SqlState};
use crate::function::{CursorFacts, LockedRows};
use crate::plan::{ColumnDescription, Plan};
use crate::statement::{Declaration, Motion, Statement, locking_words};

/// A cursor by the name that its declaration gave it.
#[derive(Debug)]
pub(super) struct Declared {
    facts: CursorFacts,
    columns: Arc<[ColumnDescription]>,
    /// How many savepoints were active when it was declared; None once it is held beyond its transaction.
    level: Option<usize>,
    /// In which formats the protocol's Execute answers, one a column; empty: all text.
    formats: Arc<[i16]>,
    /// What the protocol's Execute ends with.
    tag: Tag,
    rows: CursorRows,
}

/// What a cursor fetches from.
#[derive(Debug)]
enum CursorRows {
    Walk(Shared),
    Live(Box<LiveCursor>),
}

/// What FETCH or MOVE wants of a cursor.
#[derive(Debug, Clone, Copy)]
pub(super) struct Fetched {
    pub(super) motion: Motion,
    /// MOVE answers only how many rows FETCH would.
    pub(super) moves: bool,
    /// How long to wait for a first row of a live cursor; None: until there is one.
    pub(super) timeout: Option<Duration>,
}

impl Session {
    pub(super) async fn declare(
        &mut self,
        declaration: &Declaration,
        prepared: &Arc<Prepared>,
        params: Arc<[Value]>,
        interrupt: &Interrupt,
    ) -> Result<Outcome> {
        let name = &declaration.name;
        if let Statement::Live(live) = &*declaration.query {
            return self.declare_live(declaration, live, prepared, params, interrupt).await;
        }
        if !declaration.hold {
            self.check_in_block("DECLARE CURSOR")?;
        }
        self.begin_implicit();
        let plan = self.plan_for(prepared)?;
        check_locking(declaration, plan.plan.plan())?;
        if let Some(stream) = plan.plan.stream_read() {
            return Err(Error::unsupported(format!("a cursor over stream table \"{}\"", stream.name)));
        }
        if self.cursors.contains_key(name) || self.portals.contains_key(name) {
            return Err(duplicate_cursor(name));
        }
        let scrolls = declaration.scroll.unwrap_or_else(|| scroll::goes_back(plan.plan.plan()));
        let columns = plan.columns.clone().unwrap_or_default();
        let tables = locked_tables(plan.plan.plan());
        let handles = self.facts.cursors.clone();
        if !tables.is_empty() {
            handles.begin_noting();
        }
        let run = self.run_planned(prepared, params, interrupt).await;
        let keys = handles.end_noting();
        let Outcome::Rows { source, .. } = run? else {
            return Err(Error::internal("a cursor's query answers no rows"));
        };
        let spool = scrolls.then(|| self.new_spool());
        let walk = Walk::new(source.into_stream(), spool, declaration.scroll == Some(true));
        let position = walk.told_position();
        let locked = (!tables.is_empty()).then(|| Arc::new(LockedRows { tables, keys, position }));
        let facts = CursorFacts {
            locked,
            is_held: false,
            name: name.clone(),
            statement: prepared.text.clone(),
            is_holdable: declaration.hold,
            is_binary: declaration.binary,
            is_scrollable: scrolls,
            created_at: self.database.now(),
        };
        let level = Some(self.state.open().map_or(0, |open| open.savepoints.len()));
        let (formats, tag) = (Arc::from([]), Tag::Counted("SELECT"));
        let declared = Declared { facts, columns, level, formats, tag, rows: CursorRows::Walk(Shared::new(walk)) };
        self.cursors.insert(name.clone(), declared);
        self.tell_cursors();
        Ok(Outcome::Complete("DECLARE CURSOR".to_owned()))
    }

    /// FETCH, or MOVE.
    pub(super) async fn fetch(&mut self, name: &str, what: Fetched, interrupt: &Interrupt) -> Result<Outcome> {
        let Fetched { motion, moves, timeout } = what;
        if self.cursors.get(name).is_some_and(|cursor| matches!(cursor.rows, CursorRows::Live(_))) {
            return self.fetch_live(name, what, interrupt).await;
        }
        self.begin_implicit();
        self.adopt_portal(name, interrupt).await?;
        let cursor = self.cursors.get(name).ok_or_else(|| no_cursor(name))?;
        let CursorRows::Walk(walk) = &cursor.rows else { return Err(Error::internal("a live cursor has no walk")) };
        if timeout.is_some() {
            let message = format!("cursor \"{name}\" is not a live cursor");
            return Err(Error::new(SqlState::WRONG_OBJECT_TYPE, message)
                .with_detail("Only a FETCH from a live cursor waits for rows."));
        }
        let columns = cursor.columns.clone();
        let Some(mut walk) = walk.take() else { return Err(in_use(name)) };
        if walk.has_failed() {
            return Err(cannot_run(name));
        }
        if moves {
            let passed = interrupt.guard(pass(&mut walk, motion)).await?;
            return Ok(Outcome::Complete(format!("MOVE {passed}")));
        }
        let span = interrupt.guard(walk.approach(motion)).await?;
        // Before the client is told what columns are to come.
        if matches!(span, Span::Backward(_)) {
            walk.check_scrolls()?;
        }
        let source = RowSource::Stream(walk::rows(walk, span));
        Ok(Outcome::Rows { columns, source, tag: Tag::Counted("FETCH") })
    }

    pub(super) fn close_cursor(&mut self, name: Option<&str>) -> Result<&'static str> {
        let Some(name) = name else {
            self.cursors.clear();
            // The portal without a name may be this statement's own.
            self.portals.retain(|name, _| name.is_empty());
            self.tell_cursors();
            return Ok("CLOSE CURSOR ALL");
        };
        if self.portals.remove(name).is_none() {
            self.cursors.remove(name).ok_or_else(|| no_cursor(name))?;
            self.tell_cursors();
        }
        Ok("CLOSE CURSOR")
    }

    /// What Describe answers of a cursor as a portal; None if it is not there. Even of a BINARY cursor it says text, which is
    /// what Execute answers.
    pub(super) fn describe_cursor(&self, name: &str) -> Result<Option<PortalDescription>> {
        let Some(cursor) = self.cursors.get(name) else { return Ok(None) };
        if self.status() == TransactionStatus::Failed {
            return Err(aborted());
        }
        let formats = spread_formats(&cursor.formats, cursor.columns.len())?;
        Ok(Some(PortalDescription { columns: Some(cursor.columns.clone()), formats }))
    }

    /// The formats of a statement's rows where the client says nothing of them: those of a BINARY cursor are binary.
    pub(super) fn formats_unasked(&self, statement: Option<&Statement>) -> Arc<[i16]> {
        match statement {
            Some(Statement::Fetch { name, .. }) => match self.cursors.get(name) {
                Some(cursor) if cursor.facts.is_binary => vec![1; cursor.columns.len()].into(),
                _ => Arc::from([]),
            },
            _ => Arc::from([]),
        }
    }

    /// The transaction is about to commit: cursors WITH HOLD compute what is left.
    pub(super) async fn hold_cursors(&mut self) -> Result<()> {
        if self.cursors.is_empty() {
            return Ok(());
        }
        self.cursors.retain(|_, cursor| cursor.facts.is_holdable);
        let interrupt = self.new_interrupt();
        let names: Vec<String> = self.cursors.keys().cloned().collect();
        for name in names {
            let spool = self.new_spool();
            let Some(cursor) = self.cursors.get_mut(&name).filter(|cursor| cursor.level.is_some()) else { continue };
            // What changes is not known yet: a live cursor goes on as it is.
            if let CursorRows::Walk(walk) = &cursor.rows
                && let Some(mut walk) = walk.take().filter(|walk| !walk.has_failed())
            {
                interrupt.guard(walk.gather(spool)).await?;
            }
            cursor.level = None;
            cursor.facts.is_held = true;
        }
        self.tell_cursors();
        Ok(())
    }

    /// The transaction is gone: so are its cursors, but not those that an earlier one left behind.
    pub(super) fn drop_cursors(&mut self) {
        self.drop_cursors_since(0);
    }

    /// Cursors and portals that were made inside this many savepoints go.
    pub(super) fn drop_cursors_since(&mut self, level: usize) {
        self.portals.retain(|_, portal| portal.level < level);
        if self.cursors.is_empty() {
            return;
        }
        self.cursors.retain(|_, cursor| cursor.level.is_none_or(|own| own < level));
        self.tell_cursors();
    }

    /// The statements inside this many savepoints have failed: cursors and portals that were made there have no rows any more,
    /// and keep their names until what has failed is rolled back.
    pub(super) fn end_cursors_since(&mut self, level: usize) {
        for portal in self.portals.values_mut().filter(|portal| portal.level >= level) {
            portal.state = PortalState::Done(None);
        }
        for cursor in self.cursors.values_mut().filter(|cursor| cursor.level.is_some_and(|own| own >= level)) {
            let nothing = RowSource::Ready(None).into_stream();
            cursor.rows = CursorRows::Walk(Shared::new(Walk::new(nothing, None, false)));
        }
    }

    /// Savepoints are released: cursors and portals made inside them are the outer one's.
    pub(super) fn raise_cursors(&mut self, level: usize) {
        for portal in self.portals.values_mut() {
            portal.level = portal.level.min(level);
        }
        for cursor in self.cursors.values_mut() {
            cursor.level = cursor.level.map(|own| own.min(level));
        }
    }

    fn new_spool(&self) -> Spool {
        Spool::new(self.database.query_environment().reservation("cursor"))
    }

    /// Tells `pg_cursors`.
    fn tell_cursors(&self) {
        self.facts.cursors.tell(self.cursors.values().map(|cursor| cursor.facts.clone()).collect());
    }
}

async fn pass(walk: &mut Walk, motion: Motion) -> Result<u64> {
    match motion {
        Motion::Forward(Some(0)) | Motion::Backward(Some(0)) | Motion::Relative(0) => Ok(u64::from(walk.is_on_row())),
        Motion::Backward(None) => walk.rewind(),
        motion => {
            let span: Span = walk.approach(motion).await?;
            walk.skip(span).await
        }
    }
}

/// The tables whose rows a query locks, one for each locking clause.
fn locked_tables(plan: &Plan) -> Vec<u32> {
    match plan {
        Plan::Query(query) => query.locking.iter().map(|locking| locking.table.oid).collect(),
        Plan::PointSelect(select) if select.lock.is_some() => vec![select.table.oid],
        Plan::PointSelect(_) | Plan::OneRow(_) | Plan::Short { .. } | Plan::Write(_) => Vec::new(),
    }
}

/// A query that locks rows must be run forward, and now.
fn check_locking(declaration: &Declaration, plan: &Plan) -> Result<()> {
    let strength = match plan {
        Plan::Query(query) => query.locking.first().map(|locking| locking.strength),
        Plan::PointSelect(select) => select.lock.map(|(strength, _)| strength),
        Plan::OneRow(_) | Plan::Short { .. } | Plan::Write(_) => None,
    };
    let Some(strength) = strength else { return Ok(()) };
    let clause = locking_words(strength);
    let refusal = |state, words: &str, which: &str| {
        Err(Error::new(state, format!("DECLARE {words}")).with_detail(format!("{which} cursors must be READ ONLY.")))
    };
    if declaration.hold {
        let words = format!("CURSOR WITH HOLD ... {clause} is not supported");
        return refusal(SqlState::FEATURE_NOT_SUPPORTED, &words, "Holdable");
    }
    if declaration.scroll == Some(true) {
        let words = format!("SCROLL CURSOR ... {clause} is not supported");
        return refusal(SqlState::FEATURE_NOT_SUPPORTED, &words, "Scrollable");
    }
    if declaration.insensitive {
        let words = format!("INSENSITIVE CURSOR ... {clause} is not valid");
        return refusal(SqlState::INVALID_CURSOR_DEFINITION, &words, "Insensitive");
    }
    Ok(())
}

pub(super) fn duplicate_cursor(name: &str) -> Error {
    Error::new(SqlState::DUPLICATE_CURSOR, format!("cursor \"{name}\" already exists"))
}

fn in_use(name: &str) -> Error {
    Error::new(SqlState::OBJECT_IN_USE, format!("cursor \"{name}\" is being fetched from"))
}

fn cannot_run(name: &str) -> Error {
    Error::new(SqlState::OBJECT_NOT_IN_PREREQUISITE_STATE, format!("portal \"{name}\" cannot be run"))
}

fn no_cursor(name: &str) -> Error {
    Error::new(SqlState::INVALID_CURSOR_NAME, format!("cursor \"{name}\" does not exist"))
}
