//! Bodies that stream, break off or lie, and what a crash leaves.

mod site;

use std::convert::Infallible;
use std::time::Duration;

use bytes::Bytes;
use futures::{StreamExt, stream};
use http::{Request, StatusCode};
use http_body::Frame;
use http_body_util::{BodyExt, StreamBody};
use sha2::{Digest, Sha256};
use site::{Site, caller, files};

type BrokenBody = StreamBody<stream::BoxStream<'static, Result<Frame<Bytes>, std::io::Error>>>;

const BLOCK: usize = 64 * 1024;

fn blocks(count: usize) -> impl futures::Stream<Item = Result<Frame<Bytes>, Infallible>> + Send + Unpin {
    stream::iter((0..count).map(|_| Ok(Frame::data(Bytes::from(vec![b'x'; BLOCK])))))
}

#[tokio::test]
async fn large_bodies_stream_both_ways() {
    let site = Site::with_bucket().await;
    let count = 160;
    let request = Request::put("/bucket/key").header("content-length", count * BLOCK);
    let request = request.body(StreamBody::new(blocks(count))).expect("a request");
    assert_eq!(site.service().handle(request, caller()).await.status(), StatusCode::OK);
    let request = Request::get("/bucket/key").body(http_body_util::Empty::new()).expect("a request");
    let mut body = site.service().handle(request, caller()).await.into_body();
    let (mut size, mut largest) = (0, 0);
    while let Some(frame) = body.frame().await {
        let bytes = frame.expect("a frame").into_data().expect("data");
        largest = largest.max(bytes.len());
        size += bytes.len();
    }
    assert_eq!(size, count * BLOCK);
    assert!(largest <= 1024 * 1024, "a frame of {largest} bytes");
}

#[tokio::test]
async fn a_body_that_fails_leaves_what_was_there() {
    let site = Site::with_bucket().await;
    site.call("PUT", "/bucket/key", &[], "before").await.expect(200);
    let check = async |broken: Request<BrokenBody>, code: &str| {
        let answer = site.service().handle(broken, caller()).await;
        assert_eq!(answer.status(), StatusCode::BAD_REQUEST);
        let text = answer.into_body().collect().await.expect("a body").to_bytes();
        let text = String::from_utf8(text.to_vec()).expect("text");
        assert!(text.contains(&format!("<Code>{code}</Code>")), "{text}");
        assert_eq!(site.call("GET", "/bucket/key", &[], "").await.text(), "before");
        site.files_left(0).await;
    };
    let data = |count: usize| blocks(count).map(|frame| frame.map_err(|never| match never {}));
    let broken = data(20).chain(stream::iter([Err(std::io::Error::other("gone"))])).boxed();
    check(Request::put("/bucket/key").body(StreamBody::new(broken)).expect("a request"), "RequestTimeout").await;
    let short = Request::put("/bucket/key").header("content-length", 21 * BLOCK);
    check(short.body(StreamBody::new(data(20).boxed())).expect("a request"), "IncompleteBody").await;
    let lying = Request::put("/bucket/key").header("x-amz-content-sha256", "0".repeat(64));
    check(lying.body(StreamBody::new(data(20).boxed())).expect("a request"), "XAmzContentSHA256Mismatch").await;
    let lying = Request::put("/bucket/key").header("content-md5", "AAAAAAAAAAAAAAAAAAAAAA==");
    check(lying.body(StreamBody::new(data(20).boxed())).expect("a request"), "BadDigest").await;
    let huge = Request::put("/bucket/key").header("content-length", 5_368_709_121_u64);
    check(huge.body(StreamBody::new(data(1).boxed())).expect("a request"), "EntityTooLarge").await;
}

#[tokio::test]
async fn a_caller_that_goes_away_leaves_no_file() {
    let site = Site::with_bucket().await;
    let endless = blocks(20).chain(stream::pending());
    let request = Request::put("/bucket/key").body(StreamBody::new(endless)).expect("a request");
    let call = site.service().handle(request, caller());
    assert!(tokio::time::timeout(Duration::from_millis(300), call).await.is_err());
    site.files_left(0).await;
    site.call("GET", "/bucket/key", &[], "").await.expect_error(404, "NoSuchKey");
}

#[tokio::test]
async fn readers_keep_what_they_read() {
    let site = Site::with_bucket().await;
    let body: Vec<u8> = (0..4_000_000_u32).map(|index| (index / 1000) as u8).collect();
    site.call("PUT", "/bucket/key", &[], body.clone()).await.expect(200);
    let request = Request::get("/bucket/key").body(http_body_util::Empty::new()).expect("a request");
    let mut reading = site.service().handle(request, caller()).await.into_body();
    let first = reading.frame().await.expect("a frame").expect("no error").into_data().expect("data");
    site.call("DELETE", "/bucket/key", &[], "").await.expect(204);
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert_eq!(files(&site.root().join("blobs")).len(), 1, "the file stays while it is read");
    let rest = reading.collect().await.expect("the rest").to_bytes();
    assert!([first, rest].concat() == body);
    site.files_left(0).await;
}

#[tokio::test]
async fn framed_bodies_lose_their_frame() {
    let site = Site::with_bucket().await;
    let headers = |length: &'static str| {
        [
            ("x-amz-content-sha256", "STREAMING-UNSIGNED-PAYLOAD-TRAILER"),
            ("content-encoding", "aws-chunked"),
            ("x-amz-trailer", "x-amz-checksum-crc32"),
            ("x-amz-decoded-content-length", length),
        ]
    };
    let framed = |sum: &str| format!("2\r\nhe\r\n3\r\nllo\r\n0\r\nx-amz-checksum-crc32:{sum}\r\n\r\n");
    let put = async |length, body| site.call("PUT", "/bucket/key", &headers(length), body).await;
    put("5", framed("AAAAAA==")).await.expect_error(400, "BadDigest");
    put("6", framed("NhCmhg==")).await.expect_error(400, "IncompleteBody");
    put("5", "2\r\nhe\r\n".to_owned()).await.expect_error(400, "IncompleteBody");
    put("5", "2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n".to_owned()).await.expect_error(400, "InvalidRequest");
    put("5", "zz\r\n".to_owned()).await.expect_error(400, "InvalidRequest");
    site.call("HEAD", "/bucket/key", &[], "").await.expect(404);
    put("5", framed("NhCmhg==")).await.expect(200);
    let found = site.call("GET", "/bucket/key", &[("x-amz-checksum-mode", "ENABLED")], "").await.expect(200);
    assert_eq!((found.text(), found.header("content-encoding")), ("hello", ""));
    assert_eq!(found.header("x-amz-checksum-crc32"), "NhCmhg==");
}

#[tokio::test]
async fn hashes_of_documents_are_checked_too() {
    let site = Site::with_bucket().await;
    site.call("PUT", "/bucket/key", &[], "x").await.expect(200);
    let body = "<Delete><Object><Key>key</Key></Object></Delete>";
    let wrong = [("x-amz-content-sha256", "1111111111111111111111111111111111111111111111111111111111111111")];
    site.call("POST", "/bucket?delete", &wrong, body).await.expect_error(400, "XAmzContentSHA256Mismatch");
    site.call("GET", "/bucket/key", &[], "").await.expect(200);
    let hash = hex::encode(Sha256::digest(body));
    site.call("POST", "/bucket?delete", &[("x-amz-content-sha256", &hash)], body).await.expect(200);
    site.call("GET", "/bucket/key", &[], "").await.expect(404);
}

#[tokio::test]
async fn a_restart_keeps_objects_and_removes_left_overs() {
    let mut site = Site::with_bucket().await;
    let large = "y".repeat(100_000);
    site.call("PUT", "/bucket/large", &[], large.clone()).await.expect(200);
    site.call("PUT", "/bucket/small", &[], "small").await.expect(200);
    let kept = files(&site.root().join("blobs"));
    let group = kept[0].parent().expect("a parent").to_path_buf();
    // As a crash leaves it after the file was made durable and before the index named it.
    std::fs::write(group.join("0000000fff"), "left over").expect("writes");
    for _ in 0..2 {
        site.restart().await;
        site.files_left(1).await;
        assert!(site.call("GET", "/bucket/large", &[], "").await.expect(200).text() == large);
        assert_eq!(site.call("GET", "/bucket/small", &[], "").await.expect(200).text(), "small");
    }
    // Names of files are never used again.
    site.call("PUT", "/bucket/more", &[], large.clone()).await.expect(200);
    site.files_left(2).await;
    site.call("DELETE", "/bucket/large", &[], "").await.expect(204);
    site.restart().await;
    site.files_left(1).await;
    assert!(site.call("GET", "/bucket/more", &[], "").await.expect(200).text() == large);
}

#[tokio::test]
async fn one_folder_has_one_owner() {
    let site = Site::new().await;
    let config = buckets::BucketConfig {
        region: model::Region::parse("us-east-1").expect("a region"),
        random: std::sync::Arc::new(|_: &mut [u8]| {}),
        mfa: None,
    };
    let second = buckets::BucketService::open(site.root(), config).await;
    assert!(matches!(second, Err(buckets::OpenError::InUse { .. })));
}
