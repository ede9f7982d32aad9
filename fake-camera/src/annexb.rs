//! The byte stream of H.264 and H.265 (Annex B of both): NAL units between start codes, and emulation prevention.

/// Four-byte start code; every NAL unit that we write has it.
pub const START_CODE: [u8; 4] = [0, 0, 0, 1];

/// The NAL units of a byte stream in their order, header included, start codes and padding left out.
pub fn units(stream: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = after_start_code(stream);
    std::iter::from_fn(move || {
        let begun = rest?;
        let (unit, next) = match find_start_code(begun) {
            Some(at) => (&begun[..at], Some(&begun[at + 3..])),
            None => (begun, None),
        };
        rest = next;
        Some(without_trailing_zeros(unit))
    })
    .filter(|unit| !unit.is_empty())
}

/// Appends a NAL unit with its start code.
pub fn push_unit(stream: &mut Vec<u8>, unit: &[u8]) {
    stream.extend_from_slice(&START_CODE);
    stream.extend_from_slice(unit);
}

/// Inserts the bytes that keep start codes out of a payload (ITU-T H.264, 7.4.1).
pub fn escape(payload: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(payload.len() + 4);
    let mut zeros = 0;
    for &byte in payload {
        if zeros >= 2 && byte <= 3 {
            out.push(3);
            zeros = 0;
        }
        out.push(byte);
        zeros = if byte == 0 { zeros + 1 } else { 0 };
    }
    out
}

/// Takes out what [`escape`] put in.
pub fn unescape(escaped: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(escaped.len());
    let mut zeros = 0;
    for &byte in escaped {
        if zeros >= 2 && byte == 3 {
            zeros = 0;
            continue;
        }
        out.push(byte);
        zeros = if byte == 0 { zeros + 1 } else { 0 };
    }
    out
}

fn find_start_code(bytes: &[u8]) -> Option<usize> {
    bytes.windows(3).position(|window| window == [0, 0, 1])
}

fn after_start_code(stream: &[u8]) -> Option<&[u8]> {
    find_start_code(stream).map(|at| &stream[at + 3..])
}

/// Zeros before a start code belong to it; a NAL unit itself never ends in zero (7.4.1).
fn without_trailing_zeros(unit: &[u8]) -> &[u8] {
    let end = unit.iter().rposition(|&byte| byte != 0).map_or(0, |last| last + 1);
    &unit[..end]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_come_back_as_they_were_pushed() {
        let written: [&[u8]; 3] = [&[0x67, 1, 2], &[0x68, 9], &[0x65, 0, 0, 3, 1]];
        let mut stream = Vec::new();
        for unit in written {
            push_unit(&mut stream, unit);
        }
        assert_eq!(units(&stream).collect::<Vec<_>>(), written);
    }

    #[test]
    fn short_start_codes_and_padding_are_understood() {
        let stream = [0, 0, 0, 0, 1, 0x67, 7, 0, 0, 0, 1, 0x68, 8, 0, 0, 1, 0x65, 5, 0, 0];
        assert_eq!(units(&stream).collect::<Vec<_>>(), [&[0x67, 7][..], &[0x68, 8], &[0x65, 5]]);
        assert_eq!(units(&[1, 2, 3]).count(), 0);
    }

    #[test]
    fn an_escaped_payload_holds_no_start_code_and_comes_back() {
        // All strings of length 6 over the bytes that matter.
        let alphabet = [0u8, 1, 3, 4];
        for number in 0..alphabet.len().pow(6) {
            let payload: Vec<u8> =
                (0..6).map(|place| alphabet[number / alphabet.len().pow(place) % alphabet.len()]).collect();
            let escaped = escape(&payload);
            assert!(!escaped.windows(3).any(|w| w[0] == 0 && w[1] == 0 && w[2] < 3), "{payload:?}");
            assert_eq!(unescape(&escaped), payload);
        }
    }
}
