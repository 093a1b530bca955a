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
        ("organizations", "CreateAccount", r#"{"Email":"hush"}"#, "email", hidden.clone()),
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
