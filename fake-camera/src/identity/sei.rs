//! The identity beside the picture: one SEI message "user data unregistered" per access unit
//! (ITU-T H.264 and H.265, Annex D, payload type 5). JPEG has no place for it that RTP would carry.
//!
//! The payload has 48 bytes, numbers big-endian: UUID (16), version (1), stream (1), index (2), camera (4),
//! run (4), number (8), sent (8), CRC-32 of the 44 bytes before it (4).

use crc::{CRC_32_ISO_HDLC, Crc};

use crate::annexb;
use crate::codec::{Codec, Part};

/// Tells our messages from those of encoders and other cameras.
pub const UUID: [u8; 16] =
    [0x57, 0xbd, 0x2d, 0x91, 0xa2, 0xb9, 0x49, 0x71, 0xbd, 0x62, 0x2b, 0x4f, 0xe9, 0x4d, 0xef, 0x1e];

/// The index of a frame whose picture carries no code, as of a recording: no clip has as many pictures.
pub const UNCODED: u16 = u16::MAX;

const VERSION: u8 = 1;
const PAYLOAD: usize = 48;
const COVERED: usize = PAYLOAD - 4;
const USER_DATA_UNREGISTERED: usize = 5;
const CRC32: Crc<u32> = Crc::<u32>::new(&CRC_32_ISO_HDLC);

/// What one frame says about itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FrameIdentity {
    /// Which of the camera's streams; 0 is the main one.
    pub stream: u8,
    /// Which picture of the clip; the code in the picture says the same. [`UNCODED`] where there is none.
    pub index: u16,
    /// The camera's number.
    pub camera: u32,
    /// The camera's run: another one after a restart.
    pub run: u32,
    /// Frame number: 0 for the first frame of an RTSP session, one more for each frame after it.
    pub number: u64,
    /// When the frame was handed to the network, nanoseconds since 1970-01-01 UTC; 0 if that is not known,
    /// which is so for a session's first frame: it waits, complete, for the client's PLAY.
    pub sent: u64,
}

/// What an access unit says about its sender.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Found {
    /// Exactly what a camera of ours wrote.
    Identity(FrameIdentity),
    /// Our UUID, but damaged or of another version.
    Damaged,
    /// No message of ours.
    Nothing,
}

impl FrameIdentity {
    /// The identity as a complete SEI NAL unit, header first, emulation prevention done, no start code; `None` where
    /// the codec has none.
    pub fn to_unit(&self, codec: Codec) -> Option<Vec<u8>> {
        let mut message = vec![USER_DATA_UNREGISTERED as u8, PAYLOAD as u8];
        message.extend_from_slice(&self.to_payload());
        message.push(0x80); // rbsp_trailing_bits
        let mut unit = codec.message_header()?.to_vec();
        unit.extend_from_slice(&annexb::escape(&message));
        Some(unit)
    }

    /// Reads the identity of an access unit in the byte-stream format; other people's messages are passed over.
    pub fn find(codec: Codec, access_unit: &[u8]) -> Found {
        let Some(header) = codec.message_header() else { return Found::Nothing };
        for unit in annexb::units(access_unit) {
            match codec.part(unit) {
                Part::Message => {
                    let payload = unit.get(header.len()..).unwrap_or_default();
                    match find_in_sei(&annexb::unescape(payload)) {
                        Found::Nothing => {}
                        found => return found,
                    }
                }
                // Messages come before the first slice (7.4.1.2.3): do not search the picture itself.
                Part::Slice { .. } => break,
                Part::Parameters(_) | Part::Other => {}
            }
        }
        Found::Nothing
    }

    fn to_payload(self) -> [u8; PAYLOAD] {
        let mut payload = [0; PAYLOAD];
        payload[..16].copy_from_slice(&UUID);
        payload[16] = VERSION;
        payload[17] = self.stream;
        payload[18..20].copy_from_slice(&self.index.to_be_bytes());
        payload[20..24].copy_from_slice(&self.camera.to_be_bytes());
        payload[24..28].copy_from_slice(&self.run.to_be_bytes());
        payload[28..36].copy_from_slice(&self.number.to_be_bytes());
        payload[36..44].copy_from_slice(&self.sent.to_be_bytes());
        let crc = CRC32.checksum(&payload[..COVERED]);
        payload[COVERED..].copy_from_slice(&crc.to_be_bytes());
        payload
    }

    fn from_payload(payload: &[u8; PAYLOAD]) -> Option<Self> {
        let crc = u32::from_be_bytes(field(payload, COVERED));
        if payload[16] != VERSION || CRC32.checksum(&payload[..COVERED]) != crc {
            return None;
        }
        Some(Self {
            stream: payload[17],
            index: u16::from_be_bytes(field(payload, 18)),
            camera: u32::from_be_bytes(field(payload, 20)),
            run: u32::from_be_bytes(field(payload, 24)),
            number: u64::from_be_bytes(field(payload, 28)),
            sent: u64::from_be_bytes(field(payload, 36)),
        })
    }
}

fn field<const N: usize>(payload: &[u8; PAYLOAD], at: usize) -> [u8; N] {
    payload[at..at + N].try_into().expect("the fields lie within the payload")
}

/// Walks the messages of one SEI NAL unit without its header (H.264, 7.3.2.3.1; H.265, 7.3.5).
fn find_in_sei(mut rest: &[u8]) -> Found {
    while rest.len() > 2 {
        let (Some(kind), Some(size)) = (take_number(&mut rest), take_number(&mut rest)) else { break };
        let Some((payload, after)) = rest.split_at_checked(size) else { break };
        if kind == USER_DATA_UNREGISTERED && payload.starts_with(&UUID) {
            let whole: Option<&[u8; PAYLOAD]> = payload.try_into().ok();
            return whole.and_then(FrameIdentity::from_payload).map_or(Found::Damaged, Found::Identity);
        }
        rest = after;
    }
    Found::Nothing
}

/// Type and size are sums of bytes, going on while a byte is 255.
fn take_number(rest: &mut &[u8]) -> Option<usize> {
    let mut sum = 0;
    loop {
        let (&byte, after) = rest.split_first()?;
        *rest = after;
        sum += usize::from(byte);
        if byte != 255 {
            return Some(sum);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> FrameIdentity {
        FrameIdentity {
            stream: 0,
            index: 29,
            camera: 7,
            run: 3,
            number: 1 << 40,
            sent: 1_700_000_000_000_000_000,
        }
    }

    /// Parameter set, message and slice, with headers of the codec's.
    fn access_unit(codec: Codec, sei: &[u8]) -> Vec<u8> {
        let (set, slice): (&[u8], &[u8]) = match codec {
            Codec::H264 => (&[0x67, 0x42], &[0x65, 1, 2, 3]),
            _ => (&[0x42, 1, 7], &[0x26, 1, 2, 3]),
        };
        let mut stream = Vec::new();
        for unit in [set, sei, slice] {
            annexb::push_unit(&mut stream, unit);
        }
        stream
    }

    #[test]
    fn an_identity_reads_back_as_it_was_written() {
        // A number full of zeros needs emulation prevention; so do runs of zeros at every place.
        let mut identities = vec![sample(), FrameIdentity::default()];
        identities.extend((0..64).map(|bit| FrameIdentity { number: 1 << bit, sent: 3 << bit, ..sample() }));
        identities.extend((0..16).map(|bit| FrameIdentity {
            index: 1 << bit,
            camera: 1 << (2 * bit),
            ..sample()
        }));
        for (identity, codec) in
            identities.into_iter().flat_map(|identity| [(identity, Codec::H264), (identity, Codec::H265)])
        {
            let written = access_unit(codec, &identity.to_unit(codec).unwrap());
            assert_eq!(FrameIdentity::find(codec, &written), Found::Identity(identity));
        }
        assert_eq!(sample().to_unit(Codec::Mjpeg), None);
    }

    #[test]
    fn every_single_wrong_bit_is_noticed() {
        let payload = sample().to_payload();
        for bit in 0..PAYLOAD * 8 {
            let mut damaged = payload;
            damaged[bit / 8] ^= 1 << (bit % 8);
            let mut message = vec![5, 48];
            message.extend_from_slice(&damaged);
            let expected = if bit < 128 { Found::Nothing } else { Found::Damaged };
            assert_eq!(find_in_sei(&message), expected, "bit {bit}");
        }
    }

    #[test]
    fn other_messages_are_passed_over() {
        let mut message = vec![4, 3, 1, 2, 3]; // registered user data
        message.extend_from_slice(&[5, 20]);
        message.extend_from_slice(&[0xaa; 20]); // somebody else's UUID
        message.extend_from_slice(&[5, 48]);
        message.extend_from_slice(&sample().to_payload());
        message.push(0x80);
        assert_eq!(find_in_sei(&message), Found::Identity(sample()));
    }

    #[test]
    fn rubbish_holds_nothing() {
        for (codec, header) in [(Codec::H264, &[6][..]), (Codec::H265, &[0x4e, 1]), (Codec::H265, &[0x4e])] {
            let find =
                |message: &[u8]| FrameIdentity::find(codec, &access_unit(codec, &[header, message].concat()));
            assert_eq!(FrameIdentity::find(codec, &[]), Found::Nothing);
            assert_eq!(find(&[]), Found::Nothing);
            assert_eq!(find(&[255, 255, 255]), Found::Nothing);
            assert_eq!(find(&[5, 200, 1]), Found::Nothing);
        }
    }

    #[test]
    fn a_message_after_the_picture_is_not_searched_for() {
        let mut stream = Vec::new();
        annexb::push_unit(&mut stream, &[0x65, 1, 2, 3]);
        annexb::push_unit(&mut stream, &sample().to_unit(Codec::H264).unwrap());
        assert_eq!(FrameIdentity::find(Codec::H264, &stream), Found::Nothing);
    }
}
