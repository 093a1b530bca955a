"""Metadata in PostgreSQL: the same product, and one process and one data folder for each database."""

import subprocess

import pytest

from opentrail import ACCOUNT, BINARY, REGION
from process import clean_environment, wait_until

QUICK = {"OPENTRAIL_DELIVERY_INTERVAL": "1s", "OPENTRAIL_DIGEST_INTERVAL": "2s"}


@pytest.fixture
def database(postgres):
    return postgres.new_database()


@pytest.fixture
def opentrail(installation, database):
    return installation(env={"OPENTRAIL_METADATA": database, **QUICK})


def make_buckets(opentrail, numbers):
    s3 = opentrail.client("s3")
    for number in numbers:
        s3.create_bucket(Bucket=f"bucket-{number}")


def found_buckets(opentrail):
    pages = opentrail.client("cloudtrail").get_paginator("lookup_events").paginate(
        LookupAttributes=[{"AttributeKey": "EventName", "AttributeValue": "CreateBucket"}]
    )
    return sorted(event["Resources"][0]["ResourceName"] for page in pages for event in page["Events"])


def test_history_trails_and_keys_survive_kills(opentrail, database, postgres):
    make_buckets(opentrail, ["logs"])
    opentrail.aws("cloudtrail", "create-trail", "--name", "main", "--s3-bucket-name", "bucket-logs",
                  "--enable-log-file-validation", "--is-multi-region-trail")
    opentrail.aws("cloudtrail", "start-logging", "--name", "main")
    arn = f"arn:aws:cloudtrail:{REGION}:{ACCOUNT}:trail/main"
    for round in range(3):
        make_buckets(opentrail, [f"{round}-{number}" for number in range(4)])
        opentrail.kill()
        opentrail.start()
    expected = sorted(["bucket-logs"] + [f"bucket-{round}-{number}" for round in range(3) for number in range(4)])
    assert found_buckets(opentrail) == expected
    s3 = opentrail.client("s3")

    def digests():
        listed = s3.list_objects_v2(Bucket="bucket-logs").get("Contents", [])
        return [entry["Key"] for entry in listed if "/CloudTrail-Digest/" in entry["Key"]]

    wait_until("some digests", lambda: len(digests()) >= 3, 30)
    done = opentrail.aws("cloudtrail", "validate-logs", "--trail-arn", arn, "--start-time", "2020-01-01T00:00:00Z",
                         "--verbose")
    assert "INVALID" not in done.stdout and "digest files valid" in done.stdout, done.stdout

    # Everything is in PostgreSQL, and private keys are not to be read there.
    assert not list(opentrail.data.glob("*.sqlite")) and not (opentrail.data / "digest-keys.json").exists()
    name = database.rsplit("/", 1)[1]
    assert postgres.sql("SELECT count(*) FROM opentrail_trails.trails", name) == "1"
    assert int(postgres.sql("SELECT count(*) FROM opentrail_digest_keys.digest_keys", name)) >= 1
    pkcs8 = "30820"  # How every private key of this kind begins in DER.
    wrapped = postgres.sql("SELECT encode(wrapped_private_key, 'hex') FROM opentrail_digest_keys.digest_keys", name)
    assert not any(line.startswith(pkcs8) for line in wrapped.splitlines())


def serve(folder, *options, env):
    command = [BINARY, "serve", "--data-dir", folder, "--listen", "127.0.0.1:0", "--console-listen", "127.0.0.1:0"]
    return subprocess.run([*command, *options], env=clean_environment(**env), capture_output=True, text=True,
                          timeout=60)


def test_one_folder_and_one_process_have_it(opentrail, database, folder):
    done = serve(folder / "other", env={"OPENTRAIL_METADATA": database})
    assert done.returncode == 1 and "in use by another process" in done.stderr, done.stderr
    assert opentrail.stop() == 0
    done = serve(folder / "other", env={"OPENTRAIL_METADATA": database})
    assert done.returncode == 1 and "belongs to another data folder" in done.stderr, done.stderr
    done = serve(opentrail.data, env={})
    assert done.returncode == 1 and "OPENTRAIL_METADATA" in done.stderr, done.stderr
    done = serve(folder / "other", env={"OPENTRAIL_METADATA": "mysql://host/database"})
    assert done.returncode == 1 and "postgres://user" in done.stderr, done.stderr
    secret = "postgres://user:thePassword@127.0.0.1:1/database"
    done = serve(folder / "other", env={"OPENTRAIL_METADATA": secret})
    assert done.returncode == 1 and "thePassword" not in done.stderr + done.stdout, done.stderr
    assert "PostgreSQL" in done.stderr


def test_calls_go_on_while_postgresql_is_away(opentrail, postgres):
    make_buckets(opentrail, [0])
    postgres.stop()
    try:
        make_buckets(opentrail, [1, 2])
        assert found_buckets(opentrail) == ["bucket-0", "bucket-1", "bucket-2"]
        error = opentrail.aws("cloudtrail", "create-trail", "--name", "main", "--s3-bucket-name", "bucket-0", check=False)
        assert error.returncode != 0
    finally:
        postgres.start()
    created = wait_until(
        "trails can be made again",
        lambda: opentrail.aws(
            "cloudtrail", "create-trail", "--name", "main", "--s3-bucket-name", "bucket-0", check=False
        ).returncode == 0,
        30,
    )
    assert created
    assert opentrail.stop() == 0
    opentrail.start()
    assert found_buckets(opentrail) == ["bucket-0", "bucket-1", "bucket-2"]


def test_an_import_goes_where_the_folder_keeps_its_metadata(opentrail, database, folder):
    records = folder / "records.json"
    records.write_text(
        '{"Records":[{"eventVersion":"1.11","userIdentity":{"type":"Root"},"eventTime":"2026-11-20T10:00:00Z",'
        '"eventSource":"s3.amazonaws.com","eventName":"CreateBucket","awsRegion":"us-east-1",'
        f'"eventID":"11111111-1111-4111-8111-111111111111","recipientAccountId":"{ACCOUNT}","readOnly":false,'
        '"managementEvent":true,"eventCategory":"Management","eventType":"AwsApiCall"}]}'
    )
    opentrail.stop()
    command = [BINARY, "import", records, "--data-dir", opentrail.data, "--quiet"]
    forgotten = subprocess.run(command, env=clean_environment(), capture_output=True, text=True, timeout=60)
    assert forgotten.returncode == 1 and "OPENTRAIL_METADATA" in forgotten.stderr, forgotten.stderr
    for stored in (1, 0):
        done = subprocess.run([*command, "--output", "json"], env=clean_environment(OPENTRAIL_METADATA=database),
                              capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, done.stderr
        assert f'"stored": {stored}' in done.stdout, done.stdout
