//! The end-to-end suites: a real server, real sockets, a stock driver.

mod audit;
mod backends;
mod backup;
mod bulk;
mod clients;
mod cold;
mod constraints;
mod database;
mod drivers;
mod explain;
mod extended;
mod generated;
mod golden;
mod isolation;
mod items;
mod jobs;
mod live;
mod login;
mod notify;
mod plpgsql;
mod programs;
mod recovery;
mod registered;
mod roles;
mod row_security;
mod session;
mod statements;
mod storages;
mod streams;
mod tidy;
mod trash;
mod triggers;
mod user_tables;
mod wire;

use std::path::{Path, PathBuf};

/// The files of a folder beside this crate's manifest that end in `extension`, sorted.
fn scripts(folder: &str, extension: &str) -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
    let entries = std::fs::read_dir(&folder).expect("the folder of scripts is there");
    let mut files = entries.map(|entry| entry.expect("a folder can be read").path()).collect::<Vec<_>>();
    files.retain(|file| file.extension().is_some_and(|found| found == extension));
    files.sort();
    assert!(!files.is_empty(), "{} holds no scripts", folder.display());
    files
}
