//! Copies of answers that are kept by applying events, and nothing else.

use std::collections::BTreeMap;

use serde_json::Value;

/// A copy of one live query's answer: its rows as JSON, each as often as it occurs.
#[derive(Debug, Default)]
pub(super) struct Copy {
    rows: BTreeMap<String, usize>,
    /// The commit that the copy is of.
    pub(super) seq: u64,
    pub(super) timeline: String,
    /// Whether LISTEN has to be said again.
    pub(super) is_out: bool,
    pub(super) events: u64,
}

impl Copy {
    /// Begins with the rows of a first answer.
    pub(super) fn reset(&mut self, rows: impl IntoIterator<Item = Value>) {
        self.rows.clear();
        rows.into_iter().for_each(|row| self.add(&row));
    }

    fn add(&mut self, row: &Value) {
        *self.rows.entry(row.to_string()).or_default() += 1;
    }

    fn remove(&mut self, row: &Value) -> Result<(), String> {
        let row = row.to_string();
        match self.rows.get_mut(&row) {
            Some(1) => {
                self.rows.remove(&row);
                Ok(())
            }
            Some(count) => {
                *count -= 1;
                Ok(())
            }
            None => Err(format!("a row that is not there: {row}")),
        }
    }

    /// Applies an event; says what is wrong with it.
    pub(super) fn apply(&mut self, payload: &str) -> Result<(), String> {
        let event: Value = serde_json::from_str(payload).map_err(|error| format!("{error}: {payload}"))?;
        self.events += 1;
        match event["type"].as_str() {
            Some("ready") => {
                self.seq = event["seq"].as_u64().ok_or("ready without seq")?;
                self.timeline = event["timeline"].as_str().ok_or("ready without timeline")?.to_owned();
                self.is_out = false;
                Ok(())
            }
            Some("change") => self.change(&event),
            Some("resync") => {
                self.is_out = true;
                Ok(())
            }
            _ => Err(format!("an unexpected event: {payload}")),
        }
    }

    fn change(&mut self, event: &Value) -> Result<(), String> {
        if self.is_out {
            return Err(format!("a change after resync: {event}"));
        }
        let seq = event["seq"].as_u64().ok_or("change without seq")?;
        if seq <= self.seq {
            return Err(format!("seq {seq} after {}", self.seq));
        }
        self.seq = seq;
        let changes = event["changes"].as_array().ok_or("change without changes")?;
        if changes.is_empty() {
            return Err("a change of nothing".to_owned());
        }
        // Without a key, the same row may go and come within one event.
        for change in changes {
            if change.get("old").is_some() {
                self.remove(&change["old"]).map_err(|error| format!("{error} in {event}"))?;
            }
        }
        for change in changes {
            if change.get("new").is_some() {
                self.add(&change["new"]);
            }
            if change["op"] == "update" && change["old"] == change["new"] {
                return Err(format!("an update that changes nothing: {event}"));
            }
        }
        Ok(())
    }

    /// What is in one but not the other.
    pub(super) fn difference(&self, rows: impl IntoIterator<Item = Value>) -> Option<String> {
        let mut other = Copy::default();
        other.reset(rows);
        if other.rows == self.rows {
            return None;
        }
        let only = |a: &Copy, b: &Copy| {
            let rows = a.rows.iter().filter(|(row, count)| b.rows.get(*row) != Some(count));
            rows.map(|(row, count)| format!("{count} x {row}")).collect::<Vec<_>>().join("\n  ")
        };
        Some(format!("only in the copy:\n  {}\nonly in the answer:\n  {}", only(self, &other), only(&other, self)))
    }
}
