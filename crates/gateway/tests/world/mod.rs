//! What the tests of the gateway share: an upstream, a sink, a gateway between raw sockets.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use gateway::caller::{CallerDirectory, KnownKey};
use gateway::exchange::Surroundings;
use gateway::metrics::GatewayMetrics;
use gateway::upstream::UpstreamUrl;
use gateway::{
    Destination, EntryKind, EventSink, Gateway, GatewaySettings, Listener, NoteId, Routes, SinkEntry, SinkError,
};
use model::{AccessKeyId, AccountId, EventTime, Region};
use prometheus_client::registry::Registry;
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// Longest time that any step of a test may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// What the upstream answers.
#[derive(Clone)]
pub struct Reply {
    body: Bytes,
    delay: Duration,
}

impl Reply {
    pub fn text(body: &'static str) -> Self {
        Self { body: Bytes::from_static(body.as_bytes()), delay: Duration::ZERO }
    }

    pub fn bytes(size: usize) -> Self {
        Self { body: Bytes::from(vec![b'x'; size]), delay: Duration::ZERO }
    }

    pub fn after(self, delay: Duration) -> Self {
        Self { delay, ..self }
    }
}

#[derive(Default)]
struct Memory {
    order: Mutex<Vec<String>>,
    records: Mutex<Vec<Value>>,
    seen: Mutex<Vec<String>>,
    next_note: AtomicU64,
    is_broken: AtomicBool,
}

impl Memory {
    fn happened(&self, what: &str) {
        self.order.lock().unwrap().push(what.to_owned());
    }

    fn take(&self, what: &str, record: &Bytes) -> Result<(), SinkError> {
        if self.is_broken.load(Ordering::SeqCst) {
            return Err(SinkError { reason: "the disk is full".to_owned() });
        }
        self.happened(what);
        self.records.lock().unwrap().push(serde_json::from_slice(record).expect("records are JSON"));
        Ok(())
    }
}

struct Sink(Arc<Memory>);

#[async_trait]
impl EventSink for Sink {
    async fn commit(&self, entries: Vec<SinkEntry>) -> Vec<Result<Option<NoteId>, SinkError>> {
        entries.iter().map(|entry| self.take(entry)).collect()
    }
}

impl Sink {
    fn take(&self, entry: &SinkEntry) -> Result<Option<NoteId>, SinkError> {
        let what = match (&entry.kind, entry.supersedes) {
            (EntryKind::Note, _) => "note",
            (EntryKind::Event(_), Some(_)) => "event after note",
            (EntryKind::Event(_), None) => "event",
        };
        self.0.take(what, &entry.record)?;
        let is_note = entry.kind == EntryKind::Note;
        Ok(is_note.then(|| NoteId(self.0.next_note.fetch_add(1, Ordering::SeqCst))))
    }
}

struct NoKeys;

impl CallerDirectory for NoKeys {
    fn find(&self, _: &AccessKeyId) -> Option<KnownKey> {
        None
    }
}

/// A gateway before an upstream.
pub struct World {
    memory: Arc<Memory>,
    address: SocketAddr,
    registry: Registry,
}

/// Request line and headers of a request signed by a key that nothing is known of; the caller ends the head.
pub fn signed_head(method: &str, target: &str, service: &str) -> String {
    format!(
        "{method} {target} HTTP/1.1\r\nHost: original.example:1234\r\nAuthorization: AWS4-HMAC-SHA256 \
         Credential=AKIAIOSFODNN7EXAMPLE/20250301/eu-west-1/{service}/aws4_request, SignedHeaders=host;x-amz-date, \
         Signature=f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41\r\nX-Amz-Date: \
         20250301T120000Z\r\n"
    )
}

impl World {
    pub async fn start(settings: GatewaySettings, reply: Reply) -> Self {
        let memory = Arc::new(Memory::default());
        let upstream = start_upstream(Arc::clone(&memory), reply).await;
        Self::with(settings, memory, upstream).await
    }

    pub async fn without_upstream(settings: GatewaySettings) -> Self {
        let taken = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = taken.local_addr().unwrap();
        drop(taken);
        Self::with(settings, Arc::new(Memory::default()), address).await
    }

    async fn with(settings: GatewaySettings, memory: Arc<Memory>, upstream: SocketAddr) -> Self {
        let metrics = GatewayMetrics::default();
        let mut registry = Registry::default();
        metrics.register(&mut registry);
        let url = UpstreamUrl::parse(&format!("http://{upstream}")).unwrap();
        let surroundings = Surroundings {
            default_account: AccountId::parse("111122223333").unwrap(),
            default_region: Region::parse("us-east-1").unwrap(),
            clock: Arc::new(|| EventTime::from_seconds(1_740_830_405)),
            new_id: Arc::new(uuid::Uuid::new_v4),
            directory: Arc::new(NoKeys),
            sink: Arc::new(Sink(Arc::clone(&memory))),
            identities: None,
            observer: None,
        };
        let routes = Routes::new(Default::default(), Destination::Upstream(Arc::new(url)));
        let gateway = Gateway::new(settings, surroundings, routes, metrics);
        let listener = Listener::bind(SocketAddr::from(([127, 0, 0, 1], 0)), None).await.unwrap();
        let address = listener.local_address().unwrap();
        tokio::spawn(listener.serve(gateway, std::future::pending()));
        Self { memory, address, registry }
    }

    pub fn order(&self) -> Vec<String> {
        self.memory.order.lock().unwrap().clone()
    }

    pub fn records(&self) -> Vec<Value> {
        self.memory.records.lock().unwrap().clone()
    }

    pub fn seen(&self) -> Vec<String> {
        self.memory.seen.lock().unwrap().clone()
    }

    pub fn break_sink(&self) {
        self.memory.is_broken.store(true, Ordering::SeqCst);
    }

    pub fn mend_sink(&self) {
        self.memory.is_broken.store(false, Ordering::SeqCst);
    }

    pub fn metrics(&self) -> String {
        let mut text = String::new();
        prometheus_client::encoding::text::encode(&mut text, &self.registry).unwrap();
        text
    }

    /// Sends a request and reads until the answer is complete.
    pub async fn send(&self, request: &str) -> String {
        self.converse(&[request]).await
    }

    /// Sends bytes and reads until the answer is `enough` or the gateway ends the connection.
    pub async fn send_until(&self, request: &str, enough: impl Fn(&str) -> bool) -> String {
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = Vec::new();
        let reading = async {
            while !enough(&String::from_utf8_lossy(&answer)) && read_some(&mut stream, &mut answer).await > 0 {}
        };
        tokio::time::timeout(PATIENCE, reading).await.expect("an answer in time");
        String::from_utf8_lossy(&answer).into_owned()
    }

    /// Sends parts one by one, reading some answer between them, then reads until the last answer is complete.
    pub async fn converse(&self, parts: &[&str]) -> String {
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        let mut answer = Vec::new();
        for (index, part) in parts.iter().enumerate() {
            if index > 0 {
                read_some(&mut stream, &mut answer).await;
            }
            stream.write_all(part.as_bytes()).await.unwrap();
        }
        tokio::time::timeout(PATIENCE, async {
            while !is_complete(&answer) {
                if read_some(&mut stream, &mut answer).await == 0 {
                    break;
                }
            }
        })
        .await
        .expect("an answer in time");
        String::from_utf8_lossy(&answer).into_owned()
    }

    /// Sends a request, reads at least some bytes of its answer, and goes away.
    pub async fn send_and_leave(&self, request: &str, read_bytes_min: usize) {
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = Vec::new();
        while answer.len() < read_bytes_min {
            read_some(&mut stream, &mut answer).await;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }

    /// Waits until something holds.
    pub async fn until(&self, holds: impl Fn(&Self) -> bool) {
        tokio::time::timeout(PATIENCE, async {
            while !holds(self) {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        })
        .await
        .unwrap_or_else(|_| panic!("it did not come to hold: {:?}", self.order()));
    }
}

async fn read_some(stream: &mut TcpStream, into: &mut Vec<u8>) -> usize {
    let mut buffer = [0; 65_536];
    let size = tokio::time::timeout(PATIENCE, stream.read(&mut buffer)).await.expect("bytes in time").unwrap();
    into.extend_from_slice(&buffer[..size]);
    size
}

/// Whether the last message in these bytes is complete, by its content length.
fn is_complete(bytes: &[u8]) -> bool {
    let Some(head_end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") else { return false };
    let head = String::from_utf8_lossy(&bytes[..head_end]).to_ascii_lowercase();
    if head.starts_with("http/1.1 100") {
        return is_complete(&bytes[head_end + 4..]);
    }
    let length = head
        .lines()
        .find_map(|line| line.strip_prefix("content-length: "))
        .and_then(|text| text.trim().parse::<usize>().ok())
        .unwrap_or(0);
    bytes.len() >= head_end + 4 + length
}

async fn start_upstream(memory: Arc<Memory>, reply: Reply) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(serve_upstream(stream, Arc::clone(&memory), reply.clone()));
        }
    });
    address
}

async fn serve_upstream(mut stream: TcpStream, memory: Arc<Memory>, reply: Reply) {
    let mut request = Vec::new();
    while !is_complete(&request) {
        let mut buffer = [0; 65_536];
        match stream.read(&mut buffer).await {
            Ok(0) | Err(_) => return,
            Ok(size) => request.extend_from_slice(&buffer[..size]),
        }
    }
    memory.happened("upstream");
    memory.seen.lock().unwrap().push(String::from_utf8_lossy(&request).into_owned());
    tokio::time::sleep(reply.delay).await;
    let head = format!(
        "HTTP/1.1 200 OK\r\nX-Amzn-RequestId: r-1\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
        reply.body.len()
    );
    if stream.write_all(head.as_bytes()).await.is_ok() {
        // A client that leaves in the middle makes this fail, which is what some tests are about.
        let _ = stream.write_all(&reply.body).await;
        let _ = stream.shutdown().await;
    }
}
