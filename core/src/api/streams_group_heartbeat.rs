//! StreamsGroupHeartbeat: a member of a streams group joins, stays, moves and leaves (KIP-1071). The answer comes when what it says is
//! committed; topics that its topology lacks are made meanwhile.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use super::group_answer::{self, GroupResponse};
use super::{ApiError, Caller, assigned_groups, topic_name};
use crate::broker::Broker;
use crate::error_code::ErrorCode;
use crate::groups::{Group, InternalTopic, StreamsBeat, streams_beat};
use crate::time::Now;
use crate::wire::Str;
use crate::wire::messages::streams_group_heartbeat::{
    StreamsGroupHeartbeatRequest, StreamsGroupHeartbeatResponse, Topology,
};

/// What members are told where internal topics are missing.
const MISSING_INTERNAL_TOPICS: i8 = 3;

pub(crate) fn handle(
    broker: &mut Broker,
    now: Now,
    caller: Caller,
    client_id: Option<&str>,
    request: &StreamsGroupHeartbeatRequest,
) {
    match heartbeat(broker, now, caller, client_id, request) {
        Ok((index, response)) => {
            group_answer::answer(broker, now, caller, GroupResponse::StreamsGroupHeartbeat(response), [index]);
        }
        Err(error) => broker.answer(caller, &refusal(error), Vec::new()),
    }
}

/// A heartbeat that led to nothing.
pub(crate) fn refusal(error: ApiError) -> StreamsGroupHeartbeatResponse {
    StreamsGroupHeartbeatResponse {
        error_code: error.code.number(),
        error_message: error.message(),
        status: Some(Vec::new()),
        ..Default::default()
    }
}

fn heartbeat(
    broker: &mut Broker,
    now: Now,
    caller: Caller,
    client_id: Option<&str>,
    request: &StreamsGroupHeartbeatRequest,
) -> Result<(i32, StreamsGroupHeartbeatResponse), ApiError> {
    if !broker.serves_streams_groups() {
        return Err(ApiError::bare(ErrorCode::UnsupportedVersion));
    }
    if let Some(topology) = &request.topology {
        check_topic_names(topology)?;
    }
    if broker.is_stopping() {
        return Err(ApiError::bare(ErrorCode::CoordinatorNotAvailable));
    }
    check_supported(request)?;
    check(request)?;
    let is_member =
        |known: &Group| known.streams().is_some_and(|group| group.members().contains_key(&*request.member_id));
    let (index, group) = assigned_groups::admit(broker, &request.group_id, request.member_epoch, is_member)?;
    let client_host = broker.client_host(caller);
    let beat_of = StreamsBeat { request, client_id: client_id.unwrap_or_default(), client_host: &client_host };
    let mut turn = broker.planned_turn(now, &group);
    let known = broker.groups.serving(index).and_then(|coordinator| coordinator.groups.get(&group));
    let beaten = streams_beat(&mut turn, known.map(|known| &known.kind), beat_of)?;
    let remembered_ms = 2 * i64::from(turn.config.streams_heartbeat_interval_ms());
    let plan = turn.plan;
    broker.carry_out(now, index, &group, plan).map_err(ApiError::bare)?;
    let mut response = beaten.response;
    let missing = beaten.configured.as_ref().map_or(&[][..], |configured| &configured.missing);
    if !missing.is_empty() {
        tell_faults(broker, now, missing, &mut response);
        broker.create_internal_topics(now, missing, remembered_ms);
    }
    Ok((index, response))
}

/// Why topics could not be made when somebody asked before.
fn tell_faults(broker: &Broker, now: Now, missing: &[InternalTopic], response: &mut StreamsGroupHeartbeatResponse) {
    const SHOWN: usize = 3;
    let faults = broker.groups.creation_faults.of(missing.iter().map(|topic| &*topic.name), now.monotonic);
    let mut statuses = response.status.iter_mut().flatten();
    let Some(status) = statuses.find(|status| status.status_code == MISSING_INTERNAL_TOPICS) else { return };
    if faults.is_empty() {
        return;
    }
    let shown: Vec<String> = faults.iter().take(SHOWN).map(|(topic, why)| format!("{topic} ({why})")).collect();
    let mut shown = shown.join(", ");
    if faults.len() > SHOWN {
        shown = format!("{shown} and {} more", faults.len() - SHOWN);
    }
    status.status_detail = format!("{}; Creation failed: {shown}.", status.status_detail).into();
}

/// No topology may have to do with topics of the coordinators, nor with such that can't be.
fn check_topic_names(topology: &Topology) -> Result<(), ApiError> {
    let mut topics: Vec<&Str> = Vec::new();
    for subtopology in &topology.subtopologies {
        topics.extend(&subtopology.source_topics);
        topics.extend(&subtopology.repartition_sink_topics);
        topics.extend(subtopology.repartition_source_topics.iter().map(|topic| &topic.name));
        topics.extend(subtopology.state_changelog_topics.iter().map(|topic| &topic.name));
    }
    let invalid = |why: String| Err(ApiError::new(ErrorCode::StreamsInvalidTopology, why));
    let prohibited = distinct(&topics, topic_name::is_internal);
    if !prohibited.is_empty() {
        let names = prohibited.join(",");
        return invalid(format!("Use of Kafka internal topics {names} in a Kafka Streams topology is prohibited."));
    }
    let impossible = distinct(&topics, |topic| topic_name::validate(topic).is_err());
    if !impossible.is_empty() {
        return invalid(format!("Topic names {} are not valid topic names.", impossible.join(",")));
    }
    Ok(())
}

fn distinct<'a>(topics: &[&'a Str], is_meant: impl Fn(&str) -> bool) -> Vec<&'a str> {
    let mut seen = alloc::collections::BTreeSet::new();
    topics.iter().map(|topic| &***topic).filter(|topic| is_meant(topic) && seen.insert(*topic)).collect()
}

/// What Kafka 4.3 has in the message and does not know yet.
fn check_supported(request: &StreamsGroupHeartbeatRequest) -> Result<(), ApiError> {
    if request.instance_id.is_some() {
        return invalid("Static membership is not yet supported.");
    }
    if request.task_offsets.is_some() {
        return invalid("TaskOffsets are not supported yet.");
    }
    if request.task_end_offsets.is_some() {
        return invalid("TaskEndOffsets are not supported yet.");
    }
    if request.warmup_tasks.as_ref().is_some_and(|tasks| !tasks.is_empty()) {
        return invalid("WarmupTasks are not supported yet.");
    }
    let mut subtopologies = request.topology.iter().flat_map(|topology| &topology.subtopologies);
    if subtopologies.any(|subtopology| !subtopology.source_topic_regex.is_empty()) {
        return invalid("Regular expressions for source topics are not supported yet.");
    }
    Ok(())
}

/// What is wrong with a request whatever group it is for.
fn check(request: &StreamsGroupHeartbeatRequest) -> Result<(), ApiError> {
    let is_blank = |text: &Str| text.trim().is_empty();
    if is_blank(&request.member_id) {
        return invalid("MemberId can't be empty.");
    }
    if is_blank(&request.group_id) {
        return invalid("GroupId can't be empty.");
    }
    if request.rack_id.as_ref().is_some_and(is_blank) {
        return invalid("RackId can't be empty.");
    }
    match request.member_epoch {
        0 => check_joining(request)?,
        -2 => return invalid("InstanceId can't be null."),
        epoch @ ..-2 => {
            return invalid(&format!("MemberEpoch is {epoch}, but must be greater than or equal to -2."));
        }
        _ => {}
    }
    let tasks = [&request.active_tasks, &request.standby_tasks, &request.warmup_tasks];
    if tasks.iter().any(|tasks| tasks.is_some()) && tasks.iter().any(|tasks| tasks.is_none()) {
        return invalid("If one task-type is non-null, all must be non-null.");
    }
    if request.member_epoch != 0 && request.topology.is_some() {
        return invalid("Topology can only be provided when (re-)joining.");
    }
    Ok(())
}

fn check_joining(request: &StreamsGroupHeartbeatRequest) -> Result<(), ApiError> {
    if request.rebalance_timeout_ms == -1 {
        return invalid("RebalanceTimeoutMs must be provided in first request.");
    }
    let has_none = |tasks: &Option<Vec<_>>| tasks.as_ref().is_some_and(Vec::is_empty);
    if !has_none(&request.active_tasks) {
        return invalid("ActiveTasks must be empty when (re-)joining.");
    }
    if !has_none(&request.standby_tasks) {
        return invalid("StandbyTasks must be empty when (re-)joining.");
    }
    if !has_none(&request.warmup_tasks) {
        return invalid("WarmupTasks must be empty when (re-)joining.");
    }
    let Some(topology) = &request.topology else {
        return invalid("Topology must be non-null when (re-)joining.");
    };
    let mut changelogs = topology.subtopologies.iter().flat_map(|subtopology| &subtopology.state_changelog_topics);
    if let Some(topic) = changelogs.find(|topic| topic.partitions != 0) {
        let (name, partitions) = (&topic.name, topic.partitions);
        let why =
            format!("Changelog topic {name} must have an undefined partition count, but it is set to {partitions}.");
        return Err(ApiError::new(ErrorCode::StreamsInvalidTopology, why));
    }
    Ok(())
}

fn invalid(why: &str) -> Result<(), ApiError> {
    Err(ApiError::new(ErrorCode::InvalidRequest, why))
}
