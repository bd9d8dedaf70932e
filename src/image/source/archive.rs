//! Images in an archive on disk: the headers are read once, then each member at its offset.

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, BufReader, Read, Seek, SeekFrom};
use std::sync::{Mutex, PoisonError};

use super::docker::is_compressed;
use super::layout::{Files, bounded, unreadable};
use super::members::{Member, MemberKind, Members};
use super::{Opened, Request, docker, layout};
use crate::image::manifest::printable;
use crate::image::{Error, Irregularity, IrregularityKind, Transport};

/// How an archive can be read.
pub(super) enum Source {
    /// In any order.
    Opened(Box<Opened>),
    /// From start to end only: it is compressed, or no regular file.
    Stream(File),
}

/// Opens an archive of the form that the reference says.
pub(super) fn open(request: &Request<'_>, path: &str) -> Result<Source, Error> {
    let mut file = File::open(path).map_err(|error| unreadable(path, &error))?;
    let metadata = file.metadata().map_err(|error| unreadable(path, &error))?;
    if metadata.is_dir() {
        return Err(Error::new(
            path,
            "it is a folder",
            "write `oci:` in front of a layout, `rootfs:` of a file system",
        ));
    }
    if !metadata.is_file() {
        return Ok(Source::Stream(file));
    }
    let head = bounded((&mut file).take(4), path, 4)?;
    file.rewind().map_err(|error| unreadable(path, &error))?;
    if is_compressed(&head) {
        return Ok(Source::Stream(file));
    }
    Ok(Source::Opened(Box::new(open_file(request, file, path, metadata.len())?)))
}

/// Opens an uncompressed archive of the form that the reference says, or, where it says none, of the form that it has: a
/// layout says more than what stands beside it, the manifest's digest.
pub(super) fn open_file(request: &Request<'_>, mut file: File, path: &str, length: u64) -> Result<Opened, Error> {
    file.rewind().map_err(|error| unreadable(path, &error))?;
    let (files, irregularities) = Archive::index(file, path, length)?;
    let (is_layout, tag) = match &request.reference.transport {
        Transport::OciArchive { tag, .. } => (true, tag.as_deref()),
        Transport::DockerArchive { tag, .. } => (false, tag.as_deref()),
        _ => (files.index.find("index.json").is_some(), None),
    };
    let files: Box<dyn Files> = Box::new(files);
    let open = if is_layout { layout::open } else { docker::open };
    let mut opened = open(request, files, path, tag)?;
    opened.irregularities.extend(irregularities);
    Ok(opened)
}

/// What an archive holds, by path.
#[derive(Debug, Default)]
pub(super) struct Index {
    files: HashMap<String, (u64, u64)>,
    links: HashMap<String, Option<String>>,
    twice: Vec<String>,
}

/// Links that lead from one name to the next. Old archives have one, from a layer to an equal one.
const HOPS: usize = 16;

impl Index {
    /// Adds a member. Of two with a name the later counts, as for the engine, which unpacks them one after the other.
    pub(super) fn add(&mut self, member: &Member) {
        let Some(name) = &member.name else { return };
        let had_file = self.files.remove(name).is_some();
        let had_link = self.links.remove(name).is_some();
        match &member.kind {
            MemberKind::File => drop(self.files.insert(name.clone(), (member.at, member.size))),
            MemberKind::Link(target) => drop(self.links.insert(name.clone(), target.clone())),
            MemberKind::Other => return,
        }
        if had_file || had_link {
            self.twice.push(name.clone());
        }
    }

    /// The file that a name means, links followed: its own name, its offset and its size.
    pub(super) fn find(&self, name: &str) -> Option<(&str, u64, u64)> {
        let mut name = name;
        for _ in 0..HOPS {
            if let Some((name, (at, size))) = self.files.get_key_value(name) {
                return Some((name, *at, *size));
            }
            name = self.links.get(name)?.as_deref()?;
        }
        None
    }

    /// What two readers could understand differently.
    pub(super) fn irregularities(&self) -> Option<Irregularity> {
        let first = self.twice.first()?;
        Some(Irregularity {
            kind: IrregularityKind::Ambiguous,
            path: String::new(),
            detail: format!(
                "`{}` stands in the image's archive more than once ({} such); tools differ in which they read",
                printable(first),
                self.twice.len()
            ),
        })
    }
}

struct Archive {
    file: Mutex<File>,
    index: Index,
    place: String,
}

impl Archive {
    /// Reads the headers.
    fn index(file: File, place: &str, length: u64) -> Result<(Self, Option<Irregularity>), Error> {
        let mut members = Members::new(BufReader::with_capacity(8 << 10, file), place);
        let mut index = Index::default();
        while let Some(member) = members.next()? {
            if member.at.saturating_add(member.size).next_multiple_of(512) > length {
                return Err(members.failed(&io::ErrorKind::UnexpectedEof.into()));
            }
            index.add(&member);
        }
        let odd = index.irregularities();
        let file = members.into_inner().into_inner();
        Ok((Self { file: Mutex::new(file), index, place: place.to_owned() }, odd))
    }
}

impl Files for Archive {
    fn bytes(&self, name: &str, limit: u64) -> Result<Option<Vec<u8>>, Error> {
        let place = format!("{}/{}", self.place, printable(name));
        self.open(name)?.map(|content| bounded(content, &place, limit)).transpose()
    }

    fn open(&self, name: &str) -> Result<Option<Box<dyn Read + Send + '_>>, Error> {
        let section = self.index.find(name).map(|(_, at, left)| Section { file: &self.file, at, left });
        Ok(section.map(|section| Box::new(section) as Box<dyn Read + Send>))
    }

    fn size(&self, name: &str) -> Result<Option<u64>, Error> {
        Ok(self.index.find(name).map(|(_, _, size)| size))
    }
}

/// A part of a file that others read at the same time.
struct Section<'a> {
    file: &'a Mutex<File>,
    at: u64,
    left: u64,
}

impl Read for Section<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let most = buffer.len().min(usize::try_from(self.left).unwrap_or(usize::MAX));
        if most == 0 {
            return Ok(0);
        }
        let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        file.seek(SeekFrom::Start(self.at))?;
        let read = file.read(&mut buffer[..most])?;
        self.at += read as u64;
        self.left -= read as u64;
        Ok(read)
    }
}
