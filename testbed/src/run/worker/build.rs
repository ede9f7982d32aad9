//! A site and its open copy, built; and what all services of a lab share.

use std::io;
use std::path::Path;

use crate::event::{Failure, Stage};
use crate::evidence::{FDB, RunFile, RunFolder};
use crate::kernel::{fdb, features, nft, snapshot};
use crate::plan::{Plan, Vlans};
use crate::probe::{Connections, Site};
use crate::record::{Which, key, rule_use, rules};
use crate::run::order::{Order, Task};
use crate::services::Settings;

use super::teller::Teller;
use super::{kernel_failure, ours};

/// What stands before anything runs in it.
pub(super) struct Built {
    pub(super) site: Site,
    pub(super) copy: Site,
    /// Features asked for that the kernel lacks, with the reason.
    pub(super) missing: Vec<(String, String)>,
}

/// Builds the site and its open copy; where the lab ends with its run, what the taps see goes to the run folder.
pub(super) async fn build(order: &Order, teller: &Teller) -> Result<Built, Failure> {
    let asks_for_features = order.plan.checks.iter().any(|check| !check.requires.is_empty());
    let missing = if asks_for_features {
        features::missing().await.map_err(|error| kernel_failure(&error))?
    } else {
        Vec::new()
    };
    teller.stage(Stage::Build);
    let vlans = vlans(&order.plan).await?;
    let file = |file: RunFile| (order.task != Task::Stay).then(|| order.run_folder.join(file.path()));
    let (capture, folder, patience) = (file(RunFile::Capture), &order.folder, order.patience);
    let site = order.plan.clone();
    let site =
        Site::build(site, vlans, "site", folder, capture.as_deref(), key(order.run, Which::Site), patience)
            .await;
    let site = site.map_err(|error| kernel_failure(&error))?;
    take_snapshots(&site, &order.run_folder.join("before")).await?;
    let capture = file(RunFile::OpenCopy);
    let copy = order.plan.opened();
    let copy = Site::build(
        copy,
        vlans,
        "open",
        folder,
        capture.as_deref(),
        key(order.run, Which::OpenCopy),
        patience,
    )
    .await;
    let copy = copy.map_err(|error| kernel_failure(&error))?;
    Ok(Built { site, copy, missing })
}

/// How the site's VLANs are kept apart; not asked of the kernel where there are none.
async fn vlans(plan: &Plan) -> Result<Vlans, Failure> {
    if plan.segments.iter().all(|segment| segment.vlan.is_none()) {
        return Ok(Vlans::Bridges);
    }
    let vlans = features::vlans().await.map_err(|error| kernel_failure(&error))?;
    tracing::info!(?vlans, "VLANs are kept apart");
    Ok(vlans)
}

/// The state of every node, one file each in the folder, and what the switches have learned.
pub(super) async fn take_snapshots(site: &Site, folder: &Path) -> Result<(), Failure> {
    for node in &site.plan.nodes {
        let taken =
            snapshot::take(node, site.lab.node(&node.name)).await.map_err(|error| kernel_failure(&error))?;
        let path = folder.join(format!("{}.json", node.name));
        let written = serde_json::to_vec_pretty(&taken)
            .map_err(io::Error::from)
            .and_then(|text| std::fs::write(&path, text));
        written.map_err(|error| ours(format!("{} could not be written: {error}", path.display())))?;
    }
    let learned = fdb::list(&site.lab.fabric).await.map_err(|error| kernel_failure(&error))?;
    let learned: String = learned.iter().map(|line| format!("{line}\n")).collect();
    let path = folder.join(FDB);
    std::fs::write(&path, learned)
        .map_err(|error| ours(format!("{} could not be written: {error}", path.display())))
}

/// Lets every rule of the site count, as it stands now.
pub(super) async fn let_rules_count(site: &Site) -> Result<(), Failure> {
    for node in site.plan.nodes.iter().filter(|node| node.ruleset.is_some()) {
        let namespace = site.lab.node(&node.name);
        let listing = nft::list_json(namespace).await.map_err(|error| kernel_failure(&error))?;
        let commands = rules::without_ours(&listing).and_then(|listing| rule_use::counting(&listing));
        let commands = commands.map_err(|error| ours(format!("what nft lists of {}: {error}", node.name)))?;
        if let Some(commands) = commands {
            nft::carry_out(namespace, &commands).await.map_err(|error| kernel_failure(&error))?;
        }
    }
    Ok(())
}

/// Listens to what becomes of the site's tracked connections, for the run folder.
pub(super) fn listen_to_connections(site: &Site, folder: &Path) -> Result<Connections, Failure> {
    let listening = Connections::listen(&site.lab, &site.plan, &RunFolder::at(folder));
    listening.map_err(|error| kernel_failure(&error))
}

/// What all services of this lab share.
pub(super) fn settings(order: &Order) -> Settings {
    Settings {
        programs: order.programs.clone(),
        evidence: order.run_folder.clone(),
        logs: order.run_folder.join("logs"),
        run: order.run,
        patience: order.patience,
        folder: order.folder.clone(),
    }
}
