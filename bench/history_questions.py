"""What every engine of `history.py` is asked, in OpenTrail's words and in SQL.

All answers are the newest 50 records that fit, whole, as text: what LookupEvents gives, and what a person at an audit
wants to see. Lookups are limited to one account and one region and to management events, as LookupEvents is; text and
audit questions to one account.
"""

import dataclasses
import itertools

PAGE = 50

# LookupEvents' attributes, and the column that each peer has for it. Lists are columns of lists.
COLUMNS = {
    "EventId": "event_id", "EventName": "event_name", "ReadOnly": "read_only", "Username": "username",
    "ResourceType": "resource_types", "ResourceName": "resource_names", "EventSource": "event_source",
    "AccessKeyId": "access_key_id",
}
LIST_COLUMNS = {"resource_types", "resource_names"}


@dataclasses.dataclass
class Question:
    """One case of a table: several values of one kind, asked one after another."""

    group: str
    name: str
    # (attribute, value) of a lookup, or a line of OpenTrail's search grammar.
    ours: list
    # SQL conditions, with {has:COLUMN:VALUE} for "the list has it".
    theirs: list


def quoted(text):
    return "'" + text.replace("\\", "\\\\").replace("'", "''") + "'"


def lookups(manifest, values_max):
    home = manifest["home"]
    scope = f"account = {quoted(home['account'])} and region = {quoted(home['region'])} and category = 'Management' and "
    for attribute, column in COLUMNS.items():
        kinds = manifest["values"][attribute]
        for kind in ("frequent", "rare", "absent"):
            values = [value["value"] if isinstance(value, dict) else value for value in kinds[kind]][:values_max]
            if not values:
                continue
            conditions = [
                f"has({column}, {quoted(value)})" if column in LIST_COLUMNS else f"{column} = {quoted(value)}"
                for value in values
            ]
            yield Question("lookup", f"{attribute}, {kind}", [(attribute, value) for value in values],
                           [scope + condition for condition in conditions])


def texts(manifest):
    account = f"account = {quoted(manifest['home']['account'])} and "
    rare = [value["value"][1:-1] for value in manifest["values"]["Username"]["rare"][:3]]
    needles = {"frequent": ["Terraform", "SigV4", "boto"], "rare": rare, "absent": ["qzxj-not-there", "Zq9#", "no such text"]}
    for kind, words in needles.items():
        yield Question("text", f"text, {kind}", [f'"{word}"' for word in words],
                       [f"{account}record like {quoted('%' + word + '%')}" for word in words])


def audits(manifest):
    account = f"account = {quoted(manifest['home']['account'])} and "
    user = next(iter(manifest["values"]["Username"]["rare"]), {"value": "nobody"})["value"]
    resource = next(iter(manifest["values"]["ResourceName"]["rare"]), {"value": "nothing"})["value"]
    key = next(iter(manifest["values"]["AccessKeyId"]["rare"]), {"value": "AKIAIOSFODNN7EXAMPLE"})["value"]
    questions = {
        "what root did": ("userName=root", "username = 'root'"),
        "sign-ins without a second factor": (
            'eventName=ConsoleLogin "\\"MFAUsed\\":\\"No\\""', "event_name = 'ConsoleLogin' and record like '%\"MFAUsed\":\"No\"%'"),
        "keys and users that were made": ("eventName=CreateAccessKey,CreateUser", "event_name in ('CreateAccessKey','CreateUser')"),
        "policies that were changed": (
            "eventName=PutBucketPolicy,PutUserPolicy,PutRolePolicy,AttachRolePolicy,AttachUserPolicy",
            "event_name in ('PutBucketPolicy','PutUserPolicy','PutRolePolicy','AttachRolePolicy','AttachUserPolicy')"),
        "doors that were opened to the world": (
            'eventName=AuthorizeSecurityGroupIngress "0.0.0.0/0"',
            "event_name = 'AuthorizeSecurityGroupIngress' and record like '%0.0.0.0/0%'"),
        "recording that was stopped": (
            "eventName=StopLogging,DeleteTrail,UpdateTrail", "event_name in ('StopLogging','DeleteTrail','UpdateTrail')"),
        "what one user changed": (f"userName={user} readOnly=false", f"username = {quoted(user)} and read_only = 'false'"),
        "what was denied to one key": (
            f"accessKeyId={key} errorCode=*AccessDenied*", f"access_key_id = {quoted(key)} and error_code like '%AccessDenied%'"),
        "who used one resource": (f'resource="{resource}"', f"has(resource_names, {quoted(resource)})"),
        "changes by people, not programs": (
            "readOnly=false category=Management userName!=svc-*,*.amazonaws.com,*-worker-*",
            "read_only = 'false' and category = 'Management' and username not like 'svc-%' "
            "and username not like '%.amazonaws.com' and username not like '%-worker-%'"),
    }
    for name, (ours, theirs) in questions.items():
        yield Question("audit", name, [ours], [account + theirs])


def all_questions(manifest, values_max):
    return list(itertools.chain(lookups(manifest, values_max), texts(manifest), audits(manifest)))
