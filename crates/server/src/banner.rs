//! What a person reads when the server has started.

use std::net::SocketAddr;
use std::path::Path;

/// Port of the console that the command line tries when nothing is said.
const DEFAULT_CONSOLE_PORT: u16 = 4601;

/// Facts of the start.
pub(crate) struct Banner<'a> {
    /// Bound address of the AWS endpoint.
    pub endpoint: SocketAddr,
    /// Whether it speaks TLS.
    pub has_tls: bool,
    /// Bound address of the console.
    pub console: SocketAddr,
    /// Folder of the data.
    pub data_dir: &'a Path,
    /// File that keeps the root access key.
    pub root_key_file: &'a Path,
    /// The root access key, when it was made at this start.
    pub new_root_key: Option<(&'a str, &'a str)>,
    /// Region to use.
    pub region: &'a str,
    /// Account of the root key.
    pub account: &'a str,
    /// How this program was called, to be called again.
    pub program: &'a str,
    /// Default upstream, if any.
    pub upstream: Option<String>,
}

impl Banner<'_> {
    /// The text.
    pub(crate) fn text(&self) -> String {
        let scheme = if self.has_tls { "https" } else { "http" };
        let upstream = self.upstream.as_deref().unwrap_or("none (S3 and CloudTrail only; add --upstream URL)");
        let mut text = format!(
            "\nOpenTrail {version} records.\n\n  \
             AWS endpoint  {scheme}://{endpoint}\n  \
             Console       http://{console}\n  \
             Upstream      {upstream}\n  \
             Account       {account}, region {region}\n  \
             Data          {data}\n  \
             Root key      {key_file}\n",
            version = env!("CARGO_PKG_VERSION"),
            endpoint = self.endpoint,
            console = self.console,
            account = self.account,
            region = self.region,
            data = self.data_dir.display(),
            key_file = self.root_key_file.display(),
        );
        text.push_str("\nUse it from any shell:\n\n");
        // Version 1 of the CLI and boto3 look at the second name alone, the other SDKs at the first.
        let (endpoint, region) = (&self.endpoint, &self.region);
        text.push_str(&format!(
            "  export AWS_ENDPOINT_URL={scheme}://{endpoint} AWS_REGION={region} AWS_DEFAULT_REGION={region}\n"
        ));
        match self.new_root_key {
            Some((id, secret)) => {
                text.push_str(&format!("  export AWS_ACCESS_KEY_ID={id} AWS_SECRET_ACCESS_KEY={secret}\n"));
                text.push_str("  (made just now and shown only this once; the root key file keeps it)\n");
            }
            None => text.push_str("  (with AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY from the root key file)\n"),
        }
        text.push_str(&format!(
            "\nTry:\n\n  \
             aws s3 mb s3://first-bucket\n  \
             aws cloudtrail lookup-events --max-results 5\n  \
             {program} events --follow{options}\n\n\
             Stop with Ctrl-C.\n",
            program = self.program,
            options = self.events_options(),
        ));
        text
    }

    /// What `opentrail events` must be told to find this server, where it is not where it looks by itself.
    fn events_options(&self) -> String {
        let mut options = String::new();
        if self.data_dir != Path::new("data") {
            options.push_str(&format!(" --data-dir {}", self.data_dir.display()));
        }
        if self.console.port() != DEFAULT_CONSOLE_PORT {
            options.push_str(&format!(" --endpoint http://{}", self.console));
        }
        options
    }
}
