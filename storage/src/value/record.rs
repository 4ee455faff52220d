//! Records: a row's values as one value.

use serde::{Deserialize, Serialize};

use super::Value;

/// A row as a value. It says itself what its fields are, so that one of no named type can be read.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Record {
    /// A number that whoever makes records gives to their type; it means nothing here.
    pub ty: u32,
    pub fields: Vec<Field>,
}

/// One value of a record.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Field {
    /// Empty where the record's type tells the names.
    pub name: Box<str>,
    /// As [`Record::ty`], for the value's type.
    pub ty: u32,
    pub value: Value,
}
