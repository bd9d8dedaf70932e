//! Archives of real tools, read by harden and by the `tar` crate: on what is well-formed they agree.

use std::path::Path;
use std::process::Command;

use harden::image::{Kind, LayerFacts};

use crate::support::skip;

/// What both readers say of an entry.
type Row = (String, Kind, u32, u64, u64, u64, u64, String);

#[test]
fn real_tools_archives_are_read_as_the_tar_crate_reads_them() {
    let folder = tempfile::tempdir().expect("a folder");
    if !cfg!(target_os = "linux") {
        return skip("the tree needs links and pipes");
    }
    let made = Command::new("sh").current_dir(folder.path()).args(["-ec", TREE]).status();
    assert!(made.is_ok_and(|status| status.success()), "the tree is made");
    let mut writers: Vec<(String, Vec<String>)> = Vec::new();
    for format in ["gnu", "oldgnu", "pax", "posix", "ustar"] {
        let words = ["tar", "-c", "--sort=name", "--format", format, "--owner=big:3000000"];
        // ustar has no room for such an owner.
        let words = if format == "ustar" { &words[..5] } else { &words[..] };
        let mut words: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
        words.extend(["-f", "../out.tar", "."].map(str::to_owned));
        writers.push((format!("GNU tar, {format}"), words));
    }
    for format in ["PAX_FORMAT", "GNU_FORMAT", "USTAR_FORMAT"] {
        let script = format!(
            "import tarfile; t = tarfile.open('../out.tar', 'w', format=tarfile.{format}); t.add('.'); t.close()"
        );
        writers.push((format!("Python, {format}"), ["python3", "-c", &script].map(str::to_owned).to_vec()));
    }
    for format in ["pax", "gnutar", "ustar"] {
        let words = ["bsdtar", "-c", "--format", format, "-f", "../out.tar", "."];
        writers.push((format!("bsdtar, {format}"), words.map(str::to_owned).to_vec()));
    }
    let mut compared = 0;
    for (name, words) in writers {
        let run = Command::new(&words[0]).args(&words[1..]).current_dir(folder.path().join("tree")).output();
        let Ok(output) = run else {
            // What libarchive writes is a bonus: few machines have it.
            if words[0] != "bsdtar" {
                skip(&format!("{}: it is not there", words[0]));
            }
            continue;
        };
        let archive = std::fs::read(folder.path().join("out.tar")).expect("an archive");
        // ustar has no room for the longest name: tools say so and write the rest.
        assert!(
            output.status.success() || name.to_lowercase().contains("ustar"),
            "{name}: {}",
            String::from_utf8_lossy(&output.stderr)
        );
        if !archive.ends_with(&[0; 1024]) {
            continue;
        }
        let facts = super::facts(&archive);
        assert_eq!(facts.irregularities, [], "{name}");
        let (ours, theirs) = (ours(&facts), theirs(&archive));
        assert!(ours.len() >= 9, "{name}: {ours:?}");
        assert_eq!(ours, theirs, "{name}");
        compared += 1;
    }
    assert!(compared >= 6 || !Path::new("/usr/bin/python3").exists(), "{compared} archives were compared");
}

/// A tree with names of every length, links, a pipe, and a file that is longer than a buffer.
const TREE: &str = r#"
mkdir -p tree/a/b "tree/$(printf 'long%.0s' $(seq 30))/$(printf 'name%.0s' $(seq 30))"
echo text > tree/a/file; chmod 4755 tree/a/file
head -c 700000 /dev/zero | tr '\0' x > tree/big
: > tree/empty
echo long > "tree/$(printf 'long%.0s' $(seq 30))/$(printf 'name%.0s' $(seq 30))/file"
ln -s ../a/file tree/a/b/link
ln -s "$(printf 'far/%.0s' $(seq 50))" tree/farlink
ln tree/a/file tree/a/twin
mkfifo tree/pipe
echo accents > tree/café
touch -d 2001-02-03T04:05:06.789 tree/empty
chmod 1777 tree/a/b
"#;

fn ours(facts: &LayerFacts) -> Vec<Row> {
    let row = |entry: harden::image::Entry<'_>| {
        let modified = u64::try_from(entry.modified).expect("a time");
        let link = entry.link.trim_start_matches('/').to_owned();
        let (mode, uid, gid) = (u32::from(entry.mode), u64::from(entry.uid), u64::from(entry.gid));
        (entry.path.to_owned(), entry.kind, mode, uid, gid, entry.size, modified, link)
    };
    facts.entries.iter().map(row).collect()
}

fn theirs(archive: &[u8]) -> Vec<Row> {
    let mut rows = Vec::new();
    for entry in tar::Archive::new(archive).entries().expect("an archive") {
        let mut entry = entry.expect("an entry");
        let modified = pax_time(&mut entry);
        let path = String::from_utf8(entry.path_bytes().into_owned()).expect("UTF-8");
        let path = path.trim_start_matches("./").trim_end_matches('/');
        let header = entry.header();
        let kind = match header.entry_type() {
            tar::EntryType::Directory => Kind::Folder,
            tar::EntryType::Symlink => Kind::Symlink,
            tar::EntryType::Link => Kind::HardLink,
            tar::EntryType::Fifo => Kind::Fifo,
            tar::EntryType::Regular => Kind::File,
            other => panic!("{other:?}"),
        };
        let link = entry.link_name_bytes().map(|link| String::from_utf8(link.into_owned()).expect("UTF-8"));
        let link = link.unwrap_or_default();
        let link = if kind == Kind::HardLink { link.trim_start_matches("./") } else { link.trim_start_matches('/') };
        if !matches!(path, "" | ".") {
            rows.push((
                format!("/{path}"),
                kind,
                header.mode().expect("a mode") & 0o7777,
                header.uid().expect("an owner"),
                header.gid().expect("a group"),
                entry.size(),
                modified.unwrap_or(header.mtime().expect("a time")),
                link.to_owned(),
            ));
        }
    }
    rows
}

/// Whole seconds of the pax record of an entry's time, which the crate leaves to its users. Python rounds the header's up.
fn pax_time(entry: &mut tar::Entry<'_, &[u8]>) -> Option<u64> {
    let records = entry.pax_extensions().ok()??;
    let times = records.filter_map(|record| record.ok().filter(|record| record.key() == Ok("mtime")));
    times.filter_map(|record| record.value().ok()?.split('.').next()?.parse().ok()).last()
}
