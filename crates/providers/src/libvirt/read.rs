//! Reading the XML that libvirt returns: attributes of the elements that matter here.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use hostler_core::ticket::Ticket;
use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};

use super::subnet::Subnet;

/// Attributes of an element.
pub(super) type Attributes = BTreeMap<String, String>;

/// Attributes of every element of a name (with its prefix), in document order. Broken XML ends the list.
pub(super) fn elements(xml: &str, name: &str) -> Vec<Attributes> {
    let mut reader = Reader::from_str(xml);
    let mut found = Vec::new();
    loop {
        match reader.read_event() {
            Ok(Event::Start(element) | Event::Empty(element)) if element.name().as_ref() == name => {
                found.push(attributes(&element));
            }
            Ok(Event::Eof) | Err(_) => return found,
            Ok(_) => {}
        }
    }
}

/// An attribute of the first element of a name.
pub(super) fn attribute(xml: &str, element: &str, name: &str) -> Option<String> {
    elements(xml, element).into_iter().next()?.remove(name)
}

/// Ticket of a domain or network, from hostler's metadata.
pub(super) fn ticket(xml: &str) -> Option<Ticket> {
    attribute(xml, "hostler:resource", "ticket")?.parse().ok()
}

/// IP address of a machine, from hostler's metadata.
pub(super) fn address(xml: &str) -> Option<String> {
    attribute(xml, "hostler:resource", "address")
}

/// IPv4 subnets of a network.
pub(super) fn subnets(xml: &str) -> Vec<Subnet> {
    elements(xml, "ip").iter().filter_map(subnet).collect()
}

fn subnet(ip: &Attributes) -> Option<Subnet> {
    let address: Ipv4Addr = ip.get("address")?.parse().ok()?;
    let bits = match (ip.get("prefix"), ip.get("netmask")) {
        (Some(bits), _) => bits.parse().ok()?,
        (None, Some(mask)) => u32::from(mask.parse::<Ipv4Addr>().ok()?).leading_ones(),
        (None, None) => 32,
    };
    Some(Subnet::new(address, bits))
}

fn attributes(element: &BytesStart<'_>) -> Attributes {
    let unescaped =
        |raw: &str| quick_xml::escape::unescape(raw).map_or_else(|_| raw.to_owned(), |text| text.into_owned());
    element.attributes().flatten().map(|pair| (pair.key.as_ref().to_owned(), unescaped(&pair.value))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tickets_are_read_from_hostler_metadata_only() {
        let id = "hostler:00000000000000000000000000000007:network";
        let tagged =
            format!("<network><metadata><hostler:resource xmlns:hostler='x' ticket='{id}'/></metadata></network>");
        assert_eq!(ticket(&tagged).unwrap().to_string(), id);
        assert_eq!(ticket(&format!("<network><title>{id}</title></network>")), None);
        assert_eq!(ticket(&format!("<network><resource ticket='{id}'/></network>")), None);
    }

    #[test]
    fn subnets_have_a_prefix_or_a_mask() {
        let xml = "<network><ip address='192.168.122.1' netmask='255.255.255.0'/>
                   <ip family='ipv4' address='10.1.0.1' prefix='16'/><ip family='ipv6' address='fd00::1' prefix='64'/>
                   </network>";
        let texts: Vec<String> = subnets(xml).iter().map(Subnet::to_string).collect();
        assert_eq!(texts, ["192.168.122.0/24", "10.1.0.0/16"]);
    }

    #[test]
    fn attributes_are_unescaped() {
        assert_eq!(attribute("<a><b c='&lt;&amp;'/></a>", "b", "c").as_deref(), Some("<&"));
        assert_eq!(attribute("<a", "b", "c"), None);
    }
}
