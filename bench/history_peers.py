"""DuckDB and ClickHouse (chDB) as stores of CloudTrail records, each in a process of its own.

Both read the same gzip log files, parse each record once, and keep the eight attributes of LookupEvents and what
narrows them as columns, and the whole record as text, compressed with zstd and sorted by time.
"""

import json
import pathlib
import re
import sys
import time

from history_measure import ask_all, bytes_below, used
from history_questions import PAGE, all_questions

# What is taken from a record, as DuckDB's and ClickHouse's one-pass JSON readers want it. The names of resources are
# those that the record lists, and those that its parameters name in the usual way.
NAMES = ["bucketName", "roleName", "userName", "functionName", "tableName", "keyId", "secretId", "instanceId", "name",
         "queueUrl", "topicArn", "groupId", "logGroupName", "trailName", "dBInstanceIdentifier"]
FIELDS = ["eventTime", "eventID", "eventName", "eventSource", "readOnly", "awsRegion", "recipientAccountId",
          "eventCategory", "errorCode", "sourceIPAddress"]
IDENTITY = ["type", "userName", "principalId", "arn", "accessKeyId", "invokedBy"]


def duckdb_peer(folder, work, manifest, questions, seconds_max):
    import duckdb

    database = work / "events.duckdb"
    connection = duckdb.connect()
    connection.execute("set preserve_insertion_order = false")
    connection.execute(f"set temp_directory = '{work}/spill'")
    # The newest storage format has zstd for texts; short columns are smaller and faster with what it picks itself.
    connection.execute(f"attach '{database}' as store (storage_version 'latest')")
    connection.execute("use store")
    shape = {name: "VARCHAR" for name in FIELDS} | {
        "userIdentity": {name: "VARCHAR" for name in IDENTITY},
        "resources": [{"ARN": "VARCHAR", "type": "VARCHAR"}],
        "requestParameters": {name: "VARCHAR" for name in NAMES},
    }
    parameters = ", ".join(f"j.requestParameters.{name}" for name in NAMES)
    connection.execute("""
        create table events (
            event_time timestamp, event_id uuid, event_name varchar, event_source varchar, read_only varchar,
            username varchar, access_key_id varchar, resource_names varchar[], resource_types varchar[], region varchar,
            account varchar, category varchar, error_code varchar, source_ip varchar,
            record varchar using compression zstd)""")
    start = time.monotonic()
    connection.execute(f"""
        insert into events
        with records as (
            select unnest(Records) as record
            from read_json('{folder}/**/*.gz', columns = {{Records: 'JSON[]'}}, format = 'unstructured',
                           maximum_object_size = 268435456)),
        parsed as (select record, from_json(record, '{json.dumps(shape)}') as j from records)
        select j.eventTime::timestamp as event_time, try_cast(j.eventID as uuid) as event_id, j.eventName as event_name,
               j.eventSource as event_source, j.readOnly as read_only,
               case when j.userIdentity.type = 'Root' then 'root' else coalesce(nullif(j.userIdentity.userName, ''),
                    nullif(regexp_extract(j.userIdentity.arn, '/([^/]+)$', 1), ''), j.userIdentity.invokedBy) end as username,
               nullif(j.userIdentity.accessKeyId, '') as access_key_id,
               list_filter(list_concat(list_transform(j.resources, lambda r: r.ARN), [{parameters}]),
                           lambda n: n is not null) as resource_names,
               list_transform(j.resources, lambda r: r.type) as resource_types,
               j.awsRegion as region, j.recipientAccountId as account, coalesce(j.eventCategory, 'Management') as category,
               j.errorCode as error_code, j.sourceIPAddress as source_ip, record::varchar as record
        from parsed order by event_time""")
    connection.execute("checkpoint store")
    load = {"wall_s": time.monotonic() - start} | used()

    def ask(question, number):
        condition = re.sub(r"\bhas\(", "list_contains(", question.theirs[number])
        if "event_id = " in condition:
            condition = re.sub(r"event_id = ('[^']+')", r"event_id = \1::uuid", condition)
        sql = f"select record from events where {condition} order by event_time desc limit {PAGE}"
        begin = time.perf_counter()
        rows = connection.execute(sql).fetchall()
        return len(rows), (time.perf_counter() - begin) * 1000

    events = connection.execute("select count(*) from events").fetchone()[0]
    return {"name": f"DuckDB {duckdb.__version__}", "events": events, "load": load, "bytes": database.stat().st_size,
            "answers": ask_all(questions, ask, seconds_max)} | {"peak_mib": used()["peak_mib"]}


CLICKHOUSE_TABLE = """
    create table events (
        event_time DateTime codec(Delta, ZSTD(1)), event_id UUID, event_name LowCardinality(String),
        event_source LowCardinality(String), read_only LowCardinality(String), username LowCardinality(String),
        access_key_id String codec(ZSTD(1)), resource_names Array(String) codec(ZSTD(1)),
        resource_types Array(LowCardinality(String)), region LowCardinality(String), account LowCardinality(String),
        category LowCardinality(String), error_code LowCardinality(String), source_ip String codec(ZSTD(1)),
        record String codec(ZSTD(3)),
        index by_id event_id type bloom_filter(0.001) granularity 1,
        index by_user username type bloom_filter(0.01) granularity 1,
        index by_key access_key_id type bloom_filter(0.01) granularity 1,
        index by_resource resource_names type bloom_filter(0.01) granularity 1,
        index by_type resource_types type set(200) granularity 1,
        index by_name event_name type set(500) granularity 1,
        index by_source event_source type set(200) granularity 1
    ) engine = MergeTree order by (event_time) settings index_granularity = 8192
"""


def chdb_peer(folder, work, manifest, questions, seconds_max):
    import chdb
    from chdb import session

    store = session.Session(str(work / "clickhouse"))
    store.query("create database if not exists bench engine = Atomic")
    store.query("use bench")
    store.query(CLICKHOUSE_TABLE)
    fields = ", ".join(f"{name} String" for name in FIELDS)
    identity = ", ".join(f"{name} String" for name in IDENTITY)
    names = ", ".join(f"{name} String" for name in NAMES)
    shape = (f"Tuple({fields}, userIdentity Tuple({identity}), resources Array(Tuple(ARN String, type String)), "
             f"requestParameters Tuple({names}))")
    parameters = ", ".join(f"j.requestParameters.{name}" for name in NAMES)
    start = time.monotonic()
    store.query(f"""
        insert into events
        select parseDateTimeBestEffort(j.eventTime), toUUIDOrZero(j.eventID), j.eventName, j.eventSource, j.readOnly,
               multiIf(j.userIdentity.type = 'Root', 'root', j.userIdentity.userName != '', j.userIdentity.userName,
                       j.userIdentity.arn != '', arrayElement(splitByChar('/', j.userIdentity.arn), -1),
                       j.userIdentity.invokedBy),
               j.userIdentity.accessKeyId,
               arrayFilter(n -> n != '', arrayConcat(j.resources.ARN, [{parameters}])), j.resources.type,
               j.awsRegion, j.recipientAccountId, if(j.eventCategory = '', 'Management', j.eventCategory), j.errorCode,
               j.sourceIPAddress, record
        from (select record, JSONExtract(record, '{shape}') as j
              from (select arrayJoin(JSONExtractArrayRaw(line, 'Records')) as record
                    from file('{folder}/**/*.gz', LineAsString)))
        settings max_block_size = 4, max_insert_threads = 2, max_partitions_per_insert_block = 0""")
    load = {"wall_s": time.monotonic() - start} | used()
    begin = time.monotonic()
    store.query("optimize table events final")
    load["tidy_s"] = time.monotonic() - begin
    events = int(store.query("select count() from events").bytes())
    size = int(store.query("select sum(bytes_on_disk) from system.parts where active and table = 'events'").bytes())

    def ask(question, number):
        # Values come again to be timed more than once; a person asks each once, so what was excluded is not remembered.
        sql = (f"select record from events where {question.theirs[number]} order by event_time desc limit {PAGE} "
               "settings use_query_condition_cache = 0")
        begin = time.perf_counter()
        answer = store.query(sql, "TSVRaw").bytes()
        return answer.count(b"\n"), (time.perf_counter() - begin) * 1000

    result = {"name": f"chDB {chdb.__version__} (ClickHouse)", "events": events, "load": load, "bytes": size,
              "answers": ask_all(questions, ask, seconds_max)} | {"peak_mib": used()["peak_mib"]}
    store.close()
    return result


def main():
    name, folder, work, manifest, values_max, seconds_max = sys.argv[1:7]
    work = pathlib.Path(work)
    work.mkdir(parents=True)
    manifest = json.loads(pathlib.Path(manifest).read_text())
    questions = all_questions(manifest, int(values_max)) if "values" in manifest else []
    peer = {"duckdb": duckdb_peer, "chdb": chdb_peer}[name]
    result = peer(folder, work, manifest, questions, float(seconds_max))
    result["folder_bytes"] = bytes_below(work)
    (work.parent / f"{name}.json").write_text(json.dumps(result))


if __name__ == "__main__":
    main()
