//! A distribution that gets no security fixes any more.

use crate::diagnostic::{Category, Severity};
use crate::image::{Image, Spot, day_number};
use crate::lint::{Findings, Lint};
use crate::tables;

pub(super) static LINT: Lint = Lint {
    summary: "The image's distribution gets no security fixes any more",
    category: Category::SupplyChain,
    severity: Severity::Medium,
    sources: &[
        "https://wiki.debian.org/LTS",
        "https://ubuntu.com/about/release-cycle",
        "https://alpinelinux.org/releases/",
        "https://access.redhat.com/support/policy/updates/errata",
    ],
    image: Some(check),
    ..Lint::BASE
};

/// How many days before the end it is said: time enough to move to the next release.
const NOTICE: i64 = 90;

fn check(image: &Image, findings: &mut Findings<Spot>) {
    let (Some(os), Some(today)) = (&image.os, &image.today) else { return };
    let Some(version) = &os.version_id else { return };
    let Some(support) = tables::support(&os.id, version) else { return };
    let end = support.last_day();
    let (Some(now), Some(last)) = (day_number(today), day_number(end)) else { return };
    if last - now > NOTICE {
        return;
    }
    let name = if os.pretty_name.is_empty() { format!("{} {version}", os.id) } else { os.pretty_name.clone() };
    let place = image.content_spot(&os.path);
    if support.is_over(today) {
        let finding = findings.report(place, format!("`{name}` gets no security fixes since {end}"));
        finding
            .because(format!(
                "holes found in the {} since then stay open, and exploits for them are public",
                days(now - last)
            ))
            .help("Build on a release that is supported");
    } else {
        let finding = findings.report(place, format!("`{name}` gets its last security fixes on {end}"));
        finding
            .because(format!(
                "that is in {}; what is built after that goes out with holes that nobody closes",
                days(last - now)
            ))
            .help("Plan the move to the next release")
            .severity(Severity::Info);
    }
}

fn days(count: i64) -> String {
    match count {
        1 => "1 day".to_owned(),
        61.. => format!("{} months", count / 30),
        _ => format!("{count} days"),
    }
}
