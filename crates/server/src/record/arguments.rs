//! The arguments of `opentrail record`.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Args, ValueEnum};
use intercept::recorder::LiveForm;
use model::{AccountId, Region};

/// How the live view and the summary are written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum RecordFormat {
    /// Lines for people
    #[default]
    Text,
    /// One JSON object a line: the calls, then the summary
    Json,
}

/// Run a program and record the AWS calls that it makes: strace for API calls.
///
/// The program's TLS to AWS endpoints ends here, with certificates of an authority that is made
/// for this run and lives in memory alone. Every call is recorded with its answer, and goes on to
/// where the program sent it, over verified TLS. Connections to other hosts pass unread. Nothing
/// is sent anywhere else.
///
/// Calls are shown on standard error as they end; standard input and output, signals and the exit
/// code are the program's own. Left behind is a folder with:
///   cloudtrail.json   every call as a CloudTrail record
///   policy.json       the least IAM policy for what was used; what was denied stands apart
///   summary.json      calls, errors, bytes and times by operation
///
/// What does a command call?
///   opentrail record -- aws s3 ls
/// The policy for a deployment:
///   opentrail record --output-dir run --account-id 111122223333 -- terraform apply
/// Against an emulator on this machine:
///   AWS_ENDPOINT_URL=http://localhost:5000 opentrail record -- python script.py
/// Against a server of one's own with TLS that is named in code and by no variable:
///   opentrail record --intercept minio.corp:9000 --upstream-ca ca.pem -- ./backup
///
/// Exit codes: the program's; 128 and the signal's number if it was killed; 127 if it was not
/// found, 126 if it cannot be run, 125 if recording failed.
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub(crate) struct RecordArguments {
    /// Folder for the files [default: opentrail-record-YYYYMMDDTHHMMSSZ]
    #[arg(long, value_name = "DIR")]
    pub(crate) output_dir: Option<PathBuf>,
    /// How the calls and the summary are written to standard error
    #[arg(long, value_enum, default_value_t)]
    pub(crate) format: RecordFormat,
    /// Region of calls that name none [default: AWS_REGION, AWS_DEFAULT_REGION, us-east-1]
    #[arg(long, value_name = "REGION")]
    pub(crate) region: Option<Region>,
    /// Account of the caller, for records and ARNs [default: open in the policy, 123456789012 in records]
    #[arg(long, value_name = "12 DIGITS")]
    pub(crate) account_id: Option<AccountId>,
    /// Do not show calls as they come, only the summary
    #[arg(long)]
    pub(crate) no_live: bool,
    /// Show neither calls nor summary
    #[arg(long, short)]
    pub(crate) quiet: bool,
    /// Record connections to this host too: HOST, HOST:PORT or *.HOST; may be given several times
    #[arg(long, value_name = "HOST")]
    pub(crate) intercept: Vec<String>,
    /// Leave AWS_ENDPOINT_URL and its like as they are: calls to this machine are recorded only if the program sends
    /// them through HTTP_PROXY or HTTPS_PROXY (Python does, Go does not)
    #[arg(long)]
    pub(crate) keep_endpoints: bool,
    /// File of certificates to trust at the real endpoints, beside the system's; may be given several times
    #[arg(long, value_name = "FILE")]
    pub(crate) upstream_ca: Vec<PathBuf>,
    /// Connect to ADDRESS:PORT in place of HOST:PORT, for tests; may be given several times
    #[arg(long, value_name = "HOST:PORT:ADDRESS:PORT", hide = true)]
    pub(crate) resolve: Vec<String>,
    /// The program and its arguments
    #[arg(last = true, required = true, value_name = "COMMAND")]
    pub(crate) command: Vec<OsString>,
}

impl RecordArguments {
    /// How calls are shown.
    pub(crate) fn live_form(&self) -> LiveForm {
        match self.format {
            _ if self.no_live || self.quiet => LiveForm::Off,
            RecordFormat::Text => LiveForm::Text,
            RecordFormat::Json => LiveForm::Json,
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Debug, Parser)]
    struct Line {
        #[command(flatten)]
        arguments: RecordArguments,
    }

    fn parse(line: &str) -> Result<RecordArguments, String> {
        let words = std::iter::once("record").chain(line.split_whitespace());
        Line::try_parse_from(words).map(|line| line.arguments).map_err(|error| error.to_string())
    }

    #[test]
    fn everything_behind_the_dashes_is_the_programs() {
        let arguments = parse("--quiet --format json -- aws s3 ls --quiet -- x").expect("arguments");
        assert_eq!(arguments.command, ["aws", "s3", "ls", "--quiet", "--", "x"]);
        assert!(arguments.quiet);
        assert_eq!(arguments.live_form(), LiveForm::Off);
        assert_eq!(parse("-- true").expect("arguments").live_form(), LiveForm::Text);
    }

    #[test]
    fn other_lines_are_refused() {
        for line in ["", "aws s3 ls", "--", "--account-id 12 -- true", "--format xml -- true"] {
            assert!(parse(line).is_err(), "{line}");
        }
    }
}
