"""asyncpg as an application uses it. It speaks the extended protocol in binary alone and asks the catalog about types."""

import asyncio
import datetime as dt
import ipaddress
import json
import uuid
from decimal import Decimal

import asyncpg
from says import say, shown

UTC = dt.timezone.utc
VALUES = [
    ("boolean", True), ("smallint", -5), ("integer", 7), ("bigint", 2**62), ("real", 0.5), ("double precision", 1e100),
    ("numeric", Decimal("-12345.67890")), ("numeric", Decimal("NaN")), ("numeric(30,0)", Decimal(10**29)), ("text", "ü"),
    ("varchar(3)", "abc"), ("char(4)", "ab"), ("name", "n"), ('"char"', b"c"), ("bytea", b"\x00\xff"),
    ("date", dt.date(2024, 2, 29)), ("date", dt.date.max), ("time", dt.time(1, 2, 3, 4)),
    ("timetz", dt.time(1, 2, tzinfo=dt.timezone(dt.timedelta(hours=-3)))), ("timestamp", dt.datetime(2000, 1, 1, 0, 0, 1)),
    ("timestamptz", dt.datetime(2000, 1, 1, tzinfo=UTC)), ("interval", dt.timedelta(days=-3, seconds=1)),
    ("uuid", uuid.UUID(int=5)), ("json", '{"a": 1}'), ("jsonb", '{"b": [1, 2]}'), ("inet", ipaddress.ip_interface("10.0.0.1/8")),
    ("inet", ipaddress.ip_address("::1")), ("cidr", ipaddress.ip_network("10.0.0.0/8")), ("macaddr", "08:00:2b:01:02:03"),
    ("bit(3)", asyncpg.BitString("101")), ("varbit", asyncpg.BitString("1")), ("oid", 4000000000), ("xid", 5), ("regclass", "pg_class"),
    ("integer[]", [1, None, 2]), ("integer[]", [[1, 2], [3, 4]]), ("text[]", ["a", "", None, "NULL"]), ("numeric[]", [Decimal("1.5")]),
    ("timestamptz[]", [dt.datetime(2020, 1, 1, tzinfo=UTC)]), ("uuid[]", [uuid.UUID(int=1)]), ("jsonb[]", ["1", "null"]),
    ("boolean[]", []), ("bytea[]", [b"x"]), ("name[]", ["a"]), ("varchar(9)[]", ["b"]), ("interval[]", [dt.timedelta(1)]),
    ("text", None), ("integer[]", None),
]


async def values(db):
    for kind, value in VALUES:
        try:
            found = await db.fetchval(f"SELECT $1::{kind}", value)
            say(kind, found, found == value)
        except Exception as error:
            say(kind, "failed", type(error).__name__, str(error))
    await db.execute("CREATE TYPE color AS ENUM ('red', 'green')")
    await db.execute("CREATE TYPE spot AS (x int, y text, c color, tags text[])")
    await db.execute("CREATE DOMAIN short AS varchar(4) CHECK (VALUE <> 'bad')")
    await db.execute("CREATE DOMAIN shorts AS short[]")
    say("enum", await db.fetchval("SELECT $1::color", "green"), await db.fetchval("SELECT ARRAY['red', $1]::color[]", "green"))
    spot = await db.fetchval("SELECT $1::spot", (1, "a", "red", ["t", None]))
    say("composite", tuple(spot), spot["c"], list(spot.keys()))
    say("composites", [tuple(each) for each in await db.fetchval("SELECT $1::spot[]", [(1, "a", "red", []), (None, None, None, None)])])
    say("domain", await db.fetchval("SELECT $1::short", "abc"), await db.fetchval("SELECT $1::shorts", ["abc", None]))
    say("record", tuple(await db.fetchval("SELECT ROW(1, 'a'::text, NULL::int, ARRAY[1, 2])")))
    say("whole row", [tuple(row[0]) for row in await db.fetch("SELECT t FROM (VALUES (1, 'x'), (2, 'y')) AS t (a, b)")])
    await db.set_type_codec("jsonb", encoder=json.dumps, decoder=json.loads, schema="pg_catalog")
    say("codec", await db.fetchval("SELECT $1::jsonb || '{\"z\": null}'", {"a": [1, 2]}))
    await db.set_type_codec("color", encoder=str.lower, decoder=str.upper)
    say("own codec", await db.fetchval("SELECT $1::color", "RED"))
    await db.set_type_codec("numeric", encoder=str, decoder=float, schema="pg_catalog", format="text")
    say("text codec", await db.fetchval("SELECT $1::numeric + 1", 1.5))
    await db.reset_type_codec("numeric", schema="pg_catalog")
    await db.reset_type_codec("jsonb", schema="pg_catalog")
    await db.reload_schema_state()
    try:
        await db.fetchval("SELECT $1::int", "one")
    except asyncpg.DataError as error:
        say("not an int", str(error))


async def statements(db):
    await db.execute("""
        CREATE TABLE users (id bigserial PRIMARY KEY, name text NOT NULL UNIQUE, score numeric(8,2) DEFAULT 0, born date,
            tags text[] NOT NULL DEFAULT '{}', settings jsonb, created timestamptz DEFAULT now());
        CREATE INDEX ON users (born);
    """)
    statement = await db.prepare("SELECT id, name AS label, score, tags, 1 + $1 AS more FROM users WHERE id = $1 AND name LIKE $2")
    say("parameters", [(each.name, each.kind, each.schema) for each in statement.get_parameters()])
    say("attributes", [(each.name, each.type.name, each.type.kind, each.type.schema) for each in statement.get_attributes()])
    say("prepared", await statement.fetch(1, "%"), statement.get_statusmsg())
    say("inserted", await db.execute("INSERT INTO users (name, born) VALUES ($1, $2)", "ann", dt.date(1990, 5, 1)))
    await db.executemany("INSERT INTO users (name, score, tags) VALUES ($1, $2, $3)",
                         [(f"user {each}", Decimal(each) / 3, [str(each)]) for each in range(50)])
    row = await db.fetchrow("SELECT * FROM users WHERE name = $1", "ann")
    say("row", row["name"], row["born"], row["score"], row["tags"], list(row.keys()), row.get("nothing"))
    say("count", await db.fetchval("SELECT count(*) FROM users WHERE id = ANY($1::bigint[])", [1, 2, 3, 1000]))
    say("returning", [tuple(each) for each in await db.fetch(
        "UPDATE users SET score = score + $1 WHERE id < $2 RETURNING id, round(score, 2)", Decimal("0.5"), 4)])
    say("unnest", await db.execute("INSERT INTO users (name, score) SELECT * FROM unnest($1::text[], $2::numeric[])",
                                   ["x", "y"], [Decimal(1), None]))
    say("upsert", tuple(await db.fetchrow(
        "INSERT INTO users (name, score) VALUES ($1, $2) ON CONFLICT (name) DO UPDATE SET score = EXCLUDED.score "
        "RETURNING name, score, created IS NULL", "x", Decimal("9.99"))))
    say("many", [tuple(each) for each in await db.fetchmany(
        "INSERT INTO users (name) VALUES ($1) RETURNING name", [("m1",), ("m2",)])])
    say("limits", [each["id"] for each in await db.fetch("SELECT id FROM users ORDER BY id LIMIT $1 OFFSET $2", 3, 2)])
    say("nulls", tuple(await db.fetchrow("SELECT $1::int IS NULL, coalesce($2, 'none')", None, None)))
    say("interval", await db.fetchval("SELECT $1::date + $2::interval", dt.date(2024, 1, 31), dt.timedelta(days=1)))
    say("like", await db.fetchval("SELECT count(*) FROM users WHERE name ILIKE $1 || '%'", "USER"))
    async with db.transaction():
        found = []
        async for row in db.cursor("SELECT id FROM users ORDER BY id", prefetch=8):
            found.append(row["id"])
        say("walked", len(found), found[:3])
        cursor = await db.cursor("SELECT id FROM users WHERE id > $1 ORDER BY id", 5)
        say("skipped", await cursor.forward(3), [each["id"] for each in await cursor.fetch(2)], (await cursor.fetchrow())["id"])


async def bulk(db):
    await db.execute("CREATE TABLE loaded (a int, b text, c numeric, d timestamptz, e text[], f jsonb)")
    rows = [(each, f"row {each}", Decimal(each) / 8, dt.datetime(2020, 1, 1, tzinfo=UTC), ["a", None], f'{{"n": {each}}}') for each in range(500)]
    say("copied", await db.copy_records_to_table("loaded", records=rows))
    say("copied", await db.copy_records_to_table("loaded", records=[(1, "only")], columns=["a", "b"]))
    import io

    out = io.BytesIO()
    say("out", await db.copy_from_query("SELECT a, b, e FROM loaded WHERE a < $1 ORDER BY a, c", 2, output=out, format="csv", header=True),
        out.getvalue())
    out = io.BytesIO()
    say("out", await db.copy_from_table("loaded", columns=["a"], output=out, format="binary"), len(out.getvalue()))
    say("in", await db.copy_to_table("loaded", source=io.BytesIO(b"7\tx\n8\t\\N\n"), columns=["a", "b"]))
    say("sum", tuple(await db.fetchrow("SELECT count(*), sum(a), sum(c), count(f) FROM loaded")))
    try:
        await db.copy_records_to_table("loaded", records=[(1,)], columns=["nope"])
    except asyncpg.PostgresError as error:
        say("no column", type(error).__name__, error.sqlstate)


async def transactions(db, other):
    try:
        async with db.transaction(isolation="repeatable_read"):
            await db.execute("INSERT INTO users (name) VALUES ('gone')")
            try:
                async with db.transaction():
                    await db.execute("INSERT INTO users (name) VALUES ('gone')")
            except asyncpg.UniqueViolationError as error:
                say("savepoint", error.sqlstate, error.constraint_name, error.detail, error.table_name, error.schema_name)
            say("inside", await db.fetchval("SELECT count(*) FROM users WHERE name = 'gone'"), db.is_in_transaction())
            raise KeyError
    except KeyError:
        say("after", await db.fetchval("SELECT count(*) FROM users WHERE name = 'gone'"))
    for level in ("read_committed", "repeatable_read", "serializable"):
        async with db.transaction(isolation=level, readonly=True, deferrable=level == "serializable"):
            say(level, await db.fetchval("SHOW transaction_isolation"), await db.fetchval("SHOW transaction_read_only"))
    try:
        async with db.transaction(readonly=True):
            await db.execute("DELETE FROM users")
    except asyncpg.ReadOnlySQLTransactionError as error:
        say("read only", error.sqlstate)
    heard = asyncio.Queue()
    await other.add_listener("news", lambda connection, pid, channel, payload: heard.put_nowait((channel, payload)))
    await db.execute("SELECT pg_notify('news', $1)", "hello")
    async with db.transaction():
        await db.execute("NOTIFY news, 'in a transaction'")
    say("heard", await heard.get(), await heard.get())
    noticed = []
    db.add_log_listener(lambda connection, message: noticed.append((message.severity, message.sqlstate, message.message)))
    await db.execute("DROP TABLE IF EXISTS nowhere")
    await asyncio.sleep(0)
    say("notices", noticed)
    try:
        await db.fetch("SELECT pg_sleep(600)", timeout=0.1)
    except asyncio.TimeoutError:
        say("timed out", await db.fetchval("SELECT 1"))
    # A statement prepared before its table changed is prepared again by the client.
    say("before", tuple(await db.fetchrow("SELECT * FROM changing")) if await db.execute(
        "CREATE TABLE changing AS SELECT 1 AS a") else None)
    await other.execute("ALTER TABLE changing ADD COLUMN b text DEFAULT 'b'")
    say("after", tuple(await db.fetchrow("SELECT * FROM changing")))
    for name in ("server_version", "server_encoding", "client_encoding", "TimeZone", "integer_datetimes"):
        say(name, getattr(db.get_settings(), name) if name != "server_version" else db.get_server_version().major)


async def errors(db):
    for statement in ("SELECT * FROM nowhere", "SELECT nope FROM users", "SELEC", "INSERT INTO users (name, created) VALUES (NULL, NULL)",
                      "SELECT 1/0", "SELECT 'a'::int", "SELECT nope(1)", "INSERT INTO users (id, name) VALUES (1, 'new')",
                      "SELECT $1", "SELECT ''::spot", "CREATE TABLE users (a int)", "SELECT 'bad'::short"):
        try:
            say(statement, "no error", await db.fetch(statement))
        except asyncpg.PostgresError as error:
            say(statement, type(error).__name__, error.sqlstate, error.message, error.detail, error.hint, error.position,
                error.table_name, error.column_name, error.constraint_name, error.data_type_name)
        except asyncpg.InterfaceError as error:
            say(statement, type(error).__name__, str(error))
    try:
        await db.fetchval("SELECT $1::int", 2**40)
    except asyncpg.DataError as error:
        say("too big", type(error).__name__)


async def pooled():
    async with asyncpg.create_pool(min_size=2, max_size=3, server_settings={"application_name": "pooled"}) as pool:
        say("pooled", await asyncio.gather(*(pool.fetchval("SELECT $1::int * 2", each) for each in range(12))))
        async with pool.acquire() as db:
            await db.execute("SET search_path = pg_catalog")
            say("name", await db.fetchval("SHOW application_name"))
        say("reset", await pool.fetchval("SHOW search_path"))


async def part(what, *arguments):
    print(f"## {what.__name__}")
    try:
        await what(*arguments)
    except Exception as error:
        import traceback

        traceback.print_exc()
        print(f"{what.__name__} failed:", type(error).__name__, shown(str(error)))


async def main():
    db, other = await asyncpg.connect(), await asyncpg.connect()
    for what in (values, statements, bulk, errors):
        await part(what, db)
    await part(transactions, db, other)
    await part(pooled)
    await db.close()
    await other.close()


asyncio.run(main())
