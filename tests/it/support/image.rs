//! Images described as text, as lints' pages have them: the archive of each layer is written for real and read by the same
//! code as any other.
//!
//! A line each; what a layer holds follows it:
//!
//! ```text
//! name docker://registry.example/app:1     the reference; `app` where there is none
//! today 2026-11-25
//! created 2026-11-01T00:00:00Z             the configuration's own time
//! sibling linux/arm64 {"User": "root"}     the configuration's `config` for another platform of the tag
//! User app                                 a key of the configuration's `config`, with its text, list or number in JSON
//! Env ["PATH=/usr/bin"]
//! Entrypoint ["/app"]
//! step ENV A=b                             a line of history that makes no layer
//! layer COPY . /app                        a layer, and the history's line
//! file 0644 1000:1000 /app/.env            owner and group may be left out; what the file holds follows in lines that
//!   | KEY=value                            start with two spaces and a bar
//! file 4755 /bin/x size=4096 caps=cap_net_raw+ep modified=1700000000
//! file 0755 /bin/y elf=64 runpath=$ORIGIN/../lib
//! folder 1777 /tmp
//! symlink /bin -> usr/bin
//! hardlink 4755 /a -> /b
//! char 0666 1:3 /dev/null                  likewise `block`; `fifo 0600 /p`
//! whiteout /etc/x
//! opaque /etc
//! unread a foreign layer                   nothing of the layer is read, and this is why
//! diff_id sha256:12…                       what the configuration says of the layer, against the truth
//! ```

use std::collections::HashMap;
use std::io::Write as _;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use harden::image::{Image, ImageConfig, LayerPart, LayerRequest, Limits, Parts, Reference, Sibling, read_layer};
use harden::lint::wanted;
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

/// The image that a text describes.
pub(crate) fn image(text: &str) -> Result<Image, String> {
    let mut described = Described::default();
    let mut lines = text.lines().peekable();
    while let Some(line) = lines.next() {
        if line.trim().is_empty() || line.starts_with('#') {
            continue;
        }
        let mut body = Vec::new();
        while let Some(content) = lines.peek().and_then(|line| line.strip_prefix("  |")) {
            body.extend_from_slice(content.strip_prefix(' ').unwrap_or(content).as_bytes());
            body.push(b'\n');
            lines.next();
        }
        described.line(line, body).map_err(|problem| format!("`{line}`: {problem}"))?;
    }
    described.finish()
}

#[derive(Default)]
struct Described {
    name: Option<String>,
    today: Option<String>,
    created: Option<String>,
    siblings: Vec<Sibling>,
    config: Map<String, Value>,
    history: Vec<Value>,
    layers: Vec<Vec<u8>>,
    /// Why a layer is not read, and what the configuration says of one, by its index.
    unread: HashMap<usize, String>,
    claimed: HashMap<usize, String>,
}

impl Described {
    fn line(&mut self, line: &str, body: Vec<u8>) -> Result<(), String> {
        let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
        match word {
            "name" => self.name = Some(rest.to_owned()),
            "today" => self.today = Some(rest.to_owned()),
            "created" => self.created = Some(rest.to_owned()),
            "sibling" => {
                let (platform, config) = rest.split_once(' ').ok_or("no configuration")?;
                let config: Value = serde_json::from_str(config).map_err(|error| error.to_string())?;
                let created = config.get("created").cloned().unwrap_or(Value::Null);
                let bytes = json!({ "config": config, "created": created }).to_string().into_bytes();
                let (config, _) = ImageConfig::read(&bytes, 0, &mut Vec::new());
                self.siblings.push(Sibling { platform: platform.to_owned(), config });
            }
            "step" => self.history.push(json!({ "created_by": rest, "empty_layer": true })),
            "layer" => {
                self.history.push(json!({ "created_by": rest }));
                self.layers.push(Vec::new());
            }
            "unread" => drop(self.unread.insert(self.layers.len() - 1, rest.to_owned())),
            "diff_id" => drop(self.claimed.insert(self.layers.len() - 1, rest.to_owned())),
            _ if word.starts_with(|c: char| c.is_ascii_uppercase()) => {
                let value = serde_json::from_str(rest).unwrap_or_else(|_| Value::String(rest.to_owned()));
                self.config.insert(word.to_owned(), value);
            }
            _ => {
                if self.layers.is_empty() {
                    self.history.push(json!({ "created_by": "RUN make base" }));
                    self.layers.push(Vec::new());
                }
                let archive = self.layers.last_mut().expect("just seen");
                entry(archive, word, rest, body)?;
            }
        }
        Ok(())
    }

    fn finish(self) -> Result<Image, String> {
        let name = self.name.unwrap_or_else(|| "app".to_owned());
        let (limits, wanted, entries) = (Limits::default(), wanted(), AtomicU64::new(0));
        let mut layers = Vec::new();
        let mut diff_ids = Vec::new();
        for (index, mut archive) in self.layers.into_iter().enumerate() {
            archive.extend_from_slice(&[0; 1024]);
            let digest = format!("sha256:{}", hex(&Sha256::digest(&archive)));
            let size = archive.len() as u64;
            let request = LayerRequest {
                place: "a test",
                digest: Some(&digest),
                size: Some(size),
                wanted: &wanted,
                limits: &limits,
                entries: &entries,
            };
            let facts = read_layer(&archive[..], &request).map_err(|error| error.to_string())?;
            diff_ids.push(self.claimed.get(&index).unwrap_or(&digest).clone());
            layers.push(LayerPart {
                digest,
                size,
                facts: self.unread.get(&index).map_or(Ok(facts), |why| Err(why.clone())),
            });
        }
        let config = json!({
            "architecture": "amd64",
            "os": "linux",
            "created": self.created,
            "config": self.config,
            "rootfs": { "type": "layers", "diff_ids": diff_ids },
            "history": self.history,
        });
        let mut image = Image::assemble(Parts {
            reference: Reference::parse(&name).map_err(|error| error.to_string())?,
            name: Arc::from(name),
            digest: None,
            index_digest: None,
            config: config.to_string().into_bytes(),
            layers,
            irregularities: Vec::new(),
            today: self.today,
        });
        image.siblings = self.siblings;
        Ok(image)
    }
}

fn entry(archive: &mut Vec<u8>, word: &str, rest: &str, body: Vec<u8>) -> Result<(), String> {
    let mut words: Vec<&str> = rest.split_whitespace().collect();
    let mut header = Header { body, ..Header::default() };
    let pair = |word: &str| {
        let (a, b) = word.split_once(':')?;
        Some((a.parse::<u64>().ok()?, b.parse::<u64>().ok()?))
    };
    if !words.is_empty() && words[0].bytes().all(|byte| byte.is_ascii_digit()) {
        header.mode = u64::from_str_radix(words.remove(0), 8).map_err(|error| error.to_string())?;
    } else {
        header.mode = if word == "folder" { 0o755 } else { 0o644 };
    }
    if let Some(numbers) = words.first().and_then(|word| pair(word)) {
        words.remove(0);
        match word {
            "char" | "block" => header.device = numbers,
            _ => header.owner = numbers,
        }
    }
    header.path = words.first().ok_or("no path")?.trim_start_matches('/').to_owned();
    for word in &words[1..] {
        match word.split_once('=') {
            Some(("size", size)) => header.body.resize(size.parse().map_err(|_| "no size")?, 0),
            Some(("modified", time)) => header.modified = time.parse().map_err(|_| "no time")?,
            Some(("caps", caps)) => header.capability = Some(capability(caps)?),
            Some(("elf", bits)) => header.body.splice(..0, elf(bits)).for_each(drop),
            Some(("runpath", path)) => header.body = elf_with_run_path(path),
            _ => {}
        }
    }
    let target = rest.split_once(" -> ").map(|(_, target)| target.to_owned());
    match word {
        "file" => header.kind = b'0',
        "folder" => header.kind = b'5',
        "symlink" => (header.kind, header.link) = (b'2', target.ok_or("no target")?),
        "hardlink" => {
            (header.kind, header.link) = (b'1', target.ok_or("no target")?.trim_start_matches('/').to_owned());
        }
        "char" => header.kind = b'3',
        "block" => header.kind = b'4',
        "fifo" => header.kind = b'6',
        "whiteout" | "opaque" => {
            header.kind = b'0';
            let (folder, name) = header.path.rsplit_once('/').unwrap_or(("", &header.path));
            header.path = match word {
                "opaque" => format!("{}/.wh..wh..opq", header.path),
                _ if folder.is_empty() => format!(".wh.{name}"),
                _ => format!("{folder}/.wh.{name}"),
            };
        }
        _ => return Err("no line of an image's description".to_owned()),
    }
    header.write(archive);
    Ok(())
}

/// A member of a tar archive (POSIX.1 pax interchange format).
#[derive(Default)]
struct Header {
    path: String,
    link: String,
    kind: u8,
    mode: u64,
    owner: (u64, u64),
    device: (u64, u64),
    modified: u64,
    capability: Option<Vec<u8>>,
    body: Vec<u8>,
}

impl Header {
    fn write(&self, archive: &mut Vec<u8>) {
        let mut records = Vec::new();
        if let Some(value) = &self.capability {
            record(&mut records, "SCHILY.xattr.security.capability", value);
        }
        if self.path.len() > 100 {
            record(&mut records, "path", self.path.as_bytes());
        }
        if self.link.len() > 100 {
            record(&mut records, "linkpath", self.link.as_bytes());
        }
        if !records.is_empty() {
            let extended = Self { path: "PaxHeaders/x".to_owned(), kind: b'x', mode: 0o644, ..Self::default() };
            extended.block(archive, &records);
        }
        self.block(archive, &self.body);
    }

    fn block(&self, archive: &mut Vec<u8>, body: &[u8]) {
        let mut block = [0u8; 512];
        let mut put = |at: usize, text: &[u8], most: usize| {
            let length = text.len().min(most);
            block[at..at + length].copy_from_slice(&text[..length]);
        };
        put(0, self.path.as_bytes(), 100);
        put(100, format!("{:07o}", self.mode).as_bytes(), 8);
        put(108, format!("{:07o}", self.owner.0).as_bytes(), 8);
        put(116, format!("{:07o}", self.owner.1).as_bytes(), 8);
        put(124, format!("{:011o}", body.len()).as_bytes(), 12);
        put(136, format!("{:011o}", self.modified).as_bytes(), 12);
        put(148, b"        ", 8);
        put(156, &[self.kind], 1);
        put(157, self.link.as_bytes(), 100);
        put(257, b"ustar\x0000", 8);
        put(329, format!("{:07o}", self.device.0).as_bytes(), 8);
        put(337, format!("{:07o}", self.device.1).as_bytes(), 8);
        let sum: u32 = block.iter().map(|&byte| u32::from(byte)).sum();
        block[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
        archive.write_all(&block).expect("memory");
        archive.write_all(body).expect("memory");
        archive.resize(archive.len().next_multiple_of(512), 0);
    }
}

fn record(records: &mut Vec<u8>, key: &str, value: &[u8]) {
    let rest = key.len() + value.len() + 3;
    let mut length = rest + 1;
    while length != rest + length.to_string().len() {
        length = rest + length.to_string().len();
    }
    records.extend_from_slice(format!("{length} {key}=").as_bytes());
    records.extend_from_slice(value);
    records.push(b'\n');
}

/// `vfs_cap_data` of revision 2 (linux/capability.h) for a text such as `cap_net_raw,cap_setuid+ep`.
fn capability(text: &str) -> Result<Vec<u8>, String> {
    const NUMBERS: [(&str, u64); 16] = [
        ("cap_chown", 0),
        ("cap_dac_override", 1),
        ("cap_dac_read_search", 2),
        ("cap_fowner", 3),
        ("cap_kill", 5),
        ("cap_setgid", 6),
        ("cap_setuid", 7),
        ("cap_net_bind_service", 10),
        ("cap_net_admin", 12),
        ("cap_net_raw", 13),
        ("cap_sys_module", 16),
        ("cap_sys_ptrace", 19),
        ("cap_sys_admin", 21),
        ("cap_setfcap", 31),
        ("cap_bpf", 39),
        ("cap_sys_chroot", 18),
    ];
    let (names, flags) = text.split_once('+').ok_or("capabilities are written `cap_x,cap_y+ep`")?;
    let mut bits = 0u64;
    for name in names.split(',') {
        let known = NUMBERS.iter().find(|(known, _)| *known == name);
        bits |= 1 << known.ok_or_else(|| format!("`{name}` is no capability known here"))?.1;
    }
    let permitted = if flags.contains('p') { bits } else { 0 };
    let inheritable = if flags.contains('i') { bits } else { 0 };
    let mut value = (0x0200_0000u32 | u32::from(flags.contains('e'))).to_le_bytes().to_vec();
    for half in [permitted & 0xffff_ffff, inheritable & 0xffff_ffff, permitted >> 32, inheritable >> 32] {
        value.extend_from_slice(&(half as u32).to_le_bytes());
    }
    Ok(value)
}

/// The header of an ELF file of 32 or 64 bits without anything in it.
fn elf(bits: &str) -> Vec<u8> {
    let mut bytes = vec![0; 64];
    bytes[..7].copy_from_slice(&[0x7f, b'E', b'L', b'F', if bits == "32" { 1 } else { 2 }, 1, 1]);
    bytes[16] = 2;
    bytes
}

/// A 64-bit ELF file with a dynamic section of a string table and a RUNPATH (System V gABI, chapters 4 and 5).
fn elf_with_run_path(path: &str) -> Vec<u8> {
    const SECTION: u64 = 64 + 2 * 56;
    const STRINGS: u64 = SECTION + 3 * 16;
    let mut bytes = elf("64");
    let mut put = |at: usize, value: u64, length: usize| {
        bytes.resize(bytes.len().max(at + length), 0);
        bytes[at..at + length].copy_from_slice(&value.to_le_bytes()[..length]);
    };
    // The header's table of segments: where it is, how long a row is, how many there are.
    put(32, 64, 8);
    put(54, 56, 2);
    put(56, 2, 2);
    // PT_LOAD of the whole file at address 0, then PT_DYNAMIC: type, offset, address, bytes in the file.
    let length = STRINGS + path.len() as u64 + 2;
    for (at, kind, offset, size) in [(64, 1, 0, length), (120, 2, SECTION, 3 * 16)] {
        put(at, kind, 4);
        put(at + 8, offset, 8);
        put(at + 16, offset, 8);
        put(at + 32, size, 8);
    }
    // DT_STRTAB, DT_RUNPATH, DT_NULL.
    for (at, (tag, value)) in [(5, STRINGS), (29, 1), (0, 0)].into_iter().enumerate() {
        put(SECTION as usize + at * 16, tag, 8);
        put(SECTION as usize + at * 16 + 8, value, 8);
    }
    bytes.push(0);
    bytes.extend_from_slice(path.as_bytes());
    bytes.push(0);
    bytes
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
