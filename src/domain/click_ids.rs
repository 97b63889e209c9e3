//! Click ids: the parameters with which platforms mark a single click, and the few whose values may be kept.
//! A value that names a person is never kept.
//!
//! Source: `henkisdabro/platform-url-click-id-parameters` and the platforms' help pages. Names that sites also
//! use for their own purposes (`si`, `s_cid`, `ref_url`) are left out: a visitor's may not replace an owner's.

/// Lower-case and sorted, for [`is_click_id`].
const CLICK_IDS: [&str; 38] = [
    "_bhlid",
    "_hsenc",
    "_hsmi",
    "_ke",
    "_kx",
    "ck_subscriber_id",
    "dclid",
    "dicbo",
    "epik",
    "fbclid",
    "gad_campaignid",
    "gad_source",
    "gbraid",
    "gclid",
    "igsh",
    "igshid",
    "irclickid",
    "li_fat_id",
    "mc_cid",
    "mc_eid",
    "mkt_tok",
    "ml_subscriber",
    "ml_subscriber_hash",
    "msclkid",
    "mtm_cid",
    "pk_cid",
    "rdt_cid",
    "sccid",
    "srsltid",
    "ss_email_id",
    "tblci",
    "ttclid",
    "twclid",
    "vero_id",
    "vmcid",
    "wbraid",
    "yclid",
    "ysclid",
];

/// Whether a decoded, lower-case parameter name is a platform's click id.
pub(crate) fn is_click_id(name: &str) -> bool {
    CLICK_IDS.binary_search(&name).is_ok()
}

/// The ids that an advertiser hands back to report a conversion that happened elsewhere ("offline conversion import",
/// "conversions API"). They name a click, not a person. Every other id is kept by its name alone: `mc_eid`, `mkt_tok` or
/// `ck_subscriber_id` stand for somebody on a mailing list.
const KEPT: [&str; 8] = ["fbclid", "gbraid", "gclid", "li_fat_id", "msclkid", "ttclid", "twclid", "wbraid"];

/// The longest value that is kept, in bytes; the longest in use (`fbclid`, `ttclid`) have less than 300. A longer one is
/// left out, because a part of an id is worth nothing.
pub(crate) const KEPT_BYTES_MAX: usize = 400;

/// Whether this value of this parameter (decoded, lower-case) may be kept. Ids are made of few characters; what holds
/// others, such as an address of mail, is no id, whatever its name says.
pub(crate) fn may_be_kept(name: &str, value: &str) -> bool {
    let is_sign = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'~');
    KEPT.binary_search(&name).is_ok() && (1..=KEPT_BYTES_MAX).contains(&value.len()) && value.bytes().all(is_sign)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_sorted_lower_case_and_fits_the_lookup() {
        assert!(CLICK_IDS.is_sorted());
        for name in CLICK_IDS {
            assert_eq!(name, name.to_ascii_lowercase());
            assert!(is_click_id(name));
        }
        assert!(!is_click_id("id"));
    }

    #[test]
    fn only_ids_of_clicks_that_look_like_ids_may_be_kept() {
        assert!(KEPT.is_sorted() && KEPT.iter().all(|name| is_click_id(name)));
        assert!(may_be_kept("gclid", "Cj0KCQiA-_.~x"));
        for (name, value) in [("mc_eid", "ab12"), ("mkt_tok", "x"), ("gclid", ""), ("gclid", "jane@example.com")] {
            assert!(!may_be_kept(name, value), "{name}={value}");
        }
        assert!(!may_be_kept("ttclid", &"x".repeat(KEPT_BYTES_MAX + 1)));
    }
}
