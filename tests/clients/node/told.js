// What a program says of what it saw: a title for each case, lines beneath, and an error's own fields.
'use strict';

const FIELDS = ['severity', 'code', 'position', 'internalPosition', 'detail', 'hint', 'where',
  'schema', 'schema_name', 'table', 'table_name', 'column', 'column_name', 'dataType', 'constraint', 'constraint_name'];

function shown(value) {
  if (value === undefined) return 'undefined';
  if (value instanceof Date) return isNaN(value) ? 'Invalid Date' : `Date ${value.toISOString()}`;
  if (Buffer.isBuffer(value)) return `bytes ${value.toString('hex')}`;
  if (typeof value === 'bigint') return `${value}n`;
  if (typeof value === 'number' && !Number.isFinite(value)) return String(value);
  if (Object.is(value, -0)) return '-0';
  if (Array.isArray(value)) return `[${value.map(shown).join(', ')}]`;
  if (value && typeof value === 'object') {
    return `{${Object.entries(value).map(([key, inner]) => `${key}: ${shown(inner)}`).join(', ')}}`;
  }
  return JSON.stringify(value);
}

function say(...values) {
  console.log('  ' + values.map((value) => (typeof value === 'string' ? value : shown(value))).join(' '));
}

function sayError(error) {
  // Where a row lies on its page is PostgreSQL's own affair.
  const told = (name) => error[name] !== undefined && !(name === 'where' && /^while \w+ tuple/.test(error[name]));
  const fields = FIELDS.filter(told).map((name) => `${name}=${error[name]}`);
  say(`error: ${error.message} [${fields.join(' | ')}]`);
}

async function refused(promise) {
  try {
    const value = await promise;
    say('not refused:', shown(value && value.rows ? value.rows : value));
  } catch (error) {
    sayError(error);
  }
}

async function check(name, run) {
  console.log(name);
  try {
    await run();
  } catch (error) {
    sayError(error);
    if (process.env.STACKS) console.log(error.stack);
  }
}

module.exports = { check, refused, say, sayError, shown };
