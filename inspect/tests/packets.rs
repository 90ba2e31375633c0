//! Frames out of captured packets: whatever link they came over, and whatever became of the packets.

mod support;

use std::fs;

use etherparse::PacketBuilder;
use support::{Told, captured, decode};

const CLIENT: [u8; 4] = [10, 0, 0, 1];
const BROKER: [u8; 4] = [10, 0, 0, 2];
const CLIENT_PORT: u16 = 52_000;

#[derive(Clone)]
struct Packet {
    from_client: bool,
    sequence_number: u32,
    syn: bool,
    payload: Vec<u8>,
    /// Of the whole packet, so much is kept.
    keep: usize,
}

/// Both sides of a connection, packet by packet.
struct Conversation {
    packets: Vec<Packet>,
    next: [u32; 2],
}

impl Conversation {
    fn new() -> Self {
        let mut conversation = Self { packets: Vec::new(), next: [u32::MAX - 10, 7_000] };
        for from_client in [true, false] {
            conversation.push(from_client, &[]);
            conversation.packets.last_mut().expect("just pushed").syn = true;
            let next = &mut conversation.next[usize::from(!from_client)];
            *next = next.wrapping_add(1);
        }
        conversation
    }

    fn push(&mut self, from_client: bool, payload: &[u8]) {
        let next = &mut self.next[usize::from(!from_client)];
        let sequence_number = *next;
        *next = next.wrapping_add(u32::try_from(payload.len()).expect("small"));
        self.packets.push(Packet {
            from_client,
            sequence_number,
            syn: false,
            payload: payload.to_vec(),
            keep: usize::MAX,
        });
    }

    /// A frame with its size in front, in packets of at most `segment` bytes.
    fn frame(&mut self, from_client: bool, hex: &str, segment: usize) {
        let mut bytes = u32::try_from(hex.len() / 2).expect("small").to_be_bytes().to_vec();
        bytes.extend((0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).expect("hex")));
        bytes.chunks(segment).for_each(|chunk| self.push(from_client, chunk));
    }
}

/// ApiVersions, asked and answered, by librdkafka; the answer in several packets.
fn conversation() -> Conversation {
    let mut conversation = Conversation::new();
    conversation.frame(true, &captured("librdkafka", 0), 1_000);
    conversation.frame(false, &captured("librdkafka", 1), 200);
    conversation.frame(true, &captured("librdkafka", 2), 1_000);
    conversation.frame(false, &captured("librdkafka", 4), 1_000);
    conversation
}

/// A packet from its IP header on.
fn ip(packet: &Packet) -> Vec<u8> {
    let (from, to) = if packet.from_client { (CLIENT, BROKER) } else { (BROKER, CLIENT) };
    let (from_port, to_port) = if packet.from_client { (CLIENT_PORT, 9092) } else { (9092, CLIENT_PORT) };
    let builder = PacketBuilder::ipv4(from, to, 64).tcp(from_port, to_port, packet.sequence_number, 60_000).ack(1);
    let builder = if packet.syn { builder.syn() } else { builder };
    let mut bytes = Vec::new();
    builder.write(&mut bytes, &packet.payload).expect("memory takes all");
    bytes
}

/// What stands in front of the IP header on a link of this type.
fn link(link_type: u32) -> Vec<u8> {
    match link_type {
        0 => vec![2, 0, 0, 0],
        1 => [&[1; 6][..], &[2; 6], &[0x08, 0x00]].concat(),
        113 => [&[0; 14][..], &[0x08, 0x00]].concat(),
        276 => [&[0x08, 0x00][..], &[0; 18]].concat(),
        _ => Vec::new(),
    }
}

fn pcap(link_type: u32, packets: &[Packet]) -> Vec<u8> {
    let mut file = Vec::new();
    for number in [0xa1b2_c3d4, 0x0004_0002, 0, 0, 65_535, link_type] {
        file.extend_from_slice(&u32::to_le_bytes(number));
    }
    for (index, packet) in (0u32..).zip(packets) {
        let bytes = [link(link_type), ip(packet)].concat();
        let kept = bytes.len().min(packet.keep);
        for number in [
            1_700_000_000,
            index * 1_000,
            u32::try_from(kept).expect("small"),
            u32::try_from(bytes.len()).expect("small"),
        ] {
            file.extend_from_slice(&u32::to_le_bytes(number));
        }
        file.extend_from_slice(&bytes[..kept]);
    }
    file
}

/// The same as pcapng, with nanoseconds.
fn pcapng(packets: &[Packet]) -> Vec<u8> {
    fn block(file: &mut Vec<u8>, kind: u32, body: &[u8]) {
        let size = u32::try_from(body.len().next_multiple_of(4) + 12).expect("small");
        file.extend_from_slice(&kind.to_le_bytes());
        file.extend_from_slice(&size.to_le_bytes());
        file.extend_from_slice(body);
        file.resize(file.len().next_multiple_of(4), 0);
        file.extend_from_slice(&size.to_le_bytes());
    }
    let mut file = Vec::new();
    block(&mut file, 0x0a0d_0d0a, &[&0x1a2b_3c4du32.to_le_bytes()[..], &[1, 0, 0, 0], &[0xff; 8]].concat());
    block(&mut file, 1, &[1, 0, 0, 0, 0, 0, 0, 0, 9, 0, 1, 0, 9, 0, 0, 0, 0, 0, 0, 0]);
    for (index, packet) in (0u64..).zip(packets) {
        let bytes = [link(1), ip(packet)].concat();
        let time = 1_700_000_000_000_000_000 + index * 1_000_000;
        let size = u32::try_from(bytes.len()).expect("small");
        let mut body = 0u32.to_le_bytes().to_vec();
        for number in [(time >> 32) as u32, time as u32, size, size] {
            body.extend_from_slice(&number.to_le_bytes());
        }
        body.extend_from_slice(&bytes);
        block(&mut file, 6, &body);
    }
    file
}

fn tell(file: &[u8], words: &[&str]) -> Told {
    let dir = tempfile::tempdir().expect("a directory");
    let path = dir.path().join("capture");
    fs::write(&path, file).expect("a file");
    decode(&[&[path.to_str().expect("UTF-8")], words].concat(), 120)
}

fn titles(told: &Told) -> Vec<&str> {
    told.text.lines().filter(|line| line.starts_with("frame ")).collect()
}

#[test]
fn a_capture_is_told_frame_by_frame() {
    let told = tell(&pcap(1, &conversation().packets), &[]);
    assert_eq!(told.damages, 0);
    let head: Vec<_> = told.text.lines().take(24).chain(titles(&told)).collect();
    insta::assert_snapshot!("capture", head.join("\n"));
}

#[test]
fn every_link_and_either_format_gives_the_same_frames() {
    let packets = conversation().packets;
    let expected = tell(&pcap(1, &packets), &[]);
    assert_eq!(titles(&expected).len(), 4);
    for link_type in [0, 101, 113, 276] {
        assert_eq!(tell(&pcap(link_type, &packets), &[]).text, expected.text, "link type {link_type}");
    }
    assert_eq!(tell(&pcapng(&packets), &[]).text, expected.text);
}

#[test]
fn order_and_repetition_of_packets_do_not_matter() {
    let packets = conversation().packets;
    let expected = tell(&pcap(1, &packets), &[]);
    let without_times = |told: &Told| {
        told.text.lines().map(|line| line.split(" · 2023").next().unwrap_or_default().to_owned()).collect::<Vec<_>>()
    };
    let mut shuffled = packets.clone();
    // The answer's packets are 3 to 6.
    shuffled.swap(4, 6);
    assert_eq!(without_times(&tell(&pcap(1, &shuffled), &[])), without_times(&expected));
    let twice: Vec<_> = packets.iter().flat_map(|packet| [packet.clone(), packet.clone()]).collect();
    assert_eq!(without_times(&tell(&pcap(1, &twice), &[])), without_times(&expected));
}

#[test]
fn what_the_capture_cut_or_lost_is_said_and_the_next_frame_is_found() {
    let packets = conversation().packets;
    let mut cut = packets.clone();
    cut[4].keep = 54 + 10;
    let told = tell(&pcap(1, &cut), &[]);
    assert_eq!(titles(&told).len(), 4, "{}", told.text);
    assert!(told.text.contains("the capture has only the beginning of their packet (snaplen)"), "{}", told.text);
    assert_eq!(told.damages, 1, "{}", told.text);

    let mut lost = packets.clone();
    lost.remove(4);
    let told = tell(&pcap(1, &lost), &[]);
    assert_eq!(titles(&told).len(), 4, "{}", told.text);
    assert!(told.text.contains("their packets are not in the capture"), "{}", told.text);
}

#[test]
fn a_capture_that_begins_later_finds_its_step() {
    let packets = conversation().packets;
    // Without the handshake, the first request and the beginning of its answer.
    let told = tell(&pcap(1, &packets[4..]), &[]);
    let titles = titles(&told);
    assert_eq!(titles.len(), 2, "{}", told.text);
    assert!(titles[0].contains("request") && titles[1].contains("response"), "{}", told.text);
    assert!(told.text.contains("bytes were passed over, up to where a frame begins"), "{}", told.text);
}

#[test]
fn another_port_has_to_be_named() {
    let packets = conversation().packets;
    let told = tell(&pcap(1, &packets), &["--port", "19092"]);
    assert!(told.text.contains("is of port 19092; --port names another"), "{}", told.text);
    assert_eq!(titles(&tell(&pcap(1, &packets), &["--port", "19092", "--port", "9092"])).len(), 4);
}

#[test]
fn encrypted_connections_are_named_once() {
    let mut conversation = Conversation::new();
    conversation.push(true, &[0x16, 0x03, 0x01, 0x02, 0x00, 0x01, 0x00, 0x01, 0xfc, 0x03]);
    conversation.push(false, &[0x16, 0x03, 0x03, 0x00, 0x7a, 0x02, 0x00, 0x00, 0x76, 0x03]);
    let told = tell(&pcap(1, &conversation.packets), &[]);
    assert_eq!(told.text.matches("is encrypted (TLS)").count(), 1, "{}", told.text);
    assert_eq!(told.damages, 0);
}

#[test]
fn a_file_that_ends_within_a_packet_is_told_up_to_there() {
    let mut file = pcap(1, &conversation().packets);
    file.truncate(file.len() - 5);
    let told = tell(&file, &[]);
    assert_eq!(titles(&told).len(), 3, "{}", told.text);
    assert!(told.text.contains("the file ends within a packet"), "{}", told.text);
}
