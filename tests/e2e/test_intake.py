"""Records that are brought over HTTP: durable when they are acknowledged, each once, found by lookups."""

import json
import urllib.error
import urllib.request

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from opentrail import REGION, ROOT_KEY
from test_import import compact, make_records


def bring(opentrail, body, key=ROOT_KEY):
    url = f"http://127.0.0.1:{opentrail.console_port}/api/v1/records"
    signed = AWSRequest("POST", url, data=body, headers={"Content-Type": "application/x-ndjson"})
    SigV4Auth(Credentials(*key), "opentrail", REGION).add_auth(signed)
    request = urllib.request.Request(url, signed.data, dict(signed.headers.items()), method="POST")
    try:
        with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=30) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as refused:
        return refused.code, json.load(refused)


def lines(records):
    return "".join(compact(record) + "\n" for record in records).encode()


def test_records_are_durable_and_once(installation):
    records = make_records(300, seed=77)
    opentrail = installation()
    status, report = bring(opentrail, lines(records[:200]) + b"\nno json\n{}\n")
    assert status == 200
    assert (report["stored"], report["duplicates"]) == (200, 0)
    assert [line["line"] for line in report["rejected"]] == [202, 203]
    assert all(line["reason"] for line in report["rejected"])
    found = opentrail.lookup_by("EventId", records[7]["eventID"])
    assert [event["record"] for event in found] == [records[7]]
    status, refusal = bring(opentrail, lines(records[200:]), key=(ROOT_KEY[0], "wrong"))
    assert status == 401 and "Sign the request" in refusal["error"]["message"]

    # What was acknowledged is there after the worst of ends.
    opentrail.kill()
    opentrail.start()
    status, report = bring(opentrail, lines(records))
    assert (status, report) == (200, {"stored": 100, "duplicates": 200, "rejected": []})


def test_what_imports_of_files_take_is_taken_and_no_more(installation):
    small, marked, huge = make_records(3, seed=78)
    huge["requestParameters"] = {"a": "x" * (2 << 20)}
    opentrail = installation()
    status, report = bring(opentrail, b"\xef\xbb\xbf" + lines([marked, huge, small]))
    rejected = [{"line": 2, "reason": "larger than 2097152 bytes"}]
    assert (status, report) == (200, {"stored": 2, "duplicates": 0, "rejected": rejected})
