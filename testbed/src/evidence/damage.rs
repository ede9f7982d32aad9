//! What can be wrong with a run folder that is read again.

use std::io;

/// Something that is not as the run left it; each names its file, below the run folder.
#[derive(Debug, thiserror::Error)]
pub enum Damage {
    /// The folder, or something in it, cannot be read.
    #[error("{file} cannot be read: {cause}")]
    Unreadable {
        /// The file, or `.` for the folder.
        file: String,
        /// The system's reason.
        cause: io::Error,
    },
    /// There is no such file.
    #[error("{file} is missing{}", why(file))]
    Missing {
        /// The file.
        file: String,
    },
    /// It is a link, a folder, a pipe, …
    #[error("{file} is no regular file")]
    NoFile {
        /// The file.
        file: String,
    },
    /// `manifest.json` does not list it, so that nobody knows whether it is the run's.
    #[error("{file} is not listed in manifest.json")]
    Unlisted {
        /// The file.
        file: String,
    },
    /// It is shorter or longer than it was.
    #[error("{file} has {is} bytes, but the run left {was}: it was {}", if is < was { "cut short" } else { "added to" })]
    Size {
        /// The file.
        file: String,
        /// Bytes that the run left.
        was: u64,
        /// Bytes that are there.
        is: u64,
    },
    /// It is as long as it was, but has other bytes.
    #[error("{file} was changed: its SHA-256 is {is}, but the run left {was}")]
    Changed {
        /// The file.
        file: String,
        /// The hash of what the run left.
        was: String,
        /// The hash of what is there.
        is: String,
    },
    /// It is larger than any run leaves it.
    #[error("{file} has {bytes} bytes; more than {most} are not read")]
    TooLarge {
        /// The file.
        file: String,
        /// Bytes that are there.
        bytes: u64,
        /// Bytes that are read at most.
        most: u64,
    },
    /// It does not read as what it should be.
    #[error("{file}{}: {text}", line.map(|line| format!(", line {line}")).unwrap_or_default())]
    Wrong {
        /// The file.
        file: String,
        /// Its line, from 1, if it is read by lines.
        line: Option<u64>,
        /// What is wrong.
        text: String,
    },
}

/// What a missing file says of the folder.
fn why(file: &str) -> &'static str {
    match file {
        "run.json" => {
            ": this is no run folder, or one of an older testbed, which kept less than is needed to judge again"
        }
        _ => "",
    }
}
