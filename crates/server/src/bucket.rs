//! `opentrail bucket`: whether a bucket protects the files in it, and how to make it.
//!
//! [`check`] asks S3, AWS's or any other, and judges; [`protect`] sets what a check asks for.

mod check;
mod existing;
mod protect;

use std::path::PathBuf;
use std::process::ExitCode;

use access::RootKey;
use anyhow::Context;
use clap::{Args, Subcommand};
use http::{HeaderMap, Method, StatusCode};

use crate::events::credentials;
use crate::signed_client::{SignedCall, SignedClient};

/// See whether a bucket protects log files from being changed or deleted, and make it protect them
#[derive(Debug, Args)]
pub(crate) struct BucketArguments {
    #[command(subcommand)]
    command: BucketCommand,
}

#[derive(Debug, Subcommand)]
enum BucketCommand {
    Check(check::CheckArguments),
    Protect(protect::ProtectArguments),
}

/// Which bucket, and who asks.
#[derive(Debug, Args)]
struct BucketPlace {
    /// Bucket
    #[arg(value_name = "BUCKET")]
    bucket: String,
    /// S3's address
    #[arg(long, env = "AWS_ENDPOINT_URL_S3", value_name = "URL")]
    endpoint: Option<String>,
    /// Address of all services, where S3 has none of its own
    #[arg(long, env = "AWS_ENDPOINT_URL", default_value = "http://127.0.0.1:4600", value_name = "URL", hide = true)]
    any_endpoint: String,
    /// Data folder whose root key is used [default: AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, else ./data]
    #[arg(long, value_name = "DIR")]
    data_dir: Option<PathBuf>,
    /// Region of the bucket
    #[arg(long, env = "AWS_REGION", default_value = "us-east-1", value_name = "REGION")]
    region: String,
}

/// Runs the command.
///
/// # Errors
/// No access key, no S3 that answers, or a bucket that is not there.
pub(crate) fn run(arguments: BucketArguments) -> anyhow::Result<ExitCode> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().context("start the runtime")?;
    runtime.block_on(async {
        match arguments.command {
            BucketCommand::Check(arguments) => check::run(&arguments).await,
            BucketCommand::Protect(arguments) => protect::run(&arguments).await,
        }
    })
}

impl BucketPlace {
    fn key(&self) -> anyhow::Result<RootKey> {
        credentials::find(self.data_dir.as_deref())
    }

    fn client<'a>(&self, key: &'a RootKey) -> anyhow::Result<BucketClient<'a, '_>> {
        let client = SignedClient::new(self.endpoint.as_ref().unwrap_or(&self.any_endpoint), key)?;
        Ok(BucketClient { client, place: self })
    }
}

/// A bucket, asked with one key.
struct BucketClient<'a, 'b> {
    client: SignedClient<'a>,
    place: &'b BucketPlace,
}

impl BucketClient<'_, '_> {
    /// Asks for a setting such as `versioning`, or sets it; status and text of the answer.
    async fn setting(&self, name: &str, set: Option<(HeaderMap, Vec<u8>)>) -> anyhow::Result<(StatusCode, String)> {
        // S3's signatures are over the query as it is written: a name without a value has an equals sign.
        self.question("", &format!("{name}="), set).await
    }

    /// Asks for something in the bucket, or sets it; status and text of the answer. The parameters of the query must be
    /// in the order of their names.
    async fn question(
        &self,
        path: &str,
        query: &str,
        set: Option<(HeaderMap, Vec<u8>)>,
    ) -> anyhow::Result<(StatusCode, String)> {
        let method = if set.is_some() { Method::PUT } else { Method::GET };
        let (headers, body) = set.unwrap_or_default();
        let path = format!("/{}{path}", self.place.bucket);
        let (region, query) = (&*self.place.region, Some(query));
        let call = SignedCall { service: "s3", region, method, path: &path, query, headers, body };
        let (status, body) = self.client.call(call).await?;
        Ok((status, String::from_utf8_lossy(&body).into_owned()))
    }
}

/// What S3 said instead of doing it.
fn refusal(status: StatusCode, text: &str) -> String {
    let (code, message) = (tag(text, "Code").unwrap_or_default(), tag(text, "Message").unwrap_or_default());
    format!("S3 answers {status} {code} {message}")
}

/// The text between the first tags of a name.
fn tag<'a>(xml: &'a str, name: &str) -> Option<&'a str> {
    let (_, rest) = xml.split_once(&format!("<{name}>"))?;
    rest.split_once(&format!("</{name}>")).map(|(text, _)| text.trim())
}
