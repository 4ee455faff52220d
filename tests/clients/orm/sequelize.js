// Sequelize: models that make tables, alter them, and are compared with what is there; associations; what it reads of a schema.
'use strict';

const { Sequelize, DataTypes, Op } = require('sequelize');
const { check, refused, say } = require('../node/told');

const { PGUSER, PGPASSWORD, PGHOST, PGPORT, PGDATABASE } = process.env;
const statements = [];
const logging = (text) => statements.push(text.replace(/^Executing \([^)]*\): /, ''));
const db = new Sequelize(PGDATABASE, PGUSER, PGPASSWORD, { host: PGHOST, port: +PGPORT, dialect: 'postgres', logging, pool: { max: 3 } });

function model(more) {
  const Owner = db.define('owner', {
    name: { type: DataTypes.STRING(60), allowNull: false, unique: true },
    mood: { type: DataTypes.ENUM('sad', 'glad'), defaultValue: 'sad' },
    data: { type: DataTypes.JSONB, comment: 'whatever' }, tags: DataTypes.ARRAY(DataTypes.STRING), photo: DataTypes.BLOB, wealth: DataTypes.DECIMAL(12, 3), born: DataTypes.DATEONLY, ...more,
  }, { paranoid: true, indexes: [{ fields: ['mood', { name: 'born', order: 'DESC' }] }, { unique: true, fields: ['wealth'], where: { mood: 'glad' } }] });
  const Pet = db.define('pet', { id: { type: DataTypes.UUID, defaultValue: DataTypes.UUIDV4, primaryKey: true }, kind: DataTypes.TEXT, age: { type: DataTypes.SMALLINT, validate: { min: 0 } }, big: DataTypes.BIGINT, ok: DataTypes.BOOLEAN, w: DataTypes.DOUBLE },
    { timestamps: false });
  const Club = db.define('club', { title: DataTypes.STRING }, { timestamps: false });
  Owner.hasMany(Pet, { onDelete: 'CASCADE' });
  Pet.belongsTo(Owner);
  Owner.belongsToMany(Club, { through: 'memberships' });
  Club.belongsToMany(Owner, { through: 'memberships' });
  return { Owner, Pet, Club };
}

const plain = (value) => JSON.stringify(value, (key, inner) => (['createdAt', 'updatedAt', 'deletedAt'].includes(key) ? typeof inner : inner));

async function main() {
  await check('tables', async () => {
    await db.authenticate();
    say((await db.databaseVersion()).split('.')[0]);
    model({});
    await db.sync({ force: true });
    statements.length = 0;
    await db.sync();
    say(statements.filter((text) => /^(CREATE|ALTER)/.test(text)));
  });
  const { Owner, Pet, Club } = model({ height: { type: DataTypes.INTEGER, defaultValue: 1 }, mood: { type: DataTypes.ENUM('sad', 'glad', 'calm'), defaultValue: 'calm' } });
  await check('altered', async () => {
    statements.length = 0;
    await db.sync({ alter: true });
    for (const text of statements.filter((one) => /^(CREATE|ALTER|COMMENT)/.test(one))) say(text);
  });
  await check('what is there', async () => {
    const queries = db.getQueryInterface();
    say((await queries.showAllTables()).sort());
    for (const table of ['owners', 'pets', 'memberships']) {
      say(table, await queries.describeTable(table));
      for (const index of (await queries.showIndex(table)).sort((a, b) => (a.name < b.name ? -1 : 1))) say(index.name, index.primary, index.unique, index.fields, index.definition);
      say(await queries.getForeignKeyReferencesForTable(table));
    }
    say(await queries.showConstraint('pets').catch((error) => error.message));
    say((await queries.showAllSchemas()).sort());
  });
  await check('rows', async () => {
    const ann = await Owner.create({ name: 'Ann', tags: ['a', 'b"c'], data: { deep: [1, { x: null }] }, photo: Buffer.from([0, 255]), wealth: '12.345', born: '2000-02-29' });
    say(plain(await Owner.bulkCreate([{ name: 'Bob', mood: 'glad', wealth: 1 }, { name: 'Cid' }], { returning: true })));
    say(plain(await ann.createPet({ id: 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11', kind: 'cat', age: 3, big: '9007199254740993', ok: true, w: 0.5 })));
    await ann.addClub(await Club.create({ title: 'Chess' }));
    say(plain(await Owner.findAll({ include: [{ model: Pet, required: false }, Club], where: { [Op.or]: [{ name: { [Op.iLike]: 'a%' } }, { data: { deep: null } }] }, order: [['name', 'ASC']], attributes: { exclude: ['createdAt', 'updatedAt', 'deletedAt'] } })).replace(/"(created|updated)At":"string"/g, '…'));
    say(plain(await Owner.findAndCountAll({ where: { tags: { [Op.contains]: ['a'] } }, limit: 1, attributes: ['id', 'name'], include: [{ model: Pet, attributes: ['kind'] }] })));
    say(plain(await Owner.findOne({ where: { 'data.deep': { [Op.ne]: null } }, attributes: ['name', [db.fn('upper', db.col('name')), 'loud']] })));
    say(plain(await Owner.upsert({ name: 'Bob', height: 7 }).then(([row, made]) => [row.name, row.height, made])), await Owner.update({ height: 3 }, { where: { name: 'Cid' }, returning: true }).then(([count, rows]) => [count, rows[0].height]));
    say(plain(await Owner.findOrCreate({ where: { name: 'Dan' }, defaults: { height: 2 } }).then(([row, made]) => [row.name, made])), plain(await Owner.findOrCreate({ where: { name: 'Dan' } }).then(([row, made]) => [row.height, made])));
    say(await Owner.destroy({ where: { name: 'Cid' } }), await Owner.count(), await Owner.count({ paranoid: false }), await Owner.increment('height', { where: { name: 'Ann' } }).then((answer) => answer[0][1]));
    say(plain(await Owner.findAll({ attributes: ['mood', [db.fn('count', '*'), 'n'], [db.fn('sum', db.col('wealth')), 's']], group: ['mood'], order: ['mood'], raw: true })));
    for (const failing of [() => Owner.create({ name: 'Ann' }), () => Owner.create({ name: null }), () => Pet.create({ kind: 'x', ownerId: 99 }), () => db.query('SELECT nowhere'), () => Owner.create({ name: 'z', mood: 'cross' })]) {
      await failing().then(() => say('not refused'), (error) => say(error.name, error.message, error.fields || '', error.index || ''));
    }
  });
  await check('transactions', async () => {
    await refused(db.transaction({ isolationLevel: Sequelize.Transaction.ISOLATION_LEVELS.SERIALIZABLE }, async (transaction) => {
      await Owner.create({ name: 'gone' }, { transaction });
      await db.transaction({ transaction }, (inner) => Owner.create({ name: 'gone too' }, { transaction: inner }));
      say(await Owner.count({ transaction }), (await Owner.findOne({ where: { name: 'Ann' }, lock: transaction.LOCK.UPDATE, skipLocked: true, transaction })).name);
      throw new Error('rolled back');
    }));
    say(await Owner.count());
    say(plain(await db.query('SELECT :a::int AS a, $$x$$ AS b', { replacements: { a: 5 }, type: Sequelize.QueryTypes.SELECT })), plain(await db.query('SELECT $1::text AS a', { bind: ['b'], type: Sequelize.QueryTypes.SELECT })));
  });
  await check('the end', () => db.getQueryInterface().dropAllTables());
  await db.close();
}

main().catch((error) => {
  console.log(error.stack);
  process.exitCode = 1;
});
