//! Bytes as people paste them: hex in all its dresses, and base64.

use base64::Engine as _;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use bytes::Bytes;
use thiserror::Error;

/// Why a text is neither.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum EncodingError {
    /// No hex.
    #[error("expected hex, found {0:?}")]
    Hex(String),
    /// Half a byte.
    #[error("expected an even number of hex digits, found {0}")]
    Odd(usize),
    /// No base64.
    #[error("expected base64: {0}")]
    Base64(String),
    /// Nothing of what was tried.
    #[error("expected hex, base64 or the name of a file, found {0:?}")]
    Neither(String),
}

/// Of an input that is shown in an error.
const SHOWN_MAX_CHARS: usize = 40;

/// Hex if it can be, else base64.
pub fn either(text: &str) -> Result<Bytes, EncodingError> {
    hex(text).or_else(|_| base64(text)).map_err(|_| EncodingError::Neither(shown(text)))
}

/// Hex digits, whatever stands between the bytes: blanks, colons, commas, `0x`, `\x`. The offsets and letters of `xxd` and
/// `hexdump -C` are left out.
pub fn hex(text: &str) -> Result<Bytes, EncodingError> {
    let mut digits = Vec::new();
    for line in text.lines() {
        for word in bytes_of_dump_line(line).split([' ', '\t', ':', ',', ';', '-']) {
            for part in word.split("\\x") {
                let part = part.strip_prefix("0x").or(part.strip_prefix("0X")).unwrap_or(part);
                for letter in part.chars() {
                    let digit = letter.to_digit(16).ok_or_else(|| EncodingError::Hex(shown(part)))?;
                    digits.push(u8::try_from(digit).expect("below 16"));
                }
            }
        }
    }
    if digits.len() % 2 == 1 {
        return Err(EncodingError::Odd(digits.len()));
    }
    Ok(digits.chunks(2).map(|pair| pair[0] << 4 | pair[1]).collect())
}

/// What of a line is bytes: `00000010: 6b63 6174  kcat` and `00000010  6b 63 61 74  |kcat|` have more than these.
fn bytes_of_dump_line(line: &str) -> &str {
    let is_offset = |text: &str| text.len() >= 7 && text.len() <= 16 && text.bytes().all(|b| b.is_ascii_hexdigit());
    if let Some((offset, rest)) = line.split_once(": ")
        && is_offset(offset)
    {
        let rest = rest.trim_start();
        return rest.split_once("  ").map_or(rest, |(bytes, _)| bytes);
    }
    if let Some((offset, rest)) = line.split_once("  ")
        && is_offset(offset)
    {
        return rest.split_once('|').map_or(rest, |(bytes, _)| bytes);
    }
    // The last line of `hexdump -C` is an offset alone. Frames are hardly ever of eight digits.
    line
}

/// Base64 of either alphabet, with or without padding, blanks anywhere.
pub fn base64(text: &str) -> Result<Bytes, EncodingError> {
    let text: String = text.chars().filter(|letter| !letter.is_whitespace()).collect();
    let is_url = text.contains(['-', '_']);
    let alphabet = if is_url { &alphabet::URL_SAFE } else { &alphabet::STANDARD };
    let config = GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
    let decoded = GeneralPurpose::new(alphabet, config).decode(&text);
    decoded.map(Bytes::from).map_err(|error| EncodingError::Base64(error.to_string()))
}

fn shown(text: &str) -> String {
    text.chars().take(SHOWN_MAX_CHARS).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hex_is_read_in_all_its_dresses() {
        let expected = Ok(Bytes::from_static(&[0x00, 0x12, 0xab]));
        for text in
            ["0012ab", "00 12 AB", "00:12:ab\n", "0x0012ab", "0x00, 0x12, 0xab", "\\x00\\x12\\xab", "00\n12\nab"]
        {
            assert_eq!(hex(text), expected, "{text}");
        }
        assert_eq!(hex("001"), Err(EncodingError::Odd(3)));
        assert_eq!(hex("00 zz"), Err(EncodingError::Hex("zz".to_owned())));
    }

    #[test]
    fn dumps_of_xxd_and_hexdump_are_read() {
        let xxd = "00000000: 0000 0018 0012 0004  ........\n00000008: 6b63                  kc\n";
        assert_eq!(hex(xxd).expect("hex")[..], *b"\0\0\0\x18\0\x12\0\x04kc");
        let hexdump = "00000000  00 00 00 18 00 12 00 04  6b 63 61 74                 |........kcat|\n";
        assert_eq!(hex(hexdump).expect("hex")[..], *b"\0\0\0\x18\0\x12\0\x04kcat");
    }

    #[test]
    fn base64_is_read_with_either_alphabet_and_without_padding() {
        let expected = Bytes::from_static(&[0xfb, 0xff, 0x00]);
        for text in ["+/8A", "-_8A", "+/\n8A"] {
            assert_eq!(base64(text), Ok(expected.clone()), "{text}");
        }
        assert_eq!(base64("AAE="), base64("AAE"));
        assert!(base64("A").is_err());
    }

    #[test]
    fn what_can_be_hex_is_hex() {
        assert_eq!(either("00120004").expect("hex").len(), 4);
        assert_eq!(either("ABIABA==").expect("base64")[..], [0x00, 0x12, 0x00, 0x04]);
        assert!(matches!(either("no such file"), Err(EncodingError::Neither(_))));
    }
}
