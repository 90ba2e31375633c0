//! Bytes told field by field, as JSON for the page's script.
//!
//! The fields are `ottla-inspect`'s: here is only another form of its report.

use std::io;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use ottla_core::records::BatchHeader;
use ottla_inspect::frame::{Conversation, Direction, Frame, FrameRules, FrameTeller, Origin};
use ottla_inspect::report::{Cell, Form, Heading, Remark, Report, Row, Severity, Table};

use super::memory::{Blob, Content};

/// So many bytes are shown.
const SHOWN_MAX_BYTES: usize = 4_096;
/// So many fields are shown.
const ROWS_MAX: usize = 400;
/// So many remarks are shown.
const REMARKS_MAX: usize = 50;

/// Some bytes, told.
#[derive(Debug, Default)]
pub struct Told {
    /// An object: `size`, `bytes` in base64, `rows` of from, to, path, value, meaning and flags, `left` rows, `remarks`.
    pub json: String,
    /// The first error code in it that is one, by name.
    pub error: Option<String>,
}

/// Tells some bytes.
pub fn tell(blob: &Blob) -> Told {
    let mut fields = Fields::default();
    let mut report = Report::new(Into(&mut fields));
    let told = match blob.content {
        Content::Request => tell_frame(&blob.bytes, Direction::Request, None, &mut report),
        Content::Answer(key, version) => {
            tell_frame(&blob.bytes, Direction::Response, Some((key, version)), &mut report)
        }
        Content::File if BatchHeader::parse(&blob.bytes).is_ok() => {
            FrameTeller::new(FrameRules::default()).tell_records(&blob.bytes, &mut report)
        }
        Content::File => Ok(()),
    };
    told.expect("memory takes everything");
    drop(report);
    let shown = &blob.bytes[..blob.bytes.len().min(SHOWN_MAX_BYTES)];
    let json = format!(
        r#"{{"size":{},"bytes":"{}","rows":[{}],"left":{},"remarks":[{}]}}"#,
        blob.bytes.len(),
        STANDARD.encode(shown),
        fields.rows.join(","),
        fields.left,
        fields.remarks.join(","),
    );
    Told { json, error: fields.error }
}

fn tell_frame(
    bytes: &Bytes,
    direction: Direction,
    answers_to: Option<(i16, i16)>,
    report: &mut Report<'_>,
) -> io::Result<()> {
    let rules = FrameRules { answers_to, all_records: true };
    let frame = Frame {
        bytes: bytes.clone(),
        has_size_prefix: true,
        direction: Some(direction),
        origin: Origin::default(),
        missing: None,
    };
    FrameTeller::new(rules).tell(&frame, &mut Conversation::default(), report)
}

/// What was told.
#[derive(Debug, Default)]
struct Fields {
    rows: Vec<String>,
    left: usize,
    remarks: Vec<String>,
    error: Option<String>,
}

/// The form of a report that only remembers.
struct Into<'a>(&'a mut Fields);

/// What a row is besides its cells.
const QUIET: u8 = 1;
const DAMAGED: u8 = 2;
const DECOMPRESSED: u8 = 4;
const ERROR: u8 = 8;

impl Form for Into<'_> {
    fn begin(&mut self, _: Heading) -> io::Result<()> {
        Ok(())
    }

    fn row(&mut self, _: &'static Table, row: Row) -> io::Result<()> {
        let [range, _, path, _, value, meaning] = &row.cells[..] else { return Ok(()) };
        let (from, to, is_inner) = match range {
            Cell::Range(from, to) => (*from, *to, false),
            Cell::InnerRange(from, to) => (*from, *to, true),
            _ => (0, 0, false),
        };
        let (path, meaning) = (path.to_text(true), meaning.to_text(false));
        let is_error = path.ends_with("error_code") && !matches!(value, Cell::Integer(0));
        if is_error && self.0.error.is_none() {
            self.0.error = Some(meaning.clone());
        }
        if self.0.rows.len() == ROWS_MAX {
            self.0.left += 1;
            return Ok(());
        }
        let mut flags = 0;
        let kinds = [(QUIET, row.is_quiet), (DAMAGED, row.is_damaged), (DECOMPRESSED, is_inner), (ERROR, is_error)];
        for (flag, is_set) in kinds {
            flags |= if is_set { flag } else { 0 };
        }
        self.0.rows.push(json(&(from, to, path, value.to_text(false), meaning, flags)));
        Ok(())
    }

    fn property(&mut self, _: &'static str, _: Cell) -> io::Result<()> {
        Ok(())
    }

    fn remark(&mut self, remark: Remark) -> io::Result<()> {
        if self.0.remarks.len() < REMARKS_MAX {
            let is_damage = remark.severity == Severity::Damage;
            self.0.remarks.push(json(&(is_damage, remark.at, remark.path, remark.text)));
        }
        Ok(())
    }

    fn end(&mut self) -> io::Result<()> {
        Ok(())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A value of plain parts, as JSON.
pub fn json(value: &impl serde::Serialize) -> String {
    serde_json::to_string(value).expect("plain values are JSON")
}
