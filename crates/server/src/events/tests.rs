//! The command against a real console on a real port, over an archive in memory.

use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use access::{Directory, DirectoryConfig, RootKey};
use async_trait::async_trait;
use clap::Parser;
use console::router::KEEP_ALIVE_DEFAULT;
use console::{
    ArchiveError, ArchivePage, ArchiveQuery, ArchiveStatus, ArchivedEvent, Console, EventArchive, ReadinessSwitch,
};
use control::Position;
use model::{AccountId, EventCategory, EventTime, LookupIndex};
use tempfile::TempDir;

use super::*;

const ACCOUNT: &str = "111122223333";

/// So many events of one second, all there from the start.
struct FixedArchive(u64);

impl FixedArchive {
    fn event(sequence: u64) -> ArchivedEvent {
        let event_time = EventTime::from_seconds(1_740_830_405);
        let name = if sequence.is_multiple_of(2) { "Even" } else { "Odd" };
        let index = LookupIndex {
            event_time,
            event_id: sequence.to_string().into(),
            event_name: name.into(),
            event_source: "".into(),
            read_only: None,
            username: None,
            access_key_id: None,
            error_code: None,
            source_ip: None,
            region: None,
            account: Some(ACCOUNT.into()),
            category: EventCategory::Management,
            resources: Vec::new(),
        };
        let record = format!(r#"{{"eventID":"{sequence}","eventName":"{name}"}}"#);
        let position = Position { event_time, tie_break: sequence };
        ArchivedEvent { sequence, position, index, record: record.into() }
    }
}

#[async_trait]
impl EventArchive for FixedArchive {
    async fn page(&self, query: ArchiveQuery) -> Result<ArchivePage, ArchiveError> {
        let before = query.after.map_or(self.0 + 1, |after| after.tie_break);
        let events: Vec<ArchivedEvent> = (1..before).rev().take(query.limit).map(Self::event).collect();
        let next = events.last().map(|event| event.position).filter(|position| position.tie_break > 1);
        Ok(ArchivePage { events, next })
    }

    async fn arrived_after(&self, sequence: u64, limit: usize) -> Result<Vec<ArchivedEvent>, ArchiveError> {
        Ok((sequence + 1..=self.0).take(limit).map(Self::event).collect())
    }

    /// As if the stream began before all events.
    fn newest_sequence(&self) -> u64 {
        0
    }

    async fn arrival_after(&self, _sequence: u64) {
        std::future::pending().await
    }

    async fn count(&self, request: console::CountRequest) -> Result<console::ArchiveCounts, ArchiveError> {
        let by_value = [(Some("Even".to_owned()), self.0.div_ceil(2)), (None, self.0 / 2)].into_iter();
        let by_value = by_value.filter(|_| request.by.is_some()).collect();
        Ok(console::ArchiveCounts { total: self.0, by_value, ..console::ArchiveCounts::default() })
    }

    async fn status(&self) -> Result<ArchiveStatus, ArchiveError> {
        Ok(ArchiveStatus::default())
    }
}

/// These tests bring no records.
struct NoIntake;

#[async_trait]
impl console::RecordIntake for NoIntake {
    async fn take(&self, _lines: bytes::Bytes) -> Result<console::IntakeReport, console::IntakeError> {
        Err(console::IntakeError("no records are taken".into()))
    }
}

#[async_trait]
impl console::ImportIntake for NoIntake {
    async fn import(
        &self,
        _files: Vec<console::LedgerFile>,
        _lines: bytes::Bytes,
    ) -> Result<console::ImportAnswer, console::ImportRefusal> {
        Err(console::IntakeError("no records are taken".into()).into())
    }

    async fn imported_files(&self, _: Vec<String>) -> Result<Vec<Option<console::KnownFile>>, console::ImportRefusal> {
        Err(console::IntakeError("no ledger is kept".into()).into())
    }
}

struct World {
    address: SocketAddr,
    readiness: ReadinessSwitch,
    key: RootKey,
    _data_dir: TempDir,
}

async fn start(events: u64) -> World {
    let data_dir = tempfile::tempdir().expect("a folder");
    let config = DirectoryConfig {
        default_account: AccountId::parse(ACCOUNT).expect("an account"),
        root_access_key_id: None,
        root_secret_access_key: None,
    };
    let (directory, _) = Directory::open(data_dir.path(), config).expect("a directory");
    let root = Arc::clone(directory.root());
    let key = RootKey { access_key_id: root.access_key_id.clone(), secret: root.secret.clone() };
    let (switch, readiness) = console::readiness::readiness("starting");
    switch.serving();
    let clock = || EventTime::from_micros(jiff::Timestamp::now().as_microsecond());
    let metrics = Arc::new(prometheus_client::registry::Registry::default());
    let archive = Arc::new(FixedArchive(events));
    let endpoint = "http://127.0.0.1:4600".to_owned();
    let console = Console::new(archive, Arc::new(directory), readiness, metrics, clock, endpoint, KEEP_ALIVE_DEFAULT);
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await.expect("a port");
    let address = listener.local_addr().expect("an address");
    let router = console::router(console, Arc::new(NoIntake), Arc::new(NoIntake));
    tokio::spawn(async move { axum::serve(listener, router).await });
    World { address, readiness: switch, key, _data_dir: data_dir }
}

#[derive(Debug, Parser)]
struct Line {
    #[command(flatten)]
    arguments: EventsArguments,
}

fn arguments(line: &str) -> EventsArguments {
    Line::try_parse_from(std::iter::once("events").chain(line.split_whitespace())).expect("arguments").arguments
}

impl World {
    fn client(&self) -> ConsoleClient {
        ConsoleClient::new(&format!("http://{}", self.address), self.key.clone()).expect("a client")
    }

    async fn give(&self, line: &str) -> anyhow::Result<String> {
        let mut out = Vec::new();
        give(&self.client(), &arguments(line), &mut out).await?;
        Ok(String::from_utf8(out).expect("text"))
    }
}

#[tokio::test]
async fn all_pages_are_given_and_limits_kept() {
    let world = start(2500).await;
    let lines = |text: String| text.lines().count();
    assert_eq!(lines(world.give("--output jsonl").await.unwrap()), 2500);
    assert_eq!(lines(world.give("--output jsonl --limit 1001 --event-name E*n").await.unwrap()), 1001);
    assert_eq!(lines(world.give("--output jsonl --limit 7").await.unwrap()), 7);
    assert_eq!(lines(world.give("").await.unwrap()), 1 + TABLE_LIMIT_DEFAULT);
    let array: Vec<serde_json::Value> = serde_json::from_str(&world.give("--output json").await.unwrap()).unwrap();
    assert_eq!((array.len(), &array[0]["eventID"]), (2500, &"2500".into()));
    assert_eq!(world.give("--output json --event-name None").await.unwrap(), "[]\n");
}

/// Takes so many lines, then is closed, as `head` is.
struct Head(Arc<Mutex<Vec<u8>>>, usize);

impl Write for Head {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut taken = self.0.lock().expect("not poisoned");
        if taken.iter().filter(|byte| **byte == b'\n').count() >= self.1 {
            return Err(io::ErrorKind::BrokenPipe.into());
        }
        taken.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn a_stream_is_shown_line_by_line_and_a_closed_pipe_ends_it_quietly() {
    let world = start(10).await;
    let taken = Arc::new(Mutex::new(Vec::new()));
    let out = Head(Arc::clone(&taken), 2);
    let line = arguments("--follow --output jsonl --event-name Odd");
    let error = give(&world.client(), &line, out).await.expect_err("the pipe was closed");
    assert!(is_closed_pipe(&error), "{error:#}");
    let text = String::from_utf8(taken.lock().unwrap().clone()).unwrap();
    assert_eq!(text, "{\"eventID\":\"1\",\"eventName\":\"Odd\"}\n{\"eventID\":\"3\",\"eventName\":\"Odd\"}\n");
}

#[tokio::test]
async fn a_stream_that_the_server_ends_is_an_error() {
    let world = start(3).await;
    let stop = async {
        tokio::time::sleep(std::time::Duration::from_millis(200)).await;
        world.readiness.not_serving("stopping");
    };
    let (outcome, ()) = tokio::join!(world.give("--follow --output jsonl"), stop);
    assert!(outcome.expect_err("ended").to_string().contains("stopped"));
}

#[tokio::test]
async fn refusals_and_absent_servers_say_what_to_do() {
    let mut world = start(1).await;
    world.key.access_key_id = model::AccessKeyId::parse("AKIAOTHER").unwrap();
    let error = world.give("").await.expect_err("refused");
    assert!(error.to_string().contains("UnrecognizedClientException"), "{error:#}");
    // A port that was just free: nobody listens.
    let free = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    world.address = free.local_addr().unwrap();
    drop(free);
    let error = world.give("").await.expect_err("nobody");
    assert!(error.to_string().contains("start one with `opentrail serve`"), "{error:#}");
    for endpoint in ["127.0.0.1:4601", "https://127.0.0.1:4601", "not a url"] {
        assert!(ConsoleClient::new(endpoint, world.key.clone()).is_err(), "{endpoint}");
    }
}

#[test]
fn what_cannot_be_meant_is_a_usage_error() {
    for line in ["--follow --output json", "--since soon", "--category x", "--region US"] {
        assert!(check_usage(&arguments(line)).is_err(), "{line}");
    }
    assert_eq!(run(arguments("--since soon")).expect("a code"), ExitCode::from(USAGE_ERROR));
}
