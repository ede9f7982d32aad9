//! SOAP 1.2 envelopes: what is in one, and ours.

use super::fault::{Code, Fault};
use super::names::{
    ADDRESSING, ADDRESSING_1_0, DEVICE, DISCOVERY, ERROR, MEDIA, MEDIA2, NETWORK, SCHEMA, SECURITY,
};
use super::names::{SOAP, SOAP_1_1};
use crate::xml::{self, Element};

/// A message that came.
#[derive(Debug)]
pub(super) struct Envelope {
    /// What stands in the header.
    pub(super) header: Vec<Element>,
    /// The first element of the body: what is asked.
    pub(super) body: Element,
}

impl Envelope {
    /// The header block of this name.
    pub(super) fn block(&self, namespace: &str, local: &str) -> Option<&Element> {
        self.header.iter().find(|block| block.name.is(namespace, local))
    }
}

/// Reads a message; what is wrong with it is told as SOAP tells it.
pub(super) fn read(document: &[u8]) -> Result<Envelope, Fault> {
    let root = xml::read(document)?;
    if root.name.is(SOAP_1_1, "Envelope") {
        let reason = "SOAP 1.2 is spoken here".to_owned();
        return Err(Fault { code: Code::VersionMismatch, subcodes: &[], reason });
    }
    if !root.name.is(SOAP, "Envelope") {
        return Err(Fault::ill_formed("this is no SOAP envelope"));
    }
    let header = root.child(SOAP, "Header").map(|header| header.children.clone()).unwrap_or_default();
    understood(&header)?;
    let body = root.child(SOAP, "Body").and_then(|body| body.children.first());
    let body = body.ok_or_else(|| Fault::ill_formed("the envelope has no body with an element in it"))?;
    Ok(Envelope { header, body: body.clone() })
}

/// Whoever says that a header block must be understood is told if it is not (SOAP 1.2, section 5.2.3).
fn understood(header: &[Element]) -> Result<(), Fault> {
    let known = [SECURITY, ADDRESSING, ADDRESSING_1_0, DISCOVERY];
    let must = |block: &&Element| matches!(block.attribute_in(SOAP, "mustUnderstand"), Some("1" | "true"));
    let strange = |block: &&Element| !known.contains(&block.name.namespace.as_str());
    match header.iter().filter(must).find(strange) {
        None => Ok(()),
        Some(block) => Err(Fault {
            code: Code::MustUnderstand,
            subcodes: &[],
            reason: format!("the header `{}` is not understood", block.name.local),
        }),
    }
}

/// A whole message of discovery, which has to fit into one packet: only its own prefixes are declared.
pub(super) fn write_datagram(header: &str, body: &str) -> String {
    format!(
        "<s:Envelope xmlns:s=\"{SOAP}\" xmlns:a=\"{ADDRESSING}\" xmlns:d=\"{DISCOVERY}\"><s:Header>{header}</s:Header>\
         <s:Body>{body}</s:Body></s:Envelope>"
    )
}

/// A whole message with this in its header and body; the prefixes that both may use are declared.
pub(super) fn write(header: &str, body: &str) -> String {
    let header = if header.is_empty() { String::new() } else { format!("<s:Header>{header}</s:Header>") };
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<s:Envelope xmlns:s=\"{SOAP}\" xmlns:a=\"{ADDRESSING}\" \
         xmlns:d=\"{DISCOVERY}\" xmlns:dn=\"{NETWORK}\" xmlns:tds=\"{DEVICE}\" xmlns:trt=\"{MEDIA}\" \
         xmlns:tr2=\"{MEDIA2}\" xmlns:tt=\"{SCHEMA}\" xmlns:ter=\"{ERROR}\">{header}<s:Body>{body}</s:Body></s:Envelope>"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(document: &str) -> Code {
        read(document.as_bytes()).unwrap_err().code
    }

    #[test]
    fn what_is_written_is_read() {
        let read = read(write("<a:Action>x</a:Action>", "<tds:GetScopes/>").as_bytes()).unwrap();
        assert!(read.body.name.is(DEVICE, "GetScopes"));
        assert_eq!(read.block(ADDRESSING, "Action").unwrap().text, "x");
    }

    #[test]
    fn what_is_no_envelope_is_told_so() {
        assert_eq!(code("<a/>"), Code::Sender);
        assert_eq!(code(&write("", "")), Code::Sender);
        let old = format!("<e:Envelope xmlns:e='{SOAP_1_1}'><e:Body><x/></e:Body></e:Envelope>");
        assert_eq!(code(&old), Code::VersionMismatch);
        let strange = "<x:Y xmlns:x='urn:x' s:mustUnderstand='1'/>";
        assert_eq!(code(&write(strange, "<tds:GetScopes/>")), Code::MustUnderstand);
        let known = format!("<w:Security xmlns:w='{SECURITY}' s:mustUnderstand='1'/>");
        assert!(read(write(&known, "<tds:GetScopes/>").as_bytes()).is_ok());
    }
}
