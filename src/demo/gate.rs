//! The listener and its connections, which can be cut: one by one, all at once, or by not listening for a while.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::extract::connect_info::Connected;
use axum::serve::{IncomingStream, Listener};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;

use super::shared::Shared;

/// Accepts connections, unless a fault refuses them.
pub struct Gate {
    listener: Option<TcpListener>,
    address: SocketAddr,
    shared: Arc<Shared>,
}

impl Gate {
    pub fn new(listener: std::net::TcpListener, shared: Arc<Shared>) -> io::Result<Gate> {
        let listener = TcpListener::from_std(listener)?;
        let address = listener.local_addr()?;
        Ok(Gate { listener: Some(listener), address, shared })
    }

    fn refusing(&self) -> bool {
        self.shared.faults().refusing(self.shared.elapsed())
    }
}

impl Listener for Gate {
    type Io = Line;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Line, SocketAddr) {
        let mut pulse = self.shared.pulse.subscribe();
        loop {
            if self.refusing() {
                if self.listener.take().is_some() {
                    self.shared.hang_up.send_modify(|count| *count = count.wrapping_add(1));
                }
                let _ = pulse.changed().await;
                continue;
            }
            let Some(listener) = &self.listener else {
                match TcpListener::bind(self.address).await {
                    Ok(listener) => self.listener = Some(listener),
                    // Somebody else may hold the port for a moment.
                    Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
                }
                continue;
            };
            tokio::select! {
                accepted = listener.accept() => match accepted {
                    Ok((stream, peer)) => {
                        // Paced changes must leave at once, each in its own chunk.
                        let _ = stream.set_nodelay(true);
                        return (Line::new(stream, &self.shared), peer);
                    }
                    Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
                },
                _ = pulse.changed() => {}
            }
        }
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        Ok(self.address)
    }
}

/// Ends its connection on request.
#[derive(Clone, Debug)]
pub struct Hook(Arc<Notify>);

impl Hook {
    pub fn cut(&self) {
        self.0.notify_one();
    }
}

impl Connected<IncomingStream<'_, Gate>> for Hook {
    fn connect_info(stream: IncomingStream<'_, Gate>) -> Hook {
        stream.io().hook.clone()
    }
}

/// One connection.
pub struct Line {
    stream: TcpStream,
    hook: Hook,
    end: Pin<Box<dyn Future<Output = ()> + Send>>,
    ended: bool,
}

impl Line {
    fn new(stream: TcpStream, shared: &Shared) -> Line {
        let hook = Hook(Arc::new(Notify::new()));
        let own = Arc::clone(&hook.0);
        let mut all = shared.hang_up.subscribe();
        let end = Box::pin(async move {
            tokio::select! {
                () = own.notified() => {}
                _ = all.changed() => {}
            }
        });
        Line { stream, hook, end, ended: false }
    }

    fn check(&mut self, context: &mut Context<'_>) -> io::Result<()> {
        if !self.ended && self.end.as_mut().poll(context).is_ready() {
            self.ended = true;
        }
        if self.ended { Err(io::ErrorKind::ConnectionReset.into()) } else { Ok(()) }
    }
}

impl AsyncRead for Line {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.check(context)?;
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl AsyncWrite for Line {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.check(context)?;
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.check(context)?;
        Pin::new(&mut self.stream).poll_write_vectored(context, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
