//! Results of `hostler check`.

use hostler_core::ports::CheckResult;
use hostler_engine::operate::SiteCheck;
use owo_colors::OwoColorize;

/// One line per check, with the suggested fix below it.
pub fn checks(sites: &[SiteCheck]) -> String {
    let mut out = String::new();
    for SiteCheck { site, findings, .. } in sites {
        out.push_str(&format!("{}\n", site.bold()));
        for finding in findings {
            let verdict = match finding.result {
                CheckResult::Passed => "passed ".green().to_string(),
                CheckResult::Warning => "warning".yellow().to_string(),
                CheckResult::Failed => "FAILED ".red().to_string(),
            };
            out.push_str(&format!("  {verdict}  {}\n", finding.finding.replace('\n', "\n           ")));
            if let Some(hint) = &finding.hint {
                out.push_str(&format!("           {}\n", hint.replace('\n', "\n           ")));
            }
        }
    }
    out
}
