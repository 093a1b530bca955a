//! What stands in place of secrets, and where secrets are looked for.

use super::*;
use crate::service_rules::HIDDEN_TEXT;

#[test]
fn secrets_become_what_each_service_writes_for_them() {
    let hidden = json!("HIDDEN_DUE_TO_SECURITY_REASONS");
    for (service, operation, body, key, becomes) in [
        ("ssm", "PutParameter", r#"{"Name":"n","Value":"hush"}"#, "value", hidden.clone()),
        ("ssm", "SendCommand", r#"{"Parameters":{"commands":["hush"]}}"#, "parameters", hidden.clone()),
        ("secretsmanager", "CreateSecret", r#"{"Name":"n","SecretString":"hush"}"#, "secretString", Json::Null),
        (
            "secretsmanager",
            "CreateSecret",
            r#"{"Name":"n","ClientRequestToken":"t"}"#,
            "clientRequestToken",
            json!("t"),
        ),
        ("kms", "Encrypt", r#"{"KeyId":"k","Plaintext":"aHVzaA=="}"#, "plaintext", Json::Null),
        (
            "rds",
            "CreateDBInstance",
            "Action=CreateDBInstance&MasterUserPassword=hush",
            "masterUserPassword",
            hidden.clone(),
        ),
        ("sns", "Publish", "Action=Publish&Message=hush&Subject=hush", "message", hidden.clone()),
        ("sqs", "SendMessage", r#"{"MessageBody":"hush"}"#, "messageBody", hidden.clone()),
        ("iam", "CreateLoginProfile", "Action=CreateLoginProfile&Password=hush", "password", Json::Null),
        ("cognito-idp", "AdminCreateUser", r#"{"TemporaryPassword":"hush"}"#, "temporaryPassword", hidden.clone()),
        ("organizations", "CreateAccount", r#"{"Email":"hush"}"#, "email", json!("****")),
        ("organizations", "CreateGovCloudAccount", r#"{"AccountName":"hush"}"#, "accountName", json!("****")),
        ("stepfunctions", "StartExecution", r#"{"input":"hush"}"#, "input", hidden.clone()),
        ("logs", "PutLogEvents", r#"{"logEvents":"hush"}"#, "logEvents", hidden.clone()),
        ("acm", "ImportCertificate", r#"{"PrivateKey":"aHVzaA=="}"#, "privateKey", hidden.clone()),
        ("redshift-data", "ExecuteStatement", r#"{"Sql":"hush"}"#, "sql", json!("***OMITTED***")),
        (
            "athena",
            "StartCalculationExecution",
            r#"{"CodeBlock":"hush"}"#,
            "codeBlock",
            json!("HIDDEN_FOR_SECURITY_REASONS"),
        ),
        (
            "apigateway",
            "CreateApiKey",
            r#"{"name":"k","value":"hush"}"#,
            "createApiKeyInput",
            json!({ "name": "k", "value": hidden }),
        ),
        ("sagemaker", "CreateProcessingJob", r#"{"Environment":{"A":"hush"}}"#, "environment", json!({ "A": hidden })),
        (
            "batch",
            "SubmitJob",
            r#"{"containerOverrides":{"environment":[{"name":"A","value":"hush"}]}}"#,
            "containerOverrides",
            json!({ "environment": [{ "name": "A", "value": hidden }] }),
        ),
        (
            "autoscaling",
            "CreateLaunchConfiguration",
            "Action=CreateLaunchConfiguration&UserData=aHVzaA%3D%3D",
            "userData",
            hidden.clone(),
        ),
    ] {
        let record = recorded(&Case::new(service, operation, body, ""));
        assert_eq!(record["requestParameters"][key], becomes, "{service} {operation}");
        let text = record.to_string();
        assert!(!text.contains("hush") && !text.contains("aHVz"), "{service} {operation}");
    }
    let stack =
        "Action=CreateStack&StackName=s&Parameters.member.1.ParameterKey=K&Parameters.member.1.ParameterValue=hush";
    check(
        &Case::new("cloudformation", "CreateStack", stack, ""),
        &json!({ "requestParameters": { "stackName": "s", "parameters": [{ "parameterKey": "K" }] } }),
    );
}

#[test]
fn what_callers_name_like_a_secret_is_hidden_wherever_they_put_it() {
    // Pairs, environments of any name, maps, and URLs that carry their proof.
    let body = json!({
        "name": "p",
        "deviceSelectionConfiguration": null,
        "environmentVariables": [{"name": "STAGE", "value": "of-environment"}],
    });
    let body = body.to_string();
    check(
        &Case::new("devicefarm", "CreateProject", &body, "{}"),
        &json!({"requestParameters": {"name": "p", "environmentVariables": [{"name": "STAGE", "value": HIDDEN_TEXT}]}}),
    );
    let body = json!({
        "ProductId": "prod",
        "ProvisioningParameters": [{"Key": "DB_PASSWORD", "Value": "of-a-pair"}, {"Key": "Size", "Value": "5"}],
    });
    let body = body.to_string();
    let mut case = Case::new("servicecatalog", "ProvisionProduct", &body, "{}");
    case.protocol = Some(Protocol::Json11);
    let record = recorded(&case);
    assert_eq!(
        record["requestParameters"]["provisioningParameters"],
        json!([{"key": "DB_PASSWORD", "value": HIDDEN_TEXT}, {"key": "Size", "value": "5"}])
    );
    // Texts that are JSON keep their spelling around what is hidden.
    let body = r#"{"Rule":"r","Targets":[{"Id":"1","Arn":"arn:x","Input":"{\"db\": {\"password\": \"of-a-text\"}}"}]}"#;
    check(
        &Case::new("events", "PutTargets", body, "{}"),
        &json!({"requestParameters": {"rule": "r", "targets": [{
            "id": "1", "arn": "arn:x", "input": format!("{{\"db\": {{\"password\": \"{HIDDEN_TEXT}\"}}}}"),
        }]}}),
    );
    let url = "https://bucket.s3.amazonaws.com/a/long/key/of/an/object?X-Amz-Date=20261130T000000Z&X-Amz-Signature=01";
    let answer = json!({"jobId": "1", "zipUploadUrl": url, "fileUploadUrls": {"index.html": url}}).to_string();
    let mut case = Case::new("amplify", "CreateDeployment", "{}", &answer);
    case.path = "/apps/a/branches/b/deployments";
    let record = recorded(&case);
    assert_eq!(
        record["responseElements"],
        json!({"jobId": "1", "zipUploadUrl": HIDDEN_TEXT, "fileUploadUrls": {"index.html": HIDDEN_TEXT}})
    );
}

#[test]
fn messages_do_not_repeat_what_is_hidden() {
    let failed = |service, operation, body, answer, headers: &'static [(&'static str, &'static str)]| {
        let case = Case { status: 400, answer_headers: headers, ..Case::new(service, operation, body, answer) };
        recorded(&case)["errorMessage"].clone()
    };
    for (service, operation, body, answer, message) in [
        (
            "ssm",
            "PutParameter",
            r#"{"Name":"db","Value":"hunter2"}"#,
            r#"{"__type":"ValidationException","message":"Value 'hunter2' at 'value' of db failed"}"#,
            "Value 'HIDDEN_DUE_TO_SECURITY_REASONS' at 'value' of db failed",
        ),
        (
            "iam",
            "CreateLoginProfile",
            "Action=CreateLoginProfile&Version=2010-05-08&UserName=ana&Password=hunter2",
            "<ErrorResponse><Error><Code>PasswordPolicyViolation</Code><Message>hunter2 of ana is bad for \
             iam:CreateLoginProfile</Message></Error></ErrorResponse>",
            "HIDDEN_DUE_TO_SECURITY_REASONS of ana is bad for iam:CreateLoginProfile",
        ),
        (
            "kms",
            "Encrypt",
            r#"{"KeyId":"k","Plaintext":"aHVzaGh1c2g="}"#,
            r#"{"__type":"ValidationException","message":"aHVzaGh1c2g= or hushhush is too short"}"#,
            "HIDDEN_DUE_TO_SECURITY_REASONS or HIDDEN_DUE_TO_SECURITY_REASONS is too short",
        ),
        (
            "batch",
            "SubmitJob",
            r#"{"jobName":"j","containerOverrides":{"environment":[{"name":"DB_PASSWORD","value":"hunter2hunter"}]}}"#,
            r#"{"message":"bad value hunter2hunter of DB_PASSWORD in j"}"#,
            "bad value HIDDEN_DUE_TO_SECURITY_REASONS of DB_PASSWORD in j",
        ),
        // What the record shows stays, and so does what stands there by chance.
        (
            "sqs",
            "CreateQueue",
            r#"{"QueueName":"visible-queue"}"#,
            r#"{"__type":"x#QueueNameExists","message":"visible-queue exists"}"#,
            "visible-queue exists",
        ),
        (
            "ssm",
            "PutParameter",
            r#"{"Name":"n","Value":"a"}"#,
            r#"{"__type":"ValidationException","message":"a bad name"}"#,
            "a bad name",
        ),
    ] {
        let headers: &[(&str, &str)] =
            if service == "batch" { &[("x-amzn-errortype", "ClientException")] } else { &[] };
        assert_eq!(failed(service, operation, body, answer, headers), json!(message), "{service} {operation}");
    }
    // An answer that is written as it came.
    let case = Case {
        method: Method::PUT,
        path: "/environments/e",
        status: 400,
        answer_headers: &[("x-amzn-errortype", "ValidationException")],
        ..Case::new(
            "mwaa",
            "CreateEnvironment",
            r#"{"AirflowConfigurationOptions":{"a":"hunter2hunter"}}"#,
            r#"{"message":"hunter2hunter is no option","list":["hunter2hunter"]}"#,
        )
    };
    let hidden = "HIDDEN_DUE_TO_SECURITY_REASONS";
    check(&case, &json!({ "responseElements": { "message": format!("{hidden} is no option"), "list": [hidden] } }));
    // An operation that the catalog does not know, and the token of the signature.
    let case = Case {
        operation: None,
        headers: &[("x-amz-target", "AmazonSSM.NewThing"), ("x-amz-security-token", "tokenOfTheSession")],
        status: 400,
        ..Case::new(
            "ssm",
            "PutParameter",
            r#"{"Password":"hunter2"}"#,
            r#"{"__type":"X","message":"hunter2 and tokenOfTheSession are bad for NewThing"}"#,
        )
    };
    check(&case, &json!({ "errorMessage": format!("{hidden} and {hidden} are bad for NewThing") }));
}
