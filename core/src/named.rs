//! Lists of things that only the simulator asks for by name.

/// An enum that knows all its members, what each is called, and what it is in one sentence: its documentation.
macro_rules! named {
    ($(#[$about:meta])* pub enum $name:ident: $number:ident { $( $(#[doc = $text:literal])+ $member:ident, )* }) => {
        $(#[$about])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        #[repr($number)]
        pub enum $name {
            $( $(#[doc = $text])+ $member, )*
        }

        impl $name {
            /// All of them.
            pub const ALL: &[Self] = &[ $( Self::$member, )* ];

            /// What it is called.
            #[must_use]
            pub fn name(self) -> &'static str {
                match self {
                    $( Self::$member => stringify!($member), )*
                }
            }

            /// What it is, in one sentence.
            #[must_use]
            pub fn text(self) -> &'static str {
                match self {
                    $( Self::$member => concat!($( $text ),+).trim_ascii(), )*
                }
            }
        }
    };
}

pub(crate) use named;
