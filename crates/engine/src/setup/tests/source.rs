use super::*;

#[tokio::test]
async fn source_and_further_files_are_uploaded() {
    let mut bench = Bench::new().await.with_source(&[("train.py", "print(1)"), (".git/HEAD", "x"), ("d/e", "")]);
    let extra = bench.server.dir.path().join("extra");
    std::fs::create_dir(&extra).unwrap();
    std::fs::write(extra.join(".gitignore"), "*.csv").unwrap();
    std::fs::write(extra.join("data.csv"), "1").unwrap();
    let place = bench.server.path("place");
    bench.work.files.insert(place.clone(), extra.display().to_string());
    bench.work.files.insert(format!("{place}/one.csv"), extra.join("data.csv").display().to_string());
    assert!(!bench.already(&Phase::Source).await);
    assert!(bench.work_file("d/e").exists() && !bench.work_file(".git").exists());
    assert_eq!(
        std::fs::read_to_string(format!("{place}/data.csv")).unwrap(),
        "1",
        "ignore files do not apply to further files"
    );
    assert!(PathBuf::from(format!("{place}/one.csv")).exists());
    assert!(bench.already(&Phase::Source).await);
    std::fs::write(bench.source.as_ref().unwrap().join("train.py"), "print(2)").unwrap();
    assert!(!bench.already(&Phase::Source).await);
}

#[tokio::test]
async fn relative_path_is_resolved_in_the_source() {
    let mut bench = Bench::new().await.with_source(&[("data/a.csv", "1")]);
    std::os::unix::fs::symlink("data/a.csv", bench.source.as_ref().unwrap().join("newest.csv")).unwrap();
    let place = bench.server.path("place");
    bench.work.files.insert(place.clone(), "data".to_owned());
    bench.work.files.insert(format!("{place}/in/"), "newest.csv".to_owned());
    assert!(!bench.already(&Phase::Source).await);
    for name in ["a.csv", "in/newest.csv"] {
        assert_eq!(std::fs::read_to_string(format!("{place}/{name}")).unwrap(), "1", "{name}");
    }
}

#[tokio::test]
async fn relative_path_cannot_leave_the_source() {
    let mut bench = Bench::new().await.with_source(&[("train.py", "")]);
    let (private, source) = (bench.server.dir.path().join("private"), bench.source.clone().unwrap());
    std::fs::create_dir(&private).unwrap();
    std::fs::write(private.join("key"), "sesame").unwrap();
    std::os::unix::fs::symlink(&private, source.join("link")).unwrap();
    let place = bench.server.path("place");
    for from in ["link", "./link", "link/key", "../private"] {
        bench.work.files.insert(place.clone(), from.to_owned());
        let error = bench.perform(&Phase::Source).await.unwrap_err();
        assert!(error.to_string().contains(&format!("`{from}` leads out of the repository")), "{error}");
        assert!(!PathBuf::from(&place).exists(), "{from}");
    }
    bench.source = None;
    let error = bench.perform(&Phase::Source).await.unwrap_err();
    assert!(error.to_string().contains("has no source"), "{error}");
}

#[tokio::test]
async fn missing_local_file_is_named() {
    let mut bench = Bench::new().await;
    bench.work.files.insert("~/x".to_owned(), "/no/such/file".to_owned());
    let error = bench.perform(&Phase::Source).await.unwrap_err();
    let cause = std::error::Error::source(&error).unwrap().to_string();
    assert!(cause.contains("the local file `/no/such/file`"), "{cause}");
}
