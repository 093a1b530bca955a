//! Buckets and their settings.

mod site;

use site::{Site, caller};

use buckets::{Access, CallerAccess};
use model::AccountId;

#[tokio::test]
async fn a_bucket_from_start_to_end() {
    let site = Site::new().await;
    site.call("HEAD", "/bucket", &[], "").await.expect(404);
    site.call("DELETE", "/bucket", &[], "").await.expect_error(404, "NoSuchBucket");
    assert_eq!(site.call("PUT", "/bucket", &[], "").await.expect(200).header("location"), "/bucket");
    site.call("PUT", "/bucket", &[], "").await.expect_error(409, "BucketAlreadyOwnedByYou");
    let other = CallerAccess { account: AccountId::parse("999999999999").expect("an account"), ..caller() };
    site.call_as(other.clone(), "PUT", "/bucket", &[], "").await.expect_error(409, "BucketAlreadyExists");
    assert_eq!(site.call_as(other, "GET", "/", &[], "").await.expect(200).elements("Name"), Vec::<String>::new());
    assert_eq!(site.call("GET", "/", &[], "").await.expect(200).elements("Name"), ["bucket"]);
    assert_eq!(site.call("HEAD", "/bucket", &[], "").await.expect(200).header("x-amz-bucket-region"), "us-east-1");
    site.call("PUT", "/bucket/key", &[], "x").await.expect(200);
    site.call("DELETE", "/bucket", &[], "").await.expect_error(409, "BucketNotEmpty");
    site.call("DELETE", "/bucket/key", &[], "").await.expect(204);
    site.call("DELETE", "/bucket", &[], "").await.expect(204);
    site.call("GET", "/bucket", &[], "").await.expect_error(404, "NoSuchBucket");
}

#[tokio::test]
async fn names_and_places() {
    let site = Site::new().await;
    for name in ["ab", "Upper", "under_score", "192.168.1.1", "a..b", "-dash"] {
        site.call("PUT", &format!("/{name}"), &[], "").await.expect_error(400, "InvalidBucketName");
    }
    let body =
        "<CreateBucketConfiguration><LocationConstraint>eu-west-2</LocationConstraint></CreateBucketConfiguration>";
    site.call("PUT", "/far", &[], body).await.expect(200);
    site.call("PUT", "/near", &[], "").await.expect(200);
    assert_eq!(site.call("HEAD", "/far", &[], "").await.expect(200).header("x-amz-bucket-region"), "eu-west-2");
    let location = |name: &'static str| site.call("GET", name, &[], "");
    assert!(location("/far?location").await.expect(200).text().contains(">eu-west-2<"));
    assert!(!location("/near?location").await.expect(200).text().contains("us-east-1"));
    let listed = site.call("GET", "/?max-buckets=1", &[], "").await.expect(200);
    assert_eq!(listed.elements("Name"), ["far"]);
    let next = format!("/?max-buckets=1&continuation-token={}", listed.element("ContinuationToken"));
    assert_eq!(site.call("GET", &next, &[], "").await.expect(200).elements("Name"), ["near"]);
}

#[tokio::test]
async fn settings() {
    let site = Site::with_bucket().await;
    site.call("GET", "/bucket?policy", &[], "").await.expect_error(404, "NoSuchBucketPolicy");
    let policy = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow"}]}"#;
    site.call("PUT", "/bucket?policy", &[], policy).await.expect(204);
    let found = site.call("GET", "/bucket?policy", &[], "").await.expect(200);
    assert_eq!((found.text(), found.header("content-type")), (policy, "application/json"));
    assert_eq!(site.service().bucket_policy("bucket").await.expect("reads").as_deref(), Some(policy));
    assert_eq!(site.service().bucket_policy("none").await.expect("reads"), None);
    assert!(site.service().has_bucket("bucket").await.expect("reads"));
    assert!(!site.service().has_bucket("none").await.expect("reads"));
    site.call("PUT", "/bucket?policy", &[], "no json").await.expect_error(400, "MalformedPolicy");
    site.call("DELETE", "/bucket?policy", &[], "").await.expect(204);
    site.call("GET", "/bucket?policy", &[], "").await.expect_error(404, "NoSuchBucketPolicy");

    site.call("GET", "/bucket?tagging", &[], "").await.expect_error(404, "NoSuchTagSet");
    let tags = "<Tagging><TagSet><Tag><Key>k</Key><Value>v &amp; w</Value></Tag></TagSet></Tagging>";
    site.call("PUT", "/bucket?tagging", &[], tags).await.expect(204);
    assert_eq!(site.call("GET", "/bucket?tagging", &[], "").await.expect(200).element("Value"), "v &amp; w");
    site.call("DELETE", "/bucket?tagging", &[], "").await.expect(204);

    let versioning = site.call("GET", "/bucket?versioning", &[], "").await.expect(200);
    assert!(!versioning.text().contains("Status"));
    let acl = site.call("GET", "/bucket?acl", &[], "").await.expect(200);
    assert_eq!(acl.element("Permission"), "FULL_CONTROL");
    assert_eq!(acl.element("ID").len(), 64);
}

#[tokio::test]
async fn what_is_not_served_says_so() {
    let site = Site::with_bucket().await;
    site.call("PUT", "/bucket/key", &[], "x").await.expect(200);
    for setting in ["encryption", "lifecycle", "cors", "replication", "website"] {
        site.call("DELETE", &format!("/bucket?{setting}"), &[], "").await.expect_error(501, "NotImplemented");
    }
    site.call("PUT", "/bucket?logging", &[], "<BucketLoggingStatus/>").await.expect_error(501, "NotImplemented");
    let rule = "<Rule><ApplyServerSideEncryptionByDefault><SSEAlgorithm>AES256</SSEAlgorithm></ApplyServerSideEncryptionByDefault></Rule>";
    let asked = format!("<ServerSideEncryptionConfiguration>{rule}</ServerSideEncryptionConfiguration>");
    let refused = site.call("PUT", "/bucket?encryption", &[], asked).await.expect(501);
    assert!(refused.element("Message").contains("encrypted disk"), "{}", refused.text());
    let form = [("content-type", "multipart/form-data; boundary=x")];
    site.call("POST", "/bucket", &form, "--x--").await.expect_error(501, "NotImplemented");
    for (name, value, status, code) in [
        ("x-amz-server-side-encryption", "aws:kms", 501, "NotImplemented"),
        ("x-amz-acl", "public-read", 400, "AccessControlListNotSupported"),
        ("x-amz-grant-read", "id=1", 400, "AccessControlListNotSupported"),
        ("x-amz-storage-class", "GLACIER", 400, "InvalidStorageClass"),
    ] {
        site.call("PUT", "/bucket/other", &[(name, value)], "x").await.expect_error(status, code);
    }
    site.call("PUT", "/bucket/other", &[("x-amz-acl", "bucket-owner-full-control")], "x").await.expect(200);
    site.call("GET", "/bucket/key?versionId=1", &[], "").await.expect_error(404, "NoSuchVersion");
    site.call("GET", "/bucket/key?versionId=null", &[], "").await.expect(200);
}

#[tokio::test]
async fn what_no_bucket_has_is_not_set() {
    let site = Site::with_bucket().await;
    for (setting, code) in [
        ("encryption", "ServerSideEncryptionConfigurationNotFoundError"),
        ("lifecycle", "NoSuchLifecycleConfiguration"),
        ("cors", "NoSuchCORSConfiguration"),
        ("replication", "ReplicationConfigurationNotFoundError"),
        ("website", "NoSuchWebsiteConfiguration"),
        ("policyStatus", "NoSuchBucketPolicy"),
    ] {
        site.call("GET", &format!("/bucket?{setting}"), &[], "").await.expect_error(404, code);
        site.call("GET", &format!("/none?{setting}"), &[], "").await.expect_error(404, "NoSuchBucket");
    }
    for setting in ["logging", "accelerate", "notification"] {
        let answer = site.call("GET", &format!("/bucket?{setting}"), &[], "").await.expect(200);
        assert!(!answer.text().contains("Enabled"), "{}", answer.text());
        site.call("GET", &format!("/none?{setting}"), &[], "").await.expect_error(404, "NoSuchBucket");
    }
    let payment = site.call("GET", "/bucket?requestPayment", &[], "").await.expect(200);
    assert_eq!(payment.element("Payer"), "BucketOwner");
}

#[tokio::test]
async fn nothing_is_public_and_the_owner_owns_all() {
    let site = Site::with_bucket().await;
    let block = "/bucket?publicAccessBlock";
    let switches = ["BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets"];
    let answer = site.call("GET", block, &[], "").await.expect(200);
    assert!(switches.iter().all(|switch| answer.element(switch) == "true"), "{}", answer.text());
    let asked = "<PublicAccessBlockConfiguration><BlockPublicAcls>true</BlockPublicAcls>\
                 <RestrictPublicBuckets>false</RestrictPublicBuckets></PublicAccessBlockConfiguration>";
    site.call("PUT", block, &[], asked).await.expect(200);
    let answer = site.call("GET", block, &[], "").await.expect(200);
    assert_eq!(switches.map(|switch| answer.element(switch)), ["true", "false", "false", "false"]);
    site.call("DELETE", block, &[], "").await.expect(204);
    site.call("GET", block, &[], "").await.expect_error(404, "NoSuchPublicAccessBlockConfiguration");
    site.call("PUT", "/none?publicAccessBlock", &[], asked).await.expect_error(404, "NoSuchBucket");

    let everybody = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":"*"}]}"#;
    site.call("PUT", "/bucket?policy", &[], everybody).await.expect(204);
    let status = site.call("GET", "/bucket?policyStatus", &[], "").await.expect(200);
    assert_eq!(status.element("IsPublic"), "false");

    let controls = "/bucket?ownershipControls";
    let rule = |ownership: &str| {
        format!("<OwnershipControls><Rule><ObjectOwnership>{ownership}</ObjectOwnership></Rule></OwnershipControls>")
    };
    let enforced = "BucketOwnerEnforced";
    assert_eq!(site.call("GET", controls, &[], "").await.expect(200).element("ObjectOwnership"), enforced);
    site.call("DELETE", controls, &[], "").await.expect(204);
    site.call("GET", controls, &[], "").await.expect_error(404, "OwnershipControlsNotFoundError");
    for other in ["BucketOwnerPreferred", "ObjectWriter"] {
        site.call("PUT", controls, &[], rule(other)).await.expect_error(501, "NotImplemented");
    }
    site.call("PUT", controls, &[], rule("Nobody")).await.expect_error(400, "MalformedXML");
    site.call("PUT", controls, &[], "<OwnershipControls></OwnershipControls>").await.expect_error(400, "MalformedXML");
    site.call("PUT", controls, &[], rule(enforced)).await.expect(200);
    assert_eq!(site.call("GET", controls, &[], "").await.expect(200).element("ObjectOwnership"), enforced);
}

#[tokio::test]
async fn callers_are_told_apart() {
    let site = Site::with_bucket().await;
    let denied = CallerAccess { access: Access::Denied, ..caller() };
    site.call_as(denied, "GET", "/", &[], "").await.expect_error(403, "AccessDenied");
    let owner = [("x-amz-expected-bucket-owner", "123456789012")];
    let stranger = [("x-amz-expected-bucket-owner", "999999999999")];
    site.call("PUT", "/bucket/key", &owner, "x").await.expect(200);
    site.call("PUT", "/bucket/key", &stranger, "y").await.expect_error(403, "AccessDenied");
    let in_host = CallerAccess { bucket_in_host: Some("bucket".to_owned()), ..caller() };
    let found = site.call_as(in_host.clone(), "GET", "/key?X-Amz-Signature=00", &[], "").await.expect(200);
    assert_eq!(found.text(), "x");
    assert_eq!(site.call_as(in_host, "GET", "/", &[], "").await.expect(200).elements("Key"), ["key"]);
}
