//! The least that reading an image's layers costs with the crates that harden uses: unpack, hash both sides, step from
//! header to header: `cargo bench --bench floor -- LAYOUT`. What `layers` costs is measured against it.

#![allow(missing_docs, clippy::unwrap_used, clippy::print_stdout)]

mod layout;

use std::fs::File;
use std::io::Read;

use flate2::read::MultiGzDecoder;
use sha2::{Digest, Sha256};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Hashes what is read through it.
struct Hashing<R>(R, Sha256);

impl<R: Read> Read for Hashing<R> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let length = self.0.read(buffer)?;
        self.1.update(&buffer[..length]);
        Ok(length)
    }
}

fn main() {
    let Some(layout) = std::env::args().skip(1).find(|word| !word.starts_with('-')) else { return };
    for (path, digest, _) in layout::layers(layout.as_ref()) {
        let blob = std::io::BufReader::with_capacity(128 << 10, Hashing(File::open(&path).unwrap(), Sha256::new()));
        let mut plain = MultiGzDecoder::new(blob);
        let mut hash = Sha256::new();
        let (mut entries, mut size) = (0_u64, 0_u64);
        let mut buffer = vec![0; 128 << 10];
        let mut header = [0; 512];
        let (mut filled, mut skip) = (0, 0);
        loop {
            let length = plain.read(&mut buffer).unwrap();
            if length == 0 {
                break;
            }
            hash.update(&buffer[..length]);
            size += length as u64;
            let mut rest = &buffer[..length];
            while !rest.is_empty() {
                let skipped = rest.len().min(skip);
                skip -= skipped;
                rest = &rest[skipped..];
                let taken = rest.len().min(512 - filled);
                header[filled..filled + taken].copy_from_slice(&rest[..taken]);
                rest = &rest[taken..];
                filled += taken;
                if filled == 512 {
                    filled = 0;
                    let octal = header[124..136].iter().take_while(|byte| byte.is_ascii_digit());
                    let content = octal.fold(0, |size, digit| size * 8 + usize::from(digit - b'0'));
                    skip = content.next_multiple_of(512);
                    let sum: u32 = header.iter().map(|byte| u32::from(*byte)).sum();
                    entries += u64::from(sum != 0);
                }
            }
        }
        let blob = plain.into_inner().into_inner();
        println!(
            "{digest}: {size} bytes, {entries} headers, {:x?} {:x?}",
            &hash.finalize()[..4],
            &blob.1.finalize()[..4]
        );
    }
}
