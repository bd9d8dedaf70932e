//! Turns the folders beside it into the list of lints: one module and one registry entry a folder, nothing to edit by
//! hand. A folder that lacks one of its three files, or whose name is not kebab-case, stops the build with the reason.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::{env, fs};

/// What every folder holds: the check, its page, and the cases that don't belong on the page.
const FILES: [&str; 3] = ["lint.rs", "README.md", "cases.md"];

fn main() {
    let lints = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").expect("cargo sets CARGO_MANIFEST_DIR")).join("lints");
    let output = PathBuf::from(env::var_os("OUT_DIR").expect("cargo sets OUT_DIR")).join("registry.rs");
    let names = names(&lints).unwrap_or_else(|problem| panic!("{problem}"));
    println!("cargo:rerun-if-changed={}", lints.display());
    for name in &names {
        println!("cargo:rerun-if-changed={}", lints.join(name).display());
    }
    fs::write(&output, registry(&lints, &names)).expect("OUT_DIR is writable");
}

/// The folders of `lints`, sorted; or what is wrong with one of them.
fn names(lints: &Path) -> Result<Vec<String>, String> {
    let unreadable = |error: std::io::Error| format!("{}: {error}", lints.display());
    let mut names = Vec::new();
    for entry in fs::read_dir(lints).map_err(unreadable)? {
        let entry = entry.map_err(unreadable)?;
        let path = entry.path();
        if !path.is_dir() {
            continue;
        }
        let name = entry.file_name().into_string().map_err(|name| format!("lints/{}: not UTF-8", name.display()))?;
        if !is_kebab_case(&name) {
            return Err(format!(
                "lints/{name}: the name of a lint is kebab-case: lower-case words joined by single dashes"
            ));
        }
        for file in FILES {
            if !path.join(file).is_file() {
                return Err(format!("lints/{name}: {file} is missing; a lint is a folder with {}", FILES.join(", ")));
            }
        }
        names.push(name);
    }
    names.sort_unstable();
    Ok(names)
}

fn is_kebab_case(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_lowercase())
        && name
            .split('-')
            .all(|word| !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit()))
}

/// The source that `src/lint/registry.rs` includes. Paths are absolute, since it is compiled from OUT_DIR.
fn registry(lints: &Path, names: &[String]) -> String {
    let mut modules = String::new();
    let mut entries = String::new();
    for name in names {
        let module = name.replace('-', "_");
        let folder = lints.join(name);
        let (code, readme) = (folder.join("lint.rs"), folder.join("README.md"));
        // The prefix keeps a folder named like a keyword or a sibling module from clashing with it.
        let _ = writeln!(modules, "#[path = {code:?}]\nmod lint_{module};");
        let _ = writeln!(
            entries,
            "    Entry {{ name: {name:?}, lint: &lint_{module}::LINT, readme: include_str!({readme:?}) }},"
        );
    }
    format!("{modules}\nstatic ENTRIES: &[Entry] = &[\n{entries}];\n")
}
