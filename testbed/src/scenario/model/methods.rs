//! What may be asked for in RTSP.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A method of RTSP (RFC 2326, section 10).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum RtspMethod {
    /// What the other end can do.
    Options,
    /// What there is to be played.
    Describe,
    /// How one stream is to come.
    Setup,
    /// Begin, or go on.
    Play,
    /// Stop for a while.
    Pause,
    /// Tell a parameter; without one, a sign of life.
    GetParameter,
    /// Take a parameter.
    SetParameter,
    /// End it.
    Teardown,
    /// Take a description: of what is going to be recorded, or of what has changed.
    Announce,
    /// Take media.
    Record,
    /// Go elsewhere.
    Redirect,
}

impl RtspMethod {
    /// All of them.
    pub const ALL: [Self; 11] = [
        Self::Options,
        Self::Describe,
        Self::Setup,
        Self::Play,
        Self::Pause,
        Self::GetParameter,
        Self::SetParameter,
        Self::Teardown,
        Self::Announce,
        Self::Record,
        Self::Redirect,
    ];

    /// What playing takes.
    pub const PLAYING: [Self; 8] = [
        Self::Options,
        Self::Describe,
        Self::Setup,
        Self::Play,
        Self::Pause,
        Self::GetParameter,
        Self::SetParameter,
        Self::Teardown,
    ];

    /// As it is written, here and on the wire.
    pub fn word(self) -> &'static str {
        match self {
            Self::Options => "OPTIONS",
            Self::Describe => "DESCRIBE",
            Self::Setup => "SETUP",
            Self::Play => "PLAY",
            Self::Pause => "PAUSE",
            Self::GetParameter => "GET_PARAMETER",
            Self::SetParameter => "SET_PARAMETER",
            Self::Teardown => "TEARDOWN",
            Self::Announce => "ANNOUNCE",
            Self::Record => "RECORD",
            Self::Redirect => "REDIRECT",
        }
    }

    /// Whether whoever serves a connection may ask for it (RFC 2326, section 10, table 2).
    pub fn is_servers(self) -> bool {
        matches!(
            self,
            Self::Options | Self::GetParameter | Self::SetParameter | Self::Announce | Self::Redirect
        )
    }

    /// Whether whoever opened a connection may ask for it (the same table).
    pub fn is_clients(self) -> bool {
        self != Self::Redirect
    }

    /// Whether it is about a session that must be named (section 12.37): a whole stream's, and nothing is left to be guessed.
    pub fn needs_session(self) -> bool {
        matches!(self, Self::Play | Self::Pause | Self::Teardown | Self::Record)
    }
}

impl fmt::Display for RtspMethod {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.word())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_method_is_written_as_it_is_said() {
        for method in RtspMethod::ALL {
            let text = serde_json::to_string(&method).unwrap();
            assert_eq!(text, format!("\"{method}\""));
            assert!(method.is_clients() || method.is_servers());
        }
        assert!(RtspMethod::PLAYING.iter().all(|one| one.is_clients()));
    }
}
