//! What a line can have. Which of it a line must have depends on what it is.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use crate::history::{Isolation, Keeps, Mark};

macro_rules! line {
    ($($field:ident: $type:ty,)*) => {
        /// A line.
        #[derive(Debug, Default, Deserialize, Serialize)]
        #[serde(deny_unknown_fields)]
        pub(super) struct Line {
            /// Which kind of event.
            #[serde(rename = "type")]
            pub kind: String,
            $(
                #[serde(default, skip_serializing_if = "Option::is_none")]
                pub $field: Option<$type>,
            )*
        }

        impl Line {
            /// A field that nobody has taken.
            pub(super) fn left(&self) -> Option<&'static str> {
                $(if self.$field.is_some() {
                    return Some(stringify!($field));
                })*
                None
            }
        }
    };
}

line! {
    op: u64,
    process: String,
    at_us: u64,
    operation: String,
    partition: String,
    values: Vec<u64>,
    once: bool,
    sequence: SequenceLine,
    transaction: u64,
    isolation: String,
    group: String,
    positions: Vec<PositionLine>,
    mark: String,
    before: i64,
    offsets: Vec<i64>,
    reads: Vec<ReadLine>,
    offset: i64,
    partitions: Vec<String>,
    kept: Vec<String>,
    generation: i32,
    to: i64,
    forgives: bool,
    keeps: String,
    from: i64,
    end: i64,
    records: Vec<(i64, u64)>,
}

/// A producer's sequence number.
#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SequenceLine {
    pub producer: u64,
    pub epoch: i32,
    pub first: i32,
}

/// How far a group has read a partition.
#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(super) struct PositionLine {
    pub partition: String,
    pub offset: Option<i64>,
}

/// What was read of a partition.
#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ReadLine {
    pub partition: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<i64>,
    pub records: Vec<(i64, u64)>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub log_start: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub high_watermark: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_stable_offset: Option<i64>,
}

/// Words that stand for something.
pub(super) struct Words<T: 'static> {
    pub field: &'static str,
    /// All of them, as errors name them.
    pub expected: &'static str,
    pub words: &'static [(&'static str, T)],
}

impl<T: Copy + PartialEq> Words<T> {
    pub(super) fn meaning(&self, word: &str) -> Option<T> {
        self.words.iter().find(|(known, _)| *known == word).map(|(_, meaning)| *meaning)
    }

    pub(super) fn word(&self, meaning: T) -> Cow<'static, str> {
        self.words.iter().find(|(_, known)| *known == meaning).map_or(Cow::Borrowed(""), |(word, _)| (*word).into())
    }
}

pub(super) const ISOLATION: Words<Isolation> = Words {
    field: "isolation",
    expected: "\"committed\" or \"uncommitted\"",
    words: &[("committed", Isolation::Committed), ("uncommitted", Isolation::Uncommitted)],
};

pub(super) const MARK: Words<Mark> = Words {
    field: "mark",
    expected: "\"log_start\", \"high_watermark\", \"last_stable_offset\" or \"log_end\"",
    words: &[
        ("log_start", Mark::LogStart),
        ("high_watermark", Mark::HighWatermark),
        ("last_stable_offset", Mark::LastStableOffset),
        ("log_end", Mark::LogEnd),
    ],
};

pub(super) const KEEPS: Words<Keeps> = Words {
    field: "keeps",
    expected: "\"all\", \"recent\" or \"some\"",
    words: &[("all", Keeps::All), ("recent", Keeps::Recent), ("some", Keeps::Some)],
};
