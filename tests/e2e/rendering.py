"""What a record must say about a call, derived from what the client sent and got, never from OpenTrail's own code.

The general rule of CloudTrail: parameters by the names of the service model, first letter in lower case, maps of the
user untouched. What a service does differently is written out in the tests.
"""

import re
from datetime import datetime, timezone

HIDDEN = "HIDDEN_DUE_TO_SECURITY_REASONS"

# The forms in which CloudTrail writes times, besides numbers.
TIME_FORMATS = [
    "%b %d, %Y %I:%M:%S %p",
    "%b %d, %Y, %I:%M:%S %p",
    "%Y-%m-%dT%H:%M:%SZ",
    "%Y-%m-%dT%H:%M:%S.%fZ",
    "%Y-%m-%dT%H:%M:%S.%f%z",
]


class Anything:
    """Equals every value that is there; for what the specification leaves open."""

    def __repr__(self):
        return "<anything>"


ANYTHING = Anything()


def lower_first(name):
    return name[:1].lower() + name[1:]


def lowered(value, shape):
    """The value with the members of structures in CloudTrail's spelling; keys of maps belong to the user and stay."""
    if shape is not None and shape.type_name == "structure" and isinstance(value, dict):
        return {lower_first(name): lowered(item, shape.members.get(name)) for name, item in value.items()}
    if shape is not None and shape.type_name == "list" and isinstance(value, list):
        return [lowered(item, shape.member) for item in value]
    if shape is not None and shape.type_name == "map" and isinstance(value, dict):
        return {name: lowered(item, shape.value) for name, item in value.items()}
    return value


def difference(expected, actual, path=""):
    """The first place where a record is not what was expected, or None."""
    if expected is ANYTHING:
        return None
    if isinstance(expected, datetime):
        seconds = seconds_of(actual)
        near = seconds is not None and abs(seconds - expected.astimezone(timezone.utc).timestamp()) < 1.0
        return None if near else f"{path}: {actual!r} is not the time {expected}"
    if isinstance(expected, dict) and isinstance(actual, dict):
        for name in expected.keys() | actual.keys():
            if name not in actual:
                if is_empty(expected[name]):
                    continue  # Clients invent empty lists for what the answer did not hold.
                return f"{path}.{name} is missing, expected {expected[name]!r}"
            if name not in expected:
                if is_empty(actual[name]):
                    continue
                return f"{path}.{name} is {actual[name]!r}, expected nothing"
            if found := difference(expected[name], actual[name], f"{path}.{name}"):
                return found
        return None
    if isinstance(expected, (list, tuple)) and isinstance(actual, list):
        if len(expected) != len(actual):
            return f"{path} has {len(actual)} items {actual!r}, expected {expected!r}"
        pairs = enumerate(zip(expected, actual, strict=True))
        return next(
            (found for index, (left, right) in pairs if (found := difference(left, right, f"{path}[{index}]"))), None
        )
    if type(expected) is type(actual) or {type(expected), type(actual)} == {int, float}:
        return None if expected == actual else f"{path} is {actual!r}, expected {expected!r}"
    return f"{path} is {actual!r}, expected {expected!r}"


def is_empty(value):
    return value is None or value == [] or value == {}


def seconds_of(value):
    """Seconds since 1970 of a time in any form that CloudTrail writes."""
    if isinstance(value, bool):
        return None
    if isinstance(value, (int, float)):
        return value / 1000 if value > 1e11 else float(value)
    if isinstance(value, str):
        if re.fullmatch(r"[0-9.]+", value):
            return float(value)
        for form in TIME_FORMATS:
            try:
                moment = datetime.strptime(value, form)
            except ValueError:
                continue
            return (moment if moment.tzinfo else moment.replace(tzinfo=timezone.utc)).timestamp()
    return None


def check_record_fields(record, expected):
    """Compares the named fields of a record and says all that differs at once."""
    found = [difference(value, record.get(name), name) for name, value in expected.items()]
    problems = [problem for problem in found if problem]
    assert not problems, f"{record['eventSource']} {record['eventName']}:\n  " + "\n  ".join(problems)
