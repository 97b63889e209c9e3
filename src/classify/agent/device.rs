//! The class of device: hints, then the tokens in the order in which they can be trusted, then the system.

use crate::domain::click::Device;

use super::hints::Hints;
use super::tokens::{Class, Found};

/// What runs Windows and calls itself a tablet is a computer with a touch screen.
fn is_tablet_pc(device: Device, os: &str) -> bool {
    device == Device::Tablet && os == "Windows"
}

/// A television on Android also says `Mobile` now and then, and a tablet often does; so the rarer class goes first.
pub(super) fn class(found: &Found, hints: &Hints, os: &str) -> Device {
    const BY_TOKEN: [(Class, Device); 7] = [
        (Class::Tv, Device::Tv),
        (Class::Console, Device::Console),
        (Class::Wearable, Device::Wearable),
        (Class::Tablet, Device::Tablet),
        (Class::Mobile, Device::Mobile),
        (Class::Handset, Device::Mobile),
        (Class::Desktop, Device::Desktop),
    ];
    let mut found_by_token = BY_TOKEN.iter().filter(|(class, _)| found.is(*class)).map(|(_, device)| *device);
    let by_token = found_by_token.find(|device| !is_tablet_pc(*device, os));
    if os == "iPadOS" {
        return Device::Tablet;
    }
    hints.device.or(by_token).unwrap_or_else(|| by_system(os, found.app.is_some()))
}

/// Android without the word `Mobile` is a tablet, Google's own rule for its browsers; apps do not follow it.
fn by_system(os: &str, in_app: bool) -> Device {
    match os {
        "Android" | "HarmonyOS" if in_app => Device::Mobile,
        "Android" | "HarmonyOS" | "iPadOS" => Device::Tablet,
        "iOS" | "Windows Phone" | "Windows Mobile" | "Symbian" | "KaiOS" | "Firefox OS" | "Tizen" => Device::Mobile,
        "Windows" | "macOS" | "Mac OS" | "Linux" | "ChromeOS" | "FreeBSD" | "OpenBSD" | "NetBSD" | "DragonFly BSD"
        | "Solaris" | "Haiku" | "BeOS" | "SerenityOS" | "OS/2" => Device::Desktop,
        _ => Device::Other,
    }
}
