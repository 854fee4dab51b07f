//! Servers on loopback that listen where an SSH server should, and mean no good.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

const ID: &[u8] = b"SSH-2.0-OpenSSH_9.9\r\n";

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Behaviour {
    /// Accepts and says nothing.
    Silent,
    /// Lines before the identification, as fast as they are taken, for ever.
    EndlessBanner,
    /// The same, a few bytes ten times a second: every wait for *something* is satisfied.
    SlowDrip,
    /// Bytes without a line end, as fast as they are taken, for ever.
    Flood,
    /// Identifies itself, and then nothing.
    IdThenSilent,
    /// Identifies itself, then announces a packet of 2 GiB.
    IdThenHugePacket,
    /// Identifies itself, then sends noise for ever.
    IdThenJunk,
    /// Identifies itself and hangs up.
    IdThenClose,
    /// Identifies itself with these bytes instead: an old version, control characters, no version at all.
    ForgedId(&'static [u8]),
    /// Hangs up on connect.
    ClosesAtOnce,
}

impl Behaviour {
    /// One of each.
    pub const ALL: [Self; 11] = [
        Self::Silent,
        Self::EndlessBanner,
        Self::SlowDrip,
        Self::Flood,
        Self::IdThenSilent,
        Self::IdThenHugePacket,
        Self::IdThenJunk,
        Self::IdThenClose,
        Self::ForgedId(b"SSH-1.5-ancient\r\n"),
        Self::ForgedId(b"SSH-2.0-\x1b]0;owned\x07\x1b[2J\xff\xfe\r\n"),
        Self::ClosesAtOnce,
    ];
}

/// One of them on a port of its own; gone when dropped.
pub struct HostileServer {
    addr: SocketAddr,
    shared: Arc<Shared>,
    listener: Option<JoinHandle<()>>,
}

#[derive(Default)]
struct Shared {
    stop: AtomicBool,
    accepted: AtomicUsize,
    open: AtomicUsize,
}

impl HostileServer {
    pub fn start(behaviour: Behaviour) -> Self {
        let listener =
            TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("loopback has a free port");
        let addr = listener
            .local_addr()
            .expect("a bound socket has an address");
        let shared = Arc::new(Shared::default());
        let thread = std::thread::spawn({
            let shared = Arc::clone(&shared);
            move || serve(&listener, behaviour, &shared)
        });
        Self {
            addr,
            shared,
            listener: Some(thread),
        }
    }

    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// How many connections it has had.
    pub fn accepted(&self) -> usize {
        self.shared.accepted.load(Ordering::SeqCst)
    }

    /// How many of them the client still keeps open.
    pub fn open(&self) -> usize {
        self.shared.open.load(Ordering::SeqCst)
    }
}

impl Drop for HostileServer {
    fn drop(&mut self) {
        self.shared.stop.store(true, Ordering::SeqCst);
        let _ = TcpStream::connect(self.addr); // wakes the listener
        if let Some(listener) = self.listener.take() {
            let _ = listener.join();
        }
    }
}

impl Shared {
    fn stopped(&self) -> bool {
        self.stop.load(Ordering::SeqCst)
    }
}

fn serve(listener: &TcpListener, behaviour: Behaviour, shared: &Arc<Shared>) {
    let mut victims = Vec::new();
    while let Ok((stream, _)) = listener.accept() {
        if shared.stopped() {
            break;
        }
        shared.accepted.fetch_add(1, Ordering::SeqCst);
        shared.open.fetch_add(1, Ordering::SeqCst);
        let shared = Arc::clone(shared);
        victims.push(std::thread::spawn(move || {
            let _ = misbehave(stream, behaviour, &shared);
            shared.open.fetch_sub(1, Ordering::SeqCst);
        }));
    }
    for victim in victims {
        let _ = victim.join();
    }
}

fn misbehave(mut stream: TcpStream, behaviour: Behaviour, shared: &Shared) -> std::io::Result<()> {
    stream.set_read_timeout(Some(Duration::from_millis(100)))?;
    stream.set_write_timeout(Some(Duration::from_millis(100)))?;
    match behaviour {
        Behaviour::Silent => {}
        Behaviour::EndlessBanner => {
            return repeat(&mut stream, shared, || {
                b"All connections are watched.\r\n".repeat(100)
            });
        }
        Behaviour::SlowDrip => return repeat(&mut stream, shared, || slowly(b"wait\r\n")),
        Behaviour::Flood => return repeat(&mut stream, shared, || vec![b'A'; 65536]),
        Behaviour::IdThenSilent => stream.write_all(ID)?,
        Behaviour::IdThenHugePacket => {
            stream.write_all(ID)?;
            stream.write_all(b"\x7f\xff\xff\xff\x04")?;
            stream.write_all(&[0; 4096])?;
        }
        Behaviour::IdThenJunk => {
            stream.write_all(ID)?;
            let mut noise = Noise(0x9e37_79b9_7f4a_7c15);
            return repeat(&mut stream, shared, || noise.bytes(65536));
        }
        Behaviour::IdThenClose => return stream.write_all(ID),
        Behaviour::ForgedId(id) => stream.write_all(id)?,
        Behaviour::ClosesAtOnce => return Ok(()),
    }
    listen(&mut stream, shared)
}

/// Takes whatever comes, until the client leaves.
fn listen(stream: &mut TcpStream, shared: &Shared) -> std::io::Result<()> {
    let mut buffer = [0; 4096];
    while !shared.stopped() {
        match stream.read(&mut buffer) {
            Ok(0) => break,
            Err(e) if !is_timeout(&e) => return Err(e),
            _ => {}
        }
    }
    Ok(())
}

/// Sends for ever: until the client leaves.
fn repeat(
    stream: &mut TcpStream,
    shared: &Shared,
    mut next: impl FnMut() -> Vec<u8>,
) -> std::io::Result<()> {
    while !shared.stopped() {
        match stream.write_all(&next()) {
            Err(e) if !is_timeout(&e) => return Err(e),
            _ => {}
        }
    }
    Ok(())
}

fn slowly(bytes: &[u8]) -> Vec<u8> {
    std::thread::sleep(Duration::from_millis(100));
    bytes.to_vec()
}

fn is_timeout(error: &std::io::Error) -> bool {
    matches!(
        error.kind(),
        std::io::ErrorKind::WouldBlock | std::io::ErrorKind::TimedOut
    )
}

/// A xorshift generator: noise that is the same in every run.
struct Noise(u64);

impl Noise {
    fn bytes(&mut self, n: usize) -> Vec<u8> {
        (0..n / 8).flat_map(|_| self.next().to_le_bytes()).collect()
    }

    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }
}
