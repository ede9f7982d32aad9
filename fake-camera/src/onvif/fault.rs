//! What goes wrong, as SOAP 1.2 and the ONVIF Core Specification (section 5.8.2) say it.

use crate::xml;

/// A refusal: whose fault it is, what exactly, and in words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Fault {
    pub(super) code: Code,
    /// Codes of ONVIF's, from the general to the particular: `ter:InvalidArgVal`, `ter:NoProfile`.
    pub(super) subcodes: &'static [&'static str],
    pub(super) reason: String,
}

/// Whose fault it is (SOAP 1.2, section 5.4.6).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Code {
    Sender,
    Receiver,
    VersionMismatch,
    MustUnderstand,
}

impl Fault {
    /// The client asked wrongly.
    pub(super) fn sender(subcodes: &'static [&'static str], reason: impl Into<String>) -> Self {
        Self { code: Code::Sender, subcodes, reason: reason.into() }
    }

    /// The camera cannot do what was asked for.
    pub(super) fn receiver(subcodes: &'static [&'static str], reason: impl Into<String>) -> Self {
        Self { code: Code::Receiver, subcodes, reason: reason.into() }
    }

    /// What came is not what SOAP wants.
    pub(super) fn ill_formed(reason: impl Into<String>) -> Self {
        Self::sender(&["ter:WellFormed"], reason)
    }

    /// An operation that there is not.
    pub(super) fn unknown(operation: &str) -> Self {
        Self::receiver(&["ter:ActionNotSupported"], format!("there is no operation `{operation}`"))
    }

    /// The camera knows nobody by what was shown, or nothing was shown.
    pub(super) fn not_authorized(reason: impl Into<String>) -> Self {
        Self::sender(&["ter:NotAuthorized"], reason)
    }

    /// HTTP status that goes with it (SOAP 1.2 part 2, section 7.5.2.2).
    pub(super) fn status(&self) -> u16 {
        if self.code == Code::Sender { 400 } else { 500 }
    }

    /// The element `Fault`, for the body of an envelope.
    pub(super) fn to_xml(&self) -> String {
        let code = match self.code {
            Code::Sender => "Sender",
            Code::Receiver => "Receiver",
            Code::VersionMismatch => "VersionMismatch",
            Code::MustUnderstand => "MustUnderstand",
        };
        let inner = self.subcodes.iter().rev().fold(String::new(), |inner, code| {
            format!("<s:Subcode><s:Value>{code}</s:Value>{inner}</s:Subcode>")
        });
        format!(
            "<s:Fault><s:Code><s:Value>s:{code}</s:Value>{inner}</s:Code>\
             <s:Reason><s:Text xml:lang=\"en\">{}</s:Text></s:Reason></s:Fault>",
            xml::escaped(&self.reason)
        )
    }
}

impl From<xml::Error> for Fault {
    fn from(error: xml::Error) -> Self {
        Self::ill_formed(error.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::onvif::names::{ERROR, SOAP};

    #[test]
    fn a_fault_has_its_codes_one_in_another() {
        let fault = Fault::sender(&["ter:InvalidArgVal", "ter:NoProfile"], "no <profile>");
        let text = format!("<a xmlns:s='{SOAP}' xmlns:ter='{ERROR}'>{}</a>", fault.to_xml());
        let root = xml::read(text.as_bytes()).unwrap();
        let found = root.child(SOAP, "Fault").unwrap();
        let reason = found.child(SOAP, "Reason").unwrap();
        assert_eq!(reason.text_of(SOAP, "Text"), Some("no <profile>"));
        let code = found.child(SOAP, "Code").unwrap();
        assert!(code.child(SOAP, "Value").unwrap().names[0].is(SOAP, "Sender"));
        let outer = code.child(SOAP, "Subcode").unwrap();
        assert!(outer.child(SOAP, "Value").unwrap().names[0].is(ERROR, "InvalidArgVal"));
        let inner = outer.child(SOAP, "Subcode").unwrap();
        assert!(inner.child(SOAP, "Value").unwrap().names[0].is(ERROR, "NoProfile"));
        assert!(inner.child(SOAP, "Subcode").is_none());
    }
}
