//! Any bytes as what a client or an engine sends: no panic, and what is understood can be said again.

use serde::Serialize;
use serde::de::DeserializeOwned;
use theconn::wire::codec::{decode, encode};
use theconn::wire::{Hello, Reply, Request, Welcome};

pub fn run(data: &[u8]) {
    repeat::<Hello>(data);
    repeat::<Welcome>(data);
    repeat::<Request>(data);
    repeat::<Reply>(data);
}

fn repeat<T: Serialize + DeserializeOwned>(data: &[u8]) {
    let Ok(value) = decode::<T>(data) else {
        return;
    };
    let said = encode(&value).map(|bytes| bytes.to_vec());
    let again = said.as_ref().map(|bytes| decode::<T>(bytes).is_ok());
    assert!(
        matches!(again, Ok(true)),
        "what was read cannot be said again"
    );
}
