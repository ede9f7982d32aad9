//! Policy routes: a rule per source prefix, and a table of routes for it.

use std::net::IpAddr;

use futures_util::TryStreamExt;
use ipnet::IpNet;
use rtnetlink::packet_route::AddressFamily;
use rtnetlink::packet_route::route::{RouteAddress, RouteAttribute, RouteMessage};
use rtnetlink::packet_route::rule::{RuleAction, RuleAttribute, RuleMessage};
use rtnetlink::{IpVersion, RouteMessageBuilder};

use super::links::Netlink;
use super::{KernelError, Namespace};
use crate::plan::Node;

/// Table of the first source prefix; those of the others follow. The kernel's own are 253 to 255.
const FIRST_TABLE: u32 = 1000;

/// Adds a node's policy routes.
///
/// Errors: netlink's, with the route.
pub async fn add(netlink: &Netlink, node: &Node) -> Result<(), KernelError> {
    for (source, table) in tables(node) {
        let added = add_rule(netlink, source, table).await;
        added.map_err(|cause| failed(node, "rule", source, cause))?;
    }
    add_routes(netlink, node).await
}

/// Adds the routes alone: the rules stay when the links of a node go down, and the routes do not. As [`add`].
pub(super) async fn add_routes(netlink: &Netlink, node: &Node) -> Result<(), KernelError> {
    let tables = tables(node);
    for route in &node.policy {
        let failed = |cause: String| failed(node, "route", route.from, cause);
        let table = tables.iter().find(|(source, _)| *source == route.from).map_or(0, |(_, table)| *table);
        let message = RouteMessageBuilder::<IpAddr>::new()
            .destination_prefix(route.to.addr(), route.to.prefix_len())
            .and_then(|builder| builder.gateway(route.via))
            .map_err(|error| failed(error.to_string()))?
            .table_id(table)
            .build();
        let request = netlink.handle().route().add(message);
        request.execute().await.map_err(|error| failed(error.to_string()))?;
    }
    Ok(())
}

/// Each source prefix, in the order written, and its table.
fn tables(node: &Node) -> Vec<(IpNet, u32)> {
    let mut tables: Vec<(IpNet, u32)> = Vec::new();
    for route in &node.policy {
        if !tables.iter().any(|(source, _)| *source == route.from) {
            let next = u32::try_from(tables.len()).unwrap_or(u32::MAX - FIRST_TABLE);
            tables.push((route.from, FIRST_TABLE + next));
        }
    }
    tables
}

fn failed(node: &Node, what: &str, from: IpNet, cause: String) -> KernelError {
    KernelError::Netlink {
        operation: format!("add the {what} for packets from {from}"),
        node: node.name.to_string(),
        cause,
    }
}

async fn add_rule(netlink: &Netlink, from: IpNet, table: u32) -> Result<(), String> {
    let request = netlink.handle().rule().add().table_id(table).action(RuleAction::ToTable);
    let added = match from {
        IpNet::V4(net) => request.v4().source_prefix(net.addr(), net.prefix_len()).execute().await,
        IpNet::V6(net) => request.v6().source_prefix(net.addr(), net.prefix_len()).execute().await,
    };
    added.map_err(|error| error.to_string())
}

/// Rules that look up a table of ours, and the routes in these, a line each, in words like those of `ip`.
///
/// Errors: netlink's.
pub async fn list(namespace: &Namespace) -> Result<Vec<String>, KernelError> {
    let netlink = Netlink::open(namespace)?;
    let failed = |error: rtnetlink::Error| KernelError::Netlink {
        operation: "list policy routes".into(),
        node: namespace.name().to_owned(),
        cause: error.to_string(),
    };
    let mut lines = Vec::new();
    for (version, family) in [(IpVersion::V4, AddressFamily::Inet), (IpVersion::V6, AddressFamily::Inet6)] {
        let rules: Vec<RuleMessage> =
            netlink.handle().rule().get(version).execute().try_collect().await.map_err(failed)?;
        lines.extend(rules.iter().filter_map(rule));
        let mut all = RouteMessage::default();
        all.header.address_family = family;
        let routes: Vec<RouteMessage> =
            netlink.handle().route().get(all).execute().try_collect().await.map_err(failed)?;
        lines.extend(routes.iter().filter_map(route));
    }
    Ok(lines)
}

fn rule(message: &RuleMessage) -> Option<String> {
    let table = message.attributes.iter().find_map(|one| match one {
        RuleAttribute::Table(table) => Some(*table).filter(|table| *table >= FIRST_TABLE),
        _ => None,
    })?;
    let source = message.attributes.iter().find_map(|one| match one {
        RuleAttribute::Source(source) => Some(*source),
        _ => None,
    })?;
    Some(format!("from {source}/{} lookup {table}", message.header.src_len))
}

fn route(message: &RouteMessage) -> Option<String> {
    let table = message.attributes.iter().find_map(|one| match one {
        RouteAttribute::Table(table) => Some(*table).filter(|table| *table >= FIRST_TABLE),
        _ => None,
    })?;
    let address = |wanted: fn(&RouteAttribute) -> Option<&RouteAddress>| match message
        .attributes
        .iter()
        .find_map(wanted)?
    {
        RouteAddress::Inet(address) => Some(address.to_string()),
        RouteAddress::Inet6(address) => Some(address.to_string()),
        _ => None,
    };
    let to = address(|one| match one {
        RouteAttribute::Destination(address) => Some(address),
        _ => None,
    });
    let via = address(|one| match one {
        RouteAttribute::Gateway(address) => Some(address),
        _ => None,
    });
    let to =
        to.map_or("default".to_owned(), |to| format!("{to}/{}", message.header.destination_prefix_length));
    Some(format!("{to} via {} table {table}", via.unwrap_or_default()))
}
