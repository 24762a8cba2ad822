"""Headless Chromium, and a place that serves it pages: another origin than any server under test, so that what a page
asks of those is cross-origin, as for the dashboards of the guide."""

import contextlib
import http.server
import json
import os
import shutil
import tempfile
import threading

from selenium import webdriver
from selenium.webdriver.chrome.service import Service

from .waiting import PATIENCE_S, eventually

# Without the back/forward cache: a page that is left is gone, and so are its sockets.
_FLAGS = ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--disable-quic",
          "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync",
          "--no-proxy-server", "--disable-features=BackForwardCache"]


class Browser:
    """`resolve`: {"localhost:3000": "127.0.0.1:12345"}, where addresses that pages name really are."""

    def __init__(self, resolve=None):
        self._profile = tempfile.TemporaryDirectory(prefix="zpresence-browser-", ignore_cleanup_errors=True)
        options = webdriver.ChromeOptions()
        options.binary_location = shutil.which("chromium")
        options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
        for flag in [*_FLAGS, f"--user-data-dir={self._profile.name}"]:
            options.add_argument(flag)
        if resolve:
            rules = ",".join(f"MAP {name} {address}" for name, address in resolve.items())
            options.add_argument(f"--host-resolver-rules={rules}")
        service = Service(shutil.which("chromedriver"), env={**os.environ, "HOME": self._profile.name})
        self._driver = webdriver.Chrome(service=service, options=options)
        self._driver.set_script_timeout(PATIENCE_S)

    def open(self, url):
        self._driver.get(url)

    def run(self, script, *arguments):
        """The value that `script` returns; `arguments` are its arguments[0] and on."""
        return self._driver.execute_script(script, *arguments)

    def resolve(self, script, *arguments):
        """As run, for a script that may `await`; its value comes by way of JSON, so that objects keep the order of
        their keys. What it throws comes back as {"failed": text}."""
        return json.loads(self._driver.execute_async_script(
            "const given = Array.from(arguments), done = given.pop();"
            f"(async function () {{ {script} }}).apply(null, given)"
            ".catch((error) => ({failed: String(error)})).then((value) => done(JSON.stringify(value)));", *arguments))

    def wait(self, what, script, *arguments, within_s=PATIENCE_S):
        return eventually(what, lambda: self.run(script, *arguments), within_s)

    def console(self):
        """What pages have written to the console since this was last asked, and what the browser itself had to say."""
        return [entry["message"] for entry in self._driver.get_log("browser")]

    def end(self):
        self._driver.quit()
        self._profile.cleanup()


@contextlib.contextmanager
def serving(pages):
    """Serves {path: (content type, bytes)} on a port of its own; gives its origin. `pages` may change meanwhile."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            kind, body = pages.get(self.path, (None, b""))
            self.send_response(200 if kind else 404)
            self.send_header("Content-Type", kind or "text/plain")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
