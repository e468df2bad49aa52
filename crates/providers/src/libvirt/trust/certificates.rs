//! Certificates of authorities that this computer trusts beside the usual ones.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use super::{Told, files_of, text_of};

/// The bundle of a Debian machine.
const BUNDLE: &str = "/etc/ssl/certs/ca-certificates.crt";

/// Where an administrator puts certificates: Debian's folder, and Red Hat's.
const FOLDERS: [&str; 2] = ["/usr/local/share/ca-certificates", "/etc/pki/ca-trust/source/anchors"];

/// The variables that programs find their bundle by. Python's packages bring bundles of their own, and look here first.
const VARIABLES: [&str; 5] =
    ["SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "PIP_CERT", "NODE_EXTRA_CA_CERTS"];

pub(super) fn tell(environment: &BTreeMap<String, String>, root: &Path, told: &mut Told) {
    let certificates = extra(environment, root);
    if certificates.is_empty() {
        return;
    }
    told.lines.push(format!("mkdir -p {}", FOLDERS[0]));
    for (number, certificate) in (1..).zip(&certificates) {
        let lines: Vec<String> = certificate.lines().map(str::to_owned).collect();
        told.append(&format!("/usr/local/share/ca-certificates/hostler-{number}.crt"), &lines);
    }
    told.lines.push(INSTALL.to_owned());
    for name in VARIABLES {
        told.variables.insert(name.to_owned(), BUNDLE.to_owned());
    }
}

/// What `update-ca-certificates` would do, for these few: it would rehash all 140, which takes a guest without hardware
/// help ten seconds. Run later, it finds them in their usual place.
const INSTALL: &str = "for file in /usr/local/share/ca-certificates/hostler-*.crt; do
    cat \"$file\" >>/etc/ssl/certs/ca-certificates.crt
    ln -sf \"$file\" \"/etc/ssl/certs/$(openssl x509 -noout -subject_hash -in \"$file\").0\"
done";

/// Every certificate in the administrator's folders, and those of a bundle of the user's that are not in the computer's.
fn extra(environment: &BTreeMap<String, String>, root: &Path) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for folder in FOLDERS {
        for (_, text) in files_of(root, folder, &[".crt", ".pem"]) {
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

/// The certificates in a text, without what stands between them.
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
