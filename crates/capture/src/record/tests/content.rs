//! What records hide of content, in the words of each service.

use aws_wire::catalog::Protocol;
use http::Method;
use serde_json::json;

use super::{Case, check};
use crate::redaction_key::RedactionKey;

#[test]
fn emails_tell_who_sends_and_not_what() {
    let hidden = "HIDDEN_DUE_TO_SECURITY_REASONS";
    let arn = |rest: &str| format!("arn:aws:ses:eu-west-1:111122223333:{rest}");
    let resource = |kind: &str, rest: &str| json!({ "accountId": "111122223333", "type": kind, "ARN": arn(rest) });
    let body = "Action=SendEmail&Source=Ann%20%3Cann%40example.com%3E&Destination.ToAddresses.member.1=b%40example.com\
                &Message.Subject.Data=s&Message.Subject.Charset=UTF-8&Message.Body.Text.Data=t\
                &ReplyToAddresses.member.1=c%40example.com";
    let answer = "<SendEmailResponse><SendEmailResult><MessageId>m-1</MessageId></SendEmailResult></SendEmailResponse>";
    let expected = json!({
        "readOnly": true,
        "requestParameters": {
            "source": "Ann <ann@example.com>",
            "destination": { "toAddresses": [hidden] },
            "message": { "subject": { "data": hidden, "charset": "UTF-8" }, "body": { "text": { "data": hidden } } },
            "replyToAddresses": [hidden],
        },
        "responseElements": null,
        "additionalEventData": { "sesMessageId": "m-1" },
        "resources": [resource("AWS::SES::EmailIdentity", "identity/ann@example.com")],
    });
    check(&Case::new("ses", "SendEmail", body, answer), &expected);
    let body = json!({
        "FromEmailAddress": "ann@example.com",
        "Destination": { "ToAddresses": ["b@example.com"], "CcAddresses": ["c@example.com", "d@example.com"] },
        "Content": { "Template": {
            "TemplateName": "t",
            "TemplateData": "{}",
            "TemplateContent": { "Subject": "s" },
            "Headers": [{ "Name": "X-Who", "Value": "b" }],
        } },
        "ConfigurationSetName": "c",
    });
    let body = body.to_string();
    let case = Case {
        method: Method::POST,
        path: "/v2/email/outbound-emails",
        ..Case::new("sesv2", "SendEmail", &body, r#"{"MessageId":"m-2"}"#)
    };
    let expected = json!({
        "readOnly": true,
        "requestParameters": {
            "fromEmailAddress": "ann@example.com",
            "destination": { "toAddresses": [hidden], "ccAddresses": [hidden, hidden] },
            "content": { "template": {
                "templateName": "t",
                "templateData": hidden,
                "templateContent": hidden,
                "headers": hidden,
            } },
            "configurationSetName": "c",
        },
        "responseElements": null,
        "additionalEventData": { "sesMessageId": "m-2" },
        "resources": [
            resource("AWS::SES::EmailIdentity", "identity/ann@example.com"),
            resource("AWS::SES::Template", "template/t"),
            resource("AWS::SES::ConfigurationSet", "configuration-set/c"),
        ],
    });
    check(&case, &expected);
    // What changes something says nothing of its signature.
    check(
        &Case::new("ses", "DeleteIdentity", "Action=DeleteIdentity&Identity=a%40example.com", ""),
        &json!({ "additionalEventData": null }),
    );
}

/// Each as the service's guide shows it.
#[test]
fn content_is_hidden_in_the_words_of_each_service() {
    let (stars, hidden) = ("**********", "HIDDEN_DUE_TO_SECURITY_REASONS");
    let protected = "[PROTECTED]";
    for (service, operation, path, input, parameters) in [
        (
            "rds-data",
            "ExecuteStatement",
            "/Execute",
            json!({ "resourceArn": "r", "sql": "SELECT 1", "database": "d", "schema": "s" }),
            json!({ "resourceArn": "r", "sql": stars, "database": stars, "schema": stars }),
        ),
        (
            "polly",
            "SynthesizeSpeech",
            "/v1/speech",
            json!({ "Text": "Hello", "VoiceId": "Kendra" }),
            json!({ "text": stars, "voiceId": "Kendra" }),
        ),
        (
            "translate",
            "TranslateText",
            "/",
            json!({ "Text": "Hello", "TargetLanguageCode": "fr" }),
            json!({ "text": hidden, "targetLanguageCode": "fr" }),
        ),
        (
            "pinpoint-sms-voice-v2",
            "SendTextMessage",
            "/",
            json!({ "DestinationPhoneNumber": "+1", "MessageBody": "Hello" }),
            json!({ "destinationPhoneNumber": "+1", "messageBody": hidden }),
        ),
        (
            "directconnect",
            "CreatePrivateVirtualInterface",
            "/",
            json!({ "newPrivateVirtualInterface": { "vlan": 1, "amazonAddress": "a", "customerAddress": "c" } }),
            json!({
                "newPrivateVirtualInterface": { "vlan": 1, "amazonAddress": protected, "customerAddress": protected },
            }),
        ),
    ] {
        let body = input.to_string();
        // The other protocol of both is no text.
        let protocol = ["translate", "directconnect"].contains(&service).then_some(Protocol::Json11);
        let case = Case { method: Method::POST, path, protocol, ..Case::new(service, operation, &body, "{}") };
        check(&case, &json!({ "requestParameters": parameters }));
    }
    // What a database, a voice or a reader of documents answers is content as a whole.
    for (service, operation, answer) in [
        ("rds-data", "ExecuteStatement", r#"{"records":[[{"stringValue":"secret"}]]}"#),
        ("textract", "AnalyzeDocument", r#"{"Blocks":[{"Text":"secret"}]}"#),
        ("wickr", "CreateNetwork", r#"{"networkId":"1"}"#),
    ] {
        check(&Case::new(service, operation, "{}", answer), &json!({ "responseElements": null }));
    }
}

#[test]
fn segments_are_known_by_their_traces() {
    let body = json!({ "TraceSegmentDocuments": [
        json!({ "trace_id": "1-5f84c7a1-0123456789abcdef01234567", "http": { "request": { "url": "https://x/?key=1" } } })
            .to_string(),
        "{\"trace_id\":\"https://x/?key=1\"}",
        "no segment",
    ] });
    let body = body.to_string();
    let hidden = "HIDDEN_DUE_TO_SECURITY_REASONS";
    check(
        &Case {
            method: Method::POST,
            path: "/TraceSegments",
            ..Case::new("xray", "PutTraceSegments", &body, r#"{"UnprocessedTraceSegments":[]}"#)
        },
        &json!({
            "requestParameters": {
                "traceSegmentDocuments": ["trace_id:1-5f84c7a1-0123456789abcdef01234567", hidden, hidden],
            },
            "responseElements": { "unprocessedTraceSegments": [] },
            "resources": [{ "type": "AWS::XRay::Trace" }],
        }),
    );
}

#[test]
fn hidden_texts_carry_their_hash_when_there_is_a_key() {
    let key = RedactionKey::new([7; 32]);
    let term = key.term("hunter2");
    let with_key =
        |service, operation, body| Case { redaction_key: Some(&key), ..Case::new(service, operation, body, "") };
    for (service, operation, body, parameter, expected) in [
        (
            "rds",
            "ModifyDBInstance",
            "Action=ModifyDBInstance&DBInstanceIdentifier=d&MasterUserPassword=hunter2",
            "masterUserPassword",
            format!("HIDDEN_DUE_TO_SECURITY_REASONS {term}"),
        ),
        // A service that leaves the key out shows it for the sake of the hash.
        (
            "secretsmanager",
            "PutSecretValue",
            r#"{"SecretId":"s","SecretString":"hunter2"}"#,
            "secretString",
            format!("HIDDEN_DUE_TO_SECURITY_REASONS {term}"),
        ),
    ] {
        let record = check(&with_key(service, operation, body), &json!({ "errorCode": null }));
        assert_eq!(record["requestParameters"][parameter], expected.as_str(), "{record:#}");
        let record = check(&Case::new(service, operation, body, ""), &json!({ "errorCode": null }));
        assert!(!record.to_string().contains("hmac-sha256"), "{record:#}");
    }
}
