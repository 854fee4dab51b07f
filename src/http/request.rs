//! One request, checked before anything is connected to.

use bytes::Bytes;
use http_body_util::Full;
use hyper::header::{self, HeaderMap, HeaderName, HeaderValue};
use hyper::{Method as Word, Uri};

use super::url::Url;
use crate::run::http::Method;

/// What is sent.
#[derive(Clone)]
pub struct Request {
    url: Url,
    method: Word,
    target: Uri,
    headers: HeaderMap,
    body: Bytes,
}

impl std::fmt::Debug for Request {
    /// Without the body: it may be a secret. Headers are marked so that they are not shown.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Request")
            .field("url", &self.url)
            .field("method", &self.method)
            .field("headers", &self.headers)
            .field("body", &format_args!("{} bytes", self.body.len()))
            .finish_non_exhaustive()
    }
}

impl Request {
    /// A request that can be sent as it stands. Header values are bytes that may be a secret: no
    /// error repeats them.
    ///
    /// # Errors
    /// A sentence: a header whose name or value would be read as something else.
    pub fn new<'h>(
        method: Method,
        url: Url,
        given: impl IntoIterator<Item = (&'h str, &'h [u8])>,
        body: Option<Bytes>,
    ) -> Result<Self, String> {
        let target = url.path.parse::<Uri>();
        let target = target.map_err(|error| format!("the URL's path cannot be sent: {error}"))?;
        let word = Word::from_bytes(method.word().as_bytes()).map_err(|error| error.to_string())?;
        let mut headers = HeaderMap::new();
        let server = HeaderValue::from_str(&url.server());
        headers.insert(header::HOST, server.map_err(|error| error.to_string())?);
        headers.insert(header::USER_AGENT, HeaderValue::from_static(OURS));
        headers.insert(header::ACCEPT, HeaderValue::from_static("*/*"));
        headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
        for (name, value) in given {
            let named = HeaderName::from_bytes(name.as_bytes());
            let named = named.map_err(|_| format!("{name} is no name of a header"))?;
            let mut value = HeaderValue::from_bytes(value)
                .map_err(|_| format!("the header {name} has a line break or control code in it"))?;
            value.set_sensitive(true);
            headers.insert(named, value);
        }
        Ok(Self {
            url,
            method: word,
            target,
            headers,
            body: body.unwrap_or_default(),
        })
    }

    /// Where it goes.
    pub fn url(&self) -> &Url {
        &self.url
    }

    pub(super) fn message(&self) -> hyper::Request<Full<Bytes>> {
        let mut message = hyper::Request::new(Full::new(self.body.clone()));
        *message.method_mut() = self.method.clone();
        *message.uri_mut() = self.target.clone();
        *message.headers_mut() = self.headers.clone();
        message
    }
}

const OURS: &str = concat!("conn/", env!("CARGO_PKG_VERSION"));
