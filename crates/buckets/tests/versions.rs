//! Versions, delete markers, Object Lock and MFA Delete.

mod site;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, SystemTime};

use proptest::prelude::*;
use site::{Answer, Site};

const ENABLED: &str = "<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>";
const SUSPENDED: &str = "<VersioningConfiguration><Status>Suspended</Status></VersioningConfiguration>";

async fn versioned() -> Site {
    let site = Site::with_bucket().await;
    site.call("PUT", "/bucket?versioning", &[], ENABLED).await.expect(200);
    site
}

async fn put(site: &Site, key: &str, body: &str) -> String {
    let answer = site.call("PUT", &format!("/bucket/{key}"), &[], body.to_owned()).await.expect(200);
    answer.header("x-amz-version-id").to_owned()
}

async fn get(site: &Site, target: &str) -> Answer {
    site.call("GET", &format!("/bucket/{target}"), &[], "").await
}

/// A date so many seconds from now, as headers have it.
fn after(seconds: u64) -> String {
    let time = SystemTime::now() + Duration::from_secs(seconds);
    let since = time.duration_since(SystemTime::UNIX_EPOCH).expect("after 1970").as_secs();
    let (days, second) = ((since / 86_400) as i64, since % 86_400);
    // Howard Hinnant's days to civil date.
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let day_of_era = shifted.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_index = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_index + 2) / 5 + 1;
    let month = if month_index < 10 { month_index + 3 } else { month_index - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    format!("{year:04}-{month:02}-{day:02}T{:02}:{:02}:{:02}Z", second / 3600, second / 60 % 60, second % 60)
}

#[tokio::test]
async fn what_is_overwritten_or_deleted_stays() {
    let site = versioned().await;
    let status = get(&site, "?versioning").await.expect(200);
    assert_eq!(status.element("Status"), "Enabled");
    let (first, second) = (put(&site, "key", "one").await, put(&site, "key", "two").await);
    assert!(first.len() == 32 && first != second);
    assert_eq!(get(&site, "key").await.expect(200).text(), "two");
    let old = get(&site, &format!("key?versionId={first}")).await.expect(200);
    assert_eq!((old.text(), old.header("x-amz-version-id")), ("one", &*first));
    let deleted = site.call("DELETE", "/bucket/key", &[], "").await.expect(204);
    assert_eq!(deleted.header("x-amz-delete-marker"), "true");
    let marker = deleted.header("x-amz-version-id").to_owned();
    let gone = get(&site, "key").await;
    assert_eq!((gone.header("x-amz-delete-marker"), gone.header("x-amz-version-id")), ("true", &*marker));
    gone.expect_error(404, "NoSuchKey");
    get(&site, &format!("key?versionId={marker}")).await.expect_error(405, "MethodNotAllowed");
    get(&site, "key?versionId=nothing").await.expect_error(404, "NoSuchVersion");
    assert_eq!(get(&site, "?list-type=2").await.expect(200).element("KeyCount"), "0");
    site.call("DELETE", "/bucket", &[], "").await.expect_error(409, "BucketNotEmpty");
    let listed = get(&site, "?versions").await.expect(200);
    // Delete markers stand before versions in the document.
    assert_eq!(listed.elements("VersionId"), [marker.clone(), second.clone(), first.clone()]);
    assert_eq!(listed.elements("IsLatest"), ["true", "false", "false"]);
    // The marker goes, and what was below it is the object again.
    let removed = site.call("DELETE", &format!("/bucket/key?versionId={marker}"), &[], "").await.expect(204);
    assert_eq!(removed.header("x-amz-delete-marker"), "true");
    assert_eq!(get(&site, "key").await.expect(200).text(), "two");
    site.call("DELETE", &format!("/bucket/key?versionId={second}"), &[], "").await.expect(204);
    assert_eq!(get(&site, "key").await.expect(200).text(), "one");
    site.call("DELETE", &format!("/bucket/key?versionId={first}"), &[], "").await.expect(204);
    get(&site, "key").await.expect_error(404, "NoSuchKey");
    site.call("DELETE", "/bucket", &[], "").await.expect(204);
}

#[tokio::test]
async fn versions_outlive_a_restart_and_their_files_go_with_them() {
    let mut site = versioned().await;
    let large = "x".repeat(200_000);
    let first = put(&site, "key", &large).await;
    put(&site, "key", "small").await;
    site.call("DELETE", "/bucket/key", &[], "").await.expect(204);
    site.restart().await;
    assert_eq!(get(&site, &format!("key?versionId={first}")).await.expect(200).text(), large);
    site.files_left(1).await;
    site.call("DELETE", &format!("/bucket/key?versionId={first}"), &[], "").await.expect(204);
    site.files_left(0).await;
}

#[tokio::test]
async fn a_bucket_that_was_never_versioned_says_nothing_of_versions() {
    let site = Site::with_bucket().await;
    assert_eq!(put(&site, "key", "one").await, "");
    assert_eq!(get(&site, "?versioning").await.expect(200).element("Status"), "");
    assert_eq!(get(&site, "key?versionId=null").await.expect(200).text(), "one");
    assert_eq!(get(&site, "?versions").await.expect(200).elements("VersionId"), ["null"]);
    let deleted = site.call("DELETE", "/bucket/key", &[], "").await.expect(204);
    assert_eq!((deleted.header("x-amz-delete-marker"), deleted.header("x-amz-version-id")), ("", ""));
    assert!(get(&site, "?versions").await.expect(200).elements("VersionId").is_empty());
}

#[tokio::test]
async fn a_suspended_bucket_has_one_null_version() {
    let site = Site::with_bucket().await;
    put(&site, "key", "before").await;
    site.call("PUT", "/bucket?versioning", &[], ENABLED).await.expect(200);
    let kept = put(&site, "key", "kept").await;
    assert_eq!(get(&site, "key?versionId=null").await.expect(200).text(), "before");
    site.call("PUT", "/bucket?versioning", &[], SUSPENDED).await.expect(200);
    assert_eq!(put(&site, "key", "after").await, "null");
    assert_eq!(put(&site, "key", "last").await, "null");
    assert_eq!(get(&site, "?versions").await.expect(200).elements("VersionId"), ["null", &*kept]);
    assert_eq!(get(&site, "key?versionId=null").await.expect(200).text(), "last");
    let deleted = site.call("DELETE", "/bucket/key", &[], "").await.expect(204);
    assert_eq!((deleted.header("x-amz-delete-marker"), deleted.header("x-amz-version-id")), ("true", "null"));
    assert_eq!(get(&site, &format!("key?versionId={kept}")).await.expect(200).text(), "kept");
    let listed = get(&site, "?versions").await.expect(200);
    assert_eq!(listed.elements("VersionId"), ["null", &*kept]);
    assert_eq!(listed.elements("IsLatest"), ["true", "false"]);
    site.call("PUT", "/bucket?versioning", &[], "<VersioningConfiguration/>")
        .await
        .expect_error(400, "IllegalVersioningConfigurationException");
}

#[tokio::test]
async fn versions_are_listed_in_pages() {
    let site = versioned().await;
    let mut expected = Vec::new();
    for key in ["a", "b/1", "b/2", "c"] {
        let mut versions = Vec::new();
        for body in ["1", "2", "3"] {
            versions.push((key.to_owned(), put(&site, key, body).await));
        }
        expected.extend(versions.into_iter().rev());
    }
    for page_size in [1, 2, 5, 100] {
        let (mut found, mut marker) = (Vec::new(), String::new());
        loop {
            let page = get(&site, &format!("?versions&max-keys={page_size}{marker}")).await.expect(200);
            found.extend(page.elements("Key").into_iter().zip(page.elements("VersionId")));
            if page.element("IsTruncated") == "false" {
                break;
            }
            let (key, version) = (page.element("NextKeyMarker"), page.element("NextVersionIdMarker"));
            marker = format!("&key-marker={}&version-id-marker={version}", key.replace('/', "%2F"));
        }
        assert_eq!(found, expected, "{page_size}");
    }
    let rolled = get(&site, "?versions&delimiter=%2F").await.expect(200);
    assert_eq!((rolled.elements("VersionId").len(), rolled.elements("CommonPrefixes").len()), (6, 1));
    assert_eq!(get(&site, "?versions&prefix=b").await.expect(200).elements("VersionId").len(), 6);
    assert_eq!(get(&site, "?versions&key-marker=b%2F2").await.expect(200).elements("Key"), ["c", "c", "c"]);
    get(&site, "?versions&version-id-marker=x").await.expect_error(400, "InvalidArgument");
}

#[tokio::test]
async fn copies_tags_and_uploads_know_versions() {
    let site = versioned().await;
    let first = put(&site, "key", "one").await;
    put(&site, "key", "two").await;
    let source = format!("/bucket/key?versionId={first}");
    let copy = site.call("PUT", "/bucket/copy", &[("x-amz-copy-source", &source)], "").await.expect(200);
    assert_eq!(copy.header("x-amz-copy-source-version-id"), first);
    assert_eq!(copy.header("x-amz-version-id").len(), 32);
    assert_eq!(get(&site, "copy").await.expect(200).text(), "one");
    // An old version comes back by a copy over the new one.
    site.call("PUT", "/bucket/key", &[("x-amz-copy-source", &source)], "").await.expect(200);
    assert_eq!(get(&site, "key").await.expect(200).text(), "one");
    let tags = "<Tagging><TagSet><Tag><Key>c</Key><Value>4</Value></Tag></TagSet></Tagging>";
    let tagged = site.call("PUT", &format!("/bucket/key?tagging&versionId={first}"), &[], tags).await.expect(200);
    assert_eq!(tagged.header("x-amz-version-id"), first);
    let of = |version: String| format!("key?tagging&versionId={version}");
    assert_eq!(get(&site, &of(first)).await.expect(200).elements("Value"), ["4"]);
    assert!(get(&site, "key?tagging").await.expect(200).elements("Value").is_empty());
    let upload = site.call("POST", "/bucket/key?uploads", &[], "").await.expect(200).element("UploadId");
    let part = site.call("PUT", &format!("/bucket/key?partNumber=1&uploadId={upload}"), &[], "part").await.expect(200);
    let list = format!(
        "<CompleteMultipartUpload><Part><PartNumber>1</PartNumber><ETag>{}</ETag></Part></CompleteMultipartUpload>",
        part.header("etag")
    );
    let done = site.call("POST", &format!("/bucket/key?uploadId={upload}"), &[], list).await.expect(200);
    assert_eq!(done.header("x-amz-version-id").len(), 32);
    assert_eq!(get(&site, "?versions&prefix=key").await.expect(200).elements("VersionId").len(), 4);
}

#[tokio::test]
async fn many_deletions_have_an_outcome_each() {
    let site = versioned().await;
    let first = put(&site, "a", "one").await;
    put(&site, "a", "two").await;
    put(&site, "b", "one").await;
    let body = format!(
        "<Delete><Object><Key>a</Key><VersionId>{first}</VersionId></Object><Object><Key>b</Key></Object></Delete>"
    );
    let done = site.call("POST", "/bucket?delete", &[], body).await.expect(200);
    assert_eq!(done.elements("VersionId"), [first]);
    assert_eq!(done.elements("DeleteMarker"), ["true"]);
    assert_eq!(done.elements("DeleteMarkerVersionId").len(), 1);
    assert_eq!(get(&site, "a").await.expect(200).text(), "two");
}

async fn locked(default: &str) -> Site {
    let site = Site::new().await;
    let headers = [("x-amz-bucket-object-lock-enabled", "true")];
    site.call("PUT", "/bucket", &headers, "").await.expect(200);
    let rule = format!(
        "<ObjectLockConfiguration><ObjectLockEnabled>Enabled</ObjectLockEnabled>{default}</ObjectLockConfiguration>"
    );
    site.call("PUT", "/bucket?object-lock", &[], rule).await.expect(200);
    site
}

const COMPLIANCE: &str = "<Rule><DefaultRetention><Mode>COMPLIANCE</Mode><Days>1</Days></DefaultRetention></Rule>";
const BYPASS: [(&str, &str); 1] = [("x-amz-bypass-governance-retention", "true")];

#[tokio::test]
async fn nobody_removes_what_compliance_holds() {
    let mut site = locked(COMPLIANCE).await;
    let configuration = get(&site, "?object-lock").await.expect(200);
    assert_eq!((configuration.element("Mode"), configuration.element("Days")), ("COMPLIANCE".into(), "1".into()));
    let version = put(&site, "key", "held").await;
    let held = get(&site, "key").await.expect(200);
    assert_eq!(held.header("x-amz-object-lock-mode"), "COMPLIANCE");
    assert!(held.header("x-amz-object-lock-retain-until-date") > &*after(86_000));
    let named = format!("/bucket/key?versionId={version}");
    for headers in [&[][..], &BYPASS[..]] {
        site.call("DELETE", &named, headers, "").await.expect_error(403, "AccessDenied");
    }
    let body = format!("<Delete><Object><Key>key</Key><VersionId>{version}</VersionId></Object></Delete>");
    let refused = site.call("POST", "/bucket?delete", &BYPASS, body).await.expect(200);
    assert_eq!((refused.element("Code"), refused.elements("Deleted").len()), ("AccessDenied".into(), 0));
    let retention = |mode: &str, until: &str| {
        format!("<Retention><Mode>{mode}</Mode><RetainUntilDate>{until}</RetainUntilDate></Retention>")
    };
    let target = format!("/bucket/key?retention&versionId={version}");
    for body in [
        retention("COMPLIANCE", &after(60)),
        retention("GOVERNANCE", &after(200_000)),
        "<Retention></Retention>".to_owned(),
    ] {
        site.call("PUT", &target, &BYPASS, body).await.expect_error(403, "AccessDenied");
    }
    site.call("PUT", &target, &[], retention("COMPLIANCE", &after(200_000))).await.expect(200);
    site.call("PUT", "/bucket?versioning", &[], SUSPENDED).await.expect_error(409, "InvalidBucketState");
    // A marker hides it, a new version stands before it, and it stays.
    site.call("DELETE", "/bucket/key", &[], "").await.expect(204);
    put(&site, "key", "another").await;
    site.restart().await;
    assert_eq!(get(&site, &format!("key?versionId={version}")).await.expect(200).text(), "held");
    site.call("DELETE", "/bucket", &[], "").await.expect_error(409, "BucketNotEmpty");
    site.call("DELETE", &named, &BYPASS, "").await.expect_error(403, "AccessDenied");
}

#[tokio::test]
async fn governance_and_legal_holds_can_be_ended() {
    let site = locked("").await;
    let until = after(3_600);
    let headers = [("x-amz-object-lock-mode", "GOVERNANCE"), ("x-amz-object-lock-retain-until-date", until.as_str())];
    let version =
        site.call("PUT", "/bucket/key", &headers, "x").await.expect(200).header("x-amz-version-id").to_owned();
    let shown = get(&site, &format!("key?retention&versionId={version}")).await.expect(200);
    assert_eq!(
        (shown.element("Mode"), shown.element("RetainUntilDate")),
        ("GOVERNANCE".into(), until.replace('Z', ".000Z"))
    );
    let named = format!("/bucket/key?versionId={version}");
    site.call("DELETE", &named, &[], "").await.expect_error(403, "AccessDenied");
    let hold = |status: &str| format!("<LegalHold><Status>{status}</Status></LegalHold>");
    site.call("PUT", "/bucket/key?legal-hold", &[], hold("ON")).await.expect(200);
    assert_eq!(get(&site, "key?legal-hold").await.expect(200).element("Status"), "ON");
    assert_eq!(get(&site, "key").await.expect(200).header("x-amz-object-lock-legal-hold"), "ON");
    site.call("DELETE", &named, &BYPASS, "").await.expect_error(403, "AccessDenied");
    site.call("PUT", "/bucket/key?legal-hold", &[], hold("OFF")).await.expect(200);
    site.call("DELETE", &named, &BYPASS, "").await.expect(204);
    // Without any lock.
    put(&site, "free", "x").await;
    get(&site, "free?retention").await.expect_error(404, "NoSuchObjectLockConfiguration");
    let past =
        [("x-amz-object-lock-mode", "GOVERNANCE"), ("x-amz-object-lock-retain-until-date", "2020-01-01T00:00:00Z")];
    site.call("PUT", "/bucket/key", &past, "x").await.expect_error(400, "InvalidArgument");
    site.call("PUT", "/bucket/key", &past[..1], "x").await.expect_error(400, "InvalidArgument");
}

#[tokio::test]
async fn locks_need_a_bucket_that_has_them() {
    let site = Site::with_bucket().await;
    get(&site, "?object-lock").await.expect_error(404, "ObjectLockConfigurationNotFoundError");
    let rule = |default: &str| {
        format!(
            "<ObjectLockConfiguration><ObjectLockEnabled>Enabled</ObjectLockEnabled>{default}</ObjectLockConfiguration>"
        )
    };
    site.call("PUT", "/bucket?object-lock", &[], rule(COMPLIANCE)).await.expect_error(409, "InvalidBucketState");
    let until = after(60);
    let headers = [("x-amz-object-lock-mode", "COMPLIANCE"), ("x-amz-object-lock-retain-until-date", until.as_str())];
    site.call("PUT", "/bucket/key", &headers, "x").await.expect_error(400, "InvalidRequest");
    site.call("POST", "/bucket/key?uploads", &headers, "").await.expect_error(400, "InvalidRequest");
    put(&site, "key", "x").await;
    let hold = "<LegalHold><Status>ON</Status></LegalHold>";
    site.call("PUT", "/bucket/key?legal-hold", &[], hold).await.expect_error(400, "InvalidRequest");
    site.call("PUT", "/bucket?versioning", &[], ENABLED).await.expect(200);
    for wrong in [
        "<Rule><DefaultRetention><Mode>COMPLIANCE</Mode></DefaultRetention></Rule>",
        "<Rule><DefaultRetention><Mode>COMPLIANCE</Mode><Days>1</Days><Years>1</Years></DefaultRetention></Rule>",
        "<Rule><DefaultRetention><Mode>STRICT</Mode><Days>1</Days></DefaultRetention></Rule>",
    ] {
        site.call("PUT", "/bucket?object-lock", &[], rule(wrong)).await.expect_error(400, "MalformedXML");
    }
    let none = "<Rule><DefaultRetention><Mode>COMPLIANCE</Mode><Days>0</Days></DefaultRetention></Rule>";
    site.call("PUT", "/bucket?object-lock", &[], rule(none)).await.expect_error(400, "InvalidArgument");
    site.call("PUT", "/bucket?object-lock", &[], rule(COMPLIANCE)).await.expect(200);
}

#[tokio::test]
async fn mfa_delete_needs_a_code() {
    let is_right = Arc::new(AtomicBool::new(true));
    let check = {
        let is_right = Arc::clone(&is_right);
        Arc::new(move |header: &str| header == "serial 123456" && is_right.swap(false, Ordering::Relaxed))
    };
    let site = Site::with_mfa(check).await;
    let both =
        "<VersioningConfiguration><Status>Enabled</Status><MfaDelete>Enabled</MfaDelete></VersioningConfiguration>";
    site.call("PUT", "/bucket?versioning", &[], both).await.expect_error(403, "AccessDenied");
    let code = [("x-amz-mfa", "serial 123456")];
    site.call("PUT", "/bucket?versioning", &code, both).await.expect(200);
    assert_eq!(get(&site, "?versioning").await.expect(200).element("MfaDelete"), "Enabled");
    let version = put(&site, "key", "x").await;
    let named = format!("/bucket/key?versionId={version}");
    site.call("DELETE", &named, &[], "").await.expect_error(403, "AccessDenied");
    // The code was used.
    site.call("DELETE", &named, &code, "").await.expect_error(403, "AccessDenied");
    site.call("PUT", "/bucket?versioning", &[], SUSPENDED).await.expect_error(403, "AccessDenied");
    site.call("DELETE", "/bucket/key", &[], "").await.expect(204);
    is_right.store(true, Ordering::Relaxed);
    site.call("DELETE", &named, &code, "").await.expect(204);
}

/// What a caller does to one key.
#[derive(Debug, Clone)]
enum Act {
    Put,
    Delete,
    /// The version of this place in the list, modulo its length.
    RemoveVersion(usize),
    Enable,
    Suspend,
}

fn acts() -> impl Strategy<Value = Vec<Act>> {
    let act = prop_oneof![
        4 => Just(Act::Put),
        3 => Just(Act::Delete),
        4 => (0_usize..20).prop_map(Act::RemoveVersion),
        1 => Just(Act::Enable),
        1 => Just(Act::Suspend),
    ];
    prop::collection::vec(act, 1..40)
}

/// Versions of a key as the user guide tells of them, oldest first: id, and body unless it is a delete marker.
#[derive(Debug, Default)]
struct PlainVersions {
    status: Option<bool>,
    versions: Vec<(String, Option<String>)>,
}

impl PlainVersions {
    fn add(&mut self, id: &str, body: Option<String>) {
        match self.status {
            None => {
                self.versions.clear();
                if body.is_none() {
                    return;
                }
            }
            Some(true) => {}
            Some(false) => self.versions.retain(|(id, _)| id != "null"),
        }
        self.versions.push((if id.is_empty() { "null".to_owned() } else { id.to_owned() }, body));
    }
}

async fn compare(site: &Site, plain: &PlainVersions) {
    let newest = plain.versions.last().and_then(|(_, body)| body.clone());
    let found = get(site, "key").await;
    assert_eq!((found.status == 200).then(|| found.text().to_owned()), newest);
    let listed = get(site, "?versions").await.expect(200);
    let (mut ids, mut expected) =
        (listed.elements("VersionId"), plain.versions.iter().map(|(id, _)| id.clone()).collect::<Vec<_>>());
    ids.sort();
    expected.sort();
    assert_eq!(ids, expected);
    let bodies: Vec<String> =
        plain.versions.iter().rev().filter_map(|(id, body)| body.as_ref().map(|_| id.clone())).collect();
    let objects: Vec<String> = listed
        .text()
        .split("<Version>")
        .skip(1)
        .map(|piece| {
            piece.split_once("<VersionId>").and_then(|(_, rest)| rest.split_once('<')).expect("an id").0.to_owned()
        })
        .collect();
    assert_eq!(objects, bodies, "newest first");
    for (id, body) in &plain.versions {
        let found = get(site, &format!("key?versionId={id}")).await;
        assert_eq!((found.status == 200).then(|| found.text().to_owned()), *body);
    }
}

async fn run(acts: Vec<Act>) {
    let site = Site::with_bucket().await;
    let mut plain = PlainVersions::default();
    for (number, act) in acts.into_iter().enumerate() {
        match act {
            Act::Put => {
                let body = number.to_string();
                let id = put(&site, "key", &body).await;
                plain.add(&id, Some(body));
            }
            Act::Delete => {
                let answer = site.call("DELETE", "/bucket/key", &[], "").await.expect(204);
                plain.add(answer.header("x-amz-version-id"), None);
            }
            Act::RemoveVersion(place) if !plain.versions.is_empty() => {
                let (id, _) = plain.versions.remove(place % plain.versions.len());
                site.call("DELETE", &format!("/bucket/key?versionId={id}"), &[], "").await.expect(204);
            }
            Act::RemoveVersion(_) => {}
            Act::Enable => {
                site.call("PUT", "/bucket?versioning", &[], ENABLED).await.expect(200);
                plain.status = Some(true);
            }
            Act::Suspend => {
                site.call("PUT", "/bucket?versioning", &[], SUSPENDED).await.expect(200);
                plain.status = Some(false);
            }
        }
        compare(&site, &plain).await;
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn versions_are_what_the_user_guide_says(acts in acts()) {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("a runtime");
        runtime.block_on(run(acts));
    }
}
