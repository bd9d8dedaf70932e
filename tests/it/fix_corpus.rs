//! `harden fix` on real files: nothing breaks, nothing else changes, a second run has nothing to do; and how much it does.

use std::collections::BTreeMap;
use std::io::Write;
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use flate2::Compression;
use flate2::write::GzEncoder;
use harden::diagnostic::{Diagnostic, Safety};
use harden::fix::{Files, Fixed, check, fix};
use harden::lint::{Choice, Preset, Selection, Settings};
use harden::model::{Dockerfile, ImageFacts};
use harden::text::Source;
use serde_json::{Value, json};

use crate::support;

/// A real file.
struct File {
    name: String,
    text: String,
    sample: bool,
}

fn files() -> Vec<File> {
    let field = |object: &Value, key: &str| object[key].as_str().expect("a string").to_owned();
    let file = |object: &Value| File {
        name: format!("{}/{}", field(object, "repo"), field(object, "path")),
        text: field(object, "text"),
        sample: object["sample"] == true,
    };
    support::json_lines("corpus/dockerfiles/dev.jsonl.gz").iter().map(file).collect()
}

fn settings(all: bool) -> Settings {
    let preset = if all { Preset::Pedantic } else { Preset::Security };
    let selection = Selection::new(&Choice { preset, ..Choice::default() }).expect("a preset names no lint");
    Settings { selection, ..Settings::default() }
}

/// A resolver for tests: every image has a digest, made of its name.
fn with_digests(mut dockerfile: Dockerfile) -> Dockerfile {
    for name in dockerfile.image_names() {
        let number = name.bytes().fold(7u64, |sum, byte| sum.wrapping_mul(31).wrapping_add(u64::from(byte)));
        let digest = Some(format!("sha256:{}", format!("{number:016x}").repeat(4)));
        dockerfile.images.insert(name, ImageFacts { digest, content: None });
    }
    dockerfile
}

fn plain(name: &str, source: Source) -> Dockerfile {
    Dockerfile::new(name, source)
}

/// Calls `work` for each item on all processors; the results in order.
fn parallel<T: Sync, R: Send>(items: &[T], work: impl Fn(&T) -> R + Sync) -> Vec<R> {
    let next = AtomicUsize::new(0);
    let results = Mutex::new(BTreeMap::new());
    std::thread::scope(|scope| {
        for _ in 0..std::thread::available_parallelism().map_or(1, usize::from) {
            let run = || {
                loop {
                    let at = next.fetch_add(1, Ordering::Relaxed);
                    let Some(item) = items.get(at) else { return };
                    let result = work(item);
                    results.lock().unwrap_or_else(PoisonError::into_inner).insert(at, result);
                }
            };
            std::thread::Builder::new().stack_size(8 << 20).spawn_scoped(scope, run).expect("a thread");
        }
    });
    results.into_inner().unwrap_or_else(PoisonError::into_inner).into_values().collect()
}

#[test]
fn no_file_breaks_and_a_second_run_has_nothing_to_do() {
    let files = files();
    if files.is_empty() {
        return;
    }
    for allowed in [Safety::Safe, Safety::Unsafe] {
        let settings = settings(true);
        let results = parallel(&files, |file| {
            let read = |source: Source, _: &Files| with_digests(plain(&file.name, source));
            let fixed = fix(&Source::from(file.text.as_str()), &settings, allowed, &read);
            let after = fixed.dockerfile.source.clone();
            let mut problems: Vec<String> =
                fixed.refused.iter().map(|refused| format!("{}: refused: {refused:?}", file.name)).collect();
            let again = fix(&after, &settings, allowed, &read);
            if !again.applied.is_empty() || again.dockerfile.source.bytes() != after.bytes() {
                problems.push(format!("{}: a second run does {:?}", file.name, again.applied));
            }
            (after, problems)
        });
        let problems: Vec<&String> = results.iter().flat_map(|(_, problems)| problems).collect();
        let changed = results.iter().zip(&files).filter(|((after, _), file)| after.text() != file.text).count();
        support::figure(&format!(
            "{} of {} files changed by {} fixes of all lints",
            changed,
            files.len(),
            allowed.as_str()
        ));
        assert!(problems.is_empty(), "{} problems:\n{}", problems.len(), list(&problems));
        let texts = files.iter().zip(&results).map(|(file, (after, _))| (file.name.as_str(), after.text()));
        refused_by_buildkit(texts.collect());
    }
}

/// Suggestions are never applied here, but editors offer them.
#[test]
fn every_fix_of_the_sample_does_alone_what_it_says() {
    let sample: Vec<File> = files().into_iter().filter(|file| file.sample).collect();
    let settings = settings(true);
    let results = parallel(&sample, |file| {
        let read = |source: Source| with_digests(plain(&file.name, source));
        let before = read(Source::from(file.text.as_str()));
        let found = harden::lint::run(&before, &settings).diagnostics;
        let mut problems = Vec::new();
        for (diagnostic, fix) in found.iter().flat_map(|one| one.fixes.iter().map(move |fix| (one, fix))) {
            let told = |problem: String| format!("{}: {}: `{}`: {problem}", file.name, diagnostic.lint, fix.title);
            match before.source.edited(&fix.edits) {
                Err(conflict) => problems.push(told(format!("{conflict:?}"))),
                Ok(after) => {
                    problems.extend(check(&before, &read(after), &[fix]).err().map(|why| told(why.to_string())))
                }
            }
        }
        problems
    });
    let problems: Vec<&String> = results.iter().flatten().collect();
    assert!(problems.is_empty(), "{} problems:\n{}", problems.len(), list(&problems));
}

#[test]
fn damaged_files_are_mended_as_carefully() {
    let files: Vec<File> = files().into_iter().step_by(9).collect();
    let settings = settings(true);
    let results = parallel(&files, |file| {
        let mut problems = Vec::new();
        for (damage, bytes) in damaged(&file.text) {
            let read = |source: Source, _: &Files| with_digests(plain(&file.name, source));
            let fixed = fix(&Source::new(bytes.clone()), &settings, Safety::Unsafe, &read);
            let after = fixed.dockerfile.source.clone();
            problems.extend(fixed.refused.iter().map(|refused| format!("{}, {damage}: {refused:?}", file.name)));
            problems.extend(fixed.outcome.errors.iter().map(|error| format!("{}, {damage}: {error:?}", file.name)));
            if !fix(&after, &settings, Safety::Unsafe, &read).applied.is_empty() {
                problems.push(format!("{}, {damage}: a second run does more", file.name));
            }
            // Every byte that is no UTF-8 outlives the fixes, unless what it stands in goes.
            let invalid = |source: &Source| source.invalid().len();
            if invalid(&after) > invalid(&Source::new(bytes)) {
                problems.push(format!("{}, {damage}: bytes come from nowhere", file.name));
            }
        }
        problems
    });
    let problems: Vec<&String> = results.iter().flatten().collect();
    assert!(problems.is_empty(), "{} problems:\n{}", problems.len(), list(&problems));
}

/// A file as bad luck leaves it: other line ends, cut off, lines lost, bytes that are no UTF-8.
fn damaged(text: &str) -> [(&'static str, Vec<u8>); 6] {
    let cut = |part: usize| text.as_bytes()[..text.len() * part / 7].to_vec();
    let every_fifth = text.split_inclusive('\n').enumerate().filter(|(number, _)| number % 5 != 3);
    let mut broken = text.as_bytes().to_vec();
    for at in (0..broken.len()).step_by(97).rev() {
        broken.insert(at, 0xff);
    }
    [
        ("with CRLF", text.replace('\n', "\r\n").into_bytes()),
        ("with a byte-order mark and no last newline", format!("\u{feff}{}", text.trim_end()).into_bytes()),
        ("cut off", cut(3)),
        ("cut off later", cut(6)),
        ("without every fifth line", every_fifth.map(|(_, line)| line).collect::<String>().into_bytes()),
        ("with bytes that are no UTF-8", broken),
    ]
}

/// Parses files with BuildKit's own parser, and fails where it refuses one.
fn refused_by_buildkit(texts: Vec<(&str, &str)>) {
    let python = support::root().join("target/tools/venv/bin/python");
    if !python.exists() {
        return support::skip("the PyPI package `dockerfile` is not in target/tools/venv: tests/run puts it there");
    }
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("fixed.jsonl.gz");
    let mut file = GzEncoder::new(std::fs::File::create(&path).expect("a writable folder"), Compression::fast());
    for (name, text) in &texts {
        writeln!(file, "{}", json!({ "repo": "", "path": name, "text": text })).expect("a writable file");
    }
    file.finish().expect("a writable file");
    let script = support::root().join("tests/oracle/buildkit.py");
    let output = Command::new(python).arg(script).arg(path).output().expect("Python starts");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let answers = String::from_utf8(output.stdout).expect("UTF-8");
    assert_eq!(answers.lines().count(), texts.len());
    let refused: Vec<&str> = answers.lines().filter(|answer| answer.contains("\"error\": \"")).collect();
    assert!(refused.is_empty(), "BuildKit's parser refuses {} files:\n{}", refused.len(), list(&refused));
}

#[test]
fn safe_fixes_of_the_sample_leave_no_new_finding_and_none_of_the_fixed_ones() {
    let sample: Vec<File> = files().into_iter().filter(|file| file.sample).collect();
    if sample.is_empty() {
        return;
    }
    let settings = settings(true);
    let results = parallel(&sample, |file| {
        let read = |source: Source, _: &Files| plain(&file.name, source);
        let before = harden::lint::run(&plain(&file.name, Source::from(file.text.as_str())), &settings).diagnostics;
        let fixed = fix(&Source::from(file.text.as_str()), &settings, Safety::Safe, &read);
        let problems = compare(&file.name, &before, &fixed);
        let touched = touched_lines(&file.text, fixed.dockerfile.source.text());
        (problems, fixed.applied.len(), touched)
    });
    let changed = results.iter().filter(|(_, applied, _)| *applied > 0).count();
    let fixes: usize = results.iter().map(|(_, applied, _)| applied).sum();
    let touched: usize = results.iter().map(|(.., touched)| touched).sum();
    support::figure(&format!(
        "safe fixes of all lints change {changed} of {} files of the sample ({:.1} %): {fixes} fixes, {:.2} lines touched a fix",
        sample.len(),
        100.0 * changed as f64 / sample.len() as f64,
        touched as f64 / fixes.max(1) as f64
    ));
    let problems: Vec<&String> = results.iter().flat_map(|(problems, ..)| problems).collect();
    assert!(problems.is_empty(), "{} problems:\n{}", problems.len(), list(&problems));
    assert!(changed * 3 >= sample.len(), "safe fixes change {changed} of {} files, less than a third", sample.len());
}

/// Findings after safe fixes that were not there before, and findings that were fixed and are still there.
fn compare(name: &str, before: &[Diagnostic], fixed: &Fixed) -> Vec<String> {
    // A message may name what a fix has changed (`apt`, `apt-get`), so lints are counted.
    let count = |diagnostics: &[Diagnostic]| {
        let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
        for diagnostic in diagnostics {
            *counts.entry(diagnostic.lint).or_default() += 1;
        }
        counts
    };
    let (old, new) = (count(before), count(&fixed.outcome.diagnostics));
    let more = new.iter().filter(|(lint, count)| old.get(*lint).copied().unwrap_or(0) < **count);
    let mut problems: Vec<String> = more.map(|(lint, _)| format!("{name}: a new finding of {lint}")).collect();
    let is_safe = |diagnostic: &&Diagnostic| diagnostic.fixes.iter().any(|fix| fix.safety == Safety::Safe);
    let left = fixed.outcome.diagnostics.iter().filter(is_safe);
    problems.extend(left.map(|diagnostic| format!("{name}: still there: {}: {}", diagnostic.lint, diagnostic.message)));
    problems
}

/// Lines of the old text that are not in the new one, and the other way round, the greater of both: what a reader of the
/// patch has to look at.
fn touched_lines(before: &str, after: &str) -> usize {
    let mut counts: BTreeMap<&str, i64> = BTreeMap::new();
    before.lines().for_each(|line| *counts.entry(line).or_default() -= 1);
    after.lines().for_each(|line| *counts.entry(line).or_default() += 1);
    let added: i64 = counts.values().filter(|count| **count > 0).sum();
    let removed: i64 = counts.values().filter(|count| **count < 0).sum();
    added.max(-removed) as usize
}

#[test]
fn half_of_the_default_findings_have_a_fix() {
    let sample: Vec<File> = files().into_iter().filter(|file| file.sample).collect();
    if sample.is_empty() {
        return;
    }
    let settings = settings(false);
    let lint = |digests: bool| {
        let found = parallel(&sample, |file| {
            let dockerfile = plain(&file.name, Source::from(file.text.as_str()));
            let dockerfile = if digests { with_digests(dockerfile) } else { dockerfile };
            harden::lint::run(&dockerfile, &settings).diagnostics
        });
        found.into_iter().flatten().collect::<Vec<_>>()
    };
    let mut shares = Vec::new();
    for digests in [false, true] {
        let found = lint(digests);
        let mut table: BTreeMap<&str, [usize; 4]> = BTreeMap::new();
        for diagnostic in &found {
            let best = diagnostic.fixes.iter().map(|fix| fix.safety).min().map_or(3, |safety| safety as usize);
            table.entry(diagnostic.lint).or_default()[best] += 1;
        }
        let with = if digests { "with" } else { "without" };
        support::figure(&format!(
            "default findings on the sample, {with} digests of images: safe, unsafe, suggestion, no fix"
        ));
        let mut total = [0; 4];
        for (lint, counts) in &table {
            support::figure(&format!("  {lint:22} {:5} {:5} {:5} {:5}", counts[0], counts[1], counts[2], counts[3]));
            (0..4).for_each(|index| total[index] += counts[index]);
        }
        let all = found.len() as f64;
        let share = |count: usize| 100.0 * count as f64 / all;
        support::figure(&format!(
            "  of {}: safe {:.1} %, unsafe {:.1} %, suggestion {:.1} %, none {:.1} %",
            found.len(),
            share(total[0]),
            share(total[1]),
            share(total[2]),
            share(total[3])
        ));
        shares.push(100.0 - share(total[3]));
    }
    assert!(shares[1] >= 50.0, "with digests, only {:.1} % of the default findings have a fix", shares[1]);
}

fn list(lines: &[impl std::fmt::Display]) -> String {
    lines.iter().take(30).map(ToString::to_string).collect::<Vec<_>>().join("\n")
}
