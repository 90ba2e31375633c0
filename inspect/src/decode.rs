//! `ottla decode`: frames from the command line, from files and from captured packets, field by field.

mod captures;
mod encoding;
mod stream;

pub(crate) use stream::looks_like_request;

use std::fs::File;
use std::io::{self, BufRead, BufReader, Cursor, Read};
use std::path::{Path, PathBuf};

use bytes::Bytes;
use clap::{Args, ValueEnum};
use ottla_core::records::{Compression, OutputLimit, decompress};
use ottla_core::wire::messages::REGISTRY;
use ottla_core::wire::{ApiKey, MessageType};

use crate::frame::{Conversation, Direction, Frame, FrameRules, FrameTeller, Origin};
use crate::report::{Presentation, Remark, Report};
use crate::{InspectError, Verdict, output, pcap};

/// Show Kafka frames field by field: bytes, hex, field, value and what it means
///
/// Takes hex, base64 or files; a frame with or without its size in front, or many of them; captured packets (pcap,
/// pcapng); and captures in JSON lines with conn, dir and hex. What an input is, is seen by itself; the flags below force
/// it where that goes wrong. Answers say nothing of what they answer: in a capture they are found by their correlation
/// id, elsewhere --response --api NAME --version N tell.
#[derive(Args, Clone, Debug)]
#[command(after_help = AFTER_HELP)]
pub struct DecodeArguments {
    /// Hex, base64, or a file; - is standard input
    #[arg(value_name = "INPUT", required = true)]
    inputs: Vec<String>,

    /// The inputs are hex
    #[arg(long, conflicts_with = "base64")]
    hex: bool,

    /// The inputs are base64
    #[arg(long)]
    base64: bool,

    /// The inputs are names of files; with --hex or --base64, of files with that in them
    #[arg(long)]
    file: bool,

    /// Whether each frame has its size in 4 bytes in front
    #[arg(long, value_name = "WHETHER", value_enum, default_value_t)]
    size_prefix: SizePrefix,

    /// The frames are answers, to --api in --version
    #[arg(long, requires = "api", requires = "api_version")]
    response: bool,

    /// What answers are to, by name or key, where nobody saw their requests
    #[arg(long, value_name = "NAME|KEY", value_parser = parse_api, requires = "api_version")]
    api: Option<ApiKey>,

    /// The input is this message alone, without a header: FetchRequest, TopicRecord, ConsumerProtocolSubscription
    #[arg(long, value_name = "NAME", value_parser = parse_message, requires = "api_version", conflicts_with = "response")]
    message: Option<&'static MessageType>,

    /// The version of --api or --message
    #[arg(id = "api_version", long = "version", value_name = "N")]
    version: Option<i16>,

    /// The brokers' port in captured packets; may be repeated
    #[arg(long = "port", value_name = "PORT", default_value = "9092")]
    ports: Vec<u16>,

    #[command(flatten)]
    presentation: Presentation,
}

const AFTER_HELP: &str = "\
Exit status: 0 all is well, 1 a frame is damaged or cut (the fields before that are shown), 2 the input can't be read.

Examples:
  ottla decode 00000018001200040000000700046b63617400046b63617403312e3000
  ottla decode --response --api ApiVersions --version 0 0000000700230000000000
  ottla decode capture.pcapng --port 19092 | less
  tcpdump -i lo -w - port 9092 | ottla decode - --json | jq 'select(.api == \"Fetch\").body'";

/// Whether frames have their size in front.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
enum SizePrefix {
    /// See by the bytes
    #[default]
    Auto,
    /// They have
    Yes,
    /// They don't: the input is one frame
    No,
}

/// A file is looked into so far to see what it is.
const HEAD_MAX_BYTES: usize = 1 << 20;
/// Hex, base64 and what comes out of gzip are held in memory, at most so much of it.
const TEXT_MAX_BYTES: usize = 1 << 30;

/// Runs the command.
///
/// # Errors
/// Where an input can't be read, or the report can't be written.
pub fn run(arguments: &DecodeArguments) -> Result<Verdict, InspectError> {
    let mut report = arguments.presentation.report(output::stdout());
    tell(arguments, &mut report)?;
    report.flush().map_err(InspectError::Write)?;
    Ok(if report.damages() > 0 { Verdict::Damaged } else { Verdict::Good })
}

/// Tells all inputs to `report`.
///
/// # Errors
/// As [`run`].
pub fn tell(arguments: &DecodeArguments, report: &mut Report<'_>) -> Result<(), InspectError> {
    let rules = FrameRules {
        answers_to: arguments.api.map(ApiKey::number).zip(arguments.version),
        all_records: arguments.presentation.full || arguments.presentation.json,
    };
    let mut decode =
        Decode { arguments, report, teller: FrameTeller::new(rules), conversation: Conversation::default() };
    for input in &arguments.inputs {
        decode.input(input)?;
    }
    Ok(())
}

struct Decode<'a, 'o> {
    arguments: &'a DecodeArguments,
    report: &'a mut Report<'o>,
    teller: FrameTeller,
    /// Of the inputs that are frames without connections.
    conversation: Conversation,
}

impl Decode<'_, '_> {
    fn input(&mut self, input: &str) -> Result<(), InspectError> {
        let arguments = self.arguments;
        if input == "-" {
            return self.content(BufReader::new(io::stdin()), &|source| InspectError::Stdin(source));
        }
        let is_text = (arguments.hex || arguments.base64) && !arguments.file;
        if !is_text && (arguments.file || Path::new(input).exists()) {
            let path = PathBuf::from(input);
            let failed = |source| InspectError::Read { path: path.clone(), source };
            let file = File::open(&path).map_err(failed)?;
            return self.content(BufReader::new(file), &failed);
        }
        let bytes = self.text(input)?;
        self.frames(Cursor::new(bytes), &InspectError::Stdin)
    }

    /// Hex or base64 as bytes.
    fn text(&self, text: &str) -> Result<Bytes, InspectError> {
        let decoded = match (self.arguments.hex, self.arguments.base64) {
            (true, _) => encoding::hex(text),
            (_, true) => encoding::base64(text),
            _ => encoding::either(text),
        };
        decoded.map_err(|error| InspectError::Input(error.to_string()))
    }

    /// Looks what a file is, and tells it.
    fn content(
        &mut self,
        mut source: impl BufRead + Send,
        failed: &dyn Fn(io::Error) -> InspectError,
    ) -> Result<(), InspectError> {
        let mut head = Vec::new();
        source.by_ref().take(HEAD_MAX_BYTES as u64).read_to_end(&mut head).map_err(failed)?;
        let is_forced = self.arguments.hex || self.arguments.base64;
        let kind = if is_forced { Content::Text } else { Content::of(&head) };
        let mut whole = Cursor::new(head).chain(source);
        match kind {
            Content::Packets => self.packets(whole, failed),
            Content::JsonLines => self.captures(whole, failed),
            Content::Binary => self.frames(whole, failed),
            Content::Gzip => {
                let packed = read_all(&mut whole, failed)?;
                let plain = decompress(Compression::Gzip, &packed, OutputLimit::of_bytes(TEXT_MAX_BYTES))
                    .map_err(|error| InspectError::Input(error.to_string()))?;
                self.content(Cursor::new(plain), failed)
            }
            Content::Text => {
                let text = String::from_utf8(read_all(&mut whole, failed)?)
                    .map_err(|_| InspectError::Input("expected hex or base64, found no text".to_owned()))?;
                let bytes = self.text(&text)?;
                self.frames(Cursor::new(bytes), failed)
            }
        }
    }

    /// One frame, or a stream of frames.
    fn frames(
        &mut self,
        mut source: impl Read,
        failed: &dyn Fn(io::Error) -> InspectError,
    ) -> Result<(), InspectError> {
        if let Some((message, version)) = self.arguments.message.zip(self.arguments.version) {
            let bytes = Bytes::from(read_all(&mut source, failed)?);
            return self.teller.tell_message(message, version, &bytes, self.report).map_err(InspectError::Write);
        }
        let has_prefix = match self.arguments.size_prefix {
            SizePrefix::Auto => None,
            SizePrefix::Yes => Some(true),
            SizePrefix::No => Some(false),
        };
        let mut frames = stream::Frames::new(source, has_prefix, self.arguments.response);
        while let Some(found) = frames.next_frame().map_err(failed)? {
            match found {
                stream::Found::Frame(mut frame) => {
                    frame.direction = self.arguments.response.then_some(Direction::Response);
                    self.teller.tell(&frame, &mut self.conversation, self.report).map_err(InspectError::Write)?;
                }
                stream::Found::NoFrame { at, text } => {
                    self.report.remark(Remark::damage(text).at(at)).map_err(InspectError::Write)?;
                }
            }
        }
        Ok(())
    }

    fn captures(
        &mut self,
        source: impl BufRead,
        failed: &dyn Fn(io::Error) -> InspectError,
    ) -> Result<(), InspectError> {
        let mut captures = captures::Captures::new(source);
        while let Some(line) = captures.next_line().map_err(failed)? {
            match line {
                Ok(captured) => {
                    let conversation = captures.conversation(&captured.connection);
                    let frame = Frame {
                        has_size_prefix: has_size_prefix(&captured, conversation),
                        bytes: captured.bytes,
                        direction: captured.direction,
                        origin: Origin { connection: Some(captured.connection.clone()), ..Origin::default() },
                        missing: None,
                    };
                    self.teller.tell(&frame, conversation, self.report).map_err(InspectError::Write)?;
                }
                Err(text) => self.report.remark(Remark::damage(text)).map_err(InspectError::Write)?,
            }
        }
        Ok(())
    }

    fn packets(
        &mut self,
        source: impl Read + Send,
        failed: &dyn Fn(io::Error) -> InspectError,
    ) -> Result<(), InspectError> {
        pcap::tell(source, &self.arguments.ports, &mut self.teller, self.report).map_err(|error| match error {
            pcap::PcapFault::Read(error) => failed(error),
            pcap::PcapFault::Write(error) => InspectError::Write(error),
            other => InspectError::Input(other.to_string()),
        })
    }
}

/// Such captures have no sizes, but others might. A correlation id may happen to be the size of the rest.
fn has_size_prefix(captured: &captures::Captured, conversation: &Conversation) -> bool {
    let first = captured.bytes.first_chunk().map(|bytes| i32::from_be_bytes(*bytes));
    let is_bare = match captured.direction {
        Some(Direction::Response) => first.is_some_and(|id| conversation.is_awaited(id)),
        _ => looks_like_request(&captured.bytes),
    };
    !is_bare && stream::is_exact_prefix(&captured.bytes)
}

/// What is in a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Content {
    /// Captured packets: pcap or pcapng.
    Packets,
    /// Captures in JSON lines.
    JsonLines,
    /// Any of the others, compressed.
    Gzip,
    /// Hex or base64.
    Text,
    /// Frames as they are.
    Binary,
}

impl Content {
    fn of(head: &[u8]) -> Self {
        if pcap::is_capture(head) {
            return Self::Packets;
        }
        if head.starts_with(&[0x1f, 0x8b, 8]) {
            return Self::Gzip;
        }
        let is_text =
            !head.is_empty() && head.iter().all(|byte| (b' '..0x7f).contains(byte) || b"\t\r\n".contains(byte));
        match head.trim_ascii_start().first() {
            Some(b'{') if is_text => Self::JsonLines,
            _ if is_text => Self::Text,
            _ => Self::Binary,
        }
    }
}

fn read_all(source: &mut impl Read, failed: &dyn Fn(io::Error) -> InspectError) -> Result<Vec<u8>, InspectError> {
    let mut bytes = Vec::new();
    source.take(TEXT_MAX_BYTES as u64 + 1).read_to_end(&mut bytes).map_err(failed)?;
    if bytes.len() > TEXT_MAX_BYTES {
        return Err(InspectError::Input(format!("more than {TEXT_MAX_BYTES} bytes of such an input")));
    }
    Ok(bytes)
}

fn parse_api(text: &str) -> Result<ApiKey, String> {
    let all = || (0..=i16::from(u8::MAX)).filter_map(ApiKey::from_number);
    let by_key = text.parse().ok().and_then(ApiKey::from_number);
    by_key.or_else(|| all().find(|api| api.name().eq_ignore_ascii_case(text))).ok_or_else(|| {
        format!("expected the name or key of an API, such as Fetch or 1; the keys go up to {}", all().count() + 3)
    })
}

fn parse_message(text: &str) -> Result<&'static MessageType, String> {
    let found = REGISTRY.iter().find(|message| message.name.eq_ignore_ascii_case(text));
    found.ok_or_else(|| "expected the name of a message, such as FetchRequest or TopicRecord".to_owned())
}
