//! WS-Security UsernameToken (OASIS profile 1.0): who asks, shown by a digest that holds for some minutes.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha1::{Digest as _, Sha1};
use time::format_description::well_known::Rfc3339;
use time::{Duration, OffsetDateTime};

use super::device::Login;
use super::names::{SECURITY, USERNAME_TOKEN, UTILITY};
use crate::xml::Element;

/// A digest holds for so long before and after the moment it was made, by the camera's clock. The profile recommends
/// five minutes (section 3.1), and leaves it open.
const WINDOW: Duration = Duration::minutes(5);

/// The name of the user in the header block `Security`.
pub(super) fn user(security: &Element) -> Option<&str> {
    security.child(SECURITY, "UsernameToken")?.text_of(SECURITY, "Username")
}

/// Judges the header block `Security`: the user's name, or why the token is not taken.
pub(super) fn judge(security: &Element, login: &Login, now: OffsetDateTime) -> Result<String, &'static str> {
    let token = security.child(SECURITY, "UsernameToken").ok_or("no user name token")?;
    let user = token.text_of(SECURITY, "Username").ok_or("no user name")?;
    let shown = token.child(SECURITY, "Password").ok_or("no password")?;
    let wrong = Err("wrong user name or password");
    match shown.attribute("Type").map(|kind| kind.strip_prefix(USERNAME_TOKEN)) {
        None | Some(Some("#PasswordText")) if shown.text != login.password => return wrong,
        None | Some(Some("#PasswordText")) => {}
        Some(Some("#PasswordDigest")) => {
            let nonce = token.text_of(SECURITY, "Nonce").ok_or("no nonce")?;
            let nonce = STANDARD.decode(nonce).map_err(|_| "the nonce is not in base64")?;
            let created = token.text_of(UTILITY, "Created").ok_or("no time of creation")?;
            if shown.text != digest(&nonce, created, &login.password) {
                return wrong;
            }
            fresh(created, now)?;
        }
        Some(_) => return Err("unknown type of password"),
    }
    if user == login.user { Ok(user.to_owned()) } else { wrong }
}

/// `Base64(SHA-1(nonce + created + password))`.
fn digest(nonce: &[u8], created: &str, password: &str) -> String {
    let sum = Sha1::new().chain_update(nonce).chain_update(created).chain_update(password).finalize();
    STANDARD.encode(sum)
}

/// Whether the moment lies near enough to now. A client that leaves the zone out means UTC, as all of ONVIF does.
fn fresh(created: &str, now: OffsetDateTime) -> Result<(), &'static str> {
    let parsed = OffsetDateTime::parse(created, &Rfc3339)
        .or_else(|_| OffsetDateTime::parse(&format!("{created}Z"), &Rfc3339));
    let created = parsed.map_err(|_| "the time of creation is no time")?;
    if (now - created).abs() <= WINDOW {
        Ok(())
    } else {
        Err("the time of creation is not that of the camera's clock")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::xml;

    fn login() -> Login {
        Login { user: "viewer".into(), password: "geheim".into() }
    }

    fn token(user: &str, password: &str, kind: &str, created: &str) -> Element {
        let text = format!(
            "<w:Security xmlns:w='{SECURITY}' xmlns:u='{UTILITY}'><w:UsernameToken><w:Username>{user}</w:Username>\
             <w:Password Type='{USERNAME_TOKEN}#{kind}'>{password}</w:Password><w:Nonce>{}</w:Nonce>\
             <u:Created>{created}</u:Created></w:UsernameToken></w:Security>",
            STANDARD.encode("nonce")
        );
        xml::read(text.as_bytes()).unwrap()
    }

    fn at(user: &str, password: &str, created: &str, now: &str) -> Result<String, &'static str> {
        let token = token(user, &digest(b"nonce", created, password), "PasswordDigest", created);
        judge(&token, &login(), OffsetDateTime::parse(now, &Rfc3339).unwrap())
    }

    #[test]
    fn the_digest_is_that_of_other_implementations() {
        // Computed with Python's hashlib from these very values.
        assert_eq!(digest(b"nonce", "2026-01-02T03:04:05Z", "geheim"), "GmiaJtuWs91rbObi+uCI5/HZk7s=");
    }

    #[test]
    fn a_digest_holds_for_five_minutes_around_its_creation() {
        let created = "2026-01-02T03:04:05Z";
        for time in ["2026-01-02T03:04:05Z", "2026-01-02T03:09:05Z", "2026-01-02T02:59:05Z"] {
            assert_eq!(at("viewer", "geheim", created, time), Ok("viewer".into()), "{time}");
        }
        for time in ["2026-01-02T03:09:06Z", "2026-01-02T02:59:04Z", "2027-01-02T03:04:05Z"] {
            let refused = at("viewer", "geheim", created, time).unwrap_err();
            assert!(refused.contains("clock"), "{time}: {refused}");
        }
        for other in ["2026-01-02T03:04:05", "2026-01-02T03:04:05.123456+00:00", "2026-01-02T05:04:05+02:00"]
        {
            assert!(at("viewer", "geheim", other, created).is_ok(), "{other}");
        }
        assert_eq!(at("viewer", "geheim", "yesterday", created), Err("the time of creation is no time"));
    }

    #[test]
    fn another_user_or_password_is_refused() {
        let now = "2026-01-02T03:04:05Z";
        assert_eq!(at("viewer", "wrong", now, now), Err("wrong user name or password"));
        assert_eq!(at("other", "geheim", now, now), Err("wrong user name or password"));
        let plain = |user, password| {
            judge(&token(user, password, "PasswordText", ""), &login(), OffsetDateTime::UNIX_EPOCH)
        };
        assert_eq!(plain("viewer", "geheim"), Ok("viewer".into()));
        assert_eq!(plain("viewer", "wrong"), Err("wrong user name or password"));
        assert_eq!(plain("other", "geheim"), Err("wrong user name or password"));
        let odd = token("viewer", "geheim", "PasswordOfTheDay", now);
        assert_eq!(judge(&odd, &login(), OffsetDateTime::UNIX_EPOCH), Err("unknown type of password"));
    }
}
