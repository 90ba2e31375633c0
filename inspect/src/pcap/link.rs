//! From a packet to its TCP segment, whatever link it came over.

use std::net::{IpAddr, SocketAddr};

use etherparse::{EtherType, LaxNetSlice, LaxSlicedPacket, TransportSlice};
use pcap_parser::Linktype;

/// A TCP segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Segment<'a> {
    pub from: SocketAddr,
    pub to: SocketAddr,
    pub sequence_number: u32,
    pub syn: bool,
    pub fin: bool,
    pub rst: bool,
    /// As far as it was captured.
    pub payload: &'a [u8],
    /// Bytes of the payload as it was sent.
    pub payload_size_bytes: usize,
}

/// Why there is no segment where there should be one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// A link that is not known here.
    LinkType,
    /// A part of an IP packet.
    Fragment,
    /// Its headers are cut off.
    Cut,
}

impl Fault {
    /// For people.
    #[must_use]
    pub fn text(self) -> &'static str {
        match self {
            Self::LinkType => "their link is none of Ethernet, Linux cooked (v1, v2), loopback and raw IP",
            Self::Fragment => "they are fragments of IP packets",
            Self::Cut => "the capture cut them within their headers",
        }
    }
}

/// Raw IP has had several numbers.
const RAW_IP: [i32; 5] = [12, 14, 101, 228, 229];

/// The TCP segment in a packet; none where it is something else.
///
/// # Errors
/// Where it can't be read.
pub fn segment(link_type: Linktype, packet: &[u8], original_size_bytes: usize) -> Result<Option<Segment<'_>>, Fault> {
    /// Of the Linux cooked headers, and of the address family in front of a loopback packet.
    const SLL: usize = 16;
    const SLL2: usize = 20;
    const FAMILY: usize = 4;
    let ether_type =
        |at: usize| packet.get(at..at + 2).map(|bytes| EtherType(u16::from_be_bytes([bytes[0], bytes[1]])));
    let rest = |at: usize| packet.get(at..).ok_or(Fault::Cut);
    let sliced = match link_type {
        Linktype::ETHERNET => LaxSlicedPacket::from_ethernet(packet).map_err(|_| Fault::Cut)?,
        Linktype::LINUX_SLL => LaxSlicedPacket::from_ether_type(ether_type(14).ok_or(Fault::Cut)?, rest(SLL)?),
        Linktype::LINUX_SLL2 => LaxSlicedPacket::from_ether_type(ether_type(0).ok_or(Fault::Cut)?, rest(SLL2)?),
        // The family's number depends on the system; the IP header says its version itself.
        Linktype::NULL | Linktype::LOOP => LaxSlicedPacket::from_ip(rest(FAMILY)?).map_err(|_| Fault::Cut)?,
        Linktype(number) if RAW_IP.contains(&number) => LaxSlicedPacket::from_ip(packet).map_err(|_| Fault::Cut)?,
        _ => return Err(Fault::LinkType),
    };
    tcp(packet, &sliced, original_size_bytes)
}

fn tcp<'a>(
    packet: &'a [u8],
    sliced: &LaxSlicedPacket<'a>,
    original_size_bytes: usize,
) -> Result<Option<Segment<'a>>, Fault> {
    let Some((from, to, is_tcp)) = addresses(sliced) else { return Ok(None) };
    if !is_tcp {
        return Ok(None);
    }
    let ip_payload = sliced.ip_payload().ok_or(Fault::Cut)?;
    if ip_payload.fragmented {
        return Err(Fault::Fragment);
    }
    let Some(TransportSlice::Tcp(tcp)) = &sliced.transport else { return Err(Fault::Cut) };
    let header_size_bytes = tcp.header_slice().len();
    let payload_at = (tcp.payload().as_ptr() as usize).wrapping_sub(packet.as_ptr() as usize);
    // The IP header says how long the packet was, unless the network card was to cut it: then it says nothing, and the
    // capture does.
    let payload_size_bytes = ip_payload_size_bytes(sliced)
        .and_then(|size| size.checked_sub(header_size_bytes))
        .unwrap_or_else(|| original_size_bytes.saturating_sub(payload_at))
        .max(tcp.payload().len());
    Ok(Some(Segment {
        from: SocketAddr::new(from, tcp.source_port()),
        to: SocketAddr::new(to, tcp.destination_port()),
        sequence_number: tcp.sequence_number(),
        syn: tcp.syn(),
        fin: tcp.fin(),
        rst: tcp.rst(),
        payload: tcp.payload(),
        payload_size_bytes,
    }))
}

/// Source and destination, and whether TCP is inside.
fn addresses(sliced: &LaxSlicedPacket<'_>) -> Option<(IpAddr, IpAddr, bool)> {
    let is_tcp = sliced.ip_payload().is_some_and(|payload| payload.ip_number == etherparse::IpNumber::TCP);
    match sliced.net.as_ref()? {
        LaxNetSlice::Ipv4(ip) => {
            Some((ip.header().source_addr().into(), ip.header().destination_addr().into(), is_tcp))
        }
        LaxNetSlice::Ipv6(ip) => {
            Some((ip.header().source_addr().into(), ip.header().destination_addr().into(), is_tcp))
        }
        LaxNetSlice::Arp(_) => None,
    }
}

/// Bytes behind the IP headers, as the packet was sent; none where its length says nothing.
fn ip_payload_size_bytes(sliced: &LaxSlicedPacket<'_>) -> Option<usize> {
    match sliced.net.as_ref()? {
        LaxNetSlice::Ipv4(ip) => match ip.header().total_len() {
            0 => None,
            total => usize::from(total).checked_sub(ip.header().slice().len()),
        },
        LaxNetSlice::Ipv6(ip) => match ip.header().payload_length() {
            0 => None,
            length => usize::from(length).checked_sub(ip.extensions().slice().len()),
        },
        LaxNetSlice::Arp(_) => None,
    }
}
