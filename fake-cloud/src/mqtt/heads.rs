//! Flags that are reserved: those in the first byte of each packet but PUBLISH, and one of CONNECT's own. Whoever sets one is
//! cut off (OASIS MQTT 3.1.1 and 5, [MQTT-2.2.2-2] and [MQTT-3.1.2-3]); the codec does not look at them all.

/// Where CONNECT has its flags: behind a text of four letters with its length, and the level.
const CONNECT_FLAGS: usize = 7;

/// Where in a stream of packets we are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Heads {
    /// A packet begins.
    #[default]
    First,
    /// Its length: what is known of it, and the weight of the next byte; whether it is a CONNECT.
    Length(usize, usize, bool),
    /// So many bytes are left of it; of a CONNECT, how many were there.
    Body(usize, Option<usize>),
}

impl Heads {
    /// Follows these bytes; the first byte that may not be.
    pub(super) fn follow(&mut self, mut bytes: &[u8]) -> Result<(), u8> {
        while let Some((&byte, rest)) = bytes.split_first() {
            *self = match *self {
                Self::First if is_good(byte) => Self::Length(0, 1, byte == 0x10),
                Self::First => return Err(byte),
                Self::Length(known, weight, connect) => {
                    let length = known + usize::from(byte & 0x7f) * weight;
                    match (byte & 0x80 == 0, length) {
                        (true, 0) => Self::First,
                        (true, length) => Self::Body(length, connect.then_some(0)),
                        // A fifth byte of length is the codec's to refuse: nothing follows it.
                        (false, _) if weight >= 128 * 128 * 128 => return Ok(()),
                        (false, length) => Self::Length(length, weight * 128, connect),
                    }
                }
                Self::Body(left, at) => {
                    let taken = left.min(bytes.len());
                    let flags = at.and_then(|at| bytes[..taken].get(CONNECT_FLAGS.checked_sub(at)?));
                    if let Some(flags) = flags.filter(|flags| *flags & 1 == 1) {
                        return Err(*flags);
                    }
                    let at = at.map(|at| at + taken);
                    *self = if taken == left { Self::First } else { Self::Body(left - taken, at) };
                    bytes = &bytes[taken..];
                    continue;
                }
            };
            bytes = rest;
        }
        Ok(())
    }
}

/// Whether a packet may begin so: PUBLISH has flags of its own, PUBREL, SUBSCRIBE and UNSUBSCRIBE a fixed one, the others none.
fn is_good(byte: u8) -> bool {
    match byte >> 4 {
        3 => true,
        6 | 8 | 10 => byte & 0x0f == 2,
        _ => byte & 0x0f == 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn heads_are_found_wherever_the_bytes_are_cut() {
        // PINGREQ, a PUBLISH of 200 bytes, DISCONNECT.
        let mut stream = vec![0xc0, 0, 0x3d, 0xc8, 0x01];
        stream.extend([0xff; 200]);
        stream.extend([0xe0, 0]);
        for size in [1, 2, 3, 50, 500] {
            let mut heads = Heads::default();
            assert!(stream.chunks(size).all(|chunk| heads.follow(chunk).is_ok()), "{size}");
            assert_eq!(heads, Heads::First);
            assert_eq!(heads.follow(&[0x11]), Err(0x11));
        }
        // CONNECT with the reserved flag, however it is cut.
        let connect = [0x10, 13, 0, 4, b'M', b'Q', b'T', b'T', 4, 3, 0, 60, 0, 1, b'a'];
        for size in [1, 4, 20] {
            let mut heads = Heads::default();
            assert!(connect.chunks(size).any(|chunk| heads.follow(chunk) == Err(3)), "{size}");
        }
        for bad in [0x11, 0x80, 0x83, 0xa0, 0x60, 0xc1, 0xe2, 0x41] {
            assert_eq!(Heads::default().follow(&[bad]), Err(bad));
        }
    }
}
