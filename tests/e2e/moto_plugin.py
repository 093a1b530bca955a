"""A pytest plugin that runs moto's own tests of its CloudTrail, unchanged, against OpenTrail:

    git clone --depth 1 https://github.com/getmoto/moto
    cd moto && PYTHONPATH=…/tests/e2e OPENTRAIL_BINARY=…/target/debug/opentrail \
        …/.venv/bin/python -m pytest -p moto_plugin --noconftest tests/test_cloudtrail

`mock_aws` does nothing then, and each test has a new installation, with moto's S3 and SNS behind it. Where the tests want
what AWS refuses or does differently, they are expected to fail, each for a reason that stands here.
"""

import os
import shutil
import urllib.request

import moto
import pytest

from opentrail import ACCOUNT, ROOT_KEY, OpenTrail, new_folder
from upstreams import Moto

NO_FILE_YET = "AWS tells of a delivery when there was one, not with the start"
ALL_REGIONS = "ListTrails has the trails of the account whatever their region"
WILDCARD = "AWS refuses wildcards in DataResources: Value arn:aws:s3:::*/* for DataResources.Values is invalid."
CONTRADICTIONS = {
    "test_get_trail_status_after_starting": NO_FILE_YET,
    "test_get_trail_status_after_starting_and_stopping": NO_FILE_YET,
    "test_list_trails_different_home_region_one_multiregion": ALL_REGIONS,
    "test_list_trails_different_home_region_no_multiregion": ALL_REGIONS,
    "test_update_trail_full": "a trail of all regions without global service events, and a bucket that is not there",
    "test_put_event_selectors": WILDCARD,
    "test_get_event_selectors": WILDCARD,
    "test_get_event_selectors_multiple": WILDCARD,
    "test_put_event_selectors_advanced": "AWS takes basic or advanced selectors, not both",
    "test_get_event_selectors_empty": "AWS answers with the selector that every trail has at first",
    "test_get_insight_selectors": "AWS answers InsightNotEnabledException",
}


def _nothing(function=None, **_):
    return function if function else _nothing


moto.mock_aws = _nothing


def pytest_collection_modifyitems(items):
    for item in items:
        if item.name in CONTRADICTIONS:
            item.add_marker(pytest.mark.xfail(reason=CONTRADICTIONS[item.name], strict=True))


@pytest.fixture(scope="session")
def moto_server():
    server = Moto()
    yield server
    server.stop()


@pytest.fixture(autouse=True)
def _installation(moto_server, monkeypatch):
    urllib.request.urlopen(urllib.request.Request(f"{moto_server.url}/moto-api/reset", method="POST")).close()
    folder = new_folder()
    env = {
        "OPENTRAIL_ORGANIZATION_ID": "o-exampleorgid",
        "OPENTRAIL_ORGANIZATION_ACCOUNTS": ACCOUNT,
        # Keys, log groups and roles of the tests are made up: nobody is there who could be asked for them.
        "OPENTRAIL_UPSTREAMS": f"s3={moto_server.url},sns={moto_server.url}",
    }
    with OpenTrail(folder, env=env) as opentrail:
        monkeypatch.setenv("AWS_ENDPOINT_URL", opentrail.url)
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", ROOT_KEY[0])
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", ROOT_KEY[1])
        monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
        yield
    shutil.rmtree(folder, ignore_errors=True)
