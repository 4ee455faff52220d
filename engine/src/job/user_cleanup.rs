//! What is left of a role that was dropped: its rows in tables where each user has their own, and the memory of the role
//! itself. It goes once the role has been gone for a while, or when PURGE USER says so.

use std::sync::Arc;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{Context, JobKind, Work};
use crate::catalog::Change;
use crate::database::Database;
use crate::error::Result;

/// How many roles are forgotten with one commit.
const TOGETHER_MAX: usize = 1000;

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct UserCleanup {
    /// The role that was dropped, by oid; `None`: all that were dropped long enough ago.
    pub(crate) role: Option<u32>,
}

impl UserCleanup {
    /// Whether any dropped role is to be forgotten by now.
    pub(super) fn is_due(database: &Database, now: i64) -> bool {
        due(database, now).is_ok_and(|roles| !roles.is_empty())
    }
}

/// The roles that were dropped before the grace began.
fn due(database: &Database, now: i64) -> Result<Vec<u32>> {
    let grace = i64::try_from(database.dropped_user_grace().as_micros()).unwrap_or(i64::MAX);
    let before = now.saturating_sub(grace);
    database.catalogs().any().roles.dropped_until(before)
}

#[async_trait]
impl Work for UserCleanup {
    fn kind(&self) -> JobKind {
        JobKind::UserCleanup
    }

    fn key(&self) -> Option<String> {
        Some(match self.role {
            Some(role) => format!("user-cleanup:{role}"),
            None => "user-cleanup".to_owned(),
        })
    }

    fn is_repeatable(&self) -> bool {
        true
    }

    fn parameters(&self) -> Value {
        json!({ "user_id": self.role })
    }

    async fn run(&self, database: &Arc<Database>, context: &Context) -> Result<Value> {
        let turn = context.turn().await?;
        let roles = match self.role {
            Some(role) => vec![role],
            None => due(database, database.now())?,
        };
        let (mut users, mut rows) = (0, 0);
        for some in roles.chunks(TOGETHER_MAX) {
            rows += database.purge_rows_of(some).await?;
            // One that was purged meanwhile has nothing left.
            let catalog = database.catalogs().any();
            let mut forgotten = Vec::new();
            for role in some {
                if catalog.roles.find_dropped(*role)?.is_some() {
                    forgotten.push(Change::Role(*role, None));
                }
            }
            if !forgotten.is_empty() {
                database.commit_changes(&forgotten).await?;
            }
            users += forgotten.len();
        }
        Ok(json!({ "users_count": users, "rows_deleted": rows, "duration_ms": turn.duration_ms() }))
    }
}
