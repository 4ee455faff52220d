//! `kalamdb`: the server.
//!
//! `config` says what is wanted, `server` starts and ends it, `listener` lets clients in, `connection` talks to one of
//! them, and `wire` knows the bytes they talk in. SQL is the engine's; sockets are ours.

mod config;
mod connection;
mod listener;
mod logging;
mod server;
mod shutdown;
mod tls;
mod wire;

use std::process::ExitCode;

use clap::Parser;
use config::CommandLine;

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

/// Statements are trees that are walked recursively; as deep as the engine lets them be, they fit. Only pages that are
/// touched take memory.
const THREAD_STACK_BYTES: usize = 64 << 20;

fn start() -> Result<(), String> {
    let config = CommandLine::parse().into_config().map_err(|error| error.to_string())?;
    logging::start(&config.log)?;
    let password = match std::env::var(PASSWORD_VARIABLE) {
        Ok(password) => Some(password).filter(|password| !password.is_empty()),
        Err(std::env::VarError::NotPresent) => None,
        Err(error) => return Err(format!("{PASSWORD_VARIABLE}: {error}")),
    };
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .thread_name("kalamdb-io")
        .thread_stack_size(THREAD_STACK_BYTES)
        .build()
        .map_err(|error| format!("could not start threads: {error}"))?;
    let result = runtime.block_on(server::run(config, password)).map_err(|error| error.to_string());
    // Work that nobody waits for any more does not hold the process.
    runtime.shutdown_background();
    result
}
