//! Values of JSON in CBOR (RFC 8949), as far as calls of CloudWatch need it: maps, lists, texts, whole numbers from 0 on.

use serde_json::Value;

/// Major types (section 3.1).
const NUMBER: u8 = 0;
const TEXT: u8 = 3;
const LIST: u8 = 4;
const MAP: u8 = 5;
/// The simple value that says nothing (section 3.3).
const NULL: u8 = 0xf6;

/// Writes a value; what calls have no use for becomes null.
pub(super) fn write(value: &Value) -> Vec<u8> {
    let mut out = Vec::new();
    add(&mut out, value);
    out
}

fn add(out: &mut Vec<u8>, value: &Value) {
    match value {
        Value::Object(fields) => {
            head(out, MAP, fields.len() as u64);
            for (name, field) in fields {
                text(out, name);
                add(out, field);
            }
        }
        Value::Array(items) => {
            head(out, LIST, items.len() as u64);
            items.iter().for_each(|item| add(out, item));
        }
        Value::String(words) => text(out, words),
        Value::Number(number) if number.is_u64() => head(out, NUMBER, number.as_u64().unwrap_or_default()),
        _ => out.push(NULL),
    }
}

fn text(out: &mut Vec<u8>, words: &str) {
    head(out, TEXT, words.len() as u64);
    out.extend(words.as_bytes());
}

/// A major type and its argument: in the same byte if it is small, else in the next one, two, four or eight (section 3).
fn head(out: &mut Vec<u8>, major: u8, argument: u64) {
    let bytes = argument.to_be_bytes();
    let (info, length) = match argument {
        0..=23 => (bytes[7], 0),
        24..=0xff => (24, 1),
        0x100..=0xffff => (25, 2),
        0x1_0000..=0xffff_ffff => (26, 4),
        _ => (27, 8),
    };
    out.push(major << 5 | info);
    out.extend(&bytes[8 - length..]);
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn examples_of_the_standard_are_written() {
        // RFC 8949, appendix A.
        for (value, hex) in [
            (json!(0), "00"),
            (json!(24), "1818"),
            (json!(1000), "1903e8"),
            (json!(1_000_000), "1a000f4240"),
            (json!(1_000_000_000_000_u64), "1b000000e8d4a51000"),
            (json!("IETF"), "6449455446"),
            (json!([1, [2, 3]]), "8201820203"),
            (json!({ "a": 1, "b": [2, 3] }), "a26161016162820203"),
            (json!({}), "a0"),
            (json!(null), "f6"),
        ] {
            assert_eq!(hex::encode(write(&value)), hex, "{value}");
        }
        assert_eq!(write(&json!("x".repeat(300)))[..3], [0x79, 0x01, 0x2c]);
    }
}
