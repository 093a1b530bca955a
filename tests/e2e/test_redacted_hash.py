"""Values that records hide are found again by their keyed hash, and by nothing else."""

import json
import subprocess

from opentrail import BINARY, STRANGER_KEY, OpenTrail
from process import clean_environment
from rendering import HIDDEN
from upstreams import Reply, Stub

PASSWORD = "correct horse battery staple"
ANSWER = (
    b"<ModifyDBInstanceResponse><ModifyDBInstanceResult><DBInstance><DBInstanceIdentifier>d</DBInstanceIdentifier>"
    b"</DBInstance></ModifyDBInstanceResult></ModifyDBInstanceResponse>"
)


def term(opentrail, value):
    command = [BINARY, "redacted-hash", "--data-dir", opentrail.data]
    return subprocess.run(command, input=value, env=clean_environment(), capture_output=True, text=True, timeout=10)


def recorded_password(opentrail):
    opentrail.client("rds", key=STRANGER_KEY).modify_db_instance(DBInstanceIdentifier="d", MasterUserPassword=PASSWORD)
    (event,) = [event for event in opentrail.search_page({"limit": 10})["events"] if event["eventName"] == "ModifyDBInstance"]
    assert PASSWORD not in json.dumps(event)
    return event["requestParameters"]["masterUserPassword"]


def test_a_hidden_value_is_found_by_its_hash(folder):
    with Stub(lambda seen: Reply(200, {"Content-Type": "text/xml"}, ANSWER)) as stub:
        options = ("--hash-redacted-values", "true")
        with OpenTrail(folder / "hashing", *options, upstream=stub.url) as opentrail:
            written = recorded_password(opentrail)
            found = term(opentrail, PASSWORD + "\n")
            assert written == f"{HIDDEN} {found.stdout.strip()}", found.stderr
            assert term(opentrail, "another").stdout.strip() not in written
            key = opentrail.data / "redaction-key"
            assert key.stat().st_mode & 0o777 == 0o600 and len(key.read_bytes()) == 32
            # The same value has the same hash after a restart.
            opentrail.stop()
            opentrail.start()
            assert term(opentrail, PASSWORD).stdout == found.stdout


def test_without_the_setting_there_is_no_hash_and_no_key(folder):
    with Stub(lambda seen: Reply(200, {"Content-Type": "text/xml"}, ANSWER)) as stub:
        with OpenTrail(folder / "plain", upstream=stub.url) as opentrail:
            assert recorded_password(opentrail) == HIDDEN
            refused = term(opentrail, PASSWORD)
            assert refused.returncode != 0 and "--hash-redacted-values" in refused.stderr
            assert not (opentrail.data / "redaction-key").exists()
