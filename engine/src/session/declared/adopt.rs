//! One namespace of cursors and portals: what the protocol does with a cursor, and SQL with a portal.

use std::sync::Arc;

use super::super::cancel::Interrupt;
use super::super::cursor::{Cursor, RowSource};
use super::super::extended::{no_portal, spread_formats};
use super::super::prepared::{PortalState, Prepared, SuspendedRun};
use super::super::run::{Outcome, aborted};
use super::super::{Execution, Session, TransactionStatus};
use super::walk::{self, Shared, Span, Walk};
use super::{CursorRows, Declared, cannot_run, in_use};
use crate::error::{Error, Result};
use crate::function::CursorFacts;
use crate::plan::ColumnDescription;
use crate::statement::Statement;

impl Session {
    /// Execute, of a cursor: it goes on from where it stands, for at most `room` rows.
    pub(in crate::session) fn execute_cursor(&mut self, name: &str, room: Option<usize>) -> Result<Execution> {
        let cursor = self.cursors.get(name).ok_or_else(|| no_portal(name))?;
        if self.status() == TransactionStatus::Failed {
            return Err(aborted());
        }
        self.begin_request(&cursor.facts.statement);
        let CursorRows::Walk(walk) = &cursor.rows else {
            return Err(Error::unsupported("the protocol's Execute of a live cursor"));
        };
        let Some(walk) = walk.take() else { return Err(in_use(name)) };
        if walk.has_failed() {
            return Err(cannot_run(name));
        }
        let span = Span::Forward(room.map(|room| room as u64));
        let source = RowSource::Stream(walk::rows(walk, span));
        Ok(Execution::Rows(Cursor {
            columns: cursor.columns.clone(),
            formats: spread_formats(&cursor.formats, cursor.columns.len())?,
            source,
            tag: cursor.tag.clone(),
            sent: 0,
            room,
            exhausted: false,
            portal: Some(name.to_owned()),
            interrupt: self.new_interrupt(),
            ends_transaction: false,
        }))
    }

    /// Makes a cursor of the portal of that name, if there is one, where it stands now.
    pub(super) async fn adopt_portal(&mut self, name: &str, interrupt: &Interrupt) -> Result<()> {
        let Some(portal) = self.portals.get_mut(name) else { return Ok(()) };
        let (prepared, params, formats) = (portal.prepared.clone(), portal.params.clone(), portal.formats.clone());
        let level = Some(portal.level);
        if !has_rows(&prepared) {
            return Err(Error::unsupported("FETCH from a portal of a statement without rows"));
        }
        self.stream_read = None;
        let outcome = match std::mem::replace(&mut portal.state, PortalState::Ready) {
            PortalState::Ready => self.run_planned(&prepared, params, interrupt).await?,
            PortalState::Suspended(run) => {
                let SuspendedRun { source, columns, tag, stream } = *run;
                self.stream_read = stream;
                Outcome::Rows { columns, source, tag }
            }
            PortalState::Done(None) => {
                portal.state = PortalState::Done(None);
                return Err(cannot_run(name));
            }
            PortalState::Done(Some(tag)) => {
                let columns = self.columns_of(&prepared)?.unwrap_or_default();
                Outcome::Rows { columns, source: RowSource::Ready(None), tag }
            }
        };
        let Outcome::Rows { columns, source, tag } = outcome else {
            return Err(Error::unsupported("FETCH from a portal of a statement without rows"));
        };
        if let Some(stream) = self.stream_read.take() {
            return Err(Error::unsupported(format!("a cursor over stream table \"{stream}\"")));
        }
        self.portals.remove(name);
        let facts = CursorFacts {
            locked: None,
            is_held: false,
            name: name.to_owned(),
            statement: prepared.text.clone(),
            is_holdable: false,
            is_binary: false,
            is_scrollable: false,
            created_at: self.database.now(),
        };
        let rows = CursorRows::Walk(Shared::new(Walk::new(source.into_stream(), None, false)));
        let cursor = Declared { facts, formats: spread_formats(&formats, columns.len())?, columns, level, tag, rows };
        self.cursors.insert(name.to_owned(), cursor);
        self.tell_cursors();
        Ok(())
    }

    /// What FETCH from a cursor answers; None if it is not there, which is an error only when it is run.
    pub(in crate::session) fn columns_of_cursor(&mut self, name: &str) -> Result<Option<Arc<[ColumnDescription]>>> {
        if let Some(cursor) = self.cursors.get(name) {
            return Ok(Some(cursor.columns.clone()));
        }
        match self.portals.get(name).map(|portal| portal.prepared.clone()) {
            Some(prepared) if has_rows(&prepared) => self.columns_of(&prepared),
            _ => Ok(None),
        }
    }
}

/// Whether the statement is a query, or a write that may return rows.
fn has_rows(prepared: &Prepared) -> bool {
    use Statement::{Delete, Insert, Merge, Query, Update};
    matches!(prepared.statement, Some(Query(_) | Insert(_) | Update(_) | Delete(_) | Merge(_)))
}
