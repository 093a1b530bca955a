//! Accepts connections and gives them to the workers.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio_rustls::TlsAcceptor;

use crate::exchange::Gateway;
use crate::worker::{Accepted, Workers};

/// Pause after a failed accept, most often for want of file descriptors: connections that end free some.
const ACCEPT_RETRY_PAUSE: Duration = Duration::from_millis(50);

/// A bound socket, ready to serve.
pub struct Listener {
    socket: TcpListener,
    acceptor: Option<TlsAcceptor>,
}

impl Listener {
    /// Binds an address; port 0 picks a free one.
    ///
    /// # Errors
    /// The address is taken or not of this machine.
    pub async fn bind(address: SocketAddr, tls: Option<Arc<rustls::ServerConfig>>) -> std::io::Result<Self> {
        let socket = TcpListener::bind(address).await?;
        Ok(Self { socket, acceptor: tls.map(TlsAcceptor::from) })
    }

    /// The bound address.
    ///
    /// # Errors
    /// The socket is gone.
    pub fn local_address(&self) -> std::io::Result<SocketAddr> {
        self.socket.local_addr()
    }

    /// Serves connections over HTTP/1.1 and HTTP/2 until `shutdown` ends, then lets open exchanges finish within the
    /// grace time of the settings.
    ///
    /// # Errors
    /// The system gives no thread to serve on.
    pub async fn serve(self, gateway: Arc<Gateway>, shutdown: impl Future<Output = ()>) -> std::io::Result<()> {
        let workers = Workers::start(&gateway, self.acceptor.as_ref())?;
        let slots = Arc::new(Semaphore::new(gateway.settings().connections_max));
        let mut shutdown = std::pin::pin!(shutdown);
        loop {
            let Ok(slot) = Arc::clone(&slots).acquire_owned().await else { break };
            let accepted = tokio::select! {
                accepted = self.socket.accept() => accepted,
                () = &mut shutdown => break,
            };
            match accepted.and_then(|(stream, address)| Ok((stream.into_std()?, address))) {
                Ok((stream, address)) => workers.serve(Accepted { stream, address, slot }),
                Err(error) => {
                    tracing::warn!(%error, "cannot accept a connection");
                    tokio::time::sleep(ACCEPT_RETRY_PAUSE).await;
                }
            }
        }
        drop(self.socket);
        workers.stop().await;
        Ok(())
    }
}
