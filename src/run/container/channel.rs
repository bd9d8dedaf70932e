//! What launcher and container say to each other until the program runs: messages over a pair of sockets that ends by
//! itself when either side dies, or when the program is executed. All that is sent from inside is sent before any code of
//! the image has run.

use std::io::{IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::io::Errno;
use rustix::net::{
    AddressFamily, RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, ReturnFlags, SendAncillaryBuffer,
    SendAncillaryMessage, SendFlags, SocketFlags, SocketType, recvmsg, sendmsg, socketpair,
};

use crate::run::Error;

/// One end.
#[derive(Debug)]
pub(crate) struct Channel(OwnedFd);

/// What is said.
#[derive(PartialEq, Eq, Debug)]
pub(crate) enum Message {
    /// From outside: go on with the next step.
    Go,
    /// From inside: everything is set up, and nothing is left but to execute the program. The terminal may come along.
    Ready,
    /// From inside: refused calls can be asked for, from now on or soon, at the descriptor of that number.
    Listener(i32),
    /// From inside: something to tell the user.
    Note(String),
    /// From inside: the start is refused.
    Refused(Error),
}

/// More than any text here has; what is longer is cut.
const LONGEST: usize = 8192;

impl Channel {
    /// Two ends.
    pub(crate) fn pair() -> rustix::io::Result<(Self, Self)> {
        let (one, other) = socketpair(AddressFamily::UNIX, SocketType::SEQPACKET, SocketFlags::CLOEXEC, None)?;
        Ok((Self(one), Self(other)))
    }

    /// Says something, and hands over a descriptor.
    pub(crate) fn send(&self, message: &Message, fd: Option<BorrowedFd<'_>>) -> rustix::io::Result<()> {
        let mut bytes = message.encode();
        bytes.truncate(LONGEST);
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
        let mut ancillary = SendAncillaryBuffer::new(&mut space);
        let fds = fd.map(|fd| [fd]);
        if let Some(fds) = &fds {
            ancillary.push(SendAncillaryMessage::ScmRights(fds));
        }
        // A dead other end is an answer, not a reason to die.
        retry(|| sendmsg(&self.0, &[IoSlice::new(&bytes)], &mut ancillary, SendFlags::NOSIGNAL)).map(|_| ())
    }

    /// Waits for what the other end says; `None` where it is gone.
    pub(crate) fn receive(&self) -> rustix::io::Result<Option<(Message, Option<OwnedFd>)>> {
        let mut bytes = vec![0; LONGEST];
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
        let mut ancillary = RecvAncillaryBuffer::new(&mut space);
        let received =
            retry(|| recvmsg(&self.0, &mut [IoSliceMut::new(&mut bytes)], &mut ancillary, RecvFlags::CMSG_CLOEXEC));
        let received = match received {
            Ok(received) if received.bytes == 0 => return Ok(None),
            Ok(received) if received.flags.contains(ReturnFlags::TRUNC) => return Err(Errno::MSGSIZE),
            Ok(received) => received,
            Err(Errno::CONNRESET) => return Ok(None),
            Err(error) => return Err(error),
        };
        let fd = ancillary.drain().find_map(|message| match message {
            RecvAncillaryMessage::ScmRights(mut fds) => fds.next(),
            _ => None,
        });
        let message = Message::decode(bytes.get(..received.bytes).unwrap_or_default()).ok_or(Errno::BADMSG)?;
        Ok(Some((message, fd)))
    }
}

impl AsFd for Channel {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

impl Message {
    fn encode(&self) -> Vec<u8> {
        match self {
            Self::Go => b"g".to_vec(),
            Self::Ready => b"r".to_vec(),
            Self::Listener(number) => [b"l".as_slice(), &number.to_ne_bytes()].concat(),
            Self::Note(text) => [b"n", text.as_bytes()].concat(),
            Self::Refused(error) => {
                let texts = [&error.place, &error.problem, &error.remedy].map(|text| text.replace('\0', "?"));
                [&[b'e', error.code], texts.join("\0").as_bytes()].concat()
            }
        }
    }

    fn decode(bytes: &[u8]) -> Option<Self> {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        match bytes {
            b"g" => Some(Self::Go),
            b"r" => Some(Self::Ready),
            [b'l', rest @ ..] => Some(Self::Listener(i32::from_ne_bytes(rest.try_into().ok()?))),
            [b'n', rest @ ..] => Some(Self::Note(text(rest))),
            [b'e', code, rest @ ..] => {
                let mut texts = rest.splitn(3, |byte| *byte == 0).map(text);
                let mut next = || texts.next().unwrap_or_default();
                let mut error = Error::new(next(), next(), next());
                error.code = *code;
                Some(Self::Refused(error))
            }
            _ => None,
        }
    }
}

fn retry<T>(mut call: impl FnMut() -> rustix::io::Result<T>) -> rustix::io::Result<T> {
    loop {
        match call() {
            Err(Errno::INTR) => {}
            other => return other,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_said_arrives() {
        let (one, other) = Channel::pair().expect("a pair");
        let mut error = Error::new("a\0b", "c", "d");
        error.code = 127;
        let arrived = Error { place: "a?b".to_owned(), ..error.clone() };
        for (said, heard) in [
            (Message::Go, Message::Go),
            (Message::Listener(7), Message::Listener(7)),
            (Message::Note("x".to_owned()), Message::Note("x".to_owned())),
            (Message::Refused(error), Message::Refused(arrived)),
        ] {
            one.send(&said, None).expect("sent");
            assert_eq!(other.receive().expect("received").expect("a message").0, heard);
        }
        let file = std::fs::File::open("/dev/null").expect("it exists");
        one.send(&Message::Ready, Some(file.as_fd())).expect("sent");
        let (message, fd) = other.receive().expect("received").expect("a message");
        assert!(message == Message::Ready && fd.is_some());
        drop(one);
        assert!(other.receive().expect("received").is_none());
    }

    #[test]
    fn a_long_text_is_cut() {
        let (one, other) = Channel::pair().expect("a pair");
        one.send(&Message::Note("é".repeat(LONGEST)), None).expect("sent");
        let (message, _) = other.receive().expect("received").expect("a message");
        assert!(matches!(message, Message::Note(text) if text.starts_with("éé")));
    }
}
