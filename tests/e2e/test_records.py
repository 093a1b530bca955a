"""Records against AWS's own: every kind of call in a corpus of real records, made again through the running binary."""

import os
from pathlib import Path

import pytest

import judge_records

# Least share of fields that agree, by what is reached; a change that makes it worse fails here. The corpus has records
# of many years and some that were edited, so that all of them cannot agree.
ALL_FLOOR = 0.99
# Records of these went through hands or products that changed them.
NOT_JUDGED = ("digests", "insights", "network-activity", "cloud-custodian-eventbridge")


@pytest.mark.timeout(300)
def test_records_agree_with_real_ones(folder):
    corpus = os.environ.get("OPENTRAIL_CORPUS")
    if not corpus:
        pytest.skip("OPENTRAIL_CORPUS names no folder with records")
    files = [path for path in sorted(Path(corpus).glob("*.jsonl.zst")) if not path.name.startswith(NOT_JUDGED)]
    folder.mkdir(parents=True, exist_ok=True)
    records = list(judge_records.chosen(judge_records.read_records(files), judge_records.PER_KIND))
    report = judge_records.judge(records, folder)
    print(report.text(40))
    assert len(report.calls) > 80 and sum(report.calls.values()) > 700, "calls of the corpus were rebuilt"
    assert report.share() >= ALL_FLOOR, f"{report.share():.4f}"
    assert not report.below(), f"services below {judge_records.SERVICE_GOAL}: {report.below()}"
