//! The binary against real OpenStack services, with the `openstack` client as observer:
//! `tests/worlds/openstack run cargo test -p hostler --features real-openstack --test real_openstack`.
#![expect(clippy::unwrap_used, reason = "a test fails where it can't continue")]

mod lab;
mod single;
