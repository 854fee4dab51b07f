//! Where the parts of the screen are, for a body of any size.

use super::Mode;

/// From this width on the side data has a column of its own.
const WIDE: u16 = 120;
/// That column.
const SIDE: u16 = 28;

/// Where the parts of the screen are.
pub(super) struct Layout {
    /// Columns of the side data; 0 when there is no room for it.
    pub side: u16,
    pub width: u16,
    /// Rows that say how the run stands.
    pub head: u16,
    /// The first row of the steps, and how many steps are in sight.
    pub steps: (u16, u16),
    /// The first row of the hosts, and how many.
    pub hosts: (u16, u16),
    /// The first row of the host under the cursor.
    pub host: u16,
    /// Rows for it.
    pub host_rows: u16,
    /// The first row of the causes.
    pub causes: u16,
    pub cause_rows: u16,
    /// The first row of what happened; none when there is no room.
    pub story: Option<u16>,
}

impl Layout {
    /// For a body of this size, so many hosts, so many groups of failures and so many steps.
    pub fn of(
        (width, height): (u16, u16),
        mode: Mode,
        (hosts, causes): (u32, usize),
        steps: usize,
    ) -> Self {
        let side = if width >= WIDE { SIDE } else { 0 };
        let wide = side > 0;
        let head = if height < 12 { 1 } else { 3 };
        let steps = match mode {
            // The batches, the steps' line and the steps; a few rows are left to the hosts.
            Mode::Steps => {
                let steps = u16::try_from(steps).unwrap_or(u16::MAX);
                steps.min((height / 2).saturating_sub(head))
            }
            _ => 0,
        };
        let block = if mode == Mode::Steps { steps + 2 } else { 0 };
        let first = head + block + 1;
        let host_rows = match height {
            0..14 => 1,
            14..30 => 2,
            _ if mode == Mode::Steps => 3,
            _ => 5,
        };
        let cause_rows = match height {
            0..12 => 0,
            12..30 if mode == Mode::Steps => 0,
            12..16 => 2,
            16..30 => 3,
            _ if mode == Mode::Steps => 3,
            _ => 5,
        };
        let story_rows = if wide && height >= 34 { 7 } else { 0 };
        let below = host_rows + 1 + if cause_rows > 0 { cause_rows + 1 } else { 0 } + story_rows;
        let most = height.saturating_sub(first + below).max(1);
        // Rows that the hosts do not need go to the groups of failures.
        let columns = match mode {
            Mode::Grid => u32::from((width - side).saturating_sub(2).max(1)),
            _ => 1,
        };
        let needed = u16::try_from(hosts.div_ceil(columns))
            .unwrap_or(u16::MAX)
            .max(2);
        let wanted = u16::try_from(causes)
            .unwrap_or(u16::MAX)
            .saturating_sub(cause_rows);
        let given = if cause_rows == 0 {
            0
        } else {
            wanted.min(most.saturating_sub(needed))
        };
        // What is left then goes to the output of the host under the cursor.
        let spare = (most - given).saturating_sub(needed + 1);
        let (hosts, cause_rows) = (most - given - spare, cause_rows + given);
        let host_rows = host_rows + spare;
        let host = first + hosts;
        let causes = host + 1 + host_rows;
        Self {
            side,
            width: width - side,
            head,
            steps: (head + 2, steps),
            hosts: (first, hosts),
            host,
            host_rows,
            causes,
            cause_rows,
            story: (story_rows > 0).then_some(causes + cause_rows + 1),
        }
    }

    pub fn columns(&self) -> u16 {
        self.width.saturating_sub(2).max(1)
    }
}
