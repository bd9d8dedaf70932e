//! A writer of tar archives that can write wrong ones.

/// An archive under construction.
#[derive(Clone, Default)]
pub(crate) struct Tar(pub(crate) Vec<u8>);

impl Tar {
    /// A header with a right checksum after `change`.
    pub(crate) fn header(&mut self, name: &str, flag: u8, size: u64, change: impl FnOnce(&mut [u8; 512])) {
        let mut header = [0; 512];
        let name = name.as_bytes();
        header[..name.len().min(100)].copy_from_slice(&name[..name.len().min(100)]);
        header[100..107].copy_from_slice(b"0000644");
        header[108..115].copy_from_slice(b"0000000");
        header[116..123].copy_from_slice(b"0000000");
        header[124..135].copy_from_slice(format!("{size:011o}").as_bytes());
        header[136..147].copy_from_slice(b"14524770400");
        header[156] = flag;
        header[257..265].copy_from_slice(b"ustar\x0000");
        change(&mut header);
        if header[148..156] == [0; 8] {
            header[148..156].fill(b' ');
            let sum: u32 = header.iter().map(|byte| u32::from(*byte)).sum();
            header[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
        }
        self.0.extend(header);
    }

    /// Content with its padding.
    pub(crate) fn content(&mut self, content: &[u8]) {
        self.0.extend(content);
        self.0.resize(self.0.len().next_multiple_of(512), 0);
    }

    pub(crate) fn with(&mut self, name: &str, content: &[u8], change: impl FnOnce(&mut [u8; 512])) {
        self.header(name, b'0', content.len() as u64, change);
        self.content(content);
    }

    pub(crate) fn file(&mut self, name: &str, content: &[u8]) {
        self.with(name, content, |_| {});
    }

    pub(crate) fn typed(&mut self, flag: u8, name: &str, content: &[u8]) {
        self.header(name, flag, content.len() as u64, |_| {});
        self.content(content);
    }

    pub(crate) fn folder(&mut self, name: &str, mode: u32) {
        self.header(name, b'5', 0, |header| header[100..107].copy_from_slice(format!("{mode:07o}").as_bytes()));
    }

    pub(crate) fn link(&mut self, flag: u8, name: &str, target: &str) {
        self.header(name, flag, 0, |header| header[157..157 + target.len()].copy_from_slice(target.as_bytes()));
    }

    pub(crate) fn device(&mut self, flag: u8, name: &str, major: u32, minor: u32) {
        self.header(name, flag, 0, |header| {
            header[329..336].copy_from_slice(format!("{major:07o}").as_bytes());
            header[337..344].copy_from_slice(format!("{minor:07o}").as_bytes());
        });
    }

    pub(crate) fn pax(&mut self, records: &[u8]) {
        self.typed(b'x', "PaxHeaders/x", records);
    }

    pub(crate) fn global(&mut self, records: &[u8]) {
        self.typed(b'g', "pax_global_header", records);
    }

    pub(crate) fn gnu(&mut self, flag: u8, name: &str) {
        self.typed(flag, "././@LongLink", &[name.as_bytes(), b"\0"].concat());
    }

    /// The archive with its end mark.
    pub(crate) fn end(mut self) -> Vec<u8> {
        self.0.extend([0; 1024]);
        self.0
    }
}

/// Records of a pax header.
pub(crate) fn pax(records: &[(&str, &[u8])]) -> Vec<u8> {
    let record = |(key, value): &(&str, &[u8])| {
        let length = key.len() + value.len() + 3;
        let mut digits = 1;
        while (length + digits).to_string().len() > digits {
            digits += 1;
        }
        [format!("{} {key}=", length + digits).as_bytes(), value, b"\n"].concat()
    };
    records.iter().flat_map(record).collect()
}

/// Gives every block that has a header's magic a right checksum, so that damage reaches what stands behind that test.
pub(crate) fn mend(archive: &mut [u8]) {
    for block in archive.chunks_exact_mut(512).filter(|block| block[257..262] == *b"ustar") {
        block[148..156].fill(b' ');
        let sum: u32 = block.iter().map(|byte| u32::from(*byte)).sum();
        block[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    }
}
