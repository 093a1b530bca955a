"""`opentrail export`: what was recorded, in files that others read."""

import csv
import gzip
import json
import subprocess

from opentrail import BINARY, ROOT_KEY
from process import clean_environment


def export(opentrail, *arguments):
    env = clean_environment(AWS_ACCESS_KEY_ID=ROOT_KEY[0], AWS_SECRET_ACCESS_KEY=ROOT_KEY[1])
    command = [BINARY, "export", *opentrail.events_address(), *arguments]
    return subprocess.run([str(part) for part in command], env=env, capture_output=True, text=True, timeout=60,
                          cwd=opentrail.folder)


def test_every_form_has_what_was_recorded(installation):
    opentrail = installation(env={"OPENTRAIL_SEGMENT_EVENTS_MAX": "700"})
    client, s3 = opentrail.client("cloudtrail"), opentrail.client("s3")
    s3.create_bucket(Bucket="first")
    for number in range(1200):
        client.describe_trails(trailNameList=[f"call-{number}"])
    recorded = opentrail.search(limit=1000, pages_max=10)
    assert len(recorded) == 1201

    done = export(opentrail, "--to", "out/all.jsonl", "--json")
    assert done.returncode == 0, done.stderr
    lines = [json.loads(line) for line in (opentrail.folder / "out/all.jsonl").read_text().splitlines()]
    assert lines == recorded[::-1], "oldest first"
    account = json.loads(done.stderr)
    assert (account["events"], account["files"]) == (1201, 1)
    assert account["bytes"] == (opentrail.folder / "out/all.jsonl").stat().st_size
    again = export(opentrail, "--to", "out/all.jsonl")
    assert again.returncode != 0 and "--force" in again.stderr

    assert export(opentrail, "--to", "logs").returncode == 0
    found = [record for path in (opentrail.folder / "logs").rglob("*.json.gz")
             for record in json.loads(gzip.decompress(path.read_bytes()))["Records"]]
    assert sorted(one["eventID"] for one in found) == sorted(one["eventID"] for one in recorded)
    done = subprocess.run([str(BINARY), "import", "logs", "--data-dir", "copy", "--output", "json"], capture_output=True, text=True,
                          timeout=60, cwd=opentrail.folder)
    assert done.returncode == 0 and '"stored":1201' in done.stdout.replace(" ", ""), done.stdout + done.stderr

    assert export(opentrail, "eventSource=s3", "--to", "s3.csv.gz").returncode == 0
    with gzip.open(opentrail.folder / "s3.csv.gz", "rt", newline="") as file:
        [row] = list(csv.DictReader(file))
    assert (row["eventname"], row["readonly"], json.loads(row["requestparameters"])["bucketName"]) == ("CreateBucket", "false", "first")
    assert json.loads(row["record"])["eventID"] == row["eventid"]

    done = export(opentrail, "readOnly=false", "--to", "-")
    assert [json.loads(line)["eventName"] for line in done.stdout.splitlines()] == ["CreateBucket"]

    assert export(opentrail, "--to", "all.parquet").returncode == 0
    content = (opentrail.folder / "all.parquet").read_bytes()
    assert content[:4] == content[-4:] == b"PAR1"
