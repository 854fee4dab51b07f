//! Tests of what both stores promise, and of what the disk store survives.

mod conformance;
mod cut;
mod damage;
mod full;
mod kill;
mod model;
mod prefix;
mod rig;
mod work;
