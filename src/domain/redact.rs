//! Addresses without what they may carry besides the place: user, password, token.
//!
//! Never shows the part of a URL before `@`, its query or its fragment, nor the path of a chat's webhook, which is its
//! password.

use std::borrow::Cow;

/// Hosts whose addresses are to be known by nobody else: who has one may write there.
const HOOKS: &[&str] = &[
    "hooks.slack.com",
    "hooks.slack-gov.com",
    "discord.com/api/webhooks",
    "discordapp.com/api/webhooks",
    "webhook.office.com",
    "outlook.office.com/webhook",
    "api.telegram.org/bot",
    "hooks.zapier.com",
    "hooks.chime.aws",
    "hook.make.com",
    "maker.ifttt.com",
    "events.pagerduty.com/integration",
    "alert.victorops.com/integrations",
    "open.feishu.cn/open-apis/bot",
    "open.larksuite.com/open-apis/bot",
    "hc-ping.com",
    "healthchecks.io/ping",
    "nosnch.in",
    "uptime.betterstack.com/api/v1/heartbeat",
    "heartbeat.uptimerobot.com",
    "logic.azure.com/workflows",
];
/// What other chats (Mattermost, Rocket.Chat, Gitea) have in the path of such an address.
const HOOK_PATHS: &[&str] = &["/hooks/", "/hook/", "/webhook/", "/webhooks/"];

/// `text` with the user part, the query and the fragment of each URL in it taken out.
pub fn urls(text: &str) -> Cow<'_, str> {
    if !text.contains("://") {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find("://") {
        let (head, tail) = rest.split_at(at + 3);
        out.push_str(head);
        let end =
            tail.find(|c: char| c.is_whitespace() || matches!(c, '\'' | '"' | '`' | '<' | '>')).unwrap_or(tail.len());
        let end = setting(&tail[..end]).unwrap_or(end);
        // an address in brackets
        let end = if tail[..end].ends_with(')') && !tail[..end].contains('(') { end - 1 } else { end };
        let (url, after) = tail.split_at(end);
        address(&url[place(url)..], &mut out);
        rest = after;
    }
    out.push_str(rest);
    Cow::Owned(out)
}

/// Where the next setting of a connection string begins: `;Name=`.
fn setting(url: &str) -> Option<usize> {
    url.match_indices(';').map(|(at, _)| at).find(|at| {
        let (name, _) = url[at + 1..].split_once('=').unwrap_or_default();
        name.len() > 1 && name.bytes().all(|b| b.is_ascii_alphabetic())
    })
}

/// Where the host begins.
fn place(url: &str) -> usize {
    let authority = &url[..url.find(['/', '?', '#', '\\']).unwrap_or(url.len())];
    if let Some(at) = authority.rfind('@') {
        return at + 1;
    }
    // text in the place of a port is the beginning of a password with a slash in it
    let port = authority.rsplit(':').next().filter(|port| port.len() < authority.len() && !authority.ends_with(']'));
    match (port, url.rfind('@')) {
        (Some(port), Some(at)) if !port.bytes().all(|b| b.is_ascii_digit()) => at + 1,
        _ => 0,
    }
}

/// From the host on.
fn address(url: &str, out: &mut String) {
    let (whole, more) = match url.find(['?', '#']) {
        Some(at) => (&url[..at], Some(&url[at..=at])),
        None => (url, None),
    };
    let host = whole.find('/').unwrap_or(whole.len());
    let named = whole[..host].split(':').next().unwrap_or_default().to_ascii_lowercase();
    let is_hook = HOOKS.iter().any(|hook| {
        let (name, path) = hook.split_once('/').map_or((*hook, ""), |(name, _)| (name, &hook[name.len()..]));
        (named == *name || named.ends_with(&format!(".{name}"))) && whole[host..].starts_with(path)
    });
    out.push_str(&whole[..host]);
    let path = &whole[host..];
    if is_hook && path.len() > 1 {
        out.push_str("/…");
    } else if let Some(at) = HOOK_PATHS.iter().find_map(|hook| Some(path.find(hook)? + hook.len())) {
        out.push_str(&path[..at]);
        out.push('…');
    } else {
        // an address may be the path of another one
        out.push_str(&urls(path));
    }
    if let Some(more) = more {
        out.push_str(more);
        out.push('…');
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case("https://u:p@git.example/x.git", "https://git.example/x.git")]
    #[case("https://u:p%40q@git.example", "https://git.example")]
    #[case("https://u:p@q@git.example/a@b", "https://git.example/a@b")]
    #[case("https://u:pa/ss@git.example/a", "https://git.example/a")]
    #[case("https://u:pa?s#s@git.example/a", "https://git.example/a")]
    #[case("https://git.example:8443/a@b", "https://git.example:8443/a@b")]
    #[case("https://[fd00::1]/a@b", "https://[fd00::1]/a@b")]
    #[case("ssh://git@git.example:22/x", "ssh://git.example:22/x")]
    #[case("https://git.example/x?token=abc", "https://git.example/x?…")]
    #[case("https://git.example/x#access_token=abc", "https://git.example/x#…")]
    #[case("https://a.example/https://u:p@b.example/x", "https://a.example/https://b.example/x")]
    #[case("https://hooks.slack.com/services/T0/B0/secret", "https://hooks.slack.com/…")]
    #[case("https://acme.webhook.office.com/webhookb2/secret", "https://acme.webhook.office.com/…")]
    #[case("https://discord.com/api/webhooks/1/secret", "https://discord.com/…")]
    #[case("https://discord.com/developers/docs", "https://discord.com/developers/docs")]
    #[case("https://chat.example/hooks/secret", "https://chat.example/hooks/…")]
    #[case("https://Hooks.Slack.com/services/T0/B0/secret", "https://Hooks.Slack.com/…")]
    #[case("https://events.pagerduty.com/integration/secret/enqueue", "https://events.pagerduty.com/…")]
    #[case("https://events.pagerduty.com/v2/enqueue", "https://events.pagerduty.com/v2/enqueue")]
    #[case("https://hc-ping.com/secret", "https://hc-ping.com/…")]
    #[case("https://prod-1.eu.logic.azure.com:443/workflows/secret", "https://prod-1.eu.logic.azure.com:443/…")]
    #[case("a=https://u:p@db.example/x;Password=b", "a=https://db.example/x;Password=b")]
    #[case("https://u:p;q@git.example/x", "https://git.example/x")]
    #[case("t (see https://u:p@git.example/x?token=abc)", "t (see https://git.example/x?…)")]
    #[case("https://git.example/x_(y)", "https://git.example/x_(y)")]
    #[case(
        "unable to clone 'https://t0ken@git.example/x': not found",
        "unable to clone 'https://git.example/x': not found"
    )]
    #[case("GET \"http://a:b@h/1\" and http://c:d@h/2 failed", "GET \"http://h/1\" and http://h/2 failed")]
    #[case("no address, one@mail", "no address, one@mail")]
    #[case("://@", "://")]
    fn secrets_of_addresses_are_not_shown(#[case] text: &str, #[case] expected: &str) {
        assert_eq!(urls(text), expected);
    }

    proptest::proptest! {
        #[test]
        fn no_password_survives(user in "[a-z]{1,8}", password in "[a-zA-Z0-9:@%!]{6,20}", tail in "[a-z/ ]{0,20}") {
            let text = format!("x https://{user}:{password}@h.example/{tail}");
            proptest::prop_assert_eq!(urls(&text), format!("x https://h.example/{tail}"));
        }
        #[test]
        fn no_text_breaks_it(text in proptest::prelude::any::<String>()) {
            let _ = urls(&text);
        }
    }
}
