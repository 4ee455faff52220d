#!/usr/bin/env node
// A chat over a live query, with node-postgres: npm install pg.
//
//     node chat.js ROOM NAME
//
// Where the server is, PGHOST and its like say. What you type is inserted; what anybody writes in the room is printed as
// soon as it is committed.

const readline = require('node:readline');
const { Client } = require('pg');

const TABLE = `
  CREATE TABLE IF NOT EXISTS chat_message (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, room int NOT NULL, author text NOT NULL, body text NOT NULL)`;
const LISTEN = 'LISTEN chat (last_rows = 20) FOR SELECT id, author, body FROM chat_message WHERE room = $1 ORDER BY id';

const show = ({ author, body }) => console.log(`${author}: ${body}`);

async function main(room, author) {
  const client = new Client();
  await client.connect();
  await client.query(TABLE);
  const follow = async () => (await client.query(LISTEN, [room])).rows.forEach(show);
  client.on('notification', ({ payload }) => {
    const event = JSON.parse(payload);
    if (event.type === 'resync') follow();
    for (const change of event.changes ?? []) {
      if (change.op === 'insert') show(change.new);
    }
  });
  await follow();
  for await (const body of readline.createInterface({ input: process.stdin })) {
    await client.query('INSERT INTO chat_message (room, author, body) VALUES ($1, $2, $3)', [room, author, body]);
  }
  // What was just written is still to be printed.
  setTimeout(() => client.end(), 500);
}

const [room, author] = process.argv.slice(2);
if (author === undefined) {
  console.error('usage: node chat.js ROOM NAME');
  process.exit(1);
}
main(Number(room), author);
