//! Where the output of runs lies: frames in groups, the frames of each host, and how far each
//! stream goes.
//!
//! Written in an order that makes a crash between two batches harmless: hosts and extents first,
//! then the frames that say how much is known. What was written and is not counted is written
//! again.

use std::collections::HashMap;

use bytes::Bytes;

use super::batch::Changes;
use super::table::Table;
use super::{Index, keys};
use crate::run::output::OutStream;
use crate::store::StoreError;
use crate::store::disk::codec::{Reader, put_signed, put_varint};
use crate::store::disk::segment::{Known, Place, RunOut};
use crate::store::page::OutputKey;

/// So many frames share an entry; few enough for one to stay under 4 KiB.
const GROUP: u32 = 512;

/// What is to be told of a run.
struct News {
    from: u32,
    /// One more than the last frame.
    to: u32,
    /// Where the frame before the first ends.
    base: u64,
    places: Vec<Place>,
    hosts: Vec<(u32, Vec<u32>)>,
    ends: Vec<(OutputKey, u64)>,
}

impl Index {
    /// Takes over what was synced of a run's output since the last time.
    pub fn take_run(&self, run: &RunOut) -> Result<(), String> {
        let Some(news) = news(run) else {
            return Ok(());
        };
        let mut changes = Changes::new();
        for (host, frames) in &news.hosts {
            self.plan_host(run.run, *host, frames, &mut changes)?;
        }
        self.plan_extents(run.run, &news.ends, &mut changes)?;
        self.change(changes, None)?;
        let mut changes = Changes::new();
        self.plan_frames(run.run, &news, &mut changes)?;
        self.change(changes, None)?;
        taken(run, &news);
        Ok(())
    }

    /// What is known of a run's output.
    pub fn run(&self, run: u64) -> Result<Known, StoreError> {
        self.read(|table| known(table, run))
    }

    /// The same for the keeper, who cannot wait for himself to mend the index.
    pub fn run_unmended(&self, run: u64) -> Result<Known, String> {
        self.try_read(|table| known(table, run))
    }

    /// The frames with output of a host, ascending.
    pub fn host_frames(&self, run: u64, host: u32) -> Result<Vec<u32>, StoreError> {
        let groups = self.read(|table| table.list(&keys::host(run, host), None, usize::MAX))?;
        let mut numbers = Vec::new();
        for (key, value) in groups {
            let first = keys::of_group(&key).unwrap_or(0).saturating_mul(GROUP);
            numbers.extend(
                decode_numbers(&value)
                    .into_iter()
                    .map(|place| first + place),
            );
        }
        Ok(numbers)
    }

    /// Forgets a run.
    pub fn drop_run(&self, run: u64) -> Result<(), String> {
        loop {
            let some = self.try_read(|table| table.list(&keys::run(run), None, 1000))?;
            if some.is_empty() {
                return Ok(());
            }
            let changes = some.into_iter().map(|(key, _)| (key, None)).collect();
            self.change(changes, None)?;
        }
    }

    fn plan_host(
        &self,
        run: u64,
        host: u32,
        frames: &[u32],
        changes: &mut Changes,
    ) -> Result<(), String> {
        for group in frames.chunk_by(|a, b| a / GROUP == b / GROUP) {
            let key = keys::host_group(run, host, group[0] / GROUP);
            let old = self.try_read(|table| table.get(&key))?;
            let mut numbers = old.map_or_else(Vec::new, |old| decode_numbers(&old));
            let known = numbers.last().copied();
            let new = group.iter().map(|frame| frame % GROUP);
            numbers.extend(new.filter(|number| known.is_none_or(|known| *number > known)));
            changes.insert(key, Some(encode_numbers(&numbers)));
        }
        Ok(())
    }

    fn plan_extents(
        &self,
        run: u64,
        ends: &[(OutputKey, u64)],
        changes: &mut Changes,
    ) -> Result<(), String> {
        for (output, end) in ends {
            let key = keys::extent(run, output);
            let planned = changes.get(&key).cloned().flatten();
            let old = match planned {
                Some(planned) => Some(planned),
                None => self.try_read(|table| table.get(&key))?,
            };
            let mut pair = old.as_deref().and_then(decode_pair).unwrap_or_default();
            let place = &mut pair[usize::from(output.stream == OutStream::Stderr)];
            *place = end.max(place).to_owned();
            let mut value = Vec::new();
            for end in pair {
                put_varint(end, &mut value);
            }
            changes.insert(key, Some(value));
        }
        Ok(())
    }

    fn plan_frames(&self, run: u64, news: &News, changes: &mut Changes) -> Result<(), String> {
        let mut number = news.from;
        let mut base = news.base;
        let mut places = &news.places[..];
        while !places.is_empty() {
            let group = number / GROUP;
            let fits = (GROUP - number % GROUP) as usize;
            let (now, later) = places.split_at(fits.min(places.len()));
            let key = keys::frame_group(run, group);
            let mut value = match number % GROUP {
                0 => Vec::new(),
                _ => self.try_read(|table| table.get(&key))?.unwrap_or_default(),
            };
            for place in now {
                put_signed(place.start.wrapping_sub(base).cast_signed(), &mut value);
                put_varint(place.len.into(), &mut value);
                base = place.start + u64::from(place.len);
            }
            changes.insert(key, Some(value));
            number += now.len() as u32;
            // The first place of each group stands alone, so that groups can be read singly.
            base = 0;
            places = later;
        }
        Ok(())
    }
}

fn known(table: &Table, run: u64) -> Result<Known, String> {
    let mut known = Known::default();
    for (key, value) in table.list(&keys::frames(run), None, usize::MAX)? {
        let expected = known.frames.len() as u32 / GROUP;
        if keys::of_group(&key) != Some(expected) {
            break;
        }
        known.frames.extend(decode_places(&value));
    }
    for (key, value) in table.list(&keys::extents(run), None, usize::MAX)? {
        known
            .extents
            .extend(decode_ends(&key, &value).into_iter().flatten());
    }
    Ok(known)
}

fn news(run: &RunOut) -> Option<News> {
    let state = run.lock();
    let (from, to) = (state.indexed, state.synced_frames);
    let untold = state.extents.iter().filter(|(_, extent)| extent.stale);
    let ends: Vec<_> = untold.map(|(key, extent)| (*key, extent.synced)).collect();
    if from >= to && ends.is_empty() {
        return None;
    }
    let hosts = state.hosts.iter().filter_map(|(host, frames)| {
        let count = frames.partition_point(|frame| *frame < to);
        (count > 0).then(|| (*host, frames[..count].to_vec()))
    });
    let before = if from % GROUP == 0 {
        None
    } else {
        state.frames.get(from as usize - 1)
    };
    Some(News {
        from,
        to,
        base: before.map_or(0, |place| place.start + u64::from(place.len)),
        places: state.frames[from as usize..to as usize].to_vec(),
        hosts: hosts.collect(),
        ends,
    })
}

/// The index knows it: it need not be in memory any longer.
fn taken(run: &RunOut, news: &News) {
    let mut state = run.lock();
    state.indexed = news.to;
    for (host, _) in &news.hosts {
        if let Some(frames) = state.hosts.get_mut(host) {
            let count = frames.partition_point(|frame| *frame < news.to);
            frames.drain(..count);
            if frames.is_empty() {
                state.hosts.remove(host);
            }
        }
    }
    for (key, end) in &news.ends {
        if let Some(extent) = state.extents.get_mut(key) {
            extent.stale = extent.synced != *end;
        }
    }
}

fn decode_places(value: &[u8]) -> Vec<Place> {
    let mut reader = Reader::new(Bytes::copy_from_slice(value));
    let mut places = Vec::new();
    let mut base = 0u64;
    while let (Some(start), Some(len)) = (reader.signed(), reader.small::<u32>()) {
        let start = base.wrapping_add(start.cast_unsigned());
        places.push(Place { start, len });
        base = start.wrapping_add(len.into());
    }
    places
}

fn decode_pair(value: &[u8]) -> Option<[u64; 2]> {
    let mut reader = Reader::new(Bytes::copy_from_slice(value));
    Some([reader.varint()?, reader.varint()?])
}

fn decode_ends(key: &[u8], value: &[u8]) -> Option<HashMap<OutputKey, u64>> {
    let (host, step, attempt) = keys::of_extent(key)?;
    let ends = decode_pair(value)?;
    let streams = OutStream::ALL.into_iter().zip(ends);
    let known = streams.filter(|(_, end)| *end > 0);
    Some(
        known
            .map(|(stream, end)| {
                (
                    OutputKey {
                        host,
                        step,
                        attempt,
                        stream,
                    },
                    end,
                )
            })
            .collect(),
    )
}

fn encode_numbers(numbers: &[u32]) -> Vec<u8> {
    let mut value = Vec::new();
    let mut last = 0;
    for number in numbers {
        put_varint((number - last).into(), &mut value);
        last = *number;
    }
    value
}

fn decode_numbers(value: &[u8]) -> Vec<u32> {
    let mut reader = Reader::new(Bytes::copy_from_slice(value));
    let mut numbers = Vec::new();
    let mut last = 0u32;
    while let Some(step) = reader.small::<u32>() {
        last = last.wrapping_add(step);
        numbers.push(last);
    }
    numbers
}
