//! What a bucket policy says of one request.
//!
//! As much of the policy language as decides whether CloudTrail may deliver: effects, principals, actions, resources with
//! wildcards, and conditions on texts. A condition that is not understood never allows, and never spares from a denial.
//!
//! Source: IAM user guide, policy elements and evaluation logic.

use std::collections::HashMap;

use serde_json::Value;

/// A request as a policy sees it.
#[derive(Debug, Clone, Copy)]
pub struct PolicyRequest<'a> {
    /// Service principal of the caller, such as `cloudtrail.amazonaws.com`.
    pub service: &'a str,
    /// Such as `s3:PutObject`.
    pub action: &'a str,
    /// ARN of the bucket or object.
    pub resource: &'a str,
    /// Condition keys, in lower case, with their values.
    pub context: &'a HashMap<&'a str, String>,
}

/// What a policy says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PolicyDecision {
    /// A statement allows it, and none denies it.
    Allowed,
    /// A statement denies it.
    Denied,
    /// No statement speaks of it.
    NotMentioned,
}

/// What a policy document says of a request. A document that is no policy mentions nothing.
pub fn decide(policy: &str, request: &PolicyRequest<'_>) -> PolicyDecision {
    let document: Value = serde_json::from_str(policy).unwrap_or_default();
    let mut decision = PolicyDecision::NotMentioned;
    for statement in many(document.get("Statement")) {
        let is_denial = statement.get("Effect").and_then(Value::as_str) == Some("Deny");
        if !fits(statement, request, is_denial) {
            continue;
        }
        if is_denial {
            return PolicyDecision::Denied;
        }
        decision = PolicyDecision::Allowed;
    }
    decision
}

/// A value that is a list, or stands for a list of one.
fn many(value: Option<&Value>) -> &[Value] {
    match value {
        None => &[],
        Some(Value::Array(items)) => items,
        Some(one) => std::slice::from_ref(one),
    }
}

fn texts(value: Option<&Value>) -> impl Iterator<Item = &str> {
    many(value).iter().filter_map(Value::as_str)
}

fn fits(statement: &Value, request: &PolicyRequest<'_>, is_denial: bool) -> bool {
    let listed = |member: &str, wanted: &str, ignores_case: bool| {
        let fold = |text: &str| if ignores_case { text.to_ascii_lowercase() } else { text.to_owned() };
        statement.get(member).map(|value| texts(Some(value)).any(|pattern| is_like(&fold(pattern), &fold(wanted))))
    };
    let is_meant =
        |member: &str, negated: &str, wanted: &str, ignores_case: bool| match listed(member, wanted, ignores_case) {
            Some(is_listed) => is_listed,
            None => listed(negated, wanted, ignores_case).is_some_and(|is_listed| !is_listed),
        };
    fits_principal(statement, request.service)
        && is_meant("Action", "NotAction", request.action, true)
        && is_meant("Resource", "NotResource", request.resource, false)
        && fits_conditions(statement.get("Condition"), request.context, is_denial)
}

fn fits_principal(statement: &Value, service: &str) -> bool {
    let has = |principal: &Value| match principal {
        Value::String(text) => text == "*",
        Value::Object(kinds) => {
            texts(kinds.get("Service")).any(|known| known == service || known == "*")
                || texts(kinds.get("AWS")).any(|known| known == "*")
        }
        _ => false,
    };
    match (statement.get("Principal"), statement.get("NotPrincipal")) {
        (Some(principal), _) => has(principal),
        (None, Some(principal)) => !has(principal),
        (None, None) => false,
    }
}

fn fits_conditions(conditions: Option<&Value>, context: &HashMap<&str, String>, is_denial: bool) -> bool {
    let Some(Value::Object(operators)) = conditions else { return true };
    operators.iter().all(|(operator, keys)| {
        let Value::Object(keys) = keys else { return is_denial };
        keys.iter().all(|(key, values)| {
            let found = context.get(key.to_ascii_lowercase().as_str()).map(String::as_str);
            condition(operator, found, values).unwrap_or(is_denial)
        })
    })
}

/// Whether one condition holds; `None` when its operator is not understood.
fn condition(operator: &str, found: Option<&str>, values: &Value) -> Option<bool> {
    let (operator, is_optional) = match operator.strip_suffix("IfExists") {
        Some(operator) => (operator, true),
        None => (operator, false),
    };
    let operator = operator.rsplit_once(':').map_or(operator, |(_, operator)| operator);
    if operator == "Null" {
        return Some(texts_of_truths(values).any(|wanted| wanted == found.is_none()));
    }
    let is_negated = operator.contains("Not");
    let Some(found) = found else { return Some(is_optional || is_negated) };
    let any = |test: &dyn Fn(&str) -> bool| texts(Some(values)).any(test);
    let holds = match operator {
        "StringEquals" | "StringNotEquals" => any(&|value| value == found),
        "StringEqualsIgnoreCase" | "StringNotEqualsIgnoreCase" => any(&|value| value.eq_ignore_ascii_case(found)),
        "StringLike" | "StringNotLike" | "ArnLike" | "ArnNotLike" | "ArnEquals" | "ArnNotEquals" => {
            any(&|value| is_like(value, found))
        }
        "Bool" => texts_of_truths(values).any(|value| value == (found == "true")),
        _ => return None,
    };
    Some(holds != is_negated)
}

fn texts_of_truths(values: &Value) -> impl Iterator<Item = bool> {
    many(Some(values)).iter().filter_map(|value| value.as_bool().or_else(|| value.as_str()?.parse().ok()))
}

/// Whether a text fits a pattern in which `*` is any text and `?` any character.
fn is_like(pattern: &str, text: &str) -> bool {
    let (pattern, text) = (pattern.as_bytes(), text.as_bytes());
    let (mut at, mut in_text) = (0, 0);
    let mut retry: Option<(usize, usize)> = None;
    while in_text < text.len() {
        match pattern.get(at) {
            Some(b'*') => {
                retry = Some((at, in_text));
                at += 1;
            }
            Some(byte) if *byte == b'?' || *byte == text[in_text] => {
                at += 1;
                in_text += 1;
            }
            _ => {
                let Some((star, from)) = retry else { return false };
                retry = Some((star, from + 1));
                (at, in_text) = (star + 1, from + 1);
            }
        }
    }
    pattern[at..].iter().all(|byte| *byte == b'*')
}

#[cfg(test)]
mod tests {
    use super::*;

    const TRAIL: &str = "arn:aws:cloudtrail:us-east-1:111122223333:trail/main";

    #[track_caller]
    fn check(statement: &str, decision: PolicyDecision) {
        let policy = format!(r#"{{"Version":"2012-10-17","Statement":[{statement}]}}"#);
        let context = HashMap::from([
            ("s3:x-amz-acl", "bucket-owner-full-control".to_owned()),
            ("aws:sourcearn", TRAIL.to_owned()),
            ("aws:securetransport", "true".to_owned()),
        ]);
        let request = PolicyRequest {
            service: "cloudtrail.amazonaws.com",
            action: "s3:PutObject",
            resource: "arn:aws:s3:::logs/AWSLogs/111122223333/",
            context: &context,
        };
        assert_eq!(decide(&policy, &request), decision, "{statement}");
    }

    fn allow(condition: &str) -> String {
        format!(
            r#"{{"Effect":"Allow","Principal":{{"Service":"cloudtrail.amazonaws.com"}},"Action":"s3:PutObject",
            "Resource":"arn:aws:s3:::logs/AWSLogs/111122223333/*","Condition":{condition}}}"#
        )
    }

    #[test]
    fn policies_decide() {
        use PolicyDecision::{Allowed, Denied, NotMentioned};
        check(&allow("{}"), Allowed);
        check(
            &allow(&format!(
                r#"{{"StringEquals":{{"aws:SourceArn":"{TRAIL}","s3:x-amz-acl":"bucket-owner-full-control"}}}}"#
            )),
            Allowed,
        );
        check(&allow(r#"{"StringEquals":{"aws:SourceArn":"other"}}"#), NotMentioned);
        check(&allow(r#"{"ArnLike":{"aws:SourceArn":["x","arn:aws:cloudtrail:*:111122223333:trail/*"]}}"#), Allowed);
        check(&allow(r#"{"DateGreaterThan":{"aws:CurrentTime":"2020-01-01T00:00:00Z"}}"#), NotMentioned);
        let deny = r#"{"Effect":"Deny","Principal":"*","Action":"s3:*","Resource":"*""#;
        check(&format!("{},{deny}}}", allow("{}")), Denied);
        check(
            &format!(r#"{},{deny},"Condition":{{"Bool":{{"aws:SecureTransport":"false"}}}}}}"#, allow("{}")),
            Allowed,
        );
        check(
            &format!(r#"{},{deny},"Condition":{{"NotIpAddress":{{"aws:SourceIp":"10.0.0.0/8"}}}}}}"#, allow("{}")),
            Denied,
        );
        check(r#"{"Effect":"Allow","Principal":"*","NotAction":"s3:Get*","Resource":"arn:aws:s3:::logs/*"}"#, Allowed);
    }

    #[test]
    fn patterns_decide() {
        for (pattern, text, fits) in
            [("*", "", true), ("a*c", "abbc", true), ("a?c", "abc", true), ("a*b*c", "aXbYcZ", false), ("", "a", false)]
        {
            assert_eq!(is_like(pattern, text), fits, "{pattern} {text}");
        }
    }
}
