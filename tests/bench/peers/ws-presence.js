'use strict';
// A presence server of ws and redis. Heartbeats as the README of ws has them ("How to detect and close broken
// connections"), broadcasts through Redis pub/sub with a connection of its own, as that of redis has it.

const http = require('http');
const { WebSocketServer, WebSocket } = require('ws');
const { encode, decode } = require('@msgpack/msgpack');
const store = require('./presence-store');

const CHANNEL = 'presence:updates';
const STATUS = 5;
const UPDATE = 31;

const watchers = new Set();
const connections = new Map(); // user: how many

async function main() {
  const redis = await store.connect();
  const subscriber = await store.connect();
  await subscriber.subscribe(CHANNEL, broadcast);

  const server = http.createServer((request, response) => answerQuery(redis, request, response));
  const wss = new WebSocketServer({ server, handleProtocols: (protocols) => [...protocols][1] });
  wss.on('connection', (socket, request) => onConnection(redis, socket, request));
  setInterval(() => pingAll(wss), Number(process.env.PING_INTERVAL));
  server.listen(Number(process.env.PORT), '127.0.0.1', 4096);
}

function broadcast(message) {
  const { userId, status, timestamp } = JSON.parse(message);
  const frame = encode({ messageType: UPDATE, fromId: userId, toId: '', status, timestamp, channelType: 1 });
  for (const socket of watchers) {
    if (socket.readyState === WebSocket.OPEN) {
      socket.send(frame);
    }
  }
}

const publish = (redis, userId, status) =>
  redis.publish(CHANNEL, JSON.stringify({ userId, status, timestamp: new Date().toISOString() }));

async function change(redis, user, status) {
  await (status === 'offline' ? store.remove(redis, user) : store.set(redis, user, status));
  await publish(redis, user, status);
}

function onConnection(redis, socket, request) {
  const user = request.headers['sec-websocket-protocol'].split(',')[0].trim();
  const watches = request.url.includes('watch=1');
  socket.isAlive = true;
  socket.on('error', console.error);
  socket.on('pong', () => {
    socket.isAlive = true;
    store.refresh(redis, user).catch(console.error);
  });
  socket.on('message', (data) => {
    const message = decode(data);
    if (message.messageType === STATUS) {
      change(redis, user, message.status).catch(console.error);
    }
  });
  socket.on('close', () => {
    watchers.delete(socket);
    const left = connections.get(user) - 1;
    connections.set(user, left);
    if (left === 0) {
      connections.delete(user);
      change(redis, user, 'offline').catch(console.error);
    }
  });
  if (watches) {
    watchers.add(socket);
  }
  const count = (connections.get(user) || 0) + 1;
  connections.set(user, count);
  if (count === 1) {
    change(redis, user, 'online').catch(console.error);
  }
}

function pingAll(wss) {
  wss.clients.forEach((socket) => {
    if (socket.isAlive === false) {
      socket.terminate();
      return;
    }
    socket.isAlive = false;
    socket.ping();
  });
}

function answerQuery(redis, request, response) {
  let body = '';
  request.on('data', (chunk) => (body += chunk));
  request.on('end', async () => {
    const answer = JSON.stringify(await store.query(redis, JSON.parse(body).userIds));
    response.writeHead(200, { 'Content-Type': 'application/json', 'Content-Length': Buffer.byteLength(answer) });
    response.end(answer);
  });
}

main();
