// An application on postgres.js, which sends without waiting for answers, prepares everything and asks for array types.
'use strict';

const postgres = require('postgres');
const { pipeline } = require('node:stream/promises');
const { Readable } = require('node:stream');
const { check, refused, say, sayError } = require('./told');

const sleep = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));
const options = (more) => ({ max: 1, onnotice: (notice) => say(`notice: ${notice.severity} ${notice.code} ${notice.message}`), ...more });

async function connected(more, use) {
  const sql = postgres(options(more));
  try {
    return await use(sql);
  } finally {
    await sql.end({ timeout: 5 });
  }
}

async function main() {
  await connected({}, async (sql) => {
    await check('types', async () => {
      say(await sql`SELECT ${1} + 1 AS int, ${'x'}::text AS text, ${true} AS bool, ${null}::int AS none, ${1.5}::float8 AS float`);
      say(await sql`SELECT ${new Date(Date.UTC(2024, 1, 29))}::timestamptz AS at, ${Buffer.from([0, 255])}::bytea AS bytes, ${12n}::int8 AS big`);
      say(await sql`SELECT ${sql.json({ a: [1, null] })} AS json, ${[1, 2, 3]}::int[] AS ints, ${sql.array(['a', 'b"c', null])} AS texts`);
      say(await sql`SELECT ${[[1, 2], [3, 4]]}::int[] AS nested, ${'{}'}::text[] AS empty, ${'2024-02-29'}::date AS date, ${'1 day'}::interval AS span`);
      say(await sql`SELECT ARRAY['{"a": 1}'::jsonb] AS docs, ARRAY[true, NULL] AS flags, ARRAY['2024-01-01'::timestamptz] AS times, ARRAY['ab'::bytea] AS bytes`);
      say(await sql`SELECT 9223372036854775807::int8 AS big, 1.10::numeric AS numeric, 'a'::"char" AS c, 'b'::char(3) AS padded, '(1,2)'::text AS t`);
      say(await sql`SELECT count(*)::int AS n FROM unnest(${Array.from({ length: 5000 }, (_, i) => i)}::int[]) i`);
      const answer = await sql`SELECT 1 AS a, 'x'::varchar(5) AS b`;
      say(answer.columns.map((column) => [column.name, column.type, column.number]), answer.statement.types, answer.count, answer.command);
      say(await sql`SELECT 1 AS a, 2 AS a`.values(), await sql`SELECT 1::int4, 'x'`.raw());
    });

    await check('what statements need', async () => {
      for (const text of ['SELECT $1 + 1, $2::text', 'SELECT now() - $1', 'SELECT 1 WHERE $1 = ANY($2::int[])', 'SELECT * FROM nowhere']) {
        await check(`  ${text}`, async () => {
          const described = await sql.unsafe(text).describe();
          say(described.types, described.columns.map((column) => [column.name, column.type]));
        });
      }
    });

    await check('tables', async () => {
      await sql`DROP TABLE IF EXISTS hotel`;
      await sql`CREATE TABLE hotel (id serial PRIMARY KEY, name text NOT NULL UNIQUE, stars int CHECK (stars <= 5), tags text[], info jsonb)`;
      const hotels = [{ name: 'A', stars: 3, tags: ['x'], info: { pool: true } }, { name: 'B', stars: 5, tags: [], info: null }];
      say(await sql`INSERT INTO hotel ${sql(hotels, 'name', 'stars', 'tags', 'info')} RETURNING *`);
      say(await sql`UPDATE hotel SET ${sql({ stars: 4, name: 'A2' })} WHERE id = ${1} RETURNING id, name, stars`);
      say(await sql`SELECT ${sql(['id', 'name'])} FROM ${sql('hotel')} WHERE id IN ${sql([1, 2])} ORDER BY ${sql('name')} DESC`);
      say(await sql`SELECT h.id, v.x FROM hotel h JOIN (VALUES ${sql([[1, 'one'], [2, 'two']])}) AS v (id, x) ON h.id = v.id::int ORDER BY 1`);
      say(await sql`INSERT INTO hotel (name, stars) VALUES ('A2', 1) ON CONFLICT (name) DO UPDATE SET stars = excluded.stars RETURNING id, stars`);
      for (const failing of [
        () => sql`INSERT INTO hotel (name) VALUES ('B')`, () => sql`INSERT INTO hotel (name, stars) VALUES ('C', 6)`,
        () => sql`INSERT INTO hotel (stars) VALUES (1)`, () => sql`SELECT * FROM nowhere`, () => sql`SELECT 1/${0}::int`,
        () => sql`SELECT ${'abc'}::int`, () => sql`SELECT nothing FROM hotel`,
      ]) await refused(failing());
      const [row] = await sql.unsafe('SELECT * FROM hotel WHERE id = $1', [2], { prepare: true });
      say(row);
      say((await sql.unsafe('SELECT 1 AS a; SELECT 2 AS b; SELECT 3 AS c WHERE false')).map((answer) => [answer.command, answer.count, [...answer]]));
    });

    await check('many at once on one connection', async () => {
      const answers = await Promise.allSettled([1, 2, 0, 4, 5].map((i) => sql`SELECT 20 / ${i}::int AS q`));
      say(answers.map((answer) => (answer.status === 'fulfilled' ? answer.value[0].q : answer.reason.code)));
      const hundred = await Promise.all(Array.from({ length: 100 }, (_, i) => sql`SELECT ${i}::int AS i`));
      say(hundred.every((answer, i) => answer[0].i === i));
      await sql.begin(async (transaction) => {
        say((await Promise.all([1, 2, 3].map((i) => transaction`INSERT INTO hotel (name) VALUES (${'p' + i}) RETURNING name`))).flat());
        await transaction`DELETE FROM hotel WHERE name LIKE 'p%'`;
      });
    });

    await check('transactions', async () => {
      await check('  one that fails', () => sql.begin(async (transaction) => {
        await transaction`INSERT INTO hotel (name) VALUES ('gone')`;
        await transaction`SELECT 1/0`;
      }));
      say(await sql`SELECT count(*) FROM hotel WHERE name = 'gone'`);
      const result = await sql.begin('isolation level serializable read write', async (transaction) => {
        await transaction`INSERT INTO hotel (name) VALUES ('kept')`;
        await transaction.savepoint(async (inner) => {
          await inner`INSERT INTO hotel (name) VALUES ('lost')`;
          throw new Error('back to the savepoint');
        }).catch((error) => say(error.message));
        await transaction.savepoint('named', (inner) => inner`INSERT INTO hotel (name) VALUES ('too')`);
        return transaction`SELECT name, current_setting('transaction_isolation') AS level FROM hotel ORDER BY name`;
      });
      say(result);
    });

    await check('a cursor', async () => {
      await sql`SELECT i FROM generate_series(1, 7) i`.cursor(3, (rows) => say(rows.map((row) => row.i)));
      for await (const rows of sql`SELECT i FROM generate_series(1, 100) i`.cursor(10)) {
        say(rows.length, rows[0].i);
        if (rows[0].i > 20) break;
      }
      await sql`SELECT i FROM generate_series(1, 100) i`.cursor(10, ([first]) => (first.i > 20 ? sql.CLOSE : undefined));
      await check('  that fails on its way', () => sql`SELECT 1/(${5}::int - 5) AS q FROM generate_series(1, 7) i`.cursor(2, (rows) => say(rows)));
      let sum = 0;
      await sql`SELECT i FROM generate_series(1, 20000) i`.forEach((row) => { sum += row.i; });
      say(sum);
    });

    await check('COPY', async () => {
      await sql`CREATE TEMP TABLE c (a int, b text)`;
      await pipeline(Readable.from(['1\tone\n', '2\t\\N\n']), await sql`COPY c FROM STDIN`.writable());
      say(await sql`SELECT * FROM c ORDER BY a`);
      let text = '';
      for await (const chunk of await sql`COPY (SELECT * FROM c ORDER BY a) TO STDOUT (FORMAT csv)`.readable()) text += chunk;
      say(JSON.stringify(text));
    });

    await check('a query is cancelled', async () => {
      const query = sql`SELECT pg_sleep(60)`;
      const failed = refused(query);
      const [{ pid }] = await connected({}, (other) => other`SELECT 1 AS pid`);
      await connected({}, async (other) => {
        while ((await other`SELECT ${pid} FROM pg_stat_activity WHERE state = 'active' AND query LIKE '%pg_sleep(60)%' AND pid <> pg_backend_pid()`).length === 0) await sleep(5);
      });
      query.cancel();
      await failed;
      say(await sql`SELECT 1 AS after`);
    });

    await check('LISTEN', async () => {
      const heard = [];
      const { state, unlisten } = await sql.listen('rooms', (payload) => heard.push(payload));
      say(state.pid > 0, state.secret !== undefined);
      await sql.notify('rooms', 'one');
      await sql.begin((transaction) => transaction`SELECT pg_notify('rooms', ${JSON.stringify({ id: 2 })})`);
      while (heard.length < 2) await sleep(5);
      say(heard);
      await unlisten();
    });

    await check('reserved', async () => {
      const reserved = await sql.reserve();
      await reserved`SET application_name = 'reserved'`;
      say(await reserved`SHOW application_name`);
      reserved.release();
    });
    await sql`DROP TABLE hotel`;
  });

  await check('settings of the connection', () => connected(
    { connection: { application_name: 'postgres.js', statement_timeout: 50, search_path: 'pg_catalog' }, target_session_attrs: 'read-write' },
    async (sql) => {
      say(await sql`SELECT current_setting('application_name') AS name, current_setting('search_path') AS path`, sql.parameters.TimeZone);
      await refused(sql`SELECT pg_sleep(10)`);
    }));
  await check('TLS', () => connected({ ssl: 'require' }, async (sql) => say(await sql`SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()`)));
  await check('without statements', () => connected({ prepare: false }, async (sql) => {
    say(await sql`SELECT ${1}::int AS a`, await sql`SELECT name FROM pg_prepared_statements`);
  }));
  await check('several connections', () => connected({ max: 5 }, async (sql) => {
    const answers = await Promise.all(Array.from({ length: 40 }, (_, i) => sql`SELECT ${i}::int AS i, pg_sleep(0.001)`));
    say(answers.reduce((sum, answer) => sum + answer[0].i, 0));
  }));
  await check('transformed', () => connected({ transform: postgres.camel, types: { bigint: postgres.BigInt } }, async (sql) => {
    say(await sql`SELECT 1 AS first_column, 2::int8 AS second_column`);
  }));
}

main().catch((error) => {
  console.log(error.stack);
  process.exitCode = 1;
});
