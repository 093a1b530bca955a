//! Serves a folder of buckets on loopback to anyone who asks, with no signature checked: for trying clients out.
//!
//! `cargo run -p opentrail-buckets --example serve_folder -- FOLDER [PORT]`

#![expect(clippy::print_stdout, reason = "a command line tool")]

use std::convert::Infallible;
use std::error::Error;
use std::path::PathBuf;
use std::sync::Arc;

use buckets::{Access, BucketConfig, BucketService, CallerAccess};
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto::Builder;
use model::{AccountId, Region};
use rand::RngCore;
use tokio::net::TcpListener;

/// Threads that read and write files. More only cost memory.
const BLOCKING_THREADS_MAX: usize = 16;

fn main() -> Result<(), Box<dyn Error>> {
    let runtime =
        tokio::runtime::Builder::new_multi_thread().max_blocking_threads(BLOCKING_THREADS_MAX).enable_all().build()?;
    runtime.block_on(serve())
}

async fn serve() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let folder = PathBuf::from(arguments.next().ok_or("usage: serve_folder FOLDER [PORT]")?);
    let port: u16 = arguments.next().map_or(Ok(0), |port| port.parse())?;
    let config = BucketConfig {
        region: Region::parse("us-east-1")?,
        random: Arc::new(|bytes: &mut [u8]| rand::rng().fill_bytes(bytes)),
        mfa: None,
    };
    let service = BucketService::open(folder, config).await?;
    let caller = CallerAccess {
        access: Access::Allowed,
        account: AccountId::parse("123456789012")?,
        bucket_in_host: None,
        chunk_seed: None,
    };
    let listener = TcpListener::bind(("127.0.0.1", port)).await?;
    println!("http://{}", listener.local_addr()?);
    loop {
        let (stream, _) = listener.accept().await?;
        let (service, caller) = (service.clone(), caller.clone());
        tokio::spawn(async move {
            let answer = hyper::service::service_fn(move |request| {
                let (service, caller) = (service.clone(), caller.clone());
                async move { Ok::<_, Infallible>(service.handle(request, caller).await) }
            });
            let connection = Builder::new(TokioExecutor::new());
            if let Err(error) = connection.serve_connection(TokioIo::new(stream), answer).await {
                println!("connection: {error}");
            }
        });
    }
}
