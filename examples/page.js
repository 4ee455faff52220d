#!/usr/bin/env node
// A chat in the browser: a small server, which follows a live query for each page that is open. npm install pg.
//
//     node page.js [PORT]
//
// Where the database is, PGHOST and its like say. Pages are told by server-sent events; a page whose connection breaks says
// with the next one what it has seen last, and goes on there.

const http = require('node:http');
const fs = require('node:fs');
const path = require('node:path');
const { Client, Pool } = require('pg');

const TABLE = `
  CREATE TABLE IF NOT EXISTS chat_message (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, room int NOT NULL, author text NOT NULL, body text NOT NULL)`;
const QUERY = 'SELECT id, author, body FROM chat_message WHERE room = $1 ORDER BY id';
const BODY_BYTES_MAX = 10000;

const pool = new Pool();
const page = fs.readFileSync(path.join(__dirname, 'page.html'));

/** Follows a room for a page until one of both goes. */
async function follow(request, response, room) {
  const client = new Client();
  client.on('error', () => response.end());
  response.on('close', () => client.end());
  response.writeHead(200, { 'Content-Type': 'text/event-stream', 'Cache-Control': 'no-store' });
  // What the page has seen last: a history of the database, and a commit in it.
  const seen = /^([0-9a-f]{32})-(\d+)$/.exec(request.headers['last-event-id'] ?? '');
  const options = seen ? `(timeline = '${seen[1]}', since = ${seen[2]})` : '(last_rows = 50)';
  let timeline;
  let rows;
  const tell = (type, data, seq) =>
    response.write(`id: ${timeline}-${seq}\nevent: ${type}\ndata: ${JSON.stringify(data)}\n\n`);
  const events = [];
  const handle = (event) => {
    if (event.type === 'ready') {
      timeline = event.timeline;
      if (!seen || event.reset) tell('rows', rows, event.seq);
    } else if (event.type === 'change') {
      tell('changes', event.changes, event.seq);
    } else {
      // The page connects again, and begins anew.
      response.end('id:\n\n');
    }
  };
  client.on('notification', ({ payload }) => (rows ? handle(JSON.parse(payload)) : events.push(JSON.parse(payload))));
  await client.connect();
  rows = (await client.query(`LISTEN room ${options} FOR ${QUERY}`, [room])).rows;
  events.forEach(handle);
}

async function say(request, response) {
  let body = '';
  for await (const chunk of request) {
    body += chunk;
    if (body.length > BODY_BYTES_MAX) return response.writeHead(413).end();
  }
  const said = JSON.parse(body);
  const insert = 'INSERT INTO chat_message (room, author, body) VALUES ($1, $2, $3)';
  await pool.query(insert, [said.room, said.author, said.body]);
  response.writeHead(204).end();
}

async function serve(request, response) {
  const url = new URL(request.url, 'http://page');
  if (request.method === 'POST' && url.pathname === '/say') return say(request, response);
  if (url.pathname === '/events') return follow(request, response, url.searchParams.get('room'));
  if (url.pathname !== '/') return response.writeHead(404).end();
  response.writeHead(200, { 'Content-Type': 'text/html; charset=utf-8' }).end(page);
}

async function main(port) {
  await pool.query(TABLE);
  const server = http.createServer((request, response) => {
    serve(request, response).catch((error) => {
      console.error(error.message);
      if (!response.headersSent) response.writeHead(500);
      response.end();
    });
  });
  server.listen(port, '127.0.0.1', () => console.log(`http://127.0.0.1:${server.address().port}/?room=7`));
}

main(Number(process.argv[2] ?? 8080));
