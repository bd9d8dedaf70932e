//! What holds whatever an image's documents hold: the bodies of the fuzz targets, which `tests/it/fuzz.rs` runs too.

use std::hint::black_box;

use harden::image::source::{Request, read_stream};
use harden::image::{Accounts, ImageConfig, IrregularityKind, Limits, Reference, Wanted};

/// The configuration: whatever it says, it is read, and history points at layers that there are.
pub(crate) fn config(bytes: &[u8]) {
    let mut said = Vec::new();
    let layers = bytes.first().map_or(0, |&byte| usize::from(byte % 8));
    let (config, history) = ImageConfig::read(bytes, layers, &mut said);
    for line in &history {
        assert!(line.layer.is_none_or(|layer| layer < layers), "{line:?}");
        let step = line.step();
        assert!(line.created_by.contains(step.text), "a step is a part of its line");
    }
    for variable in &config.env {
        black_box(config.variable(variable));
    }
    let kinds =
        [IrregularityKind::Mismatch, IrregularityKind::Ambiguous, IrregularityKind::Limit, IrregularityKind::Broken];
    assert!(said.iter().all(|one| kinds.contains(&one.kind) && !one.detail.is_empty()), "{said:?}");
}

/// Accounts: three files, parted by NUL.
pub(crate) fn passwd(bytes: &[u8]) {
    let mut files = bytes.splitn(3, |&byte| byte == 0);
    let mut next = || files.next().unwrap_or_default();
    let (users, groups, shadow) = (next(), next(), next());
    let accounts = Accounts::parse(users, groups, Some(shadow));
    assert!(accounts.users.len() <= 1 + users.len() && accounts.groups.len() <= 1 + groups.len());
    for user in accounts.users.iter().take(100) {
        assert!(accounts.uid_of(&user.name).is_some(), "{user:?} is found by name");
        black_box((accounts.gids_of(user), accounts.password(user)));
    }
}

/// A manifest or an index, with itself as the only blob: read, or refused with a place and a remedy.
pub(crate) fn manifest(bytes: &[u8]) {
    let mut archive = Vec::new();
    member(&mut archive, "oci-layout", br#"{"imageLayoutVersion":"1.0.0"}"#);
    member(&mut archive, "index.json", bytes);
    member(&mut archive, "manifest.json", bytes);
    member(&mut archive, "blobs/sha256/e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855", b"");
    archive.extend_from_slice(&[0; 1024]);
    let (wanted, limits) = (Wanted::default(), Limits { document_bytes: 1 << 16, ..Limits::default() });
    let reference = Reference::parse("-").expect("standard input");
    match read_stream(&Request::new("-", &reference, &wanted, &limits), &archive[..]) {
        Ok(image) => assert!(image.layers.len() <= limits.layers),
        Err(error) => {
            assert!(!error.place.is_empty() && !error.problem.is_empty() && !error.remedy.is_empty(), "{error:?}")
        }
    }
}

/// Writes a member of a tar archive.
fn member(archive: &mut Vec<u8>, name: &str, data: &[u8]) {
    let mut block = [0u8; 512];
    block[..name.len().min(100)].copy_from_slice(&name.as_bytes()[..name.len().min(100)]);
    block[100..107].copy_from_slice(b"0000644");
    block[124..135].copy_from_slice(format!("{:011o}", data.len()).as_bytes());
    block[148..156].copy_from_slice(b"        ");
    block[156] = b'0';
    block[257..263].copy_from_slice(b"ustar\0");
    let sum: u32 = block.iter().map(|&byte| u32::from(byte)).sum();
    block[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    archive.extend_from_slice(&block);
    archive.extend_from_slice(data);
    archive.resize(archive.len().next_multiple_of(512), 0);
}
