//! A user name that a client shows and that is not the camera's: whose it is may be known to whoever reads of it.

use std::net::SocketAddr;

use fake_facts::Fact;

/// So much of a name is told, characters.
const MOST: usize = 64;

/// What is told of a client of this service that shows this name; whatever would move a reader's cursor is left out of it.
pub(crate) fn misnamed(service: &str, peer: SocketAddr, user: &str) -> Fact {
    let user = user.chars().filter(|one| !(one.is_control() || is_format(*one))).take(MOST).collect();
    Fact::Misnamed { service: service.to_owned(), peer, user }
}

/// Whether it shows nothing itself and changes how others are shown: marks of direction and of width (Unicode, category Cf).
fn is_format(one: char) -> bool {
    matches!(one, '\u{ad}' | '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(user: &str) -> String {
        let told = misnamed("rtsp", "10.20.0.5:40000".parse().unwrap(), user);
        let Fact::Misnamed { user, .. } = told else { panic!("{told:?}") };
        user
    }

    #[test]
    fn a_long_name_is_cut_between_two_characters() {
        assert_eq!(told(&"ä".repeat(100)), "ä".repeat(64));
    }

    #[test]
    fn a_name_is_one_line_and_changes_nothing_on_a_screen() {
        assert_eq!(told("view\u{1b}[2J\r\ner"), "view[2Jer");
        assert_eq!(told("view\u{202e}er\u{2066}"), "viewer");
    }
}
