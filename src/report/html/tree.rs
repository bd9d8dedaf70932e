//! The part of the file tree that matters: the dangerous entries and the folders on the way to them.

use std::collections::BTreeMap;
use std::io::{self, Write};

use crate::diagnostic::{Diagnostic, Place, Severity};
use crate::image::{Image, Kind};

use super::parts::escape;

/// Entries shown; an image where more is dangerous needs no picture.
const MOST: usize = 1000;

/// Folders opened inside each other; deeper names stand on one line.
const DEEPEST: usize = 40;

#[derive(Default)]
struct Folder {
    children: BTreeMap<String, Self>,
    /// What is said of the entry itself.
    why: Vec<(Severity, String)>,
    mode: Option<String>,
}

pub(super) fn write(out: &mut dyn Write, image: &Image, diagnostics: &[Diagnostic]) -> io::Result<()> {
    let mut root = Folder::default();
    let mut shown = 0;
    for diagnostic in diagnostics {
        let labels = diagnostic.labels.iter().map(|label| &label.place);
        for place in std::iter::once(&diagnostic.place).chain(labels) {
            let Place::Layer { path, .. } = place else { continue };
            if shown == MOST {
                break;
            }
            shown += 1;
            root.add(image, path, diagnostic);
        }
    }
    if shown == 0 {
        return Ok(());
    }
    writeln!(out, "<section id=\"tree\">\n<h2>Where it is</h2>\n<ul class=\"tree\">")?;
    root.children.iter().try_for_each(|(name, child)| child.write(out, name))?;
    writeln!(out, "</ul>\n</section>")
}

impl Folder {
    fn add(&mut self, image: &Image, path: &str, diagnostic: &Diagnostic) {
        let mut here = self;
        for name in path.trim_start_matches('/').splitn(DEEPEST, '/') {
            here = here.children.entry(name.to_owned()).or_default();
        }
        let why = (diagnostic.severity, diagnostic.lint.to_owned());
        if !here.why.contains(&why) {
            here.why.push(why);
        }
        here.mode = match image.tree.lookup(path).map(|id| image.tree.node(id)) {
            Some(node) if node.kind != Kind::Symlink => Some(format!("{:04o} {}:{}", node.mode, node.uid, node.gid)),
            Some(_) => None,
            None => Some("removed later, still shipped".to_owned()),
        };
    }

    fn write(&self, out: &mut dyn Write, name: &str) -> io::Result<()> {
        let marks: String = self
            .why
            .iter()
            .map(|(severity, lint)| format!("<span class=\"mark {}\">{lint}</span>", severity.as_str()))
            .collect();
        let mode = self.mode.as_ref().map(|mode| format!("<span class=\"why\">{}</span>", escape(mode)));
        let line = format!("<code>{}</code> {marks}{}", escape(name), mode.unwrap_or_default());
        if self.children.is_empty() {
            return writeln!(out, "<li>{line}</li>");
        }
        writeln!(out, "<li><details open><summary>{line}</summary><ul>")?;
        self.children.iter().try_for_each(|(name, child)| child.write(out, name))?;
        writeln!(out, "</ul></details></li>")
    }
}
