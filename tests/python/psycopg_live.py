"""Notifications and live queries by psycopg 3, as it is. Where the server is, PGHOST and its like say."""

import json
import threading
import time

import psycopg
from psycopg import errors


def connect(autocommit=True):
    return psycopg.connect("", autocommit=autocommit)


def next_told(connection):
    for told in connection.notifies(timeout=30, stop_after=1):
        return told
    raise AssertionError("nothing is told")


def next_event(connection):
    told = next_told(connection)
    return told.channel, json.loads(told.payload)


writer = connect()
writer.execute("CREATE TABLE message (id int PRIMARY KEY, room int, author text, sent timestamptz, price numeric)")

# Plain notifications, by generator and by handler.
with connect() as listener:
    listener.execute("LISTEN room")
    writer.execute("SELECT pg_notify(%s, %s)", ("room", "hello"))
    told = next_told(listener)
    assert (told.pid, told.channel, told.payload) == (writer.info.backend_pid, "room", "hello"), told
    heard = []
    listener.add_notify_handler(heard.append)
    writer.execute("NOTIFY room, 'again'")
    listener.execute("SELECT 1")
    assert [told.payload for told in heard] == ["again"], heard

# A live query with a parameter, which the server binds.
with connect() as listener:
    rows = listener.execute("LISTEN room7 FOR SELECT id, author FROM message WHERE room = %s", (7,)).fetchall()
    assert rows == [], rows
    channel, ready = next_event(listener)
    assert (channel, ready["type"], ready["key"]) == ("room7", "ready", ["id"]), ready
    writer.execute("INSERT INTO message VALUES (1, 7, 'ann', now(), 1.50), (2, 8, 'bob', now(), 2)")
    _, change = next_event(listener)
    assert change["changes"] == [{"op": "insert", "new": {"id": 1, "author": "ann"}}], change
    assert change["seq"] > ready["seq"]

# It goes on where it was.
writer.execute("DELETE FROM message WHERE id = 1")
writer.execute("INSERT INTO message VALUES (3, 7, 'eve', '2024-02-03 04:05:06+00', 3.10)")
with connect() as listener:
    since = "LISTEN room7 (since = {seq}, timeline = '{timeline}') FOR SELECT id, author FROM message WHERE room = %s"
    since = since.format(seq=change["seq"], timeline=ready["timeline"])
    assert psycopg.ClientCursor(listener).execute(since, (7,)).fetchall() == []
    assert next_event(listener)[1]["reset"] is False
    assert [next_event(listener)[1]["changes"][0]["op"] for _ in range(2)] == ["delete", "insert"]

# A cursor, for who cannot wait for notifications.
QUERY = "DECLARE c CURSOR FOR LIVE SELECT id, sent, price FROM message WHERE room = 7"
with connect() as reader:
    reader.execute(QUERY)
    (op, seq, *row), (last, *_) = reader.execute("FETCH ALL FROM c").fetchall()
    assert (op, last) == ("insert", "ready") and str(row[2]) == "3.10" and row[1].year == 2024, row
    writer.execute("UPDATE message SET price = 4 WHERE id = 3")
    (changed,) = reader.execute("FETCH ALL FROM c").fetchall()
    assert changed[0] == "update" and changed[1] > seq and changed[2] == 3, changed
    assert reader.execute("FETCH ALL FROM c WITH (timeout = '10ms')").fetchall() == []
    # A wait is cancelled, and nothing is lost by it.
    threading.Timer(0.3, reader.cancel).start()
    try:
        reader.execute("FETCH ALL FROM c")
        raise AssertionError("it is cancelled")
    except errors.QueryCanceled:
        pass
    writer.execute("DELETE FROM message WHERE id = 3")
    assert reader.execute("FETCH ALL FROM c").fetchone()[:3:2] == ("delete", 3)
    writer.execute("TRUNCATE message")
    try:
        reader.execute("FETCH ALL FROM c")
        raise AssertionError("it has to be begun again")
    except errors.InvalidCursorState as error:
        assert "table" in str(error), error

# The driver's own transaction block, and its own cursors.
with connect(autocommit=False) as reader:
    reader.execute(QUERY)
    assert [row[0] for row in reader.execute("FETCH ALL FROM c")] == ["ready"]
    writer.execute("INSERT INTO message VALUES (4, 7, 'ann', now(), 5)")
    assert [row[0] for row in reader.execute("FETCH ALL FROM c")] == ["insert"]
    with reader.cursor("named") as named:
        named.execute("LIVE SELECT id FROM message WHERE room = %s", (7,))
        assert [column.name for column in named.description] == ["_op", "_seq", "id"]
        assert [(row[0], row[2]) for row in named.fetchmany(10)] == [("insert", 4), ("ready", None)]
        writer.execute("DELETE FROM message WHERE id = 4")
        assert named.fetchone()[::2] == ("delete", 4)
    with reader.cursor("ordinary") as ordinary:
        ordinary.execute("SELECT generate_series(1, 5)")
        assert ordinary.fetchall() == [(number,) for number in range(1, 6)]

# COPY, row by row, until it is enough.
with connect() as reader, reader.cursor() as cursor:
    with cursor.copy("COPY (LIVE SELECT id, author FROM message WHERE room = 7) TO STDOUT") as copy:
        copy.set_types(["text", "int8", "int4", "text"])
        rows = copy.rows()
        assert next(rows)[0] == "ready"
        writer.execute("INSERT INTO message VALUES (5, 7, 'ann', now(), 6)")
        row = next(rows)
        assert (row[0], row[2:]) == ("insert", (5, "ann")), row
        reader.cancel()
        try:
            next(rows)
            raise AssertionError("it is cancelled")
        except errors.QueryCanceled:
            pass
until = time.monotonic() + 30
while writer.execute("SELECT count(*) FROM system.live_queries").fetchone() != (0,):
    assert time.monotonic() < until, "live queries are left"
    time.sleep(0.05)
print("ok")
