"""A correct run, journals that prove nothing, and the report."""

import json

import pytest

import checker
from checker.__main__ import main

from .made_journal import unix_ms
from .made_run import clean, made, report_of


def test_a_correct_run_has_no_violation(tmp_path):
    summary = clean(made(), tmp_path).summary
    assert summary["users"] == 14
    assert summary["ends_judged"] == "5 of 7"  # gus and ida were back earlier
    assert summary["growth_judged"] == "2 of 2"
    assert summary["faults"] == 4 and summary["epochs"] == 2
    assert summary["users_judged_at_end"] == 13  # all but who was refused
    assert summary["worst_staleness_calm_s"] == pytest.approx(0.012, abs=0.002)
    assert summary["worst_recovery_s"] == pytest.approx(0.612, abs=0.002)  # Redis is back at 60, jon is gone at 60.6
    assert summary["closed_by_server"] == {"1001": 1, "None": 3}


def test_a_journal_without_its_end_is_not_usable(tmp_path):
    lines = made().lines()
    lines.remove("run", lines.find("run", "end")[0])
    report = report_of(lines, tmp_path)
    assert report.exit_code == checker.UNUSABLE and "end" in report.unusable


@pytest.mark.parametrize("break_it", [
    lambda lines: lines.find("run", "end")[0].update(t=104.9),
    lambda lines: lines.remove("run", lines.find("run", "quiet")[0]),
    lambda lines: lines.remove("run", lines.find("run", "fault", phase="end")[0]),
    lambda lines: lines.find("load-1", "connect")[0].pop("user"),
    lambda lines: lines.find("log", "transition")[0].update(to="here"),
    lambda lines: lines.files.pop("log"),
    lambda lines: [lines.files.pop(name) for name in list(lines.files) if name.startswith("observer")],
])
def test_a_journal_that_lacks_something_is_not_usable(tmp_path, break_it):
    lines = made().lines()
    break_it(lines)
    assert report_of(lines, tmp_path).exit_code == checker.UNUSABLE


def _through_a_gateway(lines, told):
    for connect in lines.find("load-1", "connect"):
        for opened in lines.find("load-1", "open", conn=connect["conn"]):
            opened.update({"edge": connect["edge"]} if told else {})
        connect["edge"] = "gateway"
    return lines


def test_of_a_connection_through_a_gateway_the_edge_is_the_one_that_took_it(tmp_path):
    assert report_of(_through_a_gateway(made().lines(), told=True), tmp_path).violations == []
    # Whose edge is not known has no excuse in what became of the edges.
    assert report_of(_through_a_gateway(made().lines(), told=False), tmp_path).violations != []


def test_a_line_that_is_no_json_is_named(tmp_path):
    made().lines().write(tmp_path)
    with open(tmp_path / "load-1.jsonl", "a", encoding="utf-8") as file:
        file.write('{"t": 5')
    report = checker.check(tmp_path)
    assert report.exit_code == checker.UNUSABLE and "load-1.jsonl:" in report.unusable


def test_times_that_go_back_are_not_usable(tmp_path):
    made().lines().write(tmp_path)
    with open(tmp_path / "load-1.jsonl", "a", encoding="utf-8") as file:
        file.write('{"t": 5, "ev": "life", "conn": 1}\n')
    assert checker.check(tmp_path).exit_code == checker.UNUSABLE


def test_real_time_may_be_slewed_while_a_run_lasts(tmp_path):
    lines = made().lines()
    for file, ev, key, by in (("run", "clock", "unix_offset", -0.1), ("log", "transition", "at", -100),
                              ("observer-full-1", "frame", "at", -100), ("observer-basic-1", "frame", "at", -100),
                              ("observer-full-3", "frame", "at", -100)):
        for line in lines.find(file, ev):
            if line["t"] > 14.5:
                line[key] += by
    clean(lines, tmp_path)


def test_a_frame_that_is_seen_before_it_was_decided_tells_of_clocks_that_disagree(tmp_path):
    lines = made().lines()
    for file, at in (("log", "transition"), ("observer-full-1", "frame")):
        for line in lines.find(file, at, user="bob", at=unix_ms(5.005)):
            line["at"] += 100
    report = report_of(lines, tmp_path)
    assert report.exit_code == checker.UNUSABLE and "clocks" in report.unusable


def test_a_stalled_run_is_to_be_repeated(tmp_path):
    for ms, code in ((200, checker.CLEAN), (201, checker.STALLED)):
        lines = made().lines()
        lines.add("observer-full-1", 30.0, "stall", ms=ms)
        assert report_of(lines, tmp_path).exit_code == code
        assert checker.check(tmp_path, despite_stalls=True).exit_code == checker.CLEAN


@pytest.mark.parametrize("as_json", [False, True])
def test_the_program_prints_the_report_and_ends_with_its_code(tmp_path, capsys, as_json):
    j = made()
    j.shows(30.0, "ann", "offline", "pong-timeout")
    j.shows(30.2, "ann", "online")
    folder = str(j.lines().write(tmp_path))
    assert main([folder, "--json"] if as_json else [folder]) == checker.VIOLATED
    printed = capsys.readouterr().out
    if as_json:
        assert json.loads(printed)["violations"][0]["kind"] == "false-offline"
    else:
        assert "false-offline (invariant 1) at 30.500 s, ann" in printed
    assert main([str(tmp_path / "nothing")]) == checker.UNUSABLE
    assert "run.jsonl" in capsys.readouterr().out


def test_a_report_is_text_and_json(tmp_path):
    j = made()
    j.shows(30.0, "ann", "offline", "pong-timeout")
    j.shows(30.2, "ann", "online")
    report = report_of(j.lines(), tmp_path)
    assert json.loads(json.dumps(report.as_json()))["counts"] == {"false-offline": 1}
    text = report.as_text()
    for expected in ("false offlines               1", "ann", "kill-edge", "connections: 1 at ws-edge-1"):
        assert expected in text
