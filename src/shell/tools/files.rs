//! Tables of the tools that make, find and mark files.

use super::table::{Grammar, Style, Tool, options};

/// chmod(1).
pub(super) static CHMOD: Grammar = Grammar::plain(
    Tool::Chmod,
    Style::Chmod,
    options![
        "--recursive" "-R", "--changes" "-c", "--silent" "-f" "--quiet", "--verbose" "-v", "--no-preserve-root",
        "--preserve-root", "--dereference", "--no-dereference" "-h", "--help", "--version", "--reference" = Value,
    ],
);

/// chown(1).
pub(super) static CHOWN: Grammar = Grammar::plain(
    Tool::Chown,
    Style::GetoptLong,
    options![
        "--recursive" "-R", "--changes" "-c", "--silent" "-f" "--quiet", "--verbose" "-v", "--no-preserve-root",
        "--preserve-root", "--dereference", "--no-dereference" "-h", "-H", "-L", "-P", "--help", "--version",
        "--reference" = Value, "--from" = Value,
    ],
);

/// chgrp(1).
pub(super) static CHGRP: Grammar = Grammar::plain(Tool::Chgrp, Style::GetoptLong, CHOWN.options);

/// install(1).
pub(super) static INSTALL: Grammar = Grammar::plain(
    Tool::Install,
    Style::GetoptLong,
    options![
        "--directory" "-d", "--compare" "-C", "--create-leading" "-D", "--preserve-timestamps" "-p", "--strip" "-s",
        "--no-target-directory" "-T", "--verbose" "-v", "--preserve-context", "--help", "--version", "--debug",
        "--mode" "-m" = Value, "--owner" "-o" = Value, "--group" "-g" = Value, "--target-directory" "-t" = Value,
        "--suffix" "-S" = Value, "--strip-program" = Value, "--backup" = Attached, "--context" = Attached,
    ],
);

/// mkdir(1).
pub(super) static MKDIR: Grammar = Grammar::plain(
    Tool::Mkdir,
    Style::GetoptLong,
    options!["--parents" "-p", "--verbose" "-v", "--help", "--version", "--mode" "-m" = Value, "--context" = Attached],
);

/// find(1).
pub(super) static FIND: Grammar = Grammar::plain(
    Tool::Find,
    Style::Find,
    options![
        "-D" = Value, "-regextype" = Value, "-files0-from" = Value, "-maxdepth" = Value, "-mindepth" = Value,
        "-amin" = Value, "-anewer" = Value, "-atime" = Value, "-cmin" = Value, "-cnewer" = Value, "-context" = Value,
        "-ctime" = Value, "-fstype" = Value, "-gid" = Value, "-group" = Value, "-ilname" = Value, "-iname" = Value,
        "-inum" = Value, "-ipath" = Value, "-iwholename" = Value, "-iregex" = Value, "-links" = Value, "-lname" = Value,
        "-mmin" = Value, "-mtime" = Value, "-name" = Value, "-newer" = Value, "-newerXY" "-newermt" "-newerct" "-newerat"
        "-newermm" "-newercm" "-neweram" "-newerma" "-newermc" = Value, "-path" = Value, "-perm" = Value,
        "-regex" = Value, "-samefile" = Value, "-size" = Value, "-type" = Value, "-uid" = Value, "-used" = Value,
        "-user" = Value, "-wholename" = Value, "-xtype" = Value, "-printf" = Value, "-fprintf" = Value,
        "-fprint0" = Value, "-fprint" = Value, "-fls" = Value,
        "-exec" = Command, "-execdir" = Command, "-ok" = Command, "-okdir" = Command,
    ],
);

/// tar(1).
pub(super) static TAR: Grammar = Grammar::plain(
    Tool::Tar,
    Style::Tar,
    options![
        "--extract" "-x" "--get", "--create" "-c", "--list" "-t", "--append" "-r", "--update" "-u", "--gzip" "-z" "--gunzip"
        "--ungzip", "--bzip2" "-j", "--xz" "-J", "--compress" "-Z" "--uncompress", "--zstd", "--verbose" "-v",
        "--preserve-permissions" "-p" "--same-permissions", "--same-owner", "--no-same-owner", "--no-same-permissions",
        "--numeric-owner", "--absolute-names" "-P", "--to-stdout" "-O", "--verify" "-W", "--sparse" "-S",
        "--dereference" "-h", "--keep-old-files" "-k", "--auto-compress" "-a", "--unlink-first" "-U", "--overwrite",
        "--overwrite-dir", "--touch" "-m", "--xattrs", "--null", "--wildcards", "--seek" "-n", "--posix",
        "--same-order" "-s" "--preserve-order", "--multi-volume" "-M", "--exclude-vcs", "--exclude-vcs-ignores",
        "--exclude-backups", "--exclude-caches", "--exclude-caches-all", "--exclude-caches-under", "--delete", "--diff" "-d",
        "--file" "-f" = Value, "--directory" "-C" = Value, "--files-from" "-T" = Value, "--exclude-from" "-X" = Value,
        "--listed-incremental" "-g" = Value, "--hole-detection" = Value, "--level" = Value, "--sparse-version" = Value,
        "--add-file" = Value, "--exclude" = Value, "--exclude-ignore" = Value, "--exclude-ignore-recursive" = Value,
        "--exclude-tag" = Value, "--exclude-tag-all" = Value, "--exclude-tag-under" = Value, "--to-command" = Value,
        "--group" = Value, "--group-map" = Value, "--mode" = Value, "--mtime" = Value, "--owner" = Value,
        "--owner-map" = Value, "--sort" = Value, "--xattrs-exclude" = Value, "--xattrs-include" = Value,
        "--info-script" "-F" "--new-volume-script" = Value, "--tape-length" "-L" = Value, "--rmt-command" = Value,
        "--rsh-command" = Value, "--volno-file" = Value, "--blocking-factor" "-b" = Value, "--record-size" = Value,
        "--format" "-H" = Value, "--pax-option" = Value, "--label" "-V" = Value, "--use-compress-program" "-I" = Value,
        "--starting-file" "-K" = Value, "--newer" "-N" "--after-date" = Value, "--newer-mtime" = Value,
        "--suffix" = Value, "--strip-components" = Value, "--transform" "--xform" = Value,
        "--checkpoint-action" = Value, "--index-file" = Value, "--no-quote-chars" = Value, "--quote-chars" = Value,
        "--quoting-style" = Value, "--warning" = Value, "--checkpoint" = Attached, "--one-top-level" = Attached,
        "--occurrence" = Attached, "--backup" = Attached, "--totals" = Attached, "--atime-preserve" = Attached,
    ],
);

/// setcap(8).
pub(super) static SETCAP: Grammar =
    Grammar::plain(Tool::Setcap, Style::Getopt, options!["-r", "-q", "-v", "-f", "-h", "-n" = Value]);
