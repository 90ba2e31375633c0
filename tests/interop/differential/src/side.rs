//! One of the two brokers, as a script meets it.

use std::collections::BTreeMap;
use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::Bytes;

use crate::barrier::Barrier;

/// What came on a connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Received {
    /// A frame, without its size prefix.
    Frame(Bytes),
    /// The broker closed the connection.
    Closed,
    /// Nothing, for as long as one waits.
    Silence,
}

/// A broker that can be spoken to.
pub trait Side {
    /// Sends a frame, without its size prefix, on the connection of this name, which is opened where it is not open. False
    /// where the broker has closed it.
    fn send(&mut self, conn: &str, frame: &[u8]) -> bool;

    /// The next frame on the connection.
    fn receive(&mut self, conn: &str, patience: Duration) -> Received;

    /// Closes the connection.
    fn close(&mut self, conn: &str);

    /// Lets time pass.
    fn wait(&mut self, time: Duration);

    /// Gives the broker the time that it needs behind its answer to a change of metadata.
    fn settle(&mut self);

    /// Milliseconds since 1970, by the broker's clock.
    fn now_ms(&self) -> i64;
}

/// A broker behind sockets.
pub struct TcpSide {
    address: SocketAddr,
    barrier: Option<Barrier>,
    connections: BTreeMap<String, TcpStream>,
}

impl TcpSide {
    /// Ottla, which listens there: what it has answered is known everywhere.
    #[must_use]
    pub fn ottla(address: SocketAddr) -> Self {
        Self { address, barrier: None, connections: BTreeMap::new() }
    }

    /// Apache Kafka, which listens there: changes of metadata are waited for.
    #[must_use]
    pub fn kafka(address: SocketAddr) -> Self {
        Self { address, barrier: Some(Barrier::new()), connections: BTreeMap::new() }
    }

    fn connection(&mut self, conn: &str) -> std::io::Result<&mut TcpStream> {
        if !self.connections.contains_key(conn) {
            let stream = TcpStream::connect(self.address)?;
            stream.set_nodelay(true)?;
            self.connections.insert(conn.to_owned(), stream);
        }
        Ok(self.connections.get_mut(conn).expect("it is there now"))
    }
}

impl Side for TcpSide {
    fn send(&mut self, conn: &str, frame: &[u8]) -> bool {
        let bytes = [&(frame.len() as u32).to_be_bytes(), frame].concat();
        self.connection(conn).and_then(|stream| stream.write_all(&bytes)).is_ok()
    }

    fn receive(&mut self, conn: &str, patience: Duration) -> Received {
        let Ok(stream) = self.connection(conn) else { return Received::Closed };
        let received = stream.set_read_timeout(Some(patience)).and_then(|()| {
            let mut prefix = [0; 4];
            stream.read_exact(&mut prefix)?;
            let mut frame = vec![0; u32::from_be_bytes(prefix) as usize];
            stream.read_exact(&mut frame)?;
            Ok(Bytes::from(frame))
        });
        match received {
            Ok(frame) => Received::Frame(frame),
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => Received::Silence,
            Err(_) => {
                self.close(conn);
                Received::Closed
            }
        }
    }

    fn close(&mut self, conn: &str) {
        self.connections.remove(conn);
    }

    fn wait(&mut self, time: Duration) {
        std::thread::sleep(time);
    }

    fn settle(&mut self) {
        if let Some(mut barrier) = self.barrier.take() {
            barrier.pass(self);
            self.barrier = Some(barrier);
        }
    }

    fn now_ms(&self) -> i64 {
        SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis() as i64)
    }
}
