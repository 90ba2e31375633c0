//! How the commands tell what they found: as text for people, or as one JSON object a line for programs.
//!
//! A command speaks of sections (a frame, a file), rows of tables, and remarks. It knows nothing of columns' widths,
//! colours or JSON: [`TextReport`] and [`JsonReport`] do, and nothing of Kafka.

mod cell;
mod json;
mod present;
mod text;

use std::io;

pub use cell::Cell;
pub use json::JsonReport;
pub(crate) use json::string as json_string;
pub use present::{ColorChoice, Presentation};
pub use text::{Look, TextReport};

/// What a section begins with.
#[derive(Clone, Debug)]
pub struct Heading {
    /// For people.
    pub title: String,
    /// For programs: the section's own properties, by name.
    pub properties: Vec<(&'static str, Cell)>,
    /// How rows become JSON.
    pub shape: Shape,
}

/// How the rows of a section become JSON.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// The section is one object, with its rows in an array of this name.
    Whole(&'static str),
    /// Each row is an object, which repeats the section's first property. The section itself is an object before them.
    Rows,
}

/// A kind of rows. Rows of several tables may alternate in a section.
#[derive(Debug)]
pub struct Table {
    /// Its rows' `type` in JSON.
    pub name: &'static str,
    /// Whether its first row in a section stands under the columns' names.
    pub has_head: bool,
    /// How far its rows stand from the edge.
    pub indent: usize,
    /// From left to right.
    pub columns: &'static [Column],
}

/// A column of a [`Table`].
#[derive(Debug)]
pub struct Column {
    /// In JSON. Empty for a [`Cell::Range`], which has names of its own.
    pub name: &'static str,
    /// Above the column.
    pub head: &'static str,
    /// Numbers stand at the right.
    pub align: Align,
    /// What it looks like.
    pub tone: Tone,
    /// Where there is not enough room: how narrow it may become, and who gives way first (the lowest).
    pub squeeze: Option<Squeeze>,
}

impl Column {
    /// One that keeps its width.
    #[must_use]
    pub const fn new(name: &'static str, head: &'static str, align: Align, tone: Tone) -> Self {
        Self { name, head, align, tone, squeeze: None }
    }
}

/// Which edge of its column a cell touches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Align {
    Left,
    Right,
}

/// How a column that is too wide gives way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Squeeze {
    /// The lowest gives way first.
    pub order: u8,
    /// It stays at least so wide; 0 where it is left out instead.
    pub min_width: usize,
}

/// What a column is for, which decides its colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tone {
    /// What one looks at.
    Plain,
    /// What one looks up.
    Quiet,
    /// Where a value is; what it shares with the row above stands back.
    Path,
    /// What was read.
    Value,
    /// What it stands for.
    Meaning,
}

/// A row of a [`Table`].
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    /// One for each column.
    pub cells: Vec<Cell>,
    /// Something in it is wrong: a remark says what.
    pub is_damaged: bool,
    /// Not a value but what holds values together.
    pub is_quiet: bool,
}

impl Row {
    /// A row of these cells.
    #[must_use]
    pub fn new(cells: Vec<Cell>) -> Self {
        Self { cells, is_damaged: false, is_quiet: false }
    }
}

/// Something to be said in a sentence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Remark {
    /// How bad it is.
    pub severity: Severity,
    /// The byte that it is about.
    pub at: Option<u64>,
    /// The field that it is about.
    pub path: Option<String>,
    /// The sentence, without a full stop.
    pub text: String,
}

/// How bad a [`Remark`] is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// What it all adds up to.
    Sum,
    /// Worth knowing.
    Note,
    /// Bytes that are not what they should be. The command ends with status 1.
    Damage,
}

impl Remark {
    /// What it all adds up to.
    #[must_use]
    pub fn sum(text: impl Into<String>) -> Self {
        Self { severity: Severity::Sum, ..Self::note(text) }
    }

    /// Worth knowing.
    #[must_use]
    pub fn note(text: impl Into<String>) -> Self {
        Self { severity: Severity::Note, at: None, path: None, text: text.into() }
    }

    /// Something is wrong.
    #[must_use]
    pub fn damage(text: impl Into<String>) -> Self {
        Self { severity: Severity::Damage, ..Self::note(text) }
    }

    /// It is about this byte.
    #[must_use]
    pub fn at(self, at: u64) -> Self {
        Self { at: Some(at), ..self }
    }

    /// It is about this field.
    #[must_use]
    pub fn path(self, path: impl Into<String>) -> Self {
        Self { path: Some(path.into()), ..self }
    }
}

/// So many of something: `1 entry`, `2 entries`.
#[must_use]
pub fn count(number: u64, one: &str, many: &str) -> String {
    if number == 1 { format!("1 {one}") } else { format!("{number} {many}") }
}

/// A form of a report.
pub trait Form {
    /// A section begins.
    fn begin(&mut self, heading: Heading) -> io::Result<()>;
    /// A row of the open section.
    fn row(&mut self, table: &'static Table, row: Row) -> io::Result<()>;
    /// A property of the open section that comes late, for programs only.
    fn property(&mut self, name: &'static str, value: Cell) -> io::Result<()>;
    /// A remark on the open section, or on the whole.
    fn remark(&mut self, remark: Remark) -> io::Result<()>;
    /// The open section ends.
    fn end(&mut self) -> io::Result<()>;
    /// What was told so far is to be seen.
    fn flush(&mut self) -> io::Result<()>;
}

/// A report under way, in either form. It counts the damage.
pub struct Report<'a> {
    form: Box<dyn Form + 'a>,
    damages: u64,
}

impl<'a> Report<'a> {
    /// A report in this form.
    #[must_use]
    pub fn new(form: impl Form + 'a) -> Self {
        Self { form: Box::new(form), damages: 0 }
    }

    /// How many remarks told of damage.
    #[must_use]
    pub fn damages(&self) -> u64 {
        self.damages
    }

    /// A section begins.
    ///
    /// # Errors
    /// Where it can't be written, here and below.
    pub fn begin(&mut self, heading: Heading) -> io::Result<()> {
        self.form.begin(heading)
    }

    /// A row of the open section.
    pub fn row(&mut self, table: &'static Table, row: Row) -> io::Result<()> {
        debug_assert_eq!(table.columns.len(), row.cells.len(), "a cell for each column of {}", table.name);
        self.form.row(table, row)
    }

    /// A property of the open section that comes late, for programs only.
    pub fn property(&mut self, name: &'static str, value: Cell) -> io::Result<()> {
        self.form.property(name, value)
    }

    /// A remark on the open section, or on the whole.
    pub fn remark(&mut self, remark: Remark) -> io::Result<()> {
        self.damages += u64::from(remark.severity == Severity::Damage);
        self.form.remark(remark)
    }

    /// The open section ends.
    pub fn end(&mut self) -> io::Result<()> {
        self.form.end()
    }

    /// What was told so far is to be seen.
    pub fn flush(&mut self) -> io::Result<()> {
        self.form.flush()
    }
}
