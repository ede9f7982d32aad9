//! Text that stays text in Markdown.

use crate::report::words::harmless;

/// Punctuation that means nothing to Markdown wherever it stands.
const PLAIN: &str = ",;/%?'\"";

/// The text, on one line, with a backslash before whatever could mean something (CommonMark 0.31, section 2.4: before any
/// ASCII punctuation), such as HTML, links, tables and lists.
pub(super) fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    // Spaces at either end could make it code, or a line break.
    for c in harmless(text).trim().chars() {
        if c.is_ascii_punctuation() && !PLAIN.contains(c) {
            escaped.push('\\');
        }
        escaped.push(c);
    }
    escaped
}

/// The same as code. Not between backquotes: nothing can be escaped there, and a table ends its cells there too.
pub(super) fn code(text: &str) -> String {
    format!("<code>{}</code>", escape(text))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use pulldown_cmark::{Event, Options, Parser, Tag, TagEnd};

    use super::*;

    /// What a reader of Markdown makes of a document: the text, and whatever else there is but the expected frame.
    fn read(document: &str) -> (String, Vec<String>) {
        let (mut text, mut other) = (String::new(), Vec::new());
        for event in Parser::new_ext(document, Options::all() - Options::ENABLE_SMART_PUNCTUATION) {
            match event {
                Event::Text(part) => text.push_str(&part),
                Event::InlineHtml(tag) if ["<code>", "</code>"].contains(&&*tag) => {}
                Event::Start(
                    Tag::List(None)
                    | Tag::Item
                    | Tag::Table(_)
                    | Tag::TableHead
                    | Tag::TableRow
                    | Tag::TableCell,
                )
                | Event::End(
                    TagEnd::List(false)
                    | TagEnd::Item
                    | TagEnd::Table
                    | TagEnd::TableHead
                    | TagEnd::TableRow
                    | TagEnd::TableCell,
                ) => {}
                unexpected => other.push(format!("{unexpected:?}")),
            }
        }
        (text, other)
    }

    #[test]
    fn the_reader_would_see_markdown_that_gets_through() {
        for text in
            ["<b>x</b>", "[x](y)", "*x*", "`x`", "~~x~~", "$x$", "https://x.example <https://x.example>"]
        {
            let (_, other) = read(&format!("- {text}\n"));
            assert!(!other.is_empty(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn a_text_stays_what_it_is(text in r#"[ a-z0-9<>\[\](){}*_`~|\\!#@&;:=$^.+"'/-]{1,40}|\PC{0,20}"#) {
            let shown = harmless(&text).trim().to_owned();
            for (document, expected) in [
                (format!("- {}\n", escape(&text)), shown.clone()),
                (format!("- x {}\n", code(&text)), format!("x {shown}")),
                (format!("| a | b |\n|---|---|\n| {} | {} |\n", code(&text), escape(&text)), format!("ab{shown}{shown}")),
            ] {
                let (read, other) = read(&document);
                prop_assert_eq!(other, Vec::<String>::new(), "{}", document);
                prop_assert_eq!(read, expected, "{}", document);
            }
        }
    }
}
