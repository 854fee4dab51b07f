//! The questions readers ask of a run's output.

use super::outputs::Outputs;
use super::read::Reading;
use super::state::RunOut;
use crate::run::output::OutStream;
use crate::store::page::OutputKey;
use crate::store::{OutputCursor, OutputPage, StoreError};

impl Outputs {
    /// All output of a run from a cursor on.
    pub fn page(
        &self,
        run: u64,
        from: OutputCursor,
        max_bytes: usize,
    ) -> Result<OutputPage, StoreError> {
        let Some(run_out) = self.readable(run)? else {
            return Ok(empty_page(from));
        };
        let reading = Reading {
            run: &run_out,
            host: None,
            max_bytes,
        };
        let page = reading.page(from, 0.., self);
        page.map_err(StoreError::io("read", &run_out.path))
    }

    /// One host's output from a cursor on.
    pub fn host_page(
        &self,
        run: u64,
        host: u32,
        from: OutputCursor,
        max_bytes: usize,
    ) -> Result<OutputPage, StoreError> {
        let (run_out, numbers) = loop {
            let epoch = self.index.epoch();
            let Some(run_out) = self.readable(run)? else {
                return Ok(empty_page(from));
            };
            let numbers = self.host_frames(&run_out, host)?;
            // What memory had handed over to the index went with it if it was replaced.
            if self.index.epoch() == epoch {
                break (run_out, numbers);
            }
        };
        let reading = Reading {
            run: &run_out,
            host: Some(host),
            max_bytes,
        };
        let page = reading.page(from, numbers.into_iter(), self);
        page.map_err(StoreError::io("read", &run_out.path))
    }

    /// The frames that may hold output of a host, ascending.
    fn host_frames(&self, run_out: &RunOut, host: u32) -> Result<Vec<u32>, StoreError> {
        // Memory first: what leaves it for the index meanwhile is then found there.
        let mut numbers: Vec<u32> = {
            let state = run_out.lock();
            let recent = state.hosts.get(&host).into_iter().flatten();
            recent.chain(&state.bad).copied().collect()
        };
        numbers.extend(self.index.host_frames(run_out.run, host)?);
        numbers.sort_unstable();
        numbers.dedup();
        Ok(numbers)
    }

    /// Where stdout and stderr of an attempt go on.
    pub fn extent(
        &self,
        run: u64,
        host: u32,
        step: u16,
        attempt: u32,
    ) -> Result<(u64, u64), StoreError> {
        let Some(run_out) = self.readable(run)? else {
            return Ok((0, 0));
        };
        let state = run_out.lock();
        let [stdout, stderr] = OutStream::ALL.map(|stream| {
            let key = OutputKey {
                host,
                step,
                attempt,
                stream,
            };
            state.extents.get(&key).map_or(0, |extent| extent.end)
        });
        Ok((stdout, stderr))
    }
}

fn empty_page(from: OutputCursor) -> OutputPage {
    OutputPage {
        chunks: Vec::new(),
        next: from,
        end: true,
    }
}
