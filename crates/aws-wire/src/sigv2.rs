//! Signature Version 2 of S3, proved.
//!
//! The AWS CLI version 1 and boto3 sign URLs with it where no version is configured, and older programs sign everything
//! with it. It covers the method, the object, every `x-amz-…` header, and type and MD5 of the body; it covers neither the
//! body itself nor the host. So it is proved for S3 alone, whose requests mean nothing else.
//!
//! Source: Amazon S3 user guide, "Signing and authenticating REST requests (AWS signature version 2)".

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::time::Duration;

use aws_lc_rs::hmac;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::HeaderName;
use http::header::{AUTHORIZATION, CONTENT_TYPE, DATE};
use model::{AccessKeyId, EventTime};

use crate::RequestHead;
use crate::sigv4::percent::decode_query_text;
use crate::sigv4::{AmzDate, Placement, SecretAccessKey, SigV4Error, SignatureMismatch};

static X_AMZ_DATE: HeaderName = HeaderName::from_static("x-amz-date");
static CONTENT_MD5: HeaderName = HeaderName::from_static("content-md5");

/// Parameters that are a part of what is asked for, and not of how: they are signed.
const SIGNED_PARAMETERS: &[&str] = &[
    "accelerate",
    "acl",
    "analytics",
    "cors",
    "defaultObjectAcl",
    "delete",
    "encryption",
    "intelligent-tiering",
    "inventory",
    "legal-hold",
    "lifecycle",
    "location",
    "logging",
    "metrics",
    "notification",
    "object-lock",
    "ownershipControls",
    "partNumber",
    "policy",
    "policyStatus",
    "publicAccessBlock",
    "replication",
    "requestPayment",
    "response-cache-control",
    "response-content-disposition",
    "response-content-encoding",
    "response-content-language",
    "response-content-type",
    "response-expires",
    "restore",
    "retention",
    "select",
    "select-type",
    "storageClass",
    "tagging",
    "torrent",
    "uploadId",
    "uploads",
    "versionId",
    "versioning",
    "versions",
    "website",
];

/// A request for S3 that presents a Signature Version 2.
#[derive(Debug, Clone, Copy)]
pub struct SignedByV2<'a> {
    /// As received.
    pub head: &'a RequestHead<'a>,
    /// The bucket, where the name of the host has it.
    pub bucket_in_host: Option<&'a str>,
    /// The key that claims to have signed.
    pub access_key_id: &'a AccessKeyId,
    /// Where the signature stands.
    pub placement: Placement,
}

/// How `versioning=` is signed. The MinIO client for Go sends it so and signs `versioning`; both mean the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum EmptyValues {
    AsSent,
    LeftOut,
}

impl SignedByV2<'_> {
    /// Proves that the owner of the secret signed the request. `now` and `skew` judge the time.
    ///
    /// # Errors
    /// The time first, in a header ([`SigV4Error::MalformedDate`], [`SigV4Error::TooOld`], [`SigV4Error::NotYetCurrent`])
    /// or in a URL ([`SigV4Error::V2Expires`], [`SigV4Error::V2UrlExpired`]); then [`SigV4Error::Mismatch`].
    pub fn verify(&self, secret: &SecretAccessKey, now: EventTime, skew: Duration) -> Result<(), SigV4Error> {
        let date_line = match self.placement {
            Placement::Header => self.date_in_time(now, skew)?,
            Placement::Query => self.expiry_ahead(now)?,
        };
        let presented = self.signature();
        let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, secret.expose().as_bytes());
        let decoded = STANDARD.decode(presented.as_bytes()).unwrap_or_default();
        let fits = |text: &[u8]| hmac::verify(&key, text, &decoded).is_ok();
        let text = self.string_to_sign(&date_line, self.head.path, EmptyValues::AsSent);
        if fits(&text) {
            return Ok(());
        }
        // boto3 signs a bucket with a slash behind its name and sends it without. Both name the bucket and no object.
        let with_slash = self.is_bucket_alone().then(|| format!("{}/", self.head.path));
        for path in with_slash.as_deref().into_iter().chain([self.head.path]) {
            for empty_values in [EmptyValues::AsSent, EmptyValues::LeftOut] {
                if fits(&self.string_to_sign(&date_line, path, empty_values)) {
                    return Ok(());
                }
            }
        }
        Err(SigV4Error::Mismatch(Box::new(SignatureMismatch {
            access_key_id: self.access_key_id.to_string(),
            signature: presented.into_owned(),
            placement: self.placement,
            string_to_sign: String::from_utf8_lossy(&text).into_owned(),
            canonical_request: Vec::new(),
        })))
    }

    /// The date that a header signature covers by itself, if it is about now. `x-amz-date` is covered among its like.
    fn date_in_time(&self, now: EventTime, skew: Duration) -> Result<Cow<'_, str>, SigV4Error> {
        let amz_date = self.header(&X_AMZ_DATE);
        let text = amz_date.clone().or_else(|| self.header(&DATE)).unwrap_or_default();
        let placement = Placement::Header;
        let signed = AmzDate::parse_date_header(&text)
            .ok_or_else(|| SigV4Error::MalformedDate { text: text.to_string(), placement })?;
        let age_micros = now.as_micros().saturating_sub(signed.time().as_micros());
        let skew_micros = i64::try_from(skew.as_micros()).unwrap_or(i64::MAX);
        let skew_seconds = skew.as_secs();
        if age_micros > skew_micros {
            return Err(SigV4Error::TooOld { signed, now, skew_seconds });
        }
        if age_micros < skew_micros.saturating_neg() {
            return Err(SigV4Error::NotYetCurrent { signed, now, skew_seconds, placement });
        }
        Ok(if amz_date.is_some() { Cow::Borrowed("") } else { text })
    }

    /// When a URL expires, as it says so, if that is ahead.
    fn expiry_ahead(&self, now: EventTime) -> Result<Cow<'_, str>, SigV4Error> {
        let text = self.parameter("Expires").ok_or(SigV4Error::V2Expires { text: None })?;
        let seconds = text.parse::<i64>().ok().filter(|seconds| *seconds <= i64::MAX / 1_000_000);
        let seconds = seconds.ok_or_else(|| SigV4Error::V2Expires { text: Some(text.to_string()) })?;
        let expires = EventTime::from_seconds(seconds);
        if now > expires { Err(SigV4Error::V2UrlExpired { expires, now }) } else { Ok(text) }
    }

    fn is_bucket_alone(&self) -> bool {
        let path = self.head.path;
        self.bucket_in_host.is_none() && path.len() > 1 && path.bytes().filter(|byte| *byte == b'/').count() == 1
    }

    fn string_to_sign(&self, date_line: &str, path: &str, empty_values: EmptyValues) -> Vec<u8> {
        let mut text = Vec::with_capacity(256);
        let mut line = |part: &[u8]| {
            text.extend_from_slice(part);
            text.push(b'\n');
        };
        line(self.head.method.as_str().as_bytes());
        line(&self.of_body(&CONTENT_MD5));
        line(&self.of_body(&CONTENT_TYPE));
        line(date_line.as_bytes());
        for (name, value) in self.amz_headers() {
            line(&[name.as_bytes(), b":", &value].concat());
        }
        if let Some(bucket) = self.bucket_in_host {
            text.push(b'/');
            text.extend_from_slice(bucket.as_bytes());
        }
        text.extend_from_slice(path.as_bytes());
        for (place, parameter) in self.signed_parameters(empty_values).iter().enumerate() {
            text.push(if place == 0 { b'?' } else { b'&' });
            text.extend_from_slice(parameter.as_bytes());
        }
        text
    }

    /// A header that says what the body is. URLs may have been signed with one, and then say so.
    fn of_body(&self, name: &HeaderName) -> Cow<'_, [u8]> {
        match self.head.headers.get(name) {
            Some(value) => Cow::Borrowed(value.as_bytes().trim_ascii()),
            None => match self.placement {
                Placement::Query => self
                    .parameters()
                    .find(|(parameter, _)| parameter.eq_ignore_ascii_case(name.as_str()))
                    .map(|(_, value)| Cow::Owned(value.into_owned().into_bytes()))
                    .unwrap_or_default(),
                Placement::Header => Cow::default(),
            },
        }
    }

    /// The `x-amz-…` headers by name, values of one name joined; in URLs the parameters of such names as well.
    fn amz_headers(&self) -> BTreeMap<String, Vec<u8>> {
        let mut found = BTreeMap::<String, Vec<u8>>::new();
        for (name, value) in self.head.headers.iter().filter(|(name, _)| name.as_str().starts_with("x-amz-")) {
            let joined = found.entry(name.as_str().to_owned()).or_default();
            if !joined.is_empty() {
                joined.push(b',');
            }
            joined.extend_from_slice(value.as_bytes().trim_ascii());
        }
        if self.placement == Placement::Query {
            for (name, value) in self.parameters() {
                let name = name.to_ascii_lowercase();
                if name.starts_with("x-amz-") {
                    found.entry(name).or_insert_with(|| value.trim().as_bytes().to_vec());
                }
            }
        }
        found
    }

    /// The signed parameters, each as `name` or `name=value`, by name.
    fn signed_parameters(&self, empty_values: EmptyValues) -> Vec<String> {
        let pairs = self.head.query.unwrap_or_default().split('&').filter(|pair| !pair.is_empty());
        let mut signed: Vec<(Cow<'_, str>, Option<Cow<'_, str>>)> = pairs
            .map(|pair| match pair.split_once('=') {
                Some((name, value)) => (decode_query_text(name), Some(decode_query_text(value))),
                None => (decode_query_text(pair), None),
            })
            .filter(|(name, _)| SIGNED_PARAMETERS.binary_search(&&**name).is_ok())
            .collect();
        signed.sort_by(|(a, _), (b, _)| a.cmp(b));
        let text = |(name, value): (Cow<'_, str>, Option<Cow<'_, str>>)| match value {
            Some(value) if !value.is_empty() || empty_values == EmptyValues::AsSent => format!("{name}={value}"),
            _ => name.into_owned(),
        };
        signed.into_iter().map(text).collect()
    }

    fn signature(&self) -> Cow<'_, str> {
        match self.placement {
            Placement::Query => self.parameter("Signature").unwrap_or_default(),
            Placement::Header => {
                let value = self.header(&AUTHORIZATION).unwrap_or_default();
                Cow::Owned(value.rsplit_once(':').map(|(_, signature)| signature.trim().to_owned()).unwrap_or_default())
            }
        }
    }

    fn header(&self, name: &HeaderName) -> Option<Cow<'_, str>> {
        self.head.headers.get(name).map(|value| String::from_utf8_lossy(value.as_bytes().trim_ascii()))
    }

    fn parameter(&self, wanted: &str) -> Option<Cow<'_, str>> {
        self.parameters().find(|(name, _)| name == wanted).map(|(_, value)| value)
    }

    fn parameters(&self) -> impl Iterator<Item = (Cow<'_, str>, Cow<'_, str>)> {
        let pairs = self.head.query.unwrap_or_default().split('&');
        pairs
            .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
            .map(|(name, value)| (decode_query_text(name), decode_query_text(value)))
    }
}

#[cfg(test)]
mod tests;
