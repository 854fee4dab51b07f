//! A bad network between a client and one port: slow, narrow, stuck or cut, and changed at any moment.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};

/// Forwards connections on a loopback port to one address; ends with all its connections when dropped.
pub struct TcpProxy {
    addr: SocketAddr,
    shared: Arc<Shared>,
}

struct Shared {
    target: SocketAddr,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    delay: Duration,
    bytes_per_second: Option<u32>,
    stalled: bool,
    refuses: bool,
    ended: bool,
    /// Rises with each cut: a connection of an earlier one is dead.
    era: u64,
    accepted: usize,
    open: Vec<TcpStream>,
}

impl TcpProxy {
    pub fn to(target: SocketAddr) -> Self {
        let listener =
            TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("loopback has a free port");
        let addr = listener
            .local_addr()
            .expect("a bound socket has an address");
        let shared = Arc::new(Shared {
            target,
            state: Mutex::default(),
            changed: Condvar::new(),
        });
        std::thread::spawn({
            let shared = Arc::clone(&shared);
            move || shared.accept(&listener)
        });
        Self { addr, shared }
    }

    /// To port 22 of a host, by its address.
    pub fn to_ssh(address: &str) -> Self {
        Self::to(SocketAddr::new(address.parse().expect("an IP address"), 22))
    }

    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Everything arrives this much later, in both directions.
    pub fn delay(&self, delay: Duration) {
        self.change(|state| state.delay = delay);
    }

    /// At most this many bytes a second, in each direction; `None` for as many as will.
    pub fn throttle(&self, bytes_per_second: Option<u32>) {
        self.change(|state| state.bytes_per_second = bytes_per_second);
    }

    /// Nothing moves any more, and nobody is told.
    pub fn stall(&self) {
        self.change(|state| state.stalled = true);
    }

    /// What stood still moves on, nothing lost.
    pub fn resume(&self) {
        self.change(|state| state.stalled = false);
    }

    /// Ends all connections; new ones are closed at once.
    pub fn cut(&self) {
        self.change(|state| {
            state.refuses = true;
            state.end_connections();
        });
    }

    /// Ends all connections; new ones are welcome.
    pub fn drop_connections(&self) {
        self.change(State::end_connections);
    }

    pub fn heal(&self) {
        self.change(|state| state.refuses = false);
    }

    /// How many connections there have been.
    pub fn accepted(&self) -> usize {
        self.shared.state.lock().unwrap().accepted
    }

    fn change(&self, how: impl FnOnce(&mut State)) {
        how(&mut self.shared.state.lock().unwrap());
        self.shared.changed.notify_all();
    }
}

impl Drop for TcpProxy {
    fn drop(&mut self) {
        self.change(|state| {
            state.ended = true;
            state.end_connections();
        });
        let _ = TcpStream::connect(self.addr); // wakes the listener
    }
}

impl State {
    fn time_of(&self, bytes: usize) -> Duration {
        let seconds = |rate: u32| bytes as f64 / f64::from(rate.max(1));
        self.bytes_per_second.map_or(Duration::ZERO, |rate| {
            Duration::from_secs_f64(seconds(rate))
        })
    }

    fn end_connections(&mut self) {
        self.era += 1;
        for stream in self.open.drain(..) {
            let _ = stream.shutdown(Shutdown::Both);
        }
    }
}

impl Shared {
    fn accept(self: &Arc<Self>, listener: &TcpListener) {
        for client in listener.incoming().flatten() {
            if self.state.lock().unwrap().ended {
                return;
            }
            let shared = Arc::clone(self);
            std::thread::spawn(move || shared.connect(client));
        }
    }

    fn connect(self: Arc<Self>, client: TcpStream) -> Option<()> {
        let era = {
            let mut state = self.state.lock().unwrap();
            state.accepted += 1;
            (!state.refuses).then_some(state.era)?
        };
        let server = TcpStream::connect_timeout(&self.target, Duration::from_secs(10)).ok()?;
        for stream in [&client, &server] {
            stream.set_nodelay(true).ok()?;
        }
        {
            let mut state = self.state.lock().unwrap();
            (state.era == era).then_some(())?;
            state.open.push(client.try_clone().ok()?);
            state.open.push(server.try_clone().ok()?);
        }
        Arc::clone(&self).pump(era, client.try_clone().ok()?, server.try_clone().ok()?);
        self.pump(era, server, client);
        Some(())
    }

    /// One direction of a connection: a thread that reads and notes when, and one that writes when it is time.
    fn pump(self: Arc<Self>, era: u64, from: TcpStream, to: TcpStream) {
        let (sender, receiver) = sync_channel(256);
        std::thread::spawn(move || read(from, &sender));
        std::thread::spawn(move || self.write(era, &receiver, to));
    }

    fn write(&self, era: u64, arrived: &Receiver<(Instant, Vec<u8>)>, mut to: TcpStream) {
        let mut free = Instant::now();
        while let Ok((at, bytes)) = arrived.recv() {
            for piece in bytes.chunks(1024) {
                let due = |state: &State| free.max(at + state.delay);
                let Some(takes) = self.wait_until(era, due, piece.len()) else {
                    return;
                };
                if to.write_all(piece).is_err() {
                    return;
                }
                free = Instant::now() + takes;
            }
        }
        let _ = to.shutdown(Shutdown::Write);
    }

    /// Waits for the time that `due` says, however the state changes meanwhile. `None` if the connection is dead by
    /// then, else how long a piece of this length keeps the line busy.
    fn wait_until(
        &self,
        era: u64,
        due: impl Fn(&State) -> Instant,
        len: usize,
    ) -> Option<Duration> {
        let mut state = self.state.lock().unwrap();
        loop {
            if state.era != era {
                return None;
            }
            let left = due(&state).saturating_duration_since(Instant::now());
            state = match (state.stalled, left) {
                (true, _) => self.changed.wait(state).unwrap(),
                (false, Duration::ZERO) => return Some(state.time_of(len)),
                (false, left) => self.changed.wait_timeout(state, left).unwrap().0,
            };
        }
    }
}

fn read(mut from: TcpStream, sender: &SyncSender<(Instant, Vec<u8>)>) {
    let mut buffer = [0; 16384];
    while let Ok(n @ 1..) = from.read(&mut buffer) {
        if sender.send((Instant::now(), buffer[..n].to_vec())).is_err() {
            return;
        }
    }
}
