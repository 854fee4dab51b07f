//! Flows: what they are made of, how they are read and checked, and how they will be rolled out.
//!
//! Pure: texts and values in, definitions and plans out. Never reads a file, starts nothing.

pub mod batches;
pub mod book;
pub mod definition;
pub mod draft;
pub mod give;
pub mod graph;
pub mod metrics;
pub mod order;
pub mod param;
pub mod pattern;
pub mod plan;
pub mod read;
pub mod register;
pub mod rollout;
pub mod stage;
pub mod step;
pub mod template;
pub mod value;
