"""How near the records of a running OpenTrail are to AWS's own, by calls that real records tell of.

    python judge_records.py [--per-kind N] [--paths N] FILE_OR_FOLDER ...

Each file holds real records: one a line (zstd or not), an array, or an object with `Records`. Every call is rebuilt from
its record with boto3, addressed to the host of AWS, sent through `opentrail serve --upstream STUB` over TLS, and
answered by the stub as the record says that AWS answered. The record that OpenTrail makes is compared with the real one,
leaf by leaf. Exit status 0 says that the goal is met: 98 percent of all comparable fields, no service below 90.
"""

import argparse
import http.client
import json
import re
import shutil
import ssl
import subprocess
import sys
import time
from collections import Counter, defaultdict
from pathlib import Path

import botocore.session
from botocore import UNSIGNED
from botocore.awsrequest import AWSResponse
from botocore.config import Config
from botocore.credentials import Credentials
from botocore.handlers import (
    generate_idempotent_uuid,
    set_list_objects_encoding_type_url,
)

import judge_rebuild
from judge_rebuild import NotRebuilt
from opentrail import ACCOUNT, ROOT_KEY, OpenTrail, new_folder
from upstreams import Reply, Stub

ALL_GOAL = 0.98
SERVICE_GOAL = 0.90
# Records of one kind, that is of one event name, one outcome and one set of parameters, say the same.
PER_KIND = 2
MARK_HEADER = "X-Judge-Mark"
# What boto3 asks for on its own account.
LISTINGS = ("ListObjects", "ListObjectsV2", "ListObjectVersions", "ListMultipartUploads")
REGION_NAME = re.compile(r"(us|eu|ap|sa|ca|me|af|il|mx)-(gov-)?[a-z]+-\d")
FALLBACK_REGION = "us-east-1"


# --- records ---


def read_records(paths):
    """API call records of the files, each event once."""
    seen = set()
    for path in files_of(paths):
        for record in records_of(path):
            if not isinstance(record, dict) or not isinstance(record.get("eventSource"), str):
                continue
            if record.get("eventType", "AwsApiCall") != "AwsApiCall" or not isinstance(record.get("eventName"), str):
                continue
            if (key := record.get("eventID") or json.dumps(record)) not in seen:
                seen.add(key)
                yield path.name, record


def files_of(paths):
    for path in map(Path, paths):
        if path.is_dir():
            yield from sorted(
                file for file in path.rglob("*") if file.name.endswith((".jsonl.zst", ".json", ".jsonl", ".ndjson", ".log"))
            )
        else:
            yield path


def records_of(path):
    if path.suffix == ".zst":
        text = subprocess.run(["zstd", "-dc", path], capture_output=True, check=True).stdout.decode()
    else:
        text = path.read_text(errors="replace")
    try:
        whole = json.loads(text)
    except ValueError:
        for line in text.splitlines():
            try:
                yield from inner_records(json.loads(line))
            except ValueError:
                continue
        return
    yield from inner_records(whole)


def inner_records(whole):
    if isinstance(whole, list):
        for entry in whole:
            yield from inner_records(entry)
    elif isinstance(whole, dict):
        if isinstance(whole.get("Records"), list):
            yield from whole["Records"]
        elif isinstance(whole.get("detail"), dict) and "eventSource" in whole["detail"]:
            yield whole["detail"]
        else:
            yield whole


def kind_of(record):
    parameters = record.get("requestParameters")
    keys = tuple(sorted(parameters)) if isinstance(parameters, dict) else None
    return record["eventSource"], record["eventName"], record.get("errorCode"), keys


def chosen(records, per_kind):
    kinds = Counter()
    for file, record in records:
        kinds[kind_of(record)] += 1
        if kinds[kind_of(record)] <= per_kind:
            yield file, record


def ours(record):
    """The record with its recipient's account made that of the installation."""
    account = record.get("recipientAccountId") or (record.get("userIdentity") or {}).get("accountId")
    text = json.dumps(record)
    if isinstance(account, str) and account.isdigit():
        text = text.replace(account, ACCOUNT)
    return json.loads(text)


# --- calls ---


class Caller:
    """Sends calls with boto3 as to AWS, and lets every one of them reach the installation instead."""

    def __init__(self, opentrail):
        self.opentrail = opentrail
        self.session = botocore.session.Session()
        self.credentials = Credentials("AKIAJUDGE00000000000", "secret")
        self.clients = {}
        self.tls = ssl.create_default_context()
        self.tls.check_hostname, self.tls.verify_mode = False, ssl.CERT_NONE
        self.mark = self.agent = None
        self.sent = 0

    def client(self, service, region, is_path_style, is_signed):
        key = (service, region, is_path_style, is_signed)
        if key not in self.clients:
            config = Config(
                signature_version=None if is_signed else UNSIGNED,
                retries={"total_max_attempts": 1},
                parameter_validation=False,
                s3={"addressing_style": "path" if is_path_style else "virtual"},
                inject_host_prefix=True,
            )
            client = self.session.create_client(
                service, region_name=region, aws_access_key_id="AKIA", aws_secret_access_key="x", config=config
            )
            client._request_signer._credentials = self.credentials
            client.meta.events.unregister("before-parameter-build", generate_idempotent_uuid)
            for listing in LISTINGS:
                client.meta.events.unregister(f"before-parameter-build.s3.{listing}", set_list_objects_encoding_type_url)
            client.meta.events.register("before-send", self.send)
            self.clients[key] = client
        return self.clients[key]

    def call(self, service, operation, parameters, record, mark):
        region = record.get("awsRegion", "")
        region = region if REGION_NAME.fullmatch(region) else FALLBACK_REGION
        host = (record.get("requestParameters") or {}).get("Host", "") if service.startswith("s3") else ""
        client = self.client(service, region, host.startswith("s3"), not is_anonymous(record))
        self.mark, self.sent = mark, 0
        agent = record.get("userAgent") or "judge"
        self.agent = agent[1:-1] if agent.startswith("[") and agent.endswith("]") else agent
        self.credentials.access_key, self.credentials.secret_key = f"AKIAJUDGE{mark:011d}", "secret"
        if service == "cloudtrail":
            # OpenTrail answers these itself, and only to its own users.
            self.credentials.access_key, self.credentials.secret_key = ROOT_KEY
            self.agent = f"judge/{mark}"
        try:
            client._make_api_call(operation, parameters)
        except Exception as error:
            if not self.sent:
                raise NotRebuilt(f"boto3: {type(error).__name__}: {error}") from error

    def send(self, request, **_):
        """The request as botocore signed it, host and all, to the installation."""
        host, _, path = request.url.split("://", 1)[1].partition("/")
        headers = {
            name: value.decode() if isinstance(value, bytes) else value for name, value in request.headers.items()
        }
        headers.update({"Host": host.split("?")[0], "User-Agent": self.agent, MARK_HEADER: str(self.mark)})
        headers.pop("Expect", None)
        connection = http.client.HTTPSConnection("127.0.0.1", self.opentrail.port, timeout=20, context=self.tls)
        body = request.body
        body = body.read() if hasattr(body, "read") else body
        path = path if "?" not in host else f"?{host.split('?', 1)[1]}"
        connection.request(request.method, "/" + path, body, {key: _latin(value) for key, value in headers.items()})
        self.sent += 1
        answer = connection.getresponse()
        content = answer.read()
        connection.close()

        class Raw:
            @staticmethod
            def stream(*_, **__):
                yield content

            read = staticmethod(lambda *_: content)

        return AWSResponse(request.url, answer.status, dict(answer.getheaders()), Raw())


def is_anonymous(record):
    """Whether nobody signed the call."""
    return (record.get("userIdentity") or {}).get("accountId") in ("anonymous", "ANONYMOUS_PRINCIPAL")


def _latin(value):
    return value.encode("utf-8").decode("latin-1") if isinstance(value, str) else value


# --- comparison ---


def leaves(value, path=""):
    """Paths and values of everything that holds nothing more; an empty object or array is a leaf too."""
    if isinstance(value, dict) and value:
        for key, entry in value.items():
            yield from leaves(entry, f"{path}.{key}")
    elif isinstance(value, list) and value:
        for index, entry in enumerate(value):
            yield from leaves(entry, f"{path}[{index}]")
    else:
        yield path, value


def is_same(expected, got):
    if isinstance(expected, bool) or isinstance(got, bool):
        return expected is got
    if isinstance(expected, (int, float)) and isinstance(got, (int, float)):
        return expected == got
    if type(expected) is not type(got):
        return False
    return expected == got or (isinstance(expected, str) and same_time(expected, got))


def same_time(expected, got):
    """One time in two ages of Java's form: the comma and the narrow space came with the years."""
    plain = [text.replace("\u202f", " ").replace(",", "") for text in (expected, got)]
    return plain[0] == plain[1] and expected.endswith("M")


# Fields whose values only AWS can know: present and of the same type is what can be asked.
BY_TYPE = re.compile(
    r"^(additionalEventData\.(bytesTransferred(In|Out)|[Cc]ipherSuite|SignatureVersion|AuthenticationMethod)"
    r"|tlsDetails\..*"
    r"|requestParameters\.(X-Amz-.*|Host))$"
)
PLAIN_FIELDS = ("eventSource", "eventName", "awsRegion", "userAgent", "errorCode", "errorMessage")
# Fields that records of older versions lack: they are compared where the real record has them.
LATER_FIELDS = ("eventType", "requestID", "readOnly", "managementEvent", "eventCategory", "tlsDetails")
# What another answer than AWS's own changes: OpenTrail itself is CloudTrail.
OWN_ANSWERS = ("userAgent", "errorCode", "errorMessage", "requestID", "responseElements")
# What only AWS's own machinery knows of a call.
UNKNOWABLE = re.compile(
    r"^(additionalEventData\.(SSEApplied|aclRequired|ExtendedRequestId|RequestDetails.*|vpcEndpointId.*)"
    r"|tlsDetails\.keyExchange)$"
)


# What documentation writes in place of a value, and what an edited record has lost.
MASKS = ("...", "***")
# What services began to write with this version of the format: its absence in an older record says nothing.
YOUNGER = re.compile(
    r"^(responseElements\.requestId|requestParameters\.(Host|encryptionAlgorithm|keySpec|customerMasterKeySpec)|apiVersion"
    r"|resources\[\d+\]\.type|additionalEventData\.(bytesTransferred(In|Out)|CipherSuite))$"
)
YOUNGER_VERSION = (1, 7)
EMPTY = ({}, [], "", 0)


def flaw(record):
    """Why no service of AWS can have written the record, or None. Authors of rules invent records for their tests, and
    those prove nothing: what is asked here holds in every record of a real log."""
    resources, parameters = record.get("resources") or [], record.get("requestParameters")
    if not isinstance(resources, list) or not all(isinstance(entry, dict) for entry in resources):
        return "resources are no objects"
    is_change = record.get("readOnly") is False and "errorCode" not in record
    if record["eventSource"] == "ec2.amazonaws.com" and is_change and "responseElements" not in record:
        return "a change of EC2 without an answer"
    if any(set(entry) - {"accountId", "type", "ARN", "ARNPrefix"} for entry in resources):
        return "resources have keys of their own"
    if any(not isinstance(record.get(name, True), bool) for name in ("readOnly", "managementEvent")):
        return "a truth value is a text"
    if any(isinstance(record.get(name), str) for name in ("requestParameters", "responseElements")):
        return "parameters are a text"
    if has_numbered_keys(record.get("responseElements")):
        return "a list has become an object"
    if record["eventSource"] == "s3.amazonaws.com" and version(record) >= (1, 8):
        if isinstance(parameters, dict) and parameters and "Host" not in parameters:
            return "S3 without a host"
        bucket = parameters.get("bucketName") if isinstance(parameters, dict) else None
        arns = [entry.get("ARN") or entry.get("ARNPrefix") or "" for entry in resources]
        if bucket and arns and not any(re.split("[:/]", f"{arn}/")[5] == bucket for arn in arns):
            return "resources of another bucket"
    if has_two_spellings(parameters):
        return "keys in two spellings"
    return None


def has_two_spellings(value):
    """Whether objects beside each other write one key with a small and with a capital letter at its start."""
    if isinstance(value, dict):
        return any(map(has_two_spellings, value.values()))
    if not isinstance(value, list):
        return False
    keys = {key for entry in value if isinstance(entry, dict) for key in entry}
    return any(key[:1].swapcase() + key[1:] in keys for key in keys if key) or any(map(has_two_spellings, value))


def has_numbered_keys(value):
    if isinstance(value, dict):
        return (bool(value) and all(key.isdigit() for key in value)) or any(map(has_numbered_keys, value.values()))
    return isinstance(value, list) and any(map(has_numbered_keys, value))


def is_comparable(path, record, expected, actual):
    """Whether a difference says anything of the recorder."""
    if any(isinstance(value, str) and value in MASKS and is_at_or_under(path, masked) for masked, value in expected.items()):
        return False
    if version(record) < YOUNGER_VERSION and any(
        isinstance(value, str) and value in judge_rebuild.HIDDEN_TEXTS and is_at_or_under(path, hidden) for hidden, value in actual.items()
    ):
        # The service hides today what the record still shows.
        return False
    if version(record) < YOUNGER_VERSION and is_read(record) and path.startswith("responseElements"):
        # Several services wrote the answers of reads, and no longer do.
        return path in actual and actual[path] is not None
    if path == "responseElements.requestId" and expected.get(path) not in (None, record.get("requestID")):
        return False
    if path == "userAgent" and record.get("userAgent") in (None, "", "[]"):
        return False
    if entry := re.match(r"resources\[\d+\]", path):
        # An identifier that stands nowhere else in the record was blotted out, or is known to the service alone; so is
        # then the whole entry.
        arn = expected.get(f"{entry[0]}.ARN")
        region = (arn or "").split(":")[3:4]
        if region and region[0] not in ("", record.get("awsRegion")):
            return False
        told = json.dumps([record.get(name) for name in ("requestParameters", "responseElements", "errorMessage")])
        if path not in expected and version(record) < YOUNGER_VERSION and ("resources" not in record or YOUNGER.match(path)):
            return False
        return arn is None or (arn != "" and re.split(r"[:/]", arn)[-1] in told)
    if path.startswith("tlsDetails.") and path not in expected:
        return False
    if path not in expected and version(record) < YOUNGER_VERSION:
        return not (YOUNGER.match(path) or actual[path] is False or actual[path] in EMPTY)
    return True


def is_at_or_under(path, start):
    return path == start or path.startswith((start + ".", start + "["))


def is_read(record):
    return record.get("readOnly", record["eventName"].startswith(("Describe", "Get", "List"))) is True


def compared(record, got, lost):
    """(path, verdict) of every field that can be compared; lost paths are those that no call could carry."""
    for path, problem, expected, actual in differences(record, got, lost):
        if problem is None or is_comparable(path, record, expected, actual):
            yield path, problem


def differences(record, got, lost):
    yield from one_by_one("", record, got, [name for name in PLAIN_FIELDS if name in record or name in got])
    yield from one_by_one("", record, got, [name for name in LATER_FIELDS[:5] if name in record])
    yield from one_by_one("", record, got, ["apiVersion"] if "apiVersion" in record or "apiVersion" in got else [])
    sections = ["requestParameters", "responseElements", "resources", "additionalEventData"]
    sections += ["tlsDetails"] if "tlsDetails" in record else []
    for name in sections:
        if name not in record and name == "additionalEventData" and version(record) < (1, 8):
            continue
        expected = dict(leaves(record.get(name), name))
        actual = dict(leaves(got.get(name), name))
        for path in expected.keys() | actual.keys():
            if UNKNOWABLE.match(path) or any(path.startswith(gone) for gone in lost):
                continue
            yield path, verdict(path, expected, actual), expected, actual


def version(record):
    return tuple(int(part) for part in re.findall(r"\d+", record.get("eventVersion", "1.0")))


def one_by_one(prefix, record, got, names):
    for name in names:
        expected = {name: record[name]} if name in record else {}
        actual = {name: got[name]} if name in got else {}
        yield prefix + name, verdict(name, expected, actual), expected, actual


def verdict(path, expected, actual):
    """None when the field agrees, else what is wrong."""
    if path not in actual:
        if expected[path] is None:
            return None
        return f"missing, {shown(expected[path])} expected"
    if path not in expected:
        if actual[path] is None:
            return None
        return f"added, {shown(actual[path])}"
    wanted, found = expected[path], actual[path]
    if BY_TYPE.match(path):
        is_number = isinstance(wanted, (int, float)) and isinstance(found, (int, float))
        return None if type(wanted) is type(found) or is_number else f"type of {shown(found)}, not of {shown(wanted)}"
    return None if is_same(wanted, found) else f"{shown(found)}, expected {shown(wanted)}"


def shown(value):
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 70 else text[:67] + "…"


# --- the run ---


class Report:
    def __init__(self):
        self.same, self.other = Counter(), Counter()
        self.calls, self.skipped = Counter(), Counter()
        self.reasons, self.paths, self.examples = Counter(), Counter(), {}
        self.lost, self.invented = Counter(), Counter()

    def count(self, source, name, file, results):
        self.calls[source] += 1
        for path, problem in results:
            if problem is None:
                self.same[source] += 1
                continue
            self.other[source] += 1
            key = (source, name, re.sub(r"\[\d+\]", "[]", path))
            self.paths[key] += 1
            self.examples.setdefault(key, (problem, file))

    def share(self, source=None):
        same = self.same[source] if source else sum(self.same.values())
        other = self.other[source] if source else sum(self.other.values())
        return same / max(1, same + other)

    def text(self, paths_shown):
        lines = [f"{'service':34} {'calls':>6} {'fields':>7} {'differ':>7} {'agree':>7}"]
        for source in sorted(self.calls):
            fields = self.same[source] + self.other[source]
            lines.append(
                f"{source:34} {self.calls[source]:6} {fields:7} {self.other[source]:7} {self.share(source):7.2%}"
            )
        total = sum(self.same.values()) + sum(self.other.values())
        lines.append(
            f"{'all ' + str(len(self.calls)) + ' services':34} {sum(self.calls.values()):6} {total:7}"
            f" {sum(self.other.values()):7} {self.share():7.2%}"
        )
        lines.append(f"not rebuilt: {sum(self.reasons.values())} records; paths without a place: {sum(self.lost.values())}")
        for reason, count in self.reasons.most_common(paths_shown):
            lines.append(f"  {count:5} {reason}")
        lines.append(f"no records of AWS: {sum(self.invented.values())}")
        for reason, count in self.invented.most_common(paths_shown):
            lines.append(f"  {count:5} {reason}")
        lines.append("paths without a place in boto3's parameters or the answer:")
        for path, count in self.lost.most_common(paths_shown):
            lines.append(f"  {count:5} {' '.join(path)}")
        lines.append("differing paths:")
        for key, count in self.paths.most_common(paths_shown):
            problem, file = self.examples[key]
            lines.append(f"  {count:5} {' '.join(key)}: {problem} ({file})")
        return "\n".join(lines)

    def below(self):
        return {source: self.share(source) for source in self.calls if self.share(source) < SERVICE_GOAL}


def judge(records, folder):
    """Sends the call of every record and compares; the report."""
    certificate, key = folder / "cert.pem", folder / "key.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"]
        + ["-subj", "/CN=localhost", "-keyout", key, "-out", certificate],
        check=True,
        capture_output=True,
    )
    answers, report = {}, Report()

    def answer(seen):
        status, headers, body = answers.get(seen.headers.get(MARK_HEADER.lower()), (500, {}, b""))
        return Reply(status, {name: _latin(value) for name, value in headers.items()}, body)

    with Stub(answer) as stub:
        config = f'[upstreams]\ns3 = "{stub.url}"\ncloudtrail = "{stub.url}"\n'
        with OpenTrail(folder / "opentrail", upstream=stub.url, config=config, tls=(certificate, key)) as opentrail:
            sent = send_all(records, Caller(opentrail), answers, report)
            found = recorded(opentrail, len(sent))
    for mark, (file, record, lost, service) in sent.items():
        got = found.get(f"AKIAJUDGE{mark:011d}") or found.get(f"judge/{mark}") or found.get(record.get("requestID"))
        source = record["eventSource"]
        if got is None:
            report.reasons[f"no record {source} {record['eventName']}"] += 1
            continue
        for path in lost:
            report.lost[(source, record["eventName"], re.sub(r"\[\d+\]", "[]", path))] += 1
        skip = () if REGION_NAME.fullmatch(record.get("awsRegion", "")) else ("awsRegion",)
        skip += OWN_ANSWERS if service == "cloudtrail" else ()
        results = [(path, problem) for path, problem in compared(record, got, lost) if not path.startswith(skip)]
        report.count(source, record["eventName"], file, results)
    return report


def send_all(records, caller, answers, report):
    sent = {}
    for mark, (file, real) in enumerate(records):
        record = ours(real)
        if found := flaw(record):
            report.invented[f"{record['eventSource']} {record['eventName']}: {found}"] += 1
            continue
        try:
            service, operation = judge_rebuild.operation_of(record)
            parameters, lost = judge_rebuild.request_of(record, service, operation)
            *answer, lost_of_answer = judge_rebuild.answer_of(record, service, operation)
            answers[str(mark)] = answer
            caller.call(service, operation, parameters, record, mark)
            sent[mark] = (file, record, lost + lost_of_answer, service)
        except NotRebuilt as error:
            report.reasons[f"{record['eventSource']} {record['eventName']}: {str(error)[:140]}"] += 1
        except Exception as error:  # A record that this tool cannot read is counted, and must not end the run.
            report.reasons[f"{record['eventSource']} {record['eventName']}: {type(error).__name__} {str(error)[:120]}"] += 1
    return sent


def recorded(opentrail, count):
    """The records by access key, and by request id for calls without a signature."""
    found, cursor = {}, None
    while True:
        page = opentrail.search_page({"limit": 200, **({"cursor": cursor} if cursor else {})})
        for event in page["events"]:
            key = (event.get("userIdentity") or {}).get("accessKeyId")
            found[event["userAgent"] if key == ROOT_KEY[0] else key or event.get("requestID")] = event
        cursor = page.get("next")
        if not cursor:
            return found


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("paths", nargs="+", metavar="FILE_OR_FOLDER")
    parser.add_argument("--per-kind", type=int, default=PER_KIND, help="records of one kind that are tried")
    parser.add_argument("--paths", dest="shown", type=int, default=60, help="differing paths that are shown")
    parser.add_argument("--only", help="event sources that contain this text")
    arguments = parser.parse_args()
    began, folder = time.monotonic(), new_folder()
    records = list(chosen(read_records(arguments.paths), arguments.per_kind))
    if arguments.only:
        records = [(file, record) for file, record in records if arguments.only in record["eventSource"]]
    try:
        report = judge(records, folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    print(report.text(arguments.shown))
    print(f"{len(records)} records in {time.monotonic() - began:.0f} s")
    return 0 if report.share() >= ALL_GOAL and not report.below() else 1


if __name__ == "__main__":
    sys.exit(main())
