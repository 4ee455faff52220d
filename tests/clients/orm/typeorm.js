// TypeORM: entities are made into tables; made again, nothing is left to do; changed, what changed is.
'use strict';

require('reflect-metadata');
const { DataSource, EntitySchema, In, ILike, Table, TableColumn } = require('typeorm');
const { check, refused, say, shown } = require('../node/told');

const { PGUSER, PGPASSWORD, PGHOST, PGPORT, PGDATABASE } = process.env;

function entities(changed) {
  const Author = new EntitySchema({ name: 'Author', tableName: 'author', columns: {
    id: { type: Number, primary: true, generated: true },
    name: { type: 'varchar', length: 80, unique: true, comment: 'in full' },
    kind: { type: 'enum', enum: changed ? ['a', 'b', 'c'] : ['a', 'b'], enumName: 'author_kind', default: 'a' },
    tags: { type: 'text', array: true, default: '{}' }, extra: { type: 'jsonb', nullable: true }, wealth: { type: 'numeric', precision: 10, scale: 2, default: 0 },
    made: { type: 'timestamp with time zone', createDate: true }, version: { type: Number, version: true },
    ...(changed ? { age: { type: 'smallint', default: 5 } } : { old: { type: 'bytea', nullable: true } }),
  }, relations: { books: { type: 'one-to-many', target: 'Book', inverseSide: 'author', cascade: true } }, indices: [{ name: 'author_kind_name', columns: ['kind', 'name'] }],
  checks: [{ name: 'author_wealth', expression: '"wealth" >= 0' }] });
  const Book = new EntitySchema({ name: 'Book', tableName: 'book', columns: {
    id: { type: 'uuid', primary: true, generated: 'uuid' }, title: { type: 'text', nullable: changed }, pages: { type: 'bigint', nullable: true }, day: { type: 'date', nullable: true },
    good: { type: 'boolean', default: true }, upper: { type: 'text', generatedType: 'STORED', asExpression: 'upper(title)', nullable: true },
  }, relations: { author: { type: 'many-to-one', target: 'Author', inverseSide: 'books', onDelete: 'CASCADE', joinColumn: true }, genres: { type: 'many-to-many', target: 'Genre', joinTable: true, cascade: true } },
  uniques: [{ name: 'book_once', columns: ['title', 'author'] }] });
  const Genre = new EntitySchema({ name: 'Genre', tableName: 'genre', columns: { a: { type: 'int', primary: true }, b: { type: 'char', length: 3, primary: true } } });
  return [Author, Book, Genre];
}

async function source(changed) {
  const one = new DataSource({ type: 'postgres', host: PGHOST, port: +PGPORT, username: PGUSER, password: PGPASSWORD, database: PGDATABASE, entities: entities(changed), synchronize: false, uuidExtension: 'pgcrypto', installExtensions: false });
  return one.initialize();
}

async function synchronized(one) {
  const wanted = (await one.driver.createSchemaBuilder().log()).upQueries.map((query) => query.query);
  for (const text of wanted) say(text);
  await one.synchronize();
  say('left:', (await one.driver.createSchemaBuilder().log()).upQueries.map((query) => query.query));
}

const plain = (value) => JSON.stringify(value, (key, inner) => (['id', 'made'].includes(key) ? typeof inner : inner));

async function main() {
  const one = await source(false);
  await check('tables', () => synchronized(one));
  await check('rows', async () => {
    const authors = one.getRepository('Author');
    say(plain(await authors.save({ name: 'Ann', tags: ['a,b', 'c'], extra: { deep: [null] }, wealth: '1.50', old: Buffer.from([0, 255]),
      books: [{ title: 'one', pages: '9007199254740993', day: '2024-02-29', genres: [{ a: 1, b: 'xyz' }] }, { title: 'two' }] })));
    say(plain(await authors.find({ where: [{ name: ILike('a%') }, { kind: In(['b']) }], relations: { books: { genres: true } }, order: { name: 'ASC', books: { title: 'DESC' } }, take: 5 })));
    say(plain(await authors.createQueryBuilder('a').leftJoin('a.books', 'b').select('a.name', 'n').addSelect('count(b.id)', 'c').groupBy('a.name').having('count(b.id) > :n', { n: 1 }).getRawMany()));
    say(plain((await authors.upsert([{ name: 'Ann', wealth: '7' }, { name: 'Bob' }], ['name'])).generatedMaps.length), plain(await authors.findOneBy({ name: 'Ann' })));
    say((await one.createQueryBuilder().update('Author').set({ wealth: () => 'wealth + 1' }).where('name = :n', { n: 'Bob' }).returning(['wealth']).execute()).raw, await authors.countBy({ kind: 'a' }));
    await refused(authors.insert({ name: 'Ann' }));
    await refused(authors.insert({ name: 'z', wealth: '-1', made: new Date(0) }));
    await refused(one.transaction('SERIALIZABLE', async (manager) => {
      await manager.delete('Author', { name: 'Ann' });
      say(await manager.count('Book'));
      await manager.transaction(async (inner) => { await inner.insert('Author', { name: 'inner' }); throw new Error('inner'); }).catch((error) => say(error.message, /./.test(error.message)));
      throw new Error('rolled back');
    }));
    say(await one.getRepository('Book').count());
    const stream = await authors.createQueryBuilder('a').select('a.name', 'n').orderBy('a.name').stream().catch((error) => say(error.message));
    if (stream) for await (const row of stream) say(row);
  });
  await one.destroy();
  const two = await source(true);
  await check('changed tables', () => synchronized(two));
  await check('by hand', async () => {
    const runner = two.createQueryRunner();
    say((await runner.getTable('author')).columns.map((column) => [column.name, column.type, column.length, column.isNullable, column.default, column.isUnique, column.comment]).sort());
    const book = await runner.getTable('book');
    say(book.foreignKeys.map((key) => [key.columnNames, key.referencedTableName, key.onDelete]), book.indices.length, book.uniques.map((unique) => unique.columnNames), book.primaryColumns.length);
    await runner.createTable(new Table({ name: 'plain', columns: [{ name: 'a', type: 'int', isPrimary: true }, { name: 'b', type: 'varchar', length: '5', default: "'x'" }] }), true);
    await runner.addColumn('plain', new TableColumn({ name: 'c', type: 'timestamptz', isNullable: true }));
    await runner.renameColumn('plain', 'b', 'd');
    await runner.changeColumn('plain', 'd', new TableColumn({ name: 'd', type: 'text', isNullable: false }));
    say((await runner.getTable('plain')).columns.map((column) => [column.name, column.type, column.isNullable, shown(column.default)]));
    await runner.dropTable('plain');
    say((await runner.getSchemas('postgres').catch(() => [])).length, await runner.hasTable('plain'), await runner.hasColumn('author', 'age'));
    await runner.clearDatabase();
    say(await runner.hasTable('author'));
    await runner.release();
  });
  await two.destroy();
}

main().catch((error) => {
  console.log(error.stack);
  process.exitCode = 1;
});
