//! Numerics against results taken from PostgreSQL 15.
