//! The single values of faults: rates, shares of frames, services, and which link is healed.

use serde_json::{Value as Json, json};

use super::super::fault::{BitRate, RATES, ServiceWord, Share};
use super::super::mistakes::nearest;
use super::super::shape::{Leaf, Wrong};
use super::super::tree::Scalar;
use super::guard;
use crate::names::PortRef;

impl Leaf for BitRate {
    const WHAT: &'static str = "a rate";
    fn parse(scalar: &Scalar) -> Result<Self, Wrong> {
        let text = guard(scalar)?;
        let (number, unit) = split(text);
        let factor = match unit {
            "kbit" => 1_000,
            "mbit" => 1_000_000,
            "gbit" => 1_000_000_000,
            _ => {
                return Err(Wrong::because(
                    "must be a whole number and `kbit`, `mbit` or `gbit` (per second): `2mbit`",
                ));
            }
        };
        let bits = number.parse::<u64>().ok().and_then(|number| number.checked_mul(factor));
        let bits = bits.filter(|bits| RATES.contains(bits));
        bits.map(BitRate).ok_or_else(|| Wrong::because("must be 8kbit to 10gbit"))
    }
    fn describe() -> Json {
        json!({ "type": "string", "pattern": "^[0-9]+(?:kbit|mbit|gbit)$" })
    }
}

impl Leaf for Share {
    const WHAT: &'static str = "a share of frames";
    fn parse(scalar: &Scalar) -> Result<Self, Wrong> {
        let bad = || Wrong::because("must be a number with at most three decimals and `%`: `1%`, `0.05%`");
        let number = guard(scalar)?.strip_suffix('%').ok_or_else(bad)?;
        let (whole, decimals) = number.split_once('.').map_or((number, None), |(a, b)| (a, Some(b)));
        let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        if !digits(whole) || decimals.is_some_and(|text| !digits(text) || text.len() > 3) {
            return Err(bad());
        }
        let thousandths: u32 = format!("{:0<3}", decimals.unwrap_or("")).parse().map_err(|_| bad())?;
        let share = whole.parse::<u32>().ok().and_then(|whole| whole.checked_mul(1000));
        let share = share.and_then(|share| share.checked_add(thousandths)).filter(|share| *share <= 100_000);
        share.map(Share).ok_or_else(|| Wrong::because("must be 0% to 100%"))
    }
    fn describe() -> Json {
        json!({ "type": "string", "pattern": "^[0-9]{1,3}(?:\\.[0-9]{1,3})?%$" })
    }
}

fn split(text: &str) -> (&str, &str) {
    text.split_at(text.bytes().take_while(u8::is_ascii_digit).count())
}

/// A service of a node, or all of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ServiceRef {
    All,
    One(ServiceWord),
}

impl Leaf for ServiceRef {
    const WHAT: &'static str = "a service";
    fn parse(scalar: &Scalar) -> Result<Self, Wrong> {
        let text = guard(scalar)?;
        let words = || ServiceWord::ALL.iter().map(|(word, _)| *word).chain(["all"]);
        match ServiceWord::ALL.iter().find(|(word, _)| *word == text) {
            Some((_, service)) => Ok(ServiceRef::One(*service)),
            None if text == "all" => Ok(ServiceRef::All),
            None => Err(match nearest(text, words()) {
                Some(near) => Wrong::because(format!("did you mean `{near}`?")),
                None => {
                    let all = words().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(", ");
                    Wrong::because("no service is called that").help(format!("there are {all}"))
                }
            }),
        }
    }
    fn describe() -> Json {
        let words: Vec<_> = ServiceWord::ALL.iter().map(|(word, _)| *word).chain(["all"]).collect();
        json!({ "enum": words })
    }
}

/// A link that is healed, or `all` that is broken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Healed {
    All,
    Link(PortRef),
}

impl Leaf for Healed {
    const WHAT: &'static str = "a node, a node and its link, or `all`";
    fn parse(scalar: &Scalar) -> Result<Self, Wrong> {
        match scalar.text.as_str() {
            "all" => Ok(Healed::All),
            _ => PortRef::parse(scalar).map(Healed::Link),
        }
    }
    fn describe() -> Json {
        PortRef::describe()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scalar(text: &str) -> Scalar {
        Scalar { text: text.into(), plain: true }
    }

    #[test]
    fn a_rate_has_its_unit() {
        assert_eq!(BitRate::parse(&scalar("2mbit")).unwrap(), BitRate(2_000_000));
        assert_eq!(BitRate::parse(&scalar("10gbit")).unwrap(), BitRate(10_000_000_000));
        for bad in
            ["2", "2Mbit", "2 mbit", "7kbit", "11gbit", "mbit", "1.5mbit", "-2mbit", "99999999999999gbit"]
        {
            assert!(BitRate::parse(&scalar(bad)).is_err(), "{bad:?} is no rate");
        }
    }

    #[test]
    fn a_share_is_a_percentage_with_three_decimals() {
        for (text, share) in [("1%", 1_000), ("0.05%", 50), ("100%", 100_000), ("0%", 0), ("12.345%", 12_345)]
        {
            assert_eq!(Share::parse(&scalar(text)).unwrap(), Share(share));
            assert_eq!(Share(share).to_string(), text);
        }
        for bad in ["1", "%", ".5%", "1.%", "1.2345%", "100.001%", "-1%", "1e2%", "1 %", "4294967296%"] {
            assert!(Share::parse(&scalar(bad)).is_err(), "{bad:?} is no share");
        }
    }
}
