//! Tables of the languages' package managers.

use super::table::{Grammar, Style, Subcommand, Tool, options};
use crate::shell::{Command, Word};

/// pip(1), <https://pip.pypa.io/en/stable/cli/>: `pip install --help` and the general options.
pub(super) static PIP: Grammar = Grammar::verbs(
    Tool::Pip,
    Style::GetoptLong,
    options![
        "--quiet" "-q", "--verbose" "-v", "--no-cache-dir", "--isolated", "--require-virtualenv", "--no-input",
        "--disable-pip-version-check", "--no-color", "--no-python-version-warning", "--debug", "--help" "-h",
        "--version" "-V", "--require-hashes", "--no-index", "--break-system-packages", "--user",
        "--index-url" "-i" "--pypi-url" = Value, "--extra-index-url" = Value, "--find-links" "-f" = Value,
        "--trusted-host" = Value, "--python" = Value, "--log" "--log-file" "--local-log" = Value,
        "--keyring-provider" = Value, "--proxy" = Value, "--retries" = Value, "--timeout" "--default-timeout" = Value,
        "--exists-action" = Value, "--cert" = Value, "--client-cert" = Value, "--cache-dir" = Value,
        "--use-feature" = Value, "--use-deprecated" = Value, "--resume-retries" = Value,
    ],
    &[Subcommand {
        names: &["install", "download", "wheel", "lock", "uninstall"],
        options: options![
            "--upgrade" "-U", "--no-deps" "--no-dependencies", "--pre", "--force-reinstall",
            "--ignore-installed" "-I", "--dry-run", "--no-build-isolation", "--use-pep517", "--no-use-pep517",
            "--check-build-dependencies", "--ignore-requires-python", "--compile", "--no-compile",
            "--no-warn-script-location", "--no-warn-conflicts", "--prefer-binary", "--no-clean", "--yes" "-y",
            "--editable" "-e" = Value, "--requirement" "-r" = Value, "--constraint" "-c" = Value,
            "--build-constraint" = Value, "--group" = Value, "--target" "-t" = Value, "--platform" = Value,
            "--python-version" = Value, "--implementation" = Value, "--abi" = Value, "--root" = Value,
            "--prefix" = Value, "--src" "--source" "--source-dir" "--source-directory" = Value,
            "--upgrade-strategy" = Value, "--config-settings" "-C" "--config-setting" = Value,
            "--global-option" = Value, "--install-option" = Value, "--build-option" = Value,
            "--no-binary" = Value, "--only-binary" = Value, "--progress-bar" = Value,
            "--root-user-action" = Value, "--report" = Value, "--build" "--build-dir" "-b" = Value,
            "--dest" "-d" "--destination-dir" "--destination-directory" = Value,
            "--wheel-dir" "-w" = Value, "--output" "-o" = Value, "--uploaded-prior-to" = Value,
        ],
    }],
);

/// npm(1), npm-config(7): the settings that aren't booleans, and the shorthands.
pub(super) static NPM: Grammar = Grammar::verbs(
    Tool::Npm,
    Style::Nopt,
    options![
        "--global" "-g", "--save-dev" "-D", "--save" "-S", "--save-exact" "-E", "--save-optional" "-O",
        "--save-prod" "-P", "--save-bundle" "-B", "--force" "-f", "--yes" "-y", "--silent" "-s", "--quiet" "-q",
        "--help" "-h", "--version" "-v", "--unsafe-perm", "--ignore-scripts", "--strict-ssl", "--production",
        "--no-audit", "--no-fund", "--legacy-peer-deps", "--workspaces" "-ws",
        "--access" = Value, "--audit-level" = Value, "--auth-type" = Value, "--before" = Value, "--browser" = Value,
        "--ca" = Value, "--cache" = Value, "--cache-max" = Value, "--cache-min" = Value, "--cafile" = Value,
        "--call" "-c" = Value, "--cert" = Value, "--cidr" = Value, "--cpu" = Value, "--depth" = Value, "--diff" = Value,
        "--diff-dst-prefix" = Value, "--diff-src-prefix" = Value, "--diff-unified" = Value, "--editor" = Value,
        "--expect-result-count" = Value, "--expires" = Value, "--fetch-retries" = Value,
        "--fetch-retry-factor" = Value, "--fetch-retry-maxtimeout" = Value, "--fetch-retry-mintimeout" = Value,
        "--fetch-timeout" = Value, "--git" = Value, "--globalconfig" = Value, "--heading" = Value,
        "--https-proxy" = Value, "--include" = Value, "--init-author-email" = Value, "--init-author-name" = Value,
        "--init-author-url" = Value, "--init-license" = Value, "--init-module" = Value, "--init-type" = Value,
        "--init-version" = Value, "--install-strategy" = Value, "--key" = Value, "--libc" = Value,
        "--local-address" = Value, "--location" = Value, "--lockfile-version" = Value, "--loglevel" = Value,
        "--logs-dir" = Value, "--logs-max" = Value, "--maxsockets" = Value, "--message" "-m" = Value,
        "--min-release-age" = Value, "--name" = Value, "--node-gyp" = Value, "--node-options" = Value,
        "--nodedir" = Value, "--noproxy" = Value, "--omit" = Value, "--only" = Value, "--orgs" = Value, "--os" = Value,
        "--otp" = Value, "--pack-destination" = Value, "--package" = Value, "--packages" = Value, "--password" = Value,
        "--prefix" "-C" = Value, "--preid" = Value, "--provenance-file" = Value, "--proxy" = Value, "--python" = Value,
        "--registry" "--reg" = Value, "--replace-registry-host" = Value, "--save-prefix" = Value,
        "--sbom-format" = Value, "--sbom-type" = Value, "--scope" = Value, "--scopes" = Value,
        "--script-shell" = Value, "--searchexclude" = Value, "--searchlimit" = Value, "--searchopts" = Value,
        "--searchstaleness" = Value, "--shell" = Value, "--tag" = Value, "--tag-version-prefix" = Value,
        "--target" = Value, "--token-description" = Value, "--umask" = Value, "--user" = Value,
        "--user-agent" = Value, "--userconfig" = Value, "--viewer" = Value, "--which" = Value,
        "--workspace" "-w" = Value,
    ],
    &[],
);

/// yarn(1), <https://classic.yarnpkg.com/en/docs/cli/> and <https://yarnpkg.com/cli>.
pub(super) static YARN: Grammar = Grammar::verbs(
    Tool::Yarn,
    Style::Nopt,
    options![
        "--frozen-lockfile", "--immutable", "--pure-lockfile", "--production" "--prod", "--ignore-scripts",
        "--ignore-engines", "--ignore-optional", "--ignore-platform", "--non-interactive", "--silent" "-s", "--dev" "-D",
        "--exact" "-E", "--tilde" "-T", "--peer" "-P", "--optional" "-O", "--ignore-workspace-root-check" "-W",
        "--check-files", "--offline", "--prefer-offline", "--verbose", "--flat", "--json", "--force", "--version" "-v",
        "--help" "-h", "--strict-ssl", "--update-checksums", "--skip-integrity-check",
        "--cwd" = Value, "--registry" = Value, "--modules-folder" = Value, "--cache-folder" = Value,
        "--preferred-cache-folder" = Value, "--global-folder" = Value, "--link-folder" = Value, "--mutex" = Value,
        "--network-timeout" = Value, "--network-concurrency" = Value, "--prefix" = Value, "--proxy" = Value,
        "--https-proxy" = Value, "--use-yarnrc" = Value, "--otp" = Value, "--mode" = Value, "--pattern" = Value,
        "--access" = Value, "--tag" = Value, "--message" = Value, "--level" = Value, "--groups" = Value,
        "--new-version" = Value, "--depth" = Value, "--scope" = Value, "--include" = Value, "--exclude" = Value,
        "--from" = Value, "--jobs" "-j" = Value,
    ],
    &[],
);

/// pnpm(1), <https://pnpm.io/pnpm-cli>.
pub(super) static PNPM: Grammar = Grammar::verbs(
    Tool::Pnpm,
    Style::Nopt,
    options![
        "--global" "-g", "--recursive" "-r", "--prod" "-P" "--production", "--dev" "-D" "--save-dev",
        "--save-prod", "--save-optional" "-O", "--save-exact" "-E", "--frozen-lockfile", "--ignore-scripts",
        "--unsafe-perm", "--workspace-root" "-w", "--silent" "-s", "--offline", "--prefer-offline", "--shamefully-hoist",
        "--strict-ssl", "--help" "-h", "--version" "-v", "--force", "--workspace", "--lockfile-only",
        "--dir" "-C" "--prefix" = Value, "--filter" "-F" = Value, "--filter-prod" = Value, "--test-pattern" = Value,
        "--changed-files-ignore-pattern" = Value, "--store-dir" = Value, "--registry" = Value, "--reporter" = Value,
        "--loglevel" = Value, "--virtual-store-dir" = Value, "--modules-dir" = Value, "--network-concurrency" = Value,
        "--child-concurrency" = Value, "--workspace-concurrency" = Value, "--lockfile-dir" = Value,
        "--package-import-method" = Value, "--public-hoist-pattern" = Value, "--hoist-pattern" = Value,
        "--node-linker" = Value, "--global-dir" = Value, "--global-bin-dir" = Value, "--cache-dir" = Value,
        "--state-dir" = Value, "--config" = Value, "--use-node-version" = Value, "--fetch-retries" = Value,
        "--fetch-timeout" = Value, "--proxy" = Value, "--https-proxy" = Value, "--noproxy" = Value, "--tag" = Value,
        "--access" = Value, "--otp" = Value, "--allow-build" = Value, "--cpu" = Value, "--os" = Value,
        "--libc" = Value, "--resolution-mode" = Value, "--save-catalog-name" = Value, "--userconfig" = Value,
        "--script-shell" = Value, "--depth" = Value, "--audit-level" = Value, "--resume-from" = Value,
    ],
    &[],
);

/// gem(1), <https://guides.rubygems.org/command-reference/>.
pub(super) static GEM: Grammar = Grammar::verbs(
    Tool::Gem,
    Style::GetoptLong,
    options![
        "--help" "-h", "--verbose" "-V", "--quiet" "-q", "--silent", "--debug", "--backtrace", "--norc",
        "--config-file" = Value, "--platform" = Value, "--version" "-v" = Value, "--source" "-s" = Value,
        "--http-proxy" "-p" = Attached, "--bulk-threshold" "-B" = Value, "--add" "-a" = Value,
    ],
    &[
        Subcommand {
            names: &["install", "i", "update", "uninstall", "fetch"],
            options: options![
                "--no-document" "-N", "--no-ri", "--no-rdoc", "--document" = Attached, "--rdoc", "--ri", "--force" "-f",
                "--local" "-l", "--remote" "-r", "--both" "-b", "--conservative", "--wrappers" "-w", "--env-shebang" "-E",
                "--user-install", "--no-user-install", "--ignore-dependencies" "-I", "--development", "--development-all",
                "--prerelease" "--pre", "--all" "-a", "--executables" "-x", "--system",
                "--install-dir" "-i" = Value, "--bindir" "-n" = Value, "--build-root" = Value,
                "--trust-policy" "-P" = Value, "--file" "-g" = Attached, "--without" = Value, "--target-rbconfig" = Value,
            ],
        },
        Subcommand {
            names: &["sources"],
            options: options!["--remove" "-r" = Value, "--append" = Value, "--prepend" "-p" = Value, "--clear-all" "-c", "--list" "-l"],
        },
    ],
);

/// The arguments of `module` where `command` is `python … -m module …` under any of python's names.
pub(super) fn module_arguments<'a>(command: &'a Command, module: &str) -> Option<&'a [Word]> {
    let name = command.base_name();
    if !is_versioned(name, "python") && !is_versioned(name, "pypy") && name != "py" {
        return None;
    }
    let mut at = 0;
    loop {
        // The options of python(1) that take a value; a word that is no option is a script.
        match command.arguments.get(at)?.text.as_str() {
            "-m" => break,
            "-W" | "-X" | "--check-hash-based-pycs" => at += 2,
            option if option.starts_with('-') && option.len() > 1 => at += 1,
            _ => return None,
        }
    }
    (command.arguments.get(at + 1)?.text == module).then(|| command.arguments.get(at + 2..))?
}

/// Whether `name` is `base` with nothing or a version behind it: `pip`, `pip3`, `pip3.12`.
pub(super) fn is_versioned(name: &str, base: &str) -> bool {
    name.strip_prefix(base)
        .is_some_and(|rest| rest.trim_start_matches('-').bytes().all(|byte| byte.is_ascii_digit() || byte == b'.'))
}
