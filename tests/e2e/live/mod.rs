//! Live queries, end to end: golden scripts of several sessions, and many copies kept by their events.

mod client;
mod copies;
mod costly;
mod limits;
mod programs;
mod property;
mod pulls;
mod rows;
mod scripts;
