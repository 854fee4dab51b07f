//! Secrets that a person types: asked for without being shown, and given to the engine alone.

use std::io::{IsTerminal as _, Read as _};
use std::path::Path;

use zeroize::Zeroizing;

use super::args::Args;
use super::connect::connect;
use super::exit::{CliError, Exit};
use super::print::say;
use crate::run::ids::RunId;
use crate::wire::hidden::Hidden;
use crate::wire::{Reply, Request};

/// A longer secret is not taken by the engine either.
const LONGEST: u64 = 64 * 1024 + 2;

/// `--secret NAME[=FILE]`, taken apart: the parameters, and where the secret of each is.
pub fn named(words: &[String]) -> Vec<(String, Option<&Path>)> {
    let one = |word| match str::split_once(word, '=') {
        Some((name, file)) => (name.to_owned(), Some(Path::new(file))),
        None => (word.to_owned(), None),
    };
    words.iter().map(|word| one(word.as_str())).collect()
}

/// Asks for each of them.
pub fn ask_all(words: &[String]) -> Result<Vec<(String, Hidden)>, CliError> {
    let mut asked = Vec::new();
    let mut by_input = None;
    for (name, from) in named(words) {
        if reads_input(from)
            && let Some(other) = by_input.replace(name.clone())
        {
            return Err(CliError::Usage(format!(
                "standard input holds one secret, and both {other} and {name} are to be read from \
                 it. Give one from a file: --secret {name}=FILE"
            )));
        }
        let secret = ask(&format!("secret {name}: "), from)?;
        asked.push((name, secret));
    }
    Ok(asked)
}

/// `conn runs secret`.
pub async fn give_again(
    args: &Args,
    run: RunId,
    name: &str,
    from: Option<&Path>,
) -> Result<Exit, CliError> {
    let client = connect(args, true).await?;
    let secret = ask(&format!("secret {name} of run {run}: "), from)?;
    let request = Request::Secret {
        run,
        name: name.to_owned(),
        secret,
    };
    match client.call(request).await? {
        Reply::Done => {
            say("kept until the run is over; what waited for it goes on")?;
            Ok(Exit::Ok)
        }
        _ => Err(CliError::Unexpected),
    }
}

fn reads_input(from: Option<&Path>) -> bool {
    match from {
        Some(file) => file == Path::new("-"),
        None => !std::io::stdin().is_terminal(),
    }
}

fn ask(prompt: &str, from: Option<&Path>) -> Result<Hidden, CliError> {
    if reads_input(from) {
        return read(std::io::stdin().lock(), "standard input");
    }
    if let Some(path) = from {
        let told = path.display().to_string();
        let file = std::fs::File::open(path)
            .map_err(|error| CliError::io(format!("reading the secret from {told}"), error))?;
        return read(file, &told);
    }
    let secret = rpassword::prompt_password(prompt)
        .map_err(|error| CliError::io("asking for the secret", error))?;
    Ok(Hidden::new(secret))
}

fn read(from: impl std::io::Read, told: &str) -> Result<Hidden, CliError> {
    // At full size: a buffer that grows leaves its old self in memory.
    let mut bytes = Zeroizing::new(Vec::with_capacity(LONGEST as usize + 1));
    from.take(LONGEST)
        .read_to_end(&mut bytes)
        .map_err(|error| CliError::io(format!("reading the secret from {told}"), error))?;
    let text = std::str::from_utf8(&bytes)
        .map_err(|_| CliError::Usage(format!("the secret from {told} is not text in UTF-8")))?;
    Ok(Hidden::new(text.to_owned()))
}
