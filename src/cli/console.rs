//! `conn` alone: the console.

use std::path::Path;
use std::sync::Arc;

use clap::CommandFactory as _;

use super::args::{Args, When};
use super::connect::{connect, paths};
use super::exit::{CliError, Exit};
use super::terminal::Terminal;
use crate::site::settings::Settings;
use crate::tui::{Connector, Options, open, speak};

/// Says where it is noted that the console's first look was dismissed; without it there is none.
/// `conn demo` sets it.
const FIRST_LOOK: &str = "CONN_FIRST_LOOK";

/// Set by `conn demo`, which says itself what becomes of what runs.
const IN_DEMO: &str = "CONN_IN_DEMO";

/// Opens the console; without a terminal it says what `conn` can do.
pub async fn console(args: &Args) -> Result<Exit, CliError> {
    if args.plain {
        let client = connect(args, true).await?;
        return match speak(client).await {
            Ok(()) => Ok(Exit::Ok),
            Err(why) => Err(CliError::NoEngine(why)),
        };
    }
    let terminal = Terminal::detect(args.color);
    if !terminal.stdin || !terminal.stdout {
        let help = Args::command().render_help();
        return Err(CliError::Usage(format!(
            "the console needs a terminal. Without one, name a command:\n\n{help}"
        )));
    }
    let client = connect(args, true).await?;
    let options = options(args)?;
    let again = Arc::new(instance_of(args));
    let connector: Connector = Arc::new(move || {
        let args = Arc::clone(&again);
        Box::pin(async move {
            connect(&args, true)
                .await
                .map_err(|error| error.to_string())
        })
    });
    open(client, connector, options)
        .await
        .map_err(|error| CliError::Usage(error.to_string()))?;
    if std::env::var_os(IN_DEMO).is_none() {
        eprintln!("Detached. What runs goes on: conn shows it again.");
    }
    Ok(Exit::Ok)
}

/// The arguments that say which engine is meant.
fn instance_of(args: &Args) -> Args {
    Args {
        home: args.home.clone(),
        shared: args.shared,
        bastion: args.bastion.clone(),
        no_start: args.no_start,
        color: args.color,
        quiet: args.quiet,
        slow: args.slow,
        plain: args.plain,
        command: None,
    }
}

fn options(args: &Args) -> Result<Options, CliError> {
    let paths = paths(args)?;
    let settings = Settings::load(&paths.settings_file())
        .map_err(|error| CliError::Usage(error.to_string()))?;
    let utf8 = ["LC_ALL", "LC_CTYPE", "LANG"]
        .into_iter()
        .find_map(|name| std::env::var(name).ok().filter(|value| !value.is_empty()))
        .is_some_and(|value| value.to_uppercase().replace('-', "").contains("UTF8"));
    let here = rustix::system::uname()
        .nodename()
        .to_string_lossy()
        .into_owned();
    let mono = args.color == When::Never;
    Ok(Options {
        environment: settings.environment.name.unwrap_or_default(),
        bastion: args.bastion.clone().unwrap_or(here),
        theme: settings
            .console
            .theme
            .or_else(|| mono.then(|| "mono".to_owned())),
        themes: themes(&paths.config.join("themes")),
        keys: std::fs::read_to_string(paths.config.join("keys.toml")).ok(),
        ascii: settings.console.ascii || !utf8,
        zone: settings.console.zone,
        slow: args.slow,
        tour: std::env::var_os(FIRST_LOOK).map(Into::into),
    })
}

/// The themes in the user's configuration: name and text.
fn themes(folder: &Path) -> Vec<(String, String)> {
    let Ok(files) = std::fs::read_dir(folder) else {
        return Vec::new();
    };
    let mut themes: Vec<(String, String)> = files
        .flatten()
        .filter_map(|file| {
            let path = file.path();
            let name = path.file_stem()?.to_str()?.to_owned();
            (path.extension()? == "toml").then_some(())?;
            Some((name, std::fs::read_to_string(&path).ok()?))
        })
        .collect();
    themes.sort();
    themes
}
