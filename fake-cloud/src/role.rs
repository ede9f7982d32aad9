//! Who is who in the account: its one user, and its one role with the sessions that take it on.
//!
//! Nothing is written here about what they may do: whoever is known may do everything.

use sha2::{Digest, Sha256};

use crate::session::Principal;

/// Name of the role, and of the role alias that leads to it.
pub(crate) const NAME: &str = "panorama-appliance";
/// Name of the user who holds the key that lasts.
const USER: &str = "operator";

/// The role's ARN.
pub(crate) fn arn(account: &str) -> String {
    format!("arn:aws:iam::{account}:role/{NAME}")
}

/// The role as taken on in a session.
pub(crate) fn session(account: &str, name: &str) -> Principal {
    Principal {
        arn: format!("arn:aws:sts::{account}:assumed-role/{NAME}/{name}"),
        id: format!("{}:{name}", id("AROA", account, NAME)),
    }
}

/// The user.
pub(crate) fn user(account: &str) -> Principal {
    Principal { arn: format!("arn:aws:iam::{account}:user/{USER}"), id: id("AIDA", account, USER) }
}

/// An IAM identifier: its kind and 17 capitals and digits, the same every time.
fn id(kind: &str, account: &str, name: &str) -> String {
    let hash = hex::encode_upper(Sha256::digest(format!("{account}/{name}")));
    format!("{kind}{}", &hash[..17])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identifiers_have_the_documented_form_and_tell_accounts_apart() {
        let (one, other) = (session("123456789012", "app"), session("210987654321", "app"));
        assert_eq!(one.arn, "arn:aws:sts::123456789012:assumed-role/panorama-appliance/app");
        assert!(one.id.starts_with("AROA") && one.id.ends_with(":app") && one.id.len() == 21 + 4);
        assert_ne!(one.id, other.id);
        assert_eq!(user("123456789012").id.len(), 21);
    }
}
