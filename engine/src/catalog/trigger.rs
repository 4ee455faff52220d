//! Triggers: what calls a function before or after rows of a table, or statements on it, are written.
//!
//! A trigger is a part of its table. Its condition is kept as a view of the table (`SELECT condition FROM table`) in which
//! `old` and `new` stand for the row before and after, so that it means what it meant whatever is renamed. Row triggers of
//! a partitioned table are those of its partitions too.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{Catalog, Table, View};

/// A trigger of a table.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Trigger {
    pub oid: u32,
    pub name: String,
    /// Oid of the function.
    pub function: u32,
    pub before: bool,
    /// FOR EACH ROW; else for each statement.
    pub for_rows: bool,
    pub events: TriggerEvents,
    /// UPDATE OF: attribute numbers of the columns one of which has to be assigned. None: any.
    pub columns: Vec<u16>,
    /// TG_ARGV.
    pub args: Vec<String>,
    /// WHEN.
    pub condition: Option<View>,
    pub enabled: TriggerEnabled,
    #[serde(default)]
    pub comment: Option<String>,
}

/// What a trigger is for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TriggerEvents {
    pub insert: bool,
    pub update: bool,
    pub delete: bool,
    pub truncate: bool,
}

/// What happens to rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TriggerEvent {
    Insert,
    Update,
    Delete,
    Truncate,
}

/// In which sessions a trigger fires, by their `session_replication_role`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum TriggerEnabled {
    #[default]
    Origin,
    Replica,
    Always,
    Never,
}

impl TriggerEvent {
    /// `TG_OP`, and the word of SQL.
    pub fn word(self) -> &'static str {
        match self {
            Self::Insert => "INSERT",
            Self::Update => "UPDATE",
            Self::Delete => "DELETE",
            Self::Truncate => "TRUNCATE",
        }
    }
}

impl TriggerEvents {
    pub fn has(self, event: TriggerEvent) -> bool {
        match event {
            TriggerEvent::Insert => self.insert,
            TriggerEvent::Update => self.update,
            TriggerEvent::Delete => self.delete,
            TriggerEvent::Truncate => self.truncate,
        }
    }

    /// In the order in which PostgreSQL shows them.
    pub fn all(self) -> impl Iterator<Item = TriggerEvent> {
        use TriggerEvent as Event;
        [Event::Insert, Event::Delete, Event::Update, Event::Truncate].into_iter().filter(move |event| self.has(*event))
    }
}

impl TriggerEnabled {
    /// `pg_trigger.tgenabled`
    pub fn letter(self) -> char {
        match self {
            Self::Origin => 'O',
            Self::Replica => 'R',
            Self::Always => 'A',
            Self::Never => 'D',
        }
    }

    /// Whether it fires in a session that replays what another server has done, or in one that does not.
    pub fn fires(self, replica: bool) -> bool {
        match self {
            Self::Origin => !replica,
            Self::Replica => replica,
            Self::Always => true,
            Self::Never => false,
        }
    }
}

impl Trigger {
    /// `TG_WHEN`
    pub fn when(&self) -> &'static str {
        if self.before { "BEFORE" } else { "AFTER" }
    }

    /// `TG_LEVEL`
    pub fn level(&self) -> &'static str {
        if self.for_rows { "ROW" } else { "STATEMENT" }
    }

    /// Whether UPDATE OF or WHEN names a column of the table that it is on.
    pub fn names(&self, table: u32, number: u16) -> bool {
        let in_condition = self.condition.as_ref().is_some_and(|view| view.reads(table, Some(number)));
        self.columns.contains(&number) || in_condition
    }

    /// `pg_trigger.tgtype`
    pub fn type_bits(&self) -> i16 {
        let bits = [
            (self.for_rows, 1),
            (self.before, 2),
            (self.events.insert, 4),
            (self.events.delete, 8),
            (self.events.update, 16),
            (self.events.truncate, 32),
        ];
        bits.into_iter().filter(|(is_set, _)| *is_set).map(|(_, bit)| bit).sum()
    }
}

impl Table {
    /// The trigger of that name.
    pub fn trigger(&self, name: &str) -> Option<&Trigger> {
        self.triggers.iter().find(|trigger| trigger.name == name)
    }

    /// Adds a trigger, or puts it in place of the one with its oid. They stay ordered by name, which is how they fire.
    pub fn put_trigger(&mut self, trigger: Trigger) {
        self.triggers.retain(|own| own.oid != trigger.oid);
        let at = self.triggers.partition_point(|own| own.name < trigger.name);
        self.triggers.insert(at, trigger);
    }
}

impl Catalog {
    /// The triggers that rows of a table fire, each with the table that has it: its own, and those for rows of the
    /// partitioned tables above it. Ordered by name.
    pub fn triggers_of_rows<'a>(&'a self, table: &'a Arc<Table>) -> Vec<(Arc<Table>, &'a Trigger)> {
        let mut found: Vec<(Arc<Table>, &Trigger)> =
            table.triggers.iter().map(|trigger| (table.clone(), trigger)).collect();
        if table.partitioning.of.is_some() {
            let mut above = table.partitioning.of.as_ref().map(|of| of.parent);
            while let Some(parent) = above.and_then(|oid| self.tables.get(&oid)) {
                let for_rows = parent.triggers.iter().filter(|trigger| trigger.for_rows);
                found.extend(for_rows.map(|trigger| (parent.clone(), trigger)));
                above = parent.partitioning.of.as_ref().map(|of| of.parent);
            }
            found.sort_by(|(_, one), (_, other)| one.name.cmp(&other.name));
        }
        found
    }

    /// Every trigger with its table.
    pub fn all_triggers(&self) -> impl Iterator<Item = (&Arc<Table>, &Trigger)> {
        self.tables.values().flat_map(|table| table.triggers.iter().map(move |trigger| (table, trigger)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bits_of_a_type_are_those_of_postgresql() {
        let trigger = Trigger {
            oid: 1,
            name: "t".to_owned(),
            function: 2,
            before: true,
            for_rows: true,
            events: TriggerEvents { insert: true, update: true, ..TriggerEvents::default() },
            columns: Vec::new(),
            args: Vec::new(),
            condition: None,
            enabled: TriggerEnabled::Origin,
            comment: None,
        };
        assert_eq!(trigger.type_bits(), 23);
        let delete = TriggerEvents { delete: true, ..TriggerEvents::default() };
        assert_eq!(Trigger { before: false, events: delete, ..trigger.clone() }.type_bits(), 9);
        let truncate = TriggerEvents { truncate: true, ..TriggerEvents::default() };
        assert_eq!(Trigger { for_rows: false, events: truncate, ..trigger }.type_bits(), 34);
    }

    #[test]
    fn who_replays_fires_other_triggers() {
        let fires = |enabled: TriggerEnabled| (enabled.fires(false), enabled.fires(true));
        assert_eq!(fires(TriggerEnabled::Origin), (true, false));
        assert_eq!(fires(TriggerEnabled::Replica), (false, true));
        assert_eq!(fires(TriggerEnabled::Always), (true, true));
        assert_eq!(fires(TriggerEnabled::Never), (false, false));
    }
}
