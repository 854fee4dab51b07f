//! One host of the demo fleet: its name, clock, files, processes and service.
//!
//! All of it lives in memory. Nothing here touches the machine that the demo runs on.

mod fifos;
mod files;
mod processes;
mod service;

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use chrono::{DateTime, TimeDelta, Utc};

pub use files::log_text;
pub use processes::{Process, ProcessInfo, Signal, is_fatal, signal_number};
pub use service::{Service, State};

use crate::demo::roster::{DOMAIN, Quirk, Role};
use crate::demo::vfs::Vfs;
use fifos::Fifos;
use processes::Processes;

/// Room on an ordinary host.
const DISK: u64 = 64 << 20;
/// Room that a host with a full disk has left for new files.
const LAST_ROOM: u64 = 1 << 20;

/// A host and its state; shared by all its connections.
pub struct Host {
    role: Role,
    address: SocketAddr,
    booted: DateTime<Utc>,
    files: Arc<Mutex<Vfs>>,
    processes: Arc<Mutex<Processes>>,
    service: Mutex<Service>,
    fifos: Mutex<Fifos>,
}

impl Host {
    /// The host as it is before anybody touched it, reached at `address`.
    pub fn new(role: Role, address: SocketAddr) -> Self {
        let dice = dice(&role.name, "boot");
        let started = Utc::now();
        let booted =
            started - TimeDelta::seconds(86_400 * 3 + (dice % (86_400 * 90)).cast_signed());
        let limit = match role.quirk {
            Some(Quirk::FullDisk) => LAST_ROOM,
            _ => DISK,
        };
        let service = Service::new(&role, started);
        let host = Self {
            address,
            booted,
            files: Arc::new(Mutex::new(Vfs::new(limit))),
            processes: Arc::default(),
            service: Mutex::new(service),
            fifos: Mutex::default(),
            role,
        };
        files::furnish(&host);
        host
    }

    /// Who this host is in the fleet.
    pub fn role(&self) -> &Role {
        &self.role
    }

    /// Short name.
    pub fn name(&self) -> &str {
        &self.role.name
    }

    /// Name with its domain.
    pub fn full_name(&self) -> String {
        format!("{}.{DOMAIN}", self.role.name)
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The time by this host's clock.
    pub fn now(&self) -> DateTime<Utc> {
        match self.role.quirk {
            Some(Quirk::ClockAhead(seconds)) => Utc::now() + TimeDelta::seconds(seconds),
            _ => Utc::now(),
        }
    }

    /// How long it has been up.
    pub fn uptime(&self) -> TimeDelta {
        Utc::now() - self.booted
    }

    /// A number that is always the same for this host and `about`.
    pub fn dice(&self, about: &str) -> u64 {
        dice(&self.role.name, about)
    }

    /// Its kernel's boot id.
    pub fn boot_id(&self) -> String {
        let (high, low) = (self.dice("boot id"), self.dice("boot id, low"));
        format!(
            "{:08x}-{:04x}-4{:03x}-a{:03x}-{:012x}",
            high >> 32,
            (high >> 16) & 0xffff,
            high & 0xfff,
            low >> 52,
            low & 0xffff_ffff_ffff
        )
    }

    /// Its file system.
    pub fn files(&self) -> MutexGuard<'_, Vfs> {
        self.files.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Its pipes with names.
    pub fn fifos(&self) -> MutexGuard<'_, Fifos> {
        self.fifos.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The service called `app`.
    pub fn service(&self) -> MutexGuard<'_, Service> {
        self.service.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Makes a process that is there until the guard is dropped.
    pub fn start(&self, command: &str, user: &str) -> Process {
        self.spawn(None, command, user)
    }

    /// Makes a child of another process, in the same session.
    pub fn fork(&self, parent: u32, command: &str, user: &str) -> Process {
        self.spawn(Some(parent), command, user)
    }

    fn spawn(&self, parent: Option<u32>, command: &str, user: &str) -> Process {
        let info = ProcessInfo {
            pid: 0,
            parent: 0,
            session: 0,
            user: user.to_owned(),
            command: command.to_owned(),
            started: self.now(),
            ticks: self.uptime().num_milliseconds() / 10,
        };
        Processes::start(&self.processes, &self.files, parent, info)
    }

    /// Makes a process the first of a session of its own.
    pub fn lead_session(&self, pid: u32) {
        self.lock_processes().lead(&self.files, pid);
    }

    /// Says what a process runs from now on.
    pub fn retitle(&self, pid: u32, command: &str) {
        self.lock_processes().retitle(pid, command);
    }

    /// Sends a signal; `false` when there is no such process.
    pub fn signal(&self, pid: u32, signal: &Signal) -> bool {
        self.lock_processes().signal(pid, signal)
    }

    /// The processes that sessions started, by pid.
    pub fn processes(&self) -> Vec<ProcessInfo> {
        self.lock_processes().list()
    }

    fn lock_processes(&self) -> MutexGuard<'_, Processes> {
        self.processes
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

/// FNV-1a with a last stir: spread well enough for make-believe figures.
fn dice(name: &str, about: &str) -> u64 {
    let hash = name
        .bytes()
        .chain([0])
        .chain(about.bytes())
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
        });
    let stirred = (hash ^ (hash >> 31)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    stirred ^ (stirred >> 29)
}
