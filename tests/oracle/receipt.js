// What a product does with receipts: the example of docs/receipts.md, by the
// package jose, which shares nothing with our code.
//   check DOC FILE  reads lines of JSON {jwks, now, jwt}, and prints for each
//                   the claims that the example returns, or why it throws.
//   thumbprints FILE  reads a JWK Set, and prints for each key its id and its
//                     thumbprint.
'use strict';
const fs = require('fs');
const path = require('path');

// Wherever PATH has it.
const file = process.env.PATH.split(':')
    .map((folder) => path.join(folder, 'jose.js'))
    .find((name) => fs.existsSync(name));
if (!file) throw new Error('jose is not installed: run tools/setup');
const jose = require(fs.realpathSync(file));

// The clock of the example.
const RealDate = Date;
let now = 0;
globalThis.Date = class extends RealDate {
  constructor(...args) {
    if (args.length === 0) {
      super(now);
    } else {
      super(...args);
    }
  }
  static now() {
    return now;
  }
};

function exampleOf(doc) {
  const found = /```js\n([^]*?)```/.exec(fs.readFileSync(doc, 'utf8'));
  if (!found) throw new Error('there is no example');
  const load = (name) => {
    if (name !== 'jose') throw new Error('the example wants ' + name);
    return jose;
  };
  return new Function('require', found[1] + '\nreturn checkReceipt;')(load);
}

async function check(doc, cases) {
  const checkReceipt = exampleOf(doc);
  for (const line of fs.readFileSync(cases, 'utf8').trim().split('\n')) {
    const {jwks, now: seconds, jwt} = JSON.parse(line);
    now = seconds * 1000;
    try {
      const claims = await checkReceipt(
          jwt, 'acme', jose.createLocalJWKSet(jwks));
      console.log(JSON.stringify(claims));
    } catch (error) {
      console.log(error.code ? `${error.code} ${error.claim || ''}`.trim() :
          error.message);
    }
  }
}

async function thumbprints(file) {
  for (const key of JSON.parse(fs.readFileSync(file, 'utf8')).keys) {
    console.log(key.kid, await jose.calculateJwkThumbprint(key));
  }
}

const [command, ...args] = process.argv.slice(2);
const commands = {check, thumbprints};
if (!commands[command]) throw new Error('which command?');
commands[command](...args).catch((error) => {
  console.error(error);
  process.exit(1);
});
