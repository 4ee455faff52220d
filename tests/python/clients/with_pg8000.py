"""pg8000, a client in Python alone: the extended protocol with values in text."""

import datetime as dt
import io
import os
import uuid
from decimal import Decimal

import pg8000.dbapi
import pg8000.native
from says import run, say

where = {"user": os.environ["PGUSER"], "host": os.environ["PGHOST"], "port": int(os.environ["PGPORT"]),
         "password": os.environ["PGPASSWORD"], "database": os.environ["PGDATABASE"]}


def native():
    db = pg8000.native.Connection(**where)
    for kind, value in (("int", 5), ("bigint", 2**40), ("numeric", Decimal("1.50")), ("float8", 1.5), ("text", "ü'"), ("bytea", b"\x00\xff"),
                        ("boolean", True), ("date", dt.date(2020, 1, 1)), ("time", dt.time(1, 2)), ("timestamp", dt.datetime(2020, 1, 1)),
                        ("timestamptz", dt.datetime(2020, 1, 1, tzinfo=dt.timezone.utc)), ("interval", dt.timedelta(days=2, seconds=1)),
                        ("uuid", uuid.UUID(int=1)), ("int[]", [1, None, 2]), ("text[]", ["a", 'b"', None]), ("int[]", [[1], [2]]),
                        ("jsonb", {"a": [1, None]}), ("json", '{"b": 1}'), ("inet", "10.0.0.1"), ("text", None)):
        found = db.run(f"SELECT CAST(:v AS {kind})", v=value)
        say(kind, found, db.columns[0]["type_oid"], db.columns[0]["type_modifier"], db.columns[0]["name"])
    db.run("CREATE TABLE items (id serial PRIMARY KEY, name text UNIQUE, at timestamptz)")
    say("inserted", db.run("INSERT INTO items (name) VALUES (:a), (:b) RETURNING id, name", a="x", b="y"), db.row_count)
    say("columns", [(column["name"], column["type_oid"], column["column_attrnum"]) for column in (db.run("SELECT * FROM items"), db.columns)[1]])
    statement = db.prepare("SELECT name FROM items WHERE id = :id")
    say("prepared", statement.run(id=1), statement.run(id=2))
    statement.close()
    db.run("COPY items (name) FROM STDIN", stream=io.BytesIO(b"z\nw\n"))
    out = io.BytesIO()
    db.run("COPY (SELECT id, name FROM items ORDER BY id) TO STDOUT WITH (FORMAT CSV)", stream=out)
    say("copied", out.getvalue())
    say("script", db.run("SELECT 1; SELECT 2"))
    db.run("START TRANSACTION")
    db.run("INSERT INTO items (name) VALUES ('gone')")
    db.run("ROLLBACK")
    say("rolled back", db.run("SELECT count(*) FROM items"))
    for wrong in ("SELECT nope", "INSERT INTO items (name) VALUES ('x')", "SELECT 1/0", "SELEC"):
        try:
            db.run(wrong)
        except pg8000.native.DatabaseError as error:
            fields = error.args[0]
            say(wrong, {key: fields[key] for key in sorted(fields) if key in "SVCMDHPqtcdns"})
    db.run("LISTEN told")
    db.run("NOTIFY told, 'x'")
    db.run("DROP TABLE IF EXISTS nowhere")
    db.run("SELECT 1")
    say("told", [note[1:] for note in db.notifications], [notice[b"M"] for notice in db.notices])
    say("parameters", {name: db.parameter_statuses[name] for name in ("client_encoding", "DateStyle", "IntervalStyle", "server_encoding")})
    db.close()


def dbapi():
    db = pg8000.dbapi.connect(**where)
    cursor = db.cursor()
    cursor.execute("CREATE TABLE more (id int PRIMARY KEY, name text)")
    cursor.executemany("INSERT INTO more VALUES (%s, %s)", [(each, f"n{each}") for each in range(30)])
    say("inserted", cursor.rowcount)
    cursor.execute("SELECT * FROM more WHERE id < %s ORDER BY id", (5,))
    say("rows", cursor.fetchmany(2), cursor.fetchall(), [column[:2] for column in cursor.description])
    db.commit()
    try:
        cursor.execute("INSERT INTO more VALUES (1, 'again')")
    except pg8000.dbapi.IntegrityError as error:
        say("twice", error.args[0]["C"])
    except pg8000.dbapi.DatabaseError as error:
        say("twice", type(error).__name__, error.args[0]["C"])
    db.rollback()
    db.close()


run(native)
run(dbapi)
