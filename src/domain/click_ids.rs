//! Click ids: the parameters with which platforms mark a single click. Their names only; values are never read.
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
}
