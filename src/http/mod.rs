//! HTTP: requests to web servers, one connection each.
//!
//! The room's door is [`Client`]. It must never follow a redirect, go through a proxy, trust a
//! certificate that neither the system nor the site vouches for, send more than the one request it
//! was given, or call an answer whole that is not.

mod client;
mod error;
mod request;
mod tls;
mod url;

#[cfg(test)]
pub(crate) mod tests;

pub use client::{Client, Connection, Reply};
pub use error::{Broken, NoConnection};
pub use request::Request;
pub use url::Url;
