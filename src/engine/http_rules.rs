//! Which web servers steps and gates may ask.
//!
//! A request leaves from the engine's machine. On a private engine that is its user's own, who could
//! send the request without it. On a shared one it might reach what the person who starts a flow
//! cannot: services of this machine, what a cloud keeps for it, servers that trust its address. So a
//! shared engine asks only servers that its owner named.

use super::Settings;
use crate::http::Url;
use crate::site::servers::Named;

/// A server that may be asked.
#[derive(Debug)]
pub(super) struct Admitted {
    pub url: Url,
    /// Whether it may be this machine or one of its own link.
    pub inward: bool,
}

/// Whether a request may go there; `Err` is a sentence.
pub(super) fn admitted(settings: &Settings, url: &str) -> Result<Admitted, String> {
    let url = Url::parse(url).map_err(|why| format!("{url:?} cannot be asked: {why}"))?;
    let Some(allow) = &settings.http_allow else {
        if settings.shared {
            return Err(format!(
                "{} cannot be asked: a shared engine asks only servers that are named in allow under \
                 [http] in conn.toml, and there is no such list. Who owns the engine writes one",
                url.server()
            ));
        }
        return Ok(Admitted { url, inward: true });
    };
    let named = allow
        .iter()
        .filter_map(|servers| servers.names(&url.host, url.port));
    let inward = match named.min_by_key(|named| *named != Named::Itself) {
        Some(Named::Itself) => true,
        Some(Named::ByPattern) => false,
        None => {
            return Err(format!(
                "{} cannot be asked: it is not among the servers in allow under [http] in conn.toml. \
                 Who owns the engine adds it there",
                url.server()
            ));
        }
    };
    Ok(Admitted { url, inward })
}
