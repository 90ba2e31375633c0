//! The rows of a frame: one for each field, whose bytes follow one another.

use std::io;

use bytes::Bytes;
use ottla_core::wire::{AnnotatedValue, Annotation};

use super::records::RecordSet;
use super::{SIZE_PREFIX_BYTES, size};
use crate::report::{Align, Cell, Column, Report, Row, Squeeze, Table, Tone, count};

/// The table of all fields.
static FIELDS: Table = Table {
    name: "field",
    has_head: true,
    indent: 2,
    columns: &[
        Column::new("", "bytes", Align::Right, Tone::Quiet),
        Column {
            name: "hex",
            head: "hex",
            align: Align::Left,
            tone: Tone::Quiet,
            squeeze: Some(Squeeze { order: 0, min_width: 11 }),
        },
        Column {
            name: "path",
            head: "field",
            align: Align::Left,
            tone: Tone::Path,
            squeeze: Some(Squeeze { order: 2, min_width: 20 }),
        },
        // For programs: what a row is that is no field's value.
        Column::new("structure", "", Align::Left, Tone::Quiet),
        Column {
            name: "value",
            head: "value",
            align: Align::Left,
            tone: Tone::Value,
            squeeze: Some(Squeeze { order: 1, min_width: 16 }),
        },
        Column {
            name: "meaning",
            head: "meaning",
            align: Align::Left,
            tone: Tone::Meaning,
            squeeze: Some(Squeeze { order: 3, min_width: 10 }),
        },
    ],
};

/// Tells the fields of a frame.
pub(super) struct FieldRows<'r, 'o> {
    report: &'r mut Report<'o>,
    frame: Bytes,
    /// All records are told, not only the first of a batch.
    all_records: bool,
    /// An answer's last batch may be cut.
    pub(super) is_answer: bool,
}

/// A field, before it is a row.
pub(super) struct FieldRow {
    pub(super) range: Cell,
    pub(super) bytes: Bytes,
    pub(super) path: String,
    pub(super) value: Cell,
    pub(super) meaning: Option<String>,
    /// What it is, if no field's value.
    pub(super) structure: Option<&'static str>,
    pub(super) is_damaged: bool,
}

impl<'r, 'o> FieldRows<'r, 'o> {
    pub(super) fn new(report: &'r mut Report<'o>, frame: Bytes, all_records: bool) -> Self {
        Self { report, frame, all_records, is_answer: false }
    }

    /// The size in front of the frame.
    pub(super) fn size_prefix(&mut self) -> io::Result<()> {
        let bytes = self.frame.slice(..SIZE_PREFIX_BYTES.min(self.frame.len()));
        let value = bytes.first_chunk().map(|bytes| Cell::Integer(i32::from_be_bytes(*bytes).into()));
        self.row(FieldRow {
            range: Cell::Range(0, bytes.len() as u64),
            bytes,
            path: "size".to_owned(),
            value: value.unwrap_or(Cell::Empty),
            meaning: None,
            structure: Some("size"),
            is_damaged: false,
        })
    }

    /// The fields of a message. Their paths begin with `root`, where that is not empty.
    pub(super) fn annotations(&mut self, root: &str, fields: &[Annotation]) -> io::Result<()> {
        for field in fields {
            self.annotation(root, field)?;
        }
        Ok(())
    }

    fn annotation(&mut self, root: &str, field: &Annotation) -> io::Result<()> {
        let path = match (root, field.path.as_str()) {
            ("", "") => "body".to_owned(),
            ("", path) => path.strip_prefix('.').unwrap_or(path).to_owned(),
            (root, path) => format!("{root}{path}"),
        };
        // A record set's own row is its length; its batches have rows of their own.
        let to = match &field.value {
            AnnotatedValue::Records(range) => range.start,
            _ => field.to,
        };
        self.row(FieldRow {
            range: Cell::Range(field.from as u64, to as u64),
            bytes: self.frame.slice(field.from..to),
            path: path.clone(),
            value: self.value(&field.value),
            meaning: field.meaning().map(Into::into),
            structure: structure(&field.value),
            is_damaged: false,
        })?;
        if let AnnotatedValue::Records(range) = &field.value {
            let set = RecordSet { frame: self.frame.clone(), range: range.clone(), path };
            set.tell(self)?;
        }
        Ok(())
    }

    fn value(&self, value: &AnnotatedValue) -> Cell {
        let text = || Cell::text(value.to_string());
        match value {
            AnnotatedValue::Integer(number) => Cell::Integer(*number),
            AnnotatedValue::Float(number) => Cell::Float(*number),
            AnnotatedValue::Bool(yes) => Cell::Bool(*yes),
            AnnotatedValue::Str(text) => Cell::Str(text.clone()),
            AnnotatedValue::Null => Cell::Null,
            AnnotatedValue::Bytes(range) => Cell::both(text(), Cell::Bytes(self.frame.slice(range.clone()))),
            AnnotatedValue::Records(range) => Cell::both(text(), size(range.len())),
            AnnotatedValue::Count(number) => {
                Cell::both(Cell::text(count(*number as u64, "element", "elements")), size(*number))
            }
            AnnotatedValue::TaggedFields(number) => {
                let text = count((*number).into(), "tagged field", "tagged fields");
                Cell::both(Cell::text(text), Cell::Integer((*number).into()))
            }
            AnnotatedValue::Tag { tag, .. } => Cell::both(text(), Cell::Integer((*tag).into())),
            AnnotatedValue::Uuid(_) | AnnotatedValue::Present => text(),
        }
    }

    pub(super) fn row(&mut self, field: FieldRow) -> io::Result<()> {
        let structure = Cell::both(Cell::Empty, Cell::or_empty(field.structure, Cell::text));
        let cells = vec![
            field.range,
            Cell::Bytes(field.bytes),
            Cell::text(field.path),
            structure,
            field.value,
            Cell::or_empty(field.meaning, Cell::text),
        ];
        let row = Row { cells, is_damaged: field.is_damaged, is_quiet: field.structure.is_some() };
        self.report.row(&FIELDS, row)
    }

    pub(super) fn report(&mut self) -> &mut Report<'o> {
        self.report
    }

    pub(super) fn all_records(&self) -> bool {
        self.all_records
    }
}

fn structure(value: &AnnotatedValue) -> Option<&'static str> {
    match value {
        AnnotatedValue::Count(_) => Some("count"),
        AnnotatedValue::Present => Some("present"),
        AnnotatedValue::TaggedFields(_) => Some("tagged fields"),
        AnnotatedValue::Tag { .. } => Some("tag"),
        AnnotatedValue::Records(_) => Some("records"),
        _ => None,
    }
}
