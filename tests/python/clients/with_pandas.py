"""pandas: frames written with to_sql and read back with read_sql, through SQLAlchemy."""

import datetime as dt
import io
import csv

import pandas as pd
import sqlalchemy as sa
from says import run, say
from sqlalchemy.dialects import postgresql

engine = sa.create_engine("postgresql+psycopg://")
frame = pd.DataFrame({
    "id": [1, 2, 3],
    "big": pd.array([2**40, None, -1], dtype="Int64"),
    "ratio": [0.5, float("nan"), -1e10],
    "name": ["ann", None, "bob 'x'"],
    "flag": [True, False, True],
    "day": [dt.date(2020, 1, 1), None, dt.date(1999, 12, 31)],
    "at": pd.to_datetime(["2020-01-01 10:00", None, "2021-06-01 00:00:00.5"], format="ISO8601"),
    "zoned": pd.to_datetime(["2020-01-01 10:00", None, "2021-06-01 00:00"], utc=True),
    "took": pd.to_timedelta([1, 2, 3], unit="s").astype("int64"),
})


def shows(title, frame):
    say(title, list(frame.columns), [str(kind) for kind in frame.dtypes])
    for line in frame.to_csv(index=False).splitlines():
        say("", line)


def writes():
    say("written", frame.to_sql("frames", engine, index=False))
    say("again", frame.to_sql("frames", engine, index=False, if_exists="append", method="multi"))
    try:
        frame.to_sql("frames", engine, index=False)
    except ValueError as error:
        say("there already", str(error))
    say("replaced", frame.to_sql("frames", engine, if_exists="replace", index_label="place", chunksize=2))
    say("emptied", frame.to_sql("frames", engine, if_exists="delete_rows", index_label="place"))
    with engine.begin() as db:
        db.execute(sa.text("CREATE SCHEMA apart"))
    frame.to_sql("frames", engine, schema="apart", index=False, dtype={
        "id": sa.BigInteger, "ratio": sa.Numeric(18, 3), "name": sa.String(20), "took": sa.BigInteger,
        "flag": postgresql.BOOLEAN})
    for schema in ("public", "apart"):
        columns = sa.inspect(engine).get_columns("frames", schema=schema)
        say(schema, [(column["name"], str(column["type"]), column["nullable"]) for column in columns])
    say("indexes", sa.inspect(engine).get_indexes("frames"))
    say("exists", pd.io.sql.SQLDatabase(engine).has_table("frames"), pd.io.sql.SQLDatabase(engine).has_table("nowhere"))


def copies():
    def by_copy(table, connection, keys, rows):
        text = io.StringIO()
        csv.writer(text).writerows(rows)
        names = ", ".join(f'"{key}"' for key in keys)
        with connection.connection.cursor() as cursor, cursor.copy(f"COPY {table.name} ({names}) FROM STDIN (FORMAT csv)") as copy:
            copy.write(text.getvalue())

    frame[["id", "name", "at"]].to_sql("copied", engine, index=False, method=by_copy)
    shows("copied", pd.read_sql_table("copied", engine))


def reads():
    shows("table", pd.read_sql_table("frames", engine))
    shows("columns", pd.read_sql_table("frames", engine, columns=["name"], index_col="id").reset_index())
    shows("other schema", pd.read_sql_table("frames", engine, schema="apart"))
    shows("query", pd.read_sql("SELECT name, sum(big) AS total, avg(ratio), count(*) FROM frames GROUP BY 1 ORDER BY 1", engine))
    shows("parameters", pd.read_sql(sa.text("SELECT id, at FROM frames WHERE id = ANY(:ids) ORDER BY id"), engine,
                                    params={"ids": [1, 3]}, parse_dates=["at"], dtype={"id": "Int16"}))
    shows("nothing", pd.read_sql("SELECT * FROM frames WHERE false", engine))
    parts = [len(part) for part in pd.read_sql("SELECT * FROM generate_series(1, 1000) AS n", engine, chunksize=300)]
    say("parts", parts)
    with engine.connect().execution_options(stream_results=True) as db:
        say("streamed", sum(part.n.sum() for part in pd.read_sql("SELECT * FROM generate_series(1, 1000) AS n", db, chunksize=128)))
    shows("types", pd.read_sql("SELECT 1::numeric AS n, ARRAY[1, 2] AS a, '{\"k\": 1}'::jsonb AS j, '1 day'::interval AS i, "
                               "'a'::\"char\" AS c, null AS u, now() > '2000-01-01' AS b", engine))
    shows("windows", pd.read_sql("""
        SELECT date_trunc('month', d) AS month, sum(n) AS total, sum(sum(n)) OVER (ORDER BY date_trunc('month', d)) AS running,
            percentile_cont(0.5) WITHIN GROUP (ORDER BY n) AS median, string_agg(n::text, ',' ORDER BY n) FILTER (WHERE n < 4)
        FROM (SELECT timestamp '2024-01-01' + n * interval '10 days' AS d, n FROM generate_series(1, 10) AS n) s
        GROUP BY 1 ORDER BY 1""", engine))


for part in (writes, copies, reads):
    run(part)
