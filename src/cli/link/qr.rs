//! `waypost link qr`: the QR code of a link, written to a file or to standard output.

use std::io::{self, IsTerminal};
use std::path::{Path, PathBuf};

use clap::ValueEnum;
use reqwest::Method;

use super::{Named, path_of};
use crate::cli::Usage;
use crate::cli::client::{Body, Client};
use crate::cli::export::Output;

#[derive(Debug, clap::Args)]
pub(super) struct Qr {
    #[command(flatten)]
    named: Named,
    /// The form of the picture [default: by the name of the file, else svg]
    #[arg(long)]
    format: Option<Format>,
    /// Pixels of a side, 128 to 4096 [default: 512]
    #[arg(long, value_name = "PIXELS")]
    size: Option<u32>,
    /// The file to write [default: standard output]
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    Svg,
    Png,
}

impl Format {
    fn as_str(self) -> &'static str {
        match self {
            Self::Svg => "svg",
            Self::Png => "png",
        }
    }

    fn of_file(path: &Path) -> Option<Self> {
        let extension = path.extension()?.to_str()?.to_ascii_lowercase();
        Self::value_variants().iter().copied().find(|format| format.as_str() == extension)
    }
}

pub(super) async fn run(client: &Client, qr: &Qr) -> anyhow::Result<()> {
    let format = qr.format.or_else(|| Format::of_file(qr.output.as_deref()?)).unwrap_or(Format::Svg);
    let output = Output::of(qr.output.as_deref())?;
    if output == Output::Stdout && format == Format::Png && io::stdout().is_terminal() {
        let message = "PNG is not for reading on a terminal: give -o FILE or send it through a pipe";
        return Err(Usage(message.to_owned()).into());
    }
    let path = format!("{}/qr", path_of(client, &qr.named).await?);
    let query = [("format", Some(format.as_str().to_owned())), ("size", qr.size.map(|size| size.to_string()))];
    output.write(client.stream(Method::GET, &path, &query, Body::None).await?).await
}
