//! Mistakes in a scenario: collected, each with its place, shown together.

use std::fmt;

use annotate_snippets::{Annotation, AnnotationKind, Element, Level as Shade, Renderer, Snippet};

use super::model::Place;
use super::tree::Spot;

/// Most mistakes that are kept; of the others only the number is told.
const KEPT: usize = 100;
/// Longest line, in bytes, that is shown whole.
const WIDE: usize = 240;
/// Longest stretch of a file, in bytes, that is shown as one, lines between its labels left out.
const NEAR: usize = 64 * 1024;

/// A text to read, and what the user calls it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    /// Path as the user named it; only shown.
    pub path: String,
    /// The whole text.
    pub text: String,
}

/// Whether something must be mended, or only looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// The file cannot be used.
    Error,
    /// The file can be used, perhaps not as meant.
    Warning,
}

/// One mistake, as the rooms that find it write it.
#[derive(Clone, Debug)]
pub(crate) struct Mistake {
    level: Level,
    title: String,
    labels: Vec<(Spot, String)>,
    help: Option<String>,
}

impl Mistake {
    /// Something that must be mended, at a place, with a word on that place.
    pub(crate) fn error(title: impl Into<String>, spot: Spot, label: impl Into<String>) -> Self {
        let labels = vec![(spot, label.into())];
        Mistake { level: Level::Error, title: title.into(), labels, help: None }
    }

    /// Something to look at.
    pub(crate) fn warning(title: impl Into<String>, spot: Spot, label: impl Into<String>) -> Self {
        Mistake { level: Level::Warning, ..Mistake::error(title, spot, label) }
    }

    /// Another place that belongs to it.
    pub(crate) fn also(mut self, spot: Spot, label: impl Into<String>) -> Self {
        self.labels.push((spot, label.into()));
        self
    }

    /// A cure that has no place of its own.
    pub(crate) fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    fn first(&self) -> Spot {
        self.labels.first().map(|(spot, _)| *spot).unwrap_or_default()
    }
}

/// One mistake, as a reader sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shown {
    /// Error or warning.
    pub level: Level,
    /// What is wrong, in one line.
    pub title: String,
    /// File, as the user named it.
    pub file: String,
    /// Line, from 1.
    pub line: u32,
    /// Column in characters, from 1.
    pub column: u32,
    /// That line of the file.
    pub source_line: String,
    /// What is wrong there, with a suggestion where one is near.
    pub label: String,
    /// A cure, if there is one that belongs to no place.
    pub help: Option<String>,
}

/// All that is wrong with the files that make up a scenario.
#[derive(Clone, Debug, Default)]
pub struct Mistakes {
    sources: Vec<Source>,
    list: Vec<Mistake>,
    unkept: usize,
}

impl Mistakes {
    /// None yet, over these texts.
    pub(crate) fn over(sources: Vec<Source>) -> Self {
        Mistakes { sources, list: Vec::new(), unkept: 0 }
    }

    /// Adds a text; its number is for the spots in it.
    pub(crate) fn add_source(&mut self, source: Source) -> usize {
        self.sources.push(source);
        self.sources.len() - 1
    }

    /// Notes a mistake; beyond a hundred they are only counted.
    pub(crate) fn push(&mut self, mistake: Mistake) {
        if self.list.len() < KEPT {
            self.list.push(mistake);
        } else {
            self.unkept += 1;
        }
    }

    /// True once further mistakes are only counted, so that nobody looks for suggestions in vain.
    pub(crate) fn is_full(&self) -> bool {
        self.list.len() >= KEPT
    }

    /// True if something must be mended.
    pub fn has_errors(&self) -> bool {
        self.unkept > 0 || self.list.iter().any(|mistake| mistake.level == Level::Error)
    }

    /// How many there are, warnings included.
    pub fn len(&self) -> usize {
        self.list.len() + self.unkept
    }

    /// True if nothing is wrong.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// In the order of the files and of the places in them; the first hundred.
    pub fn iter(&self) -> impl Iterator<Item = Shown> + '_ {
        self.sorted().into_iter().map(|mistake| {
            let Place { file, line, column } = self.place(mistake.first());
            Shown {
                level: mistake.level,
                title: mistake.title.clone(),
                file,
                line,
                column,
                source_line: self.line_of(mistake.first()).1.to_owned(),
                label: mistake.labels.first().map(|(_, label)| label.clone()).unwrap_or_default(),
                help: mistake.help.clone(),
            }
        })
    }

    /// All of them as text for a terminal, each followed by an empty line; with ANSI colours if asked.
    pub fn render(&self, colour: bool) -> String {
        let renderer = if colour { Renderer::styled() } else { Renderer::plain() };
        let mut text = String::new();
        for mistake in self.sorted() {
            text += &self.render_one(mistake, &renderer);
            text += "\n\n";
        }
        if self.unkept > 0 {
            text += &format!("… and {} more\n", self.unkept);
        }
        text
    }

    /// Where a spot is, for people.
    pub(crate) fn place(&self, spot: Spot) -> Place {
        let file = self.sources.get(spot.source).map(|source| source.path.clone()).unwrap_or_default();
        let (number, line, start) = self.line_at(spot);
        let before = line.get(..spot.start.saturating_sub(start)).unwrap_or(line);
        Place { file, line: number, column: before.chars().count() as u32 + 1 }
    }

    fn sorted(&self) -> Vec<&Mistake> {
        let mut list: Vec<_> = self.list.iter().collect();
        list.sort_by_key(|mistake| (mistake.first().source, mistake.first().start));
        list
    }

    fn line_of(&self, spot: Spot) -> (u32, &str) {
        let (number, line, _) = self.line_at(spot);
        (number, line)
    }

    /// Number and text of the line in which a spot begins, and the line's first byte.
    fn line_at(&self, spot: Spot) -> (u32, &str, usize) {
        let text = self.sources.get(spot.source).map_or("", |source| source.text.as_str());
        let upto = text.get(..spot.start).unwrap_or(text);
        let start = upto.rfind('\n').map_or(0, |at| at + 1);
        let line = text[start..].lines().next().unwrap_or("");
        (upto.matches('\n').count() as u32 + 1, line, start)
    }

    fn render_one(&self, mistake: &Mistake, renderer: &Renderer) -> String {
        let shade = match mistake.level {
            Level::Error => Shade::ERROR,
            Level::Warning => Shade::WARNING,
        };
        let mut elements: Vec<Element<'_>> = Vec::new();
        match self.one_stretch(&mistake.labels) {
            Some(snippet) => elements.push(snippet.into()),
            None => {
                let kinds = std::iter::once(AnnotationKind::Primary)
                    .chain(std::iter::repeat(AnnotationKind::Context));
                let each = mistake.labels.iter().zip(kinds);
                elements.extend(each.map(|((spot, label), kind)| self.snippet(*spot, label, kind).into()));
            }
        }
        if let Some(help) = &mistake.help {
            elements.push(Shade::HELP.message(help.as_str()).into());
        }
        renderer.render(&[shade.primary_title(mistake.title.as_str()).elements(elements)])
    }

    /// All labels under one stretch of the file, if they are in one file, near, and on lines of ordinary length.
    fn one_stretch<'a>(&'a self, labels: &'a [(Spot, String)]) -> Option<Snippet<'a, Annotation<'a>>> {
        let (first, rest) = labels.split_first()?;
        let source = self.sources.get(first.0.source)?;
        if rest.iter().any(|(spot, _)| spot.source != first.0.source) {
            return None;
        }
        let top = labels.iter().map(|(spot, _)| *spot).min_by_key(|spot| spot.start)?;
        let bottom = labels.iter().map(|(spot, _)| *spot).max_by_key(|spot| spot.start)?;
        let (number, _, start) = self.line_at(top);
        let (_, last, last_start) = self.line_at(bottom);
        let stretch = source.text.get(start..last_start + last.len())?;
        if stretch.len() > NEAR || stretch.lines().any(|line| line.len() > WIDE) {
            return None;
        }
        let mut snippet = Snippet::source(stretch).line_start(number as usize).path(source.path.as_str());
        for (index, (spot, label)) in labels.iter().enumerate() {
            let kind = if index == 0 { AnnotationKind::Primary } else { AnnotationKind::Context };
            let end = (spot.end - start).min(self.line_end(*spot) - start);
            snippet = snippet.annotation(kind.span(spot.start - start..end).label(label.as_str()));
        }
        Some(snippet)
    }

    /// Where the line ends in which a spot begins.
    fn line_end(&self, spot: Spot) -> usize {
        let (_, line, start) = self.line_at(spot);
        (start + line.len()).max(spot.start)
    }

    /// The line of a spot, with the label under it; of a very long line the part around the spot.
    fn snippet<'a>(
        &'a self,
        spot: Spot,
        label: &'a str,
        kind: AnnotationKind,
    ) -> Snippet<'a, Annotation<'a>> {
        let (number, line, start) = self.line_at(spot);
        let from = spot.start.saturating_sub(start).min(line.len());
        let to = (spot.end.saturating_sub(start)).clamp(from, line.len());
        let (left, right) = window(line, from, to);
        let path = self.sources.get(spot.source).map_or("", |source| source.path.as_str());
        Snippet::source(&line[left..right])
            .line_start(number as usize)
            .path(path)
            .annotation(kind.span(from - left..to.min(right) - left).label(label))
    }
}

/// The part of a line that is shown: all of it, or some [`WIDE`] bytes around the stretch.
fn window(line: &str, from: usize, to: usize) -> (usize, usize) {
    if line.len() <= WIDE {
        return (0, line.len());
    }
    let mut left = from.saturating_sub(WIDE / 3);
    while !line.is_char_boundary(left) {
        left -= 1;
    }
    let mut right = to.min(from + WIDE / 3).saturating_add(WIDE / 3).min(line.len());
    while !line.is_char_boundary(right) {
        right += 1;
    }
    (left, right)
}

impl fmt::Display for Mistakes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.render(false).trim_end())
    }
}

impl std::error::Error for Mistakes {}

/// The candidate that a mistyped word was probably meant to be.
pub(crate) fn nearest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let lower = word.to_lowercase();
    let near = |candidate: &str| strsim::damerau_levenshtein(&lower, &candidate.to_lowercase());
    let limit = (word.chars().count() / 3).max(1);
    candidates
        .into_iter()
        .filter(|candidate| candidate.len().abs_diff(word.len()) <= limit)
        .map(|candidate| (near(candidate), candidate))
        .filter(|(distance, _)| *distance <= limit)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}
