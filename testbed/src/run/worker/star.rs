//! A benchmark's lab: a star is built, and its last host connects to the router.

use crate::event::{Failure, Stage};
use crate::evidence::RunFile;
use crate::names::Traffic;
use crate::observation::Observations;
use crate::plan::{Open, Role, Vlans};
use crate::probe::{self, Site};
use crate::record::{Which, key};
use crate::run::order::Order;

use super::teller::Teller;
use super::{kernel_failure, ours};

/// Port that the star's router lets its hosts connect to.
const STAR_PORT: u16 = 5000;

/// Builds the star; the last host connects to the router, then all is dropped.
pub(super) async fn bench(order: &Order, teller: &Teller) -> Result<Observations, Failure> {
    teller.stage(Stage::Build);
    let capture = order.run_folder.join(RunFile::Capture.path());
    let (plan, folder, patience) = (order.plan.clone(), &order.folder, order.patience);
    let site = Site::build(
        plan,
        Vlans::Bridges,
        "site",
        folder,
        Some(&capture),
        key(order.run, Which::Site),
        patience,
    )
    .await;
    let site = site.map_err(|error| kernel_failure(&error))?;
    let nodes = &site.plan.nodes;
    let router = nodes.iter().find(|node| node.role == Role::Router);
    let is_host =
        |node: &&crate::plan::Node| node.role == Role::Host && node.links[0].segment.as_str() == "hosts";
    let host = nodes.iter().rev().find(is_host);
    let (Some(router), Some(host)) = (router, host) else {
        return Err(ours("the star has no router".into()));
    };
    let gateway = host.routes[0].via;
    let namespace = site.lab.node(&router.name);
    let listen = namespace.inside(|| std::net::TcpListener::bind((gateway, STAR_PORT)));
    let _listener =
        listen.map_err(|error| kernel_failure(&error))?.map_err(|error| ours(error.to_string()))?;
    let open = Open {
        flow: None,
        from: host.name.clone(),
        to: router.name.clone(),
        address: gateway,
        port: Traffic::Tcp(STAR_PORT, STAR_PORT),
    };
    let check = "star".parse().map_err(|_| ours("no name".into()))?;
    let seen = probe::open(&site, &check, &open, 10).await;
    match seen.error {
        Some(error) => Err(ours(format!("the last host could not connect to the router: {error}"))),
        None => {
            teller.stage(Stage::End);
            Ok(Observations::default())
        }
    }
}
