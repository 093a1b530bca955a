#!/usr/bin/env python3
"""Loads the same CloudTrail log files into OpenTrail, DuckDB and ClickHouse (chDB), and asks all three the same.

One after the other, in one run, each alone on the machine. Prints Markdown. Needs a release build of `opentrail` and
`opentrail-workload`; the peers are installed from PyPI into an environment of this script's own at its first run.
"""

import argparse
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import time

from history_measure import percentile

ROOT = pathlib.Path(__file__).resolve().parent.parent
VENV = pathlib.Path(os.environ.get("OPENTRAIL_BENCH_VENV", ROOT / ".venv-bench"))
REQUIREMENTS = ["duckdb==1.4.4", "chdb==4.4.0", "botocore==1.44.5"]
BUILT = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")) / "release"
PEERS = ["duckdb", "chdb"]


def enter_environment():
    """Goes on in the environment that has the peers; makes it if it is not there."""
    python = VENV / "bin" / "python"
    if pathlib.Path(sys.prefix).resolve() == VENV.resolve():
        return
    if not python.exists():
        subprocess.run([sys.executable, "-m", "venv", VENV], check=True)
    probe = subprocess.run([python, "-c", "import duckdb, chdb, botocore"], capture_output=True)
    if probe.returncode != 0:
        subprocess.run([python, "-m", "pip", "install", "--quiet", *REQUIREMENTS], check=True, stdout=sys.stderr)
    os.execv(python, [python, *sys.argv])


def generate(arguments, folder, manifest):
    command = [BUILT / "opentrail-workload", "generate", "--events", str(arguments.events), "--seed", str(arguments.seed),
               "--days", str(arguments.days), "--accounts", str(arguments.accounts), "--regions", str(arguments.regions),
               "--out", folder]
    if arguments.sources:
        command += ["--from", *arguments.sources]
    with open(manifest, "wb") as out:
        subprocess.run(command, check=True, stdout=out)
    return json.loads(manifest.read_text())


def repeat(arguments, folder, manifest):
    import repeated_records

    made = repeated_records.write(arguments.sources, arguments.events, arguments.days, arguments.seed,
                                  arguments.repeat == "ids-and-tokens", folder)
    manifest.write_text(json.dumps(made))
    return made


def in_ratio(ours, theirs):
    return f"{theirs / ours:.2f}" if ours and theirs else ""


def print_results(manifest, results, loads_before):
    ours, peers = results[0], results[1:]
    cores = os.cpu_count()
    print(f"{manifest['events']:,} events in {manifest['files']} gzip log files, {manifest['json_bytes'] / manifest['events']:,.0f} "
          f"bytes an event as JSON, {manifest['file_bytes'] / manifest['events']:,.0f} as delivered; {cores} cores; load of the "
          f"machine before each engine: {', '.join(f'{load:.1f}' for load in loads_before)}.\n")
    names = [result["name"] for result in results]
    ratios = [f"against {peer['name'].split()[0]}" for peer in peers]
    print("| what | " + " | ".join(names + ratios) + " |")
    print("| --- |" + " --- |" * (len(names) + len(ratios)))

    def row(name, values, form, is_rate=False):
        # Above 1 is better for OpenTrail in every row.
        compared = [in_ratio(value, values[0]) if is_rate else in_ratio(values[0], value) for value in values[1:]]
        print(f"| {name} | " + " | ".join([form(value) if value is not None else "" for value in values] + compared) + " |")

    row("load, events/s", [r["events"] / r["load"]["wall_s"] for r in results], lambda v: f"{v:,.0f}", is_rate=True)
    row("load, events per CPU second", [r["events"] / r["load"]["cpu_s"] for r in results], lambda v: f"{v:,.0f}", is_rate=True)
    row("bytes an event on disk", [r["bytes"] / r["events"] for r in results], lambda v: f"{v:,.0f}")
    row("peak memory of the load, MiB", [r["load"]["peak_mib"] for r in results], lambda v: f"{v:,.0f}")
    row("peak memory with the questions, MiB", [r["peak_mib"] for r in results], lambda v: f"{v:,.0f}")
    if not ours["answers"]:
        return
    print("\nMilliseconds, p50 / p99; newest 50 whole records. Ratios are of p50; above 1 OpenTrail is better.\n")
    print("| question | " + " | ".join(names + ratios) + " | records found, by values |")
    print("| --- |" + " --- |" * (len(names) + len(ratios) + 1))
    for name in ours["answers"]:
        answers = [result["answers"][name] for result in results]
        asked = [number for number in range(len(answers[0]["rows"])) if all(answer["rows"][number] is not None for answer in answers)]
        alike = [number for number in asked if len({answer["rows"][number] for answer in answers}) == 1]
        times = [sorted(time for number in alike or asked for time in answer["times"][number]) for answer in answers]
        cells = [f"{percentile(each, 0.5):,.2f} / {percentile(each, 0.99):,.2f}" if each else "" for each in times]
        compared = [in_ratio(percentile(times[0], 0.5), percentile(each, 0.5)) for each in times[1:]]
        found = [sum(answer["rows"][number] for number in alike or asked) for answer in answers]
        remark = f"{found[0]} by {len(alike)} of {len(asked)}" if alike else "not alike: " + " / ".join(map(str, found))
        print("| " + " | ".join([name, *cells, *compared, remark]) + " |")
    print(f"\nOpenTrail was ready {ours['ready_s']:.2f} s after its start. Times are of those values for which all "
          "engines found the same number of records; OpenTrail finds resources that a record names anywhere in its parameters.")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=1_000_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--days", type=int, default=80, help="within the 90 days that are kept")
    parser.add_argument("--accounts", type=int, default=3)
    parser.add_argument("--regions", type=int, default=3)
    parser.add_argument("--from", dest="sources", nargs="+", default=[], help="real records to scale up")
    parser.add_argument("--repeat", choices=["ids", "ids-and-tokens"],
                        help="load those records again and again, with new ids (and S3's long request ids) and times and nothing "
                             "else made up; asks nothing")
    parser.add_argument("--values", type=int, default=30, help="values of each kind of lookup")
    parser.add_argument("--seconds", type=float, default=10, help="most time for one case of one engine")
    parser.add_argument("--work", type=pathlib.Path, help="folder for files and stores; removed at the end")
    parser.add_argument("--only", nargs="+", choices=PEERS, default=PEERS, help="peers to measure")
    parser.add_argument("--raw", type=pathlib.Path, help="write all figures to this file as JSON")
    arguments = parser.parse_args()
    enter_environment()
    for program in ("opentrail", "opentrail-workload"):
        if not (BUILT / program).exists():
            raise SystemExit(f"{BUILT / program} is missing: cargo build --release -p opentrail-server -p opentrail-workload")
    import history_opentrail
    from history_questions import all_questions

    work = pathlib.Path(tempfile.mkdtemp(prefix="opentrail-history-", dir=arguments.work))
    try:
        files, manifest_file = work / "files", work / "manifest.json"
        manifest = (repeat if arguments.repeat else generate)(arguments, files, manifest_file)
        questions = [] if arguments.repeat else all_questions(manifest, arguments.values)
        os.sync()
        loads = [os.getloadavg()[0]]
        results = [history_opentrail.measure(BUILT / "opentrail", files, work, manifest, questions, arguments.seconds)]
        for peer in arguments.only:
            # What the one before left for the disk is not the next one's.
            os.sync()
            time.sleep(1)
            loads.append(os.getloadavg()[0])
            subprocess.run([sys.executable, pathlib.Path(__file__).with_name("history_peers.py"), peer, files, work / peer,
                            manifest_file, str(arguments.values), str(arguments.seconds)], check=True, stdout=sys.stderr)
            results.append(json.loads((work / f"{peer}.json").read_text()))
            shutil.rmtree(work / peer)
        for result in results:
            if result["events"] != manifest["events"]:
                raise SystemExit(f"{result['name']} has {result['events']} of {manifest['events']} events")
        if arguments.raw:
            arguments.raw.write_text(json.dumps({"manifest": manifest, "results": results, "loads": loads}))
        print_results(manifest, results, loads)
    finally:
        shutil.rmtree(work, ignore_errors=True)


if __name__ == "__main__":
    main()
