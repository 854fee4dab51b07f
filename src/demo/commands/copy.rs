//! `dd`, as far as it copies its input.

use super::{Call, Ended};

/// `dd [bs=N] [count=N]`: each block is what one read gives.
pub async fn dd(call: &mut Call<'_>) -> Ended {
    let (mut size, mut count) = (512_usize, u64::MAX);
    for arg in call.args {
        match arg
            .split_once('=')
            .map(|(name, value)| (name, value.parse::<usize>()))
        {
            Some(("bs", Ok(value))) => size = value.max(1),
            Some(("count", Ok(value))) => count = value as u64,
            Some(("status" | "conv", _)) => {}
            _ => return call.unknown_option(arg).await,
        }
    }
    let input = call.io.input.clone();
    let mut input = input.lock().await;
    let (mut whole, mut part, mut bytes) = (0_u64, 0_u64, 0_usize);
    let mut ended = Ok(());
    while whole + part < count && ended.is_ok() {
        let Some(block) = input.at_most(size).await else {
            break;
        };
        whole += u64::from(block.len() == size);
        part += u64::from(block.len() < size);
        bytes += block.len();
        ended = call.out(block).await;
    }
    let told =
        format!("{whole}+{part} records in\n{whole}+{part} records out\n{bytes} bytes copied\n");
    let _ = call.io.err.write(told).await;
    ended
}
