//! The site: where an instance lives, its settings, and its inventory as it is on this machine.
//!
//! The room that reads configuration files, runs inventory commands and looks at directories. It
//! understands nothing itself: texts go to the ground floor, and values come back. Never talks to
//! hosts, never writes anything but the directories of the instance.

pub mod ansible_files;
pub mod definitions;
pub mod directories;
pub mod engine_record;
mod error;
pub mod facade;
pub mod filesystem;
pub mod groups;
pub mod identities;
pub mod loader;
pub mod openssh;
pub mod paths;
mod read;
mod roles;
pub mod secrets;
pub mod servers;
pub mod settings;

pub mod specs;
pub mod upcall;

pub use error::SiteError;
pub use facade::Site;
pub use loader::{Inventories, Loaded, Problem, Readers};
pub use paths::{Instance, Paths, Surroundings};
pub use settings::Settings;
pub use specs::{Kind, Spec};
