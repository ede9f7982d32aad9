//! CBOR as Smithy's RPC protocol has it (Smithy 2.0, "Smithy RPC v2 CBOR protocol"; RFC 8949), to and from the values that
//! the JSON forms of a service have.
//!
//! Maps and lists may be of indefinite length, floats of any width; an instant is tag 1 around a number of seconds, and
//! is read as that number.

use minicbor::data::{IanaTag, Type};
use minicbor::{Decoder, Encoder};
use serde_json::{Map, Number, Value};

/// Deepest nesting that is read; no operation comes near it.
const DEEPEST: usize = 32;

/// Why bytes are no value.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// No CBOR, or less than a whole item.
    #[error("{0}")]
    Syntax(#[from] minicbor::decode::Error),
    /// CBOR that no operation has a use for.
    #[error("{what} at byte {at}")]
    Misplaced {
        /// What there is.
        what: &'static str,
        /// Where.
        at: usize,
    },
}

/// Reads one item that ends where the bytes end.
pub(crate) fn read(bytes: &[u8]) -> Result<Value, Error> {
    let mut reader = Reader(Decoder::new(bytes));
    let value = reader.item(0)?;
    if reader.0.position() == bytes.len() { Ok(value) } else { Err(reader.misplaced("more than one item")) }
}

struct Reader<'a>(Decoder<'a>);

impl Reader<'_> {
    fn item(&mut self, depth: usize) -> Result<Value, Error> {
        if depth > DEEPEST {
            return Err(self.misplaced("too many levels"));
        }
        Ok(match self.0.datatype()? {
            Type::Bool => self.0.bool()?.into(),
            Type::Null => self.0.null().map(|()| Value::Null)?,
            Type::Undefined => self.0.undefined().map(|()| Value::Null)?,
            Type::U8 | Type::U16 | Type::U32 | Type::U64 => self.0.u64()?.into(),
            Type::I8 | Type::I16 | Type::I32 | Type::I64 => self.0.i64()?.into(),
            Type::F16 | Type::F32 | Type::F64 => self.float()?,
            Type::String | Type::StringIndef => self.text()?.into(),
            Type::Array | Type::ArrayIndef => self.list(depth)?,
            Type::Map | Type::MapIndef => self.map(depth)?,
            Type::Tag => self.instant(depth)?,
            _ => return Err(self.misplaced("neither text, number, list nor map")),
        })
    }

    fn float(&mut self) -> Result<Value, Error> {
        // Also of the narrower widths.
        let number = match self.0.datatype()? {
            Type::F16 => f64::from(self.0.f16()?),
            Type::F32 => f64::from(self.0.f32()?),
            _ => self.0.f64()?,
        };
        Number::from_f64(number)
            .map(Value::Number)
            .ok_or_else(|| self.misplaced("a number that is not finite"))
    }

    fn text(&mut self) -> Result<String, Error> {
        match self.0.datatype()? {
            Type::StringIndef => Ok(self.0.str_iter()?.collect::<Result<String, _>>()?),
            _ => Ok(self.0.str()?.to_owned()),
        }
    }

    fn list(&mut self, depth: usize) -> Result<Value, Error> {
        let mut left = self.0.array()?;
        let mut items = Vec::new();
        while self.goes_on(&mut left)? {
            items.push(self.item(depth + 1)?);
        }
        Ok(Value::Array(items))
    }

    fn map(&mut self, depth: usize) -> Result<Value, Error> {
        let mut left = self.0.map()?;
        let mut entries = Map::new();
        while self.goes_on(&mut left)? {
            let key = self.text()?;
            let value = self.item(depth + 1)?;
            if entries.insert(key, value).is_some() {
                return Err(self.misplaced("a key for the second time"));
            }
        }
        Ok(Value::Object(entries))
    }

    /// Whether one more entry follows; without a length, none follows a break.
    fn goes_on(&mut self, left: &mut Option<u64>) -> Result<bool, Error> {
        match left {
            Some(0) => Ok(false),
            Some(more) => {
                *more -= 1;
                Ok(true)
            }
            None if self.0.datatype()? == Type::Break => {
                self.0.skip()?;
                Ok(false)
            }
            None => Ok(true),
        }
    }

    fn instant(&mut self, depth: usize) -> Result<Value, Error> {
        if self.0.tag()? != IanaTag::Timestamp.tag() {
            return Err(self.misplaced("a tag other than that of an instant"));
        }
        let seconds = self.item(depth + 1)?;
        if seconds.is_number() { Ok(seconds) } else { Err(self.misplaced("an instant that is no number")) }
    }

    fn misplaced(&self, what: &'static str) -> Error {
        Error::Misplaced { what, at: self.0.position() }
    }
}

/// Writes a value, numbers as narrow as they are, maps and lists with their length.
pub(crate) fn write(value: &Value) -> Vec<u8> {
    let mut writer = Encoder::new(Vec::new());
    write_item(&mut writer, value).expect("a vector takes whatever is written");
    writer.into_writer()
}

type Written = Result<(), minicbor::encode::Error<std::convert::Infallible>>;

fn write_item(writer: &mut Encoder<Vec<u8>>, value: &Value) -> Written {
    match value {
        Value::Null => writer.null().map(drop),
        Value::Bool(value) => writer.bool(*value).map(drop),
        Value::Number(number) => match (number.as_u64(), number.as_i64()) {
            (Some(number), _) => writer.u64(number).map(drop),
            (None, Some(number)) => writer.i64(number).map(drop),
            (None, None) => writer.f64(number.as_f64().unwrap_or_default()).map(drop),
        },
        Value::String(text) => writer.str(text).map(drop),
        Value::Array(items) => {
            writer.array(items.len() as u64)?;
            items.iter().try_for_each(|item| write_item(writer, item))
        }
        Value::Object(entries) => {
            writer.map(entries.len() as u64)?;
            entries.iter().try_for_each(|(key, item)| {
                writer.str(key)?;
                write_item(writer, item)
            })
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn read_hex(text: &str) -> Result<Value, String> {
        read(&hex::decode(text).unwrap()).map_err(|error| error.to_string())
    }

    #[test]
    fn examples_of_the_standard_are_read() {
        // RFC 8949, appendix A, and an instant as the protocol has it.
        let examples = [
            ("00", json!(0)),
            ("1bffffffffffffffff", json!(u64::MAX)),
            ("3903e7", json!(-1000)),
            ("f93e00", json!(1.5)),
            ("fa47c35000", json!(100_000.0)),
            ("fb3ff199999999999a", json!(1.1)),
            ("f6", Value::Null),
            ("f5", json!(true)),
            ("7f657374726561646d696e67ff", json!("streaming")),
            ("9f018202039f0405ffff", json!([1, [2, 3], [4, 5]])),
            ("bf61610161629f0203ffff", json!({ "a": 1, "b": [2, 3] })),
            ("a26161016162820203", json!({ "a": 1, "b": [2, 3] })),
            ("c1fb41d452d9ec200000", json!(1_363_896_240.5)),
            ("c11a514b67b0", json!(1_363_896_240)),
        ];
        for (text, value) in examples {
            assert_eq!(read_hex(text), Ok(value), "{text}");
        }
    }

    #[test]
    fn what_no_operation_has_a_use_for_is_named() {
        let bad = [
            ("4401020304", "neither text, number"),
            ("f97e00", "not finite"),
            ("f97c00", "not finite"),
            ("c074323031332d30332d32315432303a30343a30305a", "a tag other"),
            ("c1617a", "no number"),
            ("a2616101616102", "second time"),
            ("0000", "more than one"),
            ("a10102", "unexpected type"),
            ("9f01", "end of input"),
            ("", "end of input"),
            ("9bffffffffffffffff", "end of input"),
        ];
        for (text, part) in bad {
            let said = read_hex(text).unwrap_err();
            assert!(said.contains(part), "{text}: {said}");
        }
        assert!(read(&[0x81; 1_000_000]).unwrap_err().to_string().contains("too many levels"));
    }

    fn any_value() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<u64>().prop_map(Value::from),
            (-1e300..1e300).prop_map(Value::from),
            ".*".prop_map(Value::from),
        ];
        leaf.prop_recursive(4, 32, 8, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..8).prop_map(Value::from),
                prop::collection::btree_map(".*", inner, 0..8)
                    .prop_map(|map| Value::Object(map.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn what_was_written_is_read_back(value in any_value()) {
            prop_assert_eq!(read(&write(&value)).unwrap(), value);
        }

        #[test]
        fn no_bytes_break_it(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = read(&bytes);
        }
    }
}
