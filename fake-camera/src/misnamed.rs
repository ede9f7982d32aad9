//! A user name that a client shows and that is not the camera's: whose it is may be known to whoever reads of it.

use std::net::SocketAddr;

use fake_facts::Fact;

/// So much of a name is told, characters.
const MOST: usize = 64;

/// What is told of a client of this service that shows this name.
pub(crate) fn misnamed(service: &str, peer: SocketAddr, user: &str) -> Fact {
    Fact::Misnamed { service: service.to_owned(), peer, user: user.chars().take(MOST).collect() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_name_is_cut_between_two_characters() {
        let told = misnamed("rtsp", "10.20.0.5:40000".parse().unwrap(), &"ä".repeat(100));
        let Fact::Misnamed { user, .. } = told else { panic!("{told:?}") };
        assert_eq!(user, "ä".repeat(64));
    }
}
