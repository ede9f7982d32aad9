//! An appliance that is not there: it pulls video from cameras, keeps a session with the cloud, and looks at
//! the clock, the way the real one does.
//!
//! - [`config`]: what it is told, as one JSON file.
//! - [`mod@run`]: the whole appliance, and its video half alone.
//! - [`ports`]: two network ports, of which one is in use; a process of its own.
//! - [`mod@scan`]: looks for cameras on its own subnets.
//! - [`operate`]: not the appliance, but whoever runs it, at the cloud's own service; a process of its own.
//! - `video`: pulls, judges and decodes every camera's frames. `cloud`: MQTT, metrics, logs, objects.
//!   `clock`: time servers. `net`: names, connections, TLS. `own`: what it knows of itself. `voice`: facts.
//!
//! It never listens on anything, and no failure of the network ends it: it says what failed and tries again.

pub mod config;
pub mod ports;
pub mod run;
pub mod scan;

mod anyone;
mod backoff;
mod clock;
mod cloud;
mod net;
mod own;
mod relay;
mod restart;
mod stop;
mod video;
mod voice;

pub use cloud::operator::{Settings as OperatorSettings, operate};
pub use run::{Error, pull, run, scan_once};
pub use video::{DecodeError, check_decoder, check_groups};
