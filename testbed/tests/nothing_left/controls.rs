//! The counting itself is put to the test: it sees what is left, and by whom.

use std::time::Duration;

use crate::support::{Counted, User};

const SHORT: Duration = Duration::from_millis(300);

#[test]
fn a_process_that_stays_is_noticed() {
    for user in [User::Same, User::Ordinary] {
        let counted = Counted::new(user);
        let (mut holder, _) = counted.leave_one();
        let left = counted.nothing_left(SHORT).expect_err("a process is there");
        assert!(left.contains("processes are left") && left.contains("cat"), "{user:?}: {left}");
        holder.end();
        counted.assert_nothing_left();
    }
}

#[test]
fn a_network_namespace_that_stays_is_noticed_even_without_a_process() {
    for user in [User::Same, User::Ordinary] {
        let counted = Counted::new(user);
        let (mut holder, namespace) = counted.leave_one();
        holder.end();
        let left = counted.nothing_left(SHORT).expect_err("an open file holds the namespace");
        assert!(left.contains("still counts"), "{user:?}: {left}");
        drop(namespace);
        counted.assert_nothing_left();
    }
}
