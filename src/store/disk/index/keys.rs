//! The keys of the index: big-endian, so that they sort, and the run first.

use crate::store::page::OutputKey;

/// Newest values: `K key`.
const VALUE: u8 = b'K';
/// Parts of long values: `P version part`.
const PART: u8 = b'P';
/// Output of runs: `R run kind …`.
const RUN: u8 = b'R';
const EXTENT: u8 = b'E';
const FRAMES: u8 = b'F';
const HOST: u8 = b'H';

pub(super) fn value(key: &[u8]) -> Vec<u8> {
    [&[VALUE], key].concat()
}

/// The key that [`value`] was made of.
pub(super) fn of_value(key: &[u8]) -> &[u8] {
    key.get(1..).unwrap_or(&[])
}

pub(super) fn part(version: u64, part: u16) -> Vec<u8> {
    [&[PART][..], &version.to_be_bytes(), &part.to_be_bytes()].concat()
}

pub(super) fn run(run: u64) -> Vec<u8> {
    [&[RUN][..], &run.to_be_bytes()].concat()
}

pub(super) fn extents(of: u64) -> Vec<u8> {
    [&run(of)[..], &[EXTENT]].concat()
}

pub(super) fn extent(of: u64, key: &OutputKey) -> Vec<u8> {
    let (host, step, attempt) = (
        key.host.to_be_bytes(),
        key.step.to_be_bytes(),
        key.attempt.to_be_bytes(),
    );
    [&extents(of)[..], &host, &step, &attempt].concat()
}

/// Host, step and attempt of an extent's key.
pub(super) fn of_extent(key: &[u8]) -> Option<(u32, u16, u32)> {
    let rest = key.get(10..20)?;
    let host = u32::from_be_bytes(rest[..4].try_into().ok()?);
    let step = u16::from_be_bytes(rest[4..6].try_into().ok()?);
    let attempt = u32::from_be_bytes(rest[6..].try_into().ok()?);
    Some((host, step, attempt))
}

pub(super) fn frames(of: u64) -> Vec<u8> {
    [&run(of)[..], &[FRAMES]].concat()
}

pub(super) fn frame_group(of: u64, group: u32) -> Vec<u8> {
    [&frames(of)[..], &group.to_be_bytes()].concat()
}

pub(super) fn host(of: u64, host: u32) -> Vec<u8> {
    [&run(of)[..], &[HOST], &host.to_be_bytes()].concat()
}

pub(super) fn host_group(of: u64, of_host: u32, group: u32) -> Vec<u8> {
    [&host(of, of_host)[..], &group.to_be_bytes()].concat()
}

/// The group at the end of a key.
pub(super) fn of_group(key: &[u8]) -> Option<u32> {
    Some(u32::from_be_bytes(*key.last_chunk()?))
}
