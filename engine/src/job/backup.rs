//! Backups and restores of everything that a server has.

use std::path::PathBuf;
use std::sync::Arc;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use storage::Store;
use storage::backup::Stop;

use super::{Context, JobKind, Work};
use crate::database::Database;
use crate::error::{Error, Result};

/// Makes a backup in a directory.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Backup {
    pub(crate) to: PathBuf,
}

/// Makes a copy of a backup that takes the place of everything, and says so.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Restore {
    pub(crate) from: PathBuf,
}

/// Ends the copying when nobody waits for it any more.
struct Given(Arc<Stop>);

impl Drop for Given {
    fn drop(&mut self) {
        self.0.stop();
    }
}

/// Copies on a thread that may block.
async fn copy<T: Send + 'static>(
    database: &Arc<Database>,
    copy: impl FnOnce(Store, &Stop) -> storage::Result<T> + Send + 'static,
) -> Result<T> {
    let given = Given(Arc::default());
    let (store, stop) = (database.store().clone(), Arc::clone(&given.0));
    let copied = tokio::task::spawn_blocking(move || copy(store, &stop)).await;
    Ok(copied.map_err(|_| Error::internal("copying has panicked"))??)
}

#[async_trait]
impl Work for Backup {
    fn kind(&self) -> JobKind {
        JobKind::Backup
    }

    fn key(&self) -> Option<String> {
        Some(format!("backup:{}", self.to.display()))
    }

    fn is_repeatable(&self) -> bool {
        false
    }

    fn parameters(&self) -> Value {
        json!({ "to": self.to })
    }

    async fn run(&self, database: &Arc<Database>, context: &Context) -> Result<Value> {
        let turn = context.turn().await?;
        let to = self.to.clone();
        let report = copy(database, move |store, stop| store.back_up(&to, stop)).await?;
        Ok(json!({
            "files_count": report.files,
            "bytes": report.bytes,
            "copied_files_count": report.copied_files,
            "copied_bytes": report.copied_bytes,
            "duration_ms": turn.duration_ms(),
        }))
    }
}

#[async_trait]
impl Work for Restore {
    fn kind(&self) -> JobKind {
        JobKind::Restore
    }

    fn key(&self) -> Option<String> {
        Some("restore".to_owned())
    }

    fn is_repeatable(&self) -> bool {
        false
    }

    fn parameters(&self) -> Value {
        json!({ "from": self.from })
    }

    async fn run(&self, database: &Arc<Database>, context: &Context) -> Result<Value> {
        let turn = context.turn().await?;
        let from = self.from.clone();
        let report = copy(database, move |store, stop| store.stage_restore(&from, stop)).await?;
        // Nothing is waited for from here on, so the job cannot be ended between the decision and what follows from it.
        database.store().decide_restore()?;
        database.exchange();
        Ok(json!({
            "files_count": report.files,
            "bytes": report.bytes,
            "duration_ms": turn.duration_ms(),
        }))
    }
}
