//! ADD of local files, which COPY takes as they are.

mod image;

use crate::diagnostic::{Category, Fix, Severity};
use crate::lint::{Findings, Lint, Preset};
use crate::model::{ContextFile, Dockerfile, Instruction, Value};
use crate::syntax::ast::{Arguments, Keyword, Word};
use crate::text::Edit;

pub(super) static LINT: Lint = Lint {
    summary: "ADD takes local files that COPY would",
    category: Category::SupplyChain,
    severity: Severity::Low,
    preset: Preset::Pedantic,
    aliases: &[
        "DL3020",
        "DS-0005",
        "CKV_DOCKER_4",
        "9513a694",
        "add_instead_of_copy",
        "dockerfile.best-practice.prefer-copy-over-add.prefer-copy-over-add",
        "CIS-DI-0009",
        "CIS-4.9",
    ],
    sources: &[
        "https://docs.docker.com/build/building/best-practices/#add-or-copy",
        "https://docs.docker.com/reference/dockerfile/#adding-local-tar-archives",
    ],
    dockerfile: Some(check),
    image: Some(image::check),
    ..Lint::BASE
};

/// The ids of checks on a Dockerfile.
const ALIASES: [&str; 7] = [
    "DL3020",
    "DS-0005",
    "CKV_DOCKER_4",
    "9513a694",
    "add_instead_of_copy",
    "dockerfile.best-practice.prefer-copy-over-add.prefer-copy-over-add",
    "CIS-4.9",
];

const MESSAGE: &str = "`ADD` takes local files, as `COPY` does";
const WHY: &str = "ADD also unpacks whatever turns out to be an archive, and fetches what turns out to be an address";
const HELP: &str = "Use `COPY`, which takes files as they are";

/// What ADD would make of a source.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    /// A folder, a heredoc, or a file that is no archive.
    Plain,
    /// A file or folder of unknown content.
    Unclear,
    /// An archive, an address, or a text that depends on variables: ADD's own work.
    Special,
}

fn check(dockerfile: &Dockerfile, findings: &mut Findings) {
    for instruction in dockerfile.instructions.iter().filter(|it| it.effective().keyword == Keyword::Add) {
        let ast = instruction.effective();
        let (Arguments::Words(words) | Arguments::Exec(words)) = &ast.arguments else { continue };
        let sources = words.len().saturating_sub(1);
        let kinds = words.iter().zip(&instruction.values).take(sources);
        let Some(kind) = kinds.map(|(word, value)| kind(dockerfile, instruction, word, value)).max() else { continue };
        let own_flag = |name: &str| matches!(name, "checksum" | "keep-git-dir" | "unpack");
        if kind == Kind::Special || ast.flags.iter().any(|flag| own_flag(&flag.name)) {
            continue;
        }
        report(dockerfile, instruction, kind, findings);
    }
}

fn report(dockerfile: &Dockerfile, instruction: &Instruction, kind: Kind, findings: &mut Findings) {
    let name = &instruction.effective().name;
    let finding = findings.report(name.span, MESSAGE);
    finding.aliases(&ALIASES).because(WHY).help(HELP);
    if !dockerfile.is_plain(name) {
        return;
    }
    let edits = vec![Edit::replace(name.span, instruction.keyword_like(Keyword::Copy))];
    let fix = if kind == Kind::Plain {
        Fix::safe("Use `COPY`", "no source can be an archive, and of all else the two make the same", edits)
    } else {
        Fix::risky("Use `COPY`", "a source that is an archive would no longer be unpacked", edits)
    };
    // Of an ONBUILD, the instruction that comes and goes is ONBUILD itself.
    finding.fix(if instruction.is_trigger() { fix } else { fix.removes("ADD").adds("COPY") });
}

fn kind(dockerfile: &Dockerfile, instruction: &Instruction, word: &Word, value: &Value) -> Kind {
    if word.text.starts_with("<<") && !instruction.effective().heredocs.is_empty() {
        return Kind::Plain;
    }
    let text = value.text.as_str();
    let known = value.known().is_some() && !value.overridable;
    // A variable in front can make an address of it.
    let starts_open = word.text.trim_start_matches('"').starts_with('$') && !known;
    if starts_open || text.is_empty() || is_remote(text) || is_remote(&word.text) {
        return Kind::Special;
    }
    let context = (known && !instruction.is_trigger()).then(|| dockerfile.context.file(text)).flatten();
    match context {
        Some(ContextFile::Folder | ContextFile::Text(_)) => return Kind::Plain,
        _ if text.ends_with('/') => return Kind::Plain,
        _ => {}
    }
    // Behind a variable, what stands in the file itself counts.
    let path = if known { text } else { word.text.trim_end_matches('"') };
    of_path(path)
}

/// What ADD makes of a file or folder of this name.
fn of_path(path: &str) -> Kind {
    let base = path.rsplit('/').next().unwrap_or(path);
    if matches!(base, "." | "..") {
        return Kind::Plain;
    }
    if TEXTS.contains(&base) {
        return Kind::Plain;
    }
    let Some((stem, extension)) = base.rsplit_once('.') else { return Kind::Unclear };
    let extension = extension.to_ascii_lowercase();
    let stem = stem.to_ascii_lowercase();
    if ARCHIVES.contains(&extension.as_str()) || stem.ends_with(".tar") {
        return Kind::Special;
    }
    // `.bashrc`, `.npmrc`, `.git`: what starts with a dot and has no other is configuration.
    let is_dotfile =
        stem.is_empty() && extension.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte));
    if is_dotfile || NO_ARCHIVES.contains(&extension.as_str()) { Kind::Plain } else { Kind::Unclear }
}

fn is_remote(source: &str) -> bool {
    let lower = source.trim_start_matches('"').to_ascii_lowercase();
    lower.contains("://")
        || lower.starts_with("git@")
        || lower.starts_with("github.com/")
        || lower.ends_with(".git")
        || lower.split_once(':').is_some_and(|(user, _)| user.contains('@'))
}

/// Endings of archives that ADD unpacks, or of what it may unpack: compressed files are archives often enough.
const ARCHIVES: [&str; 20] = [
    "tar", "tgz", "tbz", "tbz2", "tb2", "txz", "tlz", "tzst", "tz2", "taz", "gz", "bz2", "xz", "zst", "lzma", "z",
    "gem", "crate", "box", "ova",
];

/// Files without an ending that tools find by their names, all of them texts.
const TEXTS: [&str; 14] = [
    "Brewfile",
    "Caddyfile",
    "Dockerfile",
    "Gemfile",
    "Jenkinsfile",
    "LICENSE",
    "Makefile",
    "Pipfile",
    "Procfile",
    "README",
    "Rakefile",
    "VERSION",
    "Vagrantfile",
    "crontab",
];

/// Endings of files that are no tar archives, compressed or not. Zip and the many formats made of it are not unpacked.
const NO_ARCHIVES: [&str; 133] = [
    "a",
    "asc",
    "asp",
    "aspx",
    "bash",
    "bashrc",
    "bat",
    "c",
    "cc",
    "cer",
    "cert",
    "cfg",
    "cgi",
    "cmake",
    "cmd",
    "cnf",
    "conf",
    "config",
    "cpp",
    "cron",
    "crt",
    "cs",
    "csproj",
    "css",
    "csv",
    "cxx",
    "deb",
    "der",
    "dll",
    "ear",
    "ejs",
    "el",
    "env",
    "erb",
    "ex",
    "exe",
    "exs",
    "fish",
    "fsproj",
    "gemspec",
    "go",
    "gpg",
    "gradle",
    "groovy",
    "h",
    "hcl",
    "hpp",
    "hs",
    "htm",
    "html",
    "ico",
    "ini",
    "j2",
    "jar",
    "java",
    "jinja",
    "jinja2",
    "jpeg",
    "jpg",
    "js",
    "json",
    "jsx",
    "key",
    "kt",
    "kts",
    "ldif",
    "less",
    "list",
    "lock",
    "lua",
    "md",
    "mjs",
    "mod",
    "mustache",
    "pem",
    "php",
    "pl",
    "pm",
    "png",
    "pp",
    "ps1",
    "properties",
    "proto",
    "ps",
    "pub",
    "py",
    "pyx",
    "r",
    "rb",
    "repo",
    "rpm",
    "rs",
    "rst",
    "ru",
    "rules",
    "sass",
    "sbt",
    "scala",
    "scss",
    "service",
    "sh",
    "sln",
    "so",
    "sql",
    "sudoers",
    "sum",
    "svg",
    "swift",
    "tcl",
    "template",
    "tf",
    "tmpl",
    "toml",
    "tpl",
    "ts",
    "tsx",
    "ttf",
    "txt",
    "vbproj",
    "vcl",
    "vim",
    "vue",
    "war",
    "wasm",
    "whl",
    "wsdl",
    "wsgi",
    "xml",
    "xsd",
    "xsl",
    "yaml",
    "yml",
    "zip",
];
