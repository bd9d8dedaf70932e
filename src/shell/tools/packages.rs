//! Tables of the distributions' package managers.

use super::table::{Grammar, Style, Subcommand, Tool, options};

/// apt-get(8), apt(8).
pub(super) static APT: Grammar = Grammar::verbs(
    Tool::Apt,
    Style::Getopt,
    options![
        "--yes" "-y" "--assume-yes", "--quiet" "-q", "--no-install-recommends", "--simulate" "-s" "--dry-run",
        "--allow-unauthenticated", "--force-yes", "--allow-insecure-repositories", "--allow-downgrades",
        "--allow-change-held-packages", "--allow-remove-essential", "--download-only" "-d", "--fix-broken" "-f",
        "--fix-missing" "-m" "--ignore-missing", "--autoremove" "--auto-remove", "--help" "-h", "--version" "-v",
        "--option" "-o" = Value, "--config-file" "-c" = Value,
        "--target-release" "-t" "--default-release" = Value, "--build-profiles" "-P" = Value,
        "--with-source" = Value, "--error-on" "-e" = Attached, "--solver" = Value, "--planner" = Value,
        "--color" = Attached,
    ],
    &[
        Subcommand { names: &["list", "search", "show"], options: options!["--all-versions" "-a"] },
        Subcommand {
            names: &["source", "build-dep", "install", "download"],
            options: options!["--host-architecture" "-a" = Value],
        },
    ],
);

/// apk(8), apk-add(8).
pub(super) static APK: Grammar = Grammar::verbs(
    Tool::Apk,
    Style::GetoptLong,
    options![
        "--no-cache", "--update-cache" "-U" "--update", "--upgrade" "-u", "--quiet" "-q", "--verbose" "-v",
        "--interactive" "-i", "--force" "-f", "--purge", "--allow-untrusted", "--available" "-a", "--latest" "-l",
        "--no-network", "--no-check-certificate", "--no-scripts", "--no-progress", "--initdb", "--simulate" "-s",
        "--clean-protected", "--overlay-from-stdin", "--preserve-env", "--no-commit-hooks", "--no-logfile",
        "--force-refresh", "--force-overwrite", "--force-non-repository", "--force-old-apk", "--force-broken-world",
        "--force-binary-stdout", "--force-missing-repositories", "--help" "-h", "--version" "-V", "--progress",
        "--root" "-p" = Value, "--repository" "-X" = Value, "--virtual" "-t" = Value, "--arch" = Value,
        "--keys-dir" = Value, "--repositories-file" = Value, "--wait" = Value, "--cache-dir" = Value,
        "--cache-max-age" = Value, "--cache-packages" = Attached, "--cache-predownload" = Attached,
        "--progress-fd" = Value, "--print-arch", "--timeout" = Value,
    ],
    &[
        Subcommand {
            names: &["fetch"],
            options: options!["--output" "-o" = Value, "--recursive" "-R", "--stdout" "-s"],
        },
        Subcommand {
            names: &["index"],
            options: options!["--output" "-o" = Value, "--index" "-x" = Value, "--description" "-d" = Value, "--rewrite-arch" = Value],
        },
    ],
);

/// dnf(8), dnf5(8), yum(8), microdnf(8), tdnf(8).
pub(super) static DNF: Grammar = Grammar::verbs(
    Tool::Dnf,
    Style::GetoptLong,
    options![
        "--assumeyes" "-y", "--assumeno", "--quiet" "-q", "--verbose" "-v", "--nogpgcheck" "--no-gpgchecks",
        "--nobest", "--best" "-b", "--cacheonly" "-C", "--allowerasing", "--skip-broken", "--nodocs", "--refresh",
        "--enable", "--disable", "--downloadonly", "--obsoletes", "--noplugins", "--nosignature", "--noautoremove",
        "--security", "--bugfix", "--enhancement", "--newpackage", "--available", "--installed", "--ipv4" "-4",
        "--ipv6" "-6", "--help" "-h", "--version",
        "--setopt" = Value, "--config" "-c" = Value, "--enablerepo" "--enable-repo" = Value,
        "--disablerepo" "--disable-repo" = Value, "--repo" "--repoid" = Value, "--repofrompath" = Value,
        "--exclude" "-x" "--excludepkgs" = Value, "--disableexcludes" "--disableexcludepkgs" = Value,
        "--installroot" = Value, "--releasever" = Value, "--forcearch" = Value, "--arch" "--archlist" = Value,
        "--advisory" "--advisories" = Value, "--bz" "--bzs" = Value, "--cve" "--cves" = Value,
        "--sec-severity" "--secseverity" = Value, "--downloaddir" "--destdir" = Value, "--comment" = Value,
        "--disableplugin" "--disable-plugin" = Value, "--enableplugin" "--enable-plugin" = Value,
        "--rpmverbosity" = Value, "--color" = Value, "--debuglevel" "-d" = Value, "--errorlevel" "-e" = Value,
        "--randomwait" "-R" = Value, "--setvar" = Value, "--tsflags" = Value, "--from-repo" = Value,
    ],
    &[
        Subcommand { names: &["config-manager"], options: options!["--add-repo" = Value, "--save", "--dump"] },
        Subcommand {
            names: &["repoquery"],
            options: options![
                "--queryformat" "--qf" = Value, "--file" "-f" = Value, "--whatprovides" = Value, "--whatrequires" = Value,
                "--whatdepends" = Value, "--whatrecommends" = Value, "--whatsuggests" = Value, "--location",
                "--latest-limit" = Value, "--installonly", "--requires", "--provides", "--resolve", "--list" "-l",
            ],
        },
    ],
);

/// zypper(8).
pub(super) static ZYPPER: Grammar = Grammar::globals(
    Tool::Zypper,
    Style::GetoptLong,
    options![
        "--non-interactive" "-n", "--quiet" "-q", "--verbose" "-v", "--no-gpg-checks", "--gpg-auto-import-keys",
        "--no-refresh", "--no-cd", "--no-remote", "--xmlout" "-x", "--ignore-unknown" "-i", "--no-color", "--color",
        "--no-abbrev" "-A", "--table-style" "-s" = Value, "--rug-compatible" "-r", "--installroot" = Value,
        "--help" "-h", "--version" "-V", "--non-interactive-include-reboot-patches", "--terse" "-t",
        "--disable-repositories", "--disable-system-resolvables", "--pkg-cache-dir" = Value,
        "--config" "-c" = Value, "--userdata" = Value, "--reposd-dir" "-D" = Value, "--cache-dir" "-C" = Value,
        "--raw-cache-dir" = Value, "--solv-cache-dir" = Value, "--plus-repo" "-p" = Value,
        "--plus-content" = Value, "--root" "-R" = Value, "--releasever" = Value,
    ],
    &[
        Subcommand {
            names: &["install", "in", "source-install", "si", "verify", "ve", "install-new-recommends", "inr"],
            options: options![
                "--no-recommends", "--recommends", "--allow-unsigned-rpm", "--no-confirm" "-y",
                "--auto-agree-with-licenses" "-l", "--auto-agree-with-product-licenses", "--force" "-f", "--oldpackage",
                "--name" "-n", "--capability" "-C", "--dry-run" "-D", "--download-only" "-d", "--replacefiles",
                "--force-resolution", "--no-force-resolution", "--details", "--allow-downgrade", "--allow-name-change",
                "--allow-vendor-change", "--allow-arch-change", "--no-allow-vendor-change",
                "--repo" "-r" = Value, "--type" "-t" = Value, "--from" = Value, "--download" = Value,
                "--solver-focus" = Value,
            ],
        },
        Subcommand {
            names: &["update", "up", "dist-upgrade", "dup", "patch", "remove", "rm", "list-updates", "lu"],
            options: options![
                "--no-recommends", "--recommends", "--no-confirm" "-y", "--auto-agree-with-licenses" "-l", "--dry-run" "-D",
                "--download-only" "-d", "--clean-deps" "-u", "--best-effort", "--updatestack-only",
                "--repo" "-r" = Value, "--type" "-t" = Value, "--from" = Value, "--download" = Value,
                "--category" "-g" = Value, "--severity" = Value, "--bugzilla" "-b" "--bz" = Value, "--cve" = Value,
                "--date" = Value, "--issue" = Attached, "--solver-focus" = Value,
            ],
        },
        Subcommand {
            names: &["addrepo", "ar", "modifyrepo", "mr"],
            options: options![
                "--check" "-c", "--no-check" "-C", "--disable" "-d", "--enable" "-e", "--refresh" "-f",
                "--no-refresh" "-F", "--keep-packages" "-k", "--no-keep-packages" "-K", "--gpgcheck" "-g",
                "--no-gpgcheck" "-G", "--gpgcheck-strict", "--gpgcheck-allow-unsigned",
                "--gpgcheck-allow-unsigned-repo", "--gpgcheck-allow-unsigned-package", "--default-gpgcheck",
                "--all" "-a", "--local" "-l", "--remote" "-t", "--repo" "-r" = Value, "--type" = Value,
                "--priority" "-p" = Value, "--name" "-n" = Value, "--medium-type" "-m" = Value,
            ],
        },
        Subcommand {
            names: &["refresh", "ref"],
            options: options![
                "--force" "-f", "--force-build" "-b", "--force-download" "-d", "--build-only" "-B", "--download-only" "-D",
                "--services" "-s", "--repo" "-r" = Value,
            ],
        },
    ],
);

/// rpm(8).
pub(super) static RPM: Grammar = Grammar::plain(
    Tool::Rpm,
    Style::Getopt,
    options![
        "--install" "-i", "--upgrade" "-U", "--freshen" "-F", "--reinstall", "--erase" "-e", "--query" "-q",
        "--verify" "-V", "--checksig" "-K", "--import", "--hash" "-h", "--verbose" "-v", "--force", "--nodeps",
        "--nosignature", "--nodigest", "--noverify", "--nogpg", "--excludedocs", "--file" "-f", "--list" "-l",
        "--all" "-a", "--package" "-p",
        "--root" "-r" = Value, "--dbpath" = Value, "--define" "-D" = Value, "--undefine" = Value, "--eval" "-E" = Value,
        "--rcfile" = Value, "--macros" = Value, "--load" = Value, "--pipe" = Value, "--relocate" = Value,
        "--prefix" = Value, "--excludepath" = Value, "--queryformat" "--qf" = Value, "--import-dir" = Value,
        "--ignoresize", "--replacepkgs",
    ],
);

/// dpkg(1).
pub(super) static DPKG: Grammar = Grammar::plain(
    Tool::Dpkg,
    Style::Getopt,
    options![
        "--install" "-i", "--unpack", "--configure", "--remove" "-r", "--purge" "-P", "--list" "-l", "--status" "-s",
        "--listfiles" "-L", "--search" "-S", "--add-architecture", "--remove-architecture", "--print-architecture",
        "--recursive" "-R", "--no-debsig", "--force-all",
        "--debug" "-D" = Attached, "--abort-after" = Attached, "--admindir" = Attached, "--instdir" = Attached,
        "--root" = Attached, "--ignore-depends" = Attached, "--path-exclude" = Attached, "--path-include" = Attached,
        "--pre-invoke" = Attached, "--post-invoke" = Attached, "--status-logger" = Attached, "--log" = Attached,
        "--status-fd" = Value,
    ],
);
