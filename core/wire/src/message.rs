//! The `message!` block: a message's only description.
//!
//! ```text
//! message! {
//!     /// What it is for.
//!     request Fetch = 1, versions 4..=18, flexible 12..;
//!     struct FetchRequest {
//!         cluster_id: Option<Str> [12.. tag 0],
//!         max_wait_ms: i32,
//!         max_bytes: i32 = 0x7fffffff,
//!         topics: Vec<FetchTopic>,
//!     }
//!     struct FetchTopic { topic: Str [..=12], topic_id: Uuid [13..] }
//! }
//! ```
//!
//! The first struct is the message; the others are its parts. Brackets hold, in this order and each optional: the
//! versions that have the field (`4..`, `..=12`, `3..=9`; all when absent), `nullable 7..` (an `Option` may be null from
//! that version on; always when absent), `tag 3` (a tagged field), `classic` (never in compact form). After `=` comes
//! the default, which is also what a version without the field decodes to. Tagged fields are declared in the order of their tags.
//!
//! `unstable 6..` after `flexible` marks versions that Kafka defines but does not yet serve.

macro_rules! message {
    (
        $(#[$doc:meta])*
        $kind:ident $api:ident $(= $key:literal)?, versions $low:literal ..= $high:literal
            $(, flexible $flexible:literal ..)? $(, unstable $unstable:literal ..)? ;
        struct $message:ident { $($fields:tt)* }
        $( $(#[$part_doc:meta])* struct $part:ident { $($part_fields:tt)* } )*
    ) => {
        message!(@struct $(#[$doc])* $message { $($fields)* });
        $( message!(@struct $(#[$part_doc])* $part { $($part_fields)* }); )*

        impl $crate::Message for $message {
            const KIND: $crate::MessageKind = message!(@kind $kind);
            const API: &'static str = stringify!($api);
            const NAME: &'static str = stringify!($message);
            const KEY: i16 = message!(@or $($key)?, -1);
            const VERSIONS: core::ops::RangeInclusive<i16> = $low..=$high;
            const STABLE_VERSIONS: core::ops::RangeInclusive<i16> = $low..=message!(@or $($unstable - 1)?, $high);
            const FLEXIBLE_FROM: i16 = message!(@or $($flexible)?, i16::MAX);
        }

        const _: () = assert!(<$message as $crate::Field>::DEPTH <= $crate::field::DEPTH_MAX);
    };

    (@struct $(#[$doc:meta])* $name:ident {
        $( $(#[$field_doc:meta])* $field:ident : $type:ty $([ $($spec:tt)* ])? $(= $default:expr)? ),* $(,)?
    }) => {
        $(#[$doc])*
        #[allow(missing_docs)]
        #[derive(Clone, Debug, PartialEq)]
        pub struct $name {
            $( $(#[$field_doc])* pub $field: $type, )*
            /// Tagged fields that this version of the protocol does not name.
            pub unknown_tags: $crate::TaggedFields,
        }

        impl Default for $name {
            fn default() -> Self {
                Self { $( $field: message!(@or $($default)?, Default::default()), )* unknown_tags: Default::default() }
            }
        }

        // What the brackets say, in one place for the functions below.
        const _: () = {
            #[allow(dead_code)]
            struct Specs {
                $( $field: $crate::FieldSpec, )*
            }

            #[allow(dead_code)]
            const SPECS: &Specs = &Specs { $( $field: message!(@spec $field $($($spec)*)?), )* };

            impl $name {
                /// Name, versions, nullability and tag of each field, in the order of declaration.
                pub const FIELDS: &'static [$crate::FieldSpec] = &[ $( SPECS.$field ),* ];
            }

            assert!($crate::field::tags_rise($name::FIELDS), "declare tagged fields in the order of their tags");

            impl $crate::Field for $name {
                const DEPTH: usize =
                    $crate::field::depth_around(&[ $( <$type as $crate::Field>::DEPTH ),* ]);

                fn decode<T: $crate::Trace>(
                    reader: &mut $crate::Reader<T>,
                    context: $crate::Context,
                ) -> Result<Self, $crate::DecodeError> {
                    let mut this = Self::default();
                    this.decode_into(reader, context)?;
                    Ok(this)
                }

                #[allow(unused_variables)]
                fn decode_into<T: $crate::Trace>(
                    &mut self,
                    reader: &mut $crate::Reader<T>,
                    context: $crate::Context,
                ) -> Result<(), $crate::DecodeError> {
                    $( $crate::field::decode_plain(&mut self.$field, reader, &SPECS.$field, context)?; )*
                    if context.flexible && !reader.no_tagged_fields() {
                        $crate::field::decode_tagged(reader, &mut self.unknown_tags, &mut |reader, tag| {
                            $( message!(@if_tagged [$($($spec)*)?] {
                                if SPECS.$field.is_tagged_as(tag, context) {
                                    $crate::field::decode_field(&mut self.$field, reader, &SPECS.$field, context)?;
                                    return Ok(true);
                                }
                            }); )*
                            Ok(false)
                        })?;
                    }
                    Ok(())
                }

                #[allow(unused_mut, unused_variables)]
                fn encode<'m, S: $crate::Sink<'m>>(&'m self, mut sink: S, context: $crate::Context) -> S {
                    sink = sink.prepare();
                    $( sink = $crate::field::encode_plain(&self.$field, sink, &SPECS.$field, context); )*
                    if !context.flexible {
                        return sink;
                    }
                    let mut known = 0u32;
                    $( message!(@if_tagged [$($($spec)*)?] {
                        if SPECS.$field.is_tagged_in(context) && self.$field != message!(@or $($default)?, <$type>::default()) {
                            known += 1;
                        }
                    }); )*
                    if known == 0 {
                        return $crate::field::encode_unknown_tags(sink, &self.unknown_tags);
                    }
                    let mut tags = $crate::field::TagEncoder::begin(sink, &self.unknown_tags, known);
                    $( message!(@if_tagged [$($($spec)*)?] {
                        if SPECS.$field.is_tagged_in(context) && self.$field != message!(@or $($default)?, <$type>::default()) {
                            tags = tags.field(&SPECS.$field, &self.$field, context);
                        }
                    }); )*
                    tags.end()
                }

                #[cfg(feature = "from-json")]
                #[allow(unused_mut, unused_variables)]
                fn from_json(json: &$crate::Json, context: $crate::Context) -> Result<Self, $crate::FromJsonError> {
                    let mut this = Self::default();
                    let object = $crate::from_json::object(json, Self::FIELDS)?;
                    $( $crate::from_json::field(&mut this.$field, object, &SPECS.$field, context)?; )*
                    this.unknown_tags = $crate::from_json::unknown_tags(object)?;
                    Ok(this)
                }

                #[cfg(feature = "arbitrary")]
                #[allow(unused_mut, unused_variables)]
                fn arbitrary(
                    source: &mut arbitrary::Unstructured<'_>,
                    context: $crate::Context,
                ) -> arbitrary::Result<Self> {
                    let mut this = Self::default();
                    $( $crate::field::arbitrary_field(&mut this.$field, source, &SPECS.$field, context)?; )*
                    if context.flexible {
                        this.unknown_tags = $crate::TaggedFields::random(source)?;
                    }
                    Ok(this)
                }
            }
        };

        impl $crate::Nullable for $name {
            fn decode_nullable<T: $crate::Trace>(
                reader: &mut $crate::Reader<T>,
                context: $crate::Context,
            ) -> Result<Option<Self>, $crate::DecodeError> {
                $crate::field::decode_nullable_struct(reader, context)
            }

            fn encode_nullable<'m, S: $crate::Sink<'m>>(
                this: Option<&'m Self>,
                sink: S,
                context: $crate::Context,
            ) -> S {
                $crate::field::encode_nullable_struct(this, sink, context)
            }
        }
    };

    // What is for tagged fields only, where the field is one: most are not, and dead code takes its time to compile.
    (@if_tagged [] $code:tt) => {};
    (@if_tagged [tag $($spec:tt)*] $code:tt) => { $code };
    (@if_tagged [$other:tt $($spec:tt)*] $code:tt) => { message!(@if_tagged [$($spec)*] $code) };

    (@or , $otherwise:expr) => { $otherwise };
    (@or $value:expr, $otherwise:expr) => { $value };

    (@kind request) => { $crate::MessageKind::Request };
    (@kind response) => { $crate::MessageKind::Response };
    (@kind header) => { $crate::MessageKind::Header };
    (@kind metadata) => { $crate::MessageKind::Metadata };
    (@kind data) => { $crate::MessageKind::Data };
    (@kind coordinator_key) => { $crate::MessageKind::CoordinatorKey };
    (@kind coordinator_value) => { $crate::MessageKind::CoordinatorValue };

    (@spec $field:ident $($spec:tt)*) => {
        message!(@spec_part ($crate::FieldSpec::of(stringify!($field))) $($spec)*)
    };
    (@spec_part ($built:expr)) => { $built };
    (@spec_part ($built:expr) nullable $low:literal .. $($rest:tt)*) => {
        message!(@spec_part ($built.nullable_from($low)) $($rest)*)
    };
    (@spec_part ($built:expr) tag $tag:literal $($rest:tt)*) => {
        message!(@spec_part ($built.tagged($tag)) $($rest)*)
    };
    (@spec_part ($built:expr) classic $($rest:tt)*) => { message!(@spec_part ($built.classic()) $($rest)*) };
    (@spec_part ($built:expr) ..= $high:literal $($rest:tt)*) => {
        message!(@spec_part ($built.versions(i16::MIN, $high)) $($rest)*)
    };
    (@spec_part ($built:expr) $low:literal ..= $high:literal $($rest:tt)*) => {
        message!(@spec_part ($built.versions($low, $high)) $($rest)*)
    };
    (@spec_part ($built:expr) $low:literal .. $($rest:tt)*) => {
        message!(@spec_part ($built.versions($low, i16::MAX)) $($rest)*)
    };
}
