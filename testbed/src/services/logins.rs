//! Who may look at a camera: each has a user name and a password of its own, and the password is another in each run.

use std::collections::BTreeMap;

use sha2::{Digest, Sha256};

use crate::names::NodeName;
use crate::plan::{Plan, Role, viewer};
use crate::probe::Shown;

/// Digits of a password: as many as those of the canaries that show that one would be found.
const DIGITS: usize = 16;

/// User name and password of one camera in one run.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Login {
    pub(crate) user: String,
    pub(crate) password: String,
}

impl Login {
    /// Of the camera with this name, in the run with this number.
    pub(crate) fn of(camera: &NodeName, run: u32) -> Self {
        let hash = Sha256::new()
            .chain_update(b"camera")
            .chain_update(run.to_be_bytes())
            .chain_update(camera.as_str());
        let mut password = hex::encode(hash.finalize());
        password.truncate(DIGITS);
        Self { user: viewer(camera), password }
    }
}

/// The passwords of all cameras of a run, by camera.
pub(crate) fn camera_passwords(plan: &Plan, run: u32) -> BTreeMap<NodeName, String> {
    cameras(plan).into_iter().map(|camera| (camera.clone(), Login::of(camera, run).password)).collect()
}

/// What somebody shows a camera who knows its password, or tries another one that is as long.
pub(crate) fn shown_to(camera: &NodeName, run: u32, knows: bool) -> Shown {
    let Login { user, password } = Login::of(camera, run);
    let password = if knows {
        password
    } else {
        password.chars().map(|one| if one == '0' { '1' } else { '0' }).collect()
    };
    Shown { user, password }
}

/// What a command of the scenario's at this node is told: of each camera its user and its password, with the camera's name in
/// capitals, `_` for `-`; and of one camera by no name, if the node is that one, or the site has no other.
pub(super) fn environment(plan: &Plan, node: &NodeName, run: u32) -> Vec<(String, String)> {
    let cameras = cameras(plan);
    let own = match &cameras[..] {
        [only] => Some(*only),
        all => all.iter().find(|camera| **camera == node).copied(),
    };
    let told = |camera: &NodeName, suffix: String| {
        let Login { user, password } = Login::of(camera, run);
        [
            (format!("TESTBED_CAMERA_USER{suffix}"), user),
            (format!("TESTBED_CAMERA_PASSWORD{suffix}"), password),
        ]
    };
    let by_name = cameras
        .iter()
        .flat_map(|camera| told(camera, format!("_{}", camera.as_str().to_uppercase().replace('-', "_"))));
    own.into_iter().flat_map(|camera| told(camera, String::new())).chain(by_name).collect()
}

fn cameras(plan: &Plan) -> Vec<&NodeName> {
    plan.nodes.iter().filter(|node| node.role == Role::Camera).map(|node| &node.name).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn each_camera_of_each_run_has_a_login_of_its_own() {
        let cameras: Vec<NodeName> = ["dock-1", "dock-2", "gate"].map(|name| name.parse().unwrap()).to_vec();
        let of_all = || (1..4).flat_map(|run| cameras.iter().map(move |camera| Login::of(camera, run)));
        let (passwords, users): (BTreeSet<_>, BTreeSet<_>) =
            of_all().map(|login| (login.password, login.user)).unzip();
        assert_eq!((passwords.len(), users.len()), (9, 3));
        assert!(
            passwords
                .iter()
                .all(|one| one.len() == DIGITS && one.bytes().all(|byte| byte.is_ascii_hexdigit()))
        );
        assert!(of_all().eq(of_all()), "the same again in the same run");
    }

    /// What a command is told, by the names of its variables: those without a camera's name, and how many others.
    fn told(plan: &Plan, node: &str) -> (Vec<(String, String)>, usize) {
        let all = environment(plan, &node.parse().unwrap(), 7);
        let (own, named): (Vec<_>, _) = all.into_iter().partition(|(name, _)| {
            ["TESTBED_CAMERA_USER", "TESTBED_CAMERA_PASSWORD"].contains(&name.as_str())
        });
        for (camera, name) in [("dock-1", "DOCK_1"), ("dock-2", "DOCK_2")] {
            let Login { user, password } = Login::of(&camera.parse().unwrap(), 7);
            let there = |variable: &(String, String)| named.contains(variable);
            let is_planned = plan.nodes.iter().any(|node| node.name.as_str() == camera);
            assert_eq!(there(&(format!("TESTBED_CAMERA_USER_{name}"), user)), is_planned);
            assert_eq!(there(&(format!("TESTBED_CAMERA_PASSWORD_{name}"), password)), is_planned);
        }
        (own, named.len())
    }

    #[test]
    fn a_command_is_told_all_logins_by_name_and_one_that_it_cannot_mistake_without() {
        let mut plan = crate::verdict::example::plan();
        assert_eq!(camera_passwords(&plan, 7).len(), 2);
        assert_eq!(told(&plan, "vms"), (Vec::new(), 4), "it might be of either");
        let of = |camera: &str| {
            let Login { user, password } = Login::of(&camera.parse().unwrap(), 7);
            vec![("TESTBED_CAMERA_USER".to_owned(), user), ("TESTBED_CAMERA_PASSWORD".to_owned(), password)]
        };
        assert_eq!(told(&plan, "dock-2"), (of("dock-2"), 4), "its own");
        plan.nodes.retain(|node| node.name.as_str() != "dock-2");
        assert_eq!(told(&plan, "vms"), (of("dock-1"), 2), "the only one");
    }
}
