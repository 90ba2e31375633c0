//! An operation in words.

use crate::anomaly::end_word;
use crate::history::{
    Body, History, Isolation, NO_OFFSET, NONE, Op, Other, PartitionId, Position, Record, Span, Status,
};

use super::mark_name;

/// Records that are told of one operation.
const RECORDS_MAX: usize = 7;

/// How an operation begins, or what an event is.
pub(super) fn begin(history: &History, op: &Op) -> String {
    match op.body {
        Body::Send { partition, first, count, transaction, .. } => {
            let values: Vec<String> =
                history.sent_of(first, count).iter().take(RECORDS_MAX).map(|record| record.value.to_string()).collect();
            let more = count as usize - values.len();
            let more = if more > 0 { format!(" and {more} more") } else { String::new() };
            let name = history.partition_name(partition);
            format!("sends {}{more} to {name}{}", values.join(" "), within(history, transaction))
        }
        Body::Poll { isolation, transaction, .. } => {
            let what = if isolation == Isolation::Committed { "polls what is committed" } else { "polls" };
            format!("{what}{}", within(history, transaction))
        }
        Body::Begin { transaction } => format!("begins transaction {}", history.transactions.name(transaction)),
        Body::End { transaction, end } => {
            format!("asks to {} transaction {}", end_word(end), history.transactions.name(transaction))
        }
        Body::Other(at) => other(history, &history.others[at as usize]),
    }
}

/// How an operation ended; of what it read, what is near `place`.
pub(super) fn end(history: &History, op: &Op, place: Option<(PartitionId, i64)>) -> String {
    match (op.status, op.body) {
        (Status::Failed, _) => "failed".to_owned(),
        (Status::Unknown, _) => "does not know how it went".to_owned(),
        (_, Body::Send { partition, first, count, .. }) => {
            let offset = |record: &Record| match record.offset {
                NO_OFFSET => "?".to_owned(),
                offset => offset.to_string(),
            };
            let sent = history.sent_of(first, count);
            let offsets: Vec<String> = sent.iter().take(RECORDS_MAX).map(offset).collect();
            format!("acknowledged at {} of {}", offsets.join(" "), history.partition_name(partition))
        }
        (_, Body::Poll { first, count, .. }) => polled(history, history.reads_of(first, count), place),
        (_, Body::Begin { .. } | Body::End { .. }) => "done".to_owned(),
        (_, Body::Other(at)) => match &history.others[at as usize] {
            Other::Committed { positions, .. } => format!("found {}", told(history, positions)),
            Other::Observe { offset, .. } => format!("it is at {offset}"),
            Other::Delete { start, .. } if *start != NO_OFFSET => format!("done: the log starts at {start}"),
            _ => "done".to_owned(),
        },
    }
}

fn within(history: &History, transaction: u32) -> String {
    if transaction == NONE {
        String::new()
    } else {
        format!(" in transaction {}", history.transactions.name(transaction))
    }
}

fn other(history: &History, other: &Other) -> String {
    let name = |partition: &PartitionId| history.partition_name(*partition);
    match other {
        Other::Commit { group, transaction, positions } => {
            let within = within(history, *transaction);
            format!("commits {} of group {}{within}", told(history, positions), history.group_name(*group))
        }
        Other::Committed { group, .. } => format!("asks what group {} has committed", history.group_name(*group)),
        Other::Observe { partition, mark, .. } => format!("asks for the {} of {}", mark_name(*mark), name(partition)),
        Other::Delete { partition, before, .. } => {
            let before = before.map_or("all".to_owned(), |before| format!("what is before {before}"));
            format!("deletes {before} of {}", name(partition))
        }
        Other::Assign { group, partitions, .. } => {
            let partitions: Vec<String> = partitions.iter().take(RECORDS_MAX).map(name).collect();
            let by = group.map_or(String::new(), |(group, generation)| {
                format!(", by group {} in generation {generation}", history.group_name(group))
            });
            format!("has {}{by}", if partitions.is_empty() { "nothing".to_owned() } else { partitions.join(" ") })
        }
        Other::Seek { partition, to } => {
            format!("goes to {} of {}", to.map_or("somewhere".to_owned(), |to| to.to_string()), name(partition))
        }
        Other::Restart { forgives: false } => "the broker starts again".to_owned(),
        Other::Restart { forgives: true } => {
            "the broker starts again, and may have lost what it had acknowledged".to_owned()
        }
        Other::Partition { partition, keeps } => format!("{} keeps {keeps:?}", name(partition)),
        Other::Disk { partition, from, end, records } => {
            format!("the files of {} have {} records from {from} to {end}", name(partition), records.len())
        }
    }
}

fn told(history: &History, positions: &[Position]) -> String {
    let position = |position: &Position| {
        let offset = position.offset.map_or("nothing".to_owned(), |offset| offset.to_string());
        format!("{offset} of {}", history.partition_name(position.partition))
    };
    let told: Vec<String> = positions.iter().take(RECORDS_MAX).map(position).collect();
    if told.is_empty() { "nothing".to_owned() } else { told.join(", ") }
}

fn polled(history: &History, spans: &[Span], place: Option<(PartitionId, i64)>) -> String {
    let is_there = |span: &&Span| place.is_none_or(|place| place.0 == span.partition);
    let told: Vec<String> = spans.iter().filter(is_there).map(|span| one_read(history, span, place)).collect();
    if told.is_empty() { "got nothing here".to_owned() } else { format!("got {}", told.join("; ")) }
}

fn one_read(history: &History, span: &Span, place: Option<(PartitionId, i64)>) -> String {
    let records = history.records_of(span);
    let nearest = match place {
        Some((_, offset)) => records.iter().position(|record| record.offset >= offset).unwrap_or(records.len()),
        None => 0,
    };
    let first = nearest.saturating_sub(RECORDS_MAX / 2);
    let shown = &records[first..records.len().min(first + RECORDS_MAX)];
    let told: Vec<String> = shown.iter().map(|record| format!("{}={}", record.offset, record.value)).collect();
    let before = if first > 0 { "… " } else { "" };
    let after = if first + shown.len() < records.len() { " …" } else { "" };
    let told = if told.is_empty() { "nothing".to_owned() } else { told.join(" ") };
    let from = if span.from == NO_OFFSET { String::new() } else { format!(" from {}", span.from) };
    let next = if span.next == NO_OFFSET { String::new() } else { format!(", next {}", span.next) };
    let mark = |(mark, offset)| format!(", {} {offset}", mark_name(mark));
    let marks: String = history.marks_of(span).said().map(mark).collect();
    format!("{before}{told}{after} of {}{from}{next}{marks}", history.partition_name(span.partition))
}
