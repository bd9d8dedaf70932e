//! A registry in this process that does what it is told, and remembers what it was asked.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

/// What was asked.
#[derive(Clone, Debug)]
pub(super) struct Request {
    pub(super) method: String,
    /// With the query.
    pub(super) path: String,
    headers: Vec<(String, String)>,
    pub(super) body: String,
}

impl Request {
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }
}

/// What is done to answer, step by step; the connection is closed after the last one.
pub(super) enum Step {
    Bytes(Vec<u8>),
    Sleep(Duration),
    /// The same bytes for ever.
    Endless(Vec<u8>),
    /// A byte at a time, with a pause after each.
    Drip(Vec<u8>, Duration),
}

pub(super) struct Server {
    pub(super) host: String,
    port: u16,
    asked: Arc<Mutex<Vec<Request>>>,
}

impl Server {
    /// Starts to answer; the function is given how many requests of the same kind and path came before.
    pub(super) fn start(answer: impl Fn(&Request, usize) -> Vec<Step> + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let asked: Arc<Mutex<Vec<Request>>> = Arc::default();
        let (answer, log) = (Arc::new(answer), Arc::clone(&asked));
        // The thread ends with the process: tests are short, and a listener has no way to be told.
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (answer, log) = (Arc::clone(&answer), Arc::clone(&log));
                thread::spawn(move || {
                    let Some(request) = read(&stream) else { return };
                    let before = {
                        let mut log = log.lock().expect("no test panics here");
                        log.push(request.clone());
                        let same = |one: &&Request| one.path == request.path && one.method == request.method;
                        log.iter().filter(same).count() - 1
                    };
                    give(&stream, answer(&request, before));
                });
            }
        });
        Self { host: format!("127.0.0.1:{port}"), port, asked }
    }

    /// The same server under another name.
    pub(super) fn named(&self, name: &str) -> String {
        format!("{name}:{}", self.port)
    }

    pub(super) fn asked(&self) -> Vec<Request> {
        self.asked.lock().expect("no test panics here").clone()
    }

    /// The requests whose path has this in it.
    pub(super) fn asked_for(&self, part: &str) -> Vec<Request> {
        self.asked().into_iter().filter(|request| request.path.contains(part)).collect()
    }
}

/// A whole answer.
pub(super) fn answer(status: u16, headers: &[(&str, &str)], body: impl Into<Vec<u8>>) -> Vec<Step> {
    let body = body.into();
    let length = body.len().to_string();
    let mut all = vec![("Content-Length", length.as_str())];
    all.extend_from_slice(headers);
    vec![head(status, &all), Step::Bytes(body)]
}

/// Status and headers alone.
pub(super) fn head(status: u16, headers: &[(&str, &str)]) -> Step {
    let mut text = format!("HTTP/1.1 {status} Said\r\nConnection: close\r\n");
    for (name, value) in headers {
        text += &format!("{name}: {value}\r\n");
    }
    Step::Bytes((text + "\r\n").into_bytes())
}

fn read(stream: &TcpStream) -> Option<Request> {
    let mut reader = BufReader::new(stream);
    // The first byte of a TLS handshake: this server doesn't speak it.
    if *reader.fill_buf().ok()?.first()? == 0x16 {
        return None;
    }
    let mut line = String::new();
    reader.read_line(&mut line).ok()?;
    let mut words = line.split_whitespace().map(str::to_owned);
    let (method, path) = (words.next()?, words.next()?);
    let mut headers = Vec::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok()?;
        match line.trim_end().split_once(": ") {
            Some((name, value)) => headers.push((name.to_owned(), value.to_owned())),
            None => break,
        }
    }
    let mut request = Request { method, path, headers, body: String::new() };
    let length = request.header("content-length").and_then(|length| length.parse().ok()).unwrap_or(0);
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    request.body = String::from_utf8(body).ok()?;
    Some(request)
}

fn give(mut stream: &TcpStream, steps: Vec<Step>) {
    for step in steps {
        let sent = match step {
            Step::Bytes(bytes) => stream.write_all(&bytes),
            Step::Sleep(time) => {
                thread::sleep(time);
                Ok(())
            }
            Step::Endless(bytes) => loop {
                if let Err(error) = stream.write_all(&bytes) {
                    break Err(error);
                }
            },
            Step::Drip(bytes, pause) => bytes.iter().try_for_each(|byte| {
                thread::sleep(pause);
                stream.write_all(&[*byte])
            }),
        };
        if sent.is_err() {
            return;
        }
    }
}
