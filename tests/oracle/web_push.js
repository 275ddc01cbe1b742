// What a browser and a push service do with Web Push, by the packages http_ece,
// jws and web-push, which share nothing with our code.
//   keys COUNT  prints receivers: public and private key and secret in hex.
//   open FILE   reads lines of private key, secret and body in hex, and prints
//               the texts in them in hex.
//   seal PUBLIC SECRET TEXT  prints the body that web-push makes.
//   vapid HEADER ORIGIN  checks the value of a header Authorization and prints
//               its claims.
'use strict';
const crypto = require('crypto');
const fs = require('fs');
const path = require('path');

// Beside the program of the package, wherever PATH has it.
const program = process.env.PATH.split(':')
    .map((folder) => path.join(folder, 'web-push'))
    .find((file) => fs.existsSync(file));
if (!program) throw new Error('web-push is not installed: run tools/setup');
const modules =
    fs.realpathSync(program).replace(/(.*\/node_modules)\/.*/, '$1');
const load = (name) => require(path.join(modules, name));
const ece = load('http_ece');
const webPush = load('web-push');
const jws = load('jws');

const hex = (text) => Buffer.from(text, 'hex');

function openBody(privateKey, secret, body) {
  const receiver = crypto.createECDH('prime256v1');
  receiver.setPrivateKey(hex(privateKey));
  return ece.decrypt(hex(body), {
    version: 'aes128gcm', privateKey: receiver, authSecret: hex(secret),
  }).toString('hex');
}

// The header in the form of web-push: names, order and spaces.
function checkVapid(header, origin) {
  const own = crypto.createECDH('prime256v1');
  own.generateKeys();
  const example = webPush.getVapidHeaders(
      origin, 'mailto:a@b.example', own.getPublicKey('base64url'),
      own.getPrivateKey('base64url'), 'aes128gcm').Authorization;
  const form = /^vapid t=([\w-]+\.[\w-]+\.[\w-]+), k=([\w-]{87})$/;
  if (!form.test(example)) throw new Error('web-push has another form');
  const [, token, key] = form.exec(header);
  const point = Buffer.from(key, 'base64url');
  const pem = crypto.createPublicKey({
    format: 'jwk',
    key: {
      kty: 'EC', crv: 'P-256', x: point.subarray(1, 33).toString('base64url'),
      y: point.subarray(33).toString('base64url'),
    },
  }).export({type: 'spki', format: 'pem'});
  if (!jws.verify(token, 'ES256', pem)) throw new Error('no such signature');
  const ours = jws.decode(token);
  const theirs = jws.decode(form.exec(example)[1]);
  if (JSON.stringify(ours.header, ['alg', 'typ']) !==
      JSON.stringify(theirs.header, ['alg', 'typ'])) {
    throw new Error('web-push has another header');
  }
  const claims = JSON.parse(
      typeof ours.payload === 'string' ? ours.payload :
      JSON.stringify(ours.payload));
  return [claims.aud, claims.exp, claims.sub].join(' ');
}

const [command, ...args] = process.argv.slice(2);
if (command === 'keys') {
  for (let i = 0; i < Number(args[0]); ++i) {
    const key = crypto.createECDH('prime256v1');
    key.generateKeys();
    // Else some would lack zeros at the beginning.
    const number = key.getPrivateKey('hex').padStart(64, '0');
    console.log(`${key.getPublicKey('hex')} ${number} ` +
                crypto.randomBytes(16).toString('hex'));
  }
} else if (command === 'open') {
  for (const line of fs.readFileSync(args[0], 'utf8').trim().split('\n')) {
    console.log(openBody(...line.split(' ')));
  }
} else if (command === 'seal') {
  const base64url = (text) => hex(text).toString('base64url');
  console.log(webPush.encrypt(base64url(args[0]), base64url(args[1]), args[2],
                              'aes128gcm').cipherText.toString('hex'));
} else if (command === 'vapid') {
  console.log(checkVapid(...args));
} else {
  throw new Error('which command?');
}
