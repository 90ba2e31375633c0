//! Every property, in tables by area, each sorted by name.

use super::definition::Definition;

/// A table: one documented line for each property.
macro_rules! definitions {
    (
        $(#[$table_doc:meta])* $table:ident
        $( $(#[doc = $doc:literal])* $name:literal : $kind:ident $(= $default:literal)?, $allowed:expr, $update:ident; )*
    ) => {
        $(#[$table_doc])*
        pub(crate) static $table: &[$crate::config::Definition] = &[ $(
            $crate::config::Definition {
                name: $name,
                config_type: $crate::config::ConfigType::$kind,
                default: definitions!(@default $($default)?),
                allowed: $allowed,
                update: $crate::config::Update::$update,
                doc: &[ $($doc),* ],
            },
        )* ];
    };
    (@default) => { None };
    (@default $default:literal) => { Some($default) };
}

mod client_metrics;
mod coordinators;
mod group;
mod log;
mod ottla;
mod security;
mod server;
mod throttles;
mod topic;

pub(crate) use client_metrics::CLIENT_METRICS;
pub(crate) use group::GROUP;
pub(crate) use throttles::THROTTLES;
pub(crate) use topic::TOPIC;

/// The broker's.
pub(crate) static BROKER: [&[Definition]; 5] =
    [server::SERVER, log::LOG, coordinators::COORDINATORS, security::SECURITY, ottla::OTTLA];

#[cfg(test)]
mod tests {
    use super::*;

    fn tables() -> impl Iterator<Item = &'static [Definition]> {
        BROKER.into_iter().chain([TOPIC, GROUP, CLIENT_METRICS, THROTTLES])
    }

    #[test]
    fn tables_are_sorted_by_name() {
        for table in tables() {
            assert!(table.is_sorted_by(|one, next| one.name < next.name));
        }
    }

    #[test]
    fn every_default_is_allowed() {
        for definition in tables().flatten() {
            if let Some(default) = definition.default {
                assert!(definition.parse(default).is_ok(), "{}", definition.name);
            }
        }
    }

    #[test]
    fn every_property_says_what_it_is_for() {
        for definition in tables().flatten() {
            assert!(definition.documentation().ends_with('.'), "{}", definition.name);
        }
    }
}
