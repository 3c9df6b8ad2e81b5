//! Addresses without what they may carry beside the place: user, password, token.
//!
//! Never shows the part of a URL before `@`, nor its query.

use std::borrow::Cow;

/// `text` with the user part and the query of each URL in it taken out.
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
        let (url, after) = tail.split_at(end);
        let authority = url.find(['/', '?', '#']).unwrap_or(url.len());
        let host = url[..authority].rfind('@').map_or(0, |i| i + 1);
        let shown = &url[host..];
        match shown.find('?') {
            Some(query) => {
                out.push_str(&shown[..query]);
                out.push_str("?…");
            }
            None => out.push_str(shown),
        }
        rest = after;
    }
    out.push_str(rest);
    Cow::Owned(out)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case("https://u:p@git.example/x.git", "https://git.example/x.git")]
    #[case("https://u:p%40q@git.example", "https://git.example")]
    #[case("https://u:p@q@git.example/a@b", "https://git.example/a@b")]
    #[case("ssh://git@git.example:22/x", "ssh://git.example:22/x")]
    #[case("https://git.example/x?token=abc", "https://git.example/x?…")]
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
