//! A tag whose platforms differ in more than the processor.

use std::collections::BTreeMap;

use crate::diagnostic::{Category, Confidence, Severity};
use crate::image::{Image, ImageConfig, Spot, day_number};
use crate::lint::{Findings, Lint};

pub(super) static LINT: Lint = Lint {
    summary: "The tag's platforms differ in their configuration",
    category: Category::SupplyChain,
    severity: Severity::Low,
    sources: &[
        "https://github.com/opencontainers/image-spec/blob/main/image-index.md",
        "https://docs.docker.com/build/building/multi-platform/",
    ],
    image: Some(check),
    ..Lint::BASE
};

/// Days between the builds of two platforms from which on they are no longer of one release.
const APART: i64 = 90;

/// Names of variables that are shown.
const MOST: usize = 5;

const HELP: &str = "Build all platforms from one Dockerfile in one build, and push them together";

fn check(image: &Image, findings: &mut Findings<Spot>) {
    // A Windows image is another image altogether.
    let siblings = || image.siblings.iter().filter(|sibling| sibling.config.os != "windows");
    if image.config.os == "windows" || siblings().next().is_none() {
        return;
    }
    let mine = &image.config;
    let mut told: BTreeMap<&str, Vec<(&str, String)>> = BTreeMap::new();
    for sibling in siblings() {
        for (key, difference) in differences(mine, &sibling.config) {
            told.entry(key).or_default().push((&sibling.platform, difference));
        }
    }
    for (key, platforms) in told {
        let place = Spot::Config(key.to_owned());
        let names: Vec<String> = platforms.iter().map(|(platform, _)| format!("`{platform}`")).collect();
        let what = key.rsplit('.').next().unwrap_or(key);
        let finding = findings.report(place.clone(), format!("`{what}` is another one for {}", names.join(", ")));
        finding.because(why(key)).help(HELP);
        for (platform, difference) in platforms {
            finding.label(place.clone(), format!("`{platform}`: {difference}"));
        }
        if key == "config.Env" {
            // Versions and paths may differ with the processor for good reasons.
            finding.severity(Severity::Info).confidence(Confidence::Low);
        }
    }
}

fn why(key: &str) -> &'static str {
    match key {
        "config.User" => "what was checked on one platform runs with other rights on another",
        "created" => "one of them has lacked the fixes that the other has since then",
        _ => "what was checked and tested on one platform isn't what runs on another",
    }
}

/// Keys in which two configurations differ, and how; no values that may be secrets.
fn differences(mine: &ImageConfig, other: &ImageConfig) -> Vec<(&'static str, String)> {
    let mut found = Vec::new();
    if user(mine) != user(other) {
        found.push(("config.User", format!("the user is `{}`, not `{}`", shown(user(other)), shown(user(mine)))));
    }
    let words = |list: &Option<Vec<String>>| -> Vec<String> { list.iter().flatten().map(|word| plain(word)).collect() };
    for (key, mine, other) in
        [("config.Entrypoint", &mine.entrypoint, &other.entrypoint), ("config.Cmd", &mine.cmd, &other.cmd)]
    {
        let (mine, other) = (words(mine), words(other));
        if mine != other {
            let difference = match (mine.is_empty(), other.is_empty()) {
                (false, true) => "it is missing".to_owned(),
                (true, false) => "it is there, and not here".to_owned(),
                _ => format!("it has other words ({} and {})", other.len(), mine.len()),
            };
            found.push((key, difference));
        }
    }
    let sorted = |list: &[String]| {
        let mut list = list.to_vec();
        list.sort_unstable();
        list
    };
    for (key, mine, other) in [
        ("config.ExposedPorts", &mine.exposed_ports, &other.exposed_ports),
        ("config.Volumes", &mine.volumes, &other.volumes),
    ] {
        if sorted(mine) != sorted(other) {
            found.push((key, format!("it has {}, not {}", other.len(), mine.len())));
        }
    }
    let names = variables(mine, other);
    if !names.is_empty() {
        let more = names.len().saturating_sub(MOST);
        let list: Vec<String> = names.iter().take(MOST).map(|name| format!("`{}`", shown(name))).collect();
        let rest = if more > 0 { format!(" and {more} more") } else { String::new() };
        found.push(("config.Env", format!("{}{rest} differ", list.join(", "))));
    }
    let day = |config: &ImageConfig| config.created.as_deref().and_then(day_number).filter(|day| *day > 15_000);
    if let (Some(mine), Some(other)) = (day(mine), day(other))
        && (mine - other).abs() > APART
    {
        let when = if other < mine { "earlier" } else { "later" };
        found.push(("created", format!("built {} days {when}", (mine - other).abs())));
    }
    found
}

/// The user without spellings of root that mean the same.
fn user(config: &ImageConfig) -> &str {
    match config.user.as_str() {
        "" | "0" | "0:0" | "root:root" => "root",
        user => user,
    }
}

/// Names of variables that one has and the other hasn't, or with another value.
fn variables(mine: &ImageConfig, other: &ImageConfig) -> Vec<String> {
    let map = |config: &ImageConfig| -> BTreeMap<String, String> {
        let pairs = config.env.iter().filter_map(|pair| pair.split_once('='));
        pairs.map(|(name, value)| (name.to_owned(), plain(value))).collect()
    };
    let (mine, other) = (map(mine), map(other));
    let names: std::collections::BTreeSet<&String> = mine.keys().chain(other.keys()).collect();
    names.into_iter().filter(|name| mine.get(*name) != other.get(*name)).cloned().collect()
}

/// A value without the processor's name in it, which is meant to differ.
fn plain(value: &str) -> String {
    const PROCESSORS: [&str; 15] = [
        "x86_64", "x86-64", "amd64", "aarch64", "arm64v8", "arm64", "armhf", "armv7l", "armv7", "armv6", "ppc64le",
        "s390x", "riscv64", "i386", "i686",
    ];
    PROCESSORS.iter().fold(value.to_owned(), |value, processor| value.replace(processor, "*"))
}

/// A text of an image, fit for a sentence.
fn shown(text: &str) -> String {
    text.chars().filter(|c| !c.is_control() && *c != '`').take(60).collect()
}
