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

#[test]
fn a_whiteout_removes_what_is_there_as_of_then() {
    let (tree, _) = merged(&["d /a\nf /a/x\nf /b", "f /c\nw /c\nw /a\nf /a/y\nw /none/at/all"]);
    assert_eq!(paths(&tree), ["/a", "/a/y", "/b", "/none", "/none/at"]);
    assert_eq!((tree.visibility(0, 0), tree.visibility(0, 1)), (HIDDEN_BY_1, HIDDEN_BY_1));
    assert_eq!((tree.visibility(0, 2), tree.visibility(1, 0)), (Visibility::Visible, Visibility::Replaced));
    assert_eq!(tree.visibility(1, 1), Visibility::Visible, "a mark is in force");
    assert_eq!(tree.seen_at(1, 1), None);
    assert!(tree.node(at(&tree, "/a")).implicit, "the folder was removed and comes back for the file in it");
    assert_eq!(tree.irregularities().len(), 1, "{:?}", tree.irregularities());
}

#[test]
fn an_opaque_folder_keeps_only_what_its_layer_wrote_before_or_after() {
    let lower = "d /a\nd /a/sub\nf /a/sub/old\nf /a/old\nd /a/gone\nf /a/gone/x\nf /kept";
    let (tree, _) = merged(&[lower, "d /a\nf /a/sub/new\nf /a/new\no /a\nf /a/late\no /a"]);
    assert_eq!(paths(&tree), ["/a", "/a/late", "/a/new", "/a/sub", "/a/sub/new", "/kept"]);
    for entry in [2, 3, 4, 5] {
        assert_eq!(tree.visibility(0, entry), HIDDEN_BY_1, "{entry}");
    }
    let (tree, _) = merged(&["d /usr\nd /usr/bin\nl /bin usr/bin\nf /usr/bin/x", "o /bin", "o /"]);
    assert_eq!(paths(&tree), [""; 0]);
    assert_eq!(tree.visibility(0, 3), HIDDEN_BY_1, "through the symlink");
    assert_eq!(tree.visibility(0, 0), Visibility::Hidden { by: 2 });
}

#[test]
fn a_change_of_type_drops_what_was_below() {
    let (tree, _) = merged(&["d /a\nd /a/b\nf /a/b/c", "f /a", "d /a 700 5"]);
    assert_eq!(paths(&tree), ["/a"]);
    assert_eq!(tree.visibility(0, 2), HIDDEN_BY_1);
    assert_eq!(tree.visibility(1, 0), Visibility::Hidden { by: 2 });
    let node = tree.node(at(&tree, "/a"));
    assert_eq!((node.kind, node.mode, node.uid, node.layer), (Kind::Folder, 0o700, 5, 2));
    let (tree, _) = merged(&["d /usr\nd /usr/lib\nf /usr/lib/x\nl /lib usr/lib", "d /lib\nf /lib/y"]);
    assert_eq!(paths(&tree), ["/lib", "/lib/y", "/usr", "/usr/lib", "/usr/lib/x"], "a folder takes a symlink's name");
}

#[test]
fn a_folder_over_a_folder_keeps_what_is_in_it_and_changes_its_mode() {
    let (tree, _) = merged(&["d /a 755\nf /a/x", "d /a 1777 7"]);
    assert_eq!(paths(&tree), ["/a", "/a/x"]);
    let node = tree.node(at(&tree, "/a"));
    assert_eq!((node.mode, node.uid, node.layer, node.mode_layer), (0o1777, 7, 1, 1));
    assert_eq!(tree.visibility(0, 0), HIDDEN_BY_1);
    let (tree, _) = merged(&["d / 777\nf /x"]);
    assert_eq!(tree.node(Tree::ROOT).mode, 0o777, "the root's mode is set too");
}

#[test]
fn a_hard_link_gives_its_mode_owner_and_capability_to_the_shared_inode() {
    let (tree, _) = merged(&["f /a 755 0 cap\nh /b /a 4755 3", "h /c /b 755 4 other"]);
    for path in ["/a", "/b", "/c"] {
        let node = tree.node(at(&tree, path));
        assert_eq!((node.mode, node.uid, node.names, node.kind), (0o755, 4, 3, Kind::File), "{path}");
        assert_eq!((node.content_layer, node.content_entry, node.mode_layer), (0, 0, 1), "{path}");
        assert_eq!(node.capability, Some(&b"other"[..]), "{path}");
    }
    let (tree, _) = merged(&["f /a 755 0 cap\nh /b /a 4755 3"]);
    let node = tree.node(at(&tree, "/a"));
    assert_eq!((node.mode, node.capability), (0o4755, None), "the kernel drops a capability when the owner is set");
}

#[test]
fn content_is_seen_as_long_as_it_has_a_name() {
    let (tree, _) = merged(&["f /a\nh /b /a\nf /c", "w /a\nw /c"]);
    assert_eq!(tree.visibility(0, 0), Visibility::Visible);
    assert_eq!(tree.seen_at(0, 0), tree.lookup("/b"));
    assert_eq!(tree.visibility(0, 2), HIDDEN_BY_1);
    assert_eq!(tree.node(at(&tree, "/b")).names, 1);
}

#[test]
fn a_hard_link_to_nothing_or_to_a_folder_is_dropped_and_takes_its_name_along() {
    let (tree, _) = merged(&["d /d\nf /x\nf /y\nl /s /x", "h /x /none\nh /y /d\nh /y2 /y2\nh /t /s"]);
    assert_eq!(paths(&tree), ["/d", "/s", "/t"]);
    assert_eq!(tree.visibility(1, 0), Visibility::Replaced);
    assert_eq!(tree.visibility(0, 1), HIDDEN_BY_1);
    assert_eq!(tree.node(at(&tree, "/t")).link, "/x", "a symlink can have two names");
    assert!(tree.irregularities()[0].detail.contains("and 2 more"), "{:?}", tree.irregularities());
}

#[test]
fn symlinks_stay_inside_and_end() {
    let (tree, _) =
        merged(&["l /up ../../..\nl /loop loop\nl /a /b\nl /b a\nf /up/etc/x\nf /loop/y\nf /a/z\nl /e /up/etc"]);
    assert_eq!(paths(&tree), ["/a", "/b", "/e", "/etc", "/etc/x", "/loop", "/up"]);
    assert_eq!(tree.resolve("/up/up/e/../etc/x"), tree.lookup("/etc/x"));
    assert_eq!((tree.resolve("/loop"), tree.resolve("/a/x"), tree.resolve("/none")), (None, None, None));
    assert_eq!(tree.resolve("/../.././"), Some(Tree::ROOT));
    assert_eq!(tree.node(tree.lookup("/e").expect("it is there")).kind, Kind::Symlink);
    assert_eq!(tree.lookup("/e/"), tree.lookup("/etc"), "a slash behind asks for the folder");
    assert_eq!((tree.lookup("/etc/x/"), tree.lookup("/etc/x/y")), (None, None));
    assert_eq!((tree.visibility(0, 5), tree.visibility(0, 6)), (Visibility::Replaced, Visibility::Replaced));
}

#[test]
fn forty_symlinks_are_followed_and_no_more() {
    let chain = |length: usize| {
        let links = (1..=length).map(|at| format!("l /l{at} l{}\n", at - 1));
        merged(&[&("f /l0\n".to_owned() + &links.collect::<String>())]).0.resolve(&format!("/l{length}")).is_some()
    };
    assert!(chain(40) && !chain(41));
}

#[test]
fn a_dangling_symlink_above_an_entry_gets_its_folder() {
    let (tree, _) = merged(&["l /run var/run\nf /run/app/pid"]);
    assert_eq!(paths(&tree), ["/run", "/var", "/var/run", "/var/run/app", "/var/run/app/pid"]);
    assert!(tree.irregularities().is_empty(), "the symlink is of the same layer");
}

#[test]
fn what_aufs_leaves_behind_is_no_content_but_its_shared_files_are() {
    let (tree, _) = merged(&["d /.wh..wh.plnk\nf /.wh..wh.plnk/12.3 4755\nf /.wh..wh.aufs\nh /su /.wh..wh.plnk/12.3"]);
    assert_eq!(paths(&tree), ["/su"]);
    let node = tree.node(at(&tree, "/su"));
    assert_eq!((node.mode, node.content_entry), (0o4755, 1));
    assert_eq!((tree.visibility(0, 1), tree.visibility(0, 2)), (Visibility::Visible, Visibility::Replaced));
}

#[test]
fn folders_that_no_entry_names_are_roots_and_hide_nothing_when_they_go() {
    let (tree, _) = merged(&["f /a/b/c 600 5"]);
    let node = tree.node(at(&tree, "/a/b"));
    assert_eq!((node.kind, node.mode, node.uid, node.implicit), (Kind::Folder, 0o755, 0, true));
    let (tree, _) = merged(&["f /a/b/c", "d /a/b 700", "w /a/b/c"]);
    assert_eq!(tree.visibility(0, 0), Visibility::Hidden { by: 2 });
    assert_eq!(tree.visibility(1, 0), Visibility::Visible);
}

#[test]
fn a_layer_that_was_not_read_changes_nothing() {
    let (one, two) = (layer("f /a"), layer("w /a"));
    let tree = Tree::merge(&[Some(&one), None, Some(&two)]);
    assert_eq!(tree.visibility(0, 0), Visibility::Hidden { by: 2 });
    assert_eq!((tree.visibility(1, 0), tree.visibility(7, 7)), (Visibility::Replaced, Visibility::Replaced));
    assert_eq!(Tree::default().path(Tree::ROOT), "/");
}

#[test]
fn an_entry_below_a_file_is_dropped() {
    let (tree, _) = merged(&["f /a\nf /a/b\nd /a/c/d"]);
    assert_eq!(paths(&tree), ["/a"]);
    assert_eq!(tree.irregularities()[0].path, "/a/b");
}

/// Hostile layers end soon. Each of these takes hours where some step looks at everything again for each entry.
#[test]
fn hostile_layers_are_merged_in_one_pass() {
    let wide: String = (0..50_000).map(|at| format!("f /d/{at}\n")).collect();
    let again = "d /d\no /d\n".repeat(50_000);
    let gone = "w /d\n".repeat(50_000);
    let (tree, _) = merged(&[&wide, &(wide.clone() + &again), &gone]);
    assert_eq!(paths(&tree), [""; 0]);
    let deep: String = (0..1_000).map(|at| format!("f {}/{at}\n", "/d".repeat(1_000))).collect();
    let opaque: String = (1..1_000).rev().map(|at| format!("o {}\n", "/d".repeat(at))).collect();
    let (tree, _) = merged(&[&deep, &(deep.clone() + &opaque)]);
    assert_eq!(tree.iter().count(), 2_000);
    let bomb: String = (0..300).map(|at| format!("f /{at}{}/x\n", "/d".repeat(1_000))).collect();
    let (tree, _) = merged(&[&bomb]);
    assert!(tree.iter().count() <= (1 << 18) + 300, "folders that no entry names are bounded");
    assert!(tree.irregularities().iter().any(|one| one.detail.contains("left out")), "and that is said");
}

#[test]
fn forty_thousand_entries_take_four_megabytes_at_most() {
    let text: String = (0..40_000).map(|at| format!("f /usr/share/doc/package-{}/changelog-{at}\n", at / 10)).collect();
    let (tree, _) = merged(&[&text]);
    assert!(tree.bytes() < 4_500_000, "{} bytes", tree.bytes());
}
