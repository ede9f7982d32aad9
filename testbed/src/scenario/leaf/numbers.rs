//! Numbers, durations, sizes, true and false.

use std::time::Duration;

use serde_json::{Value as Json, json};

use super::super::shape::{Leaf, Wrong};
use super::super::tree::Scalar;
use super::guard;

/// A whole number from `MIN` to `MAX`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Whole<const MIN: u64, const MAX: u64>(pub(crate) u64);

impl<const MIN: u64, const MAX: u64> Leaf for Whole<MIN, MAX> {
    const WHAT: &'static str = "a whole number in range";
    fn parse(scalar: &Scalar) -> Result<Self, Wrong> {
        let text = scalar.text.as_str();
        if !scalar.plain {
            return Err(Wrong::because("write the number without quotes"));
        }
        if text.len() > 1 && text.starts_with('0') {
            return Err(Wrong::because("no leading zero: some YAML readers would take it for octal"));
        }
        let number = text.parse().ok().filter(|_| text.bytes().all(|byte| byte.is_ascii_digit()));
        match number {
            Some(number) if (MIN..=MAX).contains(&number) => Ok(Whole(number)),
            _ if MIN == MAX => Err(Wrong::because(format!("must be {MIN}"))),
            _ => Err(Wrong::because(format!("must be a whole number from {MIN} to {MAX}"))),
        }
    }
    fn describe() -> Json {
        json!({ "type": "integer", "minimum": MIN, "maximum": MAX })
    }
}

impl Leaf for bool {
    const WHAT: &'static str = "true or false";
    fn parse(scalar: &Scalar) -> Result<Self, Wrong> {
        match scalar.text.as_str() {
            "true" if scalar.plain => Ok(true),
            "false" if scalar.plain => Ok(false),
            "yes" | "on" | "Yes" | "On" | "YES" | "ON" => Err(Wrong::because("write `true`")),
            "no" | "off" | "No" | "Off" | "NO" | "OFF" => Err(Wrong::because("write `false`")),
            _ => Err(Wrong::because("write `true` or `false`, without quotes")),
        }
    }
    fn describe() -> Json {
        json!({ "type": "boolean" })
    }
}

/// A duration with its unit, from `MIN` to `MAX` milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Lasting<const MIN: u64, const MAX: u64>(pub(crate) Duration);

impl<const MIN: u64, const MAX: u64> Leaf for Lasting<MIN, MAX> {
    const WHAT: &'static str = "a duration";
    fn parse(scalar: &Scalar) -> Result<Self, Wrong> {
        let text = guard(scalar)?;
        let digits = text.bytes().take_while(u8::is_ascii_digit).count();
        let (number, unit) = text.split_at(digits);
        let factor = match unit {
            "ms" => 1,
            "s" => 1000,
            "min" => 60_000,
            "h" => 3_600_000,
            _ => return Err(Wrong::because("must be a whole number and `ms`, `s`, `min` or `h`: `30s`")),
        };
        let millis = number.parse::<u64>().ok().and_then(|number| number.checked_mul(factor));
        match millis {
            Some(millis) if (MIN..=MAX).contains(&millis) => Ok(Lasting(Duration::from_millis(millis))),
            _ => Err(Wrong::because(format!("must be {} to {}", short(MIN), short(MAX)))),
        }
    }
    fn describe() -> Json {
        json!({ "type": "string", "pattern": "^[0-9]+(?:ms|s|min|h)$" })
    }
}

/// How far a clock is ahead, whole seconds, at most `MAX` either way: `90s`, `-5min`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Ahead<const MAX: i64>(pub(crate) i64);

impl<const MAX: i64> Leaf for Ahead<MAX> {
    const WHAT: &'static str = "a clock's offset";
    fn parse(scalar: &Scalar) -> Result<Self, Wrong> {
        let text = guard(scalar)?;
        let (sign, rest) = text.strip_prefix('-').map_or((1, text), |rest| (-1, rest));
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        let (number, unit) = rest.split_at(digits);
        let factor = match unit {
            "s" => 1,
            "min" => 60,
            "h" => 3600,
            _ => return Err(Wrong::because("must be a whole number and `s`, `min` or `h`: `90s`, `-5min`")),
        };
        let seconds = number.parse::<i64>().ok().and_then(|number| number.checked_mul(factor));
        match seconds.filter(|seconds| *seconds <= MAX) {
            Some(seconds) => Ok(Ahead(sign * seconds)),
            None => {
                let most = short(MAX.unsigned_abs() * 1000);
                Err(Wrong::because(format!("must be at most {most} ahead, or so far behind")))
            }
        }
    }
    fn describe() -> Json {
        json!({ "type": "string", "pattern": "^-?[0-9]+(?:s|min|h)$" })
    }
}

/// A number of bytes with its unit, at most `MAX`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Bytes<const MAX: u64>(pub(crate) u64);

impl<const MAX: u64> Leaf for Bytes<MAX> {
    const WHAT: &'static str = "a number of bytes";
    fn parse(scalar: &Scalar) -> Result<Self, Wrong> {
        let text = guard(scalar)?;
        let digits = text.bytes().take_while(u8::is_ascii_digit).count();
        let (number, unit) = text.split_at(digits);
        let factor = match unit {
            "B" => 1,
            "kB" => 1000,
            "MB" => 1_000_000,
            _ => return Err(Wrong::because("must be a whole number and `B`, `kB` or `MB`: `4kB`")),
        };
        let bytes = number.parse::<u64>().ok().and_then(|number| number.checked_mul(factor));
        match bytes {
            Some(bytes) if bytes <= MAX => Ok(Bytes(bytes)),
            _ => Err(Wrong::because(format!("must be 0B to {MAX}B"))),
        }
    }
    fn describe() -> Json {
        json!({ "type": "string", "pattern": "^[0-9]+(?:B|kB|MB)$" })
    }
}

fn short(millis: u64) -> String {
    match millis {
        _ if millis.is_multiple_of(3_600_000) => format!("{}h", millis / 3_600_000),
        _ if millis.is_multiple_of(60_000) => format!("{}min", millis / 60_000),
        _ if millis.is_multiple_of(1000) => format!("{}s", millis / 1000),
        _ => format!("{millis}ms"),
    }
}

/// `640x360`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Size {
    pub(crate) width: u32,
    pub(crate) height: u32,
}

impl Leaf for Size {
    const WHAT: &'static str = "a picture size";
    fn parse(scalar: &Scalar) -> Result<Self, Wrong> {
        let number = |text: &str| text.parse::<u32>().ok();
        let sides = scalar.text.split_once('x').and_then(|(w, h)| Some((number(w)?, number(h)?)));
        let Some((width, height)) = sides else {
            return Err(Wrong::because("must look like `640x360`"));
        };
        if !(320..=1920).contains(&width) || !(176..=1088).contains(&height) {
            return Err(Wrong::because("must be 320 to 1920 wide and 176 to 1088 high"));
        }
        if width % 16 != 0 || height % 8 != 0 {
            let (near_width, near_height) = (width.next_multiple_of(16), height.next_multiple_of(8));
            let label = format!(
                "width must be a multiple of 16, height of 8; did you mean `{near_width}x{near_height}`?"
            );
            return Err(Wrong::because(label));
        }
        Ok(Size { width, height })
    }
    fn describe() -> Json {
        json!({ "type": "string", "pattern": "^[0-9]{3,4}x[0-9]{3,4}$" })
    }
}
