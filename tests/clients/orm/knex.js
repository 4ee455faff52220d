// Knex: migrations by its schema builder, what it reads of tables, and queries as applications build them.
'use strict';

const knex = require('knex');
const { check, refused, say } = require('../node/told');

const { PGUSER, PGPASSWORD, PGHOST, PGPORT, PGDATABASE } = process.env;
const db = knex({ client: 'pg', connection: { host: PGHOST, port: +PGPORT, user: PGUSER, password: PGPASSWORD, database: PGDATABASE }, pool: { min: 0, max: 3 } });

const UUID = 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11';
const MIGRATIONS = {
  '1_make': {
    up: async (k) => {
      await k.schema.createTable('account', (t) => {
        t.increments('id');
        t.string('name', 80).notNullable().unique().comment('who');
        t.enu('kind', ['a', 'b'], { useNative: true, enumName: 'account_kind' }).defaultTo('a');
        t.enu('state', ['on', 'off']);
        t.decimal('balance', 12, 2).defaultTo(0);
        t.jsonb('data').defaultTo('{}');
        t.specificType('tags', 'text[]');
        t.binary('raw');
        t.uuid('token').defaultTo(k.fn.uuid());
        t.timestamps(true, true);
        t.index(['kind', 'state'], 'account_kind_state');
      });
      await k.schema.createTable('entry', (t) => {
        t.bigIncrements('id');
        t.integer('account_id').notNullable().references('id').inTable('account').onDelete('CASCADE').onUpdate('NO ACTION');
        t.float('amount');
        t.date('day');
        t.boolean('done').notNullable().defaultTo(false);
        t.text('note');
        t.unique(['account_id', 'day'], { indexName: 'entry_once', deferrable: 'deferred' });
        t.check('?? <> 0', ['amount'], 'entry_amount');
      });
      await k.schema.createView('busy', (v) => { v.columns(['name']); v.as(k('account').select('name').where('state', 'on')); });
    },
    down: (k) => k.schema.dropView('busy').dropTable('entry').dropTable('account').raw('DROP TYPE account_kind'),
  },
  '2_change': {
    up: (k) => k.schema.alterTable('account', (t) => {
      t.string('mail');
      t.renameColumn('data', 'extra');
      t.decimal('balance', 14, 3).defaultTo(0).alter();
      t.dropIndex(['kind', 'state'], 'account_kind_state');
      t.setNullable('created_at');
      t.index(k.raw('lower(mail)'), 'account_mail');
    }),
    down: (k) => k.schema.alterTable('account', (t) => {
      t.dropColumn('mail');
      t.renameColumn('extra', 'data');
    }),
  },
};
const migrations = { migrationSource: { getMigrations: async () => Object.keys(MIGRATIONS), getMigrationName: (name) => name, getMigration: async (name) => MIGRATIONS[name] } };

async function main() {
  await check('migrations', async () => {
    say((await db.migrate.latest(migrations))[1]);
    say((await db.migrate.latest(migrations))[1]);
    say(await db.migrate.currentVersion(migrations), (await db.migrate.list(migrations))[0].map((one) => one.name));
  });
  await check('what is there', async () => {
    for (const table of ['account', 'entry', 'nothing']) say(table, await db.schema.hasTable(table), await db(table).columnInfo());
    say(await db.schema.hasColumn('account', 'mail'), await db.schema.hasColumn('account', 'data'));
  });
  await check('writes', async () => {
    say(await db('account').insert([{ name: 'Ann', state: 'on', tags: ['x', 'y'], raw: Buffer.from([0, 255]) }, { name: 'Bob' }]).returning(['id', 'name', 'kind', 'balance', 'tags']));
    say(await db('account').insert({ name: 'Ann', balance: 5 }).onConflict('name').merge({ balance: db.raw('account.balance + excluded.balance') }).returning('balance'));
    say(await db('account').insert({ name: 'Ann' }).onConflict('name').ignore());
    say((await db.batchInsert('entry', Array.from({ length: 250 }, (_, i) => ({ account_id: 1 + (i % 2), amount: i + 1, day: new Date(Date.UTC(2024, 0, i + 1)) })), 100).returning('id')).length);
    say(await db('account').where({ name: 'Bob' }).update({ extra: JSON.stringify({ deep: { list: [1, 2] } }) }, ['id', 'extra']));
    say(await db('account').increment('balance', 2.5).where('id', 1), await db('entry').where('amount', '>', 200).del());
    await refused(db('account').insert({ name: null, created_at: new Date(0), updated_at: new Date(0), token: UUID }));
    await refused(db('account').insert({ id: 70, name: 'x', state: 'nowhere', created_at: new Date(0), updated_at: new Date(0), token: UUID }));
    await refused(db('entry').insert({ account_id: 99, amount: 1 }));
    await refused(db('entry').insert({ account_id: 1, amount: 0 }));
  });
  await check('queries', async () => {
    say(await db('account as a').join('entry as e', 'e.account_id', 'a.id').select('a.name').sum('e.amount as total').count('* as n').groupBy('a.name').having(db.raw('count(*)'), '>', 1).orderBy('a.name'));
    say(await db('entry').where('done', false).whereBetween('amount', [1, 5]).whereIn('account_id', [1, 2]).orderBy([{ column: 'amount', order: 'desc' }]).limit(3).offset(1).select('id', 'amount'));
    say(await db('account').whereILike('name', 'a%').orWhereNull('state').pluck('name'), await db('account').first('name').whereJsonPath('extra', '$.deep.list[0]', '=', 1));
    say(await db.with('big', db('entry').where('amount', '>', 190)).select('amount').from('big').unionAll([db.select(db.raw('?::real', [1.5]))]).orderBy('amount', 'desc').limit(2));
    say(await db('entry').distinctOn('account_id').select('account_id', 'amount').orderBy(['account_id', { column: 'amount', order: 'desc' }]));
    say(await db('entry').select('id').rowNumber('n', 'amount', 'account_id').orderBy('id').limit(2), await db('entry').avg('amount').min('day as first').max('day as last'));
    say((await db.raw('SELECT ?::int AS a, ?? FROM account WHERE id = :id'.replace(':id', '1'), [1, 'name'])).rows);
    let sum = 0;
    for await (const row of db('entry').select('amount').stream()) sum += row.amount;
    say(sum);
  });
  await check('transactions', async () => {
    await refused(db.transaction(async (trx) => {
      await trx('account').insert({ name: 'gone' });
      await trx.transaction(async (inner) => { await inner('account').insert({ name: 'Ann' }); }).catch((error) => say(error.code));
      say(await trx('account').where({ id: 1 }).forUpdate().skipLocked().select('name'));
      throw new Error('rolled back');
    }, { isolationLevel: 'repeatable read' }));
    say(await db('account').count());
  });
  await check('back', async () => {
    say((await db.migrate.rollback(migrations, true))[1], await db.schema.hasTable('account'));
  });
  await db.schema.dropTable('knex_migrations').dropTable('knex_migrations_lock');
  await db.destroy();
}

main().catch((error) => {
  console.log(error.stack);
  process.exitCode = 1;
});
