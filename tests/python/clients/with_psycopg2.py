"""psycopg2 as an application uses it: everything in text by the simple protocol, with its extras."""

import datetime as dt
import io
import uuid
from decimal import Decimal

import psycopg2
import psycopg2.extensions as ext
import psycopg2.extras as extras
from psycopg2 import errors, sql
from says import run, say

extras.register_uuid()


def adaptation(db):
    with db.cursor() as cursor:
        for value in (1, 2**40, 1.5, Decimal("1.10"), True, None, "it's \\ ü", b"\x00\xff'", dt.date(2020, 2, 29), dt.time(1, 2, 3),
                      dt.datetime(2020, 1, 1, 1, 1, 1, 5), dt.datetime(2020, 1, 1, tzinfo=dt.timezone.utc), dt.timedelta(days=1, seconds=5),
                      uuid.UUID(int=7), [1, 2], ["a", "b,c", None], [dt.date(2020, 1, 1)], (1, 2), extras.Json({"a": [1]}),
                      extras.Inet("10.0.0.1"), float("nan"), [[1], [2]]):
            query = "SELECT %s IN %s" if isinstance(value, tuple) else "SELECT %s"
            cursor.execute(query, (1, value) if isinstance(value, tuple) else (value,))
            found = cursor.fetchone()[0]
            say(cursor.query.decode(), bytes(found) if isinstance(found, memoryview) else found, cursor.description[0].type_code)
        for text in ("'{1,2}'::int[]", "'{\"a\": 1}'::jsonb", "'[1]'::json", "'1 mon 2 days'::interval", "'x'::\"char\"", "1::oid",
                     "'{a,NULL}'::text[]", "'infinity'::float8", "ROW(1, 'a')", "'101'::bit(3)", "'{2020-01-01}'::date[]", "12::numeric(5,2)"):
            cursor.execute("SELECT " + text)
            say(text, cursor.fetchone()[0], cursor.description[0][1:7])
        cursor.execute("CREATE TYPE pair AS (a int, b text)")
        maker = extras.register_composite("pair", cursor)
        cursor.execute("SELECT '(1,x)'::pair, ARRAY[ROW(2, 'y')::pair]")
        say("composite", str(cursor.fetchone()), maker.attnames)
    db.rollback()


def cursors(db):
    with db, db.cursor() as cursor:
        cursor.execute("CREATE TABLE items (id serial PRIMARY KEY, name text UNIQUE, n int, doc jsonb)")
        cursor.executemany("INSERT INTO items (name, n) VALUES (%s, %s)", [(f"i{each}", each) for each in range(20)])
        extras.execute_batch(cursor, "UPDATE items SET n = %s WHERE id = %s", [(each, each) for each in range(1, 10)], page_size=4)
        say("values", extras.execute_values(cursor, "INSERT INTO items (name, n, doc) VALUES %s ON CONFLICT (name) DO UPDATE "
                                            "SET n = EXCLUDED.n RETURNING id, n", [("i1", 5, None), ("new", 6, extras.Json({"z": 1}))], fetch=True))
        cursor.execute("SELECT * FROM items WHERE id < 4 ORDER BY id")
        say("rows", cursor.rowcount, cursor.fetchone(), cursor.fetchmany(5), cursor.statusmessage, cursor.lastrowid)
    for factory in (extras.RealDictCursor, extras.DictCursor, extras.NamedTupleCursor):
        with db.cursor(cursor_factory=factory) as cursor:
            cursor.execute("SELECT id, name FROM items WHERE id = 2")
            say("row", str(cursor.fetchone()))
    with db.cursor("walk", scrollable=True) as cursor:
        cursor.itersize = 6
        cursor.execute("SELECT id FROM items WHERE n > %s ORDER BY id", (2,))
        say("walked", sum(row[0] for row in cursor))
        cursor.scroll(0, mode="absolute")
        say("scrolled", cursor.fetchone())
    db.rollback()
    with db.cursor("kept", withhold=True) as cursor:
        cursor.execute("SELECT id FROM items ORDER BY id LIMIT 3")
        db.commit()
        say("kept", cursor.fetchall())
    db.rollback()
    with db.cursor() as cursor:
        cursor.copy_expert("COPY items (name, n) FROM STDIN CSV HEADER", io.StringIO("name,n\nc1,1\n\"c,2\",\n"))
        say("copied", cursor.rowcount)
        cursor.copy_from(io.StringIO("t1\t5\nt2\t\\N\n"), "items", columns=("name", "n"))
        out = io.StringIO()
        cursor.copy_to(out, "items", sep="|", null="-", columns=("name", "n", "doc"))
        say("out", sorted(out.getvalue().splitlines()))
        cursor.execute(sql.SQL("SELECT {} FROM {} WHERE {} = %s").format(sql.Identifier("name"), sql.Identifier("items"), sql.Identifier("id")), (1,))
        say("composed", cursor.fetchall())
        cursor.execute("PREPARE p (int) AS SELECT name FROM items WHERE id = $1; EXECUTE p (3)")
        say("prepared", cursor.fetchall())
        cursor.callproc("upper", ["abc"])
        say("called", cursor.fetchone())
    db.commit()


def transactions(db):
    for level in (ext.ISOLATION_LEVEL_READ_COMMITTED, ext.ISOLATION_LEVEL_REPEATABLE_READ, ext.ISOLATION_LEVEL_SERIALIZABLE):
        db.set_session(isolation_level=level, readonly=True, deferrable=True)
        with db.cursor() as cursor:
            cursor.execute("SHOW transaction_isolation")
            say("level", cursor.fetchone(), db.get_transaction_status())
            try:
                cursor.execute("DELETE FROM items")
            except errors.ReadOnlySqlTransaction as error:
                say("read only", error.pgcode)
        db.rollback()
    db.set_session(isolation_level="DEFAULT", readonly=False, deferrable=False)
    db.autocommit = True
    with db.cursor() as cursor:
        cursor.execute("LISTEN told")
        cursor.execute("NOTIFY told, 'x'")
        db.poll()
        say("told", [(note.channel, note.payload) for note in db.notifies])
        for wrong in ("SELECT nope", "INSERT INTO items (id) VALUES (1)", "SELECT 1/0", "DROP TABLE nowhere", "SELEC"):
            try:
                cursor.execute(wrong)
            except psycopg2.Error as error:
                say(wrong, type(error).__name__, error.pgcode, error.pgerror, error.diag.constraint_name, error.diag.table_name)
        cursor.execute("DROP TABLE IF EXISTS nowhere")
        say("notices", db.notices)
    say("connection", db.server_version // 10000, db.encoding, db.get_parameter_status("client_encoding"), db.info.dbname != "")
    db.set_client_encoding("UTF8")
    db.autocommit = False
    xid = db.xid(1, "a", "b")
    try:
        say("prepared", db.tpc_recover())
    except psycopg2.Error as error:
        say("prepared", error.pgcode, xid.gtrid)
    db.rollback()
    db.reset()


db = psycopg2.connect("")
for part in (adaptation, cursors, transactions):
    run(part, db)
    db.rollback()
db.close()
