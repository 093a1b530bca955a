//! `opentrail segments-to-folder`: the history's segments come back from a bucket.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context;
use clap::Args;
use store::{EventStore, StoreConfig};

use crate::adapters::bucket_config;
use crate::logging;
use crate::serve::{open_metadata, raise_file_limit};
use crate::settings::LogFormat;

/// Segments after which the progress is told.
const REPORTED_SEGMENTS: u64 = 100;

/// Bring the history's segments back from a bucket into the data folder
///
/// The way back from `opentrail serve --segments`, and the way from one bucket to another: bring them back, then start
/// with the other one. No server may run on the folder. Each segment is in the folder before it is deleted from the
/// bucket; what was cut off is run again. The usual AWS variables count: AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY,
/// AWS_REGION and AWS_ENDPOINT_URL.
#[derive(Debug, Args)]
pub(crate) struct SegmentsToFolderArguments {
    /// Data folder of the installation
    #[arg(long, env = "OPENTRAIL_DATA_DIR", default_value = "data", value_name = "FOLDER")]
    data_dir: PathBuf,
    /// PostgreSQL that the folder's metadata is in, postgres://user@host/database  [default: none, it is in the folder]
    #[arg(long, env = "OPENTRAIL_METADATA", hide_env_values = true, value_name = "URL")]
    metadata: Option<String>,
    /// Bucket that the segments are in, s3://bucket/prefix
    #[arg(long, env = "OPENTRAIL_SEGMENTS", value_name = "URL")]
    segments: String,
}

/// Runs the command.
///
/// # Errors
/// The folder is in use or not there, the bucket does not serve, or the disk is full; what came back stays.
pub(crate) fn run(arguments: &SegmentsToFolderArguments) -> anyhow::Result<ExitCode> {
    logging::start("warn", LogFormat::Text)?;
    raise_file_limit();
    anyhow::ensure!(arguments.data_dir.is_dir(), "there is no data folder {}", arguments.data_dir.display());
    let bucket = Some(bucket_config(&arguments.segments, None)?);
    let runtime = tokio::runtime::Runtime::new().context("start the runtime")?;
    runtime.block_on(async {
        let metadata = open_metadata(arguments.metadata.as_deref(), &arguments.data_dir).await?;
        let config = StoreConfig { metadata, bucket, ..StoreConfig::new(&arguments.data_dir) };
        let (store, _) = EventStore::open(config).await?;
        let (mut segments, mut bytes) = (0_u64, 0_u64);
        while let Some(moved) = store.move_down().await? {
            (segments, bytes) = (segments + 1, bytes + moved.bytes);
            if segments.is_multiple_of(REPORTED_SEGMENTS) {
                logging::say(&format!("{segments} segments are back, {} to come", moved.left));
            }
        }
        let deleted = store.delete_unread_objects().await;
        store.close().await;
        logging::say(&format!("{segments} segments with {bytes} bytes came back into the data folder."));
        deleted.context("the segments are back, and their objects are not all deleted from the bucket")?;
        Ok(ExitCode::SUCCESS)
    })
}
