//! Every lint's pages are its specification: their blocks are run, their headings and links checked, and the metadata
//! compared with what the blocks show. `lints/README.md` tells what a block can say.

use std::collections::{BTreeMap, HashMap};
use std::fmt::Write as _;
use std::path::PathBuf;

use harden::diagnostic::{Diagnostic, Place};
use harden::fix::{Deviation, check as check_fix};
use harden::lint::{Choice, Entry, LintError, Preset, Selection, Settings, registry, run, run_image, same_id};
use harden::model::{Context, ContextFile, Dockerfile, IgnoreFile, ImageFacts, Known, dockerignore::Dockerignore};
use harden::text::{Edit, LineIndex, Source, apply};

use crate::support::{self, root};

/// Headings of a lint's README, in this order, each once; other headings may stand between.
const HEADINGS: [&str; 5] =
    ["## What it does", "## Why it matters", "## When it is fine", "## How to fix", "## Sources"];

#[test]
fn pages_do_what_they_say() {
    let mut failures = Vec::new();
    for entry in registry() {
        for page in [Page::read(entry, "README.md", &mut failures), Page::read(entry, "cases.md", &mut failures)] {
            let mut before = None;
            for block in &page.blocks {
                if let Err(problem) = check(entry, block, before) {
                    failures.push(problem);
                }
                before = Some(block);
            }
        }
    }
    assert!(failures.is_empty(), "{} failures\n\n{}", failures.len(), failures.join("\n\n"));
}

#[test]
fn readmes_have_their_parts() {
    let mut failures = Vec::new();
    for entry in registry() {
        let page = Page::read(entry, "README.md", &mut failures);
        let mut fail = |problem: &str| failures.push(format!("lints/{}/README.md: {problem}", entry.name));
        let headings: Vec<&str> = page.headings.iter().map(String::as_str).collect();
        if headings.first() != Some(&format!("# {}", entry.name).as_str()) {
            fail("does not start with the lint's name as its title");
        }
        let known: Vec<&str> = headings.iter().copied().filter(|heading| HEADINGS.contains(heading)).collect();
        if known != HEADINGS {
            fail(&format!("headings are {known:?}, not {HEADINGS:?}"));
        }
        let sources = entry.readme.split_once("## Sources").map_or("", |(_, rest)| rest);
        if !sources.contains("](https://") {
            fail("`## Sources` has no link");
        }
        for kind in [Kind::Bad, Kind::Good] {
            if !page.blocks.iter().any(|block| block.kind == kind) {
                fail(&format!("has no {kind:?} block"));
            }
        }
    }
    assert!(failures.is_empty(), "\n{}", failures.join("\n"));
}

#[test]
fn metadata_is_sound() {
    let mut failures = Vec::new();
    for entry in registry() {
        let mut fail = |problem: String| failures.push(format!("{}: {problem}", entry.name));
        let lint = entry.lint;
        if lint.summary.is_empty() || lint.summary.ends_with('.') || lint.summary.contains('\n') {
            fail(format!("the summary is one line without a full stop, not {:?}", lint.summary));
        }
        if lint.sources.is_empty() {
            fail("names no source".to_owned());
        }
        for (index, alias) in lint.aliases.iter().enumerate() {
            if lint.aliases[..index].iter().any(|earlier| same_id(earlier, alias)) {
                fail(format!("declares `{alias}` twice"));
            }
            // An alias spelt like a lint's name could never be selected: names come first.
            if registry().iter().any(|other| other.name.eq_ignore_ascii_case(alias)) {
                fail(format!("the alias `{alias}` is a lint's name"));
            }
        }
    }
    assert!(failures.is_empty(), "\n{}", failures.join("\n"));
}

/// Fixing little is no way to break nothing.
#[test]
fn many_lints_have_a_fix() {
    let has_fix = |entry: &&Entry| {
        let page = Page::read(entry, "README.md", &mut Vec::new());
        page.blocks.iter().any(|block| block.kind == Kind::Fixed)
    };
    let fixing = registry().iter().filter(has_fix).count();
    assert!(fixing >= 25, "only {fixing} lints show a fix");
}

#[test]
fn pages_show_what_the_metadata_declares() {
    let mut failures = Vec::new();
    for entry in registry() {
        let mut ignored = Vec::new();
        let pages = [Page::read(entry, "README.md", &mut ignored), Page::read(entry, "cases.md", &mut ignored)];
        let blocks = || pages.iter().flat_map(|page| &page.blocks);
        let found: Vec<Diagnostic> =
            blocks().filter(|block| block.kind == Kind::Bad).flat_map(|block| own(entry, block)).collect();
        let mut fail = |problem: String| failures.push(format!("{}: {problem}", entry.name));
        for alias in entry.lint.aliases {
            if !found.iter().any(|finding| finding.aliases.contains(alias)) {
                fail(format!("no bad block has a finding with the alias `{alias}`"));
            }
        }
        for finding in &found {
            sound(entry, finding, &mut fail);
        }
        let fixable = found.iter().any(|finding| !finding.fixes.is_empty());
        let fixed = pages[0].blocks.iter().any(|block| block.kind == Kind::Fixed);
        if fixable && !fixed {
            fail("findings have fixes, and no `fixed` block of README.md shows one".to_owned());
        }
    }
    assert!(failures.is_empty(), "\n{}", failures.join("\n"));
}

fn sound(entry: &Entry, finding: &Diagnostic, fail: &mut impl FnMut(String)) {
    for alias in &finding.aliases {
        if !entry.lint.aliases.contains(alias) {
            fail(format!("a finding carries `{alias}`, which the lint does not declare"));
        }
    }
    if finding.severity > entry.lint.severity || finding.confidence > entry.lint.confidence {
        fail(format!("more severe or sure than declared: {}", finding.message));
    }
    let texts = [&finding.message, &finding.help];
    let labels = finding.labels.iter().map(|label| &label.message);
    let fixes = finding.fixes.iter().flat_map(|fix| [&fix.title, &fix.why]);
    for text in texts.into_iter().chain(labels).chain(fixes) {
        if text.trim().is_empty() || text.trim() != text || text.ends_with('.') || text.contains('\n') {
            fail(format!("not one line of text without a full stop: {text:?} (of {:?})", finding.message));
        }
    }
}

/// A README.md or cases.md.
struct Page {
    headings: Vec<String>,
    blocks: Vec<Block>,
}

/// A ```` ```dockerfile ```` or ```` ```image ```` block of a page.
struct Block {
    /// Where it is, as `lints/a/README.md:12`.
    place: String,
    /// Whether it describes an image, in the form of `support::image`.
    is_image: bool,
    kind: Kind,
    attributes: Vec<(String, String)>,
    text: String,
    outside: Outside,
}

/// What a page says of the world outside of the Dockerfile.
#[derive(Clone, Default)]
struct Outside {
    /// Files of the build context, by path; `None` when the page says nothing of it.
    context: Option<BTreeMap<String, ContextFile>>,
    /// Images, by name.
    images: HashMap<String, ImageFacts>,
    /// Digests of downloads, by address.
    downloads: HashMap<String, String>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Kind {
    Bad,
    Good,
    Fixed,
}

impl Page {
    fn read(entry: &Entry, file: &str, failures: &mut Vec<String>) -> Self {
        let path: PathBuf = root().join("lints").join(entry.name).join(file);
        let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let mut page = Self { headings: Vec::new(), blocks: Vec::new() };
        let mut lines = text.lines().enumerate();
        while let Some((number, line)) = lines.next() {
            if line.starts_with('#') {
                page.headings.push(line.to_owned());
            }
            let Some(info) = line.strip_prefix("```") else { continue };
            let ticks = line.len() - info.trim_start_matches('`').len();
            let close = "`".repeat(ticks);
            let body = lines.by_ref().map(|(_, line)| line).take_while(|line| *line != close);
            let body: String = body.flat_map(|line| [line, "\n"]).collect();
            let place = format!("lints/{}/{file}:{}", entry.name, number + 2);
            if let Err(problem) = page.block(info.trim_start_matches('`'), body, &place) {
                failures.push(format!("{place}: {problem}"));
            }
        }
        page
    }

    fn block(&mut self, info: &str, text: String, place: &str) -> Result<(), String> {
        let mut words = info.split_whitespace();
        let language = words.next().unwrap_or("");
        let attributes: Vec<(String, String)> = words
            .map(|word| word.split_once('=').map_or((word, ""), |pair| pair))
            .map(|(key, value)| (key.to_owned(), value.to_owned()))
            .collect();
        let says = |word: &str| attributes.first().is_some_and(|(key, value)| key == word && value.is_empty());
        let is_image = language == "image" && (says("bad") || says("good"));
        if language != "dockerfile" && !is_image {
            let owner = || "a file of the build context or an image follows the block it belongs to".to_owned();
            for (key, value) in attributes {
                match key.as_str() {
                    "file" => {
                        let outside = &mut self.blocks.last_mut().ok_or_else(owner)?.outside;
                        outside.context.get_or_insert_default().insert(value, ContextFile::Text(text.clone()));
                    }
                    "image" => {
                        let facts = support::image_facts(&text)?;
                        self.blocks.last_mut().ok_or_else(owner)?.outside.images.insert(value, facts);
                    }
                    "download" => {
                        let outside = &mut self.blocks.last_mut().ok_or_else(owner)?.outside;
                        outside.downloads.insert(value, text.trim().to_owned());
                    }
                    _ => {}
                }
            }
            return Ok(());
        }
        let kind = match attributes.first().map(|(key, _)| key.as_str()) {
            Some("bad") => Kind::Bad,
            Some("good") => Kind::Good,
            Some("fixed") => Kind::Fixed,
            _ => return Err("a dockerfile block says `bad`, `good` or `fixed`".to_owned()),
        };
        const KNOWN: [&str; 10] =
            ["lines", "places", "count", "confidence", "severity", "alias", "says", "hides", "context", "fix"];
        for (key, value) in &attributes[1..] {
            if !KNOWN.contains(&key.as_str()) || value.is_empty() {
                return Err(format!("`{key}={value}` is no attribute of a block"));
            }
        }
        let mut context = None;
        match attributes.iter().find(|(key, _)| key == "context").map(|(_, value)| value.as_str()) {
            None => {}
            Some("empty") => context = Some(BTreeMap::new()),
            Some(other) => return Err(format!("`context={other}`: only `empty` is known")),
        }
        let attributes = attributes[1..].to_vec();
        let outside = Outside { context, ..Outside::default() };
        self.blocks.push(Block { place: place.to_owned(), is_image, kind, attributes, text, outside });
        Ok(())
    }
}

impl Block {
    fn attribute(&self, name: &str) -> Option<&str> {
        self.attributes.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }
}

/// Runs one block; the error is the whole story of what went wrong.
fn check(entry: &Entry, block: &Block, before: Option<&Block>) -> Result<(), String> {
    let outside = match (block.kind, before) {
        (Kind::Fixed, Some(before)) => &before.outside,
        _ => &block.outside,
    };
    let (all, errors) = if block.is_image { lint_image(&block.text)? } else { lint(&block.text, outside) };
    let own: Vec<&Diagnostic> = all.iter().filter(|finding| finding.lint == entry.name).collect();
    let told = |problem: String| story(entry, block, &all, &problem);
    let fail = |problem: String| Err(told(problem));
    if !errors.is_empty() {
        return fail(format!("a lint failed: {errors:?}"));
    }
    match block.kind {
        Kind::Good if own.is_empty() => Ok(()),
        Kind::Good => fail("the lint fires, and should not".to_owned()),
        Kind::Bad if own.is_empty() => fail("the lint does not fire, and should".to_owned()),
        Kind::Bad if block.is_image => expectations(block, &own).map_err(told),
        Kind::Bad => expectations(block, &own).and_then(|()| fixes_hold(block, &own)).map_err(told),
        Kind::Fixed => {
            let Some(before) = before.filter(|before| before.kind == Kind::Bad) else {
                return fail("a `fixed` block follows the `bad` block that it mends".to_owned());
            };
            let mended = mend(entry, before, block.attribute("fix")).map_err(told)?;
            if mended != block.text {
                return fail(format!("the fix makes this of the block before:\n{}", numbered(&mended)));
            }
            if own.is_empty() { Ok(()) } else { fail("the lint still fires on what was fixed".to_owned()) }
        }
    }
}

fn expectations(block: &Block, own: &[&Diagnostic]) -> Result<(), String> {
    for (key, wanted) in &block.attributes {
        let holds = match key.as_str() {
            "lines" => {
                let wanted: Vec<u32> = wanted.split(',').filter_map(|line| line.parse().ok()).collect();
                let lines = LineIndex::new(&block.text);
                let mut seen: Vec<u32> = own.iter().map(|finding| line_of(&lines, finding)).collect();
                seen.dedup();
                seen == wanted
            }
            "places" => {
                let seen: Vec<&str> = own.iter().map(|finding| inside(&finding.place)).collect();
                wanted.split(',').eq(seen)
            }
            "count" => wanted.parse() == Ok(own.len()),
            "confidence" => own.iter().all(|finding| finding.confidence.as_str() == wanted),
            "severity" => own.iter().all(|finding| finding.severity.as_str() == wanted),
            "alias" => wanted.split(',').all(|alias| own.iter().any(|finding| finding.aliases.contains(&alias))),
            "says" => wanted.split(',').all(|word| own.iter().any(|finding| says(finding, word))),
            "hides" => !wanted.split(',').any(|word| own.iter().any(|finding| says(finding, word))),
            _ => true,
        };
        if !holds {
            return Err(format!("`{key}={wanted}` does not hold"));
        }
    }
    Ok(())
}

/// Whether a finding's words have a text in them.
fn says(finding: &Diagnostic, text: &str) -> bool {
    let labels = finding.labels.iter().map(|label| &label.message);
    let fixes = finding.fixes.iter().flat_map(|fix| [&fix.title, &fix.why]);
    [&finding.message, &finding.help].into_iter().chain(labels).chain(fixes).any(|words| words.contains(text))
}

/// Each fix, applied alone, does what it says and nothing else, suggestions too; by the engine's own measure.
fn fixes_hold(block: &Block, own: &[&Diagnostic]) -> Result<(), String> {
    let read = |text: &str| Dockerfile::new("Dockerfile", Source::from(text));
    let before = read(&block.text);
    for fix in own.iter().flat_map(|finding| &finding.fixes) {
        let text = apply(&block.text, &fix.edits).map_err(|conflict| format!("`{}`: {conflict:?}", fix.title))?;
        let told = |deviation: Deviation| format!("`{}`: {deviation}:\n{}", fix.title, numbered(&text));
        check_fix(&before, &read(&text), &[fix]).map_err(told)?;
    }
    Ok(())
}

/// The block after the first fix (or the one of number `which`, from 1) of each of the lint's findings; of two that want
/// the same bytes, the earlier one.
fn mend(entry: &Entry, block: &Block, which: Option<&str>) -> Result<String, String> {
    let which = which.map_or(Ok(1), str::parse::<usize>).map_err(|error| error.to_string())?;
    let mut edits: Vec<Edit> = Vec::new();
    for finding in own(entry, block) {
        let Some(fix) = which.checked_sub(1).and_then(|index| finding.fixes.get(index)) else { continue };
        let with: Vec<Edit> = edits.iter().chain(&fix.edits).cloned().collect();
        if apply(&block.text, &with).is_ok() && !fix.edits.iter().any(|edit| edits.contains(edit)) {
            edits = with;
        }
    }
    if edits.is_empty() {
        return Err("no finding of the block before has such a fix".to_owned());
    }
    apply(&block.text, &edits).map_err(|conflict| format!("{conflict:?}"))
}

fn own(entry: &Entry, block: &Block) -> Vec<Diagnostic> {
    let all = if block.is_image {
        lint_image(&block.text).map(|(all, _)| all).unwrap_or_default()
    } else {
        lint(&block.text, &block.outside).0
    };
    all.into_iter().filter(|finding| finding.lint == entry.name).collect()
}

/// Lints with all lints, pedantic ones included.
fn lint(text: &str, outside: &Outside) -> (Vec<Diagnostic>, Vec<LintError>) {
    let mut dockerfile = Dockerfile::new("Dockerfile", Source::from(text));
    dockerfile.images.clone_from(&outside.images);
    dockerfile.downloads.clone_from(&outside.downloads);
    if let Some(files) = outside.context.clone() {
        let ignore = match files.get(".dockerignore") {
            Some(ContextFile::Text(text)) => Some(Dockerignore::parse(text)),
            _ => None,
        };
        let text = match files.get(".dockerignore") {
            Some(ContextFile::Text(text)) => text.clone(),
            _ => String::new(),
        };
        let ignore_file = Some(IgnoreFile { path: ".dockerignore".into(), text });
        dockerfile.context = Context { files: Known::Known(files), ignore, ignore_file };
    }
    let outcome = run(&dockerfile, &all_lints());
    (outcome.diagnostics, outcome.errors)
}

/// Lints an image with all lints, pedantic ones included.
fn lint_image(text: &str) -> Result<(Vec<Diagnostic>, Vec<LintError>), String> {
    let outcome = run_image(&support::image::image(text)?, &all_lints());
    Ok((outcome.diagnostics, outcome.errors))
}

fn all_lints() -> Settings {
    let choice = Choice { preset: Preset::Pedantic, ..Choice::default() };
    let selection = Selection::new(&choice).expect("a preset names no lint");
    Settings { selection, ..Settings::default() }
}

/// The path or key of a place in an image.
fn inside(place: &Place) -> &str {
    match place {
        Place::Layer { path, .. } => path,
        Place::Config { key, .. } => key,
        Place::Image { .. } | Place::File { .. } => "image",
    }
}

fn line_of(lines: &LineIndex, finding: &Diagnostic) -> u32 {
    finding.place.span().map_or(0, |span| lines.line(span.start) + 1)
}

fn story(entry: &Entry, block: &Block, all: &[Diagnostic], problem: &str) -> String {
    let lines = LineIndex::new(&block.text);
    let mut story = format!("{}: {}: {problem}\n{}", block.place, entry.name, numbered(&block.text));
    story.push_str("what fires:\n");
    for finding in all {
        let (severity, confidence) = (finding.severity.as_str(), finding.confidence.as_str());
        let line = line_of(&lines, finding);
        let _ = writeln!(
            story,
            "  {}{line}: {} ({severity}, {confidence}, {:?}): {}",
            if block.is_image { inside(&finding.place) } else { "line " },
            finding.lint,
            finding.aliases,
            finding.message
        );
    }
    story
}

fn numbered(text: &str) -> String {
    let mut numbered = String::new();
    for (number, line) in text.lines().enumerate() {
        let _ = writeln!(numbered, "{:5} | {line}", number + 1);
    }
    numbered
}
