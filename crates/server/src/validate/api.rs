//! Asking CloudTrail, of this installation or of AWS, for trails and public keys.

use std::time::Duration;

use access::RootKey;
use anyhow::{Context, anyhow, bail};
use aws_wire::RequestHead;
use aws_wire::sigv4::{PayloadDeclaration, SigningIdentity, sign_headers};
use bytes::Bytes;
use digest::verify::PublicKeys;
use http::header::{CONTENT_TYPE, HOST};
use http::{HeaderMap, HeaderValue, Method, Request, StatusCode, Uri};
use http_body_util::{BodyExt, Full, Limited};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use model::EventTime;
use serde::Deserialize;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

/// Wait for an answer.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(60);
/// Largest answer, bytes.
const ANSWER_BYTES_MAX: usize = 16 * 1024 * 1024;
/// Pages of public keys at most: each has a key at least, and a region gets one a month.
const KEY_PAGES_MAX: usize = 1_000;
/// CloudTrail began here; no key is older. Seconds since 1970.
const FIRST_KEY_SECONDS: i64 = 1_383_264_000;
const TARGET: &str = "com.amazonaws.cloudtrail.v20131101.CloudTrail_20131101";

/// A client with one key.
pub(super) struct CloudTrailClient<'a> {
    http: Client<HttpsConnector<HttpConnector>, Full<Bytes>>,
    endpoint: String,
    authority: String,
    key: &'a RootKey,
    session_token: Option<String>,
}

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
struct TrailStatus {
    latest_digest_delivery_time: Option<f64>,
}

/// The token of temporary credentials, where the environment has one.
pub(super) fn session_token() -> Option<String> {
    std::env::var("AWS_SESSION_TOKEN").ok().filter(|token| !token.is_empty())
}

impl<'a> CloudTrailClient<'a> {
    pub(super) fn new(endpoint: &str, key: &'a RootKey) -> anyhow::Result<Self> {
        let uri: Uri = endpoint.parse().with_context(|| format!("--endpoint {endpoint} is not a URL"))?;
        let authority = match (uri.scheme_str(), uri.authority()) {
            (Some("http" | "https"), Some(authority)) => authority.to_string(),
            _ => bail!("--endpoint {endpoint}: expected http:// or https:// and a host, such as http://127.0.0.1:4600"),
        };
        let connector = HttpsConnectorBuilder::new().with_webpki_roots().https_or_http().enable_http1().build();
        let http = Client::builder(TokioExecutor::new()).build(connector);
        let endpoint = endpoint.trim_end_matches('/').to_owned();
        Ok(Self { http, endpoint, authority, key, session_token: session_token() })
    }

    /// All trails that are seen in a region.
    pub(super) async fn trails(&self, region: &str) -> anyhow::Result<Vec<FoundTrail>> {
        let answer = self.call("DescribeTrails", region, &json!({})).await?;
        let list: TrailList = serde_json::from_slice(&answer).context("the answer of DescribeTrails")?;
        Ok(list.trail_list)
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
        headers.insert(HOST, HeaderValue::from_str(&self.authority).context("the host of --endpoint")?);
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/x-amz-json-1.1"));
        headers.insert("x-amz-target", HeaderValue::from_str(&format!("{TARGET}.{operation}"))?);
        let identity = SigningIdentity {
            access_key_id: &self.key.access_key_id,
            secret: &self.key.secret,
            session_token: self.session_token.as_deref(),
            region,
            service: "cloudtrail",
        };
        let now = EventTime::from_micros(jiff::Timestamp::now().as_microsecond());
        let payload = PayloadDeclaration::Exact(Sha256::digest(&body).into());
        let head = RequestHead { method: &Method::POST, path: "/", query: None, headers: &headers };
        headers.extend(sign_headers(&head, &identity, payload, now).context("sign the request")?);
        let mut request = Request::new(Full::new(Bytes::from(body)));
        *request.method_mut() = Method::POST;
        *request.uri_mut() = format!("{}/", self.endpoint).parse().context("--endpoint")?;
        *request.headers_mut() = headers;
        let answer = tokio::time::timeout(ANSWER_TIMEOUT, self.http.request(request)).await;
        let answer = answer
            .map_err(|_| anyhow!("{} does not answer within {} seconds", self.endpoint, ANSWER_TIMEOUT.as_secs()))?
            .with_context(|| format!("no CloudTrail answers at {}: say with --endpoint where it is", self.endpoint))?;
        let status = answer.status();
        let body = Limited::new(answer.into_body(), ANSWER_BYTES_MAX).collect().await;
        let body = body.map_err(|error| anyhow!("read the answer of {operation}: {error}"))?.to_bytes();
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
