//! Hosts of downloads that are known to serve over https what they serve over http, at the same paths.

/// Whether a host (without port, in any case) serves over https what it serves over http, at the same paths.
#[must_use]
pub fn serves_https(host: &str) -> bool {
    let lower = host.to_ascii_lowercase();
    let is_below = |(domain, _): &(&str, &str)| {
        lower.strip_suffix(domain).and_then(|front| front.strip_suffix('.')).is_some_and(|label| !label.contains('.'))
    };
    HOSTS.binary_search_by_key(&lower.as_str(), |(host, _)| host).is_ok() || WILDCARDS.iter().any(is_below)
}

/// Whether a host also serves over https what it serves over ftp, at the same paths.
#[must_use]
pub fn serves_ftp_as_https(host: &str) -> bool {
    // Sources: https://www.gnu.org/prep/ftp.html (GNU asks scripts to use HTTPS instead of FTP) and
    // https://www.ncbi.nlm.nih.gov/home/download/; state of November 2026.
    ["ftp.gnu.org", "ftp.ncbi.nlm.nih.gov"].iter().any(|known| known.eq_ignore_ascii_case(host))
}

/// Ascending, each with the page on which its owner gives out https addresses or asks for them. State of November 2026, by
/// documentation and by the https addresses that real Dockerfiles use; the hosts themselves were not asked.
const HOSTS: &[(&str, &str)] = &[
    ("archive.apache.org", "https://infra.apache.org/release-download-pages.html"),
    ("bitbucket.org", "https://support.atlassian.com/bitbucket-cloud/docs/clone-a-git-repository/"),
    ("bootstrap.pypa.io", "https://pip.pypa.io/en/stable/installation/"),
    ("cdn.kernel.org", "https://www.kernel.org/"),
    (
        "codeload.github.com",
        "https://docs.github.com/en/get-started/using-github/troubleshooting-connectivity-problems",
    ),
    ("cran.r-project.org", "https://cran.r-project.org/mirrors.html"),
    ("deb.debian.org", "https://deb.debian.org/"),
    ("deb.nodesource.com", "https://github.com/nodesource/distributions"),
    ("dl-cdn.alpinelinux.org", "https://mirrors.alpinelinux.org/"),
    ("dl.google.com", "https://go.dev/dl/"),
    ("download.docker.com", "https://docs.docker.com/engine/install/debian/"),
    ("download.microsoft.com", "https://www.microsoft.com/en-us/download"),
    ("download.oracle.com", "https://www.oracle.com/java/technologies/downloads/"),
    ("download.redis.io", "https://redis.io/downloads/"),
    ("downloads.apache.org", "https://infra.apache.org/release-download-pages.html"),
    ("downloads.sourceforge.net", "https://sourceforge.net/p/forge/documentation/Downloads/"),
    ("files.pythonhosted.org", "https://docs.pypi.org/api/"),
    ("ftp.gnu.org", "https://www.gnu.org/prep/ftp.html"),
    ("ftp.ncbi.nlm.nih.gov", "https://www.ncbi.nlm.nih.gov/home/download/"),
    ("ftp.postgresql.org", "https://www.postgresql.org/ftp/"),
    ("get.docker.com", "https://docs.docker.com/engine/install/debian/"),
    ("github.com", "https://docs.github.com/en/get-started/git-basics/about-remote-repositories"),
    ("gitlab.com", "https://docs.gitlab.com/user/project/repository/"),
    ("go.dev", "https://go.dev/dl/"),
    ("nginx.org", "https://nginx.org/en/download.html"),
    ("nodejs.org", "https://nodejs.org/en/download"),
    ("packages.cloud.google.com", "https://cloud.google.com/sdk/docs/install"),
    ("packages.microsoft.com", "https://learn.microsoft.com/en-us/linux/packages"),
    ("proxy.golang.org", "https://proxy.golang.org/"),
    ("pypi.org", "https://docs.pypi.org/api/"),
    ("pypi.python.org", "https://docs.pypi.org/api/"),
    (
        "raw.githubusercontent.com",
        "https://docs.github.com/en/get-started/using-github/troubleshooting-connectivity-problems",
    ),
    ("registry.npmjs.org", "https://docs.npmjs.com/cli/using-npm/registry"),
    ("registry.yarnpkg.com", "https://classic.yarnpkg.com/en/docs/yarnrc"),
    ("repo.anaconda.com", "https://repo.anaconda.com/"),
    ("repo.maven.apache.org", "https://central.sonatype.org/faq/501-https-required-error/"),
    ("repo1.maven.org", "https://central.sonatype.org/faq/501-https-required-error/"),
    ("rubygems.org", "https://guides.rubygems.org/rubygems-org-api/"),
    ("s3.amazonaws.com", "https://docs.aws.amazon.com/AmazonS3/latest/userguide/VirtualHosting.html"),
    ("services.gradle.org", "https://gradle.org/releases/"),
    ("sh.rustup.rs", "https://rustup.rs/"),
    ("sourceforge.net", "https://sourceforge.net/p/forge/documentation/Downloads/"),
    ("static.rust-lang.org", "https://forge.rust-lang.org/infra/other-installation-methods.html"),
    ("storage.googleapis.com", "https://cloud.google.com/storage/docs/request-endpoints"),
    ("www.kernel.org", "https://www.kernel.org/"),
    ("www.openssl.org", "https://openssl-library.org/source/"),
    ("www.python.org", "https://www.python.org/downloads/source/"),
];

/// Domains of which every host one label below does, by the certificate that the owner documents. State of November 2026.
const WILDCARDS: &[(&str, &str)] = &[
    ("s3.amazonaws.com", "https://docs.aws.amazon.com/AmazonS3/latest/userguide/VirtualHosting.html"),
    ("storage.googleapis.com", "https://cloud.google.com/storage/docs/request-endpoints"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_are_found_and_no_others() {
        assert!(HOSTS.windows(2).all(|pair| pair[0].0 < pair[1].0));
        assert!(serves_https("GitHub.com") && serves_https("chromedriver.storage.googleapis.com"));
        // A bucket with a dot in its name is not covered by the certificate.
        assert!(
            !serves_https("a.b.s3.amazonaws.com") && !serves_https("example.com") && !serves_https("xs3.amazonaws.com")
        );
    }
}
