// Prisma: a schema is pushed, pushed again, read back and changed, and the client that is made of it is used. Its engines here are
// those that come with the packages, which reach the server through node-postgres.
'use strict';

const { execFileSync } = require('node:child_process');
const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');
const { check, refused, say } = require('../node/told');

const packages = process.env.NODE_PATH;
const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'prisma'));
const { PGUSER, PGPASSWORD, PGHOST, PGPORT, PGDATABASE } = process.env;
const url = `postgresql://${PGUSER}:${encodeURIComponent(PGPASSWORD)}@${PGHOST}:${PGPORT}/${PGDATABASE}`;

const SCHEMA = `
generator client {
  provider   = "prisma-client-js"
  engineType = "client"
  output     = "./client"
}
datasource db {
  provider = "postgresql"
  url      = env("DATABASE_URL")
}
enum Role {
  USER
  ADMIN
}
model User {
  id      Int       @id @default(autoincrement())
  email   String    @unique
  name    String?
  role    Role      @default(USER)
  created DateTime  @default(now())
  meta    Json?
  tags    String[]
  posts   Post[]
  groups  Group[]
  manager User?     @relation("manages", fields: [managerId], references: [id])
  managerId Int?
  managed User[]    @relation("manages")
}
model Post {
  id       String   @id @default(dbgenerated("gen_random_uuid()")) @db.Uuid
  title    String   @db.VarChar(100)
  price    Decimal? @db.Decimal(10, 2)
  big      BigInt?
  data     Bytes?
  day      DateTime? @db.Date
  ratio    Float?   @db.Real
  flag     Boolean  @default(false)
  author   User     @relation(fields: [authorId], references: [id], onDelete: Cascade, onUpdate: Restrict)
  authorId Int      @map("author_id")
  @@unique([title, authorId])
  @@index([authorId, title(sort: Desc)])
  @@map("posts")
}
model Group {
  a     Int    @id
  b     String @db.Char(3)
  users User[]
  @@index([a, b(ops: raw("bpchar_pattern_ops"))])
}
`;

const CONFIG = `
const { PrismaPg } = require('@prisma/adapter-pg');
const { ColumnTypeEnum } = require('@prisma/driver-adapter-utils');
// The adapter knows no name and no "char", which catalogs consist of.
const KNOWN = { 19: 25, 1003: 1009, 194: 25, 18: 25, 1002: 1009 };
function knowing(adapter) {
  const { performIO, queryRaw } = adapter;
  adapter.performIO = async (query) => {
    const answer = await performIO.call(adapter, query);
    answer.fields = (answer.fields || []).map((field) => ({ ...field, own: field.dataTypeID, dataTypeID: KNOWN[field.dataTypeID] || field.dataTypeID }));
    query.fields = answer.fields;
    return answer;
  };
  adapter.queryRaw = async (query) => {
    const answer = await queryRaw.call(adapter, query);
    query.fields.forEach((field, i) => { if (field.own === 18) answer.columnTypes[i] = ColumnTypeEnum.Character; });
    return answer;
  };
  return adapter;
}
class Factory extends PrismaPg {
  async connect() { return knowing(await super.connect()); }
  async connectToShadowDb() { return knowing(await super.connectToShadowDb()); }
}
module.exports = {
  schema: 'schema.prisma',
  experimental: { adapter: true },
  engine: 'js',
  adapter: async () => new Factory({ connectionString: process.env.DATABASE_URL, allowExitOnIdle: true }),
};
`;

function prisma(...words) {
  const options = { cwd: folder, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, DATABASE_URL: url, CHECKPOINT_DISABLE: '1', PRISMA_HIDE_UPDATE_MESSAGE: '1', NO_COLOR: '1' } };
  let printed;
  try {
    printed = execFileSync(process.execPath, [path.join(packages, 'prisma/build/index.js'), ...words], options);
  } catch (error) {
    printed = `${error.stdout}\n${error.stderr}`;
  }
  printed = printed.replace(/ in \d+m?s/g, '').replaceAll(folder, '').replace(/Tip: .*/s, '');
  for (const line of printed.split('\n')) if (line.trim() && !/Datasource "db"/.test(line)) say(line);
}

async function main() {
  fs.writeFileSync(path.join(folder, 'schema.prisma'), SCHEMA);
  fs.writeFileSync(path.join(folder, 'prisma.config.js'), CONFIG);
  fs.symlinkSync(packages, path.join(folder, 'node_modules'));
  await check('push', () => prisma('db', 'push', '--skip-generate', '--accept-data-loss'));
  await check('push again', () => prisma('db', 'push', '--skip-generate'));
  await check('pull', () => prisma('db', 'pull', '--print'));
  await check('generate', () => prisma('generate'));
  await check('the client', async () => {
    const { PrismaClient, Prisma } = require(path.join(folder, 'client'));
    const { PrismaPg } = require('@prisma/adapter-pg');
    const client = new PrismaClient({ adapter: new PrismaPg({ connectionString: url }) });
    const plain = (value) => JSON.stringify(value, (_, inner) => (typeof inner === 'bigint' ? `${inner}n` : inner));
    const user = await client.user.create({ data: { email: 'a@x', tags: ['t', 'u'], meta: { k: [1, null] }, created: new Date(0),
      posts: { create: [{ title: 'one', price: '1.50', big: 5n, data: new Uint8Array([0, 255]), day: new Date('2024-02-29'), ratio: 0.5 }, { title: 'two' }] },
      groups: { create: { a: 1, b: 'xyz' } } }, include: { posts: { omit: { id: true }, orderBy: { title: 'asc' } }, groups: true } });
    say(plain(user));
    say(plain(await client.user.createMany({ data: [{ email: 'b@x', role: 'ADMIN' }, { email: 'a@x' }], skipDuplicates: true })));
    say(plain(await client.user.findMany({ where: { OR: [{ email: { contains: 'B', mode: 'insensitive' } }, { tags: { has: 't' } }], posts: { every: { flag: false } } },
      select: { email: true, _count: { select: { posts: true } } }, orderBy: [{ email: 'desc' }], take: 5 })));
    say(plain(await client.user.findMany({ where: { meta: { path: ['k'], array_contains: [1] } }, select: { id: true } })));
    say(plain(await client.user.upsert({ where: { email: 'c@x' }, create: { email: 'c@x', manager: { connect: { email: 'a@x' } } }, update: {}, select: { email: true, manager: { select: { email: true } } } })));
    say(plain(await client.user.upsert({ where: { email: 'c@x' }, create: { email: 'c@x' }, update: { name: 'Cid' }, select: { name: true, managerId: true } })));
    say(plain(await client.post.aggregate({ _sum: { price: true, big: true }, _count: true, _avg: { ratio: true } })));
    say(plain(await client.user.groupBy({ by: ['role'], _count: true, orderBy: { role: 'asc' } })));
    say(plain(await client.post.updateMany({ where: { author: { email: 'a@x' } }, data: { flag: true, big: { increment: 2 } } })));
    await refused(client.user.create({ data: { email: 'a@x' } }).catch((error) => { throw Object.assign(new Error(error.code), { detail: plain(error.meta && error.meta.target) }); }));
    await refused(client.post.create({ data: { title: 'x', authorId: 99 } }).catch((error) => { throw new Error(error.code); }));
    await refused(client.$transaction(async (transaction) => {
      await transaction.user.deleteMany();
      throw new Error('rolled back');
    }, { isolationLevel: 'Serializable' }));
    say(plain(await client.$transaction([client.user.count(), client.post.count(), client.group.count()])));
    say(plain(await client.$queryRaw`SELECT count(*) AS n, ${1}::int AS i, ${'x'} AS t, ${new Prisma.Decimal('1.5')}::numeric AS d`));
    say(await client.$executeRaw`UPDATE "User" SET name = 'n' WHERE id = ${1}`);
    say(plain(await client.user.delete({ where: { email: 'c@x' }, select: { email: true } })));
    say(plain(await client.user.findFirst({ where: { email: 'a@x' }, select: { posts: { select: { title: true }, orderBy: { title: 'desc' } }, managed: true, groups: true } })));
    await client.$disconnect();
  });
  await check('a changed schema', () => {
    fs.writeFileSync(path.join(folder, 'schema.prisma'), SCHEMA.replace('  ADMIN\n', '  ADMIN\n  GUEST\n').replace('name    String?', 'name    String?  @db.VarChar(50)\n  age Int @default(0)\n  level BigInt?')
      .replace('flag     Boolean  @default(false)', 'flag     Boolean  @default(true)').replace('  @@unique([title, authorId])\n', '').replace('big      BigInt?', 'big      Int?'));
    prisma('db', 'push', '--skip-generate', '--accept-data-loss');
    prisma('db', 'push', '--skip-generate');
    prisma('db', 'pull', '--print');
  });
  await check('a diff', () => prisma('migrate', 'diff', '--from-empty', '--to-schema-datamodel', 'schema.prisma', '--script'));
  await check('reset', () => prisma('db', 'push', '--skip-generate', '--force-reset'));
  fs.rmSync(folder, { recursive: true });
}

main().catch((error) => {
  console.log(error.stack);
  process.exitCode = 1;
});
