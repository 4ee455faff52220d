"""psycopg 3 as an application uses it: adaptation in text and binary, cursors, COPY, pipelines, transactions, errors."""

import datetime as dt
import ipaddress
import uuid
from decimal import Decimal
from enum import Enum

import psycopg
from psycopg import sql
from psycopg.rows import class_row, dict_row, namedtuple_row
from psycopg.types.composite import CompositeInfo, register_composite
from psycopg.types.enum import EnumInfo, register_enum
from psycopg.types.json import Json, Jsonb
from psycopg.types.multirange import MultirangeInfo
from psycopg.types.range import RangeInfo
from psycopg_pool import ConnectionPool
from says import run, say

UTC = dt.timezone.utc
VALUES = [
    ("boolean", True),
    ("smallint", -32768),
    ("integer", 2147483647),
    ("bigint", -9223372036854775808),
    ("real", 1.5),
    ("double precision", -1e300),
    ("double precision", float("inf")),
    ("numeric", Decimal("12345678901234567890.123450")),
    ("numeric(10,2)", Decimal("7.5")),
    ("numeric", Decimal("NaN")),
    ("numeric", Decimal("Infinity")),
    ("text", "Grüße, \\ 'quoted' \"double\" 日本"),
    ("varchar(5)", "abc"),
    ("char(5)", "abc"),
    ("name", "a_name"),
    ("bytea", b"\x00\x01\xff'\\"),
    ("date", dt.date(2024, 2, 29)),
    ("time", dt.time(23, 59, 59, 999999)),
    ("timetz", dt.time(1, 2, 3, tzinfo=dt.timezone(dt.timedelta(hours=2)))),
    ("timestamp", dt.datetime(1999, 12, 31, 23, 59, 59, 1)),
    ("timestamptz", dt.datetime(2024, 6, 1, 12, 0, tzinfo=dt.timezone(dt.timedelta(hours=-5)))),
    ("interval", dt.timedelta(days=400, hours=5, microseconds=7)),
    ("uuid", uuid.UUID("6ba7b810-9dad-11d1-80b4-00c04fd430c8")),
    ("json", Json({"a": [1, 2.5, None, "x"]})),
    ("jsonb", Jsonb({"b": {"c": True}, "a": "ü"})),
    ("inet", ipaddress.ip_address("192.168.1.9")),
    ("inet", ipaddress.ip_interface("10.1.2.3/8")),
    ("cidr", ipaddress.ip_network("10.0.0.0/8")),
    ("macaddr", "08:00:2b:01:02:03"),
    ("bit(4)", "1010"),
    ("varbit", "10101"),
    ("oid", 4294967295),
    ("integer[]", [1, None, 3]),
    ("integer[]", []),
    ("integer[]", [[1, 2], [3, 4]]),
    ("text[]", ["a,b", 'q"q', "NULL", None, "", "\\"]),
    ("numeric[]", [Decimal("1.10"), Decimal("-2")]),
    ("boolean[]", [True, False]),
    ("date[]", [dt.date(2000, 1, 1), None]),
    ("timestamptz[]", [dt.datetime(2000, 1, 1, tzinfo=UTC)]),
    ("uuid[]", [uuid.UUID(int=1)]),
    ("bytea[]", [b"\x00", b""]),
    ("jsonb[]", [Jsonb(1), Jsonb({"a": None})]),
    ("float8[]", [1.25, -0.5]),
    ("inet[]", [ipaddress.ip_address("::1")]),
    ("text", None),
]


def adaptation(db):
    for kind, value in VALUES:
        for binary_in, placeholder in ((False, "%t"), (True, "%b")):
            for binary_out in (False, True):
                try:
                    with db.cursor(binary=binary_out) as cursor:
                        cursor.execute(f"SELECT {placeholder}::{kind}, pg_typeof({placeholder}::{kind})::text", (value, value))
                        found = cursor.fetchone()
                        column = cursor.description[0]
                        say(kind, binary_in, binary_out, found, column.type_code, column.internal_size, column.precision,
                            column.scale, column.display_size)
                except psycopg.Error as error:
                    say(kind, binary_in, binary_out, "error", error.sqlstate, str(error).splitlines()[0])
                    db.rollback()
    db.rollback()
    # Values whose types the server finds by itself.
    rows = db.execute("SELECT %s, %s, %s, %s, %s, %s", (1, 2**40, Decimal("1.5"), 1.5, True, dt.date(2020, 1, 1))).fetchone()
    say("inferred", rows)
    say("concatenated", db.execute("SELECT %s || 'b', 'x' || %s", ("a", "y")).fetchone())
    say("any", db.execute("SELECT x FROM generate_series(1, 9) x WHERE x = ANY(%s) ORDER BY x", ([3, 5, 11],)).fetchall())
    say("in one array", db.execute("SELECT %s = ANY(%s::text[])", ("b", ["a", "b"])).fetchone())
    say("null", db.execute("SELECT %s::int IS NULL, coalesce(%s, 'x')", (None, None)).fetchone())
    say("percent", db.execute("SELECT '10%%', 'a' LIKE %s", ("a%",)).fetchone())
    say("limit", db.execute("SELECT * FROM generate_series(1, 9) LIMIT %s OFFSET %s", (2, 3)).fetchall())
    say("interval arithmetic", db.execute(
        "SELECT %s::timestamptz + %s", (dt.datetime(2024, 1, 31, tzinfo=UTC), dt.timedelta(days=1))).fetchone())
    db.commit()


class Mood(Enum):
    sad = "sad"
    happy = "happy"


def own_types(db):
    db.execute("CREATE TYPE mood AS ENUM ('sad', 'happy')")
    db.execute("CREATE TYPE point2d AS (x integer, y numeric(6,2), label text)")
    db.execute("CREATE DOMAIN positive AS integer CHECK (VALUE > 0)")
    db.commit()
    info = EnumInfo.fetch(db, "mood")
    say("enum", info.name, info.labels)
    register_enum(info, db, Mood)
    for binary in (False, True):
        with db.cursor(binary=binary) as cursor:
            cursor.execute("SELECT %s::mood, ARRAY[%s, 'sad']::mood[], 'happy'::mood > 'sad'", (Mood.happy, Mood.sad))
            say("enum values", cursor.fetchone())
    db.execute("CREATE TABLE people (id serial PRIMARY KEY, now mood NOT NULL, past mood[], age positive)")
    db.execute("INSERT INTO people (now, past, age) VALUES (%s, %s, %s)", (Mood.sad, [Mood.happy, Mood.sad], 7))
    say("enum rows", db.execute("SELECT * FROM people").fetchone())
    db.commit()
    info = CompositeInfo.fetch(db, "point2d")
    say("composite", info.name, info.field_names, info.field_types)
    register_composite(info, db)
    point = info.python_type(1, Decimal("2.50"), "it's")
    for binary in (False, True):
        with db.cursor(binary=binary) as cursor:
            cursor.execute("SELECT %s::point2d, (%s::point2d).y, ARRAY[%s::point2d]", (point, point, point))
            say("composite values", [str(value) for value in cursor.fetchone()])
    say("composite of a table", CompositeInfo.fetch(db, "people").field_names)
    say("absent", EnumInfo.fetch(db, "no_such_type"), CompositeInfo.fetch(db, "no_such_type"),
        RangeInfo.fetch(db, "no_such_type"), MultirangeInfo.fetch(db, "no_such_type"))
    say("record", db.execute("SELECT ROW(1, 'a', NULL), (2, 3)").fetchone())
    try:
        db.execute("INSERT INTO people (now, age) VALUES ('sad', -1)")
    except psycopg.errors.CheckViolation as error:
        say("domain", error.sqlstate, error.diag.message_primary, error.diag.datatype_name, error.diag.constraint_name,
            error.diag.schema_name)
    db.rollback()
    try:
        db.execute("SELECT 'angry'::mood")
    except psycopg.Error as error:
        say("label", type(error).__name__, error.diag.message_primary, error.diag.statement_position)
    db.rollback()


def rows_and_cursors(db):
    class Person:
        def __init__(self, id, name):
            self.id, self.name = id, name

        def __repr__(self):
            return f"Person {self.id} {self.name}"

    db.execute("CREATE TABLE items (id integer PRIMARY KEY, name text NOT NULL, price numeric(10,2), tags text[])")
    with db.cursor() as cursor:
        cursor.executemany("INSERT INTO items VALUES (%s, %s, %s, %s)",
                           [(each, f"item {each}", Decimal(each) / 4, ["t", str(each)]) for each in range(1, 101)])
        say("executemany", cursor.rowcount, cursor.statusmessage)
        cursor.executemany("INSERT INTO items (id, name) VALUES (%s, %s) RETURNING id, name",
                           [(each, "more") for each in range(101, 104)], returning=True)
        returned = []
        while True:
            returned.append(cursor.fetchone())
            if not cursor.nextset():
                break
        say("returning of many", returned)
    db.commit()
    for factory in (dict_row, namedtuple_row, class_row(Person)):
        with db.cursor(row_factory=factory) as cursor:
            say("rows", str(cursor.execute("SELECT id, name FROM items WHERE id = 3").fetchall()))
    with db.cursor() as cursor:
        cursor.execute("SELECT id, name FROM items ORDER BY id")
        say("rowcount", cursor.rowcount, cursor.rownumber, cursor.fetchmany(2))
        cursor.scroll(10)
        say("scrolled", cursor.fetchone(), cursor.rownumber)
        cursor.scroll(0, mode="absolute")
        say("scrolled back", cursor.fetchone())
        say("status", [db.execute(each).statusmessage for each in (
            "UPDATE items SET price = price + 1 WHERE id <= 5", "DELETE FROM items WHERE id > 101",
            "SELECT 1", "INSERT INTO items VALUES (500, 'x')", "CREATE TABLE t2 AS SELECT * FROM items", "DROP TABLE t2",
            "SET search_path = public", "CREATE INDEX items_name ON items (name)", "COMMENT ON TABLE items IS 'things'")])
    db.commit()
    with db.cursor(name="walk") as cursor:
        cursor.itersize = 7
        cursor.execute("SELECT id FROM items ORDER BY id")
        say("server cursor", sum(row[0] for row in cursor))
    with db.cursor(name="scrolling", scrollable=True, binary=True) as cursor:
        cursor.execute("SELECT id, price FROM items WHERE id > %s ORDER BY id", (10,))
        say("described", [(column.name, column.type_code) for column in cursor.description])
        say("fetched", cursor.fetchmany(3))
        cursor.scroll(5)
        say("behind", cursor.fetchone())
        cursor.scroll(-3)
        say("before", cursor.fetchone(), len(cursor.fetchall()))
    db.commit()
    with db.cursor(name="held", withhold=True) as cursor:
        cursor.execute("SELECT id FROM items ORDER BY id LIMIT 4")
        db.commit()
        say("held", cursor.fetchall())
    with db.cursor() as cursor:
        say("streamed", sum(row[0] for row in cursor.stream("SELECT id FROM items WHERE id < %s", (50,))))
    query = sql.SQL("SELECT {fields} FROM {table} WHERE {key} = {value} ORDER BY 1").format(
        fields=sql.SQL(", ").join(map(sql.Identifier, ("id", "name"))), table=sql.Identifier("public", "items"),
        key=sql.Identifier("id"), value=sql.Literal(4))
    say("composed", query.as_string(db), db.execute(query).fetchall())
    for literal in ("it's \\", 5, Decimal("1.5"), None, True, dt.date(2020, 1, 2), [1, 2], b"\x00a"):
        say("literal", db.execute(sql.SQL("SELECT {}").format(sql.Literal(literal))).fetchone())
    with db.cursor() as cursor:
        cursor.execute("SELECT 1; SELECT 'two', 2; SELECT 3 WHERE false")
        found = [cursor.fetchall()]
        while cursor.nextset():
            found.append(cursor.fetchall())
        say("several results", found)
    client = psycopg.ClientCursor(db)
    say("client cursor", client.mogrify("SELECT %s, %s, %s", ("a'b", 1, [1, 2])),
        client.execute("SELECT %s, %s::int[]", ("a'b", [1, 2])).fetchone())
    raw = psycopg.RawCursor(db)
    say("raw cursor", raw.execute("SELECT $1::int + $2", (1, 2)).fetchone())
    with db.cursor() as cursor:
        cursor.execute("INSERT INTO items (id, name) VALUES (1, 'again') ON CONFLICT (id) DO UPDATE "
                       "SET name = EXCLUDED.name, price = items.price * 2 WHERE items.id = 1 RETURNING id, name, price")
        say("upserted", cursor.fetchall(), cursor.statusmessage)
        cursor.execute("INSERT INTO items (id, name) VALUES (1, 'x') ON CONFLICT DO NOTHING RETURNING id")
        say("nothing", cursor.fetchall(), cursor.statusmessage)
    db.commit()


def copying(db):
    db.execute("CREATE TABLE copied (id integer, at timestamptz, amount numeric, words text[], doc jsonb, raw bytea)")
    rows = [(1, dt.datetime(2024, 1, 1, tzinfo=UTC), Decimal("1.50"), ["a", "b\tc"], Jsonb({"k": 1}), b"\x00\\"),
            (2, None, None, [], None, b""), (3, None, Decimal("-7"), ["\n", None, "\\N"], Jsonb([]), None)]
    with db.cursor() as cursor:
        with cursor.copy("COPY copied FROM STDIN") as copy:
            for row in rows:
                copy.write_row(row)
        say("copied", cursor.rowcount, cursor.statusmessage)
        with cursor.copy("COPY copied FROM STDIN (FORMAT BINARY)") as copy:
            copy.set_types(["int4", "timestamptz", "numeric", "text[]", "jsonb", "bytea"])
            for row in rows:
                copy.write_row(row)
        say("copied in binary", cursor.rowcount)
        with cursor.copy("COPY copied (id, words) FROM STDIN (FORMAT csv, HEADER, NULL 'nil')") as copy:
            copy.write("id,words\n4,\"{x,\"\"y z\"\"}\"\n")
            copy.write("5,nil\n")
        say("rows", cursor.execute("SELECT * FROM copied ORDER BY id").fetchall())
        for options in ("", "(FORMAT csv, HEADER, FORCE_QUOTE *)", "(DELIMITER '|', NULL 'nil')"):
            with cursor.copy(f"COPY (SELECT * FROM copied ORDER BY id, at) TO STDOUT {options}") as copy:
                say("out " + options, b"".join(bytes(block) for block in copy))
        with cursor.copy("COPY copied TO STDOUT (FORMAT BINARY)") as copy:
            copy.set_types(["int4", "timestamptz", "numeric", "text[]", "jsonb", "bytea"])
            say("out in binary", sorted(str(row) for row in copy.rows()))
        with cursor.copy("COPY copied (id) TO STDOUT") as copy:
            copy.set_types(["int4"])
            say("out rows", sorted(row[0] for row in copy.rows()))
        db.commit()
        for bad in ("x\n", "1\t2\n"):
            try:
                with cursor.copy("COPY copied (id) FROM STDIN") as copy:
                    copy.write(bad)
            except psycopg.Error as error:
                say("bad copy", error.sqlstate, error.diag.message_primary, error.diag.context)
            db.rollback()
        try:
            with cursor.copy("COPY copied (id) FROM STDIN") as copy:
                copy.write("1\n")
                raise ValueError("enough")
        except ValueError:
            say("given up", db.info.transaction_status.name)
        db.rollback()
        try:
            cursor.execute("COPY no_such_table FROM STDIN")
        except psycopg.Error as error:
            say("no table", error.sqlstate)
        db.rollback()


def pipelines(db):
    with db.pipeline() as pipeline, db.cursor() as first, db.cursor() as second:
        first.execute("INSERT INTO items (id, name) VALUES (%s, %s) RETURNING id", (700, "seven hundred"))
        second.execute("SELECT count(*) FROM items WHERE id = 700")
        pipeline.sync()
        say("pipelined", first.fetchone(), second.fetchone())
    db.commit()
    with db.pipeline():
        for each in range(701, 720):
            db.execute("INSERT INTO items (id, name) VALUES (%s, 'piped')", (each,))
    db.commit()
    say("inserted", db.execute("SELECT count(*) FROM items WHERE id > 700").fetchone())
    try:
        with db.pipeline() as pipeline:
            db.execute("INSERT INTO items (id, name) VALUES (800, 'lost')")
            db.execute("INSERT INTO items (id, name) VALUES (700, 'twice')")
            db.execute("INSERT INTO items (id, name) VALUES (801, 'never run')")
            pipeline.sync()
    except psycopg.Error as error:
        say("failed", error.sqlstate, db.info.transaction_status.name)
    db.rollback()
    say("not kept", db.execute("SELECT count(*) FROM items WHERE id >= 800").fetchone())
    db.prepare_threshold = 2
    for each in range(5):
        db.execute("SELECT name FROM items WHERE id = %s", (each,)).fetchall()
    say("prepared", db.execute(
        "SELECT statement, parameter_types::text, from_sql FROM pg_prepared_statements ORDER BY 1").fetchall())
    say("prepared at once", db.execute("SELECT %s::int + 1", (1,), prepare=True).fetchone())
    db.execute("ALTER TABLE items ADD COLUMN extra integer")
    db.commit()
    say("after a change", db.execute("SELECT name FROM items WHERE id = %s", (1,)).fetchall())
    db.execute("DEALLOCATE ALL")
    db.rollback()


def transactions(db, other):
    say("status", db.info.transaction_status.name, db.info.server_version // 10000, db.info.encoding,
        db.info.parameter_status("standard_conforming_strings"), db.info.parameter_status("integer_datetimes"),
        db.info.parameter_status("DateStyle"), db.info.parameter_status("is_superuser"))
    with db.transaction():
        db.execute("INSERT INTO items (id, name) VALUES (900, 'outer')")
        try:
            with db.transaction():
                db.execute("INSERT INTO items (id, name) VALUES (901, 'inner')")
                db.execute("INSERT INTO items (id, name) VALUES (900, 'twice')")
        except psycopg.errors.UniqueViolation as error:
            say("inner failed", error.diag.constraint_name, error.diag.message_detail)
        with db.transaction(savepoint_name="named"):
            db.execute("INSERT INTO items (id, name) VALUES (902, 'second inner')")
        with db.transaction(force_rollback=True):
            db.execute("INSERT INTO items (id, name) VALUES (903, 'rolled back')")
        say("status", db.info.transaction_status.name)
    say("kept", db.execute("SELECT id FROM items WHERE id >= 900 ORDER BY 1").fetchall())
    db.commit()
    for level in psycopg.IsolationLevel:
        db.isolation_level = level
        say("level", db.execute("SELECT current_setting('transaction_isolation')").fetchone())
        db.rollback()
    db.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
    db.read_only = True
    try:
        db.execute("DELETE FROM items")
    except psycopg.Error as error:
        say("read only", type(error).__name__, error.sqlstate, error.diag.message_primary)
    db.rollback()
    db.read_only = None
    db.execute("SELECT 1 FROM items")
    other.execute("UPDATE items SET price = 0 WHERE id = 900")
    try:
        db.execute("UPDATE items SET price = 1 WHERE id = 900")
    except psycopg.errors.SerializationFailure as error:
        say("conflict", error.sqlstate, error.diag.message_primary)
    db.rollback()
    db.isolation_level = psycopg.IsolationLevel.SERIALIZABLE
    db.deferrable = True
    say("deferrable", db.execute("SHOW transaction_deferrable").fetchone())
    db.rollback()
    db.isolation_level = db.deferrable = None
    db.execute("SELECT * FROM items WHERE id = 900 FOR UPDATE")
    try:
        other.execute("SELECT * FROM items WHERE id = 900 FOR UPDATE NOWAIT")
    except psycopg.Error as error:
        say("locked", type(error).__name__, error.sqlstate, error.diag.message_primary)
    say("skipped", other.execute("SELECT id FROM items WHERE id = 900 FOR UPDATE SKIP LOCKED").fetchall())
    try:
        other.execute("SET lock_timeout = '50ms'")
        other.execute("DELETE FROM items WHERE id = 900")
    except psycopg.Error as error:
        say("waited", type(error).__name__, error.sqlstate, error.diag.message_primary)
    other.execute("RESET lock_timeout")
    db.rollback()
    try:
        db.execute("SELECT 1/0")
    except psycopg.Error:
        say("status", db.info.transaction_status.name)
    try:
        db.execute("SELECT 1")
    except psycopg.Error as error:
        say("aborted", type(error).__name__, error.sqlstate, error.diag.message_primary)
    db.rollback()


def errors(db):
    db.execute("""CREATE TABLE parents (id integer PRIMARY KEY, code varchar(3) UNIQUE, amount integer
        CONSTRAINT amount_positive CHECK (amount > 0), needed text NOT NULL DEFAULT 'x')""")
    db.execute("CREATE TABLE children (parent integer REFERENCES parents, at date)")
    db.execute("INSERT INTO parents VALUES (1, 'abc', 1)")
    db.execute("INSERT INTO children VALUES (1)")
    db.commit()
    for statement in (
        "SELEC 1", "SELECT * FROM nowhere", "SELECT nothing FROM parents", "SELECT no_such_function(1)", "SELECT 1/0",
        "SELECT 'x'::integer", "SELECT 300000000000::integer", "INSERT INTO parents VALUES (1, 'abd', 1)",
        "INSERT INTO parents VALUES (2, 'abc', 1)", "INSERT INTO parents VALUES (3, 'toolong', 1)",
        "INSERT INTO parents VALUES (4, 'd', -1)", "INSERT INTO parents VALUES (5, 'e', 1, NULL)",
        "INSERT INTO children VALUES (99)", "DELETE FROM parents", "DROP TABLE parents", "CREATE TABLE parents (a int)",
        "CREATE TABLE broken (a nosuchtype)", "SELECT id FROM parents GROUP BY code", "SELECT '2024-02-30'::date",
        "SELECT '{'::jsonb", "SELECT 1 FROM parents a, parents a", "SELECT a.id FROM parents a JOIN parents b ON id = 1",
        "INSERT INTO parents (id, nope) VALUES (1, 2)", "SELECT 'a' + 1", "SELECT (SELECT id, code FROM parents)",
        "DROP TABLE nowhere", "ALTER TABLE parents ADD COLUMN id int", "ALTER TABLE parents DROP COLUMN nope",
        "CREATE INDEX ON nowhere (a)", "SELECT 1 UNION SELECT 'a'", "SET nosuch = 1", "SELECT current_setting('nosuch.x')",
        "RELEASE SAVEPOINT nowhere", "DECLARE c CURSOR FOR SELECT 1; FETCH FROM nowhere", "SELECT 1 WHERE 1",
        "UPDATE parents SET id = 'x'", "INSERT INTO parents VALUES (1, 2, 3, 4, 5)", "GRANT SELECT ON parents TO nobody_here",
    ):
        try:
            db.execute(statement)
            say(statement, "no error")
        except psycopg.Error as error:
            diag = error.diag
            say(statement, type(error).__name__, error.sqlstate, diag.severity, diag.severity_nonlocalized,
                diag.message_primary, diag.message_detail, diag.message_hint, diag.statement_position, diag.schema_name,
                diag.table_name, diag.column_name, diag.datatype_name, diag.constraint_name)
        db.rollback()
    notices = []
    db.add_notice_handler(lambda diag: notices.append((diag.severity, diag.sqlstate, diag.message_primary)))
    db.execute("DROP TABLE IF EXISTS nowhere")
    db.execute("CREATE TABLE IF NOT EXISTS parents (a int)")
    db.commit()
    db.execute("DROP TABLE parents CASCADE")
    db.rollback()
    db.execute("COMMIT")
    say("notices", notices)
    db.rollback()


def notifications(db, other):
    other.execute("LISTEN news")
    db.execute("NOTIFY news, 'first'")
    db.execute("SELECT pg_notify('news', %s)", ("second ü",))
    db.commit()
    say("heard", [(note.channel, note.payload, note.pid == db.info.backend_pid)
                  for note in other.notifies(timeout=20, stop_after=2)])
    other.execute("UNLISTEN *")


def pooled():
    with ConnectionPool("", min_size=1, max_size=2, open=True) as pool:
        with pool.connection() as db:
            say("pooled", db.execute("SELECT 1").fetchone())
        with pool.connection() as db:
            db.execute("CREATE TEMP TABLE mine (a int) ON COMMIT DROP")
            db.execute("INSERT INTO mine VALUES (1)")
            say("temporary", db.execute("SELECT * FROM mine").fetchall())
    with psycopg.connect(options="-c statement_timeout=50 -c search_path=pg_catalog", application_name="a client") as db:
        say("options", db.execute("SHOW search_path").fetchone(), db.execute("SHOW application_name").fetchone())
        try:
            db.execute("SELECT pg_sleep(600)")
        except psycopg.Error as error:
            say("timed out", type(error).__name__, error.sqlstate, error.diag.message_primary)
    for bad in ({"dbname": "nowhere"}, {"options": "-c nosuch=1"}):
        try:
            psycopg.connect(**bad)
        except psycopg.OperationalError as error:
            say("refused", str(error).split("FATAL:")[-1].strip())


with psycopg.connect("") as db, psycopg.connect("", autocommit=True) as other:
    for part in (adaptation, own_types, rows_and_cursors, copying, pipelines, errors):
        run(part, db)
        db.rollback()
    run(transactions, db, other)
    run(notifications, db, other)
run(pooled)
