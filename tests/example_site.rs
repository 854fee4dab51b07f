//! The example site in `config/` is what the program itself reads.

use std::path::Path;

use theconn::inventory::{expand_plain, native};
use theconn::site::Settings;

#[test]
fn the_example_settings_are_the_defaults() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("config/conn.toml");
    assert_eq!(Settings::load(&file).unwrap(), Settings::default());
}

#[test]
fn the_example_settings_are_the_reference_that_the_program_carries() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("config/conn.toml");
    let text = std::fs::read_to_string(file).unwrap();
    assert_eq!(text, theconn::site::settings::REFERENCE);
}

#[test]
fn the_example_inventory_has_its_hosts_and_groups() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("config/inventory.toml");
    let text = std::fs::read_to_string(file).unwrap();
    let source = native::parse("site", "inventory.toml", &text, &expand_plain).unwrap();
    assert_eq!(source.hosts().len(), 60);
    assert_eq!(source.groups().len(), 5);
}
