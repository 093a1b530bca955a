//! Speaking to the console's JSON API.

use std::time::Duration;

use access::RootKey;
use anyhow::{Context, anyhow, bail};
use aws_wire::RequestHead;
use aws_wire::sigv4::{PayloadDeclaration, SigningIdentity, sign_headers};
use bytes::Bytes;
use console::{EventCounts, ImportAnswer, KnownFilesAnswer, KnownFilesRequest, SearchRequest};
use http::header::{CONTENT_TYPE, HOST};
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode, Uri};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use model::EventTime;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use serde_json::value::RawValue;
use sha2::{Digest, Sha256};

/// Wait for a connection.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// Wait for an answer to begin; a search reads at most some 40 MB before it answers.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(60);
/// Silence after which a stream counts as dead. The server sends something every 15 seconds.
const SILENCE_TIMEOUT: Duration = Duration::from_secs(60);
/// Largest line of a stream, in bytes; a record has at most 256 KiB.
const LINE_BYTES_MAX: usize = 4 * 1024 * 1024;
/// Any region will do: the console has none.
const SIGNING_REGION: &str = "us-east-1";

/// A client of one server.
pub(crate) struct ConsoleClient {
    http: Client<HttpConnector, Full<Bytes>>,
    endpoint: String,
    authority: String,
    key: RootKey,
}

/// A page of records, each as stored.
#[derive(Debug, Deserialize)]
pub(crate) struct FoundPage {
    pub(crate) events: Vec<Box<RawValue>>,
    pub(crate) next: Option<String>,
}

#[derive(Debug, Deserialize)]
struct StatusBody {
    store: StoreBody,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct StoreBody {
    history_days: u32,
}

#[derive(Debug, Deserialize)]
struct RefusalBody {
    error: RefusalText,
}

#[derive(Debug, Deserialize)]
struct RefusalText {
    code: String,
    message: String,
}

impl ConsoleClient {
    /// A client of the server whose console address is `endpoint`.
    pub(crate) fn new(endpoint: &str, key: RootKey) -> anyhow::Result<Self> {
        let uri: Uri = endpoint.parse().with_context(|| format!("--endpoint {endpoint} is not a URL"))?;
        let authority = match (uri.scheme_str(), uri.authority()) {
            (Some("http"), Some(authority)) => authority.to_string(),
            _ => bail!("--endpoint {endpoint}: expected http:// and a host, such as http://127.0.0.1:4601"),
        };
        let mut connector = HttpConnector::new();
        connector.set_connect_timeout(Some(CONNECT_TIMEOUT));
        let http = Client::builder(TokioExecutor::new()).build(connector);
        Ok(Self { http, endpoint: endpoint.trim_end_matches('/').to_owned(), authority, key })
    }

    pub(super) fn endpoint(&self) -> &str {
        &self.endpoint
    }

    /// One page.
    pub(crate) async fn search(&self, request: &SearchRequest) -> anyhow::Result<FoundPage> {
        let body = serde_json::to_vec(request).context("write the search")?;
        self.read("/api/v1/events/search", body).await
    }

    /// Numbers of events: a search with `by`, `interval` and `top`.
    pub(crate) async fn count(&self, request: &Value) -> anyhow::Result<EventCounts> {
        self.read("/api/v1/events/count", request.to_string().into_bytes()).await
    }

    /// Brings a batch of an import: see [`console::ImportIntake::import`].
    pub(crate) async fn import(&self, body: Vec<u8>) -> anyhow::Result<ImportAnswer> {
        self.read(console::IMPORT_PATH, body).await
    }

    /// Files of the server's ledger.
    pub(crate) async fn known_files(&self, request: &KnownFilesRequest) -> anyhow::Result<KnownFilesAnswer> {
        let body = serde_json::to_vec(request).context("write the question")?;
        self.read(console::KNOWN_FILES_PATH, body).await
    }

    /// Days that the server keeps events.
    pub(crate) async fn history_days(&self) -> anyhow::Result<u32> {
        let response = self.send(Method::GET, "/api/v1/status", None, Vec::new()).await?;
        let status: StatusBody = Self::answer(response).await?;
        Ok(status.store.history_days)
    }

    async fn read<T: DeserializeOwned>(&self, path: &str, body: Vec<u8>) -> anyhow::Result<T> {
        Self::answer(self.send(Method::POST, path, None, body).await?).await
    }

    async fn answer<T: DeserializeOwned>(response: Response<Incoming>) -> anyhow::Result<T> {
        let body = response.into_body().collect().await.context("read the answer")?.to_bytes();
        serde_json::from_slice(&body).context("the answer is not one of an OpenTrail console")
    }

    /// New records as they come.
    pub(super) async fn follow(&self, request: &SearchRequest) -> anyhow::Result<Lines> {
        let query = request.to_query();
        let response = self.send(Method::GET, "/api/v1/events/follow", Some(&query), Vec::new()).await?;
        Ok(Lines { body: response.into_body(), read: Vec::new(), searched: 0 })
    }

    /// Sends a signed request, and makes an error of every answer that is not a success.
    async fn send(
        &self,
        method: Method,
        path: &str,
        query: Option<&str>,
        body: Vec<u8>,
    ) -> anyhow::Result<Response<Incoming>> {
        let query = query.filter(|query| !query.is_empty());
        let mut headers = HeaderMap::new();
        headers.insert(HOST, HeaderValue::from_str(&self.authority).context("the host of --endpoint")?);
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        let identity = SigningIdentity {
            access_key_id: &self.key.access_key_id,
            secret: &self.key.secret,
            session_token: None,
            region: SIGNING_REGION,
            service: console::SIGNING_NAME,
        };
        let now = EventTime::from_micros(jiff::Timestamp::now().as_microsecond());
        let payload = PayloadDeclaration::Exact(Sha256::digest(&body).into());
        let head = RequestHead { method: &method, path, query, headers: &headers };
        let signature = sign_headers(&head, &identity, payload, now).context("sign the request")?;
        headers.extend(signature);
        let uri = match query {
            Some(query) => format!("http://{}{path}?{query}", self.authority),
            None => format!("http://{}{path}", self.authority),
        };
        let mut request = Request::new(Full::new(Bytes::from(body)));
        *request.method_mut() = method;
        *request.uri_mut() = uri.parse().context("the search is too long for a URL")?;
        *request.headers_mut() = headers;
        let answer = tokio::time::timeout(ANSWER_TIMEOUT, self.http.request(request)).await;
        let response = answer
            .map_err(|_| anyhow!("{} does not answer within {} seconds", self.endpoint, ANSWER_TIMEOUT.as_secs()))?
            .map_err(|error| self.explain(error))?;
        if response.status() == StatusCode::OK { Ok(response) } else { Err(self.refusal(response).await) }
    }

    fn explain(&self, error: hyper_util::client::legacy::Error) -> anyhow::Error {
        if error.is_connect() {
            let advice = format!(
                "no OpenTrail server answers at {}: start one with `opentrail serve`, or say with --endpoint where its console is",
                self.endpoint
            );
            anyhow::Error::new(error).context(advice)
        } else {
            anyhow::Error::new(error).context(format!("the server at {} broke off", self.endpoint))
        }
    }

    async fn refusal(&self, response: Response<Incoming>) -> anyhow::Error {
        let status = response.status();
        let body = response.into_body().collect().await.map(|body| body.to_bytes()).unwrap_or_default();
        match serde_json::from_slice::<RefusalBody>(&body) {
            Ok(RefusalBody { error }) => anyhow!("{} ({})", error.message, error.code),
            Err(_) => anyhow!("{} answers {status}, and not as an OpenTrail console does", self.endpoint),
        }
    }
}

/// The lines of a stream that are not empty.
pub(super) struct Lines {
    body: Incoming,
    read: Vec<u8>,
    /// Bytes of `read` that hold no end of a line.
    searched: usize,
}

impl Lines {
    /// The next line; `None` when the server ended the stream.
    pub(super) async fn next(&mut self) -> anyhow::Result<Option<String>> {
        loop {
            if let Some(offset) = self.read[self.searched..].iter().position(|byte| *byte == b'\n') {
                let rest = self.read.split_off(self.searched + offset + 1);
                let mut line = std::mem::replace(&mut self.read, rest);
                self.searched = 0;
                line.pop();
                if !line.is_empty() {
                    return Ok(Some(String::from_utf8(line).context("a record is not UTF-8")?));
                }
                continue;
            }
            self.searched = self.read.len();
            if self.searched > LINE_BYTES_MAX {
                bail!("the server sent a line of more than {LINE_BYTES_MAX} bytes");
            }
            let frame = tokio::time::timeout(SILENCE_TIMEOUT, self.body.frame()).await;
            let frame =
                frame.map_err(|_| anyhow!("the server is silent since {} seconds", SILENCE_TIMEOUT.as_secs()))?;
            match frame {
                None => return Ok(None),
                Some(frame) => {
                    let frame = frame.context("the stream broke off; the server's log says why")?;
                    self.read.extend_from_slice(frame.data_ref().map_or(&[][..], |data| data));
                }
            }
        }
    }
}
