//! How offsets are committed and asked for, in all versions.

use std::collections::BTreeMap;

use ottla_core::error_code::ErrorCode;
use ottla_core::wire::messages::offset_commit::{
    OffsetCommitRequest, OffsetCommitRequestPartition, OffsetCommitRequestTopic, OffsetCommitResponse,
};
use ottla_core::wire::messages::offset_fetch::{
    OffsetFetchRequest, OffsetFetchRequestGroup, OffsetFetchRequestTopic, OffsetFetchRequestTopics, OffsetFetchResponse,
};
use ottla_core::wire::{ApiKey, Str, Uuid};

use super::cluster::Cluster;
use super::{Request, Talk};
use crate::history::{PartitionRef, Standing};
use crate::violation::Violation;

/// A topic's name and a partition of it.
pub type Place = (String, i32);

/// An offset, and what is noted with it.
pub type Noted = (i64, String);

/// What was committed of a partition.
pub type Committed = Option<Noted>;

/// A topic and what is said of its partitions.
type OfTopic<'a, T> = (&'a str, Vec<(i32, T)>);

/// From this version on topics are told by their ids.
pub const BY_ID: i16 = 10;
/// From this version on several groups can be asked about.
const GROUPS_SINCE: i16 = 8;
/// From this version on an answer can say that all of it failed.
const ERROR_SINCE: i16 = 2;

/// Places by topic.
fn by_topic<'a, T>(places: impl IntoIterator<Item = (&'a Place, T)>) -> BTreeMap<&'a str, Vec<(i32, T)>> {
    let mut topics: BTreeMap<&str, Vec<(i32, T)>> = BTreeMap::new();
    for ((topic, index), what) in places {
        topics.entry(topic).or_default().push((*index, what));
    }
    topics
}

fn id_of(cluster: &Cluster, topic: &str) -> Uuid {
    cluster.topic(topic).map_or(Uuid::ZERO, |known| known.id)
}

/// Commits these offsets, each with a note.
pub fn commit_request(cluster: &Cluster, group: &str, who: &Standing, offsets: &BTreeMap<Place, Noted>) -> Request {
    let topic = |(name, partitions): OfTopic<'_, &Noted>| OffsetCommitRequestTopic {
        name: name.into(),
        topic_id: id_of(cluster, name),
        partitions: partitions
            .into_iter()
            .map(|(partition_index, (offset, text))| OffsetCommitRequestPartition {
                partition_index,
                committed_offset: *offset,
                committed_metadata: Some(text.as_str().into()),
                ..OffsetCommitRequestPartition::default()
            })
            .collect(),
        ..OffsetCommitRequestTopic::default()
    };
    Request::OffsetCommit(OffsetCommitRequest {
        group_id: group.into(),
        generation_id_or_member_epoch: who.generation,
        member_id: who.member.as_str().into(),
        group_instance_id: who.instance.as_deref().map(Str::from),
        topics: by_topic(offsets).into_iter().map(topic).collect(),
        ..OffsetCommitRequest::default()
    })
}

/// What became of each partition of a commit.
///
/// # Errors
/// It is no answer to that.
pub fn commit_outcome(
    cluster: &Cluster,
    version: i16,
    response: &OffsetCommitResponse,
) -> Result<BTreeMap<Place, ErrorCode>, Violation> {
    let mut outcomes = BTreeMap::new();
    for topic in &response.topics {
        let name = if version >= BY_ID { cluster.name_of(topic.topic_id) } else { Some(&*topic.name) };
        for partition in &topic.partitions {
            let place = (name.unwrap_or_default().to_owned(), partition.partition_index);
            outcomes.insert(place, error_of(partition.error_code)?);
        }
    }
    Ok(outcomes)
}

/// Asks how far a group has read these.
pub fn fetch_request(cluster: &Cluster, version: i16, group: &str, places: &[Place]) -> Request {
    let topics = by_topic(places.iter().map(|place| (place, ())));
    let indexes = |partitions: &[(i32, ())]| partitions.iter().map(|(index, ())| *index).collect();
    let mut request = OffsetFetchRequest::default();
    if version >= GROUPS_SINCE {
        let topic = |(name, partitions): (&&str, &Vec<(i32, ())>)| OffsetFetchRequestTopics {
            name: (*name).into(),
            topic_id: id_of(cluster, name),
            partition_indexes: indexes(partitions),
            ..OffsetFetchRequestTopics::default()
        };
        let topics = Some(topics.iter().map(topic).collect());
        request.groups =
            vec![OffsetFetchRequestGroup { group_id: group.into(), topics, ..OffsetFetchRequestGroup::default() }];
    } else {
        let topic = |(name, partitions): (&&str, &Vec<(i32, ())>)| OffsetFetchRequestTopic {
            name: (*name).into(),
            partition_indexes: indexes(partitions),
            ..OffsetFetchRequestTopic::default()
        };
        request.group_id = group.into();
        request.topics = Some(topics.iter().map(topic).collect());
    }
    Request::OffsetFetch(request)
}

/// What was committed of each partition that was asked for, or why that is not known.
///
/// # Errors
/// It is no answer to that.
pub fn fetch_outcome(
    cluster: &Cluster,
    version: i16,
    response: &OffsetFetchResponse,
) -> Result<Result<BTreeMap<Place, Committed>, ErrorCode>, Violation> {
    let mut found = BTreeMap::new();
    let mut failure = ErrorCode::None;
    let mut take = |name: &str, index: i32, offset: i64, text: Option<&str>, error: i16| {
        let error = error_of(error)?;
        if error != ErrorCode::None {
            failure = error;
        }
        let committed = (offset >= 0).then(|| (offset, text.unwrap_or_default().to_owned()));
        found.insert((name.to_owned(), index), committed);
        Ok(())
    };
    if version >= GROUPS_SINCE {
        let Some(group) = response.groups.first() else {
            return Err(Violation::Answer("OffsetFetch without a group".to_owned()));
        };
        for topic in &group.topics {
            let name = if version >= BY_ID { cluster.name_of(topic.topic_id) } else { Some(&*topic.name) };
            for it in &topic.partitions {
                let text = it.metadata.as_deref();
                take(name.unwrap_or_default(), it.partition_index, it.committed_offset, text, it.error_code)?;
            }
        }
        if group.error_code != 0 {
            failure = error_of(group.error_code)?;
        }
    } else {
        for topic in &response.topics {
            for it in &topic.partitions {
                let text = it.metadata.as_deref();
                take(&topic.name, it.partition_index, it.committed_offset, text, it.error_code)?;
            }
        }
        if version >= ERROR_SINCE && response.error_code != 0 {
            failure = error_of(response.error_code)?;
        }
    }
    Ok(if failure == ErrorCode::None { Ok(found) } else { Err(failure) })
}

/// The error of a number.
///
/// # Errors
/// There is none.
pub fn error_of(number: i16) -> Result<ErrorCode, Violation> {
    ErrorCode::from_number(number).ok_or_else(|| Violation::Answer(format!("the error {number}")))
}

impl Talk<'_> {
    /// How the history calls a place.
    pub fn partition_of(&self, place: &Place) -> Option<PartitionRef> {
        self.history.topics.partition(&place.0, place.1)
    }

    /// The version in which this client commits and fetches offsets: ids only where it learns them.
    pub fn learn_offset_versions(&mut self) {
        if self.version(ApiKey::Metadata) < super::wire::METADATA_WITH_IDS {
            for api in [ApiKey::OffsetCommit, ApiKey::OffsetFetch] {
                let version = self.version(api).min(BY_ID - 1);
                self.speak(api, version);
            }
        }
    }
}
