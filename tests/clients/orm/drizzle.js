// Drizzle: drizzle-kit pushes a schema and reads one back; the ORM queries it.
'use strict';

const { execFileSync } = require('node:child_process');
const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');
const { Pool } = require('pg');
const { check, refused, say } = require('../node/told');

const packages = process.env.NODE_PATH;
const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'drizzle'));
const { PGUSER, PGPASSWORD, PGHOST, PGPORT, PGDATABASE } = process.env;
const url = `postgresql://${PGUSER}:${encodeURIComponent(PGPASSWORD)}@${PGHOST}:${PGPORT}/${PGDATABASE}`;

const SCHEMA = `
const { pgTable, pgEnum, pgSchema, pgSequence, pgView, serial, integer, bigint, smallint, text, varchar, char, boolean, numeric, real, doublePrecision, date, time, timestamp, interval, json, jsonb, uuid, inet,
  index, uniqueIndex, unique, primaryKey, foreignKey, check, bigserial } = require('drizzle-orm/pg-core');
const { sql, relations } = require('drizzle-orm');
const mood = pgEnum('mood', ['sad', 'ok', 'happy']);
const counter = pgSequence('counter', { startWith: 10, increment: 5, maxValue: 1000, cycle: true });
const shop = pgSchema('shop');
const users = pgTable('users', {
  id: serial('id').primaryKey(), name: varchar('name', { length: 50 }).notNull(), email: text('email').notNull().unique(), mood: mood('mood').default('ok'), tags: text('tags').array().default([]),
  data: jsonb('data').$type().default({ a: 1 }), born: date('born'), at: timestamp('at', { withTimezone: true, precision: 3 }).defaultNow(), span: interval('span'), wealth: numeric('wealth', { precision: 12, scale: 2 }).default('0'),
  age: smallint('age'), ratio: doublePrecision('ratio'), ip: inet('ip'), key: uuid('key').defaultRandom(), loud: text('loud').generatedAlwaysAs(sql\`upper(name)\`), code: char('code', { length: 3 }),
}, (t) => [index('users_name').on(t.name.desc(), t.mood), uniqueIndex('users_lower').on(sql\`lower(\${t.email})\`), index('users_part').on(t.age).where(sql\`age > 3\`), check('users_age', sql\`\${t.age} >= 0\`)]);
const posts = shop.table('posts', { a: bigint('a', { mode: 'number' }).generatedAlwaysAsIdentity(), b: integer('b').notNull(), author: integer('author').references(() => users.id, { onDelete: 'cascade' }), body: text('body'), ok: boolean('ok').notNull().default(true) },
  (t) => [primaryKey({ columns: [t.a, t.b] }), unique('posts_body').on(t.body)]);
const adults = pgView('adults').as((q) => q.select({ name: users.name, age: users.age }).from(users).where(sql\`\${users.age} > 17\`));
module.exports = { mood, counter, shop, users, posts, adults, usersRelations: relations(users, ({ many }) => ({ posts: many(posts) })), postsRelations: relations(posts, ({ one }) => ({ author: one(users, { fields: [posts.author], references: [users.id] }) })) };
`;

function kit(...words) {
  let printed;
  try {
    printed = execFileSync(process.execPath, [path.join(packages, 'drizzle-kit/bin.cjs'), ...words], { cwd: folder, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'], env: { ...process.env, NO_COLOR: '1' } });
  } catch (error) {
    printed = `${error.stdout}\n${error.stderr}`;
  }
  const last = printed.replace(/\u001b\[[0-9;]*[A-Za-z]/g, '').split('\n').map((line) => line.trimEnd()).filter((line) => line.trim() && !/^\[[⣷⣯⣟⡿⢿⣻⣽⣾]\]|fetch|SQL migration|Reading|Using|files? 'drizzle/.test(line));
  for (const line of last) say(line.replaceAll(folder, ''));
}

async function main() {
  fs.writeFileSync(path.join(folder, 'schema.js'), SCHEMA);
  fs.writeFileSync(path.join(folder, 'drizzle.config.js'), `module.exports = { dialect: 'postgresql', schema: './schema.js', out: './out', schemaFilter: ['public', 'shop'], dbCredentials: { url: ${JSON.stringify(url)} }, verbose: true };`);
  fs.symlinkSync(packages, path.join(folder, 'node_modules'));
  await check('push', () => kit('push', '--force'));
  await check('push again', () => kit('push', '--force'));
  await check('pull', () => {
    kit('pull');
    const file = path.join(folder, 'out', 'schema.ts');
    if (fs.existsSync(file)) for (const line of fs.readFileSync(file, 'utf8').split('\n')) say(line);
  });
  await check('queries', async () => {
    const { drizzle } = require('drizzle-orm/node-postgres');
    const { sql, eq, and, gt, inArray, desc, count, arrayContains } = require('drizzle-orm');
    const schema = require(path.join(folder, 'schema.js'));
    const { users, posts, adults } = schema;
    const pool = new Pool();
    const db = drizzle(pool, { schema });
    const plain = (value) => JSON.stringify(value, (key, inner) => (['at', 'key'].includes(key) ? typeof inner : inner));
    say(plain(await db.insert(users).values([{ name: 'Ann', email: 'a@x', tags: ['x', 'y'], age: 20, born: '2000-02-29', span: '1 day', wealth: '5.25', ip: '10.0.0.1', ratio: 0.5 }, { name: 'Bob', email: 'b@x', mood: 'sad' }]).returning()));
    say(plain(await db.insert(users).values({ name: 'Ann2', email: 'a@x' }).onConflictDoUpdate({ target: users.email, set: { name: sql`excluded.name` } }).returning({ id: users.id, name: users.name, loud: users.loud })));
    say(plain(await db.insert(posts).values([{ b: 1, author: 1, body: 'one' }, { b: 2, author: 1, body: 'two' }]).returning()));
    say(plain(await db.query.users.findMany({ with: { posts: { columns: { body: true }, orderBy: (p) => desc(p.b) } }, columns: { name: true, mood: true }, orderBy: (u) => u.id })));
    say(plain(await db.query.posts.findFirst({ with: { author: true }, where: (p, { eq: same }) => same(p.b, 2) })));
    say(plain(await db.select({ name: users.name, n: count(posts.a) }).from(users).leftJoin(posts, eq(posts.author, users.id)).groupBy(users.name).orderBy(desc(count(posts.a)))));
    say(plain(await db.select().from(adults)), plain(await db.select({ id: users.id }).from(users).where(and(gt(users.age, 3), inArray(users.mood, ['ok', 'happy']), arrayContains(users.tags, ['x'])))));
    const prepared = db.select({ name: users.name }).from(users).where(eq(users.id, sql.placeholder('id'))).prepare('by_id');
    say(plain(await prepared.execute({ id: 1 })), plain(await prepared.execute({ id: 2 })));
    await refused(db.transaction(async (tx) => {
      await tx.update(users).set({ age: 50 });
      await tx.transaction(async (inner) => { await inner.delete(posts); inner.rollback(); }).catch((error) => say(error.message));
      say(plain(await tx.select({ n: count() }).from(posts)));
      tx.rollback();
    }, { isolationLevel: 'serializable' }));
    for (const failing of [db.insert(users).values({ name: 'z', email: 'a@x' }), db.insert(users).values({ name: 'z', email: 'z', age: -1 })]) {
      await failing.then(() => say('not refused'), (error) => say(error.cause.code, error.cause.message, error.cause.constraint));
    }
    await pool.end();
  });
  await check('a changed schema', () => {
    fs.writeFileSync(path.join(folder, 'schema.js'), SCHEMA.replace("['sad', 'ok', 'happy']", "['sad', 'ok', 'happy', 'calm']").replace('length: 50', 'length: 70').replace("age: smallint('age')", "age: integer('age').default(7), extra: boolean('extra')")
      .replace("index('users_part').on(t.age).where(sql\\`age > 3\\`), ", '').replace("body: text('body')", "body: text('body').notNull()").replace("check('users_age'", "check('users_age_2'"));
    kit('push', '--force');
    kit('push', '--force');
  });
  fs.rmSync(folder, { recursive: true });
}

main().catch((error) => {
  console.log(error.stack);
  process.exitCode = 1;
});
