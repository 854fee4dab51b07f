//! Both views of a run's time.

mod rows;
mod stretches;
