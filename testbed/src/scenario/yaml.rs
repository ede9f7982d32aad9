//! YAML text → tree. The only file that knows the YAML library.
//!
//! The language is the plain part of YAML: maps with single texts as keys, lists, texts. Anchors, aliases and tags
//! are mistakes, so nothing in a file can stand for more than it shows; depth and number of values are bounded.
//! Whatever can be passed over is noted and passed over; only a syntax error ends the reading.

use granit_parser::{Event, Parser, ScalarStyle, Span};

use super::mistakes::{Mistake, Mistakes};
use super::tree::{Key, Node, Scalar, Spot, Value};

/// Deepest nesting that is read; the language itself needs less than ten.
const DEPTH: usize = 24;
/// Most values that are read.
const VALUES: usize = 100_000;

/// Reads the text of source number `source`. Without a tree in return, at least one mistake was noted.
pub(crate) fn parse(text: &str, source: usize, out: &mut Mistakes) -> Option<Node> {
    let mut builder = Builder { source, text, open: Vec::new(), root: None, values: 0, documents: 0 };
    for event in Parser::new_from_str(text) {
        let (event, span) = match event {
            Ok(event) => event,
            Err(error) => {
                let at = error.marker().byte_offset().unwrap_or(text.len());
                out.push(Mistake::error("this is not YAML", builder.stretch(at, at + 1), error.info()));
                return None;
            }
        };
        if let Err(mistake) = builder.take(event, span, out) {
            out.push(mistake);
            return None;
        }
    }
    if builder.root.is_none() {
        out.push(Mistake::error("the file is empty", builder.stretch(0, 0), "nothing is written here"));
    }
    builder.root
}

/// A map or list whose end has not come yet.
enum Open {
    Map { spot: Spot, entries: Vec<(Key, Node)>, key: Option<Key> },
    List { spot: Spot, items: Vec<Node> },
}

struct Builder<'a> {
    source: usize,
    text: &'a str,
    open: Vec<Open>,
    root: Option<Node>,
    values: usize,
    documents: usize,
}

impl Builder<'_> {
    fn take(&mut self, event: Event<'_>, span: Span, out: &mut Mistakes) -> Result<(), Mistake> {
        let spot = self.spot(&span);
        if event.anchor_id().is_some() || event.is_alias() {
            let label = "write the value out where it is used";
            return Err(Mistake::error("anchors and aliases are not part of the language", spot, label));
        }
        if event.tag().is_some() {
            return Err(Mistake::error("tags are not part of the language", spot, "a tag stands here"));
        }
        match event {
            Event::DocumentStart(..) => {
                self.documents += 1;
                if self.documents > 1 {
                    let label = "a second document begins here";
                    return Err(Mistake::error("one file holds one document", spot, label));
                }
            }
            Event::MappingStart(..) => {
                self.descend(spot)?;
                self.open.push(Open::Map { spot: self.first_line(&span), entries: Vec::new(), key: None });
            }
            Event::SequenceStart(..) => {
                self.descend(spot)?;
                self.open.push(Open::List { spot: self.first_line(&span), items: Vec::new() });
            }
            Event::MappingEnd | Event::SequenceEnd => self.close(spot.end, out),
            Event::Scalar(text, style, ..) => {
                self.count(spot)?;
                let scalar = Scalar { text: text.into_owned(), plain: style == ScalarStyle::Plain };
                self.place(scalar, spot, out);
            }
            _ => {}
        }
        Ok(())
    }

    /// A map or list begins: refused as a key, and below [`DEPTH`].
    fn descend(&mut self, spot: Spot) -> Result<(), Mistake> {
        self.count(spot)?;
        if let Some(Open::Map { key: None, .. }) = self.open.last() {
            return Err(Mistake::error("a key must be a single word", spot, "a map or list stands here"));
        }
        if self.open.len() >= DEPTH {
            let label = format!("deeper than {DEPTH} levels");
            return Err(Mistake::error("the file is nested too deeply", spot, label));
        }
        Ok(())
    }

    fn count(&mut self, spot: Spot) -> Result<(), Mistake> {
        self.values += 1;
        if self.values > VALUES {
            let label = format!("more than {VALUES} values up to here");
            return Err(Mistake::error("the file has too many values", spot, label));
        }
        Ok(())
    }

    /// A map or list ends; in brackets on one line, its spot is all of it.
    fn close(&mut self, end: usize, out: &mut Mistakes) {
        let (mut spot, value) = match self.open.pop() {
            Some(Open::Map { spot, entries, .. }) => (spot, Value::Map(entries)),
            Some(Open::List { spot, items }) => (spot, Value::List(items)),
            None => return,
        };
        if self.text[spot.start..].starts_with(['{', '[']) {
            spot.end = spot.end.min(end.max(spot.start));
        }
        self.put(Node { spot, value }, out);
    }

    /// A text: the next key of a map, or a value.
    fn place(&mut self, scalar: Scalar, spot: Spot, out: &mut Mistakes) {
        if let Some(Open::Map { key: key @ None, .. }) = self.open.last_mut() {
            *key = Some(Key { spot, scalar });
            return;
        }
        self.put(Node { spot, value: Value::Scalar(scalar) }, out);
    }

    /// A complete value goes to whatever is open.
    fn put(&mut self, node: Node, out: &mut Mistakes) {
        match self.open.last_mut() {
            None => self.root = Some(node),
            Some(Open::List { items, .. }) => items.push(node),
            Some(Open::Map { entries, key, .. }) => {
                let Some(key) = key.take() else { return };
                match entries.iter().find(|(have, _)| have.scalar.text == key.scalar.text) {
                    None => entries.push((key, node)),
                    Some((first, _)) => out.push(
                        Mistake::error("a key is written twice", key.spot, "this one is the second")
                            .also(first.spot, "the first is here"),
                    ),
                }
            }
        }
    }

    fn spot(&self, span: &Span) -> Spot {
        let start = span.start.byte_offset().unwrap_or(0);
        self.stretch(start, span.end.byte_offset().unwrap_or(start))
    }

    /// From where a map or list begins to the end of that line, without the blanks and comment there.
    fn first_line(&self, span: &Span) -> Spot {
        let Spot { start, .. } = self.spot(span);
        let line = self.text.get(start..).and_then(|rest| rest.lines().next()).unwrap_or("");
        let bare = line.split(" #").next().unwrap_or("").trim_end();
        self.stretch(start, start + bare.len())
    }

    /// A stretch of whole characters.
    fn stretch(&self, start: usize, end: usize) -> Spot {
        let start = self.text.floor_char_boundary(start);
        Spot { source: self.source, start, end: self.text.ceil_char_boundary(end).max(start) }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::mistakes::Source;
    use super::*;

    fn read(text: &str) -> (Option<Node>, Mistakes) {
        let source = Source { path: "x.yaml".into(), text: text.into() };
        let mut out = Mistakes::over(vec![source]);
        let node = parse(text, 0, &mut out);
        (node, out)
    }

    #[test]
    fn scalars_stay_as_written() {
        let (node, out) = read("a: [.10, 010, no, 1e3, 02:00:00:00:00:01, \"x\\ty\", 'it''s']\n");
        let node = node.unwrap();
        let Value::List(items) = &node.get("a").unwrap().value else { panic!("no list: {node:?}") };
        let texts: Vec<_> = items.iter().map(|item| item.text().unwrap()).collect();
        assert_eq!(texts, [".10", "010", "no", "1e3", "02:00:00:00:00:01", "x\ty", "it's"]);
        assert!(out.is_empty());
    }

    #[test]
    fn every_duplicate_is_noted_with_both_places() {
        let (node, out) = read("a: 1\nb: 2\na: 3\na: 4\n");
        assert_eq!(node.unwrap().entries().len(), 2);
        assert_eq!(out.iter().map(|mistake| mistake.line).collect::<Vec<_>>(), [3, 4]);
    }

    #[test]
    fn places_count_bytes_behind_other_alphabets_and_a_byte_order_mark() {
        for text in ["ключ: [ä, b]\nend: here\n", "\u{feff}ключ: [ä, b]\nend: here\n"] {
            let (node, _) = read(text);
            let node = node.unwrap();
            let spot = node.get("end").unwrap().spot;
            assert_eq!(&text[spot.start..spot.end], "here");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2000))]
        #[test]
        fn no_text_makes_the_reader_panic(text in "[ -~äß\n\t:{}\\[\\],&*!|>'\"%#-]{0,200}") {
            let (node, out) = read(&text);
            prop_assert!(node.is_some() || !out.is_empty());
            out.render(false);
        }

        #[test]
        fn no_bytes_make_the_reader_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let text = String::from_utf8_lossy(&bytes);
            let (node, out) = read(&text);
            prop_assert!(node.is_some() || !out.is_empty());
            out.render(true);
        }
    }

    #[test]
    fn a_syntax_error_at_a_wide_character_is_shown() {
        for text in ["\u{fffd}\u{1}", "a: \u{1}", "a: \u{1f600}\u{0}", "\t\u{1f600}: ["] {
            let (_, out) = read(text);
            assert!(!out.render(false).is_empty(), "{text:?}");
        }
    }

    #[test]
    fn hostile_files_end_soon_with_a_clear_word() {
        let bomb = (0..30).map(|n| format!("a{n}: &a{n} [*a{n}, *a{n}]\n")).collect::<String>();
        let cases = [
            "[".repeat(1 << 20),
            "{a: ".repeat(1 << 18),
            "- ".repeat(1 << 19),
            "? ".repeat(1 << 19),
            "a: b\n".repeat(1 << 17),
            format!("a: [{}]", "x,".repeat(1 << 19)),
            format!("a: \"{}", "\\x".repeat(1 << 19)),
            "a".repeat(1 << 20),
            "\n".repeat(1 << 20),
            bomb,
        ];
        for text in cases {
            let began = std::time::Instant::now();
            let (_, out) = read(&text);
            assert!(!out.is_empty() || text.starts_with("aaa"));
            assert!(out.render(false).len() < 100_000);
            let took = began.elapsed();
            assert!(took.as_secs() < 5, "{:?}… took {took:?}", &text[..10.min(text.len())]);
        }
    }
}
