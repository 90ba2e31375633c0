//! Regular expressions as Kafka's clients write them, in the syntax of RE2, matched against whole names of topics.
//!
//! The engine ([`WholeMatch`]) has no tables of Unicode: names of topics are ASCII, so a class of Unicode is put as what of it is
//! ASCII, which is the same for every name that there can be.

use alloc::format;
use alloc::string::String;

use crate::whole_match::WholeMatch;

/// A regular expression that names of topics can match.
#[derive(Debug)]
pub(super) struct Pattern(WholeMatch);

impl Pattern {
    /// # Errors
    /// What is wrong with it.
    pub(super) fn new(text: &str) -> Result<Self, String> {
        WholeMatch::new(&translate(text)?).map(Self)
    }

    /// Whether the whole name matches.
    pub(super) fn matches(&self, topic: &str) -> bool {
        self.0.matches(topic)
    }
}

/// From RE2's syntax to that of the engine: quotes, classes of Unicode, and braces that count nothing.
fn translate(text: &str) -> Result<String, String> {
    let (mut rest, mut out) = (text, String::with_capacity(text.len()));
    let mut is_in_class = false;
    while let Some(first) = rest.chars().next() {
        let mut taken = first.len_utf8();
        if let Some(quoted) = rest.strip_prefix("\\Q").filter(|_| !is_in_class) {
            let (quoted, after) = quoted.split_once("\\E").unwrap_or((quoted, ""));
            out.push_str(&regex_lite::escape(quoted));
            rest = after;
            continue;
        }
        match first {
            '\\' => {
                let escape: String = rest.chars().take(2).collect();
                taken = escape.len();
                if matches!(&*escape, "\\p" | "\\P") {
                    let (name, is_negated, after) = unicode_class(&rest[taken..], &escape == "\\P")?;
                    let members =
                        ascii_members(name).ok_or_else(|| format!("invalid character class range: `{name}`"))?;
                    out.push_str(&class(members, is_negated, is_in_class));
                    rest = after;
                    continue;
                }
                out.push_str(&escape);
            }
            '{' if !is_in_class && !is_repetition(rest) => out.push_str("\\{"),
            '[' if is_in_class && !rest.starts_with("[:") => out.push_str("\\["),
            // What sets operations apart in the engine is nothing special in RE2.
            '&' | '~' if is_in_class => out.extend(['\\', first]),
            '[' if !is_in_class => {
                // A bracket that closes stands for itself in the first place.
                let opening =
                    ["[^]", "[]", "[^", "["].into_iter().find(|opening| rest.starts_with(opening)).unwrap_or("[");
                out.push_str(&opening.replace(']', "\\]"));
                (is_in_class, taken) = (true, opening.len());
            }
            '[' => {
                let end = rest.find(":]").map_or(rest.len(), |end| end + 2);
                out.push_str(&rest[..end]);
                taken = end;
            }
            ']' => {
                is_in_class = false;
                out.push(first);
            }
            _ => out.push(first),
        }
        rest = &rest[taken..];
    }
    Ok(out)
}

/// Whether a brace counts repetitions.
fn is_repetition(text: &str) -> bool {
    let Some((count, _)) = text[1..].split_once('}') else { return false };
    let (least, most) = count.split_once(',').unwrap_or((count, ""));
    let is_number = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    !least.is_empty() && is_number(least) && is_number(most)
}

/// The name of a class of Unicode, as in `L`, `{Lu}` or `{^Lu}`, and what stands behind it.
fn unicode_class(text: &str, is_negated: bool) -> Result<(&str, bool, &str), String> {
    let Some(braced) = text.strip_prefix('{') else {
        let end = text.chars().next().map_or(0, char::len_utf8);
        return Ok((&text[..end], is_negated, &text[end..]));
    };
    let (name, after) = braced.split_once('}').ok_or("missing closing }")?;
    Ok(match name.strip_prefix('^') {
        Some(name) => (name, !is_negated, after),
        None => (name, is_negated, after),
    })
}

/// What of a class of Unicode is ASCII.
fn ascii_members(name: &str) -> Option<fn(&u8) -> bool> {
    Some(match name {
        "Any" => |_| true,
        "L" | "Latin" => u8::is_ascii_alphabetic,
        "Lu" => u8::is_ascii_uppercase,
        "Ll" => u8::is_ascii_lowercase,
        "N" | "Nd" => u8::is_ascii_digit,
        "P" => |byte| byte.is_ascii_punctuation() && !b"$+<=>^`|~".contains(byte),
        "Pc" => |byte| *byte == b'_',
        "Pd" => |byte| *byte == b'-',
        "Po" => |byte| b"!\"#%&'*,./:;?@\\".contains(byte),
        "Ps" => |byte| b"([{".contains(byte),
        "Pe" => |byte| b")]}".contains(byte),
        "S" => |byte| b"$+<=>^`|~".contains(byte),
        "Sc" => |byte| *byte == b'$',
        "Sk" => |byte| b"^`".contains(byte),
        "Sm" => |byte| b"+<=>|~".contains(byte),
        "Z" | "Zs" => |byte| *byte == b' ',
        "C" | "Cc" => u8::is_ascii_control,
        "Common" => |byte| !byte.is_ascii_alphabetic(),
        "Lm" | "Lo" | "Lt" | "M" | "Mc" | "Me" | "Mn" | "Nl" | "No" | "Pf" | "Pi" | "So" | "Zl" | "Zp" | "Cf"
        | "Co" | "Cs" => |_| false,
        _ if is_script(name) => |_| false,
        _ => return None,
    })
}

/// Scripts that people write in, none of whose letters are in names of topics.
fn is_script(name: &str) -> bool {
    const SCRIPTS: [&str; 26] = [
        "Arabic",
        "Armenian",
        "Bengali",
        "Cyrillic",
        "Devanagari",
        "Ethiopic",
        "Georgian",
        "Greek",
        "Gujarati",
        "Gurmukhi",
        "Han",
        "Hangul",
        "Hebrew",
        "Hiragana",
        "Inherited",
        "Kannada",
        "Katakana",
        "Khmer",
        "Lao",
        "Malayalam",
        "Mongolian",
        "Myanmar",
        "Sinhala",
        "Tamil",
        "Telugu",
        "Thai",
    ];
    SCRIPTS.contains(&name)
}

/// A class of these, or what of one stands between brackets.
fn class(is_member: fn(&u8) -> bool, is_negated: bool, is_in_class: bool) -> String {
    let mut members = String::new();
    for byte in (0..128u8).filter(|byte| is_member(byte) != is_negated) {
        members.push_str(&format!("\\x{byte:02X}"));
    }
    match (members.is_empty(), is_in_class) {
        (false, true) => members,
        (false, false) => format!("[{members}]"),
        // What no name has: one that nothing matches.
        (true, true) => "\\x00".into(),
        (true, false) => "[\\x00]".into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matches(pattern: &str, topic: &str) -> bool {
        Pattern::new(pattern).unwrap_or_else(|error| panic!("{pattern}: {error}")).matches(topic)
    }

    #[test]
    fn the_whole_name_has_to_match() {
        assert!(matches("orders-.*", "orders-eu"));
        assert!(!matches("orders", "orders-eu") && !matches("eu", "orders-eu"));
        assert!(matches("a|b.*", "bc") && !matches("a|b", "ac"));
        assert!(matches("(?i)ORDERS", "orders") && matches("^orders$", "orders"));
        assert!(matches("", "") && !matches("", "a"));
    }

    #[test]
    fn the_syntax_is_that_of_re2() {
        for (pattern, topic) in [
            (r"\Qa.b\E\d+", "a.b12"),
            (r"\Qa.b", "a.b"),
            (r"\pL+", "letters"),
            (r"\p{Lu}\P{Lu}+", "Ab1"),
            (r"[\p{Nd}_]+", "1_2"),
            (r"[^\pL]+", "1-2"),
            (r"\p{^Greek}+", "abc"),
            ("a{2,3}", "aaa"),
            ("[[:alpha:]]+", "abc"),
            ("[]a]+", "a"),
            ("[a&&b~-]+", "a-b"),
            (r"(?P<name>a)[\w.-]+", "a.b-c"),
        ] {
            assert!(matches(pattern, topic), "{pattern} and {topic}");
        }
        // A brace that counts nothing is a brace.
        assert!(Pattern::new("a{").is_ok() && Pattern::new("a{,2}").is_ok() && Pattern::new("{x}").is_ok());
        assert!(!matches(r"\p{Greek}+", "abc"));
    }

    #[test]
    fn what_is_no_expression_is_refused_and_so_is_what_grows_without_end() {
        for pattern in
            ["(", "a)", "a)|(?:b", "[", "*", r"\", r"\p{Klingon}", "a**{", "(?P<", "((((a{99}){99}){99}){99})"]
        {
            let _ = Pattern::new(pattern).map(|_| assert!(pattern == "a**{", "{pattern}"));
        }
        assert!(Pattern::new(&"(".repeat(60).chars().chain(")".repeat(60).chars()).collect::<String>()).is_err());
    }

    #[test]
    fn whatever_the_text_nothing_panics() {
        let parts = ["[", "]", "^", "\\", "Q", "E", "p", "{", "}", ":", "a", "\u{e4}", "(", ")", "-", "&", "1", ","];
        let mut state = 7u64;
        for _ in 0..5_000 {
            let mut text = String::new();
            for _ in 0..state % 12 {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                text.push_str(parts[(state >> 33) as usize % parts.len()]);
            }
            state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
            let _ = Pattern::new(&text);
        }
    }
}
