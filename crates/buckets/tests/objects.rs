//! Objects: their bytes, what is kept with them, and conditions.

mod site;

use site::Site;

const MD5_OF_HELLO: &str = "\"5d41402abc4b2a76b9719d911017c592\"";

#[tokio::test]
async fn an_object_from_start_to_end() {
    let site = Site::with_bucket().await;
    site.call("GET", "/bucket/key", &[], "").await.expect_error(404, "NoSuchKey");
    site.call("PUT", "/none/key", &[], "x").await.expect_error(404, "NoSuchBucket");
    let headers = [
        ("content-type", "text/plain; charset=utf-8"),
        ("cache-control", "no-store"),
        ("content-encoding", "aws-chunked,br"),
        ("content-language", "de"),
        ("content-disposition", "inline"),
        ("expires", "Thu, 01 Dec 2044 16:00:00 GMT"),
        ("x-amz-meta-Colour", "blue"),
        ("x-amz-tagging", "a=1&b=2+3"),
    ];
    let put = site.call("PUT", "/bucket/key", &headers, "hello").await.expect(200);
    assert_eq!(put.header("etag"), MD5_OF_HELLO);
    for method in ["GET", "HEAD"] {
        let found = site.call(method, "/bucket/key", &[], "").await.expect(200);
        assert_eq!(found.text(), if method == "GET" { "hello" } else { "" });
        for (name, value) in [
            ("content-length", "5"),
            ("content-type", "text/plain; charset=utf-8"),
            ("cache-control", "no-store"),
            ("content-language", "de"),
            ("content-disposition", "inline"),
            ("expires", "Thu, 01 Dec 2044 16:00:00 GMT"),
            ("x-amz-meta-colour", "blue"),
            ("accept-ranges", "bytes"),
            ("etag", MD5_OF_HELLO),
        ] {
            assert_eq!(found.header(name), value, "{method} {name}");
        }
    }
    let shown = site.call("GET", "/bucket/key?response-content-type=a%2Fb", &[], "").await.expect(200);
    assert_eq!(shown.header("content-type"), "a/b");
    let acl = site.call("GET", "/bucket/key?acl", &[], "").await.expect(200);
    assert_eq!(acl.element("Permission"), "FULL_CONTROL");
    let tags = site.call("GET", "/bucket/key?tagging", &[], "").await.expect(200);
    assert_eq!(tags.elements("Value"), ["1", "2 3"]);
    let new_tags = "<Tagging><TagSet><Tag><Key>c</Key><Value>4</Value></Tag></TagSet></Tagging>";
    site.call("PUT", "/bucket/key?tagging", &[], new_tags).await.expect(200);
    assert_eq!(site.call("GET", "/bucket/key?tagging", &[], "").await.expect(200).elements("Value"), ["4"]);
    site.call("DELETE", "/bucket/key?tagging", &[], "").await.expect(204);
    assert_eq!(site.call("HEAD", "/bucket/key", &[], "").await.expect(200).header("x-amz-tagging-count"), "");
    site.call("DELETE", "/bucket/key", &[], "").await.expect(204);
    site.call("DELETE", "/bucket/key", &[], "").await.expect(204);
    site.call("HEAD", "/bucket/key", &[], "").await.expect(404);
}

#[tokio::test]
async fn ranges() {
    let site = Site::with_bucket().await;
    let large: String = ('a'..='z').cycle().take(400_000).collect();
    site.call("PUT", "/bucket/small", &[], "0123456789").await.expect(200);
    site.call("PUT", "/bucket/large", &[], large.clone()).await.expect(200);
    let check = async |key: &str, range: &str, whole: &str, expected: Option<std::ops::Range<usize>>| {
        let found = site.call("GET", &format!("/bucket/{key}"), &[("range", range)], "").await;
        match expected {
            None => found.expect_error(416, "InvalidRange"),
            Some(part) if part.len() == whole.len() && !range.starts_with("bytes=-") => {
                assert!(found.expect(200).text() == whole);
            }
            Some(part) => {
                let found = found.expect(206);
                let place = format!("bytes {}-{}/{}", part.start, part.end - 1, whole.len());
                assert_eq!(found.header("content-range"), place);
                assert_eq!(found.header("content-length"), part.len().to_string());
                let head = site.call("HEAD", &format!("/bucket/{key}"), &[("range", range)], "").await.expect(206);
                assert_eq!(head.header("content-range"), place);
                assert!(found.text() == &whole[part], "{key} {range}");
            }
        }
    };
    let small = "0123456789";
    check("small", "bytes=2-4", small, Some(2..5)).await;
    check("small", "bytes=7-", small, Some(7..10)).await;
    check("small", "bytes=7-99", small, Some(7..10)).await;
    check("small", "bytes=-3", small, Some(7..10)).await;
    check("small", "bytes=-99", small, Some(0..10)).await;
    check("small", "bytes=10-", small, None).await;
    check("small", "bytes=-0", small, None).await;
    check("small", "bytes=0-1,3-4", small, Some(0..10)).await;
    check("small", "lines=0-1", small, Some(0..10)).await;
    check("large", "bytes=131071-262145", &large, Some(131_071..262_146)).await;
    check("large", "bytes=-1", &large, Some(399_999..400_000)).await;
    site.call("PUT", "/bucket/empty", &[], "").await.expect(200);
    check("empty", "bytes=0-", "", None).await;
}

#[tokio::test]
async fn conditions() {
    let site = Site::with_bucket().await;
    let create = [("if-none-match", "*")];
    site.call("PUT", "/bucket/key", &[("if-match", MD5_OF_HELLO)], "x").await.expect_error(404, "NoSuchKey");
    site.call("PUT", "/bucket/key", &create, "hello").await.expect(200);
    site.call("PUT", "/bucket/key", &create, "x").await.expect_error(412, "PreconditionFailed");
    site.call("PUT", "/bucket/key", &[("if-match", "\"0\"")], "x").await.expect_error(412, "PreconditionFailed");
    site.call("DELETE", "/bucket/key", &[("if-match", "\"0\"")], "").await.expect_error(412, "PreconditionFailed");
    let past = "Mon, 01 Jan 2001 00:00:00 GMT";
    let future = "Mon, 01 Jan 2091 00:00:00 GMT";
    for (name, value, status) in [
        ("if-match", MD5_OF_HELLO, 200),
        ("if-match", "\"0\"", 412),
        ("if-none-match", MD5_OF_HELLO, 304),
        ("if-none-match", "\"0\"", 200),
        ("if-modified-since", future, 304),
        ("if-modified-since", past, 200),
        ("if-unmodified-since", past, 412),
        ("if-unmodified-since", future, 200),
    ] {
        for method in ["GET", "HEAD"] {
            let found = site.call(method, "/bucket/key", &[(name, value)], "").await.expect(status);
            if status == 304 {
                assert_eq!((found.text(), found.header("etag")), ("", MD5_OF_HELLO));
            }
        }
    }
    site.call("PUT", "/bucket/key", &[("if-match", MD5_OF_HELLO)], "bye").await.expect(200);
    assert_eq!(site.call("GET", "/bucket/key", &[], "").await.text(), "bye");
}

#[tokio::test]
async fn one_of_many_creators_wins() {
    let site = Site::with_bucket().await;
    let puts = (0..20).map(|index| site.call("PUT", "/bucket/key", &[("if-none-match", "*")], format!("{index}")));
    let answers = futures::future::join_all(puts).await;
    let winners: Vec<usize> = (0..20).filter(|index| answers[*index].status == 200).collect();
    assert_eq!(winners.len(), 1);
    assert_eq!(site.call("GET", "/bucket/key", &[], "").await.text(), winners[0].to_string());
}

#[tokio::test]
async fn copies() {
    let site = Site::with_bucket().await;
    let large = "x".repeat(100_000);
    site.call("PUT", "/bucket/a%20b", &[("x-amz-meta-m", "1"), ("content-type", "a/b")], large.clone())
        .await
        .expect(200);
    let source = ("x-amz-copy-source", "/bucket/a%20b");
    let copied = site.call("PUT", "/bucket/copy", &[source], "").await.expect(200);
    assert!(!copied.element("ETag").is_empty() && !copied.element("LastModified").is_empty());
    site.files_left(1).await;
    site.call("DELETE", "/bucket/a%20b", &[], "").await.expect(204);
    let found = site.call("GET", "/bucket/copy", &[], "").await.expect(200);
    assert!(found.text() == large && found.header("x-amz-meta-m") == "1" && found.header("content-type") == "a/b");
    let itself = ("x-amz-copy-source", "bucket/copy");
    site.call("PUT", "/bucket/copy", &[itself], "").await.expect_error(400, "InvalidRequest");
    let replace = ("x-amz-metadata-directive", "REPLACE");
    site.call("PUT", "/bucket/copy", &[itself, replace, ("x-amz-meta-n", "2")], "").await.expect(200);
    let found = site.call("GET", "/bucket/copy", &[], "").await.expect(200);
    assert!(found.text() == large && found.header("x-amz-meta-m").is_empty() && found.header("x-amz-meta-n") == "2");
    let condition = ("x-amz-copy-source-if-none-match", found.header("etag").to_owned());
    let refused = site.call("PUT", "/bucket/c", &[itself, (condition.0, &condition.1)], "").await;
    refused.expect_error(412, "PreconditionFailed");
    site.call("PUT", "/bucket/c", &[source], "").await.expect_error(404, "NoSuchKey");
    site.call("DELETE", "/bucket/copy", &[], "").await.expect(204);
    site.files_left(0).await;
}

#[tokio::test]
async fn checksums() {
    let site = Site::with_bucket().await;
    let put = async |headers: &[(&str, &str)]| site.call("PUT", "/bucket/key", headers, "hello").await;
    for (name, right, wrong) in [
        ("x-amz-checksum-crc32", "NhCmhg==", "AAAAAA=="),
        ("x-amz-checksum-crc32c", "mnG7TA==", "AAAAAA=="),
        ("x-amz-checksum-sha1", "qvTGHdzF6KLavt4PO0gs2a6pQ00=", "qvTGHdzF6KLavt4PO0gs2a6pQ01="),
        ("x-amz-checksum-sha256", "LPJNul+wow4m6DsqxbninhsWHlwfp0JecwQzYpOLmCQ=", "x"),
        ("content-md5", "XUFAKrxLKna5cZ2REBfFkg==", "AAAAAAAAAAAAAAAAAAAAAA=="),
    ] {
        put(&[(name, wrong)]).await.expect_error(400, "BadDigest");
        put(&[(name, right)]).await.expect(200);
        let found = site.call("GET", "/bucket/key", &[("x-amz-checksum-mode", "ENABLED")], "").await.expect(200);
        if name != "content-md5" {
            assert_eq!((found.header(name), found.header("x-amz-checksum-type")), (right, "FULL_OBJECT"));
        }
        assert_eq!(site.call("GET", "/bucket/key", &[], "").await.header(name), "", "only when asked for");
    }
    put(&[("content-md5", "short")]).await.expect_error(400, "InvalidDigest");
    put(&[]).await.expect(200);
    let asked = [("x-amz-object-attributes", "Checksum,ObjectSize,ETag")];
    let attributes = site.call("GET", "/bucket/key?attributes", &asked, "").await.expect(200);
    assert!(!attributes.element("ChecksumCRC64NVME").is_empty());
    assert_eq!(attributes.element("ObjectSize"), "5");
}

#[tokio::test]
async fn keys_are_only_names() {
    let site = Site::with_bucket().await;
    let long = "k".repeat(1024);
    let keys = [
        "..",
        "../../../../etc/passwd",
        "%2e%2e%2f%2e%2e%2fx",
        "/",
        "//",
        "/lead",
        "trail/",
        "a//b",
        "a/./b",
        "a/../b",
        "%00",
        "%01%0D%0A",
        "%C3%A9%E2%98%83",
        "a%20b",
        "a+b",
        "%2B",
        "%25",
        "%3Fq",
        "%23f",
        "~",
        "%5C..%5Cx",
        "index.sqlite",
        &long,
    ];
    for key in keys {
        site.call("PUT", &format!("/bucket/{key}"), &[], key.to_owned()).await.expect(200);
        if key.len() < 1000 {
            site.call("PUT", &format!("/bucket/{key}-in-a-file"), &[], "b".repeat(40_000)).await.expect(200);
        }
    }
    for key in keys {
        assert_eq!(site.call("GET", &format!("/bucket/{key}"), &[], "").await.expect(200).text(), key);
    }
    site.call("PUT", &format!("/bucket/{long}k"), &[], "").await.expect_error(400, "KeyTooLongError");
    site.call("PUT", "/bucket/%FF", &[], "").await.expect(400);
    let root = site.root();
    let outside: Vec<_> =
        site::files(root.parent().expect("a parent")).into_iter().filter(|file| !file.starts_with(&root)).collect();
    assert_eq!(outside, Vec::<std::path::PathBuf>::new());
    for file in site::files(&root.join("blobs")) {
        let name = file.strip_prefix(&root).expect("inside").to_str().expect("text").to_owned();
        assert!(name.bytes().all(|byte| byte.is_ascii_hexdigit() || b"blobs/".contains(&byte)), "{name}");
    }
    let listed = site.call("GET", "/bucket?list-type=2&prefix=%01", &[], "").await.expect(200);
    assert_eq!(listed.element("Key"), "&#x1;&#xD;\n", "control characters are references");
}

#[tokio::test]
async fn xml_objects_come_back_as_they_are() {
    let site = Site::with_bucket().await;
    let body = "<Error>\u{1}\r</Error>";
    site.call("PUT", "/bucket/key", &[("content-type", "application/xml")], body).await.expect(200);
    assert_eq!(site.call("GET", "/bucket/key", &[], "").await.expect(200).text(), body);
}

#[tokio::test]
async fn many_at_once_are_deleted() {
    let site = Site::with_bucket().await;
    for key in ["a", "b", "c"] {
        site.call("PUT", &format!("/bucket/{key}"), &[], "x").await.expect(200);
    }
    let body = "<Delete><Object><Key>a</Key></Object><Object><Key>none</Key></Object>\
                <Object><Key>b</Key><ETag>\"0\"</ETag></Object>\
                <Object><Key>c</Key><VersionId>9</VersionId></Object></Delete>";
    let answer = site.call("POST", "/bucket?delete", &[], body).await.expect(200);
    assert_eq!(answer.text().matches("<Deleted>").count(), 2);
    let mut codes = answer.elements("Code");
    codes.sort();
    assert_eq!(codes, ["NoSuchVersion", "PreconditionFailed"]);
    let quiet = "<Delete><Quiet>true</Quiet><Object><Key>b</Key></Object></Delete>";
    assert!(!site.call("POST", "/bucket?delete", &[], quiet).await.expect(200).text().contains("Deleted"));
    assert_eq!(site.call("GET", "/bucket", &[], "").await.expect(200).elements("Key"), ["c"]);
    let none = "<Delete></Delete>";
    site.call("POST", "/bucket?delete", &[], none).await.expect_error(400, "MalformedXML");
}

#[tokio::test]
async fn limits_of_what_is_kept() {
    let site = Site::with_bucket().await;
    let long = "v".repeat(2048);
    site.call("PUT", "/bucket/key", &[("x-amz-meta-a", &long)], "").await.expect_error(400, "MetadataTooLarge");
    site.call("PUT", "/bucket/key", &[("x-amz-tagging", "a=1&a=2")], "").await.expect_error(400, "InvalidTag");
    let many: Vec<String> = (0..11).map(|index| format!("k{index}=v")).collect();
    site.call("PUT", "/bucket/key", &[("x-amz-tagging", &many.join("&"))], "").await.expect_error(400, "InvalidTag");
    site.call("HEAD", "/bucket/key", &[], "").await.expect(404);
}
