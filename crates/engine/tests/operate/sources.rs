//! Demands of fetched repositories.

use std::fs;
use std::path::Path;
use std::process::Command;

use hostler_core::demand::Overrides;
use hostler_engine::operate::{DemandTarget, Operator, Requested, TargetRequest};
use hostler_engine::sites::Sites;

/// A repository with one commit of these files.
fn repository(dir: &Path, files: &[(&str, &str)]) {
    for (name, text) in files {
        let path = dir.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    for step in [&["init", "--quiet"][..], &["add", "."], &["commit", "--quiet", "-m", "all"]] {
        let mut git = Command::new("git");
        git.current_dir(dir).args(["-c", "user.name=t", "-c", "user.email=t@example.org"]).args(step);
        git.env("GIT_CONFIG_GLOBAL", "/dev/null").env("GIT_CONFIG_NOSYSTEM", "1");
        assert!(git.status().unwrap().success(), "{step:?}");
    }
}

/// A plan outlives the directory that its repository was fetched to: a later process fetches the same commit again.
#[tokio::test]
async fn demand_of_a_fetched_repository_names_its_commit_and_no_local_directory() {
    let dir = tempfile::tempdir().unwrap();
    let (home, project) = (dir.path().join("home"), dir.path().join("project"));
    fs::create_dir(&home).unwrap();
    repository(&project, &[("hostler.yaml", "file_mounts: {/srv/got: ./data}\n"), ("data/a.csv", "1")]);
    let operator = Operator { scratch: home.clone(), ..Operator::new(Sites::new(), home.join("hostler")) };
    let url = format!("file://{}", project.display());
    let resolve = async |target| {
        let request = TargetRequest { target, overrides: Overrides::default(), directory: &home, home: None };
        operator.resolve(&request).await.unwrap()
    };
    let Requested { demand, checkout, .. } = resolve(DemandTarget::Named(&url)).await;
    assert_eq!(demand.workload.files["/srv/got"], "data");
    let (source, checkout) = (demand.workload.source.clone().unwrap(), checkout.unwrap());
    assert_eq!((&source.location, &source.revision), (&url, &checkout.commit));
    let text = serde_json::to_string(&demand).unwrap();
    assert!(!text.contains(home.to_str().unwrap()), "{text}");
    drop(checkout);
    let again = operator.analyze(&format!("{url}@{}", source.revision.unwrap()), &home).await.unwrap();
    assert_eq!(fs::read_to_string(again.checkout.path.join("data/a.csv")).unwrap(), "1");
}
