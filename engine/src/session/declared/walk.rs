//! A walk over a query's rows: before the first, on one of them, or after the last.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use futures::StreamExt;
use parking_lot::Mutex;

use super::spool::Spool;
use crate::error::{Error, Result, SqlState};
use crate::execute::{RowStream, Rows};
use crate::statement::Motion;

/// Where a cursor stands in its query's rows.
pub(super) struct Walk {
    /// The rows that have not been computed; None when there are no more.
    source: Option<RowStream>,
    rows: Kept,
    /// Zero is before the first row; one more than there are rows is after the last.
    position: u64,
    /// The same for others, told whenever somebody is done with the walk.
    told: Arc<AtomicU64>,
    /// An error ended it.
    failed: bool,
}

/// What is there of the rows that have come.
enum Kept {
    /// All of them from number `first` on. `must` says that they have to be kept, not only may.
    All { spool: Spool, first: u64, scrolls: bool, must: bool },
    /// Those that come next, and how many have come before them.
    Next { ahead: Option<Rows>, before: u64 },
}

/// The rows that a FETCH answers, from where the walk has been brought to.
#[derive(Debug, Clone, Copy)]
pub(super) enum Span {
    Forward(Option<u64>),
    Backward(Option<u64>),
}

impl Walk {
    pub(super) fn new(source: RowStream, spool: Option<Spool>, must_scroll: bool) -> Self {
        let rows = match spool {
            Some(spool) => Kept::All { spool, first: 0, scrolls: true, must: must_scroll },
            None => Kept::Next { ahead: None, before: 0 },
        };
        Self { source: Some(source), rows, position: 0, told: Arc::default(), failed: false }
    }

    /// Where the walk stands, for those who do not have it.
    pub(super) fn told_position(&self) -> Arc<AtomicU64> {
        self.told.clone()
    }

    pub(super) fn has_failed(&self) -> bool {
        self.failed
    }

    /// Brings the walk to where the rows that the motion means begin.
    pub(super) async fn approach(&mut self, motion: Motion) -> Result<Span> {
        let nothing = Span::Forward(Some(0));
        let span = match motion {
            Motion::Forward(None) => Span::Forward(None),
            Motion::Backward(None) => Span::Backward(None),
            Motion::Forward(Some(0)) | Motion::Backward(Some(0)) | Motion::Relative(0) => {
                if !self.is_on_row() {
                    return Ok(nothing);
                }
                self.skip_back(Some(1))?;
                Span::Forward(Some(1))
            }
            Motion::Forward(Some(count)) => Span::of(count),
            Motion::Backward(Some(count)) => Span::of(-count),
            Motion::Relative(count) => {
                let span = Span::of(count.signum());
                self.skip(Span::of(count - count.signum())).await?;
                span
            }
            Motion::Absolute(0) => {
                self.rewind()?;
                nothing
            }
            Motion::Absolute(count) if count > 0 => {
                self.go_before(count.unsigned_abs()).await?;
                Span::Forward(Some(1))
            }
            Motion::Absolute(count) => {
                self.skip(Span::Forward(None)).await?;
                self.skip(Span::of(count + 1)).await?;
                Span::Backward(Some(1))
            }
        };
        if matches!(span, Span::Backward(_)) {
            // Before the client is told of columns.
            self.check_scrolls()?;
        }
        Ok(span)
    }

    /// Passes the rows of a span by; answers how many there were.
    pub(super) async fn skip(&mut self, span: Span) -> Result<u64> {
        let mut rest = match span {
            Span::Backward(count) => return self.skip_back(count),
            Span::Forward(count) => count,
        };
        let mut passed = 0;
        while rest != Some(0)
            && let Some(rows) = self.forward(rest.unwrap_or(u64::MAX)).await?
        {
            passed += rows.len() as u64;
            rest = rest.map(|rest| rest - rows.len() as u64);
        }
        Ok(passed)
    }

    /// Whether the walk stands on a row.
    pub(super) fn is_on_row(&self) -> bool {
        self.position > 0 && self.position <= self.known()
    }

    /// Goes back to before the first row.
    pub(super) fn rewind(&mut self) -> Result<u64> {
        if self.position == 0 {
            return Ok(0);
        }
        self.skip_back(None)
    }

    /// To just before row number `row`, the shorter way: from the start or from here.
    async fn go_before(&mut self, row: u64) -> Result<()> {
        if row - 1 <= self.position.min(self.known()) / 2 {
            self.rewind()?;
        } else if row <= self.position {
            self.skip_back(Some(self.position - row + 1))?;
        }
        self.skip(Span::Forward(Some(row - 1 - self.position))).await?;
        Ok(())
    }

    fn skip_back(&mut self, count: Option<u64>) -> Result<u64> {
        self.check_scrolls()?;
        let before = self.position.saturating_sub(1);
        let (passed, position) = match count {
            Some(count) if count <= before => (count, self.position - count),
            _ => (before, 0),
        };
        self.position = position;
        Ok(passed)
    }

    /// An error if the cursor does not scroll, which ends it as any error does.
    pub(super) fn check_scrolls(&mut self) -> Result<()> {
        match &self.rows {
            Kept::All { scrolls: true, .. } => Ok(()),
            Kept::All { .. } | Kept::Next { .. } => {
                self.failed = true;
                Err(Error::new(SqlState::OBJECT_NOT_IN_PREREQUISITE_STATE, "cursor can only scan forward")
                    .with_hint("Declare it with SCROLL option to enable backward scan."))
            }
        }
    }

    /// How many rows have come so far.
    fn known(&self) -> u64 {
        match &self.rows {
            Kept::All { spool, first, .. } => first + spool.len(),
            Kept::Next { ahead, before } => before + ahead.as_ref().map_or(0, |rows| rows.len() as u64),
        }
    }

    /// Computes some more rows; false if there are none.
    async fn pull(&mut self) -> Result<bool> {
        loop {
            let Some(source) = &mut self.source else { return Ok(false) };
            match source.next().await {
                Some(Ok(rows)) if rows.is_empty() => {}
                Some(Ok(rows)) => {
                    self.keep(rows)?;
                    return Ok(true);
                }
                Some(Err(error)) => {
                    self.failed = true;
                    return Err(error);
                }
                None => self.source = None,
            }
        }
    }

    fn keep(&mut self, rows: Rows) -> Result<()> {
        let Kept::All { spool, must, .. } = &mut self.rows else {
            if let Kept::Next { ahead, .. } = &mut self.rows {
                debug_assert!(ahead.is_none());
                *ahead = Some(rows);
            }
            return Ok(());
        };
        let Err(rows) = spool.push(rows) else { return Ok(()) };
        if *must {
            self.failed = true;
            return Err(Error::new(SqlState::OUT_OF_MEMORY, "the rows that a cursor has to keep do not fit in memory")
                .with_hint("A cursor that is declared NO SCROLL and WITHOUT HOLD keeps no rows."));
        }
        // Nobody asked for scrolling: rows that are there already still come, and none is kept from here on.
        self.rows = Kept::Next { ahead: Some(rows), before: spool.len() };
        Ok(())
    }

    /// The next rows, up to `max` of them; None at the end, which the walk then is behind.
    pub(super) async fn forward(&mut self, max: u64) -> Result<Option<Rows>> {
        if max == 0 {
            return Ok(None);
        }
        if self.position >= self.known() && (self.is_behind_last() || !self.pull().await?) {
            self.position = self.known() + 1;
            return Ok(None);
        }
        let rows = match &mut self.rows {
            Kept::All { spool, first, .. } => spool.from(self.position - *first, max),
            Kept::Next { ahead, before } => {
                let Some(rows) = ahead.take() else { return Err(Error::internal("a cursor has lost its rows")) };
                let (now, later) = rows.split(usize::try_from(max).unwrap_or(usize::MAX));
                *before += now.len() as u64;
                *ahead = later;
                now
            }
        };
        self.position += rows.len() as u64;
        Ok(Some(rows))
    }

    fn is_behind_last(&self) -> bool {
        self.position > self.known()
    }

    /// The rows before, up to `max` of them, the nearest first; None at the start, which the walk then is before.
    pub(super) fn backward(&mut self, max: u64) -> Result<Option<Rows>> {
        self.check_scrolls()?;
        if max == 0 {
            return Ok(None);
        }
        if self.position <= 1 {
            self.position = 0;
            return Ok(None);
        }
        let Kept::All { spool, first, .. } = &self.rows else { return Ok(None) };
        let rows = spool.back_from(self.position - 2 - first, max);
        self.position -= rows.len() as u64;
        Ok(Some(rows))
    }

    /// Computes everything that is left, so that the walk needs its transaction no more.
    pub(super) async fn gather(&mut self, spool: Spool) -> Result<()> {
        match &mut self.rows {
            Kept::All { must, .. } => *must = true,
            Kept::Next { ahead, before } => {
                let (ahead, first) = (ahead.take(), *before);
                self.rows = Kept::All { spool, first, scrolls: false, must: true };
                if let Some(rows) = ahead {
                    self.keep(rows)?;
                }
            }
        }
        while self.pull().await? {}
        Ok(())
    }
}

impl Span {
    /// So many rows forward, or, if negative, backward.
    fn of(count: i64) -> Self {
        if count < 0 { Span::Backward(Some(count.unsigned_abs())) } else { Span::Forward(Some(count.unsigned_abs())) }
    }
}

/// A walk that whoever takes it has to himself until he drops what he got.
#[derive(Clone)]
pub(super) struct Shared(Arc<Mutex<Option<Walk>>>);

pub(super) struct Taken {
    home: Shared,
    walk: Option<Walk>,
}

impl Shared {
    pub(super) fn new(walk: Walk) -> Self {
        Self(Arc::new(Mutex::new(Some(walk))))
    }

    /// None if somebody has it.
    pub(super) fn take(&self) -> Option<Taken> {
        let walk = self.0.lock().take()?;
        Some(Taken { home: self.clone(), walk: Some(walk) })
    }
}

impl Drop for Taken {
    fn drop(&mut self) {
        if let Some(walk) = &self.walk {
            walk.told.store(walk.position, Ordering::Relaxed);
        }
        *self.home.0.lock() = self.walk.take();
    }
}

impl std::ops::Deref for Taken {
    type Target = Walk;

    fn deref(&self) -> &Walk {
        self.walk.as_ref().expect("a taken walk is there until it is dropped")
    }
}

impl std::ops::DerefMut for Taken {
    fn deref_mut(&mut self) -> &mut Walk {
        self.walk.as_mut().expect("a taken walk is there until it is dropped")
    }
}

/// The rows of a span, computed as they are pulled.
pub(super) fn rows(walk: Taken, span: Span) -> RowStream {
    Box::pin(futures::stream::try_unfold((walk, span), |(mut walk, span)| async move {
        let (rows, rest) = match span {
            Span::Forward(count) => (walk.forward(count.unwrap_or(u64::MAX)).await?, count),
            Span::Backward(count) => (walk.backward(count.unwrap_or(u64::MAX))?, count),
        };
        let Some(rows) = rows else { return Ok(None) };
        let rest = rest.map(|rest| rest - rows.len() as u64);
        let span = match span {
            Span::Forward(_) => Span::Forward(rest),
            Span::Backward(_) => Span::Backward(rest),
        };
        Ok(Some((rows, (walk, span))))
    }))
}

impl std::fmt::Debug for Shared {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Shared")
    }
}
