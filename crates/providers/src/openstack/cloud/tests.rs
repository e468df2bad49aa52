use secrecy::ExposeSecret;

use super::*;

fn variables(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

fn texts(clouds: &str) -> CloudTexts {
    CloudTexts { clouds: clouds.to_owned(), ..CloudTexts::default() }
}

const PASSWORD: [(&str, &str); 5] = [
    ("OS_AUTH_URL", "https://site:5000"),
    ("OS_USERNAME", "ada"),
    ("OS_PASSWORD", "s"),
    ("OS_PROJECT_NAME", "p"),
    ("OS_REGION_NAME", "R"),
];

#[test]
fn openrc_and_clouds_yaml_describe_the_same_cloud() {
    let by_variables = Cloud::from_variables(&variables(&PASSWORD)).unwrap().unwrap();
    let yaml = "clouds: {a: {auth: {auth_url: 'https://site:5000/v3/', username: ada, password: s, project_name: p}, \
                region_name: R}}";
    let by_file = Cloud::from_texts(&texts(yaml), "a").unwrap();
    assert_eq!(by_variables.cache_key(), by_file.cache_key());
    assert_eq!(by_variables.auth_url.as_str(), "https://site:5000/v3");
    assert_eq!((by_variables.region, by_file.interface), (by_file.region, Interface::Public));
    assert!(Cloud::from_variables(&variables(&[("OS_USERNAME", "ada")])).unwrap().is_none());
}

#[test]
fn keystone_address_is_normalized_to_version_3() {
    for (given, read) in [
        ("https://site:5000", "https://site:5000/v3"),
        ("https://site/identity/", "https://site/identity/v3"),
        ("https://site/identity/v2.0", "https://site/identity/v3"),
        ("http://site:5000/v3/", "http://site:5000/v3"),
    ] {
        let cloud = Cloud::from_variables(&variables(
            &PASSWORD.map(|(name, value)| (name, if name == "OS_AUTH_URL" { given } else { value })),
        ));
        assert_eq!(cloud.unwrap().unwrap().auth_url.as_str(), read);
    }
}

#[test]
fn secrets_and_profiles_are_merged() {
    let texts = CloudTexts {
        clouds: "clouds: {a: {profile: them, auth: {username: ada, user_domain_name: D}, verify: true}}".to_owned(),
        secure: "clouds: {a: {auth: {password: 1234}}}".to_owned(),
        public: "public-clouds: {them: {auth: {auth_url: 'https://site/v3'}, regions: [{name: one}, two], \
                 interface: internal}}"
            .to_owned(),
    };
    let cloud = Cloud::from_texts(&texts, "a").unwrap();
    let CloudIdentity::Password { user, password } = &cloud.identity else { panic!("{cloud:?}") };
    assert_eq!(*user, UserName::Named { name: "ada".to_owned(), domain: DomainName::Named("D".to_owned()) });
    assert_eq!(password.expose_secret(), "1234");
    assert_eq!((cloud.region.as_deref(), cloud.interface), (Some("one"), Interface::Internal));
    assert_eq!(cloud.scope, AuthScope::Default);
    assert!(!format!("{cloud:?}").contains("1234"), "{cloud:?}");
    assert_eq!(cloud_names(&texts).unwrap(), ["a"]);
}

#[test]
fn every_auth_type_is_parsed() {
    let base = [("OS_AUTH_URL", "https://site/v3")];
    let read = |more: &[(&str, &str)]| {
        let all: Vec<_> = base.iter().chain(more).copied().collect();
        Cloud::from_variables(&variables(&all)).unwrap().unwrap()
    };
    let by_id = read(&[("OS_APPLICATION_CREDENTIAL_ID", "i"), ("OS_APPLICATION_CREDENTIAL_SECRET", "s")]);
    assert!(matches!(by_id.identity,
        CloudIdentity::ApplicationCredential { credential: CredentialName::Id(id), .. } if id == "i"));
    let by_name = read(&[
        ("OS_AUTH_TYPE", "v3applicationcredential"),
        ("OS_APPLICATION_CREDENTIAL_NAME", "n"),
        ("OS_APPLICATION_CREDENTIAL_SECRET", "s"),
        ("OS_USER_ID", "u"),
    ]);
    assert!(matches!(
        by_name.identity,
        CloudIdentity::ApplicationCredential { credential: CredentialName::Named { user: UserName::Id(_), .. }, .. }
    ));
    assert!(matches!(read(&[("OS_TOKEN", "t")]).identity, CloudIdentity::Token(_)));
    let oidc = read(&[
        ("OS_AUTH_TYPE", "v3oidcpassword"),
        ("OS_IDENTITY_PROVIDER", "chameleon"),
        ("OS_PROTOCOL", "openid"),
        ("OS_DISCOVERY_ENDPOINT", "https://auth/.well-known/openid-configuration"),
        ("OS_CLIENT_ID", "keystone-uc-prod"),
        ("OS_CLIENT_SECRET", "none"),
        ("OS_USERNAME", "ada@site"),
        ("OS_PASSWORD", "s"),
        ("OS_PROJECT_ID", "p"),
    ]);
    let CloudIdentity::OidcPassword { provider, username, .. } = oidc.identity else { panic!() };
    assert_eq!((provider.scope.as_str(), username.as_str()), ("openid profile", "ada@site"));
    assert_eq!(oidc.scope, AuthScope::ProjectId("p".to_owned()));
    let token = read(&[
        ("OS_AUTH_TYPE", "v3oidcaccesstoken"),
        ("OS_IDENTITY_PROVIDER", "i"),
        ("OS_PROTOCOL", "o"),
        ("OS_ACCESS_TOKEN", "t"),
    ]);
    assert!(matches!(token.identity, CloudIdentity::OidcAccessToken { .. }));
}

#[test]
fn missing_keys_are_named_with_the_key_to_set() {
    let mut without_password = variables(&PASSWORD);
    without_password.remove("OS_PASSWORD");
    let error = Cloud::from_variables(&without_password).unwrap_err().to_string();
    assert_eq!(error, "the cloud `envvars` has no password: set `password` in `secure.yaml`, or `OS_PASSWORD`");
    let error = Cloud::from_texts(&texts("clouds: {}"), "x").unwrap_err().to_string();
    assert_eq!(error, "there is no cloud `x` in `clouds.yaml`");
    let mut unchecked = variables(&PASSWORD);
    unchecked.insert("OS_INSECURE".to_owned(), "true".to_owned());
    assert!(Cloud::from_variables(&unchecked).unwrap_err().to_string().contains("`cacert`"));
    let error = Cloud::from_texts(&texts("clouds:\n  a:\n   password: hush\n  b: [\n"), "a").unwrap_err().to_string();
    assert!(error.starts_with("`clouds.yaml` can't be read: ") && !error.contains("hush"), "{error}");
}
