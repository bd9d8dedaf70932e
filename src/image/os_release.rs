//! What distribution an image is: os-release(5), and the older files of distributions that had none.

use super::Image;

/// os-release(5).
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct OsRelease {
    /// `ID`, such as `debian`.
    pub id: String,
    /// `ID_LIKE`, in words.
    pub id_like: Vec<String>,
    /// `VERSION_ID`; `None` for rolling releases.
    pub version_id: Option<String>,
    /// `PRETTY_NAME`.
    pub pretty_name: String,
    /// The path it was read from.
    pub path: String,
}

/// The files that are asked for, the first that says something counts. os-release(5) gives the order of the first two.
pub(super) const READS: [&str; 5] =
    ["/etc/os-release", "/usr/lib/os-release", "/etc/alpine-release", "/etc/redhat-release", "/etc/debian_version"];

/// How the first words of `/etc/redhat-release` begin, and the `ID` that newer releases of the same have.
const RED_HAT: [(&str, &str); 7] = [
    ("Red Hat", "rhel"),
    ("CentOS", "centos"),
    ("Fedora", "fedora"),
    ("Rocky", "rocky"),
    ("AlmaLinux", "almalinux"),
    ("Oracle", "ol"),
    ("Scientific", "scientific"),
];

/// Reads what distribution an image's merged file system is of.
pub(super) fn os_release(image: &Image) -> Option<OsRelease> {
    READS.into_iter().find_map(|path| {
        let bytes = image.text(path)?;
        let text = String::from_utf8_lossy(bytes);
        let mut os = match path {
            "/etc/alpine-release" => alpine(&text),
            "/etc/redhat-release" => red_hat(&text),
            "/etc/debian_version" => debian(&text),
            _ => parse(&text),
        }?;
        os.path = image.tree.path(image.tree.resolve(path)?);
        Some(os)
    })
}

/// Reads os-release: assignments as in a shell, the last one of a name counts. `None` where it names no distribution.
fn parse(text: &str) -> Option<OsRelease> {
    let (mut os, mut name) = (OsRelease::default(), None);
    for line in text.lines().map(str::trim).filter(|line| !line.starts_with('#')) {
        let Some((key, value)) = line.split_once('=') else { continue };
        let value = unquoted(value);
        match key {
            "ID" => os.id = value,
            "ID_LIKE" => os.id_like = value.split_whitespace().map(str::to_owned).collect(),
            "VERSION_ID" => os.version_id = Some(value).filter(|value| !value.is_empty()),
            "PRETTY_NAME" => os.pretty_name = value,
            "NAME" => name = Some(value),
            _ => {}
        }
    }
    if os.id.is_empty() {
        name.as_ref()?;
        "linux".clone_into(&mut os.id);
    }
    if os.pretty_name.is_empty() {
        os.pretty_name = name.unwrap_or_else(|| os.id.clone());
    }
    Some(os)
}

/// A value of os-release without its quotes. In double quotes, and outside of quotes, a backslash takes a letter literally.
fn unquoted(value: &str) -> String {
    let value = value.trim();
    if let Some(inner) = value.strip_prefix('\'').and_then(|value| value.strip_suffix('\'')) {
        return inner.to_owned();
    }
    let quoted = value.strip_prefix('"').map(|value| value.strip_suffix('"').unwrap_or(value));
    let mut letters = quoted.unwrap_or(value).chars();
    let mut out = String::with_capacity(value.len());
    while let Some(letter) = letters.next() {
        if letter != '\\' {
            out.push(letter);
            continue;
        }
        match letters.next() {
            Some(escaped) if quoted.is_none() || matches!(escaped, '"' | '$' | '\\' | '`') => out.push(escaped),
            Some(other) => out.extend(['\\', other]),
            None => out.push('\\'),
        }
    }
    out
}

fn alpine(text: &str) -> Option<OsRelease> {
    let version = text.lines().next()?.trim();
    named("alpine", Some(version).filter(|version| !version.is_empty()), format!("Alpine Linux v{version}"))
}

/// `CentOS release 6.10 (Final)`.
fn red_hat(text: &str) -> Option<OsRelease> {
    let line = text.lines().next()?.trim();
    let (_, id) = RED_HAT.into_iter().find(|(start, _)| line.starts_with(start))?;
    let version = line.split_once(" release ").and_then(|(_, rest)| rest.split_whitespace().next());
    named(id, version, line.to_owned())
}

/// `7.11`, of which os-release has only the first number, or `trixie/sid`, which has no version yet.
fn debian(text: &str) -> Option<OsRelease> {
    let line = text.lines().next()?.trim();
    let version = line.split('.').next().filter(|number| number.parse::<u16>().is_ok());
    (!line.is_empty()).then(|| named("debian", version, format!("Debian GNU/Linux {line}")))?
}

fn named(id: &str, version: Option<&str>, pretty_name: String) -> Option<OsRelease> {
    Some(OsRelease { id: id.to_owned(), version_id: version.map(str::to_owned), pretty_name, ..OsRelease::default() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_unquoted_as_os_release_says() {
        for (written, value) in [
            ("debian", "debian"),
            ("\"12\"", "12"),
            ("'12'", "12"),
            (r#""a \"b\" \$c \\ \d""#, r#"a "b" $c \ \d"#),
            (r"a\ b", "a b"),
            ("\"open", "open"),
            ("\"", ""),
            ("", ""),
        ] {
            assert_eq!(unquoted(written), value, "{written}");
        }
    }

    #[test]
    fn the_last_assignment_counts_and_defaults_are_those_of_the_manual() {
        let os = parse("ID=old\n# ID=no\nID=fedora\nID_LIKE=\"a b\"\nVERSION_ID=\n").expect("a distribution");
        assert_eq!((os.id.as_str(), os.version_id, os.pretty_name.as_str()), ("fedora", None, "fedora"));
        assert_eq!(os.id_like, ["a", "b"]);
        assert_eq!(parse("NAME=Odd").expect("a distribution").id, "linux");
        assert_eq!(parse("HOME_URL=x"), None);
    }

    #[test]
    fn older_distributions_are_told_by_their_own_files() {
        let told = |os: Option<OsRelease>| os.map(|os| (os.id, os.version_id));
        let pair = |id: &str, version: Option<&str>| Some((id.to_owned(), version.map(str::to_owned)));
        assert_eq!(told(red_hat("CentOS release 6.10 (Final)\n")), pair("centos", Some("6.10")));
        assert_eq!(told(red_hat("Something else\n")), None);
        assert_eq!(told(debian("7.11\n")), pair("debian", Some("7")));
        assert_eq!(told(debian("trixie/sid\n")), pair("debian", None));
        assert_eq!(told(alpine("3.4.6\n")), pair("alpine", Some("3.4.6")));
    }
}
