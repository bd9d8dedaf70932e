//! Layers put on top of each other: each rule by itself, any layers against a naive model, and real tools.

use harden::image::{EntryDraft, Extra, Kind, LayerFacts, NodeId, Program, Tree, Visibility};

/// A layer by lines: `d PATH`, `f PATH`, `l PATH TARGET`, `h PATH TARGET`, `w PATH` (whiteout), `o PATH` (opaque); behind
/// the path or target may stand a mode in octal and an owner.
pub(crate) fn layer(text: &str) -> LayerFacts {
    let mut facts = LayerFacts::default();
    for line in text.lines().map(str::trim).filter(|line| !line.is_empty()) {
        let words: Vec<&str> = line.split_whitespace().collect();
        let (kind, mode) = match words[0] {
            "d" => (Kind::Folder, 0o755),
            "f" => (Kind::File, 0o644),
            "l" => (Kind::Symlink, 0o777),
            "h" => (Kind::HardLink, 0o644),
            "w" => (Kind::Whiteout, 0),
            "o" => (Kind::Opaque, 0),
            other => panic!("`{other}` is no kind"),
        };
        let linked = matches!(kind, Kind::Symlink | Kind::HardLink);
        let mut rest = words[1 + usize::from(linked)..].iter().skip(1);
        let mode = rest.next().map_or(mode, |word| u16::from_str_radix(word, 8).expect("an octal mode"));
        let uid = rest.next().map_or(0, |word| word.parse().expect("a number"));
        let capability = rest.next().map(|word| word.as_bytes().to_vec());
        let draft = EntryDraft {
            path: words[1],
            kind,
            mode,
            uid,
            gid: uid,
            size: 0,
            modified: 0,
            link: if linked { words[2] } else { "" },
            program: Program::No,
            extra: Extra { capability, ..Extra::default() },
        };
        facts.entries.push(draft).expect("few entries");
    }
    facts
}

fn merged(layers: &[&str]) -> (Tree, Vec<LayerFacts>) {
    let layers: Vec<LayerFacts> = layers.iter().map(|text| layer(text)).collect();
    (Tree::merge(&layers.iter().map(Some).collect::<Vec<_>>()), layers)
}

fn paths(tree: &Tree) -> Vec<String> {
    tree.iter().map(|id| tree.path(id)).collect()
}

fn at(tree: &Tree, path: &str) -> NodeId {
    tree.lookup(path).unwrap_or_else(|| panic!("`{path}` is not in {:?}", paths(tree)))
}

const HIDDEN_BY_1: Visibility = Visibility::Hidden { by: 1 };

#[test]
fn an_entry_below_a_symlinked_folder_lands_where_the_symlink_leads() {
    let (tree, _) = merged(&["d /usr\nd /usr/bin\nl /bin usr/bin\nf /usr/bin/su 4755", "f /bin/su 755\nf /bin/new"]);
    assert_eq!(paths(&tree), ["/bin", "/usr", "/usr/bin", "/usr/bin/new", "/usr/bin/su"]);
    assert_eq!(tree.node(at(&tree, "/usr/bin/su")).mode, 0o755);
    assert_eq!(tree.visibility(0, 3), HIDDEN_BY_1);
    assert_eq!(tree.seen_at(1, 1), tree.lookup("/usr/bin/new"));
    assert_eq!(tree.resolve("/bin/new"), tree.lookup("/usr/bin/new"));
    let said: Vec<&str> = tree.irregularities().iter().map(|one| one.path.as_str()).collect();
    assert_eq!(said, ["/bin/su"], "engines on overlayfs do otherwise, so it is said");
}
