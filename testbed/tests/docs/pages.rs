//! The pages: what they are, their fenced blocks, their links.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// Root of the checkout.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the crate lies in the workspace").to_owned()
}

/// A page's text; `path` counts from the root of the checkout.
pub(crate) fn page(path: &str) -> String {
    std::fs::read_to_string(root().join(path)).expect("the page is there")
}

/// Every Markdown page of the checkout, from its root.
pub(crate) fn all() -> Vec<String> {
    let mut found = Vec::new();
    walk(Path::new(""), &mut found);
    assert!(found.iter().any(|path| path == "README.md"), "{found:?}");
    found
}

/// Folders that are built or fetched, and not ours.
const NOT_OURS: [&str; 4] = ["target", "runs", ".venv", ".git"];

fn walk(below: &Path, found: &mut Vec<String>) {
    for entry in std::fs::read_dir(root().join(below)).expect("a folder of ours") {
        let entry = entry.expect("a folder of ours");
        let name = entry.file_name().into_string().expect("names of ours are UTF-8");
        let path = below.join(&name);
        if entry.path().is_dir() && !NOT_OURS.contains(&name.as_str()) {
            walk(&path, found);
        } else if name.ends_with(".md") {
            found.push(path.display().to_string());
        }
    }
}

/// A fenced block of a page.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Block {
    /// What follows the opening fence: `yaml`, `sh`, `console`, …
    pub(crate) language: String,
    /// Its lines, each with its line end.
    pub(crate) text: String,
}

/// The fenced blocks of a page, in order.
pub(crate) fn blocks(page: &str) -> Vec<Block> {
    let mut blocks = Vec::new();
    let mut open: Option<Block> = None;
    for line in page.lines() {
        match (line.strip_prefix("```"), open.as_mut()) {
            (Some(language), None) => {
                open = Some(Block { language: language.trim().to_owned(), text: String::new() });
            }
            (Some(_), Some(_)) => blocks.extend(open.take()),
            (None, Some(block)) => block.text.extend([line, "\n"]),
            (None, None) => {}
        }
    }
    assert_eq!(open, None, "a fence is never closed");
    blocks
}

/// A page without its fenced blocks.
fn prose(page: &str) -> String {
    let mut inside = false;
    let kept = page.lines().filter(|line| {
        let fence = line.starts_with("```");
        inside ^= fence;
        !fence && !inside
    });
    kept.collect::<Vec<_>>().join("\n")
}

/// Targets of the links and pictures of a page.
fn links(page: &str) -> Vec<String> {
    let prose = prose(page);
    let after = prose.split("](").skip(1);
    after.filter_map(|rest| rest.split_once(')')).map(|(target, _)| target.to_owned()).collect()
}

/// Anchors of a page's headings, as forges make them.
fn anchors(page: &str) -> BTreeSet<String> {
    let headings = page.lines().filter(|line| line.starts_with('#'));
    let anchor = |heading: &str| {
        let title = heading.trim_start_matches('#').trim().to_lowercase();
        let kept = title.chars().filter(|letter| letter.is_alphanumeric() || " -_".contains(*letter));
        kept.map(|letter| if letter == ' ' { '-' } else { letter }).collect()
    };
    headings.map(anchor).collect()
}

#[test]
fn every_link_leads_somewhere() {
    let (mut seen, mut dangling) = (0, Vec::new());
    for path in all() {
        for link in links(&page(&path)) {
            if link.contains("://") {
                continue;
            }
            seen += 1;
            let (file, anchor) = link.split_once('#').unwrap_or((&link, ""));
            let folder = Path::new(&path).parent().expect("a page has a folder");
            let target = if file.is_empty() { PathBuf::from(&path) } else { folder.join(file) };
            let there = root().join(&target);
            let fits = anchor.is_empty()
                || std::fs::read_to_string(&there).is_ok_and(|page| anchors(&page).contains(anchor));
            if !there.exists() || !fits {
                dangling.push(format!("{path}: {link}"));
            }
        }
    }
    assert!(seen > 10, "{seen} links");
    assert!(dangling.is_empty(), "{dangling:#?}");
}

#[test]
fn the_picture_is_a_small_png() {
    let picture = std::fs::read(root().join("docs/images/report.png")).unwrap();
    assert!(picture.starts_with(b"\x89PNG\r\n"));
    assert!(picture.len() < 300_000, "{} bytes", picture.len());
}
