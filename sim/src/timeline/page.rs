//! The page: a frame of HTML, style and script, and the data for it, compressed. Events are one block; the bytes that they
//! are about are in many, so that the script unpacks only what is looked at.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use miniz_oxide::deflate::compress_to_vec_zlib;

use super::Timeline;
use super::bytes::{json, tell};
use super::memory::{BlobId, End, Event, EventId, Lane, Memory, Tone};
use crate::agenda::Time;

const FRAME: &str = include_str!("page.html");
const STYLE: &str = include_str!("page.css");
const SCRIPT: &str = include_str!("page.js");

/// The blocks of bytes take up no more of the file than this; the rest needs some more.
const BLOCKS_MAX_BYTES: usize = 12 << 20;
/// A block has so much before it is compressed.
const BLOCK_BYTES: usize = 256 << 10;
/// Fast, and small enough.
const LEVEL: u8 = 6;
/// What overlaps in a lane is drawn in tracks below each other, so many at most.
const TRACKS_MAX: usize = 12;

const FAULT: u8 = 1;
const OPEN: u8 = 2;
const CUT: u8 = 4;
const MARK: u8 = 8;

/// The whole page.
pub fn html(timeline: &Timeline) -> String {
    let blocks = Blocks::of(&timeline.memory);
    let events = pack(&data(timeline, &blocks));
    let mut scripts = format!("<script type=\"text/plain\" id=\"events\">{events}</script>\n");
    for (index, block) in blocks.packed.iter().enumerate() {
        let _ = writeln!(scripts, "<script type=\"text/plain\" id=\"block{index}\">{block}</script>");
    }
    let title = format!("Ottla simulator, seed {}", timeline.seed);
    let verdict = match timeline.verdict.as_deref().map(|text| text.split_once(": ").unwrap_or((text, ""))) {
        Some((what, text)) => format!("<b>{}</b>{}", escaped(what), escaped(text)),
        None => "Nothing was wrong.".to_owned(),
    };
    let parts = [
        ("TITLE", escaped(&title)),
        ("VERDICT", verdict),
        ("REPLAY", escaped(&timeline.replay_line)),
        ("STYLE", STYLE.to_owned()),
        ("SCRIPT", SCRIPT.to_owned()),
        ("DATA", scripts),
    ];
    filled(FRAME, &parts)
}

/// A text with parts in the place of their names. What a part contains is not looked at.
fn filled(text: &str, parts: &[(&str, String)]) -> String {
    let mut pieces = text.split("{{");
    let mut whole = pieces.next().unwrap_or_default().to_owned();
    for piece in pieces {
        let (name, rest) = piece.split_once("}}").expect("a name ends");
        let (_, part) = parts.iter().find(|(known, _)| *known == name).expect("each name has its part");
        whole.push_str(part);
        whole.push_str(rest);
    }
    whole
}

/// The bytes, told and packed, from the last on, as far as there is room.
#[derive(Debug, Default)]
struct Blocks {
    packed: Vec<String>,
    /// Block and place in it.
    places: BTreeMap<BlobId, (usize, usize)>,
    errors: BTreeMap<BlobId, String>,
    /// Those that there was no room for.
    left_out: usize,
}

impl Blocks {
    fn of(memory: &Memory) -> Self {
        let mut blocks = Self::default();
        let mut size_bytes = 0;
        let mut open: Vec<String> = Vec::new();
        let mut open_bytes = 0;
        let mut blobs = memory.blobs.iter().rev();
        for (id, blob) in blobs.by_ref() {
            let told = tell(blob);
            blocks.places.insert(id, (blocks.packed.len(), open.len()));
            blocks.errors.extend(told.error.map(|error| (id, error)));
            open_bytes += told.json.len();
            open.push(told.json);
            if open_bytes >= BLOCK_BYTES {
                size_bytes += blocks.close(&mut open);
                open_bytes = 0;
                if size_bytes >= BLOCKS_MAX_BYTES {
                    break;
                }
            }
        }
        if !open.is_empty() {
            blocks.close(&mut open);
        }
        blocks.left_out = memory.blobs.forgotten() + blobs.len();
        blocks
    }

    fn close(&mut self, open: &mut Vec<String>) -> usize {
        let block = pack(&format!("[{}]", std::mem::take(open).join(",")));
        let size_bytes = block.len();
        self.packed.push(block);
        size_bytes
    }
}

fn pack(text: &str) -> String {
    STANDARD.encode(compress_to_vec_zlib(text.as_bytes(), LEVEL))
}

/// All but the bytes: lanes, and events as columns.
fn data(timeline: &Timeline, blocks: &Blocks) -> String {
    let memory = &timeline.memory;
    let mut order: Vec<(EventId, &Event)> = memory.events.iter().collect();
    order.sort_by_key(|(id, event)| (event.lane, event.from, *id));
    let places: BTreeMap<EventId, usize> = order.iter().enumerate().map(|(place, (id, _))| (*id, place)).collect();
    let end_of_all = memory.last;
    let mut columns = Columns::default();
    let mut lanes: Vec<String> = Vec::new();
    for group in order.chunk_by(|(_, a), (_, b)| a.lane == b.lane) {
        let tracks = tracks(group, end_of_all);
        let (name, label) = name_of(group[0].1.lane, &memory.clients);
        let depth = tracks.iter().max().map_or(1, |deepest| deepest + 1);
        lanes.push(json(&(name, label, depth)));
        for ((_, event), track) in group.iter().zip(tracks) {
            columns.push(event, lanes.len() - 1, track, end_of_all, &places, blocks);
        }
    }
    let violation = timeline.verdict.as_ref().map(|text| (end_of_all.0, text));
    let cut = (memory.events.forgotten(), blocks.left_out);
    format!(
        r#"{{"seed":"{}","replay":{},"verdict":{},"end":{},"cut":{},"tones":{},"lanes":[{}],{}}}"#,
        timeline.seed,
        json(&timeline.replay_line),
        json(&violation),
        end_of_all.0,
        json(&cut),
        json(&Tone::NAMES),
        lanes.join(","),
        columns.to_json(),
    )
}

/// Events by property. Strings are by number.
#[derive(Debug, Default)]
struct Columns {
    lane: Vec<usize>,
    track: Vec<usize>,
    from: Vec<u64>,
    /// -1 for what has no length.
    length: Vec<i64>,
    tone: Vec<u8>,
    flags: Vec<u8>,
    label: Vec<usize>,
    text: Vec<usize>,
    /// Place of the event and 1, or 0.
    cause: Vec<usize>,
    exchange: Vec<usize>,
    /// Of the request and the answer: none, -1 where it was cut, or block and place in it.
    blobs: Vec<[Option<(i64, usize)>; 2]>,
    error: Vec<usize>,
    strings: Strings,
}

impl Columns {
    fn push(
        &mut self,
        event: &Event,
        lane: usize,
        track: usize,
        end_of_all: Time,
        places: &BTreeMap<EventId, usize>,
        blocks: &Blocks,
    ) {
        let (to, end_flag) = match event.end {
            End::Point => (None, 0),
            End::Open => (Some(end_of_all), OPEN),
            End::At(at) => (Some(at), 0),
            End::Cut(at) => (Some(at), CUT),
        };
        self.lane.push(lane);
        self.track.push(track);
        self.from.push(event.from.0);
        self.length.push(to.map_or(-1, |to| (to - event.from).0.cast_signed()));
        self.tone.push(event.tone as u8);
        let fault = if event.is_fault { FAULT } else { 0 };
        let mark = if event.is_mark { MARK } else { 0 };
        self.flags.push(fault | mark | end_flag);
        self.label.push(self.strings.number(&event.label));
        self.text.push(self.strings.number(&event.text));
        self.cause.push(event.cause.and_then(|cause| places.get(&cause)).map_or(0, |place| place + 1));
        self.exchange.push(event.exchange.unwrap_or(0));
        let place = |id: BlobId| {
            blocks.places.get(&id).map_or((-1, 0), |(block, place)| (i64::try_from(*block).unwrap_or(-1), *place))
        };
        self.blobs.push(event.blobs.map(|blob| blob.map(place)));
        let error = event.blobs[1].and_then(|answer| blocks.errors.get(&answer));
        self.error.push(error.map_or(0, |error| self.strings.number(error)));
    }

    fn to_json(&self) -> String {
        let blobs: Vec<_> = self.blobs.iter().enumerate().filter(|(_, blobs)| **blobs != [None; 2]).collect();
        format!(
            r#""lane":{},"track":{},"from":{},"length":{},"tone":{},"flags":{},"label":{},"text":{},"cause":{},"exchange":{},"error":{},"blobs":{},"strings":{}"#,
            json(&self.lane),
            json(&self.track),
            json(&self.from),
            json(&self.length),
            json(&self.tone),
            json(&self.flags),
            json(&self.label),
            json(&self.text),
            json(&self.cause),
            json(&self.exchange),
            json(&self.error),
            json(&blobs),
            json(&self.strings.all),
        )
    }
}

/// Strings by number. The first is empty.
#[derive(Debug)]
struct Strings {
    all: Vec<String>,
    numbers: BTreeMap<String, usize>,
}

impl Default for Strings {
    fn default() -> Self {
        Self { all: vec![String::new()], numbers: BTreeMap::from([(String::new(), 0)]) }
    }
}

impl Strings {
    fn number(&mut self, string: &str) -> usize {
        if let Some(number) = self.numbers.get(string) {
            return *number;
        }
        let number = self.all.len();
        self.all.push(string.to_owned());
        self.numbers.insert(string.to_owned(), number);
        number
    }
}

/// The track of each event of a lane, so that what overlaps is below each other. What has no length has the first track,
/// if there is any such event; a connection is above what passes over it.
fn tracks(events: &[(EventId, &Event)], end_of_all: Time) -> Vec<usize> {
    let has_points = events.iter().any(|(_, event)| event.end == End::Point && !event.is_mark);
    let first = usize::from(has_points);
    let is_outer = |event: &Event| event.tone == Tone::Connection;
    let below = first + usize::from(events.iter().any(|(_, event)| is_outer(event)));
    let mut free_from: Vec<Time> = Vec::new();
    let track_of = |(_, event): &(EventId, &Event)| {
        let to = match event.end {
            End::Point => return 0,
            _ if is_outer(event) => return first,
            End::Open => end_of_all,
            End::At(at) | End::Cut(at) => at,
        };
        let found = free_from.iter().position(|free| *free <= event.from);
        let track = match found {
            Some(track) => track,
            None if free_from.len() < TRACKS_MAX => {
                free_from.push(Time(0));
                free_from.len() - 1
            }
            None => TRACKS_MAX - 1,
        };
        free_from[track] = free_from[track].max(to);
        below + track
    };
    events.iter().map(track_of).collect()
}

/// A lane's group and its name in it.
fn name_of(lane: Lane, clients: &[String]) -> (&'static str, String) {
    let client = |id: crate::env::ClientId| {
        let name = clients.get(usize::from(id.0)).map_or("client", String::as_str);
        format!("{} {name}", id.0)
    };
    match lane {
        Lane::Stage => ("World", "stage".to_owned()),
        Lane::World => ("World", "crashes, faults".to_owned()),
        Lane::Client(id) => ("Clients", client(id)),
        Lane::Connection(id) => ("Connections", client(id)),
        Lane::Life => ("Broker", "lives".to_owned()),
        Lane::Requests => ("Broker", "requests".to_owned()),
        Lane::Gates => ("Broker", "closed gates".to_owned()),
        Lane::Work => ("Broker", "work".to_owned()),
        Lane::Ticks => ("Broker", "ticks".to_owned()),
        Lane::Reports => ("Broker", "reports".to_owned()),
        Lane::Reads => ("Disk", "reads".to_owned()),
        Lane::Appends => ("Disk", "appends".to_owned()),
        Lane::Syncs => ("Disk", "syncs".to_owned()),
        Lane::Names => ("Disk", "names, sizes".to_owned()),
    }
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::super::memory::Content;
    use super::*;
    use crate::env::ClientId;

    #[test]
    fn what_overlaps_is_in_tracks_below_each_other_and_points_are_above() {
        let lane = Lane::Client(ClientId(0));
        let bar = |from, to| Event { end: End::At(Time(to)), ..Event::bar(lane, Tone::Fetch, Time(from), "") };
        let events = [bar(0, 10), bar(5, 20), Event::point(lane, Tone::Note, Time(6), ""), bar(10, 30), bar(20, 25)];
        let events: Vec<_> = events.iter().enumerate().collect();
        assert_eq!(tracks(&events, Time(30)), [1, 2, 0, 1, 2]);
    }

    #[test]
    fn a_part_is_not_looked_into_for_names() {
        let parts = [("A", "{{B}}".to_owned()), ("B", "b".to_owned())];
        assert_eq!(filled("<{{A}}|{{B}}>", &parts), "<{{B}}|b>");
    }

    /// Bytes that can't be compressed: the file stays as small as ever, and says what is missing.
    #[test]
    fn the_earliest_bytes_are_left_out_where_the_file_would_be_too_large() {
        let mut memory = Memory::default();
        let mut state = 1_u64;
        let mut noise = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (state >> 56) as u8
        };
        for at in 0..4_000 {
            let blob = memory.blob(Content::File, (0..5_000).map(|_| noise()).collect::<Bytes>());
            let bar = Event::bar(Lane::Appends, Tone::Append, Time(at), "append");
            memory.event(Event { blobs: [Some(blob), None], ..bar });
        }
        let timeline = Timeline { seed: 1, replay_line: String::new(), verdict: None, memory };
        let blocks = Blocks::of(&timeline.memory);
        assert!(blocks.left_out > 500, "{}", blocks.left_out);
        assert!(blocks.places.contains_key(&3_999) && !blocks.places.contains_key(&0));
        let size_bytes = html(&timeline).len();
        assert!(size_bytes < 20 << 20, "{size_bytes}");
    }
}
