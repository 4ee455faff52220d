//! Access methods: how an index was asked to work, and what PostgreSQL's of that kind cannot do.
//!
//! There are two kinds of indexes underneath. Those of method `gin` have an entry for each item of a value; all others have
//! one for each row, in order, which serves whatever `hash` and `brin` are for too.

use serde::{Deserialize, Deserializer, Serialize};

/// USING …
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub enum AccessMethod {
    #[default]
    Btree,
    Hash,
    Gin,
    Brin,
}

impl AccessMethod {
    pub(crate) const ALL: [AccessMethod; 4] =
        [AccessMethod::Btree, AccessMethod::Hash, AccessMethod::Gin, AccessMethod::Brin];

    pub(crate) fn name(self) -> &'static str {
        match self {
            AccessMethod::Btree => "btree",
            AccessMethod::Hash => "hash",
            AccessMethod::Gin => "gin",
            AccessMethod::Brin => "brin",
        }
    }

    pub(crate) fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|method| method.name() == name)
    }

    /// `pg_am.oid`.
    pub(crate) fn oid(self) -> u32 {
        match self {
            AccessMethod::Btree => 403,
            AccessMethod::Hash => 405,
            AccessMethod::Gin => 2742,
            AccessMethod::Brin => 3580,
        }
    }

    /// `pg_am.amhandler`.
    pub(crate) fn handler(self) -> u32 {
        match self {
            AccessMethod::Btree => 330,
            AccessMethod::Hash => 331,
            AccessMethod::Gin => 333,
            AccessMethod::Brin => 335,
        }
    }

    /// Whether an order can be said of its columns. Such an index can also be unique, include columns and be clustered by.
    pub(crate) fn orders(self) -> bool {
        self == AccessMethod::Btree
    }

    pub(crate) fn takes_several_columns(self) -> bool {
        self != AccessMethod::Hash
    }

    /// Whether PostgreSQL walks such an index entry by entry, and not only as a bitmap.
    pub(crate) fn is_walked(self) -> bool {
        matches!(self, AccessMethod::Btree | AccessMethod::Hash)
    }
}

/// As it is kept, or as it once was: whether the method is `hash`.
#[derive(Deserialize)]
#[serde(untagged)]
enum Kept {
    Hash(bool),
    Method(String),
}

impl<'de> Deserialize<'de> for AccessMethod {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let name = match Kept::deserialize(deserializer)? {
            Kept::Hash(false) => return Ok(AccessMethod::Btree),
            Kept::Hash(true) => return Ok(AccessMethod::Hash),
            Kept::Method(name) => name,
        };
        let known = Self::named(&name.to_ascii_lowercase());
        known.ok_or_else(|| serde::de::Error::custom(format!("unknown access method {name}")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_read_as_it_was_written_now_and_before() {
        for method in AccessMethod::ALL {
            let kept = serde_json::to_string(&method).unwrap();
            assert_eq!(serde_json::from_str::<AccessMethod>(&kept).unwrap(), method);
        }
        assert_eq!(serde_json::from_str::<AccessMethod>("true").unwrap(), AccessMethod::Hash);
        assert_eq!(serde_json::from_str::<AccessMethod>("false").unwrap(), AccessMethod::Btree);
        assert!(serde_json::from_str::<AccessMethod>("\"gist\"").is_err());
    }
}
