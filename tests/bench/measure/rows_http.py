"""The bulk query."""

import json
import subprocess

from .bench import CannotMeasure, settle
from .subject import BUILD
from .usage import Window

IDS_A_QUERY = 100
US = 1e6


def bulk(bench, make):
    """Everybody who is asked about is online. The loader asks again on a connection as soon as it has its answer."""
    sizes = bench.sizes
    with make() as subject, bench.fleet(subject, users=sizes.bulk_users) as fleet:
        ours = subject.name == "zpresence"
        line = bench.line("bulk", subject.name, f"bulk query, {IDS_A_QUERY} ids a query: ids answered"
                          + (", one http-api" if ours else ""), "/s", target=150000 if ours else None, at_least=True, digits=0)
        fleet.open_users(sizes.bulk_users)
        settle(fleet)
        for _ in bench.rounds():
            window = Window(subject.pids)
            asked = subprocess.run([BUILD / "bin" / "bench-http", str(subject.bulk_port), str(sizes.bulk_connections),
                                    str(IDS_A_QUERY), str(sizes.bulk_s), "0", str(sizes.bulk_users)],
                                   capture_output=True, timeout=sizes.bulk_s + 60, check=False)
            window.end()
            if asked.returncode != 0:
                raise CannotMeasure(f"bench-http: {asked.stderr.decode().strip()}")
            answer = json.loads(asked.stdout)
            if answer["wrong_status"] or answer["invalid"] or not answer["ids"]:
                raise CannotMeasure(f"wrong answers: {answer}")
            window.others_cores = max(0.0, window.others_cores - answer["cpu_s"] / window.seconds)
            line.values.append(answer["ids"] / answer["seconds"])
            line.add_window(window, window.seconds / 100, "% of a core")
            line.notes[:] = [f"{sizes.bulk_connections} connections, a query p50 {answer['p50_ns'] / 1e6:.2f} ms, "
                             f"p99 {answer['p99_ns'] / 1e6:.2f}; the loader itself {answer['cpu_s'] / window.seconds * 100:.0f} % of "
                             f"a core; whole-system CPU per id {window.cpu_s(subject.pids) / answer['ids'] * US:.1f} us"]
