'use strict';
// A presence server of Socket.IO with its Redis adapter, set up as the adapter's documentation has it: one client that
// publishes, a duplicate that subscribes. Those who watch are in a room; Engine.IO's own heartbeat keeps users online.

const http = require('http');
const { Server } = require('socket.io');
const { createAdapter } = require('@socket.io/redis-adapter');
const store = require('./presence-store');

const WATCHERS = 'watchers';

const connections = new Map(); // user: how many

async function main() {
  const publisher = await store.connect();
  const subscriber = publisher.duplicate();
  subscriber.on('error', (error) => console.error('redis:', error.message));
  await subscriber.connect();

  const server = http.createServer();
  const io = new Server(server, {
    adapter: createAdapter(publisher, subscriber),
    transports: ['websocket'],
    pingInterval: Number(process.env.PING_INTERVAL),
  });
  io.use((socket, next) => {
    socket.data.user = socket.handshake.auth.token;
    next(socket.data.user ? undefined : new Error('no token'));
  });
  io.on('connection', (socket) => onConnection(io, publisher, socket));
  server.listen(Number(process.env.PORT), '127.0.0.1', 4096);
}

async function change(io, redis, user, status) {
  await (status === 'offline' ? store.remove(redis, user) : store.set(redis, user, status));
  io.to(WATCHERS).emit('presence', { fromId: user, status, timestamp: new Date().toISOString() });
}

function onConnection(io, redis, socket) {
  const user = socket.data.user;
  if (socket.handshake.query.watch) {
    socket.join(WATCHERS);
  }
  socket.conn.on('heartbeat', () => store.refresh(redis, user).catch(console.error));
  socket.on('status', (status) => change(io, redis, user, status).catch(console.error));
  socket.on('disconnect', () => {
    const left = connections.get(user) - 1;
    connections.set(user, left);
    if (left === 0) {
      connections.delete(user);
      change(io, redis, user, 'offline').catch(console.error);
    }
  });
  const count = (connections.get(user) || 0) + 1;
  connections.set(user, count);
  if (count === 1) {
    change(io, redis, user, 'online').catch(console.error);
  }
}

main();
