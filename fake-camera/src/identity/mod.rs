//! What a frame says about itself: beside the picture, for every receiver of the stream ([`sei`]), and in the
//! picture, for whoever decodes it ([`code`]). That both agree proves that the picture belongs to the message.

pub mod code;
pub mod sei;

pub use code::PictureCode;
pub use sei::FrameIdentity;
