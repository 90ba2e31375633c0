//! Envelope: a broker passes a client's request on to the controller.

use crate::Slice;

message! {
    /// A request as it came, and from whom (KIP-590).
    request Envelope = 58, versions 0..=0, flexible 0..;
    struct EnvelopeRequest {
        /// The request's header and body.
        request_data: Slice,
        /// Version and [`DefaultPrincipalData`](super::principal::DefaultPrincipalData) of the client; null where there
        /// is none.
        request_principal: Option<Slice>,
        /// The client's address: 4 or 16 bytes.
        client_host_address: Slice,
    }
}

message! {
    /// The controller's answer to the client.
    response Envelope = 58, versions 0..=0, flexible 0..;
    struct EnvelopeResponse {
        /// The answer's header and body; null where the envelope itself was refused.
        response_data: Option<Slice>,
        /// Of the envelope, not of the request in it.
        error_code: i16,
    }
}
