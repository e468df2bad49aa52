//! hostler as a library: two listed hosts are set up, run a command, and are released.
//!
//! ```sh
//! cargo run -p hostler --example provision -- hosts.toml /tmp/hostler-example
//! ```
//!
//! The format of the list of hosts: `docs/reference/cli.md`, under `ssh.hosts`.

#![expect(clippy::print_stdout, reason = "an example shows what it does")]

use std::error::Error;
use std::path::PathBuf;
use std::sync::Arc;

use hostler::providers::listed::{HostDefaults, SshSite, parse_host_list};
use hostler::{Command, Demand, FleetOptions, ProvisionConfig, Provisioner};

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

    let demand = Demand::from_yaml(DEMAND)?;

    // Listed hosts; any other provider works as well.
    let defaults = HostDefaults { user: "root".to_owned(), key: None, home: None };
    let hosts = parse_host_list(&list, &std::fs::read_to_string(&list)?, &defaults)?;
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
