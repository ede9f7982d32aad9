//! The files as written: what keys there are and what each may hold.
//!
//! The counterpart of `model.rs`, which has names resolved and defaults filled in. Every doc comment on a table or a
//! key is also the description that an editor shows (`testbed schema`).

mod check;
mod fault;
mod flow;
mod scenario;
mod site;
mod template;
mod twin;
mod unsupported;

use super::shape::{At, List, OneOrMany};

pub(crate) use check::{
    Address, After, Amount, Attacks, Calls, CarriesOnly, Check, Clock, Direction, Endures, Explained,
    Forgotten, Inventory, JobDone, Lint, Listens, Matrix, Members, Name, NamesAgree, NoBridge, NoHop,
    NoReach, NoStream, NoVideo, OwnLeg, PeersOf, Periodic, Plays, Reach, ScanFinds, Spare, SpokenRtsp, Taint,
    Talks, Tls, Waive,
};
pub(crate) use fault::Fault;
pub(crate) use flow::{Flow, OwnFlow, Policy, PolicyFlow, PolicyUse};
pub(crate) use scenario::{Owners, Scenario};
pub(crate) use site::{
    Appliance, Camera, Cloud, Command, Dhcp, FrameNumber, Host, Hostile, Link, NameSet, Ready, Route, Router,
    RouterLink, Run, Segment, Site,
};
pub(crate) use template::{Sited, Template, is_template};
pub(crate) use twin::{Changes, Failing, Twin};
pub(crate) use unsupported::Unsupported;

/// A single value.
type One<T> = At<T>;
/// One value, or a list of them.
type Some1<T> = OneOrMany<At<T>>;
/// A list.
type Many<T> = List<At<T>>;
