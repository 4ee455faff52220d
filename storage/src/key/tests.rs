//! Order of keys against order of values.
