//! Where package managers keep what they download. Sources: their manuals. apt's lists are the business of
//! `package-lists-left`.

/// A cache: where it is and whose.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) struct Cache {
    /// What it is, fit for a sentence.
    pub(super) what: &'static str,
    /// The folder it is in.
    pub(super) folder: String,
}

const APT: &str = "apt's downloaded packages";
const APK: &str = "apk's cache";
const RPM: &str = "dnf's cache";

/// Folders that are nothing but caches, as parts of a path.
const FOLDERS: [(&str, &str); 47] = [
    ("/var/cache/apk/", APK),
    ("/etc/apk/cache/", APK),
    ("/var/cache/dnf/", RPM),
    ("/var/cache/libdnf5/", RPM),
    ("/var/cache/yum/", "yum's cache"),
    ("/var/cache/zypp/", "zypper's cache"),
    ("/var/cache/pacman/pkg/", "pacman's downloaded packages"),
    ("/.cache/pip/", PIP),
    ("/.cache/uv/", "uv's cache"),
    ("/.cache/pipx/", "pipx's cache"),
    ("/.cache/pypoetry/", "Poetry's cache"),
    ("/.cache/pdm/", "PDM's cache"),
    ("/.cache/pipenv/", "Pipenv's cache"),
    ("/opt/conda/pkgs/", "conda's downloaded packages"),
    ("/miniconda3/pkgs/", "conda's downloaded packages"),
    ("/anaconda3/pkgs/", "conda's downloaded packages"),
    ("/.npm/_cacache/", NPM),
    ("/.cache/yarn/", YARN),
    ("/share/.cache/yarn/", YARN),
    ("/.yarn/berry/cache/", YARN),
    ("/.cache/pnpm/", PNPM),
    ("/.local/share/pnpm/store/", PNPM),
    ("/.pnpm-store/", PNPM),
    ("/.bun/install/cache/", "Bun's cache"),
    ("/.cache/deno/", "Deno's cache"),
    ("/.cache/node-gyp/", "node-gyp's headers"),
    ("/.cache/node/corepack/v1/tmp/", "Corepack's cache"),
    ("/.cargo/registry/", CARGO),
    ("/.cargo/git/db/", CARGO),
    ("/usr/local/cargo/registry/", CARGO),
    ("/usr/local/cargo/git/db/", CARGO),
    ("/go/pkg/mod/", "Go's module cache"),
    ("/.cache/go-build/", "Go's build cache"),
    ("/.composer/cache/", "Composer's cache"),
    ("/.cache/composer/", "Composer's cache"),
    ("/.bundle/cache/", "Bundler's cache"),
    ("/.m2/repository/", "Maven's downloaded artifacts"),
    ("/.gradle/caches/", "Gradle's cache"),
    ("/.ivy2/cache/", "Ivy's cache"),
    ("/.cache/coursier/", "Coursier's cache"),
    ("/.sbt/boot/", "sbt's cache"),
    ("/.nuget/packages/", "NuGet's downloaded packages"),
    ("/.local/share/NuGet/http-cache/", "NuGet's cache"),
    ("/.cache/ccache/", "ccache's cache"),
    ("/.ccache/", "ccache's cache"),
    ("/.cache/bazel/", "Bazel's cache"),
    ("/.cache/Homebrew/", "Homebrew's cache"),
];

const PIP: &str = "pip's cache";
const NPM: &str = "npm's cache";
const YARN: &str = "Yarn's cache";
const PNPM: &str = "pnpm's store";
const CARGO: &str = "Cargo's registry and sources";

/// The cache that a file belongs to.
pub(super) fn of(path: &str) -> Option<Cache> {
    if let Some(name) = path.strip_prefix("/var/cache/apt/") {
        let is_archive = name.starts_with("archives/") && name.ends_with(".deb");
        let folder = if is_archive { "/var/cache/apt/archives" } else { "/var/cache/apt" };
        return (is_archive || name.ends_with("pkgcache.bin")).then(|| Cache { what: APT, folder: folder.to_owned() });
    }
    // Gems as files, beside what was unpacked from them: `/usr/local/lib/ruby/gems/3.3.0/cache/rack-3.1.gem`.
    if path.ends_with(".gem")
        && let Some((folder, _)) = path.rsplit_once('/')
        && folder.ends_with("/cache")
    {
        return Some(Cache { what: "downloaded gems", folder: folder.to_owned() });
    }
    // Most paths have none of these in them.
    if !["/.", "cache/", "/pkg", "/cargo/"].iter().any(|part| path.contains(part)) {
        return None;
    }
    FOLDERS.iter().find_map(|(part, what)| {
        let at = path.find(part)?;
        // What starts in the root folder isn't in somebody's home.
        let anchored = part.starts_with("/var/") || part.starts_with("/etc/") || part.starts_with("/usr/");
        (at == 0 || !anchored).then(|| Cache { what, folder: path[..at + part.len() - 1].to_owned() })
    })
}

/// How not to keep it.
pub(super) fn help(what: &str) -> &'static str {
    match what {
        APT => {
            "End the step that installs with `apt-get clean`, or mount a cache: `RUN --mount=type=cache,target=/var/cache/apt`"
        }
        APK => "Install with `apk add --no-cache`",
        RPM | "yum's cache" => "End the step that installs with `dnf clean all`",
        "zypper's cache" => "End the step that installs with `zypper clean --all`",
        PIP => "Install with `pip install --no-cache-dir`",
        NPM => {
            "End the step with `npm cache clean --force`, or mount a cache: `RUN --mount=type=cache,target=/root/.npm`"
        }
        CARGO | "Go's module cache" | "Go's build cache" | "Maven's downloaded artifacts" | "Gradle's cache" => {
            "Build in a stage of its own, and copy the result out of it"
        }
        _ => "Remove it in the step that fills it, or mount a cache there: `RUN --mount=type=cache,target=…`",
    }
}

/// What other tools call it.
pub(super) fn aliases(what: &str) -> &'static [&'static str] {
    match what {
        APT => &["DKL-DI-0005"],
        APK => &["DKL-DI-0004"],
        _ => &[],
    }
}
