//! Until when distributions publish security fixes for a release.

/// How long a release gets security fixes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Support {
    /// The last day of standard support, `YYYY-MM-DD`. Of a day to come it is what is planned.
    pub ends: &'static str,
    /// The last day of support that goes on for everybody and for free, such as Debian's LTS.
    pub extended: Option<&'static str>,
    /// Where the distribution says so.
    pub source: &'static str,
}

impl Support {
    /// The last day of all support that everybody gets, `YYYY-MM-DD`.
    #[must_use]
    pub fn last_day(&self) -> &'static str {
        self.extended.unwrap_or(self.ends)
    }

    /// Whether all support that everybody gets is over on a day, `YYYY-MM-DD`.
    #[must_use]
    pub fn is_over(&self, today: &str) -> bool {
        self.last_day() < today
    }
}

/// The support of a release, by `ID` and `VERSION_ID` of os-release(5). A point release is as its release: Alpine
/// `3.20.3`, Rocky `9.4`. `None` for what is not known, rolling or a pre-release.
#[must_use]
pub fn support(id: &str, version_id: &str) -> Option<Support> {
    let distribution = DISTRIBUTIONS.iter().find(|distribution| distribution.ids.contains(&id))?;
    let is_release = version_id.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    let matches = |release: &str| {
        let rest = version_id.strip_prefix(release).filter(|_| is_release);
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
    };
    let (_, ends, extended) = distribution.releases.iter().find(|(release, ..)| matches(release))?;
    Some(Support { ends, extended: *extended, source: distribution.source })
}

struct Distribution {
    /// `ID` of os-release(5).
    ids: &'static [&'static str],
    source: &'static str,
    /// Release, last day of standard support, last day of what is free beyond that.
    releases: &'static [(&'static str, &'static str, Option<&'static str>)],
}

/// Written on 2026-11-25, from distro-info-data 0.58+deb12u7 (Debian, Ubuntu) and endoflife.date's data of 2026-08-22,
/// which names the distributions' own pages; where the two differ, from the former.
const DISTRIBUTIONS: &[Distribution] = &[
    // Dates as in distro-info-data 2026; `extended` is LTS, which is public and free.
    Distribution {
        ids: &["debian"],
        source: "https://wiki.debian.org/LTS",
        releases: &[
            ("6", "2014-05-31", Some("2016-02-29")),
            ("7", "2016-04-25", Some("2018-05-31")),
            ("8", "2018-06-17", Some("2020-06-30")),
            ("9", "2020-07-18", Some("2022-06-30")),
            ("10", "2022-09-10", Some("2024-06-30")),
            ("11", "2024-08-14", Some("2026-08-31")),
            ("12", "2026-07-11", Some("2028-06-30")),
            ("13", "2028-08-09", Some("2030-06-30")),
        ],
    },
    // Dates as in distro-info-data 2026, whose days are Canonical's. Ubuntu Pro prolongs LTS releases, but needs a
    // subscription.
    Distribution {
        ids: &["ubuntu"],
        source: "https://ubuntu.com/about/release-cycle",
        releases: &[
            ("12.04", "2017-04-28", None),
            ("12.10", "2014-05-16", None),
            ("13.04", "2014-01-27", None),
            ("13.10", "2014-07-17", None),
            ("14.04", "2019-04-25", None),
            ("14.10", "2015-07-23", None),
            ("15.04", "2016-02-04", None),
            ("15.10", "2016-07-28", None),
            ("16.04", "2021-04-30", None),
            ("16.10", "2017-07-20", None),
            ("17.04", "2018-01-13", None),
            ("17.10", "2018-07-19", None),
            ("18.04", "2023-05-31", None),
            ("18.10", "2019-07-18", None),
            ("19.04", "2020-01-23", None),
            ("19.10", "2020-07-17", None),
            ("20.04", "2025-05-29", None),
            ("20.10", "2021-07-22", None),
            ("21.04", "2022-01-20", None),
            ("21.10", "2022-07-14", None),
            ("22.04", "2027-06-01", None),
            ("22.10", "2023-07-20", None),
            ("23.04", "2024-01-25", None),
            ("23.10", "2024-07-11", None),
            ("24.04", "2029-05-31", None),
            ("24.10", "2025-07-10", None),
            ("25.04", "2026-01-15", None),
            ("25.10", "2026-07-09", None),
            ("26.04", "2031-05-29", None),
            ("26.10", "2027-07-15", None),
        ],
    },
    // Main repository.
    Distribution {
        ids: &["alpine"],
        source: "https://alpinelinux.org/releases/",
        releases: &[
            ("3.24", "2028-06-01", None),
            ("3.23", "2027-11-01", None),
            ("3.22", "2027-05-01", None),
            ("3.21", "2026-11-01", None),
            ("3.20", "2026-04-01", None),
            ("3.19", "2025-11-01", None),
            ("3.18", "2025-05-09", None),
            ("3.17", "2024-11-22", None),
            ("3.16", "2024-05-23", None),
            ("3.15", "2023-11-01", None),
            ("3.14", "2023-05-01", None),
            ("3.13", "2022-11-01", None),
            ("3.12", "2022-05-01", None),
            ("3.11", "2021-11-01", None),
            ("3.10", "2021-05-01", None),
            ("3.9", "2020-11-01", None),
            ("3.8", "2020-05-01", None),
            ("3.7", "2019-11-01", None),
            ("3.6", "2019-05-01", None),
            ("3.5", "2018-11-01", None),
            ("3.4", "2018-05-01", None),
            ("3.3", "2017-11-01", None),
            ("3.2", "2017-05-01", None),
            ("3.1", "2016-11-01", None),
            ("3.0", "2016-05-01", None),
        ],
    },
    // End of maintenance support, for UBI too. What follows is bought.
    Distribution {
        ids: &["rhel"],
        source: "https://access.redhat.com/support/policy/updates/errata",
        releases: &[
            ("10", "2035-05-31", None),
            ("9", "2032-05-31", None),
            ("8", "2029-05-31", None),
            ("7", "2024-06-30", None),
            ("6", "2020-11-30", None),
            ("5", "2017-03-31", None),
        ],
    },
    Distribution {
        ids: &["rocky"],
        source: "https://wiki.rockylinux.org/rocky/version/",
        releases: &[("10", "2035-05-31", None), ("9", "2032-05-31", None), ("8", "2029-05-31", None)],
    },
    Distribution {
        ids: &["almalinux"],
        source: "https://wiki.almalinux.org/release-notes/",
        releases: &[("10", "2035-05-31", None), ("9", "2032-05-31", None), ("8", "2029-05-31", None)],
    },
    // 8 and later are CentOS Stream. CentOS Linux 8, which ended on 2021-12-31, has the same id and version.
    Distribution {
        ids: &["centos"],
        source: "https://www.centos.org/cl-vs-cs/",
        releases: &[
            ("10", "2030-05-31", None),
            ("9", "2027-05-31", None),
            ("8", "2024-05-31", None),
            ("7", "2024-06-30", None),
            ("6", "2020-11-30", None),
            ("5", "2017-03-31", None),
        ],
    },
    // End of Premier Support. What follows is bought.
    Distribution {
        ids: &["ol"],
        source: "https://www.oracle.com/a/ocom/docs/elsp-lifetime-069338.pdf",
        releases: &[
            ("9", "2032-06-30", None),
            ("8", "2029-07-31", None),
            ("7", "2024-12-31", None),
            ("6", "2021-03-31", None),
        ],
    },
    // End of maintenance support.
    Distribution {
        ids: &["amzn"],
        source: "https://docs.aws.amazon.com/linux/al2023/release-notes/support-info-by-support-statement.html",
        releases: &[("2023", "2029-06-30", None), ("2", "2026-06-30", None), ("2018.03", "2023-12-31", None)],
    },
    Distribution {
        ids: &["fedora"],
        source: "https://fedorapeople.org/groups/schedule/",
        releases: &[
            ("44", "2027-06-02", None),
            ("43", "2026-12-09", None),
            ("42", "2026-05-27", None),
            ("41", "2025-12-15", None),
            ("40", "2025-05-13", None),
            ("39", "2024-11-26", None),
            ("38", "2024-05-21", None),
            ("37", "2023-12-05", None),
            ("36", "2023-05-16", None),
            ("35", "2022-12-13", None),
            ("34", "2022-06-07", None),
            ("33", "2021-11-30", None),
            ("32", "2021-05-25", None),
            ("31", "2020-11-24", None),
            ("30", "2020-05-26", None),
            ("29", "2019-11-26", None),
            ("28", "2019-05-28", None),
        ],
    },
    Distribution {
        ids: &["opensuse-leap", "opensuse"],
        source: "https://en.opensuse.org/Lifetime",
        releases: &[
            ("16.0", "2027-10-31", None),
            ("15.6", "2026-04-30", None),
            ("15.5", "2024-12-31", None),
            ("15.4", "2023-12-07", None),
            ("15.3", "2022-12-31", None),
            ("15.2", "2022-01-04", None),
            ("15.1", "2021-02-02", None),
            ("15.0", "2019-12-03", None),
            ("42.3", "2019-07-01", None),
            ("42.2", "2018-01-26", None),
            ("42.1", "2017-05-17", None),
        ],
    },
    // End of general support. LTSS is bought.
    Distribution {
        ids: &["sles", "sled"],
        source: "https://www.suse.com/lifecycle/",
        releases: &[
            ("16.0", "2027-11-30", None),
            ("15.7", "2031-07-31", None),
            ("15.6", "2025-12-31", None),
            ("15.5", "2024-12-31", None),
            ("15.4", "2023-12-31", None),
            ("15.3", "2022-12-31", None),
            ("15.2", "2021-12-31", None),
            ("12.5", "2024-10-31", None),
            ("15.1", "2021-01-31", None),
            ("12.4", "2020-06-30", None),
            ("15.0", "2019-12-31", None),
            ("12.3", "2019-06-30", None),
            ("12.2", "2018-03-31", None),
            ("12.1", "2017-05-31", None),
            ("12.0", "2016-06-30", None),
        ],
    },
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn releases_are_found_by_what_os_release_says() {
        let ends = |id, version| support(id, version).map(|support| (support.ends, support.extended));
        assert_eq!(ends("debian", "12"), Some(("2026-07-11", Some("2028-06-30"))));
        assert_eq!(ends("ubuntu", "22.04"), Some(("2027-06-01", None)));
        assert_eq!(ends("alpine", "3.20.3"), Some(("2026-04-01", None)));
        assert_eq!(ends("alpine", "3.2.3"), Some(("2017-05-01", None)));
        assert_eq!(ends("rhel", "9.4"), ends("rhel", "9"));
        assert_eq!(ends("amzn", "2"), Some(("2026-06-30", None)));
        assert_eq!(ends("amzn", "2023"), Some(("2029-06-30", None)));
        for (id, version) in [
            ("alpine", "3.22_alpha20250108"),
            ("alpine", "3"),
            ("debian", "1"),
            ("debian", "120"),
            ("debian", ""),
            ("wolfi", "20230201"),
            ("arch", "2026"),
            ("", "12"),
        ] {
            assert_eq!(support(id, version), None, "{id} {version}");
        }
    }

    #[test]
    fn support_is_over_on_the_day_after() {
        let bookworm = support("debian", "12").expect("a row");
        assert!(!bookworm.is_over("2028-06-30") && bookworm.is_over("2028-07-01"));
        let jammy = support("ubuntu", "20.04").expect("a row");
        assert!(!jammy.is_over("2025-05-29") && jammy.is_over("2025-05-30"));
    }

    #[test]
    fn every_row_is_a_day_and_stands_once() {
        let is_day = |day: &str| {
            let parts: Vec<u32> = day.split('-').filter_map(|part| part.parse().ok()).collect();
            day.len() == 10
                && matches!(parts[..], [year, month, day] if (2010..2050).contains(&year)
                    && (1..=12).contains(&month) && (1..=31).contains(&day))
        };
        for distribution in DISTRIBUTIONS {
            assert!(distribution.source.starts_with("https://"));
            let mut seen = Vec::new();
            for (release, ends, extended) in distribution.releases {
                assert!(is_day(ends), "{release}");
                assert!(extended.is_none_or(|extended| is_day(extended) && *ends < extended), "{release}");
                assert!(!seen.contains(release), "{release}");
                seen.push(*release);
            }
        }
    }
}
