//! A report for people: titles, aligned columns, remarks.
//!
//! The widths of a table's columns come of its first rows in a section, which are held back for that. What does not fit
//! the terminal is squeezed, column by column, as the table says.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::io::{self, Write};

use console::{Style, measure_text_width};

use super::cell::{Cell, hex};
use super::{Align, Form, Heading, Remark, Row, Severity, Table, Tone};

/// So many rows are held back to see how wide they are.
const HELD_BACK_MAX: usize = 256;
/// Between two columns.
const GAP: usize = 2;

/// What a report looks like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Look {
    /// Columns of the terminal; none where lines may be as long as they like.
    pub width: Option<usize>,
    /// With colours.
    pub color: bool,
    /// Nothing is shortened.
    pub full: bool,
}

/// Writes text to `W`.
pub struct TextReport<W> {
    out: W,
    look: Look,
    is_first_section: bool,
    lines: Vec<Line>,
    /// By the table's name.
    tables: BTreeMap<&'static str, Layout>,
}

enum Line {
    /// With the text of each cell, as long as it is by itself.
    Row(&'static Table, Row, Vec<String>),
    Remark(Remark),
}

/// How a table's rows are laid out in this section.
#[derive(Default)]
struct Layout {
    widths: Vec<usize>,
    has_printed_head: bool,
    last_path: String,
}

impl<W: Write> TextReport<W> {
    /// Writes to `out`.
    pub fn new(out: W, look: Look) -> Self {
        Self { out, look, is_first_section: true, lines: Vec::new(), tables: BTreeMap::new() }
    }

    fn styled<'t>(&self, text: &'t str, style: Style) -> Cow<'t, str> {
        if !self.look.color || text.is_empty() {
            return text.into();
        }
        style.force_styling(true).apply_to(text).to_string().into()
    }

    /// Writes what was held back.
    fn release(&mut self) -> io::Result<()> {
        let lines = std::mem::take(&mut self.lines);
        for line in &lines {
            if let Line::Row(table, _, texts) = line {
                let layout = self.tables.entry(table.name).or_default();
                layout.widths.resize(table.columns.len(), 0);
                for (widest, text) in layout.widths.iter_mut().zip(texts) {
                    *widest = (*widest).max(text_width(text));
                }
            }
        }
        for line in lines {
            match line {
                Line::Row(table, row, texts) => self.write_row(table, &row, texts)?,
                Line::Remark(remark) => self.write_remark(&remark)?,
            }
        }
        Ok(())
    }

    fn write_row(&mut self, table: &'static Table, row: &Row, texts: Vec<String>) -> io::Result<()> {
        let mut layout = self.tables.remove(table.name).unwrap_or_default();
        let widths = fitted(table, &layout.widths, self.look.width);
        if table.has_head && !layout.has_printed_head {
            layout.has_printed_head = true;
            let heads = table.columns.iter().map(|column| column.head.to_owned()).collect::<Vec<_>>();
            let styles = vec![Style::new().dim(); heads.len()];
            self.write_cells(table, &widths, &heads, &styles, None)?;
        }
        let fitted = texts.into_iter().zip(&row.cells).zip(table.columns).zip(&widths);
        let texts: Vec<_> =
            fitted.map(|(((text, cell), column), width)| squeezed(text, cell, column.tone, *width)).collect();
        let styles: Vec<_> = row.cells.iter().zip(table.columns).map(|(cell, c)| style(cell, c.tone, row)).collect();
        self.write_cells(table, &widths, &texts, &styles, Some(&layout.last_path))?;
        if let Some(at) = table.columns.iter().position(|column| column.tone == Tone::Path) {
            layout.last_path.clone_from(&texts[at]);
        }
        self.tables.insert(table.name, layout);
        Ok(())
    }

    fn write_cells(
        &mut self,
        table: &Table,
        widths: &[usize],
        texts: &[String],
        styles: &[Style],
        last_path: Option<&str>,
    ) -> io::Result<()> {
        let mut line = " ".repeat(table.indent);
        let mut blank = 0;
        for (((column, width), text), style) in table.columns.iter().zip(widths).zip(texts).zip(styles) {
            if *width == 0 {
                continue;
            }
            let padding = width.saturating_sub(text_width(text));
            let styled = match last_path {
                Some(last) if column.tone == Tone::Path => self.path(text, last, style),
                _ => self.styled(text, style.clone()),
            };
            if column.align == Align::Right {
                blank += padding;
            }
            if !text.is_empty() {
                line.push_str(&" ".repeat(blank));
                line.push_str(&styled);
                blank = 0;
            }
            if column.align == Align::Left {
                blank += padding;
            }
            blank += GAP;
        }
        writeln!(self.out, "{line}")
    }

    /// A path, of which the part that the row above has too stands back.
    fn path<'t>(&self, text: &'t str, last: &str, style: &Style) -> Cow<'t, str> {
        let common = text.bytes().zip(last.bytes()).take_while(|(a, b)| a == b).count();
        let at = text.bytes().take(common + 1).rposition(|byte| matches!(byte, b'.' | b'[')).unwrap_or(0);
        if !self.look.color || !text.is_char_boundary(at) {
            return self.styled(text, style.clone());
        }
        let (shared, own) = text.split_at(at);
        let shared = self.styled(shared, Style::new().dim());
        format!("{shared}{}", self.styled(own, style.clone())).into()
    }

    fn write_remark(&mut self, remark: &Remark) -> io::Result<()> {
        let (word, style) = match remark.severity {
            Severity::Sum => {
                let text = clean(&remark.text).into_owned();
                return writeln!(self.out, "  {}", self.styled(&text, Style::new().dim()));
            }
            Severity::Note => ("note", Style::new().yellow()),
            Severity::Damage => ("damage", Style::new().red().bold()),
        };
        let at = remark.at.map(|at| format!(" at byte {at}")).unwrap_or_default();
        let path = remark.path.as_deref().map(|path| format!(", {path}")).unwrap_or_default();
        let word = self.styled(word, style).into_owned();
        writeln!(self.out, "  {word}{at}{}: {}", clean(&path), clean(&remark.text))
    }
}

impl<W: Write> Form for TextReport<W> {
    fn begin(&mut self, heading: Heading) -> io::Result<()> {
        if !std::mem::take(&mut self.is_first_section) {
            writeln!(self.out)?;
        }
        let title = clean(&heading.title).into_owned();
        writeln!(self.out, "{}", self.styled(&title, Style::new().bold()))
    }

    fn row(&mut self, table: &'static Table, row: Row) -> io::Result<()> {
        let texts = row.cells.iter().map(|cell| clean(&cell.to_text(self.look.full)).into_owned()).collect();
        self.lines.push(Line::Row(table, row, texts));
        if self.lines.len() >= HELD_BACK_MAX { self.release() } else { Ok(()) }
    }

    fn property(&mut self, _: &'static str, _: Cell) -> io::Result<()> {
        Ok(())
    }

    fn remark(&mut self, remark: Remark) -> io::Result<()> {
        self.lines.push(Line::Remark(remark));
        if self.lines.len() >= HELD_BACK_MAX { self.release() } else { Ok(()) }
    }

    fn end(&mut self) -> io::Result<()> {
        self.release()?;
        self.tables.clear();
        Ok(())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.release()?;
        self.out.flush()
    }
}

/// A cell's text in what room there is.
fn squeezed(text: String, cell: &Cell, tone: Tone, width: usize) -> String {
    if text_width(&text) <= width {
        return text;
    }
    match cell {
        // "ab cd … +17"
        Cell::Bytes(bytes) => {
            let count = format!(" … +{}", bytes.len()).chars().count();
            hex(bytes, (width.saturating_sub(count) + 1) / 3)
        }
        _ if tone == Tone::Path => {
            let length = text.chars().count();
            let skip = length + 1 - width.min(length);
            format!("…{}", text.chars().skip(skip).collect::<String>())
        }
        _ => console::truncate_str(&text, width, "…").into_owned(),
    }
}

/// Columns of a terminal that a text takes.
fn text_width(text: &str) -> usize {
    if text.is_ascii() { text.len() } else { measure_text_width(text) }
}

fn style(cell: &Cell, tone: Tone, row: &Row) -> Style {
    let style = Style::new();
    match tone {
        _ if row.is_damaged && tone != Tone::Quiet => style.red(),
        Tone::Quiet => style.dim(),
        _ if row.is_quiet => style.dim(),
        Tone::Meaning => style.cyan(),
        Tone::Value if matches!(cell, Cell::Str(_)) => style.green(),
        Tone::Plain | Tone::Path | Tone::Value => style,
    }
}

/// The widths that the columns get. A column that has nothing gets none.
fn fitted(table: &Table, natural: &[usize], width: Option<usize>) -> Vec<usize> {
    let with_head = |(column, width): (&super::Column, &usize)| match *width {
        0 => 0,
        width if table.has_head => width.max(text_width(column.head)),
        width => width,
    };
    let mut widths: Vec<usize> = table.columns.iter().zip(natural).map(with_head).collect();
    let Some(available) = width else { return widths };
    let gaps = GAP * widths.iter().filter(|width| **width > 0).count().saturating_sub(1);
    let used = table.indent + gaps + widths.iter().sum::<usize>();
    let mut excess = used.saturating_sub(available);
    let mut squeezable: Vec<_> =
        table.columns.iter().enumerate().filter_map(|(at, column)| Some((column.squeeze?, at))).collect();
    squeezable.sort_by_key(|(squeeze, _)| squeeze.order);
    for (squeeze, at) in squeezable {
        let most = widths[at].saturating_sub(squeeze.min_width);
        let is_left_out = squeeze.min_width == 0 && most > 0 && excess > 0;
        let give = if is_left_out { most } else { most.min(excess) };
        widths[at] -= give;
        // A column that is left out takes its gap along.
        excess = excess.saturating_sub(if is_left_out { give + GAP } else { give });
    }
    widths
}

/// Without control characters, which could do anything to a terminal.
fn clean(text: &str) -> Cow<'_, str> {
    if !text.contains(char::is_control) {
        return text.into();
    }
    let escape = |letter: char| {
        if letter.is_control() { letter.escape_default().to_string() } else { letter.to_string() }
    };
    text.chars().map(escape).collect::<String>().into()
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::super::{Column, Shape, Squeeze};
    use super::*;

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
                squeeze: Some(Squeeze { order: 0, min_width: 10 }),
            },
            Column {
                name: "path",
                head: "field",
                align: Align::Left,
                tone: Tone::Path,
                squeeze: Some(Squeeze { order: 1, min_width: 8 }),
            },
            Column::new("value", "value", Align::Left, Tone::Value),
            Column::new("meaning", "meaning", Align::Left, Tone::Meaning),
        ],
    };

    fn report(look: Look) -> String {
        let mut out = Vec::new();
        let mut report = TextReport::new(&mut out, look);
        let heading = |title: &str| Heading { title: title.to_owned(), properties: vec![], shape: Shape::Rows };
        report.begin(heading("frame 1\u{1b}[2J")).expect("memory");
        let row = |from, to, path: &'static str, value| {
            let bytes = Bytes::from(vec![7; usize::try_from(to - from).expect("small")]);
            Row::new(vec![Cell::Range(from, to), Cell::Bytes(bytes), Cell::text(path), value, Cell::Empty])
        };
        report.row(&FIELDS, row(0, 4, ".topics", Cell::text("1 elements"))).expect("memory");
        report.row(&FIELDS, row(4, 24, ".topics[0].partitions", Cell::Str("a".to_owned()))).expect("memory");
        report.row(&FIELDS, row(24, 26, ".topics[0].name", Cell::Null)).expect("memory");
        report.remark(Remark::damage("need 4 bytes, have 1").at(26).path(".topics[1]")).expect("memory");
        report.end().expect("memory");
        report.begin(heading("frame 2")).expect("memory");
        report.end().expect("memory");
        String::from_utf8(out).expect("UTF-8")
    }

    #[test]
    fn columns_are_aligned_and_empty_ones_left_out() {
        let look = Look { width: None, color: false, full: false };
        let expected = [
            r"frame 1\u{1b}[2J",
            "   bytes  hex                                       field                  value",
            "    0..4  07 07 07 07                               .topics                1 elements",
            "   4..24  07 07 07 07 07 07 07 07 07 07 07 07 … +8  .topics[0].partitions  \"a\"",
            "  24..26  07 07                                     .topics[0].name        null",
            "  damage at byte 26, .topics[1]: need 4 bytes, have 1",
            "",
            "frame 2",
            "",
        ];
        assert_eq!(report(look), expected.join("\n"));
    }

    #[test]
    fn on_a_narrow_terminal_hex_gives_way_first_and_then_the_path_from_its_beginning() {
        for width in [50, 60, 70] {
            let text = report(Look { width: Some(width), color: false, full: false });
            let longest = text.lines().filter(|line| !line.contains("damage")).map(measure_text_width).max();
            assert!(longest <= Some(width), "{width}:\n{text}");
        }
        let text = report(Look { width: Some(45), color: false, full: false });
        assert!(text.contains("   4..24  07 … +19    …partitions  \"a\""), "{text}");
    }

    #[test]
    fn what_a_path_shares_with_the_one_above_stands_back() {
        let text = report(Look { width: None, color: true, full: false });
        assert!(text.contains("\u{1b}[2m.topics[0]\u{1b}[0m.name"), "{text:?}");
        assert!(text.contains("\u{1b}[32m\"a\"\u{1b}[0m"), "{text:?}");
    }
}
