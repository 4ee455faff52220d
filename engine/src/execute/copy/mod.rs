//! COPY: rows in from and out to a client as text or CSV.
//!
//! An `Import` takes the client's bytes as they come, cuts them into lines and fields, and inserts rows as INSERT
//! would. An `Export` pulls a query's rows and prints them.

mod binary;
mod export;
mod fields;
mod import;
mod layout;

pub(crate) use export::Export;
pub(crate) use import::Import;
pub(crate) use layout::Layout;
