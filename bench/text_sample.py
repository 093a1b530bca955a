#!/usr/bin/env python3
"""Free text search of texts that nobody chose, over HTTP, at a server over a data folder that is there already.

A seed picks records of log files, and of these parts of values of every kind: whole values, their beginnings, ends and middles,
two words, parts of ARNs, of user agents, of messages, of dates and addresses, numbers, keys with their quotes, tokens, paths,
capitals for small letters. For each kind there are also texts that no record has, as far as chance goes: the same with other
letters and digits. Each is asked once to bring what it needs into the page cache and then some rounds, builds in turns; the first
page of 50, newest first. Prints how the times are spread, by kind as well, and every text that takes longer than `--slow-ms`.

    python3 bench/text_sample.py LOGS[,LOGS...] BINARY=FOLDER [BINARY=FOLDER ...]
"""

import argparse
import gzip
import json
import os
import pathlib
import random
import re
import signal
import subprocess

import history
from first_lookups import read_all, resident_mib
from history_measure import percentile

PAGE = 50
# Fewest and most characters of a part.
PART = (3, 12)
# Times that a kind looks for a record that has one of it before it goes without.
TRIES = 400

ARN = re.compile(r"arn:aws[a-z-]*:")
DATE = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d|20\d{6}(T\d{6}Z)?")
ADDRESS = re.compile(r"\d{1,3}(\.\d{1,3}){3}$")
ACCOUNT = re.compile(r"(?<!\d)\d{12}(?!\d)")
HEX = re.compile(r"[0-9a-f]{8,}|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
BASE64 = re.compile(r"[A-Za-z0-9+/=]{24,}$")
ACCESS_KEY = re.compile(r"A[KS]IA[A-Z0-9]{12,}$")
MAC = re.compile(r"[0-9a-f]{2}(:[0-9a-f]{2}){5}$")
FOREIGN = dict(zip("aeiou", "äéïöü"))
AGENT = re.compile(r"[A-Za-z0-9_.-]+/v?\d")


def leaves(value, key=""):
    """(key, value) of all that is no object and no list. Names of keys are kept as they are."""
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from leaves(inner, name)
    elif isinstance(value, list):
        for inner in value:
            yield from leaves(inner, key)
    elif value is not None:
        yield key, value


def records_of(path):
    if path.suffix == ".zst":
        lines = subprocess.run(["zstd", "-dc", path], capture_output=True, check=True).stdout.splitlines()
        return [json.loads(line) for line in lines if line.strip()]
    found = json.loads(gzip.open(path).read())
    return found["Records"] if isinstance(found, dict) else found


class Sample:
    """Takes texts out of records, by a seed."""

    def __init__(self, folders, seed, files):
        self.random = random.Random(seed)
        self.records = []
        for folder in folders:
            paths = sorted([*pathlib.Path(folder).rglob("*.json.gz"), *pathlib.Path(folder).glob("*.jsonl.zst")])
            for path in self.random.sample(paths, min(files, len(paths))):
                records = [record for record in records_of(path) if isinstance(record, dict) and "eventName" in record]
                self.records.append(self.random.sample(records, min(500, len(records))))
        self.records = [records for records in self.records if records]

    def value(self, fits):
        """A (key, value) that fits, of any record of any file; each key of a record counts once."""
        for _ in range(TRIES):
            found = dict(leaves(self.random.choice(self.random.choice(self.records))))
            fitting = [(key, value) for key, value in found.items() if fits(value)]
            if fitting:
                return self.random.choice(fitting)
        return None

    def text(self, pattern=None, shortest=PART[0]):
        """A text that a pattern finds something in."""
        found = self.value(lambda value: isinstance(value, str) and len(value) >= shortest and (not pattern or pattern.search(value)))
        return found and found[1]

    def match(self, pattern):
        text = self.text(pattern)
        return text and pattern.search(text)[0]

    def part(self, text, place=None):
        if not text or len(text) < PART[0]:
            return None
        length = self.random.randint(PART[0], min(PART[1], len(text)))
        last = len(text) - length
        start = {"begin": 0, "end": last}.get(place, self.random.randint(0, last))
        return text[start:start + length]

    def words(self, count, pattern=None):
        words = (self.text(re.compile(r"\S \S") if pattern is None else pattern) or "").split(" ")
        if len(words) < 2:
            return None
        count = min(count, len(words))
        start = self.random.randint(0, len(words) - count)
        return " ".join(words[start:start + count])

    def between_borders(self, text, borders):
        """From one border to another, with what is beside them or without."""
        if not text:
            return None
        places = [0, *(match.start() for match in re.finditer(borders, text)), len(text)]
        start, end = sorted(self.random.sample(range(len(places)), 2))
        return text[places[start] + self.random.randint(0, 1):places[end] + self.random.randint(0, 1)]

    def key_with_quotes(self):
        found = self.value(lambda value: isinstance(value, (str, int, float)) and not isinstance(value, bool))
        key, value = found
        begin = json.dumps(value, ensure_ascii=False)
        return f'"{key}":{begin[:self.random.randint(0, 4)]}'

    def number(self):
        found = self.value(lambda value: isinstance(value, int) and not isinstance(value, bool) and value > 99
                           or isinstance(value, str) and value.isdigit() and len(value) != 12)
        return found and str(found[1])

    def date(self):
        date = self.match(DATE)
        return date and self.random.choice([date[:10], date[:13], date[:16], date[5:10], date[11:16], date.replace("-", "")[:8]])

    def capitals(self):
        text = self.part(self.text(re.compile("[a-z]{4}")))
        return text and text.upper()

    def foreign(self):
        """Records hardly have any, so it is a part with an accent that it had not."""
        return re.sub("[aeiou]", lambda vowel: FOREIGN[vowel[0]], self.part(self.text(re.compile("[aeiou]"))) or "", count=1)

    def sentence(self):
        text = self.text(re.compile(r"(\S+ ){4}"))
        return text and self.between_borders(text, " ").strip()

    def kinds(self):
        part = self.part
        return {
            "a whole value": lambda: self.text(),
            "the beginning of a value": lambda: part(self.text(), "begin"),
            "the end of a value": lambda: part(self.text(), "end"),
            "the middle of a value": lambda: part(self.text()),
            "two words": lambda: self.words(2),
            "a part of an ARN": lambda: self.between_borders(self.text(ARN), "[:/]"),
            "any part of an ARN": lambda: part(self.text(ARN)),
            "a part of a user agent": lambda: self.between_borders(self.text(AGENT), "[ /]"),
            "a part of a message": lambda: self.sentence(),
            "a date": lambda: self.date(),
            "an address": lambda: (self.text(ADDRESS) or "")[:self.random.choice([4, 6, 8, 15])],
            "an account": lambda: (self.match(ACCOUNT) or "")[:self.random.choice([4, 6, 12, 12])],
            "a number": lambda: self.number(),
            "a key with quotes": lambda: self.key_with_quotes(),
            "digits of base 16": lambda: part(self.match(HEX)),
            "a part of base 64": lambda: part(self.text(BASE64)),
            "an access key": lambda: (self.text(ACCESS_KEY) or "")[:self.random.choice([8, 12, 20, 20])],
            "a path": lambda: self.between_borders(self.text(re.compile("./.")), "/"),
            "a hardware address": lambda: (self.text(MAC) or "")[:self.random.choice([5, 8, 17])],
            "an event": lambda: self.random.choice(self.random.choice(self.records))["eventName"],
            "in capitals": lambda: self.capitals(),
            "not ASCII": lambda: self.foreign(),
        }

    def absent(self, text):
        """The same with other letters and digits."""
        def other(character):
            for alphabet in ("0123456789", "abcdefghijklmnopqrstuvwxyz", "ABCDEFGHIJKLMNOPQRSTUVWXYZ"):
                if character in alphabet:
                    return self.random.choice(alphabet)
            return character
        return "".join(map(other, text))

    def texts(self, each, absent_each):
        """(kind, text), each text once."""
        found = {}
        for kind, make in self.kinds().items():
            for is_absent, count in ((False, each), (True, absent_each)):
                tries = 0
                while count and tries < 20 * (each + absent_each):
                    tries += 1
                    text = (make() or "").strip()
                    if is_absent and text:
                        text = self.absent(text)
                    if len(text) < PART[0] or len(text) > 200 or text in found:
                        continue
                    found[text] = f"{kind}, other letters" if is_absent else kind
                    count -= 1
        return [(kind, text) for text, kind in found.items()]


def ask(client, text, bound_s):
    """Events of the first page and its milliseconds; stops after some seconds."""
    query = '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
    events, total, cursor = 0, 0.0, None
    while True:
        body = {"query": query, "limit": PAGE - events} | ({"cursor": cursor} if cursor else {})
        answer, milliseconds = client.post("opentrail", "/api/v1/events/search", body, {"Content-Type": "application/json"})
        events, total, cursor = events + len(answer["events"]), total + milliseconds, answer.get("next")
        if events >= PAGE or not cursor or total > bound_s * 1000:
            return events, total


def measure(binary, folder, texts, arguments):
    from history_opentrail import KEY_ID, SECRET, Client, free_port, wait_until_ready

    environment = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "OPENTRAIL_"))}
    environment |= {"OPENTRAIL_ROOT_ACCESS_KEY_ID": KEY_ID, "OPENTRAIL_ROOT_SECRET_ACCESS_KEY": SECRET}
    endpoint, console = free_port(), free_port()
    server = subprocess.Popen(
        [binary, "serve", "--data-dir", folder, "--listen", f"127.0.0.1:{endpoint}", "--console-listen", f"127.0.0.1:{console}"],
        env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    results = []
    try:
        wait_until_ready(server, console)
        client = Client(console, "us-east-1")
        for kind, text in texts:
            events, first = ask(client, text, arguments.bound_seconds)
            rounds = 1 if first > arguments.bound_seconds * 1000 else arguments.rounds
            again = [ask(client, text, arguments.bound_seconds)[1] for _ in range(rounds)]
            results.append({"kind": kind, "text": text, "events": events, "first": first, "again": min(again)})
        return results, resident_mib(server.pid)
    finally:
        server.send_signal(signal.SIGTERM)
        server.wait(timeout=30)


def spread(times):
    return f"{percentile(times, 0.5):.0f} / {percentile(times, 0.9):.0f} / {max(times):.0f}"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("logs", help="folders with log files (.json.gz, .jsonl.zst), divided by commas")
    parser.add_argument("builds", nargs="+", metavar="BINARY=FOLDER")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--files", type=int, default=20, help="files of each folder that are read")
    parser.add_argument("--each", type=int, default=7, help="texts of each kind")
    parser.add_argument("--absent-each", type=int, default=2, help="texts of each kind with other letters")
    parser.add_argument("--kinds", default="", help="only kinds with this in their names")
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--bound-seconds", type=float, default=2)
    parser.add_argument("--slow-ms", type=float, default=200)
    parser.add_argument("--all", action="store_true", help="print every text")
    parser.add_argument("--save", type=pathlib.Path, help="write what was measured to a file, JSON lines")
    arguments = parser.parse_args()
    history.enter_environment()
    sample = Sample(arguments.logs.split(","), arguments.seed, arguments.files)
    texts = [(kind, text) for kind, text in sample.texts(arguments.each, arguments.absent_each) if arguments.kinds in kind]
    builds = [build.rsplit("=", 1) for build in arguments.builds]
    measured = []
    for binary, folder in builds:
        read_all(folder)
        measured.append(measure(binary, folder, texts, arguments))
    if arguments.save:
        arguments.save.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in zip_rows(measured)))
    print(f"{len(texts)} texts, first page of {PAGE}: p50 / p90 / longest, ms, the best of {arguments.rounds} times\n")
    names = [f"build {number + 1}" for number in range(len(builds))]
    print("| kind | " + " | ".join(names) + " |\n| --- |" + " --- |" * len(names))
    for kind in ["all", *dict.fromkeys(kind for kind, _ in texts)]:
        of_kind = [[row["again"] for row in rows if kind in ("all", row["kind"])] for rows, _ in measured]
        print(f"| {kind} | " + " | ".join(map(spread, of_kind)) + " |")
    print(f"\nover {arguments.slow_ms:.0f} ms in any build:" if not arguments.all else "\nall:")
    for rows in zip(*(rows for rows, _ in measured)):
        if arguments.all or max(row["again"] for row in rows) > arguments.slow_ms:
            times = "  ".join(f"{row['again']:7.1f} (first {row['first']:7.1f})" for row in rows)
            print(f"{times}  {rows[0]['events']:3} events  {rows[0]['kind']}: {rows[0]['text']}")
        if len({row["events"] for row in rows}) > 1:
            print(f"the builds found different numbers of events: {[row['events'] for row in rows]} for {rows[0]['text']}")
    for (binary, _), (rows, mib) in zip(builds, measured):
        slow = sum(row["again"] > arguments.slow_ms for row in rows)
        print(f"\n{binary}: {slow} texts over {arguments.slow_ms:.0f} ms, memory at the end {mib:.0f} MiB")


def zip_rows(measured):
    for rows in zip(*(rows for rows, _ in measured)):
        yield {"kind": rows[0]["kind"], "text": rows[0]["text"], "builds": [
            {key: row[key] for key in ("events", "first", "again")} for row in rows]}


if __name__ == "__main__":
    main()
