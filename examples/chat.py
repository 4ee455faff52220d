#!/usr/bin/env python3
"""A chat over a live query, with psycopg 3: pip install "psycopg[binary]".

    chat.py ROOM NAME [CONNECTION]

What you type is inserted; what anybody writes in the room is printed as soon as it is committed. A connection that
breaks is made again, and the chat goes on behind the last message that was seen.
"""

import asyncio
import json
import sys

import psycopg

TABLE = """
    CREATE TABLE IF NOT EXISTS chat_message (
        id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, room int NOT NULL, author text NOT NULL, body text NOT NULL)
"""
QUERY = "SELECT id, author, body FROM chat_message WHERE room = %s ORDER BY id"


def show(author, body):
    print(f"{author}: {body}", flush=True)


async def follow(url, room):
    """Prints the room, now and for ever."""
    place = None
    while True:
        try:
            async with await psycopg.AsyncConnection.connect(url, autocommit=True) as connection:
                options = "(last_rows = 20)" if place is None else "(since = {seq}, timeline = '{timeline}')".format(**place)
                listen = psycopg.ClientCursor(connection).mogrify(f"LISTEN chat {options} FOR {QUERY}", (room,))
                for _, author, body in await (await connection.execute(listen)).fetchall():
                    show(author, body)
                async for told in connection.notifies():
                    event = json.loads(told.payload)
                    if event["type"] in ("resync", "end"):
                        place = None
                        break
                    if event["type"] == "ready":
                        place = {"seq": event["seq"], "timeline": event["timeline"]}
                    place["seq"] = event["seq"]
                    for change in event.get("changes", ()):
                        if change["op"] == "insert":
                            show(change["new"]["author"], change["new"]["body"])
        except psycopg.OperationalError as error:
            print(f"({error}; trying again)", file=sys.stderr)
            await asyncio.sleep(1)


async def write(url, room, author):
    """Sends what is typed."""
    async with await psycopg.AsyncConnection.connect(url, autocommit=True) as connection:
        await connection.execute(TABLE)
        asyncio.get_running_loop().create_task(follow(url, room))
        while line := await asyncio.to_thread(sys.stdin.readline):
            insert = "INSERT INTO chat_message (room, author, body) VALUES (%s, %s, %s)"
            await connection.execute(insert, (room, author, line.rstrip("\n")))
        # What was just written is still to be printed.
        await asyncio.sleep(0.5)


if __name__ == "__main__":
    if len(sys.argv) not in (3, 4):
        sys.exit(__doc__)
    asyncio.run(write(sys.argv[3] if len(sys.argv) == 4 else "", int(sys.argv[1]), sys.argv[2]))
