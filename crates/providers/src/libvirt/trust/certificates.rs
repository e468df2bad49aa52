//! Certificate authorities that this computer trusts in addition to the distribution's.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use super::files::{files_of, text_of};
use super::script::BootScript;

/// Bundle of all trusted certificates on Debian.
const BUNDLE: &str = "/etc/ssl/certs/ca-certificates.crt";

/// Directories for an administrator's certificates on Debian and Red Hat.
const DIRECTORIES: [&str; 2] = ["/usr/local/share/ca-certificates", "/etc/pki/ca-trust/source/anchors"];

/// Variables that name a program's bundle. Python packages come with their own bundles, and these override them.
const VARIABLES: [&str; 5] =
    ["SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "PIP_CERT", "NODE_EXTRA_CA_CERTS"];

pub(super) fn add(environment: &BTreeMap<String, String>, root: &Path, script: &mut BootScript) {
    let certificates = additional(environment, root);
    if certificates.is_empty() {
        return;
    }
    script.lines.push(format!("mkdir -p {}", DIRECTORIES[0]));
    for (number, certificate) in (1..).zip(&certificates) {
        let lines: Vec<String> = certificate.lines().map(str::to_owned).collect();
        script.append(&format!("/usr/local/share/ca-certificates/hostler-{number}.crt"), &lines);
    }
    script.lines.push(INSTALL.to_owned());
    for name in VARIABLES {
        script.variables.insert(name.to_owned(), BUNDLE.to_owned());
    }
}

/// Installs the certificates as `update-ca-certificates` does, without rehashing the other 140, which takes an emulated
/// guest ten seconds. A later run of it finds them in their usual directory.
const INSTALL: &str = "for file in /usr/local/share/ca-certificates/hostler-*.crt; do
    cat \"$file\" >>/etc/ssl/certs/ca-certificates.crt
    ln -sf \"$file\" \"/etc/ssl/certs/$(openssl x509 -noout -subject_hash -in \"$file\").0\"
done";

/// Certificates in the administrator's directories, and those of the user's bundles that the host's bundle lacks.
fn additional(environment: &BTreeMap<String, String>, root: &Path) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for directory in DIRECTORIES {
        for (_, text) in files_of(root, directory, &[".crt", ".pem"]) {
            found.extend(certificates(&text));
        }
    }
    let usual: BTreeSet<String> = text_of(root, BUNDLE).iter().flat_map(|text| certificates(text)).collect();
    for name in VARIABLES {
        let Some(path) = environment.get(name).filter(|path| *path != BUNDLE) else { continue };
        let Some(text) = text_of(root, path) else { continue };
        found.extend(certificates(&text).into_iter().filter(|certificate| !usual.contains(certificate)));
    }
    found
}

/// Certificates in a text, without the text between them.
fn certificates(text: &str) -> Vec<String> {
    let (begin, end) = ("-----BEGIN CERTIFICATE-----", "-----END CERTIFICATE-----");
    let part = |part: &str| {
        let body = part.split_once(end)?.0;
        let body: Vec<&str> = body.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
        let base64 = |b: u8| b.is_ascii_alphanumeric() || b"+/=".contains(&b);
        let good = !body.is_empty() && body.iter().all(|line| line.bytes().all(base64));
        good.then(|| format!("{begin}\n{}\n{end}", body.join("\n")))
    };
    text.split(begin).skip(1).filter_map(part).collect()
}
