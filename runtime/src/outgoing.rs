//! The answers of one connection on their way into its socket.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, IoSlice};
use std::sync::Arc;

use bytes::{Buf, Bytes};
use ottla_core::boundary::{Chunk, Frame};
use rustix::fs::sendfile;
use rustix::io::Errno;
use rustix::net::{SendAncillaryBuffer, SendFlags, sendmsg};

use crate::connection::Socket;
use crate::hub::Hub;

/// Pieces of memory in one write.
const MAX_SLICES: usize = 64;

/// What is left to be written, in order.
#[derive(Debug, Default)]
pub struct Outgoing {
    pieces: VecDeque<Piece>,
}

#[derive(Debug)]
enum Piece {
    Memory(Bytes),
    File { file: Arc<File>, at: u64, left: u64 },
}

/// How far a write came.
#[derive(Clone, Copy, Debug)]
pub struct Written {
    pub size_bytes: u64,
    /// The socket takes no more for now.
    pub is_blocked: bool,
}

impl Outgoing {
    /// Puts a frame in line.
    ///
    /// # Errors
    /// A part of it lies in a file that is not open.
    pub fn push(&mut self, frame: Frame, hub: &Hub) -> io::Result<()> {
        for chunk in frame.chunks {
            match chunk {
                Chunk::Bytes(bytes) if bytes.is_empty() => {}
                Chunk::Bytes(bytes) => self.pieces.push_back(Piece::Memory(bytes)),
                Chunk::File(range) if range.size_bytes == 0 => {}
                Chunk::File(range) => {
                    let file = hub.file(range.file).ok_or_else(|| io::Error::other("the file to send is not open"))?;
                    self.pieces.push_back(Piece::File { file, at: range.at, left: u64::from(range.size_bytes) });
                }
            }
        }
        Ok(())
    }

    pub fn is_empty(&self) -> bool {
        self.pieces.is_empty()
    }

    /// Writes until nothing is left, the socket takes no more, or about `limit_bytes` are written.
    pub fn write(&mut self, socket: &impl Socket, limit_bytes: u64) -> io::Result<Written> {
        let mut written = Written { size_bytes: 0, is_blocked: false };
        while written.size_bytes < limit_bytes {
            let result = match self.pieces.front_mut() {
                None => break,
                Some(Piece::Memory(_)) => self.write_memory(socket),
                Some(Piece::File { file, at, left }) => {
                    let limit = (*left).min(limit_bytes - written.size_bytes) as usize;
                    socket
                        .try_write(|socket| sendfile(socket, &*file, Some(&mut at.clone()), limit).map_err(Into::into))
                }
            };
            match result {
                Ok(size_bytes) => {
                    self.advance(size_bytes as u64)?;
                    written.size_bytes += size_bytes as u64;
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    written.is_blocked = true;
                    break;
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(written)
    }

    /// All pieces of memory up to the next of a file, in one call.
    fn write_memory(&self, socket: &impl Socket) -> io::Result<usize> {
        let mut slices = [IoSlice::new(&[]); MAX_SLICES];
        let mut count = 0;
        // What follows from a file should leave in the same segment.
        let mut flags = SendFlags::NOSIGNAL;
        for piece in &self.pieces {
            match piece {
                Piece::Memory(bytes) if count < MAX_SLICES => slices[count] = IoSlice::new(bytes),
                _ => {
                    flags |= SendFlags::MORE;
                    break;
                }
            }
            count += 1;
        }
        socket.try_write(|socket| {
            sendmsg(socket, &slices[..count], &mut SendAncillaryBuffer::default(), flags).map_err(Into::into)
        })
    }

    fn advance(&mut self, mut size_bytes: u64) -> io::Result<()> {
        if size_bytes == 0 {
            // Only a file that is shorter than the broker knows makes a call write nothing.
            return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "a file to send is shorter than it was"));
        }
        while size_bytes > 0 {
            let front = self.pieces.front_mut().expect("no more is written than there is");
            let step = match front {
                Piece::Memory(bytes) => {
                    let step = size_bytes.min(bytes.len() as u64);
                    bytes.advance(step as usize);
                    if bytes.is_empty() {
                        self.pieces.pop_front();
                    }
                    step
                }
                Piece::File { at, left, .. } => {
                    let step = size_bytes.min(*left);
                    *at += step;
                    *left -= step;
                    if *left == 0 {
                        self.pieces.pop_front();
                    }
                    step
                }
            };
            size_bytes -= step;
        }
        Ok(())
    }
}

/// Whether the other side is to blame, as happens all day.
pub fn is_lost_peer(error: &io::Error) -> bool {
    matches!(
        Errno::from_io_error(error),
        Some(
            Errno::CONNRESET
                | Errno::PIPE
                | Errno::TIMEDOUT
                | Errno::HOSTUNREACH
                | Errno::NETUNREACH
                | Errno::CONNABORTED
        )
    )
}
