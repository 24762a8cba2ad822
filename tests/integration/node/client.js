// The Node child of harness/child_client.py: `ws` with its defaults, MessagePack as the guide's dashboard reads it,
// JSON lines in and out.
'use strict';

const readline = require('node:readline');
const { decode } = require('@msgpack/msgpack');
const WebSocket = require('ws');

function say(event) {
  process.stdout.write(JSON.stringify(event) + '\n');
}

const options = JSON.parse(process.argv[2]);
const socket = new WebSocket(options.url, options.subprotocols);
socket.binaryType = 'arraybuffer';

socket.on('open', () => say({ event: 'open', subprotocol: socket.protocol }));
socket.on('ping', (data) => say({ event: 'ping', payload: data.toString() }));
socket.on('error', (error) => say({ event: 'failed', reason: String(error) }));
socket.on('message', (data) => {
  const message = decode(new Uint8Array(data));
  say({ event: 'frame', base64: Buffer.from(data).toString('base64'), message });
});
socket.on('close', (code) => {
  say({ event: 'close', code });
  process.stdin.destroy();
});

readline.createInterface({ input: process.stdin }).on('line', (line) => {
  const command = JSON.parse(line);
  if (command.send !== undefined) socket.send(Buffer.from(command.send, 'base64'));
  if (command.close) socket.close();
});
