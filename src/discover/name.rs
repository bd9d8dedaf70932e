//! What a file's name says about it.

use std::ffi::OsStr;
use std::fs::File;
use std::io::Read;
use std::path::Path;

/// What a file is by its name.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Kind {
    /// A Dockerfile.
    Dockerfile,
    /// A Dockerfile, or a file of the language that its ending names: `Dockerfile.go` is either.
    Doubtful,
    /// A template that some tool makes a Dockerfile of.
    Template,
    /// An ignore file that belongs to one Dockerfile.
    IgnoreFile,
}

/// Endings of template languages. What they hold is not yet a Dockerfile.
const TEMPLATES: [&str; 16] = [
    "ejs",
    "erb",
    "gotmpl",
    "handlebars",
    "hbs",
    "in",
    "j2",
    "jinja",
    "jinja2",
    "liquid",
    "m4",
    "mako",
    "mustache",
    "template",
    "tmpl",
    "tpl",
];

/// Endings of source code and documents. People write both `Dockerfile.go` for the image of a Go program and
/// `dockerfile.go` for a program about Dockerfiles.
const LANGUAGES: [&str; 45] = [
    "adoc", "bash", "c", "cc", "cpp", "cs", "css", "csv", "dart", "ex", "exs", "go", "h", "hcl", "html", "ini", "java",
    "js", "json", "jsx", "kt", "lock", "lua", "md", "mjs", "php", "pl", "png", "ps1", "py", "rb", "rs", "rst", "scala",
    "sh", "snap", "svg", "swift", "toml", "ts", "tsx", "txt", "xml", "yaml", "yml",
];

/// What the file called `name` is, where its name is one that Dockerfiles have: `Dockerfile`, `Dockerfile.*`,
/// `*.Dockerfile`, `Containerfile*`, upper and lower case alike.
#[must_use]
pub fn kind(name: &OsStr) -> Option<Kind> {
    let name = name.to_string_lossy().to_lowercase();
    let (stem, ending) = name.rsplit_once('.').unwrap_or((&name, ""));
    if ending == "dockerignore" || ending == "containerignore" {
        return is_dockerfile(stem).then_some(Kind::IgnoreFile);
    }
    if TEMPLATES.contains(&ending) {
        return is_dockerfile(stem).then_some(Kind::Template);
    }
    let kind = if LANGUAGES.contains(&ending) { Kind::Doubtful } else { Kind::Dockerfile };
    is_dockerfile(&name).then_some(kind)
}

fn is_dockerfile(lower: &str) -> bool {
    lower == "dockerfile"
        || lower.starts_with("dockerfile.")
        || lower.ends_with(".dockerfile")
        || lower.starts_with("containerfile")
}

/// Whether the first line that is neither blank nor a comment starts as a Dockerfile may: with FROM or ARG. Reads at
/// most 16 KiB; a file that can't be read counts as one, so that its error is told where files are read.
pub(super) fn starts_like_a_dockerfile(path: &Path) -> bool {
    let mut bytes = Vec::new();
    let Ok(file) = File::open(path) else { return true };
    if file.take(16 << 10).read_to_end(&mut bytes).is_err() {
        return true;
    }
    let text = String::from_utf8_lossy(&bytes);
    let mut lines = text.trim_start_matches('\u{feff}').lines().map(str::trim);
    let first = lines.find(|line| !line.is_empty() && !line.starts_with('#')).unwrap_or("");
    let keyword = first.split_whitespace().next().unwrap_or("");
    let more = first.split_whitespace().nth(1).is_some();
    more && (keyword.eq_ignore_ascii_case("FROM") || keyword.eq_ignore_ascii_case("ARG"))
}

#[cfg(test)]
mod tests {
    use std::ffi::OsStr;

    use super::{Kind, kind};

    #[test]
    fn names_of_dockerfiles() {
        let of = |name: &str| kind(OsStr::new(name));
        for name in
            ["Dockerfile", "dockerfile", "Dockerfile.dev", "web.Dockerfile", "x.DOCKERFILE", "Containerfile.el9"]
        {
            assert_eq!(of(name), Some(Kind::Dockerfile), "{name}");
        }
        for name in ["Dockerfile.j2", "web.dockerfile.tmpl", "Containerfile.in", "Containerfile.el9.erb"] {
            assert_eq!(of(name), Some(Kind::Template), "{name}");
        }
        assert_eq!(of("Dockerfile.dockerignore"), Some(Kind::IgnoreFile));
        assert_eq!(of("Dockerfile.go"), Some(Kind::Doubtful));
        for name in [".dockerignore", "Dockerfiles", "mydockerfile", "docker-compose.yml", "README.md"] {
            assert_eq!(of(name), None, "{name}");
        }
    }
}
