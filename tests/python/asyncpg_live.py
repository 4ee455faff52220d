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

    # A client that has waited long enough takes its FETCH back, in a transaction block and outside, and its COPY.
    follower = await asyncpg.connect()

    async def given_up(waiting):
        try:
            await waiting
        except asyncio.TimeoutError:
            return
        raise AssertionError("nothing happens, and yet there was an answer")

    await follower.execute("DECLARE followed CURSOR FOR LIVE SELECT id FROM message")
    assert len(await follower.fetch("FETCH ALL FROM followed")) == 4
    await given_up(follower.fetch("FETCH ALL FROM followed", timeout=0.2))
    await given_up(asyncio.wait_for(follower.fetch("FETCH ALL FROM followed"), 0.2))
    await given_up(follower.execute("FETCH ALL FROM followed", timeout=0.2))
    # What a FETCH answers before its cancel request has come is lost on a client that does not look any more.
    assert await follower.fetchval("SELECT 1") == 1
    await writer.execute("DELETE FROM message WHERE id = 2")
    assert [tuple(row)[::2] for row in await follower.fetch("FETCH ALL FROM followed")] == [("delete", 2)]
    copied = []

    async def copy(data):
        copied.append(bytes(data))

    await given_up(follower.copy_from_query("LIVE SELECT id FROM message ORDER BY id", output=copy, timeout=0.2))
    assert b"".join(copied).count(b"insert") == 2
    await given_up(asyncio.wait_for(follower.copy_from_query("LIVE SELECT id FROM message", output=copy), 0.2))
    assert await follower.fetchval("SELECT 1") == 1
    await follower.close()

    # What a pool does with a connection that is given back ends what it follows.
    await listener.reset()
    assert await writer.fetchval("SELECT count(*) FROM system.live_queries") == 0
    for connection in (listener, writer):
        await connection.close()
    print("ok")


asyncio.run(main())
