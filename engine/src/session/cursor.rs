//! Rows on their way out: the server pulls them from a cursor, batch by batch, as fast as its client reads.

use std::fmt;
use std::sync::Arc;

use futures::StreamExt;

use super::cancel::Interrupt;
use crate::error::Result;
use crate::execute::{RowStream, Rows};
use crate::plan::ColumnDescription;

/// Where rows come from.
pub(crate) enum RowSource {
    /// All there; None once handed out.
    Ready(Option<Rows>),
    Stream(RowStream),
}

impl RowSource {
    /// The rows of a SELECT that has run already. Its error waits until rows are pulled: a client is told of the columns
    /// first, as it is when rows are computed on the way.
    pub(crate) fn of(rows: Result<Rows>) -> Self {
        match rows {
            Ok(rows) => RowSource::Ready(Some(rows)),
            Err(error) => RowSource::Stream(Box::pin(futures::stream::iter([Err(error)]))),
        }
    }
}

impl RowSource {
    /// The rows, wherever they are.
    pub(crate) fn into_stream(self) -> RowStream {
        match self {
            RowSource::Ready(rows) => Box::pin(futures::stream::iter(rows.map(Ok))),
            RowSource::Stream(stream) => stream,
        }
    }
}

impl fmt::Debug for RowSource {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            RowSource::Ready(_) => "Ready",
            RowSource::Stream(_) => "Stream",
        })
    }
}

/// How a statement's completion is announced.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Tag {
    /// `SELECT n`, `INSERT 0 n`, … with the number of rows sent.
    Counted(&'static str),
    /// As it is.
    Fixed(String),
}

impl Tag {
    /// The tag of so many rows.
    pub(crate) fn complete(&self, rows: u64) -> String {
        match self {
            // Most results have a row: what can print any number takes longer than to find it.
            Tag::Counted(verb) if rows < 10 => {
                let mut tag = String::with_capacity(verb.len() + 2);
                tag.push_str(verb);
                tag.push(' ');
                tag.extend(char::from_digit(rows as u32, 10));
                tag
            }
            Tag::Counted(verb) => format!("{verb} {rows}"),
            Tag::Fixed(tag) => tag.clone(),
        }
    }
}

/// A result being sent.
#[derive(Debug)]
pub struct Cursor {
    pub columns: Arc<[ColumnDescription]>,
    /// One per column; empty: all text.
    pub formats: Arc<[i16]>,
    pub(crate) source: RowSource,
    pub(crate) tag: Tag,
    pub(crate) sent: u64,
    /// How many more rows this Execute may send; None is no limit.
    pub(crate) room: Option<usize>,
    pub(crate) exhausted: bool,
    /// The portal to leave the rest in.
    pub(crate) portal: Option<String>,
    pub(crate) interrupt: Interrupt,
    /// Whether the implicit transaction ends with this result (the last statement of a simple query).
    pub(crate) ends_transaction: bool,
}

impl Cursor {
    /// How many rows are left, if they are all there.
    pub fn rows_ready(&self) -> Option<usize> {
        match &self.source {
            RowSource::Ready(rows) => Some(rows.as_ref().map_or(0, Rows::len)),
            RowSource::Stream(_) => None,
        }
    }

    /// [`Session::next`](super::Session::next) of rows that are all there; None if they may have to be waited for.
    pub fn next_at_once(&mut self) -> Option<Option<Rows>> {
        if self.exhausted || self.room == Some(0) {
            return Some(None);
        }
        let RowSource::Ready(rows) = &mut self.source else { return None };
        let Some(rows) = rows.take().filter(|rows| !rows.is_empty()) else {
            self.exhausted = true;
            return Some(None);
        };
        Some(Some(self.cut_to_room(rows)))
    }

    /// The next rows; None when there are no more or the limit is reached.
    pub(crate) async fn next(&mut self) -> Result<Option<Rows>> {
        loop {
            if let Some(rows) = self.next_at_once() {
                return Ok(rows);
            }
            let rows = match &mut self.source {
                RowSource::Ready(rows) => rows.take(),
                RowSource::Stream(stream) => {
                    let interrupt = self.interrupt.clone();
                    interrupt.guard(async { stream.next().await.transpose() }).await?
                }
            };
            let Some(rows) = rows else {
                self.exhausted = true;
                return Ok(None);
            };
            if rows.is_empty() {
                continue;
            }
            return Ok(Some(self.cut_to_room(rows)));
        }
    }

    /// Keeps what the limit leaves over for the next Execute.
    fn cut_to_room(&mut self, rows: Rows) -> Rows {
        let rows = match self.room {
            Some(room) if rows.len() > room => {
                let (now, later) = rows.split(room);
                if let Some(later) = later {
                    self.put_back(later);
                }
                now
            }
            _ => rows,
        };
        if let Some(room) = &mut self.room {
            *room -= rows.len();
        }
        self.sent += rows.len() as u64;
        rows
    }

    fn put_back(&mut self, rows: Rows) {
        let rest = std::mem::replace(&mut self.source, RowSource::Ready(None));
        self.source = match rest {
            RowSource::Ready(_) => RowSource::Ready(Some(rows)),
            RowSource::Stream(stream) => RowSource::Stream(Box::pin(futures::stream::iter([Ok(rows)]).chain(stream))),
        };
    }

    pub(crate) fn complete_tag(&self) -> String {
        self.tag.complete(self.sent)
    }
}
