//! A tiny web server that misbehaves as it is told to.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

/// A request that came.
#[derive(Debug, Clone)]
pub struct Asked {
    pub method: String,
    pub path: String,
    /// Names in lower case, in their order.
    pub headers: Vec<(String, String)>,
    pub body: String,
}

impl Asked {
    pub fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(known, _)| known == name);
        found.map(|(_, value)| value.as_str())
    }
}

/// What is done on the connection, one after another; then it is closed.
#[derive(Debug, Clone)]
pub enum Then {
    /// These bytes.
    Say(String),
    /// Nothing, until the other side closes.
    Hold,
    /// A byte now and then, until the other side closes.
    Drip,
    /// So many bytes, or until the other side closes.
    Pour(u64),
}

/// A whole answer.
pub fn answer(status: &str, body: &str) -> Vec<Then> {
    let length = body.len();
    vec![Then::Say(format!(
        "HTTP/1.1 {status}\r\nContent-Length: {length}\r\n\r\n{body}"
    ))]
}

type Answers = dyn Fn(usize, &Asked) -> Vec<Then> + Send + Sync;

#[derive(Default)]
struct Seen {
    asked: Mutex<Vec<Asked>>,
    /// Connections that the other side closed while they were held.
    let_go: Mutex<usize>,
    over: AtomicBool,
}

/// The server; gone when it is dropped.
pub struct Web {
    port: u16,
    seen: Arc<Seen>,
    thread: Option<JoinHandle<()>>,
}

impl Web {
    /// Answers each request as this says, which is also told how many came before.
    pub fn new(answers: impl Fn(usize, &Asked) -> Vec<Then> + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
        let port = listener.local_addr().expect("it is bound").port();
        let seen = Arc::new(Seen::default());
        let (shared, answers): (_, Arc<Answers>) = (seen.clone(), Arc::new(answers));
        let thread = std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                if shared.over.load(Ordering::SeqCst) {
                    return;
                }
                let (seen, answers) = (shared.clone(), answers.clone());
                std::thread::spawn(move || serve(stream, &seen, &*answers));
            }
        });
        Self {
            port,
            seen,
            thread: Some(thread),
        }
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    /// `http://127.0.0.1:PORT` with this behind it.
    pub fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.port)
    }

    /// What came so far.
    pub fn asked(&self) -> Vec<Asked> {
        lock(&self.seen.asked).clone()
    }

    /// How many held connections the other side has closed.
    pub fn let_go(&self) -> usize {
        *lock(&self.seen.let_go)
    }
}

impl Drop for Web {
    fn drop(&mut self) {
        self.seen.over.store(true, Ordering::SeqCst);
        let _ = TcpStream::connect(("127.0.0.1", self.port));
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn lock<T>(what: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    what.lock().unwrap_or_else(PoisonError::into_inner)
}

fn serve(mut stream: TcpStream, seen: &Seen, answers: &Answers) {
    let Some(asked) = read(&stream) else { return };
    let before = {
        let mut all = lock(&seen.asked);
        all.push(asked.clone());
        all.len() - 1
    };
    for then in answers(before, &asked) {
        let went = match then {
            Then::Say(text) => stream.write_all(text.as_bytes()).is_ok(),
            Then::Hold => {
                let mut byte = [0];
                let _ = stream.read(&mut byte);
                *lock(&seen.let_go) += 1;
                false
            }
            Then::Drip => loop {
                if stream.write_all(b".").is_err() {
                    *lock(&seen.let_go) += 1;
                    break false;
                }
                std::thread::sleep(Duration::from_millis(20));
            },
            Then::Pour(bytes) => pour(&mut stream, bytes),
        };
        if !went {
            break;
        }
    }
    let _ = stream.shutdown(Shutdown::Both);
}

fn pour(stream: &mut TcpStream, bytes: u64) -> bool {
    let piece = vec![b'x'; 1 << 16];
    let mut left = bytes;
    while left > 0 {
        let now = usize::try_from(left.min(1 << 16)).expect("it is small");
        if stream.write_all(&piece[..now]).is_err() {
            return false;
        }
        left -= now as u64;
    }
    true
}

fn read(stream: &TcpStream) -> Option<Asked> {
    let mut reader = BufReader::new(stream.try_clone().ok()?);
    let mut line = String::new();
    reader.read_line(&mut line).ok().filter(|read| *read > 0)?;
    let mut words = line.split_whitespace();
    let (method, path) = (words.next()?.to_owned(), words.next()?.to_owned());
    let mut headers = Vec::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok().filter(|read| *read > 0)?;
        let line = line.trim_end();
        if line.is_empty() {
            break;
        }
        let (name, value) = line.split_once(':')?;
        headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
    }
    let length = headers.iter().find(|(name, _)| name == "content-length");
    let length = length.map_or(0, |(_, value)| value.parse().unwrap_or(0));
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    Some(Asked {
        method,
        path,
        headers,
        body: String::from_utf8_lossy(&body).into_owned(),
    })
}
