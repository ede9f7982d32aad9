//! `testbed`: builds a site out of network namespaces, attacks its isolation, and says with packets what holds.
//!
//! One pipeline; each arrow is one function from one plain value to the next:
//!
//! ```text
//! YAML text → Scenario → Plan ─┬→ kernel: namespaces, links, rules ─┐
//!                              ├→ services: the fakes               ├→ Observations → Judgement → reports
//!                              └→ probe: what the checks ask        ┘
//! ```
//!
//! Pure rooms take values and return values: [`names`], [`scenario`], [`plan`], [`model`], [`observation`], [`record`],
//! [`verdict`], [`twin`], [`replay`], [`coverage`], [`report`]. Effect rooms carry out a plan and decide nothing: `load`, [`kernel`],
//! [`services`], [`tap`], [`probe`], [`mod@fault`], [`evidence`], [`stay`]. `run` joins them. [`parts`] is for tests that break one.

pub mod cli;
pub mod coverage;
pub mod event;
pub mod evidence;
pub mod exit;
pub mod fault;
pub mod kernel;
pub mod load;
pub mod model;
pub mod names;
pub mod observation;
pub mod parts;
pub mod plan;
pub mod probe;
pub mod record;
pub mod replay;
pub mod report;
pub mod run;
pub mod scenario;
pub mod services;
pub mod stay;
pub mod tap;
pub mod twin;
pub(crate) mod utc;
pub mod verdict;
