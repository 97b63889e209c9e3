//! Impressions: files in, denominators out.
