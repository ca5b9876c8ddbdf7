//! Who asks, for the bounds by address.

use std::net::{IpAddr, SocketAddr};

use axum::http::HeaderMap;

/// The client's address: the connection's, or, behind a trusted proxy, the last of X-Forwarded-For, which that proxy wrote.
pub(super) fn client_address(
    connection: SocketAddr,
    headers: &HeaderMap,
    trust_forwarded_for: bool,
) -> IpAddr {
    let forwarded = || {
        let last = headers.get_all("x-forwarded-for").iter().next_back()?;
        last.to_str().ok()?.rsplit(',').next()?.trim().parse().ok()
    };
    if trust_forwarded_for {
        forwarded().unwrap_or(connection.ip())
    } else {
        connection.ip()
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
}
