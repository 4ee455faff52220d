//! PostgreSQL's system relations, computed from the catalog.
