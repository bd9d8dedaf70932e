//! The relay's loop: connections that are taken at doors, and bytes that are moved between the two sockets of each.
//!
//! No byte of TCP is ever kept: what the one socket holds is looked at (`MSG_PEEK`), sent to the other, and taken out as
//! far as it was sent. So a connection whose receiver is slow fills the kernel's buffer of the sender's socket, bounded
//! there, and the sender waits as it would without a relay; the relay's own memory is one buffer for all.

use std::collections::VecDeque;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::time::{Duration, Instant};

use rustix::event::Timespec;
use rustix::event::epoll::{self, CreateFlags, Event, EventData, EventFlags};
use rustix::io::Errno;
use rustix::net::{RecvFlags, SendFlags, Shutdown, SocketFlags, accept_with, recv, send, shutdown, sockopt};

use super::dial::{self, Request};
use super::flow::Flows;
use crate::policy::Protocol;
use crate::run::Error;

/// Where connections come in.
#[derive(Clone, Copy, Debug)]
pub(super) struct Door<'a> {
    pub(super) listener: BorrowedFd<'a>,
    pub(super) kind: Kind,
    /// Whether they go out of the container: the outer dialer is asked.
    pub(super) outward: bool,
    /// Number of the entry that the dialer is asked for.
    pub(super) target: usize,
}

/// What comes in at a door.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Kind {
    /// Connections.
    Tcp,
    /// Datagrams.
    Udp,
}

impl Kind {
    pub(super) fn of(protocol: Protocol) -> Self {
        if protocol == Protocol::Udp { Self::Udp } else { Self::Tcp }
    }
}

/// Bytes that are moved at once, and how often before the others have their turn.
pub(super) const CHUNK: usize = 64 * 1024;
const TURNS: usize = 16;
/// Connections that are taken before the others have their turn.
const ACCEPTS: usize = 64;
/// How long a connection inside may take to come about.
const PATIENCE: Duration = Duration::from_secs(10);
/// How often time is looked at, while something waits for it.
const TICK: Duration = Duration::from_millis(500);

/// What an event is about, in the high half of its data; the low half is a number.
const DOOR: u64 = 1 << 56;
const DIALER: u64 = 2 << 56;
const CONNECTION: u64 = 3 << 56;
pub(super) const FLOW: u64 = 4 << 56;
const CONTAINER: u64 = 5 << 56;

/// A connection: the side that came in, and the side that the dialer gave.
struct Connection {
    near: OwnedFd,
    far: Option<OwnedFd>,
    door: usize,
    attempt: u8,
    stage: Stage,
    /// Whether nothing more comes from the near side, and from the far side.
    ended: [bool; 2],
    queued: bool,
    /// Tells this connection from others that had its place.
    generation: u32,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// The dialer is still to be asked.
    Waiting,
    /// The dialer was asked.
    Asked,
    /// The dialer's socket isn't connected yet.
    Connecting(Instant),
    Open,
}

struct Relay<'a> {
    epoll: OwnedFd,
    doors: &'a [Door<'a>],
    dialers: [BorrowedFd<'a>; 2],
    connections: Vec<Option<Connection>>,
    free: Vec<usize>,
    /// Connections that may have more to move.
    queue: VecDeque<u64>,
    /// Connections that the dialer, inner and outer, is still to be asked for.
    to_ask: [VecDeque<u64>; 2],
    /// Doors that are left alone until a place is free, or the system has files again.
    paused: Vec<usize>,
    flows: Flows,
    /// When a connection inside was last begun.
    begun: Option<Instant>,
    generation: u32,
}

/// Serves `doors` until `container` ends. `dialers` are the inner and the outer one; at most `room` connections are held.
pub(super) fn run(
    doors: &[Door<'_>],
    dialers: [BorrowedFd<'_>; 2],
    container: BorrowedFd<'_>,
    room: usize,
) -> Result<(), Error> {
    let failed = |error: Errno| Error::new("epoll", error.to_string(), "report it");
    let epoll = epoll::create(CreateFlags::CLOEXEC).map_err(failed)?;
    let add =
        |fd: BorrowedFd<'_>, data: u64, flags| epoll::add(&epoll, fd, EventData::new_u64(data), flags).map_err(failed);
    add(container, CONTAINER, EventFlags::IN)?;
    for (number, door) in doors.iter().enumerate() {
        add(door.listener, DOOR | number as u64, EventFlags::IN)?;
    }
    for (number, dialer) in dialers.iter().enumerate() {
        add(*dialer, DIALER | number as u64, EventFlags::IN | EventFlags::OUT | EventFlags::ET)?;
    }
    let mut relay = Relay {
        epoll,
        doors,
        dialers,
        connections: Vec::new(),
        free: (0..room).rev().collect(),
        queue: VecDeque::new(),
        to_ask: [VecDeque::new(), VecDeque::new()],
        paused: Vec::new(),
        flows: Flows::default(),
        begun: None,
        generation: 0,
    };
    relay.connections.resize_with(room, || None);
    relay.serve().map_err(failed)
}

impl Relay<'_> {
    fn serve(&mut self) -> Result<(), Errno> {
        let mut buffer = vec![0_u8; CHUNK];
        let mut events: Vec<Event> = Vec::with_capacity(64);
        let mut ticked = Instant::now();
        loop {
            let timeout =
                if !self.queue.is_empty() { Some(Duration::ZERO) } else { self.waits_for_time().then_some(TICK) };
            let timeout = timeout.map(|timeout| Timespec { tv_sec: 0, tv_nsec: timeout.subsec_nanos().into() });
            events.clear();
            match epoll::wait(&self.epoll, rustix::buffer::spare_capacity(&mut events), timeout.as_ref()) {
                Ok(_) | Err(Errno::INTR) => {}
                Err(error) => return Err(error),
            }
            for event in &events {
                let (data, flags) = (event.data.u64(), event.flags);
                match data & (0xff << 56) {
                    CONTAINER => return Ok(()),
                    DOOR => self.door((data & 0xffff) as usize, &mut buffer),
                    DIALER => self.dialer((data & 1) as usize)?,
                    CONNECTION => self.event(data, flags),
                    FLOW => {
                        if let Some((door, attempt, token)) = self.flows.readable(data, self.doors, &mut buffer) {
                            self.ask_for_flow(door, attempt, token);
                        }
                    }
                    _ => {}
                }
            }
            for _ in 0..self.queue.len() {
                if let Some(token) = self.queue.pop_front() {
                    self.turn(token, &mut buffer);
                }
            }
            if ticked.elapsed() >= TICK && self.waits_for_time() {
                ticked = Instant::now();
                self.tick();
            }
        }
    }

    /// Whether something is to be looked at again though no event comes.
    fn waits_for_time(&self) -> bool {
        !self.paused.is_empty()
            || !self.flows.is_empty()
            || self.begun.is_some_and(|begun| begun.elapsed() < PATIENCE + TICK + TICK)
    }

    fn tick(&mut self) {
        let late: Vec<u64> = self
            .connections
            .iter()
            .enumerate()
            .filter_map(|(place, one)| {
                let one = one.as_ref()?;
                matches!(one.stage, Stage::Connecting(since) if since.elapsed() > PATIENCE).then(|| token(place, one))
            })
            .collect();
        for token in late {
            self.close(token, true);
        }
        self.flows.expire();
        self.resume();
    }

    fn door(&mut self, number: usize, buffer: &mut [u8]) {
        let Some(door) = self.doors.get(number).copied() else { return };
        if door.kind == Kind::Udp {
            for (attempt, token) in self.flows.arrive(number, door, buffer) {
                self.ask_for_flow(number, attempt, token);
            }
            return;
        }
        for _ in 0..ACCEPTS {
            let Some(place) = self.free.pop() else { return self.pause(number) };
            match accept_with(door.listener, SocketFlags::CLOEXEC | SocketFlags::NONBLOCK) {
                Ok(near) => self.taken(place, number, near),
                Err(error) => {
                    self.free.push(place);
                    match error {
                        // What became of one connection (accept(2)) says nothing of the next.
                        Errno::INTR | Errno::CONNABORTED | Errno::PROTO | Errno::PERM => {}
                        Errno::AGAIN => return,
                        // Out of files or memory: the connection stays and would wake us at once, so look away a while.
                        _ => return self.pause(number),
                    }
                }
            }
        }
    }

    fn taken(&mut self, place: usize, door: usize, near: OwnedFd) {
        self.generation = self.generation.wrapping_add(1) & 0xff_ffff;
        let one = Connection {
            near,
            far: None,
            door,
            attempt: 0,
            stage: Stage::Waiting,
            ended: [false; 2],
            queued: false,
            generation: self.generation,
        };
        settle(&one.near);
        let token = token(place, &one);
        let watched = watch(&self.epoll, &one.near, token);
        self.connections[place] = Some(one);
        if watched.is_err() {
            return self.close(token, true);
        }
        self.ask(token);
    }

    /// Asks the dialer for the far side, or has it asked later.
    fn ask(&mut self, token: u64) {
        let doors = self.doors;
        let Some(one) = self.connection(token) else { return };
        let door = &doors[one.door];
        one.stage = Stage::Asked;
        let request = Request { token, target: door.target as u16, attempt: one.attempt };
        let dialer = usize::from(door.outward);
        match dial::ask(self.dialers[dialer], request) {
            Ok(()) => {}
            Err(Errno::AGAIN) => {
                if let Some(one) = self.connection(token) {
                    one.stage = Stage::Waiting;
                }
                self.to_ask[dialer].push_back(token);
            }
            Err(_) => self.close(token, true),
        }
    }

    fn ask_for_flow(&mut self, door: usize, attempt: u8, token: u64) {
        let request = Request { token, target: self.doors[door].target as u16, attempt };
        if dial::ask(self.dialers[0], request).is_err() {
            self.flows.forget(token);
        }
    }

    /// The dialer has answered, or can be asked again.
    fn dialer(&mut self, number: usize) -> Result<(), Errno> {
        loop {
            match dial::answer(self.dialers[number]) {
                Ok((token, socket)) if token & (0xff << 56) == FLOW => {
                    if let Some((door, attempt, token)) = self.flows.answered(token, socket, &self.epoll) {
                        self.ask_for_flow(door, attempt, token);
                    }
                }
                Ok((token, Some(socket))) => self.answered(token, socket),
                Ok((token, None)) => self.refused(token),
                Err(Errno::INTR) => {}
                Err(Errno::AGAIN) => break,
                // A dialer that is gone takes what needs it along; where there never was one, nobody waits.
                Err(error) => {
                    let wanted = self.doors.iter().any(|door| usize::from(door.outward) == number);
                    return if wanted { Err(error) } else { Ok(()) };
                }
            }
        }
        for _ in 0..self.to_ask[number].len() {
            if let Some(token) = self.to_ask[number].pop_front() {
                self.ask(token);
            }
        }
        Ok(())
    }

    fn answered(&mut self, token: u64, socket: OwnedFd) {
        let doors = self.doors;
        let watched = watch(&self.epoll, &socket, token);
        let Some(one) = self.connection(token) else { return };
        settle(&socket);
        let outward = doors[one.door].outward;
        let now = Instant::now();
        // The outer dialer waits for the connection, the inner one leaves that to us.
        one.stage = if outward { Stage::Open } else { Stage::Connecting(now) };
        one.far = Some(socket);
        if !outward {
            self.begun = Some(now);
        }
        if watched.is_err() {
            return self.close(token, true);
        }
        self.enqueue(token);
    }

    /// Nobody listens there: the other family's address is tried once, then the near side learns of it.
    fn refused(&mut self, token: u64) {
        let doors = self.doors;
        let Some(one) = self.connection(token) else { return };
        if one.attempt > 0 || doors[one.door].outward {
            return self.close(token, true);
        }
        one.attempt = 1;
        // The dialer may not have closed its own yet, and until then the loop would be told of this socket's end.
        if let Some(far) = one.far.take() {
            let _ = epoll::delete(&self.epoll, far);
        }
        self.ask(token);
    }

    fn event(&mut self, token: u64, flags: EventFlags) {
        let Some(one) = self.connection(token) else { return };
        match one.stage {
            // The near side has given up before there was a far one.
            Stage::Waiting | Stage::Asked if flags.intersects(EventFlags::ERR | EventFlags::HUP) => {
                self.close(token, false);
            }
            Stage::Waiting | Stage::Asked => {}
            Stage::Connecting(_) | Stage::Open => self.enqueue(token),
        }
    }

    fn enqueue(&mut self, token: u64) {
        if let Some(one) = self.connection(token).filter(|one| !one.queued) {
            one.queued = true;
            self.queue.push_back(token);
        }
    }

    fn turn(&mut self, token: u64, buffer: &mut [u8]) {
        let Some(one) = self.connection(token) else { return };
        one.queued = false;
        let Some(far) = &one.far else { return };
        if matches!(one.stage, Stage::Connecting(_)) {
            match sockopt::socket_error(far) {
                Ok(Ok(())) if is_connected(far) => one.stage = Stage::Open,
                Ok(Ok(())) => return,
                _ => return self.refused(token),
            }
        }
        let mut ended = one.ended;
        let moved = [pump(&one.near, far, &mut ended[0], buffer), pump(far, &one.near, &mut ended[1], buffer)];
        one.ended = ended;
        if moved.iter().any(Result::is_err) {
            self.close(token, true);
        } else if ended == [true, true] {
            self.close(token, false);
        } else if moved.contains(&Ok(true)) {
            self.enqueue(token);
        }
    }

    fn connection(&mut self, token: u64) -> Option<&mut Connection> {
        let place = (token & 0xffff_ffff) as usize;
        let one = self.connections.get_mut(place)?.as_mut()?;
        (u64::from(one.generation) == (token >> 32) & 0xff_ffff).then_some(one)
    }

    /// Ends a connection; `abruptly` lets both sides know that something may be missing.
    fn close(&mut self, token: u64, abruptly: bool) {
        let Some(one) = self.connection(token) else { return };
        if abruptly {
            for side in [Some(&one.near), one.far.as_ref()].into_iter().flatten() {
                let _ = sockopt::set_socket_linger(side, Some(Duration::ZERO));
            }
        }
        if one.stage == Stage::Waiting {
            // Whoever opens and closes all the time must not leave a list that grows while the dialer is busy.
            self.to_ask.iter_mut().for_each(|waiting| waiting.retain(|other| *other != token));
        }
        let place = (token & 0xffff_ffff) as usize;
        self.connections[place] = None;
        self.free.push(place);
        self.resume();
    }

    fn pause(&mut self, door: usize) {
        let none = EventFlags::empty();
        let _ = epoll::modify(&self.epoll, self.doors[door].listener, EventData::new_u64(DOOR | door as u64), none);
        if !self.paused.contains(&door) {
            self.paused.push(door);
        }
    }

    fn resume(&mut self) {
        if self.free.is_empty() {
            return;
        }
        for door in std::mem::take(&mut self.paused) {
            let data = EventData::new_u64(DOOR | door as u64);
            let _ = epoll::modify(&self.epoll, self.doors[door].listener, data, EventFlags::IN);
        }
    }
}

/// Moves what waits at `from` to `to`, and the end of it; whether there may be more at once. Both sockets tell of changes
/// only (`EPOLLET`), so it stops where the kernel says `EAGAIN`, from either, or after its turns.
fn pump(from: &OwnedFd, to: &OwnedFd, ended: &mut bool, buffer: &mut [u8]) -> Result<bool, Errno> {
    let (looking, taking) = (RecvFlags::PEEK | RecvFlags::DONTWAIT, RecvFlags::TRUNC | RecvFlags::DONTWAIT);
    for _ in 0..TURNS {
        if *ended {
            return Ok(false);
        }
        let length = match recv(from, &mut *buffer, looking) {
            Ok((_, 0)) => {
                *ended = true;
                // Where the other side is gone altogether, its own end or error tells.
                let _ = shutdown(to, Shutdown::Write);
                return Ok(false);
            }
            Ok((_, length)) => length,
            Err(Errno::AGAIN) => return Ok(false),
            Err(Errno::INTR) => continue,
            Err(error) => return Err(error),
        };
        let sent = match send(to, &buffer[..length.min(buffer.len())], SendFlags::DONTWAIT | SendFlags::NOSIGNAL) {
            Ok(sent) => sent,
            Err(Errno::AGAIN) => return Ok(false),
            Err(Errno::INTR) => continue,
            Err(error) => return Err(error),
        };
        let mut left = sent;
        while left > 0 {
            match recv(from, &mut buffer[..left], taking) {
                Ok((_, taken)) if taken > 0 => left = left.saturating_sub(taken),
                Err(Errno::INTR) => {}
                // What was looked at is gone: sending it again would double it.
                Ok(_) => return Err(Errno::IO),
                Err(error) => return Err(error),
            }
        }
    }
    Ok(true)
}

fn token(place: usize, one: &Connection) -> u64 {
    CONNECTION | u64::from(one.generation) << 32 | place as u64
}

fn watch(epoll: &OwnedFd, socket: impl AsFd, token: u64) -> Result<(), Errno> {
    let flags = EventFlags::IN | EventFlags::OUT | EventFlags::RDHUP | EventFlags::ET;
    epoll::add(epoll, socket, EventData::new_u64(token), flags)
}

/// No waiting for more to send at once, and a look every now and then whether the other end still is.
fn settle(socket: &OwnedFd) {
    let _ = sockopt::set_tcp_nodelay(socket, true);
    let _ = sockopt::set_socket_keepalive(socket, true);
}

/// Whether the connection has come about.
fn is_connected(socket: &OwnedFd) -> bool {
    rustix::net::getpeername(socket).is_ok_and(|peer| peer.is_some())
}
