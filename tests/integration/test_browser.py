"""The VoicePing guide's web dashboard and HTTP calls as its readers copy them, against what `./zpresence up` starts;
and what a real browser can say while it connects.

pages/guide_dashboard.html is the guide's "Complete Web Dashboard Example", byte for byte. It is served with two changes:
its msgpack script comes from here and not from the internet, and one line is added, which the guide lacks
(README.md, "Where the guide is wrong"). Its http://localhost:3000 is where the gateway is, whatever port that has."""

import json
import pathlib
import re
import subprocess
import time

import pytest

from harness import bulk
from harness.browser import Browser, serving
from harness.child_client import NODE_FOLDER
from harness.instance import Instance
from harness.process import base_environment
from harness.python_client import PythonClient
from harness.tokens import SECRET, make_token
from harness.users import new_user
from harness.waiting import PATIENCE_S, eventually

SYSTEM = {"USE_AUTHENTICATION": True, "SECRET_KEY": SECRET}

GUIDE_PAGE = pathlib.Path(__file__).resolve().parent / "pages" / "guide_dashboard.html"
GUIDE_SCRIPT = "https://cdn.jsdelivr.net/npm/@msgpack/msgpack@2.7.1/dist.es5+umd/msgpack.min.js"
MSGPACK = NODE_FOLDER / "node_modules" / "@msgpack" / "msgpack" / "dist.es5+umd" / "msgpack.min.js"
CONNECT = "ws = new WebSocket(ROUTER_URL, [TOKEN, DEVICE_ID]);\n"
# What the page names itself
GUIDE_USERS = ["123", "456", "789", "1011", "1213"]
DASHBOARD = "dashboard_token_123"
# "Real-time": sooner than anything in the page that could ask again (its reconnect is 3 s away).
AT_ONCE_S = 2.0

# As the guide has them.
CURL = """curl -X POST http://localhost:3000/api/presence/status \\
  -H "Content-Type: application/json" \\
  -d '{"userIds": ["123", "456", "789"]}'
"""
FETCH = """const response = await fetch('http://localhost:3000/api/presence/status', {
  method: 'POST',
  headers: { 'Content-Type': 'application/json' },
  body: JSON.stringify({ userIds: ['123', '456', '789'] })
});
const data = await response.json();
"""
AXIOS = """const { data } = await axios.post('http://localhost:3000/api/presence/status', {
  userIds: ['123', '456', '789']
});
"""

ISO_8601_MS_Z = re.compile(r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$")


@pytest.fixture(scope="module")
def router(tmp_path_factory):
    """What the guide calls the router: gateway, edge, API, on one port."""
    instance = Instance(tmp_path_factory.mktemp("router"))
    try:
        instance.succeed("up", "-d")
        yield instance
    finally:
        instance.end()
    logs = "".join(path.read_text(errors="replace") for path in (instance.home / "logs").rglob("*") if path.is_file())
    assert "Sanitizer" not in logs and "runtime error" not in logs


@pytest.fixture(scope="module")
def pages():
    page = GUIDE_PAGE.read_text()
    for expected in (GUIDE_SCRIPT, CONNECT):
        assert page.count(expected) == 1
    page = page.replace(GUIDE_SCRIPT, "/msgpack.min.js")
    page = page.replace(CONNECT, CONNECT + "      ws.binaryType = 'arraybuffer';\n")
    with serving({
        "/": ("text/html", page.encode()),
        "/without-the-line": ("text/html", GUIDE_PAGE.read_text().replace(GUIDE_SCRIPT, "/msgpack.min.js").encode()),
        "/blank": ("text/html", b"<!DOCTYPE html><title>blank</title>"),
        "/msgpack.min.js": ("text/javascript", MSGPACK.read_bytes()),
    }) as origin:
        yield origin


@pytest.fixture(scope="module")
def browser(router):
    browser = Browser(resolve={"localhost:3000": router.address})
    yield browser
    browser.end()


@pytest.fixture
def connect(router):
    """connect("123"): a phone of that user; gone after the test."""
    clients = []

    def connect(user):
        clients.append(PythonClient(router.url, user, device="phone"))
        return clients[-1]

    yield connect
    for client in clients:
        client.end()
    users = [client.user for client in clients]
    eventually("all are offline", lambda: bulk.online(router.address, *users) == [])


@pytest.fixture
def dashboard(browser, pages):
    """The guide's page, loaded and connected."""

    def load(path="/"):
        browser.open(pages + path)
        browser.wait("the cards are there", "return document.querySelectorAll('.user-card').length >= 5")
        browser.wait("the socket is open", "return ws && ws.readyState === WebSocket.OPEN")
        return browser

    yield load
    browser.open(pages + "/blank")


def card(browser, user):
    """What the card of a user shows: [class of its dot, status line, last seen line]; None: there is no card."""
    return browser.run("""
        const card = document.getElementById(`user-${arguments[0]}`);
        return card && [card.querySelector('.status-indicator').className,
                        ...Array.from(card.querySelectorAll('small'), (small) => small.textContent)];""", user)


def shows(browser, user, status):
    shown = card(browser, user)
    return shown and shown[0] == f"status-indicator {status}" and shown[1] == f"Status: {status}"


def wait_shown(browser, user, status, within_s=PATIENCE_S):
    eventually(f"{user} is shown {status}", lambda: shows(browser, user, status), within_s)


def test_the_dashboard_shows_who_is_online_when_it_loads(router, connect, dashboard):
    connect("456")
    eventually("456 is online", lambda: bulk.online(router.address, "456"))
    browser = dashboard()
    for user in GUIDE_USERS:
        assert shows(browser, user, "online" if user == "456" else "offline")
        if user not in ("123", "456", "789"):  # other tests bring those
            assert card(browser, user)[2] == "Last seen: Never"
    assert card(browser, "456")[2] != "Last seen: Never"


def test_the_dashboard_shows_at_once_who_comes_and_goes(connect, dashboard):
    browser = dashboard()
    for _ in range(2):
        assert shows(browser, "123", "offline")
        client = connect("123")
        wait_shown(browser, "123", "online", AT_ONCE_S)
        client.close()
        wait_shown(browser, "123", "offline", AT_ONCE_S)


def test_the_dashboard_adds_users_that_it_did_not_know_itself_too(connect, dashboard):
    browser = dashboard()
    wait_shown(browser, DASHBOARD, "online")
    stranger = new_user("stranger")
    connect(stranger)
    wait_shown(browser, stranger, "online", AT_ONCE_S)


def test_the_dashboard_reads_every_frame_without_an_error(connect, dashboard):
    browser = dashboard()
    browser.console()
    connect("789")
    wait_shown(browser, "789", "online")
    told = browser.console()
    assert any("Presence update: User 789 is online" in line for line in told)
    assert [line for line in told if "Error" in line or "error" in line or "undefined" in line] == []


def test_the_dashboard_is_a_user_while_it_is_open(router, pages, dashboard):
    browser = dashboard()
    eventually("it is online", lambda: bulk.online(router.address, DASHBOARD))
    browser.open(pages + "/blank")
    eventually("it is offline", lambda: bulk.online(router.address, DASHBOARD) == [])


def test_without_the_line_that_the_guide_lacks_the_dashboard_sees_no_update(router, connect, dashboard):
    """Why README.md says so: were this to work one day, the line may go."""
    browser = dashboard("/without-the-line")
    browser.console()
    connect("123")
    eventually("123 is online", lambda: bulk.online(router.address, "123"))
    eventually("a frame could not be read", lambda: [line for line in browser.console() if "RangeError" in line])
    assert shows(browser, "123", "offline")


# The calls of the guide's reference


@pytest.fixture
def two_of_three(router, connect):
    """What the guide's calls ask for: 123 is offline, 456 and 789 are online."""
    for user in ("456", "789"):
        connect(user)
    eventually("both are online", lambda: bulk.online(router.address, "123", "456", "789") == ["456", "789"])


def assert_answers(data):
    assert list(data) == ["123", "456", "789"]
    assert [state["status"] for state in data.values()] == ["offline", "online", "online"]
    for user, state in data.items():
        assert list(state) == ["userId", "status", "lastSeen"]
        assert state["userId"] == user
        never_seen = user == "123" and state["lastSeen"] is None
        assert never_seen or ISO_8601_MS_Z.match(state["lastSeen"])


def test_curl_as_written(router, two_of_three):
    call = CURL.replace("3000", str(router.port))
    done = subprocess.run(["bash", "-c", call], env=base_environment(), capture_output=True, timeout=PATIENCE_S)
    assert done.returncode == 0, done.stderr
    assert_answers(json.loads(done.stdout))


def test_fetch_as_written_from_a_page_of_another_origin(browser, pages, two_of_three):
    browser.open(pages + "/blank")
    assert_answers(browser.resolve(FETCH + "return data;"))


def test_axios_as_written(router, two_of_three):
    script = ("const axios = require('axios');\n(async () => {\n" + AXIOS.replace("3000", str(router.port)) +
              "process.stdout.write(JSON.stringify(data));\n})();\n")
    done = subprocess.run(["node", "-e", script], cwd=NODE_FOLDER, env=base_environment(), capture_output=True,
                          timeout=PATIENCE_S)
    assert done.returncode == 0, done.stderr
    assert_answers(json.loads(done.stdout))


# What a browser can say while it connects. It gives up when the answer does not name one of the protocols that it has
# offered; ours names the device, so that no token stands in an answer.

OPEN = """
const socket = new WebSocket(...arguments);
return await new Promise((resolve) => {
  socket.onopen = () => { resolve({protocol: socket.protocol}); socket.close(); };
  socket.onclose = (event) => resolve({code: event.code});
});"""

# Until the page is left.
HOLD = """
const socket = window.held = new WebSocket(...arguments);
return await new Promise((resolve) => {
  socket.onopen = () => resolve({protocol: socket.protocol});
  socket.onclose = (event) => resolve({code: event.code});
});"""


def token_of(user, length=None):
    """A JWT, of about that length where one is given."""
    claims = {"uid": user, "exp": int(time.time()) + 600}
    made = make_token(claims)
    if length:
        claims["padding"] = "x" * ((length - len(made)) * 3 // 4)  # base64
        made = make_token(claims)
    return made


@pytest.mark.parametrize("offered", [
    ["12345", "67890"],
    ["0", "device"],
    ["12345"],
    ["a.b-c_d~e!f#g$h%i&j'k*l+m^n`o|p", "web_dashboard_1"],
    ["u" * 128, "d" * 64],
    ["one", "two", "three", "four", "five"],
])
def test_chromium_takes_the_answer_to_every_list_it_can_offer(browser, pages, offered):
    browser.open(pages + "/blank")
    assert browser.resolve(OPEN, "ws://localhost:3000", offered) == {"protocol": offered[min(1, len(offered) - 1)]}


def test_chromium_takes_the_answer_where_it_has_offered_no_list(browser, pages):
    browser.open(pages + "/blank")
    assert browser.resolve(OPEN, "ws://localhost:3000/?token=4711&deviceId=1") == {"protocol": ""}


@pytest.mark.parametrize("length", [None, 2048, 4096, 7000])
def test_chromium_takes_the_answer_to_long_tokens(system, browser, pages, length):
    browser.open(pages + "/blank")
    user = new_user("long")
    long_token = token_of(user, length)
    assert browser.resolve(OPEN, system.ws_url(), [long_token, "4711"]) == {"protocol": "4711"}
    assert browser.resolve(HOLD, system.ws_url(), [long_token]) == {"protocol": long_token}
    # Of who goes in the moment of coming, nothing is ever said.
    eventually("the token is this user's", lambda: bulk.state(system.api_address, user)["status"] == "online")


def test_chromium_is_refused_where_the_token_is_wrong(system, browser, pages):
    browser.open(pages + "/blank")
    assert browser.resolve(OPEN, system.ws_url(), ["x" + token_of("u"), "4711"]) == {"code": 1006}
