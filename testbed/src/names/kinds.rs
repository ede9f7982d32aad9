//! Kinds that are sent one behind the other and counted together: a range, or the packets of some cells.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::Traffic;

/// Single kinds in a row.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kinds {
    /// All of a range, numbers ascending.
    Range(Traffic),
    /// Packets that stand for cells, each a single kind.
    Cells(Vec<Traffic>),
}

impl Kinds {
    /// How many there are.
    pub fn width(&self) -> u64 {
        match self {
            Kinds::Range(range) => range.width(),
            Kinds::Cells(packets) => packets.len() as u64,
        }
    }

    /// The one at a place, from 0.
    pub fn nth(&self, place: u64) -> Option<Traffic> {
        match self {
            Kinds::Range(range) => range.nth(place),
            Kinds::Cells(packets) => packets.get(usize::try_from(place).ok()?).copied(),
        }
    }

    /// Each of them.
    pub fn each(&self) -> impl Iterator<Item = Traffic> {
        (0..self.width()).filter_map(|place| self.nth(place))
    }
}

impl From<Traffic> for Kinds {
    fn from(range: Traffic) -> Self {
        Kinds::Range(range)
    }
}

impl fmt::Display for Kinds {
    /// The range; of cells the first packet, and how many there are besides.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Kinds::Range(range) => range.fmt(f),
            Kinds::Cells(packets) => match packets.first() {
                Some(first) if packets.len() > 1 => {
                    write!(f, "{first} and {} more of cells", packets.len() - 1)
                }
                Some(first) => first.fmt(f),
                None => f.write_str("no cells"),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_are_counted_and_told_one_by_one() {
        let range = Kinds::from(Traffic::Udp(5, 7));
        assert_eq!((range.width(), range.nth(2), range.nth(3)), (3, Some(Traffic::Udp(7, 7)), None));
        let cells = Kinds::Cells(vec![Traffic::icmp(8), Traffic::protocol(47)]);
        assert_eq!(cells.each().collect::<Vec<_>>(), [Traffic::icmp(8), Traffic::protocol(47)]);
        assert_eq!((cells.width(), cells.nth(2)), (2, None));
        assert_eq!(
            (range.to_string(), cells.to_string()),
            ("udp/5-7".into(), "icmp/8 and 1 more of cells".into())
        );
    }
}
