//! Frames out of captured packets: pcap and pcapng files, down to the TCP streams of the brokers' ports.
//!
//! `link` finds the TCP segment in a packet, `reassembly` puts a direction's segments in order, `connection` cuts its
//! bytes into frames and pairs answers with requests. Everything is read in one pass, and in bounded memory.

mod connection;
mod link;
mod reassembly;

use std::collections::BTreeMap;
use std::io::{self, Read};
use std::net::SocketAddr;

use pcap_parser::{Block, Linktype, PcapBlockOwned, PcapError, create_reader};
use thiserror::Error;

use self::connection::Connection;
use self::link::{Fault, Segment};
use crate::frame::{Direction, FrameTeller};
use crate::report::{Remark, Report};

/// Why captured packets can't be read on.
#[derive(Debug, Error)]
pub enum PcapFault {
    /// The file can't be read.
    #[error("reading: {0}")]
    Read(io::Error),
    /// The report can't be written.
    #[error("writing: {0}")]
    Write(io::Error),
    /// The file is not what its first bytes say.
    #[error("no capture of packets: {0}")]
    Format(String),
}

/// A packet's place in its file: time and interface.
struct Packet<'a> {
    data: &'a [u8],
    /// Of the packet as it was sent; more than `data` where the capture cut it.
    original_size_bytes: usize,
    link_type: Linktype,
    time_ms: i64,
}

/// An interface of a pcapng section.
#[derive(Clone, Copy)]
struct Interface {
    link_type: Linktype,
    /// Units of a timestamp in a second.
    units_per_second: u64,
    offset_seconds: i64,
}

/// Packets are read through a buffer that grows up to this.
const BUFFER_MAX_BYTES: usize = 64 << 20;
const BUFFER_START_BYTES: usize = 1 << 20;
/// So many connections are followed at a time; the one that was silent longest gives way.
const CONNECTIONS_MAX: usize = 16_384;

/// Whether a file that begins so holds captured packets.
#[must_use]
pub fn is_capture(head: &[u8]) -> bool {
    const MAGICS: [[u8; 4]; 5] = [
        [0xa1, 0xb2, 0xc3, 0xd4],
        [0xd4, 0xc3, 0xb2, 0xa1],
        [0xa1, 0xb2, 0x3c, 0x4d],
        [0x4d, 0x3c, 0xb2, 0xa1],
        [0x0a, 0x0d, 0x0d, 0x0a],
    ];
    MAGICS.iter().any(|magic| head.starts_with(magic))
}

/// Tells all frames from and to `ports`, as their last bytes come.
///
/// # Errors
/// Where the file can't be read to its end, or the report can't be written. What came before is told.
pub fn tell(
    source: impl Read + Send,
    ports: &[u16],
    teller: &mut FrameTeller,
    report: &mut Report<'_>,
) -> Result<(), PcapFault> {
    let mut capture = Capture::new(ports);
    let result = read_packets(source, |packet| capture.packet(&packet, teller, report).map_err(PcapFault::Write));
    capture.end(teller, report).map_err(PcapFault::Write)?;
    match result {
        Err(PcapFault::Format(text)) if capture.packets > 0 => {
            let text = format!("after packet {}: {text}", capture.packets);
            report.remark(Remark::damage(text)).map_err(PcapFault::Write)
        }
        other => other,
    }
}

/// Hands over packet after packet.
fn read_packets(
    source: impl Read + Send,
    mut each: impl FnMut(Packet<'_>) -> Result<(), PcapFault>,
) -> Result<(), PcapFault> {
    let mut reader = create_reader(BUFFER_START_BYTES, source).map_err(format_fault)?;
    let mut interfaces: Vec<Interface> = Vec::new();
    let mut capacity = BUFFER_START_BYTES;
    loop {
        let error = match reader.next() {
            Ok((size_bytes, block)) => {
                if let Some(packet) = packet_of(&block, &mut interfaces)? {
                    each(packet)?;
                }
                reader.consume(size_bytes);
                continue;
            }
            Err(error) => error.to_owned_vec(),
        };
        match error {
            PcapError::Eof => return Ok(()),
            PcapError::Incomplete(_) if reader.reader_exhausted() => {
                return Err(PcapFault::Format("the file ends within a packet".to_owned()));
            }
            PcapError::Incomplete(_) | PcapError::BufferTooSmall => match reader.refill() {
                Ok(()) => {}
                Err(PcapError::BufferTooSmall) if capacity < BUFFER_MAX_BYTES => {
                    capacity *= 2;
                    reader.grow(capacity);
                }
                Err(error) => return Err(format_fault(error)),
            },
            error => return Err(format_fault(error)),
        }
    }
}

fn format_fault<I: std::fmt::Debug>(error: PcapError<I>) -> PcapFault {
    match error {
        PcapError::ReadError => PcapFault::Read(io::Error::other("the capture could not be read")),
        PcapError::BufferTooSmall => PcapFault::Format(format!("a packet of more than {BUFFER_MAX_BYTES} bytes")),
        PcapError::UnexpectedEof | PcapError::Eof | PcapError::Incomplete(_) => {
            PcapFault::Format("the file ends within a packet".to_owned())
        }
        _ => PcapFault::Format("damaged block".to_owned()),
    }
}

/// The packet in a block, if it has one; notes interfaces on the way.
fn packet_of<'a>(
    block: &'a PcapBlockOwned<'_>,
    interfaces: &mut Vec<Interface>,
) -> Result<Option<Packet<'a>>, PcapFault> {
    match block {
        PcapBlockOwned::LegacyHeader(header) => {
            let nanoseconds = header.is_nanosecond_precision();
            let units_per_second = if nanoseconds { 1_000_000_000 } else { 1_000_000 };
            interfaces.push(Interface { link_type: header.network, units_per_second, offset_seconds: 0 });
            Ok(None)
        }
        PcapBlockOwned::Legacy(packet) => {
            let interface = interface(interfaces, 0)?;
            let fraction_ms = u64::from(packet.ts_usec) * 1000 / interface.units_per_second;
            Ok(Some(Packet {
                data: captured(packet.data, packet.caplen),
                original_size_bytes: packet.origlen as usize,
                link_type: interface.link_type,
                time_ms: i64::from(packet.ts_sec) * 1000 + fraction_ms.cast_signed(),
            }))
        }
        PcapBlockOwned::NG(Block::SectionHeader(_)) => {
            interfaces.clear();
            Ok(None)
        }
        PcapBlockOwned::NG(Block::InterfaceDescription(description)) => {
            interfaces.push(Interface {
                link_type: description.linktype,
                units_per_second: description.ts_resolution().unwrap_or(1_000_000).max(1),
                offset_seconds: description.ts_offset(),
            });
            Ok(None)
        }
        PcapBlockOwned::NG(Block::EnhancedPacket(packet)) => {
            let interface = interface(interfaces, packet.if_id as usize)?;
            Ok(Some(Packet {
                data: captured(packet.data, packet.caplen),
                original_size_bytes: packet.origlen as usize,
                link_type: interface.link_type,
                time_ms: interface.time_ms(u64::from(packet.ts_high) << 32 | u64::from(packet.ts_low)),
            }))
        }
        PcapBlockOwned::NG(Block::SimplePacket(packet)) => {
            let interface = interface(interfaces, 0)?;
            Ok(Some(Packet {
                data: packet.data,
                original_size_bytes: packet.origlen as usize,
                link_type: interface.link_type,
                time_ms: 0,
            }))
        }
        PcapBlockOwned::NG(_) => Ok(None),
    }
}

/// A packet's bytes without what pads them.
fn captured(data: &[u8], captured_size_bytes: u32) -> &[u8] {
    &data[..data.len().min(captured_size_bytes as usize)]
}

fn interface(interfaces: &[Interface], index: usize) -> Result<Interface, PcapFault> {
    let found = interfaces.get(index).copied();
    found.ok_or_else(|| PcapFault::Format(format!("a packet of interface {index}, which was not described")))
}

impl Interface {
    fn time_ms(&self, timestamp: u64) -> i64 {
        let seconds = timestamp / self.units_per_second;
        let fraction = u128::from(timestamp % self.units_per_second) * 1000 / u128::from(self.units_per_second);
        let seconds = self.offset_seconds.saturating_add_unsigned(seconds);
        seconds.saturating_mul(1000).saturating_add(i64::try_from(fraction).unwrap_or(0))
    }
}

/// All that is known of a capture so far.
struct Capture<'a> {
    ports: &'a [u16],
    /// By the client's and the broker's address.
    connections: BTreeMap<(SocketAddr, SocketAddr), Connection>,
    packets: u64,
    segments: u64,
    /// Packets that are of no use, by why.
    unread: BTreeMap<&'static str, u64>,
}

impl<'a> Capture<'a> {
    fn new(ports: &'a [u16]) -> Self {
        Self { ports, connections: BTreeMap::new(), packets: 0, segments: 0, unread: BTreeMap::new() }
    }

    fn packet(&mut self, packet: &Packet<'_>, teller: &mut FrameTeller, report: &mut Report<'_>) -> io::Result<()> {
        self.packets += 1;
        let segment = match link::segment(packet.link_type, packet.data, packet.original_size_bytes) {
            Ok(Some(segment)) => segment,
            Ok(None) => return Ok(()),
            Err(fault @ (Fault::LinkType | Fault::Fragment | Fault::Cut)) => {
                *self.unread.entry(fault.text()).or_default() += 1;
                return Ok(());
            }
        };
        let Some((client, broker, direction)) = self.side(&segment) else { return Ok(()) };
        self.segments += 1;
        self.make_room(&(client, broker), teller, report)?;
        let connection = self.connections.entry((client, broker)).or_insert_with(|| Connection::new(client, broker));
        connection.segment(direction, &segment, packet.time_ms, teller, report)
    }

    /// Which side is the broker: the one with its port.
    fn side(&self, segment: &Segment<'_>) -> Option<(SocketAddr, SocketAddr, Direction)> {
        if self.ports.contains(&segment.to.port()) {
            return Some((segment.from, segment.to, Direction::Request));
        }
        self.ports.contains(&segment.from.port()).then_some((segment.to, segment.from, Direction::Response))
    }

    fn make_room(
        &mut self,
        newcomer: &(SocketAddr, SocketAddr),
        teller: &mut FrameTeller,
        report: &mut Report<'_>,
    ) -> io::Result<()> {
        if self.connections.len() < CONNECTIONS_MAX || self.connections.contains_key(newcomer) {
            return Ok(());
        }
        let oldest =
            self.connections.iter().min_by_key(|(_, connection)| connection.last_seen_ms()).map(|(key, _)| *key);
        if let Some(mut oldest) = oldest.and_then(|key| self.connections.remove(&key)) {
            oldest.end(teller, report)?;
        }
        Ok(())
    }

    /// What is left when the file ends.
    fn end(&mut self, teller: &mut FrameTeller, report: &mut Report<'_>) -> io::Result<()> {
        for connection in self.connections.values_mut() {
            connection.end(teller, report)?;
        }
        for (why, count) in &self.unread {
            report.remark(Remark::note(format!("{count} packets were left out: {why}")))?;
        }
        if self.segments == 0 && self.packets > 0 {
            let ports: Vec<_> = self.ports.iter().map(u16::to_string).collect();
            let text =
                format!("none of {} packets is of port {}; --port names another", self.packets, ports.join(" or "));
            report.remark(Remark::note(text))?;
        }
        Ok(())
    }
}
