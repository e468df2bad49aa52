//! Drivers that can't be had on what was chosen.

use super::text::{demand, id, market, now};
use crate::plan::{UnsupportedDrivers, plan};
use crate::setup::gpu::{GpuRequest, GpuStack, Vendor};

/// What is said of a wish, where an offer with this image and these accelerators is chosen.
fn said(wish: GpuRequest, offer: &str) -> String {
    let mut demand = demand("group main 1");
    demand.workload.phases.gpu = wish;
    let plan = plan(&demand, &market(&format!("lab/a box memory=64 whole=4 price=0 {offer}")), id(), now()).unwrap();
    let told = |error: &UnsupportedDrivers| format!("{error}\n{}", error.hint());
    plan.check_drivers().map_or_else(|error| told(&error), |()| "it can be had".to_owned())
}

fn cuda(version: &str) -> GpuStack {
    GpuStack { cuda: Some(version.to_owned()), ..GpuStack::default() }
}

#[test]
fn what_cannot_be_had_on_the_chosen_system_is_said() {
    let forced = |version| GpuRequest::Forced(Vendor::Nvidia, cuda(version));
    assert_eq!(said(forced("12.2"), "images=ubuntu-22.04"), "it can be had");
    let told = said(forced("12.2"), "images=debian-12");
    assert!(told.starts_with(
        "`setup_phases.gpu` can't be had on the machines of `main`: `debian 12` does not offer CUDA 12.2"
    ));
    assert!(told.contains("available on `ubuntu 22.04`"), "{told}");
    assert!(said(GpuRequest::Forced(Vendor::Nvidia, GpuStack::default()), "images=fedora-41").contains("`fedora 41`"));
    // It may be any.
    assert_eq!(said(forced("12.2"), "images=mine"), "it can be had");
}

#[test]
fn where_the_machine_decides_only_what_is_named_counts() {
    let auto = |stack| GpuRequest::Auto(stack);
    assert_eq!(said(auto(cuda("12.2")), "images=debian-12"), "it can be had", "there is no accelerator");
    assert!(said(auto(cuda("12.2")), "images=debian-12 gpus=V100:1").contains("CUDA 12.2"));
    assert_eq!(said(auto(GpuStack::default()), "images=fedora-41 gpus=V100:1"), "it can be had", "by the image");
}

#[test]
fn what_the_accelerators_of_the_chosen_machines_cannot_use_is_said() {
    let told = said(GpuRequest::Auto(cuda("13")), "images=ubuntu-22.04 gpus=V100:1");
    assert!(told.contains("CUDA 13 does not support Volta GPUs\nuse CUDA 12.9 or older"), "{told}");
    assert_eq!(said(GpuRequest::Auto(cuda("12")), "images=ubuntu-22.04 gpus=V100:1"), "it can be had");
    assert_eq!(said(GpuRequest::Auto(cuda("13")), "images=ubuntu-22.04 gpus=H100:1"), "it can be had");
    assert_eq!(
        said(GpuRequest::Auto(cuda("13")), "images=ubuntu-22.04 gpus=Brandnew:1"),
        "it can be had",
        "nobody knows"
    );
}

#[test]
fn what_flags_make_a_contradiction_is_said_whatever_is_chosen() {
    let told = said(GpuRequest::Forced(Vendor::Amd, cuda("12.2")), "images=mine");
    assert!(told.starts_with("`setup_phases.gpu` can't be had: `cuda` does not apply to AMD GPUs"), "{told}");
}
