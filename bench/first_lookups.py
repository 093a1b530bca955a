#!/usr/bin/env python3
"""LookupEvents of values that nobody has asked for yet, over HTTP, at a server that has just started.

Takes a data folder that is there already and the manifest of the generator that made its events (`history.py` shows how both
are made), and the binaries to compare, which are measured in turns. Each value of each kind is asked once, attributes in turns,
so that none finds what another has left; then all are asked again, twice. Prints a line of Markdown for each attribute and kind,
and the processor time of the server.

    python3 bench/first_lookups.py MANIFEST BINARY=FOLDER [BINARY=FOLDER ...] --rounds 2
"""

import argparse
import json
import os
import pathlib
import re
import signal
import subprocess
import time

import history
from history_measure import percentile


def read_all(folder):
    """Brings the segments into the page cache."""
    for path in pathlib.Path(folder).rglob("*.segment"):
        with open(path, "rb") as file:
            while file.read(1 << 20):
                pass


def processor_ms(pid):
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) * 1000 / os.sysconf("SC_CLK_TCK")


def asked_in_turns(manifest, kind, values_max):
    """(attribute, value): the first value of each attribute, then the second of each, and so on."""
    from history_questions import COLUMNS

    columns = []
    for attribute in COLUMNS:
        values = [value["value"] if isinstance(value, dict) else value for value in manifest["values"][attribute][kind]]
        columns.append([(attribute, value) for value in values[:values_max]])
    return [column[place] for place in range(values_max) for column in columns if place < len(column)]


def measure(binary, folder, manifest, arguments, results):
    from history_opentrail import KEY_ID, SECRET, Client, ask, free_port, wait_until_ready
    from history_questions import Question

    home = manifest["home"]
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "OPENTRAIL_"))}
    environment |= {"OPENTRAIL_ROOT_ACCESS_KEY_ID": KEY_ID, "OPENTRAIL_ROOT_SECRET_ACCESS_KEY": SECRET}
    endpoint, console = free_port(), free_port()
    server = subprocess.Popen(
        [binary, "serve", "--data-dir", folder, "--listen", f"127.0.0.1:{endpoint}", "--console-listen",
         f"127.0.0.1:{console}", "--account-id", home["account"], "--region", home["region"]],
        env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        wait_until_ready(server, console)
        clients = Client(endpoint, home["region"]), Client(console, home["region"])
        started = {"rss_mib": resident_mib(server.pid)}
        if arguments.warm_seconds:
            time.sleep(arguments.warm_seconds)
        for kind in arguments.kinds:
            asked = asked_in_turns(manifest, kind, arguments.values)
            # The second pass of a kind that was asked is "again".
            for turn in arguments.turns:
                before, wall = processor_ms(server.pid), 0.0
                for attribute, value in asked:
                    question = Question("lookup", attribute, [(attribute, value)], [""])
                    rows, milliseconds = ask(clients, manifest, question, 0, 60)
                    cell = results.setdefault((attribute, kind, turn), {"times": [], "rows": []})
                    cell["times"].append(milliseconds)
                    cell["rows"].append(rows)
                    wall += milliseconds
                spent = results.setdefault(("all", kind, turn), {"times": [], "cpu": []})
                spent["cpu"].append((processor_ms(server.pid) - before) / len(asked))
                spent.setdefault("wall", []).append(wall / len(asked))
        results.setdefault("memory", []).append((started["rss_mib"], resident_mib(server.pid)))
    finally:
        server.send_signal(signal.SIGTERM)
        server.wait(timeout=30)


def resident_mib(pid):
    status = pathlib.Path(f"/proc/{pid}/status").read_text()
    return int(re.search(r"VmRSS:\s+(\d+)", status).group(1)) / 1024


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("manifest", type=pathlib.Path)
    parser.add_argument("builds", nargs="+", metavar="BINARY=FOLDER")
    parser.add_argument("--values", type=int, default=25)
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--kinds", nargs="+", default=["rare", "frequent", "absent"], choices=["frequent", "rare", "absent"])
    parser.add_argument("--warm-seconds", type=float, default=0, help="wait so long between the start and the first question")
    parser.add_argument("--turns", nargs="+", default=["first", "again", "again"])
    arguments = parser.parse_args()
    history.enter_environment()
    manifest = json.loads(arguments.manifest.read_text())
    builds = [build.rsplit("=", 1) for build in arguments.builds]
    results = [{} for _ in builds]
    for _ in range(arguments.rounds):
        for (binary, folder), found in zip(builds, results):
            read_all(folder)
            measure(binary, folder, manifest, arguments, found)
    titles = [f"{which} {turn}" for turn in dict.fromkeys(arguments.turns) for which in (f"build {n + 1}" for n in range(len(builds)))]
    print("p50 / p99, ms\n\n| attribute | " + " | ".join(titles) + " | rows |")
    print("| --- |" + " --- |" * (len(titles) + 1))
    names = sorted({key[:2] for key in results[0] if key != "memory"}, key=lambda key: (arguments.kinds.index(key[1]), key[0] == "all"))
    for attribute, kind in names:
        cells = []
        for turn in dict.fromkeys(arguments.turns):
            for found in results:
                cell = found[(attribute, kind, turn)]
                if attribute == "all":
                    cells.append(f"{sum(cell['cpu']) / len(cell['cpu']):.2f} of {sum(cell['wall']) / len(cell['wall']):.2f}")
                else:
                    cells.append(f"{percentile(cell['times'], 0.5):.2f} / {percentile(cell['times'], 0.99):.2f}")
        rows = "" if attribute == "all" else " ".join(
            f"{sum(found[(attribute, kind, 'first')]['rows']) / len(found[(attribute, kind, 'first')]['rows']):.1f}" for found in results)
        name = f"processor time of a lookup, of its whole time, {kind}" if attribute == "all" else f"{attribute}, {kind}"
        print(f"| {name} | " + " | ".join(cells) + f" | {rows} |")
    for (binary, _), found in zip(builds, results):
        memory = ", ".join(f"{start:.0f} and {end:.0f}" for start, end in found["memory"])
        print(f"\n{binary}: memory at its start and at the end, MiB: {memory}")


if __name__ == "__main__":
    main()
