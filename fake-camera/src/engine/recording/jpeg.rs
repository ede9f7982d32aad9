//! Whether RTP has a place for a JPEG: it carries neither a picture's tables of codes nor how its parts are sampled, so that
//! these must be the usual ones (RFC 2435, sections 3.1.3 and 4.1, appendix B).

use std::collections::BTreeMap;
use std::sync::OnceLock;

use super::super::snapshot;
use super::{Size, Unfit};

/// Tables of Huffman codes by class and number: lengths, then values (ITU-T T.81, B.2.4.2).
type Tables = BTreeMap<u8, Vec<u8>>;

/// Errors: `Jpeg`, with what RTP has no place for.
pub(super) fn fits(picture: &[u8]) -> Result<(), Unfit> {
    let mut rest = picture.strip_prefix(&[0xff, 0xd8]).ok_or(Unfit::Jpeg("a picture is no JPEG"))?;
    let cut = || Unfit::Jpeg("a picture is cut off");
    let mut tables = Tables::new();
    loop {
        let marker = *rest.get(1).filter(|_| rest[0] == 0xff).ok_or_else(cut)?;
        if marker == 0xff {
            // Filling before a marker.
            rest = &rest[1..];
            continue;
        }
        let length = rest.get(2..4).map(|two| usize::from(u16::from_be_bytes([two[0], two[1]])));
        let length = length.filter(|length| *length >= 2).ok_or_else(cut)?;
        let segment = rest.get(4..2 + length).ok_or_else(cut)?;
        match marker {
            0xc0 => frame(segment)?,
            0xc4 => read_tables(segment, &mut tables).ok_or_else(cut)?,
            0xc1..=0xc3 | 0xc5..=0xc7 | 0xc9..=0xcf => {
                return Err(Unfit::Jpeg("a picture is not baseline JPEG"));
            }
            0xda => break,
            _ => {}
        }
        rest = &rest[2 + length..];
    }
    match usual() {
        // Where there are none, the usual ones are meant.
        Some(usual) if tables.iter().any(|(at, table)| usual.get(at) != Some(table)) => {
            Err(Unfit::Jpeg("a picture has tables of Huffman codes of its own"))
        }
        _ => Ok(()),
    }
}

/// Size and sampling (T.81, B.2.2).
fn frame(segment: &[u8]) -> Result<(), Unfit> {
    let of = |at: usize| segment.get(at..at + 2).map_or(0, |two| u16::from_be_bytes([two[0], two[1]]));
    let (height, width) = (of(1), of(3));
    let fits = |side: u16| side > 0 && side <= 2040 && side.is_multiple_of(8);
    if !(fits(width) && fits(height)) {
        return Err(Unfit::Jpeg("a picture is larger than 2040x2040, or not in steps of 8"));
    }
    let sampled = |component: usize| segment.get(7 + component * 3).copied();
    let usual = segment.first() == Some(&8)
        && segment.get(5) == Some(&3)
        && matches!(sampled(0), Some(0x21 | 0x22))
        && [1, 2].iter().all(|chroma| sampled(*chroma) == Some(0x11));
    if usual { Ok(()) } else { Err(Unfit::Jpeg("a picture's colours are not sampled as 4:2:0 or 4:2:2")) }
}

/// `None`: cut off.
fn read_tables(mut segment: &[u8], tables: &mut Tables) -> Option<()> {
    while let Some((at, rest)) = segment.split_first() {
        let lengths = rest.get(..16)?;
        let values: usize = lengths.iter().map(|count| usize::from(*count)).sum();
        tables.insert(*at, rest.get(..16 + values)?.to_vec());
        segment = &rest[16 + values..];
    }
    Some(())
}

/// The usual tables (T.81, K.3): those of an encoder that makes none of its own. `None` if there is no such encoder here, and
/// then nobody knows.
fn usual() -> Option<&'static Tables> {
    static USUAL: OnceLock<Option<Tables>> = OnceLock::new();
    let made = || {
        let size = Size::recorded(16, 16)?;
        let picture = snapshot::encode(size, vec![128; 16 * 16 * 3 / 2]).ok()?;
        let mut tables = Tables::new();
        let mut rest = picture.get(2..)?;
        while *rest.get(1)? != 0xda {
            let length = usize::from(u16::from_be_bytes([*rest.get(2)?, *rest.get(3)?]));
            if rest[1] == 0xc4 {
                read_tables(rest.get(4..2 + length)?, &mut tables)?;
            }
            rest = rest.get(2 + length..)?;
        }
        Some(tables)
    };
    USUAL.get_or_init(made).as_ref()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn picture() -> Vec<u8> {
        gstreamer::init().unwrap();
        snapshot::encode(Size::recorded(64, 48).unwrap(), vec![90; 64 * 48 * 3 / 2]).unwrap()
    }

    fn why(picture: &[u8]) -> String {
        fits(picture).unwrap_err().to_string()
    }

    /// Where a segment begins, and what is in it.
    fn segment(picture: &[u8], marker: u8) -> usize {
        picture.windows(2).position(|two| two == [0xff, marker]).unwrap() + 4
    }

    #[test]
    fn a_plain_picture_fits() {
        let picture = picture();
        assert!(usual().is_some_and(|tables| tables.len() == 4));
        assert!(fits(&picture).is_ok());
    }

    #[test]
    fn what_rtp_has_no_place_for_is_told_apart() {
        let changed = |marker, at: usize, byte| {
            let mut changed = picture();
            let place = segment(&changed, marker) + at;
            changed[place] = byte;
            changed
        };
        assert!(why(&changed(0xc4, 17, 9)).contains("tables of Huffman codes"));
        assert!(why(&changed(0xc0, 7, 0x11)).contains("4:2:0"));
        assert!(why(&changed(0xc0, 4, 65)).contains("steps of 8"));
        let mut progressive = picture();
        let place = segment(&progressive, 0xc0) - 3;
        progressive[place] = 0xc2;
        assert!(why(&progressive).contains("not baseline"));
    }

    #[test]
    fn no_cut_or_damaged_picture_ends_the_program() {
        let whole = picture();
        for length in 0..segment(&whole, 0xda) - 2 {
            assert!(fits(&whole[..length]).is_err(), "cut at {length}");
        }
        for at in 0..whole.len() {
            for byte in [0, 0xff] {
                let mut damaged = whole.clone();
                damaged[at] = byte;
                let _ = fits(&damaged);
            }
        }
    }
}
