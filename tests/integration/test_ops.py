"""What operators see: every process with its figures, health in words, metrics by Prometheus' own parser, alert rules
and the dashboard."""

import json
import re
import threading
import time

from prometheus_client.parser import text_string_to_metric_families

from harness import http_client as http
from harness.system import REPOSITORY
from harness.waiting import eventually, never

SYSTEM = {"edges": 2, "REDIS_TIMEOUT_MS": 5000, "PEER_TIMEOUT_MS": 2500}

RULES = REPOSITORY / "docker/prometheus"
DASHBOARDS = REPOSITORY / "docker/grafana"


def ops_health(system):
    return http.get(system.api_address, "/api/ops/health")


def is_well(system):
    answers = [http.get(system.api_address, path) for path in ("/health", "/api/ops/health")]
    return all(answer.status == 200 for answer in answers)


def services_of(system):
    answer = http.get(system.api_address, "/api/ops/services")
    return {row["id"]: row for row in answer.json()["services"]} if answer.status == 200 else {}


# Services

def test_every_live_process_is_listed_with_what_it_is_and_how_it_does(system):
    rows = eventually("all are listed", lambda: _if(services_of(system), lambda rows: len(rows) == len(system.services)))
    for service in system.services:
        row = rows[service.name]
        assert row["kind"] == service.name.rsplit("-", 1)[0]
        assert row["pid"] == service.pid
        assert row["admin"] == service.admin_address
        assert row["version"] and row["uptimeMs"] >= 0 and 0 <= row["beatAgeMs"] < 5000
        assert row["silent"] is False
        assert all(isinstance(value, int) for value in row["figures"].values())
    client = system.connect("figures", edge=1)
    eventually("the socket shows in its edge's figures",
               lambda: services_of(system)["ws-edge-2"]["figures"]["sockets"] == 1)
    client.close()
    eventually("and leaves them", lambda: services_of(system)["ws-edge-2"]["figures"]["sockets"] == 0)


def test_a_process_that_is_gone_is_silent_then_forgotten_by_health(system):
    eventually("all is well", lambda: is_well(system))
    system.edges[1].kill()
    row = eventually("it is silent", lambda: _if(services_of(system).get("ws-edge-2"), lambda row: row and row["silent"]))
    assert row["beatAgeMs"] > 2500
    answer = ops_health(system)
    assert answer.status == 200  # the other edge lives
    assert answer.json()["silent"] == ["ws-edge-2"]
    assert answer.json()["services"]["ws-edge"] == 1


def test_a_process_that_stops_is_listed_no_more_and_one_that_is_killed_is_silent(own_system):
    """Whichever of the kinds it is."""
    system = own_system(edges=2, fanouts=2, watchers=2, cores=2, apis=2, PEER_TIMEOUT_MS=2500)
    listed = {service.name for service in system.services}
    eventually("all are listed", lambda: set(services_of(system)) == listed)

    def is_right():
        return (set(services_of(system)) == listed and ops_health(system).json()["silent"] == []
                and set(scraped(metrics_all(system))) == listed)

    for kind in ("ws-edge", "fanout", "expiry-watcher", "http-api", "presence-core"):
        stopped = system.of_kind(kind)[1]
        stopped.stop()
        listed.remove(stopped.name)
        eventually(f"{stopped.name} is listed no more", is_right, within_s=10)  # long before it would be forgotten
        never("it comes back", lambda: not is_right(), during_s=0.5)
        stopped.restart()
        listed.add(stopped.name)
        eventually(f"{stopped.name} is listed again", is_right)
        stopped.kill()
        eventually("it is silent", lambda: ops_health(system).json()["silent"] == [stopped.name])
        eventually("so says the list", lambda: services_of(system).get(stopped.name, {}).get("silent"))
        stopped.restart()
        eventually("it is listed again", is_right)


# Health

def test_a_frozen_redis_is_said_to_be_one_and_not_a_missing_core(system):
    eventually("all is well", lambda: is_well(system))
    system.redis_server.process.freeze()
    reasons = set()

    def says_so():
        answer = ops_health(system)
        reasons.update(answer.json()["reasons"])
        return answer.status == 503 and any("Redis does not answer" in reason for reason in answer.json()["reasons"])

    eventually("health says that Redis does not answer", says_so, within_s=4)
    never("health says anything else", lambda: not says_so(), during_s=6)  # also when the connection is given up
    assert not any("no presence-core" in reason for reason in reasons), reasons
    answer = system.bulk("123")
    assert answer.status == 500 and "Redis" in answer.json()["details"]
    assert http.get(system.api_address, "/api/ops/services").status == 503
    system.redis_server.process.thaw()
    eventually("all is well again", lambda: is_well(system))


def test_a_redis_that_is_gone_is_said_too(system):
    eventually("all is well", lambda: is_well(system))
    system.redis_server.process.kill()
    eventually("health says that Redis is out of reach", lambda: any(
        "Redis is out of reach" in reason for reason in ops_health(system).json()["reasons"]))
    system.redis_server.start()
    eventually("all is well again", lambda: is_well(system))


def test_a_missing_core_is_said_to_be_one(system):
    eventually("all is well", lambda: is_well(system))
    system.cores[0].freeze()
    eventually("health says so", lambda: ops_health(system).json()["reasons"] == [
        "no presence-core answers: nobody's presence is known or changes"])
    system.cores[0].thaw()
    eventually("all is well again", lambda: is_well(system))


def test_what_works_less_well_is_noted_and_is_no_failure(own_system):
    system = own_system(KEYSPACE_CHECK_MS=200)
    eventually("all is well", lambda: is_well(system) and ops_health(system).json()["notes"] == [])
    redis = system.redis_server.client()
    redis.config_set("maxmemory-policy", "allkeys-lru")
    redis.config_set("appendonly", "no")

    def notes():
        answer = http.get(system.api_address, "/health")
        assert answer.status == 200 and answer.json()["reasons"] == []
        return " ".join(answer.json()["notes"])

    eventually("both are noted", lambda: "noeviction" in notes() and "appendonly" in notes())
    assert "maxmemory-policy is not noeviction" in _page(system)
    redis.config_set("maxmemory-policy", "noeviction")
    redis.config_set("appendonly", "yes")
    eventually("both are right again", lambda: notes() == "")


def test_a_redis_that_does_not_notify_and_does_not_let_us_is_noted(own_system):
    system = own_system(KEYSPACE_CHECK_MS=200)
    eventually("all is well", lambda: is_well(system) and ops_health(system).json()["notes"] == [])
    redis = system.redis_server.client()
    redis.config_set("notify-keyspace-events", "")
    redis.acl_setuser("default", enabled=True, nopass=True, keys=["*"], channels=["*"],
                      commands=["+@all", "-config|set"])
    eventually("it is noted", lambda: "notify-keyspace-events" in " ".join(ops_health(system).json()["notes"]))
    assert ops_health(system).status == 200
    redis.acl_setuser("default", enabled=True, nopass=True, keys=["*"], channels=["*"], commands=["+@all"])
    eventually("it is right again", lambda: ops_health(system).json()["notes"] == [])


# Metrics

def families_of(text):
    return list(text_string_to_metric_families(text))


def assert_conventional(text):
    """Prometheus' naming conventions, and that each family is announced once, with samples of its own only."""
    announced = re.findall(r"^# TYPE (\S+) (\S+)$", text, re.M)
    assert len(announced) == len({name for name, _ in announced}), "a family is announced twice"
    assert len(re.findall(r"^# HELP ", text, re.M)) == len(announced)
    samples = [line for line in text.splitlines() if line and not line.startswith("#")]
    assert len(samples) == len({line.rsplit(" ", 1)[0] for line in samples}), "a series comes twice"
    types = dict(announced)
    for name, kind in types.items():
        assert re.fullmatch(r"(zpresence|process)_[a-z0-9_]+", name), name
        assert kind in ("counter", "gauge"), (name, kind)
        assert name.endswith("_total") == (kind == "counter"), (name, kind)
        for unit in ("milliseconds", "_ms", "minutes", "kilobytes", "percent"):
            assert unit not in name, f"{name}: base units are seconds and bytes"
    for line in samples:
        assert re.split(r"[{ ]", line)[0] in types, f"{line} stands under no family"
    for family in families_of(text):
        assert family.documentation, family.name
        assert family.samples, family.name
        for sample in family.samples:
            assert "process" in sample.labels, sample
            assert all(re.fullmatch("[a-z_]+", label) for label in sample.labels), sample


def test_metrics_of_every_process_are_read_by_a_prometheus_parser(system):
    for service in system.services:
        answer = http.get(service.admin_address, "/metrics")
        assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
        assert_conventional(answer.body.decode())
    assert_conventional(http.get(system.api_address, "/metrics").body.decode())


def metrics_all(system):
    answer = http.get(system.api_address, "/metrics/all")
    assert answer.status == 200
    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
    return answer.body.decode()


def scraped(text, name="zpresence_scrape_up"):
    return {sample.labels["process"]: sample.value for family in families_of(text) for sample in family.samples
            if sample.name == name}


def wait_until_listed(system):
    return eventually("all are listed", lambda: _if(services_of(system), lambda rows: len(rows) == len(system.services)
                                                    and not any(row["silent"] for row in rows.values())))


def test_metrics_of_all_processes_are_one_valid_text(system):
    wait_until_listed(system)
    text = metrics_all(system)
    assert_conventional(text)
    names = {service.name for service in system.services}
    assert scraped(text) == {name: 1 for name in names}
    assert set(scraped(text, "process_open_fds")) == names
    # Every family of every process is there.
    for service in system.services:
        own = http.get(service.admin_address, "/metrics").body.decode()
        for name in re.findall(r"^# TYPE (\S+) ", own, re.M):
            assert re.search(rf'^{name}{{process="{service.name}"', text, re.M), (service.name, name)


def test_a_process_says_when_it_was_started_last(system):
    watcher = system.watchers[0]
    wait_until_listed(system)
    before = scraped(metrics_all(system), "process_start_time_seconds")
    assert all(0 <= time.time() - started < 3600 for started in before.values())
    restarted_at = time.time()
    watcher.kill()
    watcher.restart()
    eventually("the new one is asked", lambda: scraped(metrics_all(system), "process_start_time_seconds").get(
        watcher.name, 0) >= restarted_at - 0.001)
    after = scraped(metrics_all(system), "process_start_time_seconds")
    assert {name for name in before if after[name] != before[name]} == {watcher.name}


def test_a_process_that_cannot_be_asked_spoils_nothing(system):
    wait_until_listed(system)
    system.fanouts[0].freeze()
    system.edges[0].kill()
    began = time.monotonic()
    text = metrics_all(system)
    assert time.monotonic() - began < system.seconds("HTTP_DEADLINE_MS") + 1
    assert_conventional(text)
    up = scraped(text)
    assert (up["fanout-1"], up["ws-edge-1"], up["ws-edge-2"], up["presence-core-1"]) == (0, 0, 1, 1)
    assert "fanout-1" not in scraped(text, "process_open_fds")
    assert system.apis[0].metric("zpresence_http_scrapes_failed_total") >= 2


def test_many_who_ask_for_all_metrics_at_once_get_them_from_one_round(system):
    wait_until_listed(system)
    system.fanouts[0].freeze()  # so that the round takes a while
    texts = []
    askers = [threading.Thread(target=lambda: texts.append(metrics_all(system))) for _ in range(30)]
    for asker in askers:
        asker.start()
    for asker in askers:
        asker.join()
    assert len(texts) == 30
    assert all(scraped(text)["fanout-1"] == 0 for text in texts)
    assert len(set(texts)) <= 3


# Rules and dashboard

def known_metrics(system):
    return set(re.findall(r"^# TYPE (\S+) ", metrics_all(system), re.M))


def metrics_named_in(text):
    return set(re.findall(r"\b(?:zpresence|process)_[a-z0-9_]+\b", text))


def test_alert_rules_name_metrics_that_exist(system):
    text = (RULES / "alerts.yml").read_text()
    named = metrics_named_in(re.sub(r"^\s*#.*$", "", text, flags=re.M))
    assert len(named) >= 10
    assert named <= known_metrics(system), named - known_metrics(system)


def test_the_dashboard_names_metrics_that_exist(system):
    dashboard = json.loads((DASHBOARDS / "zpresence.json").read_text())
    expressions = [target["expr"] for panel in dashboard["panels"] for target in panel.get("targets", [])]
    assert len(expressions) >= 12
    assert len({panel["id"] for panel in dashboard["panels"]}) == len(dashboard["panels"])
    for expression in expressions:
        named = metrics_named_in(expression)
        assert named, expression
        assert named <= known_metrics(system), named - known_metrics(system)


def _page(system):
    return http.get(system.api_address, "/").body.decode()


def _if(value, condition):
    return value if condition(value) else None
