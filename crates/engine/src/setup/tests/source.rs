use super::*;

#[tokio::test]
async fn the_source_and_further_files_come_to_their_places() {
    let mut bench = Bench::new().await.with_source(&[("train.py", "print(1)"), (".git/HEAD", "x"), ("d/e", "")]);
    let extra = bench.server.dir.path().join("extra");
    std::fs::create_dir(&extra).unwrap();
    std::fs::write(extra.join(".gitignore"), "*.csv").unwrap();
    std::fs::write(extra.join("data.csv"), "1").unwrap();
    let place = bench.server.path("place");
    bench.work.files.insert(place.clone(), extra.display().to_string());
    bench.work.files.insert(format!("{place}/one.csv"), extra.join("data.csv").display().to_string());
    assert!(!bench.already(&Phase::Source).await);
    assert!(bench.at_work("d/e").exists() && !bench.at_work(".git").exists());
    assert_eq!(std::fs::read_to_string(format!("{place}/data.csv")).unwrap(), "1", "further files are put whole");
    assert!(PathBuf::from(format!("{place}/one.csv")).exists());
    assert!(bench.already(&Phase::Source).await);
    std::fs::write(bench.source.as_ref().unwrap().join("train.py"), "print(2)").unwrap();
    assert!(!bench.already(&Phase::Source).await);
}

#[tokio::test]
async fn a_relative_file_is_one_of_the_source() {
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
async fn no_relative_file_leads_out_of_the_source() {
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
    assert!(error.to_string().contains("there is none"), "{error}");
}

#[tokio::test]
async fn a_file_that_is_missing_here_is_named() {
    let mut bench = Bench::new().await;
    bench.work.files.insert("~/x".to_owned(), "/no/such/file".to_owned());
    let error = bench.perform(&Phase::Source).await.unwrap_err();
    let cause = std::error::Error::source(&error).unwrap().to_string();
    assert!(cause.contains("`/no/such/file` on this computer"), "{cause}");
}
