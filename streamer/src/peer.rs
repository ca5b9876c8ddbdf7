//! The WebRTC connection of a client, with which `publish` sends and `play` receives.

use std::net::{IpAddr, Ipv4Addr, SocketAddr, ToSocketAddrs};
use std::sync::Arc;
use std::time::Duration;

use rtc::ice::mdns::MulticastDnsMode;
use url::Url;
use webrtc::peer_connection::{
    MediaEngine, PeerConnection, PeerConnectionBuilder, PeerConnectionEventHandler,
    RTCConfigurationBuilder, Registry, SettingEngineBuilder, register_default_interceptors,
};

/// A connection to the streamer at this URL, on which nothing has been offered yet. The times are ICE's: of silence until it
/// counts as disconnected, from then until as failed, and between two signs of life; the usual ones where none is given.
///
/// # Errors
/// When no socket can be bound.
pub(crate) async fn connection(
    url: &Url,
    mut media: MediaEngine,
    [disconnected, failed, keep_alive]: [Option<Duration>; 3],
    handler: Arc<dyn PeerConnectionEventHandler>,
) -> Result<Arc<dyn PeerConnection>, webrtc::error::Error> {
    let registry = register_default_interceptors(Registry::new(), &mut media)?;
    let settings = SettingEngineBuilder::new()
        .with_include_loopback_candidate(true)
        .with_multicast_dns_mode(MulticastDnsMode::Disabled)
        .with_ice_timeouts(disconnected, failed, keep_alive)
        .build();
    let local = SocketAddr::new(local_address(url), 0);
    let connection = PeerConnectionBuilder::new()
        .with_configuration(RTCConfigurationBuilder::new().build())
        .with_media_engine(media)
        .with_setting_engine(settings)
        .with_interceptor_registry(registry)
        .with_handler(handler)
        .with_udp_addrs(vec![local])
        .build()
        .await?;
    Ok(Arc::new(connection))
}

/// The address from which this machine reaches the streamer. Connecting a UDP socket sends nothing.
fn local_address(url: &Url) -> IpAddr {
    let host = url
        .host_str()
        .unwrap_or_default()
        .trim_matches(['[', ']'])
        .to_owned();
    let found = (host.as_str(), url.port_or_known_default().unwrap_or(443))
        .to_socket_addrs()
        .ok()
        .and_then(|addresses| {
            let mut addresses: Vec<SocketAddr> = addresses.collect();
            addresses.sort_by_key(SocketAddr::is_ipv6);
            addresses.into_iter().find_map(|address| {
                let unspecified: IpAddr = if address.is_ipv4() {
                    Ipv4Addr::UNSPECIFIED.into()
                } else {
                    std::net::Ipv6Addr::UNSPECIFIED.into()
                };
                let socket = std::net::UdpSocket::bind((unspecified, 0)).ok()?;
                socket.connect(address).ok()?;
                Some(socket.local_addr().ok()?.ip())
            })
        });
    found.unwrap_or(Ipv4Addr::LOCALHOST.into())
}
