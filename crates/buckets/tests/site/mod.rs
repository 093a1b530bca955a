//! The service over a folder that goes away, and calls made by hand.

#![allow(dead_code, clippy::panic, reason = "each test file uses a part of it, and a failed test may panic")]

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use buckets::{Access, BucketConfig, BucketService, CallerAccess, MfaCheck};
use bytes::Bytes;
use http::{HeaderMap, Request, StatusCode};
use http_body_util::{BodyExt, Full};
use model::{AccountId, Region};
use tempfile::TempDir;

pub(crate) struct Site {
    folder: TempDir,
    service: Option<BucketService>,
    mfa: Option<MfaCheck>,
}

/// An answer, read to its end.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

pub(crate) fn caller() -> CallerAccess {
    CallerAccess {
        access: Access::Allowed,
        account: AccountId::parse("123456789012").expect("an account"),
        bucket_in_host: None,
        chunk_seed: None,
    }
}

fn config(mfa: Option<MfaCheck>) -> BucketConfig {
    let counter = AtomicU64::new(1);
    let random = move |bytes: &mut [u8]| {
        for chunk in bytes.chunks_mut(8) {
            let next = counter.fetch_add(1, Ordering::Relaxed).wrapping_mul(0x9E37_79B9_7F4A_7C15).to_be_bytes();
            chunk.copy_from_slice(&next[..chunk.len()]);
        }
    };
    BucketConfig { region: Region::parse("us-east-1").expect("a region"), random: Arc::new(random), mfa }
}

impl Site {
    pub(crate) async fn new() -> Self {
        Self::start_new(None).await
    }

    async fn start_new(mfa: Option<MfaCheck>) -> Self {
        let mut site = Self { folder: TempDir::new().expect("a folder"), service: None, mfa };
        site.start().await;
        site
    }

    /// With a bucket called `bucket`, and a judge of codes.
    pub(crate) async fn with_mfa(check: MfaCheck) -> Self {
        let site = Self::start_new(Some(check)).await;
        site.call("PUT", "/bucket", &[], "").await.expect(200);
        site
    }

    /// With a bucket called `bucket`.
    pub(crate) async fn with_bucket() -> Self {
        let site = Self::new().await;
        site.call("PUT", "/bucket", &[], "").await.expect(200);
        site
    }

    pub(crate) fn root(&self) -> PathBuf {
        self.folder.path().join("buckets")
    }

    async fn start(&mut self) {
        self.service = Some(BucketService::open(self.root(), config(self.mfa.clone())).await.expect("opens"));
    }

    /// Stops without any farewell, and opens the folder again.
    pub(crate) async fn restart(&mut self) {
        self.service = None;
        self.start().await;
    }

    pub(crate) fn service(&self) -> &BucketService {
        self.service.as_ref().expect("started")
    }

    pub(crate) async fn call(
        &self,
        method: &str,
        target: &str,
        headers: &[(&str, &str)],
        body: impl Into<Bytes>,
    ) -> Answer {
        self.call_as(caller(), method, target, headers, body).await
    }

    pub(crate) async fn call_as(
        &self,
        caller: CallerAccess,
        method: &str,
        target: &str,
        headers: &[(&str, &str)],
        body: impl Into<Bytes>,
    ) -> Answer {
        let body = body.into();
        let mut request = Request::builder().method(method).uri(target).header("host", "127.0.0.1:4600");
        if !body.is_empty() || method == "PUT" {
            request = request.header("content-length", body.len());
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(Full::new(body)).expect("a request");
        let (head, body) = self.service().handle(request, caller).await.into_parts();
        let body = body.collect().await.expect("a whole body").to_bytes();
        let answer = Answer { status: head.status, headers: head.headers, body };
        let id = answer.header("x-amz-request-id");
        assert!(id.len() == 16 && id.bytes().all(|byte| byte.is_ascii_digit() || byte.is_ascii_uppercase()), "{id}");
        assert!(!answer.header("x-amz-id-2").is_empty());
        answer
    }

    /// Files with bytes of objects, after the cleaner had time to remove what is not needed.
    pub(crate) async fn files_left(&self, expected: usize) {
        for _ in 0..400 {
            if files(&self.root().join("blobs")).len() == expected {
                return;
            }
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        }
        panic!("expected {expected} files, found {:?}", files(&self.root().join("blobs")));
    }
}

/// All files under a folder.
pub(crate) fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        if entry.path().is_dir() {
            found.extend(files(&entry.path()));
        } else {
            found.push(entry.path());
        }
    }
    found
}

impl Answer {
    /// Fails unless the status is this one.
    #[track_caller]
    pub(crate) fn expect(self, status: u16) -> Self {
        assert_eq!(self.status.as_u16(), status, "{self:?}");
        self
    }

    /// Fails unless it is this error, with the request's id in it.
    #[track_caller]
    pub(crate) fn expect_error(self, status: u16, code: &str) {
        let answer = self.expect(status);
        assert_eq!(answer.element("Code"), code);
        assert_eq!(answer.element("RequestId"), answer.header("x-amz-request-id"));
        assert_eq!(answer.element("HostId"), answer.header("x-amz-id-2"));
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().expect("text"))
    }

    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.body).expect("text")
    }

    /// The text of the first element with this name, as it is written.
    pub(crate) fn element(&self, name: &str) -> String {
        self.elements(name).into_iter().next().unwrap_or_default()
    }

    /// The texts of all elements with this name.
    pub(crate) fn elements(&self, name: &str) -> Vec<String> {
        let (open, close) = (format!("<{name}>"), format!("</{name}>"));
        let pieces = self.text().split(&open).skip(1);
        pieces.filter_map(|piece| piece.split_once(&close)).map(|(text, _)| text.to_owned()).collect()
    }
}
