//! What `information_schema` says of the implementation itself, in the standard's own numbers and words.

use storage::Value;

use super::Reader;
use super::relation::{NULL, row};

/// Number, name, and the value as a number or as text, with a remark.
type Fact = (&'static str, &'static str, Option<i32>, Option<&'static str>, Option<&'static str>);

const IMPLEMENTATION: [Fact; 12] = [
    ("10003", "CATALOG NAME", None, Some("Y"), None),
    ("10004", "COLLATING SEQUENCE", None, None, None),
    ("23", "CURSOR COMMIT BEHAVIOR", Some(1), None, Some("close cursors and retain prepared statements")),
    ("2", "DATA SOURCE NAME", None, Some(""), None),
    ("17", "DBMS NAME", None, Some("PostgreSQL"), None),
    ("18", "DBMS VERSION", None, Some("15.00.0000"), None),
    ("26", "DEFAULT TRANSACTION ISOLATION", Some(2), None, Some("READ COMMITTED; user-settable")),
    ("28", "IDENTIFIER CASE", Some(3), None, Some("stored in mixed case - case sensitive")),
    ("85", "NULL COLLATION", Some(0), None, Some("nulls higher than non-nulls")),
    ("13", "SERVER NAME", None, Some(""), None),
    ("94", "SPECIAL CHARACTERS", None, Some(""), Some("all non-ASCII characters allowed")),
    ("46", "TRANSACTION CAPABLE", Some(2), None, Some("both DML and DDL")),
];

pub(super) fn implementation(_: &Reader<'_>) -> Vec<Vec<Value>> {
    let row = |&(id, name, number, text, remark): &Fact| row![id, name, number, text, remark];
    IMPLEMENTATION.iter().map(row).collect()
}

/// The parts of the standard, none of which is claimed as a whole.
const PARTS: [(&str, &str); 10] = [
    ("1", "Framework (SQL/Framework)"),
    ("2", "Foundation (SQL/Foundation)"),
    ("3", "Call-Level Interface (SQL/CLI)"),
    ("4", "Persistent Stored Modules (SQL/PSM)"),
    ("9", "Management of External Data (SQL/MED)"),
    ("10", "Object Language Bindings (SQL/OLB)"),
    ("11", "Information and Definition Schema (SQL/Schemata)"),
    ("13", "Routines and Types Using the Java Programming Language (SQL/JRT)"),
    ("14", "XML-Related Specifications (SQL/XML)"),
    ("15", "Multi-Dimensional Arrays (SQL/MDA)"),
];

pub(super) fn parts(_: &Reader<'_>) -> Vec<Vec<Value>> {
    PARTS.iter().map(|&(id, name)| row![id, name, "NO", NULL, ""]).collect()
}

/// Bytes of a name.
const NAME: Option<i32> = Some(63);
const SHORTER: Option<&str> = Some("Might be less, depending on character set.");

/// Number and name of a limit, the limit (0: there is none), and a remark.
const SIZES: [(i32, &str, Option<i32>, Option<&str>); 23] = [
    (97, "MAXIMUM COLUMNS IN GROUP BY", Some(0), None),
    (99, "MAXIMUM COLUMNS IN ORDER BY", Some(0), None),
    (100, "MAXIMUM COLUMNS IN SELECT", Some(1664), None),
    (101, "MAXIMUM COLUMNS IN TABLE", Some(1600), None),
    (1, "MAXIMUM CONCURRENT ACTIVITIES", Some(0), None),
    (0, "MAXIMUM DRIVER CONNECTIONS", None, None),
    (20000, "MAXIMUM STATEMENT OCTETS", Some(0), None),
    (20001, "MAXIMUM STATEMENT OCTETS DATA", Some(0), None),
    (20002, "MAXIMUM STATEMENT OCTETS SCHEMA", Some(0), None),
    (106, "MAXIMUM TABLES IN SELECT", Some(0), None),
    (25000, "MAXIMUM CURRENT DEFAULT TRANSFORM GROUP LENGTH", None, None),
    (25001, "MAXIMUM CURRENT TRANSFORM GROUP LENGTH", None, None),
    (25002, "MAXIMUM CURRENT PATH LENGTH", Some(0), None),
    (25003, "MAXIMUM CURRENT ROLE LENGTH", None, None),
    (34, "MAXIMUM CATALOG NAME LENGTH", NAME, SHORTER),
    (30, "MAXIMUM COLUMN NAME LENGTH", NAME, SHORTER),
    (31, "MAXIMUM CURSOR NAME LENGTH", NAME, SHORTER),
    (10005, "MAXIMUM IDENTIFIER LENGTH", NAME, SHORTER),
    (32, "MAXIMUM SCHEMA NAME LENGTH", NAME, SHORTER),
    (35, "MAXIMUM TABLE NAME LENGTH", NAME, SHORTER),
    (107, "MAXIMUM USER NAME LENGTH", NAME, SHORTER),
    (25004, "MAXIMUM SESSION USER LENGTH", NAME, SHORTER),
    (25005, "MAXIMUM SYSTEM USER LENGTH", NAME, SHORTER),
];

pub(super) fn sizes(_: &Reader<'_>) -> Vec<Vec<Value>> {
    SIZES.iter().map(|&(id, name, value, remark)| row![id, name, value, remark]).collect()
}
