//! As much of HTTP/1.1 (RFC 9112) as asking an engine for one archive needs.

use std::io::{self, BufRead, BufReader, Read};

use super::{Connection, Error};

/// Bytes of a status line and headers, of a chunk's size line, and of an error's body.
const HEAD_BYTES: u64 = 64 << 10;

/// Sends a request and returns the answer's body as it arrives.
pub(super) fn get(mut connection: Box<dyn Connection>, path: &str, place: &str) -> Result<Box<dyn Read + Send>, Error> {
    let failed = |error: io::Error| {
        let remedy = "look into the engine's log; or save the image and name it with `docker-archive:`";
        Error::new(place, format!("the engine's answer can't be read: {error}"), remedy)
    };
    let request = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nUser-Agent: harden\r\nConnection: close\r\n\r\n");
    connection.write_all(request.as_bytes()).and_then(|()| connection.flush()).map_err(failed)?;
    let mut reader = BufReader::with_capacity(64 << 10, connection);
    let (status, framing) = head(&mut reader).map_err(failed)?;
    let mut body = Body { reader, framing };
    if status == 200 {
        return Ok(Box::new(body));
    }
    let mut bytes = Vec::new();
    // The message only explains; an answer without one is still an answer.
    let _ = body.by_ref().take(HEAD_BYTES).read_to_end(&mut bytes);
    let message = serde_json::from_slice::<serde_json::Value>(&bytes).ok();
    let message = message.as_ref().and_then(|value| value.get("message")?.as_str()).unwrap_or("no reason given");
    let message: String = message.chars().take(300).map(|c| if c.is_control() { ' ' } else { c }).collect();
    Err(match status {
        404 => Error::new(place, format!("the engine has no such image ({message})"), "pull or build it there first"),
        _ => Error::new(place, format!("the engine answers {status}: {message}"), "look into the engine's log"),
    })
}

/// Where a body ends.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Framing {
    /// Bytes that are left of the chunk; `None` before the first.
    Chunked(Option<u64>),
    Length(u64),
    Close,
}

/// The status, and how the body is framed.
fn head(reader: &mut impl BufRead) -> io::Result<(u16, Framing)> {
    let mut reader = reader.take(HEAD_BYTES);
    let invalid = |what: &str| io::Error::new(io::ErrorKind::InvalidData, what.to_owned());
    loop {
        let status = line(&mut reader)?;
        let code = status.strip_prefix("HTTP/1.").and_then(|rest| rest.split(' ').nth(1));
        let code: u16 = code.and_then(|code| code.parse().ok()).ok_or_else(|| invalid("it is no HTTP"))?;
        let mut framing = Framing::Close;
        loop {
            let header = line(&mut reader)?;
            if header.is_empty() {
                break;
            }
            let Some((name, value)) = header.split_once(':') else { return Err(invalid("a header has no colon")) };
            let value = value.trim();
            if name.eq_ignore_ascii_case("transfer-encoding") {
                if !value.eq_ignore_ascii_case("chunked") {
                    return Err(invalid("its transfer encoding is not known"));
                }
                framing = Framing::Chunked(None);
            } else if name.eq_ignore_ascii_case("content-length") && framing == Framing::Close {
                framing = Framing::Length(value.parse().map_err(|_| invalid("its length is no number"))?);
            }
        }
        // An interim answer has another behind it.
        if code >= 200 {
            return Ok((code, framing));
        }
    }
}

/// A line without its end.
fn line(reader: &mut impl BufRead) -> io::Result<String> {
    let mut bytes = Vec::new();
    reader.read_until(b'\n', &mut bytes)?;
    if bytes.pop() != Some(b'\n') {
        return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "it ends in a header, or its header is too long"));
    }
    if bytes.last() == Some(&b'\r') {
        bytes.pop();
    }
    String::from_utf8(bytes).map_err(|_| io::Error::new(io::ErrorKind::InvalidData, "a header is no text"))
}

/// The body of an answer. One that ends early is an error.
struct Body<R> {
    reader: R,
    framing: Framing,
}

impl<R: BufRead> Read for Body<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if buffer.is_empty() {
            return Ok(0);
        }
        let left = match self.framing {
            Framing::Close => return self.reader.read(buffer),
            Framing::Length(left) => left,
            Framing::Chunked(left) => match left {
                Some(left) if left > 0 => left,
                _ => {
                    let left = self.next_chunk(left.is_some())?;
                    if left == 0 {
                        // Trailers say nothing that matters, and the connection is closed.
                        self.framing = Framing::Length(0);
                        return Ok(0);
                    }
                    left
                }
            },
        };
        let most = buffer.len().min(usize::try_from(left).unwrap_or(usize::MAX));
        if most == 0 {
            return Ok(0);
        }
        let read = self.reader.read(&mut buffer[..most])?;
        if read == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let left = left - read as u64;
        self.framing = match self.framing {
            Framing::Chunked(_) => Framing::Chunked(Some(left)),
            _ => Framing::Length(left),
        };
        Ok(read)
    }
}

impl<R: BufRead> Body<R> {
    fn next_chunk(&mut self, follows: bool) -> io::Result<u64> {
        let mut reader = self.reader.by_ref().take(HEAD_BYTES);
        let invalid = || io::Error::new(io::ErrorKind::InvalidData, "a chunk's size is broken");
        if follows && !line(&mut reader)?.is_empty() {
            return Err(invalid());
        }
        let size = line(&mut reader)?;
        let digits = size.split(';').next().unwrap_or("").trim();
        if digits.starts_with('+') {
            return Err(invalid());
        }
        u64::from_str_radix(digits, 16).map_err(|_| invalid())
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::{Body, Framing, head};

    fn body(answer: &str) -> std::io::Result<(u16, String)> {
        let mut reader = answer.as_bytes();
        let (status, framing) = head(&mut reader)?;
        let mut text = String::new();
        Body { reader, framing }.read_to_string(&mut text)?;
        Ok((status, text))
    }

    #[test]
    fn bodies_end_where_they_say() {
        let chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3;x=y\r\nabc\r\n2\r\nde\r\n0\r\n\r\nrest";
        assert_eq!(body(chunked).expect("a body"), (200, "abcde".to_owned()));
        let length = "HTTP/1.1 404 Not Found\r\ncontent-length: 2\r\n\r\nabc";
        assert_eq!(body(length).expect("a body"), (404, "ab".to_owned()));
        assert_eq!(body("HTTP/1.0 200 OK\n\nabc").expect("a body"), (200, "abc".to_owned()));
        let interim = "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n\r\na";
        assert_eq!(body(interim).expect("a body"), (200, "a".to_owned()));
        let mut reader = &b"HTTP/1.1 200\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n"[..];
        assert_eq!(head(&mut reader).expect("a head").1, Framing::Chunked(None));
    }

    #[test]
    fn a_broken_answer_is_an_error() {
        let long = format!("HTTP/1.1 200 OK\r\na: {}", "b".repeat(1 << 17));
        for broken in [
            "",
            "SSH-2.0-x\r\n\r\n",
            "HTTP/1.1 200 OK\r\n",
            "HTTP/1.1 200 OK\r\nabc\r\n\r\n",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nab",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabcd\r\n0\r\n\r\n",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffffff\r\n",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n-1\r\n",
            "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nabc",
            &long,
        ] {
            assert!(body(broken).is_err(), "{broken:.80}");
        }
    }
}
