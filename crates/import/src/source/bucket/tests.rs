//! Against a server of a few lines that answers as S3 does.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::SystemTime;

use super::*;

/// Objects in a page of a listing.
const PAGE_OBJECTS: usize = 3;

#[derive(Default)]
struct Server {
    objects: BTreeMap<String, Vec<u8>>,
    requests: Mutex<Vec<String>>,
    /// How many answers with an object break off half-way.
    breaks: AtomicUsize,
}

impl Server {
    /// Serves until the process ends, and gives the address.
    fn start(self: &Arc<Self>) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let server = Arc::clone(self);
        thread::spawn(move || {
            for stream in listener.incoming() {
                let server = Arc::clone(&server);
                thread::spawn(move || server.serve(stream.unwrap()));
            }
        });
        address
    }

    fn serve(&self, mut stream: TcpStream) {
        let mut lines = BufReader::new(stream.try_clone().unwrap()).lines();
        while let Some(Ok(request)) = lines.next() {
            let head: Vec<String> = lines.by_ref().map_while(Result::ok).take_while(|line| !line.is_empty()).collect();
            assert!(head.iter().any(|line| line.starts_with("authorization: AWS4-HMAC-SHA256")), "{head:?}");
            let mut words = request.split(' ');
            let (method, target) = (words.next().unwrap(), words.next().unwrap());
            self.requests.lock().unwrap().push(format!("{method} {target}"));
            let (path, query) = target.split_once('?').unwrap_or((target, ""));
            let key = path.strip_prefix("/logs").unwrap().trim_start_matches('/').replace("%20", " ");
            let (status, extra, body) = if query.contains("list-type=2") {
                ("200 OK", String::new(), self.list(query).into_bytes())
            } else {
                match self.objects.get(&key) {
                    None => ("404 Not Found", String::new(), Vec::new()),
                    Some(bytes) => {
                        let is_match = |line: &String| !line.starts_with("if-match") || line.contains(&tag(bytes));
                        let status = if head.iter().all(is_match) { "200 OK" } else { "412 Precondition Failed" };
                        let from = head.iter().find_map(|line| line.strip_prefix("range: bytes="));
                        let from = from.and_then(|range| Some(range.split_once('-')?.0));
                        let from: usize = from.map_or(0, |from| from.parse().unwrap());
                        let range = format!("Content-Range: bytes {from}-{}/{}\r\n", bytes.len() - 1, bytes.len());
                        let (status, range) =
                            if from > 0 { ("206 Partial Content", range) } else { (status, String::new()) };
                        (status, format!("ETag: \"{}\"\r\n{range}", tag(bytes)), bytes[from..].to_vec())
                    }
                }
            };
            let modified = "Last-Modified: Mon, 23 Nov 2026 12:00:00 GMT\r\n";
            let head = format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\n{modified}{extra}\r\n", body.len());
            stream.write_all(head.as_bytes()).unwrap();
            let takes_one = |left: usize| left.checked_sub(1);
            let is_object = method == "GET" && !query.contains("list-type=2");
            if is_object && self.breaks.fetch_update(Ordering::Relaxed, Ordering::Relaxed, takes_one).is_ok() {
                stream.write_all(&body[..body.len() / 2]).unwrap();
                return;
            }
            if method != "HEAD" {
                stream.write_all(&body).unwrap();
            }
        }
    }

    fn list(&self, query: &str) -> String {
        let value = |name: &str| {
            let pairs = query.split('&').filter_map(|pair| pair.split_once('='));
            let mut found = pairs.filter(|(key, _)| *key == name).map(|(_, value)| value.replace("%2F", "/"));
            found.next_back().unwrap_or_default()
        };
        let (prefix, delimiter, after) = (value("prefix"), value("delimiter"), value("continuation-token"));
        let (mut contents, mut folders, mut last) = (Vec::new(), Vec::new(), None);
        let mut is_truncated = false;
        for (key, bytes) in self.objects.iter().filter(|(key, _)| key.starts_with(&prefix) && **key > after) {
            if contents.len() == PAGE_OBJECTS {
                is_truncated = true;
                break;
            }
            last = Some(key);
            match key[prefix.len()..].split_once('/') {
                Some((folder, _)) if !delimiter.is_empty() => {
                    let folder = format!("<CommonPrefixes><Prefix>{prefix}{folder}/</Prefix></CommonPrefixes>");
                    if !folders.contains(&folder) {
                        folders.push(folder);
                    }
                }
                _ => contents.push(format!(
                    "<Contents><Key>{key}</Key><Size>{}</Size><ETag>&quot;{}&quot;</ETag>\
                     <LastModified>2026-11-23T12:00:00.000Z</LastModified></Contents>",
                    bytes.len(),
                    tag(bytes),
                )),
            }
        }
        let next = last.filter(|_| is_truncated);
        let next = next.map(|key| format!("<NextContinuationToken>{key}</NextContinuationToken>")).unwrap_or_default();
        format!("<ListBucketResult>{}{}{next}</ListBucketResult>", contents.concat(), folders.concat())
    }
}

fn tag(bytes: &[u8]) -> String {
    format!("{:08x}", bytes.iter().fold(0_u32, |sum, byte| sum.wrapping_mul(31).wrapping_add(u32::from(*byte))))
}

fn open(address: &str, prefix: &str) -> Bucket {
    let builder = AmazonS3Builder::new()
        .with_endpoint(address)
        .with_region("eu-west-1")
        .with_access_key_id("AKIAEXAMPLE")
        .with_secret_access_key("secret");
    Bucket::open_with(builder, "logs", prefix).unwrap()
}

fn list(bucket: &Bucket, since: Option<Day>) -> (Vec<FoundFile>, usize) {
    let (mut files, mut digests) = (Vec::new(), 0);
    bucket
        .list(since, &mut |found| {
            match found {
                Found::File(file) => files.push(file),
                Found::Digest => digests += 1,
                Found::Failure { key, error } => panic!("{}: {error}", key.display()),
            }
            Listing::GoOn
        })
        .unwrap();
    files.sort_by(|a, b| a.key.cmp(&b.key));
    (files, digests)
}

fn read(bucket: &Bucket, file: &FoundFile) -> io::Result<Vec<u8>> {
    let Locator::Object(object) = &file.locator else { panic!("no object") };
    let mut bytes = Vec::new();
    bucket.read(object, file.size_bytes, &file.version).read_to_end(&mut bytes)?;
    Ok(bytes)
}

fn server() -> Arc<Server> {
    let mut server = Server::default();
    for day in 18..=23 {
        for region in ["eu-west-1", "us-east-1"] {
            let key = format!("p/AWSLogs/o-1/111122223333/CloudTrail/{region}/2026/11/{day}/x.json.gz");
            server.objects.insert(key, vec![b'x'; 100_000 + day]);
        }
    }
    let digest = "p/AWSLogs/o-1/111122223333/CloudTrail-Digest/eu-west-1/2026/11/23/d.json.gz";
    server.objects.insert(digest.to_owned(), b"{}".to_vec());
    server.objects.insert("other".to_owned(), b"{}".to_vec());
    Arc::new(server)
}

#[test]
fn all_objects_below_a_prefix_are_found_and_read() {
    let server = server();
    let bucket = open(&server.start(), "p/AWSLogs");
    let (files, digests) = list(&bucket, None);
    assert_eq!((files.len(), digests), (12, 1));
    let first = "s3://logs/p/AWSLogs/o-1/111122223333/CloudTrail/eu-west-1/2026/11/18/x.json.gz";
    assert_eq!(files[0].key.display(), first);
    assert_eq!(files[0].fingerprint().unwrap().size_bytes, 100_018);
    assert!(files[0].version.starts_with("etag:"));
    assert_eq!(read(&bucket, &files[5]).unwrap(), vec![b'x'; 100_023]);
}

#[test]
fn an_object_that_changed_since_it_was_listed_fails() {
    let server = server();
    let bucket = open(&server.start(), "");
    let (mut files, _) = list(&bucket, None);
    files[0].version = "etag:\"another\"".to_owned();
    assert!(read(&bucket, &files[0]).is_err());
    files[1].locator = Locator::Object(Path::from("gone"));
    assert!(read(&bucket, &files[1]).is_err());
    files[2].size_bytes -= 1;
    let error = read(&bucket, &files[2]).unwrap_err();
    assert!(error.to_string().contains("bytes arrived of an object of"), "{error}");
}

#[test]
fn broken_connections_are_taken_up_where_they_broke() {
    let server = server();
    let bucket = open(&server.start(), "");
    let (files, _) = list(&bucket, None);
    server.breaks.store(3, Ordering::Relaxed);
    assert_eq!(read(&bucket, &files[6]).unwrap().len() as u64, files[6].size_bytes);
    assert_eq!(server.breaks.load(Ordering::Relaxed), 0);
}

#[test]
fn a_prefix_may_be_a_key_or_the_beginning_of_one() {
    let server = server();
    let address = server.start();
    let count = |prefix: &str, since| list(&open(&address, prefix), since).0.len();
    assert_eq!(["other", "oth", "p/AWS", "p", "nothing"].map(|prefix| count(prefix, None)), [1, 1, 12, 12, 0]);
    let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_795_430_000);
    let since = Some(Day::before(now, 0));
    assert_eq!(["other", "p/AWS", "nothing"].map(|prefix| count(prefix, since)), [1, 2, 0]);
}

#[test]
fn following_lists_only_the_folders_of_late_days() {
    let server = server();
    let bucket = open(&server.start(), "p");
    let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_795_430_000);
    let (files, digests) = list(&bucket, Some(Day::before(now, 2)));
    let names: Vec<_> = files.iter().map(|file| file.key.display()[58..].to_owned()).collect();
    assert_eq!(names.len(), 6, "{names:?}");
    assert!(names.iter().all(|name| ["21", "22", "23"].iter().any(|day| name.contains(&format!("/11/{day}/")))));
    assert_eq!(digests, 0);
    let requests = server.requests.lock().unwrap();
    assert!(!requests.iter().any(|request| request.contains("11%2F20")), "{requests:?}");
}
