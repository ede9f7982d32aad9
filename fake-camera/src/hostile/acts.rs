//! What a hostile camera has done: told once each, so that whoever relies on an attack knows that there was one.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::{Arc, Mutex};

type Tell = dyn Fn(&'static str) + Send + Sync;

/// Told of everything hostile; says each kind once.
#[derive(Clone)]
pub struct Acts(Arc<(Mutex<BTreeSet<&'static str>>, Box<Tell>)>);

impl Acts {
    /// `tell` is called with the name of each kind, as in scenarios, when it happens for the first time.
    pub fn new(tell: impl Fn(&'static str) + Send + Sync + 'static) -> Self {
        Self(Arc::new((Mutex::default(), Box::new(tell))))
    }

    /// This is done now.
    pub(crate) fn did(&self, what: &'static str) {
        let (told, tell) = &*self.0;
        if told.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).insert(what) {
            tell(what);
        }
    }
}

impl Default for Acts {
    /// Nobody is told.
    fn default() -> Self {
        Self::new(|_| {})
    }
}

impl fmt::Debug for Acts {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_tuple("Acts").field(&self.0.0).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_is_told_once() {
        let heard = Arc::new(Mutex::new(Vec::new()));
        let hears = Arc::clone(&heard);
        let acts = Acts::new(move |what| hears.lock().unwrap().push(what));
        ["calls", "clock", "calls"].into_iter().for_each(|what| acts.clone().did(what));
        assert_eq!(*heard.lock().unwrap(), ["calls", "clock"]);
    }
}
