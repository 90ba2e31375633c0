//! A value in a table, before anyone decided what it looks like.

use std::borrow::Cow;
use std::fmt::Write as _;

use bytes::Bytes;
use ottla_core::wire::date;

/// A value in a table.
#[derive(Clone, Debug, PartialEq)]
pub enum Cell {
    /// Nothing: blank for people, absent for programs.
    Empty,
    /// A number.
    Integer(i64),
    /// A number.
    Float(f64),
    /// Yes or no.
    Bool(bool),
    /// Kafka's null.
    Null,
    /// Words of ours.
    Text(Cow<'static, str>),
    /// Text from the bytes, in quotes.
    Str(String),
    /// Bytes, in hex.
    Bytes(Bytes),
    /// A checksum, in hex for people.
    Hex32(u32),
    /// A range of bytes: `from` and `to` in JSON.
    Range(u64, u64),
    /// A range in data that was decompressed: not in the frame itself. `isDecompressed` in JSON.
    InnerRange(u64, u64),
    /// Milliseconds since the epoch: a date for people, the number for programs.
    Time(i64),
    /// Several words.
    Words(Vec<&'static str>),
    /// JSON as it is.
    Json(String),
    /// One thing for people and another for programs.
    Both(Box<(Cell, Cell)>),
}

/// Without `--full`, so many bytes of a value are shown in hex.
pub const HEX_MAX_BYTES: usize = 12;
/// Without `--full`, so many characters of a text are shown.
pub const TEXT_MAX_CHARS: usize = 120;

impl Cell {
    /// Words of ours.
    pub fn text(text: impl Into<Cow<'static, str>>) -> Self {
        Self::Text(text.into())
    }

    /// `people` read one thing, programs another.
    #[must_use]
    pub fn both(people: Self, programs: Self) -> Self {
        Self::Both(Box::new((people, programs)))
    }

    /// A value that may be missing.
    #[must_use]
    pub fn or_empty<T>(value: Option<T>, cell: impl FnOnce(T) -> Self) -> Self {
        value.map_or(Self::Empty, cell)
    }

    /// The same for programs, and `people` for people.
    #[must_use]
    pub fn but_for_people(self, people: Self) -> Self {
        match self {
            Self::Both(both) => Self::both(people, both.1),
            programs => Self::both(people, programs),
        }
    }

    /// For people; whole where `full`, else no longer than is read at a glance.
    #[must_use]
    pub fn to_text(&self, full: bool) -> String {
        match self {
            Self::Empty => String::new(),
            Self::Integer(number) => number.to_string(),
            Self::Float(number) => format!("{number:?}"),
            Self::Bool(yes) => yes.to_string(),
            Self::Null => "null".to_owned(),
            Self::Text(text) => shortened(text, full).into_owned(),
            Self::Json(text) => shortened(text, full).into_owned(),
            Self::Str(text) => quoted(text, full),
            Self::Bytes(bytes) => hex(bytes, if full { usize::MAX } else { HEX_MAX_BYTES }),
            Self::Hex32(number) => format!("{number:08x}"),
            Self::Range(from, to) => format!("{from}..{to}"),
            Self::InnerRange(from, to) => format!("({from}..{to})"),
            Self::Time(timestamp_ms) => date(*timestamp_ms).unwrap_or_else(|| timestamp_ms.to_string()),
            Self::Words(words) => words.join(" "),
            Self::Both(both) => both.0.to_text(full),
        }
    }
}

/// A text in quotes, control characters escaped, so that it can't move the cursor.
fn quoted(text: &str, full: bool) -> String {
    if full || text.chars().nth(TEXT_MAX_CHARS).is_none() {
        return format!("{text:?}");
    }
    let head: String = text.chars().take(TEXT_MAX_CHARS).collect();
    format!("{head:?}… {} bytes", text.len())
}

fn shortened(text: &str, full: bool) -> Cow<'_, str> {
    match text.char_indices().nth(TEXT_MAX_CHARS * 2) {
        Some((end, _)) if !full => format!("{}…", &text[..end]).into(),
        _ => text.into(),
    }
}

/// At most `max` of the bytes as pairs of digits, and how many there are besides.
pub fn hex(bytes: &[u8], max: usize) -> String {
    let shown = &bytes[..bytes.len().min(max)];
    let mut text = String::with_capacity(3 * shown.len() + 8);
    for (index, byte) in shown.iter().enumerate() {
        let _ = write!(text, "{}{byte:02x}", if index > 0 { " " } else { "" });
    }
    if shown.len() < bytes.len() {
        let _ = write!(text, " … +{}", bytes.len() - shown.len());
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_values_are_shortened_unless_all_is_asked_for() {
        let bytes = Cell::Bytes(Bytes::from(vec![0xab; 14]));
        assert_eq!(bytes.to_text(false), format!("{}… +2", "ab ".repeat(12)));
        assert_eq!(bytes.to_text(true).len(), 14 * 3 - 1);
        let text = Cell::Str("x".repeat(500));
        assert!(text.to_text(false).ends_with("x\"… 500 bytes"));
        assert_eq!(text.to_text(true).len(), 502);
    }

    #[test]
    fn text_from_the_wire_can_not_move_the_cursor() {
        assert_eq!(Cell::Str("a\u{1b}[2J\n".to_owned()).to_text(false), r#""a\u{1b}[2J\n""#);
    }
}
