//! A terminal for one program: what it writes is kept raw, and shown on a screen.

use std::io::{Read, Write};
use std::num::NonZeroU16;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use portable_pty::{Child, CommandBuilder, MasterPty, PtySize, native_pty_system};
use rustix::process::Signal;
use vt100::{Parser, Screen};

use super::support::{PATIENCE, Process, wait_until};

/// What has come from the program.
struct Shown {
    raw: Vec<u8>,
    parser: Parser,
}

/// A terminal and the program in it, which is killed when this is dropped.
pub struct Terminal {
    /// None once it was closed.
    master: Option<Box<dyn MasterPty + Send>>,
    keys: Option<Box<dyn Write + Send>>,
    child: Box<dyn Child + Send + Sync>,
    shown: Arc<Mutex<Shown>>,
    closed: Arc<AtomicBool>,
    reader: Option<JoinHandle<()>>,
    /// How the terminal was set before the program started.
    before: String,
}

impl Terminal {
    #[track_caller]
    pub fn open(command: CommandBuilder, width: u16, height: u16) -> Self {
        let pair = native_pty_system().openpty(size(width, height)).unwrap();
        let master = pair.master;
        let before = settings(&*master);
        let shown = Arc::new(Mutex::new(Shown {
            raw: Vec::new(),
            parser: Parser::new(whole(height), whole(width), 0),
        }));
        let closed = Arc::new(AtomicBool::new(false));
        let reader = read(
            master.try_clone_reader().unwrap(),
            Arc::clone(&shown),
            Arc::clone(&closed),
        );
        let keys = master.take_writer().unwrap();
        let child = pair.slave.spawn_command(command).unwrap();
        drop(pair.slave);
        Self {
            master: Some(master),
            keys: Some(keys),
            child,
            shown,
            closed,
            reader: Some(reader),
            before,
        }
    }

    fn shown(&self) -> MutexGuard<'_, Shown> {
        self.shown.lock().unwrap()
    }

    /// Bytes as if typed.
    #[track_caller]
    pub fn send(&mut self, bytes: impl AsRef<[u8]>) {
        let keys = self.keys.as_mut().expect("it is open");
        keys.write_all(bytes.as_ref()).unwrap();
        keys.flush().unwrap();
    }

    /// As the terminal sends what was pasted.
    #[track_caller]
    pub fn paste(&mut self, text: &str) {
        self.send(format!("\x1b[200~{text}\x1b[201~"));
    }

    /// The screen as it is now.
    pub fn screen(&self) -> Screen {
        self.shown().parser.screen().clone()
    }

    /// The screen's text as it is now.
    pub fn text(&self) -> String {
        self.shown().parser.screen().contents()
    }

    /// All bytes so far.
    pub fn raw(&self) -> Vec<u8> {
        self.shown().raw.clone()
    }

    /// How many bytes there are so far.
    pub fn written(&self) -> usize {
        self.shown().raw.len()
    }

    /// Waits until the screen is as wanted; fails with the whole screen when it never is.
    #[track_caller]
    pub fn wait_until(&self, what: &str, mut wanted: impl FnMut(&Screen) -> bool) {
        let end = Instant::now() + PATIENCE;
        while !wanted(self.shown().parser.screen()) {
            assert!(
                Instant::now() < end,
                "waited {PATIENCE:?} in vain for: {what}\n{}",
                self.picture()
            );
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// Waits until this text stands on the screen.
    #[track_caller]
    pub fn wait_for(&self, text: &str) {
        self.wait_until(&format!("{text:?}"), |screen| {
            screen.contents().contains(text)
        });
    }

    /// Waits until this text is gone from the screen.
    #[track_caller]
    pub fn wait_gone(&self, text: &str) {
        self.wait_until(&format!("{text:?} to go"), |screen| {
            !screen.contents().contains(text)
        });
    }

    /// The screen in a frame, for a failure's message.
    pub fn picture(&self) -> String {
        let screen = self.screen();
        let (_, width) = screen.size();
        let rule = "-".repeat(usize::from(width.get()));
        let rows: Vec<String> = screen
            .rows(0, width.get())
            .map(|row| format!("|{row}"))
            .collect();
        format!("+{rule}\n{}\n+{rule}", rows.join("\n"))
    }

    pub fn resize(&self, width: u16, height: u16) {
        let mut shown = self.shown();
        shown
            .parser
            .screen_mut()
            .set_size(whole(height), whole(width));
        let master = self.master.as_ref().expect("it is open");
        master.resize(size(width, height)).unwrap();
    }

    /// The program in it.
    pub fn process(&self) -> Option<Process> {
        Process::find(self.child.process_id()?)
    }

    #[track_caller]
    pub fn signal(&self, signal: Signal) {
        self.process().expect("it runs").signal(signal);
    }

    /// Whether the program still runs.
    pub fn runs(&mut self) -> bool {
        self.child.try_wait().unwrap().is_none()
    }

    /// Waits for the end of the program, and for its last byte; returns its exit code.
    #[track_caller]
    pub fn wait_end(&mut self) -> u32 {
        let mut code = None;
        wait_until("the console to end", PATIENCE, || {
            code = self.child.try_wait().unwrap().map(|end| end.exit_code());
            code.is_some()
        });
        let reader = self.reader.take().expect("a program ends once");
        wait_until("its last byte", PATIENCE, || reader.is_finished());
        code.unwrap_or_default()
    }

    /// Whether the terminal is set as it was before the program.
    #[track_caller]
    pub fn assert_as_before(&self) {
        let master = self.master.as_ref().expect("it is open");
        assert_eq!(settings(&**master), self.before, "the tty's settings");
    }

    /// Closes the terminal under the program, as when a connection drops, and returns the program.
    #[track_caller]
    pub fn hang_up(mut self) -> Process {
        let process = self.process().expect("it runs");
        self.closed.store(true, Ordering::SeqCst);
        // The reader holds the terminal too, until the next byte comes.
        let reader = self.reader.take().expect("it reads until the end");
        wait_until("a byte to close the terminal at", PATIENCE, || {
            reader.is_finished()
        });
        (self.keys, self.master) = (None, None);
        wait_until("the console to end when hung up", PATIENCE, || !self.runs());
        process
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn read(
    mut terminal: Box<dyn Read + Send>,
    shown: Arc<Mutex<Shown>>,
    closed: Arc<AtomicBool>,
) -> JoinHandle<()> {
    std::thread::spawn(move || {
        let mut buffer = vec![0; 65536];
        while let Ok(n @ 1..) = terminal.read(&mut buffer) {
            if closed.load(Ordering::SeqCst) {
                return;
            }
            let mut shown = shown.lock().unwrap();
            shown.raw.extend_from_slice(&buffer[..n]);
            shown.parser.process(&buffer[..n]);
        }
    })
}

/// As the terminal driver has them: echo, line editing, signals.
fn settings(master: &dyn MasterPty) -> String {
    format!(
        "{:?}",
        master.get_termios().expect("a terminal has settings")
    )
}

fn whole(cells: u16) -> NonZeroU16 {
    NonZeroU16::new(cells).expect("a terminal has cells")
}

fn size(width: u16, height: u16) -> PtySize {
    PtySize {
        rows: height,
        cols: width,
        pixel_width: 0,
        pixel_height: 0,
    }
}

/// A question is answered by nobody who cannot have read it: the only pause in these tests.
pub fn a_person_reads() {
    std::thread::sleep(Duration::from_millis(250));
}
