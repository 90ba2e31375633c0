//! Captures in JSON lines: `conn` (which connection), `dir` (request or response), `hex` (the frame).

use std::collections::BTreeMap;
use std::io::{self, BufRead, Read};

use bytes::Bytes;
use serde_json::Value;

use super::encoding;
use crate::frame::{Conversation, Direction};

/// A frame of such a line.
pub struct Captured {
    pub connection: String,
    pub direction: Option<Direction>,
    pub bytes: Bytes,
}

/// Reads line after line.
pub struct Captures<R> {
    source: R,
    line_number: u64,
    conversations: BTreeMap<String, Conversation>,
}

/// Hex of the largest frame, and something around it.
const LINE_MAX_BYTES: u64 = 512 << 20;
/// So many conversations are remembered.
const CONVERSATIONS_MAX: usize = 65_536;

impl<R: BufRead> Captures<R> {
    pub fn new(source: R) -> Self {
        Self { source, line_number: 0, conversations: BTreeMap::new() }
    }

    /// The next line: its frame, or what is wrong with it.
    pub fn next_line(&mut self) -> io::Result<Option<Result<Captured, String>>> {
        loop {
            let mut line = Vec::new();
            if self.source.by_ref().take(LINE_MAX_BYTES).read_until(b'\n', &mut line)? == 0 {
                return Ok(None);
            }
            self.line_number += 1;
            if !line.trim_ascii().is_empty() {
                let number = self.line_number;
                return Ok(Some(parse(&line).map_err(|text| format!("line {number}: {text}"))));
            }
        }
    }

    /// What was asked on a connection so far.
    pub fn conversation(&mut self, connection: &str) -> &mut Conversation {
        if self.conversations.len() >= CONVERSATIONS_MAX && !self.conversations.contains_key(connection) {
            self.conversations.pop_first();
        }
        self.conversations.entry(connection.to_owned()).or_default()
    }
}

fn parse(line: &[u8]) -> Result<Captured, String> {
    let line: Value = serde_json::from_slice(line).map_err(|error| format!("expected JSON: {error}"))?;
    let hex = line["hex"].as_str().ok_or("expected the frame as \"hex\"")?;
    let bytes = encoding::hex(hex).map_err(|error| error.to_string())?;
    let connection = match &line["conn"] {
        Value::String(name) => name.clone(),
        Value::Number(number) => format!("connection {number}"),
        _ => "connection 0".to_owned(),
    };
    let direction = match line["dir"].as_str() {
        Some("request") => Some(Direction::Request),
        Some("response") => Some(Direction::Response),
        None => None,
        Some(other) => return Err(format!("expected request or response as \"dir\", found {other:?}")),
    };
    Ok(Captured { connection, direction, bytes })
}
