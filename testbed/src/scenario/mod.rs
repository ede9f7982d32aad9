//! YAML text → [`model::Scenario`], every mistake with its place. Pure: files come in as text.
//!
//! `yaml` makes a tree with places out of a text; `raw` mirrors the files and is read from the tree by `shape`,
//! `table` and `leaf`; `build` makes of it what it means. [`read()`] joins them; [`read_twin`] does the same for a broken twin.

mod build;
mod changes;
pub(crate) mod controls;
pub mod fault;
mod files;
mod leaf;
pub mod lint;
mod mistakes;
pub mod model;
mod raw;
mod read;
mod schema;
mod shape;
mod table;
mod template;
#[cfg(test)]
mod tests;
mod tree;
pub mod twin;
mod twins;
mod unsupported;
mod yaml;

pub(crate) use build::which_cable;
pub use build::{DEFAULT_PORTS, all_ports, usual_ports};
pub use files::{Files, LONGEST, Missing};
pub use leaf::FEATURES;
pub(crate) use leaf::{Below, Lasting, ServiceRef, leaf_of};
pub(crate) use mistakes::nearest;
pub use mistakes::{Level, Mistakes, Shown, Source};
pub use read::{Read, is_scenario, mentions, read};
pub use schema::{policy_schema, schema, twin_schema};
pub use twins::{ReadTwin, mentions_of_twin, read_twin, twin_of};
pub use unsupported::{Unsupported, read_unsupported};
