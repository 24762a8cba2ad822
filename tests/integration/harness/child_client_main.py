"""The Python child of child_client.py: the `websockets` library with its defaults, JSON lines in and out."""

import asyncio
import base64
import json
import sys

import msgpack
import websockets


def say(**event):
    print(json.dumps(event), flush=True)


class Protocol(websockets.WebSocketClientProtocol):
    async def pong(self, data=b""):
        say(event="ping", payload=bytes(data).decode())
        await super().pong(data)


async def obey(socket):
    loop = asyncio.get_running_loop()
    commands = asyncio.StreamReader()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(commands), sys.stdin)
    while line := await commands.readline():
        command = json.loads(line)
        if "send" in command:
            await socket.send(base64.b64decode(command["send"]))
        elif "close" in command:
            await socket.close()


async def main():
    options = json.loads(sys.argv[1])
    try:
        socket = await websockets.connect(
            options["url"], subprotocols=options["subprotocols"], create_protocol=Protocol, ping_interval=None
        )
    except (OSError, websockets.WebSocketException) as error:
        say(event="failed", reason=str(error))
        return
    say(event="open", subprotocol=socket.subprotocol)
    obeying = asyncio.ensure_future(obey(socket))
    try:
        async for data in socket:
            say(event="frame", base64=base64.b64encode(data).decode(), message=msgpack.unpackb(data))
    except websockets.ConnectionClosed:
        pass
    obeying.cancel()
    say(event="close", code=socket.close_code)


asyncio.run(main())
