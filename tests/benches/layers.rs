//! Reads the layers of an OCI layout as `harden image` does, with everything on: `cargo bench --bench layers -- LAYOUT`.

#![allow(missing_docs, clippy::unwrap_used, clippy::print_stdout)]

mod layout;

use std::fs::File;
use std::sync::atomic::AtomicU64;

use harden::image::layer::{LayerRequest, read};
use harden::image::{Limits, Wanted};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() {
    let Some(layout) = std::env::args().skip(1).find(|word| !word.starts_with('-')) else { return };
    let content =
        if std::env::var_os("NO_SCAN").is_some() { Vec::new() } else { harden::secret::CONTENT.iter().collect() };
    let reads = vec!["/etc/sudoers", "/etc/sudoers.d/*", "/etc/ssh/sshd_config", "/etc/ld.so.preload", "**/.npmrc"];
    let wanted = Wanted { reads, content };
    let entries = AtomicU64::new(0);
    for (path, digest, size) in layout::layers(layout.as_ref()) {
        let place = path.display().to_string();
        let request = LayerRequest {
            place: &place,
            digest: Some(&digest),
            size: Some(size),
            wanted: &wanted,
            limits: &Limits::default(),
            entries: &entries,
        };
        let facts = read(File::open(&path).unwrap(), &request).unwrap();
        println!(
            "{digest}: {} bytes, {} entries, {} texts, {} bytes scanned, {} skipped",
            facts.size,
            facts.entries.len(),
            facts.texts.len(),
            facts.scanned_bytes,
            facts.skipped_bytes
        );
        for odd in &facts.irregularities {
            println!("  {:?} {}: {}", odd.kind, odd.path, odd.detail);
        }
        for hit in &facts.secrets {
            let path = facts.entries.get(hit.entry).path;
            println!("  {path}:{}: {} {} {} ({})", hit.line, hit.content, hit.kind, hit.shown, hit.confidence);
        }
    }
}
