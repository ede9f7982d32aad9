//! What the commander tells a lab: one JSON document, its length before it, on the lab's standard
//! input; and what it asks later, there too.

use std::io::{self, Read};
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::kernel::root::Root;
use crate::plan::{self, Plan};

/// All that a lab needs to know.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Order {
    /// What is built and asked.
    pub plan: Plan,
    /// The scenario's folder: rule files are below it.
    pub folder: PathBuf,
    /// The run folder: captures, logs, snapshots go there.
    pub run_folder: PathBuf,
    /// Folder with the fakes.
    pub programs: PathBuf,
    /// What the lab sees of the host.
    pub root: Root,
    /// The run's number, written into every frame.
    pub run: u32,
    /// Multiplies every deadline; 1 and more.
    pub patience: u32,
    /// What the lab does.
    pub task: Task,
    /// Whether the rules of the site are made to count (`run --count-rules`).
    pub counting: bool,
}

/// What a lab does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Task {
    /// Builds, exercises, probes, ends.
    Run,
    /// Builds, starts the services, and stays; judges when asked to.
    Stay,
    /// Tries what the kernel can do, and ends.
    Features,
    /// Builds and ends: for benchmarks. The last host's first TCP connect to the router is awaited.
    Bench,
}

/// What the commander asks of a lab that works on its order: one JSON line each, on the life-line after the order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "ask", rename_all = "snake_case")]
pub enum Ask {
    /// End in good order.
    End,
    /// Of a lab that stays: carry out the checks once more.
    Judge {
        /// A folder below the run folder, for captures and snapshots, with the folders that a run folder has.
        folder: PathBuf,
    },
    /// Of a lab that stays: carry out a fault.
    Fault {
        /// By which it is told what became of it.
        number: u64,
        /// What is done.
        fault: Box<plan::fault::Fault>,
    },
}

/// Longest order, bytes: a site of thousands of nodes fits.
const LONGEST: u64 = 64 * 1024 * 1024;

impl Order {
    /// The order as it is written to the life-line.
    pub fn to_bytes(&self) -> Result<Vec<u8>, serde_json::Error> {
        let body = serde_json::to_vec(self)?;
        let mut bytes = (body.len() as u64).to_be_bytes().to_vec();
        bytes.extend(body);
        Ok(bytes)
    }

    /// Reads an order, and not a byte more: what is asked later comes behind it.
    pub fn read(mut from: impl Read) -> io::Result<Self> {
        let mut length = [0; 8];
        from.read_exact(&mut length)?;
        let length = u64::from_be_bytes(length);
        if length > LONGEST {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "the order is too long"));
        }
        let mut body = Vec::new();
        from.take(length).read_to_end(&mut body)?;
        Ok(serde_json::from_slice(&body)?)
    }
}
