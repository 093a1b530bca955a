//! Asking CloudTrail, of this installation or of AWS, for trails and public keys.

use std::collections::BTreeSet;

use access::RootKey;
use anyhow::{Context, bail};
use bytes::Bytes;
use digest::verify::PublicKeys;
use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderValue, Method, StatusCode};
use model::EventTime;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::signed_client::{SignedCall, SignedClient};

/// Pages of public keys at most: each has a key at least, and a region gets one a month.
const KEY_PAGES_MAX: usize = 1_000;
/// CloudTrail began here; no key is older. Seconds since 1970.
const FIRST_KEY_SECONDS: i64 = 1_383_264_000;
const TARGET: &str = "com.amazonaws.cloudtrail.v20131101.CloudTrail_20131101";

/// CloudTrail, asked with one key.
pub(super) struct CloudTrailClient<'a>(SignedClient<'a>);

/// A trail as DescribeTrails gives it.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct FoundTrail {
    pub(super) name: String,
    #[serde(rename = "TrailARN")]
    pub(super) trail_arn: String,
    #[serde(rename = "S3BucketName")]
    pub(super) s3_bucket_name: String,
    #[serde(rename = "S3KeyPrefix")]
    pub(super) s3_key_prefix: Option<String>,
    pub(super) home_region: String,
    #[serde(default)]
    pub(super) log_file_validation_enabled: bool,
}

#[derive(Deserialize)]
struct TrailList {
    #[serde(rename = "trailList")]
    trail_list: Vec<FoundTrail>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct TrailInfoList {
    trails: Vec<TrailInfo>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct TrailInfo {
    home_region: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct TrailStatus {
    latest_digest_delivery_time: Option<f64>,
}

impl<'a> CloudTrailClient<'a> {
    pub(super) fn new(endpoint: &str, key: &'a RootKey) -> anyhow::Result<Self> {
        Ok(Self(SignedClient::new(endpoint, key)?))
    }

    /// All trails that are seen in a region.
    pub(super) async fn trails(&self, region: &str) -> anyhow::Result<Vec<FoundTrail>> {
        let answer = self.call("DescribeTrails", region, &json!({})).await?;
        let list: TrailList = serde_json::from_slice(&answer).context("the answer of DescribeTrails")?;
        Ok(list.trail_list)
    }

    /// Trails of the account, of whatever region, that write no digests.
    pub(super) async fn trails_without_digests(&self, region: &str) -> anyhow::Result<Vec<FoundTrail>> {
        let answer = self.call("ListTrails", region, &json!({})).await?;
        let list: TrailInfoList = serde_json::from_slice(&answer).context("the answer of ListTrails")?;
        let homes: BTreeSet<String> = list.trails.into_iter().map(|trail| trail.home_region).collect();
        let mut found = Vec::new();
        for home in homes {
            found.extend(self.trails(&home).await?);
        }
        found.retain(|trail| !trail.log_file_validation_enabled);
        found.sort_by(|one, other| one.trail_arn.cmp(&other.trail_arn));
        found.dedup_by(|one, other| one.trail_arn == other.trail_arn);
        Ok(found)
    }

    /// When the last digest of a trail was delivered in its home region.
    pub(super) async fn last_digest_delivery(&self, trail: &FoundTrail) -> anyhow::Result<Option<EventTime>> {
        let answer = self.call("GetTrailStatus", &trail.home_region, &json!({"Name": trail.trail_arn})).await?;
        let status: TrailStatus = serde_json::from_slice(&answer).context("the answer of GetTrailStatus")?;
        Ok(status.latest_digest_delivery_time.map(|seconds| EventTime::from_seconds(seconds as i64)))
    }

    /// All public keys that a region ever had.
    pub(super) async fn public_keys(&self, region: &str) -> anyhow::Result<PublicKeys> {
        let end = jiff::Timestamp::now().as_second();
        let mut input = json!({"StartTime": FIRST_KEY_SECONDS, "EndTime": end});
        let mut keys = PublicKeys::new();
        for _ in 0..KEY_PAGES_MAX {
            let answer = self.call("ListPublicKeys", region, &input).await?;
            keys.extend(validation::parse_key_list(&answer)?);
            let page: Value = serde_json::from_slice(&answer).context("the answer of ListPublicKeys")?;
            match page.get("NextToken").filter(|token| token.is_string()) {
                Some(token) => input["NextToken"] = token.clone(),
                None => return Ok(keys),
            }
        }
        bail!("ListPublicKeys of {region} does not end after {KEY_PAGES_MAX} pages");
    }

    async fn call(&self, operation: &str, region: &str, input: &Value) -> anyhow::Result<Bytes> {
        let body = serde_json::to_vec(input).context("write the request")?;
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/x-amz-json-1.1"));
        headers.insert("x-amz-target", HeaderValue::from_str(&format!("{TARGET}.{operation}"))?);
        let (method, path) = (Method::POST, "/");
        let call = SignedCall { service: "cloudtrail", region, method, path, query: None, headers, body };
        let (status, body) = self.0.call(call).await.context("ask CloudTrail")?;
        if status == StatusCode::OK {
            return Ok(body);
        }
        let refusal: Value = serde_json::from_slice(&body).unwrap_or_default();
        let text = |names: [&str; 2]| {
            let found = names.iter().find_map(|name| refusal.get(name).and_then(Value::as_str));
            found.unwrap_or_default().to_owned()
        };
        bail!("{operation}: {status} {} {}", text(["__type", "code"]), text(["message", "Message"]));
    }
}
