//! Checksums.

use sha2::{Digest, Sha256};

use super::{Call, Ended};
use crate::demo::shell::io::share;
use crate::run::digest::hex;

/// `sha256sum [FILES]`
pub async fn sum(call: &mut Call<'_>) -> Ended {
    let (_, names) = call.flags("b").await?;
    if call.name.ends_with("md5sum") {
        return Err(call
            .complain(127, "not on this demo host; use sha256sum")
            .await);
    }
    let standard = ["-".to_owned()];
    let names = if names.is_empty() {
        &standard[..]
    } else {
        &names[..]
    };
    let mut all = Ok(());
    for name in names {
        let input = match name.as_str() {
            "-" => call.io.input.clone(),
            path => match call.shell.open(path) {
                Ok(input) => share(input),
                Err(why) => {
                    all = Err(call.complain(1, &format!("{name}: {why}")).await);
                    continue;
                }
            },
        };
        let mut input = input.lock().await;
        let mut digest = Sha256::new();
        while let Some(chunk) = input.chunk().await {
            digest.update(&chunk);
        }
        let hex = hex(&digest.finalize());
        call.out(format!("{hex}  {name}\n")).await?;
    }
    all
}
