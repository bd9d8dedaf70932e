//! What well-known base images bring with them: the user their configuration sets, accounts, package manager.
//!
//! A name is only a convention, and a publisher may change the image behind it, so everything here deserves low
//! confidence. Each row names the Dockerfile or document it rests on; read between 2024 and November 2026.

mod rows;

use rows::ROWS;

/// What is known of the images that a row's names and tags cover.
#[derive(Clone, Copy, Debug)]
pub struct BaseImage {
    /// Repositories: `node`, `bitnami/redis`, `gcr.io/distroless/*` (the star stands for any rest).
    names: &'static [&'static str],
    tags: Tags,
    /// The user that the image's configuration sets.
    pub user: ImageUser,
    /// Accounts without root's rights that the image already has, with their number where all its variants agree.
    pub accounts: &'static [(&'static str, Option<u32>)],
    /// What the image is made from.
    pub family: Family,
    /// The program of the configuration's SHELL, where the image sets one that images built from it inherit.
    pub shell: Option<&'static str>,
    /// Whether the image starts as root and its own entrypoint (or the platform made for it) then gives that up.
    pub drops_privileges: bool,
}

/// The user that an image's configuration sets.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ImageUser {
    /// None, or root; on Windows, an administrator.
    Root,
    /// One without root's rights, by name or number as the configuration gives it.
    Other(&'static str),
}

/// What an image is made from, which decides how packages and accounts are added.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Family {
    /// Debian, Ubuntu: apt-get; useradd, adduser; sh is dash.
    Debian,
    /// Alpine, Wolfi: apk; busybox adduser; sh is busybox ash.
    Alpine,
    /// Fedora, RHEL, UBI, CentOS, Rocky, Alma, Oracle, Amazon Linux: dnf, microdnf or yum; useradd; sh is bash.
    RedHat,
    /// openSUSE, SLE: zypper; useradd; sh is bash.
    Suse,
    /// Azure Linux, CBL-Mariner, Photon: tdnf; useradd once shadow-utils is there; sh is bash.
    Tdnf,
    /// Arch: pacman; useradd; sh is bash.
    Arch,
    /// busybox alone: no package manager; busybox adduser.
    Busybox,
    /// Neither shell nor package manager.
    Distroless,
    /// Windows.
    Windows,
}

/// The tags that a row holds for.
#[derive(Clone, Copy, Debug)]
enum Tags {
    Any,
    /// Some dash-separated part starts with one of these words.
    Word(&'static [&'static str]),
    /// No dash-separated part starts with one of these words.
    Without(&'static [&'static str]),
    /// The version at the start is at least this major and minor, or there is none.
    From(u32, u32),
}

/// What is known of an image, by its name taken apart (registry as written, repository without `library/`).
#[must_use]
pub fn base_image(registry: Option<&str>, repository: &str, tag: Option<&str>) -> Option<&'static BaseImage> {
    let name = canonical(registry, repository);
    ROWS.iter().find(|row| row.names.iter().any(|pattern| matches(pattern, &name)) && row.tags.hold_for(tag))
}

/// What an image is made from, told by its tag (`-alpine`, `-bookworm`, `-nanoserver`) or else by its name.
#[must_use]
pub fn family(registry: Option<&str>, repository: &str, tag: Option<&str>) -> Option<Family> {
    let known = base_image(registry, repository, tag);
    let by_tag = || tag?.split(['-', '_']).find_map(family_of_word);
    match known {
        // Words such as `debug` or `noble` in these don't bring a package manager in.
        Some(row) if matches!(row.family, Family::Distroless | Family::Windows) => Some(row.family),
        _ => by_tag().or(known.map(|row| row.family)),
    }
}

/// Docker Hub's many spellings and mirrors made one: `node`, `bitnami/redis`; other registries stay in front.
fn canonical(registry: Option<&str>, repository: &str) -> String {
    let repository = repository.strip_prefix("library/").unwrap_or(repository);
    match registry {
        // Amazon's and Google's public mirrors carry Docker's images under their own names.
        None | Some("docker.io" | "index.docker.io" | "registry-1.docker.io" | "mirror.gcr.io") => {
            repository.to_owned()
        }
        Some("public.ecr.aws") if repository.starts_with("docker/library/") => {
            repository.trim_start_matches("docker/library/").to_owned()
        }
        // Docker Hub carries Red Hat's images as `redhat/ubi9-minimal`; Red Hat's own two registries are alike.
        Some("registry.redhat.io") => format!("registry.access.redhat.com/{repository}"),
        Some(other) => format!("{other}/{repository}"),
    }
}

fn matches(pattern: &str, name: &str) -> bool {
    // Nearly all patterns are told apart by their first byte, and every stage of every file asks.
    if pattern.as_bytes().first() != name.as_bytes().first() && !pattern.starts_with('*') {
        return false;
    }
    match pattern.split_once('*') {
        Some((start, end)) => name.len() >= start.len() + end.len() && name.starts_with(start) && name.ends_with(end),
        None => pattern == name,
    }
}

impl Tags {
    fn hold_for(self, tag: Option<&str>) -> bool {
        let has = |words: &[&str]| {
            tag.is_some_and(|tag| tag.split('-').any(|part| words.iter().any(|word| part.starts_with(word))))
        };
        match self {
            Self::Any => true,
            Self::Word(words) => has(words),
            Self::Without(words) => !has(words),
            Self::From(major, minor) => {
                let mut numbers = tag.unwrap_or("").trim_start_matches('v').split(['.', '-']).map(str::parse::<u32>);
                match (numbers.next(), numbers.next()) {
                    (Some(Ok(found)), Some(Ok(next))) => (found, next) >= (major, minor),
                    (Some(Ok(found)), _) => found >= major,
                    _ => true,
                }
            }
        }
    }
}

/// Releases' code names and distributions' names as official images use them in tags.
fn family_of_word(word: &str) -> Option<Family> {
    let name = word.trim_end_matches(|c: char| c.is_ascii_digit() || c == '.');
    Some(match name {
        "alpine" | "wolfi" => Family::Alpine,
        "debian" | "ubuntu" | "slim" | "buster" | "bullseye" | "bookworm" | "trixie" | "forky" | "sid" | "xenial"
        | "bionic" | "focal" | "jammy" | "noble" => Family::Debian,
        "ubi" | "fedora" | "centos" | "rockylinux" | "almalinux" | "oraclelinux" | "oracle" | "amazonlinux" | "al" => {
            Family::RedHat
        }
        "azurelinux" | "mariner" | "photon" => Family::Tdnf,
        "busybox" => Family::Busybox,
        "distroless" | "chiseled" => Family::Distroless,
        "nanoserver" | "windowsservercore" => Family::Windows,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn user(registry: Option<&str>, repository: &str, tag: &str) -> Option<ImageUser> {
        base_image(registry, repository, Some(tag).filter(|tag| !tag.is_empty())).map(|row| row.user)
    }

    #[test]
    fn names_tags_and_mirrors_find_their_row() {
        assert_eq!(user(None, "node", "20"), Some(ImageUser::Root));
        assert_eq!(user(None, "jenkins/jenkins", "lts"), Some(ImageUser::Other("jenkins")));
        assert_eq!(user(Some("docker.io"), "library/node", ""), Some(ImageUser::Root));
        assert_eq!(user(Some("public.ecr.aws"), "docker/library/jetty", ""), Some(ImageUser::Other("jetty")));
        assert_eq!(user(Some("gcr.io"), "distroless/static-debian12", "nonroot"), Some(ImageUser::Other("65532")));
        assert_eq!(
            user(Some("gcr.io"), "distroless/static-debian12", "debug-nonroot-amd64"),
            Some(ImageUser::Other("65532"))
        );
        assert_eq!(user(Some("gcr.io"), "distroless/static-debian12", "latest"), Some(ImageUser::Root));
        assert_eq!(user(None, "bitnami/redis", "7.2"), Some(ImageUser::Other("1001")));
        assert_eq!(user(None, "bitnami/minideb", "bookworm"), Some(ImageUser::Root));
        assert_eq!(user(None, "haproxy", "2.0"), None);
        assert_eq!(user(None, "haproxy", "2.9-alpine"), Some(ImageUser::Other("haproxy")));
        assert_eq!(
            user(Some("mcr.microsoft.com"), "dotnet/aspnet", "8.0-jammy-chiseled-extra"),
            Some(ImageUser::Other("1654"))
        );
        assert_eq!(user(Some("mcr.microsoft.com"), "dotnet/aspnet", "8.0"), Some(ImageUser::Root));
        assert_eq!(user(Some("example.com"), "node", "20"), None);
    }

    #[test]
    fn the_family_follows_the_tag_where_it_says_one() {
        let of = |repository: &str, tag: &str| family(None, repository, Some(tag));
        assert_eq!(of("node", "20-alpine3.20"), Some(Family::Alpine));
        assert_eq!(of("node", "20"), Some(Family::Debian));
        assert_eq!(of("golang", "1.22-windowsservercore-ltsc2022"), Some(Family::Windows));
        assert_eq!(of("acme/thing", "3-bookworm"), Some(Family::Debian));
        assert_eq!(of("acme/thing", "3"), None);
        assert_eq!(
            family(Some("mcr.microsoft.com"), "dotnet/runtime", Some("8.0-noble-chiseled")),
            Some(Family::Distroless)
        );
    }

    #[test]
    fn windows_images_bring_their_shell() {
        let shell = |tag| base_image(None, "golang", Some(tag)).and_then(|row| row.shell);
        assert_eq!(shell("1.22-windowsservercore-ltsc2022"), Some("powershell"));
        assert_eq!(shell("1.22-nanoserver-ltsc2022"), Some("cmd"));
        assert_eq!(shell("1.22"), None);
    }
}
