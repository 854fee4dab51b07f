//! Tests of what both stores promise, and of what the disk store survives.

/// The same tests on both stores.
macro_rules! on_both {
    ($($name:ident)*) => {
        mod sim {
            $(#[test] fn $name() { super::$name(&mut super::SimRig::new()); })*
        }
        mod disk {
            $(#[test] fn $name() { super::$name(&mut super::DiskRig::new()); })*
        }
    };
}
use on_both;

mod conformance;
mod cut;
mod damage;
mod full;
mod kill;
mod model;
mod output;
mod prefix;
mod rig;
mod work;
