//! Drivers that are not available on the chosen machines.

use super::text::{demand, id, market, now};
use crate::plan::{UnsupportedDrivers, plan};
use crate::setup::gpu::{GpuRequest, GpuStack, Vendor};

/// The result of the check of a request, if an offer with this image and these GPUs is chosen.
fn check(request: GpuRequest, offer: &str) -> String {
    let mut demand = demand("group main 1");
    demand.workload.phases.gpu = request;
    let plan = plan(&demand, &market(&format!("lab/a box memory=64 whole=4 price=0 {offer}")), id(), now()).unwrap();
    let show = |error: &UnsupportedDrivers| format!("{error}\n{}", error.hint());
    plan.check_drivers().map_or_else(|error| show(&error), |()| "available".to_owned())
}

fn cuda(version: &str) -> GpuStack {
    GpuStack { cuda: Some(version.to_owned()), ..GpuStack::default() }
}

#[test]
fn versions_missing_on_the_chosen_system_are_rejected() {
    let forced = |version| GpuRequest::Forced(Vendor::Nvidia, cuda(version));
    assert_eq!(check(forced("12.2"), "images=ubuntu-22.04"), "available");
    let conflict = check(forced("12.2"), "images=debian-12");
    assert!(conflict.starts_with(
        "`setup_phases.gpu` is not available on the machines of `main`: `debian 12` does not offer CUDA 12.2"
    ));
    assert!(conflict.contains("available on `ubuntu 22.04`"), "{conflict}");
    assert!(check(GpuRequest::Forced(Vendor::Nvidia, GpuStack::default()), "images=fedora-41").contains("`fedora 41`"));
    // An unknown system may offer any version.
    assert_eq!(check(forced("12.2"), "images=mine"), "available");
}

#[test]
fn automatic_request_checks_only_named_versions() {
    let auto = |stack| GpuRequest::Auto(stack);
    assert_eq!(check(auto(cuda("12.2")), "images=debian-12"), "available", "no GPU");
    assert!(check(auto(cuda("12.2")), "images=debian-12 gpus=V100:1").contains("CUDA 12.2"));
    assert_eq!(
        check(auto(GpuStack::default()), "images=fedora-41 gpus=V100:1"),
        "available",
        "the image may contain a driver"
    );
}

#[test]
fn versions_that_the_chosen_gpus_do_not_support_are_rejected() {
    let conflict = check(GpuRequest::Auto(cuda("13")), "images=ubuntu-22.04 gpus=V100:1");
    assert!(conflict.contains("CUDA 13 does not support Volta GPUs\nuse CUDA 12.9 or older"), "{conflict}");
    assert_eq!(check(GpuRequest::Auto(cuda("12")), "images=ubuntu-22.04 gpus=V100:1"), "available");
    assert_eq!(check(GpuRequest::Auto(cuda("13")), "images=ubuntu-22.04 gpus=H100:1"), "available");
    assert_eq!(
        check(GpuRequest::Auto(cuda("13")), "images=ubuntu-22.04 gpus=Brandnew:1"),
        "available",
        "unknown model"
    );
}

#[test]
fn contradictory_request_is_rejected_on_any_machine() {
    let conflict = check(GpuRequest::Forced(Vendor::Amd, cuda("12.2")), "images=mine");
    assert!(
        conflict.starts_with("`setup_phases.gpu` is not available: `cuda` does not apply to AMD GPUs"),
        "{conflict}"
    );
}
