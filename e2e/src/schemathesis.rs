//! Requests that Schemathesis makes up from an OpenAPI document, right ones and wrong ones.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};
use stack::workspace;

const VERSION: &str = "4.32.5";

/// What each answer is checked for. Not that every request that fits the document succeeds: an id that is not there fits it.
const CHECKS: &str = "not_a_server_error,status_code_conformance,content_type_conformance,\
                      response_headers_conformance,response_schema_conformance,unsupported_method,\
                      allow_header_conformance";

/// The tool in an environment of its own below `target/`; fetched from PyPI the first time.
pub struct Schemathesis {
    environment: PathBuf,
}

impl Schemathesis {
    pub fn install() -> Result<Self> {
        let environment = workspace::target().join(format!("schemathesis-{VERSION}"));
        let tool = Self { environment };
        if !tool.program("schemathesis").exists() {
            let mut venv = Command::new("python3");
            run(venv.args(["-m", "venv"]).arg(&tool.environment))?;
            let mut pip = Command::new(tool.program("pip"));
            run(pip.args(["install", "--quiet", &format!("schemathesis=={VERSION}")]))?;
        }
        Ok(tool)
    }

    /// Tries every operation of the service at `base_url`. Blocks for minutes.
    pub fn check(&self, base_url: &str, examples: u32) -> Result<()> {
        let mut command = Command::new(self.program("schemathesis"));
        command
            .arg("run")
            .arg(format!("{base_url}/openapi.json"))
            .args(["--url", base_url, "--checks", CHECKS])
            .args(["--phases", "examples,coverage,fuzzing", "--workers", "2"])
            // A stream of events has no end.
            .args(["--exclude-path-regex", "/changes$"])
            .args(["--max-examples", &examples.to_string(), "--seed", "2026"])
            .args(["--suppress-health-check", "all", "--continue-on-failure"])
            .current_dir(workspace::target());
        run(&mut command)
    }

    fn program(&self, name: &str) -> PathBuf {
        self.environment.join(Path::new("bin").join(name))
    }
}

fn run(command: &mut Command) -> Result<()> {
    let name = command.get_program().to_owned();
    let status = command
        .status()
        .with_context(|| format!("{} cannot be started", name.display()))?;
    ensure!(status.success(), "{}: {status}", name.display());
    Ok(())
}
