//! Wiring: open store, journal and archive; start both planes; stop in order and lose nothing.
