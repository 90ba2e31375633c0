//! CreateTopics: new topics, by partition count or by assignment.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use super::placement::{Placed, Placer, RECORDS_MAX};
use super::{ApiError, Change, View, resource_type, topic_name};
use crate::config::{Config, Described, ResourceKind};
use crate::error_code::ErrorCode;
use crate::rng::Rng;
use crate::wire::messages::create_topics::{
    CreatableTopic, CreatableTopicConfigs, CreatableTopicResult, CreateTopicsRequest, CreateTopicsResponse,
};
use crate::wire::messages::metadata_records::{ConfigRecord, TopicRecord};
use crate::wire::{MetadataRecord, Str, Uuid};

/// Plans what is asked for; refusals are told topic by topic.
#[must_use]
pub fn handle(request: &CreateTopicsRequest, view: View<'_>, rng: &mut Rng) -> Change<CreateTopicsResponse> {
    if request.timeout_ms <= 0 {
        let late = |topic: &CreatableTopic| refused(topic.name.clone(), ApiError::bare(ErrorCode::RequestTimedOut));
        let topics = request.topics.iter().map(late).collect();
        return Change::nothing(CreateTopicsResponse { topics, ..Default::default() });
    }
    let mut plan = Plan::new(view, rng);
    let duplicates = duplicates(&request.topics);
    let is_single = |topic: &&CreatableTopic| !duplicates.contains(&topic.name);
    let (forbidden, singles): (Vec<_>, Vec<_>) =
        request.topics.iter().filter(is_single).partition(|topic| topic.name == topic_name::CLUSTER_METADATA);
    let mut topics: Vec<_> = singles.iter().map(|topic| result(topic, plan.add(topic))).collect();
    if plan.is_too_large {
        topics = singles.iter().map(|topic| result(topic, Err(too_large()))).collect();
    }
    topics.extend(
        duplicates
            .iter()
            .map(|name| refused(name.clone(), ApiError::new(ErrorCode::InvalidRequest, "Duplicate topic name."))),
    );
    topics.extend(forbidden.iter().map(|topic| {
        let message = format!("Creation of internal topic {} is prohibited.", topic.name);
        refused(topic.name.clone(), ApiError::new(ErrorCode::InvalidRequest, message))
    }));
    let records = if request.validate_only { Vec::new() } else { plan.records() };
    Change { records, response: CreateTopicsResponse { topics, ..Default::default() } }
}

/// Plans topics that nobody waits for: the records that make them, and which can't be made.
pub(crate) fn plan_each(
    topics: &[CreatableTopic],
    view: View<'_>,
    rng: &mut Rng,
) -> (Vec<MetadataRecord>, Vec<(Str, ApiError)>) {
    let mut plan = Plan::new(view, rng);
    let added: Vec<_> = topics.iter().map(|topic| (topic, plan.add(topic))).collect();
    let refused = added.into_iter().filter_map(|(topic, planned)| Some((topic.name.clone(), planned.err()?)));
    let refused = refused.collect();
    (plan.records(), refused)
}

/// Topics that are about to be, and the records that make them.
pub(super) struct Plan<'a> {
    view: View<'a>,
    config: &'a Config,
    rng: &'a mut Rng,
    placer: Placer<'a>,
    records: Vec<MetadataRecord>,
    /// Those that exist and those that are planned.
    topics: usize,
    /// Those that exist and those that are planned.
    partitions: usize,
    /// More records are needed than may be written at once: the plan is void, and nothing more is planned.
    is_too_large: bool,
}

/// A topic that was planned.
pub(super) struct Planned {
    id: Uuid,
    partitions: usize,
    replication_factor: usize,
    configs: Vec<Described>,
}

impl<'a> Plan<'a> {
    pub(super) fn new(view: View<'a>, rng: &'a mut Rng) -> Self {
        Self {
            view,
            config: view.config,
            rng,
            placer: Placer::new(view.image),
            records: Vec::new(),
            topics: view.image.topics.len(),
            partitions: partition_count(view),
            is_too_large: false,
        }
    }

    /// What to write; nothing where it would be too much.
    pub(super) fn records(self) -> Vec<MetadataRecord> {
        if self.is_too_large { Vec::new() } else { self.records }
    }

    pub(super) fn add(&mut self, topic: &CreatableTopic) -> Result<Planned, ApiError> {
        if self.is_too_large {
            return Err(too_large());
        }
        self.check_name(&topic.name)?;
        let configs = configs(topic)?;
        self.config
            .check_resource(ResourceKind::Topic, &configs)
            .map_err(|error| ApiError::new(ErrorCode::InvalidConfig, error.to_string()))?;
        let placed = self.place(topic)?;
        if self.records.len() + 1 + configs.len() + placed.len() > RECORDS_MAX {
            self.is_too_large = true;
            return Err(too_large());
        }
        self.check_limits(placed.len())?;
        let id = self.new_topic_id();
        self.topics += 1;
        self.partitions += placed.len();
        self.records.push(TopicRecord { name: topic.name.clone(), topic_id: id, ..Default::default() }.into());
        for (name, value) in &configs {
            self.records.push(config_record(&topic.name, name, value));
        }
        for (index, placed) in (0..).zip(&placed) {
            self.records.push(placed.record(id, index));
        }
        Ok(Planned {
            id,
            partitions: placed.len(),
            replication_factor: placed.first().map_or(0, Placed::replication_factor),
            configs: self.config.describe_new_topic(&configs),
        })
    }

    fn check_name(&self, name: &Str) -> Result<(), ApiError> {
        topic_name::validate(name).map_err(|fault| ApiError::new(ErrorCode::InvalidTopicException, fault))?;
        if self.view.image.topic(name).is_some() {
            return Err(ApiError::new(ErrorCode::TopicAlreadyExists, format!("Topic '{name}' already exists.")));
        }
        match topic_name::collision(name, self.view.image) {
            None => Ok(()),
            Some(other) => {
                let message = format!("Topic '{name}' collides with existing topic: {other}");
                Err(ApiError::new(ErrorCode::InvalidTopicException, message))
            }
        }
    }

    fn place(&mut self, topic: &CreatableTopic) -> Result<Vec<Placed>, ApiError> {
        if !topic.assignments.is_empty() {
            return self.place_by_hand(topic);
        }
        if topic.replication_factor < -1 || topic.replication_factor == 0 {
            let message = "Replication factor must be larger than 0, or -1 to use the default value.";
            return Err(ApiError::new(ErrorCode::InvalidReplicationFactor, message));
        }
        if topic.num_partitions < -1 || topic.num_partitions == 0 {
            let message = "Number of partitions was set to an invalid non-positive value.";
            return Err(ApiError::new(ErrorCode::InvalidPartitions, message));
        }
        let or_default = |asked: i32, default: i32| if asked == -1 { default } else { asked };
        let count = or_default(topic.num_partitions, self.config.num_partitions);
        let default_factor = self.config.default_replication_factor;
        let factor = if topic.replication_factor == -1 { default_factor } else { topic.replication_factor };
        // One more than may be written tells that they are too many; nothing is made on the client's word.
        let count = count.min(RECORDS_MAX as i32 + 1);
        self.placer.place(0, count, factor)
    }

    fn place_by_hand(&mut self, topic: &CreatableTopic) -> Result<Vec<Placed>, ApiError> {
        let refuse = |code, message: String| Err(ApiError::new(code, message));
        if topic.replication_factor != -1 {
            let message = "A manual partition assignment was specified, but replication factor was not set to -1.";
            return refuse(ErrorCode::InvalidRequest, message.into());
        }
        if topic.num_partitions != -1 {
            let message = "A manual partition assignment was specified, but numPartitions was not set to -1.";
            return refuse(ErrorCode::InvalidRequest, message.into());
        }
        let mut placed = BTreeMap::new();
        let mut replicas = None;
        for assignment in &topic.assignments {
            let index = assignment.partition_index;
            if placed.contains_key(&index) {
                let message = format!("Found multiple manual partition assignments for partition {index}");
                return refuse(ErrorCode::InvalidReplicaAssignment, message);
            }
            placed.insert(index, self.placer.assign(index, &assignment.broker_ids, replicas)?);
            replicas = Some(assignment.broker_ids.len());
        }
        if !placed.keys().copied().eq((0..).take(placed.len())) {
            let message = "partitions should be a consecutive 0-based integer sequence";
            return refuse(ErrorCode::InvalidReplicaAssignment, message.into());
        }
        Ok(placed.into_values().collect())
    }

    fn check_limits(&self, partitions: usize) -> Result<(), ApiError> {
        let limits = &self.config.limits;
        check_limit("topics", self.topics + 1, limits.topics, "ottla.max.topics")?;
        check_limit("partitions", self.partitions + partitions, limits.partitions, "ottla.max.partitions")
    }

    fn new_topic_id(&mut self) -> Uuid {
        loop {
            let id = self.rng.uuid();
            if !self.view.image.topics.contains_key(&id) {
                return id;
            }
        }
    }
}

fn too_large() -> ApiError {
    ApiError::new(ErrorCode::PolicyViolation, "Excessively large number of partitions per request.")
}

/// How many partitions exist.
pub(super) fn partition_count(view: View<'_>) -> usize {
    view.image.topics.values().map(|topic| topic.partitions.len()).sum()
}

/// Refuses a `count` of things beyond the limit that `property` sets.
pub(super) fn check_limit(things: &str, count: usize, limit: u32, property: &str) -> Result<(), ApiError> {
    if count <= limit as usize {
        return Ok(());
    }
    let message = format!("This would make {count} {things}, but {property} allows {limit}.");
    Err(ApiError::new(ErrorCode::PolicyViolation, message))
}

/// Of a config given twice the last value counts.
fn configs(topic: &CreatableTopic) -> Result<BTreeMap<String, String>, ApiError> {
    let nulls: Vec<&str> =
        topic.configs.iter().filter(|config| config.value.is_none()).map(|config| &*config.name).collect();
    if !nulls.is_empty() {
        let message = format!("Null value not supported for topic configs: {}", nulls.join(","));
        return Err(ApiError::new(ErrorCode::InvalidConfig, message));
    }
    let pair = |config: &crate::wire::messages::create_topics::CreatableTopicConfig| {
        (config.name.to_string(), config.value.as_deref().unwrap_or_default().to_string())
    };
    Ok(topic.configs.iter().map(pair).collect())
}

fn config_record(topic: &Str, name: &str, value: &str) -> MetadataRecord {
    ConfigRecord {
        resource_type: resource_type::TOPIC,
        resource_name: topic.clone(),
        name: Str::from(name),
        value: Some(Str::from(value)),
        ..Default::default()
    }
    .into()
}

fn duplicates(topics: &[CreatableTopic]) -> BTreeSet<Str> {
    let mut seen = BTreeSet::new();
    topics.iter().filter(|topic| !seen.insert(&topic.name)).map(|topic| topic.name.clone()).collect()
}

fn result(topic: &CreatableTopic, planned: Result<Planned, ApiError>) -> CreatableTopicResult {
    let planned = match planned {
        Ok(planned) => planned,
        Err(error) => return refused(topic.name.clone(), error),
    };
    CreatableTopicResult {
        name: topic.name.clone(),
        topic_id: planned.id,
        num_partitions: i32::try_from(planned.partitions).expect("placed one by one"),
        replication_factor: i16::try_from(planned.replication_factor).unwrap_or(i16::MAX),
        configs: Some(planned.configs.into_iter().map(described).collect()),
        ..Default::default()
    }
}

fn refused(name: Str, error: ApiError) -> CreatableTopicResult {
    CreatableTopicResult {
        name,
        error_code: error.code.number(),
        error_message: error.message(),
        configs: Some(Vec::new()),
        ..Default::default()
    }
}

fn described(described: Described) -> CreatableTopicConfigs {
    CreatableTopicConfigs {
        name: described.name.into(),
        value: described.value.map(Str::from),
        read_only: described.is_read_only,
        config_source: described.origin as i8,
        is_sensitive: described.is_sensitive,
        ..Default::default()
    }
}

#[cfg(test)]
#[path = "create_topics_tests.rs"]
mod tests;
