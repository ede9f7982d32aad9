//! What comes of a session: frames, as whole as they must be to be judged, and the camera's reports.

use std::pin::Pin;

use futures_util::StreamExt;
use retina::client::{Demuxed, PacketItem, Playing, Session};
use retina::codec::{CodecItem, VideoFrame};
use retina::rtcp::ReceivedCompoundPacket;

use super::jpeg::{self, Assembly};

/// A session that plays, by what its frames are made of.
pub(super) enum Feed {
    /// Access units, which carry identities.
    Units(Pin<Box<Demuxed>>),
    /// Packets of JPEG.
    Packets(Pin<Box<Session<Playing>>>, Assembly),
}

/// What has come.
pub(super) enum Item {
    /// A frame that may carry its identity.
    Unit(VideoFrame),
    /// One that has none but its picture's.
    Jpeg(jpeg::Frame),
    /// A packet of such a one, whose last one has not come.
    Piece,
    /// A report of the camera's.
    Report(ReceivedCompoundPacket),
    /// Nothing that is asked for.
    Other,
}

impl Feed {
    /// The next item; `None` once the camera has ended the session.
    pub(super) async fn next(&mut self) -> Option<Result<Item, retina::Error>> {
        match self {
            Self::Units(session) => Some(session.next().await?.map(|item| match item {
                CodecItem::VideoFrame(frame) => Item::Unit(frame),
                CodecItem::Rtcp(report) => Item::Report(report),
                _ => Item::Other,
            })),
            Self::Packets(session, assembly) => Some(session.next().await?.map(|item| match item {
                PacketItem::Rtp(packet) => assembly.push(&packet).map_or(Item::Piece, Item::Jpeg),
                PacketItem::Rtcp(report) => Item::Report(report),
                _ => Item::Other,
            })),
        }
    }
}
