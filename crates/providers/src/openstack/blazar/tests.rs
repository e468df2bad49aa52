use serde_json::json;

use super::*;

fn at(text: &str) -> jiff::Timestamp {
    text.parse().unwrap()
}

#[test]
fn lease_is_never_shorter_than_requested() {
    assert_eq!(format_date(floor_to_minute(at("2025-10-30T20:00:59.9Z"))), "2025-10-30 20:00");
    assert_eq!(format_date(ceil_to_minute(at("2025-10-30T20:00:00.1Z"))), "2025-10-30 20:01");
    assert_eq!(ceil_to_minute(at("2025-10-30T20:00:00Z")), at("2025-10-30T20:00:00Z"));
}

#[test]
fn pinned_host_is_read_from_the_reservation() {
    let read = |resource: &str, hypervisor: &str| {
        let all = json!({"id": "r", "resource_id": "x", "resource_type": "physical:host", "status": "active",
            "min": 1, "max": "1", "resource_properties": resource, "hypervisor_properties": hypervisor});
        let reservation: BlazarReservation = serde_json::from_value(all).unwrap();
        assert_eq!(reservation.min_count(), Some(1));
        reservation.pinned_host()
    };
    assert_eq!(read(r#"["==", "$uid", "h"]"#, "").as_deref(), Some("h"));
    assert_eq!(read("", r#"["==","$hypervisor_hostname","h"]"#).as_deref(), Some("h"));
    for other in [r#"["==", "$node_type", "h"]"#, r#"["!=", "$uid", "h"]"#, "[]", ""] {
        assert_eq!(read(other, ""), None, "{other}");
    }
}
