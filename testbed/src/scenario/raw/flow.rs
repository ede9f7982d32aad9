//! What is allowed: a site's own flows, those of a policy, and policies.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};

use super::super::leaf::{Anchor, FlowRange, Line, PolicyName, Whole};
use super::super::mistakes::Mistakes;
use super::super::model::CloudService;
use super::super::shape::{List, Named, Shape, Slot};
use super::super::table::{KeyShape, Table, describe_table, prose, table};
use super::super::tree::{Node, Spot};
use super::{Many, One, Some1};
use crate::names::{FlowId, NodeName, Traffic};

table! {
    /// Flows of a shared policy.
    PolicyUse = "a policy in use" {
        /// `panorama` for the documented flows, or a policy file below the scenario's folder.
        policy ("use"): must One<PolicyName>,
        /// Which node or group plays which role of the policy.
        roles ("as"): must Named<NodeName, Some1<NodeName>>,
        /// Which of its flows the site allows; `F07-F11` is all from the one to the other.
        allow: must Many<FlowRange>,
    }
}

table! {
    /// A flow of the site's own.
    OwnFlow = "a flow of the site's own" {
        /// `S01`, `S02`, …
        id: must One<FlowId>,
        /// Who opens it.
        from: must Some1<NodeName>,
        /// Who answers.
        to: must Some1<NodeName>,
        /// Transport and ports of the answerer, such as `tcp/554`.
        ports: must Some1<Traffic>,
        /// If the answerer is a cloud: which of its services; default all.
        services: may Some1<CloudService>,
        /// Why it is allowed.
        why: must One<Line>,
    }
}

/// An entry of `flows`.
#[derive(Debug)]
pub(crate) enum Flow {
    Policy(PolicyUse),
    Own(OwnFlow),
}

impl Shape for Flow {
    fn read(node: &Node, at: Spot, out: &mut Mistakes) -> Option<Self> {
        if node.get("use").is_some() || node.get("as").is_some() || node.get("allow").is_some() {
            return PolicyUse::read(node, at, out).map(Flow::Policy);
        }
        OwnFlow::read(node, at, out).map(Flow::Own)
    }
}

impl JsonSchema for Flow {
    fn schema_name() -> Cow<'static, str> {
        "Flow".into()
    }
    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let policy = generator.subschema_for::<PolicyUse>();
        let own = generator.subschema_for::<OwnFlow>();
        json_schema!({ "anyOf": [policy, own] })
    }
}

table! {
    /// A shared policy: flows between roles.
    Policy = "a policy" {
        /// Version of the language: 1.
        #[expect(dead_code, reason = "there is one version, and reading it checks it")]
        version: must One<Whole<1, 1>>,
        /// The roles, and what each is.
        roles: must Named<NodeName, One<Line>>,
        /// The flows.
        flows: must List<PolicyFlow>,
    }
}

table! {
    /// A flow between roles.
    PolicyFlow = "a policy's flow" {
        /// `F01`, `F02`, …
        id: must One<FlowId>,
        /// The role that opens it.
        from: may Some1<NodeName>,
        /// The role that answers.
        to: may Some1<NodeName>,
        /// Transport and ports of the answerer.
        ports: may Some1<Traffic>,
        /// If the answerer is a cloud: which of its services; default all.
        services: may Some1<CloudService>,
        /// True: link upkeep or errors tied to another flow; it has no `from`, `to` and `ports`. Default false.
        upkeep: may One<bool>,
        /// Why it is allowed.
        why: must One<Line>,
        /// Where the documents say so, each as `file.txt#anchor`.
        basis: may Many<Anchor>,
    }
}
