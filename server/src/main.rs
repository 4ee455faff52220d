//! `kalamdb`: the server.
//!
//! `config` says what is wanted, `server` starts and ends it, `listener` lets clients in, `connection` talks to one of
//! them, and `wire` knows the bytes they talk in. SQL is the engine's; sockets are ours.

mod config;
mod connection;
mod listener;
mod logging;
mod memory;
mod metrics;
mod server;
mod shutdown;
mod threads;
mod tls;
mod token;
mod wire;

use std::process::ExitCode;

use clap::Parser;
use config::{Command, CommandLine, Restore};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// What the first start gives the role `postgres` for a password.
const PASSWORD_VARIABLE: &str = "KALAMDB_PASSWORD";

fn main() -> ExitCode {
    match start() {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("kalamdb: {message}");
            ExitCode::FAILURE
        }
    }
}

fn start() -> Result<(), String> {
    let line = CommandLine::parse();
    if let Some(Command::Restore(restore)) = &line.command {
        return fill(restore);
    }
    let config = line.into_config().map_err(|error| error.to_string())?;
    logging::start(&config.log)?;
    let password = match std::env::var(PASSWORD_VARIABLE) {
        Ok(password) => Some(password).filter(|password| !password.is_empty()),
        Err(std::env::VarError::NotPresent) => None,
        Err(error) => return Err(format!("{PASSWORD_VARIABLE}: {error}")),
    };
    // This one lets clients in and ends the server; those who are in are served by threads of their own.
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .worker_threads(1)
        .thread_name("kalamdb-main")
        .thread_stack_size(threads::STACK_BYTES)
        .build()
        .map_err(|error| format!("could not start threads: {error}"))?;
    let result = runtime.block_on(server::run(config, password)).map_err(|error| error.to_string());
    // Work that nobody waits for any more does not hold the process.
    runtime.shutdown_background();
    result
}

/// Fills a data directory from a backup.
fn fill(Restore { from, data }: &Restore) -> Result<(), String> {
    let (files, bytes) = engine::Database::restore(from, data).map_err(|error| error.to_string())?;
    println!("{files} files with {bytes} bytes were restored to {}", data.display());
    Ok(())
}
