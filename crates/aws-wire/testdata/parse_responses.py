#!/usr/bin/env python3
"""Answers of ours with what botocore reads in them: the oracle of the response encoders and decoders.

    OPENTRAIL_ANSWERS=FILE OPENTRAIL_ANSWERS_EACH=25 cargo test -p opentrail-aws-wire -- --ignored answers_for_botocore
    python3 parse_responses.py FILE 2500 > responses.jsonl      (the file beside this script; lines up to this length)

Without OPENTRAIL_ANSWERS_EACH every operation is written. Run with the botocore release that catalog/requirements.txt
pins. Differences between what was written and what botocore reads are counted and shown on standard error.
"""

import base64
import datetime
import json
import sys
import warnings

import botocore
import botocore.model
import botocore.session
from botocore.parsers import PROTOCOL_PARSERS
from urllib3 import HTTPHeaderDict

warnings.filterwarnings("ignore")
PROTOCOLS = {"Query": "query", "Ec2": "ec2", "Json10": "json", "Json11": "json", "RestJson": "rest-json",
             "RestXml": "rest-xml", "RpcV2Cbor": "smithy-rpc-v2-cbor"}
EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.timezone.utc)
SHOWN_MAX = 30
# Random values have any number of members, of unions too.
botocore.model.StructureShape.is_tagged_union = False



def plain(value, shape):
    kind = shape.type_name
    if value is None:
        return None
    if kind == "structure" and not getattr(shape, "is_document_type", False):
        return {name: plain(item, shape.members[name]) for name, item in value.items() if name in shape.members}
    if kind == "list":
        return [plain(item, shape.member) for item in value]
    if kind == "map":
        return {key: plain(item, shape.value) for key, item in value.items()}
    if kind == "timestamp":
        delta = value - EPOCH if value.tzinfo else value.replace(tzinfo=datetime.timezone.utc) - EPOCH
        return f"@{(delta.days * 86400 + delta.seconds) * 1000000 + delta.microseconds}"
    if kind == "blob":
        return "b:" + base64.b64encode(value if isinstance(value, bytes) else value.encode()).decode()
    return value


def is_same(left, right):
    if isinstance(left, dict) and isinstance(right, dict):
        return all(is_same(left.get(key), right.get(key)) for key in left.keys() | right.keys())
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and all(map(is_same, left, right))
    nothing = (None, {}, [])
    return left == right or (left in nothing and right in nothing)


def read(case, session):
    model = session.get_service_model(case["service"])
    operation = model.operation_model(case["operation"])
    headers = HTTPHeaderDict(case["headers"])
    raw = {"headers": headers, "body": base64.b64decode(case["body64"]), "status_code": case["status"]}
    parsed = PROTOCOL_PARSERS[PROTOCOLS[case["protocol"]]]().parse(raw, operation.output_shape)
    if "error" in case:
        error = parsed["Error"]
        request_id = parsed["ResponseMetadata"].get("RequestId")
        return {"code": error.get("Code"), "message": error.get("Message")} if request_id == "id-1" else {"id": request_id}
    if "ResponseMetadata" not in (operation.output_shape.members if operation.output_shape else {}):
        parsed.pop("ResponseMetadata", None)
    return plain(parsed, operation.output_shape)


def main():
    session = botocore.session.Session()
    session.get_component("data_loader")._extras_types = []
    print(json.dumps({"botocore": botocore.__version__}))
    count, differences = 0, 0
    for line in open(sys.argv[1], encoding="utf-8"):
        case = json.loads(line)
        metadata = session.get_service_model(case["service"]).metadata
        # botocore reads SQS in JSON only.
        if PROTOCOLS[case["protocol"]] not in (metadata["protocol"], *metadata.get("protocols", [])):
            continue
        if len(line) > int((sys.argv[2:] or [sys.maxsize])[0]):
            continue
        count += 1
        written = case["expected"]
        try:
            case["expected"] = read(case, session)
        except Exception as error:
            case["expected"] = repr(error)
        if not is_same(written, case["expected"]):
            differences += 1
            if differences <= SHOWN_MAX:
                body = base64.b64decode(case["body64"])
                print(case["service"], case["operation"], case["protocol"], "\n  written", json.dumps(written)[:600], "\n  read   ",
                      json.dumps(case["expected"])[:600], "\n  body   ", body[:500], case["headers"], file=sys.stderr)
        body = base64.b64decode(case["body64"])
        try:
            case["body"] = body.decode()
            del case["body64"]
        except UnicodeDecodeError:
            pass
        print(json.dumps(case))
    print(f"{differences} of {count} differ", file=sys.stderr)


if __name__ == "__main__":
    main()
