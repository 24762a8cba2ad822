"""services/http-api/openapi.json and the API say the same: every route is described, every description is a route, and
each documented status of each operation is provoked and its real answer held against its schema.

A new endpoint: its path in openapi.json, with examples for its parameters and body. Its 200 and what every operation
has in common (400 to 431) are provoked from that; a status of its own needs a row in CASES, what must be there first a
function in PREPARE."""

import json
import re
from http.client import HTTPConnection

import pytest
from jsonschema import Draft202012Validator

from harness import http_client as http
from harness.system import REPOSITORY
from harness.waiting import eventually

FOLDER = REPOSITORY / "services/http-api"
FILE = FOLDER / "openapi.json"
DOCUMENT = json.loads(FILE.read_text())
METHODS = ("get", "put", "post", "patch", "delete")
KEYS = {"read": "the-key-that-reads", "write": "the-key-that-writes", "ops": "the-key-that-operates"}
TV = ("/api/calls/", "/api/users/")


class Operation:
    def __init__(self, path, method, described):
        self.path, self.method, self.described = path, method.upper(), described
        self.id, self.area = described["operationId"], described["x-area"]
        self.responses = {int(status): resolved(response) for status, response in described["responses"].items()}
        self.parameters = [resolved(parameter) for parameter in described.get("parameters", [])]

    def __repr__(self):
        return self.id

    def target(self, **values):
        """The path and query of the examples, or of `values`."""
        path, query = self.path, []
        for parameter in self.parameters:
            value = values.get(parameter["name"], parameter.get("example"))
            if parameter["in"] == "path":
                path = path.replace("{%s}" % parameter["name"], value)
            elif value is not None:
                query.append(f"{parameter['name']}={json.dumps(value) if isinstance(value, bool) else value}")
        return path + ("?" + "&".join(query) if query else "")

    def body(self):
        content = resolved(self.described.get("requestBody", {})).get("content", {})
        return json.dumps(content["application/json"]["example"]).encode() if content else None

    def ask(self, system, target=None, body=None, headers=(), method=None):
        """As the examples say. `headers` are pairs, as one may come twice; a body of None is the example's."""
        host, port = system.api_address.rsplit(":", 1)
        connection = HTTPConnection(host, int(port), timeout=10)
        body = self.body() if body is None else body
        try:
            connection.putrequest(method or self.method, target or self.target(), skip_accept_encoding=True)
            names = {name.lower() for name, _ in headers}
            if body is not None and "content-length" not in names:
                headers = [*headers, ("Content-Length", str(len(body))), ("Content-Type", "application/json")]
            for name, value in headers:
                connection.putheader(name, value)
            connection.endheaders()
            if body is not None and "content-length" not in names:
                connection.send(body)
            answer = connection.getresponse()
            stream = (answer.getheader("Content-Type") or "").startswith("text/event-stream")
            data = answer.read1(65536) if stream else answer.read()
            return http.Answer(answer.status, {name.lower(): value for name, value in answer.getheaders()}, data)
        finally:
            connection.close()


def resolved(node):
    while isinstance(node, dict) and "$ref" in node:
        at = DOCUMENT
        for part in node["$ref"].removeprefix("#/").split("/"):
            at = at[part]
        node = at
    return node


OPERATIONS = [Operation(path, method, item[method]) for path, item in DOCUMENT["paths"].items()
              for method in METHODS if method in item]
BY_ID = {operation.id: operation for operation in OPERATIONS}


def assert_as_documented(operation, status, answer):
    where = f"{operation.id} {status}: {answer}"
    assert answer.status == status, where
    response = operation.responses[status]
    for name, header in response.get("headers", {}).items():
        assert name.lower() in answer.headers or not header.get("required"), where
        if name.lower() in answer.headers:
            Draft202012Validator(header["schema"]).validate(answer.headers[name.lower()])
    content_type = answer.headers.get("content-type", "")
    if operation.method == "HEAD" or "content" not in response:
        return
    assert content_type in response["content"], where
    schema = response["content"][content_type]["schema"]
    value = answer.json() if content_type == "application/json" else answer.body.decode()
    errors = list(Draft202012Validator({**schema, "components": DOCUMENT["components"]}).iter_errors(value))
    assert not errors, f"{where}\n{errors[0].message} at {list(errors[0].absolute_path)}"
    if status >= 400 and content_type == "application/json" and "code" in value:
        assert (value["code"], status) in CODES, where
        assert ("success" in value) == operation.path.startswith(TV), where


CODES = {(code, int(status)) for status, code in re.findall(
    r'X\((?:API_|PREFIX##)\w+, (\d+), "(\w+)"',
    (FOLDER / "core/api_error.h").read_text() + (REPOSITORY / "common/auth/token_refusals.h").read_text())}


# What has to be there before an operation's examples make sense: {operationId: function(system)}.
def two_accounts(system):
    for user in ("456", "123"):
        answer = BY_ID["register"].ask(system, body=json.dumps({"username": user}).encode())
        assert answer.status == 200, answer


def a_contact(system):
    two_accounts(system)
    answer = BY_ID["addContact"].ask(system)
    assert answer.status == 200, answer


PREPARE = {
    "onlineUsers": two_accounts, "profile": two_accounts, "changeProfile": two_accounts, "activeUsers": two_accounts,
    "contacts": a_contact, "addContact": two_accounts, "contact": a_contact, "addContactByPath": two_accounts,
    "changeContact": a_contact, "removeContact": a_contact,
}


# What is open already stays open while Redis is away, and silent: a stream.
LASTING = {"stream"}


def prepare(system, operation):
    if operation.id in PREPARE:
        PREPARE[operation.id](system)


def of_a_session(system):
    started = BY_ID["startSession"].ask(system)
    assert started.status == 200, started
    return json.dumps({"session_token": started.json()["session_token"]}).encode()


def of_nobody(system, operation):
    return operation.ask(system, operation.target(username="nobody"))


def with_nobody(system, operation):
    return operation.ask(system, operation.target(contact="nobody"))


# Statuses that no general way provokes: {(operationId, status): function(system, operation) -> Answer}.
CASES = {
    ("bulkStatus", 400): lambda system, operation: operation.ask(system, body=b'{"userIds": "123"}'),
    ("bulkStatusByGet", 400): lambda system, operation: operation.ask(system, "/api/presence/status"),
    ("online", 400): lambda system, operation: operation.ask(system, operation.target(cursor="x")),
    ("stream", 400): lambda system, operation: operation.ask(system, operation.target(userIds="")),
    ("heartbeat", 400): lambda system, operation: operation.ask(system, body=b'{"username": "456", "status": "asleep"}'),
    ("onlineUsers", 400): lambda system, operation: operation.ask(system, operation.target(contacts_only="perhaps")),
    ("canCall", 400): lambda system, operation: operation.ask(system, operation.target(callee="")),
    ("register", 400): lambda system, operation: operation.ask(system, body=b"{}"),
    ("activeUsers", 400): lambda system, operation: operation.ask(system, operation.target(limit=0)),
    ("changeContact", 400): lambda system, operation: operation.ask(system, body=b"{}"),
    ("endSession", 200): lambda system, operation: operation.ask(system, body=of_a_session(system)),
    ("profile", 404): of_nobody, ("changeProfile", 404): of_nobody, ("contacts", 404): of_nobody,
    ("addContact", 404): lambda system, operation: operation.ask(system, body=b'{"contact": "nobody"}'),
    ("contact", 404): with_nobody, ("addContactByPath", 404): with_nobody, ("changeContact", 404): with_nobody,
    ("removeContact", 404): with_nobody,
    ("endSession", 404): lambda system, operation: operation.ask(system),
}


# -- the file itself --

def _walk(node, at=""):
    yield at, node
    if isinstance(node, dict):
        for key, value in node.items():
            yield from _walk(value, f"{at}/{key}")
    elif isinstance(node, list):
        for index, value in enumerate(node):
            yield from _walk(value, f"{at}/{index}")


def test_the_file_is_whole():
    assert DOCUMENT["openapi"] == "3.1.0"
    for at, node in _walk(DOCUMENT):
        if isinstance(node, dict) and "$ref" in node:
            resolved(node)
        if at.endswith("/schema") or re.fullmatch("/components/schemas/[^/]+", at):
            Draft202012Validator.check_schema(node)
    assert len(BY_ID) == len(OPERATIONS), "an operationId comes twice"
    for operation in OPERATIONS:
        in_path = set(re.findall(r"{(\w+)}", operation.path))
        declared = {parameter["name"] for parameter in operation.parameters if parameter["in"] == "path"}
        assert in_path == declared, operation
        for parameter in operation.parameters:
            assert "example" in parameter or parameter["in"] == "query", (operation, parameter["name"])
            if "example" in parameter:
                Draft202012Validator({**parameter["schema"], "components": DOCUMENT["components"]}).validate(
                    parameter["example"])
        for body in resolved(operation.described.get("requestBody", {})).get("content", {}).values():
            if "example" in body:
                Draft202012Validator({**body["schema"], "components": DOCUMENT["components"]}).validate(body["example"])
    used = json.dumps(DOCUMENT)
    for kind in ("schemas", "responses", "parameters"):
        for name in DOCUMENT["components"].get(kind, {}):
            assert f'"#/components/{kind}/{name}"' in used, f"{kind}/{name} is used nowhere"


def test_it_is_served_as_it_is_in_the_repository(system):
    answer = http.get(system.api_address, "/api/openapi.json", {"Origin": "https://docs.example"})
    assert answer.body == FILE.read_bytes()
    assert answer.headers["access-control-allow-origin"] == "*"


def routes_in_code():
    text = (FOLDER / "routes.c").read_text()
    table = text[text.index("const http_route api_routes[]"):]
    rows = re.findall(r'{"(\w+)",\s*"([^"]+)",\s*(true|false),\s*\w+,\s*AREA_(\w+)', table[:table.index("};")])
    assert len(rows) == table[:table.index("};")].count('{"'), "a route is written in a way that this test cannot read"
    return {(method, path): area.lower() for method, path, _, area in rows}


def test_every_route_is_described_and_every_description_is_a_route():
    described = {(operation.method, re.sub(r"{\w+}", "*", operation.path)): operation.area for operation in OPERATIONS}
    code = routes_in_code()
    assert set(described) - set(code) == set(), "described, and no route"
    assert set(code) - set(described) == set(), "a route, and not described"
    assert described == code, "an area differs"


# -- answers --

@pytest.fixture(scope="module")
def locked(start_system):
    keys = ",".join(f"{area}:{area}:{key}" for area, key in KEYS.items())
    return start_system(HTTP_AUTH_READ="apikey", HTTP_AUTH_WRITE="apikey", HTTP_AUTH_OPS="apikey", API_KEYS=keys)


@pytest.fixture(scope="module")
def hurried(start_system):
    return start_system(HTTP_REQUESTS_PER_CLIENT=1)


def key_of_another_area(operation):
    return KEYS["read" if operation.area != "read" else "ops"]


def with_status(status):
    return [operation for operation in OPERATIONS if status in operation.responses]


@pytest.mark.parametrize("operation", OPERATIONS, ids=repr)
def test_what_succeeds_is_as_documented(system, operation):
    for status in (status for status in operation.responses if status < 300):
        prepare(system, operation)
        provoke = CASES.get((operation.id, status), lambda system, operation: operation.ask(system))
        answer = eventually(f"{operation} answers {status}",
                            lambda status=status, provoke=provoke: _if_status(provoke(system, operation), status), 10)
        assert_as_documented(operation, status, answer)


@pytest.mark.parametrize("operation", with_status(400), ids=repr)
def test_bad_requests_are_as_documented(system, operation):
    twice = [("Authorization", "Bearer a"), ("Authorization", "Bearer b")]
    assert_as_documented(operation, 400, operation.ask(system, headers=twice))
    if (operation.id, 400) in CASES:
        assert_as_documented(operation, 400, CASES[operation.id, 400](system, operation))
    for parameter in operation.parameters:
        if parameter["in"] == "path":
            assert_as_documented(operation, 400, operation.ask(system, operation.target(**{parameter["name"]: "%zz"})))


@pytest.mark.parametrize("operation", with_status(401), ids=repr)
def test_without_a_key_and_with_one_of_another_area_it_is_refused_as_documented(locked, operation):
    assert operation.described["security"]
    assert_as_documented(operation, 401, operation.ask(locked))
    assert_as_documented(operation, 401, operation.ask(locked, headers=[("X-API-Key", "none of ours")]))
    assert_as_documented(operation, 403, operation.ask(locked, headers=[("X-API-Key", key_of_another_area(operation))]))
    right = operation.ask(locked, headers=[("X-API-Key", KEYS[operation.area])])
    assert right.status not in (401, 403)


def test_what_needs_no_key_is_described_so(locked):
    for operation in OPERATIONS:
        if 401 not in operation.responses:
            assert operation.area == "open" and "security" not in operation.described, operation
            assert operation.ask(locked).status not in (401, 403)


@pytest.mark.parametrize("operation", with_status(413), ids=repr)
def test_bodies_that_are_too_large_are_refused_as_documented(system, operation):
    assert_as_documented(operation, 413, operation.ask(system, headers=[("Content-Length", "999999999")]))


@pytest.mark.parametrize("operation", OPERATIONS, ids=repr)
def test_targets_and_heads_that_are_too_large_are_refused_as_documented(system, operation):
    assert_as_documented(operation, 414, operation.ask(system, operation.path + "?a=" + "a" * 13000))
    assert_as_documented(operation, 431, operation.ask(system, headers=[("X-Large", "a" * 20000)]))


@pytest.mark.parametrize("operation", OPERATIONS, ids=repr)
def test_too_many_requests_are_refused_as_documented(hurried, operation):
    assert_as_documented(operation, 429, eventually("refused", lambda: _if_status(operation.ask(hurried), 429)))


def test_what_has_a_case_is_documented():
    for operation_id, status in CASES:
        assert status in BY_ID[operation_id].responses, (operation_id, status)
    assert set(PREPARE) <= set(BY_ID)


def test_what_is_not_there_is_refused_as_documented(system):
    for operation in with_status(404):
        assert (operation.id, 404) in CASES, f"{operation}: say how to provoke it"
        prepare(system, operation)
        assert_as_documented(operation, 404, CASES[operation.id, 404](system, operation))


def test_without_redis_each_says_so_as_documented(system):
    out_of_reach = [operation for operation in OPERATIONS
                    if {500, 503} & set(operation.responses) and operation.id not in LASTING]
    for operation in out_of_reach:
        prepare(system, operation)
    system.redis_server.process.kill()
    eventually("health knows", lambda: http.get(system.api_address, "/health").status == 503)
    for operation in out_of_reach:
        status = 500 if 500 in operation.responses else 503
        assert_as_documented(operation, status, eventually(
            f"{operation} says so", lambda operation=operation, status=status: _if_status(operation.ask(system), status)))
    for operation in OPERATIONS:
        if operation not in out_of_reach:
            assert operation.ask(system).status < 500, operation


def test_disabled_each_says_so_as_documented(own_system):
    system = own_system(PRESENCE_ENABLED=False)
    for operation in OPERATIONS:
        if operation.area in ("read", "write"):
            assert_as_documented(operation, 503, operation.ask(system))


def test_other_methods_are_405_and_allow_names_the_documented_ones(system):
    for path, item in DOCUMENT["paths"].items():
        target = Operation(path, *next((m, item[m]) for m in METHODS if m in item)).target()
        documented = {method.upper() for method in METHODS if method in item}
        if "GET" in documented:
            documented.add("HEAD")
        for method in {"GET", "PUT", "POST", "PATCH", "DELETE", "OPTIONS"} - documented:
            answer = http.request(system.api_address, method, target)
            if method == "OPTIONS" and answer.status == 204:
                continue
            assert answer.status == 405, (method, target, answer)
            assert answer.json()["code"] == "method_not_allowed"
            assert ("success" in answer.json()) == path.startswith(TV)
            assert set(answer.headers["allow"].split(", ")) - {"OPTIONS"} == documented, (method, target)


def test_head_is_answered_wherever_get_is(system):
    for operation in OPERATIONS:
        if operation.method == "GET" and "text/event-stream" not in str(operation.responses[200].get("content")):
            prepare(system, operation)
            got = eventually(f"{operation} answers", lambda operation=operation: _if_status(operation.ask(system), 200))
            head = operation.ask(system, method="HEAD")
            assert (head.status, head.body) == (200, b""), operation
            assert head.headers["content-type"] == got.headers["content-type"], operation


def _if_status(answer, status):
    return answer if answer.status == status else None
