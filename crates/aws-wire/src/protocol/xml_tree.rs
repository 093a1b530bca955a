//! XML as a small tree: elements, attributes, texts.
//!
//! Enough for AWS's documents and safe for foreign ones: no external entities, no document types, bounded depth.

use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};

use super::DecodeError;

/// Most levels of elements.
const ELEMENT_DEPTH_MAX: usize = 128;

/// An element.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct XmlElement {
    /// Name without its prefix.
    pub name: String,
    /// Attributes with their full names, in order; namespaces (`xmlns`) too.
    pub attributes: Vec<(String, String)>,
    /// Elements inside, in order.
    pub children: Vec<XmlElement>,
    /// Text inside, without that of the elements. Blank text around elements is left out.
    pub text: String,
}

impl XmlElement {
    /// The first child with this name.
    pub fn child(&self, name: &str) -> Option<&Self> {
        self.children.iter().find(|child| child.name == name)
    }

    /// The text of the first child with this name.
    pub fn child_text(&self, name: &str) -> Option<&str> {
        self.child(name).map(|child| child.text.as_str())
    }

    /// The value of an attribute.
    pub fn attribute(&self, name: &str) -> Option<&str> {
        self.attributes.iter().find(|(found, _)| found == name).map(|(_, value)| value.as_str())
    }
}

/// Parses a document.
///
/// # Errors
/// The bytes are not well-formed XML in UTF-8, hold a document type or an unknown entity, or nest too deeply.
pub fn parse_xml(bytes: &[u8]) -> Result<XmlElement, DecodeError> {
    let mut reader = Reader::from_reader(bytes);
    reader.config_mut().check_end_names = true;
    let mut open: Vec<XmlElement> = Vec::new();
    let mut root = None;
    loop {
        let at = reader.buffer_position();
        let failed = |reason: String| DecodeError::new("XML", format!("{reason} at byte {at}"));
        let event = reader.read_event().map_err(|error| failed(error.to_string()))?;
        match event {
            Event::Start(start) => {
                if open.len() >= ELEMENT_DEPTH_MAX {
                    return Err(failed(format!("more than {ELEMENT_DEPTH_MAX} levels")));
                }
                open.push(element(&start).map_err(failed)?);
            }
            Event::Empty(start) => {
                let element = element(&start).map_err(failed)?;
                close(element, &mut open, &mut root).map_err(failed)?;
            }
            Event::End(_) => match open.pop() {
                Some(element) => close(element, &mut open, &mut root).map_err(failed)?,
                None => return Err(failed("an end without a start".to_owned())),
            },
            Event::Text(text) => {
                let text = text.decode().map_err(|error| failed(error.to_string()))?;
                if let Some(element) = open.last_mut() {
                    element.text.push_str(&text);
                }
            }
            Event::CData(text) => {
                let text = text.decode().map_err(|error| failed(error.to_string()))?;
                if let Some(element) = open.last_mut() {
                    element.text.push_str(&text);
                }
            }
            Event::GeneralRef(reference) => {
                let name = reference.decode().map_err(|error| failed(error.to_string()))?;
                let text = match reference.resolve_char_ref().map_err(|error| failed(error.to_string()))? {
                    Some(character) => character.to_string(),
                    None => quick_xml::escape::resolve_xml_entity(&name)
                        .ok_or_else(|| failed(format!("the unknown entity '{name}'")))?
                        .to_owned(),
                };
                if let Some(element) = open.last_mut() {
                    element.text.push_str(&text);
                }
            }
            Event::DocType(_) => return Err(failed("a document type".to_owned())),
            Event::Eof => break,
            Event::Comment(_) | Event::Decl(_) | Event::PI(_) => {}
        }
    }
    match root {
        Some(root) if open.is_empty() => Ok(root),
        _ => Err(DecodeError::new("XML", "the document ends too early")),
    }
}

fn close(mut element: XmlElement, open: &mut [XmlElement], root: &mut Option<XmlElement>) -> Result<(), String> {
    if !element.children.is_empty() && element.text.trim().is_empty() {
        element.text.clear();
    }
    match open.last_mut() {
        Some(parent) => parent.children.push(element),
        None if root.is_some() => return Err("a second root element".to_owned()),
        None => *root = Some(element),
    }
    Ok(())
}

fn element(start: &BytesStart<'_>) -> Result<XmlElement, String> {
    let name = std::str::from_utf8(start.local_name().into_inner()).map_err(|error| error.to_string())?.to_owned();
    // The reader accepts `< />`, and a record must not hold a key without a name.
    if name.is_empty() {
        return Err("an element without a name".to_owned());
    }
    let attributes = start
        .attributes()
        .map(|attribute| {
            let attribute = attribute.map_err(|error| error.to_string())?;
            let name = std::str::from_utf8(attribute.key.into_inner()).map_err(|error| error.to_string())?;
            let value = attribute.unescape_value().map_err(|error| error.to_string())?;
            Ok((name.to_owned(), value.into_owned()))
        })
        .collect::<Result<_, String>>()?;
    Ok(XmlElement { name, attributes, children: Vec::new(), text: String::new() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn reads_names_attributes_texts_and_entities() {
        let root = parse_xml(
            b"<?xml version=\"1.0\"?>\n<r xmlns=\"urn:x\">\n  <a k=\"1 &amp; 2\">x &lt; y &#228;</a>\n  <p:b/><![CDATA[ ]]>\n</r>",
        )
        .expect("a document");
        assert_eq!(root.attribute("xmlns"), Some("urn:x"));
        assert_eq!(root.child_text("a"), Some("x < y ä"));
        assert_eq!(root.child("a").and_then(|a| a.attribute("k")), Some("1 & 2"));
        assert_eq!((root.child_text("b"), root.text.as_str()), (Some(""), ""));
    }

    #[test]
    fn refuses_what_is_unsafe_or_broken() {
        let deep = "<a>".repeat(1000);
        for text in [
            "",
            "x",
            "<a>",
            "</a>",
            "<a></b>",
            "<a>< /></a>",
            "< ></ >",
            "<a/><b/>",
            "<!DOCTYPE a [<!ENTITY e \"x\">]><a>&e;</a>",
            "<a>&e;</a>",
            &deep,
        ] {
            parse_xml(text.as_bytes()).expect_err(text);
        }
    }

    proptest! {
        #[test]
        fn any_bytes_get_an_answer(bytes: Vec<u8>, text in "[<>/a&;!\\[\\]\" =-]{0,80}") {
            let _ = parse_xml(&bytes);
            let _ = parse_xml(text.as_bytes());
        }
    }
}
