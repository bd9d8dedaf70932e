//! The form of a tool's table, and the way from a command's name to it.

use super::{accounts, files, languages, network, packages};

/// A tool whose options are known.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Tool {
    /// apt-get and apt (`aptitude`'s options differ; it isn't read).
    Apt,
    /// Alpine's apk.
    Apk,
    /// dnf, yum, microdnf, tdnf.
    Dnf,
    /// openSUSE's zypper.
    Zypper,
    /// rpm.
    Rpm,
    /// dpkg.
    Dpkg,
    /// pip under any of its names, and `python -m pip`.
    Pip,
    /// npm.
    Npm,
    /// Yarn.
    Yarn,
    /// pnpm.
    Pnpm,
    /// RubyGems.
    Gem,
    /// curl.
    Curl,
    /// wget, GNU's and BusyBox's.
    Wget,
    /// git.
    Git,
    /// gpg and gpg2.
    Gpg,
    /// openssl.
    Openssl,
    /// docker.
    Docker,
    /// chmod.
    Chmod,
    /// chown.
    Chown,
    /// chgrp.
    Chgrp,
    /// install(1).
    Install,
    /// mkdir.
    Mkdir,
    /// find.
    Find,
    /// tar.
    Tar,
    /// setcap.
    Setcap,
    /// useradd.
    Useradd,
    /// adduser: Debian's, BusyBox's, or a link to useradd.
    Adduser,
    /// groupadd.
    Groupadd,
    /// addgroup: Debian's or BusyBox's.
    Addgroup,
    /// usermod.
    Usermod,
    /// su.
    Su,
    /// sudo.
    Sudo,
    /// gosu and su-exec.
    Gosu,
}

impl Tool {
    /// The subcommands that install packages.
    pub(super) fn install_verbs(self) -> &'static [&'static str] {
        match self {
            Self::Apt => &["install", "reinstall"],
            Self::Apk => &["add"],
            Self::Dnf => &["install", "in", "localinstall", "reinstall", "groupinstall"],
            Self::Zypper => &["install", "in"],
            Self::Pip => &["install"],
            Self::Npm => &[
                "install",
                "i",
                "in",
                "ins",
                "inst",
                "insta",
                "instal",
                "isnt",
                "isnta",
                "isntal",
                "isntall",
                "add",
                "ci",
                "clean-install",
                "ic",
                "install-clean",
                "isntall-clean",
            ],
            Self::Pnpm => &["install", "i", "add"],
            Self::Gem => &["install", "i"],
            _ => &[],
        }
    }
}

/// How a tool reads its words.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Style {
    /// getopt: `-abc` is a cluster, `--name` a long option; options and operands mix.
    Getopt,
    /// getopt_long: also accepts an unambiguous beginning of a listed long option.
    GetoptLong,
    /// Options end at the first operand, which starts another command.
    Prefix,
    /// `-name` is one option, never a cluster.
    Words,
    /// find's starting points and expression.
    Find,
    /// tar: getopt_long, and a first word without a dash is a cluster whose values follow in turn.
    Tar,
    /// chmod: getopt_long, where `-` and a letter of a mode is a mode.
    Chmod,
    /// wget: getopt_long, where `-n` is the first letter of a two-letter option.
    Wget,
    /// Perl's Getopt::Long as adduser uses it: a long option may have one dash.
    Perl,
    /// nopt, npm's parser: a flag may be followed by a word `true` or `false`.
    Nopt,
}

/// A tool's table.
#[derive(Debug)]
pub(super) struct Grammar {
    /// The tool.
    pub(super) tool: Tool,
    /// How it reads its words.
    pub(super) style: Style,
    /// Options wherever they stand, or where there are subcommands that `globals_first`, in front of them only.
    pub(super) options: &'static [Opt],
    /// Whether the first operand is a subcommand.
    pub(super) has_subcommands: bool,
    /// Whether `options` hold in front of the subcommand only.
    pub(super) globals_first: bool,
    /// Options that hold behind certain subcommands.
    pub(super) subcommands: &'static [Subcommand],
}

/// The options of some subcommands.
#[derive(Debug)]
pub(super) struct Subcommand {
    /// The names of the subcommands.
    pub(super) names: &'static [&'static str],
    /// Options that hold behind them; they win over the tool's.
    pub(super) options: &'static [Opt],
}

/// One option.
#[derive(Debug)]
pub(super) struct Opt {
    /// Its names, the canonical first.
    pub(super) names: &'static [&'static str],
    /// Whether it takes a value.
    pub(super) takes: Takes,
}

/// Whether an option takes a value.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Takes {
    /// No.
    Nothing,
    /// Yes, attached or in the next word.
    Value,
    /// It may have one, attached only.
    Attached,
    /// It may have one, behind `=` only.
    Equals,
    /// find's `-exec`: the words up to `;`, or `+` behind `{}`.
    Command,
}

impl Grammar {
    /// A tool without subcommands.
    pub(super) const fn plain(tool: Tool, style: Style, options: &'static [Opt]) -> Self {
        Self { tool, style, options, has_subcommands: false, globals_first: false, subcommands: &[] }
    }

    /// A tool with subcommands that takes its options anywhere.
    pub(super) const fn verbs(tool: Tool, style: Style, options: &'static [Opt], verbs: &'static [Subcommand]) -> Self {
        Self { tool, style, options, has_subcommands: true, globals_first: false, subcommands: verbs }
    }

    /// A tool whose own options stand in front of the subcommand and mean nothing, or another thing, behind it.
    pub(super) const fn globals(
        tool: Tool,
        style: Style,
        options: &'static [Opt],
        verbs: &'static [Subcommand],
    ) -> Self {
        Self { tool, style, options, has_subcommands: true, globals_first: true, subcommands: verbs }
    }
}

/// Options in rows: the canonical name, other names, and `= ` with what of [`Takes`] it takes.
macro_rules! options {
    ($($($name:literal)+ $(= $takes:ident)?),* $(,)?) => {
        &[$($crate::shell::tools::table::Opt {
            names: &[$($name),+],
            takes: options!(@takes $($takes)?),
        }),*]
    };
    (@takes) => { $crate::shell::tools::table::Takes::Nothing };
    (@takes $takes:ident) => { $crate::shell::tools::table::Takes::$takes };
}
pub(super) use options;

/// The table of the tool that is called `name`.
pub(super) fn grammar(name: &str) -> Option<&'static Grammar> {
    Some(match name {
        "apt-get" | "apt" => &packages::APT,
        "apk" => &packages::APK,
        "dnf" | "dnf5" | "yum" | "microdnf" | "tdnf" => &packages::DNF,
        "zypper" => &packages::ZYPPER,
        "rpm" => &packages::RPM,
        "dpkg" => &packages::DPKG,
        "npm" => &languages::NPM,
        "yarn" | "yarnpkg" => &languages::YARN,
        "pnpm" => &languages::PNPM,
        "gem" => &languages::GEM,
        "curl" => &network::CURL,
        "wget" => &network::WGET,
        "git" => &network::GIT,
        "gpg" | "gpg2" => &network::GPG,
        "openssl" => &network::OPENSSL,
        "docker" => &network::DOCKER,
        "chmod" => &files::CHMOD,
        "chown" => &files::CHOWN,
        "chgrp" => &files::CHGRP,
        "install" => &files::INSTALL,
        "mkdir" => &files::MKDIR,
        "find" => &files::FIND,
        "tar" => &files::TAR,
        "setcap" => &files::SETCAP,
        "useradd" => &accounts::USERADD,
        "adduser" => &accounts::ADDUSER,
        "groupadd" => &accounts::GROUPADD,
        "addgroup" => &accounts::ADDGROUP,
        "usermod" => &accounts::USERMOD,
        "su" => &accounts::SU,
        "sudo" => &accounts::SUDO,
        "gosu" | "su-exec" => &accounts::GOSU,
        _ if languages::is_versioned(name, "pip") => &languages::PIP,
        _ => return None,
    })
}

#[cfg(test)]
pub(super) const EVERY: [&Grammar; 33] = [
    &packages::APT,
    &packages::APK,
    &packages::DNF,
    &packages::ZYPPER,
    &packages::RPM,
    &packages::DPKG,
    &languages::PIP,
    &languages::NPM,
    &languages::YARN,
    &languages::PNPM,
    &languages::GEM,
    &network::CURL,
    &network::WGET,
    &network::GIT,
    &network::GPG,
    &network::OPENSSL,
    &network::DOCKER,
    &files::CHMOD,
    &files::CHOWN,
    &files::CHGRP,
    &files::INSTALL,
    &files::MKDIR,
    &files::FIND,
    &files::TAR,
    &files::SETCAP,
    &accounts::USERADD,
    &accounts::ADDUSER,
    &accounts::GROUPADD,
    &accounts::ADDGROUP,
    &accounts::USERMOD,
    &accounts::SU,
    &accounts::SUDO,
    &accounts::GOSU,
];
