//! An image that nobody has built again for more than a year.

use crate::diagnostic::{Category, Confidence, Severity};
use crate::image::{Image, Spot, day_number};
use crate::lint::{Findings, Lint};

pub(super) static LINT: Lint = Lint {
    summary: "The image was built more than a year ago",
    category: Category::SupplyChain,
    severity: Severity::Info,
    confidence: Confidence::Medium,
    sources: &[
        "https://github.com/opencontainers/image-spec/blob/main/config.md",
        "https://docs.docker.com/build/building/best-practices/#rebuild-your-images-often",
        "CIS Docker Benchmark 1.6.0, 4.4",
    ],
    image: Some(check),
    ..Lint::BASE
};

/// Days after which an image is old.
const OLD: i64 = 365;

/// The day before which no container image was made: what says so was built reproducibly, with a time that means nothing
/// (0, 1970, 1980 in zip archives, Docker's own first years aside).
const FIRST: &str = "2013-03-20";

/// Files that change whenever a package is installed or updated.
const DATABASES: [&str; 9] = [
    "/var/lib/dpkg/status",
    "/lib/apk/db/installed",
    "/usr/lib/apk/db/installed",
    "/var/lib/rpm/rpmdb.sqlite",
    "/var/lib/rpm/Packages.db",
    "/var/lib/rpm/Packages",
    "/usr/lib/sysimage/rpm/rpmdb.sqlite",
    "/usr/lib/sysimage/rpm/Packages.db",
    "/usr/share/rpm/rpmdb.sqlite",
];

fn check(image: &Image, findings: &mut Findings<Spot>) {
    let Some(today) = image.today.as_deref().and_then(day_number) else { return };
    let Some(created) = image.config.created.as_deref().filter(|created| means_something(created)) else { return };
    let Some(built) = day_number(created) else { return };
    let packages = DATABASES.iter().filter_map(|path| {
        let node = image.tree.node(image.tree.resolve(path)?);
        Some((*path, node.modified.div_euclid(86_400)))
    });
    let packages = packages.max_by_key(|(_, day)| *day);
    let newest = packages.map_or(built, |(_, day)| day.max(built));
    if today - newest <= OLD {
        return;
    }
    let date = created.get(..10).unwrap_or(created);
    let message = format!("the image was built on {date}, {} ago", months(today - built));
    let finding = findings.report(Spot::Config("created".to_owned()), message);
    finding
        .because("what was fixed in its packages since then is not in it")
        .help("Build it again on today's base, and do so on a schedule");
    if let Some((path, day)) = packages.filter(|(_, day)| (*day - built).abs() > 30) {
        finding.label(image.content_spot(path), format!("packages changed last {} ago", months(today - day)));
    }
}

/// Whether a build gave the time itself: not 0, and no time of day that builds with a made-up date have.
fn means_something(created: &str) -> bool {
    day_number(created) >= day_number(FIRST)
}

fn months(days: i64) -> String {
    format!("{} months", days / 30)
}
