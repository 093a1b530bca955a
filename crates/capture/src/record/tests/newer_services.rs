//! What guides of services of 2024 to 2026 show.

use super::*;

fn post<'a>(service: &'a str, operation: &'a str, path: &'a str, body: &'a str, answer: &'a str) -> Case<'a> {
    Case { path, ..Case::new(service, operation, body, answer) }
}

#[test]
fn bytes_are_written_where_what_travels_is_recorded() {
    let body = r#"{"name":"rules","data":"Z3JvdXBzOgo="}"#;
    let case = Case {
        answer_headers: &[("access-control-expose-headers", "date")],
        ..post("amp", "CreateRuleGroupsNamespace", "/workspaces/ws-1/rulegroupsnamespaces", body, r#"{"name":"rules"}"#)
    };
    check(
        &case,
        &json!({
            "eventSource": "aps.amazonaws.com",
            "requestParameters": { "workspaceId": "ws-1", "name": "rules", "data": "Z3JvdXBzOgo=" },
            "responseElements": { "name": "rules", "Access-Control-Expose-Headers": "date" },
        }),
    );
    // What would take the room of all else is left out.
    let long = format!(r#"{{"name":"rules","data":"{}"}}"#, "QUFB".repeat(24_000));
    let case = post("amp", "CreateRuleGroupsNamespace", "/workspaces/ws-1/rulegroupsnamespaces", &long, "{}");
    check(&case, &json!({ "requestParameters": { "workspaceId": "ws-1", "name": "rules" } }));
    // Bytes of a data event are content.
    let body = r#"{"userMessage":"m","attachments":[{"name":"a.txt","data":"c2VjcmV0"}]}"#;
    let case = Case {
        path: "/applications/app-1/conversations",
        query: Some("sync"),
        ..Case::new("qbusiness", "ChatSync", body, "{}")
    };
    let record = recorded(&case);
    assert_eq!(record["eventCategory"], "Data");
    assert!(!record.to_string().contains("c2VjcmV0"), "{record:#}");
    // So are those of services whose rows do not say otherwise.
    let body = r#"{"MessageConfiguration":{"EmailMessage":{"RawEmail":{"Data":"c2VjcmV0"}}}}"#;
    let record = recorded(&post("pinpoint", "SendMessages", "/v1/apps/a/messages", body, "{}"));
    assert!(!record.to_string().contains("c2VjcmV0"), "{record:#}");
}

#[test]
fn services_of_procedures_are_not_behind_a_gateway() {
    let answer = r#"{"clientToken":"t","exportArn":"arn:aws:sdb:eu-west-1:111122223333:domain/d/export/1","requestedAt":1752138913}"#;
    let case = post(
        "simpledbv2",
        "StartDomainExport",
        "/v2/StartDomainExport",
        r#"{"domainName":"d","s3Bucket":"b"}"#,
        answer,
    );
    check(
        &case,
        &json!({
            "eventSource": "sdb.amazonaws.com",
            "responseElements": {
                "clientToken": "t",
                "exportArn": "arn:aws:sdb:eu-west-1:111122223333:domain/d/export/1",
                "requestedAt": "Jul 10, 2025, 9:15:13 AM",
            },
            "resources": [{
                "accountId": "111122223333",
                "type": "AWS::SDB::Domain",
                "ARN": "arn:aws:sdb:eu-west-1:111122223333:domain/d",
            }],
        }),
    );
    let refused = Case {
        status: 403,
        answer_headers: &[("x-amzn-errortype", "AccessDeniedException")],
        ..post(
            "eks-auth",
            "AssumeRoleForPodIdentity",
            "/clusters/c/assume-role-for-pod-identity",
            r#"{"token":"x.y.z"}"#,
            r#"{"message":"no association"}"#,
        )
    };
    check(
        &refused,
        &json!({
            "readOnly": true,
            "errorCode": "AccessDenied",
            "errorMessage": "no association",
            "requestParameters": { "clusterName": "c", "token": "HIDDEN_DUE_TO_SECURITY_REASONS" },
            "responseElements": null,
        }),
    );
}

#[test]
fn a_failure_without_words_is_no_answer() {
    let case = Case {
        status: 500,
        answer_headers: &[("x-amzn-errortype", "InternalServerException")],
        ..post("launch-wizard", "DeleteDeployment", "/deleteDeployment", r#"{"deploymentId":"d"}"#, "{}")
    };
    check(&case, &json!({ "errorCode": "InternalServerException", "responseElements": null, "errorMessage": null }));
}

#[test]
fn services_of_billing_record_what_travels() {
    let case = Case::new(
        "bcm-pricing-calculator",
        "CreateWorkloadEstimate",
        r#"{"name":"e","rateType":"BEFORE_DISCOUNTS"}"#,
        r#"{"id":"1","createdAt":1731290948.299}"#,
    );
    check(
        &case,
        &json!({
            "awsRegion": "us-east-1",
            "requestParameters": { "name": "e", "rateType": "BEFORE_DISCOUNTS" },
            "responseElements": { "id": "1", "createdAt": 1_731_290_948.299 },
        }),
    );
    let body = r#"{"ProcurementPortalName":"COUPA","Contacts":[{"Name":"A","Email":"a@example.com"}]}"#;
    let case = Case::new("invoicing", "CreateProcurementPortalPreference", body, "{}");
    check(
        &case,
        &json!({ "requestParameters": {
            "ProcurementPortalName": "COUPA",
            "Contacts": "HIDDEN_DUE_TO_SECURITY_REASONS",
        } }),
    );
}

#[test]
fn keys_in_words_keep_the_names_of_variants() {
    let body = r#"{"KeyIdentifier":"k1","PrimaryAccountNumber":"4111111111111111",
        "GenerationAttributes":{"CardVerificationValue2":{"CardExpiryDate":"0128"}}}"#;
    let case =
        post("payment-cryptography-data", "GenerateCardValidationData", "/cardvalidationdata/generate", body, "{}");
    check(
        &case,
        &json!({
            "eventSource": "payment-cryptography.amazonaws.com",
            "readOnly": true,
            "requestParameters": {
                "key_identifier": "k1",
                "primary_account_number": "*** Sensitive Data Redacted ***",
                "generation_attributes": {
                    "CardVerificationValue2": { "card_expiry_date": "*** Sensitive Data Redacted ***" },
                },
            },
            "responseElements": null,
            "resources": [{
                "accountId": "111122223333",
                "type": "AWS::PaymentCryptography::Key",
                "ARN": "arn:aws:payment-cryptography:eu-west-1:111122223333:key/k1",
            }],
        }),
    );
}

#[test]
fn a_session_of_approvals_comes_after_its_team() {
    let case = Case {
        method: Method::GET,
        ..post(
            "mpa",
            "GetSession",
            "/sessions/arn%3Aaws%3Ampa%3Aeu-west-1%3A111122223333%3Asession%2Fteam-1%2F2",
            "",
            "{}",
        )
    };
    let resource = |kind: &str, name: &str| {
        let arn = format!("arn:aws:mpa:eu-west-1:111122223333:{name}");
        json!({ "accountId": "111122223333", "type": kind, "ARN": arn })
    };
    check(
        &case,
        &json!({
            "eventSource": "multi-party-approval.amazonaws.com",
            "requestParameters": { "sessionArn": "arn:aws:mpa:eu-west-1:111122223333:session/team-1/2" },
            "resources": [
                resource("AWS::MPA::ApprovalTeam", "approval-team/team-1"),
                resource("AWS::MPA::Session", "session/team-1/2"),
            ],
        }),
    );
    let path = "/tags/arn%3Aaws%3Ampa%3Aeu-west-1%3A111122223333%3Aapproval-team%2Fteam-1";
    let tagged = Case { method: Method::PUT, ..post("mpa", "TagResource", path, r#"{"Tags":{"a":"b"}}"#, "") };
    assert_eq!(recorded(&tagged).get("resources"), None);
}

#[test]
fn what_is_made_is_named_beside_what_it_is_made_in() {
    let answer = r#"{"mountTargetId":"fsmt-1","networkInterfaceId":"eni-1","fileSystemId":"fs-1"}"#;
    let case = Case {
        method: Method::PUT,
        ..post(
            "s3files",
            "CreateMountTarget",
            "/mount-targets",
            r#"{"fileSystemId":"fs-1","subnetId":"subnet-1"}"#,
            answer,
        )
    };
    let record = recorded(&case);
    let types: Vec<&str> =
        record["resources"].as_array().unwrap().iter().filter_map(|resource| resource["type"].as_str()).collect();
    let expected =
        ["AWS::S3Files::FileSystem", "AWS::S3Files::MountTarget", "AWS::EC2::Subnet", "AWS::EC2::NetworkInterface"];
    assert_eq!(types, expected, "{record:#}");
}

#[test]
fn an_application_comes_after_its_instance() {
    let types = |operation, body, answer| -> Vec<(String, String)> {
        let record = recorded(&Case::new("sso-admin", operation, body, answer));
        let resources = record["resources"].as_array().cloned().unwrap_or_default();
        let text = |value: &serde_json::Value| value.as_str().expect("a text").to_owned();
        resources.iter().map(|resource| (text(&resource["type"]), text(&resource["ARN"]))).collect()
    };
    let instance = ("AWS::SSO::Instance".to_owned(), "arn:aws:sso:::instance/ssoins-1".to_owned());
    let application = "arn:aws:sso::111122223333:application/ssoins-1/apl-1";
    let body = format!(r#"{{"ApplicationArn":"{application}","Scope":"s"}}"#);
    assert_eq!(
        types("PutApplicationAccessScope", &body, ""),
        [instance.clone(), ("AWS::SSO::Application".to_owned(), application.to_owned())]
    );
    // The one that is made is not named.
    let made = format!(r#"{{"ApplicationArn":"{application}"}}"#);
    let body = r#"{"InstanceArn":"arn:aws:sso:::instance/ssoins-1","Name":"n"}"#;
    assert_eq!(types("CreateApplication", body, &made), [instance]);
    assert_eq!(types("DescribeInstance", r#"{"InstanceArn":"arn:aws:sso:::instance/ssoins-1"}"#, "{}"), []);
}

#[test]
fn a_filter_names_its_log_group() {
    let resources = |operation, body| recorded(&Case::new("logs", operation, body, ""))["resources"].clone();
    let body = r#"{"logGroupName":"g","filterName":"f","filterPattern":"","destinationArn":"d"}"#;
    assert_eq!(resources("PutSubscriptionFilter", body)[0]["ARN"], "arn:aws:logs:eu-west-1:111122223333:log-group:g");
    assert_eq!(resources("CreateLogGroup", r#"{"logGroupName":"g"}"#), json!(null));
}

#[test]
fn of_policies_of_an_organization_that_on_itself_is_hidden() {
    let hidden = "HIDDEN_DUE_TO_SECURITY_REASONS";
    let answer = r#"{"ResourcePolicy":{"ResourcePolicySummary":{"Id":"rp-1"},"Content":"{}"}}"#;
    check(
        &Case::new("organizations", "PutResourcePolicy", r#"{"Content":"{}"}"#, answer),
        &json!({
            "requestParameters": { "content": hidden },
            "responseElements": { "resourcePolicy": { "resourcePolicySummary": { "id": "rp-1" }, "content": hidden } },
        }),
    );
    let policy = r#"{"Content":"{}","Name":"n"}"#;
    let expected = json!({ "requestParameters": { "content": "{}", "name": "n" } });
    check(&Case::new("organizations", "CreatePolicy", policy, "{}"), &expected);
}
