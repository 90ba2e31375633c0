//! What clients must not send: each is refused with its place and reason, and costs no more memory than its bytes justify.

use bytes::Bytes;
use ottla_core::wire::messages::fetch::FetchRequest;
use ottla_core::wire::messages::metadata::{MetadataRequest, MetadataRequestTopic};
use ottla_core::wire::messages::produce::ProduceRequest;
use ottla_core::wire::{DecodeFault, Message, Records, Str};

/// What a decode of `parts`, one after another, says.
fn refusal<M: Message>(version: i16, parts: &[&[u8]]) -> String {
    M::from_bytes(Bytes::from(parts.concat()), version).expect_err("a refusal").to_string()
}

#[test]
fn an_error_names_the_field_the_byte_and_what_was_needed() {
    let partition = ottla_core::wire::messages::fetch::FetchPartition::default();
    let topic = ottla_core::wire::messages::fetch::FetchTopic {
        topic: Str::from("orders"),
        partitions: vec![partition],
        ..Default::default()
    };
    let request = FetchRequest { topics: vec![topic], ..Default::default() };
    let whole = request.to_bytes(4);
    assert_eq!(
        refusal::<FetchRequest>(4, &[&whole[..whole.len() - 3]]),
        "FetchRequest.topics[0].partitions[0].partition_max_bytes at byte 45: need 4 bytes, have 1"
    );
}

#[test]
fn an_array_cannot_claim_more_elements_than_bytes_remain() {
    assert_eq!(
        refusal::<MetadataRequest>(1, &[&i32::MAX.to_be_bytes(), &[0; 8]]),
        "MetadataRequest.topics at byte 0: an array of 2147483647 elements, but 8 bytes remain"
    );
    assert_eq!(
        refusal::<MetadataRequest>(9, &[&[0xff, 0xff, 0xff, 0xff, 0x0f], &[0; 8]]),
        "MetadataRequest.topics at byte 0: an array of 4294967294 elements, but 8 bytes remain"
    );
}

#[test]
fn small_elements_cannot_be_blown_up_beyond_the_budget() {
    const COUNT: u32 = 10_000_000;
    let refusal = refusal::<MetadataRequest>(1, &[&COUNT.to_be_bytes(), &vec![0; COUNT as usize]]);
    assert_eq!(refusal, "MetadataRequest.topics at byte 4: decoding needs more than 41044496 bytes of memory");
}

#[test]
fn many_small_arrays_share_one_budget() {
    // Topics with an empty name and 64 KiB of partitions each; every count is within what remains.
    let mut frame = vec![0xff, 0xff, 0, 1, 0, 0, 0, 0];
    let topics = 100u32;
    frame.extend(topics.to_be_bytes());
    for _ in 0..topics {
        frame.extend([0, 0]);
        frame.extend(0x1_0000u32.to_be_bytes());
        frame.extend(vec![0; 0x1_0000 * 8]);
    }
    let error = ProduceRequest::from_bytes(frame.into(), 3).expect_err("more memory than it is worth");
    assert!(matches!(error.fault(), DecodeFault::Budget(_)), "{error}");
}

#[test]
fn a_length_is_not_negative_and_null_only_where_the_version_has_it() {
    assert_eq!(
        refusal::<MetadataRequest>(1, &[&[0xff; 3], &[0xfe]]),
        "MetadataRequest.topics at byte 0: the length -2 is negative"
    );
    let null = "null is not allowed here in this version";
    assert_eq!(refusal::<MetadataRequest>(0, &[&[0xff; 4]]), format!("MetadataRequest.topics at byte 0: {null}"));
    assert_eq!(MetadataRequest::from_bytes(Bytes::from_static(&[0xff; 4]), 1).map(|request| request.topics), Ok(None));
    let topic = [0, 0, 0, 1, 0xff, 0xff];
    assert_eq!(refusal::<MetadataRequest>(0, &[&topic]), format!("MetadataRequest.topics[0].name at byte 4: {null}"));
}

#[test]
fn strings_are_utf8() {
    let topic = [0, 0, 0, 1, 0, 2, 0xc3, 0x28];
    assert_eq!(refusal::<MetadataRequest>(0, &[&topic]), "MetadataRequest.topics[0].name at byte 4: not valid UTF-8");
}

#[test]
fn a_varint_ends_after_five_bytes() {
    assert_eq!(
        refusal::<MetadataRequest>(9, &[&[0xff; 9]]),
        "MetadataRequest.topics at byte 0: a varint longer than 5 bytes"
    );
}

#[test]
fn tagged_fields_rise_and_fill_their_size() {
    let body = [0, 1, 0];
    let refuse = |tags: &[u8]| refusal::<MetadataRequest>(11, &[&body, tags]);
    assert_eq!(refuse(&[2, 5, 0, 4, 0]), "MetadataRequest at byte 6: tag 4 after tag 5");
    assert_eq!(refuse(&[2, 5, 0, 5, 0]), "MetadataRequest at byte 6: tag 5 after tag 5");
    assert_eq!(refuse(&[1, 5, 9, 0]), "MetadataRequest at byte 6: need 9 bytes, have 1");
    assert_eq!(refuse(&[0xff, 0xff, 0xff, 0xff, 0x0f]), "MetadataRequest at byte 8: need 1 bytes, have 0");

    // Fetch knows tag 0: a nullable string. Its size says three bytes, its content two.
    let fetch = FetchRequest::default().to_bytes(12);
    let body = &fetch[..fetch.len() - 1];
    let refuse = |tags: &[u8]| refusal::<FetchRequest>(12, &[body, tags]);
    let at = body.len() + 3;
    assert_eq!(
        refuse(&[1, 0, 3, 2, b'a', 0]),
        format!("FetchRequest at byte {at}: a tagged field of 3 bytes, of which 2 were used")
    );
    assert_eq!(
        refuse(&[1, 0, 2, 9, b'a']),
        format!("FetchRequest.cluster_id at byte {}: need 8 bytes, have 1", at + 1)
    );
}

#[test]
fn unknown_tagged_fields_are_limited() {
    let with_tags = |count: u8| {
        let mut frame = vec![0, 1, 0, count];
        frame.extend((0..count).flat_map(|tag| [tag, 0]));
        MetadataRequest::from_bytes(frame.into(), 11)
    };
    assert_eq!(with_tags(64).expect("64 are fine").unknown_tags.as_slice().len(), 64);
    assert_eq!(with_tags(65).expect_err("65 are not").fault(), &DecodeFault::TooManyTags(64));
}

#[test]
fn long_strings_and_record_sets_are_slices_of_the_frame_and_short_strings_do_not_need_it() {
    let records = Bytes::from(vec![7; 1000]);
    let mut request = ProduceRequest { topic_data: vec![Default::default()], ..Default::default() };
    request.transactional_id = Some(Str::from("billing"));
    request.topic_data[0].name = Str::from("orders-by-customer-and-region");
    request.topic_data[0].partition_data = vec![Default::default()];
    request.topic_data[0].partition_data[0].records = Some(records.into());
    let frame = request.to_bytes(9);
    let inside = |bytes: &[u8]| frame.as_ptr_range().contains(&bytes.as_ptr());

    let decoded = ProduceRequest::from_bytes(frame.clone(), 9).expect("a whole request");
    assert!(inside(decoded.topic_data[0].name.as_bytes()));
    assert!(decoded.transactional_id.is_some_and(|id| id == "billing" && !inside(id.as_bytes())));
    let Some(Records::Bytes(records)) = &decoded.topic_data[0].partition_data[0].records else { panic!("no records") };
    assert!(inside(records));
}

#[test]
fn every_topic_of_a_large_but_honest_request_fits_the_budget() {
    let topic =
        |index: u32| MetadataRequestTopic { name: Some(Str::from(format!("topic-{index:06}"))), ..Default::default() };
    let request = MetadataRequest { topics: Some((0..100_000).map(topic).collect()), ..Default::default() };
    assert_eq!(MetadataRequest::from_bytes(request.to_bytes(12), 12).map(|again| again == request), Ok(true));
    assert_eq!(MetadataRequest::from_bytes(request.to_bytes(1), 1).map(|again| again == request), Ok(true));
}
