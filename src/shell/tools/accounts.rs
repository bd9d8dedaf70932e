//! Tables of the tools that make and change users.

use super::table::{Grammar, Style, Tool, options};

/// useradd(8).
pub(super) static USERADD: Grammar = Grammar::plain(
    Tool::Useradd,
    Style::GetoptLong,
    options![
        "--system" "-r", "--create-home" "-m", "--no-create-home" "-M", "--no-user-group" "-N", "--user-group" "-U",
        "--no-log-init" "-l", "--non-unique" "-o", "--defaults" "-D", "--badname" "--badnames",
        "--btrfs-subvolume-home", "--add-subids-for-system" "-F", "--help" "-h",
        "--base-dir" "-b" = Value, "--comment" "-c" = Value, "--home-dir" "-d" "--home" = Value,
        "--expiredate" "-e" = Value, "--inactive" "-f" = Value, "--gid" "-g" = Value, "--groups" "-G" = Value,
        "--skel" "-k" = Value, "--key" "-K" = Value, "--password" "-p" = Value, "--root" "-R" = Value,
        "--prefix" "-P" = Value, "--shell" "-s" = Value, "--uid" "-u" = Value, "--selinux-user" "-Z" = Value,
        "--selinux-range" = Value,
    ],
);

/// adduser(8) of Debian, adduser of BusyBox, and useradd(8) where adduser is a link to it. The three agree on which
/// letters take a value but not on the meaning of all, so `-g`, `-G`, `-h`, `-H`, `-S` and `-D` stay letters: BusyBox's
/// comment, group, home, "no home", "system" and "no password" (in useradd `-g` and `-G` are groups).
pub(super) static ADDUSER: Grammar = Grammar::plain(
    Tool::Adduser,
    Style::Perl,
    options![
        "--system" "-r", "--group", "--disabled-password", "--disabled-login", "--no-create-home" "-M", "--create-home" "-m",
        "--quiet" "-q", "--verbose", "--debug", "--force-badname" "--allow-badname" "--allow-bad-names",
        "--allow-all-names", "--add_extra_groups" "--add-extra-groups", "-D", "-H", "-S", "--help", "--version",
        "--empty-password", "--no-user-group" "-N", "--user-group" "-U", "--no-log-init" "-l", "--non-unique" "-o",
        "--uid" "-u" = Value, "--gid" = Value, "--ingroup" = Value, "--home" "-d" "--home-dir" = Value,
        "--shell" "-s" = Value, "--comment" "--gecos" "-c" = Value, "--conf" = Value, "--skel" "-k" = Value,
        "--firstuid" = Value, "--lastuid" = Value, "--firstgid" = Value, "--lastgid" = Value, "-g" = Value,
        "-G" "--groups" = Value, "-h" = Value, "--password" "-p" = Value, "--base-dir" "-b" = Value,
        "--expiredate" "-e" = Value, "--inactive" "-f" = Value, "--key" "-K" = Value,
    ],
);

/// groupadd(8).
pub(super) static GROUPADD: Grammar = Grammar::plain(
    Tool::Groupadd,
    Style::GetoptLong,
    options![
        "--system" "-r", "--force" "-f", "--non-unique" "-o", "--help" "-h", "--gid" "-g" = Value, "--key" "-K" = Value,
        "--password" "-p" = Value, "--root" "-R" = Value, "--prefix" "-P" = Value, "--users" "-U" = Value,
    ],
);

/// addgroup(8) of Debian, addgroup of BusyBox.
pub(super) static ADDGROUP: Grammar = Grammar::plain(
    Tool::Addgroup,
    Style::Perl,
    options![
        "--system" "-S" "-r", "--quiet" "-q", "--verbose", "--debug", "--force-badname" "--allow-bad-names", "--help",
        "--gid" "-g" = Value, "--conf" = Value, "--firstgid" = Value, "--lastgid" = Value, "--shell" = Value,
    ],
);

/// usermod(8).
pub(super) static USERMOD: Grammar = Grammar::plain(
    Tool::Usermod,
    Style::GetoptLong,
    options![
        "--append" "-a", "--badname" "-b" "--badnames", "--lock" "-L", "--unlock" "-U", "--move-home" "-m",
        "--non-unique" "-o", "--remove" "-r", "--help" "-h",
        "--comment" "-c" = Value, "--home" "-d" = Value, "--expiredate" "-e" = Value, "--inactive" "-f" = Value,
        "--gid" "-g" = Value, "--groups" "-G" = Value, "--login" "-l" = Value, "--password" "-p" = Value,
        "--prefix" "-P" = Value, "--root" "-R" = Value, "--shell" "-s" = Value, "--uid" "-u" = Value,
        "--add-subuids" "-v" = Value, "--del-subuids" "-V" = Value, "--add-subgids" "-w" = Value,
        "--del-subgids" "-W" = Value, "--selinux-user" "-Z" = Value,
    ],
);

/// su(1).
pub(super) static SU: Grammar = Grammar::plain(
    Tool::Su,
    Style::GetoptLong,
    options![
        "--login" "-l", "--preserve-environment" "-m" "-p", "--fast" "-f", "--pty" "-P", "--help" "-h", "--version" "-V",
        "--command" "-c" = Value, "--session-command" = Value, "--shell" "-s" = Value, "--group" "-g" = Value,
        "--supp-group" "-G" = Value, "--whitelist-environment" "-w" = Value,
    ],
);

/// sudo(8). The operands are the command that is run, assignments in front of it included.
pub(super) static SUDO: Grammar = Grammar::plain(
    Tool::Sudo,
    Style::Prefix,
    options![
        "--preserve-env" "-E" = Equals, "--set-home" "-H", "--login" "-i", "--shell" "-s", "--non-interactive" "-n",
        "--stdin" "-S", "--background" "-b", "--edit" "-e", "--askpass" "-A", "--bell" "-B", "--list" "-l",
        "--preserve-groups" "-P", "--reset-timestamp" "-k", "--remove-timestamp" "-K", "--validate" "-v", "--no-update" "-N",
        "--help", "--version" "-V", "--user" "-u" = Value, "--group" "-g" = Value, "--host" "-h" = Value,
        "--prompt" "-p" = Value, "--close-from" "-C" = Value, "--chdir" "-D" = Value, "--chroot" "-R" = Value,
        "--role" "-r" = Value, "--type" "-t" = Value, "--command-timeout" "-T" = Value, "--other-user" "-U" = Value,
        "--auth-type" "-a" = Value, "--login-class" "-c" = Value,
    ],
);

/// gosu(1), su-exec: no options to speak of; the operands are the user and the command.
pub(super) static GOSU: Grammar = Grammar::plain(Tool::Gosu, Style::Prefix, options!["--version" "-v", "--help" "-h"]);
