'use strict';
// The state both peers keep in Redis: presence:user:<id> is JSON of status and lastSeen, and lives for PRESENCE_TTL.

const { createClient } = require('redis');

const TTL_S = Number(process.env.PRESENCE_TTL);

const key = (user) => `presence:user:${user}`;

async function connect() {
  const client = createClient({ url: process.env.REDIS_URL });
  client.on('error', (error) => console.error('redis:', error.message));
  await client.connect();
  return client;
}

const set = (client, user, status) =>
  client.set(key(user), JSON.stringify({ status, lastSeen: new Date().toISOString() }), { EX: TTL_S });

const refresh = (client, user) => client.expire(key(user), TTL_S);

const remove = (client, user) => client.del(key(user));

// { userId: { userId, status, lastSeen } }
async function query(client, userIds) {
  const values = await client.mGet(userIds.map(key));
  const answer = {};
  userIds.forEach((userId, i) => {
    const { status, lastSeen } = values[i] ? JSON.parse(values[i]) : { status: 'offline', lastSeen: null };
    answer[userId] = { userId, status, lastSeen };
  });
  return answer;
}

module.exports = { connect, set, refresh, remove, query };
