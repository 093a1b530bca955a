//! Locking the files that a bucket had before it locked what is written.

use std::io::{self, IsTerminal, Write};

use anyhow::{Context, bail};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use futures::{StreamExt, TryStreamExt, stream};
use http::{HeaderMap, HeaderValue, StatusCode};
use jiff::{Timestamp, ToSpan};
use md5::{Digest, Md5};
use quick_xml::escape::unescape;

use super::{BucketClient, refusal, tag};
use crate::object_keys::{decode_listed, encode_key, encode_value};

/// Calls under way at once.
const CALLS_MAX: usize = 16;

/// A version of an object.
#[derive(Debug, PartialEq, Eq)]
struct Version {
    key: String,
    id: String,
}

/// Locks every version in compliance mode for so many days from now, and returns how many there are. One that is locked
/// for longer stays as it is.
pub(super) async fn lock_existing(client: &BucketClient<'_, '_>, days: u32) -> anyhow::Result<usize> {
    let until = (Timestamp::now() + (24 * i64::from(days)).hours()).strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
    let (mut locked, mut markers) = (0, String::new());
    let is_shown = io::stderr().is_terminal();
    loop {
        let query = format!("encoding-type=url{markers}&versions=");
        let (status, page) = client.question("", &query, None).await?;
        if status != StatusCode::OK {
            bail!("list the versions of the bucket: {}", refusal(status, &page));
        }
        let versions = versions_of(&page)?;
        let calls = versions.iter().map(|version| lock(client, version, &until));
        locked +=
            stream::iter(calls).buffer_unordered(CALLS_MAX).try_fold(0, |sum, ()| async move { Ok(sum + 1) }).await?;
        if is_shown {
            let _ = write!(io::stderr(), "\r\x1b[K{locked} files locked");
        }
        if tag(&page, "IsTruncated") != Some("true") {
            break;
        }
        markers = next_markers(&page)?;
    }
    if is_shown {
        let _ = write!(io::stderr(), "\r\x1b[K");
    }
    Ok(locked)
}

async fn lock(client: &BucketClient<'_, '_>, version: &Version, until: &str) -> anyhow::Result<()> {
    let body = format!("<Retention><Mode>COMPLIANCE</Mode><RetainUntilDate>{until}</RetainUntilDate></Retention>");
    let mut headers = HeaderMap::new();
    let checksum = STANDARD.encode(Md5::digest(body.as_bytes()));
    headers.insert("content-md5", HeaderValue::from_str(&checksum).context("write the checksum")?);
    headers.insert("content-type", HeaderValue::from_static("application/xml"));
    let path = format!("/{}", encode_key(&version.key));
    let query = format!("retention=&versionId={}", encode_value(&version.id));
    let (status, text) = client.question(&path, &query, Some((headers, body.into_bytes()))).await?;
    // A lock that is stricter already is refused to be loosened.
    if status.is_success() || status == StatusCode::FORBIDDEN && is_locked_until(client, &path, version, until).await? {
        return Ok(());
    }
    bail!("lock {}: {}", version.key, refusal(status, &text))
}

async fn is_locked_until(
    client: &BucketClient<'_, '_>,
    path: &str,
    version: &Version,
    until: &str,
) -> anyhow::Result<bool> {
    let query = format!("retention=&versionId={}", encode_value(&version.id));
    let (_, text) = client.question(path, &query, None).await?;
    // Times of this form are in the order of their text.
    Ok(tag(&text, "Mode") == Some("COMPLIANCE") && tag(&text, "RetainUntilDate").is_some_and(|found| *found >= *until))
}

fn versions_of(page: &str) -> anyhow::Result<Vec<Version>> {
    let entries = page.split("<Version>").skip(1).filter_map(|entry| entry.split("</Version>").next());
    let version = |entry: &str| {
        let key = tag(entry, "Key").and_then(|key| name_of(page, key))?;
        Some(Version { key, id: tag(entry, "VersionId")?.to_owned() })
    };
    entries.map(|entry| version(entry).context("S3 lists a version without key and id")).collect()
}

/// A key as a page has it. Not every S3 heeds `encoding-type`; the page says whether this one did.
fn name_of(page: &str, written: &str) -> Option<String> {
    let written = unescape(written).ok()?;
    if tag(page, "EncodingType") == Some("url") { decode_listed(&written) } else { Some(written.into_owned()) }
}

fn next_markers(page: &str) -> anyhow::Result<String> {
    let key = tag(page, "NextKeyMarker")
        .and_then(|key| name_of(page, key))
        .context("S3 does not say where its list goes on")?;
    let version = tag(page, "NextVersionIdMarker").unwrap_or_default();
    let version =
        if version.is_empty() { String::new() } else { format!("&version-id-marker={}", encode_value(version)) };
    Ok(format!("&key-marker={}{version}", encode_value(&key)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_are_read() {
        let page = "<ListVersionsResult><EncodingType>url</EncodingType><IsTruncated>true</IsTruncated><NextKeyMarker>a%2Fb+c</NextKeyMarker>\
                    <NextVersionIdMarker>x=</NextVersionIdMarker><DeleteMarker><Key>gone</Key>\
                    <VersionId>m</VersionId></DeleteMarker><Version><Key>a%2Fb+c</Key><VersionId>x=</VersionId>\
                    </Version></ListVersionsResult>";
        let expected = [Version { key: "a/b c".to_owned(), id: "x=".to_owned() }];
        assert_eq!(versions_of(page).unwrap(), expected);
        assert_eq!(next_markers(page).unwrap(), "&key-marker=a%2Fb%20c&version-id-marker=x%3D");
        let plain = "<Version><Key>a+&amp;</Key><VersionId>y</VersionId></Version>";
        assert_eq!(versions_of(plain).unwrap(), [Version { key: "a+&".to_owned(), id: "y".to_owned() }]);
        assert!(versions_of("<Version><Key>a</Key></Version>").is_err());
        assert!(next_markers("").is_err());
    }
}
