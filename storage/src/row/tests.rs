//! Rows of every type, under every layout.
