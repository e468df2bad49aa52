//! hostler as a library: a demand in, machines out, and back to nothing.
//!
//! ```sh
//! cargo run -p hostler --example provision -- hosts.toml /tmp/hostler-example
//! ```
//!
//! takes two hosts of the list (as `docs/reference/cli.md` has it under `ssh.hosts`), sets them up, runs a command on both, and
//! gives them back.

#![expect(clippy::print_stdout, reason = "an example shows what it does")]

use std::error::Error;
use std::path::PathBuf;
use std::sync::Arc;

use hostler_core::demand::{Author, Base, Inputs, Overrides, complete, parse, render};
use hostler_engine::fleet::FleetOptions;
use hostler_engine::host::Command;
use hostler_engine::provision::{ProvisionConfig, Provisioner};
use hostler_providers::listed::{HostDefaults, SshSite, parse_host_list};

const DEMAND: &str = "
num_nodes: 2
setup_phases:
  python: true
  custom: [{name: greet, run: 'echo hello from $(hostname) >greeting', check: test -s greeting}]
";

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut args = std::env::args().skip(1).map(PathBuf::from);
    let (Some(list), Some(data)) = (args.next(), args.next()) else {
        return Err("usage: provision HOSTS.toml DATA_DIR".into());
    };

    // What is wanted, as a demand file says it.
    let file = parse("demand.yaml", DEMAND).map_err(|problems| render(&problems))?;
    let base = Base { directory: &data, author: Author::User { home: None } };
    let overrides = Overrides::default();
    let inputs = Inputs { overrides: &overrides, file: Some(&file), scan: None, base, fallback_name: "example" };
    let demand = complete(&inputs).map_err(|problems| render(&problems))?.demand;

    // Where: here, hosts that are listed; any other provider will do as well.
    let defaults = HostDefaults { user: "root".to_owned(), key: None, home: None };
    let hosts = parse_host_list(&list, &std::fs::read_to_string(&list)?, &defaults)
        .map_err(|bad| format!("line {}: {}", bad.line, bad.what))?;
    let provider = Arc::new(SshSite::new("ssh".parse()?, Ok(hosts), data.join("hosts/claims")));
    let provisioner = Provisioner::with_config(provider, ProvisionConfig::new(&data));

    let cluster = provisioner.provision_cluster("example", &demand).await?;
    for machine in &cluster.machines {
        println!("{} is ready: {}@{}", machine.machine, machine.user, machine.address);
    }
    for ran in cluster.exec(&Command::new("cat work/greeting"), FleetOptions::default()).await {
        println!("{}: {}", ran.machine, ran.tail.join("\n"));
    }
    provisioner.release("example").await?;
    Ok(())
}
