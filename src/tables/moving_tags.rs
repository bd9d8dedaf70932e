//! How much a tag promises: `latest` and `3.12` name another image next month, `3.12.4` hardly ever does.

/// What kind of name a tag is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum TagKind {
    /// No tag; a builder takes `latest`.
    None,
    /// `latest`, alone or as a part (`latest-alpine`).
    Latest,
    /// A channel, a release's code name, a partial version: the publisher moves it on (`stable`, `bookworm-slim`, `20`,
    /// `3.12-alpine`).
    Moving,
    /// A full version, a date or a commit. It may still be rebuilt, but is meant to stay the same (`3.12.4`,
    /// `22.11.0-alpine3.20`, `bookworm-20241111`, `2024.11.1`).
    FullVersion,
}

/// Tells from a tag's form what kind of name it is.
///
/// Source: the tagging habits that Docker's official images document ("Supported tags and respective Dockerfile links")
/// and Semantic Versioning 2.0.0; read November 2026. It is a convention, so a caller should not be sure of it.
#[must_use]
pub fn tag_kind(tag: Option<&str>) -> TagKind {
    let Some(tag) = tag.filter(|tag| !tag.is_empty()) else { return TagKind::None };
    if tag.split(['-', '_', '.']).any(|part| part.eq_ignore_ascii_case("latest")) {
        return TagKind::Latest;
    }
    if tag.split(['-', '_', '+']).enumerate().any(is_exact) { TagKind::FullVersion } else { TagKind::Moving }
}

/// Whether the part of a tag at `index` names one build: `1.2.3`, `v1.2.3`, `20241111`, a commit.
fn is_exact((index, part): (usize, &str)) -> bool {
    let (prefix, version) = part.split_at(part.find(|c: char| c.is_ascii_digit()).unwrap_or(part.len()));
    let numbers: Vec<&str> = version.split('.').collect();
    let is_number = |number: &str| !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit());
    let whole = numbers.iter().copied().take_while(|number| is_number(number)).count();
    // A pre-release suffix such as `3.13.0rc1` leaves the last number not wholly one.
    let suffixed = numbers.get(whole).is_some_and(|last| last.starts_with(|c: char| c.is_ascii_digit()));
    // The version of something else behind a word (`20-alpine3.20.3`) says nothing of the image's own.
    let own = index == 0 || matches!(prefix, "" | "v" | "V");
    (own && whole + usize::from(suffixed) >= 3) || (whole >= 1 && is_date(numbers[0])) || is_commit(part)
}

/// `20241111`: a day of this century.
fn is_date(number: &str) -> bool {
    let field =
        |range: std::ops::Range<usize>| number.get(range).and_then(|text| text.parse::<u32>().ok()).unwrap_or(0);
    number.len() == 8 && number.starts_with("20") && (1..=12).contains(&field(4..6)) && (1..=31).contains(&field(6..8))
}

/// Seven to forty lower-case hexadecimal digits, with digits and letters both, optionally behind `sha`.
fn is_commit(part: &str) -> bool {
    let part = part.strip_prefix("sha").unwrap_or(part);
    (7..=64).contains(&part.len())
        && part.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
        && part.bytes().any(|byte| byte.is_ascii_digit())
        && part.bytes().any(|byte| byte.is_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_are_told_apart_by_their_form() {
        let cases = [
            (TagKind::None, &[""][..]),
            (TagKind::Latest, &["latest", "latest-alpine", "dev-latest", "LATEST"]),
            (
                TagKind::Moving,
                &[
                    "stable",
                    "lts",
                    "edge",
                    "bookworm",
                    "bookworm-slim",
                    "alpine",
                    "20",
                    "3.12",
                    "3.12-slim-bookworm",
                    "alpine3.20",
                    "20-alpine3.20",
                    "22.04",
                    "8.0-jammy-chiseled",
                    "ltsc2022",
                    "nonroot",
                    "17-jdk",
                    "1.22-windowsservercore-ltsc2022",
                    "v1",
                    "facade",
                    "8u402",
                ],
            ),
            (
                TagKind::FullVersion,
                &[
                    "3.12.4",
                    "22.11.0-alpine3.20",
                    "v1.30.2",
                    "bookworm-20241111",
                    "20241111",
                    "3.13.0rc1",
                    "2024.11.1",
                    "17.0.10_7-jdk",
                    "10.0.17763.6532",
                    "sha-1a2b3c4",
                    "4f5e6d7c8b9a",
                    "noble-20241118.1",
                    "jdk-21.0.5",
                    "1.2.3-r4",
                ],
            ),
        ];
        for (kind, tags) in cases {
            for tag in tags {
                assert_eq!(tag_kind(Some(tag)), kind, "{tag}");
            }
        }
        assert_eq!(tag_kind(None), TagKind::None);
    }
}
