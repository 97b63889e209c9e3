//! Client hints: what a Chromium browser says of itself in `Sec-CH-UA…`. They go before the user agent, which
//! Chromium has frozen.

use crate::domain::click::Device;
use crate::domain::hit::Hit;

/// What the hints of one hit say; a field is empty or `None` where they say nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Hints {
    pub(super) device: Option<Device>,
    pub(super) system: &'static str,
    pub(super) browser: &'static str,
    pub(super) headless: bool,
}

impl Hints {
    /// They speak of no desktop.
    pub(super) fn is_handheld(&self) -> bool {
        self.system == "iOS" || matches!(self.device, Some(Device::Mobile | Device::Tablet))
    }
}

pub(super) fn read(hit: &Hit<'_>) -> Hints {
    let system = system(hit.platform);
    Hints {
        device: device(hit.form_factors, hit.mobile, system),
        system,
        browser: browser(hit.brands),
        headless: hit.brands.contains("Headless"),
    }
}

fn system(platform: &str) -> &'static str {
    match platform.trim().trim_matches('"') {
        "Android" => "Android",
        "Windows" => "Windows",
        "macOS" | "Mac OS X" => "macOS",
        "iOS" => "iOS",
        "iPadOS" => "iPadOS",
        "Linux" => "Linux",
        "Chrome OS" | "Chromium OS" => "ChromeOS",
        "Fuchsia" => "Fuchsia",
        _ => "",
    }
}

/// `Sec-CH-UA-Form-Factors` names the device; without it `?1` means a phone, and `?0` means "no phone", which is a
/// tablet on Android and a desktop where the system is one of those.
fn device(form_factors: &str, mobile: &str, system: &str) -> Option<Device> {
    const FACTORS: [(&str, Device); 6] = [
        ("\"Watch\"", Device::Wearable),
        ("\"XR\"", Device::Wearable),
        ("\"Tablet\"", Device::Tablet),
        ("\"EInk\"", Device::Tablet),
        ("\"Mobile\"", Device::Mobile),
        ("\"Desktop\"", Device::Desktop),
    ];
    let named = FACTORS.iter().find(|(name, _)| form_factors.contains(name));
    match (named, mobile.trim(), system) {
        (Some((_, device)), ..) => Some(*device),
        (None, "?1", _) => Some(Device::Mobile),
        (None, "?0", "Windows" | "macOS" | "Linux" | "ChromeOS") => Some(Device::Desktop),
        _ => None,
    }
}

/// The brand that says more than "Chromium"; the engine's own brand and the made-up one say nothing.
fn browser(brands: &str) -> &'static str {
    const BRANDS: [(&str, &str); 22] = [
        ("\"Microsoft Edge\"", "Edge"),
        ("\"Opera\"", "Opera"),
        ("\"Opera GX\"", "Opera"),
        ("\"OperaMobile\"", "Opera"),
        ("\"Opera Mobile\"", "Opera"),
        ("\"Brave\"", "Brave"),
        ("\"Samsung Internet\"", "Samsung Internet"),
        ("\"Vivaldi\"", "Vivaldi"),
        ("\"YaBrowser\"", "Yandex Browser"),
        ("\"Yandex\"", "Yandex Browser"),
        ("\"DuckDuckGo\"", "DuckDuckGo"),
        ("\"Whale\"", "Whale"),
        ("\"Avast Secure Browser\"", "Avast Secure Browser"),
        ("\"AVG Secure Browser\"", "AVG Secure Browser"),
        ("\"Avira Secure Browser\"", "Avira Browser"),
        ("\"CCleaner Browser\"", "CCleaner Browser"),
        ("\"Norton Private Browser\"", "Norton Browser"),
        ("\"CocCoc\"", "Coc Coc"),
        ("\"Oculus Browser\"", "Oculus Browser"),
        ("\"Wavebox\"", "Wavebox"),
        ("\"HuaweiBrowser\"", "Huawei Browser"),
        ("\"Google Chrome\"", "Chrome"),
    ];
    BRANDS.iter().find(|(brand, _)| brands.contains(brand)).map_or("", |(_, name)| name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::link::LinkId;

    fn hints(headers: &[(&str, &'static str)]) -> Hints {
        let mut hit = Hit::new(LinkId(1), 0);
        for (name, value) in headers {
            hit.take_header(name, value.as_bytes());
        }
        read(&hit)
    }

    #[test]
    fn no_hint_says_nothing() {
        assert_eq!(hints(&[]), Hints::default());
        assert_eq!(hints(&[("sec-ch-ua", "\"Chromium\";v=\"130\", \"Not?A_Brand\";v=\"99\"")]), Hints::default());
    }

    #[test]
    fn the_brand_beside_chromium_names_the_browser() {
        let brands = "\"Chromium\";v=\"130\", \"Microsoft Edge\";v=\"130\", \"Not?A_Brand\";v=\"99\"";
        assert_eq!(hints(&[("sec-ch-ua", brands)]).browser, "Edge");
    }

    #[test]
    fn form_factors_go_before_the_mobile_hint() {
        let tablet = hints(&[("sec-ch-ua-form-factors", "\"Tablet\""), ("sec-ch-ua-mobile", "?1")]);
        assert_eq!(tablet.device, Some(Device::Tablet));
        let phone = hints(&[("sec-ch-ua-platform", "\"Android\""), ("sec-ch-ua-mobile", "?1")]);
        assert_eq!((phone.device, phone.system), (Some(Device::Mobile), "Android"));
        let desktop = hints(&[("sec-ch-ua-platform", "\"Windows\""), ("sec-ch-ua-mobile", "?0")]);
        assert_eq!(desktop.device, Some(Device::Desktop));
    }
}
