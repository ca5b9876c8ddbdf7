//! Who asks, for the bounds by address.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};

use axum::http::HeaderMap;

/// The bits of an IPv6 address that tell customers apart: a household is given a /56 (RIPE-690), and all addresses in it.
const IPV6_NETWORK: u32 = 56;

/// The client's address: the connection's, or, behind a trusted proxy, the last of X-Forwarded-For, which that proxy wrote. Of IPv6, the
/// network of 56 bits.
pub(super) fn client_address(
    connection: SocketAddr,
    headers: &HeaderMap,
    trust_forwarded_for: bool,
) -> IpAddr {
    let forwarded = || {
        let last = headers.get_all("x-forwarded-for").iter().next_back()?;
        last.to_str().ok()?.rsplit(',').next()?.trim().parse().ok()
    };
    let address = if trust_forwarded_for {
        forwarded().unwrap_or(connection.ip())
    } else {
        connection.ip()
    };
    match address.to_canonical() {
        IpAddr::V4(address) => address.into(),
        IpAddr::V6(address) => {
            let network = u128::from(address) & (u128::MAX << (u128::BITS - IPV6_NETWORK));
            Ipv6Addr::from(network).into()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forwarded_addresses_count_only_when_the_proxy_is_trusted() {
        let connection: SocketAddr = "192.0.2.1:5".parse().unwrap();
        let mut headers = HeaderMap::new();
        headers.insert(
            "x-forwarded-for",
            "198.51.100.1, 203.0.113.9".parse().unwrap(),
        );
        assert_eq!(client_address(connection, &headers, false), connection.ip());
        assert_eq!(
            client_address(connection, &headers, true),
            "203.0.113.9".parse::<IpAddr>().unwrap()
        );
        assert_eq!(
            client_address(connection, &HeaderMap::new(), true),
            connection.ip()
        );
    }

    #[test]
    fn the_addresses_of_an_ipv6_network_are_one_client() {
        let client = |text: &str| {
            let connection = SocketAddr::new(text.parse().unwrap(), 5);
            client_address(connection, &HeaderMap::new(), false).to_string()
        };
        assert_eq!(client("2001:db8:1:2::1"), "2001:db8:1::");
        assert_eq!(client("2001:db8:1:ff:ffff::9"), "2001:db8:1::");
        assert_eq!(client("2001:db8:1:100::1"), "2001:db8:1:100::");
        assert_eq!(client("::ffff:192.0.2.1"), "192.0.2.1");
    }
}
