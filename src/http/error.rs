//! What goes wrong between us and a web server.

/// Why there is no connection: nothing was sent.
#[derive(Debug, thiserror::Error)]
pub enum NoConnection {
    /// Its name leads nowhere.
    #[error("{host} has no address: {source}")]
    Name {
        /// The server.
        host: String,
        /// The resolver's word.
        source: std::io::Error,
    },
    /// Its name leads to this machine or its own link, where this request may not go.
    #[error(
        "{host} leads to {address}, an address of this machine or its own link, which a pattern with \
         * in [http] allow does not allow; name the server itself there"
    )]
    Inward {
        /// The server.
        host: String,
        /// Where its name leads.
        address: std::net::IpAddr,
    },
    /// No address of it takes a connection.
    #[error("{server} cannot be connected to: {source}")]
    Tcp {
        /// The server and port.
        server: String,
        /// Why not.
        source: std::io::Error,
    },
    /// Its certificate is not trusted, or it does not speak TLS.
    #[error("{server} and this machine do not trust each other: {source}")]
    Tls {
        /// The server and port.
        server: String,
        /// Why not.
        source: std::io::Error,
    },
    /// There is nothing that certificates could be judged by.
    #[error("{0}")]
    Roots(String),
    /// It took too long.
    #[error("{server} was not connected to within {seconds} s")]
    Slow {
        /// The server and port.
        server: String,
        /// The time it was given.
        seconds: f64,
    },
    /// It does not speak HTTP.
    #[error("{server} took the connection and broke it: {source}")]
    Http {
        /// The server and port.
        server: String,
        /// Why.
        source: hyper::Error,
    },
}

/// Why an answer is not whole. The request may have been read, and done.
#[derive(Debug, thiserror::Error)]
#[error("{}", words(.source))]
pub struct Broken {
    source: hyper::Error,
}

impl From<hyper::Error> for Broken {
    fn from(source: hyper::Error) -> Self {
        Self { source }
    }
}

fn words(error: &hyper::Error) -> String {
    use std::error::Error as _;
    if error.is_parse() {
        return format!("the server's answer is no HTTP ({error})");
    }
    if error.is_incomplete_message() || error.is_canceled() || error.is_closed() {
        return "the connection ended before the answer was whole".to_owned();
    }
    match error.source() {
        Some(source) => format!("the connection broke before the answer was whole: {source}"),
        None => format!("the answer did not come whole: {error}"),
    }
}
