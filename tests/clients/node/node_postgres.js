// An application on node-postgres: types, prepared statements, cursors, COPY, LISTEN, errors, timeouts, TLS.
'use strict';

const { Client, Pool, types } = require('pg');
const Cursor = require('pg-cursor');
const QueryStream = require('pg-query-stream');
const copy = require('pg-copy-streams');
const { pipeline } = require('node:stream/promises');
const { Readable } = require('node:stream');
const { once } = require('node:events');
const { check, refused, say, sayError, shown } = require('./told');

const sleep = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));

// A connection for one case.
async function connected(options, use) {
  const client = new Client(options);
  client.on('error', () => {});
  await client.connect();
  try {
    return await use(client);
  } finally {
    await client.end();
  }
}

const TYPED = [
  ['int2', -32768], ['int4', 2147483647], ['int8', '9223372036854775807'], ['oid', 4294967295],
  ['float4', 1.5], ['float8', 0.1], ['float8', 'NaN'], ['float8', '-Infinity'], ['numeric', '12345678901234567890.000100'],
  ['numeric(10,2)', 1.005], ['bool', true], ['text', 'zwölf 木'], ['varchar(3)', 'abcdef'], ['char(5)', 'ab'], ['name', 'n'],
  ['"char"', 'c'], ['bytea', Buffer.from([0, 255, 92, 39])], ['bytea', Buffer.alloc(0)], ['uuid', 'A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11'],
  ['date', '2024-02-29'], ['date', '0044-03-15 BC'], ['time', '23:59:59.999999'], ['timetz', '12:00:00+05:30'],
  ['timestamp', '2024-02-29 12:34:56.789'], ['timestamptz', '2024-02-29 12:34:56.789+02'], ['timestamptz', 'infinity'],
  ['interval', '1 year 2 mons 3 days 04:05:06.789'], ['json', { a: [1, null, 'x'] }], ['jsonb', { b: 1, a: [true] }],
  ['jsonb', '[1, 2]'], ['int4[]', [1, 2, null]], ['text[]', ['a', 'b "c"', null, '', 'NULL', '{}']], ['int4[]', [[1, 2], [3, 4]]],
  ['bool[]', [true, false]], ['timestamptz[]', ['2024-01-01 00:00:00+00']], ['bytea[]', [Buffer.from('ab')]],
  ['numeric[]', ['1.10', null]], ['inet', '192.168.0.1/24'], ['cidr', '10.0.0.0/8'], ['macaddr', '08:00:2b:01:02:03'],
  ['bit(4)', '1010'], ['varbit', '101'], ['regclass', 'pg_class'], ['regtype', 'integer'],
  ['int4', null], ['text', undefined],
];

async function main() {
  await check('parameters that the server reports', async () => {
    const client = new Client({ application_name: 'node', client_encoding: 'UTF8' });
    const seen = {};
    client.connection.on('parameterStatus', (message) => { seen[message.parameterName] = message.parameterValue; });
    await client.connect();
    for (const name of Object.keys(seen).sort()) say(name, name === 'server_version' ? seen[name].split('.')[0] : seen[name]);
    for (const statement of [
      "SET timezone = 'Asia/Tokyo'", 'SET datestyle = German', 'SET intervalstyle = iso_8601', 'SET application_name = other',
      'SET search_path = pg_catalog', "SET client_encoding = 'UTF8'", 'BEGIN', "SET LOCAL timezone = 'UTC'", 'ROLLBACK', 'RESET ALL',
    ]) {
      for (const name of Object.keys(seen)) delete seen[name];
      await client.query(statement);
      say(statement, '->', seen);
    }
    await client.end();
  });

  await check('settings from the connection', async () => {
    await connected({ options: '-c statement_timeout=12345 -c search_path=a,b -c DateStyle=SQL,DMY', lock_timeout: 777,
      idle_in_transaction_session_timeout: 888, fallback_application_name: 'fallback' }, async (client) => {
      for (const name of ['statement_timeout', 'search_path', 'datestyle', 'lock_timeout',
        'idle_in_transaction_session_timeout', 'application_name', 'client_encoding']) {
        say(name, (await client.query(`SHOW ${name}`)).rows[0]);
      }
      say((await client.query("SELECT name, setting, source, context, vartype, unit FROM pg_settings WHERE name = 'statement_timeout'")).rows);
    });
    await check('  one that is not there', () => connected({ options: '-c no_such_setting=1' }, () => say('connected')));
    await check('  a wrong value', () => connected({ options: '-c statement_timeout=fast' }, () => say('connected')));
    await check('  no such database', () => connected({ database: 'nowhere' }, () => say('connected')));
    await check('  a wrong password', () => connected({ password: 'wrong' }, () => say('connected')));
  });

  await check('TLS and channel binding', async () => {
    for (const enableChannelBinding of [false, true]) {
      await connected({ ssl: { rejectUnauthorized: false }, enableChannelBinding }, async (client) => {
        say('binding', enableChannelBinding, client.saslSession ? client.saslSession.mechanism : 'done',
          (await client.query('SELECT ssl, bits > 0 AS bits, version FROM pg_stat_ssl WHERE pid = pg_backend_pid()')).rows);
      });
    }
  });

  await connected({}, async (client) => {
    client.on('notice', (notice) => say(`notice: ${notice.severity} ${notice.code} ${notice.message} ${notice.hint || ''}`));
    await check('types as parameters and as results', async () => {
      for (const [type, value] of TYPED) {
        try {
          const answer = await client.query({ text: `SELECT $1::${type} AS v, $1::${type}::text AS t`, values: [value] });
          const [field] = answer.fields;
          say(type, value, '->', answer.rows[0].v, answer.rows[0].t,
            `oid=${field.dataTypeID} size=${field.dataTypeSize} modifier=${field.dataTypeModifier} format=${field.format}`);
        } catch (error) {
          say(type, value);
          sayError(error);
        }
      }
    });

    await check('types as literals in a simple query', async () => {
      const answer = await client.query("SELECT 1, 1.0, 'a', NULL, true, 1::int8, ARRAY[1,2], now() IS NOT NULL, ROW(1,'a'), '{1,2}'::int[], 2^40, current_date = now()::date");
      for (const field of answer.fields) say(field.name, field.dataTypeID, field.dataTypeSize, field.dataTypeModifier, field.tableID, field.columnID);
      say(answer.rows);
    });

    await check('binary results', async () => {
      const texts = ["SELECT 1::int2, 2::int4, 3::int8, 'x'::text, true, '\\x00ff'::bytea, 1.5::float4, 2.5::float8",
        "SELECT '{1,2,NULL}'::int4[], '{a,b}'::text[], 12.50::numeric, '2024-01-01'::date, '2000-01-01 00:00:01'::timestamp"];
      for (const text of texts) {
        const answer = await client.query({ text, values: [], binary: true, rowMode: 'array' });
        say(answer.fields.map((field) => field.format), answer.rows);
      }
    });

    await check('tables', async () => {
      await client.query('DROP TABLE IF EXISTS film, author');
      await client.query('CREATE TABLE author (id serial PRIMARY KEY, name varchar(40) NOT NULL UNIQUE)');
      await client.query(`CREATE TABLE film (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, author_id int REFERENCES author ON DELETE CASCADE,
        title text NOT NULL, price numeric(8,2) CHECK (price >= 0), tags text[] DEFAULT '{}', extra jsonb, seen timestamptz)`);
      const author = await client.query('INSERT INTO author (name) VALUES ($1), ($2) RETURNING *', ['Ann', 'Bob']);
      say(author.command, author.rowCount, author.rows);
      for (const field of author.fields) say(field.name, field.tableID !== 0, field.columnID, field.dataTypeID, field.dataTypeModifier);
      const film = await client.query(
        'INSERT INTO film (author_id, title, price, tags, extra, seen) VALUES ($1, $2, $3, $4, $5, $6) RETURNING id, tags, extra, seen',
        [1, 'Left', '9.99', ['a', 'b,c'], { k: [1] }, new Date(Date.UTC(2024, 1, 29, 1, 2, 3, 456))]);
      say(film.rows);
      for (const text of ['UPDATE film SET price = price + 1', 'DELETE FROM film WHERE id = 99', 'SELECT * FROM film WHERE false',
        'CREATE TEMP TABLE t AS SELECT 1 AS a UNION SELECT 2', 'SELECT a INTO TEMP t2 FROM t', 'VALUES (1), (2)', 'TRUNCATE t', 'SHOW timezone',
        'EXPLAIN SELECT 1', 'SET x.y = 1', 'ANALYZE film', '', '-- nothing']) {
        const answer = await client.query(text);
        say(text, '->', answer.command, answer.rowCount);
      }
    });

    await check('several statements at once', async () => {
      const answers = await client.query("SELECT 1 AS a; SELECT 2 AS b, 3 AS c; INSERT INTO author (name) VALUES ('Cid'); ; SELECT count(*) FROM author");
      for (const answer of answers) say(answer.command, answer.rowCount, answer.rows);
      await refused(client.query("INSERT INTO author (name) VALUES ('Dan'); SELECT 1/0; SELECT 5"));
      say((await client.query("SELECT count(*) FROM author WHERE name = 'Dan'")).rows);
      await refused(client.query({ text: 'SELECT 1; SELECT $1::int', values: [1] }));
    });

    await check('errors', async () => {
      for (const [text, values] of [
        ['SELECT nowhere FROM film'], ['SELECT * FROM nowhere'], ['SELECT nofunction(1)'], ['SELEC 1'], ["SELECT 'a' + 1"], ['SELECT 1/0'],
        ["INSERT INTO author (name) VALUES ('Ann')"], ['INSERT INTO author (name) VALUES (NULL)'],
        ["INSERT INTO film (author_id, title) VALUES (99, 'x')"], ["INSERT INTO film (title, price) VALUES ('x', -1)"],
        ["INSERT INTO film (id, title) VALUES (1, 'x')"], ['SELECT $1::int', ['x']], ['SELECT $1::int', [2147483648]], ['SELECT $1', [1]],
        ['SELECT $2::int', [1, 2]], ['SELECT $1::int', []], ['SELECT 1', [1]], ['SELECT $1::uuid', ['no']], ['SELECT $1::jsonb', ['{']],
        ["SELECT '2024-13-01'::date"], ["SELECT 'a'::text::varchar(1), repeat('x', 5)::int"], ['UPDATE film SET title = NULL'],
        ["UPDATE author SET name = repeat('x', 41)"], ['DROP TABLE author'], ['CREATE TABLE film (a int)'], ['SELECT * FROM film WHERE title = 1'],
        ['SELECT id, count(*) FROM film'], ['ALTER TABLE film DROP COLUMN nothing'], ['SET statement_timeout = -2'], ['SELECT set_config(NULL, NULL, NULL)'],
        ['COMMIT'], ['ROLLBACK TO s'], ['SAVEPOINT s'], ['FETCH ALL FROM nothing'], ['EXECUTE nothing'], ['DEALLOCATE nothing'],
      ]) {
        say(text, values);
        await refused(client.query({ text, values }));
      }
    });

    await check('a prepared statement', async () => {
      for (const id of [1, 2, 1]) say((await client.query({ name: 'by id', text: 'SELECT name FROM author WHERE id = $1', values: [id] })).rows);
      await refused(client.query({ name: 'by id', text: 'SELECT 1', values: [] }));
      say((await client.query('SELECT name, statement, parameter_types, from_sql FROM pg_prepared_statements')).rows);
      await client.query('ALTER TABLE author ADD COLUMN born date');
      say((await client.query({ name: 'by id', text: 'SELECT name FROM author WHERE id = $1', values: [2] })).rows);
      await client.query({ name: 'all', text: 'SELECT * FROM author WHERE id = $1', values: [1] });
      await client.query('ALTER TABLE author DROP COLUMN born');
      await refused(client.query({ name: 'all', text: 'SELECT * FROM author WHERE id = $1', values: [1] }));
      await client.query('DEALLOCATE ALL');
      await refused(client.query({ name: 'by id', text: 'SELECT name FROM author WHERE id = $1', values: [1] }));
    });

    await check('a transaction', async () => {
      await client.query('BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY');
      say((await client.query('SHOW transaction_isolation')).rows, (await client.query('SHOW transaction_read_only')).rows);
      await refused(client.query('DELETE FROM author'));
      await refused(client.query('SELECT 1'));
      const ended = await client.query('COMMIT');
      say(ended.command);
      await client.query('BEGIN');
      await client.query('SAVEPOINT one');
      await refused(client.query("INSERT INTO author (name) VALUES ('Ann')"));
      await client.query('ROLLBACK TO SAVEPOINT one');
      await client.query("INSERT INTO author (id, name) VALUES (50, 'Eve')");
      await client.query('RELEASE SAVEPOINT one');
      await client.query('COMMIT');
      await client.query('BEGIN');
      await client.query('BEGIN');
      await client.query('COMMIT');
      await client.query('COMMIT');
      say((await client.query('SELECT name FROM author ORDER BY name')).rows);
    });

    await check('a cursor', async () => {
      const cursor = client.query(new Cursor('SELECT i, $1 || i AS t FROM generate_series(1, 10) i', ['n']));
      say(await cursor.read(3));
      say(await cursor.read(3));
      await cursor.close();
      const whole = client.query(new Cursor('SELECT i FROM generate_series(1, 3) i', [], { rowMode: 'array' }));
      say(await whole.read(3), await whole.read(3), await whole.read(3));
      const failing = client.query(new Cursor('SELECT 1/($1 - 3) AS q', [3]));
      try {
        for (;;) {
          const rows = await failing.read(1);
          say(rows);
          if (rows.length === 0) break;
        }
      } catch (error) {
        sayError(error);
      }
      await check('  of a write', async () => {
        const write = client.query(new Cursor("INSERT INTO author (id, name) SELECT i, 'n' || i FROM generate_series(100, 102) i RETURNING id"));
        say(await write.read(2), await write.read(2), await write.read(2));
        await write.close();
      });
      say((await client.query('SELECT count(*) FROM author WHERE id >= 100')).rows);
    });

    await check('a stream of many rows', async () => {
      let count = 0;
      let sum = 0;
      for await (const row of client.query(new QueryStream('SELECT i, repeat(md5(i::text), 8) AS t FROM generate_series(1, 20000) i', [], { batchSize: 512 }))) {
        count += 1;
        sum += row.i + row.t.length;
      }
      say(count, sum);
      for await (const row of client.query(new QueryStream('SELECT i FROM generate_series(1, 5000) i'))) {
        if (row.i === 7) break;
      }
      say((await client.query('SELECT 1 AS after')).rows);
    });

    await check('COPY', async () => {
      await client.query('CREATE TEMP TABLE c (a int, b text, d date)');
      const into = (text, data) => pipeline(Readable.from(data), client.query(copy.from(text)));
      await into('COPY c FROM STDIN', ['1\tone\t2024-01-01\n2\t\\N\t', '\\N\n3\ttab\\there\t2024-01-03\n']);
      await into("COPY c (a, b) FROM STDIN WITH (FORMAT csv, HEADER true, NULL 'none')", ['a,b\n4,"quo""ted, yes"\n5,none\n', '6,"two\nlines"\n']);
      await check('  a wrong value', () => into('COPY c FROM STDIN', ['7\tx\tyesterday-ish\n']));
      await check('  a missing column', () => into('COPY c FROM STDIN', ['8\n']));
      await check('  a client that gives up', async () => {
        const stream = client.query(copy.from('COPY c FROM STDIN'));
        stream.write('9\tx\t2024-01-01\n');
        const failed = once(stream, 'error').catch((error) => [error]);
        stream.destroy(new Error('had enough'));
        await failed;
      });
      const out = async (text) => {
        const chunks = [];
        for await (const chunk of client.query(copy.to(text))) chunks.push(chunk);
        return Buffer.concat(chunks);
      };
      say((await out('COPY c TO STDOUT')).toString());
      say((await out('COPY (SELECT a, b FROM c ORDER BY a DESC) TO STDOUT WITH (FORMAT csv, HEADER, FORCE_QUOTE *)')).toString());
      say((await out('COPY (SELECT a FROM c WHERE a < 3 ORDER BY a) TO STDOUT (FORMAT binary)')).toString('hex'));
      await check('  of what is not there', () => out('COPY nowhere TO STDOUT'));
      const both = client.query(copy.to('COPY (SELECT i, md5(i::text) FROM generate_series(1, 50000) i) TO STDOUT'));
      let bytes = 0;
      for await (const chunk of both) bytes += chunk.length;
      say('bytes', bytes, (await client.query('SELECT count(*) FROM c')).rows);
    });

    await check('LISTEN', async () => {
      const heard = [];
      client.on('notification', (message) => heard.push([message.channel, message.payload, message.processId === client.processID]));
      await client.query('LISTEN news');
      await client.query('LISTEN "Mixed Case"');
      await client.query("NOTIFY news, 'own'");
      await connected({}, async (other) => {
        await other.query('SELECT pg_notify($1, $2)', ['Mixed Case', 'ü "quoted"']);
        await other.query('NOTIFY news');
        await other.query('BEGIN');
        await other.query("NOTIFY news, 'twice'");
        await other.query("NOTIFY news, 'twice'");
        await other.query("NOTIFY elsewhere, 'unheard'");
        await other.query('COMMIT');
      });
      while (heard.length < 4) await sleep(5);
      say(heard);
      say((await client.query('SELECT pg_listening_channels() AS c ORDER BY c')).rows);
      await client.query('UNLISTEN *');
      await client.query("NOTIFY news, 'unheard'");
      say(heard.length);
      await refused(client.query('SELECT pg_notify($1, $2)', ['', 'x']));
    });

    await check('many queries without waiting', async () => {
      const answers = await Promise.allSettled([1, 2, 0, 4].map((divisor) => client.query('SELECT 8 / $1::int AS q', [divisor])));
      say(answers.map((answer) => (answer.value ? answer.value.rows[0].q : answer.reason.code)));
    });
  });

  await check('a pipeline', () => connected({ pipeline: true }, async (client) => {
    const answers = await Promise.allSettled([1, 2, 0, 4].map((divisor) => client.query('SELECT 8 / $1::int AS q', [divisor])));
    say(answers.map((answer) => (answer.value ? answer.value.rows[0].q : answer.reason.code)));
    const mixed = await Promise.allSettled(['BEGIN', 'CREATE TEMP TABLE piped (a int PRIMARY KEY)', 'INSERT INTO piped VALUES (1)', 'SAVEPOINT s',
      'INSERT INTO piped VALUES (1)', 'ROLLBACK TO s', 'INSERT INTO piped VALUES (2)', 'COMMIT', 'SELECT * FROM piped ORDER BY a'].map((text) => client.query(text)));
    say(mixed.map((answer) => (answer.value ? [answer.value.command, answer.value.rows] : answer.reason.code)));
  }));

  await check('timeouts', async () => {
    await connected({ statement_timeout: 50 }, async (client) => {
      await refused(client.query('SELECT pg_sleep(10)'));
      await refused(client.query({ name: 's', text: 'SELECT count(*) FROM generate_series(1, 1000000000000)' }));
      say((await client.query('SELECT 1 AS after')).rows);
    });
    await connected({ lock_timeout: 50 }, async (client) => connected({}, async (other) => {
      await other.query('BEGIN');
      await other.query('UPDATE author SET name = name WHERE id = 1');
      await refused(client.query('UPDATE author SET name = name WHERE id = 1'));
      await refused(client.query('SELECT * FROM author WHERE id = 1 FOR UPDATE NOWAIT'));
      say((await client.query('SELECT id FROM author WHERE id < 3 FOR UPDATE SKIP LOCKED')).rows);
      await other.query('ROLLBACK');
    }));
    const idle = new Client({ idle_in_transaction_session_timeout: 50 });
    const ended = once(idle, 'error');
    await idle.connect();
    await idle.query('BEGIN');
    sayError((await ended)[0]);
    await idle.end().catch(() => {});
  });

  await check('a query is cancelled', async () => {
    await connected({}, async (client) => connected({}, async (other) => {
      const sleeping = refused(client.query('SELECT pg_sleep(60)'));
      while ((await other.query("SELECT 1 FROM pg_stat_activity WHERE pid = $1 AND state = 'active'", [client.processID])).rowCount === 0) await sleep(5);
      const { rows } = await other.query('SELECT pg_cancel_backend($1)', [client.processID]);
      await sleeping;
      say(rows);
      say((await client.query('SELECT 1 AS after')).rows);
      const gone = once(client, 'error');
      const ended = await other.query('SELECT pg_terminate_backend($1)', [client.processID]);
      sayError((await gone)[0]);
      say(ended.rows);
    }));
    await connected({}, async (client) => {
      const request = new (require('pg/lib/query'))('SELECT pg_sleep(60)');
      const failed = once(request, 'error');
      client.query(request);
      // The cancel request is ignored while the query has not begun, so it is repeated.
      let done = false;
      failed.then(() => { done = true; });
      while (!done) {
        const canceller = new Client();
        canceller.connection.on('error', () => {});
        canceller.cancel(client, request);
        await sleep(50);
      }
      sayError((await failed)[0]);
    });
  });

  await check('a pool', async () => {
    const pool = new Pool({ max: 4, idleTimeoutMillis: 10 });
    const sums = await Promise.all(Array.from({ length: 50 }, (_, i) => pool.query('SELECT $1::int * 2 AS d', [i])));
    say(sums.reduce((sum, answer) => sum + answer.rows[0].d, 0), pool.totalCount <= 4);
    await pool.end();
  });

  await check('parsers of types', async () => {
    const client = new Client({ types: { getTypeParser: (oid, format) => (oid === types.builtins.INT8 ? BigInt : types.getTypeParser(oid, format)) } });
    await client.connect();
    say((await client.query('SELECT count(*) AS n, sum(i) AS s, avg(i) AS a FROM generate_series(1, 3) i')).rows);
    const big = 'x'.repeat(3_000_000);
    say((await client.query('SELECT length($1) AS l, $1 = $2 AS same', [big, big])).rows);
    say((await client.query('SELECT $1::text AS echo', [big])).rows[0].echo.length);
    const wide = await client.query({ text: `SELECT ${Array.from({ length: 1600 }, (_, i) => i).join(', ')}`, rowMode: 'array' });
    say(wide.fields.length, wide.rows[0][1599]);
    const many = Array.from({ length: 30000 }, (_, i) => i);
    say((await client.query(`SELECT count(*) AS n FROM (VALUES ${many.map((_, i) => `($${i + 1}::int)`).join(', ')}) v`, many)).rows);
    say((await client.query('SELECT count(*) AS n FROM unnest($1::int[]) v', [many])).rows);
    await client.query('DROP TABLE film, author');
    await client.end();
  });
}

main().catch((error) => {
  console.log(error.stack);
  process.exitCode = 1;
});
