//! Datagrams: who sends to a published port gets a socket inside of its own, so that answers find their way back.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::os::fd::{AsFd, OwnedFd};
use std::time::{Duration, Instant};

use rustix::event::epoll::{self, EventData, EventFlags};
use rustix::io::Errno;
use rustix::net::{RecvFlags, SendFlags, recv, recvfrom, send, sendto, sockopt};

use super::relay::{Door, FLOW};

/// Senders at a time; the one that was silent for longest makes place.
const MAX_FLOWS: usize = 256;
/// After so long without a datagram a flow is forgotten.
const IDLE: Duration = Duration::from_secs(60);
/// Datagrams that are read before others have their turn.
const TURNS: usize = 64;
/// Bytes of datagrams that wait for their socket, all together.
const MAX_WAITING: usize = 256 * 1024;
const FLAGS: SendFlags = SendFlags::DONTWAIT.union(SendFlags::NOSIGNAL);

/// The flows of all doors.
#[derive(Default)]
pub(super) struct Flows {
    all: Vec<Flow>,
    waiting: usize,
    last: u64,
}

struct Flow {
    token: u64,
    door: usize,
    peer: SocketAddr,
    /// None while the dialer is asked.
    socket: Option<OwnedFd>,
    attempt: u8,
    /// Whether the server inside has answered ever.
    answered: bool,
    waiting: VecDeque<Vec<u8>>,
    seen: Instant,
}

impl Flows {
    pub(super) fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    /// Takes datagrams at a door; gives the attempts and tokens that the dialer is to be asked for.
    pub(super) fn arrive(&mut self, number: usize, door: Door<'_>, buffer: &mut [u8]) -> Vec<(u8, u64)> {
        let mut asks = Vec::new();
        for _ in 0..TURNS {
            let (length, peer) = match recvfrom(door.listener, &mut *buffer, RecvFlags::DONTWAIT) {
                Ok((_, length, Some(peer))) => (length.min(buffer.len()), peer),
                Ok((_, _, None)) => continue,
                // An error that came for an earlier answer; the next read is of the next datagram.
                Err(error) if error != Errno::AGAIN => continue,
                Err(_) => break,
            };
            let Ok(peer) = SocketAddr::try_from(peer) else { continue };
            let datagram = &buffer[..length];
            let place = self.all.iter().position(|flow| flow.door == number && flow.peer == peer);
            let place = place.unwrap_or_else(|| {
                asks.push((0, self.begin(number, peer)));
                self.all.len() - 1
            });
            self.all[place].seen = Instant::now();
            if self.pass(place, datagram) == Passed::Refused {
                asks.push((1, self.all[place].token));
            }
        }
        asks
    }

    /// The dialer's answer. Gives door, attempt and token where it is to be asked again.
    pub(super) fn answered(
        &mut self,
        token: u64,
        socket: Option<OwnedFd>,
        epoll: &OwnedFd,
    ) -> Option<(usize, u8, u64)> {
        let place = self.place(token)?;
        let watched =
            socket.as_ref().map(|socket| epoll::add(epoll, socket, EventData::new_u64(token), EventFlags::IN));
        if !matches!(watched, Some(Ok(()))) {
            self.forget(token);
            return None;
        }
        self.all[place].socket = socket;
        let waiting = std::mem::take(&mut self.all[place].waiting);
        let mut again = None;
        for datagram in waiting {
            self.waiting -= datagram.len();
            if self.pass(place, &datagram) == Passed::Refused {
                again = Some((self.all[place].door, 1, token));
            }
        }
        again
    }

    /// Something came from inside, or an error. Gives door, attempt and token where the dialer is to be asked.
    pub(super) fn readable(&mut self, token: u64, doors: &[Door<'_>], buffer: &mut [u8]) -> Option<(usize, u8, u64)> {
        let place = self.place(token)?;
        for _ in 0..TURNS {
            let flow = &mut self.all[place];
            let door = doors.get(flow.door)?;
            let socket = flow.socket.as_ref()?;
            match recv(socket, &mut *buffer, RecvFlags::DONTWAIT) {
                Ok((_, length)) => {
                    flow.seen = Instant::now();
                    flow.answered = true;
                    // A full buffer drops it, as any network may.
                    let _ = sendto(door.listener, &buffer[..length.min(buffer.len())], FLAGS, &flow.peer);
                }
                Err(Errno::CONNREFUSED) if flow.attempt == 0 && !flow.answered => {
                    return Some(self.again(place));
                }
                Err(_) => break,
            }
        }
        None
    }

    /// Forgets flows that are silent.
    pub(super) fn expire(&mut self) {
        let old: Vec<u64> = self.all.iter().filter(|flow| flow.seen.elapsed() > IDLE).map(|flow| flow.token).collect();
        for token in old {
            self.forget(token);
        }
    }

    /// Forgets a flow.
    pub(super) fn forget(&mut self, token: u64) {
        if let Some(place) = self.place(token) {
            let flow = self.all.swap_remove(place);
            self.waiting -= flow.waiting.iter().map(Vec::len).sum::<usize>();
        }
    }

    fn place(&self, token: u64) -> Option<usize> {
        self.all.iter().position(|flow| flow.token == token)
    }

    fn begin(&mut self, door: usize, peer: SocketAddr) -> u64 {
        if self.all.len() >= MAX_FLOWS {
            let oldest = self.all.iter().min_by_key(|flow| flow.seen).map(|flow| flow.token);
            oldest.into_iter().for_each(|token| self.forget(token));
        }
        self.last = (self.last + 1) & !(0xff << 56);
        let token = FLOW | self.last;
        self.all.push(Flow {
            token,
            door,
            peer,
            socket: None,
            attempt: 0,
            answered: false,
            waiting: VecDeque::new(),
            seen: Instant::now(),
        });
        token
    }

    fn pass(&mut self, place: usize, datagram: &[u8]) -> Passed {
        let flow = &self.all[place];
        let Some(socket) = &flow.socket else {
            self.keep(place, datagram);
            return Passed::Kept;
        };
        let _ = send(socket, datagram, FLAGS);
        // The loopback interface answers at once that nobody listens, so the datagram can still be sent elsewhere.
        if flow.attempt == 0 && !flow.answered && flow.is_refused() {
            self.again(place);
            self.keep(place, datagram);
            return Passed::Refused;
        }
        Passed::Sent
    }

    /// Gives the socket up, to have one of the other family.
    fn again(&mut self, place: usize) -> (usize, u8, u64) {
        let flow = &mut self.all[place];
        flow.attempt = 1;
        flow.socket = None;
        (flow.door, 1, flow.token)
    }

    fn keep(&mut self, place: usize, datagram: &[u8]) {
        if self.waiting + datagram.len() <= MAX_WAITING {
            self.waiting += datagram.len();
            self.all[place].waiting.push_back(datagram.to_vec());
        }
    }
}

impl Flow {
    fn is_refused(&self) -> bool {
        self.socket.as_ref().is_some_and(|socket| matches!(sockopt::socket_error(socket.as_fd()), Ok(Err(_))))
    }
}

#[derive(PartialEq, Eq)]
enum Passed {
    Kept,
    Sent,
    Refused,
}
