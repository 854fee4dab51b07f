//! Ansible's inventories: INI, YAML, and the JSON that dynamic inventories print.
//!
//! Read as `ansible-inventory` reads them, with these differences, all on the safe side:
//! - A range that yields nothing (`web[5:3]`), or bounds that are neither numbers nor single
//!   letters, are errors.
//! - A name with a blank, a control character or a dash in front is an error.
//! - Templates are not evaluated. `ansible_host`, `ansible_port` and `ansible_user` may hold plain
//!   `{{ name }}`s of the host's variables; what needs more makes the host unreachable
//!   (`unresolved.invalid`) with a warning, never reached at a wrong address.
//! - Variables of a host that has the name of a group stay with the host.
//! - Values that JSON does not have (sets, complex numbers, more than 64 bits) stay text.

mod connect;
mod dynamic;
mod gather;
mod ini;
mod literal;
mod pattern;
mod shlex;
mod static_yaml;

use std::sync::Arc;

use super::error::InventoryError;
use super::source::Source;
use super::yaml;
use crate::run::complaint::{Complaint, Place, quote};
use gather::Gather;

/// What a file starts with that Ansible's vault has encrypted.
const ENCRYPTED: &str = "$ANSIBLE_VAULT";

/// One inventory file.
#[derive(Debug, Clone, Copy)]
pub struct File<'t> {
    /// Its path; the ending tells INI from YAML.
    pub path: &'t str,
    /// What it says.
    pub text: &'t str,
}

/// One file of `group_vars` or `host_vars`.
#[derive(Debug, Clone, Copy)]
pub struct VarsFile<'t> {
    /// The group or host it is for.
    pub owner: Owner<'t>,
    /// The file itself.
    pub file: File<'t>,
}

/// Whom a variables file is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Owner<'t> {
    /// `group_vars/NAME`.
    Group(&'t str),
    /// `host_vars/NAME`.
    Host(&'t str),
}

/// Reads the files of one static inventory, and the variables files beside it, in their order.
///
/// # Errors
/// The first complaint of each file that has one.
pub fn parse(
    source: &str,
    files: &[File<'_>],
    vars: &[VarsFile<'_>],
) -> Result<Source, InventoryError> {
    let mut gather = Gather::new(source, files.first().map_or("", |file| file.path));
    for file in files {
        read_file(&mut gather, file).map_err(|complaint| complaint.excerpt_of(file.text))?;
    }
    gather.reconcile()?;
    for vars in vars {
        read_vars(&mut gather, vars).map_err(|complaint| complaint.excerpt_of(vars.file.text))?;
    }
    gather.finish()
}

/// Reads what a dynamic inventory printed for `--list`.
///
/// # Errors
/// The first complaint.
pub fn parse_dynamic(source: &str, file: &str, text: &str) -> Result<Source, InventoryError> {
    let mut gather = Gather::new(source, file);
    dynamic::read(&mut gather, &Arc::from(file), text)
        .map_err(|complaint| complaint.excerpt_of(text))?;
    gather.reconcile()?;
    gather.finish()
}

/// By its ending a file is YAML, or INI; without one it is YAML if it reads as a map.
fn read_file(gather: &mut Gather, file: &File<'_>) -> Result<(), Complaint> {
    let path: Arc<str> = Arc::from(file.path);
    let name = file.path.rsplit('/').next().unwrap_or(file.path);
    match name.rsplit_once('.').map(|(_, ending)| ending) {
        Some("yml" | "yaml" | "json") => {
            let root = yaml::parse(&path, file.text)?;
            let root =
                root.ok_or_else(|| Complaint::new(Place::whole(&path), "the inventory is empty"))?;
            static_yaml::read(gather, &root)
        }
        None => match yaml::parse(&path, file.text) {
            Ok(Some(root)) if root.as_map().is_some() => static_yaml::read(gather, &root),
            _ => ini::read(gather, &path, file.text),
        },
        Some(_) => ini::read(gather, &path, file.text),
    }
}

/// Variables files are maps; an empty one says nothing.
fn read_vars(gather: &mut Gather, vars: &VarsFile<'_>) -> Result<(), Complaint> {
    let path: Arc<str> = Arc::from(vars.file.path);
    if vars.file.text.starts_with(ENCRYPTED) {
        let warning = Complaint::new(
            Place::whole(&path),
            "this file is encrypted, and its variables are left out",
        );
        gather.builder.warn(warning);
        return Ok(());
    }
    let Some(root) = yaml::parse(&path, vars.file.text)? else {
        return Ok(());
    };
    if root.is_null() {
        return Ok(());
    }
    let Some(entries) = root.as_map() else {
        return Err(root.complaint(format!(
            "variables must be a map, but this is {}",
            root.kind_word()
        )));
    };
    for (key, value) in entries {
        gather.file_var(vars.owner, &key.key_text(), value.to_json(), &key.place);
    }
    Ok(())
}

/// A complaint about a name that is empty.
fn empty_name(what: &str, shown: &str) -> String {
    format!("the {what} {} is no name", quote(shown))
}

#[cfg(test)]
mod tests;
