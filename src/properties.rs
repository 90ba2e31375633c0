//! Java's `.properties` files: comments, continued lines, escapes, and `=`, `:` or space between key and value.

use std::iter::Peekable;
use std::str::Chars;

use thiserror::Error;

/// A line that can't be read.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("line {line}: expected four hexadecimal digits after \\u, found {found:?}")]
pub struct SyntaxError {
    /// From 1.
    pub line: usize,
    /// What stood there.
    pub found: String,
}

/// Reads keys and values in their order. A key may come more than once.
pub fn parse(text: &str) -> Result<Vec<(String, String)>, SyntaxError> {
    logical_lines(text).into_iter().map(|(line, text)| split(line, &text)).collect()
}

/// Lines without comments and blank ones; a line that ends in `\` is joined with the next, without the next one's
/// leading space. Each with the number of its first line.
fn logical_lines(text: &str) -> Vec<(usize, String)> {
    let text = text.replace("\r\n", "\n").replace('\r', "\n");
    let mut lines: Vec<(usize, String)> = Vec::new();
    let mut is_continued = false;
    for (number, line) in (1..).zip(text.split('\n')) {
        let line = line.trim_start_matches(is_space);
        if !is_continued && (line.is_empty() || line.starts_with(['#', '!'])) {
            continue;
        }
        let backslashes = line.bytes().rev().take_while(|byte| *byte == b'\\').count();
        let continues = backslashes % 2 == 1;
        let kept = if continues { &line[..line.len() - 1] } else { line };
        match lines.last_mut() {
            Some((_, last)) if is_continued => last.push_str(kept),
            _ => lines.push((number, kept.to_owned())),
        }
        is_continued = continues;
    }
    lines
}

fn split(line: usize, text: &str) -> Result<(String, String), SyntaxError> {
    let mut chars = text.chars().peekable();
    let mut key = String::new();
    while let Some(next) = chars.next_if(|next| !is_space(*next) && !is_separator(*next)) {
        key.push(unescape(next, &mut chars, line)?);
    }
    while chars.next_if(|next| is_space(*next)).is_some() {}
    if chars.next_if(|next| is_separator(*next)).is_some() {
        while chars.next_if(|next| is_space(*next)).is_some() {}
    }
    let mut value = String::new();
    while let Some(next) = chars.next() {
        value.push(unescape(next, &mut chars, line)?);
    }
    Ok((key, value))
}

/// The character that `first` begins.
fn unescape(first: char, rest: &mut Peekable<Chars<'_>>, line: usize) -> Result<char, SyntaxError> {
    if first != '\\' {
        return Ok(first);
    }
    Ok(match rest.next() {
        Some('t') => '\t',
        Some('n') => '\n',
        Some('r') => '\r',
        Some('f') => '\u{c}',
        Some('u') => {
            let digits: String = rest.by_ref().take(4).collect();
            let is_number = digits.len() == 4 && digits.bytes().all(|byte| byte.is_ascii_hexdigit());
            let code = is_number.then(|| u32::from_str_radix(&digits, 16).ok()).flatten().and_then(char::from_u32);
            code.ok_or(SyntaxError { line, found: digits })?
        }
        Some(other) => other,
        // Only the last line of a file can end in a backslash here.
        None => '\\',
    })
}

fn is_space(character: char) -> bool {
    matches!(character, ' ' | '\t' | '\u{c}')
}

fn is_separator(character: char) -> bool {
    matches!(character, '=' | ':')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pairs(text: &str) -> Vec<(String, String)> {
        parse(text).expect("a good file")
    }

    fn pair(text: &str) -> (String, String) {
        let mut all = pairs(text);
        assert_eq!(all.len(), 1, "{all:?}");
        all.remove(0)
    }

    fn plain(key: &str, value: &str) -> (String, String) {
        (key.into(), value.into())
    }

    #[test]
    fn key_and_value_are_parted_by_equals_colon_or_space() {
        for text in ["a=b", "a = b", "a:b", "a : b", "a b", "  a\t=  b", "a =b"] {
            assert_eq!(pair(text), plain("a", "b"), "{text:?}");
        }
    }

    #[test]
    fn later_separators_and_trailing_space_belong_to_the_value() {
        let listeners = "listeners=PLAINTEXT://:9092,CONTROLLER://:9093 ";
        assert_eq!(pair(listeners), plain("listeners", "PLAINTEXT://:9092,CONTROLLER://:9093 "));
        assert_eq!(pair("a==b"), plain("a", "=b"));
    }

    #[test]
    fn comments_and_blank_lines_are_left_out() {
        assert_eq!(
            pairs("# a=1\n  ! b=2\n\n \t\nc=3\r\nd=4\re=5"),
            [plain("c", "3"), plain("d", "4"), plain("e", "5")]
        );
    }

    #[test]
    fn a_backslash_at_the_end_continues_the_line() {
        assert_eq!(pair("a=one,\\\n   two,\\\n# three"), plain("a", "one,two,# three"));
        assert_eq!(pairs("a=one\\\\\nb=2"), [plain("a", "one\\"), plain("b", "2")]);
    }

    #[test]
    fn escapes_stand_for_what_they_do_in_java() {
        assert_eq!(pair(r"a\=b\:c\ d=\t\n\u00e4\q"), plain("a=b:c d", "\t\näq"));
    }

    #[test]
    fn a_key_may_have_no_value() {
        assert_eq!(pairs("a\nb=\nc:"), [plain("a", ""), plain("b", ""), plain("c", "")]);
    }

    #[test]
    fn a_bad_escape_is_refused_with_its_line() {
        let error = parse("a=1\nb=\\u12g4").expect_err("no number");
        assert_eq!(error.to_string(), "line 2: expected four hexadecimal digits after \\u, found \"12g4\"");
    }
}
