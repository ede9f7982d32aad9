//! `testbed plan`: what would be built.

use std::path::Path;

use testbed::cli::PlanFormat;
use testbed::exit::Exit;
use testbed::plan::render;
use testbed::run;

use super::{loading, say};

/// Prints the plan of one scenario or twin.
pub(crate) fn plan(path: &Path, format: PlanFormat) -> Exit {
    let loaded = match loading::load(path) {
        Ok(loaded) => loaded,
        Err(error) => {
            loading::tell(&error);
            return Exit::Input;
        }
    };
    match run::planned(&loaded.scenario) {
        Ok(plan) => {
            say(&match format {
                PlanFormat::Text => render::text(&plan),
                PlanFormat::Json => render::json(&plan),
                PlanFormat::Dot => render::dot(&plan),
                PlanFormat::Mermaid => render::mermaid(&plan),
            });
            Exit::Expected
        }
        Err(failure) => super::tell_failure(&path.display().to_string(), &failure),
    }
}
