//! Which HTTP proxy leads to a server, chosen as kubectl chooses: `proxy-url` of the cluster, else the environment
//! (`HTTPS_PROXY` or `HTTP_PROXY` by the server's scheme, `NO_PROXY` and loopback excepted). Opens no connection.

use std::net::IpAddr;

use ::http::Uri;

use crate::config::env::Env;

/// The proxy for `target`, if any. `own` is the cluster's `proxy-url`, which no exception applies to.
///
/// # Errors
/// The text that is no proxy address, and where it was found.
pub fn choose(target: &Uri, own: Option<&str>, env: &Env) -> Result<Option<Uri>, BadProxy> {
    if let Some(text) = own.filter(|text| !text.is_empty()) {
        return parse(text, "proxy-url").map(Some);
    }
    let (names, place) = match target.scheme_str() {
        Some("https") => (["HTTPS_PROXY", "https_proxy"], "HTTPS_PROXY"),
        _ => (["HTTP_PROXY", "http_proxy"], "HTTP_PROXY"),
    };
    let Some(text) = env.first(&names) else { return Ok(None) };
    let host = target.host().unwrap_or_default().trim_matches(['[', ']']);
    if excepted(host, target.port_u16(), env.first(&["NO_PROXY", "no_proxy"]).unwrap_or_default()) {
        return Ok(None);
    }
    parse(text, place).map(Some)
}

/// A proxy address that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BadProxy {
    pub place: &'static str,
    pub text: String,
}

fn parse(text: &str, place: &'static str) -> Result<Uri, BadProxy> {
    let (scheme, rest) = text.split_once("://").unwrap_or(("http", text));
    let scheme = match scheme.to_ascii_lowercase().as_str() {
        // names are looked up by the proxy in either case
        "socks5h" => "socks5".to_owned(),
        scheme => scheme.to_owned(),
    };
    let uri: Option<Uri> = format!("{scheme}://{rest}").parse().ok();
    uri.filter(|uri| uri.host().is_some() && matches!(uri.scheme_str(), Some("http" | "https" | "socks5")))
        // Userinfo may hold a password: only what follows it is repeated.
        .ok_or_else(|| BadProxy { place, text: text.rsplit('@').next().unwrap_or(text).to_owned() })
}

/// Whether a host is reached without the environment's proxy.
fn excepted(host: &str, port: Option<u16>, no_proxy: &str) -> bool {
    let address: Option<IpAddr> = host.parse().ok();
    if host.eq_ignore_ascii_case("localhost") || address.is_some_and(|address| address.is_loopback()) {
        return true;
    }
    no_proxy.split(',').map(str::trim).filter(|entry| !entry.is_empty()).any(|entry| {
        if entry == "*" {
            return true;
        }
        if let (Some(address), Some((network, bits))) = (address, entry.split_once('/')) {
            return in_network(address, network, bits);
        }
        let (name, wanted_port) = match entry.rsplit_once(':') {
            Some((name, digits)) if !name.contains(':') => (name, digits.parse::<u16>().ok()),
            _ => (entry, None),
        };
        if wanted_port.is_some() && wanted_port != port {
            return false;
        }
        match address {
            Some(address) => name.parse() == Ok(address),
            None => is_domain(host, name),
        }
    })
}

/// `example.com` covers itself and everything below it, `.example.com` only what is below.
fn is_domain(host: &str, name: &str) -> bool {
    let (host, name) = (host.to_lowercase(), name.to_lowercase());
    let name = name.strip_prefix('*').unwrap_or(&name);
    match name.strip_prefix('.') {
        Some(_) => host.ends_with(name),
        None => host == name || host.strip_suffix(name).is_some_and(|rest| rest.ends_with('.')),
    }
}

fn in_network(address: IpAddr, network: &str, bits: &str) -> bool {
    let (Ok(network), Ok(bits)) = (network.parse::<IpAddr>(), bits.parse::<u32>()) else { return false };
    match (address, network) {
        (IpAddr::V4(address), IpAddr::V4(network)) if bits <= 32 => {
            let mask = u32::MAX.checked_shl(32 - bits).unwrap_or(0);
            address.to_bits() & mask == network.to_bits() & mask
        }
        (IpAddr::V6(address), IpAddr::V6(network)) if bits <= 128 => {
            let mask = u128::MAX.checked_shl(128 - bits).unwrap_or(0);
            address.to_bits() & mask == network.to_bits() & mask
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn env(pairs: &[(&str, &str)]) -> Env {
        pairs.iter().copied().collect()
    }

    #[test]
    fn the_clusters_own_proxy_wins_and_knows_no_exceptions() {
        let env = env(&[("HTTPS_PROXY", "http://other:1"), ("NO_PROXY", "*")]);
        let target = Uri::from_static("https://api.example.com:6443");
        assert_eq!(
            choose(&target, Some("socks5://bastion:1080"), &env),
            Ok(Some(Uri::from_static("socks5://bastion:1080")))
        );
        assert_eq!(choose(&target, None, &env), Ok(None));
    }

    #[test]
    fn the_scheme_of_the_server_chooses_the_variable() {
        let env = env(&[("HTTPS_PROXY", "secure:3128"), ("http_proxy", "plain:3128")]);
        let chosen =
            |target| choose(&Uri::from_static(target), None, &env).unwrap().unwrap().host().unwrap().to_owned();
        assert_eq!(chosen("https://api.example.com"), "secure");
        assert_eq!(chosen("http://api.example.com"), "plain");
        assert_eq!(choose(&Uri::from_static("https://127.0.0.1:6443"), None, &env), Ok(None));
    }

    #[test]
    fn exceptions_match_the_server_not_the_proxy() {
        let cases = [
            ("api.example.com", "example.com", true),
            ("example.com", ".example.com", false),
            ("badexample.com", "example.com", false),
            ("10.0.0.7", "10.0.0.0/24", true),
            ("10.0.1.7", "10.0.0.0/24,", false),
            ("10.0.1.7", "192.168.0.0/16, 10.0.1.7", true),
            ("api.example.com", "api.example.com:6443", true),
            ("api.example.com", "api.example.com:443", false),
            ("fd00::7", "fd00::/8", true),
            ("api.example.com", "", false),
        ];
        for (host, exceptions, expected) in cases {
            assert_eq!(excepted(host, Some(6443), exceptions), expected, "{host} in {exceptions}");
        }
    }

    #[test]
    fn a_scheme_is_taken_in_capitals_and_with_names_looked_up_by_the_proxy() {
        let target = Uri::from_static("https://api.example.com");
        for text in ["socks5h://bastion:1080", "SOCKS5://bastion:1080", "Socks5H://bastion:1080"] {
            let chosen = choose(&target, None, &env(&[("HTTPS_PROXY", text)]));
            assert_eq!(chosen, Ok(Some(Uri::from_static("socks5://bastion:1080"))), "{text}");
            assert_eq!(choose(&target, Some(text), &env(&[])), chosen, "{text}");
        }
    }

    #[test]
    fn a_bad_proxy_is_named_without_its_password() {
        let env = env(&[("HTTPS_PROXY", "ftp://alice:hunter2@bastion:21")]);
        let error = choose(&Uri::from_static("https://api.example.com"), None, &env).unwrap_err();
        assert_eq!(error, BadProxy { place: "HTTPS_PROXY", text: "bastion:21".to_owned() });
    }
}
