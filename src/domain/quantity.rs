//! Kubernetes quantities (`100m`, `1.5Gi`, `12e3`) as exact numbers. Parsing only: what is shown stays as it was written.
//!
//! Source of the format: Kubernetes `pkg/api/resource/quantity.go`.

/// In billionths of a unit. Anything finer is rounded up, as the API server does; a value that is too large becomes the
/// largest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Quantity(i128);

/// Billionths have so many digits.
const NANO: u32 = 9;

impl Quantity {
    /// `None` for what is no quantity.
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        let (negative, unsigned) = match text.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, text.strip_prefix('+').unwrap_or(text)),
        };
        let end = unsigned.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(unsigned.len());
        let (number, suffix) = unsigned.split_at(end);
        let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
        if whole.len() + fraction.len() == 0 || fraction.contains('.') {
            return None;
        }
        let mut value = 0i128;
        for digit in whole.bytes().chain(fraction.bytes()) {
            value = value.saturating_mul(10).saturating_add(i128::from(digit - b'0'));
        }
        let scale = Scale::parse(suffix)?;
        let places = i64::try_from(fraction.len()).ok()?;
        let value = scaled(value.saturating_mul(scale.binary), scale.decimal + i64::from(NANO) - places);
        Some(Self(if negative { -value } else { value }))
    }

    /// How much of `all` this is, in percent, rounded down: 99 is not yet 100. If `all` is 0, any amount is too much.
    pub fn percent_of(self, all: Self) -> i64 {
        match (self.0, all.0) {
            (..=0, _) => 0,
            (_, ..=0) => i64::MAX,
            (part, whole) => {
                let percent = part.checked_mul(100).map_or_else(|| part / (whole / 100).max(1), |p| p / whole);
                i64::try_from(percent).unwrap_or(i64::MAX)
            }
        }
    }

    pub fn is_zero(self) -> bool {
        self.0 == 0
    }
}

/// What a suffix multiplies by: a power of 1024, a power of ten.
struct Scale {
    binary: i128,
    decimal: i64,
}

impl Scale {
    fn parse(suffix: &str) -> Option<Self> {
        let decimal = |decimal| Some(Self { binary: 1, decimal });
        let binary = |power: u32| Some(Self { binary: 1 << (10 * power), decimal: 0 });
        match suffix {
            "n" => decimal(-9),
            "u" => decimal(-6),
            "m" => decimal(-3),
            "" => decimal(0),
            "k" => decimal(3),
            "M" => decimal(6),
            "G" => decimal(9),
            "T" => decimal(12),
            "P" => decimal(15),
            "E" => decimal(18),
            "Ki" => binary(1),
            "Mi" => binary(2),
            "Gi" => binary(3),
            "Ti" => binary(4),
            "Pi" => binary(5),
            "Ei" => binary(6),
            // `E` alone is a suffix, with digits behind it an exponent
            other => decimal(i64::from(other.strip_prefix(['e', 'E'])?.parse::<i16>().ok()?)),
        }
    }
}

/// `value` times ten to the power of `exponent`.
fn scaled(value: i128, exponent: i64) -> i128 {
    let power = u32::try_from(exponent.unsigned_abs()).ok().and_then(|power| 10i128.checked_pow(power));
    match power {
        Some(power) if exponent >= 0 => value.saturating_mul(power),
        Some(power) => value / power + i128::from(value % power != 0),
        // beyond every number: nothing stays nothing
        None if exponent >= 0 && value > 0 => i128::MAX,
        None => i128::from(value > 0),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("0", 0)]
    #[case("1", 1_000_000_000)]
    #[case("+1", 1_000_000_000)]
    #[case("-1", -1_000_000_000)]
    #[case(".5", 500_000_000)]
    #[case("5.", 5_000_000_000)]
    #[case("0.1", 100_000_000)]
    #[case("100m", 100_000_000)]
    #[case("1500u", 1_500_000)]
    #[case("7n", 7)]
    #[case("0.1n", 1)]
    #[case("-0.1n", -1)]
    #[case("1.5Gi", 1_610_612_736_000_000_000)]
    #[case("3584Mi", 3_758_096_384_000_000_000)]
    #[case("2Ki", 2_048_000_000_000)]
    #[case("1Ti", 1_099_511_627_776_000_000_000)]
    #[case("1Pi", 1_125_899_906_842_624_000_000_000)]
    #[case("8Ei", 9_223_372_036_854_775_808_000_000_000)]
    #[case("1k", 1_000_000_000_000)]
    #[case("1M", 1_000_000_000_000_000)]
    #[case("1G", 1_000_000_000_000_000_000)]
    #[case("1T", 1_000_000_000_000_000_000_000)]
    #[case("1P", 1_000_000_000_000_000_000_000_000)]
    #[case("1E", 1_000_000_000_000_000_000_000_000_000)]
    #[case("12e3", 12_000_000_000_000)]
    #[case("12E3", 12_000_000_000_000)]
    #[case("12e-3", 12_000_000)]
    #[case("12e+3", 12_000_000_000_000)]
    #[case("1e-99", 1)]
    #[case("0e99", 0)]
    #[case("1e99", i128::MAX)]
    #[case(" 4 ", 4_000_000_000)]
    fn a_quantity_is_exact(#[case] text: &str, #[case] billionths: i128) {
        assert_eq!(Quantity::parse(text), Some(Quantity(billionths)));
    }

    #[rstest]
    fn what_is_no_quantity_is_none(
        #[values("", "-", ".", "1.2.3", "1Kii", "1K", "1 Gi", "Gi", "1e", "1e1.5", "1mi", "ä", "1e99999")] text: &str,
    ) {
        assert_eq!(Quantity::parse(text), None);
    }

    #[rstest]
    #[case("3800m", "4", 95)]
    #[case("3999m", "4", 99)]
    #[case("4", "4", 100)]
    #[case("5", "4", 125)]
    #[case("7Gi", "7168Mi", 100)]
    #[case("1000M", "1Gi", 93)]
    #[case("0", "0", 0)]
    #[case("1", "0", i64::MAX)]
    #[case("-1", "4", 0)]
    #[case("1e99", "2e99", 100)]
    fn a_share_is_rounded_down(#[case] part: &str, #[case] all: &str, #[case] percent: i64) {
        assert_eq!(Quantity::parse(part).unwrap().percent_of(Quantity::parse(all).unwrap()), percent);
    }

    proptest! {
        #[test]
        fn no_text_panics(text in "[-+]?[0-9]{0,40}[.]?[0-9]{0,40}[eEkKmnuiMG]{0,2}[-0-9]{0,5}", other in ".*") {
            for one in [&text, &other] {
                if let Some(quantity) = Quantity::parse(one) {
                    let _ = (quantity.percent_of(quantity), quantity.is_zero());
                }
            }
        }
    }
}
