// The page of examples/page.js in a headless browser: two that chat. Where the server is, PGHOST and its like say; the
// browser and the example's server are in BROWSER and PAGE_SERVER.

const assert = require('node:assert');
const { spawn } = require('node:child_process');
const { Client } = require('pg');
const puppeteer = require('puppeteer-core');

async function open(browser, url) {
  const page = await browser.newPage();
  await page.goto(url, { waitUntil: 'domcontentloaded' });
  const messages = () => page.$$eval('#messages li', (items) => items.map((item) => item.textContent));
  const shows = async (...expected) => {
    const same = (expected) =>
      JSON.stringify([...document.querySelectorAll('#messages li')].map((item) => item.textContent)) === expected;
    await page.waitForFunction(same, { timeout: 60000 }, JSON.stringify(expected)).catch(async (error) => {
      assert.deepStrictEqual(await messages(), expected);
      throw error;
    });
  };
  const say = async (author, body) => {
    await page.$eval('[name=author]', (input, value) => (input.value = value), author);
    await page.type('[name=body]', body);
    await page.click('button');
  };
  return { shows, say };
}

async function main() {
  const server = spawn(process.execPath, [process.env.PAGE_SERVER, '0'], { stdio: ['ignore', 'pipe', 'inherit'] });
  const url = await new Promise((resolve) => server.stdout.once('data', (data) => resolve(String(data).trim())));
  const browser = await puppeteer.launch({
    executablePath: require('node:child_process').execSync(`command -v ${process.env.BROWSER}`).toString().trim(),
    args: ['--no-sandbox'],
  });
  try {
    const ann = await open(browser, url);
    await ann.say('ann', 'hello <b>there</b>');
    await ann.shows('annhello <b>there</b>');
    const bob = await open(browser, url);
    await bob.shows('annhello <b>there</b>');
    await bob.say('bob', 'hi');
    for (const page of [ann, bob]) await page.shows('annhello <b>there</b>', 'bobhi');
    // Somebody else changes what was said, and takes it back.
    const client = new Client();
    await client.connect();
    await client.query("UPDATE chat_message SET body = 'hello' WHERE author = 'ann'");
    for (const page of [ann, bob]) await page.shows('annhello', 'bobhi');
    await client.query("DELETE FROM chat_message WHERE author = 'ann'");
    for (const page of [ann, bob]) await page.shows('bobhi');
    await client.end();
  } finally {
    await browser.close();
    server.kill();
  }
  console.log('ok');
}

main().catch((error) => {
  console.error(error);
  process.exit(1);
});
