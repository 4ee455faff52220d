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

    # What a pool does with a connection that is given back ends what it follows.
    await listener.reset()
    assert await writer.fetchval("SELECT count(*) FROM system.live_queries") == 0
    for connection in (listener, writer):
        await connection.close()
    print("ok")


asyncio.run(main())
