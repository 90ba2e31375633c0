//! Envelope: a broker passes a client's request on to the controller.

use bytes::Bytes;

message! {
    /// A broker passes a client's request on to the controller.
    request Envelope = 58, versions 0..=0, flexible 0..;
    struct EnvelopeRequest {
        request_data: Bytes,
        request_principal: Option<Bytes>,
        client_host_address: Bytes,
    }
}

message! {
    /// A broker passes a client's request on to the controller.
    response Envelope = 58, versions 0..=0, flexible 0..;
    struct EnvelopeResponse {
        response_data: Option<Bytes>,
        error_code: i16,
    }
}
