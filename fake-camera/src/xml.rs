//! XML of strangers, read into a small tree with bounds: no document type, no entity of one's own, no more than so
//! many bytes, elements and levels.
//!
//! Names are compared by namespace, never by prefix (Namespaces in XML 1.0). What stands between elements that have
//! children is dropped.

use quick_xml::Reader;
use quick_xml::escape::escape;
use quick_xml::events::{BytesRef, BytesStart, Event};
use quick_xml::name::{NamespaceResolver, PrefixDeclaration, QName, ResolveResult};

/// Longest document, bytes.
pub const MAX_BYTES: usize = 64 * 1024;
/// Deepest nesting of elements.
const MAX_DEPTH: usize = 32;
/// Most elements, and most attributes of one of them.
const MAX_ELEMENTS: usize = 2000;
const MAX_ATTRIBUTES: usize = 64;
/// Longest namespace, bytes: each name in it keeps a copy.
const MAX_NAMESPACE: usize = 256;
/// Most names in one text.
const MAX_NAMES: usize = 64;

/// A name: namespace, which is empty for none, and local part.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Name {
    /// Namespace name, for example `http://www.w3.org/2003/05/soap-envelope`.
    pub namespace: String,
    /// Local part, for example `Envelope`.
    pub local: String,
}

impl Name {
    /// Whether this is that name.
    pub fn is(&self, namespace: &str, local: &str) -> bool {
        self.namespace == namespace && self.local == local
    }
}

/// An element with all that is in it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Element {
    /// What it is called.
    pub name: Name,
    /// Its attributes, without declarations of namespaces.
    pub attributes: Vec<(Name, String)>,
    /// Its own text, without white space around it.
    pub text: String,
    /// The words of its text read as names, where each of them is one: a prefix has its meaning only in its place.
    pub names: Vec<Name>,
    /// The elements in it.
    pub children: Vec<Element>,
}

impl Element {
    /// The first child of this name.
    pub fn child(&self, namespace: &str, local: &str) -> Option<&Self> {
        self.children.iter().find(|child| child.name.is(namespace, local))
    }

    /// The text of the first child of this name.
    pub fn text_of(&self, namespace: &str, local: &str) -> Option<&str> {
        self.child(namespace, local).map(|child| child.text.as_str())
    }

    /// The value of an attribute that has no namespace.
    pub fn attribute(&self, local: &str) -> Option<&str> {
        self.attribute_in("", local)
    }

    /// The value of an attribute.
    pub fn attribute_in(&self, namespace: &str, local: &str) -> Option<&str> {
        self.attributes.iter().find(|(name, _)| name.is(namespace, local)).map(|(_, value)| value.as_str())
    }
}

/// Why a document is not read.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
pub enum Error {
    /// More bytes, levels, elements or attributes than anybody needs.
    #[error("the document has too many {0}")]
    TooMany(&'static str),
    /// It declares a document type, which could define entities.
    #[error("the document declares a document type")]
    DocumentType,
    /// It uses an entity other than the five of XML itself.
    #[error("the document uses the entity `{0}`")]
    Entity(String),
    /// A prefix that nobody declared.
    #[error("the prefix `{0}` is not declared")]
    Prefix(String),
    /// It is not well-formed, or not in UTF-8.
    #[error("the document is no XML: {0}")]
    Malformed(String),
}

/// Text as it stands between tags or in an attribute's quotes; characters that XML cannot hold are left out.
pub fn escaped(text: &str) -> String {
    let lawful: String = text.chars().filter(|&found| found >= ' ' || "\t\n\r".contains(found)).collect();
    escape(lawful.as_str()).into_owned()
}

/// Reads a whole document.
pub fn read(document: &[u8]) -> Result<Element, Error> {
    if document.len() > MAX_BYTES {
        return Err(Error::TooMany("bytes"));
    }
    let text = std::str::from_utf8(document).map_err(malformed)?;
    let mut reader = Reader::from_str(text.trim_start_matches('\u{feff}'));
    let mut building = Building::default();
    loop {
        match reader.read_event().map_err(malformed)? {
            Event::Start(start) => building.open(&start)?,
            Event::Empty(start) => {
                building.open(&start)?;
                building.close()?;
            }
            Event::End(_) => building.close()?,
            Event::Text(text) => building.text(&text.xml10_content().map_err(malformed)?)?,
            Event::CData(text) => building.text(&text.xml10_content().map_err(malformed)?)?,
            Event::GeneralRef(reference) => building.text(&resolved(&reference)?)?,
            Event::DocType(_) => return Err(Error::DocumentType),
            Event::Decl(_) | Event::Comment(_) | Event::PI(_) => {}
            Event::Eof => return building.end(),
        }
    }
}

/// The elements that are open, innermost last.
#[derive(Default)]
struct Building {
    namespaces: NamespaceResolver,
    open: Vec<Element>,
    root: Option<Element>,
    elements: usize,
}

impl Building {
    fn open(&mut self, start: &BytesStart<'_>) -> Result<(), Error> {
        self.elements += 1;
        if self.elements > MAX_ELEMENTS {
            return Err(Error::TooMany("elements"));
        }
        if self.open.len() == MAX_DEPTH {
            return Err(Error::TooMany("levels"));
        }
        if self.root.is_some() {
            return Err(Error::Malformed("an element follows the root".into()));
        }
        self.namespaces.push(start).map_err(malformed)?;
        let name = self.name(start.name(), true)?;
        let attributes = self.attributes(start)?;
        self.open.push(Element { name, attributes, ..Element::default() });
        Ok(())
    }

    fn attributes(&self, start: &BytesStart<'_>) -> Result<Vec<(Name, String)>, Error> {
        let mut attributes = Vec::new();
        for (count, attribute) in start.attributes().enumerate() {
            if count == MAX_ATTRIBUTES {
                return Err(Error::TooMany("attributes"));
            }
            let attribute = attribute.map_err(malformed)?;
            let declares = attribute.key.as_namespace_binding();
            if let Some(PrefixDeclaration::Default | PrefixDeclaration::Named(_)) = declares {
                continue;
            }
            let raw = std::str::from_utf8(&attribute.value).map_err(malformed)?;
            let value = quick_xml::escape::unescape(raw).map_err(malformed)?.into_owned();
            attributes.push((self.name(attribute.key, false)?, value));
        }
        Ok(attributes)
    }

    fn name(&self, name: QName<'_>, element: bool) -> Result<Name, Error> {
        let (found, local) = self.namespaces.resolve(name, element);
        let namespace = match found {
            ResolveResult::Bound(namespace) if namespace.as_ref().len() > MAX_NAMESPACE => {
                return Err(Error::TooMany("bytes in a namespace"));
            }
            ResolveResult::Bound(namespace) => utf8(namespace.as_ref())?,
            ResolveResult::Unbound => String::new(),
            ResolveResult::Unknown(prefix) => return Err(Error::Prefix(utf8(&prefix)?)),
        };
        Ok(Name { namespace, local: utf8(local.as_ref())? })
    }

    fn text(&mut self, text: &str) -> Result<(), Error> {
        match self.open.last_mut() {
            Some(element) => element.text.push_str(text),
            None if text.trim().is_empty() => {}
            None => return Err(Error::Malformed("there is text outside the root".into())),
        }
        Ok(())
    }

    fn close(&mut self) -> Result<(), Error> {
        let mut element =
            self.open.pop().ok_or_else(|| Error::Malformed("nothing is open that could end".into()))?;
        if element.children.is_empty() {
            element.text = element.text.trim().to_owned();
            let words = element.text.split_whitespace().take(MAX_NAMES);
            let names: Result<Vec<_>, _> =
                words.map(|word| self.name(QName(word.as_bytes()), true)).collect();
            element.names = names.unwrap_or_default();
        } else {
            element.text.clear();
        }
        self.namespaces.pop();
        match self.open.last_mut() {
            Some(outer) => outer.children.push(element),
            None => self.root = Some(element),
        }
        Ok(())
    }

    fn end(self) -> Result<Element, Error> {
        if let Some(open) = self.open.last() {
            return Err(Error::Malformed(format!("`{}` does not end", open.name.local)));
        }
        self.root.ok_or_else(|| Error::Malformed("there is no element".into()))
    }
}

/// A character by its number, or one of the five entities of XML; no document may bring others.
fn resolved(reference: &BytesRef<'_>) -> Result<String, Error> {
    if let Some(character) = reference.resolve_char_ref().map_err(malformed)? {
        return Ok(character.into());
    }
    let name = reference.decode().map_err(malformed)?;
    quick_xml::escape::resolve_xml_entity(&name)
        .map(str::to_owned)
        .ok_or_else(|| Error::Entity(name.into_owned()))
}

fn utf8(bytes: &[u8]) -> Result<String, Error> {
    std::str::from_utf8(bytes).map(str::to_owned).map_err(malformed)
}

fn malformed(error: impl std::fmt::Display) -> Error {
    Error::Malformed(error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(document: &str) -> Result<String, Error> {
        read(document.as_bytes()).map(|root| root.text)
    }

    #[test]
    fn names_are_those_of_their_namespace_whatever_the_prefix() {
        let spellings = [
            r#"<a:one xmlns:a="urn:x"><a:two at="1">t</a:two></a:one>"#,
            r#"<one xmlns="urn:x"><two at='1'> t </two></one>"#,
            r#"<?xml version="1.0"?><b:one xmlns:b="urn:x"><c:two xmlns:c="urn:x" at="1"><![CDATA[t]]></c:two></b:one>"#,
        ];
        for spelling in spellings {
            let root = read(spelling.as_bytes()).unwrap();
            assert!(root.name.is("urn:x", "one"), "{spelling}");
            assert_eq!(root.text_of("urn:x", "two"), Some("t"), "{spelling}");
            assert_eq!(root.child("urn:x", "two").unwrap().attribute("at"), Some("1"), "{spelling}");
        }
    }

    #[test]
    fn names_in_text_are_read_where_they_stand() {
        let document = r#"<a xmlns:p="urn:out"><b xmlns:p="urn:in"> p:x  p:y </b><c>p:x</c><d>q:x</d></a>"#;
        let root = read(document.as_bytes()).unwrap();
        let of = |at: usize| {
            let names = root.children[at].names.iter();
            names.map(|name| format!("{} {}", name.namespace, name.local)).collect::<Vec<_>>()
        };
        assert_eq!((of(0), of(1)), (vec!["urn:in x".into(), "urn:in y".into()], vec!["urn:out x".into()]));
        assert!(of(2).is_empty(), "a prefix that nobody declared makes no name");
    }

    #[test]
    fn characters_may_be_written_as_references() {
        assert_eq!(text("<a>&lt;&amp;&#65;&#x42;&gt;</a>").unwrap(), "<&AB>");
        assert_eq!(text(&format!("<a>{}</a>", escaped("<a & \"b\">\u{1}"))).unwrap(), "<a & \"b\">");
    }

    #[test]
    fn no_entity_of_ones_own_is_taken() {
        let bomb = r#"<!DOCTYPE a [<!ENTITY b "bb"><!ENTITY c "&b;&b;">]><a>&c;</a>"#;
        assert_eq!(text(bomb), Err(Error::DocumentType));
        assert_eq!(text("<a>&nbsp;</a>"), Err(Error::Entity("nbsp".into())));
        assert!(matches!(text(r#"<a b="&file;"/>"#), Err(Error::Malformed(_))));
    }

    #[test]
    fn documents_have_bounds() {
        let nested = |levels: usize| format!("{}{}", "<a>".repeat(levels), "</a>".repeat(levels));
        assert!(text(&nested(MAX_DEPTH)).is_ok());
        assert_eq!(text(&nested(MAX_DEPTH + 1)), Err(Error::TooMany("levels")));
        assert_eq!(text(&format!("<a>{}</a>", "<b/>".repeat(MAX_ELEMENTS))), Err(Error::TooMany("elements")));
        assert_eq!(text(&format!("<a>{}</a>", "x".repeat(MAX_BYTES))), Err(Error::TooMany("bytes")));
        let attributes: String = (0..=MAX_ATTRIBUTES).map(|nth| format!(" a{nth}='1'")).collect();
        assert_eq!(text(&format!("<a{attributes}/>")), Err(Error::TooMany("attributes")));
        let long = format!("<a xmlns='{}'/>", "x".repeat(MAX_NAMESPACE + 1));
        assert_eq!(text(&long), Err(Error::TooMany("bytes in a namespace")));
    }

    #[test]
    fn what_is_not_well_formed_is_refused() {
        for document in [
            "",
            "text",
            "<a>",
            "</a>",
            "<a></b>",
            "<a/><b/>",
            "<a/>x",
            "<a b=1/>",
            "<a b='1' b='2'/>",
            "<p:a/>",
            "<a p:b='1'/>",
        ] {
            assert!(text(document).is_err(), "{document}");
        }
        assert!(read(b"<a>\xff</a>").is_err());
    }
}
