"""Days of a trail's life in minutes: the binary and the stock CLI under a clock that runs faster (libfaketime), with traffic,
silence, stops, starts, changed selectors and kills at random points. The CLI's validator must prove every hour of it, and
every event that the trail was to deliver must be there once.

Skipped where there is no libfaketime (Debian: apt-get install libfaketime)."""

import datetime
import os
import random
import re
import subprocess
import time
from pathlib import Path

import botocore.auth
import pytest
from botocore.exceptions import ClientError

from opentrail import ACCOUNT, PYTHON_BIN, REGION, ROOT_KEY
from process import clean_environment, wait_until
from test_delivery import delivered, keys_of

LIBRARIES = [os.environ.get("FAKETIME_LIBRARY", ""), *map(str, Path("/usr/lib").glob("*/faketime/libfaketime.so.1"))]
LIBRARY = next((path for path in LIBRARIES if path and Path(path).exists()), None)
DAYS = float(os.environ.get("OPENTRAIL_E2E_DAYS", 1))
KILLS = int(os.environ.get("OPENTRAIL_E2E_DAYS_KILLS", 12))
SEED = int(os.environ.get("OPENTRAIL_E2E_DAYS_SEED", 1))
SPEED = 1800  # A day in 48 seconds, an hour in two.
BEGIN = datetime.datetime(2026, 3, 1, tzinfo=datetime.UTC)

pytestmark = pytest.mark.skipif(LIBRARY is None, reason="there is no libfaketime")


class FastClock:
    """The time that the processes of a test see. Timers of the processes run as always: only what time it is, is faked."""

    def __init__(self, speed=SPEED):
        self.origin, self.began, self.speed = BEGIN, time.monotonic(), speed

    def slow_down(self):
        """From here on time goes as it does: a validator that asks for hundreds of files has no request that expires."""
        self.origin, self.began, self.speed = self.now(), time.monotonic(), 1

    def now(self):
        return self.origin + datetime.timedelta(seconds=(time.monotonic() - self.began) * self.speed)

    def environment(self):
        """For a process that starts now."""
        return {
            "LD_PRELOAD": LIBRARY, "TZ": "UTC", "FAKETIME_DONT_FAKE_MONOTONIC": "1", "DONT_FAKE_MONOTONIC": "1",
            "FAKETIME": f"@{self.now():%Y-%m-%d %H:%M:%S} x{self.speed}",
        }


class RealClock:
    """The time as it is, for servers that cannot be given another one and look at the times of requests: what is short are
    the digests, two seconds in place of an hour."""

    speed = 1

    def slow_down(self):
        pass

    def now(self):
        return datetime.datetime.now(datetime.UTC)

    def environment(self):
        return {}


def started(clock, monkeypatch):
    """Lets clients sign with the time of a clock."""
    monkeypatch.setattr(botocore.auth, "get_current_datetime", lambda: clock.now().replace(tzinfo=None))
    return clock




def in_time(call, **members):
    """Calls; says whether the request came in time. Half a second on a busy machine is a quarter of an hour here, after
    which a signature has expired."""
    try:
        call(**members)
    except ClientError as error:
        if "Signature expired" not in str(error):
            raise
        return False
    return True


def restart(opentrail, clock):
    opentrail.env.update(clock.environment())
    opentrail.start()


def validate(opentrail, clock, start):
    """The stock CLI's validator, in the same time."""
    env = clean_environment(
        **clock.environment(), AWS_ENDPOINT_URL=opentrail.url, AWS_DEFAULT_REGION=REGION, AWS_ACCESS_KEY_ID=ROOT_KEY[0],
        AWS_SECRET_ACCESS_KEY=ROOT_KEY[1], AWS_CONFIG_FILE="/dev/null", AWS_SHARED_CREDENTIALS_FILE="/dev/null", AWS_PAGER="",
    )
    command = [PYTHON_BIN / "aws", "cloudtrail", "validate-logs", "--verbose", "--start-time", f"{start:%Y-%m-%dT%H:%M:%SZ}",
               "--trail-arn", f"arn:aws:cloudtrail:us-east-1:{ACCOUNT}:trail/main"]
    return subprocess.run(command, env=env, capture_output=True, text=True, timeout=300)


def config_of(server, request):
    if server == "embedded":
        return None
    upstream = request.getfixturevalue(server)
    key = getattr(upstream, "KEY", ("AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"))
    return (f'[upstreams]\ns3 = "{upstream.url}"\n[upstreams_credentials.s3]\naccess_key_id = "{key[0]}"\n'
            f'secret_access_key = "{key[1]}"\n')


@pytest.mark.parametrize("server", ["embedded", "own_moto", "own_seaweed"])
def test_days_are_proved_by_the_stock_validator(installation, monkeypatch, server, request):
    rng = random.Random(SEED)
    is_real = server == "own_seaweed"
    clock = RealClock() if is_real else started(FastClock(), monkeypatch)
    day = datetime.timedelta(days=1) / (SPEED if is_real else 1)
    opentrail = installation(
        config=config_of(server, request),
        env={"OPENTRAIL_DELIVERY_INTERVAL": "300ms", "OPENTRAIL_DIGEST_INTERVAL": "2s" if is_real else "1h", **clock.environment()},
    )
    # Requests whose clocks are as fast as the server's may be a while on their way.
    s3, client = opentrail.client("s3"), opentrail.client("cloudtrail")
    s3.create_bucket(Bucket="logs")
    client.create_trail(Name="main", S3BucketName="logs", EnableLogFileValidation=True, IsMultiRegionTrail=True)
    client.start_logging(Name="main")
    start, is_on, marks, number = clock.now(), True, {}, 0
    end = start + DAYS * day
    kills = sorted(start + (end - start) * rng.random() for _ in range(KILLS))
    while clock.now() < end:
        if kills and clock.now() >= kills[0]:
            kills.pop(0)
            opentrail.kill()
            restart(opentrail, clock)
        chance = rng.random()
        if chance < 0.02:
            is_on ^= in_time(client.stop_logging if is_on else client.start_logging, Name="main")
            time.sleep(2 / clock.speed + 0.01)  # Event times have whole seconds.
        elif chance < 0.03:
            time.sleep(rng.random() * 5)  # Some hours of silence.
        else:
            name = f"call-{number}"
            number += 1
            if in_time(client.describe_trails, trailNameList=[name]):
                marks[name] = is_on
            time.sleep(rng.random() * 0.1)
    if is_on:
        wait_until("the stop comes in time", lambda: in_time(client.stop_logging, Name="main"), 30)

    def is_through():
        status = client.get_trail_status(Name="main")
        return status.get("LatestDigestDeliveryTime", start) > status["StopLoggingTime"]

    wait_until("the last digest is there", is_through, 30)
    files, digests = keys_of(s3, "/CloudTrail/us-east-1/"), keys_of(s3, "/CloudTrail-Digest/us-east-1/")
    assert len(digests) >= DAYS * 6, "digests for the hours that it logged"
    opentrail.stop()
    clock.slow_down()
    restart(opentrail, clock)
    done = validate(opentrail, clock, start - datetime.timedelta(hours=1))
    assert done.returncode == 0 and "INVALID" not in done.stdout + done.stderr, done.stdout[-3000:] + done.stderr[-3000:]
    assert f"{len(files)}/{len(files)} log files valid" in done.stdout, done.stdout[-500:]
    assert f"{len(digests)}/{len(digests)} digest files valid" in done.stdout, done.stdout[-500:]
    records = delivered(s3)
    ids = [record["eventID"] for record in records]
    assert len(ids) == len(set(ids)), "no event twice"
    found = {name for record in records if record["eventName"] == "DescribeTrails"
             if "errorCode" not in record for name in record["requestParameters"]["trailNameList"]}
    assert found == {name for name, was_on in marks.items() if was_on}
    # Names of files tell the hour of their delivery, and digests are an hour apart or, at stops and kills, less and more.
    assert all(re.search(r"_20\d{6}T\d{6}Z\.json\.gz$", key) for key in digests)
