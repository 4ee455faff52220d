"""What DuckDB sees in a Parquet file: names and types of its columns, then its rows in their order."""

import sys

import duckdb

path = sys.argv[1]
for name, kind, *_ in duckdb.sql(f"DESCRIBE SELECT * FROM '{path}'").fetchall():
    print(name, kind)
for row in duckdb.sql(f"SELECT CAST(COLUMNS(*) AS VARCHAR) FROM '{path}'").fetchall():
    print("|".join("NULL" if value is None else value for value in row))
