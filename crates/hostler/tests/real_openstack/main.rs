//! The real binary against real OpenStack services, with the ordinary `openstack` client as an observer of its own:
//! `tests/worlds/openstack run cargo test -p hostler --features real-openstack --test real_openstack`.
#![expect(clippy::unwrap_used, reason = "a test that can't go on fails")]

mod lab;
mod single;
