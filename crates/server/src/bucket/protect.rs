//! `opentrail bucket protect`.

use std::io::{self, IsTerminal, Write};
use std::num::NonZeroU32;
use std::process::ExitCode;

use anyhow::{Context, bail};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use clap::Args;
use http::{HeaderMap, HeaderValue};
use md5::{Digest, Md5};

use super::existing::lock_existing;
use super::{BucketClient, BucketPlace, refusal};

const NAMESPACE: &str = "http://s3.amazonaws.com/doc/2006-03-01/";

/// Switch on versioning and Object Lock in compliance mode: nobody deletes or changes files any more
///
/// Files that are in the bucket already are locked as well, from now on for as many days.
///
/// Compliance mode cannot be taken back: until the days are over, nobody deletes a version or shortens
/// its time, the root user included, and the bucket cannot be deleted while it has one.
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub(super) struct ProtectArguments {
    #[command(flatten)]
    place: BucketPlace,
    /// Days for which each file is locked
    #[arg(long, default_value = "365", value_name = "DAYS")]
    days: NonZeroU32,
    /// Do not ask
    #[arg(long)]
    yes: bool,
}

pub(super) async fn run(arguments: &ProtectArguments) -> anyhow::Result<ExitCode> {
    let (bucket, days) = (&arguments.place.bucket, arguments.days);
    if !arguments.yes {
        confirm(bucket, days)?;
    }
    let key = arguments.place.key()?;
    let client = arguments.place.client(&key)?;
    let versioning =
        format!(r#"<VersioningConfiguration xmlns="{NAMESPACE}"><Status>Enabled</Status></VersioningConfiguration>"#);
    set(&client, "versioning", versioning).await?;
    let lock = format!(
        r#"<ObjectLockConfiguration xmlns="{NAMESPACE}"><ObjectLockEnabled>Enabled</ObjectLockEnabled><Rule><DefaultRetention><Mode>COMPLIANCE</Mode><Days>{days}</Days></DefaultRetention></Rule></ObjectLockConfiguration>"#
    );
    set(&client, "object-lock", lock).await.context("versioning is on, and Object Lock could not be set")?;
    let locked = lock_existing(&client, days.get())
        .await
        .context("files that are written from now on are locked, and some that were there are not: run it again")?;
    let mut out = io::stdout().lock();
    writeln!(
        out,
        "{bucket}: versioning is on, and each file is locked for {days} days in compliance mode; {locked} that were \
         there are locked as well"
    )
    .context("say what was done")?;
    Ok(ExitCode::SUCCESS)
}

fn confirm(bucket: &str, days: NonZeroU32) -> anyhow::Result<()> {
    if !io::stdin().is_terminal() {
        bail!("compliance mode cannot be taken back: add --yes to set it without a question");
    }
    let mut out = io::stderr().lock();
    write!(
        out,
        "Files of {bucket} cannot be deleted by anyone for {days} days, and this cannot be taken back.\nType the name of the bucket to go on: "
    )
    .and_then(|()| out.flush())
    .context("ask")?;
    let mut answer = String::new();
    io::stdin().read_line(&mut answer).context("read the answer")?;
    if answer.trim() == bucket { Ok(()) } else { bail!("nothing was changed") }
}

async fn set(client: &BucketClient<'_, '_>, setting: &str, xml: String) -> anyhow::Result<()> {
    let mut headers = HeaderMap::new();
    // S3 wants a checksum of these bodies; this one is known everywhere.
    let checksum = STANDARD.encode(Md5::digest(xml.as_bytes()));
    headers.insert("content-md5", HeaderValue::from_str(&checksum).context("write the checksum")?);
    headers.insert("content-type", HeaderValue::from_static("application/xml"));
    let (status, text) = client.setting(setting, Some((headers, xml.into_bytes()))).await?;
    if status.is_success() {
        return Ok(());
    }
    bail!("{setting} of {}: {}", client.place.bucket, refusal(status, &text));
}
