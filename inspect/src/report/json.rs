//! A report for programs: one JSON object a line.

use std::io::{self, Write};

use super::cell::Cell;
use super::{Form, Heading, Remark, Row, Severity, Shape, Table};

/// Writes JSON to `W`.
#[derive(Debug)]
pub struct JsonReport<W> {
    out: W,
    section: Option<Section>,
}

/// The open section.
#[derive(Debug)]
struct Section {
    shape: Shape,
    /// The first property, which each row repeats; or the object so far.
    properties: Object,
    rows: Vec<String>,
    remarks: Vec<String>,
}

impl<W: Write> JsonReport<W> {
    /// Writes to `out`.
    pub fn new(out: W) -> Self {
        Self { out, section: None }
    }

    fn line(&mut self, object: Object) -> io::Result<()> {
        self.out.write_all(object.finish().as_bytes())?;
        self.out.write_all(b"\n")
    }
}

impl<W: Write> Form for JsonReport<W> {
    fn begin(&mut self, heading: Heading) -> io::Result<()> {
        let mut all = Object::default();
        let mut first = Object::default();
        for (index, (name, value)) in heading.properties.iter().enumerate() {
            all.cell(name, value);
            if index == 0 {
                first.cell(name, value);
            }
        }
        let properties = match heading.shape {
            Shape::Whole(_) => all,
            Shape::Rows => {
                self.line(all)?;
                first
            }
        };
        self.section = Some(Section { shape: heading.shape, properties, rows: Vec::new(), remarks: Vec::new() });
        Ok(())
    }

    fn row(&mut self, table: &'static Table, row: Row) -> io::Result<()> {
        let whole = self.section.as_ref().is_some_and(|section| matches!(section.shape, Shape::Whole(_)));
        let mut object = match &self.section {
            Some(section) if !whole => section.properties.clone(),
            _ => Object::default(),
        };
        if !whole || !table.has_head {
            object.cell("type", &Cell::text(table.name));
        }
        for (column, cell) in table.columns.iter().zip(&row.cells) {
            object.cell(column.name, cell);
        }
        match &mut self.section {
            Some(section) if whole => section.rows.push(object.finish()),
            _ => self.line(object)?,
        }
        Ok(())
    }

    fn property(&mut self, name: &'static str, value: Cell) -> io::Result<()> {
        if let Some(section) = &mut self.section
            && matches!(section.shape, Shape::Whole(_))
        {
            section.properties.cell(name, &value);
        }
        Ok(())
    }

    fn remark(&mut self, remark: Remark) -> io::Result<()> {
        let kind = match remark.severity {
            Severity::Sum => "sum",
            Severity::Note => "note",
            Severity::Damage => "damage",
        };
        let whole = self.section.as_ref().is_some_and(|section| matches!(section.shape, Shape::Whole(_)));
        let mut object = match &self.section {
            Some(section) if !whole => section.properties.clone(),
            _ => Object::default(),
        };
        object.cell("type", &Cell::text(kind));
        object.cell("at", &Cell::or_empty(remark.at, |at| Cell::Integer(i64::try_from(at).unwrap_or(i64::MAX))));
        object.cell("path", &Cell::or_empty(remark.path, Cell::Str));
        object.cell("message", &Cell::Str(remark.text));
        match &mut self.section {
            Some(section) if whole => section.remarks.push(object.finish()),
            _ => self.line(object)?,
        }
        Ok(())
    }

    fn end(&mut self) -> io::Result<()> {
        let Some(section) = self.section.take() else { return Ok(()) };
        let Shape::Whole(rows_name) = section.shape else { return Ok(()) };
        let mut object = section.properties;
        object.array(rows_name, &section.rows);
        if !section.remarks.is_empty() {
            object.array("remarks", &section.remarks);
        }
        self.line(object)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

/// An object in the making, with its properties in the order of their coming.
#[derive(Clone, Debug, Default)]
struct Object(String);

impl Object {
    fn key(&mut self, name: &str) {
        self.0.push(if self.0.is_empty() { '{' } else { ',' });
        self.0.push_str(&string(name));
        self.0.push(':');
    }

    fn cell(&mut self, name: &str, cell: &Cell) {
        match cell {
            Cell::Empty => return,
            Cell::Range(from, to) | Cell::InnerRange(from, to) => {
                self.key("from");
                self.0.push_str(&from.to_string());
                self.key("to");
                self.0.push_str(&to.to_string());
                if matches!(cell, Cell::InnerRange(..)) {
                    self.cell("isDecompressed", &Cell::Bool(true));
                }
                return;
            }
            Cell::Both(both) => return self.cell(name, &both.1),
            _ => self.key(name),
        }
        let value = match cell {
            Cell::Empty | Cell::Range(..) | Cell::InnerRange(..) | Cell::Both(_) => unreachable!("handled above"),
            Cell::Integer(number) | Cell::Time(number) => number.to_string(),
            Cell::Float(number) if number.is_finite() => format!("{number:?}"),
            Cell::Float(number) => string(&number.to_string()),
            Cell::Bool(yes) => yes.to_string(),
            Cell::Null => "null".to_owned(),
            Cell::Text(text) => string(text),
            Cell::Str(text) => string(text),
            Cell::Bytes(bytes) => string(&bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>()),
            Cell::Hex32(number) => number.to_string(),
            Cell::Words(words) => format!("[{}]", words.iter().map(|word| string(word)).collect::<Vec<_>>().join(",")),
            Cell::Json(text) => text.clone(),
        };
        self.0.push_str(&value);
    }

    fn array(&mut self, name: &str, elements: &[String]) {
        self.key(name);
        self.0.push('[');
        self.0.push_str(&elements.join(","));
        self.0.push(']');
    }

    fn finish(mut self) -> String {
        self.0.push_str(if self.0.is_empty() { "{}" } else { "}" });
        self.0
    }
}

/// A JSON string.
pub fn string(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

#[cfg(test)]
mod tests {
    use super::super::{Align, Column, Tone};
    use super::*;

    static PARTS: Table = Table {
        name: "part",
        has_head: true,
        indent: 0,
        columns: &[
            Column::new("", "bytes", Align::Right, Tone::Quiet),
            Column::new("value", "value", Align::Left, Tone::Value),
        ],
    };

    fn report(shape: Shape) -> String {
        let mut out = Vec::new();
        let mut report = JsonReport::new(&mut out);
        let properties = vec![("file", Cell::text("a\"b")), ("sizeBytes", Cell::Integer(7))];
        report.begin(Heading { title: "for people".to_owned(), properties, shape }).expect("memory");
        report.row(&PARTS, Row::new(vec![Cell::Range(0, 4), Cell::Float(f64::NAN)])).expect("memory");
        report.row(&PARTS, Row::new(vec![Cell::Range(4, 5), Cell::Empty])).expect("memory");
        report.property("late", Cell::Json("[1]".to_owned())).expect("memory");
        report.remark(Remark::damage("gone").at(5)).expect("memory");
        report.end().expect("memory");
        String::from_utf8(out).expect("UTF-8")
    }

    #[test]
    fn a_section_is_one_object_or_each_row_is() {
        assert_eq!(
            report(Shape::Whole("parts")),
            "{\"file\":\"a\\\"b\",\"sizeBytes\":7,\"late\":[1],\"parts\":[{\"from\":0,\"to\":4,\"value\":\"NaN\"},\
             {\"from\":4,\"to\":5}],\"remarks\":[{\"type\":\"damage\",\"at\":5,\"message\":\"gone\"}]}\n"
        );
        assert_eq!(
            report(Shape::Rows),
            "{\"file\":\"a\\\"b\",\"sizeBytes\":7}\n\
             {\"file\":\"a\\\"b\",\"type\":\"part\",\"from\":0,\"to\":4,\"value\":\"NaN\"}\n\
             {\"file\":\"a\\\"b\",\"type\":\"part\",\"from\":4,\"to\":5}\n\
             {\"file\":\"a\\\"b\",\"type\":\"damage\",\"at\":5,\"message\":\"gone\"}\n"
        );
    }
}
