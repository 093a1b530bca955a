"""One real call after another through OpenTrail to moto, over every protocol: does the record tell what was sent and
what was answered, and does it keep every secret?

Expected parameters are written out, or derived from the call by the general rule in `rendering.py`.
"""

import io
import json
import zipfile

import pytest
from botocore.exceptions import ClientError

from opentrail import ACCOUNT, REGION, STRANGER_KEY, mark_calls
from rendering import ANYTHING, HIDDEN, check_record_fields, lowered

REMOVED = "<sensitiveDataRemoved>"
BY_RULE = object()

# Every secret that a test sends or gets. No file and no log may hold one; the last test of this file looks.
SECRETS = set()


def secret(text):
    SECRETS.add(text)
    return text


class Caller:
    """A client of one service whose every call is compared with its record."""

    def __init__(self, opentrail, service, source=None, region=REGION):
        self.opentrail = opentrail
        self.region = region
        self.client = opentrail.client(service, key=STRANGER_KEY, region=region)
        self.marks = mark_calls(self.client)
        self.agents = []
        self.client.meta.events.register_last(
            "before-send", lambda request, **_: self.agents.append(text_of(request.headers["User-Agent"]))
        )
        self.service = service
        self.source = source or f"{service}.amazonaws.com"

    def call(
        self,
        method,
        _name=None,
        _request=BY_RULE,
        _response=BY_RULE,
        _read=False,
        _error=None,
        _data=False,
        _filled=None,
        _also=None,
        **parameters,
    ):
        """Calls, and checks the record. `_error` is the code recorded for a call that must fail; the message recorded
        must be the one that the client got. `_filled` names members that the service fills in when they are not sent,
        as real records show them.
        """
        operation = self.client.meta.service_model.operation_model(self.client.meta.method_to_api_mapping[method])
        answer = self.answer_of(method, parameters, _error is not None)
        metadata = answer.pop("ResponseMetadata")
        message = answer.pop("Message") if _error else None
        record = self.opentrail.marked_event(self.marks[-1], _name or operation.name)
        if _request is BY_RULE:
            _request = {**lowered(parameters, operation.input_shape), **(_filled or {})} or None
        if _response is BY_RULE:
            _response = None if _read or _error else lowered(answer, operation.output_shape) or None
        agent = self.agents[-1]
        check_record_fields(
            record,
            {
                "eventSource": self.source,
                "awsRegion": self.region,
                "sourceIPAddress": "127.0.0.1",
                "userAgent": f"[{agent}]" if self.service == "s3" else agent,
                "requestParameters": _request,
                "responseElements": _response,
                "requestID": metadata["HTTPHeaders"].get("x-amzn-requestid", metadata["RequestId"]),
                "readOnly": _read,
                "eventType": "AwsApiCall",
                "managementEvent": not _data,
                "eventCategory": "Data" if _data else "Management",
                "recipientAccountId": ACCOUNT,
                "errorCode": _error,
                "errorMessage": message,
                **(_also or {}),
            },
        )
        assert record["userIdentity"]["accessKeyId"] == STRANGER_KEY[0]
        assert "requestParameters" in record and "responseElements" in record, "both are written, null when empty"
        if not _data:
            (event,) = self.opentrail.lookup_by("EventId", record["eventID"], region=self.region)
            assert event["record"] == record, "LookupEvents returns the record as it is"
        answer["ResponseMetadata"] = metadata
        return answer

    def answer_of(self, method, parameters, must_fail):
        try:
            answer = getattr(self.client, method)(**parameters)
        except ClientError as error:
            assert must_fail, error
            return {
                "ResponseMetadata": error.response["ResponseMetadata"],
                "Message": error.response["Error"]["Message"],
            }
        assert not must_fail, f"{method} was to fail"
        return answer


def text_of(header):
    return header.decode() if isinstance(header, bytes) else header


def items(*values):
    return {"items": list(values)}


TRUST = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": [
            {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
        ],
    }
)
POLICY = json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:Get*", "Resource": "*"}]})


def test_ec2(opentrail):
    """The ec2 protocol: sets wrapped in items, names of the XML schema, milliseconds, a prefix on error codes."""
    ec2 = Caller(opentrail, "ec2")
    vpc = ec2.call(
        "create_vpc",
        CidrBlock="10.7.0.0/16",
        _request={"cidrBlock": "10.7.0.0/16"},
        _response=ANYTHING,
    )["Vpc"]["VpcId"]
    group = ec2.call(
        "create_security_group",
        GroupName="web",
        Description="doors",
        VpcId=vpc,
        _request={"groupName": "web", "groupDescription": "doors", "vpcId": vpc},
        _response=ANYTHING,
    )["GroupId"]
    ec2.call(
        "authorize_security_group_ingress",
        GroupId=group,
        IpPermissions=[{"IpProtocol": "tcp", "FromPort": 22, "ToPort": 22, "IpRanges": [{"CidrIp": "203.0.113.0/24"}]}],
        _request={
            "groupId": group,
            "ipPermissions": items(
                {"ipProtocol": "tcp", "fromPort": 22, "toPort": 22, "ipRanges": items({"cidrIp": "203.0.113.0/24"})}
            ),
        },
        _response=ANYTHING,
    )
    ec2.call(
        "describe_security_groups",
        GroupIds=[group],
        Filters=[{"Name": "vpc-id", "Values": [vpc]}],
        _read=True,
        _request={
            "securityGroupIdSet": items({"groupId": group}),
            "filterSet": items({"name": "vpc-id", "valueSet": items({"value": vpc})}),
        },
    )
    run = ec2.call(
        "run_instances",
        ImageId="ami-12345678",
        MinCount=1,
        MaxCount=1,
        InstanceType="t3.micro",
        UserData=secret("user-data-with-a-token-4711"),
        _request=ANYTHING,
        _response=ANYTHING,
    )
    instance = run["Instances"][0]["InstanceId"]
    record = opentrail.marked_event(ec2.marks[-1], "RunInstances")
    assert record["requestParameters"]["instancesSet"] == items(
        {"imageId": "ami-12345678", "minCount": 1, "maxCount": 1}
    )
    assert record["requestParameters"]["userData"] == REMOVED
    assert record["responseElements"]["requestId"] == record["requestID"]
    started = record["responseElements"]["instancesSet"]["items"][0]
    assert started["instanceId"] == instance
    assert started["instanceState"] == {"code": 0, "name": "pending"} or started["instanceState"]["name"] == "running"
    assert isinstance(started["launchTime"], int) and started["launchTime"] > 1e12
    ec2.call(
        "create_tags",
        Resources=[instance],
        Tags=[{"Key": "Name", "Value": "web-1"}],
        _request={"resourcesSet": items({"resourceId": instance}), "tagSet": items({"key": "Name", "value": "web-1"})},
        _response={"requestId": ANYTHING, "_return": True},
    )
    made = ec2.call("create_key_pair", KeyName="door", _request=ANYTHING, _response=ANYTHING)
    SECRETS.add(made["KeyMaterial"].splitlines()[1])
    record = opentrail.marked_event(ec2.marks[-1], "CreateKeyPair")
    assert record["requestParameters"]["keyName"] == "door"
    assert record["responseElements"]["keyMaterial"] == REMOVED
    assert record["responseElements"]["keyFingerprint"] == made["KeyFingerprint"]
    ec2.call(
        "terminate_instances",
        InstanceIds=[instance],
        _request={"instancesSet": items({"instanceId": instance})},
        _response=ANYTHING,
    )
    ec2.call(
        "describe_instances",
        InstanceIds=["i-0123456789abcdef0"],
        _read=True,
        _request={"instancesSet": items({"instanceId": "i-0123456789abcdef0"}), "filterSet": {}},
        _error="Client.InvalidInstanceID.NotFound",
    )
    # One of the newer APIs, which CloudTrail renders raw.
    made = ec2.call(
        "create_launch_template",
        LaunchTemplateName="template",
        LaunchTemplateData={"InstanceType": "t3.micro", "UserData": secret("dG9rZW4tNDcxMi1pbi10ZW1wbGF0ZQ==")},
        _request=ANYTHING,
        _response=ANYTHING,
    )
    record = opentrail.marked_event(ec2.marks[-1], "CreateLaunchTemplate")
    asked = record["requestParameters"]["CreateLaunchTemplateRequest"]
    assert asked["LaunchTemplateName"] == "template"
    assert asked["LaunchTemplateData"]["InstanceType"] == "t3.micro"
    answered = record["responseElements"]["CreateLaunchTemplateResponse"]
    assert answered["launchTemplate"]["launchTemplateId"] == made["LaunchTemplate"]["LaunchTemplateId"]


def test_iam_and_sts(opentrail):
    """The query protocol."""
    iam = Caller(opentrail, "iam")
    iam.call("create_user", UserName="ana", Path="/staff/", Tags=[{"Key": "team", "Value": "blue"}])
    iam.call(
        "create_login_profile",
        UserName="ana",
        Password=secret("login-password-4713"),
        PasswordResetRequired=True,
        _request={"userName": "ana", "passwordResetRequired": True},
    )
    made = iam.call("create_access_key", UserName="ana", _response=ANYTHING)
    SECRETS.add(made["AccessKey"]["SecretAccessKey"])
    record = opentrail.marked_event(iam.marks[-1], "CreateAccessKey")
    assert record["responseElements"]["accessKey"]["accessKeyId"] == made["AccessKey"]["AccessKeyId"]
    assert set(record["responseElements"]["accessKey"]) == {"accessKeyId", "status", "userName", "createDate"}
    iam.call("put_user_policy", UserName="ana", PolicyName="read", PolicyDocument=POLICY)
    iam.call("create_role", RoleName="worker", AssumeRolePolicyDocument=TRUST, _response=ANYTHING)
    role = f"arn:aws:iam::{ACCOUNT}:role/worker"
    assert opentrail.marked_event(iam.marks[-1], "CreateRole")["responseElements"]["role"]["arn"] == role
    iam.call("create_policy", PolicyName="reading", PolicyDocument=POLICY, _response=ANYTHING)
    iam.call("attach_role_policy", RoleName="worker", PolicyArn=f"arn:aws:iam::{ACCOUNT}:policy/reading")
    iam.call("list_users", MaxItems=10, _read=True)
    iam.call(
        "get_user",
        UserName="nobody",
        _read=True,
        _error="NoSuchEntityException",
    )
    iam.call("delete_login_profile", UserName="ana")

    sts = Caller(opentrail, "sts")
    sts.call("get_caller_identity", _read=True)
    session = sts.call(
        "assume_role",
        RoleArn=role,
        RoleSessionName="build-7",
        DurationSeconds=900,
        _read=True,
        _response=ANYTHING,
    )
    SECRETS.add(session["Credentials"]["SecretAccessKey"])
    record = opentrail.marked_event(sts.marks[-1], "AssumeRole")
    assert record["responseElements"]["credentials"]["accessKeyId"] == session["Credentials"]["AccessKeyId"]
    assert "secretAccessKey" not in record["responseElements"]["credentials"]
    assert record["responseElements"]["assumedRoleUser"]["arn"] == session["AssumedRoleUser"]["Arn"]


def test_other_query_services(opentrail):
    rds = Caller(opentrail, "rds")
    rds.call(
        "create_db_instance",
        DBInstanceIdentifier="db1",
        DBInstanceClass="db.t3.micro",
        Engine="mysql",
        MasterUsername="master",
        MasterUserPassword=secret("rds-password-4714"),
        AllocatedStorage=20,
        _request={
            "dBInstanceIdentifier": "db1",
            "dBInstanceClass": "db.t3.micro",
            "engine": "mysql",
            "masterUsername": "master",
            "masterUserPassword": HIDDEN,
            "allocatedStorage": 20,
        },
        _response=ANYTHING,
    )
    answered = opentrail.marked_event(rds.marks[-1], "CreateDBInstance")["responseElements"]
    assert answered["dBInstanceIdentifier"] == "db1" and answered["allocatedStorage"] == 20
    rds.call("describe_db_instances", DBInstanceIdentifier="db1", _read=True)

    cloudformation = Caller(opentrail, "cloudformation")
    template = {"Parameters": {"Word": {"Type": "String"}}, "Resources": {"Queue": {"Type": "AWS::SQS::Queue"}}}
    cloudformation.call(
        "create_stack",
        StackName="stack",
        TemplateBody=json.dumps(template),
        Parameters=[{"ParameterKey": "Word", "ParameterValue": secret("stack-parameter-4715")}],
        _request={"stackName": "stack", "parameters": [{"parameterKey": "Word"}]},
    )
    cloudformation.call("describe_stacks", StackName="stack", _read=True)

    autoscaling = Caller(opentrail, "autoscaling")
    autoscaling.call(
        "create_launch_configuration",
        LaunchConfigurationName="lc",
        ImageId="ami-12345678",
        InstanceType="t3.micro",
        InstanceMonitoring={"Enabled": False},
    )
    autoscaling.call("describe_launch_configurations", LaunchConfigurationNames=["lc"], _read=True)

    elb = Caller(opentrail, "elbv2", source="elasticloadbalancing.amazonaws.com")
    elb.call("create_target_group", Name="doors", TargetType="lambda", _response=ANYTHING)
    elb.call("describe_target_groups", Names=["doors"], _read=True)

    sns = Caller(opentrail, "sns")
    topic = sns.call("create_topic", Name="news", Attributes={"DisplayName": "News"})["TopicArn"]
    sns.call(
        "publish",
        TopicArn=topic,
        Subject=secret("sns-subject-4716"),
        Message=secret("sns-message-4717"),
        _data=True,
        _request={"topicArn": topic, "subject": HIDDEN, "message": HIDDEN},
    )


def test_dynamodb(opentrail):
    """JSON 1.0. Items name their attributes, keys show their values, expression values are gone."""
    version = {"apiVersion": "2012-08-10"}
    dynamodb = Caller(opentrail, "dynamodb")
    dynamodb.call(
        "create_table",
        TableName="songs",
        KeySchema=[{"AttributeName": "artist", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "artist", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
        _response=ANYTHING,
        _also=version,
    )
    item = {"artist": {"S": "No One You Know"}, "title": {"S": secret("dynamodb-value-4718")}}
    dynamodb.call(
        "put_item", TableName="songs", Item=item, _data=True, _request=ANYTHING, _response=None, _also=version
    )
    record = opentrail.marked_event(dynamodb.marks[-1], "PutItem")
    assert record["requestParameters"]["tableName"] == "songs"
    # The documentation has it both ways: `item` of a single write, `items` of a transaction.
    written = record["requestParameters"].get("item") or record["requestParameters"]["items"]
    assert sorted(written) == ["artist", "title"], "names alone"
    assert record["resources"][0]["ARN"] == f"arn:aws:dynamodb:{REGION}:{ACCOUNT}:table/songs"
    dynamodb.call(
        "put_item",
        TableName="songs",
        Item=item,
        ConditionExpression="attribute_not_exists(artist)",
        _data=True,
        _request=ANYTHING,
        _error="ConditionalCheckFailedException",
    )
    dynamodb.call(
        "get_item",
        TableName="songs",
        Key={"artist": {"S": "No One You Know"}},
        _read=True,
        _data=True,
        _request={"tableName": "songs", "key": {"artist": "No One You Know"}},
    )
    dynamodb.call(
        "update_item",
        TableName="songs",
        Key={"artist": {"S": "No One You Know"}},
        UpdateExpression="SET title = :t",
        ExpressionAttributeValues={":t": {"S": secret("dynamodb-value-4719")}},
        _data=True,
        _request={"tableName": "songs", "key": {"artist": "No One You Know"}, "updateExpression": "SET title = :t"},
        _response=None,
    )
    dynamodb.call("describe_table", TableName="songs", _read=True, _also=version)
    dynamodb.call(
        "describe_table",
        TableName="none",
        _read=True,
        _error="ResourceNotFoundException",
    )


def test_sqs_and_step_functions(opentrail):
    """JSON 1.0."""
    sqs = Caller(opentrail, "sqs")
    queue = sqs.call("create_queue", QueueName="work", Attributes={"VisibilityTimeout": "30"})["QueueUrl"]
    sqs.call(
        "send_message",
        QueueUrl=queue,
        MessageBody=secret("sqs-message-4720"),
        _data=True,
        _request={"queueUrl": queue, "messageBody": HIDDEN},
    )
    sqs.call(
        "get_queue_url",
        QueueName="missing",
        _read=True,
        _data=True,
        _error="QueueDoesNotExist",
    )
    states = Caller(opentrail, "stepfunctions", source="states.amazonaws.com")
    states.call("list_state_machines", maxResults=10, _read=True)


def test_json_1_1(opentrail):
    kms = Caller(opentrail, "kms")
    filled = {
        "bypassPolicyLockoutSafetyCheck": False,
        "customerMasterKeySpec": "SYMMETRIC_DEFAULT",
        "keySpec": "SYMMETRIC_DEFAULT",
        "keyUsage": "ENCRYPT_DECRYPT",
        "origin": "AWS_KMS",
    }
    made = kms.call("create_key", Description="lock", _filled=filled, _response=ANYTHING)
    key = made["KeyMetadata"]["KeyId"]
    record = opentrail.marked_event(kms.marks[-1], "CreateKey")
    assert record["responseElements"]["keyMetadata"]["keyId"] == key
    kms.call(
        "encrypt",
        KeyId=key,
        Plaintext=secret("kms-plaintext-4721").encode(),
        EncryptionContext={"Purpose": "Test"},
        _read=True,
        _request={
            "keyId": key,
            "encryptionContext": {"Purpose": "Test"},
            "encryptionAlgorithm": "SYMMETRIC_DEFAULT",
        },
    )
    kms.call("describe_key", KeyId=key, _read=True)
    kms.call("schedule_key_deletion", KeyId=key, PendingWindowInDays=7, _response=ANYTHING)

    secrets = Caller(opentrail, "secretsmanager")
    secrets.call(
        "create_secret",
        Name="door",
        SecretString=secret("secret-string-4722"),
        ClientRequestToken="c1b2a3d4-0000-4000-8000-000000000001",
        _request={"name": "door", "clientRequestToken": "c1b2a3d4-0000-4000-8000-000000000001"},
        _response=ANYTHING,
    )
    secrets.call("get_secret_value", SecretId="door", _read=True)
    secrets.call("delete_secret", SecretId="door", RecoveryWindowInDays=7, _response=ANYTHING)
    record = opentrail.marked_event(secrets.marks[-1], "DeleteSecret")
    assert set(record["responseElements"]) == {"aRN", "name", "deletionDate"}
    secrets.call("describe_secret", SecretId="none", _read=True, _error="ResourceNotFoundException")

    ssm = Caller(opentrail, "ssm")
    ssm.call(
        "put_parameter",
        Name="/door/code",
        Value=secret("ssm-value-4723"),
        Type="SecureString",
        _request={"name": "/door/code", "value": HIDDEN, "type": "SecureString", "overwrite": False},
    )
    ssm.call("get_parameter", Name="/door/code", WithDecryption=True, _read=True)

    logs = Caller(opentrail, "logs")
    logs.call("create_log_group", logGroupName="/door", _also={"apiVersion": "20140328"})
    logs.call("describe_log_groups", logGroupNamePrefix="/door", _read=True)

    ecs = Caller(opentrail, "ecs")
    ecs.call("create_cluster", clusterName="fleet")
    ecs.call("list_clusters", _read=True)

    organizations = Caller(opentrail, "organizations")
    organizations.call("create_organization", FeatureSet="ALL", _response=ANYTHING)
    answered = opentrail.marked_event(organizations.marks[-1], "CreateOrganization")["responseElements"]
    assert answered["organization"]["masterAccountId"] == ACCOUNT
    assert answered["organization"]["masterAccountEmail"] == HIDDEN, "the model marks e-mail addresses as sensitive"
    organizations.call("list_accounts", _read=True)

    kinesis = Caller(opentrail, "kinesis")
    kinesis.call("create_stream", StreamName="river", ShardCount=1)

    ecr = Caller(opentrail, "ecr")
    ecr.call("create_repository", repositoryName="box")


def test_rest_json(opentrail):
    code = io.BytesIO()
    with zipfile.ZipFile(code, "w") as archive:
        archive.writestr("door.py", "def open(event, context): pass")
    role = f"arn:aws:iam::{ACCOUNT}:role/for-lambda"
    Caller(opentrail, "iam").call(
        "create_role", RoleName="for-lambda", AssumeRolePolicyDocument=TRUST, _response=ANYTHING
    )
    function = Caller(opentrail, "lambda")
    function.call(
        "create_function",
        FunctionName="door",
        Runtime="python3.12",
        Role=role,
        Handler="door.open",
        Code={"ZipFile": code.getvalue()},
        Environment={"Variables": {"TOKEN": secret("lambda-variable-4724")}},
        _name="CreateFunction20150331",
        _request={
            "functionName": "door",
            "runtime": "python3.12",
            "role": role,
            "handler": "door.open",
            "publish": False,
        },
        _response=ANYTHING,
    )
    record = opentrail.marked_event(function.marks[-1], "CreateFunction20150331")
    assert record["requestParameters"]["environment"] == {} and record["responseElements"]["environment"] == {}
    assert record["responseElements"]["functionArn"].endswith(":function:door")
    function.call("get_function", FunctionName="door", _name="GetFunction20150331v2", _read=True)
    function.call("list_functions", MaxItems=5, _name="ListFunctions20150331", _read=True, _request=ANYTHING)
    function.call(
        "get_function",
        FunctionName="none",
        _name="GetFunction20150331v2",
        _read=True,
        _error="ResourceNotFoundException",
    )
    function.call(
        "add_permission",
        FunctionName="door",
        StatementId="s",
        Action="lambda:InvokeFunction",
        Principal="s3.amazonaws.com",
        _name="AddPermission20150331v2",
    )
    # The status of the answer is in the model, and no part of the record.
    function.call("delete_function", FunctionName="door", _name="DeleteFunction20150331", _response=None)

    gateway = Caller(opentrail, "apigateway")
    api = gateway.call(
        "create_rest_api", name="doors", description="all of them", _request=ANYTHING, _response=ANYTHING
    )
    gateway.call("get_rest_api", restApiId=api["id"], _filled={"template": False}, _read=True)
    eks = Caller(opentrail, "eks")
    eks.call(
        "create_cluster",
        name="fleet",
        roleArn=role,
        resourcesVpcConfig={"subnetIds": []},
        _request=ANYTHING,
        _response=ANYTHING,
    )
    record = opentrail.marked_event(eks.marks[-1], "CreateCluster")
    assert record["requestParameters"]["name"] == "fleet" and record["responseElements"]["cluster"]["name"] == "fleet"
    # What stands behind API Gateway records no message of a read that failed.
    eks.call(
        "describe_cluster",
        name="none",
        _read=True,
        _error="ResourceNotFoundException",
        _also={"errorMessage": None},
    )


def test_rest_xml(opentrail):
    route53 = Caller(opentrail, "route53")
    zone = route53.call(
        "create_hosted_zone",
        Name="example.org",
        CallerReference="first",
        HostedZoneConfig={"Comment": "of us", "PrivateZone": False},
        _response=ANYTHING,
        _also={"apiVersion": "2013-04-01"},
    )["HostedZone"]["Id"]
    record = opentrail.marked_event(route53.marks[-1], "CreateHostedZone")
    assert record["responseElements"]["hostedZone"]["id"] == zone
    route53.call("list_hosted_zones", _read=True)
    cloudfront = Caller(opentrail, "cloudfront")
    cloudfront.call("list_distributions", _read=True)


def test_s3_at_an_upstream(opentrail_all_moto):
    opentrail = opentrail_all_moto
    host = f"127.0.0.1:{opentrail.port}"
    s3 = Caller(opentrail, "s3")
    s3.call("create_bucket", Bucket="far-away", _request={"bucketName": "far-away", "Host": host}, _response=ANYTHING)
    s3.call(
        "put_object",
        Bucket="far-away",
        Key="a folder/ü.txt",
        Body=secret("object-content-4725").encode(),
        StorageClass="STANDARD_IA",
        _data=True,
        _request=ANYTHING,
        _response=ANYTHING,
    )
    record = opentrail.marked_event(s3.marks[-1], "PutObject")
    asked = record["requestParameters"]
    assert asked["bucketName"] == "far-away" and asked["key"] == "a folder/ü.txt" and asked["Host"] == host
    assert asked["x-amz-storage-class"] == "STANDARD_IA"
    extra = record["additionalEventData"]
    assert extra["SignatureVersion"] == "SigV4" and extra["AuthenticationMethod"] == "AuthHeader"
    assert extra["bytesTransferredIn"] >= len("object-content-4725")
    assert {"type": "AWS::S3::Object", "ARN": "arn:aws:s3:::far-away/a folder/ü.txt"} in record["resources"]
    assert any(
        resource["type"] == "AWS::S3::Bucket" and resource["ARN"] == "arn:aws:s3:::far-away"
        for resource in record["resources"]
    )
    s3.call(
        "get_object",
        Bucket="far-away",
        Key="none",
        _read=True,
        _data=True,
        _request={"bucketName": "far-away", "Host": host, "key": "none"},
        _error="NoSuchKey",
    )
    s3.call(
        "list_objects_v2", Bucket="far-away", Prefix="a", _name="ListObjects", _read=True, _data=True, _request=ANYTHING
    )
    asked = opentrail.marked_event(s3.marks[-1], "ListObjects")["requestParameters"]
    assert asked["list-type"] == "2" and asked["prefix"] == "a" and asked["bucketName"] == "far-away"
    policy = {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Deny", "Principal": "*", "Action": "s3:*", "Resource": "arn:aws:s3:::far-away/x"}],
    }
    s3.call("put_bucket_policy", Bucket="far-away", Policy=json.dumps(policy), _request=ANYTHING, _response=None)
    asked = opentrail.marked_event(s3.marks[-1], "PutBucketPolicy")["requestParameters"]
    assert asked["bucketPolicy"] == policy and asked["policy"] == ""
    s3.call(
        "put_bucket_tagging",
        Bucket="far-away",
        Tagging={"TagSet": [{"Key": "team", "Value": "blue"}]},
        _request=ANYTHING,
        _response=None,
    )
    tagging = opentrail.marked_event(s3.marks[-1], "PutBucketTagging")["requestParameters"]["Tagging"]
    assert tagging["TagSet"] == {"Tag": {"Key": "team", "Value": "blue"}}, "one element is an object and no list"
    s3.call("delete_object", Bucket="far-away", Key="a folder/ü.txt", _data=True, _request=ANYTHING, _response=ANYTHING)


@pytest.mark.parametrize("region", ["eu-west-1", "ap-southeast-2"])
def test_the_region_is_that_of_the_signature(opentrail, region):
    sqs = Caller(opentrail, "sqs", region=region)
    sqs.call("create_queue", QueueName="there")
    event = opentrail.marked_event(sqs.marks[-1], "CreateQueue")["eventID"]
    assert opentrail.lookup_by("EventId", event) == [], "the history of a region shows its own events"


def test_no_secret_is_on_disk_or_in_the_log(opentrail, opentrail_all_moto):
    """Runs last in this file: everything sent above as a secret, searched in every byte that OpenTrail wrote."""
    assert len(SECRETS) >= 10, "run the whole file: this test looks for what the others sent"
    needles = {text: text.encode() for text in SECRETS}
    for installation in (opentrail, opentrail_all_moto):
        files = installation.files()
        assert files
        for path in files:
            content = path.read_bytes()
            leaked = [text for text, needle in needles.items() if needle in content]
            assert not leaked, f"{path.relative_to(installation.data)} holds {leaked}"
        leaked = [text for text in SECRETS if text in installation.process.log]
        assert not leaked, f"the log holds {leaked}"
    # The journal is not compressed, so a record that must be there is found in the same way.
    assert any(b"CreateLoginProfile" in path.read_bytes() for path in opentrail.files())
