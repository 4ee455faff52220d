//! Binding against a small catalog.
