//! `opentrail bucket check`.

use std::collections::HashMap;
use std::io::{self, Write};
use std::process::ExitCode;

use access::bucket_policy::{PolicyDecision, PolicyRequest, decide};
use anyhow::{Context, bail};
use clap::Args;
use http::StatusCode;
use serde::Serialize;

use super::{BucketClient, BucketPlace, tag};

/// Whoever deletes or opens a bucket, for a policy.
const ANYBODY: &str = "anybody.invalid";

/// See whether a bucket protects the files in it from being changed or deleted
///
/// Asks for versioning, Object Lock, MFA Delete, the policy and the block of public access, and says of
/// each whether it protects, why that matters, and the command that sets it. The exit code is 0 when
/// nobody who has the keys, the administrator included, can change or delete what was delivered.
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub(super) struct CheckArguments {
    #[command(flatten)]
    place: BucketPlace,
    /// The findings as JSON
    #[arg(long)]
    json: bool,
}

/// What a setting does for the files.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
enum Verdict {
    /// It protects.
    Protects,
    /// It protects from some, or for some time.
    Partly,
    /// It is not set, and should be.
    Open,
    /// It is not set, and need not be where Object Lock protects.
    Optional,
    /// This S3 does not have it.
    NotOffered,
}

/// What was found of a setting.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
struct Finding {
    setting: &'static str,
    verdict: Verdict,
    /// What is set, and what that means.
    found: String,
    /// The command that sets it.
    #[serde(skip_serializing_if = "Option::is_none")]
    advice: Option<String>,
}

/// All findings of a bucket.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Findings {
    bucket: String,
    is_protected: bool,
    findings: Vec<Finding>,
}

pub(super) async fn run(arguments: &CheckArguments) -> anyhow::Result<ExitCode> {
    let key = arguments.place.key()?;
    let client = arguments.place.client(&key)?;
    let findings = find(&client).await?;
    let mut out = io::stdout().lock();
    if arguments.json {
        serde_json::to_writer_pretty(&mut out, &findings).context("write the findings")?;
        writeln!(out).context("write the findings")?;
    } else {
        write_text(&findings, &mut out).context("write the findings")?;
    }
    Ok(if findings.is_protected { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

async fn find(client: &BucketClient<'_, '_>) -> anyhow::Result<Findings> {
    let bucket = &client.place.bucket;
    let (status, versioning) = client.setting("versioning", None).await?;
    match (status, tag(&versioning, "Code")) {
        (StatusCode::OK, _) => {}
        (_, Some("NoSuchBucket")) => bail!("there is no bucket {bucket}"),
        (status, code) => bail!("S3 answers {status} {}", code.unwrap_or_default()),
    }
    let lock = client.setting("object-lock", None).await?;
    let policy = client.setting("policy", None).await?;
    let block = client.setting("publicAccessBlock", None).await?;
    let findings = vec![
        of_versioning(bucket, &versioning),
        of_object_lock(bucket, lock.0, &lock.1),
        of_mfa_delete(bucket, &versioning),
        of_policy(bucket, policy.0, &policy.1),
        of_public_access(bucket, block.0, &block.1),
    ];
    let is = |setting: &str, verdict: Verdict| {
        findings.iter().any(|finding| finding.setting == setting && finding.verdict == verdict)
    };
    let is_protected = is("versioning", Verdict::Protects)
        && is("object lock", Verdict::Protects)
        && !findings.iter().any(|finding| finding.verdict == Verdict::Open);
    Ok(Findings { bucket: bucket.clone(), is_protected, findings })
}

fn finding(setting: &'static str, verdict: Verdict, found: &str, advice: Option<String>) -> Finding {
    Finding { setting, verdict, found: found.to_owned(), advice }
}

fn of_versioning(bucket: &str, xml: &str) -> Finding {
    let advice =
        || Some(format!("aws s3api put-bucket-versioning --bucket {bucket} --versioning-configuration Status=Enabled"));
    match tag(xml, "Status") {
        Some("Enabled") => {
            finding("versioning", Verdict::Protects, "on: what is overwritten or deleted can be had back", None)
        }
        Some(_) => finding("versioning", Verdict::Open, "suspended: new files are overwritten for good", advice()),
        None => finding("versioning", Verdict::Open, "off: who overwrites or deletes a file destroys it", advice()),
    }
}

fn of_object_lock(bucket: &str, status: StatusCode, xml: &str) -> Finding {
    let advice = || {
        let rule = r#"{"ObjectLockEnabled":"Enabled","Rule":{"DefaultRetention":{"Mode":"COMPLIANCE","Days":365}}}"#;
        Some(format!("aws s3api put-object-lock-configuration --bucket {bucket} --object-lock-configuration '{rule}'"))
    };
    let (mode, days, years) = (tag(xml, "Mode"), tag(xml, "Days"), tag(xml, "Years"));
    let time = days.map(|days| format!("{days} days")).or_else(|| years.map(|years| format!("{years} years")));
    let time = time.unwrap_or_default();
    match (status, mode) {
        (StatusCode::OK, Some("COMPLIANCE")) => {
            let found = format!(
                "compliance mode for {time}: nobody deletes or changes a version in that time, the root user included"
            );
            finding("object lock", Verdict::Protects, &found, None)
        }
        (StatusCode::OK, Some(mode)) => {
            let found = format!(
                "{} mode for {time}: who has s3:BypassGovernanceRetention deletes versions",
                mode.to_lowercase()
            );
            finding("object lock", Verdict::Partly, &found, advice())
        }
        (StatusCode::OK, None) if tag(xml, "ObjectLockEnabled").is_some() => finding(
            "object lock",
            Verdict::Open,
            "on, without a default: files that are delivered are not locked",
            advice(),
        ),
        (status, _) if is_not_offered(status, xml) => {
            finding("object lock", Verdict::NotOffered, "this S3 does not have it: versions can be deleted", None)
        }
        _ => finding("object lock", Verdict::Open, "off: who may delete versions deletes files for good", advice()),
    }
}

fn of_mfa_delete(bucket: &str, xml: &str) -> Finding {
    if tag(xml, "MfaDelete") == Some("Enabled") {
        return finding(
            "MFA delete",
            Verdict::Protects,
            "on: to delete a version takes a code of the root user's device",
            None,
        );
    }
    let advice = format!(
        "aws s3api put-bucket-versioning --bucket {bucket} --versioning-configuration Status=Enabled,MFADelete=Enabled --mfa 'DEVICE CODE' (as the root user)"
    );
    let found = "off: a key alone deletes versions. Not needed where Object Lock is in compliance mode";
    finding("MFA delete", Verdict::Optional, found, Some(advice))
}

fn of_policy(bucket: &str, status: StatusCode, text: &str) -> Finding {
    let advice = || {
        let statement = format!(
            r#"{{"Effect":"Deny","Principal":"*","Action":["s3:DeleteObject","s3:DeleteObjectVersion"],"Resource":"arn:aws:s3:::{bucket}/*"}}"#
        );
        Some(format!("add to the bucket's policy: {statement}"))
    };
    if status != StatusCode::OK {
        let found = "none: whoever the account's own policies let delete, deletes";
        return finding("policy", Verdict::Optional, found, advice());
    }
    let resource = format!("arn:aws:s3:::{bucket}/AWSLogs/file");
    let context = HashMap::new();
    let decision =
        |action| decide(text, &PolicyRequest { service: ANYBODY, action, resource: &resource, context: &context });
    let deletions = ["s3:DeleteObject", "s3:DeleteObjectVersion"].map(decision);
    if [deletions[0], deletions[1], decision("s3:PutObject")].contains(&PolicyDecision::Allowed) {
        return finding(
            "policy",
            Verdict::Open,
            "lets anybody write or delete",
            Some("remove the statements that allow \"*\"".to_owned()),
        );
    }
    if deletions == [PolicyDecision::Denied; 2] {
        return finding("policy", Verdict::Partly, "denies deletions, until somebody changes the policy", None);
    }
    finding("policy", Verdict::Optional, "does not deny deletions", advice())
}

fn of_public_access(bucket: &str, status: StatusCode, xml: &str) -> Finding {
    const FLAGS: [&str; 4] = ["BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets"];
    if status == StatusCode::OK && FLAGS.iter().all(|flag| tag(xml, flag) == Some("true")) {
        return finding("public access", Verdict::Protects, "blocked", None);
    }
    if is_not_offered(status, xml) {
        return finding("public access", Verdict::NotOffered, "this S3 has no block of public access", None);
    }
    let advice = format!(
        "aws s3api put-public-access-block --bucket {bucket} --public-access-block-configuration BlockPublicAcls=true,IgnorePublicAcls=true,BlockPublicPolicy=true,RestrictPublicBuckets=true"
    );
    finding("public access", Verdict::Optional, "not blocked: a policy or an ACL can open the bucket", Some(advice))
}

/// Whether the answer says that the operation is unknown, and not that nothing is set.
fn is_not_offered(status: StatusCode, xml: &str) -> bool {
    status == StatusCode::NOT_IMPLEMENTED
        || status == StatusCode::METHOD_NOT_ALLOWED
        || tag(xml, "Code").is_some_and(|code| ["NotImplemented", "MethodNotAllowed"].contains(&code))
}

fn write_text(findings: &Findings, out: &mut impl Write) -> io::Result<()> {
    for Finding { setting, verdict, found, advice } in &findings.findings {
        let mark = match verdict {
            Verdict::Protects => "protects",
            Verdict::Partly => "partly",
            Verdict::Open => "OPEN",
            Verdict::Optional => "optional",
            Verdict::NotOffered => "not there",
        };
        writeln!(out, "{mark:<10} {setting}: {found}")?;
        if let Some(advice) = advice {
            writeln!(out, "{:<10}   {advice}", "")?;
        }
    }
    let end = if findings.is_protected { "is protected" } else { "is NOT protected" };
    writeln!(out, "\nWhat is delivered to {} {end} from change and deletion", findings.bucket)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_are_judged() {
        let versioning = |xml: &str| of_versioning("b", xml).verdict;
        assert_eq!(versioning("<VersioningConfiguration><Status>Enabled</Status>"), Verdict::Protects);
        assert_eq!(versioning("<VersioningConfiguration><Status>Suspended</Status>"), Verdict::Open);
        assert_eq!(versioning("<VersioningConfiguration/>"), Verdict::Open);
        let lock = |status: StatusCode, xml: &str| of_object_lock("b", status, xml);
        let rule =
            |mode: &str| format!("<ObjectLockEnabled>Enabled</ObjectLockEnabled><Mode>{mode}</Mode><Days>7</Days>");
        let compliance = lock(StatusCode::OK, &rule("COMPLIANCE"));
        assert_eq!(compliance.verdict, Verdict::Protects);
        assert!(compliance.found.contains("for 7 days"));
        assert_eq!(lock(StatusCode::OK, &rule("GOVERNANCE")).verdict, Verdict::Partly);
        assert_eq!(lock(StatusCode::OK, "<ObjectLockEnabled>Enabled</ObjectLockEnabled>").verdict, Verdict::Open);
        let none = "<Code>ObjectLockConfigurationNotFoundError</Code>";
        assert_eq!(lock(StatusCode::NOT_FOUND, none).verdict, Verdict::Open);
        assert_eq!(lock(StatusCode::NOT_IMPLEMENTED, "").verdict, Verdict::NotOffered);
        let policy = |effect: &str, action: &str| {
            let text = format!(
                r#"{{"Statement":[{{"Effect":"{effect}","Principal":"*","Action":"{action}","Resource":"arn:aws:s3:::b/*"}}]}}"#
            );
            of_policy("b", StatusCode::OK, &text).verdict
        };
        assert_eq!(policy("Deny", "s3:Delete*"), Verdict::Partly);
        assert_eq!(policy("Allow", "s3:PutObject"), Verdict::Open);
        assert_eq!(policy("Allow", "s3:GetObject"), Verdict::Optional);
        assert_eq!(of_policy("b", StatusCode::NOT_FOUND, "").verdict, Verdict::Optional);
        assert_eq!(of_mfa_delete("b", "<MfaDelete>Enabled</MfaDelete>").verdict, Verdict::Protects);
    }
}
