//! What a dump is made of: each byte of a frame has a path, a value of its type, and a meaning where a number has one.

use bytes::Bytes;
use ottla_core::wire::messages::fetch::{FetchPartition, FetchRequest, FetchTopic};
use ottla_core::wire::messages::metadata::{MetadataResponse, MetadataResponseTopic};
use ottla_core::wire::messages::produce::ProduceRequest;
use ottla_core::wire::{AnnotatedValue, Annotation, Message, MessageType, PathSegment, Str};

fn annotate<M: Message>(message: &M, version: i16) -> Vec<Annotation> {
    let annotated = MessageType::of::<M>().annotate(message.to_bytes(version), version);
    assert_eq!(annotated.result, Ok(()));
    annotated.fields
}

fn find<'a>(fields: &'a [Annotation], path: &str) -> &'a Annotation {
    fields.iter().find(|field| field.path == path).unwrap_or_else(|| panic!("no {path}"))
}

#[test]
fn a_field_knows_its_message_path_bytes_and_value() {
    let topic =
        FetchTopic { topic: Str::from("orders"), partitions: vec![FetchPartition::default()], ..Default::default() };
    let fields = annotate(&FetchRequest { topics: vec![topic], ..Default::default() }, 4);

    let topics = find(&fields, ".topics");
    assert_eq!((topics.depth, topics.is_structure(), &topics.value), (1, true, &AnnotatedValue::Count(1)));
    let name = find(&fields, ".topics[0].topic");
    assert_eq!((name.message, name.field, name.depth), ("FetchRequest", "topic", 3));
    assert_eq!(name.segment, Some(PathSegment::Field("topic")));
    assert_eq!(name.value, AnnotatedValue::Str("orders".into()));
    // Two bytes of length and six of text.
    assert_eq!(name.to - name.from, 8);
    assert_eq!(find(&fields, ".isolation_level").meaning().as_deref(), Some("READ_UNCOMMITTED"));
    assert_eq!(find(&fields, ".max_bytes").meaning(), None);
}

#[test]
fn a_number_has_its_meaning_beside_it() {
    let topic = MetadataResponseTopic { error_code: 3, topic_authorized_operations: 8, ..Default::default() };
    let fields = annotate(&MetadataResponse { topics: vec![topic], ..Default::default() }, 12);
    let error = find(&fields, ".topics[0].error_code");
    assert_eq!(error.value.to_string(), "3");
    assert_eq!(error.meaning().as_deref(), Some("UNKNOWN_TOPIC_OR_PARTITION"));
    let operations = find(&fields, ".topics[0].topic_authorized_operations");
    assert_eq!(operations.meaning().as_deref(), Some("READ"));
    let last = fields.last().expect("the tagged fields of the message itself");
    assert_eq!((last.depth, last.segment, last.field, last.is_structure()), (0, None, "", true));
}

#[test]
fn a_record_set_is_a_range_of_the_frame_without_its_length() {
    let mut request = ProduceRequest { topic_data: vec![Default::default()], ..Default::default() };
    request.topic_data[0].partition_data = vec![Default::default()];
    request.topic_data[0].partition_data[0].records = Some(Bytes::from_static(&[7; 300]).into());
    let frame = request.to_bytes(9);
    let fields = annotate(&request, 9);
    let records = find(&fields, ".topic_data[0].partition_data[0].records");
    let AnnotatedValue::Records(range) = &records.value else { panic!("{records:?}") };
    assert_eq!(frame[range.clone()], [7; 300]);
    assert_eq!((range.end, range.start - records.from), (records.to, 2), "a length of two varint bytes");
}

#[test]
fn a_message_behind_another_has_the_ranges_of_the_whole_frame() {
    let request = FetchRequest::default();
    let frame = Bytes::from([&[0xaa; 10][..], &request.to_bytes(12), &[0xbb; 3]].concat());
    let annotated = MessageType::of::<FetchRequest>().annotate_at(frame.clone(), 10, 12);
    assert_eq!(annotated.result, Ok(()));
    assert_eq!((annotated.fields[0].from, annotated.end), (10, frame.len() - 3));
    let beyond = MessageType::of::<FetchRequest>().annotate_at(frame, 100, 12);
    assert!(beyond.fields.is_empty() && beyond.result.is_err());
}
