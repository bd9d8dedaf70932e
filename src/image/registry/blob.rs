//! A blob as a stream: resumed where the connection breaks, never longer than announced, its digest checked before the
//! last bytes are handed out.

use std::io::{self, Read};
use std::time::{Duration, Instant};

use bytes::Bytes;
use reqwest::{Method, Response};
use tokio::runtime::Runtime;

use super::answer::address;
use super::digest::Hasher;
use super::endpoint::{Endpoint, Want};
use super::options::Progress;
use super::transport::{Transport, Tries, Trouble, response_length, starts_at};
use crate::image::Error;

/// What must come between two breaks for the tries to be counted anew; and within the patience for a document, so that a
/// blob doesn't come for ever.
const HEADWAY: u64 = 64 << 10;

/// A blob that is being downloaded.
pub(super) struct Blob<'a> {
    runtime: &'a Runtime,
    transport: &'a Transport,
    endpoint: &'a Endpoint,
    digest: String,
    size: u64,
    /// Taken when the digest was checked.
    hasher: Option<Hasher>,
    /// Bytes that came so far.
    at: u64,
    /// Bytes that came and were not handed out.
    rest: Bytes,
    response: Option<Response>,
    tries: Tries,
    /// [`Blob::at`] when the last headway was made.
    mark: u64,
    /// Bytes that came lately, those that were there before included.
    came: u64,
    /// Time spent waiting for them; the time that the reader takes doesn't count.
    waited: Duration,
    failed: Option<Error>,
}

impl<'a> Blob<'a> {
    /// Opens a blob of an endpoint.
    pub(super) fn open(
        runtime: &'a Runtime,
        transport: &'a Transport,
        endpoint: &'a Endpoint,
        digest: &str,
        size: u64,
    ) -> Result<Self, Error> {
        let mut blob = Self {
            runtime,
            transport,
            endpoint,
            digest: digest.to_owned(),
            size,
            hasher: Some(Hasher::of(digest)?),
            at: 0,
            rest: Bytes::new(),
            response: None,
            tries: Tries::default(),
            mark: 0,
            came: 0,
            waited: Duration::ZERO,
            failed: None,
        };
        runtime.block_on(blob.request()).map_err(|trouble| trouble.error)?;
        Ok(blob)
    }

    /// Asks for what is still missing.
    async fn request(&mut self) -> Result<(), Trouble> {
        let path = format!("blobs/{}", self.digest);
        let want = Want { method: Method::GET, path: &path, accept: "*/*", from: self.at };
        let opened = self.endpoint.open(self.transport, &want, &mut self.tries).await;
        let mut response = opened.map_err(Trouble::lasting)?;
        if !response.status().is_success() {
            let read = self.transport.read(response, 0).await?;
            let what = format!("the blob `{}`", self.digest);
            return Err(Trouble::lasting(read.refusal(&what, &self.endpoint.site.host)));
        }
        if self.at > 0 && !starts_at(&response, self.at) {
            if response.status() != 200 {
                let problem = "the registry answers with another part than was asked for";
                return Err(Trouble::lasting(self.error(&response, problem)));
            }
            // It doesn't know ranges, and starts over. That what is skipped equals what came before, the digest tells.
            let mut skip = self.at;
            while skip > 0 {
                let Some(bytes) = self.piece(&mut response).await? else {
                    return Err(Trouble::passing(self.error(&response, "the blob is shorter the second time")));
                };
                let taken = skip.min(bytes.len() as u64);
                skip -= taken;
                let rest = bytes.slice(usize::try_from(taken).unwrap_or(bytes.len())..);
                self.take(&response, rest).map_err(Trouble::lasting)?;
            }
        } else if response_length(response.headers()).is_some_and(|length| length > self.size - self.at) {
            let problem = format!("the blob is longer than the {} bytes of the manifest", self.size);
            return Err(Trouble::lasting(self.error(&response, &problem)));
        }
        self.response = Some(response);
        Ok(())
    }

    /// Waits for the next bytes; `false` at the end.
    async fn advance(&mut self) -> Result<bool, Error> {
        loop {
            let Some(mut response) = self.response.take() else {
                match self.request().await {
                    Ok(()) if self.rest.is_empty() => continue,
                    Ok(()) => return Ok(true),
                    Err(trouble) if !trouble.passing => return Err(trouble.error),
                    Err(trouble) if self.pause(&trouble.error.problem).await => continue,
                    Err(trouble) => return Err(trouble.error),
                }
            };
            let why = match self.piece(&mut response).await {
                Ok(Some(bytes)) => {
                    self.take(&response, bytes)?;
                    self.response = Some(response);
                    if self.rest.is_empty() {
                        continue;
                    }
                    return Ok(true);
                }
                // What was checked is whole. All that could be wrong with it was that more came.
                _ if self.hasher.is_none() => return Ok(false),
                Ok(None) if self.at == self.size => {
                    self.check(&response)?;
                    return Ok(false);
                }
                Ok(None) => format!("the blob ends after {} of {} bytes", self.at, self.size),
                Err(trouble) if !trouble.passing => return Err(trouble.error),
                Err(trouble) => trouble.error.problem,
            };
            if !self.pause(&why).await {
                return Err(self.error(&response, &why));
            }
        }
    }

    /// The next bytes that come, where they come fast enough.
    async fn piece(&mut self, response: &mut Response) -> Result<Option<Bytes>, Trouble> {
        let start = Instant::now();
        let piece = self.transport.piece(response).await;
        self.waited += start.elapsed();
        if let Ok(Some(bytes)) = &piece {
            self.came += bytes.len() as u64;
        }
        if self.came >= HEADWAY {
            (self.came, self.waited) = (0, Duration::ZERO);
        } else if self.waited > self.transport.options.patience.document {
            let problem = format!("the blob comes too slowly, {} bytes in {:?}", self.came, self.waited);
            return Err(Trouble::lasting(self.error(response, &problem)));
        }
        piece
    }

    async fn pause(&mut self, why: &str) -> bool {
        self.transport.pause(&mut self.tries, &self.endpoint.site.host, None, why).await
    }

    /// Takes bytes that came.
    fn take(&mut self, response: &Response, bytes: Bytes) -> Result<(), Error> {
        if bytes.is_empty() {
            return Ok(());
        }
        let length = bytes.len() as u64;
        if length > self.size - self.at {
            return Err(
                self.error(response, &format!("the blob is longer than the {} bytes of the manifest", self.size))
            );
        }
        self.at += length;
        if let Some(hasher) = &mut self.hasher {
            hasher.update(&bytes);
        }
        if self.at == self.size {
            self.check(response)?;
        }
        if self.at - self.mark >= HEADWAY {
            self.tries = Tries::default();
            self.mark = self.at;
        }
        self.transport.options.tell(Progress::Blob { digest: &self.digest, done: self.at, size: self.size });
        self.rest = bytes;
        Ok(())
    }

    fn check(&mut self, response: &Response) -> Result<(), Error> {
        let Some(computed) = self.hasher.take().map(Hasher::finish) else { return Ok(()) };
        if computed == self.digest {
            return Ok(());
        }
        Err(self.error(response, &format!("the blob isn't what was asked for: its digest is `{computed}`")))
    }

    fn error(&self, response: &Response, problem: &str) -> Error {
        let place = format!("{} (from {})", self.digest, address(response.url()));
        Error::new(place, problem, "try again; if it stays so, the registry or something on the way to it is broken")
    }
}

impl Read for Blob<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if let Some(error) = &self.failed {
            return Err(io::Error::other(error.clone()));
        }
        if self.rest.is_empty() && !buffer.is_empty() {
            match self.runtime.block_on(self.advance()) {
                Ok(true) => {}
                Ok(false) => return Ok(0),
                Err(error) => {
                    self.rest = Bytes::new();
                    self.failed = Some(error.clone());
                    return Err(io::Error::other(error));
                }
            }
        }
        let length = buffer.len().min(self.rest.len());
        buffer[..length].copy_from_slice(&self.rest.split_to(length));
        Ok(length)
    }
}
