//! Parquet: one file, row group by row group.
//!
//! It must never carry the mark of a click file: an export that is saved into the archive's folder would otherwise
//! count every click a second time.

use std::io;

use super::super::click_file;
use super::Scan;

pub(super) fn write(scan: Scan, out: impl io::Write + Send) -> io::Result<u64> {
    let writer = click_file::properties().and_then(|properties| click_file::writer(out, properties));
    let mut writer = writer.map_err(io::Error::other)?;
    let mut rows = 0;
    for batch in scan {
        let batch = batch?;
        writer.write(&batch).map_err(io::Error::other)?;
        rows += batch.num_rows() as u64;
    }
    writer.into_inner().map_err(io::Error::other)?.flush()?;
    Ok(rows)
}
