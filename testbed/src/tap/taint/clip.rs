//! A camera's clip, a byte stream of H.264 (ITU-T H.264, Annex B): the slices of its pictures. Parameter sets are left
//! out, which cameras of one kind share, and which every description of a stream repeats.

/// Types of NAL units that are slices of a picture (ITU-T H.264, table 7-1).
const SLICES: [u8; 2] = [1, 5];

/// The slice of each picture, header included, in their order; each picture has one.
pub(super) fn pictures(stream: &[u8]) -> impl Iterator<Item = &[u8]> {
    units(stream).filter(|unit| unit.first().is_some_and(|header| SLICES.contains(&(header & 0x1f))))
}

/// What stands between start codes. A unit never ends in zero, so that zeros before a start code belong to it.
fn units(stream: &[u8]) -> impl Iterator<Item = &[u8]> {
    let starts = stream.windows(3).enumerate().filter(|(_, window)| *window == [0, 0, 1]).map(|(at, _)| at);
    let starts: Vec<usize> = starts.collect();
    let ends: Vec<usize> = starts.iter().skip(1).copied().chain([stream.len()]).collect();
    starts.into_iter().zip(ends).map(|(start, end)| {
        let unit = &stream[start + 3..end];
        let length = unit.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
        &unit[..length]
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slices_are_taken_and_nothing_else() {
        let stream = [
            0, 0, 0, 1, 0x67, 1, 0, 0, 0, 1, 0x68, 2, 0, 0, 1, 0x65, 3, 9, 0, 0, 0, 1, 0x06, 5, 0, 0, 0, 1,
            0x41, 4,
        ];
        assert_eq!(pictures(&stream).collect::<Vec<_>>(), [&[0x65, 3, 9][..], &[0x41, 4]]);
        assert_eq!(pictures(b"no stream").count(), 0);
    }
}
