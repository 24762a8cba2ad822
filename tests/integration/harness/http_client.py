"""A plain HTTP client: one request, one connection, the answer's bytes untouched."""

import json
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException  # noqa: F401 (HTTPException: for callers)


@dataclass
class Answer:
    status: int
    headers: dict  # names in lower case
    body: bytes

    def json(self):
        return json.loads(self.body)


def request(address, method, path, body=None, headers=None, timeout_s=10):
    host, port = address.rsplit(":", 1)
    connection = HTTPConnection(host, int(port), timeout=timeout_s)
    try:
        connection.request(method, path, body=body, headers=headers or {})
        response = connection.getresponse()
        return Answer(response.status, {k.lower(): v for k, v in response.getheaders()}, response.read())
    finally:
        connection.close()


def get(address, path, headers=None, timeout_s=10):
    return request(address, "GET", path, headers=headers, timeout_s=timeout_s)


def post(address, path, body=b"", headers=None, timeout_s=10):
    return request(address, "POST", path, body=body, headers=headers, timeout_s=timeout_s)


def post_json(address, path, value, timeout_s=10):
    return post(address, path, json.dumps(value).encode(), {"Content-Type": "application/json"}, timeout_s)
