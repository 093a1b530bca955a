"""Log files of real records that come again and again, with ids and times of their own and everything else as it was.

`opentrail-workload` draws callers, addresses and resources anew for each event, so most of an event's bytes are random. An account's
own log repeats itself: this is the other end, what an engine makes of records whose ids and times alone are new.
"""

import datetime
import gzip
import json
import pathlib
import random
import subprocess
import uuid

UPPER = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
BASE64 = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
EVENTS_OF_A_FILE = 5000


def source_records(sources):
    """Every record with an event id in files and folders of JSON lines or log files, plain, gzip or zstd."""
    records = []
    for source in map(pathlib.Path, sources):
        for path in sorted(source.rglob("*")) if source.is_dir() else [source]:
            if path.suffix == ".zst":
                text = subprocess.run(["zstd", "-dc", path], check=True, capture_output=True).stdout.decode()
            elif path.suffix == ".gz":
                text = gzip.decompress(path.read_bytes()).decode()
            elif path.suffix in (".json", ".jsonl"):
                text = path.read_text()
            else:
                continue
            try:
                whole = json.loads(text)
                found = whole.get("Records", [whole]) if isinstance(whole, dict) else whole
            except ValueError:
                found = [json.loads(line) for line in text.splitlines() if line.strip()]
            records += [one for one in found if isinstance(one, dict) and isinstance(one.get("eventID"), str) and "eventTime" in one]
    return records


def fresh(old, draw):
    """Another id of the same form: a UUID, or as many capitals and digits."""
    if not isinstance(old, str):
        return old
    if len(old) == 36 and old.count("-") == 4:
        return str(uuid.UUID(int=draw.getrandbits(128), version=4))
    return "".join(draw.choices(UPPER, k=len(old)))


def write(sources, events, days, seed, with_tokens, folder):
    """Writes the files; gives what `history.py` wants to know of them. `with_tokens` renews the long request ids of S3 as well."""
    records = source_records(sources)
    if not records:
        raise SystemExit("no records to repeat: name files or folders of real ones with --from")
    draw = random.Random(seed)
    until = datetime.datetime.now(datetime.timezone.utc).replace(minute=0, second=0, microsecond=0)
    account = next((one["recipientAccountId"] for one in records if one.get("recipientAccountId")), "111122223333")
    region = records[0]["awsRegion"]
    file_bytes = json_bytes = files = 0
    lines = []
    for number in range(events):
        record = dict(records[number % len(records)])
        time = until - datetime.timedelta(days=days) * (1 - number / events)
        record["eventTime"] = time.strftime("%Y-%m-%dT%H:%M:%SZ")
        for name in ("eventID", "requestID", "sharedEventID"):
            if name in record:
                record[name] = fresh(record[name], draw)
        more = record.get("additionalEventData")
        if with_tokens and isinstance(more, dict) and isinstance(more.get("x-amz-id-2"), str):
            record["additionalEventData"] = more | {"x-amz-id-2": "".join(draw.choices(BASE64, k=len(more["x-amz-id-2"])))}
        lines.append(json.dumps(record, separators=(",", ":"), ensure_ascii=False))
        if len(lines) == EVENTS_OF_A_FILE or number == events - 1:
            text = ('{"Records":[' + ",".join(lines) + "]}").encode()
            day = folder / "AWSLogs" / account / "CloudTrail" / region / time.strftime("%Y/%m/%d")
            day.mkdir(parents=True, exist_ok=True)
            path = day / f"{account}_CloudTrail_{region}_{time:%Y%m%dT%H%MZ}_{files:016d}.json.gz"
            path.write_bytes(gzip.compress(text, 6))
            files, json_bytes, file_bytes = files + 1, json_bytes + len(text), file_bytes + path.stat().st_size
            lines = []
    return {"events": events, "files": files, "json_bytes": json_bytes, "file_bytes": file_bytes,
            "home": {"account": account, "region": region}}
