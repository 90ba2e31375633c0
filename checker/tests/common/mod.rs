//! Short ways to write histories down.

use ottla_checker::{History, Kind, check, format};

/// A history as it is written.
#[derive(Clone, Default)]
pub struct Tale {
    lines: Vec<String>,
    next_op: u64,
}

#[allow(dead_code, reason = "each test file takes what it needs")]
impl Tale {
    pub fn line(mut self, line: &str) -> Self {
        self.lines.push(line.to_owned());
        self
    }

    /// Something begins, with this number.
    pub fn begin(self, op: u64, process: &str, rest: &str) -> Self {
        self.line(&format!(r#"{{"type":"invoke","op":{op},"process":"{process}",{rest}}}"#))
    }

    /// It ends.
    pub fn end(self, op: u64, kind: &str, rest: &str) -> Self {
        let comma = if rest.is_empty() { "" } else { "," };
        self.line(&format!(r#"{{"type":"{kind}","op":{op}{comma}{rest}}}"#))
    }

    /// Something begins and ends, and nothing between.
    pub fn whole(mut self, process: &str, asks: &str, kind: &str, answer: &str) -> Self {
        self.next_op += 1;
        let op = 1_000 + self.next_op;
        self.begin(op, process, asks).end(op, kind, answer)
    }

    pub fn event(self, process: &str, rest: &str) -> Self {
        self.line(&format!(r#"{{"type":"event","process":"{process}",{rest}}}"#))
    }

    /// Sends one record, once.
    pub fn sends(self, process: &str, value: u64, offset: i64) -> Self {
        self.whole(process, &send(value), "ok", &format!(r#""offsets":[{offset}]"#))
    }

    /// Sends one record in a transaction.
    pub fn sends_in(self, transaction: u64, value: u64, offset: i64) -> Self {
        let asks = format!(r#"{},"transaction":{transaction}"#, send(value));
        self.whole("t", &asks, "ok", &format!(r#""offsets":[{offset}]"#))
    }

    pub fn commits(self, transaction: u64) -> Self {
        self.whole("t", &format!(r#""operation":"commit_transaction","transaction":{transaction}"#), "ok", "")
    }

    pub fn aborts(self, transaction: u64) -> Self {
        self.whole("t", &format!(r#""operation":"abort_transaction","transaction":{transaction}"#), "ok", "")
    }

    /// Reads pairs of offset and value.
    pub fn polls(self, process: &str, records: &str) -> Self {
        self.whole(process, POLL, "ok", &reads(records))
    }

    /// Reads what is committed.
    pub fn polls_committed(self, process: &str, records: &str) -> Self {
        self.whole(process, COMMITTED, "ok", &reads(records))
    }

    pub fn seeks(self, process: &str, to: i64) -> Self {
        self.event(process, &format!(r#""operation":"seek","partition":"p-0","to":{to}"#))
    }

    pub fn observes(self, process: &str, mark: &str, offset: i64) -> Self {
        let asks = format!(r#""operation":"observe","partition":"p-0","mark":"{mark}""#);
        self.whole(process, &asks, "ok", &format!(r#""offset":{offset}"#))
    }

    pub fn commits_offset(self, process: &str, offset: i64) -> Self {
        self.whole(process, &commit(offset), "ok", "")
    }

    pub fn finds_committed(self, process: &str, offset: &str) -> Self {
        let answer = format!(r#""positions":[{{"partition":"p-0","offset":{offset}}}]"#);
        self.whole(process, r#""operation":"committed_offsets","group":"g""#, "ok", &answer)
    }

    pub fn owns(self, process: &str, generation: i32) -> Self {
        let rest = format!(r#""operation":"assign","group":"g","generation":{generation},"partitions":["p-0"]"#);
        self.event(process, &rest)
    }

    pub fn keeps(self, what: &str) -> Self {
        self.event("admin", &format!(r#""operation":"partition","partition":"p-0","keeps":"{what}""#))
    }

    pub fn restarts(self, forgives: bool) -> Self {
        self.event("broker", &format!(r#""operation":"restart","forgives":{forgives}"#))
    }

    pub fn disk(self, end: i64, records: &str) -> Self {
        let rest = format!(r#""operation":"disk","partition":"p-0","from":0,"end":{end},"records":[{records}]"#);
        self.event("files", &rest)
    }

    pub fn text(&self) -> String {
        self.lines.join("\n")
    }

    pub fn history(&self) -> History {
        format::read(self.text().as_bytes()).unwrap()
    }

    /// What is found, without what is only unread.
    pub fn kinds(&self) -> Vec<Kind> {
        check(&self.history()).counts().keys().copied().filter(|kind| *kind != Kind::Unseen).collect()
    }

    /// Exactly this is found.
    #[track_caller]
    pub fn shows(&self, kinds: &[Kind]) {
        let found = self.kinds();
        let mut kinds = kinds.to_vec();
        kinds.sort_unstable();
        assert_eq!(found, kinds, "{}", self.text());
    }

    #[track_caller]
    pub fn is_clean(&self) {
        self.shows(&[]);
    }
}

pub const POLL: &str = r#""operation":"poll""#;
pub const COMMITTED: &str = r#""operation":"poll","isolation":"committed""#;

pub fn send(value: u64) -> String {
    format!(r#""operation":"send","partition":"p-0","values":[{value}],"once":true"#)
}

pub fn reads(records: &str) -> String {
    format!(r#""reads":[{{"partition":"p-0","records":[{records}]}}]"#)
}

pub fn commit(offset: i64) -> String {
    format!(r#""operation":"commit_offsets","group":"g","positions":[{{"partition":"p-0","offset":{offset}}}]"#)
}
