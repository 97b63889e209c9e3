//! Stand-ins for parts that other modules bring: each is one call, replaced when that part arrives.

use std::process::ExitCode;

use crate::config::Config;

/// Becomes `crate::impressions::child::parse_child_main`.
pub(crate) fn parse_child_main() -> ExitCode {
    ExitCode::FAILURE
}

/// Becomes `crate::server::run`.
pub(crate) fn serve(_config: Config) -> anyhow::Result<()> {
    anyhow::bail!("this build has no server")
}

/// Becomes `crate::cli::classify`.
pub(crate) mod classify {
    use crate::config::Config;

    pub(crate) fn run(_config: &Config) -> anyhow::Result<()> {
        anyhow::bail!("this build has no classifier")
    }
}

/// Becomes the offline wiring: catalog, classifier, store, archive and import, fed from the plan.
pub(crate) fn fill(_config: &Config, plan: &super::demo::plan::Plan) -> anyhow::Result<()> {
    anyhow::bail!("this build cannot save the {} links of the demo", plan.links.len())
}
