//! Uploads in parts.

mod site;

use site::Site;

const PART: usize = 5 * 1024 * 1024;

async fn begin(site: &Site, key: &str, headers: &[(&str, &str)]) -> String {
    site.call("POST", &format!("/bucket/{key}?uploads"), headers, "").await.expect(200).element("UploadId")
}

fn list_of(parts: &[(u32, &str)]) -> String {
    let parts =
        parts.iter().map(|(number, etag)| format!("<Part><PartNumber>{number}</PartNumber><ETag>{etag}</ETag></Part>"));
    format!("<CompleteMultipartUpload>{}</CompleteMultipartUpload>", parts.collect::<String>())
}

#[tokio::test]
async fn an_upload_from_start_to_end() {
    let site = Site::with_bucket().await;
    let id = begin(&site, "key", &[("content-type", "a/b"), ("x-amz-meta-m", "1")]).await;
    let target = |number: u32| format!("/bucket/key?partNumber={number}&uploadId={id}");
    let put = async |number: u32, body: &str| {
        site.call("PUT", &target(number), &[], body.to_owned()).await.expect(200).header("etag").to_owned()
    };
    let (first, last) = ("a".repeat(PART), "b".repeat(100));
    put(1, "to be replaced").await;
    let one = put(1, &first).await;
    let seven = put(7, &last).await;
    put(9, "never named").await;
    site.files_left(3).await;
    site.call("PUT", &target(0), &[], "x").await.expect_error(400, "InvalidArgument");
    site.call("PUT", &target(10_001), &[], "x").await.expect_error(400, "InvalidArgument");
    site.call("GET", "/bucket/key", &[], "").await.expect_error(404, "NoSuchKey");

    let listed = site.call("GET", &format!("/bucket/key?uploadId={id}&max-parts=2"), &[], "").await.expect(200);
    assert_eq!(
        (listed.elements("PartNumber"), listed.element("IsTruncated")),
        (vec!["1".into(), "7".into()], "true".into())
    );
    let rest = format!("/bucket/key?uploadId={id}&part-number-marker={}", listed.element("NextPartNumberMarker"));
    assert_eq!(site.call("GET", &rest, &[], "").await.expect(200).elements("PartNumber"), ["9"]);

    let finish = format!("/bucket/key?uploadId={id}");
    let complete = async |parts: &[(u32, &str)]| site.call("POST", &finish, &[], list_of(parts)).await;
    complete(&[(7, &seven), (1, &one)]).await.expect_error(400, "InvalidPartOrder");
    complete(&[(1, &seven)]).await.expect_error(400, "InvalidPart");
    complete(&[(2, &one)]).await.expect_error(400, "InvalidPart");
    complete(&[(1, &one), (9, "\"f4b1dd8ddb7d46f4b5c5b8a9c8e8d3a4\"")]).await.expect_error(400, "InvalidPart");
    complete(&[]).await.expect_error(400, "MalformedXML");
    let done = complete(&[(1, &one), (7, &seven)]).await.expect(200);
    assert!(done.element("ETag").contains("-2"));
    complete(&[(1, &one)]).await.expect_error(404, "NoSuchUpload");
    site.files_left(2).await;

    let found = site.call("GET", "/bucket/key", &[], "").await.expect(200);
    assert!(found.text() == first.clone() + &last);
    assert_eq!((found.header("content-type"), found.header("x-amz-meta-m")), ("a/b", "1"));
    let part = site.call("GET", "/bucket/key?partNumber=2", &[], "").await.expect(206);
    assert_eq!((part.text(), part.header("x-amz-mp-parts-count")), (last.as_str(), "2"));
    site.call("GET", "/bucket/key?partNumber=3", &[], "").await.expect(416);
    let across = [("range", "bytes=5242878-5242881")];
    assert_eq!(site.call("GET", "/bucket/key", &across, "").await.expect(206).text(), "aabb");
    site.call("DELETE", "/bucket/key", &[], "").await.expect(204);
    site.files_left(0).await;
}

#[tokio::test]
async fn small_parts_and_conditions_are_refused() {
    let site = Site::with_bucket().await;
    let id = begin(&site, "key", &[]).await;
    let mut tags = Vec::new();
    for number in [1, 2] {
        let target = format!("/bucket/key?partNumber={number}&uploadId={id}");
        tags.push(site.call("PUT", &target, &[], "small").await.expect(200).header("etag").to_owned());
    }
    let finish = format!("/bucket/key?uploadId={id}");
    let both = list_of(&[(1, &tags[0]), (2, &tags[1])]);
    site.call("POST", &finish, &[], both).await.expect_error(400, "EntityTooSmall");
    site.call("PUT", "/bucket/key", &[], "there").await.expect(200);
    let one = list_of(&[(1, &tags[0])]);
    let create = [("if-none-match", "*")];
    site.call("POST", &finish, &create, one.clone()).await.expect_error(412, "PreconditionFailed");
    let size = [("x-amz-mp-object-size", "6")];
    site.call("POST", &finish, &size, one.clone()).await.expect_error(400, "InvalidRequest");
    let sum = [("x-amz-checksum-crc64nvme", "AAAAAAAAAAA="), ("x-amz-checksum-type", "FULL_OBJECT")];
    site.call("POST", &finish, &sum, one.clone()).await.expect_error(400, "BadDigest");
    site.call("POST", &finish, &[], one).await.expect(200);
    assert_eq!(site.call("GET", "/bucket/key", &[], "").await.text(), "small");
}

#[tokio::test]
async fn parts_from_objects() {
    let site = Site::with_bucket().await;
    site.call("PUT", "/bucket/source", &[], "0123456789".repeat(20_000)).await.expect(200);
    let id = begin(&site, "key", &[]).await;
    let target = format!("/bucket/key?partNumber=1&uploadId={id}");
    let source = ("x-amz-copy-source", "/bucket/source");
    let range = |text: &'static str| [source, ("x-amz-copy-source-range", text)];
    site.call("PUT", &target, &range("bytes=-5"), "").await.expect_error(400, "InvalidArgument");
    site.call("PUT", &target, &range("bytes=200000-200001"), "").await.expect_error(416, "InvalidRange");
    let part = site.call("PUT", &target, &range("bytes=150003-150007"), "").await.expect(200);
    let tag = part.element("ETag").replace("&quot;", "\"");
    let body = list_of(&[(1, &tag)]);
    site.call("POST", &format!("/bucket/key?uploadId={id}"), &[], body).await.expect(200);
    assert_eq!(site.call("GET", "/bucket/key", &[], "").await.text(), "34567");
}

#[tokio::test]
async fn uploads_are_listed_and_aborted() {
    let site = Site::with_bucket().await;
    let mut ids = Vec::new();
    for key in ["a", "b/1", "b/2", "c", "c"] {
        ids.push(begin(&site, key, &[]).await);
    }
    let all = site.call("GET", "/bucket?uploads&delimiter=%2F", &[], "").await.expect(200);
    assert_eq!((all.elements("Key"), all.elements("UploadId").len()), (vec!["a".into(), "c".into(), "c".into()], 3));
    assert!(all.text().contains("<CommonPrefixes><Prefix>b/</Prefix></CommonPrefixes>"));
    let mut found = Vec::new();
    let mut target = "/bucket?uploads&max-uploads=1".to_owned();
    loop {
        let page = site.call("GET", &target, &[], "").await.expect(200);
        found.extend(page.elements("UploadId"));
        if page.element("IsTruncated") == "false" {
            break;
        }
        let (key, id) = (page.element("NextKeyMarker"), page.element("NextUploadIdMarker"));
        target = format!("/bucket?uploads&max-uploads=1&key-marker={}&upload-id-marker={id}", key.replace('/', "%2F"));
    }
    found.sort();
    let mut expected = ids.clone();
    expected.sort();
    assert_eq!(found, expected);
    let target = format!("/bucket/a?uploadId={}", ids[0]);
    site.call("PUT", &format!("{target}&partNumber=1"), &[], "x").await.expect(200);
    site.files_left(1).await;
    site.call("DELETE", &target, &[], "").await.expect(204);
    site.call("DELETE", &target, &[], "").await.expect_error(404, "NoSuchUpload");
    site.call("PUT", &format!("{target}&partNumber=1"), &[], "x").await.expect_error(404, "NoSuchUpload");
    site.files_left(0).await;
    site.call("DELETE", "/bucket", &[], "").await.expect(204);
}

#[tokio::test]
async fn checksum_types() {
    let site = Site::with_bucket().await;
    let begin_with = async |algorithm: &'static str, kind: &'static str| {
        let headers = [("x-amz-checksum-algorithm", algorithm), ("x-amz-checksum-type", kind)];
        site.call("POST", "/bucket/key?uploads", &headers, "").await
    };
    begin_with("SHA256", "FULL_OBJECT").await.expect_error(400, "InvalidRequest");
    begin_with("CRC64NVME", "COMPOSITE").await.expect_error(400, "InvalidRequest");
    begin_with("MD4", "COMPOSITE").await.expect(400);
    for (algorithm, kind, element) in
        [("CRC32", "COMPOSITE", "ChecksumCRC32"), ("CRC32C", "FULL_OBJECT", "ChecksumCRC32C")]
    {
        let id = begin_with(algorithm, kind).await.expect(200).element("UploadId");
        let target = format!("/bucket/key?partNumber=1&uploadId={id}");
        let tag = site.call("PUT", &target, &[], "hello").await.expect(200).header("etag").to_owned();
        let finish = format!("/bucket/key?uploadId={id}");
        let done = site.call("POST", &finish, &[], list_of(&[(1, &tag)])).await.expect(200);
        assert_eq!(done.element("ChecksumType"), kind);
        assert_eq!(done.element(element).ends_with("-1"), kind == "COMPOSITE", "{done:?}");
    }
}
