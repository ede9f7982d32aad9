//! A site that is written in a file of its own, so that several scenarios use it, each with changes of its own.

use super::changes::Changing;
use super::files::Files;
use super::mistakes::{Mistake, Mistakes, Source, nearest};
use super::raw;
use super::shape::Shape;
use super::tree::{Node, Spot, Value};
use super::yaml;

/// Puts the site of a file, changed as is written, in the place of `site: { use: … }`. What cannot be done is noted, and
/// then the tree stays as it is.
pub(super) fn site_from_file(tree: &mut Node, files: &Files, out: &mut Mistakes) {
    let Value::Map(entries) = &mut tree.value else { return };
    let site = entries.iter_mut().find(|(key, _)| key.scalar.text == "site").map(|(_, site)| site);
    let Some(site) = site.filter(|site| raw::is_template(site)) else { return };
    if let Some(read) = used(site, files, out) {
        *site = read;
    }
}

fn used(site: &Node, files: &Files, out: &mut Mistakes) -> Option<Node> {
    let raw = raw::Template::read(site, site.spot, out)?;
    let path = raw.from_file.good()?;
    let text = match files.text(&path.value.0) {
        Ok(text) => text,
        Err(missing) => {
            let near = missing.is_absent().then(|| nearest(&path.value.0, files.there())).flatten();
            let label = match near {
                Some(near) => format!("{missing}; did you mean `{near}`?"),
                None => missing.to_string(),
            };
            out.push(Mistake::error("the site file cannot be used", path.spot, label));
            return None;
        }
    };
    let source = out.add_source(Source { path: path.value.0.clone(), text: text.to_owned() });
    let mut tree = yaml::parse(text, source, out)?;
    if let Some(node) = unfit(&tree) {
        let label = "here stands what would stand below `site`: `segments`, `cameras`, …";
        out.push(Mistake::error("this is no site file", node, label));
        return None;
    }
    if let Some(changes) = raw.change.good() {
        Changing { of: "the site file", stays: &[] }.make(&mut tree, changes, out);
    }
    Some(tree)
}

/// Where a file shows that it is a scenario, or uses another one itself.
fn unfit(tree: &Node) -> Option<Spot> {
    let Value::Map(entries) = &tree.value else { return Some(tree.spot) };
    let telling = ["version", "site", "twin_of", "use", "change"];
    entries.iter().find(|(key, _)| telling.contains(&key.scalar.text.as_str())).map(|(key, _)| key.spot)
}
