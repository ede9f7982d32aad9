//! The frame of an upload in chunks (`aws-chunked`, S3 API reference, "Signature calculations for the authorization header:
//! transferring payload in multiple chunks"): each chunk says its size, the last one is empty, and trailers may follow.
//!
//! What is in the chunks is the library's to read and to check. That the last one has come is looked at here: the library is
//! content with all the bytes that were announced, so that an upload whose end was cut off would be kept.

/// Longest line with a size, which may have a signature beside it.
const LONGEST: usize = 1024;

/// Where the reading of a body is.
#[derive(Debug)]
pub(super) enum Framing {
    /// In the line before a chunk.
    Line(Vec<u8>),
    /// In a chunk, and the line end behind it.
    Chunk {
        /// Bytes left.
        left: u64,
    },
    /// Behind the last chunk.
    Over,
}

/// A body that is no sequence of chunks.
#[derive(Debug, PartialEq)]
pub(super) struct Malformed;

impl Framing {
    pub(super) fn new() -> Self {
        Self::Line(Vec::new())
    }

    /// Whether the last chunk has come.
    pub(super) fn is_over(&self) -> bool {
        matches!(self, Self::Over)
    }

    /// Reads on.
    pub(super) fn take(&mut self, mut bytes: &[u8]) -> Result<(), Malformed> {
        while !bytes.is_empty() {
            match self {
                Self::Over => return Ok(()),
                Self::Chunk { left } => {
                    let size = (bytes.len() as u64).min(*left);
                    *left -= size;
                    bytes = &bytes[size as usize..];
                    if *left == 0 {
                        *self = Self::new();
                    }
                }
                Self::Line(line) => {
                    let end = bytes.iter().position(|byte| *byte == b'\n').map(|at| at + 1);
                    let (head, rest) = bytes.split_at(end.unwrap_or(bytes.len()));
                    line.extend_from_slice(head);
                    bytes = rest;
                    if line.len() > LONGEST {
                        return Err(Malformed);
                    }
                    if end.is_some() {
                        *self = match size(line)? {
                            0 => Self::Over,
                            size => Self::Chunk { left: size.checked_add(2).ok_or(Malformed)? },
                        };
                    }
                }
            }
        }
        Ok(())
    }
}

/// The size in a line: hexadecimal, and a signature may follow it.
fn size(line: &[u8]) -> Result<u64, Malformed> {
    let line = std::str::from_utf8(line).ok().and_then(|line| line.strip_suffix("\r\n")).ok_or(Malformed)?;
    let size = line.split(';').next().unwrap_or_default();
    let hex = !size.is_empty() && size.bytes().all(|byte| byte.is_ascii_hexdigit());
    u64::from_str_radix(size, 16).ok().filter(|_| hex).ok_or(Malformed)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(pieces: &[&str]) -> Result<bool, Malformed> {
        let mut framing = Framing::new();
        pieces.iter().try_for_each(|piece| framing.take(piece.as_bytes()))?;
        Ok(framing.is_over())
    }

    #[test]
    fn only_an_empty_chunk_ends_it_however_it_comes_in_pieces() {
        let whole = "a;chunk-signature=0\r\n0123456789\r\n3\r\nabc\r\n0\r\nx-amz-checksum-crc32:AAAA\r\n\r\n";
        assert_eq!(read(&[whole]), Ok(true));
        let pieces: Vec<String> = whole.chars().map(String::from).collect();
        assert_eq!(read(&pieces.iter().map(String::as_str).collect::<Vec<_>>()), Ok(true));
        for end in 0..whole.find("0\r\nx").unwrap() {
            assert_eq!(read(&[&whole[..end]]), Ok(false), "{end}");
        }
    }

    #[test]
    fn what_is_no_size_is_malformed() {
        let long = "1".repeat(LONGEST + 1);
        for bad in [
            "x\r\n",
            "\r\n",
            "-1\r\n",
            "+1\r\n",
            "1\n",
            "ffffffffffffffff\r\n",
            "11111111111111111\r\n",
            &long,
        ] {
            assert_eq!(read(&[bad]), Err(Malformed), "{bad}");
        }
    }
}
