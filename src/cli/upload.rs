//! Files of `--push`: read here, kept by the engine until the hosts have them.

use std::io::Read;
use std::path::Path;

use bytes::Bytes;

use super::exit::CliError;
use crate::wire::request::PushFile;
use crate::wire::{Client, Reply, Request};

/// Bytes sent at once.
const PIECE: usize = 1 << 20;

/// Parses `SRC:DEST[:OWNER[:MODE]]`.
pub fn parse(text: &str) -> Result<PushFile, CliError> {
    let bad = |why: &str| {
        CliError::Usage(format!(
            "--push {text:?}: {why}. Give SRC:DEST[:OWNER[:MODE]], like app.conf:/etc/app.conf:root:0644"
        ))
    };
    let mut parts = text.split(':');
    let source = parts.next().filter(|part| !part.is_empty());
    let dest = parts.next().filter(|part| part.starts_with('/'));
    let owner = parts.next().filter(|part| !part.is_empty());
    let mode = parts
        .next()
        .map(|mode| u32::from_str_radix(mode, 8).map_err(|_| bad("the mode is not octal")))
        .transpose()?;
    if mode.is_some_and(|mode| mode > 0o7777) {
        return Err(bad("the mode has more than four octal digits"));
    }
    if parts.next().is_some() {
        return Err(bad("there are too many parts"));
    }
    Ok(PushFile {
        source: source.ok_or_else(|| bad("the file is missing"))?.to_owned(),
        dest: dest
            .ok_or_else(|| bad("the destination is not an absolute path"))?
            .to_owned(),
        owner: owner.map(str::to_owned),
        mode,
        ..PushFile::default()
    })
}

/// Brings the file to the engine and notes its name there.
pub async fn upload(client: &Client, number: u64, file: &mut PushFile) -> Result<(), CliError> {
    let path = Path::new(&file.source);
    let mut reader = std::fs::File::open(path)
        .map_err(|error| CliError::Usage(format!("--push {}: {error}", path.display())))?;
    loop {
        let mut piece = Vec::with_capacity(PIECE);
        let read = (&mut reader)
            .take(PIECE as u64)
            .read_to_end(&mut piece)
            .map_err(|error| CliError::io(format!("reading {}", path.display()), error))?;
        file.size += read as u64;
        let last = read < PIECE;
        let request = Request::Upload {
            upload: number,
            bytes: Bytes::from(piece),
            last,
        };
        match client.call(request).await? {
            Reply::Uploaded { blob: Some(blob) } if last => {
                file.blob = blob;
                return Ok(());
            }
            Reply::Uploaded { .. } if !last => {}
            _ => return Err(CliError::Unexpected),
        }
    }
}
