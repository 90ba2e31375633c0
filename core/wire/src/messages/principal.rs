//! A principal on its way between brokers.

use crate::Str;

message! {
    /// A type, as in `User`, and a name.
    data DefaultPrincipalData, versions 0..=0, flexible 0..;
    struct DefaultPrincipalData {
        r#type: Str,
        name: Str,
        /// By a delegation token: with that no other tokens can be made.
        token_authenticated: bool,
    }
}
