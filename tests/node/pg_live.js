// Notifications and live queries by node-postgres, as it is. Where the server is, PGHOST and its like say.

const assert = require('node:assert');
const { Client } = require('pg');

/** A connection, and what it is told one after the other. */
async function connect() {
  const client = new Client();
  await client.connect();
  const [told, waiting] = [[], []];
  client.on('notification', (message) => {
    const next = waiting.shift();
    if (next) next(message);
    else told.push(message);
  });
  const next = () => (told.length ? Promise.resolve(told.shift()) : new Promise((resolve) => waiting.push(resolve)));
  const event = async () => JSON.parse((await next()).payload);
  return { client, next, event, told };
}

async function main() {
  const writer = await connect();
  await writer.client.query('CREATE TABLE message (id int PRIMARY KEY, room int, author text)');

  // Plain notifications.
  const listener = await connect();
  await listener.client.query('LISTEN room');
  await writer.client.query('SELECT pg_notify($1, $2)', ['room', 'hello']);
  const { processId, channel, payload } = await listener.next();
  assert.deepStrictEqual([processId, channel, payload], [writer.client.processID, 'room', 'hello']);

  // A live query with a parameter.
  const listen = 'LISTEN room7 FOR SELECT id, author FROM message WHERE room = $1';
  assert.deepStrictEqual((await listener.client.query(listen, [7])).rows, []);
  const ready = await listener.event();
  assert.deepStrictEqual([ready.type, ready.key], ['ready', ['id']]);
  await writer.client.query("INSERT INTO message VALUES (1, 7, 'ann'), (2, 8, 'bob')");
  const change = await listener.event();
  assert.deepStrictEqual(change.changes, [{ op: 'insert', new: { id: 1, author: 'ann' } }]);
  await listener.client.query('BEGIN');
  await writer.client.query('DELETE FROM message WHERE id = 1');
  await listener.client.query('SELECT 1');
  assert.strictEqual(listener.told.length, 0);
  await listener.client.query('COMMIT');
  assert.strictEqual((await listener.event()).changes[0].op, 'delete');

  // A cursor.
  const reader = await connect();
  await reader.client.query('DECLARE c CURSOR FOR LIVE SELECT id, author FROM message WHERE room = $1', [8]);
  const first = (await reader.client.query('FETCH ALL FROM c')).rows;
  assert.deepStrictEqual(first.map((row) => [row._op, row.id]), [['insert', 2], ['ready', null]]);
  const waiting = reader.client.query('FETCH ALL FROM c');
  await writer.client.query("UPDATE message SET author = 'eve' WHERE id = 2");
  const [updated] = (await waiting).rows;
  assert.deepStrictEqual([updated._op, updated.id, updated.author], ['update', 2, 'eve']);
  assert.deepStrictEqual((await reader.client.query("FETCH ALL FROM c WITH (timeout = '10ms')")).rows, []);

  for (const { client } of [reader, listener, writer]) await client.end();
  console.log('ok');
}

main().catch((error) => {
  console.error(error);
  process.exit(1);
});
