//! A request as a broker sees it: a header that says which API and version, and the body behind it. Nothing panics, nothing
//! is allocated beyond what the frame's size justifies, and what was understood is understood the same when it is written
//! again.

use allocation_counter::measure;
use bytes::Bytes;
use ottla_core::wire::messages::REGISTRY;
use ottla_core::wire::messages::header::RequestHeader;
use ottla_core::wire::{ApiKey, DecodeError, Message, MessageKind, MessageType, Reader, Str};

/// What any decode may allocate, beside 4 bytes a byte of the frame.
const BASE_BUDGET_BYTES: usize = 1 << 20;

/// Takes `data` as a frame without its size.
pub fn requests(data: &[u8]) {
    let Some(target) = Target::of(data) else { return };
    let frame = Bytes::copy_from_slice(data);
    let mut decoded = None;
    let allocated = measure(|| decoded = Some(target.decode(frame.clone())));
    let budget = 4 * frame.len() + BASE_BUDGET_BYTES;
    assert!(allocated.bytes_total <= budget as u64, "{allocated:?} for {} bytes of {target:?}", frame.len());
    let decoded = decoded.expect("it was run");
    target.watch(&frame, &decoded);
    match decoded {
        Ok(request) => target.write_again(&frame, &request),
        Err(error) => {
            assert!(error.at() <= frame.len(), "{error} is beyond {} bytes", frame.len());
            assert!(!error.to_string().is_empty());
        }
    }
}

/// The frame of a request with `body`: a seed for the corpus. None where `name` is not a request.
#[must_use]
pub fn requests_input(name: &str, version: i16, body: &[u8]) -> Option<Vec<u8>> {
    let message = REGISTRY.iter().find(|message| message.name == name && message.kind == MessageKind::Request)?;
    let header = RequestHeader {
        request_api_key: message.key,
        request_api_version: version,
        correlation_id: 7,
        client_id: Some(Str::from_static("seed")),
        ..Default::default()
    };
    let header_version = ApiKey::from_number(message.key)?.request_header_version(version);
    Some([&header.to_bytes(header_version), body].concat())
}

/// What a frame says that it is.
#[derive(Clone, Copy, Debug)]
struct Target {
    message: &'static MessageType,
    version: i16,
    header_version: i16,
}

/// A request that was understood.
struct Request {
    header: RequestHeader,
    body_at: usize,
    end: usize,
}

impl Target {
    /// By the first four bytes, whatever the header's version; none where no API or version is meant that Kafka has.
    fn of(frame: &[u8]) -> Option<Self> {
        let [key_high, key_low, version_high, version_low] = *frame.first_chunk()?;
        let api = ApiKey::from_number(i16::from_be_bytes([key_high, key_low]))?;
        let version = i16::from_be_bytes([version_high, version_low]);
        let is_it = |message: &&MessageType| message.kind == MessageKind::Request && message.key == api.number();
        let message = REGISTRY.iter().find(is_it)?;
        let header_version = api.request_header_version(version);
        assert_eq!(header_version == 2, version >= message.flexible_from, "{} v{version}", message.name);
        message.versions.contains(&version).then_some(Self { message, version, header_version })
    }

    /// Header and body from one reader, as the broker does: one budget for both.
    fn decode(&self, frame: Bytes) -> Result<Request, DecodeError> {
        let mut reader = Reader::new(&frame);
        let header = RequestHeader::read(&mut reader, self.header_version)?;
        let body_at = reader.at();
        self.message.read(&mut reader, self.version)?;
        Ok(Request { header, body_at, end: reader.at() })
    }

    /// The annotated dump of the same frame: it ends in the same way, and explains every byte up to there.
    fn watch(&self, frame: &Bytes, decoded: &Result<Request, DecodeError>) {
        let header = MessageType::of::<RequestHeader>().annotate_at(frame.clone(), 0, self.header_version);
        let mut fields = header.fields;
        let mut result = header.result;
        if result.is_ok() {
            let body = self.message.annotate_at(frame.clone(), header.end, self.version);
            fields.extend(body.fields);
            result = body.result;
        }
        assert_eq!(result.as_ref().err(), decoded.as_ref().err(), "{self:?} differs when watched");
        let mut covered = 0;
        for field in fields {
            assert_eq!(field.from, covered, "{} of {self:?} begins where the field before ends", field.path);
            covered = field.to;
            let _ = field.meaning();
        }
        assert!(decoded.as_ref().map_or(covered <= frame.len(), |request| request.end == covered));
    }

    fn write_again(&self, frame: &Bytes, request: &Request) {
        let header = request.header.to_bytes(self.header_version);
        let again = RequestHeader::from_bytes(header.clone(), self.header_version);
        assert_eq!(again.as_ref(), Ok(&request.header));
        let body = frame.slice(request.body_at..request.end);
        let once = self.message.roundtrip(body, self.version).expect("what was understood before");
        let frame = Bytes::from([header, once.clone()].concat());
        let request = self.decode(frame.clone()).expect("what was written");
        assert_eq!((request.body_at + once.len(), request.end), (frame.len(), frame.len()));
        let twice = self.message.roundtrip(once.clone(), self.version);
        assert_eq!(twice.as_ref(), Ok(&once), "{self:?} is not the same again");
        self.message.json(once, self.version).expect("what was written");
    }
}
