"""Notifications and live queries by asyncpg, as it is. Where the server is, PGHOST and its like say."""

import asyncio
import json

import asyncpg


async def main():
    writer = await asyncpg.connect()
    await writer.execute("CREATE TABLE message (id int PRIMARY KEY, room int, author text)")
    told = asyncio.Queue()
    listener = await asyncpg.connect()

    def hear(_, pid, channel, payload):
        told.put_nowait((pid, channel, payload))

    async def event():
        _, channel, payload = await asyncio.wait_for(told.get(), 30)
        return channel, json.loads(payload)

    # Plain notifications.
    await listener.add_listener("room7", hear)
    await writer.execute("NOTIFY room7, 'hello'")
    assert await told.get() == (writer.get_server_pid(), "room7", "hello")

    # A live query on the channel, with a parameter.
    select = "SELECT id, author FROM message WHERE room = $1"
    assert await listener.fetch(f"LISTEN room7 FOR {select}", 7) == []
    assert (await event())[1]["type"] == "ready"
    await writer.execute("INSERT INTO message VALUES (1, 7, 'ann'), (2, 8, 'bob')")
    assert (await event())[1]["changes"] == [{"op": "insert", "new": {"id": 1, "author": "ann"}}]

    # The next event comes while nothing is asked, and one in a transaction block when that ends.
    async with listener.transaction():
        await writer.execute("UPDATE message SET author = 'eve' WHERE id = 1")
        await listener.fetchval("SELECT 1")
        assert told.empty()
    assert (await event())[1]["changes"][0]["op"] == "update"
    await listener.remove_listener("room7", hear)
    await writer.execute("INSERT INTO message VALUES (3, 7, 'ann')")
    await listener.fetchval("SELECT 1")
    assert told.empty(), "UNLISTEN ends the live query, too"

    # A cursor.
    reader = await asyncpg.connect()
    await reader.execute(f"DECLARE c CURSOR FOR LIVE {select.replace('$1', '7')} ORDER BY id")
    rows = [tuple(row) for row in await reader.fetch("FETCH ALL FROM c")]
    assert [row[::2] for row in rows] == [("insert", 1), ("insert", 3), ("ready", None)], rows
    waiting = asyncio.create_task(reader.fetch("FETCH ALL FROM c"))
    await asyncio.sleep(0.1)
    await writer.execute("DELETE FROM message WHERE id = 3")
    (row,) = await asyncio.wait_for(waiting, 30)
    assert (row["_op"], row["id"], row["author"]) == ("delete", 3, "ann"), row
    try:
        await reader.fetch("FETCH ALL FROM c", timeout=0.3)
        raise AssertionError("it waits")
    except asyncio.TimeoutError:
        pass
    await writer.execute("INSERT INTO message VALUES (6, 7, 'ann')")
    (row,) = await reader.fetch("FETCH ALL FROM c")
    assert row["id"] == 6, row

    # COPY, until it is enough.
    lines = asyncio.Queue()

    async def take(data):
        for line in data.decode().splitlines():
            lines.put_nowait(line.split("\t"))

    copy = asyncio.create_task(reader.copy_from_query("LIVE SELECT id FROM message WHERE id > 9", output=take))
    assert (await asyncio.wait_for(lines.get(), 30))[0] == "ready"
    await writer.execute("INSERT INTO message VALUES (10, 1, 'x')")
    assert (await asyncio.wait_for(lines.get(), 30))[::2] == ["insert", "10"]
    copy.cancel()
    try:
        await copy
        raise AssertionError("it is cancelled")
    except asyncio.CancelledError:
        pass
    assert await reader.fetchval("SELECT 7") == 7

    # What a pool does with a connection that is given back ends all of them.
    await reader.reset()
    assert await writer.fetchval("SELECT count(*) FROM system.live_queries") == 0
    for connection in (reader, listener, writer):
        await connection.close()
    print("ok")


asyncio.run(main())
