//! Rules that load while their node has no link up yet, and while the rest of the site is made.

use std::collections::BTreeSet;
use std::path::Path;

use super::{KernelError, Namespace, nft};
use crate::names::NodeName;
use crate::plan::Node;

/// So many nft processes at once: more would only wait for a processor.
pub(super) const AT_ONCE: usize = 8;

/// A node that has a rule file, and its namespace.
pub(super) type Filtering<'a> = (&'a Node, &'a Namespace);

/// Whose rules stand before there are links; a node with rules that is not among them is closed by a base until then.
#[derive(Debug, Default)]
pub(super) struct Early {
    stand: BTreeSet<NodeName>,
    begun: Vec<(NodeName, nft::Running)>,
}

impl Early {
    /// Begins to load the rules of the first few nodes; moves the calling thread into their namespaces, for good.
    ///
    /// Errors: `Missing`, `Nft` where nft cannot be started.
    pub(super) fn begin_here(filtering: &[Filtering<'_>], folder: &Path) -> Result<Self, KernelError> {
        let begin = |(node, namespace): &Filtering<'_>| {
            namespace.enter()?;
            begin_here(node, namespace, folder)
        };
        let begun: Result<_, KernelError> = filtering.iter().take(AT_ONCE).map(begin).collect();
        Ok(Self { stand: BTreeSet::new(), begun: begun? })
    }

    /// Goes on with the others; the last few may be at work afterwards.
    ///
    /// Errors: `Missing`, `Nft` where nft cannot be started, and as [`Self::end`].
    pub(super) async fn go_on(
        &mut self,
        filtering: &[Filtering<'_>],
        folder: &Path,
    ) -> Result<(), KernelError> {
        for some in filtering.chunks(AT_ONCE).skip(1) {
            self.end(filtering).await?;
            for (node, namespace) in some {
                self.begun.push(namespace.inside(|| begin_here(node, namespace, folder))??);
            }
        }
        Ok(())
    }

    /// Waits for the loads that have begun: after this, each of their nodes has its rules or is closed.
    ///
    /// Errors: `Rules` for a file that meddles with the instrument, and those of closing.
    pub(super) async fn end(&mut self, filtering: &[Filtering<'_>]) -> Result<(), KernelError> {
        for (name, loading) in std::mem::take(&mut self.begun) {
            let known = filtering.iter().find(|(node, _)| node.name == name);
            let &(node, namespace) = known.expect("what has begun is of these nodes");
            if stands(node, namespace, loading).await? {
                self.stand.insert(name);
            }
        }
        Ok(())
    }

    /// Whether a node's rules stand.
    pub(super) fn has(&self, node: &NodeName) -> bool {
        self.stand.contains(node)
    }
}

/// Begins to load the rules of a node that has some and no links yet, in whose namespace the calling thread is.
fn begin_here(
    node: &Node,
    namespace: &Namespace,
    folder: &Path,
) -> Result<(NodeName, nft::Running), KernelError> {
    let file = node.ruleset.as_deref().unwrap_or_default();
    Ok((node.name.clone(), nft::load_early_here(namespace, folder, file)?))
}

async fn stands(node: &Node, namespace: &Namespace, loading: nft::Running) -> Result<bool, KernelError> {
    match loading.end().await {
        Ok(loaded) => {
            nft::refuse_meddling(&loaded, &node.name, node.ruleset.as_deref().unwrap_or_default())?;
            tracing::debug!(node = %node.name, "rules are loaded");
            Ok(true)
        }
        Err(error) => {
            tracing::debug!(node = %node.name, %error, "rules wait for the links");
            nft::close(namespace).await?;
            Ok(false)
        }
    }
}
